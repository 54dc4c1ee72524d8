//! One action of the model as inputs of the implementation.

use midcomms::midcomms::{Config, Input, Kind as BodyKind};
use midcomms::wire::MSG_FIXED_LEN;
use midcomms_model::message::Version;
use midcomms_model::record::{Event as Met, State};
use midcomms_model::system::World;
use midcomms_model::system::action::{Action, ActionKind, choice};
use midcomms_model::system::observer::Occurrence;
use midcomms_model::system::state::{Notice, Pending, Phase, System};
use midcomms_model::system::wire::Kind;

use super::compare::{Difference, compare};
use super::lane::Item;
use super::lie::Lie;
use super::reasons::{Reason, obstacle};
use super::rig::{Notes, Rig, peers};
use super::settle::settle;
use super::wire::{self, lockspace};

/// [`choice::ACK`] beside a lockspace, in what a node is told of a member.
const ACK_WITH_LOCKSPACE: u8 = 16;

/// Why a path does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The implementation never does it.
    NotDrivable(Reason),
    /// Model and implementation do not agree.
    Differs(Box<Difference>),
    /// The bounds of the model are too small for what happens.
    Overflow,
}

/// Everything at one moment, on both sides.
#[derive(Clone, Debug)]
pub(super) struct Both<const N: usize, const M: usize> {
    pub(super) system: System<N, M>,
    pub(super) rig: Rig<N, M>,
}

/// What drives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver<'a> {
    pub(super) world: &'a World,
    pub(super) lie: Option<Lie>,
    /// What the implementation is set to where the model leaves it no choice.
    pub(super) patient: &'a Config,
}

/// What a step came to, on the model's side.
#[derive(Debug)]
pub(super) struct Step<const N: usize, const M: usize> {
    pub(super) before: System<N, M>,
    pub(super) seen: Vec<Occurrence>,
    /// The implementation went on at once where the model has another action for it: this one was driven too.
    pub(super) also: Option<(System<N, M>, Action)>,
}

impl Driver<'_> {
    /// Both sides at the beginning.
    pub(super) fn begin<const N: usize, const M: usize>(&self) -> Both<N, M> {
        Both { system: self.world.initial(), rig: Rig::new(self.world, self.patient) }
    }

    /// Lets an action that is possible happen on both sides, and compares them.
    pub(super) fn step<const N: usize, const M: usize>(
        &self,
        both: &mut Both<N, M>,
        action: Action,
    ) -> Result<Step<N, M>, Halt> {
        let mut step = Step { before: both.system, seen: Vec::new(), also: None };
        let mut effect = self.world.apply(&mut both.system, action, &mut step.seen);
        let (x, y) = (usize::from(action.node), usize::from(action.peer));
        let is_shutting = x != y && both.rig.seat(x, y).is_shutting;
        if let Some(reason) = obstacle((&step.before, &both.system), action, &step.seen, is_shutting) {
            return Err(Halt::NotDrivable(reason));
        }
        if let Some(next) = eager(&both.rig, &both.system) {
            step.also = Some((both.system, next));
            let more = self.world.apply(&mut both.system, next, &mut step.seen);
            effect.overflow |= more.overflow;
        }
        if effect.overflow {
            return Err(Halt::Overflow);
        }
        let mut hands: Hands<'_, N, M> = Hands {
            driver: self,
            rig: &mut both.rig,
            before: &step.before,
            after: &both.system,
            seen: &step.seen,
            notes: std::array::from_fn(|_| std::array::from_fn(|_| Notes::default())),
            handed: None,
        };
        hands.perform(action);
        if let Some((middle, next)) = &step.also {
            hands.before = middle;
            hands.perform(*next);
        }
        let Hands { mut notes, handed, .. } = hands;
        let mut faults = settle(self.world, both, &step, &mut notes);
        compare(self, both, &step, (&notes, handed.as_ref()), &mut faults);
        if faults.is_empty() {
            return Ok(step);
        }
        Err(Halt::Differs(Box::new(Difference::new(self.world, both, faults))))
    }
}

/// A node that was restarted by its peer in the middle of its shutdown goes on with it as soon as it knows the peer's
/// version; in the model it may wait.
fn eager<const N: usize, const M: usize>(rig: &Rig<N, M>, system: &System<N, M>) -> Option<Action> {
    let may_go_on = |x: usize| {
        let node = system.node(x);
        let knows = node.ends.iter().all(|end| end.record.state == State::Closed || end.record.version.is_some());
        let is_in_it =
            peers::<M>(x).any(|y| rig.seat(x, y).is_shutting && system.end(x, y).record.state != State::Closed);
        node.phase == Phase::Waiting && knows && is_in_it
    };
    let node = (0..N).find(|x| may_go_on(*x))? as u8;
    Some(Action { kind: ActionKind::ShutdownRemovesMembers, node, peer: node, choice: 0 })
}

struct Hands<'a, const N: usize, const M: usize> {
    driver: &'a Driver<'a>,
    rig: &'a mut Rig<N, M>,
    before: &'a System<N, M>,
    after: &'a System<N, M>,
    seen: &'a [Occurrence],
    notes: [[Notes; M]; N],
    /// The message that was read.
    handed: Option<Item>,
}

