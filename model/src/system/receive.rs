//! What a node does with a message (sections 4 to 7).

use super::action::choice;
use super::moment::Moment;
use super::observer::{Observer, Occurrence, Outcome};
use super::property::{self, Property};
use super::state::{Phase, Second, Status};
use super::wire::{Kind, Msg};
use crate::message::Version;
use crate::record::{Event, Receipt, State};
use crate::revision::Establishes;
use crate::rules::{DataAck, FinAck, FinStep, LifeIds, OnClosed, StatusInClosing, StopRx, StopTx, ThresholdAck};

impl<const N: usize, const M: usize, O: Observer> Moment<'_, N, M, O> {
    /// `x` reads the oldest message that `y` wrote.
    pub(super) fn receive(&mut self, x: usize, y: usize, choices: u8) {
        let link = self.link_mut(y, x);
        let Some(message) = link.fifo.pop() else { return };
        link.sent -= 1;
        link.old = link.old.saturating_sub(1);
        self.handle(x, y, message, choices, false);
    }

    /// `x` handles what it had read from a connection that was replaced (NET-5).
    pub(super) fn receive_stale(&mut self, x: usize, y: usize, choices: u8) {
        if let Some(message) = self.end_mut(x, y).pop_stale() {
            self.handle(x, y, message, choices, true);
        }
    }

    fn handle(&mut self, x: usize, y: usize, message: Msg, choices: u8, stale: bool) {
        let outcome = self.outcome(x, y, message, choices);
        self.observer.see(Occurrence::Read { from: y, to: x, message, stale, outcome });
    }

    fn outcome(&mut self, x: usize, y: usize, message: Msg, choices: u8) -> Outcome {
        if message.kind() == Kind::End {
            self.receive_end(x, y);
            return Outcome::Handled;
        }
        if self.version(x) == Version::V3_1 {
            // A node of before this protocol: it takes everything as it comes.
            self.end_mut(x, y).record.version = Some(Version::V3_1);
            return if message.kind() == Kind::Status {
                self.receive_status(x, y, message, choices)
            } else {
                Outcome::Handled
            };
        }
        let has_ids = self.world.has_ids(x) && self.world.has_ids(y) && !message.is_old_version();
        if has_ids {
            if let Some(outcome) = self.screen(x, y, message) {
                return outcome;
            }
        } else if let Some(outcome) = self.detect(x, y, message) {
            return outcome;
        }
        match message.kind() {
            Kind::Status => self.receive_status(x, y, message, choices),
            Kind::StatusReply | Kind::End => Outcome::Handled,
            Kind::Data if message.is_bare() => self.receive_bare(x, y, message),
            Kind::Data | Kind::Fin => self.receive_sequenced(x, y, message, choices),
            Kind::Ack => self.receive_ack(x, y, message, choices),
            Kind::Gone => self.receive_gone(x, y),
        }
    }

    /// VER-1 to VER-4.
    fn detect(&mut self, x: usize, y: usize, message: Msg) -> Option<Outcome> {
        let version = if message.is_old_version() { Version::V3_1 } else { Version::V3_2 };
        let is_status = matches!(message.kind(), Kind::Status | Kind::StatusReply);
        let rules = *self.rules(x);
        if rules.establishes == Establishes::Never && self.end(x, y).record.state == State::Closed {
            return Some(self.refuse(x, y, message)); // HRD-2
        }
        let before = self.end(x, y).record.state;
        if rules.establishes == Establishes::StatusOrAck && message.is_sequenced() && before == State::Closed {
            return Some(Outcome::Dropped("the peer's version is not known (VER-2)"));
        }
        self.end_mut(x, y).record.detect(version, is_status, rules.establishes);
        self.note_state(x, y, before);
        match self.end(x, y).record.version {
            None => Some(Outcome::Dropped("the peer's version is not known (VER-2)")),
            Some(known) if known == version => None,
            Some(_) if rules.other_versions_dropped => Some(Outcome::Dropped("it is of another version (VER-3)")),
            Some(_) => {
                let holds = property::version_consistent(&self.end(x, y).record, version);
                self.require(Property::VersionConsistent, holds);
                None
            }
        }
    }

    /// What comes to a CLOSED record that only an add establishes. A FIN from a Linux node is acknowledged: it is a copy,
    /// for no incarnation that would end by it has begun.
    fn refuse(&mut self, x: usize, y: usize, message: Msg) -> Outcome {
        if message.kind() == Kind::Fin && self.rules(x).answers_gone {
            self.push(x, y, Kind::Ack, message.number() + 1, Some(message.source()));
            return Outcome::Dropped("the record is CLOSED; it is acknowledged all the same (HRD-3)");
        }
        Outcome::Dropped("the record is CLOSED (HRD-2)")
    }

    /// What the incarnations in a message say, between two nodes that send them (HRD-1).
    fn screen(&mut self, x: usize, y: usize, message: Msg) -> Option<Outcome> {
        let end = self.end(x, y);
        let is_old = end.record.version == Some(Version::V3_1);
        let is_over = is_old || end.bound.is_some_and(|bound| self.is_newer(x, y, message.source(), bound));
        if message.kind() == Kind::Status && is_over {
            self.restart(x, y);
        } else if is_old {
            return Some(Outcome::Dropped("it is of another version (VER-3)"));
        }
        let is_mine = message.destination() == Some(self.end(x, y).life);
        let may_establish = self.rules(x).establishes != Establishes::Never; // without HRD-2
        let is_closed = self.end(x, y).record.state == State::Closed;
        if may_establish && is_closed && (is_mine || message.kind() == Kind::Status) {
            self.enter(x, y, State::Established); // VER-4
        }
        let end = self.end(x, y);
        let is_open = end.record.state != State::Closed;
        let is_known = end.bound.is_none_or(|bound| bound == message.source());
        if is_open && is_mine && is_known {
            let end = self.end_mut(x, y);
            end.bound = Some(message.source());
            end.record.version = Some(Version::V3_2);
            return None;
        }
        match message.kind() {
            Kind::Status if is_open && is_known => None,
            Kind::Fin if !is_mine && is_open && self.rules(x).answers_gone => {
                self.ask_status(x, y);
                Some(Outcome::Dropped("the incarnation that it is for is over: the next one asks (HRD-3)"))
            }
            Kind::Fin if !is_mine && self.rules(x).answers_gone => {
                let about = message.destination();
                self.push_with(x, y, Kind::Gone, 0, Some(message.source()), |gone| gone.of_life(about));
                Some(Outcome::Dropped("the incarnation that it is for is over, which is said in answer (HRD-3)"))
            }
            _ if !is_open => Some(Outcome::Dropped("the record is CLOSED (HRD-2)")),
            _ if !is_mine => Some(Outcome::Dropped("it is for another incarnation (HRD-1)")),
            _ => Some(Outcome::Dropped("it is of another incarnation (HRD-1)")),
        }
    }

    /// A MSG without OPTS: right from a node of 3.1, refused from one of 3.2 (RCV-6).
    fn receive_bare(&mut self, x: usize, y: usize, message: Msg) -> Outcome {
        if message.is_old_version() {
            return Outcome::Handled;
        }
        self.end_mut(y, x).lost = true;
        Outcome::Dropped("it is bare, and from a node of 3.2 (RCV-6)")
    }

    /// Whether one incarnation of `y` is newer than another. They are told apart by how far back from the present one they
    /// are, which is less than four ([`Moment::reset`]).
    fn is_newer(&self, x: usize, y: usize, life: u8, other: u8) -> bool {
        let age = |life: u8| self.end(y, x).life.wrapping_sub(life) & 3;
        age(life) < age(other)
    }

    /// The peer's incarnation is over, for a newer one asks. So is this one, and the next begins at once.
    fn restart(&mut self, x: usize, y: usize) {
        self.reset(x, y, false);
        let phase = self.system.node(x).phase;
        if phase == Phase::Shutting {
            self.system.node_mut(x).phase = Phase::Waiting;
        }
        if matches!(phase, Phase::In | Phase::Waiting | Phase::Shutting) {
            self.end_mut(x, y).record.state = State::Established;
            self.observer.see(Occurrence::Changed { node: x, peer: y, from: State::Closed, to: State::Established });
            self.ask_status(x, y);
        }
    }

    fn receive_status(&mut self, x: usize, y: usize, message: Msg, choices: u8) -> Outcome {
        let state = self.end(x, y).record.state;
        let resets = match self.rules(x).status_in_closing {
            StatusInClosing::Delivered => false,
            StatusInClosing::Resets => true,
            StatusInClosing::Either => choices & choice::OTHER != 0,
        };
        if state.is_closing() && resets {
            self.reset(x, y, false);
            self.end_mut(x, y).record.version = Some(Version::V3_2);
            self.enter(x, y, State::Established);
        }
        let end = self.end(x, y);
        let (is_member, answers, sent) = (end.record.users > 0, end.answers(), end.sent);
        let environment = &self.world.environment;
        if is_member || !environment.not_ready || self.world.has_ids(x) {
            if !answers {
                self.push(x, y, Kind::StatusReply, 0, Some(message.source()));
            }
        } else if environment.not_ready && self.may_send(x, y) && sent < environment.messages_of(x) {
            self.end_mut(x, y).sent += 1;
            self.send_data(x, y); // SND-2: "not ready" is sequenced
        }
        Outcome::Handled
    }

    /// Whether a fresh number may be used towards `y`.
    pub(super) fn may_send(&self, x: usize, y: usize) -> bool {
        let record = &self.end(x, y).record;
        record.version == Some(Version::V3_2)
            && !record.stop_tx
            && matches!(record.state, State::Established | State::CloseWait)
    }

    fn receive_sequenced(&mut self, x: usize, y: usize, message: Msg, choices: u8) -> Outcome {
        let rules = *self.rules(x);
        let seq = self.world.seq(message.number());
        let end = self.end_mut(x, y);
        match end.record.receive_number(seq, rules.comparison) {
            Receipt::Gap => return Outcome::Gap,
            Receipt::Duplicate => {
                self.push_ack(x, y);
                return Outcome::Duplicate;
            }
            Receipt::Accepted => {}
        }
        self.meet(x, y, message);
        let end = self.end_mut(x, y);
        if let Some(accepted) = end.accepted.get_mut(usize::from(message.source())) {
            let holds = property::exactly_once_in_order(*accepted, message.number());
            *accepted = message.number() + 1;
            self.require(Property::ExactlyOnceInOrder, holds);
        }
        if message.kind() == Kind::Fin {
            self.receive_fin(x, y, message.source(), choices);
        } else {
            let holds = property::no_rx_after_stop(&self.end(x, y).record);
            self.require(Property::NoRxAfterStop, holds);
            self.end_mut(x, y).delivered = rules.data_ack != DataAck::EveryMessage;
            self.acknowledge_data(x, y, choices);
        }
        Outcome::Accepted
    }

    fn acknowledge_data(&mut self, x: usize, y: usize, choices: u8) {
        let acks = match self.rules(x).data_ack {
            DataAck::EveryMessage => true,
            DataAck::EveryBatch => false, // when the batch is done
            DataAck::Threshold => choices & choice::ACK != 0,
        };
        if acks {
            self.push_threshold_ack(x, y);
        }
    }

    fn receive_fin(&mut self, x: usize, y: usize, source: u8, choices: u8) {
        let rules = *self.rules(x);
        if rules.fin_ack == FinAck::BeforeState {
            self.push_ack(x, y);
        }
        let is_known = self.drive(x, y, Event::ReceiveFin, choices);
        if !is_known {
            // Its number is used up, yet it was not accepted.
            if let Some(accepted) = self.end_mut(x, y).accepted.get_mut(usize::from(source)) {
                *accepted -= 1;
            }
        }
        if rules.stop_rx == StopRx::EveryFin {
            self.end_mut(x, y).record.stop_rx = true;
        }
    }

    fn receive_ack(&mut self, x: usize, y: usize, message: Msg, choices: u8) -> Outcome {
        let rules = *self.rules(x);
        if rules.life_ids == LifeIds::Acks && message.destination() != Some(self.end(x, y).life) {
            return Outcome::Dropped("it is for another incarnation (HRD-1)");
        }
        let number = self.world.seq(message.number());
        let end = self.end_mut(x, y);
        let before = end.record;
        let fin = end.record.receive_ack(number, rules.ack_beyond);
        let released = before.queue_head.distance_to(end.record.queue_head);
        if end.second == Second::TakeNumber && !number.is_before(before.seq_send) && number != self.world.seq(0) {
            self.violate(Property::NoFalseAck); // D9: the message whose number is still 0 goes with the others
        }
        if released > 0 {
            self.meet(x, y, message);
            self.check_false_ack(x, y);
        }
        if rules.ack_passes_two && fin {
            let end = self.end_mut(x, y);
            end.record.queue_head = before.queue_head;
            end.second = Second::Release(message.number());
        }
        if fin {
            self.drive(x, y, Event::AckOfFin, choices);
        }
        Outcome::Released(released)
    }

    /// The record acts on a message: from now on it talks to the incarnation that sent it.
    fn meet(&mut self, x: usize, y: usize, message: Msg) {
        let holds = property::no_cross_incarnation(self.end(x, y), message.source(), message.destination());
        self.require(Property::NoCrossIncarnation, holds);
        self.end_mut(x, y).bound = Some(message.source());
    }

    pub(super) fn check_false_ack(&mut self, x: usize, y: usize) {
        let end = self.end(x, y);
        let accepted = self.end(y, x).accepted.get(usize::from(end.life)).copied().unwrap_or_default();
        let holds = property::no_false_ack(self.world.seq(accepted), end.record.queue_head);
        self.require(Property::NoFalseAck, holds);
    }

    /// The peer's incarnation is over: so is this one, if it is only waiting for it.
    fn receive_gone(&mut self, x: usize, y: usize) -> Outcome {
        let state = self.end(x, y).record.state;
        if matches!(state, State::Closed | State::Established | State::CloseWait) {
            return Outcome::Dropped("nothing waits for that incarnation");
        }
        self.reset(x, y, false);
        Outcome::Handled
    }

    /// The peer closed its connections in order.
    fn receive_end(&mut self, x: usize, y: usize) {
        if self.system.node(x).phase == Phase::Draining {
            return;
        }
        let link = self.link(x, y);
        let (sent, status) = (usize::from(link.sent), link.status);
        if status == Status::Up {
            self.insert_end(x, y, sent);
        }
        self.link_mut(x, y).status = Status::Down;
    }

    pub(super) fn insert_end(&mut self, x: usize, y: usize, index: usize) {
        let link = self.link_mut(x, y);
        let message = Msg::new(Kind::End, 0, 0, None);
        if link.fifo.insert(index, message) {
            link.sent += 1;
            self.observer.see(Occurrence::Queued { from: x, to: y, index, message });
        } else {
            self.overflow = true;
        }
    }

    /// An event of the table, and what it asks for.
    /// False where the state does not know it.
    pub(super) fn drive(&mut self, x: usize, y: usize, event: Event, choices: u8) -> bool {
        let mut record = self.end(x, y).record;
        let number = self.world.offset(record.seq_next);
        let result = record.step(event);
        self.observer.see(Occurrence::Met { node: x, peer: y, event, expected: result.is_ok() });
        self.require(Property::NoUnexpected, property::no_unexpected(result)); // CLS-4
        let Ok(actions) = result else { return false };
        if actions.send_ack && self.rules(x).fin_ack == FinAck::Table {
            let bound = self.end(x, y).bound;
            self.push(x, y, Kind::Ack, number, bound);
        }
        let is_stuck = event == Event::AddMember;
        if actions.reset {
            self.reset(x, y, is_stuck);
            self.end_mut(x, y).unseen |= is_stuck;
        }
        let before = self.end(x, y).record.state;
        self.end_mut(x, y).record = record;
        self.note_state(x, y, before);
        if actions.reset && !is_stuck && self.rules(x).on_closed == OnClosed::DropsConnections {
            self.drop_connections(x, y);
        }
        if actions.send_fin {
            self.send_fin(x, y, event, choices);
        }
        true
    }

    /// Queues the own FIN.
    fn send_fin(&mut self, x: usize, y: usize, event: Event, choices: u8) {
        let rules = *self.rules(x);
        if event == Event::Shutdown && rules.fin_step == FinStep::Two {
            let end = self.end_mut(x, y);
            end.record.stop_tx = false;
            end.second = Second::SendFin;
            return;
        }
        self.send_fin_now(x, y, choices);
    }

    pub(super) fn send_fin_now(&mut self, x: usize, y: usize, choices: u8) {
        let rules = *self.rules(x);
        let acks = choices & choice::ACK != 0 && self.end(x, y).delivered;
        if acks && rules.threshold_ack == ThresholdAck::Before {
            self.push_threshold_ack(x, y);
        }
        let end = self.end_mut(x, y);
        let seq = end.record.take_fin();
        if rules.stop_tx == StopTx::AfterFin {
            end.record.stop_tx = false;
            end.second = Second::SetStopTx;
        }
        let bound = self.end(x, y).bound;
        self.push(x, y, Kind::Fin, self.world.offset(seq), bound);
        if acks && rules.threshold_ack == ThresholdAck::Behind {
            self.push_threshold_ack(x, y);
        }
    }
}
