//! What a recorder sees of a record.

use super::hello::Incarnation;
use super::input::ConnectionId;
use super::state::State;
use super::time::Time;
use crate::wire::{HEADER_LEN, LockspaceId, NodeId, Seq};

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
    /// Whole messages were handled, in this order, and nothing else happened between them.
    Read {
        /// Where they came.
        connection: ConnectionId,
        /// One or more messages of 16 to 4096 bytes, one behind the other.
        messages: &'a [u8],
        /// What became of each.
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

impl<'a> Occurrence<'a> {
    /// The messages that were written or read, one by one; none where it is about something else.
    pub fn messages(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest: &'a [u8] = match *self {
            Self::Written { messages, .. } | Self::Read { messages, .. } => messages,
            _ => &[],
        };
        core::iter::from_fn(move || {
            let (message, behind) = rest.split_at_checked(first_len(rest))?;
            rest = behind;
            (!message.is_empty()).then_some(message)
        })
    }
}

/// Bytes of the first of `messages`; all of them where a length cannot be.
#[inline]
pub(crate) fn first_len(messages: &[u8]) -> usize {
    match messages.get(12..14) {
        Some(&[low, high]) => {
            let claimed = usize::from(u16::from_le_bytes([low, high]));
            if claimed < HEADER_LEN { messages.len() } else { claimed.min(messages.len()) }
        }
        _ => messages.len(),
    }
}

/// Is told every step of one pair, in order. It runs where the protocol runs, under the lock of its peer: it must not block, nor
/// call the node. One that panics is not asked again, and counted ([`super::Counters::observer_panics`]).
pub trait Observer: Send {
    /// `node` is this node, `peer` the other one.
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>);
}
