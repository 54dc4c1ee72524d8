//! What the upper layers sent and got, what the records told, and what a run comes to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use midcomms::midcomms::{Delivery, Event, Kind, State};
use midcomms::wire::RcomType;

use super::expect::{ResetReason, ShutdownOutcome};

/// What happened in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Messages, by sender and receiver.
    pub directions: BTreeMap<(u32, u32), Direction>,
    /// Records, by their node and its peer.
    pub records: BTreeMap<(u32, u32), RecordStory>,
    /// Connections that the scenario broke.
    pub breaks: u64,
    /// Sends that were refused.
    pub refused: u64,
    /// How long the run took, in virtual time or over sockets in real time.
    pub seconds: f64,
}

/// Messages of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Sent or committed.
    pub sent: u64,
    /// Delivered.
    pub delivered: u64,
    /// Number of the last that was delivered, as the sender counts.
    last: Option<u64>,
}

/// One record, over all its incarnations and lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordStory {
    /// States that it was in, in the order of the first time.
    pub visits: Vec<State>,
    /// The state that it was in last.
    pub ends: Option<State>,
    /// Messages that went out, copies, ACKs and all.
    pub written: u64,
    /// Messages that came.
    pub read: u64,
    /// Numbers that went out more than once.
    pub copies: u64,
    /// Messages that came and had been handled before.
    pub duplicates: u64,
    /// Messages that came behind a gap.
    pub gaps: u64,
    /// Messages that came and were passed over.
    pub dropped: u64,
    /// Times that its numbers went over the end of their space.
    pub wraps: u64,
    /// How its incarnations ended, otherwise than by their handshake.
    pub resets: Vec<ResetReason>,
    /// How its shutdowns ended.
    pub shutdowns: Vec<ShutdownOutcome>,
}

impl Story {
    /// Messages from one node to another.
    pub fn direction(&self, from: u32, to: u32) -> Direction {
        self.directions.get(&(from, to)).copied().unwrap_or_default()
    }

    /// Messages delivered, in all directions.
    pub fn delivered(&self) -> u64 {
        self.directions.values().map(|direction| direction.delivered).sum()
    }
}

#[derive(Debug, Default)]
struct Book {
    story: Story,
    /// How many messages each direction has numbered.
    numbered: BTreeMap<(u32, u32), u64>,
    fault: Option<String>,
}

/// A handle to what is known so far, for tasks and observers.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Book>>);

/// Bytes before the number of a message in its body, and those of the number.
const NUMBER_AT: usize = 8;

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The story so far.
    pub(super) fn story(&self) -> Story {
        self.book().story.clone()
    }

    /// What a promise was broken by.
    pub(super) fn fault(&self) -> Option<String> {
        self.book().fault.clone()
    }

    pub(super) fn direction(&self, from: u32, to: u32) -> Direction {
        self.book().story.direction(from, to)
    }

    /// Whether all that was sent from one to the other was delivered.
    pub(super) fn is_delivered(&self, from: u32, to: u32) -> bool {
        let Direction { sent, delivered, .. } = self.direction(from, to);
        sent == delivered
    }

    /// The number of the next message of a direction.
    pub(super) fn next_number(&self, from: u32, to: u32) -> u64 {
        let mut book = self.book();
        let numbered = book.numbered.entry((from, to)).or_default();
        *numbered += 1;
        *numbered
    }

    pub(super) fn sent(&self, from: u32, to: u32) {
        self.book().story.directions.entry((from, to)).or_default().sent += 1;
    }

    pub(super) fn refused(&self) {
        self.book().story.refused += 1;
    }

    pub(super) fn broke(&self) {
        self.book().story.breaks += 1;
    }

    /// Changes what is told of one record.
    pub(super) fn record(&self, node: u32, peer: u32, change: impl FnOnce(&mut RecordStory)) {
        change(self.book().story.records.entry((node, peer)).or_default());
    }

    /// An event at `node` about `peer`.
    pub(super) fn event(&self, node: u32, peer: u32, event: &Event) {
        match event {
            Event::Delivered(delivery) => self.delivered(peer, node, delivery),
            Event::Reset { reason, .. } => self.record(node, peer, |record| record.resets.push((*reason).into())),
            Event::ShutdownDone(outcome) => {
                self.record(node, peer, |record| record.shutdowns.push((*outcome).into()));
            }
            Event::Unexpected(what) => self.blame(format!("node {node} about node {peer}: {what}")),
            Event::Misbehaved(what) => self.blame(format!("node {node} complains of node {peer}: {what}")),
            Event::Up { .. } | Event::PeerClosing | Event::Closed | Event::SendReady => {}
        }
    }

    fn blame(&self, what: String) {
        self.book().fault.get_or_insert(what);
    }

    /// Exactly once, and in order: numbers only grow.
    fn delivered(&self, from: u32, to: u32, delivery: &Delivery) {
        if is_status(delivery) {
            return; // of a node without incarnation ids: delivered, and nobody's message
        }
        let Some(number) = number_of(&delivery.body) else {
            return self.blame(format!("node {to} got a message from node {from} that nobody sent"));
        };
        if delivery.body[..] != body(kind_of(number), number, delivery.body.len())[..] {
            self.blame(format!("message {number} of node {from} was altered on its way to node {to}"));
        }
        let mut book = self.book();
        let direction = book.story.directions.entry((from, to)).or_default();
        direction.delivered += 1;
        let last = direction.last.replace(number);
        if let Some(last) = last.filter(|last| *last >= number) {
            let what = format!("node {to} got message {number} of node {from} behind message {last}");
            book.fault.get_or_insert(what);
        }
    }
}

fn is_status(delivery: &Delivery) -> bool {
    let code = delivery.body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let of_status = [RcomType::Status, RcomType::StatusReply].map(RcomType::to_wire);
    delivery.kind == Kind::Rcom && code.is_some_and(|code| of_status.contains(&code))
}

fn number_of(body: &[u8]) -> Option<u64> {
    let (_, rest) = body.split_at_checked(NUMBER_AT)?;
    rest.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Every fifth message is an RCOM.
pub(super) const fn kind_of(number: u64) -> Kind {
    if number.is_multiple_of(5) { Kind::Rcom } else { Kind::Msg }
}

/// All that is behind the header of a message: the type, a REQUEST or a LOOKUP, its number, and bytes that are its own.
pub(super) fn body(kind: Kind, number: u64, len: usize) -> Vec<u8> {
    let code: u32 = if kind == Kind::Msg { 1 } else { 3 };
    let mut body = Vec::with_capacity(len);
    body.extend(code.to_le_bytes());
    body.extend([0; 4]);
    body.extend(number.to_le_bytes());
    let fill = (body.len()..len).map(|at| (at as u64).wrapping_mul(31).wrapping_add(number.wrapping_mul(7)) as u8);
    body.extend(fill);
    body
}
