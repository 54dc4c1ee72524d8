//! From the lines of a native trace to transport events.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr};

use super::encode::encode;
use super::line::{FORMAT, Head, Line, MessageLine, VERSION};
use crate::capture::{
    ConnId, DLM_PORT, Direction, Endpoint, FrameRef, HoleReason, Observed, Timestamp, Transport, TransportEvent,
};

/// Bytes of the longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// Connections followed at a time; beyond them the oldest is left behind.
const MAX_CONNECTIONS: usize = 8192;
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
}

/// A line that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: {reason}")]
pub struct LineError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct NativeSummary {
    /// Lines, the head included.
    pub lines: u64,
    /// Lines that were passed over: the first few.
    pub errors: Vec<LineError>,
    /// How many there were in all.
    pub damaged: u64,
    /// Events that this program does not know.
    pub unknown: u64,
    /// Times that a stream may lack something.
    pub holes: u64,
}

/// A native trace whose head was read.
#[derive(Debug)]
pub struct NativeReader<R> {
    name: String,
    /// The first line.
    pub head: Head,
    reader: BufReader<R>,
    connections: HashMap<String, Conn>,
    /// Their names, oldest first.
    order: VecDeque<String>,
    opened: u32,
    line: u64,
    time: Timestamp,
    summary: NativeSummary,
}

#[derive(Clone, Copy, Debug)]
struct Conn {
    id: ConnId,
    opener: u32,
    acceptor: u32,
}

