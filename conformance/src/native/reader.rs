//! From a native trace of either form to its events, one by one.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use midcomms_model::own::Outcome;

use super::borrowed::LineRef;
use super::compact::{self, CompactFile, Item, What};
use super::encode::encode;
use super::event::{Event, Happened, Local, Name, Spoken, Told};
use super::feed::At;
use super::line::{FORMAT, Head, VERSION};
use crate::capture::Timestamp;

/// Bytes of the longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// Why a file is no native trace that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The first line is something else.
    #[error("is not a native trace: line 1: {0}")]
    NotATrace(String),
    /// Of a later version.
    #[error("is a native trace of version {got}; this program reads version {VERSION}")]
    Version {
        /// The version of the file.
        got: u64,
    },
    /// It begins as the compact form does, and does not go on so.
    #[error("is no compact native trace: {0}")]
    NotCompact(String),
}

/// Where something is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this line, from 1.
    Line(u64),
    /// At this byte of the file, as it is uncompressed, from 0.
    Byte(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Byte(offset) => write!(f, "byte {offset}"),
        }
    }
}

/// Something that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {place}: {reason}")]
pub struct LineError {
    /// The file as it was named.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong with it.
    pub reason: String,
}

/// What was counted of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Places that could not be read.
    pub damaged: u64,
    /// Events that this program does not know.
    pub unknown: u64,
    /// Events that the recorder lost, as it says itself.
    pub lost: u64,
    /// The compact form: the file has its end.
    pub has_end: bool,
}

/// A native trace whose head was read.
pub struct NativeReader<R> {
    /// The head.
    pub head: Head,
    form: Form<R>,
    at: At,
    tally: Tally,
}

enum Form<R> {
    Lines(Lines<R>),
    Compact(Box<CompactFile<BufReader<R>>>),
}

/// JSON lines behind their head.
struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    message: Vec<u8>,
    /// The system could not read it: there is no more.
    is_failed: bool,
}

impl<R: Read> NativeReader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// If it is none, or of a version that is not known.
    pub fn open(reader: R) -> Result<Self, HeadError> {
        let mut reader = BufReader::new(reader);
        let first = reader.fill_buf().map_err(|error| HeadError::NotATrace(error.to_string()))?.first().copied();
        let (head, form) = match first {
            Some(compact::FIRST_BYTE) => {
                let mut file = CompactFile::open(reader)?;
                (std::mem::take(&mut file.head), Form::Compact(Box::new(file)))
            }
            _ => {
                let head = read_head(&mut reader)?;
                (head, Form::Lines(Lines { reader, line: Vec::new(), message: Vec::new(), is_failed: false }))
            }
        };
        let at = At { line: 1, time: Timestamp::default(), file: 0 };
        Ok(Self { head, form, at, tally: Tally::default() })
    }

    /// When it begins, if its first event tells; to be asked before anything is read.
    pub(crate) fn begins_at(&mut self) -> Option<Timestamp> {
        match &mut self.form {
            Form::Lines(lines) => lines.begins_at(),
            Form::Compact(file) => file.begins_at().map(|time| Timestamp(i64::try_from(time).unwrap_or(i64::MAX))),
        }
    }

    /// The events are of the file with this index.
    pub fn set_file(&mut self, file: u16) {
        self.at.file = file;
    }

    /// Whether it is in the compact form.
    pub fn is_compact(&self) -> bool {
        matches!(self.form, Form::Compact(_))
    }

    /// Lines so far, the head included; in the compact form those that its events would have.
    pub fn lines(&self) -> u64 {
        self.at.line
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        match &self.form {
            Form::Lines(_) => self.tally,
            Form::Compact(file) => {
                let of_file = file.tally();
                Tally { damaged: of_file.damaged + self.tally.damaged, ..of_file }
            }
        }
    }

    /// The next event; `None` at the end. What cannot be read is an event, too.
    #[inline]
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        let Self { form, at, tally, .. } = self;
        match form {
            Form::Lines(lines) => lines.next_event(at, tally),
            Form::Compact(file) => next_compact(file, at, tally),
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Result<Head, HeadError> {
    let mut first = Vec::new();
    let read = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut first);
    read.map_err(|error| HeadError::NotATrace(error.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&first).map_err(|error| HeadError::NotATrace(error.to_string()))?;
    if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
        return Err(HeadError::NotATrace(format!("`format` is not {FORMAT:?}")));
    }
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => {}
        Some(got) => return Err(HeadError::Version { got }),
        None => return Err(HeadError::NotATrace("`version` is missing".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| HeadError::NotATrace(error.to_string()))
}

impl<R: Read> Lines<R> {
    fn begins_at(&mut self) -> Option<Timestamp> {
        let buffered = self.reader.fill_buf().ok()?;
        let line = buffered.split(|byte| *byte == b'\n').next()?;
        let line: serde_json::Value = serde_json::from_slice(line).ok()?;
        line.get("time").and_then(serde_json::Value::as_f64).map(|time| Timestamp((time * 1e9) as i64))
    }

    fn next_event(&mut self, at: &mut At, tally: &mut Tally) -> Option<Event<'_>> {
        let Self { reader, line, message, is_failed } = self;
        if *is_failed {
            return None;
        }
        line.clear();
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line);
        let what = match read {
            Ok(0) => return None,
            Ok(_) if !line.ends_with(b"\n") && line.len() as u64 == MAX_LINE_BYTES => {
                skip_rest(reader);
                Err(format!("is longer than {MAX_LINE_BYTES} bytes"))
            }
            Ok(_) => {
                at.line += 1;
                if line.trim_ascii().is_empty() {
                    return Some(Event { at: *at, what: Happened::Nothing });
                }
                let what = parse(line, at, tally, message);
                return Some(finish(what, *at, tally));
            }
            Err(error) => {
                *is_failed = true;
                Err(format!("cannot be read: {error}"))
            }
        };
        at.line += 1;
        Some(finish(what, *at, tally))
    }
}

