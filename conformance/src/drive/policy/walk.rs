//! Random walks, each repeated by its seed.

use core::time::Duration;

use midcomms::midcomms::{Config, ConnectionId, Incarnation, Input, Kind, Peer, Reservation, Time};
use midcomms::wire::NodeId;

use super::PolicyFault;
use super::account::{Account, later};
use super::compare::Checked;
use super::output::LOCKSPACE;
use super::watch::Watch;
use crate::drive::walk::Chance;

/// What a walk does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Send,
    Reserve,
    Settle,
    Speak,
    Write,
    Connect,
    Disturb,
}

/// Walks at random for `steps` calls. How many it made, and where the implementation does otherwise than it should.
pub(super) fn walk(seed: u64, steps: u64, base: &Config) -> (u64, Option<PolicyFault>) {
    let mut walker = Walker::new(seed, base);
    for step in 0..steps {
        let action = walker.choose();
        let done = walker.step(action).and_then(|()| walker.settle());
        let done = if step + 1 == steps { done.and_then(|()| walker.end()) } else { done };
        if let Err((field, expected, got)) = done {
            let fault = PolicyFault { seed, step: step + 1, action: format!("{action:?}"), field, expected, got };
            return (step + 1, Some(fault));
        }
    }
    (steps, None)
}

pub(super) struct Walker {
    pub(super) chance: Chance,
    pub(super) peer: Peer,
    pub(super) account: Account,
    pub(super) watch: Watch,
    pub(super) now: Time,
    pub(super) connections: u64,
    pub(super) is_old: bool,
    /// The incarnation of the other node, its next number, and the connections on which it said who it is.
    pub(super) theirs: Incarnation,
    pub(super) seq: u32,
    pub(super) introduced: Vec<ConnectionId>,
    pub(super) reservations: Vec<(Reservation, Kind, usize)>,
    /// Bodies are long.
    pub(super) is_long: bool,
}

impl Walker {
    fn new(seed: u64, base: &Config) -> Self {
        let mut chance = Chance::new(seed);
        let config = config(&mut chance, base);
        let (node, other) = if chance.below(2) == 0 { (1, 2) } else { (2, 1) };
        let ids = [NodeId(node), NodeId(other)];
        let now = Time(1_700_000_000_000_000_000);
        let first = Incarnation(now.0 - 5);
        let watch = Watch::default();
        let peer = Peer::new(config.clone(), ids[0], ids[1], first);
        let mut peer = peer.with_observer(Box::new(watch.clone()));
        peer.handle_input(now, Input::AddMember(LOCKSPACE));
        let is_old = chance.below(6) == 0;
        let is_long = chance.below(3) == 0;
        Self {
            account: Account::new(config, ids, first, LOCKSPACE),
            peer,
            watch,
            now,
            connections: 0,
            is_old,
            theirs: Incarnation(0xb0b),
            seq: 0,
            introduced: Vec::new(),
            reservations: Vec::new(),
            is_long,
            chance,
        }
    }

    fn choose(&mut self) -> Step {
        match self.chance.below(32) {
            0..4 => Step::Wait,
            4..12 => Step::Send,
            12..14 => Step::Reserve,
            14..17 => Step::Settle,
            17..24 => Step::Speak,
            24..28 => Step::Write,
            28..31 => Step::Connect,
            _ => Step::Disturb,
        }
    }

    fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Wait => self.wait(),
            Step::Send => self.send(),
            Step::Reserve => self.reserve(),
            Step::Settle => self.settle_reservation(),
            Step::Speak => self.speak(),
            Step::Write => self.finish_write(),
            Step::Connect => self.connect(),
            Step::Disturb => self.disturb(),
        }
    }

    /// Tells both.
    pub(super) fn input(&mut self, input: Input) {
        self.account.input(self.now, &input);
        self.peer.handle_input(self.now, input);
    }

    fn wait(&mut self) -> Checked {
        let at = self.account.timeout().filter(|at| *at > self.now);
        let time = match (self.chance.below(4), at) {
            (0, Some(at)) => at,
            (1, Some(at)) => Time(at.0 - 1),
            (2, Some(at)) => later(at, Duration::from_millis(3)),
            _ => later(self.now, Duration::from_micros(self.chance.below(20_000) as u64)),
        };
        self.now = self.now.max(time);
        self.input(Input::Timeout);
        Ok(())
    }
}

fn config(chance: &mut Chance, base: &Config) -> Config {
    let mut any = |few: usize, many: usize| if chance.below(2) == 0 { 1 + chance.below(few) } else { many };
    Config {
        ack_on_receive: any(6, 1000) as u32,
        ack_on_send: any(6, 1000) as u32,
        ack_bytes: any(2000, 1 << 20) as u32,
        queue_messages: any(12, 10_000),
        queue_bytes: any(6000, 1 << 20),
        answer_status: any(2, 1) == 1,
        retransmit_after: Duration::from_millis(any(900, 200) as u64),
        retransmit_max: Duration::from_millis(any(9000, 2000) as u64),
        ..base.clone()
    }
}
