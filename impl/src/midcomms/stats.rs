//! What a record counts.

/// Counters of one peer, over all its incarnations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counters {
    /// Messages that the upper layer sent, reserved ones included.
    pub sent: u64,
    /// Bytes handed to connections: copies, ACKs and all.
    pub bytes_written: u64,
    /// Passes of copies: after a break, or in time (NET-3, HRD-7).
    pub passes: u64,
    /// Passes because nothing was acknowledged in time (HRD-7).
    pub timeouts: u64,
    /// Messages delivered to the upper layer.
    pub delivered: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Messages that had been handled before (RCV-2).
    pub duplicates: u64,
    /// Messages behind a gap (RCV-3).
    pub gaps: u64,
    /// ACKs sent, hellos included.
    pub acks_sent: u64,
    /// Messages passed over, for they were of or for another incarnation, or the record was CLOSED (HRD-1, HRD-2).
    pub dropped: u64,
    /// What the peer did against the rules.
    pub misbehaved: u64,
    /// Events that the table has no cell for (CLS-4).
    pub unexpected: u64,
    /// Connections that this node opened or accepted.
    pub connections: u64,
    /// Connections that broke, by a reset or by silence. One that its other end closed in order is none of them, and so the
    /// system closes those of a process that was killed, unless there was something to read that it had not read.
    pub breaks: u64,
    /// Observers that panicked: each is not asked again.
    pub observer_panics: u64,
    /// Incarnations that ended otherwise than by their handshake.
    pub resets: u64,
}
