//! One peer whose other end is a script of messages.

use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Event, Ids, Incarnation, Input, Kind, Peer, Shutdown, State, Tail, Time, Transmit,
};
use midcomms::wire::{
    Ack, Body, Framer, Inner, LockspaceId, Message, Msg, NodeId, Options, Opts, Rcom, RcomType, Sender, Seq, Version,
    decode,
};

pub(crate) const US: NodeId = NodeId(1);
pub(crate) const THEM: NodeId = NodeId(2);
pub(crate) const LS: LockspaceId = LockspaceId(0x11);
/// The incarnation of the record under test, and that of its peer in the scripts.
pub(crate) const OWN: Incarnation = Incarnation(0x1000);
pub(crate) const PEER: Incarnation = Incarnation(0x9000);
/// The body of a MSG of the least length.
pub(crate) const BODY: [u8; 72] = {
    let mut body = [0; 72];
    body[0] = 1;
    body
};

// ---- messages of the script --------------------------------------------------------------------------------------

pub(crate) fn sender(version: Version) -> Sender {
    Sender { version, nodeid: THEM }
}

fn bytes_of<'a>(message: impl Into<Message<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    message.into().encode_into(&mut out);
    out
}

fn rcom_of(version: Version, kind: RcomType, seq: u64) -> Vec<u8> {
    let rcom = Rcom { code: kind.to_wire(), result: 0, id: 7, seq, seq_reply: 0, payload: &[0; 16] };
    bytes_of(Inner::rcom(sender(version), LS, rcom).unwrap())
}

pub(crate) fn status() -> Vec<u8> {
    rcom_of(Version::V3_2, RcomType::Status, 1)
}

pub(crate) fn status_reply() -> Vec<u8> {
    rcom_of(Version::V3_2, RcomType::StatusReply, 1)
}

pub(crate) fn bare_rcom(version: Version, kind: RcomType) -> Vec<u8> {
    rcom_of(version, kind, 1)
}

pub(crate) fn bare_msg(version: Version) -> Vec<u8> {
    bytes_of(Inner::msg(sender(version), LS, Msg::new(&BODY, &[])).unwrap())
}

pub(crate) fn bare_fin(version: Version) -> Vec<u8> {
    bytes_of(Inner::fin(sender(version)))
}

pub(crate) fn msg(seq: u32) -> Vec<u8> {
    let inner = Inner::msg(sender(Version::V3_2), LS, Msg::new(&BODY, &[])).unwrap();
    bytes_of(Opts::new(Seq(seq), Options::default(), inner).unwrap())
}

pub(crate) fn fin(seq: u32) -> Vec<u8> {
    bytes_of(Opts::new(Seq(seq), Options::default(), Inner::fin(sender(Version::V3_2))).unwrap())
}

pub(crate) fn ack(seq: u32) -> Vec<u8> {
    ack_with(seq, &[])
}

pub(crate) fn ack_with(seq: u32, tail: &[u8]) -> Vec<u8> {
    bytes_of(Ack::new(sender(Version::V3_2), Seq(seq), tail).unwrap())
}

fn tail(kind: u32, source: Incarnation, destination: Option<Incarnation>) -> Vec<u8> {
    let mut tail = b"HRD1".to_vec();
    tail.extend(kind.to_le_bytes());
    tail.extend(source.0.to_le_bytes());
    tail.extend(destination.map_or(0, |id| id.0).to_le_bytes());
    tail
}

pub(crate) fn hello(seq: u32, source: Incarnation, destination: Option<Incarnation>) -> Vec<u8> {
    ack_with(seq, &tail(1, source, destination))
}

pub(crate) fn gone(source: Incarnation, destination: Incarnation) -> Vec<u8> {
    ack_with(0, &tail(2, source, Some(destination)))
}

// ---- what was written --------------------------------------------------------------------------------------------

fn inner_name(inner: &Inner<'_>) -> String {
    match inner.body() {
        Body::Msg(_) => "MSG".to_owned(),
        Body::Fin { .. } => "FIN".to_owned(),
        Body::Rcom(rcom) => rcom.kind().map_or_else(|| "RCOM ?".to_owned(), |kind| format!("RCOM {kind}")),
    }
}

