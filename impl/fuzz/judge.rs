//! What must hold of a record, whatever happens to it: what it reads, what it tells, and what it writes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use midcomms::midcomms::{
    ConnectionId, Event, EventRef, Ids, Incarnation, Kind, Observer, Occurrence, Outcome, Peer, Snapshot, State, Tail,
    Time,
};
use midcomms::wire::{
    Ack, Body, Cmd, Framer, HEADER_LEN, Inner, LockspaceId, Message, NodeId, RcomType, Seq, Version, decode,
    whole_messages,
};

// ---- what an observer is told -----------------------------------------------------------------------------------

enum Note {
    Read { connection: ConnectionId, outcome: Outcome, message: Vec<u8> },
    Written { connection: ConnectionId, messages: Vec<u8> },
    Record(Snapshot),
}

/// Keeps what it is told until it is judged: a panic in an observer would not be heard.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Note>>>);

impl Notes {
    fn take(&self) -> Vec<Note> {
        core::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}

impl Observer for Notes {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
        let mut notes = self.0.lock().expect("nobody panics with it");
        match occurrence {
            Occurrence::Read { connection, outcome, .. } => {
                let message = |bytes: &[u8]| Note::Read { connection, outcome, message: bytes.to_vec() };
                notes.extend(occurrence.messages().map(message));
            }
            Occurrence::Written { connection, messages } => {
                notes.push(Note::Written { connection, messages: messages.to_vec() });
            }
            Occurrence::Record(snapshot) => notes.push(Note::Record(snapshot)),
            _ => {}
        }
    }
}

// ---- the judge --------------------------------------------------------------------------------------------------

/// A message that was accepted, and is to be delivered, or may be.
struct Due {
    seq: Option<Seq>,
    kind: Kind,
    lockspace: LockspaceId,
    body: Vec<u8>,
    is_optional: bool,
}

impl Due {
    fn new(seq: Option<Seq>, inner: &Inner<'_>, message: &[u8], is_optional: bool) -> Self {
        let kind = if inner.cmd() == Cmd::Msg { Kind::Msg } else { Kind::Rcom };
        let body = message[message.len() + HEADER_LEN - usize::from(inner.header().length)..].to_vec();
        Self { seq, kind, lockspace: inner.lockspace().unwrap_or_default(), body, is_optional }
    }
}

/// What one incarnation has written.
struct Life {
    own: Incarnation,
    /// What went out under each number (SND-6), and the number that is next.
    sent: BTreeMap<u32, Vec<u8>>,
    next: Seq,
    fin: Option<Seq>,
}

pub(super) struct Judge {
    pub(super) notes: Notes,
    first: Seq,
    /// Bytes that came on each connection and are of no message that was told.
    unread: BTreeMap<ConnectionId, Vec<u8>>,
    /// The incarnation that reads, and the number that it expects.
    own: Incarnation,
    expects: Seq,
    due: VecDeque<Due>,
    ups: u32,
    said: BTreeMap<ConnectionId, Ids>,
    /// Passes of copies that were begun before the last output.
    passes: u64,
    life: Life,
    /// Messages that were written, and shutdowns that have ended.
    pub(super) written: usize,
    pub(super) shutdowns: usize,
    pub(super) is_ready: bool,
}

impl Judge {
    pub(super) fn new(own: Incarnation, first: Seq) -> Self {
        Self {
            notes: Notes::default(),
            first,
            unread: BTreeMap::new(),
            own,
            expects: first,
            due: VecDeque::new(),
            ups: 0,
            said: BTreeMap::new(),
            passes: 0,
            life: Life { own, sent: BTreeMap::new(), next: first, fin: None },
            written: 0,
            shutdowns: 0,
            is_ready: false,
        }
    }

    // ---- what it reads -------------------------------------------------------------------------------------------

    pub(super) fn hears(&mut self, peer: &Peer, id: ConnectionId, bytes: &[u8]) {
        if stands(peer, id) {
            self.unread.entry(id).or_default().extend_from_slice(bytes);
        }
    }

