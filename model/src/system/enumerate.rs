//! Which actions can happen.

use super::World;
use super::action::{Action, ActionKind, choice};
use super::membership::may_join;
use super::state::{End, Notice, Pending, Phase, Second, Status, System};
use super::transport::PAGE;
use super::wire::{Kind, Msg};
use crate::message::Version;
use crate::record::State;
use crate::rules::{DataAck, LifeIds, StatusInClosing};

/// Calls `visit` for every action that is possible in `system`, always in the same order.
pub(super) fn enumerate<const N: usize, const M: usize>(
    world: &World,
    system: &System<N, M>,
    visit: &mut impl FnMut(Action),
) {
    let possible = Possible { world, system };
    for x in 0..N {
        possible.of_node(x, visit);
        for y in System::<N, M>::peers(x) {
            possible.of_membership(x, y, visit);
            possible.of_upper_layer(x, y, visit);
            possible.of_receiver(x, y, visit);
            possible.of_transport(x, y, visit);
        }
    }
}

struct Possible<'a, const N: usize, const M: usize> {
    world: &'a World,
    system: &'a System<N, M>,
}

fn act(kind: ActionKind, node: usize, peer: usize, choice: u8) -> Action {
    Action { kind, node: node as u8, peer: peer as u8, choice }
}

