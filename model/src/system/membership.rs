//! What the cluster manager does and tells, and a node's own departure (section 7, CLS-2, CLS-3; section 14).

use super::action::choice;
use super::moment::Moment;
use super::observer::Observer;
use super::state::{End, Notice, Pending, Phase, Second, Status, System};
use super::wire::Kind;
use crate::message::Version;
use crate::record::{Event, FirstAdd, State};
use crate::rules::{FinStep, ResetAfterShutdown};
use crate::seq::Seq;

impl<const N: usize, const M: usize, O: Observer> Moment<'_, N, M, O> {
    fn is_in(&self, x: usize, lockspace: u8) -> bool {
        self.system.node(x).joined & 1 << lockspace != 0
    }

    fn pending_mut(&mut self, x: usize, y: usize, lockspace: u8) -> &mut Pending {
        let [first, second] = &mut self.end_mut(x, y).pending;
        if lockspace == 0 { first } else { second }
    }

    /// `x` joins a lockspace: its members are told of it, and it of them.
    pub(super) fn join(&mut self, x: usize, lockspace: u8) {
        if self.system.node(x).phase == Phase::Out {
            self.system.rejoins -= 1;
            let node = self.system.node_mut(x);
            (node.phase, node.closed, node.is_back) = (Phase::In, 0, true);
        }
        for y in System::<N, M>::peers(x) {
            if !self.is_in(y, lockspace) {
                continue;
            }
            if self.system.node(x).joined & self.system.node(y).joined == 0 {
                self.system.timed_out = false;
                for (a, b) in [(x, y), (y, x)] {
                    let end = self.end_mut(a, b);
                    (end.unseen, end.sent) = (true, 0);
                }
            }
            for (a, b) in [(x, y), (y, x)] {
                let pending = self.pending_mut(a, b, lockspace);
                *pending = if *pending == Pending::Remove { Pending::RemoveAdd } else { Pending::Add };
            }
        }
        self.system.node_mut(x).joined |= 1 << lockspace;
    }

    /// `x` leaves a lockspace. With its last one its shutdown begins.
    pub(super) fn leave(&mut self, x: usize, lockspace: u8) {
        self.system.node_mut(x).joined &= !(1 << lockspace);
        let is_last = self.system.node(x).joined == 0;
        for y in System::<N, M>::peers(x) {
            if self.is_in(y, lockspace) {
                *self.pending_mut(y, x, lockspace) = Pending::Remove;
            }
            if !is_last && self.end(x, y).counted & 1 << lockspace != 0 {
                self.remove(x, y, lockspace, 0);
            }
        }
        if is_last {
            self.system.node_mut(x).phase = Phase::Waiting;
        }
    }

    /// `x` is told the next event about `y` in a lockspace.
    pub(super) fn process(&mut self, x: usize, y: usize, lockspace: u8, choices: u8) {
        let pending = self.pending_mut(x, y, lockspace);
        let event = *pending;
        *pending = if event == Pending::RemoveAdd { Pending::Add } else { Pending::Nothing };
        match event {
            Pending::Add => self.add(x, y, lockspace),
            Pending::Remove | Pending::RemoveAdd => self.remove(x, y, lockspace, choices),
            Pending::Nothing => {}
        }
    }

    fn add(&mut self, x: usize, y: usize, lockspace: u8) {
        let record = &self.end(x, y).record;
        let is_left_over = record.users == 0 && record.version == Some(Version::V3_1);
        if is_left_over && self.rules(x).first_add == FirstAdd::ResetsOld {
            self.reset(x, y, false); // HRD-4
            self.end_mut(x, y).unseen = true;
        }
        self.drive(x, y, Event::AddMember, 0);
        let end = self.end_mut(x, y);
        end.counted |= 1 << lockspace;
        end.unseen = false;
        if end.record.version.is_none() {
            self.ask_status(x, y);
        }
    }

    /// RCOM STATUS, bare.
    pub(super) fn ask_status(&mut self, x: usize, y: usize) {
        if !self.end(x, y).asks() {
            let bound = self.end(x, y).bound;
            self.push(x, y, Kind::Status, 0, bound);
        }
    }

    fn remove(&mut self, x: usize, y: usize, lockspace: u8, choices: u8) {
        let rules = *self.rules(x);
        let end = self.end_mut(x, y);
        let bit = 1 << lockspace;
        if rules.members_by_lockspace && end.counted & bit == 0 {
            return; // HRD-5
        }
        end.counted &= !bit;
        if end.record.users == 0 && !rules.removal_at_zero_ignored {
            end.record.users = 3; // D10: stands for every number below zero
            return;
        }
        self.drive(x, y, Event::RemoveMember, choices);
    }

    /// `x` drops all that it had about `y`, which is dead.
    pub(super) fn fence(&mut self, x: usize, y: usize) {
        let len = self.link(x, y).fifo.len();
        self.lose(x, y, 0, len);
        let sent = usize::from(self.link(y, x).sent);
        self.lose(y, x, 0, sent);
        self.reset(x, y, true);
        let end = self.end_mut(x, y);
        (end.record.users, end.counted, end.fence) = (0, 0, false);
        (end.notice, end.second) = (Notice::Quiet, Second::Done);
        (end.link.status, end.link.unaccepted) = (Status::Down, 0);
    }

    /// `x` loses its memory and its sockets. Of what it had written to each peer, `kept` messages arrive.
    pub(super) fn crash(&mut self, x: usize, kept: usize) {
        self.system.crashes -= 1;
        let joined = self.system.node(x).joined;
        for y in System::<N, M>::peers(x) {
            let shared = joined & self.system.node(y).joined;
            self.reset(x, y, true);
            self.cut_off(x, y, kept);
            let fresh = self.end(x, y);
            let fresh = End { life: fresh.life, link: fresh.link, accepted: fresh.accepted, ..End::default() };
            *self.end_mut(x, y) = fresh;
            if self.system.node(y).phase == Phase::Out {
                continue;
            }
            self.end_mut(y, x).fence = true;
            for lockspace in (0..2).filter(|lockspace| shared & 1 << lockspace != 0) {
                *self.pending_mut(y, x, lockspace) = Pending::Remove;
            }
        }
        let node = self.system.node_mut(x);
        (node.phase, node.closed, node.joined) = (Phase::Out, 0, 0);
    }

    /// `x`'s sockets are gone: at most `kept` of the messages that it wrote arrive at `y`, and `y` will notice.
    fn cut_off(&mut self, x: usize, y: usize, kept: usize) {
        let sent = usize::from(self.link(x, y).sent);
        let len = self.link(x, y).fifo.len();
        self.lose(x, y, kept.min(sent), len);
        let link = self.link_mut(x, y);
        (link.status, link.unaccepted) = (Status::Down, 0);
        let link = self.link(y, x);
        let (had, is_connected) = (usize::from(link.sent), link.status != Status::Down);
        self.lose(y, x, 0, had);
        if is_connected && self.system.node(y).phase != Phase::Out {
            self.link_mut(y, x).status = Status::Broken;
            self.end_mut(y, x).notice = Notice::Error;
        }
    }

    /// CLS-2, then the first peer of CLS-3.
    pub(super) fn begin_shutdown(&mut self, x: usize, choices: u8) {
        let removes_first = self.rules(x).removes_members_first;
        for y in System::<N, M>::peers(x) {
            for lockspace in 0..2 {
                if removes_first && self.end(x, y).counted & 1 << lockspace != 0 {
                    self.remove(x, y, lockspace, choices);
                }
            }
        }
        let node = self.system.node_mut(x);
        (node.phase, node.closed) = (Phase::Shutting, 0);
        self.close_next(x, choices);
    }

    /// CLS-3: the next peer with which there is a handshake; or the end.
    fn close_next(&mut self, x: usize, choices: u8) {
        while usize::from(self.system.node(x).closed) < M {
            let y = self.system.closing_with(x);
            if self.end(x, y).record.version == Some(Version::V3_2) {
                self.drive(x, y, Event::Shutdown, choices);
                return;
            }
            self.system.node_mut(x).closed += 1;
        }
        self.finish_shutdown(x);
    }

    fn finish_shutdown(&mut self, x: usize) {
        self.system.node_mut(x).closed = 0;
        if !self.rules(x).removes_members_first {
            for y in System::<N, M>::peers(x) {
                self.end_mut(x, y).record.users = 0;
                self.end_mut(x, y).counted = 0;
            }
        }
        if self.world.environment.lingers {
            self.system.node_mut(x).phase = Phase::Lingering;
        } else {
            self.drain(x);
        }
    }

    /// The record of the peer at hand is CLOSED.
    pub(super) fn shutdown_goes_on(&mut self, x: usize, choices: u8) {
        self.system.node_mut(x).closed += 1;
        self.close_next(x, choices);
    }

    /// The shutdown gives up waiting.
    pub(super) fn shutdown_times_out(&mut self, x: usize, choices: u8) {
        self.system.timed_out = true;
        if self.system.node(x).phase == Phase::Waiting {
            self.begin_shutdown(x, choices);
            return;
        }
        let y = self.system.closing_with(x);
        let resets = match self.rules(x).reset_after_shutdown {
            ResetAfterShutdown::OnTimeout => true,
            ResetAfterShutdown::Either => choices & choice::OTHER == 0,
            ResetAfterShutdown::EveryRecord | ResetAfterShutdown::Never => false,
        };
        if resets {
            self.reset(x, y, true);
        }
        self.end_mut(x, y).second = Second::Done;
        self.shutdown_goes_on(x, choices);
    }

    /// The sockets are shut down for writing, behind what is left to write.
    pub(super) fn drain(&mut self, x: usize) {
        self.system.node_mut(x).phase = Phase::Draining;
        for y in System::<N, M>::peers(x) {
            let is_connected = [self.link(x, y), self.link(y, x)].iter().any(|link| link.status == Status::Up);
            let is_broken = self.link(x, y).status == Status::Broken;
            if is_connected && !is_broken {
                let len = self.link(x, y).fifo.len();
                self.write(x, y, len);
                self.insert_end(x, y, len);
            } else {
                let (sent, len) = (usize::from(self.link(x, y).sent), self.link(x, y).fifo.len());
                self.lose(x, y, sent, len);
            }
            self.link_mut(x, y).status = Status::Down;
        }
    }

    /// The sockets are closed, and the records reset where the rules say so.
    pub(super) fn stop(&mut self, x: usize, choices: u8) {
        let resets = match self.rules(x).reset_after_shutdown {
            ResetAfterShutdown::EveryRecord => true,
            ResetAfterShutdown::Either => choices & choice::OTHER != 0,
            ResetAfterShutdown::OnTimeout | ResetAfterShutdown::Never => false,
        };
        for y in System::<N, M>::peers(x) {
            let first = Seq(self.world.environment.first_number);
            if resets && !self.end(x, y).is_fresh(Seq::ZERO, first) {
                let is_excused = self.system.timed_out;
                self.reset(x, y, is_excused);
            }
            let sent = usize::from(self.link(x, y).sent);
            self.cut_off(x, y, sent);
            let end = self.end_mut(x, y);
            (end.notice, end.second, end.stale_len) = (Notice::Quiet, Second::Done, 0);
            end.stale = Default::default();
            (end.pending, end.fence) = ([Pending::Nothing; 2], false);
        }
        self.system.node_mut(x).phase = Phase::Out;
    }

    /// The second step of what a defect does in two.
    pub(super) fn second_step(&mut self, x: usize, y: usize, choices: u8) {
        let second = std::mem::take(&mut self.end_mut(x, y).second);
        match second {
            Second::Done => {}
            Second::SendFin => {
                debug_assert!(self.rules(x).fin_step == FinStep::Two);
                if self.end(x, y).record.state == State::FinWait1 {
                    self.send_fin_now(x, y, choices);
                }
            }
            Second::SetStopTx => self.end_mut(x, y).record.stop_tx = true,
            Second::TakeNumber => self.send_data(x, y),
            Second::Release(number) => {
                let (number, beyond) = (self.world.seq(number), self.rules(x).ack_beyond);
                let end = self.end_mut(x, y);
                let head = end.record.queue_head;
                end.record.receive_ack(number, beyond);
                if end.record.queue_head != head {
                    self.check_false_ack(x, y);
                }
            }
        }
    }
}

/// Whether `y` may be told of `x` in a lockspace that `x` joins: what it was told before is done with, or queued in order.
pub(super) fn may_join<const N: usize, const M: usize>(system: &System<N, M>, x: usize, lockspace: u8) -> bool {
    System::<N, M>::peers(x).all(|y| {
        let end = system.end(y, x);
        let [first, second] = end.pending;
        let pending = if lockspace == 0 { first } else { second };
        !end.fence && matches!(pending, Pending::Nothing | Pending::Remove)
    })
}
