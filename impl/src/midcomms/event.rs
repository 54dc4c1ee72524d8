//! What the core tells the upper layer.

use core::fmt;

use bytes::Bytes;

use super::error::PeerMisbehaved;
use super::state::Unexpected;
use crate::wire::{LockspaceId, MSG_FIXED_LEN, Seq, Version};

/// MSG or RCOM: what the upper layer sends and gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A lock operation: 72 bytes, the first four of which are the type (1 to 14), and a block.
    Msg,
    /// A recovery message: 32 bytes, the first four of which are the type (1 to 8), and a payload.
    Rcom,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Msg => "MSG",
            Self::Rcom => "RCOM",
        })
    }
}

/// A message for the upper layer.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number; `None` if it came bare (SND-2, SND-3).
    pub seq: Option<Seq>,
    /// MSG or RCOM.
    pub kind: Kind,
    /// The second word of its header.
    pub lockspace: LockspaceId,
    /// All that is behind its 16-byte header. A handle to the bytes as they were read: as long as it lives, so do its
    /// neighbours in the same read (64 KiB at most); copy what is kept for long.
    pub body: Bytes,
}

impl Delivery {
    /// What [`super::Peer::send_opaque`] was given, if this was sent by it: the block of a MSG.
    #[must_use]
    pub fn opaque(&self) -> Option<Bytes> {
        let is_msg = self.kind == Kind::Msg && self.body.len() >= MSG_FIXED_LEN;
        is_msg.then(|| self.body.slice(MSG_FIXED_LEN..))
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("lockspace", &self.lockspace)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// Why an incarnation ended without its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer speaks from a newer incarnation (HRD-1).
    PeerRestarted,
    /// The peer has closed already, and knows nothing of this incarnation any more (HRD-3).
    PeerGone,
    /// Add member found what a session without a handshake had left over (HRD-4).
    Leftover,
    /// The shutdown's time was up (CLS-3).
    ShutdownTimeout,
    /// The peer speaks 3.1, which has no handshake (SND-3).
    NoHandshake,
    /// The peer was fenced.
    Fenced,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PeerRestarted => "the peer speaks from a newer incarnation (HRD-1)",
            Self::PeerGone => "the peer has closed already (HRD-3)",
            Self::Leftover => "add member found a session that had not closed (HRD-4)",
            Self::ShutdownTimeout => "the shutdown's time was up (CLS-3)",
            Self::NoHandshake => "the peer speaks 3.1, which has no handshake (SND-3)",
            Self::Fenced => "the peer was fenced",
        })
    }
}

/// How a shutdown ended towards one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// The record is CLOSED: by its handshake, because there never was a session, or because the peer says that it is
    /// over (HRD-3).
    Closed,
    /// The peer speaks 3.1: there is no handshake.
    NoHandshake,
    /// The time was up. The record was reset, whatever the peer knows.
    TimedOut,
    /// The peer was fenced meanwhile.
    Fenced,
}

/// What happened to one peer's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message came: exactly once in an incarnation, and in order, if it has a number.
    Delivered(Delivery),
    /// The peer's version is known: messages can be sent (SND-3). Once in each incarnation.
    Up {
        /// What the peer speaks.
        version: Version,
        /// Whether it sends incarnation ids (HRD-1).
        is_hardened: bool,
    },
    /// The peer's FIN was accepted: it sends nothing more, and waits for this node to leave too (CLS-1).
    PeerClosing,
    /// The incarnation ended by its handshake.
    Closed,
    /// The incarnation ended otherwise.
    Reset {
        /// Why.
        reason: Reason,
        /// Messages that were sent or reserved and are not acknowledged. The peer may have got the first of them.
        unacknowledged: usize,
    },
    /// The shutdown that was asked for is over.
    ShutdownDone(Shutdown),
    /// A send that was refused as [`super::SendError::Full`] may be tried again.
    SendReady,
    /// A protocol error (CLS-4): the peer, or the user of this crate, did what the table has no cell for.
    Unexpected(Unexpected),
    /// The peer broke a rule. The message was passed over, or its connection given up. After [`super::FAULTS_TOLD`] on
    /// one connection they are only counted.
    Misbehaved(PeerMisbehaved),
}
