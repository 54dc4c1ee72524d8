//! The recorder for tests and for people: JSON lines.

use core::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Serialize, Serializer};

use super::options::Status;
use super::origin::Origin;
use super::shared::lock;
use crate::midcomms::{ConnectionId, Observer, Occurrence, Outcome, Snapshot, Time};
use crate::wire::NodeId;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Records one node with all its peers as JSON lines, messages as their bytes. A handle: clones record into the same
/// trace.
///
/// It writes where the protocol runs, which waits meanwhile: it is for tests, simulations, and traces that people read.
/// Where it cannot write, events are lost, counted, and marked in the trace by an event `lost` as soon as it can.
#[derive(Clone)]
pub struct JsonRecorder {
    lines: Arc<Mutex<Lines>>,
}

impl JsonRecorder {
    /// Writes the head.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new(mut out: impl Write + Send + 'static, origin: &Origin) -> io::Result<Self> {
        let head = origin.head(None) + "\n";
        out.write_all(head.as_bytes())?;
        let status = Status { bytes: head.len() as u64, files: 1, ..Status::default() };
        let lines = Lines { out: Box::new(out), buffer: Vec::new(), status, unmarked: 0, is_torn: false };
        Ok(Self { lines: Arc::new(Mutex::new(lines)) })
    }

    /// Writes to a file, in place of what it holds.
    ///
    /// # Errors
    ///
    /// If it cannot be made or written.
    pub fn create(path: impl AsRef<Path>, origin: &Origin) -> io::Result<Self> {
        Self::new(File::create(path)?, origin)
    }

    /// An observer for one peer ([`crate::midcomms::Peer::with_observer`]).
    #[must_use]
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(PeerObserver { lines: Arc::clone(&self.lines) })
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Status {
        lock(&self.lines).status.clone()
    }

    /// Writes what was collected.
    #[must_use = "it says whether anything was lost"]
    pub fn finish(&self) -> Status {
        let mut lines = lock(&self.lines);
        lines.flush();
        lines.status.clone()
    }
}

impl fmt::Debug for JsonRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRecorder").finish_non_exhaustive()
    }
}

struct PeerObserver {
    lines: Arc<Mutex<Lines>>,
}

impl Observer for PeerObserver {
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>) {
        lock(&self.lines).observe(Line::new(now, node, peer), occurrence);
    }
}

struct Lines {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    status: Status,
    /// Events that were lost and are not marked yet.
    unmarked: u64,
    /// The last line that was written is not whole.
    is_torn: bool,
}

impl Lines {
    fn observe(&mut self, line: Line<'_>, occurrence: Occurrence<'_>) {
        match occurrence {
            Occurrence::Written { connection, .. } => {
                for message in occurrence.messages() {
                    self.put(&line.message("written", connection, message));
                }
            }
            Occurrence::Read { connection, outcome, .. } => {
                let outcome = Some(outcome_name(outcome));
                for message in occurrence.messages() {
                    self.put(&Line { outcome, ..line.message("read", connection, message) });
                }
            }
            other => self.put(&line.of(other)),
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    fn put(&mut self, line: &Line<'_>) {
        if serde_json::to_writer(&mut self.buffer, line).is_ok() {
            self.buffer.push(b'\n');
        }
    }

    /// Writes the buffer. What does not go is lost, for nothing may grow without bound.
    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if let Err(error) = self.mark() {
            return self.lose(0, &error);
        }
        let mut done = 0;
        while done < self.buffer.len() {
            match self.out.write(self.buffer.get(done..).unwrap_or_default()) {
                Ok(0) => return self.lose(done, &io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lose(done, &error),
            }
        }
        self.status.written += lines_in(&self.buffer);
        self.status.bytes += done as u64;
        self.buffer.clear();
        if let Err(error) = self.out.flush() {
            self.status.error = Some(format!("writing: {error}"));
        }
    }

    /// Says how much is missing here.
    fn mark(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.out.write_all(b"\n")?;
            self.is_torn = false;
        }
        if self.unmarked > 0 {
            let line = format!("{{\"event\":\"lost\",\"count\":{}}}\n", self.unmarked);
            self.is_torn = true;
            self.out.write_all(line.as_bytes())?;
            (self.is_torn, self.unmarked) = (false, 0);
            self.status.bytes += line.len() as u64;
        }
        Ok(())
    }

    fn lose(&mut self, done: usize, error: &io::Error) {
        let (kept, rest) = self.buffer.split_at_checked(done).unwrap_or_default();
        let (written, lost) = (lines_in(kept), lines_in(rest));
        self.is_torn |= !kept.is_empty() && !kept.ends_with(b"\n");
        self.unmarked += lost;
        self.status.written += written;
        self.status.lost += lost;
        self.status.bytes += done as u64;
        self.status.error = Some(format!("writing: {error}"));
        self.buffer.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Duplicate => "duplicate",
        Outcome::Gap => "gap",
        Outcome::Handled => "handled",
        Outcome::Dropped => "dropped",
    }
}

/// A line. Which fields there are depends on the event.
#[derive(Clone, Default, Serialize)]
struct Line<'a> {
    event: &'static str,
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lockspace: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordLine>,
}

