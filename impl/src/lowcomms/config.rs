//! What a node is told when it starts.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use crate::midcomms;
use crate::wire::NodeId;

/// The port of the Linux DLM.
pub const PORT: u16 = 21064;

/// What connections are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// One-to-one SCTP: the feature `sctp`, on a kernel that has it.
    #[cfg(feature = "sctp")]
    Sctp,
}

/// A peer and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct PeerConfig {
    /// Its node id.
    pub node: NodeId,
    /// Its addresses, tried in this order. A connection from any other address is refused (NET-6).
    pub addresses: Vec<SocketAddr>,
}

/// A node: who it is, where its peers are, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Config {
    /// This node's id: not 0, and another one than that of every peer.
    pub node: NodeId,
    /// Where it listens. The first address of a family is also the one that its own connections of that family come
    /// from, for peers know it by its address (NET-6).
    pub listen: Vec<SocketAddr>,
    /// Its peers. More can be added later.
    #[cfg_attr(feature = "serde", serde(default))]
    pub peers: Vec<PeerConfig>,
    /// What connections are made of.
    #[cfg_attr(feature = "serde", serde(default))]
    pub transport: Transport,
    /// Timers and limits of connections.
    #[cfg_attr(feature = "serde", serde(default))]
    pub lowcomms: Limits,
    /// Thresholds, timers and limits of records.
    #[cfg_attr(feature = "serde", serde(default))]
    pub midcomms: midcomms::Config,
    /// A file that keeps incarnation ids growing although the clock may be set back while the node is down (HRD-1). If
    /// there is none, the clock is trusted.
    #[cfg_attr(feature = "serde", serde(default))]
    pub incarnations: Option<PathBuf>,
}

/// Timers and limits of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Limits {
    /// How long one attempt to connect may take.
    #[cfg_attr(feature = "serde", serde(rename = "connect_timeout_ms", with = "midcomms::millis"))]
    pub connect_timeout: Duration,
    /// The wait after the first attempt that failed; doubled each time, give or take a quarter at random.
    #[cfg_attr(feature = "serde", serde(rename = "reconnect_min_ms", with = "midcomms::millis"))]
    pub reconnect_min: Duration,
    /// The longest wait between two attempts.
    #[cfg_attr(feature = "serde", serde(rename = "reconnect_max_ms", with = "midcomms::millis"))]
    pub reconnect_max: Duration,
    /// How long the one of two nodes with the greater id waits for the other to connect before it does so itself: one
    /// connection that carries both directions costs less than two (NET-1).
    #[cfg_attr(feature = "serde", serde(rename = "give_way_ms", with = "midcomms::millis"))]
    pub give_way: Duration,
    /// How long bytes may wait for the peer's transport before the connection counts as broken (TCP on Linux; elsewhere
    /// and with SCTP the system's own time). A peer whose program takes no events for longer is cut off by it as well, and
    /// reconnected to: nothing is lost, but the send queue goes out again.
    #[cfg_attr(feature = "serde", serde(rename = "silence_ms", with = "midcomms::millis"))]
    pub silence: Duration,
    /// How long a node whose shutdown is done still answers peers that have not heard so (CLS-3).
    #[cfg_attr(feature = "serde", serde(rename = "linger_ms", with = "midcomms::millis"))]
    pub linger: Duration,
    /// Events that may wait for the program, for all peers together. While so many wait, nothing is read, and peers come
    /// to wait in turn.
    pub events: usize,
    /// The most bytes that one read takes from a connection, and so the memory that an unread body keeps.
    pub read_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            reconnect_min: Duration::from_millis(50),
            reconnect_max: Duration::from_secs(5),
            give_way: Duration::from_millis(5),
            silence: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            events: 16 * 1024,
            read_bytes: 64 * 1024,
        }
    }
}
