//! What a recorder sees of a record.

use super::hello::Incarnation;
use super::input::ConnectionId;
use super::state::State;
use super::time::Time;
use crate::wire::{LockspaceId, NodeId, Seq};

/// What became of a message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its number was the expected one (RCV-1).
    Accepted,
    /// Its number was handled before (RCV-2).
    Duplicate,
    /// A number before it is missing (RCV-3).
    Gap,
    /// It has no number.
    Handled,
    /// It was passed over.
    Dropped,
}

/// A record as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its state.
    pub state: State,
    /// Number of the next sequenced message.
    pub seq_send: Seq,
    /// Number expected next from the peer.
    pub seq_next: Seq,
    /// Messages in the send queue.
    pub queue: usize,
    /// Lockspaces that have the peer as a member.
    pub users: usize,
    /// The id of the incarnation (HRD-1).
    pub incarnation: Incarnation,
}

/// One step of a record or of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence<'a> {
    /// This node opened a connection to the peer, or the peer one to this node.
    Opened {
        /// Which.
        connection: ConnectionId,
        /// Whether this node opened it.
        is_ours: bool,
    },
    /// The peer closed its side in order.
    Finished {
        /// Which.
        connection: ConnectionId,
    },
    /// This node gave it up: it broke, was replaced, or is not needed any more.
    GivenUp {
        /// Which.
        connection: ConnectionId,
    },
    /// Whole messages went to the driver for this connection, in this order.
    Written {
        /// Which.
        connection: ConnectionId,
        /// One or more messages, one behind the other.
        messages: &'a [u8],
    },
    /// A message was handled.
    Read {
        /// Where it came.
        connection: ConnectionId,
        /// The whole message, 16 to 4096 bytes.
        message: &'a [u8],
        /// What became of it.
        outcome: Outcome,
    },
    /// The cluster manager added the peer to a lockspace.
    MemberAdded(LockspaceId),
    /// The cluster manager removed the peer from a lockspace.
    MemberRemoved(LockspaceId),
    /// The peer is dead or removed from the cluster.
    Fenced,
    /// This node leaves.
    Shutdown,
    /// The record after an input that changed its state.
    Record(Snapshot),
}

/// Is told every step of one pair, in order. It runs where the protocol runs, under the lock of its peer: it must not block, nor
/// call the node. One that panics is not asked again, and counted ([`super::Counters::observer_panics`]).
pub trait Observer: Send {
    /// `node` is this node, `peer` the other one.
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>);
}
