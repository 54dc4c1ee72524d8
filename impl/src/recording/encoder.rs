//! Events of one pair to the compact bytes of `traces/SCHEMA.md`.

use super::block::Block;
use super::options::Bodies;
use super::run::{MIN_RUN, Varying};
use super::template::{KEPT_LEN, TEMPLATE_LEN, Template, WHOLE_LEN};
use crate::midcomms::{ConnectionId, Occurrence, Outcome, Snapshot, State, Time, first_len};

const OPENED_OURS: u8 = 1;
const OPENED_THEIRS: u8 = 2;
const FINISHED: u8 = 3;
const GIVEN_UP: u8 = 4;
const WRITTEN: u8 = 5;
const READ: u8 = 6;
const MEMBER_ADDED: u8 = 11;
const MEMBER_REMOVED: u8 = 12;
const FENCED: u8 = 13;
const SHUTDOWN: u8 = 14;
const RECORD: u8 = 15;
/// It says how long it is.
const KNOWN: u8 = 16;
/// Added to `WRITTEN` and `READ`: many of them.
const RUN: u8 = 12;

const IS_REGULAR: u8 = 0x20;
const HAS_CONNECTION: u8 = 0x40;
const HAS_TIME: u8 = 0x80;

/// The events of one pair since its last block.
#[derive(Debug)]
pub(super) struct Encoder {
    bodies: Bodies,
    pub(super) bytes: Vec<u8>,
    /// Events in `bytes`, each message of a run one, and how many of them happened.
    pub(super) entries: u32,
    pub(super) events: u64,
    /// The time of the first and of the last of them.
    pub(super) first: u64,
    last: u64,
    connection: Option<ConnectionId>,
    sent: Template,
    received: Template,
    /// The run that is looked for.
    run: Varying,
    /// Connections that stand, and whether this node opened them.
    open: Vec<(ConnectionId, bool)>,
}

impl Encoder {
    pub(super) fn new(bodies: Bodies) -> Self {
        Self {
            bodies,
            bytes: Vec::new(),
            entries: 0,
            events: 0,
            first: 0,
            last: 0,
            connection: None,
            sent: Template::default(),
            received: Template::default(),
            run: Varying::new(),
            open: Vec::new(),
        }
    }

    /// Takes what was encoded, and goes on in `next`, which is empty.
    pub(super) fn take(&mut self, next: Vec<u8>) -> Vec<u8> {
        (self.entries, self.events) = (0, 0);
        self.connection = None;
        (self.sent, self.received) = (Template::default(), Template::default());
        core::mem::replace(&mut self.bytes, next)
    }

    /// Takes back what could not be handed over; gives the buffer that was to follow.
    pub(super) fn put_back(&mut self, block: Block) -> Vec<u8> {
        (self.entries, self.events) = (block.entries, block.events);
        core::mem::replace(&mut self.bytes, block.bytes)
    }

    #[inline]
    pub(super) fn encode(&mut self, now: Time, occurrence: Occurrence<'_>) {
        match occurrence {
            Occurrence::Written { connection, messages } => self.messages(now, connection, WRITTEN, messages),
            Occurrence::Read { connection, messages, outcome } => {
                self.messages(now, connection, READ + outcome_code(outcome), messages);
            }
            other => self.encode_rare(now, other),
        }
    }

    fn encode_rare(&mut self, now: Time, occurrence: Occurrence<'_>) {
        match occurrence {
            Occurrence::Opened { connection, is_ours } => {
                self.event(now, if is_ours { OPENED_OURS } else { OPENED_THEIRS }, Some(connection));
                self.open.push((connection, is_ours));
            }
            Occurrence::Finished { connection } => self.ended(now, FINISHED, connection),
            Occurrence::GivenUp { connection } => self.ended(now, GIVEN_UP, connection),
            Occurrence::MemberAdded(lockspace) => {
                self.event(now, MEMBER_ADDED, None);
                self.bytes.extend_from_slice(&lockspace.0.to_le_bytes());
            }
            Occurrence::MemberRemoved(lockspace) => {
                self.event(now, MEMBER_REMOVED, None);
                self.bytes.extend_from_slice(&lockspace.0.to_le_bytes());
            }
            Occurrence::Fenced => self.event(now, FENCED, None),
            Occurrence::Shutdown => self.event(now, SHUTDOWN, None),
            Occurrence::Record(snapshot) => self.record(now, &snapshot),
            Occurrence::Written { .. } | Occurrence::Read { .. } => {}
        }
    }

    fn ended(&mut self, now: Time, kind: u8, connection: ConnectionId) {
        self.event(now, kind, Some(connection));
        self.open.retain(|(known, _)| *known != connection);
    }

    fn record(&mut self, now: Time, snapshot: &Snapshot) {
        self.event(now, RECORD, None);
        let state = State::ALL.iter().position(|state| *state == snapshot.state).unwrap_or_default();
        self.bytes.push(u8::try_from(state).unwrap_or(u8::MAX));
        self.bytes.extend_from_slice(&snapshot.seq_send.0.to_le_bytes());
        self.bytes.extend_from_slice(&snapshot.seq_next.0.to_le_bytes());
        varint(&mut self.bytes, snapshot.queue as u64);
        varint(&mut self.bytes, snapshot.users as u64);
        self.bytes.extend_from_slice(&snapshot.incarnation.0.to_le_bytes());
    }

