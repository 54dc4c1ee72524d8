//! What the fuzz targets `record` and `node` do with their input. The corpus test runs the same functions.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Event, Incarnation, Input, Kind, Peer, Reservation, State, Tail, Time, Transmit,
};
use midcomms::wire::{
    Ack, Body, Framer, Inner, LockspaceId, Message, Msg, NodeId, Options, Opts, Rcom, RcomType, Sender, Seq, Version,
};

const OWN: Incarnation = Incarnation(0x1000);
const PEER: Incarnation = Incarnation(0x9000);
const MESSAGES: usize = 64;

/// A program for one record: each step is a byte that says what, and one or two that say how. Whatever the steps are,
/// the invariants of [`Rig`] hold after each.
pub(crate) fn record(data: &[u8]) {
    let mut rig = Rig::new(false, NodeId(2));
    let mut program = data.iter().copied();
    let mut reservations = Vec::new();
    while let Some(what) = program.next() {
        let how = program.next().unwrap_or(0);
        match what % 24 {
            0 => rig.input(Input::AddMember(LockspaceId(u32::from(how % 3)))),
            1 => rig.input(Input::RemoveMember(LockspaceId(u32::from(how % 3)))),
            2 => rig.input(Input::Fence),
            3 => rig.input(Input::Shutdown),
            4 => rig.opened(),
            5 => rig.input(Input::OpenFailed),
            6 => rig.accepted(),
            7 => {
                let bytes: Vec<_> = program.by_ref().take(usize::from(how)).collect();
                rig.received(how, bytes);
            }
            8 => rig.written(),
            9 => rig.ends(how, Input::Finished),
            10 => rig.ends(how, Input::Broken),
            11 => rig.pass(Duration::from_millis(u64::from(how) * u64::from(how))),
            12 => rig.send(how),
            13 => reservations.extend(rig.reserve(how)),
            14 => rig.settle(&mut reservations, how, true),
            15 => rig.settle(&mut reservations, how, false),
            16 => {
                let number = program.next().unwrap_or(0);
                let ids = [OWN, PEER, Incarnation(PEER.0 + 1), rig.peer.snapshot().incarnation];
                let id = |at: u8| ids[usize::from(at) % ids.len()];
                let message = if number & 0x80 == 0 {
                    ack(
                        rig.them,
                        u32::from(number & 3),
                        &tail(1, id(how), (how & 0x40 == 0).then(|| id(how >> 2)).map(|id| id.0)),
                    )
                } else {
                    ack(rig.them, 0_u32, &tail(2, id(how), Some(id(how >> 2).0)))
                };
                rig.received(how, message);
            }
            17 => rig.received(how, msg(rig.them, rig.near(how))),
            18 => rig.received(how, fin(rig.them, rig.near(how))),
            19 => rig.received(how, ack(rig.them, rig.near_sent(how), &[])),
            20 => rig.received(how, rcom(rig.them, RcomType::Status)),
            21 => rig.received(how, rcom(rig.them, RcomType::StatusReply)),
            22 => rig.timeout(),
            _ => rig.drain(),
        }
    }
}

/// Bytes of a peer. The first byte says in which state the record is, and with its highest bit that the peer is node 1
/// and not 2; the second says how large the chunks are; the rest comes on one accepted connection.
pub(crate) fn node(data: &[u8]) {
    let [state, size, stream @ ..] = data else { return };
    let mut rig = Rig::in_state(state & 0x7F, if state & 0x80 == 0 { NodeId(2) } else { NodeId(1) });
    rig.accepted();
    let before = rig.messages;
    let chunks = stream.chunks(usize::from(*size) * 16 + 1);
    let most = 8 * (chunks.len() + 1);
    for chunk in chunks {
        rig.received(1, chunk.to_vec());
    }
    assert!(rig.messages - before <= most, "an answer for each chunk, at most");
    assert_eq!(rig.peer.counters().unexpected, 0);
    rig.pass(Duration::from_secs(100));
}

// ---- messages ----------------------------------------------------------------------------------------------------

fn sender(nodeid: NodeId) -> Sender {
    Sender { version: Version::V3_2, nodeid }
}

fn bytes_of<'a>(message: impl Into<Message<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    message.into().encode_into(&mut out);
    out
}

fn body() -> [u8; 72] {
    let mut body = [0; 72];
    body[0] = 1;
    body
}

fn msg(them: NodeId, seq: Seq) -> Vec<u8> {
    let body = body();
    let inner = Inner::msg(sender(them), LockspaceId(1), Msg::new(&body, &[])).expect("it is short");
    bytes_of(Opts::new(seq, Options::default(), inner).expect("it is short"))
}