/// What cannot be read is told as such.
fn finish<'a>(what: Result<Happened<'a>, String>, at: At, tally: &mut Tally) -> Event<'a> {
    let what = what.unwrap_or_else(|reason| {
        tally.damaged += 1;
        Happened::Damage { pair: None, place: Place::Line(at.line), reason }
    });
    Event { at, what }
}

fn parse<'a>(line: &'a [u8], at: &mut At, tally: &mut Tally, buffer: &'a mut Vec<u8>) -> Result<Happened<'a>, String> {
    let line: LineRef<'a> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if let Some(time) = line.time.filter(|time| time.is_finite()) {
        at.time = Timestamp((time * 1e9) as i64);
    }
    let local = |what| {
        let node = line.node.ok_or_else(|| missing(&line, "node"))?;
        Ok(Happened::Local { node, peer: line.peer, what })
    };
    match &*line.event {
        "written" => Ok(Happened::Written(message(&line, buffer)?)),
        "read" => {
            let outcome = line.outcome.as_ref().map(|name| outcome_named(name)).transpose()?;
            Ok(Happened::Read(message(&line, buffer)?, outcome))
        }
        "opened" | "known" => {
            let (name, ends) = (name(&line)?, (need(line.from, &line, "from")?, need(line.to, &line, "to")?));
            let is_new = &*line.event == "opened";
            Ok(Happened::Opened { name, ends, is_new, spoken: if is_new { Spoken::default() } else { spoken(&line)? } })
        }
        "standing" => {
            let told = line.record.as_ref().ok_or_else(|| missing(&line, "record"))?;
            let (node, peer) = (need(line.node, &line, "node")?, need(line.peer, &line, "peer")?);
            Ok(Happened::Standing { node, peer, standing: Box::new(super::event::standing(told)?) })
        }
        "finished" | "reset" => {
            let (name, by) = (name(&line)?, need(line.from, &line, "from")?);
            let ends = line.to.map(|to| (by, to));
            Ok(Happened::Ended { name, by, ends, is_reset: &*line.event == "reset" })
        }
        "lost" => {
            tally.lost += line.count.unwrap_or(1);
            Ok(Happened::Lost(line.node.zip(line.peer)))
        }
        "damaged" => Err(line.reason.map_or_else(
            || "what was here could not be read when it was converted".to_owned(),
            |reason| reason.to_string(),
        )),
        "add_member" => local(Local::AddMember(line.lockspace.unwrap_or_default())),
        "remove_member" => local(Local::RemoveMember(line.lockspace.unwrap_or_default())),
        "fence" => local(Local::Fence),
        "shutdown" => local(Local::Shutdown),
        "record" => {
            let told = line.record.as_ref().ok_or_else(|| missing(&line, "record"))?;
            local(super::event::record(told)?)
        }
        "joined" | "left" | "crashed" => Ok(Happened::Nothing),
        _ => {
            tally.unknown += 1;
            Ok(Happened::Nothing)
        }
    }
}

