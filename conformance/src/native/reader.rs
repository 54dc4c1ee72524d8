//! From the lines of a native trace to transport events.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use super::compact::{self, CompactFile, Entry, Item, What};
use super::encode::encode;
use super::feed::{At, Feed};
use super::line::{FORMAT, Head, Line, MessageLine, VERSION};
use crate::capture::{Observed, Timestamp};

/// Bytes of the longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// Damaged lines that are told each; the others are counted.
const MAX_TOLD: usize = 8;

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

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct NativeSummary {
    /// Lines, the head included; in the compact form those that its events would have.
    pub lines: u64,
    /// What was passed over: the first few.
    pub errors: Vec<LineError>,
    /// What was counted.
    pub tally: Tally,
    /// It is in the compact form.
    pub is_compact: bool,
    /// Times that a stream may lack something.
    pub holes: u64,
}

/// A native trace whose head was read.
pub struct NativeReader<R> {
    name: String,
    /// The head.
    pub head: Head,
    form: Form<R>,
    line: u64,
    time: Timestamp,
    summary: NativeSummary,
}

enum Form<R> {
    Lines(BufReader<R>),
    Compact(CompactFile<BufReader<R>>),
}

impl<R: Read> NativeReader<R> {
    /// Reads the head; `name` is what errors call the file.
    pub fn open(name: &str, reader: R) -> Result<Self, HeadError> {
        let mut reader = BufReader::new(reader);
        let first = reader.fill_buf().map_err(|error| HeadError::NotATrace(error.to_string()))?.first().copied();
        let (head, form) = match first {
            Some(compact::FIRST_BYTE) => {
                let mut file = CompactFile::open(reader)?;
                (std::mem::take(&mut file.head), Form::Compact(file))
            }
            _ => (read_head(&mut reader)?, Form::Lines(reader)),
        };
        let is_compact = matches!(form, Form::Compact(_));
        let summary = NativeSummary { is_compact, ..NativeSummary::default() };
        Ok(Self { name: name.to_owned(), head, form, line: 1, time: Timestamp::default(), summary })
    }

