//! The order in which everything happens: nodes, their clock, and the network between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use midcomms::midcomms::{Config, ConnectionId, Event, Incarnation, Input, Peer, Time, Transmit};
use midcomms::wire::{NodeId, Seq};

use super::node::{Core, Link, Node};
use super::old::OldPeer;
use super::wire::{Arrival, End, Side, Wire};
use crate::record::ledger::Ledger;
use crate::record::scenario::{NetworkKnobs, Scenario};
use crate::record::trace::Desks;

/// When every simulation begins: nanoseconds since 1970.
const BEGIN: u64 = 1_800_000_000_000_000_000;
pub(super) const US: u64 = 1000;
/// More happenings than this are an exchange that never ends.
const MOST_HAPPENINGS: u64 = 100_000;
/// And so is more than this that one input has a node do.
const MOST_ROUNDS: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    Timer {
        node: u32,
        life: u32,
        peer: u32,
    },
    OpenResult {
        node: u32,
        life: u32,
        peer: u32,
    },
    Accept {
        wire: u64,
    },
    /// What `side` wrote arrives.
    Arrive {
        wire: u64,
        side: Side,
    },
    Written {
        wire: u64,
        side: Side,
    },
    /// `side` notices a break.
    Notice {
        wire: u64,
        side: Side,
    },
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) rng: Rng,
    knobs: NetworkKnobs,
    config: Config,
    first_seq: Seq,
    heap: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    happened: u64,
    scheduled: u64,
    pub(super) nodes: BTreeMap<u32, Node>,
    pub(super) old: BTreeSet<u32>,
    pub(super) wires: BTreeMap<u64, Wire>,
    last_wire: u64,
    pub(super) silent: BTreeSet<(u32, u32)>,
    pub(super) ledger: Ledger,
    pub(super) desks: Desks,
}

impl World {
    pub(super) fn new(scenario: &Scenario, mut rng: Rng, ledger: Ledger, desks: Desks) -> Self {
        let first_seq = scenario.limits.first_seq.map_or(0, |seq| seq.draw(&mut rng));
        let mut world = Self {
            now: BEGIN,
            knobs: scenario.network,
            config: scenario.config(),
            first_seq: Seq(first_seq as u32),
            heap: BinaryHeap::new(),
            happened: 0,
            scheduled: 0,
            nodes: scenario.node_ids().map(|node| (node, Node::default())).collect(),
            old: scenario.node_ids().filter(|node| !scenario.is_new(*node)).collect(),
            wires: BTreeMap::new(),
            last_wire: 0,
            silent: BTreeSet::new(),
            ledger,
            desks,
            rng,
        };
        for node in scenario.node_ids() {
            world.now += world.rng.u64(1..=1_000_000);
            world.populate(node);
        }
        world
    }

    /// Seconds since the beginning, and what was recorded. Observers go first, and hand over what they have.
    pub(super) fn into_desks(mut self) -> (f64, Desks) {
        self.nodes.clear();
        (self.seconds_passed(), self.desks)
    }

    pub(super) fn seconds_passed(&self) -> f64 {
        (self.now - BEGIN) as f64 / 1e9
    }

    /// A node begins with nothing but the incarnations that it has written down.
    pub(super) fn populate(&mut self, id: u32) {
        let others: Vec<u32> = self.nodes.keys().copied().filter(|other| *other != id).collect();
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.is_alive = true;
        for other in others {
            let used = node.used.get(&other).map_or(0, |used| used.0 + 1);
            let core = if self.old.contains(&id) {
                Core::Old(Box::new(OldPeer::new(NodeId(id))))
            } else {
                let first = Incarnation(self.now.max(used));
                let peer = Peer::new(self.config.clone(), NodeId(id), NodeId(other), first);
                let peer = peer.with_first_seq(self.first_seq);
                Core::New(Box::new(match self.desks.observer(id) {
                    Some(observer) => peer.with_observer(observer),
                    None => peer,
                }))
            };
            node.links.insert(other, Link::new(core));
        }
    }

    // ---- time ----------------------------------------------------------------------------------------------------

    pub(super) fn schedule(&mut self, at: u64, happening: Happening) {
        self.scheduled += 1;
        self.heap.push(Reverse((at.max(self.now), self.scheduled, happening)));
    }

    fn next_by(&mut self, until: u64) -> Option<(u64, Happening)> {
        self.heap.peek().filter(|Reverse((at, ..))| *at <= until)?;
        self.heap.pop().map(|Reverse((at, _, happening))| (at, happening))
    }

    /// Lets everything happen up to a time.
    pub(super) fn run_until(&mut self, until: u64) -> Result<(), String> {
        while let Some((at, happening)) = self.next_by(until) {
            self.now = self.now.max(at);
            self.happened += 1;
            if self.happened > MOST_HAPPENINGS {
                break;
            }
            self.happen(happening);
        }
        self.now = self.now.max(until);
        if self.happened > MOST_HAPPENINGS { Err("something happens for ever".to_owned()) } else { Ok(()) }
    }

