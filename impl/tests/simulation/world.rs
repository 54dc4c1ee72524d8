//! Nodes, their clock, the network between them and the order in which everything happens.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Event, Incarnation, Input, Peer, Reason, Reservation, Shutdown, State, Time, Transmit,
};
use midcomms::wire::{LockspaceId, NodeId, Seq};

use crate::manager::{Cluster, Told};
use crate::net::{Conn, End, Pipe, Rng};
use crate::oracle::{NodeIndex, Oracle, body, kind_of};
use crate::plan::Knobs;

pub(crate) const MS: u64 = 1_000_000;
/// Where every clock begins, so that it can be set back.
const BASE: u64 = 1_700_000_000_000_000_000;
/// More happenings than this in one run are a livelock.
const MOST_STEPS: u64 = 3_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Manager { node: NodeIndex, life: u32 },
    Timer { node: NodeIndex, life: u32, peer: NodeIndex },
    OpenResult { node: NodeIndex, life: u32, peer: NodeIndex },
    Accept { conn: u64 },
    Due { conn: u64, side: usize },
    Written { conn: u64, side: usize },
    Notice { conn: u64, side: usize, is_orderly: bool },
}

#[derive(Debug)]
struct Reserved {
    reservation: Reservation,
    incarnation: Incarnation,
    index: usize,
    len: usize,
}

/// One node's peer, and what its driver and its upper layer know of it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) peer: Peer,
    reserved: Vec<Reserved>,
    failures: u32,
    timer_at: Option<u64>,
    pub(crate) is_shutting_down: bool,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) life: u32,
    pub(crate) is_alive: bool,
    offset: i128,
    pub(crate) peers: BTreeMap<NodeIndex, Side>,
    last_ids: BTreeMap<NodeIndex, Incarnation>,
    refuses_until: u64,
    /// Peers with which a shutdown one by one has still to begin.
    pub(crate) to_shut: VecDeque<NodeIndex>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) knobs: Knobs,
    pub(crate) rng: Rng,
    pub(crate) now: u64,
    heap: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    order: u64,
    steps: u64,
    pub(crate) nodes: Vec<Node>,
    conns: BTreeMap<u64, Conn>,
    next_conn: u64,
    silent_until: BTreeMap<(NodeIndex, NodeIndex), u64>,
    pub(crate) cluster: Cluster,
    pub(crate) oracle: Oracle,
    pub(crate) timed_out: u64,
    pub(crate) totals: Totals,
    is_told: bool,
}

/// What a run exercised, so that a run that exercises nothing is seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) breaks: u64,
    pub(crate) duplicates: u64,
    pub(crate) gaps: u64,
    pub(crate) passes: u64,
    pub(crate) timeouts: u64,
    pub(crate) dropped: u64,
}

pub(crate) fn id_of(node: NodeIndex) -> NodeId {
    NodeId(u32::try_from(node).unwrap() + 1)
}

impl World {
    pub(crate) fn new(knobs: Knobs, is_told: bool) -> Self {
        let mut world = Self {
            rng: Rng(knobs.seed),
            now: BASE,
            heap: BinaryHeap::new(),
            order: 0,
            steps: 0,
            nodes: Vec::new(),
            conns: BTreeMap::new(),
            next_conn: 1,
            silent_until: BTreeMap::new(),
            cluster: Cluster::new(knobs.nodes),
            oracle: Oracle::default(),
            timed_out: 0,
            totals: Totals::default(),
            is_told,
            knobs,
        };
        for index in 0..world.knobs.nodes {
            let offset = i128::from(world.rng.up_to(1_000_000));
            let node = Node {
                life: 0,
                is_alive: true,
                offset,
                peers: BTreeMap::new(),
                last_ids: BTreeMap::new(),
                refuses_until: 0,
                to_shut: VecDeque::new(),
            };
            world.nodes.push(node);
            world.populate(index);
        }
        world
    }

