//! What was sent under which number, for as long as it may be sent again.

use std::collections::VecDeque;

use crate::output::MAX_LOST;
use crate::seq::Seq;

/// Bodies are kept up to this many: copies of older ones cannot be compared.
pub(super) const MAX_BODIES: usize = 1 << 16;

/// Identities of the bodies of sequenced messages, from the oldest that may be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bodies {
    /// The first number of the incarnation, or the first that was seen of it.
    first: Seq,
    base: Seq,
    ring: VecDeque<u64>,
    /// Numbers below `base` were dropped although they may be sent again.
    pub(super) is_partial: bool,
    /// More were unacknowledged than are kept.
    pub(super) has_overflowed: bool,
}

/// What is known of a number's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// It was on the wire and had this identity.
    Seen(u64),
    /// It was never on the wire.
    Unseen,
    /// It is before the first number of the incarnation.
    NeverUsed,
    /// It was acknowledged, and the sender had read that.
    Released,
    /// It is too old to be known.
    Forgotten,
}

const UNSEEN: u64 = 0;

impl Bodies {
    /// None yet; those of an incarnation that is seen from its start are complete.
    pub(super) fn new(is_complete: bool) -> Self {
        Self { is_partial: !is_complete, ..Self::default() }
    }

    /// The first number of the incarnation, or the first that was seen of it.
    pub(super) fn first(&self) -> Seq {
        self.first
    }

    pub(super) fn lookup(&self, seq: Seq) -> Body {
        if seq.is_before(self.base) {
            return match (self.is_partial, seq.is_before(self.first)) {
                (true, _) => Body::Forgotten,
                (false, true) => Body::NeverUsed,
                (false, false) => Body::Released,
            };
        }
        match self.ring.get(self.base.distance_to(seq) as usize) {
            None | Some(&UNSEEN) => Body::Unseen,
            Some(&body) => Body::Seen(body),
        }
    }

    pub(super) fn start_at(&mut self, seq: Seq) {
        self.first = seq;
        self.base = seq;
        self.ring.clear();
    }

    /// Records `body` for `seq`, which is at or after the base.
    pub(super) fn record(&mut self, seq: Seq, body: u64) {
        let index = self.base.distance_to(seq) as usize;
        let identity = if body == UNSEEN { 1 } else { body };
        if index > MAX_LOST as usize {
            self.is_partial = true;
            self.start_at(seq);
            self.ring.push_back(identity);
        } else if index >= self.ring.len() {
            self.ring.resize(index, UNSEEN);
            self.ring.push_back(identity);
        } else if let Some(slot) = self.ring.get_mut(index) {
            *slot = identity;
        }
        while self.ring.len() > MAX_BODIES {
            self.ring.pop_front();
            self.base = self.base.next();
            self.is_partial = true;
            self.has_overflowed = true;
        }
    }

    pub(super) fn is_same(seen: u64, body: u64) -> bool {
        seen == if body == UNSEEN { 1 } else { body }
    }

    /// The sender has read that everything before `seq` was acknowledged.
    pub(super) fn release_before(&mut self, seq: Seq) {
        while self.base.is_before(seq) && self.ring.pop_front().is_some() {
            self.base = self.base.next();
        }
    }
}