fn fin(them: NodeId, seq: Seq) -> Vec<u8> {
    bytes_of(Opts::new(seq, Options::default(), Inner::fin(sender(them))).expect("it is short"))
}

fn ack(them: NodeId, seq: impl Into<u32>, tail: &[u8]) -> Vec<u8> {
    bytes_of(Ack::new(sender(them), Seq(seq.into()), tail).expect("it is short"))
}

fn tail(kind: u32, source: Incarnation, destination: Option<u64>) -> Vec<u8> {
    let mut tail = b"HRD1".to_vec();
    tail.extend(kind.to_le_bytes());
    tail.extend(source.0.to_le_bytes());
    tail.extend(destination.unwrap_or(0).to_le_bytes());
    tail
}

fn rcom(them: NodeId, kind: RcomType) -> Vec<u8> {
    let rcom = Rcom { code: kind.to_wire(), result: 0, id: 1, seq: 1, seq_reply: 0, payload: &[0; 16] };
    bytes_of(Inner::rcom(sender(them), LockspaceId(1), rcom).expect("it is short"))
}

// ---- the record and its invariants -------------------------------------------------------------------------------

/// What one incarnation has shown.
#[derive(Default)]
struct Life {
    /// What went out under each number (SND-6).
    sent: BTreeMap<u32, Vec<u8>>,
    fin: Option<u32>,
    delivered: u32,
    ups: u32,
}

struct Rig {
    peer: Peer,
    them: NodeId,
    now: Time,
    opens: bool,
    is_opening: bool,
    count: u64,
    writing: Option<ConnectionId>,
    spoke: BTreeMap<ConnectionId, bool>,
    life: Life,
    messages: usize,
}

impl Rig {
    fn new(opens: bool, them: NodeId) -> Self {
        let config = Config { queue_messages: MESSAGES, queue_bytes: 16 * 1024, ..Config::default() };
        Self {
            peer: Peer::new(config, NodeId(3 - them.0), them, OWN),
            now: Time(1),
            them,
            opens,
            is_opening: false,
            count: 0,
            writing: None,
            spoke: BTreeMap::new(),
            life: Life::default(),
            messages: 0,
        }
    }

    /// 0 CLOSED, 1 unbound, 2 ESTABLISHED, 3 towards a Linux node, then the closing states.
    fn in_state(state: u8, them: NodeId) -> Self {
        let mut rig = Self::new(true, them);
        let state = state % 8;
        if state == 0 {
            return rig;
        }
        rig.input(Input::AddMember(LockspaceId(1)));
        match state {
            1 => return rig,
            3 => rig.received(0, rcom(them, RcomType::StatusReply)),
            _ => rig.received(0, ack(them, 0_u32, &tail(1, PEER, Some(OWN.0)))),
        }
        if state >= 4 {
            rig.send(0);
        }
        match state {
            5 => rig.input(Input::Shutdown),
            6 => rig.received(0, fin(them, Seq(0))),
            7 => {
                rig.received(0, fin(them, Seq(0)));
                rig.input(Input::RemoveMember(LockspaceId(1)));
            }
            _ => {}
        }
        rig
    }

    fn near(&self, how: u8) -> Seq {
        Seq(self.peer.snapshot().seq_next.0.wrapping_add(u32::from(how >> 5)).wrapping_sub(2))
    }

    fn near_sent(&self, how: u8) -> u32 {
        self.peer.snapshot().seq_send.0.wrapping_add(u32::from(how >> 5)).wrapping_sub(5)
    }

    fn which(&self, how: u8) -> Option<ConnectionId> {
        let (ours, theirs) = self.peer.connections();
        if how & 1 == 0 { ours.or(theirs) } else { theirs.or(ours) }
    }

    fn input(&mut self, input: Input) {
        self.peer.handle_input(self.now, input);
        self.drain();
    }

    fn received(&mut self, how: u8, bytes: Vec<u8>) {
        if let Some(id) = self.which(how) {
            self.input(Input::Received(id, Bytes::from(bytes)));
        }
    }

    fn ends(&mut self, how: u8, input: fn(ConnectionId) -> Input) {
        if let Some(id) = self.which(how) {
            self.input(input(id));
        }
    }

    fn opened(&mut self) {
        if core::mem::take(&mut self.is_opening) {
            self.count += 1;
            self.input(Input::Opened(ConnectionId(self.count)));
        }
    }

    fn accepted(&mut self) {
        self.count += 1;
        self.input(Input::Accepted(ConnectionId(self.count)));
    }

    fn written(&mut self) {
        if let Some(id) = self.writing.take() {
            self.input(Input::Written(id));
        }
    }