    /// New peers for a node that begins: nothing but the last ids is remembered.
    fn populate(&mut self, index: NodeIndex) {
        let config = Config {
            shutdown_timeout: Duration::from_millis(self.knobs.shutdown_timeout_ms),
            queue_messages: self.knobs.queue_messages,
            ..Config::default()
        };
        let clock = self.clock(index);
        for other in (0..self.knobs.nodes).filter(|other| *other != index) {
            let last = self.nodes[index].last_ids.get(&other).map_or(0, |last| last.0 + 1);
            let first = Incarnation(clock.0.max(last));
            let peer =
                Peer::new(config.clone(), id_of(index), id_of(other), first).with_first_seq(Seq(self.knobs.first_seq));
            let side = Side { peer, reserved: Vec::new(), failures: 0, timer_at: None, is_shutting_down: false };
            self.nodes[index].peers.insert(other, side);
        }
    }

    fn clock(&self, node: NodeIndex) -> Time {
        Time(u64::try_from(i128::from(self.now) + self.nodes[node].offset).unwrap())
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.is_told {
            eprintln!("{:>12.3} ms  {}", (self.now - BASE) as f64 / MS as f64, what());
        }
    }

    fn schedule(&mut self, at: u64, happening: Happening) {
        self.order += 1;
        self.heap.push(Reverse((at.max(self.now), self.order, happening)));
    }

    fn random_ms(&mut self, most_ms: u64) -> u64 {
        self.rng.up_to(most_ms * MS)
    }

    pub(crate) fn tell_node(&mut self, node: NodeIndex, told: Told) {
        let at = (self.now + self.rng.up_to(self.knobs.manager_ms * MS)).max(self.cluster.last_told(node));
        self.cluster.push(node, told, at);
        let life = self.nodes[node].life;
        self.schedule(at, Happening::Manager { node, life });
    }

    // ---- running -------------------------------------------------------------------------------------------------

    /// Lets everything happen up to `until`.
    pub(crate) fn run_until(&mut self, until: u64) -> Result<(), String> {
        while let Some(Reverse((at, ..))) = self.heap.peek()
            && *at <= until
        {
            self.step()?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Whether anything at all is still going to happen.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_timer = |happening: &Happening| matches!(happening, Happening::Timer { .. });
        let timers = self.nodes.iter().filter(|node| node.is_alive).flat_map(|node| node.peers.values());
        self.heap.iter().all(|Reverse((.., happening))| is_timer(happening))
            && timers.into_iter().all(|side| side.peer.poll_timeout().is_none())
    }

    fn step(&mut self) -> Result<(), String> {
        let Some(Reverse((at, _, happening))) = self.heap.pop() else { return Ok(()) };
        self.now = self.now.max(at);
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err("livelock: something happens for ever".to_owned());
        }
        match happening {
            Happening::Manager { node, life } => self.manager_tells(node, life),
            Happening::Timer { node, life, peer } => self.timer(node, life, peer),
            Happening::OpenResult { node, life, peer } => self.open_result(node, life, peer),
            Happening::Accept { conn } => self.accept(conn),
            Happening::Due { conn, side } => self.due(conn, side),
            Happening::Written { conn, side } => self.written(conn, side),
            Happening::Notice { conn, side, is_orderly } => self.notice(conn, side, is_orderly),
        }
    }

    /// One input, and all that follows from it at once: the law of the core's loop.
    pub(crate) fn input(&mut self, node: NodeIndex, peer: NodeIndex, input: Input) -> Result<(), String> {
        let clock = self.clock(node);
        if !matches!(input, Input::Received(..) | Input::Written(_) | Input::Timeout) {
            self.tell(|| format!("{node}: {input:?} about {peer}"));
        }
        let side = self.nodes[node].peers.get_mut(&peer).unwrap();
        let own = side.peer.snapshot().incarnation;
        side.peer.handle_input(clock, input);
        self.drain(node, peer, own)
    }

