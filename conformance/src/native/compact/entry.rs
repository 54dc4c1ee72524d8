//! The events in a block.

use midcomms::wire::MAX_MESSAGE_LEN;
use midcomms_model::own::Outcome;

use super::run::Run;

/// Messages of up to this many bytes are whole; of longer ones so many are kept.
pub(super) const WHOLE_LEN: usize = 64;
pub(super) const KEPT_LEN: usize = 48;
/// Bytes of a regular message that follow from the one before it.
pub(super) const TEMPLATE_LEN: usize = 40;
const OPTS: u8 = 3;
const OPTS_LEN: u16 = 24;
/// Of so many numbers in a row, a sparse recording samples the message of one.
const SPARSE: u32 = 16;

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

/// What [`Entries`] came to.
#[derive(Clone, Copy, Debug)]
pub enum Parsed {
    /// A message that was written.
    Written,
    /// A message that was read.
    Read(Outcome),
    /// No message.
    Other(What<'static>),
}

/// The events of one block, one after the other.
#[derive(Debug)]
pub struct Entries {
    at: usize,
    time: u64,
    connection: u64,
    bodies: Bodies,
    sent: Template,
    received: Template,
    /// Whether these bytes may hold runs, and the one that is being read.
    has_runs: bool,
    run: Run,
    message: Vec<u8>,
}

impl Entries {
    /// Those of no block yet. There are runs from version 2 of the bytes on.
    pub fn new(bodies: Bodies, has_runs: bool) -> Self {
        Self {
            at: 0,
            bodies,
            time: 0,
            connection: 0,
            sent: Template::default(),
            received: Template::default(),
            has_runs,
            run: Run::NONE,
            message: Vec::with_capacity(MAX_MESSAGE_LEN),
        }
    }

    /// Begins a block; `time` is that of its first event.
    pub fn begin(&mut self, time: u64) {
        (self.at, self.time, self.connection) = (0, time, 0);
        (self.sent, self.received) = (Template::default(), Template::default());
        self.run = Run::NONE;
    }

    /// Whether nothing is left of `block`.
    pub fn is_at_end(&self, block: &[u8]) -> bool {
        self.at >= block.len() && self.run.is_over()
    }

    /// Goes to the next event of `block`; `None` for one of a kind that is not known.
    ///
    /// # Errors
    /// What is wrong with it.
    #[inline]
    pub fn advance(&mut self, block: &[u8]) -> Result<Option<Parsed>, String> {
        let mut rest = Rest(block.get(self.at..).unwrap_or_default());
        if !self.run.is_over() {
            return self.advance_run(block, rest);
        }
        let [tag] = rest.array()?;
        if tag & 0x80 != 0 {
            self.time = self.time.saturating_add(rest.varint()?);
        }
        if tag & 0x40 != 0 {
            self.connection = rest.varint()?;
        }
        let kind = tag & 0x1f;
        let parsed = match kind {
            5..=10 => {
                self.message(&mut rest, kind == 5, tag & 0x20 != 0)?;
                Some(of_message(kind))
            }
            17..=22 if self.has_runs => {
                self.begin_run(&mut rest, of_message(kind - 12), block.len())?;
                return self.advance_run(block, rest);
            }
            _ => of_kind(kind, &mut rest)?.map(Parsed::Other),
        };
        self.at = block.len() - rest.0.len();
        Ok(parsed)
    }

    /// The event that [`Entries::advance`] came to.
    #[inline]
    pub fn entry(&self, parsed: Parsed) -> Entry<'_> {
        let what = match parsed {
            Parsed::Written => What::Written(&self.message),
            Parsed::Read(outcome) => What::Read(&self.message, outcome),
            Parsed::Other(what) => what,
        };
        Entry { time: self.time, connection: self.connection, what }
    }

    /// Puts the message together; what was kept of the rest as a hash stands there again and again instead.
    #[inline]
    fn message(&mut self, rest: &mut Rest<'_>, is_sent: bool, is_regular: bool) -> Result<(), String> {
        let len = usize::try_from(rest.varint()?).unwrap_or(usize::MAX);
        if len > MAX_MESSAGE_LEN {
            return Err(format!("a message of {len} bytes, the most are {MAX_MESSAGE_LEN}"));
        }
        self.message.clear();
        if len <= WHOLE_LEN {
            if is_regular {
                return Err("a regular message of up to 64 bytes".to_owned());
            }
            self.message.extend_from_slice(rest.slice(len)?);
            return Ok(());
        }
        let template = if is_sent { &mut self.sent } else { &mut self.received };
        if is_regular {
            let head = template.head.ok_or("a regular message without one before it")?;
            self.message.extend_from_slice(&head);
            set_lengths(&mut self.message, len as u16);
        }
        self.message.extend_from_slice(rest.slice(KEPT_LEN - self.message.len())?);
        if let Some(head) = Template::behind(&self.message).head {
            template.head = Some(head);
        }
        self.fill(rest, len)
    }