    /// After an input: every whole message was told, in order, and what became of it follows from its number. `was_deaf`
    /// says whether the record had stopped hearing before.
    pub(super) fn judge_reads(&mut self, peer: &Peer, was_deaf: bool) {
        let (mut is_deaf, mut has_begun) = (was_deaf, false);
        for note in self.notes.take() {
            match note {
                Note::Record(snapshot) if snapshot.incarnation != self.own => {
                    self.begins(snapshot.incarnation);
                    (is_deaf, has_begun) = (false, true);
                }
                Note::Read { connection, outcome, message } => {
                    let unread = self.unread.get_mut(&connection).expect("something came");
                    assert!(unread.starts_with(&message), "told what did not come");
                    unread.drain(..message.len());
                    self.judge_message(outcome, &message, is_deaf, core::mem::take(&mut has_begun));
                }
                Note::Record(_) => {}
                Note::Written { .. } => panic!("an input writes nothing"),
            }
        }
        let now = peer.snapshot();
        if now.incarnation != self.own {
            self.begins(now.incarnation);
        }
        assert_eq!(now.seq_next, self.expects, "RCV-1");
        self.unread.retain(|id, _| stands(peer, *id));
        assert!(self.unread.values().all(|rest| whole_messages(rest) == 0), "a message is passed over in silence");
    }

    fn begins(&mut self, incarnation: Incarnation) {
        assert!(incarnation > self.own, "HRD-1: ids grow");
        self.own = incarnation;
        self.expects = self.first;
    }

    /// `has_ended` says that the record has just been reset: a FIN that did so is told behind that.
    fn judge_message(&mut self, outcome: Outcome, bytes: &[u8], is_deaf: bool, has_ended: bool) {
        let Ok(message) = decode(bytes) else { return assert_eq!(outcome, Outcome::Dropped, "WIRE-4") };
        match (outcome, &message) {
            (Outcome::Accepted, Message::Opts(opts)) => {
                let is_fin = matches!(opts.inner().body(), Body::Fin { .. });
                if is_fin && has_ended {
                    return;
                }
                assert_eq!(opts.seq(), self.expects, "RCV-1");
                self.expects = opts.seq().successor();
                if !is_fin {
                    assert!(!is_deaf, "NoRxAfterStop");
                    self.due.push_back(Due::new(Some(opts.seq()), opts.inner(), bytes, may_be_withdrawn(opts.inner())));
                }
            }
            (Outcome::Duplicate, Message::Opts(opts)) => assert!(opts.seq().is_before(self.expects), "RCV-2"),
            (Outcome::Gap, Message::Opts(opts)) => {
                assert!(opts.seq() != self.expects && !opts.seq().is_before(self.expects), "RCV-3");
            }
            (Outcome::Handled, Message::Bare(inner)) if !is_deaf => {
                self.due.push_back(Due::new(None, inner, bytes, true));
            }
            (Outcome::Handled, Message::Bare(_) | Message::Ack(_)) | (Outcome::Dropped, _) => {}
            _ => panic!("{outcome:?} of {message:?}"),
        }
    }

    // ---- what it tells -------------------------------------------------------------------------------------------

    pub(super) fn judge_events(&mut self, peer: &mut Peer) {
        let mut lent = peer.events().clone();
        let count = lent.len();
        let events: Vec<_> = peer.drain_events().collect();
        assert_eq!(count, events.len());
        for event in events {
            assert!(is_same(lent.next_ref().as_ref(), &event), "the same, lent or taken");
            match event {
                Event::Delivered(delivery) => {
                    let is_it = |due: &Due| {
                        (due.seq, due.kind, due.lockspace, &*due.body)
                            == (delivery.seq, delivery.kind, delivery.lockspace, &*delivery.body)
                    };
                    self.take_due(is_it);
                }
                Event::Up { .. } => {
                    self.ups += 1;
                    assert_eq!(self.ups, 1, "Up once in an incarnation");
                }
                Event::Closed | Event::Reset { .. } => self.ups = 0,
                Event::ShutdownDone(_) => self.shutdowns += 1,
                Event::SendReady => self.is_ready = true,
                _ => {}
            }
        }
        assert!(lent.next_ref().is_none() && peer.events().is_empty());
        assert!(self.due.drain(..).all(|due| due.is_optional), "what was accepted is delivered");
    }

    /// What comes next of what was accepted, unless a delivery shows that it was no message for the upper layer.
    fn take_due(&mut self, is_it: impl Fn(&Due) -> bool) {
        loop {
            let due = self.due.pop_front().expect("what is delivered was accepted");
            if is_it(&due) {
                return;
            }
            assert!(due.is_optional, "{:?} is not delivered", due.seq);
        }
    }

    // ---- what it writes ------------------------------------------------------------------------------------------