#[expect(clippy::indexing_slicing, reason = "nodes are those of the model's pairs, which are in range")]
impl<const N: usize, const M: usize> Hands<'_, N, M> {
    fn input(&mut self, x: usize, y: usize, input: Input) {
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        self.rig.input((x, y), input, notes, self.driver.lie);
    }

    fn perform(&mut self, action: Action) {
        let (x, y, choices) = (usize::from(action.node), usize::from(action.peer), action.choice);
        match action.kind {
            ActionKind::ManagerJoins => self.join(x),
            ActionKind::ManagerLeaves => self.leave(x, choices),
            ActionKind::NodeCrashes => peers::<M>(x).for_each(|y| self.rig.start(self.driver.world, self.driver.patient, (x, y))),
            ActionKind::NodeProcessesMember => self.process(x, y, usize::from(choices & !ACK_WITH_LOCKSPACE)),
            ActionKind::NodeFences => self.input(x, y, Input::Fence),
            ActionKind::ShutdownRemovesMembers => self.shut_down(x, true),
            ActionKind::ShutdownGoesOn => self.shut_down(x, false),
            ActionKind::ShutdownTimesOut => self.shut_down(x, self.before.node(x).phase == Phase::Waiting),
            ActionKind::DrainEnds | ActionKind::DrainTimesOut => peers::<M>(x).for_each(|y| self.stop(x, y)),
            ActionKind::UpperSends => self.send(x, y, choices & choice::ACK != 0),
            ActionKind::UpperCommits => self.commit(x, y),
            ActionKind::UpperAsksStatus | ActionKind::RecordRetransmits => self.time_out(x, y),
            ActionKind::RecordAcknowledges => {
                self.acknowledge(x, y);
                self.input(x, y, Input::Timeout);
            }
            ActionKind::RecordReceives => {
                let item = self.rig.seat_mut(y, x).lane.pop();
                self.receive(x, y, item, choices);
            }
            ActionKind::RecordReceivesStale => {
                let lane = &mut self.rig.seat_mut(y, x).lane;
                let item = (!lane.stale.is_empty()).then(|| lane.stale.remove(0));
                self.receive(x, y, item, choices);
            }
            ActionKind::NodeNoticesBreak => {
                let in_order = self.before.end(x, y).notice == Notice::Close;
                let notes = &mut self.notes[x][super::rig::slot(x, y)];
                self.rig.leave_connections((x, y), in_order, notes, self.driver.lie);
            }
            // What only the driver carries.
            ActionKind::LingerEnds
            | ActionKind::InputIsDelayed
            | ActionKind::PageIsWritten
            | ActionKind::LinkBreaks
            // No action of hardened nodes.
            | ActionKind::NodeAccepts
            | ActionKind::SecondStep => {}
        }
    }

    /// A node that comes back with version 3.2 after 3.1 is played no more.
    fn join(&mut self, x: usize) {
        let environment = &self.driver.world.environment;
        let [_, version] = environment.versions.get(x).copied().unwrap_or([Version::V3_2; 2]);
        for y in peers::<M>(x) {
            if self.after.node(x).is_back && version == Version::V3_2 && self.rig.seat(x, y).peer.is_none() {
                self.rig.start(self.driver.world, self.driver.patient, (x, y));
                let life = usize::from(self.after.end(x, y).life);
                let seat = self.rig.seat_mut(x, y);
                if let (Some(slot), Some(peer)) = (seat.lives.get_mut(life), &seat.peer) {
                    *slot = peer.snapshot().incarnation;
                }
            }
        }
    }

    fn leave(&mut self, x: usize, index: u8) {
        if self.after.node(x).phase == Phase::Waiting {
            return;
        }
        for y in peers::<M>(x) {
            if self.before.end(x, y).counted & 1 << index != 0 {
                self.input(x, y, Input::RemoveMember(lockspace(usize::from(index))));
            }
        }
    }

    fn process(&mut self, x: usize, y: usize, index: usize) {
        self.acknowledge_as_the_model(x, y);
        match self.before.end(x, y).pending.get(index) {
            Some(Pending::Add) => {
                self.input(x, y, Input::AddMember(lockspace(index)));
                self.ask_as_the_model(x, y);
            }
            Some(Pending::Remove | Pending::RemoveAdd) => self.input(x, y, Input::RemoveMember(lockspace(index))),
            Some(Pending::Nothing) | None => {}
        }
    }

    fn has_queued(&self, x: usize, y: usize, kind: Kind) -> bool {
        self.seen.iter().any(|occurrence| {
            matches!(occurrence, Occurrence::Queued { from, to, message, .. }
                if (*from, *to) == (x, y) && message.kind() == kind)
        })
    }

    /// An ACK that the model has go out before a FIN.
    fn acknowledge_as_the_model(&mut self, x: usize, y: usize) {
        if self.has_queued(x, y, Kind::Ack) {
            self.acknowledge(x, y);
        }
    }

    /// The model asks again with every add while the version is unknown, the implementation when its timer says so.
    fn ask_as_the_model(&mut self, x: usize, y: usize) {
        let has_asked = self.notes[x][super::rig::slot(x, y)].said.iter().any(|said| said.kind == Kind::Status);
        if self.has_queued(x, y, Kind::Status) && !has_asked {
            self.time_out(x, y);
        }
    }

    fn acknowledge(&mut self, x: usize, y: usize) {
        if let Some(peer) = &mut self.rig.seat_mut(x, y).peer {
            peer.acknowledge();
        }
    }

    /// CLS-2 and CLS-3: which peer the handshake is made with now is the node's business, not the record's.
    fn shut_down(&mut self, x: usize, removes: bool) {
        for y in peers::<M>(x) {
            self.acknowledge_as_the_model(x, y);
            for index in (0..2).filter(|index| removes && self.before.end(x, y).counted & 1 << index != 0) {
                self.input(x, y, Input::RemoveMember(lockspace(index)));
            }
        }
        for y in peers::<M>(x) {
            let begins = self.seen.iter().any(|occurrence| {
                matches!(occurrence, Occurrence::Met { node, peer, event: Met::Shutdown, .. } if (*node, *peer) == (x, y))
            });
            let seat = self.rig.seat_mut(x, y);
            if begins && !seat.is_shutting {
                seat.is_shutting = true;
                self.input(x, y, Input::Shutdown);
            }
        }
    }

    /// The node is out: what is left of a session is given up, and so are the connections.
    fn stop(&mut self, x: usize, y: usize) {
        let is_reset = self.seen.contains(&Occurrence::Reset { node: x, peer: y });
        let Some(peer) = &mut self.rig.seat_mut(x, y).peer else { return };
        if is_reset {
            peer.set_config(Config { shutdown_timeout: core::time::Duration::ZERO, ..self.driver.patient.clone() });
            if self.rig.seat(x, y).is_shutting {
                self.rig.seat_mut(x, y).now += 1 << 60;
                self.input(x, y, Input::Timeout);
            } else {
                self.input(x, y, Input::Shutdown);
            }
        }
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        self.rig.leave_connections((x, y), false, notes, self.driver.lie);
        if let Some(peer) = &mut self.rig.seat_mut(x, y).peer {
            peer.set_config(self.driver.patient.clone());
        }
    }

    fn send(&mut self, x: usize, y: usize, acks: bool) {
        let reserves = self.before.end(x, y).reserved.is_none() && self.after.end(x, y).reserved.is_some();
        let index = (self.before.end(x, y).counted.trailing_zeros() & 1) as usize;
        let seat = self.rig.seat_mut(x, y);
        let Some(peer) = &mut seat.peer else { return };
        if acks {
            peer.set_config(Config { ack_on_send: 0, ..self.driver.patient.clone() });
        }
        let record = peer.snapshot();
        let is_bare = peer.version() == Some(midcomms::wire::Version::V3_1);
        let seq = if is_bare { midcomms::wire::Seq(0) } else { record.seq_send };
        let body = wire::body(x, record.incarnation, seq);
        let taken = if reserves {
            let reserved = peer.reserve(BodyKind::Msg, lockspace(index), MSG_FIXED_LEN);
            reserved.map(|reservation| seat.reservation = Some(reservation))
        } else {
            peer.send(BodyKind::Msg, lockspace(index), &body).map(drop)
        };
        peer.set_config(self.driver.patient.clone());
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        notes.faults.extend(taken.err().map(|error| format!("it refuses to send: {error}")));
        self.rig.drain((x, y), notes, self.driver.lie);
    }

    fn commit(&mut self, x: usize, y: usize) {
        let seat = self.rig.seat_mut(x, y);
        let (Some(peer), Some(reservation)) = (&mut seat.peer, seat.reservation.take()) else { return };
        let body = wire::body(x, peer.snapshot().incarnation, reservation.seq());
        let done = peer.commit(&reservation, |place| place.copy_from_slice(&body));
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        notes.faults.extend(done.err().map(|error| format!("it refuses to commit: {error}")));
        self.rig.drain((x, y), notes, self.driver.lie);
    }

    fn time_out(&mut self, x: usize, y: usize) {
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        self.rig.time_out((x, y), notes, self.driver.lie);
    }

    fn receive(&mut self, x: usize, y: usize, item: Option<Item>, choices: u8) {
        let Some(item) = item else { return };
        let acks = choices & choice::ACK != 0 && item.msg.kind() == Kind::Data;
        if let Some(peer) = self.rig.seat_mut(x, y).peer.as_mut().filter(|_| acks) {
            peer.set_config(Config { ack_on_receive: 1, ..self.driver.patient.clone() });
        }
        let notes = &mut self.notes[x][super::rig::slot(x, y)];
        self.rig.deliver((x, y), &item, notes, self.driver.lie);
        if let Some(peer) = self.rig.seat_mut(x, y).peer.as_mut().filter(|_| acks) {
            peer.set_config(self.driver.patient.clone());
        }
        self.handed = Some(item);
    }
}