    /// Reads to the end. What cannot be read is passed over: whatever it was, streams may lack it.
    pub fn read(self, sink: &mut impl FnMut(Observed<'_>)) -> NativeSummary {
        let Self { name, head, form, line, time, summary } = self;
        let mut told = Telling { name, line, time, summary };
        match form {
            Form::Lines(reader) => told.read_lines(reader, Feed::new(head), sink),
            Form::Compact(file) => told.read_compact(file, Feed::new(head), sink),
        }
        told.summary
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

/// A trace while it is read: where, and what was wrong.
struct Telling {
    name: String,
    line: u64,
    time: Timestamp,
    summary: NativeSummary,
}

impl Telling {
    fn at(&self) -> At {
        At { line: self.line, time: self.time }
    }

    fn tell(&mut self, place: Place, reason: String) {
        if self.summary.errors.len() < MAX_TOLD {
            self.summary.errors.push(LineError { file: self.name.clone(), place, reason });
        }
    }

    fn read_lines<R: Read>(
        &mut self,
        mut reader: BufReader<R>,
        mut feed: Feed<String>,
        sink: &mut impl FnMut(Observed<'_>),
    ) {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
            self.line += 1;
            let taken = match read {
                Ok(0) => break,
                Ok(_) if !bytes.ends_with(b"\n") && bytes.len() as u64 == MAX_LINE_BYTES => {
                    skip_rest(&mut reader);
                    Err(format!("is longer than {MAX_LINE_BYTES} bytes"))
                }
                Ok(_) if bytes.trim_ascii().is_empty() => Ok(()),
                Ok(_) => self.take_line(&bytes, &mut feed, sink),
                Err(error) => {
                    self.damage(format!("cannot be read: {error}"), &mut feed, sink);
                    break;
                }
            };
            if let Err(reason) = taken {
                self.damage(reason, &mut feed, sink);
            }
        }
        self.summary.lines = self.line - 1;
        self.summary.holes = feed.holes;
    }

    fn damage(&mut self, reason: String, feed: &mut Feed<String>, sink: &mut impl FnMut(Observed<'_>)) {
        self.summary.tally.damaged += 1;
        self.tell(Place::Line(self.line), reason);
        feed.hole(None, self.at(), sink);
    }

    fn take_line(
        &mut self,
        bytes: &[u8],
        feed: &mut Feed<String>,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(), String> {
        let line: Line = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if let Some(time) = line.time.filter(|time| time.is_finite()) {
            self.time = Timestamp((time * 1e9) as i64);
        }
        let at = self.at();
        match line.event.as_str() {
            "opened" => {
                let ends = (*need(&line.from, &line, "from")?, *need(&line.to, &line, "to")?);
                feed.open(need(&line.connection, &line, "connection")?, ends, true, at, sink)
            }
            "known" => begin_earlier(&line, feed, at, sink).map(|_| ()),
            "finished" | "reset" => {
                let name = begin_earlier(&line, feed, at, sink)?;
                feed.finish(name, *need(&line.from, &line, "from")?, line.event == "reset", at, sink)
            }
            "written" => take_message(&line, true, feed, at, sink),
            "read" => take_message(&line, false, feed, at, sink),
            "lost" => {
                self.summary.tally.lost += line.count.unwrap_or(1);
                feed.hole(line.node.zip(line.peer), at, sink);
                Ok(())
            }
            "damaged" => {
                Err(line.reason.unwrap_or_else(|| "what was here could not be read when it was converted".to_owned()))
            }
            "add_member" | "remove_member" | "fence" | "joined" | "left" | "shutdown" | "crashed" | "record" => Ok(()),
            _ => {
                self.summary.tally.unknown += 1;
                Ok(())
            }
        }
    }

    fn read_compact<R: Read>(
        &mut self,
        file: CompactFile<R>,
        mut feed: Feed<(u32, u64)>,
        sink: &mut impl FnMut(Observed<'_>),
    ) {
        let tally = file.read(&mut |item| {
            self.line += 1;
            match item {
                Item::Entry { node, peer, entry } => {
                    self.time = Timestamp(i64::try_from(entry.time).unwrap_or(i64::MAX));
                    if let Err(reason) = take_entry(node, peer, &entry, &mut feed, self.at(), sink) {
                        self.summary.tally.damaged += 1;
                        self.tell(Place::Line(self.line), reason);
                        feed.hole(Some((node, peer)), self.at(), sink);
                    }
                }
                Item::Lost { node, peer, .. } => feed.hole(Some((node, peer)), self.at(), sink),
                Item::Damage { offset, reason } => {
                    self.tell(Place::Byte(offset), reason);
                    feed.hole(None, self.at(), sink);
                }
            }
        });
        let damaged = self.summary.tally.damaged + tally.damaged;
        self.summary.tally = Tally { damaged, ..tally };
        self.summary.lines = self.line;
        self.summary.holes = feed.holes;
    }
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

/// The name of a line's connection. One that was not seen to open began earlier.
fn begin_earlier<'a>(
    line: &'a Line,
    feed: &mut Feed<String>,
    at: At,
    sink: &mut impl FnMut(Observed<'_>),
) -> Result<&'a String, String> {
    let name = need(&line.connection, line, "connection")?;
    if !feed.knows(name) {
        let ends = need(&line.from, line, "from").and_then(|from| Ok((*from, *need(&line.to, line, "to")?)));
        let opened = ends.and_then(|ends| feed.open(name, ends, false, at, sink));
        opened.map_err(|error| format!("{name} was not opened: {error}"))?;
    }
    Ok(name)
}

/// A message counts where its sender wrote it, if the sender was recorded, and where it was read otherwise. Who is not in
/// the head was not recorded.
fn take_message(
    line: &Line,
    is_written: bool,
    feed: &mut Feed<String>,
    at: At,
    sink: &mut impl FnMut(Observed<'_>),
) -> Result<(), String> {
    let from = *need(&line.from, line, "from")?;
    let is_recorded = match feed.is_recorded(from) {
        None if is_written => return Err(format!("node {from} is not in the head")),
        known => known.unwrap_or(false),
    };
    if is_recorded != is_written {
        return Ok(());
    }
    let message: &MessageLine = need(&line.message, line, "message")?;
    let bytes = encode(message, from)?;
    let name = begin_earlier(line, feed, at, sink)?;
    feed.data(name, from, &bytes, at, sink)
}

fn need<'a, T>(field: &'a Option<T>, line: &Line, name: &str) -> Result<&'a T, String> {
    field.as_ref().ok_or_else(|| format!("`{}` needs `{name}`", line.event))
}

/// An event of the compact form.
fn take_entry(
    node: u32,
    peer: u32,
    entry: &Entry<'_>,
    feed: &mut Feed<(u32, u64)>,
    at: At,
    sink: &mut impl FnMut(Observed<'_>),
) -> Result<(), String> {
    let name = (node, entry.connection);
    let ends = |is_ours| if is_ours { (node, peer) } else { (peer, node) };
    let has_connection = matches!(entry.what, What::Finished | What::GivenUp | What::Written(_) | What::Read(..));
    if has_connection && !feed.knows(&name) {
        feed.open(&name, (node, peer), false, at, sink)?;
    }
    match entry.what {
        What::Opened(is_ours) => feed.open(&name, ends(is_ours), true, at, sink),
        What::Known(is_ours) if !feed.knows(&name) => feed.open(&name, ends(is_ours), false, at, sink),
        What::Finished => feed.finish(&name, peer, false, at, sink),
        What::GivenUp => feed.finish(&name, node, true, at, sink),
        What::Written(message) => feed.data(&name, node, message, at, sink),
        What::Read(message, _) if !feed.is_recorded(peer).unwrap_or(false) => feed.data(&name, peer, message, at, sink),
        What::Read(..)
        | What::Known(_)
        | What::MemberAdded(_)
        | What::MemberRemoved(_)
        | What::Fenced
        | What::Shutdown
        | What::Record(_) => Ok(()),
    }
}
