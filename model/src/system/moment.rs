//! One action while it happens: what all kinds of action need.

use super::World;
use super::observer::{Observer, Occurrence};
use super::property::{self, Property};
use super::state::{End, Link, Status, System};
use super::wire::{Kind, Msg};
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
        let end = self.end_mut(x, y);
        end.lost |= has_undelivered && !excused && !end.excused;
        end.life = (end.life + 1) & 3;
        end.record.reset();
        end.bound = None;
        end.delivered = false;
        end.late = false;
        end.excused = false;
        if end.reserved.take().is_some() {
            let len = end.link.fifo.len();
            end.link.fifo.update(0, len, |message| message.uncommitted(false));
        }
        let life = usize::from(end.life);
        let peer = self.end_mut(y, x);
        if let Some(accepted) = peer.accepted.get_mut(life) {
            *accepted = zero;
        }
        peer.excused |= excused;
        self.observer.see(Occurrence::Reset { node: x, peer: y });
        self.note_state(x, y, before);
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
        let end = self.system.end_mut(x, y);
        let message = change(Msg::new(kind, number, end.life, destination).old_version(is_old));
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
