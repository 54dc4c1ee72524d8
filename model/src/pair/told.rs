//! What a node tells of itself: to who asks what was inferred.

use crate::record::Record;
use crate::revision::{Revision, RevisionSet};

use super::node::{Counts, Delivery, Gap, Node, detect};

impl<L: Copy> Node<L> {
    /// The record as it is when everything that arrived was read.
    pub fn record(&self) -> Record {
        if !self.ended {
            return self.record;
        }
        let mut next = Record { users: self.record.users, ..Record::default() };
        for arrival in &self.log {
            detect(&mut next, arrival.what, self.revisions);
        }
        next
    }

    /// The revisions with which what it sent is consistent: `hardened` only if it said so, or nothing else is left.
    pub fn revisions(&self) -> RevisionSet {
        match self.revisions.filter(|revision| revision != Revision::Hardened) {
            linux if linux.is_empty() || self.id.is_some() => self.revisions,
            linux => linux,
        }
    }

    /// What was counted of it.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Which events its record met, in which states, as far as can be seen.
    pub fn met(&self) -> super::Met {
        self.met
    }

    /// The number that it waits for while later ones arrive.
    pub fn gap(&self) -> Option<&Gap<L>> {
        self.gap.as_ref()
    }

    /// Messages that it accepted and that were not taken yet.
    pub fn pending_deliveries(&self) -> usize {
        self.deliveries.len()
    }

    /// Takes what it accepted since the last call, oldest first.
    pub fn drain_deliveries(&mut self) -> impl Iterator<Item = Delivery<L>> {
        self.deliveries.drain(..)
    }

    /// Takes the gaps that closed since the last call, each with the message that filled it, if one did.
    pub fn drain_gaps(&mut self) -> impl Iterator<Item = (Gap<L>, Option<L>)> {
        self.closed_gaps.drain(..)
    }

    /// Whether more arrived for an incarnation that may have begun than is kept: what follows cannot be judged.
    pub fn log_overflowed(&self) -> bool {
        self.log_overflowed
    }
}