    fn drain(&mut self, node: NodeIndex, peer: NodeIndex, own: Incarnation) -> Result<(), String> {
        let clock = self.clock(node);
        let side = self.nodes[node].peers.get_mut(&peer).unwrap();
        let events: Vec<Event> = side.peer.drain_events().collect();
        for event in &events {
            if !matches!(event, Event::Delivered(_)) {
                self.tell(|| format!("{node}: {event:?} about {peer}"));
            }
            self.oracle.event(node, peer, own, event)?;
            // NoLoss excuses a "shutdown stuck" reset, which needs a shutdown that timed out.
            if matches!(event, Event::Reset { reason: Reason::Leftover, .. }) && self.timed_out > 0 {
                self.excuse(peer, node);
            }
            if let Event::ShutdownDone(outcome) = event {
                self.shutdown_done(node, peer, *outcome)?;
            }
        }
        let mut batch = Vec::new();
        loop {
            let side = self.nodes[node].peers.get_mut(&peer).unwrap();
            match side.peer.poll_transmit(clock, &mut batch) {
                None => break,
                Some(Transmit::Open) => self.begin_open(node, peer),
                Some(Transmit::Write(id)) => self.write(node, id, core::mem::take(&mut batch)),
                Some(Transmit::Close(id)) => self.close(node, id),
            }
        }
        self.check(node, peer)?;
        let side = &self.nodes[node].peers[&peer];
        let due = side.peer.poll_timeout();
        let known = side.timer_at;
        let at = due.map(|due| u64::try_from((i128::from(due.0) - self.nodes[node].offset).max(0)).unwrap());
        if let Some(at) = at
            && known != Some(at)
        {
            let life = self.nodes[node].life;
            self.schedule(at, Happening::Timer { node, life, peer });
        }
        self.nodes[node].peers.get_mut(&peer).unwrap().timer_at = at;
        Ok(())
    }

    /// What holds for a record at every moment.
    fn check(&self, node: NodeIndex, peer: NodeIndex) -> Result<(), String> {
        let side = &self.nodes[node].peers[&peer];
        if side.peer.state() == State::Closed && !side.peer.is_initial() {
            return Err(format!("CleanClosed: {node} about {peer}: {:?}", side.peer.snapshot()));
        }
        if side.peer.has_transmit() {
            return Err(format!("{node} about {peer}: something is left to do"));
        }
        if let Some(due) = side.peer.poll_timeout()
            && due < self.clock(node)
        {
            return Err(format!("{node} about {peer}: a timer is due at {due} and nobody minds"));
        }
        Ok(())
    }

