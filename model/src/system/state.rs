//! All that there is at one moment: nodes, records, connections, and what the cluster manager has yet to tell.

use super::wire::{Fifo, Kind, Msg};
use crate::record::{Record, State};
use crate::seq::Seq;

/// How far a node is in its own life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A member of at least one lockspace.
    #[default]
    In,
    /// It left its last lockspace and waits until it knows every peer's version (CLS-2).
    Waiting,
    /// It closes with its peers, one after the other (CLS-3).
    Shutting,
    /// Its shutdown has returned; it stays reachable while a peer still waits for it.
    Lingering,
    /// Its sockets are shut down for writing, and it reads what still comes.
    Draining,
    /// It has no sockets.
    Out,
}

/// Whether a node is to notice a break of its connections with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Nothing happened.
    #[default]
    Quiet,
    /// It will see a socket error.
    Error,
    /// It will see that the peer closed in order.
    Close,
}

/// What the cluster manager has yet to tell a node about a peer in one lockspace, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pending {
    /// Nothing.
    #[default]
    Nothing,
    /// It joined.
    Add,
    /// It left.
    Remove,
    /// It left, then joined.
    RemoveAdd,
}

/// The second step of what some defects do in two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Second {
    /// None is due.
    #[default]
    Done,
    /// Send the FIN if the state still is FIN_WAIT1 (D1).
    SendFin,
    /// Set stop_tx (D7).
    SetStopTx,
    /// Take the number of the message that is in the send queue already (D9).
    TakeNumber,
    /// Take what is before this number off the send queue (H6).
    Release(u8),
}

/// Whether what a node writes for a peer arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// There is no connection: messages wait.
    #[default]
    Down,
    /// It arrives.
    Up,
    /// It is lost, though the writer does not know it.
    Broken,
}

/// What a node has for a peer, and the connection that carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Link {
    /// Messages written and not read, then messages that wait.
    pub fifo: Fifo,
    /// How many are written.
    pub sent: u8,
    /// How many of these are from a connection that the writer has given up.
    pub old: u8,
    /// The connection.
    pub status: Status,
    /// Connections that the reader has not accepted; 3 is one without a wake-up (D13 only).
    pub unaccepted: u8,
}

impl Link {
    /// The messages that wait.
    pub(super) fn waiting(&self) -> &[Msg] {
        self.fifo.as_slice().get(usize::from(self.sent)..).unwrap_or_default()
    }
}

/// What one node keeps about one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct End {
    /// The record.
    pub record: Record,
    /// The record's incarnation, modulo 4. On the wire only with the measure life-ids.
    pub life: u8,
    /// The peer's incarnation that this one talks to.
    pub bound: Option<u8>,
    /// Something was delivered since the last threshold ACK.
    pub delivered: bool,
    /// A number is reserved and not committed.
    pub reserved: Option<u8>,
    /// A break was noticed since.
    pub late: bool,
    /// Messages of this session that the upper layer has sent.
    pub sent: u8,
    /// A break to notice.
    pub notice: Notice,
    /// The peer is to be fenced.
    pub fence: bool,
    /// What the cluster manager has yet to tell, by lockspace.
    pub pending: [Pending; 2],
    /// Lockspaces whose add this record has counted and whose removal it has not, as bits. For UsersConsistent.
    pub counted: u8,
    /// The second step of a defect.
    pub second: Second,
    /// Input of a replaced connection, read and not handled (NET-5).
    pub stale: [Msg; 2],
    /// How many of these there are.
    pub stale_len: u8,
    /// Output to the peer.
    pub link: Link,
    /// For each incarnation of the peer's, the number up to which this node has accepted. For NoFalseAck, NoLoss.
    pub accepted: [u8; 4],
    /// A join has begun that this record has not seen. For NoGhost.
    pub unseen: bool,
    /// The peer's incarnation ended by fence, timeout or "shutdown stuck" meanwhile. For NoLoss.
    pub excused: bool,
    /// A committed message was lost for good. For NoLoss.
    pub lost: bool,
}

