//! Two peers over pipes in memory that break, with virtual time: what recordings are made of.
//!
//! The test of the replay of recordings includes this file too.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Delivery, Event, Incarnation, Input, Kind, Observer, Peer, State, Time, Transmit,
};
use midcomms::wire::{LockspaceId, NodeId};

pub(crate) const LOCKSPACE: LockspaceId = LockspaceId(7);
/// The first instant.
const BEGIN: Time = Time(1_800_000_000_000_000_000);

/// A connection: bytes under way to either end.
#[derive(Debug, Default)]
struct Pipe {
    /// The end that opened it.
    opener: usize,
    ids: [Option<ConnectionId>; 2],
    under_way: [VecDeque<Bytes>; 2],
    /// Which ends have closed it.
    is_closed: [bool; 2],
}

/// Two nodes, 1 and 2.
pub(crate) struct World {
    pub(crate) peers: [Peer; 2],
    pub(crate) now: Time,
    pub(crate) delivered: [Vec<Delivery>; 2],
    pub(crate) events: [Vec<Event>; 2],
    pipes: Vec<Pipe>,
    next_id: [u64; 2],
    random: u64,
    /// Each piece of bytes is cut once more with this chance in 256.
    pub(crate) cuts: u64,
}

pub(crate) fn new_peer(node: u32, config: &Config, now: Time, observer: Option<Box<dyn Observer>>) -> Peer {
    let peer = Peer::new(config.clone(), NodeId(node), NodeId(3 - node), Incarnation(now.0));
    match observer {
        Some(observer) => peer.with_observer(observer),
        None => peer,
    }
}

impl World {
    pub(crate) fn new(seed: u64, observers: [Option<Box<dyn Observer>>; 2]) -> Self {
        let config = Config::default();
        let [one, two] = observers;
        Self {
            peers: [new_peer(1, &config, BEGIN, one), new_peer(2, &config, BEGIN, two)],
            now: BEGIN,
            delivered: [const { Vec::new() }; 2],
            events: [const { Vec::new() }; 2],
            pipes: Vec::new(),
            next_id: [0; 2],
            random: seed.wrapping_mul(2).wrapping_add(1),
            cuts: 40,
        }
    }

