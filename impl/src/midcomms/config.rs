//! What a user may set.

use core::time::Duration;

/// Thresholds, timers and limits of one record. The defaults are those of Linux where Linux has them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    /// Deliveries after which an ACK goes out on receipt (section 11). Linux: 256.
    pub ack_on_receive: u32,
    /// Deliveries after which an ACK goes out with the next message sent (section 11). Linux: 32.
    pub ack_on_send: u32,
    /// Bytes delivered after which an ACK goes out, so that large messages do not fill the peer's send queue. Linux has
    /// no such threshold.
    pub ack_bytes: u32,
    /// How long a delivery waits for an ACK when nothing else calls for one (RCV-5). Linux waits for ever (H7).
    #[cfg_attr(feature = "serde", serde(rename = "ack_delay_ms", with = "millis"))]
    pub ack_delay: Duration,
    /// How long the send queue may wait without any progress before its copies go out; doubled each time up to
    /// [`Config::retransmit_max`] (HRD-7).
    #[cfg_attr(feature = "serde", serde(rename = "retransmit_after_ms", with = "millis"))]
    pub retransmit_after: Duration,
    /// The longest wait between two passes of copies (HRD-7).
    #[cfg_attr(feature = "serde", serde(rename = "retransmit_max_ms", with = "millis"))]
    pub retransmit_max: Duration,
    /// How often STATUS is asked until the peer's version is known (SND-2).
    #[cfg_attr(feature = "serde", serde(rename = "status_interval_ms", with = "millis"))]
    pub status_interval: Duration,
    /// How long a shutdown waits for this peer, for its version and its handshake together (CLS-2, CLS-3). Linux: 5 s
    /// since 6.3.
    #[cfg_attr(feature = "serde", serde(rename = "shutdown_timeout_ms", with = "millis"))]
    pub shutdown_timeout: Duration,
    /// Bytes that the send queue may hold, envelopes included; more is refused until it drains. Copies are made from it.
    /// It should be more than twice the peer's [`Config::ack_bytes`], and [`Config::queue_messages`] more than twice its
    /// [`Config::ack_on_receive`] (256 on Linux): otherwise each queue waits for the peer's timer, or this node's.
    pub queue_bytes: usize,
    /// Messages that the send queue may hold.
    pub queue_messages: usize,
    /// Whether STATUS of a Linux peer is answered here, with `result` 0 and 32 bytes of zeros. If not, it is only
    /// delivered, and the upper layer answers. Between nodes of this crate STATUS is always answered here.
    pub answer_status: bool,
    /// The defect that is seeded.
    #[cfg(feature = "defects")]
    #[cfg_attr(feature = "serde", serde(skip))]
    pub defect: Option<super::defect::Defect>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ack_on_receive: 256,
            ack_on_send: 32,
            ack_bytes: 128 * 1024,
            ack_delay: Duration::from_millis(40),
            retransmit_after: Duration::from_secs(1),
            retransmit_max: Duration::from_secs(30),
            status_interval: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(5),
            queue_bytes: 2 * 1024 * 1024,
            queue_messages: 32 * 1024,
            answer_status: true,
            #[cfg(feature = "defects")]
            defect: None,
        }
    }
}

#[cfg(feature = "serde")]
pub(crate) mod millis {
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
