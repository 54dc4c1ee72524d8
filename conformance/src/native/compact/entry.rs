//! The events in a block.

use midcomms::wire::MAX_MESSAGE_LEN;

/// Messages of up to this many bytes are whole; of longer ones so many are kept.
const WHOLE_LEN: usize = 64;
const KEPT_LEN: usize = 48;
/// Bytes of a regular message that follow from the one before it.
const TEMPLATE_LEN: usize = 40;
const OPTS: u8 = 3;
const OPTS_LEN: usize = 24;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its number was the expected one.
    Accepted,
    /// Its number was handled before.
    Duplicate,
    /// A number before it is missing.
    Gap,
    /// It has no number.
    Handled,
    /// It was passed over.
    Dropped,
}

impl Outcome {
    /// As in JSON lines.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Duplicate => "duplicate",
            Outcome::Gap => "gap",
            Outcome::Handled => "handled",
            Outcome::Dropped => "dropped",
        }
    }
}

/// A record as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The state's place in the table of SCHEMA.md.
    pub state: u8,
    /// The number of the next sequenced message.
    pub seq_send: u32,
    /// The number expected next.
    pub seq_next: u32,
    /// Messages in the send queue.
    pub queue: u64,
    /// Lockspaces that have the peer as a member.
    pub users: u64,
    /// The id of the incarnation.
    pub incarnation: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A connection was opened, by the node that was recorded or by the other one.
    Opened(bool),
    /// The peer closed it in order.
    Finished,
    /// The node gave it up.
    GivenUp,
    /// The node wrote this message.
    Written(&'a [u8]),
    /// The node handled this message of the peer's.
    Read(&'a [u8], Outcome),
    /// The cluster manager added the peer to a lockspace.
    MemberAdded(u32),
    /// The cluster manager removed the peer from a lockspace.
    MemberRemoved(u32),
    /// The node fenced the peer.
    Fenced,
    /// The node leaves.
    Shutdown,
    /// What the node keeps about the peer.
    Record(Snapshot),
    /// The connection stands, opened by the node that was recorded or by the other one.
    Known(bool),
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// On which connection, where it is about one.
    pub connection: u64,
    /// What.
    pub what: What<'a>,
}

/// What the next regular message of one direction begins with.
#[derive(Clone, Copy, Debug, Default)]
struct Template {
    head: Option<[u8; TEMPLATE_LEN]>,
}

/// The events of one block, one after the other.
#[derive(Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    time: u64,
    connection: u64,
    bodies: Bodies,
    sent: Template,
    received: Template,
    message: Vec<u8>,
}