/// A message in a word or two.
pub(crate) fn show(bytes: &[u8]) -> String {
    match decode(bytes).unwrap() {
        Message::Opts(opts) => format!("OPTS({}) {}", opts.seq(), inner_name(opts.inner())),
        Message::Bare(inner) => inner_name(&inner),
        Message::Ack(ack) => {
            let to = |ids: Ids| ids.destination.map_or("nobody".to_owned(), |id| id.to_string());
            match Tail::read(ack.tail()) {
                Tail::Plain => format!("ACK({})", ack.seq()),
                Tail::Hello(ids) => format!("HELLO({}) {} to {}", ack.seq(), ids.source, to(ids)),
                Tail::Gone(ids) => format!("GONE {} to {}", ids.source, to(ids)),
                Tail::Unknown => "ACK with an unknown tail".to_owned(),
            }
        }
    }
}

// ---- the record under test ---------------------------------------------------------------------------------------

/// A peer with one incoming and one outgoing connection, both of a script's making.
pub(crate) struct Lone {
    pub(crate) peer: Peer,
    pub(crate) now: Time,
    pub(crate) events: Vec<Event>,
    /// Raw bytes of each message that was written since [`Lone::written`] was called last.
    pub(crate) raw: Vec<Vec<u8>>,
    pub(crate) closes: Vec<ConnectionId>,
    pub(crate) last: ConnectionId,
    pub(crate) refuses: bool,
    /// Writes are complete only when the test says so.
    pub(crate) holds_writes: Option<ConnectionId>,
    pub(crate) is_holding: bool,
    framer: Framer,
    count: u64,
}

