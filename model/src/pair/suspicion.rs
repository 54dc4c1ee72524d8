//! Messages that are wrong only if something else comes to light.

use crate::rule::Refusal;
use crate::seq::Seq;

use super::{Conn, Side};

/// A message that no explanation allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<L> {
    /// Why.
    pub refusal: Box<Refusal>,
    /// Who sent it and its label, where it came before the message that proves it wrong.
    pub earlier: Option<(Side, L)>,
}

impl<L> From<Refusal> for Refused<L> {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Box::new(refusal), earlier: None }
    }
}

/// What proves a suspect message wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its sender uses a number beyond this one on this connection of its own, which was whole then (NET-1). Never
    /// proven otherwise.
    WritesOn(Conn, Seq),
    /// Nothing of what the peer sent before comes to light as missing (SND-3).
    NothingHeard,
    /// No end of a connection comes to light that called for it (NET-3), though noticing may be seen before the break.
    NoBreak,
    /// The peer uses a number before this one as a fresh one, though it was acknowledged (ACK-1). Only that packets are
    /// missing from the recording explains it then, which shows as a hole somewhere.
    UsesBefore(Seq),
}

/// A suspect message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspicion<L> {
    pub(super) culprit: Side,
    pub(super) proof: Proof,
    pub(super) at: L,
    pub(super) refusal: Refusal,
    /// The proof was seen; what is missing from the recording may still explain it.
    pub(super) is_proven: bool,
}

impl<L: Copy> Suspicion<L> {
    pub(super) fn new(culprit: Side, proof: Proof, at: L, refusal: Refusal) -> Self {
        Self { culprit, proof, at, refusal, is_proven: false }
    }

    pub(super) fn refused(&self) -> Refused<L> {
        Refused { refusal: Box::new(self.refusal.clone()), earlier: Some((self.culprit, self.at)) }
    }

    /// Whether a message that `from` sends on `conn`, with a fresh number or not, proves it.
    pub(super) fn is_proven_by(&self, from: Side, conn: Conn, fresh: Option<Seq>) -> bool {
        match self.proof {
            Proof::WritesOn(own, number) => {
                from == self.culprit && conn == own && fresh.is_some_and(|seq| number.is_before(seq))
            }
            Proof::NoBreak | Proof::NothingHeard => false,
            Proof::UsesBefore(number) => from != self.culprit && fresh.is_some_and(|seq| seq.is_before(number)),
        }
    }

    /// Whether the proof is final.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self.proof, Proof::UsesBefore(_))
    }

    /// Whether the trace may end with it.
    pub(super) fn needs_proof(&self) -> bool {
        matches!(self.proof, Proof::WritesOn(..))
    }
}