    /// Whether nothing but timers is to come.
    pub(super) fn is_quiet(&self) -> bool {
        let is_timer = |happening: &Happening| matches!(happening, Happening::Timer { .. });
        self.heap.iter().all(|Reverse((.., happening))| is_timer(happening))
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Timer { node, life, peer } => self.wake(node, life, peer),
            Happening::OpenResult { node, life, peer } => self.open(node, life, peer),
            Happening::Accept { wire } => self.accept(wire),
            Happening::Arrive { wire, side } => self.arrive(wire, side),
            Happening::Written { wire, side } => self.written(wire, side),
            Happening::Notice { wire, side } => self.notice(wire, side),
        }
    }

    // ---- the loop of a core --------------------------------------------------------------------------------------

    pub(super) fn link_mut(&mut self, node: u32, peer: u32) -> Option<&mut Link> {
        let node = self.nodes.get_mut(&node).filter(|node| node.is_alive)?;
        node.links.get_mut(&peer)
    }

    /// One input, and all that follows from it at once.
    pub(super) fn input(&mut self, node: u32, peer: u32, input: Input) {
        let now = Time(self.now);
        if let Some(link) = self.link_mut(node, peer) {
            link.core.handle_input(now, input);
            self.drain(node, peer);
        }
    }

    pub(super) fn drain(&mut self, node: u32, peer: u32) {
        let now = Time(self.now);
        let mut batch = Vec::new();
        let mut rounds = 0;
        while let Some(link) = self.link_mut(node, peer) {
            rounds += 1;
            if rounds > MOST_ROUNDS {
                self.happened = MOST_HAPPENINGS + 1;
                break;
            }
            let events = link.core.take_events();
            link.is_shutting_down &= !events.iter().any(|event| matches!(event, Event::ShutdownDone(_)));
            let transmit = link.core.poll_transmit(now, &mut batch);
            events.iter().for_each(|event| self.ledger.event(node, peer, event));
            match transmit {
                None => break,
                Some(Transmit::Open) => self.begin_open(node, peer),
                Some(Transmit::Write(id)) => self.write(node, id.0, &core::mem::take(&mut batch)),
                Some(Transmit::Close(id)) => self.close(node, id.0),
            }
        }
        self.set_timer(node, peer);
    }

    fn set_timer(&mut self, node: u32, peer: u32) {
        let Some(life) = self.nodes.get(&node).map(|node| node.life) else { return };
        let Some(link) = self.link_mut(node, peer) else { return };
        let due = link.core.poll_timeout();
        if core::mem::replace(&mut link.timer, due) == due {
            return;
        }
        if let Some(due) = due {
            self.schedule(due.0, Happening::Timer { node, life, peer });
        }
    }

    fn is_in(&self, node: u32, life: u32) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_alive && node.life == life)
    }

    fn wake(&mut self, node: u32, life: u32, peer: u32) {
        let now = Time(self.now);
        if self.is_in(node, life)
            && let Some(link) = self.link_mut(node, peer)
            && link.core.poll_timeout().is_some_and(|due| due <= now)
        {
            self.input(node, peer, Input::Timeout);
        }
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    fn latency(&mut self) -> u64 {
        self.knobs.latency_ms.draw_us(&mut self.rng) * US
    }

    fn notice_time(&mut self) -> u64 {
        self.now + self.knobs.notice_ms.draw_us(&mut self.rng) * US
    }

    fn begin_open(&mut self, node: u32, peer: u32) {
        let failures = self.link_mut(node, peer).map_or(0, |link| link.failures);
        let backoff = if failures == 0 { 0 } else { (20 * 1000 * US) << failures.min(6) };
        let at = self.now + self.latency() + self.latency() + backoff;
        let life = self.nodes.get(&node).map_or(0, |node| node.life);
        self.schedule(at, Happening::OpenResult { node, life, peer });
    }

    fn open(&mut self, node: u32, life: u32, peer: u32) {
        if !self.is_in(node, life) {
            return;
        }
        let other_life = self.nodes.get(&peer).filter(|peer| peer.is_alive && !peer.refuses).map(|peer| peer.life);
        let Some(link) = self.link_mut(node, peer) else { return };
        let Some(other_life) = other_life else {
            link.failures += 1;
            return self.input(node, peer, Input::OpenFailed);
        };
        link.failures = 0;
        self.last_wire += 1;
        let wire = self.last_wire;
        let end = |node, life| End { node, life, is_open: true };
        self.wires.insert(wire, Wire::new(end(node, life), end(peer, other_life)));
        match self.nodes.get_mut(&peer).and_then(|peer| peer.held.as_mut()) {
            Some(held) => held.push(wire),
            None => {
                let at = self.now + self.knobs.accept_ms.draw_us(&mut self.rng) * US;
                self.schedule(at, Happening::Accept { wire });
            }
        }
        self.input(node, peer, Input::Opened(ConnectionId(wire)));
    }

    pub(super) fn is_there(&self, end: End) -> bool {
        end.is_open && self.is_in(end.node, end.life)
    }

    fn accept(&mut self, id: u64) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.is_accepted = true;
        let (from, to) = (wire.end(Side::Opener), wire.end(Side::Acceptor));
        let is_broken = wire.pipe(Side::Opener).is_cut();
        if !self.is_there(to) {
            return;
        }
        self.input(to.node, from.node, Input::Accepted(ConnectionId(id)));
        if is_broken {
            let at = self.notice_time();
            self.schedule(at, Happening::Notice { wire: id, side: Side::Acceptor });
        }
        self.arrive(id, Side::Opener);
    }

    fn write(&mut self, node: u32, id: u64, batch: &[Bytes]) {
        let due = self.now + self.latency();
        let read = usize::try_from(self.knobs.read_bytes.draw(&mut self.rng)).unwrap_or(usize::MAX);
        let done = self.now + self.rng.u64(0..=200) * US;
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let Some(side) = wire.side_of(node) else { return };
        let at = wire.pipe(side).write(batch, read, due);
        let is_heard = wire.end(side.across()).is_open;
        self.schedule(at, Happening::Arrive { wire: id, side });
        self.schedule(done, Happening::Written { wire: id, side });
        if !is_heard {
            let at = due + self.latency();
            self.schedule(at, Happening::Notice { wire: id, side });
        }
    }

    fn written(&mut self, id: u64, side: Side) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (end, other) = (wire.end(side), wire.end(side.across()));
        if self.is_there(end) {
            self.input(end.node, other.node, Input::Written(ConnectionId(id)));
        }
    }

    pub(super) fn arrive(&mut self, id: u64, side: Side) {
        loop {
            let now = self.now;
            let Some(wire) = self.wires.get_mut(&id) else { return };
            let (from, to) = (wire.end(side), wire.end(side.across()));
            let waits = side == Side::Opener && !wire.is_accepted;
            if waits || self.silent.contains(&(from.node, to.node)) {
                return;
            }
            let Some(arrival) = wire.pipe(side).take(now) else { return };
            if !self.is_there(to) {
                continue;
            }
            let id = ConnectionId(id);
            match arrival {
                Arrival::Bytes(bytes) => self.input(to.node, from.node, Input::Received(id, bytes)),
                Arrival::Finished => self.input(to.node, from.node, Input::Finished(id)),
            }
        }
    }

    fn notice(&mut self, id: u64, side: Side) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (end, other) = (wire.end(side), wire.end(side.across()));
        if !self.is_there(end) || (side == Side::Acceptor && !wire.is_accepted) {
            return; // who accepts it later notices then
        }
        self.hang_up(id, side, false);
        self.input(end.node, other.node, Input::Broken(ConnectionId(id)));
    }

    fn close(&mut self, node: u32, id: u64) {
        let resets = self.rng.u64(0..100) < self.knobs.resets_percent;
        let side = self.wires.get(&id).and_then(|wire| wire.side_of(node).filter(|side| wire.end(*side).is_open));
        if let Some(side) = side {
            self.hang_up(id, side, !resets);
        }
    }

    /// `side` uses it no more; the other end hears it behind what is under way, or by a reset.
    pub(super) fn hang_up(&mut self, id: u64, side: Side, is_orderly: bool) {
        let (due, noticed) = (self.now + self.latency(), self.notice_time());
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.end_mut(side).is_open = false;
        wire.pipe(side.across()).cut_at(0);
        if !wire.end(side.across()).is_open {
            self.wires.remove(&id);
            return;
        }
        if is_orderly && !wire.pipe(side).is_cut() {
            let at = wire.pipe(side).finish(due);
            self.schedule(at, Happening::Arrive { wire: id, side });
        } else {
            wire.pipe(side).cut(&mut self.rng);
            self.schedule(noticed, Happening::Notice { wire: id, side: side.across() });
        }
    }

    /// The connections between two nodes that both ends use.
    pub(super) fn between(&self, a: u32, b: u32) -> Vec<u64> {
        let is_whole = |wire: &Wire| wire.ends.iter().all(|end| self.is_there(*end));
        let all = self.wires.iter().filter(|(_, wire)| wire.is_between(a, b) && is_whole(wire));
        all.map(|(id, _)| *id).collect()
    }

    /// A connection breaks, and each end notices in its own time.
    pub(super) fn break_wire(&mut self, id: u64) {
        for side in Side::BOTH {
            let at = self.notice_time();
            if let Some(wire) = self.wires.get_mut(&id) {
                wire.pipe(side).cut(&mut self.rng);
                self.schedule(at, Happening::Notice { wire: id, side });
            }
        }
    }
}

impl Scenario {
    /// What the records of its nodes are set to.
    pub(in crate::record) fn config(&self) -> Config {
        let mut config = Config {
            #[cfg(feature = "defects")]
            defect: self.defect,
            ..Config::default()
        };
        let limits = &self.limits;
        if let Some(ms) = limits.shutdown_timeout_ms {
            config.shutdown_timeout = Duration::from_millis(ms);
        }
        if let Some(messages) = limits.queue_messages {
            config.queue_messages = messages;
        }
        if let Some(ms) = limits.retransmit_after_ms {
            config.retransmit_after = Duration::from_millis(ms);
        }
        config
    }
}
