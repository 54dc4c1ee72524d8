//! What a node is told when it starts.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use super::error::Error;
use super::listen;
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
    /// Its peers. More can be added later, and any forgotten ([`super::Node::remove_peer`]).
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

/// Whether a node can work with it.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    if config.node == NodeId(0) {
        return Err(Error::Config("node id 0 does not exist".to_owned()));
    }
    check_times(config)?;
    for (index, peer) in config.peers.iter().enumerate() {
        check_peer(config.node, peer)?;
        for other in config.peers.iter().take(index) {
            if other.node == peer.node {
                return Err(Error::Config(format!("node {} is configured twice", peer.node)));
            }
            check_apart(other.node, &other.addresses, peer)?;
        }
    }
    Ok(())
}

/// Times with which a node would spin, or wait for ever.
fn check_times(config: &Config) -> Result<(), Error> {
    const LEAST: Duration = Duration::from_millis(1);
    const MOST: Duration = Duration::from_secs(86400);
    let (lowcomms, midcomms) = (&config.lowcomms, &config.midcomms);
    let times = [
        ("connect_timeout", lowcomms.connect_timeout),
        ("reconnect_min", lowcomms.reconnect_min),
        ("reconnect_max", lowcomms.reconnect_max),
        ("silence", lowcomms.silence),
        ("retransmit_after", midcomms.retransmit_after),
        ("retransmit_max", midcomms.retransmit_max),
        ("status_interval", midcomms.status_interval),
    ];
    if let Some((name, time)) = times.into_iter().find(|(_, time)| !(LEAST..=MOST).contains(time)) {
        return Err(Error::Config(format!("expected {name} from 1 ms to a day, got {time:?}")));
    }
    let waits = [("linger", lowcomms.linger), ("give_way", lowcomms.give_way), ("ack_delay", midcomms.ack_delay)];
    if let Some((name, time)) = waits.into_iter().find(|(_, time)| *time > MOST) {
        return Err(Error::Config(format!("expected {name} of at most a day, got {time:?}")));
    }
    Ok(())
}

/// NET-6: a connection from an address of `peer` cannot be one of `other`.
pub(crate) fn check_apart(other: NodeId, known: &[SocketAddr], peer: &PeerConfig) -> Result<(), Error> {
    let shares = |address: &&SocketAddr| known.iter().any(|known| listen::is_same(known.ip(), address.ip()));
    match peer.addresses.iter().find(shares) {
        None => Ok(()),
        Some(address) => Err(Error::Config(format!(
            "nodes {other} and {} both have {}: who connects from there could not be told (NET-6)",
            peer.node,
            address.ip().to_canonical()
        ))),
    }
}

/// Whether `node` can have such a peer.
pub(crate) fn check_peer(node: NodeId, peer: &PeerConfig) -> Result<(), Error> {
    if peer.node == NodeId(0) || peer.node == node {
        return Err(Error::Config(format!("a peer of node {node} cannot have the node id {}", peer.node)));
    }
    if peer.addresses.is_empty() {
        return Err(Error::Config(format!("node {} has no address", peer.node)));
    }
    if peer.addresses.iter().any(|address| address.port() == 0) {
        return Err(Error::Config(format!("node {} has an address with port 0, on which nobody listens", peer.node)));
    }
    Ok(())
}