    fn timer(&mut self, node: NodeIndex, life: u32, peer: NodeIndex) -> Result<(), String> {
        let clock = self.clock(node);
        if self.nodes[node].life != life || !self.nodes[node].is_alive {
            return Ok(());
        }
        let side = self.nodes[node].peers.get_mut(&peer).unwrap();
        let Some(due) = side.peer.poll_timeout() else { return Ok(()) };
        if due > clock {
            return Ok(());
        }
        self.input(node, peer, Input::Timeout)?;
        let next = self.nodes[node].peers[&peer].peer.poll_timeout();
        if next.is_some_and(|next| next <= clock) {
            return Err(format!("{node} about {peer}: the timer that ran out is due again at once"));
        }
        Ok(())
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    fn begin_open(&mut self, node: NodeIndex, peer: NodeIndex) {
        let failures = self.nodes[node].peers[&peer].failures;
        let backoff = if failures == 0 { 0 } else { 20 << failures.min(6) };
        let at = self.now + self.random_ms(self.knobs.latency_ms * 2) + backoff * MS;
        let life = self.nodes[node].life;
        self.schedule(at, Happening::OpenResult { node, life, peer });
    }

    fn open_result(&mut self, node: NodeIndex, life: u32, peer: NodeIndex) -> Result<(), String> {
        if self.nodes[node].life != life || !self.nodes[node].is_alive {
            return Ok(());
        }
        let other = &self.nodes[peer];
        let refuses = !other.is_alive || other.refuses_until > self.now;
        let other_life = other.life;
        let side = self.nodes[node].peers.get_mut(&peer).unwrap();
        if refuses {
            side.failures += 1;
            return self.input(node, peer, Input::OpenFailed);
        }
        side.failures = 0;
        let conn = self.next_conn;
        self.next_conn += 1;
        let ends = [(node, life), (peer, other_life)];
        let ends = ends.map(|(node, life)| End { node, life, is_open: true, is_writing: false });
        self.conns.insert(conn, Conn { ends, pipes: [Pipe::default(), Pipe::default()], is_accepted: false });
        let at = self.now + self.random_ms(self.knobs.accept_ms);
        self.schedule(at, Happening::Accept { conn });
        self.input(node, peer, Input::Opened(ConnectionId(conn)))
    }

    fn is_there(&self, end: End) -> bool {
        end.is_open && self.nodes[end.node].is_alive && self.nodes[end.node].life == end.life
    }

    fn accept(&mut self, id: u64) -> Result<(), String> {
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        let [from, to] = conn.ends;
        conn.is_accepted = true;
        if !self.is_there(to) {
            return Ok(());
        }
        self.input(to.node, from.node, Input::Accepted(ConnectionId(id)))?;
        self.due(id, 0)
    }

    fn write(&mut self, node: NodeIndex, id: ConnectionId, batch: Vec<Bytes>) {
        let conn = self.conns.get_mut(&id.0).unwrap();
        let side = usize::from(conn.ends[0].node != node);
        assert!(conn.ends[side].is_open, "a write to a connection that was closed");
        assert!(!core::mem::replace(&mut conn.ends[side].is_writing, true), "two writes at once");
        let other = conn.ends[1 - side];
        let pipe = &mut conn.pipes[side];
        if !pipe.is_cut {
            pipe.waiting.extend(batch.into_iter().filter(|piece| !piece.is_empty()));
        }
        if !other.is_open {
            let at = self.now + self.random_ms(self.knobs.latency_ms * 2);
            self.schedule(at, Happening::Notice { conn: id.0, side, is_orderly: false });
        }
        self.pump(id.0, side);
    }

    fn pump(&mut self, id: u64, side: usize) {
        let latency = self.random_ms(self.knobs.latency_ms);
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let silent = self.silent_until.get(&(from, to)).copied().unwrap_or(0);
        let due = (self.now + latency).max(silent);
        let pipe = &mut conn.pipes[side];
        pipe.pump(self.knobs.buffer_bytes, self.knobs.read_bytes, due);
        let is_complete = pipe.waiting.is_empty() && conn.ends[side].is_writing;
        self.wake_reader(id, side);
        if is_complete {
            let at = self.now + self.random_ms(1);
            self.schedule(at, Happening::Written { conn: id, side });
        }
    }

    fn written(&mut self, id: u64, side: usize) -> Result<(), String> {
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        let (end, other) = (conn.ends[side], conn.ends[1 - side]);
        if !end.is_writing || !conn.pipes[side].waiting.is_empty() {
            return Ok(());
        }
        conn.ends[side].is_writing = false;
        if !self.is_there(end) {
            return Ok(());
        }
        self.input(end.node, other.node, Input::Written(ConnectionId(id)))
    }

    /// Has the reader look when the next piece arrives.
    fn wake_reader(&mut self, id: u64, side: usize) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let pipe = &mut conn.pipes[side];
        let next = pipe.flight.front().map(|(due, _)| *due).or(pipe.fin.then_some(pipe.last_due));
        if let Some(at) = next.map(|at| at.max(self.now))
            && pipe.wakes_at.is_none_or(|known| known > at)
        {
            pipe.wakes_at = Some(at);
            self.schedule(at, Happening::Due { conn: id, side });
        }
    }