fn outcome_named(name: &str) -> Result<Outcome, String> {
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name);
    found.ok_or_else(|| format!("{name:?} is no outcome: accepted, duplicate, gap, handled or dropped"))
}

fn message<'a>(line: &LineRef<'_>, buffer: &'a mut Vec<u8>) -> Result<Told<'a>, String> {
    let from = need(line.from, line, "from")?;
    let told = line.message.as_ref().ok_or_else(|| missing(line, "message"))?;
    encode(told, from, buffer).map_err(|reason| format!("the message from node {from}: {reason}"))?;
    Ok(Told { name: name(line)?, from, to: line.to, bytes: buffer })
}

fn spoken(line: &LineRef<'_>) -> Result<Spoken, String> {
    let said = line.said.as_ref().map(super::event::ids).transpose()?;
    Ok(Spoken { said, heard: line.heard.as_ref().map(super::event::ids).transpose()? })
}

fn name(line: &LineRef<'_>) -> Result<Name, String> {
    line.connection.as_ref().map(|name| Name::of_text(name)).ok_or_else(|| missing(line, "connection"))
}

fn need(field: Option<u32>, line: &LineRef<'_>, name: &str) -> Result<u32, String> {
    field.ok_or_else(|| missing(line, name))
}

fn missing(line: &LineRef<'_>, name: &str) -> String {
    format!("`{}` needs `{name}`", &*line.event)
}

fn skip_rest(reader: &mut impl BufRead) {
    let mut rest = Vec::new();
    while let Ok(1..) = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut rest) {
        if rest.ends_with(b"\n") {
            break;
        }
        rest.clear();
    }
}

fn next_compact<'a, R: Read>(file: &'a mut CompactFile<R>, at: &mut At, tally: &mut Tally) -> Option<Event<'a>> {
    let item = file.next_item()?;
    at.line += 1;
    let (node, peer, entry) = match item {
        Item::Entry { node, peer, entry } => (node, peer, entry),
        Item::Lost { node, peer, .. } => return Some(Event { at: *at, what: Happened::Lost(Some((node, peer))) }),
        Item::Damage { offset, reason } => {
            let place = Place::Byte(offset);
            return Some(Event { at: *at, what: Happened::Damage { pair: None, place, reason } });
        }
    };
    at.time = Timestamp(i64::try_from(entry.time).unwrap_or(i64::MAX));
    let name = Name::Number(node, entry.connection);
    let ends = |is_ours| if is_ours { (node, peer) } else { (peer, node) };
    let local = |what| Happened::Local { node, peer: Some(peer), what };
    let what = match entry.what {
        What::Written(bytes) => Happened::Written(Told { name, from: node, to: Some(peer), bytes }),
        What::Read(bytes, outcome) => Happened::Read(Told { name, from: peer, to: Some(node), bytes }, Some(outcome)),
        What::Opened(is_ours) => {
            Happened::Opened { name, ends: ends(is_ours), is_new: true, spoken: Spoken::default() }
        }
        What::Known(is_ours) => {
            Happened::Opened { name, ends: ends(is_ours), is_new: false, spoken: Spoken::default() }
        }
        What::Finished => Happened::Ended { name, by: peer, ends: Some((node, peer)), is_reset: false },
        What::GivenUp => Happened::Ended { name, by: node, ends: Some((node, peer)), is_reset: true },
        What::MemberAdded(lockspace) => local(Local::AddMember(lockspace)),
        What::MemberRemoved(lockspace) => local(Local::RemoveMember(lockspace)),
        What::Fenced => local(Local::Fence),
        What::Shutdown => local(Local::Shutdown),
        What::Record(snapshot) => match super::event::compact_record(&snapshot) {
            Ok(what) => local(what),
            Err(reason) => {
                tally.damaged += 1;
                Happened::Damage { pair: Some((node, peer)), place: Place::Line(at.line), reason }
            }
        },
    };
    Some(Event { at: *at, what })
}