impl<R: Read> NativeReader<R> {
    /// Reads the head; `name` is what errors call the file.
    pub fn open(name: &str, reader: R) -> Result<Self, HeadError> {
        let mut reader = BufReader::new(reader);
        let mut first = Vec::new();
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut first);
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
        let head = serde_json::from_value(value).map_err(|error| HeadError::NotATrace(error.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            head,
            reader,
            connections: HashMap::new(),
            order: VecDeque::new(),
            opened: 0,
            line: 1,
            time: Timestamp::default(),
            summary: NativeSummary::default(),
        })
    }

    /// Reads to the end. A line that cannot be read is passed over: whatever it was, streams may lack it.
    pub fn read(mut self, sink: &mut impl FnMut(Observed<'_>)) -> NativeSummary {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
            self.line += 1;
            let taken = match read {
                Ok(0) => break,
                Ok(_) if !bytes.ends_with(b"\n") && bytes.len() as u64 == MAX_LINE_BYTES => {
                    self.skip_rest();
                    Err(format!("is longer than {MAX_LINE_BYTES} bytes"))
                }
                Ok(_) if bytes.trim_ascii().is_empty() => Ok(()),
                Ok(_) => self.take(&bytes, sink),
                Err(error) => {
                    self.damage(format!("cannot be read: {error}"), sink);
                    break;
                }
            };
            if let Err(reason) = taken {
                self.damage(reason, sink);
            }
        }
        self.summary.lines = self.line - 1;
        self.summary
    }

    fn skip_rest(&mut self) {
        let mut rest = Vec::new();
        while let Ok(1..) = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut rest) {
            if rest.ends_with(b"\n") {
                break;
            }
            rest.clear();
        }
    }

    fn damage(&mut self, reason: String, sink: &mut impl FnMut(Observed<'_>)) {
        self.summary.damaged += 1;
        if self.summary.errors.len() < MAX_TOLD {
            self.summary.errors.push(LineError { file: self.name.clone(), line: self.line, reason });
        }
        let known: Vec<_> =
            self.order.iter().filter_map(|name| self.connections.get(name)).map(|conn| conn.id).collect();
        for conn in known {
            for direction in [Direction::FromOpener, Direction::FromAcceptor] {
                self.summary.holes += 1;
                sink(self.observed(conn, TransportEvent::Hole(direction, None, HoleReason::Lost)));
            }
        }
    }

    fn take(&mut self, bytes: &[u8], sink: &mut impl FnMut(Observed<'_>)) -> Result<(), String> {
        let line: Line = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if let Some(time) = line.time.filter(|time| time.is_finite()) {
            self.time = Timestamp((time * 1e9) as i64);
        }
        match line.event.as_str() {
            "opened" => self.open_connection(&line, true, sink),
            "finished" | "reset" => self.end_connection(&line, sink),
            "written" => self.message(&line, true, sink),
            "read" => self.message(&line, false, sink),
            "add_member" | "remove_member" | "fence" | "joined" | "left" | "shutdown" | "crashed" | "record" => Ok(()),
            _ => {
                self.summary.unknown += 1;
                Ok(())
            }
        }
    }

    fn observed<'a>(&self, conn: ConnId, event: TransportEvent<'a>) -> Observed<'a> {
        Observed { frame: FrameRef { file: 0, number: self.line }, time: self.time, conn, event }
    }

    fn endpoint(&self, node: u32, port: u16) -> Endpoint {
        let known = self.head.nodes.iter().find(|known| known.id == node).and_then(|known| known.address);
        Endpoint { addr: known.unwrap_or(IpAddr::V4(Ipv4Addr::from(node))), port }
    }

    fn open_connection(
        &mut self,
        line: &Line,
        complete: bool,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(), String> {
        let name = need(&line.connection, line, "connection")?.clone();
        let (opener, acceptor) = (*need(&line.from, line, "from")?, *need(&line.to, line, "to")?);
        if opener == acceptor {
            return Err(format!("node {opener} has no connection with itself"));
        }
        if self.order.len() == MAX_CONNECTIONS {
            self.forget(sink);
        }
        self.opened += 1;
        let id = ConnId(self.opened);
        if let Some(old) = self.connections.insert(name.clone(), Conn { id, opener, acceptor }) {
            sink(self.observed(old.id, TransportEvent::Forgotten));
        } else {
            self.order.push_back(name);
        }
        let (opener, acceptor) = (self.endpoint(opener, self.opened as u16), self.endpoint(acceptor, DLM_PORT));
        sink(self.observed(id, TransportEvent::Opened { transport: Transport::Tcp, opener, acceptor, complete }));
        Ok(())
    }

    /// Leaves the oldest connection behind.
    fn forget(&mut self, sink: &mut impl FnMut(Observed<'_>)) {
        let oldest = self.order.pop_front().and_then(|name| self.connections.remove(&name));
        if let Some(oldest) = oldest {
            sink(self.observed(oldest.id, TransportEvent::Forgotten));
        }
    }

    /// The connection of a line and the direction from `from`. One that was not seen to open began earlier.
    fn connection(
        &mut self,
        line: &Line,
        from: u32,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(ConnId, Direction), String> {
        let name = need(&line.connection, line, "connection")?;
        if !self.connections.contains_key(name) {
            self.open_connection(line, false, sink).map_err(|error| format!("{name} was not opened: {error}"))?;
        }
        let conn = self.connections.get(name).ok_or("no connection")?;
        match from {
            opener if opener == conn.opener => Ok((conn.id, Direction::FromOpener)),
            acceptor if acceptor == conn.acceptor => Ok((conn.id, Direction::FromAcceptor)),
            other => {
                Err(format!("node {other} is no end of {name}, which is between {} and {}", conn.opener, conn.acceptor))
            }
        }
    }

    fn end_connection(&mut self, line: &Line, sink: &mut impl FnMut(Observed<'_>)) -> Result<(), String> {
        let from = *need(&line.from, line, "from")?;
        let (conn, direction) = self.connection(line, from, sink)?;
        let event =
            if line.event == "reset" { TransportEvent::Reset(direction) } else { TransportEvent::Finished(direction) };
        sink(self.observed(conn, event));
        Ok(())
    }

    /// A message counts where its sender wrote it, if the sender was recorded, and where it was read otherwise.
    fn message(&mut self, line: &Line, is_written: bool, sink: &mut impl FnMut(Observed<'_>)) -> Result<(), String> {
        let from = *need(&line.from, line, "from")?;
        let known = self.head.nodes.iter().find(|node| node.id == from);
        let is_recorded = known.ok_or_else(|| format!("node {from} is not in the head"))?.recorded;
        if is_recorded != is_written {
            return Ok(());
        }
        let message: &MessageLine = need(&line.message, line, "message")?;
        let bytes = encode(message, from)?;
        let (conn, direction) = self.connection(line, from, sink)?;
        sink(self.observed(conn, TransportEvent::Data(direction, &bytes)));
        Ok(())
    }
}

fn need<'a, T>(field: &'a Option<T>, line: &Line, name: &str) -> Result<&'a T, String> {
    field.as_ref().ok_or_else(|| format!("`{}` needs `{name}`", line.event))
}