    /// Whole messages of this node, a hello first, numbers in order, copies identical, nothing fresh behind the FIN.
    pub(super) fn judge_batch(&mut self, peer: &Peer, id: ConnectionId, bytes: &[u8]) {
        let mut told = Vec::with_capacity(bytes.len());
        for note in self.notes.take() {
            match note {
                Note::Written { connection, messages } if connection == id => told.extend_from_slice(&messages),
                _ => panic!("writing is all that happens"),
            }
        }
        assert_eq!(told, bytes, "the observer is told what is written");
        let own = peer.snapshot().incarnation;
        if own != self.life.own {
            self.life = Life { own, sent: BTreeMap::new(), next: self.first, fin: None };
        }
        let mut copy = self.owed_copy(peer);
        let mut framer = Framer::new();
        let mut frames = framer.frames(bytes);
        while let Some(frame) = frames.next_frame() {
            let frame = frame.expect("what is written can be read");
            let message = frame.decode().expect("what is written decodes");
            self.written += 1;
            assert_eq!(message.header().nodeid, peer.node());
            self.judge_written(peer, id, &message, frame.bytes);
            copy.take_if(|seq| matches!(&message, Message::Opts(opts) if opts.seq() == *seq));
        }
        drop(frames);
        assert_eq!(copy, None, "NET-3: the oldest message goes out again");
        assert_eq!(framer.pending(), 0, "WIRE-5");
    }

    /// The number that has to go out again, if a pass has begun since the last output.
    fn owed_copy(&mut self, peer: &Peer) -> Option<Seq> {
        let passes = peer.counters().passes;
        let has_begun = core::mem::replace(&mut self.passes, passes) < passes;
        let now = peer.snapshot();
        let oldest = Seq(now.seq_send.0.wrapping_sub(u32::try_from(now.queue).expect("they are few")));
        (has_begun && now.queue > 0 && self.has_written(oldest)).then_some(oldest)
    }

    fn judge_written(&mut self, peer: &Peer, id: ConnectionId, message: &Message<'_>, bytes: &[u8]) {
        if let Message::Ack(ack) = message
            && let Tail::Hello(ids) = Tail::read(ack.tail())
        {
            self.said.insert(id, ids);
        }
        let Some(said) = self.said.get(&id) else { panic!("HRD-1: a hello is the first message on a connection") };
        let own = self.life.own;
        assert!(said.source <= own);
        match message {
            Message::Ack(ack) => judge_ack(peer, ack, *said),
            _ => {
                assert_eq!(said.source, own, "HRD-1");
                assert!(peer.bound().is_none_or(|bound| said.destination == Some(bound)), "HRD-1");
            }
        }
        if let Message::Opts(opts) = message {
            assert_eq!(peer.version(), Some(Version::V3_2), "SND-3");
            self.life.judge_numbered(opts.seq(), matches!(opts.inner().body(), Body::Fin { .. }), bytes);
        }
    }

    /// The messages that this incarnation has written and that are numbered.
    pub(super) fn has_written(&self, seq: Seq) -> bool {
        self.life.sent.contains_key(&seq.0)
    }
}

impl Life {
    fn judge_numbered(&mut self, seq: Seq, is_fin: bool, bytes: &[u8]) {
        if let Some(first) = self.sent.get(&seq.0) {
            return assert_eq!(first, bytes, "SND-6");
        }
        assert_eq!((seq, self.fin), (self.next, None), "SND-1 and SND-4");
        self.sent.insert(seq.0, bytes.to_vec());
        self.next = seq.successor();
        self.fin = is_fin.then_some(seq);
    }
}

/// In a session with a hardened node an ACK says what is expected now.
fn judge_ack(peer: &Peer, ack: &Ack<'_>, said: Ids) {
    let now = peer.snapshot();
    let is_session = said.source == now.incarnation && said.destination.is_some() && now.state != State::Closed;
    if is_session && !matches!(Tail::read(ack.tail()), Tail::Gone(_)) {
        assert_eq!(ack.seq(), now.seq_next, "RCV-7");
    }
}

fn stands(peer: &Peer, id: ConnectionId) -> bool {
    let (ours, theirs) = peer.connections();
    [ours, theirs].contains(&Some(id))
}

/// A hardened node that gives a reservation up sends this in its place.
fn may_be_withdrawn(inner: &Inner<'_>) -> bool {
    matches!(inner.body(), Body::Rcom(rcom) if rcom.kind() == Some(RcomType::StatusReply))
}

fn is_same(lent: Option<&EventRef<'_>>, taken: &Event) -> bool {
    match (lent, taken) {
        (Some(EventRef::Delivered { seq, kind, lockspace, body }), Event::Delivered(delivery)) => {
            (*seq, *kind, *lockspace, *body) == (delivery.seq, delivery.kind, delivery.lockspace, &*delivery.body)
        }
        (Some(EventRef::Other(lent)), taken) => lent == taken,
        _ => false,
    }
}
