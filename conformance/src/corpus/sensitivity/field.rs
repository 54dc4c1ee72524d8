//! The fields of messages, and where they are.

use midcomms::wire::{self, Body, Message};

/// What a message is, as far as its fields go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageKind {
    /// OPTS with MSG, sent for the first time.
    Msg,
    /// OPTS with RCOM, sent for the first time.
    Rcom,
    /// OPTS with FIN, sent for the first time.
    Fin,
    /// OPTS that was sent before.
    Copy,
    /// ACK.
    Ack,
    /// RCOM outside OPTS.
    BareRcom,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [MessageKind; 6] = [
        MessageKind::Msg,
        MessageKind::Rcom,
        MessageKind::Fin,
        MessageKind::Copy,
        MessageKind::Ack,
        MessageKind::BareRcom,
    ];

    /// The kind of a message; `is_copy` tells whether its number was sent before.
    pub(super) fn of(bytes: &[u8], is_copy: bool) -> Option<Self> {
        match wire::decode(bytes).ok()? {
            Message::Ack(_) => Some(MessageKind::Ack),
            Message::Opts(_) if is_copy => Some(MessageKind::Copy),
            Message::Opts(opts) => Some(match opts.inner().body() {
                Body::Msg(_) => MessageKind::Msg,
                Body::Rcom(_) => MessageKind::Rcom,
                Body::Fin { .. } => MessageKind::Fin,
            }),
            Message::Bare(inner) => matches!(inner.body(), Body::Rcom(_)).then_some(MessageKind::BareRcom),
        }
    }
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    /// Its name in tables and in the manifest.
    pub name: &'static str,
    /// Whether it belongs to this protocol; otherwise to the layer above.
    pub is_protocol: bool,
    /// Offset from the start of the message, in bytes.
    pub(super) offset: usize,
    /// Its size in bytes.
    pub(super) size: usize,
}

const fn protocol(name: &'static str, offset: usize, size: usize) -> Field {
    Field { name, is_protocol: true, offset, size }
}

const fn above(name: &'static str, offset: usize, size: usize) -> Field {
    Field { name, is_protocol: false, offset, size }
}

const OPTS: [Field; 10] = [
    protocol("OPTS version", 0, 4),
    protocol("OPTS number", 4, 4),
    protocol("OPTS nodeid", 8, 4),
    protocol("OPTS length", 12, 2),
    protocol("OPTS cmd", 14, 1),
    protocol("OPTS header pad", 15, 1),
    protocol("OPTS nextcmd", 16, 1),
    protocol("OPTS pad behind nextcmd", 17, 1),
    protocol("OPTS optlen", 18, 2),
    protocol("OPTS pad behind optlen", 20, 4),
];

const INNER: [Field; 5] = [
    protocol("inner version", 24, 4),
    protocol("inner nodeid", 32, 4),
    protocol("inner length", 36, 2),
    protocol("inner cmd", 38, 1),
    protocol("inner header pad", 39, 1),
];

const MSG: [Field; 3] =
    [above("MSG lockspace", 28, 4), protocol("MSG type", 40, 4), above("MSG words behind the type", 44, 4)];

const RCOM: [Field; 6] = [
    above("RCOM lockspace", 28, 4),
    protocol("RCOM type", 40, 4),
    above("RCOM result", 44, 4),
    above("RCOM id", 48, 8),
    above("RCOM seq", 56, 8),
    above("RCOM seq_reply", 64, 8),
];

const FIN: [Field; 1] = [protocol("FIN second word", 28, 4)];

/// A copy differs from what it copies, so that nothing of it is free.
const COPY: [Field; 2] = [protocol("copy, inner second word", 28, 4), protocol("copy, inner words", 36, 4)];

const ACK: [Field; 6] = [
    protocol("ACK version", 0, 4),
    protocol("ACK number", 4, 4),
    protocol("ACK nodeid", 8, 4),
    protocol("ACK length", 12, 2),
    protocol("ACK cmd", 14, 1),
    protocol("ACK pad", 15, 1),
];

const BARE: [Field; 11] = [
    protocol("bare RCOM version", 0, 4),
    above("bare RCOM lockspace", 4, 4),
    protocol("bare RCOM nodeid", 8, 4),
    protocol("bare RCOM length", 12, 2),
    protocol("bare RCOM cmd", 14, 1),
    protocol("bare RCOM pad", 15, 1),
    protocol("bare RCOM type", 16, 4),
    above("bare RCOM result", 20, 4),
    above("bare RCOM id", 24, 8),
    above("bare RCOM seq", 32, 8),
    above("bare RCOM seq_reply", 40, 8),
];

impl Field {
    /// Every field of a kind of message.
    pub fn of(kind: MessageKind) -> impl Iterator<Item = Field> {
        let parts: [&[Field]; 3] = match kind {
            MessageKind::Msg => [&OPTS, &INNER, &MSG],
            MessageKind::Rcom => [&OPTS, &INNER, &RCOM],
            MessageKind::Fin => [&OPTS, &INNER, &FIN],
            MessageKind::Copy => [&OPTS, &INNER, &COPY],
            MessageKind::Ack => [&ACK, &[], &[]],
            MessageKind::BareRcom => [&BARE, &[], &[]],
        };
        parts.into_iter().flatten().copied()
    }

    /// Where it is in a message.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.size
    }

    /// Whether it is the number of an OPTS or ACK.
    pub(super) fn is_number(self) -> bool {
        self.is_protocol && self.offset == 4
    }

    /// The field's largest value.
    pub(super) fn largest(self) -> u64 {
        u64::MAX >> (64 - 8 * self.size.clamp(1, 8))
    }
}