    fn due(&mut self, id: u64, side: usize) -> Result<(), String> {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.pipes[side].wakes_at.take_if(|at| *at <= self.now);
        }
        loop {
            let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
            let (from, to) = (conn.ends[side], conn.ends[1 - side]);
            if side == 0 && !conn.is_accepted {
                return Ok(());
            }
            let Some(bytes) = conn.pipes[side].take_due(self.now, self.knobs.read_bytes) else { break };
            self.pump(id, side);
            if self.is_there(to) {
                self.input(to.node, from.node, Input::Received(ConnectionId(id), bytes))?;
            }
        }
        let conn = self.conns.get_mut(&id).unwrap();
        let pipe = &mut conn.pipes[side];
        if pipe.fin && pipe.is_idle() && pipe.last_due <= self.now {
            pipe.fin = false;
            return self.notice(id, 1 - side, true);
        }
        self.wake_reader(id, side);
        Ok(())
    }

    /// An end hears that the connection is over.
    fn notice(&mut self, id: u64, side: usize, is_orderly: bool) -> Result<(), String> {
        let Some(conn) = self.conns.get(&id) else { return Ok(()) };
        let (end, other) = (conn.ends[side], conn.ends[1 - side]);
        if !self.is_there(end) {
            return Ok(());
        }
        if side == 1 && !conn.is_accepted {
            let at = self.now + MS + self.random_ms(self.knobs.accept_ms);
            self.schedule(at, Happening::Notice { conn: id, side, is_orderly });
            return Ok(());
        }
        let id_ = ConnectionId(id);
        if is_orderly {
            self.input(end.node, other.node, Input::Finished(id_))
        } else {
            self.hang_up(id, side, false);
            self.input(end.node, other.node, Input::Broken(id_))
        }
    }

    /// A node closes its end. Returns nothing that it would have to know.
    fn close(&mut self, node: NodeIndex, id: ConnectionId) {
        let Some(conn) = self.conns.get(&id.0) else { return };
        let side = usize::from(conn.ends[0].node != node);
        if conn.ends[side].is_open {
            let resets = self.rng.percent(self.knobs.resets_percent);
            self.hang_up(id.0, side, !resets);
        }
    }

    /// `side` uses it no more; the other end hears it behind what is under way (orderly), or by a reset.
    fn hang_up(&mut self, id: u64, side: usize, is_orderly: bool) {
        let at = self.now + self.random_ms(self.knobs.latency_ms) + self.random_ms(self.knobs.notice_ms);
        let keep = self.rng.up_to(4096);
        let conn = self.conns.get_mut(&id).unwrap();
        conn.ends[side].is_open = false;
        conn.ends[side].is_writing = false;
        conn.pipes[1 - side].cut(0);
        let pipe = &mut conn.pipes[side];
        pipe.waiting.clear();
        if !conn.ends[1 - side].is_open {
            return;
        }
        if pipe.is_cut || !is_orderly {
            pipe.cut(usize::try_from(keep).unwrap());
            self.schedule(at, Happening::Notice { conn: id, side: 1 - side, is_orderly: false });
        } else {
            pipe.fin = true;
            self.wake_reader(id, side);
        }
        // A writer whose data goes nowhere is not held up by it.
        let blocked = self.conns[&id].ends[1 - side].is_writing;
        if blocked {
            self.schedule(self.now, Happening::Written { conn: id, side: 1 - side });
            self.schedule(at, Happening::Notice { conn: id, side: 1 - side, is_orderly: false });
        }
    }

    /// The connections between two nodes that both ends still use.
    fn between(&self, a: NodeIndex, b: NodeIndex) -> Vec<u64> {
        let is_between = |conn: &Conn| {
            let [x, y] = conn.ends;
            ((x.node, y.node) == (a, b) || (x.node, y.node) == (b, a)) && self.is_there(x) && self.is_there(y)
        };
        self.conns.iter().filter(|(_, conn)| is_between(conn)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn break_connection(&mut self, a: NodeIndex, b: NodeIndex, which: u8, keep: [usize; 2]) {
        let known = self.between(a, b);
        let Some(id) = known.get(usize::from(which) % known.len().max(1)).copied() else { return };
        self.totals.breaks += 1;
        self.tell(|| format!("c{id} between {a} and {b} breaks, {keep:?} bytes still arrive"));
        for (side, keep) in keep.into_iter().enumerate() {
            let at = self.now + self.random_ms(self.knobs.notice_ms);
            let conn = self.conns.get_mut(&id).unwrap();
            conn.pipes[side].cut(keep);
            self.schedule(self.now, Happening::Written { conn: id, side });
            self.schedule(at, Happening::Notice { conn: id, side, is_orderly: false });
        }
    }

    pub(crate) fn half_close(&mut self, a: NodeIndex, b: NodeIndex, which: u8, side: usize) -> Result<(), String> {
        let known = self.between(a, b);
        let Some(id) = known.get(usize::from(which) % known.len().max(1)).copied() else { return Ok(()) };
        self.notice(id, side, true)
    }

    /// `at` sees an orderly close of the connection on which `node` sends to it.
    pub(crate) fn close_what_it_sends_on(&mut self, node: NodeIndex, at: NodeIndex) -> Result<(), String> {
        let (ours, theirs) = self.nodes[node].peers[&at].peer.connections();
        let Some(id) = ours.or(theirs).map(|id| id.0) else { return Ok(()) };
        let Some(side) = self.conns.get(&id).and_then(|conn| conn.ends.iter().position(|end| end.node == at)) else {
            return Ok(());
        };
        self.notice(id, side, true)
    }

    pub(crate) fn silence(&mut self, a: NodeIndex, b: NodeIndex, ms: u64) {
        let until = self.now + ms * MS;
        self.silent_until.insert((a, b), until);
    }

    pub(crate) fn refuse(&mut self, node: NodeIndex, ms: u64) {
        self.nodes[node].refuses_until = self.now + ms * MS;
    }

    // ---- the upper layers ----------------------------------------------------------------------------------------

    pub(crate) fn send(&mut self, from: NodeIndex, to: NodeIndex, len: usize) -> Result<bool, String> {
        if !self.nodes[from].is_alive {
            return Ok(false);
        }
        let side = self.nodes[from].peers.get_mut(&to).unwrap();
        let own = side.peer.snapshot().incarnation;
        let index = self.oracle.next_index(from, to, own);
        let kind = kind_of(index);
        let taken = side.peer.send(kind, LockspaceId(7), &body(kind, from, own, index, len)).is_ok();
        if taken {
            self.oracle.sent(from, to, own, len);
        }
        self.drain(from, to, own)?;
        Ok(taken)
    }

    pub(crate) fn reserve(&mut self, from: NodeIndex, to: NodeIndex, len: usize) -> Result<(), String> {
        if !self.nodes[from].is_alive {
            return Ok(());
        }
        let side = self.nodes[from].peers.get_mut(&to).unwrap();
        let incarnation = side.peer.snapshot().incarnation;
        let index = self.oracle.next_index(from, to, incarnation);
        if let Ok(reservation) = side.peer.reserve(kind_of(index), LockspaceId(7), len) {
            side.reserved.push(Reserved { reservation, incarnation, index, len });
            self.oracle.reserved(from, to, incarnation);
        }
        self.drain(from, to, incarnation)
    }

    pub(crate) fn settle(
        &mut self,
        from: NodeIndex,
        to: NodeIndex,
        which: usize,
        is_commit: bool,
    ) -> Result<(), String> {
        if !self.nodes[from].is_alive {
            return Ok(());
        }
        let side = self.nodes[from].peers.get_mut(&to).unwrap();
        if side.reserved.is_empty() {
            return Ok(());
        }
        let Reserved { reservation, incarnation, index, len } = side.reserved.remove(which % side.reserved.len());
        let own = side.peer.snapshot().incarnation;
        let kind = kind_of(index);
        if is_commit {
            let bytes = body(kind, from, incarnation, index, len);
            let outcome = side.peer.commit(&reservation, |room| room.copy_from_slice(&bytes));
            if outcome.is_ok() != (own == incarnation) {
                return Err(format!("commit in another incarnation, or not in its own: {outcome:?}"));
            }
            if outcome.is_ok() {
                self.oracle.settled(from, to, incarnation, index, Some(len));
            }
        } else {
            side.peer.cancel(&reservation);
            self.oracle.settled(from, to, incarnation, index, None);
        }
        self.drain(from, to, own)
    }

    pub(crate) fn commit_all(&mut self) -> Result<(), String> {
        for from in 0..self.nodes.len() {
            for to in (0..self.nodes.len()).filter(|to| *to != from) {
                while self.nodes[from].is_alive && !self.nodes[from].peers[&to].reserved.is_empty() {
                    self.settle(from, to, 0, true)?;
                }
            }
        }
        Ok(())
    }

    // ---- nodes ---------------------------------------------------------------------------------------------------

    /// What `from` has open towards `to` may be lost.
    fn excuse(&mut self, from: NodeIndex, to: NodeIndex) {
        let side = &self.nodes[from].peers[&to];
        if side.peer.state() != State::Closed {
            self.oracle.excuse(from, to, side.peer.snapshot().incarnation);
        }
    }

    fn manager_tells(&mut self, node: NodeIndex, life: u32) -> Result<(), String> {
        if self.nodes[node].life != life || !self.nodes[node].is_alive {
            return Ok(());
        }
        let Some(told) = self.cluster.pop(node) else { return Ok(()) };
        match told {
            Told::Add(lockspace, peer) => self.input(node, peer, Input::AddMember(lockspace)),
            Told::Remove(lockspace, peer) => self.input(node, peer, Input::RemoveMember(lockspace)),
            Told::Fence(peer) => {
                self.excuse(node, peer);
                self.input(node, peer, Input::Fence)
            }
            Told::Shutdown => self.begin_shutdown(node),
        }
    }

    fn begin_shutdown(&mut self, node: NodeIndex) -> Result<(), String> {
        let peers: Vec<_> = self.nodes[node].peers.keys().copied().collect();
        for peer in &peers {
            self.nodes[node].peers.get_mut(peer).unwrap().is_shutting_down = true;
        }
        if !self.knobs.one_by_one {
            for peer in peers {
                self.input(node, peer, Input::Shutdown)?;
            }
            return Ok(());
        }
        for peer in &peers {
            for lockspace in self.nodes[node].peers[peer].peer.members().to_vec() {
                self.input(node, *peer, Input::RemoveMember(lockspace))?; // CLS-2
            }
        }
        let next = peers.partition_point(|peer| *peer < node);
        self.nodes[node].to_shut = peers.iter().cycle().skip(next).take(peers.len()).copied().collect();
        self.next_shutdown(node)
    }

    fn next_shutdown(&mut self, node: NodeIndex) -> Result<(), String> {
        match self.nodes[node].to_shut.pop_front() {
            Some(peer) => self.input(node, peer, Input::Shutdown),
            None => Ok(()),
        }
    }

    fn shutdown_done(&mut self, node: NodeIndex, peer: NodeIndex, outcome: Shutdown) -> Result<(), String> {
        let side = self.nodes[node].peers.get_mut(&peer).unwrap();
        if !core::mem::take(&mut side.is_shutting_down) {
            return Err(format!("{node} about {peer}: ShutdownDone twice"));
        }
        if outcome == Shutdown::TimedOut {
            self.timed_out += 1;
            self.excuse(peer, node);
            if !self.knobs.may_time_out() {
                return Err(format!("ShutdownReturns: {node} about {peer} timed out"));
            }
        }
        self.next_shutdown(node)
    }

    pub(crate) fn is_shutting_down(&self, node: NodeIndex) -> bool {
        self.nodes[node].peers.values().any(|side| side.is_shutting_down)
    }

    pub(crate) fn jump(&mut self, node: NodeIndex, ms: u64) -> Result<(), String> {
        if !self.nodes[node].is_alive || self.is_shutting_down(node) {
            return Ok(());
        }
        self.nodes[node].offset += i128::from(ms) * i128::from(MS);
        let peers: Vec<_> = self.nodes[node].peers.keys().copied().collect();
        for peer in peers {
            self.input(node, peer, Input::Timeout)?;
        }
        Ok(())
    }

    pub(crate) fn crash(&mut self, node: NodeIndex, is_silent: bool) {
        self.tell(|| format!("{node} dies"));
        self.gather(node);
        self.nodes[node].is_alive = false;
        self.nodes[node].to_shut.clear();
        let others: Vec<_> = self.nodes[node].peers.keys().copied().collect();
        for other in others {
            let id = self.nodes[node].peers[&other].peer.snapshot().incarnation;
            self.nodes[node].last_ids.insert(other, id);
            self.excuse(other, node);
        }
        self.oracle.forget(node);
        let theirs: Vec<_> = self
            .conns
            .iter()
            .flat_map(|(id, conn)| (0..2).map(move |side| (*id, side, conn.ends[side])))
            .filter(|(_, _, end)| end.node == node && end.is_open)
            .map(|(id, side, _)| (id, side))
            .collect();
        for (id, side) in theirs {
            if is_silent {
                let conn = self.conns.get_mut(&id).unwrap();
                conn.ends[side].is_open = false;
                conn.pipes[0].cut(usize::MAX);
                conn.pipes[1].cut(usize::MAX);
                let at = self.now + self.random_ms(5000);
                self.schedule(at, Happening::Notice { conn: id, side: 1 - side, is_orderly: false });
                self.schedule(self.now, Happening::Written { conn: id, side: 1 - side });
            } else {
                self.close(node, ConnectionId(id));
            }
        }
    }

    pub(crate) fn restart(&mut self, node: NodeIndex, set_back: bool) {
        self.tell(|| format!("{node} starts again, clock set back: {set_back}"));
        self.nodes[node].life += 1;
        self.nodes[node].is_alive = true;
        if set_back {
            self.nodes[node].offset -= i128::from(3_600_000 * MS);
        }
        self.populate(node);
    }

    /// Adds up what a node's peers counted.
    pub(crate) fn gather(&mut self, node: NodeIndex) {
        for side in self.nodes[node].peers.values() {
            let counters = side.peer.counters();
            self.totals.duplicates += counters.duplicates;
            self.totals.gaps += counters.gaps;
            self.totals.passes += counters.passes;
            self.totals.timeouts += counters.timeouts;
            self.totals.dropped += counters.dropped;
        }
    }
}
