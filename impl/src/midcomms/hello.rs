//! Incarnation ids on the wire: the tail of an ACK (HRD-1, HRD-3).

use core::fmt;

use crate::wire::{Cmd, HEADER_LEN, Header, Sender, Seq};

/// The id of one incarnation of a record: 64 bits, not 0, greater than those before it (HRD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Whom messages are from and for: what a hello says for all that follows on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ids {
    /// The sender's incarnation.
    pub source: Incarnation,
    /// The receiver's incarnation, as far as the sender knows it.
    pub destination: Option<Incarnation>,
}

/// What the tail of an ACK says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tail {
    /// No tail: an ACK of a Linux node, or one among others of a hardened one.
    Plain,
    /// Whom the messages behind it are from and for (HRD-1).
    Hello(Ids),
    /// The incarnation `source` is over (HRD-3).
    Gone(Ids),
    /// Anything else: to be taken as no tail, and counted.
    Unknown,
}

const MAGIC: [u8; 4] = *b"HRD1";
const HELLO: u32 = 1;
const GONE: u32 = 2;
const TAIL_LEN: usize = 24;

impl Tail {
    /// Reads the bytes behind an ACK's header.
    #[must_use]
    pub fn read(tail: &[u8]) -> Self {
        if tail.is_empty() {
            return Self::Plain;
        }
        Self::parse(tail).unwrap_or(Self::Unknown)
    }

    fn parse(tail: &[u8]) -> Option<Self> {
        let tail: &[u8; TAIL_LEN] = tail.try_into().ok()?;
        let (magic, rest) = tail.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (source, rest) = rest.split_first_chunk::<8>()?;
        let (destination, _) = rest.split_first_chunk::<8>()?;
        let source = incarnation(*source)?;
        let ids = Ids { source, destination: incarnation(*destination) };
        match (*magic == MAGIC, u32::from_le_bytes(*kind)) {
            (true, HELLO) => Some(Self::Hello(ids)),
            (true, GONE) => Some(Self::Gone(ids)),
            _ => None,
        }
    }
}

fn incarnation(bytes: [u8; 8]) -> Option<Incarnation> {
    Some(u64::from_le_bytes(bytes)).filter(|id| *id != 0).map(Incarnation)
}

/// Bytes of a hello or a *gone*.
pub const HELLO_LEN: usize = HEADER_LEN + TAIL_LEN;

/// A hello, from a record that expects `seq` next.
#[must_use]
pub(crate) fn hello(sender: Sender, seq: Seq, ids: Ids) -> [u8; HELLO_LEN] {
    write(sender, seq, HELLO, ids)
}

/// The news that the incarnation `ids.source` is over.
#[must_use]
pub(crate) fn gone(sender: Sender, ids: Ids) -> [u8; HELLO_LEN] {
    write(sender, Seq(0), GONE, ids)
}

/// An ACK without a tail.
#[must_use]
pub(crate) fn plain_ack(sender: Sender, seq: Seq) -> [u8; HEADER_LEN] {
    header(sender, seq, const { HEADER_LEN as u16 }).to_bytes()
}

const fn header(sender: Sender, seq: Seq, length: u16) -> Header {
    let (version, cmd) = (sender.version.to_wire(), Cmd::Ack.to_wire());
    Header { version, word: seq.0, nodeid: sender.nodeid, length, cmd, pad: 0 }
}

fn write(sender: Sender, seq: Seq, kind: u32, ids: Ids) -> [u8; HELLO_LEN] {
    let fields = header(sender, seq, const { HELLO_LEN as u16 })
        .to_bytes()
        .into_iter()
        .chain(MAGIC)
        .chain(kind.to_le_bytes())
        .chain(ids.source.0.to_le_bytes())
        .chain(ids.destination.map_or(0, |id| id.0).to_le_bytes());
    let mut out = [0; HELLO_LEN];
    for (byte, field) in out.iter_mut().zip(fields) {
        *byte = field;
    }
    out
}