impl Lone {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Seq(0))
    }

    pub(crate) fn with(config: Config, first: Seq) -> Self {
        Self {
            peer: Peer::new(config, US, THEM, OWN).with_first_seq(first),
            now: Time(1),
            events: Vec::new(),
            raw: Vec::new(),
            closes: Vec::new(),
            last: ConnectionId(0),
            refuses: false,
            holds_writes: None,
            is_holding: false,
            framer: Framer::new(),
            count: 0,
        }
    }

    pub(crate) fn own(&self) -> Incarnation {
        self.peer.snapshot().incarnation
    }

    pub(crate) fn state(&self) -> State {
        self.peer.state()
    }

    /// One input, and what it calls for.
    pub(crate) fn input(&mut self, input: Input) {
        self.peer.handle_input(self.now, input);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        self.events.extend(self.peer.drain_events());
        let mut batch = Vec::new();
        for _ in 0..100 {
            match self.peer.poll_transmit(self.now, &mut batch) {
                None => return,
                Some(Transmit::Open) if self.refuses => return,
                Some(Transmit::Open) => self.open(),
                Some(Transmit::Close(id)) => self.closes.push(id),
                Some(Transmit::Write(id)) => self.write(id, &core::mem::take(&mut batch)),
            }
        }
        panic!("something is always left to do");
    }

    /// The connection that was asked for stands.
    pub(crate) fn open(&mut self) {
        self.count += 1;
        self.last = ConnectionId(self.count);
        self.framer = Framer::new();
        self.peer.handle_input(self.now, Input::Opened(self.last));
        self.events.extend(self.peer.drain_events());
    }

    fn write(&mut self, id: ConnectionId, batch: &[Bytes]) {
        for piece in batch {
            let mut frames = self.framer.frames(piece);
            while let Some(frame) = frames.next_frame() {
                self.raw.push(frame.unwrap().bytes.to_vec());
            }
        }
        assert_eq!(self.framer.pending(), 0, "WIRE-5: only whole messages are written");
        if self.is_holding {
            self.holds_writes = Some(id);
            return;
        }
        self.peer.handle_input(self.now, Input::Written(id));
        self.events.extend(self.peer.drain_events());
    }

    /// The peer opens a connection.
    pub(crate) fn accept(&mut self) -> ConnectionId {
        self.count += 1;
        let id = ConnectionId(self.count);
        self.framer = Framer::new();
        self.last = id;
        self.input(Input::Accepted(id));
        id
    }

    /// Messages come on the connection that stood last.
    pub(crate) fn hear(&mut self, messages: &[Vec<u8>]) {
        self.input(Input::Received(self.last, Bytes::from(messages.concat())));
    }

    pub(crate) fn hear_on(&mut self, id: ConnectionId, messages: &[Vec<u8>]) {
        self.input(Input::Received(id, Bytes::from(messages.concat())));
    }

    pub(crate) fn send(&mut self) {
        self.peer.send(Kind::Msg, LS, &BODY).unwrap();
        self.drain();
    }

    pub(crate) fn add(&mut self) {
        self.input(Input::AddMember(LS));
    }

    pub(crate) fn remove(&mut self) {
        self.input(Input::RemoveMember(LS));
    }

    /// Time passes, and every timer runs out at its instant.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while let Some(due) = self.peer.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// What was written since the last call.
    pub(crate) fn written(&mut self) -> Vec<String> {
        self.raw.drain(..).map(|bytes| show(&bytes)).collect()
    }

    /// What happened since the last call.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events)
    }

    pub(crate) fn forget(&mut self) {
        self.written();
        self.told();
        self.closes.clear();
    }

    // ---- fixtures, each built on the one before -------------------------------------------------------------------

    /// ESTABLISHED, towards a hardened peer, on one connection that this node opened.
    pub(crate) fn established() -> Self {
        Self::established_with(Config::default(), Seq(0))
    }

    pub(crate) fn established_with(config: Config, first: Seq) -> Self {
        let mut lone = Self::with(config, first);
        lone.add();
        let own = lone.own();
        lone.hear(&[hello(first.0, PEER, Some(own)), status()]);
        assert_eq!((lone.state(), lone.peer.bound()), (State::Established, Some(PEER)));
        lone.forget();
        lone
    }

    /// ESTABLISHED, towards a Linux node.
    pub(crate) fn linux() -> Self {
        Self::linux_with(Config::default(), Version::V3_2)
    }

    pub(crate) fn linux_with(config: Config, version: Version) -> Self {
        let mut lone = Self::with(config, Seq(0));
        lone.add();
        lone.hear(&[bare_rcom(version, RcomType::StatusReply)]);
        assert_eq!((lone.state(), lone.peer.version()), (State::Established, Some(version)));
        lone.forget();
        lone
    }

    /// FIN_WAIT1: this node leaves. Its FIN has the number 0.
    pub(crate) fn fin_wait1(mut self) -> Self {
        self.input(Input::Shutdown);
        assert_eq!(self.state(), State::FinWait1);
        self.forget();
        self
    }

    /// FIN_WAIT2: the peer has acknowledged it.
    pub(crate) fn fin_wait2(self) -> Self {
        let mut lone = self.fin_wait1();
        lone.hear(&[ack(1)]);
        assert_eq!(lone.state(), State::FinWait2);
        lone.forget();
        lone
    }

    /// CLOSING: the peer has left at the same time. Its FIN had the number 0.
    pub(crate) fn closing(self) -> Self {
        let mut lone = self.fin_wait1();
        lone.hear(&[fin(0)]);
        assert_eq!(lone.state(), State::Closing);
        lone.forget();
        lone
    }

    /// CLOSE_WAIT: the peer has left.
    pub(crate) fn close_wait(mut self) -> Self {
        self.hear(&[fin(0)]);
        assert_eq!(self.state(), State::CloseWait);
        self.forget();
        self
    }

    /// LAST_ACK: this node has left too.
    pub(crate) fn last_ack(self) -> Self {
        let mut lone = self.close_wait();
        lone.remove();
        assert_eq!(lone.state(), State::LastAck);
        lone.forget();
        lone
    }

    /// What holds after every test that closes.
    pub(crate) fn assert_closed(&self) {
        assert_eq!(self.state(), State::Closed);
        assert!(self.peer.is_initial() && self.peer.queued() == (0, 0), "{:?}", self.peer.snapshot());
    }
}

pub(crate) fn done(outcome: Shutdown) -> Event {
    Event::ShutdownDone(outcome)
}