    fn messages(&mut self, now: Time, connection: ConnectionId, kind: u8, mut messages: &[u8]) {
        while !messages.is_empty() {
            let (message, behind) = messages.split_at_checked(first_len(messages)).unwrap_or_default();
            messages = match self.run(now, connection, kind, messages) {
                0 => {
                    self.message(now, connection, kind, message);
                    behind
                }
                bytes => messages.get(bytes..).unwrap_or_default(),
            };
        }
    }

    /// Writes what is at the front of `messages` as a run; says how many bytes that is, 0 where it is too little.
    fn run(&mut self, now: Time, connection: ConnectionId, kind: u8, messages: &[u8]) -> usize {
        if messages.len() <= MIN_RUN * WHOLE_LEN {
            return 0;
        }
        let before = *self.template(kind);
        let mut behind = before;
        behind.advance_all(messages, &mut self.run);
        let Varying { count, bytes, .. } = self.run;
        if count < MIN_RUN {
            return 0;
        }
        *self.template(kind) = behind;
        self.event(now, kind + RUN, Some(connection));
        self.run.put(&mut self.bytes, messages, before.seq(), self.bodies);
        self.events += count as u64 - 1;
        self.entries += count as u32 - 1;
        bytes
    }

    fn template(&mut self, kind: u8) -> &mut Template {
        if kind == WRITTEN { &mut self.sent } else { &mut self.received }
    }

    #[inline]
    fn message(&mut self, now: Time, connection: ConnectionId, kind: u8, message: &[u8]) {
        let is_long = message.len() > WHOLE_LEN;
        let is_regular = is_long && self.template(kind).advance(message);
        if is_regular && now.0 == self.last && self.connection == Some(connection) && self.entries > 0 {
            return self.regular(kind | IS_REGULAR, message);
        }
        self.event(now, if is_regular { kind | IS_REGULAR } else { kind }, Some(connection));
        varint(&mut self.bytes, message.len() as u64);
        let kept = match (is_long, is_regular) {
            (false, _) => message,
            (true, false) => message.get(..KEPT_LEN).unwrap_or_default(),
            (true, true) => message.get(TEMPLATE_LEN..KEPT_LEN).unwrap_or_default(),
        };
        self.bytes.extend_from_slice(kept);
        if is_long {
            self.bodies.put(&mut self.bytes, message);
        }
    }

    /// The same for what is frequent: a regular message, on the connection and at the time of the entry before.
    #[inline]
    fn regular(&mut self, tag: u8, message: &[u8]) {
        self.events += 1;
        self.entries += 1;
        let len = message.len() as u64;
        // Two or three bytes: the tag, and the length as a varint.
        let (head, head_len) = match len {
            0..=0x7f => (u64::from(tag) | len << 8, 2),
            _ => (u64::from(tag) | (len & 0x7f | 0x80) << 8 | len >> 7 << 16, 3),
        };
        let kept =
            message.get(TEMPLATE_LEN..).and_then(<[u8]>::first_chunk::<8>).map_or(0, |kept| u64::from_le_bytes(*kept));
        let entry = (u128::from(kept) << (8 * head_len) | u128::from(head)).to_le_bytes();
        self.bytes.extend_from_slice(entry.get(..head_len + 8).unwrap_or_default());
        self.bodies.put(&mut self.bytes, message);
    }

    #[inline]
    fn event(&mut self, now: Time, kind: u8, connection: Option<ConnectionId>) {
        if self.entries == 0 {
            self.begin(now);
        }
        self.events += 1;
        self.entry(now, kind, connection);
    }

    /// Says first of a block which connections stand, for whom has nothing but this block.
    fn begin(&mut self, now: Time) {
        (self.first, self.last) = (now.0, now.0);
        for index in 0..self.open.len() {
            if let Some((connection, is_ours)) = self.open.get(index).copied() {
                self.entry(now, KNOWN, Some(connection));
                varint(&mut self.bytes, 1);
                self.bytes.push(u8::from(is_ours));
            }
        }
    }

    #[inline]
    fn entry(&mut self, now: Time, kind: u8, connection: Option<ConnectionId>) {
        self.entries += 1;
        let elapsed = now.0.saturating_sub(self.last);
        let changed = connection.filter(|_| connection != self.connection);
        let flags = if elapsed > 0 { HAS_TIME } else { 0 } | if changed.is_some() { HAS_CONNECTION } else { 0 };
        self.bytes.push(kind | flags);
        if elapsed > 0 {
            varint(&mut self.bytes, elapsed);
            self.last = now.0;
        }
        if let Some(changed) = changed {
            varint(&mut self.bytes, changed.0);
            self.connection = connection;
        }
    }
}

const fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Duplicate => 1,
        Outcome::Gap => 2,
        Outcome::Handled => 3,
        Outcome::Dropped => 4,
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