impl<'a> Entries<'a> {
    /// Those in `bytes`; `time` is that of the first.
    pub fn new(bytes: &'a [u8], time: u64, bodies: Bodies) -> Self {
        Self {
            bytes,
            bodies,
            time,
            connection: 0,
            sent: Template::default(),
            received: Template::default(),
            message: Vec::with_capacity(MAX_MESSAGE_LEN),
        }
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next event; `None` for one of a kind that is not known.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, String> {
        let [tag] = self.array()?;
        if tag & 0x80 != 0 {
            self.time = self.time.saturating_add(self.varint()?);
        }
        if tag & 0x40 != 0 {
            self.connection = self.varint()?;
        }
        let (time, connection) = (self.time, self.connection);
        let kind = tag & 0x1f;
        let is_regular = tag & 0x20 != 0;
        let what = match kind {
            1 => What::Opened(true),
            2 => What::Opened(false),
            3 => What::Finished,
            4 => What::GivenUp,
            5 => {
                self.message(true, is_regular)?;
                What::Written(&self.message)
            }
            6..=10 => {
                self.message(false, is_regular)?;
                What::Read(&self.message, outcome(kind))
            }
            11 => What::MemberAdded(u32::from_le_bytes(self.array()?)),
            12 => What::MemberRemoved(u32::from_le_bytes(self.array()?)),
            13 => What::Fenced,
            14 => What::Shutdown,
            15 => What::Record(self.snapshot()?),
            0 => return Err("kind 0".to_owned()),
            16.. => {
                let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                let fields = self.slice(len)?;
                match (kind, fields) {
                    (16, [is_ours, ..]) => What::Known(*is_ours != 0),
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(Entry { time, connection, what }))
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (slice, rest) = self.bytes.split_at_checked(len).ok_or("it is cut")?;
        self.bytes = rest;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or("it is cut")?;
        self.bytes = rest;
        Ok(*array)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("an integer of more than 64 bits".to_owned())
    }

    fn snapshot(&mut self) -> Result<Snapshot, String> {
        let [state] = self.array()?;
        Ok(Snapshot {
            state,
            seq_send: u32::from_le_bytes(self.array()?),
            seq_next: u32::from_le_bytes(self.array()?),
            queue: self.varint()?,
            users: self.varint()?,
            incarnation: u64::from_le_bytes(self.array()?),
        })
    }

    /// Puts the message together; what was kept of the rest as a hash stands there again and again instead.
    fn message(&mut self, is_sent: bool, is_regular: bool) -> Result<(), String> {
        let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if len > MAX_MESSAGE_LEN {
            return Err(format!("a message of {len} bytes, the most are {MAX_MESSAGE_LEN}"));
        }
        self.message.clear();
        if len <= WHOLE_LEN {
            if is_regular {
                return Err("a regular message of up to 64 bytes".to_owned());
            }
            let whole = self.slice(len)?;
            self.message.extend_from_slice(whole);
            return Ok(());
        }
        let template = if is_sent { self.sent } else { self.received };
        if is_regular {
            let head = template.head.ok_or("a regular message without one before it")?;
            self.message.extend_from_slice(&with_lengths(head, len));
        }
        let kept = self.slice(KEPT_LEN - self.message.len())?;
        self.message.extend_from_slice(kept);
        let next = Template::behind(&self.message);
        let template = if is_sent { &mut self.sent } else { &mut self.received };
        *template = if next.head.is_some() { next } else { *template };
        self.rest(len)
    }

    /// Fills the message up to `len` bytes.
    fn rest(&mut self, len: usize) -> Result<(), String> {
        match self.bodies {
            Bodies::Full => {
                let rest = self.slice(len - KEPT_LEN)?;
                self.message.extend_from_slice(rest);
            }
            Bodies::Hashed => {
                let hash: [u8; 8] = self.array()?;
                self.message.extend(hash.iter().cycle().take(len - KEPT_LEN));
            }
            Bodies::None => self.message.resize(len, 0),
        }
        Ok(())
    }
}

impl Template {
    /// What is foreseen behind a message of more than 64 bytes: nothing new, if it is no OPTS.
    fn behind(message: &[u8]) -> Self {
        let mut head: Option<[u8; TEMPLATE_LEN]> = message.first_chunk().copied();
        if message.get(14) != Some(&OPTS) {
            head = None;
        }
        if let Some(seq) = head.as_mut().and_then(|head| head.get_mut(4..8)?.first_chunk_mut()) {
            *seq = u32::from_le_bytes(*seq).wrapping_add(1).to_le_bytes();
        }
        Self { head }
    }
}

/// The template for a message of `len` bytes.
fn with_lengths(mut head: [u8; TEMPLATE_LEN], len: usize) -> [u8; TEMPLATE_LEN] {
    for (at, len) in [(12, len), (36, len.saturating_sub(OPTS_LEN))] {
        if let Some(field) = head.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *field = (len as u16).to_le_bytes();
        }
    }
    head
}

fn outcome(kind: u8) -> Outcome {
    match kind {
        6 => Outcome::Accepted,
        7 => Outcome::Duplicate,
        8 => Outcome::Gap,
        9 => Outcome::Handled,
        _ => Outcome::Dropped,
    }
}

/// How the rest of long messages is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// As it was.
    Full,
    /// As 8 bytes that stand for it.
    Hashed,
    /// Not at all.
    None,
}

impl Bodies {
    /// By its name in the head of a file.
    ///
    /// # Errors
    /// If the name is not known: nothing can be read then.
    pub fn named(name: Option<&str>) -> Result<Self, String> {
        match name {
            Some("full") => Ok(Self::Full),
            Some("hash" | "sample") => Ok(Self::Hashed),
            Some("none") => Ok(Self::None),
            Some(other) => Err(format!("`bodies` is {other:?}: known are full, hash, sample and none")),
            None => Err("`bodies` is missing".to_owned()),
        }
    }
}