    fn begin_run(&mut self, rest: &mut Rest<'_>, parsed: Parsed, block_len: usize) -> Result<(), String> {
        let template = if matches!(parsed, Parsed::Written) { &mut self.sent } else { &mut self.received };
        let template = template.head.as_mut().ok_or("a run without a message before it")?;
        self.run = Run::begin(parsed, rest, block_len, template, &mut self.message)?;
        Ok(())
    }

    #[inline]
    fn advance_run(&mut self, block: &[u8], mut rest: Rest<'_>) -> Result<Option<Parsed>, String> {
        let len = self.run.advance(block, &mut self.message)?;
        self.fill(&mut rest, len)?;
        self.at = block.len() - rest.0.len();
        Ok(Some(self.run.parsed))
    }

    /// Fills the message up to `len` bytes.
    #[inline]
    fn fill(&mut self, rest: &mut Rest<'_>, len: usize) -> Result<(), String> {
        match self.bodies {
            Bodies::Full => self.message.extend_from_slice(rest.slice(len - KEPT_LEN)?),
            Bodies::Sparse if !is_sampled(&self.message) => self.message.resize(len, 0),
            Bodies::Hashed | Bodies::Sparse => {
                let hash: [u8; 8] = rest.array()?;
                let mut left = len - KEPT_LEN;
                while left > 0 {
                    let piece = left.min(hash.len());
                    self.message.extend_from_slice(hash.get(..piece).unwrap_or_default());
                    left -= piece;
                }
            }
            Bodies::None => self.message.resize(len, 0),
        }
        Ok(())
    }
}

/// What is left of a block.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn slice(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (slice, rest) = self.0.split_at_checked(len).ok_or("it is cut")?;
        self.0 = rest;
        Ok(slice)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (array, rest) = self.0.split_first_chunk().ok_or("it is cut")?;
        self.0 = rest;
        Ok(*array)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, String> {
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
}

/// What is no message.
fn of_kind(kind: u8, rest: &mut Rest<'_>) -> Result<Option<What<'static>>, String> {
    Ok(Some(match kind {
        1 => What::Opened(true),
        2 => What::Opened(false),
        3 => What::Finished,
        4 => What::GivenUp,
        11 => What::MemberAdded(u32::from_le_bytes(rest.array()?)),
        12 => What::MemberRemoved(u32::from_le_bytes(rest.array()?)),
        13 => What::Fenced,
        14 => What::Shutdown,
        15 => What::Record(rest.snapshot()?),
        0 => return Err("kind 0".to_owned()),
        _ => {
            let len = usize::try_from(rest.varint()?).unwrap_or(usize::MAX);
            match (kind, rest.slice(len)?) {
                (16, [is_ours, ..]) => What::Known(*is_ours != 0),
                _ => return Ok(None),
            }
        }
    }))
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

/// Has the template be for a message of `len` bytes.
#[inline]
pub(super) fn set_lengths(head: &mut [u8], len: u16) {
    for (at, len) in [(12, len), (36, len.saturating_sub(OPTS_LEN))] {
        if let Some(field) = head.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *field = len.to_le_bytes();
        }
    }
}

/// Whether a sparse recording samples this message.
fn is_sampled(message: &[u8]) -> bool {
    let number = message.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |number| u32::from_le_bytes(*number));
    number.is_multiple_of(SPARSE) || message.get(14) != Some(&OPTS)
}

fn of_message(kind: u8) -> Parsed {
    if kind == 5 { Parsed::Written } else { Parsed::Read(outcome(kind)) }
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
    /// The same, of messages whose number is a multiple of 16 and of those without one; of others not at all.
    Sparse,
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
            Some("sparse") => Ok(Self::Sparse),
            Some("none") => Ok(Self::None),
            Some(other) => Err(format!("`bodies` is {other:?}: known are full, hash, sample, sparse and none")),
            None => Err("`bodies` is missing".to_owned()),
        }
    }
}