    /// A number below `most`.
    pub(crate) fn chance(&mut self, most: u64) -> u64 {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.random >> 33) % most
    }

    pub(crate) fn input(&mut self, node: usize, input: Input) {
        self.peers[node].handle_input(self.now, input);
        self.drain(node);
    }

    pub(crate) fn send(&mut self, node: usize, len: usize) {
        self.queue(node, len, 1);
        self.drain(node);
    }

    /// Sends messages of different types and lengths that go out together.
    pub(crate) fn burst(&mut self, node: usize, messages: usize) {
        for _ in 0..messages {
            let len = [72, 72, 80, 104, 104, 600][self.chance(6) as usize];
            let kind = 1 + self.chance(3) as u32;
            self.queue(node, len, kind);
        }
        self.drain(node);
    }

    fn queue(&mut self, node: usize, len: usize, kind: u32) {
        let mut body = vec![0; len];
        for byte in &mut body {
            *byte = self.chance(256) as u8;
        }
        body[..4].copy_from_slice(&kind.to_le_bytes());
        let _ = self.peers[node].send(Kind::Msg, LOCKSPACE, &body);
    }

    fn new_id(&mut self, node: usize) -> ConnectionId {
        self.next_id[node] += 1;
        ConnectionId(self.next_id[node])
    }

    /// Does what a node wants done.
    fn drain(&mut self, node: usize) {
        let mut batch = Vec::new();
        loop {
            for event in self.peers[node].drain_events().collect::<Vec<_>>() {
                match event {
                    Event::Delivered(delivery) => self.delivered[node].push(delivery),
                    other => self.events[node].push(other),
                }
            }
            match self.peers[node].poll_transmit(self.now, &mut batch) {
                None => return,
                Some(Transmit::Open) => self.open(node),
                Some(Transmit::Write(id)) => {
                    let pipe = self.pipes.iter_mut().find(|pipe| pipe.ids[node] == Some(id)).unwrap();
                    pipe.under_way[1 - node].extend(batch.drain(..));
                    self.peers[node].handle_input(self.now, Input::Written(id));
                }
                Some(Transmit::Close(id)) => {
                    if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.ids[node] == Some(id)) {
                        pipe.is_closed[node] = true;
                    }
                }
            }
        }
    }

    fn open(&mut self, node: usize) {
        let id = self.new_id(node);
        let mut pipe = Pipe { opener: node, ..Pipe::default() };
        pipe.ids[node] = Some(id);
        self.pipes.push(pipe);
        self.peers[node].handle_input(self.now, Input::Opened(id));
    }

    /// One step of the network: something arrives somewhere. False if nothing can.
    pub(crate) fn step(&mut self) -> bool {
        self.pipes.retain(|pipe| !pipe.is_closed.iter().all(|closed| *closed));
        let mut ready = Vec::new();
        for (index, pipe) in self.pipes.iter().enumerate() {
            let acceptor = 1 - pipe.opener;
            if pipe.ids[acceptor].is_none() {
                ready.push((index, acceptor));
                continue;
            }
            for node in [0, 1] {
                if !pipe.is_closed[node] && (!pipe.under_way[node].is_empty() || pipe.is_closed[1 - node]) {
                    ready.push((index, node));
                }
            }
        }
        if ready.is_empty() {
            return false;
        }
        let (index, node) = ready[self.chance(ready.len() as u64) as usize];
        self.now = self.now.after(Duration::from_micros(10));
        self.arrive(index, node);
        true
    }

    fn arrive(&mut self, index: usize, node: usize) {
        let cuts = self.chance(256) < self.cuts;
        let at = self.chance(1 << 20) as usize;
        let new = self.next_id[node] + 1;
        let pipe = &mut self.pipes[index];
        let Some(id) = pipe.ids[node] else {
            self.next_id[node] = new;
            pipe.ids[node] = Some(ConnectionId(new));
            return self.input(node, Input::Accepted(ConnectionId(new)));
        };
        match pipe.under_way[node].pop_front() {
            Some(mut bytes) => {
                if cuts && bytes.len() > 1 {
                    let rest = bytes.split_off(1 + at % (bytes.len() - 1));
                    pipe.under_way[node].push_front(rest);
                }
                self.input(node, Input::Received(id, bytes));
            }
            None => {
                pipe.is_closed[node] = true;
                self.input(node, Input::Broken(id));
            }
        }
    }

    /// A connection breaks: what is under way in it is lost, from anywhere on, and both ends will notice.
    pub(crate) fn break_one(&mut self) {
        if self.pipes.is_empty() {
            return;
        }
        let index = self.chance(self.pipes.len() as u64) as usize;
        let lost = [self.chance(4) as usize, self.chance(4) as usize];
        let pipe = &mut self.pipes[index];
        for node in [0, 1] {
            let kept = pipe.under_way[node].len().saturating_sub(lost[node]);
            pipe.under_way[node].truncate(kept);
        }
        // What is written while the rest arrives comes behind what was lost: it is lost, too (NET-2).
        let rest = [0, 1].map(|node| pipe.under_way[node].drain(..).collect::<Vec<Bytes>>());
        for (node, read) in rest.into_iter().enumerate() {
            let pipe = &mut self.pipes[index];
            let Some(id) = pipe.ids[node].filter(|_| !pipe.is_closed[node]) else { continue };
            pipe.is_closed[node] = true;
            for bytes in read {
                self.input(node, Input::Received(id, bytes));
            }
            self.input(node, Input::Broken(id));
        }
        self.pipes.remove(index);
    }

    /// Goes on until nothing is under way, and then to the next timer, up to `until`.
    pub(crate) fn run_until(&mut self, until: Time) {
        for turn in 0.. {
            let steps = std::iter::repeat_with(|| self.step()).take_while(|went_on| *went_on).take(100_000).count();
            assert!(steps < 100_000 && turn < 100_000, "{:?} go on for ever at {:?}", self.peers, self.now);
            let next = self.peers.iter().filter_map(Peer::poll_timeout).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            for node in [0, 1] {
                self.input(node, Input::Timeout);
            }
        }
        self.now = self.now.max(until);
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        self.run_until(self.now.after(duration));
    }

    pub(crate) fn join(&mut self) {
        for node in [0, 1] {
            self.input(node, Input::AddMember(LOCKSPACE));
        }
        self.run(Duration::from_millis(100));
    }

    /// Both nodes leave.
    pub(crate) fn leave(&mut self) {
        for node in [0, 1] {
            self.input(node, Input::Shutdown);
        }
        self.run(Duration::from_secs(20));
    }

    /// Node `node` is killed and comes back as if nothing had been.
    pub(crate) fn restart(&mut self, node: usize, observer: Option<Box<dyn Observer>>) {
        self.now = self.now.after(Duration::from_secs(1));
        self.peers[node] = new_peer(node as u32 + 1, &Config::default(), self.now, observer);
        for index in 0..self.pipes.len() {
            let pipe = &mut self.pipes[index];
            // What nobody had accepted yet, the next process accepts.
            if pipe.ids[node].is_some() {
                pipe.is_closed[node] = true;
                pipe.under_way[node].clear();
            }
        }
        self.input(node, Input::AddMember(LOCKSPACE));
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.peers.iter().all(|peer| peer.state() == State::Closed)
    }
}

/// A run with everything in it: load both ways, breaks, a restart where it is asked for, and an orderly end.
pub(crate) fn busy(world: &mut World, messages: usize, breaks: bool) {
    for round in 0..messages {
        let node = world.chance(2) as usize;
        let len = [72, 72, 88, 100, 600, 4056][world.chance(6) as usize];
        world.send(node, len);
        for _ in 0..world.chance(6) {
            world.step();
        }
        if breaks && world.chance(40) == 0 {
            world.break_one();
        }
        if round % 64 == 63 {
            world.run(Duration::from_millis(50));
        }
    }
    world.run(Duration::from_secs(10));
}

/// Load both ways in bursts, in which most messages are handed over and read many at a time.
pub(crate) fn bursts(world: &mut World, count: usize, breaks: bool) {
    for round in 0..count {
        let (node, messages) = (world.chance(2) as usize, 1 + world.chance(200) as usize);
        world.burst(node, messages);
        for _ in 0..world.chance(4) {
            world.step();
        }
        if breaks && world.chance(8) == 0 {
            world.break_one();
        }
        if round % 16 == 15 {
            world.run(Duration::from_millis(50));
        }
    }
    world.run(Duration::from_secs(10));
}
