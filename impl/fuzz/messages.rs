//! What a peer says: messages as it should send them, and twisted ones.

use midcomms::midcomms::Incarnation;
use midcomms::wire::{
    Ack, Inner, LockspaceId, Message, Msg, NodeId, OptionItem, Options, Opts, Rcom, RcomType, Sender, Seq, Version,
};

/// The body of the shortest MSG.
pub(super) fn body() -> [u8; 72] {
    let mut body = [0; 72];
    body[0] = 1;
    body
}

/// A body of `len` bytes at least that has the type `code`.
pub(super) fn body_of(code: u8, len: usize) -> Vec<u8> {
    let mut body = body().to_vec();
    body[0] = code;
    body.resize(len.max(4), code);
    body
}

/// Who speaks.
#[derive(Clone, Copy)]
pub(super) struct Voice {
    pub(super) node: NodeId,
    pub(super) version: Version,
}

impl Voice {
    fn sender(self) -> Sender {
        Sender { version: self.version, nodeid: self.node }
    }

    pub(super) fn bare_msg<'a>(self, fixed: &'a [u8; 72], block: &'a [u8]) -> Inner<'a> {
        Inner::msg(self.sender(), LockspaceId(1), Msg::new(fixed, block)).expect("it is short")
    }

    pub(super) fn bare_rcom(self, code: u32, result: i32) -> Inner<'static> {
        let rcom = Rcom { code, result, id: 1, seq: 1, seq_reply: 0, payload: &[0; 16] };
        Inner::rcom(self.sender(), LockspaceId(1), rcom).expect("it is short")
    }

    pub(super) fn bare_fin(self) -> Inner<'static> {
        Inner::fin(self.sender())
    }

    pub(super) fn msg(self, seq: Seq, block: &[u8]) -> Vec<u8> {
        enveloped(seq, Options::default(), self.bare_msg(&body(), block))
    }

    pub(super) fn fin(self, seq: Seq) -> Vec<u8> {
        enveloped(seq, Options::default(), self.bare_fin())
    }

    pub(super) fn ack(self, seq: Seq, tail: &[u8]) -> Vec<u8> {
        bytes_of(Ack::new(self.sender(), seq, tail).expect("it is short"))
    }

    pub(super) fn rcom(self, kind: RcomType) -> Vec<u8> {
        bytes_of(self.bare_rcom(kind.to_wire(), 0))
    }
}

pub(super) fn bytes_of<'a>(message: impl Into<Message<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    message.into().encode_into(&mut out);
    out
}

fn enveloped(seq: Seq, options: Options<'_>, inner: Inner<'_>) -> Vec<u8> {
    bytes_of(Opts::new(seq, options, inner).expect("it is short"))
}

/// The tail of a hello (1) or a *gone* (2).
pub(super) fn tail(kind: u32, source: Incarnation, destination: Option<u64>) -> Vec<u8> {
    let mut tail = b"HRD1".to_vec();
    tail.extend(kind.to_le_bytes());
    tail.extend(source.0.to_le_bytes());
    tail.extend(destination.unwrap_or(0).to_le_bytes());
    tail
}

/// Messages one behind the other, to be read at once or in pieces.
pub(super) struct Speech {
    voice: Voice,
    /// The number that a sequenced message gets next, and the oldest one of the other side's that is not acknowledged.
    seq: Seq,
    first: Seq,
    sent: u32,
    ids: [Incarnation; 4],
    last: Vec<u8>,
    twist: Option<u8>,
    pub(super) bytes: Vec<u8>,
}

impl Speech {
    /// To a record that expects `seq` next and has sent `sent` messages from `first` on that are not acknowledged.
    pub(super) fn new(voice: Voice, seq: Seq, (first, sent): (Seq, u32), ids: [Incarnation; 4]) -> Self {
        Self { voice, seq, first, sent, ids, last: Vec::new(), twist: None, bytes: Vec::new() }
    }

    pub(super) fn say(&mut self, what: u8, how: u8) {
        let message = match what % 16 {
            0 => self.sequenced(self.voice.bare_msg(&body(), &[]), &[]),
            1 => self.sequenced(self.voice.bare_msg(&body(), &vec![how; usize::from(how) * 15]), &[]),
            2 => self.sequenced(self.voice.bare_rcom(u32::from(how % 10), i32::from(how >> 4)), &[]),
            3 => self.sequenced(self.voice.bare_rcom(5, -3), &[]),
            4 => self.sequenced(self.voice.bare_msg(&body(), &[]), &options(how)),
            5 => self.sequenced(self.voice.bare_fin(), &[]),
            6 => self.voice.ack(Seq(self.first.0.wrapping_add(u32::from(how) % self.sent.saturating_add(2))), &[]),
            7 => self.voice.ack(Seq(self.first.0.wrapping_sub(u32::from(how))), &[0; 32][..usize::from(how & 31)]),
            8 => self.voice.ack(self.first, &tail(1, self.id(how), (how & 0x40 == 0).then(|| self.id(how >> 2).0))),
            9 => self.voice.ack(Seq(0), &tail(2, self.id(how), Some(self.id(how >> 2).0))),
            10 => self.voice.rcom(RcomType::Status),
            11 => bytes_of(self.voice.bare_rcom(u32::from(how % 10), i32::from(how >> 4))),
            12 if how & 1 == 0 => bytes_of(self.voice.bare_msg(&body(), &[how; 8])),
            12 => bytes_of(self.voice.bare_fin()),
            13 => return self.twist = Some(how),
            14 => self.last.clone(),
            _ => return self.seq = Seq(self.seq.0.wrapping_add(u32::from(how & 7)).wrapping_sub(3)),
        };
        self.append(message);
    }

    fn id(&self, at: u8) -> Incarnation {
        self.ids[usize::from(at & 3)]
    }

    /// The message is the last one, too, for a copy of it.
    fn sequenced(&mut self, inner: Inner<'_>, options: &[u8]) -> Vec<u8> {
        let seq = self.seq;
        self.seq = seq.successor();
        self.last = enveloped(seq, Options::from_bytes(options), inner);
        self.last.clone()
    }

    fn append(&mut self, mut message: Vec<u8>) {
        if let Some(twist) = self.twist.take() {
            twist_byte(&mut message, twist);
        }
        self.bytes.extend(message);
    }
}

/// Options as a node of another make might send them, and bytes that are none.
fn options(how: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for kind in 0..u16::from(how & 3) {
        let value = &[how; 64][..usize::from(how >> 2 & 31)];
        Options::push(&mut out, OptionItem { kind, pad: 0, value }).expect("it is short");
    }
    if how & 0x80 != 0 {
        out.extend_from_slice(&[how; 13]);
    }
    out
}

/// One byte of a field, of either header or the envelope, is another one.
fn twist_byte(message: &mut [u8], how: u8) {
    const FIELDS: [usize; 16] = [0, 4, 7, 8, 12, 13, 14, 15, 16, 18, 24, 32, 36, 37, 38, 40];
    let Some(byte) = message.get_mut(FIELDS[usize::from(how & 15)]) else { return };
    *byte = match how >> 4 {
        value @ 0..6 => value,
        6 => 0xFF,
        7 => byte.wrapping_sub(1),
        bit => *byte ^ (1 << (bit - 8)),
    };
}