    fn timeout(&mut self) {
        if let Some(due) = self.peer.poll_timeout() {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
            assert!(self.peer.poll_timeout().is_none_or(|next| next > self.now), "a timer spins");
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while self.peer.poll_timeout().is_some_and(|due| due <= end) {
            self.timeout();
        }
        self.now = end;
    }

    fn send(&mut self, how: u8) {
        let mut bytes = body().to_vec();
        bytes.resize(72 + usize::from(how), how);
        let _ = self.peer.send(Kind::Msg, LockspaceId(1), &bytes);
        self.drain();
    }

    fn reserve(&mut self, how: u8) -> Option<Reservation> {
        self.peer.reserve(Kind::Msg, LockspaceId(1), 72 + usize::from(how)).ok()
    }

    fn settle(&mut self, reservations: &mut Vec<Reservation>, how: u8, is_commit: bool) {
        if reservations.is_empty() {
            return;
        }
        let reservation = reservations.swap_remove(usize::from(how) % reservations.len());
        if is_commit {
            let _ = self.peer.commit(&reservation, |room| room[0] = 1);
        } else {
            self.peer.cancel(&reservation);
        }
        self.drain();
    }

    // ---- what comes out ------------------------------------------------------------------------------------------

    fn drain(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..1000 {
            self.take_events();
            match self.peer.poll_transmit(self.now, &mut batch) {
                None => return self.check(),
                Some(Transmit::Open) if self.opens => {
                    self.count += 1;
                    self.peer.handle_input(self.now, Input::Opened(ConnectionId(self.count)));
                }
                Some(Transmit::Open) => self.is_opening = true,
                Some(Transmit::Close(id)) => {
                    self.writing.take_if(|writing| *writing == id);
                }
                Some(Transmit::Write(id)) => {
                    self.check_batch(id, &core::mem::take(&mut batch).concat());
                    if self.opens {
                        self.peer.handle_input(self.now, Input::Written(id));
                    } else {
                        self.writing = Some(id);
                    }
                }
            }
        }
        panic!("something is always left to do");
    }

    fn take_events(&mut self) {
        let events: Vec<_> = self.peer.drain_events().collect();
        for event in events {
            match event {
                Event::Delivered(delivery) => {
                    let expected = self.life.delivered;
                    // A cancelled reservation of a hardened peer uses a number without a delivery.
                    if let Some(seq) = delivery.seq {
                        assert!(seq.0 >= expected, "delivered {seq} after {expected}");
                        self.life.delivered = seq.0 + 1;
                    }
                }
                Event::Up { .. } => {
                    self.life.ups += 1;
                    assert_eq!(self.life.ups, 1, "Up once in an incarnation");
                }
                Event::Closed | Event::Reset { .. } => self.life = Life::default(),
                _ => {}
            }
        }
    }

    /// Whole messages of this node, a hello first, copies identical, nothing fresh behind the FIN.
    fn check_batch(&mut self, id: ConnectionId, bytes: &[u8]) {
        let mut framer = Framer::new();
        let mut frames = framer.frames(bytes);
        while let Some(frame) = frames.next_frame() {
            let frame = frame.expect("what is written can be read");
            let message = frame.decode().expect("what is written decodes");
            self.messages += 1;
            assert_eq!(message.header().nodeid, self.peer.node());
            if !self.spoke.insert(id, true).unwrap_or(false) {
                let is_hello =
                    matches!(&message, Message::Ack(ack) if matches!(Tail::read(ack.tail()), Tail::Hello(_)));
                assert!(is_hello, "HRD-1: a hello is the first message on a connection");
            }
            let Message::Opts(opts) = &message else { continue };
            let seq = opts.seq().0;
            let first = self.life.sent.entry(seq).or_insert_with(|| frame.bytes.to_vec());
            assert_eq!(first, frame.bytes, "SND-6");
            if matches!(opts.inner().body(), Body::Fin { .. }) {
                assert_eq!(*self.life.fin.get_or_insert(seq), seq, "CLS-5");
            }
            assert!(self.life.fin.is_none_or(|fin| seq <= fin), "SND-4");
        }
        drop(frames);
        assert_eq!(framer.pending(), 0, "WIRE-5");
    }

    fn check(&self) {
        let peer = &self.peer;
        assert!(!peer.has_transmit());
        assert!(peer.state() != State::Closed || peer.is_initial(), "CleanClosed: {:?}", peer.snapshot());
        assert!(peer.queued().0 <= MESSAGES + 1 && peer.members().len() <= 3);
        assert_eq!(peer.snapshot().queue, peer.queued().0);
    }
}
