//! Two peers, a clock and a network: bytes arrive after a latency, in order, until a connection is cut.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{Config, ConnectionId, Event, Incarnation, Input, Kind, Peer, State, Time, Transmit};
use midcomms::wire::{NodeId, Seq};

use crate::lone::{BODY, LS};

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
/// Steps after which a pair that is still busy is a livelock.
const BOUND: usize = 20_000;

#[derive(Debug)]
struct Connection {
    opener: usize,
    open: [bool; 2],
    /// By writer: what is under way; `None` is an orderly close.
    pipes: [VecDeque<(Time, Option<Bytes>)>; 2],
    is_cut: [bool; 2],
}

#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) latency: Duration,
    pub(crate) peers: [Peer; 2],
    pub(crate) events: [Vec<Event>; 2],
    /// Whether a node can be connected to.
    pub(crate) refuses: [bool; 2],
    connections: BTreeMap<u64, Connection>,
    next: u64,
    steps: usize,
}

fn other(side: usize) -> usize {
    1 - side
}

impl Pair {
    pub(crate) fn with(config: &Config, first: Seq) -> Self {
        let peer = |node, peer, id| {
            Peer::new(config.clone(), NodeId(node), NodeId(peer), Incarnation(id)).with_first_seq(first)
        };
        Self {
            now: Time(1),
            latency: Duration::from_millis(1),
            peers: [peer(1, 2, 0x1000), peer(2, 1, 0x9000)],
            events: [Vec::new(), Vec::new()],
            refuses: [false; 2],
            connections: BTreeMap::new(),
            next: 1,
            steps: 0,
        }
    }

    /// Both have added each other and know each other's version.
    pub(crate) fn established() -> Self {
        Self::established_with(&Config::default(), Seq(0))
    }

    pub(crate) fn established_with(config: &Config, first: Seq) -> Self {
        let mut pair = Self::with(config, first);
        pair.add_both();
        pair.drive();
        for side in [A, B] {
            assert!(pair.peers[side].version().is_some());
            pair.told(side);
        }
        pair
    }

    pub(crate) fn add_both(&mut self) {
        self.input(A, Input::AddMember(LS));
        self.input(B, Input::AddMember(LS));
    }

    pub(crate) fn input(&mut self, side: usize, input: Input) {
        self.peers[side].handle_input(self.now, input);
        self.drain(side);
    }

    pub(crate) fn drain(&mut self, side: usize) {
        let mut batch = Vec::new();
        for _ in 0..1000 {
            self.events[side].extend(self.peers[side].drain_events());
            match self.peers[side].poll_transmit(self.now, &mut batch) {
                None => return,
                // The driver waits before it tries again: see `advance`.
                Some(Transmit::Open) if self.refuses[other(side)] => return,
                Some(Transmit::Open) => self.open(side),
                Some(Transmit::Write(id)) => {
                    let bytes = Bytes::from(core::mem::take(&mut batch).concat());
                    let due = self.now.after(self.latency);
                    let connection = self.connections.get_mut(&id.0).unwrap();
                    if !connection.is_cut[side] {
                        connection.pipes[side].push_back((due, Some(bytes)));
                    }
                    self.peers[side].handle_input(self.now, Input::Written(id));
                }
                Some(Transmit::Close(id)) => self.close(side, id),
            }
        }
        panic!("side {side}: something is always left to do");
    }

    fn open(&mut self, side: usize) {
        let id = self.next;
        self.next += 1;
        let connection = Connection { opener: side, open: [true; 2], pipes: Default::default(), is_cut: [false; 2] };
        self.connections.insert(id, connection);
        self.peers[side].handle_input(self.now, Input::Opened(ConnectionId(id)));
        self.input(other(side), Input::Accepted(ConnectionId(id)));
    }

    fn close(&mut self, side: usize, id: ConnectionId) {
        let due = self.now.after(self.latency);
        let connection = self.connections.get_mut(&id.0).unwrap();
        connection.open[side] = false;
        connection.pipes[other(side)].clear();
        if connection.open[other(side)] && !connection.is_cut[side] {
            connection.pipes[side].push_back((due, None));
        }
        connection.is_cut = [true; 2];
    }

    /// What `side` writes is lost from now on, on every connection, and of what is under way all but `keep` pieces.
    pub(crate) fn cut(&mut self, side: usize, keep: usize) {
        for connection in self.connections.values_mut() {
            connection.is_cut[side] = true;
            connection.pipes[side].truncate(keep);
        }
    }

    /// `side` notices that its connections are broken.
    pub(crate) fn notice(&mut self, side: usize) {
        let (ours, theirs) = self.peers[side].connections();
        for id in [ours, theirs].into_iter().flatten() {
            self.close(side, id); // a driver has no use for it any more
            self.input(side, Input::Broken(id));
        }
    }

