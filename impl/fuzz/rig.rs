//! A record, its driver and its upper layer, as one program moves them.

use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Incarnation, Input, Kind, Peer, Reservation, SendError, State, Time, Transmit,
};
use midcomms::wire::{LockspaceId, NodeId, RcomType, Seq, Version};

use super::judge::Judge;
use super::messages::{Speech, Voice, body, body_of, tail};

pub(super) const OWN: Incarnation = Incarnation(0x1000);
pub(super) const PEER: Incarnation = Incarnation(0x9000);
const MESSAGES: usize = 64;
const LONGEST: usize = 4096;
const FIN: usize = 40;

pub(super) struct Rig {
    pub(super) peer: Peer,
    pub(super) voice: Voice,
    pub(super) judge: Judge,
    pub(super) now: Time,
    config: Config,
    /// Messages and bytes that the send queue may hold.
    most: (usize, usize),
    /// Whether connections open and are written to at once.
    pub(super) opens: bool,
    is_opening: bool,
    count: u64,
    writing: Option<ConnectionId>,
    /// When the shutdown has to end (CLS-3).
    leaves: Option<Time>,
    wants_room: bool,
    /// Events are not taken for now.
    pub(super) is_resting: bool,
    /// The rest of what the peer says, which comes later.
    held: Vec<u8>,
    /// Chunks whose events are not taken.
    chunks: Vec<Bytes>,
}

impl Rig {
    pub(super) fn new(opens: bool, them: NodeId) -> Self {
        Self::begin(opens, them, Time(1), OWN, Seq(0))
    }

    fn begin(opens: bool, them: NodeId, now: Time, own: Incarnation, first: Seq) -> Self {
        let config = Config { queue_messages: MESSAGES, queue_bytes: 16 * 1024, ..Config::default() };
        let judge = Judge::new(own, first);
        let peer = Peer::new(config.clone(), NodeId(3 - them.0), them, own);
        Self {
            peer: peer.with_first_seq(first).with_observer(Box::new(judge.notes.clone())),
            voice: Voice { node: them, version: Version::V3_2 },
            judge,
            now,
            most: (config.queue_messages, config.queue_bytes),
            config,
            opens,
            is_opening: false,
            count: 0,
            writing: None,
            leaves: None,
            wants_room: false,
            is_resting: false,
            held: Vec::new(),
            chunks: Vec::new(),
        }
    }

    /// The node begins again: as another one, or with numbers that soon wrap.
    pub(super) fn restart(&mut self, how: u8) {
        let first = if how & 1 == 0 { Seq(0) } else { Seq(u32::MAX - u32::from(how >> 1 & 7)) };
        let own = Incarnation(self.peer.snapshot().incarnation.0 + 1);
        *self = Self::begin(self.opens, NodeId(1 + u32::from(how >> 7)), self.now, own, first);
    }

    /// The rest of the program goes on with a copy.
    pub(super) fn copy(&mut self) {
        self.peer = self.peer.clone().with_observer(Box::new(self.judge.notes.clone()));
    }

    pub(super) fn configure(&mut self, how: u8) {
        let short = Duration::from_millis(1 + u64::from(how & 0x40));
        let (queue_messages, queue_bytes) =
            [(MESSAGES, 16 << 10), (1, 1), (0, 4 << 10), (512, 512 << 10)][usize::from(how & 3)];
        let acks = [256, 1, 3, 0][usize::from(how >> 2 & 3)];
        self.config = Config { queue_messages, queue_bytes, ack_on_send: acks, ..Config::default() };
        if how & 0x10 != 0 {
            self.config = Config { ack_on_receive: acks, ack_bytes: acks * 100, ..self.config.clone() };
        }
        if how & 0x20 != 0 {
            self.config = Config { ack_delay: short, retransmit_after: short, ..self.config.clone() };
        }
        if how & 0x80 != 0 {
            self.config =
                Config { retransmit_max: short, status_interval: short, answer_status: false, ..self.config.clone() };
        }
        self.set_config();
    }

