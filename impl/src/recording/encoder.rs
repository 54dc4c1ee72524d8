//! Events of one pair to the compact bytes of `traces/SCHEMA.md`.

use xxhash_rust::xxh3::xxh3_64;

use super::block::Block;
use super::options::Bodies;
use crate::midcomms::{ConnectionId, Occurrence, Outcome, Snapshot, State, Time};
use crate::wire::Cmd;

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
/// From here on an entry says how long it is.
const KNOWN: u8 = 16;

const IS_REGULAR: u8 = 0x20;
const HAS_CONNECTION: u8 = 0x40;
const HAS_TIME: u8 = 0x80;

/// Messages of up to this many bytes are kept whole.
const WHOLE_LEN: usize = 64;
/// Of longer ones so many bytes are kept in any case.
const KEPT_LEN: usize = 48;
/// Bytes of a regular message that follow from the one before it.
const TEMPLATE_LEN: usize = 40;
/// Bytes at each end of the rest that a sample takes.
const SAMPLE_LEN: usize = 64;
/// The length fields of the two headers, in the second and in the fifth word.
const LENGTH: u64 = 0xffff << 32;
const OPTS_LEN: u64 = crate::wire::OPTS_LEN as u64;

/// The first 40 bytes of the next OPTS, if it continues the one before: one number higher, of any length.
#[derive(Clone, Copy, Debug, Default)]
struct Template {
    words: Option<[u64; 5]>,
}

impl Template {
    /// Whether `message`, a long one, is what was foreseen. Foresees what follows on it, if it is OPTS.
    #[inline]
    fn advance(&mut self, message: &[u8]) -> bool {
        let Some([first, outer, envelope, inner, lengths]) = words(message) else { return false };
        let len = message.len() as u64;
        let is_whole = (outer & LENGTH) >> 32 == len && (lengths & LENGTH) >> 32 == len - OPTS_LEN;
        let found = [first, outer & !LENGTH, envelope, inner, lengths & !LENGTH];
        let is_foreseen = self.words == Some(found) && is_whole;
        if message.get(14) == Some(&Cmd::Opts.to_wire()) {
            let [first, rest @ ..] = found;
            let seq = ((first >> 32) as u32).wrapping_add(1);
            let [outer, envelope, inner, lengths] = rest;
            self.words = Some([u64::from(seq) << 32 | first & 0xffff_ffff, outer, envelope, inner, lengths]);
        }
        is_foreseen
    }
}

#[inline]
fn words(message: &[u8]) -> Option<[u64; 5]> {
    let head = message.first_chunk::<TEMPLATE_LEN>()?;
    let (words, _) = head.as_chunks::<8>();
    let words: &[[u8; 8]; 5] = words.try_into().ok()?;
    Some(words.map(u64::from_le_bytes))
}

/// The events of one pair since its last block.
#[derive(Debug)]
pub(super) struct Encoder {
    bodies: Bodies,
    pub(super) bytes: Vec<u8>,
    /// Entries in `bytes`, and how many of them happened.
    pub(super) entries: u32,
    pub(super) events: u64,
    /// The time of the first and of the last of them.
    pub(super) first: u64,
    last: u64,
    connection: Option<ConnectionId>,
    sent: Template,
    received: Template,
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
            Occurrence::Written { connection, messages } => {
                for message in super::messages(messages) {
                    self.message(now, connection, WRITTEN, message);
                }
            }
            Occurrence::Read { connection, message, outcome } => {
                self.message(now, connection, READ + outcome_code(outcome), message);
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

    #[inline]
    fn message(&mut self, now: Time, connection: ConnectionId, kind: u8, message: &[u8]) {
        let is_long = message.len() > WHOLE_LEN;
        let template = if kind == WRITTEN { &mut self.sent } else { &mut self.received };
        let is_regular = is_long && template.advance(message);
        if is_regular && now.0 == self.last && self.connection == Some(connection) && self.entries > 0 {
            return self.regular(kind | IS_REGULAR, message);
        }
        self.event(now, if is_regular { kind | IS_REGULAR } else { kind }, Some(connection));
        varint(&mut self.bytes, message.len() as u64);
        match message.split_at_checked(KEPT_LEN) {
            Some((kept, rest)) if is_long => {
                let kept = if is_regular { kept.get(TEMPLATE_LEN..).unwrap_or_default() } else { kept };
                self.bytes.extend_from_slice(kept);
                self.rest(rest);
            }
            _ => self.bytes.extend_from_slice(message),
        }
    }

    /// The same for what is most frequent: a regular message, on the connection and at the time of the entry before.
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
        let rest = message.get(KEPT_LEN..).unwrap_or_default();
        let hash = match self.bodies {
            Bodies::Full | Bodies::None => 0,
            Bodies::Hash => xxh3_64(rest),
            Bodies::Sample => sample(rest),
        };
        let bits = 8 * head_len;
        let low = u128::from(kept) << bits | u128::from(head);
        let entry = low | u128::from(hash) << (64 + bits);
        let carried = (hash >> (64 - bits)) as u32;
        let mut bytes = [0; 20];
        let (front, back) = bytes.split_at_mut(16);
        front.copy_from_slice(&entry.to_le_bytes());
        back.copy_from_slice(&carried.to_le_bytes());
        let end = if self.bodies == Bodies::Full || self.bodies == Bodies::None { 8 } else { 16 };
        self.bytes.extend_from_slice(bytes.get(..head_len + end).unwrap_or_default());
        if self.bodies == Bodies::Full {
            self.bytes.extend_from_slice(rest);
        }
    }

    #[inline]
    fn rest(&mut self, rest: &[u8]) {
        let hash = match self.bodies {
            Bodies::Full => return self.bytes.extend_from_slice(rest),
            Bodies::None => return,
            Bodies::Hash => xxh3_64(rest),
            Bodies::Sample => sample(rest),
        };
        self.bytes.extend_from_slice(&hash.to_le_bytes());
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

#[inline]
fn sample(rest: &[u8]) -> u64 {
    match (rest.first_chunk::<SAMPLE_LEN>(), rest.last_chunk::<SAMPLE_LEN>()) {
        (Some(first), Some(last)) if rest.len() > 2 * SAMPLE_LEN => {
            let mut both = [[0; SAMPLE_LEN]; 2];
            both.clone_from(&[*first, *last]);
            xxh3_64(both.as_flattened())
        }
        _ => xxh3_64(rest),
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
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