impl<const N: usize, const M: usize> Possible<'_, N, M> {
    fn of_node(&self, x: usize, visit: &mut impl FnMut(Action)) {
        let environment = &self.world.environment;
        let node = self.system.node(x);
        for lockspace in 0..environment.lockspaces {
            let is_in = node.joined & 1 << lockspace != 0;
            let may_enter = node.phase == Phase::In || node.phase == Phase::Out && self.system.rejoins > 0;
            if !is_in && may_enter && may_join(self.system, x, lockspace) {
                visit(act(ActionKind::ManagerJoins, x, x, lockspace));
            }
            if is_in && self.may_leave(x) {
                visit(act(ActionKind::ManagerLeaves, x, x, lockspace));
            }
        }
        if self.system.crashes > 0 && node.phase == Phase::In && self.adds_are_done(x) {
            let most = node.ends.iter().map(|end| end.link.sent).max().unwrap_or_default();
            (0..=most).for_each(|kept| visit(act(ActionKind::NodeCrashes, x, x, kept)));
        }
        self.of_shutdown(x, visit);
    }

    fn of_shutdown(&self, x: usize, visit: &mut impl FnMut(Action)) {
        let node = self.system.node(x);
        let timeouts = self.world.environment.timeouts;
        // A node of before this protocol knows neither records nor a handshake.
        let is_old = self.world.version(x, node.is_back) == Version::V3_1;
        let waits = self.world.rules(x).waits_for_version && !is_old;
        let is_ignorant = node.ends.iter().any(|end| end.record.state != State::Closed && end.record.version.is_none());
        let either = |kind, visit: &mut dyn FnMut(Action)| {
            visit(act(kind, x, x, 0));
            if self.world.rules(x).reset_after_shutdown == crate::rules::ResetAfterShutdown::Either {
                visit(act(kind, x, x, choice::OTHER));
            }
        };
        match node.phase {
            Phase::In | Phase::Out => {}
            Phase::Waiting if waits && is_ignorant => {
                if timeouts {
                    visit(act(ActionKind::ShutdownTimesOut, x, x, 0));
                }
            }
            Phase::Waiting => self.with_ack(x, act(ActionKind::ShutdownRemovesMembers, x, x, 0), visit),
            Phase::Shutting => {
                if self.is_closed(x) {
                    self.with_ack(x, act(ActionKind::ShutdownGoesOn, x, x, 0), visit);
                } else if timeouts {
                    either(ActionKind::ShutdownTimesOut, visit);
                }
            }
            Phase::Lingering => {
                if !self.is_awaited(x) {
                    visit(act(ActionKind::LingerEnds, x, x, 0));
                }
            }
            Phase::Draining => {
                if self.is_drained(x) {
                    either(ActionKind::DrainEnds, visit);
                } else if timeouts {
                    either(ActionKind::DrainTimesOut, visit);
                }
            }
        }
    }

    /// With and without the threshold ACK that a FIN's reserve may send.
    fn with_ack(&self, x: usize, action: Action, visit: &mut impl FnMut(Action)) {
        visit(action);
        if self.system.node(x).ends.iter().any(|end| self.is_ack_due(x, end)) {
            visit(Action { choice: action.choice | choice::ACK, ..action });
        }
    }

    fn of_membership(&self, x: usize, y: usize, visit: &mut impl FnMut(Action)) {
        let end = self.system.end(x, y);
        for (lockspace, pending) in end.pending.iter().enumerate() {
            if *pending == Pending::Nothing {
                continue;
            }
            visit(act(ActionKind::NodeProcessesMember, x, y, lockspace as u8));
            let sends_fin = self.is_ack_due(x, end) && end.record.state == State::CloseWait && *pending != Pending::Add;
            if sends_fin {
                visit(act(ActionKind::NodeProcessesMember, x, y, lockspace as u8 | ACK_WITH_LOCKSPACE));
            }
        }
        if end.fence {
            visit(act(ActionKind::NodeFences, x, y, 0));
        }
    }

    fn of_upper_layer(&self, x: usize, y: usize, visit: &mut impl FnMut(Action)) {
        let end = self.system.end(x, y);
        let rules = self.world.rules(x);
        if self.may_send(x, end) {
            visit(act(ActionKind::UpperSends, x, y, 0));
            if self.is_ack_due(x, end) && end.record.version == Some(Version::V3_2) {
                visit(act(ActionKind::UpperSends, x, y, choice::ACK));
            }
        }
        if end.reserved.is_some() && rules.commits {
            visit(act(ActionKind::UpperCommits, x, y, 0));
        }
        let is_silent = !end.asks() && !self.system.end(y, x).answers();
        let is_asking = match self.system.node(x).phase {
            Phase::In => end.record.users > 0,
            Phase::Waiting => {
                end.record.users > 0 || rules.life_ids == LifeIds::All && end.record.state == State::Established
            }
            _ => false,
        };
        if is_asking && end.record.version.is_none() && is_silent {
            visit(act(ActionKind::UpperAsksStatus, x, y, 0));
        }
        let acks_alone = rules.idle_ack || rules.data_ack == DataAck::EveryBatch;
        if acks_alone && end.delivered && end.record.state != State::Closed {
            visit(act(ActionKind::RecordAcknowledges, x, y, 0));
        }
        if rules.retransmits_in_time && self.has_waited_long(x, y) {
            visit(act(ActionKind::RecordRetransmits, x, y, 0));
        }
        if end.second != Second::Done {
            visit(act(ActionKind::SecondStep, x, y, 0));
        }
    }

    /// The timer is longer than a message and its ACK take: nothing is under way, and nobody has yet to notice a break.
    fn has_waited_long(&self, x: usize, y: usize) -> bool {
        let (end, other) = (self.system.end(x, y), self.system.end(y, x));
        let has_committed = end.reserved != Some(self.world.offset(end.record.queue_head));
        end.record.queue_head != end.record.seq_send
            && has_committed
            && end.link.fifo.is_empty()
            && other.link.fifo.is_empty()
            && end.notice == Notice::Quiet
            && other.notice == Notice::Quiet
            && self.system.node(x).is_reachable()
            && self.system.node(y).is_reachable()
    }

    /// Whether a reserve may send a threshold ACK.
    fn is_ack_due(&self, x: usize, end: &End) -> bool {
        end.delivered && self.world.rules(x).data_ack == DataAck::Threshold
    }

    fn may_send(&self, x: usize, end: &End) -> bool {
        let most = self.world.environment.messages_of(x);
        let record = &end.record;
        self.system.node(x).phase == Phase::In
            && end.sent < most
            && record.users > 0
            && record.version.is_some()
            && !record.stop_tx
            && matches!(record.state, State::Established | State::CloseWait)
            && end.second == Second::Done
    }

    fn of_receiver(&self, x: usize, y: usize, visit: &mut impl FnMut(Action)) {
        let end = self.system.end(x, y);
        let input = &self.system.end(y, x).link;
        // An ACK's second pass is made by the thread that reads.
        let is_busy = matches!(end.second, Second::Release(_));
        if self.system.node(x).phase == Phase::Out {
            return;
        }
        let is_readable = input.sent > 0 && input.unaccepted == 0 && !is_busy;
        if let Some(message) = input.fifo.at(0).filter(|_| is_readable) {
            self.each_choice(x, end, message, |choice| visit(act(ActionKind::RecordReceives, x, y, choice)));
        }
        if input.unaccepted == 1 || input.unaccepted == 2 {
            visit(act(ActionKind::NodeAccepts, x, y, 0));
        }
        if !self.world.environment.stale {
            return;
        }
        if let Some(message) = end.stale().first().filter(|_| !is_busy) {
            self.each_choice(x, end, *message, |choice| {
                visit(act(ActionKind::RecordReceivesStale, x, y, choice));
            });
        }
        if end.stale_len == 0 && (input.old > 0 || end.notice != Notice::Quiet) {
            let most = if input.old > 0 { input.old } else { input.sent };
            (1..=most.min(2)).for_each(|kept| visit(act(ActionKind::InputIsDelayed, x, y, kept)));
        }
    }

    /// What a message leaves open.
    fn each_choice(&self, x: usize, end: &End, message: Msg, mut visit: impl FnMut(u8)) {
        let rules = self.world.rules(x);
        let is_either = rules.status_in_closing == StatusInClosing::Either;
        match message.kind() {
            Kind::Data => match rules.data_ack {
                DataAck::EveryMessage | DataAck::EveryBatch => visit(0),
                DataAck::Threshold => {
                    visit(0);
                    visit(choice::ACK);
                }
            },
            Kind::Fin if self.is_ack_due(x, end) => {
                visit(0);
                visit(choice::ACK);
            }
            Kind::Status if is_either && end.record.state.is_closing() => {
                visit(0);
                visit(choice::OTHER);
            }
            _ => visit(0),
        }
    }

    fn of_transport(&self, x: usize, y: usize, visit: &mut impl FnMut(Action)) {
        let end = self.system.end(x, y);
        let link = &end.link;
        let environment = &self.world.environment;
        let waiting = link.waiting();
        let page = waiting.get(..PAGE.min(waiting.len())).unwrap_or_default();
        let is_ready = !page.is_empty() && page.iter().all(|message| !message.is_uncommitted());
        if environment.pages && link.status != Status::Down && is_ready {
            visit(act(ActionKind::PageIsWritten, x, y, 0));
        }
        let is_alive = |node| self.system.node(node).phase != Phase::Out;
        if self.system.breaks > 0 && link.status == Status::Up && is_alive(x) && is_alive(y) {
            (link.old..=link.sent).for_each(|kept| visit(act(ActionKind::LinkBreaks, x, y, kept)));
        }
        if end.notice == Notice::Quiet || !is_alive(x) {
            return;
        }
        let may_be_partly_written = environment.pages && page.first().is_some_and(|first| !first.is_uncommitted());
        let may_close = self.system.end(y, x).notice == Notice::Error;
        for partly in [0, choice::PARTLY] {
            for close in [0, choice::CLOSE] {
                if (partly == 0 || may_be_partly_written) && (close == 0 || may_close) {
                    visit(act(ActionKind::NodeNoticesBreak, x, y, partly | close));
                }
            }
        }
    }

    fn may_leave(&self, x: usize) -> bool {
        let node = self.system.node(x);
        self.world.environment.leaves.get(x).copied().unwrap_or_default()
            && node.phase == Phase::In
            && node.ends.iter().all(|end| end.pending == [Pending::Nothing; 2] && !end.fence)
            && self.adds_are_done(x)
            && System::<N, M>::peers(x).all(|y| self.have_met(x, y))
    }

    /// Where one of two nodes speaks 3.1, there is no handshake to wait for: the add has not completed before each has
    /// heard of the other.
    fn have_met(&self, x: usize, y: usize) -> bool {
        let is_old = |node: usize| self.world.version(node, self.system.node(node).is_back) == Version::V3_1;
        let is_shared = self.system.node(x).joined & self.system.node(y).joined != 0;
        let knows = |a, b| self.system.end(a, b).record.version.is_some();
        !is_shared || !(is_old(x) || is_old(y)) || knows(x, y) && knows(y, x)
    }

    /// The current add has completed on both: nobody has yet to be told that `x` joined.
    fn adds_are_done(&self, x: usize) -> bool {
        System::<N, M>::peers(x)
            .map(|y| self.system.end(y, x))
            .all(|end| end.pending.iter().all(|pending| !matches!(pending, Pending::Add | Pending::RemoveAdd)))
    }

    fn is_closed(&self, x: usize) -> bool {
        let end = self.system.end(x, self.system.closing_with(x));
        end.record.state == State::Closed && end.second == Second::Done
    }

    fn is_awaited(&self, x: usize) -> bool {
        System::<N, M>::peers(x).any(|y| {
            let node = self.system.node(y);
            node.phase != Phase::Out && self.system.end(y, x).record.state != State::Closed
        })
    }

    fn is_drained(&self, x: usize) -> bool {
        System::<N, M>::peers(x).all(|y| {
            let link = &self.system.end(y, x).link;
            link.sent == 0 && link.status == Status::Down && self.system.end(x, y).notice == Notice::Quiet
        })
    }
}

/// [`choice::ACK`] beside a lockspace.
pub(super) const ACK_WITH_LOCKSPACE: u8 = 16;