    fn set_config(&mut self) {
        self.most = (self.most.0.max(self.config.queue_messages), self.most.1.max(self.config.queue_bytes));
        self.peer.set_config(self.config.clone());
        self.drain();
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    pub(super) fn input(&mut self, input: Input) {
        self.handle(input);
        self.drain();
    }

    fn handle(&mut self, input: Input) {
        if input == Input::Shutdown {
            self.take_events(); // whether one goes on is to be known
        }
        match &input {
            Input::Received(id, bytes) => {
                self.judge.hears(&self.peer, *id, bytes);
                self.chunks.push(bytes.clone());
            }
            Input::Shutdown if self.leaves.is_none() => {
                self.leaves = Some(self.now.after(self.config.shutdown_timeout));
            }
            _ => {}
        }
        let is_deaf = self.peer.stops().1;
        self.peer.handle_input(self.now, input);
        self.judge.judge_reads(&self.peer, is_deaf);
    }

    fn which(&self, how: u8) -> Option<ConnectionId> {
        let (ours, theirs) = self.peer.connections();
        if how & 1 == 0 { ours.or(theirs) } else { theirs.or(ours) }
    }

    pub(super) fn received(&mut self, how: u8, bytes: Vec<u8>) {
        if let Some(id) = self.which(how) {
            self.input(Input::Received(id, Bytes::from(bytes)));
        }
    }

    pub(super) fn ends(&mut self, how: u8, input: fn(ConnectionId) -> Input) {
        if let Some(id) = self.which(how) {
            self.input(input(id));
        }
    }

    /// News of a connection that the record has given up.
    pub(super) fn stale(&mut self, how: u8) {
        let id = ConnectionId(u64::from(how >> 2));
        let (ours, theirs) = self.peer.connections();
        if [ours, theirs].contains(&Some(id)) {
            return;
        }
        self.input(match how & 3 {
            0 => Input::Received(id, Bytes::copy_from_slice(&[0; 16])),
            1 => Input::Written(id),
            2 => Input::Finished(id),
            _ => Input::Broken(id),
        });
    }

    pub(super) fn opened(&mut self) {
        if core::mem::take(&mut self.is_opening) {
            self.count += 1;
            self.input(Input::Opened(ConnectionId(self.count)));
        }
    }

    pub(super) fn accepted(&mut self) {
        self.count += 1;
        self.input(Input::Accepted(ConnectionId(self.count)));
    }

    pub(super) fn written(&mut self) {
        if let Some(id) = self.writing.take() {
            self.input(Input::Written(id));
        }
    }

    pub(super) fn timeout(&mut self) {
        if let Some(due) = self.peer.poll_timeout() {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
            assert!(self.peer.poll_timeout().is_none_or(|next| next > self.now), "a timer spins");
        }
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while self.peer.poll_timeout().is_some_and(|due| due <= end) {
            self.timeout();
        }
        self.now = end;
    }

    // ---- what the peer says --------------------------------------------------------------------------------------

    /// A number near the one that the record expects.
    pub(super) fn near(&self, how: u8) -> Seq {
        Seq(self.peer.snapshot().seq_next.0.wrapping_add(u32::from(how >> 5)).wrapping_sub(2))
    }

    /// A number near the next one that the record sends.
    pub(super) fn near_sent(&self, how: u8) -> Seq {
        Seq(self.peer.snapshot().seq_send.0.wrapping_add(u32::from(how >> 5)).wrapping_sub(5))
    }

    pub(super) fn ids(&self) -> [Incarnation; 4] {
        [OWN, PEER, Incarnation(PEER.0 + 1), self.peer.snapshot().incarnation]
    }

    pub(super) fn hello(&mut self, how: u8, number: u8) {
        let ids = self.ids();
        let id = |at: u8| ids[usize::from(at & 3)];
        let message = if number & 0x80 == 0 {
            let destination = (how & 0x40 == 0).then(|| id(how >> 2).0);
            self.voice.ack(Seq(u32::from(number & 3)), &tail(1, id(how), destination))
        } else {
            self.voice.ack(Seq(0), &tail(2, id(how), Some(id(how >> 2).0)))
        };
        self.received(how, message);
    }

    /// Has the peer say several things, in as many pieces as `how` says; of 7 the last one comes with what it says next.
    pub(super) fn hear(&mut self, how: u8, say: impl FnOnce(&mut Speech)) {
        let now = self.peer.snapshot();
        let queued = u32::try_from(now.queue).expect("they are few");
        let first = Seq(now.seq_send.0.wrapping_sub(queued));
        let mut speech = Speech::new(self.voice, now.seq_next, (first, queued), self.ids());
        speech.bytes = core::mem::take(&mut self.held);
        say(&mut speech);
        let mut bytes = speech.bytes;
        let pieces = usize::from(how >> 5);
        if pieces == 7 {
            self.held = bytes.split_off(bytes.len() - bytes.len() / 7);
        }
        for piece in bytes.chunks(bytes.len() / (pieces + 1) + 1) {
            self.received(how, piece.to_vec());
        }
    }

    // ---- what the upper layer does -------------------------------------------------------------------------------

    /// One message, which gets the next number or none.
    pub(super) fn send(&mut self, send: impl FnOnce(&mut Peer) -> Result<Option<Seq>, SendError>) {
        let (before, bytes) = (self.peer.snapshot(), self.peer.queued().1);
        match send(&mut self.peer) {
            Ok(Some(seq)) => assert_eq!((seq, self.peer.queued().0), (before.seq_send, before.queue + 1)),
            Ok(None) => assert_eq!(self.peer.version(), Some(Version::V3_1)),
            Err(error) => {
                self.note(error);
                assert_eq!((self.peer.snapshot(), self.peer.queued().1), (before, bytes), "nothing is taken");
            }
        }
        self.drain();
    }

    pub(super) fn send_all(&mut self, kind: Kind, bodies: &[Vec<u8>], limit: usize) {
        let before = self.peer.queued().0;
        match self.peer.send_all(kind, LockspaceId(1), bodies, limit) {
            Ok(count) => assert_eq!((count <= bodies.len(), self.peer.queued().0), (true, before + count)),
            Err(error) => self.note(error),
        }
        self.drain();
    }

    pub(super) fn send_bare(&mut self, code: u8) {
        let _ = self.peer.send_bare(LockspaceId(2), &body_of(code & 15, 32 + usize::from(code >> 4)));
        self.drain();
    }

    pub(super) fn ready(&mut self) {
        if let Err(error) = self.peer.ready() {
            self.note(error);
        }
    }

    pub(super) fn reserve(&mut self, kind: Kind, len: usize) -> Option<Reservation> {
        let reserved = self.peer.reserve(kind, LockspaceId(1), len);
        reserved.inspect_err(|error| self.note(*error)).ok()
    }

    pub(super) fn cancel(&mut self, reservation: &Reservation) {
        self.peer.cancel(reservation);
        self.drain();
    }

    /// Whether the message was committed: not if its session is over, or `code` is no type.
    pub(super) fn commit(&mut self, reservation: &Reservation, code: u8) -> bool {
        let committed = self.peer.commit(reservation, |room| room[0] = code);
        self.drain();
        committed.is_ok()
    }

    /// A refusal for want of room is followed by an event.
    fn note(&mut self, error: SendError) {
        self.wants_room |= matches!(error, SendError::Full { .. });
    }

    // ---- what comes out ------------------------------------------------------------------------------------------

    pub(super) fn drain(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..1000 {
            if !self.is_resting {
                self.take_events();
            }
            match self.peer.poll_transmit(self.now, &mut batch) {
                None => return self.check(),
                Some(Transmit::Open) if self.opens => {
                    self.count += 1;
                    self.handle(Input::Opened(ConnectionId(self.count)));
                }
                Some(Transmit::Open) => self.is_opening = true,
                Some(Transmit::Close(id)) => {
                    self.writing.take_if(|writing| *writing == id);
                }
                Some(Transmit::Write(id)) => {
                    self.judge.judge_batch(&self.peer, id, &core::mem::take(&mut batch).concat());
                    if self.opens {
                        self.handle(Input::Written(id));
                    } else {
                        self.writing = Some(id);
                    }
                }
            }
        }
        panic!("something is always left to do");
    }

    fn take_events(&mut self) {
        self.judge.judge_events(&mut self.peer);
        assert!(
            self.chunks.drain(..).all(|chunk| chunk.is_empty() || chunk.is_unique()),
            "what was read and taken is kept"
        );
        self.wants_room &= !core::mem::take(&mut self.judge.is_ready);
        for _ in 0..core::mem::take(&mut self.judge.shutdowns) {
            assert!(self.leaves.take().is_some(), "a shutdown ends once");
        }
    }

    fn check(&self) {
        let peer = &self.peer;
        assert!(!peer.has_transmit() && peer.next_write().is_none());
        assert!(peer.state() != State::Closed || peer.is_initial(), "CleanClosed: {:?}", peer.snapshot());
        assert!(peer.queued().0 <= self.most.0.max(1) + 1 && peer.members().len() <= 3);
        assert!(peer.queued().1 <= self.most.1.max(LONGEST) + FIN);
        assert_eq!(peer.snapshot().queue, peer.queued().0);
        assert_eq!(peer.counters().unexpected, 0, "CLS-4");
        assert_eq!(peer.counters().observer_panics, 0);
        let is_waiting = peer.version() == Some(Version::V3_2) && peer.queued().1 > peer.output_bytes();
        assert!(!is_waiting || !peer.is_flushed() || peer.poll_timeout().is_some(), "HRD-7");
        assert!(self.is_resting || self.leaves.is_none_or(|due| due > self.now), "CLS-3");
        assert!(self.is_resting || !self.wants_room || peer.queued().0 > 0, "who waits for room is told of it");
    }

    // ---- the end -------------------------------------------------------------------------------------------------

    /// Whatever has happened: behind a fence a session with a peer that keeps the rules goes well, from its beginning to
    /// its end.
    pub(super) fn finish(mut self) {
        self.is_resting = false;
        self.config = Config::default();
        self.set_config();
        self.opens = true;
        self.voice.version = Version::V3_2;
        self.input(Input::Fence);
        self.input(Input::AddMember(LockspaceId(1)));
        let now = self.peer.snapshot();
        let (first, second) = (now.seq_send, now.seq_send.successor());
        self.received(0, self.voice.ack(first, &tail(1, Incarnation(PEER.0 + 9), Some(now.incarnation.0))));
        self.received(0, self.voice.rcom(RcomType::Status));
        assert_eq!(self.peer.send(Kind::Msg, LockspaceId(1), &body()), Ok(Some(first)));
        self.drain();
        assert!(self.judge.has_written(first));
        self.received(0, self.voice.msg(first, &[]));
        self.input(Input::Shutdown);
        self.received(0, self.voice.ack(second.successor(), &[]));
        assert_eq!((self.peer.state(), self.peer.queued().0), (State::FinWait2, 0));
        self.received(0, self.voice.fin(second));
        assert_eq!((self.peer.state(), self.leaves), (State::Closed, None));
    }
}
