//! The events of a native trace, of either form, as they are read.

use midcomms_model::own::{Outcome, Snapshot, Standing};
use midcomms_model::{Ids, Seq, State, Version};
use xxhash_rust::xxh3::xxh3_64;

use super::borrowed::{IdsRef, RecordRef};
use super::compact::entry;
use super::feed::At;
use super::reader::Place;

/// A connection, as a trace names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// `c` and a number.
    Number(u32, u64),
    /// Any other text, by its hash.
    Text(u64),
}

impl Name {
    /// From JSON lines.
    pub fn of_text(text: &str) -> Self {
        let number = text.strip_prefix('c').filter(|digits| digits.len() <= 18 && !digits.starts_with('0'));
        let is_number = |digits: &&str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match number.filter(is_number).and_then(|digits| digits.parse().ok()) {
            Some(number) => Self::Number(0, number),
            None => Self::Text(xxh3_64(text.as_bytes())),
        }
    }
}

/// An event and where it stands.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The line, and the time.
    pub at: At,
    /// What happened.
    pub what: Happened<'a>,
}

impl Event<'_> {
    /// Whether it is something that cannot be read.
    pub fn is_damage(&self) -> bool {
        matches!(self.what, Happened::Damage { .. })
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Happened<'a> {
    /// `from` opened a connection to `to`; it stood already where it is not new.
    Opened {
        /// Which.
        name: Name,
        /// Who opened it, and to whom.
        ends: (u32, u32),
        /// It was opened now.
        is_new: bool,
        /// What was said on it before.
        spoken: Spoken,
    },
    /// `by` ended a connection.
    Ended {
        /// Which.
        name: Name,
        /// Who.
        by: u32,
        /// The ends, where they are told.
        ends: Option<(u32, u32)>,
        /// It reset it, or gave it up.
        is_reset: bool,
    },
    /// A message was written.
    Written(Told<'a>),
    /// A message was read, and what became of it.
    Read(Told<'a>, Option<Outcome>),
    /// Something at a node, about a peer, that is no message.
    Local {
        /// Where.
        node: u32,
        /// About whom; `None`: all.
        peer: Option<u32>,
        /// What.
        what: Local,
    },
    /// The record of a node about a peer as it stands here, where the trace begins.
    Standing {
        /// Where.
        node: u32,
        /// About whom.
        peer: u32,
        /// The record.
        standing: Box<Standing>,
    },
    /// Events are missing here, of a pair or of any.
    Lost(Option<(u32, u32)>),
    /// Something that cannot be read.
    Damage {
        /// The pair that it is about, if that is known.
        pair: Option<(u32, u32)>,
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
    /// Nothing that is judged.
    Nothing,
}

/// The last hellos on a connection that stood before, as far as they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// That of the node that records.
    pub said: Option<Ids>,
    /// That of its peer.
    pub heard: Option<Ids>,
}

/// A message on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Which connection.
    pub name: Name,
    /// The sender.
    pub from: u32,
    /// The receiver, where it is told: otherwise it is the other end of the connection.
    pub to: Option<u32>,
    /// The message.
    pub bytes: &'a [u8],
}

/// What happens at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// The peer became a member of a lockspace.
    AddMember(u32),
    /// It is a member no longer.
    RemoveMember(u32),
    /// It is dead.
    Fence,
    /// The node leaves.
    Shutdown,
    /// The record as it is.
    Record(Snapshot),
    /// The record, as somebody tells it who has no incarnations.
    RecordWithoutId,
}

/// A record of JSON lines.
///
/// # Errors
/// If the state has no such name, or the incarnation is no number.
pub fn record(line: &RecordRef<'_>) -> Result<Local, String> {
    let state = State::ALL.into_iter().find(|state| state.name() == &*line.state);
    let state = state.ok_or_else(|| format!("{:?} is no state of a record", &*line.state))?;
    let Some(digits) = &line.incarnation else { return Ok(Local::RecordWithoutId) };
    let incarnation = id(digits)?;
    let (seq_send, seq_next) = (Seq(line.seq_send), Seq(line.seq_next));
    Ok(Local::Record(Snapshot { state, seq_send, seq_next, queue: line.queue, users: line.users, incarnation }))
}

fn id(digits: &str) -> Result<u64, String> {
    u64::from_str_radix(digits, 16).map_err(|_| format!("the incarnation {digits:?} is no hexadecimal number"))
}

/// A record that stands.
///
/// # Errors
/// As [`record`], if the version is none, if the record has no incarnation, or if its fields contradict each other.
pub fn standing(line: &RecordRef<'_>) -> Result<Standing, String> {
    let Local::Record(snapshot) = record(line)? else { return Err("`standing` needs `record.incarnation`".to_owned()) };
    let version = match line.version.as_deref() {
        None => None,
        Some("3.1") => Some(Version::V3_1),
        Some("3.2") => Some(Version::V3_2),
        Some(other) => return Err(format!("{other:?} is no version: 3.1 or 3.2")),
    };
    let bound = line.bound.as_deref().map(id).transpose()?;
    if bound.is_some() && version != Some(Version::V3_2) {
        return Err("a record that is bound knows the version of its peer, 3.2".to_owned());
    }
    if let Some(names) = line.lockspaces.as_ref().filter(|names| names.len() as u64 != u64::from(line.users)) {
        return Err(format!("`users` is {}, and `lockspaces` has {}", line.users, names.len()));
    }
    Ok(Standing { snapshot, version, bound, members: line.lockspaces.clone() })
}

/// What a hello said.
///
/// # Errors
/// If an id is no number.
pub fn ids(line: &IdsRef<'_>) -> Result<Ids, String> {
    let destination = line.destination.as_deref().map(id).transpose()?;
    Ok(Ids { source: id(&line.source)?, destination })
}

/// The states by their numbers in the compact form.
const STATES: [State; 7] = [
    State::Closed,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
];

/// A record of the compact form.
///
/// # Errors
/// If the state has no such number.
pub fn compact_record(snapshot: &entry::Snapshot) -> Result<Local, String> {
    let state = STATES.get(usize::from(snapshot.state)).copied();
    Ok(Local::Record(Snapshot {
        state: state.ok_or_else(|| format!("{} is no state of a record", snapshot.state))?,
        seq_send: Seq(snapshot.seq_send),
        seq_next: Seq(snapshot.seq_next),
        queue: u32::try_from(snapshot.queue).unwrap_or(u32::MAX),
        users: u32::try_from(snapshot.users).unwrap_or(u32::MAX),
        incarnation: snapshot.incarnation,
    }))
}
