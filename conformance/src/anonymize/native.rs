//! Native traces: every line is made anew, of the fields that are known.

use std::collections::HashMap;

use midcomms::wire::{MsgType, RcomType};
use midcomms_model::Revision;
use serde::Serialize;

use super::key::Key;
use super::message::message;
use crate::native::line::{Head, HeadNode, IdsLine, Line, MessageLine, RecordLine};

/// Numbers that stand for bodies are integers of JSON.
const BODY_BITS: u64 = (1 << 53) - 1;
const EVENTS: [&str; 17] = [
    "opened",
    "known",
    "finished",
    "reset",
    "written",
    "read",
    "lost",
    "damaged",
    "add_member",
    "remove_member",
    "fence",
    "joined",
    "left",
    "shutdown",
    "crashed",
    "record",
    "standing",
];
const OUTCOMES: [&str; 5] = ["accepted", "duplicate", "gap", "handled", "dropped"];
const STATES: [&str; 7] = ["CLOSED", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"];
const BODIES: [&str; 5] = ["full", "hash", "sample", "sparse", "none"];
const CMDS: [&str; 5] = ["OPTS", "ACK", "MSG", "RCOM", "FIN"];
const VERSIONS: [&str; 2] = ["3.1", "3.2"];
/// What stands for a word that is not of the format.
const UNKNOWN: &str = "unknown";

/// Makes the lines anew; the head is the first.
pub(super) fn lines(text: &[u8], key: &mut Key) -> Vec<u8> {
    let mut making = Making { key, connections: HashMap::new() };
    let mut out = Vec::with_capacity(text.len());
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (number, line) in (1_u64..).zip(text.split(|byte| *byte == b'\n')) {
        if number == 1 {
            put(&mut out, &serde_json::from_slice(line).map(|head| making.head(head)).unwrap_or_default());
        } else if line.trim_ascii().is_empty() {
            out.push(b'\n');
        } else {
            put(&mut out, &serde_json::from_slice(line).map_or_else(|_| damaged(), |line| making.line(line)));
        }
    }
    out
}

fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    out.extend(serde_json::to_vec(value).unwrap_or_default());
    out.push(b'\n');
}

/// What cannot be read is not copied.
fn damaged() -> Line {
    let reason = Some("a line that could not be read when the trace was anonymized".to_owned());
    Line { event: "damaged".to_owned(), reason, ..Line::default() }
}

struct Making<'a> {
    key: &'a mut Key,
    /// The new names of connections, in the order in which they come.
    connections: HashMap<String, String>,
}

impl Making<'_> {
    fn head(&self, head: Head) -> Head {
        let nodes = head.nodes.into_iter().map(|node| HeadNode {
            revision: node.revision.map(|name| revision(&name)),
            address: node.address.map(|address| self.key.address(address)),
            ..node
        });
        let bodies = head.bodies.and_then(|bodies| known(&bodies, &BODIES));
        Head { origin: "anonymized".to_owned(), nodes: nodes.collect(), bodies, ..head }
    }

    fn line(&mut self, line: Line) -> Line {
        let event = known(&line.event, &EVENTS).unwrap_or_else(|| UNKNOWN.to_owned());
        Line {
            reason: (event == "damaged").then(damaged).and_then(|line| line.reason),
            event,
            connection: line.connection.map(|name| self.connection(name)),
            lockspace: line.lockspace.map(|id| self.key.word(id)),
            message: line.message.map(|message| self.message(message)),
            outcome: line.outcome.and_then(|outcome| known(&outcome, &OUTCOMES)),
            record: line.record.map(|record| self.record(record)),
            said: line.said.and_then(ids),
            heard: line.heard.and_then(ids),
            ..line
        }
    }

    fn connection(&mut self, name: String) -> String {
        let next = format!("c{}", self.connections.len() + 1);
        self.connections.entry(name).or_insert(next).clone()
    }

    fn message(&mut self, line: MessageLine) -> MessageLine {
        if let Some(digits) = line.bytes {
            let bytes = Some(self.digits(&digits).unwrap_or_default());
            return MessageLine { bytes, ..MessageLine::default() };
        }
        let word = |text: Option<String>, words: &[&str]| {
            text.map(|text| known(&text, words).unwrap_or_else(|| UNKNOWN.to_owned()))
        };
        let kinds = MsgType::ALL.iter().map(|kind| kind.name()).chain(RcomType::ALL.iter().map(|kind| kind.name()));
        let kinds: Vec<_> = kinds.collect();
        MessageLine {
            cmd: word(line.cmd, &CMDS),
            inner: word(line.inner, &CMDS),
            kind: word(line.kind, &kinds),
            version: word(line.version, &VERSIONS),
            body: line.body.map(|body| self.body(body)),
            ..line
        }
    }

    fn record(&mut self, record: RecordLine) -> RecordLine {
        let lockspaces = record.lockspaces.map(|all| all.into_iter().map(|id| self.key.word(id)).collect());
        RecordLine {
            state: known(&record.state, &STATES).unwrap_or_else(|| UNKNOWN.to_owned()),
            incarnation: record.incarnation.and_then(id),
            version: record.version.and_then(|version| known(&version, &VERSIONS)),
            bound: record.bound.and_then(id),
            lockspaces,
            ..record
        }
    }

    /// Another number; 0 is what is taken where there is none.
    fn body(&self, body: u64) -> u64 {
        let mut bytes = body.to_le_bytes();
        self.key.replace_nonzero(&mut bytes);
        u64::from_le_bytes(bytes) & BODY_BITS
    }

    /// Of digits that are none nothing is copied.
    fn digits(&mut self, digits: &str) -> Option<String> {
        let pairs = digits.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let bytes = message(self.key, &bytes.collect::<Option<Vec<u8>>>().filter(|_| digits.len().is_multiple_of(2))?);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Some(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
    }
}

fn known(text: &str, words: &[&str]) -> Option<String> {
    words.contains(&text).then(|| text.to_owned())
}

fn revision(name: &str) -> String {
    name.parse::<Revision>().map_or_else(|_| UNKNOWN.to_owned(), |revision| revision.name().to_owned())
}

/// Ids of incarnations are random numbers of their nodes, and judged.
fn id(digits: String) -> Option<String> {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
}

fn ids(line: IdsLine) -> Option<IdsLine> {
    let destination = line.destination.and_then(id);
    id(line.source).map(|source| IdsLine { source, destination })
}
