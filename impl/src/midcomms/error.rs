//! Errors: whose fault, what was expected and what came.

use thiserror::Error;

use super::state::State;
use crate::wire::{Cmd, DecodeError, FrameError, MAX_INNER_LEN, NodeId, Seq, Version};

/// The peer broke a rule of the protocol. Nothing that the upper layer gets is touched by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum PeerMisbehaved {
    /// The stream cannot be cut into messages any more: its connection is given up.
    #[error("{0}")]
    Unparseable(FrameError),
    /// A message that does not decode: passed over.
    #[error("{0} (WIRE-4)")]
    Undecodable(DecodeError),
    /// Another node's id, or this node's own: the connection is given up.
    #[error("expected messages of node {expected}, got one of node {got} (WIRE-7)")]
    WrongNodeId {
        /// The node that this connection is with.
        expected: NodeId,
        /// The node id in the header.
        got: NodeId,
    },
    /// Outer and inner header disagree on node id or version.
    #[error("outer and inner header disagree on node id or version (WIRE-7)")]
    HeadersDiffer,
    /// A message of another version than the record's.
    #[error("expected version {expected}, got {got} (VER-3)")]
    WrongVersion {
        /// The record's.
        expected: Version,
        /// The message's.
        got: Version,
    },
    /// What a node of 3.2 must not send bare.
    #[error("a bare {cmd} from a node of 3.2 (RCV-6)")]
    Bare {
        /// MSG, RCOM or FIN.
        cmd: Cmd,
    },
    /// A message with a number, an ACK or a FIN from a node of 3.1.
    #[error("{cmd} from a node of 3.1 (SND-3)")]
    Sequenced {
        /// OPTS, ACK or FIN.
        cmd: Cmd,
    },
    /// An ACK of what was not sent.
    #[error("expected an ACK of at most {expected}, got {got} (ACK-1)")]
    AckBeyondSent {
        /// The number after the last one that was sent.
        expected: Seq,
        /// The ACK's.
        got: Seq,
    },
    /// A fresh number after the peer's FIN.
    #[error("number {seq} after the FIN (SND-4)")]
    AfterFin {
        /// The number.
        seq: Seq,
    },
    /// A node without incarnation ids where one with them was known: it has been replaced, and nobody fenced it.
    #[error("messages without incarnation ids from a node that had them (HRD-1)")]
    LostItsIds,
    /// Bytes behind an ACK's header that are neither hello nor gone.
    #[error("an ACK with an unknown tail of {len} bytes (HRD-1)")]
    UnknownTail {
        /// Bytes of the tail.
        len: usize,
    },
}

impl PeerMisbehaved {
    /// Whether its connection cannot be trusted any more.
    #[must_use]
    pub const fn ends_connection(&self) -> bool {
        matches!(self, Self::Unparseable(_) | Self::WrongNodeId { .. })
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum SendError {
    /// No session: add the peer as a member first (HRD-2).
    #[error("no session with node {peer}, its record is CLOSED: add it as a member first")]
    NotMember {
        /// The peer.
        peer: NodeId,
    },
    /// The peer has not answered yet: try again after [`super::Event::Up`] (SND-3).
    #[error("node {peer} has not answered yet: wait until it is up, its version is not known (SND-3)")]
    VersionUnknown {
        /// The peer.
        peer: NodeId,
    },
    /// This node is leaving: nothing goes out after its FIN (SND-4).
    #[error("this node is closing with node {peer}, its record is {state}: nothing can be sent after its FIN (SND-4)")]
    Closing {
        /// The peer.
        peer: NodeId,
        /// The record's state.
        state: State,
    },
    /// The send queue is full: try again after [`super::Event::SendReady`], or, with the crate's own driver, wait for
    /// `PeerHandle::room`.
    #[error("the send queue towards node {peer} is full: {bytes} bytes wait for an ACK")]
    Full {
        /// The peer.
        peer: NodeId,
        /// Bytes in the queue.
        bytes: usize,
    },
    /// The body is too long for a message (WIRE-1).
    #[error("expected a body of at most {expected} bytes, got {got}: cut it into several messages (WIRE-1)")]
    TooLong {
        /// The longest body: 4056 bytes.
        expected: usize,
        /// Bytes of the body.
        got: usize,
    },
    /// The body is shorter than the fixed fields of a MSG (72 bytes) or an RCOM (32 bytes).
    #[error(
        "expected a body of at least {expected} bytes, the words of a lock manager's message, got {got}: `send_opaque` takes any bytes"
    )]
    TooShort {
        /// Bytes of the fixed fields.
        expected: usize,
        /// Bytes of the body.
        got: usize,
    },
    /// The first word of the body is no type of the protocol's (WIRE-6).
    #[error(
        "expected the type of a lock manager's message in the first four bytes of the body, got {got} (WIRE-6): `send_opaque` takes any bytes"
    )]
    UnknownType {
        /// The word.
        got: u32,
    },
    /// STATUS and its normal reply go bare (SND-2): [`super::Peer::send_bare`].
    #[error(
        "an RCOM of type {got} and result {result} goes bare, not in order with the others: use `send_bare` (SND-2)"
    )]
    GoesBare {
        /// The type's number.
        got: u32,
        /// Its result.
        result: i32,
    },
    /// Only STATUS, NAMES and their replies may go bare, but for a STATUS reply "not ready" (SND-2).
    #[error("an RCOM of type {got} and result {result} cannot go bare: use `send` (SND-2)")]
    NotBare {
        /// The type's number.
        got: u32,
        /// Its result.
        result: i32,
    },
    /// The incarnation in which the message was reserved has ended.
    #[error("the session in which this message was reserved is over")]
    SessionOver,
}

impl SendError {
    /// Whether the same call can succeed later without anything else being done.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::VersionUnknown { .. } | Self::Full { .. })
    }
}

/// The longest body of a message: what is behind its header, in bytes (WIRE-1).
pub const MAX_BODY_LEN: usize = MAX_INNER_LEN - crate::wire::HEADER_LEN;
