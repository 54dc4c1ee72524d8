//! What stands between a record and its recorder, and sees what the run comes to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use midcomms::midcomms::{ConnectionId, Incarnation, Observer, Occurrence, Outcome, Snapshot, State, Time};
use midcomms::wire::{Cmd, Framer, Message, NodeId, Seq};

use super::ledger::{Ledger, RecordStory};

/// How far the recording of a node has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether it has begun.
    pub(super) is_on: bool,
    /// When something happened last.
    pub(super) time: Time,
    /// Events of messages that were recorded.
    pub(super) messages: u64,
    /// The connections that stand, by peer, and whether the node opened them.
    pub(super) standing: BTreeMap<(u32, ConnectionId), bool>,
}

/// What the observers of a node share.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Progress>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One record's observer.
pub(super) struct Watch {
    ledger: Ledger,
    recorder: Box<dyn Observer>,
    shared: Shared,
    incarnation: Option<Incarnation>,
    /// The number behind the last fresh one.
    next: Option<Seq>,
}

impl Watch {
    pub(super) fn new(ledger: Ledger, recorder: Box<dyn Observer>, shared: Shared) -> Self {
        Self { ledger, recorder, shared, incarnation: None, next: None }
    }

    /// Whether what happens is recorded.
    fn note(&self, now: Time, peer: NodeId, occurrence: &Occurrence<'_>) -> bool {
        let mut progress = self.shared.lock();
        progress.time = now;
        match occurrence {
            Occurrence::Opened { connection, is_ours } => {
                progress.standing.insert((peer.0, *connection), *is_ours);
            }
            Occurrence::Finished { connection } | Occurrence::GivenUp { connection } => {
                progress.standing.remove(&(peer.0, *connection));
            }
            Occurrence::Written { .. } => progress.messages += u64::from(progress.is_on),
            Occurrence::Read { .. } if progress.is_on => progress.messages += occurrence.messages().count() as u64,
            _ => {}
        }
        progress.is_on
    }

    fn snapshot(&mut self, record: &mut RecordStory, snapshot: &Snapshot) {
        let before = self.incarnation.replace(snapshot.incarnation);
        if before.is_some_and(|before| before != snapshot.incarnation) {
            self.next = None;
        }
        visit(record, snapshot.state);
    }

    fn written(&mut self, record: &mut RecordStory, messages: &[u8]) {
        let mut framer = Framer::new();
        let mut frames = framer.frames(messages);
        while let Some(Ok(frame)) = frames.next_frame() {
            record.written += 1;
            if frame.bytes.get(14).copied() != Some(Cmd::Opts.to_wire()) {
                continue;
            }
            let Ok(Message::Opts(opts)) = frame.decode() else { continue };
            self.number(record, opts.seq());
        }
    }

    fn number(&mut self, record: &mut RecordStory, seq: Seq) {
        if self.next.is_some_and(|next| seq.is_before(next)) {
            record.copies += 1;
            return;
        }
        record.wraps += u64::from(seq.0 == 0 && self.next == Some(Seq(0)));
        self.next = Some(seq.successor());
    }
}

fn visit(record: &mut RecordStory, state: State) {
    record.ends = Some(state);
    if !record.visits.contains(&state) {
        record.visits.push(state);
    }
}

fn read(record: &mut RecordStory, outcome: Outcome, count: u64) {
    record.read += count;
    match outcome {
        Outcome::Duplicate => record.duplicates += count,
        Outcome::Gap => record.gaps += count,
        Outcome::Dropped => record.dropped += count,
        Outcome::Accepted | Outcome::Handled => {}
    }
}

impl Observer for Watch {
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>) {
        let ledger = self.ledger.clone();
        ledger.record(node.0, peer.0, |record| match &occurrence {
            Occurrence::Record(snapshot) => self.snapshot(record, snapshot),
            Occurrence::Written { messages, .. } => self.written(record, messages),
            Occurrence::Read { outcome, .. } => read(record, *outcome, occurrence.messages().count() as u64),
            _ => {}
        });
        if self.note(now, peer, &occurrence) {
            self.recorder.observe(now, node, peer, occurrence);
        }
    }
}