impl End {
    /// Whether the record is as a reset leaves it, but for `users`. `zero` and `first` are the numbers of an incarnation's
    /// first message, in general and in the first incarnations.
    pub fn is_fresh(&self, zero: Seq, first: Seq) -> bool {
        let Record { state, version, seq_send, seq_next, queue_head, fin, stop_tx, stop_rx, users: _ } = self.record;
        let numbers = [seq_send, seq_next, queue_head];
        state == State::Closed
            && version.is_none()
            && (numbers == [zero; 3] || (self.life == 0 && numbers == [first; 3]))
            && fin.is_none()
            && !stop_tx
            && !stop_rx
    }

    /// The stale messages, oldest first.
    pub fn stale(&self) -> &[Msg] {
        self.stale.get(..usize::from(self.stale_len)).unwrap_or_default()
    }

    pub(super) fn pop_stale(&mut self) -> Option<Msg> {
        let first = *self.stale().first()?;
        let [_, second] = self.stale;
        self.stale = [second, Msg::default()]; // equal contents are equal states
        self.stale_len -= 1;
        Some(first)
    }

    pub(super) fn push_stale(&mut self, message: Msg) -> bool {
        match self.stale.get_mut(usize::from(self.stale_len)) {
            None => false,
            Some(free) => {
                *free = message;
                self.stale_len += 1;
                true
            }
        }
    }

    /// Whether the output holds a STATUS.
    pub(super) fn asks(&self) -> bool {
        self.link.fifo.as_slice().iter().any(|message| message.kind() == Kind::Status)
    }

    /// Whether it holds a reply.
    pub(super) fn answers(&self) -> bool {
        self.link.fifo.as_slice().iter().any(|message| message.kind() == Kind::StatusReply)
    }
}

/// A node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node<const M: usize> {
    /// How far it is.
    pub phase: Phase,
    /// How many of its peers it has closed with.
    pub closed: u8,
    /// The lockspaces it is in, as bits.
    pub joined: u8,
    /// It has joined again, so that its second version counts.
    pub is_back: bool,
    /// What it keeps about each peer: by index, itself left out.
    pub ends: [End; M],
}

impl<const M: usize> Node<M> {
    /// Whether it has sockets that take new connections.
    pub fn is_reachable(&self) -> bool {
        !matches!(self.phase, Phase::Draining | Phase::Out)
    }
}

/// Everything: `N` nodes with `M = N - 1` peers each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct System<const N: usize, const M: usize> {
    /// The nodes.
    pub nodes: [Node<M>; N],
    /// Breaks that may still come.
    pub breaks: u8,
    /// Crashes that may still come.
    pub crashes: u8,
    /// Nodes that may still join again.
    pub rejoins: u8,
    /// A shutdown timed out in this session: liveness promises nothing.
    pub timed_out: bool,
}

/// Where node `x` keeps what it knows about `y`.
pub(super) fn slot(x: usize, y: usize) -> usize {
    if y < x { y } else { y.wrapping_sub(1) }
}

/// The node that `x` keeps in `slot`.
pub(super) fn peer(x: usize, slot: usize) -> usize {
    if slot < x { slot } else { slot + 1 }
}

#[expect(clippy::indexing_slicing, reason = "nodes are those of `pairs`, which are in range")]
impl<const N: usize, const M: usize> System<N, M> {
    /// Node `x`.
    #[inline]
    pub fn node(&self, x: usize) -> &Node<M> {
        &self.nodes[x]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, x: usize) -> &mut Node<M> {
        &mut self.nodes[x]
    }

    /// What `x` keeps about `y`.
    #[inline]
    pub fn end(&self, x: usize, y: usize) -> &End {
        &self.nodes[x].ends[slot(x, y)]
    }

    #[inline]
    pub(super) fn end_mut(&mut self, x: usize, y: usize) -> &mut End {
        &mut self.nodes[x].ends[slot(x, y)]
    }

    /// The peers of `x`.
    pub(super) fn peers(x: usize) -> impl Iterator<Item = usize> {
        (0..M).map(move |slot| peer(x, slot))
    }

    /// The peer that `x` closes with now: each node begins with the one after it, so that three wait in a ring.
    pub(super) fn closing_with(&self, x: usize) -> usize {
        (x + 1 + usize::from(self.node(x).closed)) % N
    }

    /// Every ordered pair of nodes.
    pub fn pairs() -> impl Iterator<Item = (usize, usize)> {
        (0..N).flat_map(|x| Self::peers(x).map(move |y| (x, y)))
    }
}
