//! A run of the system with every message followed from its queue to its end: what all ways of telling it share.

use crate::seq::Seq;
use crate::system::World;
use crate::system::action::Action;
use crate::system::observer::{Occurrence, Outcome};
use crate::system::state::{End, Phase, System};
use crate::system::wire::{Kind, Msg};

use super::follow::Follower;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits, or is under way.
    UnderWay,
    /// It was read.
    Read {
        /// In this step.
        step: usize,
        /// And this came of it.
        outcome: Outcome,
        /// Its sender's incarnation was over by then.
        is_of_old_life: bool,
    },
    /// It was lost.
    Lost {
        /// In this step.
        step: usize,
    },
}

/// A message of a run. Steps count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The sender.
    pub from: usize,
    /// The receiver.
    pub to: usize,
    /// What.
    pub message: Msg,
    /// Its number, where it has one; of an ACK the number expected next.
    pub number: Seq,
    /// It is a retransmission (SND-6).
    pub is_copy: bool,
    /// The step in which it was queued.
    pub queued: usize,
    /// The step in which it was written to a connection.
    pub written: Option<usize>,
    /// That connection: an index into [`Run::connections`].
    pub connection: Option<usize>,
    /// The step in which it was read and put by (NET-5).
    pub delayed: Option<usize>,
    /// Its end.
    pub fate: Fate,
}

/// A connection of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The node that opened it, and writes to it.
    pub opener: usize,
    /// The other.
    pub acceptor: usize,
    /// The step in which it was opened.
    pub step: usize,
}

/// One thing that a step did; messages are indices into [`Run::messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message was queued.
    Queued(usize),
    /// A message was written to its connection.
    Written(usize),
    /// A message was lost.
    Lost(usize),
    /// A message was read, now or from what had been put by; [`Sent::fate`] says what came of it.
    Read(usize),
    /// A message was read and put by.
    Delayed(usize),
    /// A connection was opened: an index into [`Run::connections`].
    Opened(usize),
    /// Anything else.
    Other(Occurrence),
}

/// What there is between two steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How far each node is.
    pub phases: Vec<Phase>,
    /// Nodes that joined again.
    pub is_back: Vec<bool>,
    /// What each node keeps about each of its peers: node, peer, and that.
    pub ends: Vec<(usize, usize, End)>,
}

impl Frame {
    fn of<const N: usize, const M: usize>(system: &System<N, M>) -> Self {
        Self {
            phases: system.nodes.iter().map(|node| node.phase).collect(),
            is_back: system.nodes.iter().map(|node| node.is_back).collect(),
            ends: System::<N, M>::pairs().map(|(x, y)| (x, y, *system.end(x, y))).collect(),
        }
    }

    /// What `node` keeps about `peer`.
    pub fn end(&self, node: usize, peer: usize) -> End {
        let found = self.ends.iter().find(|(x, y, _)| (*x, *y) == (node, peer));
        found.map(|(_, _, end)| *end).unwrap_or_default()
    }

    /// How far `node` is.
    pub fn phase(&self, node: usize) -> Phase {
        self.phases.get(node).copied().unwrap_or_default()
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub action: Action,
    /// What it did, in order.
    pub events: Vec<Event>,
    /// Bits of the safety properties that the step or the state after it violates.
    pub violated: u64,
}

/// A run, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many lockspaces.
    pub lockspaces: u8,
    /// The number of the first message.
    pub first_number: Seq,
    /// The steps.
    pub steps: Vec<Step>,
    /// What there is before each step, and after the last.
    pub frames: Vec<Frame>,
    /// Every message, in the order in which they were queued.
    pub messages: Vec<Sent>,
    /// Every connection, in the order in which they were opened.
    pub connections: Vec<Connection>,
}

impl Run {
    /// Lets `actions` happen from the initial state.
    pub fn of(world: &World, actions: &[Action]) -> Self {
        match world.environment.nodes {
            2 => replay::<2, 1>(world, actions),
            _ => replay::<3, 2>(world, actions),
        }
    }

    /// The state before step `step`; after the last one for the number of steps.
    pub fn frame(&self, step: usize) -> Option<&Frame> {
        self.frames.get(step)
    }

    /// A message.
    pub fn sent(&self, message: usize) -> Option<&Sent> {
        self.messages.get(message)
    }

    /// Every ordered pair of nodes.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let nodes = self.nodes;
        (0..nodes).flat_map(move |x| (0..nodes).filter(move |y| *y != x).map(move |y| (x, y)))
    }

    /// A number, from its offset to the environment's first.
    pub fn seq(&self, offset: u8) -> Seq {
        self.first_number.plus(u32::from(offset))
    }
}

fn replay<const N: usize, const M: usize>(world: &World, actions: &[Action]) -> Run {
    let mut system = world.initial::<N, M>();
    let mut follower = Follower::new(N, Seq(world.environment.first_number));
    let (mut steps, mut frames) = (Vec::new(), vec![Frame::of(&system)]);
    for (step, &action) in actions.iter().enumerate() {
        let mut occurrences = Vec::new();
        let effect = world.apply(&mut system, action, &mut occurrences);
        let frame = Frame::of(&system);
        let mut events: Vec<_> =
            occurrences.into_iter().flat_map(|occurrence| follower.see(step, occurrence, &frame)).collect();
        events.extend(follower.settle(step, &frame));
        steps.push(Step { action, events, violated: effect.violated | world.violated(&system) });
        frames.push(frame);
    }
    Run {
        nodes: N,
        lockspaces: world.environment.lockspaces,
        first_number: Seq(world.environment.first_number),
        steps,
        frames,
        messages: follower.messages,
        connections: follower.connections,
    }
}

/// Whether a message marks the end of the stream: lowcomms writes it, not midcomms.
pub fn is_end(message: Msg) -> bool {
    message.kind() == Kind::End
}