#[derive(Clone, Serialize)]
struct Message<'a> {
    bytes: Hex<'a>,
}

#[derive(Clone, Serialize)]
struct RecordLine {
    state: String,
    seq_send: u32,
    seq_next: u32,
    queue: usize,
    users: usize,
    incarnation: String,
}

#[derive(Clone, Copy)]
struct Hex<'a>(&'a [u8]);

#[derive(Clone, Copy)]
struct Name(ConnectionId);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        for chunk in self.0.chunks(64) {
            let mut digits = [0; 128];
            for (pair, byte) in digits.chunks_exact_mut(2).zip(chunk) {
                pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
            let text = digits.get(..chunk.len() * 2).and_then(|digits| core::str::from_utf8(digits).ok());
            f.write_str(text.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl<'a> Line<'a> {
    fn new(now: Time, node: NodeId, peer: NodeId) -> Self {
        Self { time: now.0 as f64 / 1e9, node: Some(node.0), peer: Some(peer.0), ..Self::default() }
    }

    /// Nothing but the time.
    fn bare(&self) -> Line<'a> {
        Line { time: self.time, ..Line::default() }
    }

    fn ends(&self, event: &'static str, connection: ConnectionId, from_us: bool) -> Line<'a> {
        let (from, to) = if from_us { (self.node, self.peer) } else { (self.peer, self.node) };
        Line { event, connection: Some(Name(connection)), from, to, ..self.bare() }
    }

    fn message<'b>(&self, event: &'static str, connection: ConnectionId, message: &'b [u8]) -> Line<'b>
    where
        'a: 'b,
    {
        Line { message: Some(Message { bytes: Hex(message) }), ..self.ends(event, connection, event == "written") }
    }

    /// What is no message.
    fn of(self, occurrence: Occurrence<'_>) -> Line<'a> {
        match occurrence {
            Occurrence::Opened { connection, is_ours } => self.ends("opened", connection, is_ours),
            Occurrence::GivenUp { connection } => Line { to: None, ..self.ends("reset", connection, true) },
            Occurrence::MemberAdded(lockspace) => Line { event: "add_member", lockspace: Some(lockspace.0), ..self },
            Occurrence::MemberRemoved(lockspace) => {
                Line { event: "remove_member", lockspace: Some(lockspace.0), ..self }
            }
            Occurrence::Fenced => Line { event: "fence", ..self },
            Occurrence::Shutdown => Line { event: "shutdown", ..self },
            Occurrence::Record(snapshot) => Line { event: "record", record: Some(record(&snapshot)), ..self },
            Occurrence::Finished { connection } => Line { to: None, ..self.ends("finished", connection, false) },
            Occurrence::Written { .. } | Occurrence::Read { .. } => self,
        }
    }
}

fn record(snapshot: &Snapshot) -> RecordLine {
    RecordLine {
        state: snapshot.state.to_string(),
        seq_send: snapshot.seq_send.0,
        seq_next: snapshot.seq_next.0,
        queue: snapshot.queue,
        users: snapshot.users,
        incarnation: snapshot.incarnation.to_string(),
    }
}
