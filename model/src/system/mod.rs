//! Two or three nodes with all that surrounds them, as a transition system that a checker exhausts.
//!
//! - [`environment`]: what there is around the nodes, by name; [`World`] is that and each node's rules.
//! - [`state`]: everything at one moment; [`wire`]: messages under way; `pack` makes a few words of it.
//! - [`action`]: what can happen; `enumerate` says what can happen now, [`World::apply`] what it does.
//! - [`property`]: what must hold.
//!
//! A record is the [`crate::Record`] that replay uses too.

pub mod action;
mod bits;
pub mod check;
mod enumerate;
pub mod environment;
mod membership;
mod moment;
pub mod observer;
mod pack;
pub mod property;
mod receive;
pub mod space;
pub mod state;
mod transport;
pub mod wire;

use crate::message::Version;
use crate::rules::{LifeIds, Rules};
use crate::seq::Seq;

use action::{Action, ActionKind, choice};
pub use bits::Packed;
pub use environment::Environment;
use moment::Moment;
use observer::Observer;
pub use property::Property;
use state::{End, Node, Pending, System};

/// An environment and the rules of each node in it.
#[derive(Clone, Debug)]
pub struct World {
    /// The environment.
    pub environment: Environment,
    rules: [Rules; 3],
    layout: pack::Layout,
}

/// What an action came to, beside the state after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Bits of the safety properties that it violates.
    pub violated: u64,
    /// The bounds of the model are too small for it.
    pub overflow: bool,
}

impl World {
    /// Nodes with these rules in an environment.
    pub fn new(environment: Environment, rules: [Rules; 3]) -> Self {
        let layout = pack::Layout::of(&environment, &rules);
        Self { environment, rules, layout }
    }

    /// The rules of a node.
    pub fn rules(&self, node: usize) -> &Rules {
        let [first, second, third] = &self.rules;
        match node {
            0 => first,
            1 => second,
            _ => third,
        }
    }

    /// Words of 64 bits that hold most states. Where they do not hold one, more are tried; nothing is cut.
    pub fn words(&self) -> usize {
        let environment = &self.environment;
        match environment.nodes {
            2 if environment.stale || environment.split => 6,
            2 if environment.pages || environment.lockspaces > 1 || environment.first_number != 0 => 5,
            2 if environment.breaks > 0 || environment.timeouts || environment.crashes > 0 => 5,
            2 => 4,
            _ => 12,
        }
    }

    pub(crate) fn has_ids(&self, node: usize) -> bool {
        self.rules(node).life_ids == LifeIds::All
    }

    pub(crate) fn version(&self, node: usize, is_back: bool) -> Version {
        let [first, second] = self.environment.versions.get(node).copied().unwrap_or([Version::V3_2; 2]);
        if is_back { second } else { first }
    }

    /// A number, from its offset to the environment's first.
    pub(crate) fn seq(&self, offset: u8) -> Seq {
        Seq(self.environment.first_number).plus(u32::from(offset))
    }

    /// A number's offset to the environment's first; beyond 15 the bounds are too small.
    pub(crate) fn offset(&self, seq: Seq) -> u8 {
        Seq(self.environment.first_number).distance_to(seq).min(15) as u8
    }

    /// How it begins: every node has joined every lockspace and was told nothing yet.
    pub fn initial<const N: usize, const M: usize>(&self) -> System<N, M> {
        let environment = &self.environment;
        let first = Seq(environment.first_number);
        let mut end = End { unseen: true, accepted: [self.offset(Seq::ZERO); 4], ..End::default() };
        let [life, ..] = &mut end.accepted;
        *life = 0;
        (end.record.seq_send, end.record.seq_next, end.record.queue_head) = (first, first, first);
        for pending in end.pending.iter_mut().take(usize::from(environment.lockspaces)) {
            *pending = Pending::Add;
        }
        let joined = (1 << environment.lockspaces) - 1;
        let node = Node { phase: state::Phase::In, closed: 0, joined, is_back: false, ends: [end; M] };
        System {
            nodes: [node; N],
            breaks: environment.breaks,
            crashes: environment.crashes,
            rejoins: environment.rejoins,
            timed_out: false,
        }
    }

    /// Calls `visit` for every action that is possible, always in the same order.
    pub fn actions<const N: usize, const M: usize>(&self, system: &System<N, M>, mut visit: impl FnMut(Action)) {
        enumerate::enumerate(self, system, &mut visit);
    }

    /// Lets `action` happen, which must be possible.
    pub fn apply<const N: usize, const M: usize, O: Observer>(
        &self,
        system: &mut System<N, M>,
        action: Action,
        observer: &mut O,
    ) -> Effect {
        let mut moment = Moment { world: self, system, observer, violated: 0, overflow: false };
        moment.act(action);
        moment.settle();
        Effect { violated: moment.violated, overflow: moment.overflow }
    }

    /// Bits of the safety properties that do not hold in a state.
    pub fn violated<const N: usize, const M: usize>(&self, system: &System<N, M>) -> u64 {
        property::violated(self, system)
    }

    /// Bits of the goals that are met in a state.
    pub fn goals<const N: usize, const M: usize>(&self, system: &System<N, M>) -> u64 {
        property::goals(self, system)
    }
}

impl<const N: usize, const M: usize, O: Observer> Moment<'_, N, M, O> {
    fn act(&mut self, action: Action) {
        let (x, y, choices) = (usize::from(action.node), usize::from(action.peer), action.choice);
        match action.kind {
            ActionKind::ManagerJoins => self.join(x, choices),
            ActionKind::ManagerLeaves => self.leave(x, choices),
            ActionKind::NodeCrashes => self.crash(x, usize::from(choices)),
            ActionKind::NodeProcessesMember => {
                let acks = if choices & enumerate::ACK_WITH_LOCKSPACE != 0 { choice::ACK } else { 0 };
                self.process(x, y, choices & !enumerate::ACK_WITH_LOCKSPACE, acks);
            }
            ActionKind::NodeFences => self.fence(x, y),
            ActionKind::ShutdownRemovesMembers => self.begin_shutdown(x, choices),
            ActionKind::ShutdownGoesOn => self.shutdown_goes_on(x, choices),
            ActionKind::ShutdownTimesOut => self.shutdown_times_out(x, choices),
            ActionKind::LingerEnds => self.drain(x),
            ActionKind::DrainEnds => self.stop(x, choices),
            ActionKind::DrainTimesOut => {
                self.system.timed_out = true;
                self.stop(x, choices);
            }
            ActionKind::UpperSends => self.upper_sends(x, y, choices),
            ActionKind::UpperCommits => self.commit(x, y),
            ActionKind::UpperAsksStatus => self.ask_status(x, y),
            ActionKind::RecordAcknowledges => self.acknowledge(x, y),
            ActionKind::RecordRetransmits => self.queue_copies(x, y, false),
            ActionKind::RecordReceives => self.receive(x, y, choices),
            ActionKind::RecordReceivesStale => self.receive_stale(x, y, choices),
            ActionKind::InputIsDelayed => self.delay_input(x, y, usize::from(choices)),
            ActionKind::NodeAccepts => {
                let unaccepted = &mut self.link_mut(y, x).unaccepted;
                *unaccepted = if *unaccepted == 2 { 3 } else { 0 };
            }
            ActionKind::PageIsWritten => self.write_page(x, y),
            ActionKind::LinkBreaks => self.break_link(x, y, usize::from(choices)),
            ActionKind::NodeNoticesBreak => self.notice_break(x, y, choices),
            ActionKind::SecondStep => self.second_step(x, y, choices),
        }
    }
}
