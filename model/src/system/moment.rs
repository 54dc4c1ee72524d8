//! One action while it happens: what all kinds of action need.

use super::World;
use super::observer::{Observer, Occurrence};
use super::property::{self, Property};
use super::state::{End, Link, Status, System};
use super::wire::{Kind, Msg, OVER};
use crate::message::Version;
use crate::record::State;
use crate::rules::Rules;
use crate::seq::Seq;

/// A system in the middle of an action.
pub(super) struct Moment<'a, const N: usize, const M: usize, O> {
    pub(super) world: &'a World,
    pub(super) system: &'a mut System<N, M>,
    pub(super) observer: &'a mut O,
    /// Safety properties that the action violates.
    pub(super) violated: u64,
    /// The bounds are too small for what happens.
    pub(super) overflow: bool,
}

impl<const N: usize, const M: usize, O: Observer> Moment<'_, N, M, O> {
    pub(super) fn rules(&self, x: usize) -> &Rules {
        self.world.rules(x)
    }

    pub(super) fn end(&self, x: usize, y: usize) -> &End {
        self.system.end(x, y)
    }

    pub(super) fn end_mut(&mut self, x: usize, y: usize) -> &mut End {
        self.system.end_mut(x, y)
    }

    pub(super) fn link(&self, x: usize, y: usize) -> &Link {
        &self.system.end(x, y).link
    }

    pub(super) fn link_mut(&mut self, x: usize, y: usize) -> &mut Link {
        &mut self.system.end_mut(x, y).link
    }

    pub(super) fn violate(&mut self, property: Property) {
        self.violated |= property.bit();
    }

    pub(super) fn require(&mut self, property: Property, holds: bool) {
        if !holds {
            self.violate(property);
        }
    }

    /// The version that `x` speaks.
    pub(super) fn version(&self, x: usize) -> Version {
        self.world.version(x, self.system.node(x).is_back)
    }

    /// Sets the state, and checks NoGhost.
    pub(super) fn enter(&mut self, x: usize, y: usize, state: State) {
        let end = self.end_mut(x, y);
        let before = end.record.state;
        if before == state {
            return;
        }
        end.record.state = state;
        self.note_state(x, y, before);
    }

    /// What a change of state from `before` means: NoGhost.
    pub(super) fn note_state(&mut self, x: usize, y: usize, before: State) {
        let to = self.end(x, y).record.state;
        if before == to {
            return;
        }
        self.observer.see(Occurrence::Changed { node: x, peer: y, from: before, to });
        if to == State::Established {
            let holds = property::no_ghost(before, to, self.end(x, y).unseen);
            self.require(Property::NoGhost, holds);
            self.end_mut(x, y).unseen &= before != State::Closed;
        }
    }

    /// REC-1. `excused`: NoLoss promises nothing for an incarnation that ends in this way.
    pub(super) fn reset(&mut self, x: usize, y: usize, excused: bool) {
        let before = self.end(x, y).record.state;
        let has_undelivered = property::has_undelivered(self.world, self.system, x, y);
        let zero = self.world.offset(Seq::ZERO);
        let life = self.next_life(x, y);
        let end = self.end_mut(x, y);
        end.lost |= has_undelivered && !excused && !end.excused;
        end.life = life;
        end.record.reset();
        end.bound = None;
        end.delivered = false;
        end.late = false;
        end.excused = false;
        if end.reserved.take().is_some() {
            let len = end.link.fifo.len();
            end.link.fifo.update(0, len, |message| message.uncommitted(false));
        }
        let peer = self.end_mut(y, x);
        if let Some(accepted) = peer.accepted.get_mut(usize::from(life)) {
            *accepted = zero;
        }
        peer.excused |= excused;
        self.observer.see(Occurrence::Reset { node: x, peer: y });
        self.note_state(x, y, before);
    }

    /// A number modulo 4 for the next incarnation of `x`: of no other one that anything still names. Where they are
    /// compared (HRD-1) it is the next one, or the bounds are too small; elsewhere it need only differ from the others, and
    /// which incarnation that is over a message is for is forgotten.
    fn next_life(&mut self, x: usize, y: usize) -> u8 {
        let are_compared = self.world.has_ids(x) && self.world.has_ids(y);
        if !are_compared {
            self.forget_life(x, y);
        }
        let next = |step: u8| (self.end(x, y).life + step) & 3;
        let free = (1..4).take(if are_compared { 1 } else { 3 }).map(next).find(|life| !self.is_named(x, y, *life));
        let life = free.unwrap_or(next(1));
        self.overflow |= free.is_none();
        life
    }

    /// The present incarnation of `x` is about to be over: what is for it is for one that is over, and so is a record bound to
    /// one of which nothing is under way.
    fn forget_life(&mut self, x: usize, y: usize) {
        let over = self.end(x, y).life;
        let len = self.link(y, x).fifo.len();
        self.link_mut(y, x).fifo.update(0, len, |message| message.outlives(over));
        let stale = &mut self.end_mut(x, y).stale;
        *stale = stale.map(|message| message.outlives(over));
        if self.end(y, x).bound.is_some_and(|bound| !self.is_from(x, y, bound)) {
            self.end_mut(y, x).bound = Some(OVER);
        }
    }

    /// Whether something is under way from that incarnation of `x` for which it matters which one that is. Where incarnations
    /// are not compared it does not for STATUS and its reply, which no record acts upon as one of an incarnation.
    fn is_from(&self, x: usize, y: usize, life: u8) -> bool {
        let are_compared = self.world.has_ids(x) && self.world.has_ids(y);
        let messages = self.link(x, y).fifo.as_slice().iter().chain(self.end(y, x).stale());
        messages
            .filter(|message| {
                message.is_sequenced() || message.kind() == Kind::Ack || are_compared && message.kind() != Kind::End
            })
            .any(|message| message.source() == life)
    }

    /// Whether anything names that incarnation of `x`.
    fn is_named(&self, x: usize, y: usize, life: u8) -> bool {
        let (own, other) = (self.end(x, y), self.end(y, x));
        let addressed = other.link.fifo.as_slice().iter().chain(own.stale());
        other.bound == Some(life)
            || self.is_from(x, y, life)
            || addressed
                .filter(|message| message.kind() != Kind::End)
                .any(|message| message.destination() == Some(life))
    }

    /// Queues a message at the tail of the output.
    pub(super) fn push(&mut self, x: usize, y: usize, kind: Kind, number: u8, destination: Option<u8>) {
        self.push_with(x, y, kind, number, destination, |message| message);
    }

    pub(super) fn push_with(
        &mut self,
        x: usize,
        y: usize,
        kind: Kind,
        number: u8,
        destination: Option<u8>,
        change: impl Fn(Msg) -> Msg,
    ) {
        let is_old = self.version(x) == Version::V3_1;
        let life = self.end(y, x).life;
        let are_compared = self.world.has_ids(x) && self.world.has_ids(y);
        let end = self.system.end_mut(x, y);
        let mut message = change(Msg::new(kind, number, end.life, destination).old_version(is_old));
        if let Some(over) = message.destination().filter(|over| !are_compared && *over != life) {
            message = message.outlives(over);
        }
        let index = end.link.fifo.len();
        if end.link.fifo.push(message) {
            self.observer.see(Occurrence::Queued { from: x, to: y, index, message });
        } else {
            self.overflow = true;
        }
    }

    /// ACK(seq_next).
    pub(super) fn push_ack(&mut self, x: usize, y: usize) {
        let end = self.end(x, y);
        let (number, bound) = (self.world.offset(end.record.seq_next), end.bound);
        self.push(x, y, Kind::Ack, number, bound);
    }

    /// A threshold ACK, after which the count starts again.
    pub(super) fn push_threshold_ack(&mut self, x: usize, y: usize) {
        self.end_mut(x, y).delivered = false;
        self.push_ack(x, y);
    }

    /// The batch is done (6.1), or nothing more comes (idle-ack).
    pub(super) fn acknowledge(&mut self, x: usize, y: usize) {
        let is_batch = self.rules(x).data_ack == crate::rules::DataAck::EveryBatch;
        if is_batch && self.end(x, y).record.state != State::Established {
            self.end_mut(x, y).delivered = false;
        } else {
            self.push_threshold_ack(x, y);
        }
    }

    /// Drops messages from `start` to `end` of `x`'s output to `y`.
    pub(super) fn lose(&mut self, x: usize, y: usize, start: usize, end: usize) {
        let link = &mut self.system.end_mut(x, y).link;
        let end = end.min(link.fifo.len());
        if start >= end {
            return;
        }
        for index in (start..end).rev() {
            if let Some(message) = link.fifo.at(index) {
                self.observer.see(Occurrence::Lost { from: x, to: y, index, message });
            }
        }
        link.fifo.remove(start, end);
        let below = |count: u8| match usize::from(count) {
            count if count <= start => count as u8,
            count if count >= end => (count - (end - start)) as u8,
            _ => start as u8,
        };
        link.sent = below(link.sent);
        link.old = below(link.old);
    }

    /// What happens by itself after every action: connections open for what waits, and output goes out at once where no
    /// pages are modelled.
    pub(super) fn settle(&mut self) {
        for (x, y) in System::<N, M>::pairs() {
            let link = self.link(x, y);
            let (len, sent) = (link.fifo.len(), usize::from(link.sent));
            if len == sent {
                continue;
            }
            if link.status == Status::Down && self.system.node(x).is_reachable() && self.system.node(y).is_reachable() {
                self.open(x, y);
            }
            if !self.world.environment.pages && self.link(x, y).status != Status::Down {
                let waits = self.link(x, y).fifo.as_slice().iter().position(|message| message.is_uncommitted());
                self.write(x, y, waits.unwrap_or(len));
            }
        }
    }

    fn open(&mut self, x: usize, y: usize) {
        let is_one = self.rules(y).accepts == crate::rules::Accepts::One;
        let link = self.link_mut(x, y);
        link.status = Status::Up;
        link.old = link.sent;
        if is_one {
            link.unaccepted = match link.unaccepted {
                0 => 1,
                _ => 2,
            };
        }
        self.observer.see(Occurrence::Opened { from: x, to: y });
    }

    /// Writes the output up to `count` messages.
    pub(super) fn write(&mut self, x: usize, y: usize, count: usize) {
        let link = self.link_mut(x, y);
        let sent = usize::from(link.sent);
        if sent >= count {
            return;
        }
        if link.status == Status::Broken {
            self.lose(x, y, sent, count);
            return;
        }
        link.fifo.update(sent, count, Msg::written);
        link.sent = count as u8;
        self.observer.see(Occurrence::Written { from: x, to: y, count });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Base;
    use crate::system::Environment;

    /// Node 1's incarnation after a reset, and whether the bounds were too small, where node 2 is bound to incarnation 1.
    fn after_reset(base: Base) -> (u8, bool) {
        let world = World::new(Environment::ALL[0].clone(), [base.rules(); 3]);
        let mut system: System<2, 1> = world.initial();
        system.end_mut(1, 0).bound = Some(1);
        let ack = Msg::new(Kind::Ack, 0, 1, None);
        assert!(system.end_mut(0, 1).link.fifo.push(ack));
        let mut moment = Moment { world: &world, system: &mut system, observer: &mut (), violated: 0, overflow: false };
        moment.reset(0, 1, false);
        (moment.end(0, 1).life, moment.overflow)
    }

    #[test]
    fn an_incarnation_that_is_still_named_is_not_numbered_again_unnoticed() {
        let (_, overflow) = after_reset(Base::Hardened);
        assert!(overflow, "where incarnations are compared, the next number has to be free");
        assert_eq!(after_reset(Base::ALL[0]), (2, false), "elsewhere the next that is free is taken");
    }
}