    /// Every connection breaks in both directions, and both ends notice at once.
    pub(crate) fn break_all(&mut self) {
        self.cut(A, 0);
        self.cut(B, 0);
        let known: Vec<_> = [A, B].map(|side| self.peers[side].connections()).into_iter().collect();
        for (side, (ours, theirs)) in known.into_iter().enumerate() {
            for id in [ours, theirs].into_iter().flatten() {
                self.input(side, Input::Broken(id));
            }
        }
    }

    /// The other end of what `side` has opened or accepted closes in order.
    pub(crate) fn finish(&mut self, side: usize, ours: bool) {
        let (own, theirs) = self.peers[side].connections();
        if let Some(id) = if ours { own } else { theirs } {
            self.input(side, Input::Finished(id));
        }
    }

    fn next_piece(&self) -> Option<(Time, u64, usize)> {
        let pipes = self.connections.iter().flat_map(|(id, connection)| {
            (0..2).filter_map(move |side| connection.pipes[side].front().map(|(due, _)| (*due, *id, side)))
        });
        pipes.min()
    }

    fn next_timer(&self) -> Option<(Time, usize)> {
        (0..2).filter_map(|side| self.peers[side].poll_timeout().map(|due| (due, side))).min()
    }

    /// One thing happens, if one is due by `end`. Timers alone are no reason to go on where `is_idle_over`.
    fn step(&mut self, end: Time, is_idle_over: bool) -> bool {
        self.steps += 1;
        assert!(self.steps < BOUND, "livelock: {self:#?}");
        let piece = self.next_piece().filter(|(due, ..)| *due <= end);
        let timer = self.next_timer().filter(|(due, _)| *due <= end);
        match (piece, timer) {
            (Some((due, ..)), Some((at, side))) if at < due => self.run_timer(at, side),
            (Some((due, id, side)), _) => self.arrive(due, id, side),
            (None, Some((at, side))) if !is_idle_over => self.run_timer(at, side),
            _ => return false,
        }
        true
    }

    fn run_timer(&mut self, at: Time, side: usize) {
        self.now = self.now.max(at);
        self.input(side, Input::Timeout);
        assert!(self.peers[side].poll_timeout() != Some(at), "a timer that ran out is due again");
    }

    fn arrive(&mut self, due: Time, id: u64, side: usize) {
        self.now = self.now.max(due);
        let connection = self.connections.get_mut(&id).unwrap();
        let (_, piece) = connection.pipes[side].pop_front().unwrap();
        let to = other(side);
        if connection.open[to] {
            let id = ConnectionId(id);
            self.input(to, piece.map_or(Input::Finished(id), |bytes| Input::Received(id, bytes)));
        }
    }

    /// Until nothing is under way. Timers run only where something under way comes after them.
    pub(crate) fn drive(&mut self) {
        while self.step(Time(u64::MAX), true) {}
    }

    /// Until `duration` has passed, timers and all.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        for side in [A, B] {
            self.drain(side);
        }
        while self.step(end, false) {}
        self.now = end;
    }

    pub(crate) fn send(&mut self, side: usize) {
        self.peers[side].send(Kind::Msg, LS, &BODY).unwrap();
        self.drain(side);
    }

    pub(crate) fn told(&mut self, side: usize) -> Vec<Event> {
        core::mem::take(&mut self.events[side])
    }

    /// The numbers that `side` was delivered since the last call.
    pub(crate) fn delivered(&mut self, side: usize) -> Vec<u32> {
        let seq = |event: Event| match event {
            Event::Delivered(delivery) => delivery.seq.map(|seq| seq.0),
            _ => None,
        };
        self.told(side).into_iter().filter_map(seq).collect()
    }

    pub(crate) fn states(&self) -> (State, State) {
        (self.peers[A].state(), self.peers[B].state())
    }

    pub(crate) fn who_opened(&self) -> Vec<usize> {
        self.connections.values().map(|connection| connection.opener).collect()
    }

    pub(crate) fn assert_drained(&self) {
        for peer in &self.peers {
            assert_eq!(peer.queued(), (0, 0), "QueueDrains: {:?}", peer.snapshot());
        }
    }

    pub(crate) fn assert_closed(&self) {
        for peer in &self.peers {
            assert!(peer.state() == State::Closed && peer.is_initial(), "BothClosed: {:?}", peer.snapshot());
            assert_eq!((peer.poll_timeout(), peer.has_transmit(), peer.counters().unexpected), (None, false, 0));
        }
    }
}
