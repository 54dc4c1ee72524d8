//! What stands between a record and its recorder, and sees what the run comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use midcomms::midcomms::{ConnectionId, Ids, Incarnation, Observer, Occurrence, Outcome, Snapshot, State, Tail, Time};
use midcomms::wire::{Cmd, LockspaceId, Message, NodeId, Seq, decode};

use super::ledger::{Ledger, RecordStory};

/// How far the recording of a node has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether it has begun.
    pub(super) is_on: bool,
    /// When something happened last.
    pub(super) time: Time,
    /// Everything that happened, recorded or not.
    pub(super) events: u64,
    /// Events of messages that were recorded: of one or more each.
    pub(super) messages: u64,
    /// What the records have said before they were recorded, by peer.
    pub(super) told: BTreeMap<u32, Told>,
    /// The connections that stand, by peer.
    pub(super) standing: BTreeMap<(u32, ConnectionId), Link>,
}

/// A connection that stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    /// The node opened it.
    pub(super) is_ours: bool,
    /// What the node's last hello on it said.
    pub(super) said: Option<Ids>,
    /// What the peer's last hello on it said.
    pub(super) heard: Option<Ids>,
}

/// What a record has said of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The id of its incarnation.
    pub(super) incarnation: Option<Incarnation>,
    /// The peer's incarnation that it is bound to (HRD-1).
    pub(super) bound: Option<Incarnation>,
    /// The lockspaces that it counts (HRD-5).
    pub(super) members: BTreeSet<LockspaceId>,
}

impl Told {
    fn note(&mut self, occurrence: &Occurrence<'_>) {
        match *occurrence {
            Occurrence::Record(Snapshot { incarnation, .. }) if self.incarnation != Some(incarnation) => {
                (self.incarnation, self.bound) = (Some(incarnation), None);
            }
            Occurrence::MemberAdded(lockspace) => drop(self.members.insert(lockspace)),
            Occurrence::MemberRemoved(lockspace) => drop(self.members.remove(&lockspace)),
            Occurrence::Fenced => self.members.clear(),
            Occurrence::Read { outcome: Outcome::Handled, .. } if self.bound.is_none() => {
                let hellos = occurrence.messages().filter_map(hello);
                let mut own = hellos.filter(|ids| ids.destination.is_some() && ids.destination == self.incarnation);
                self.bound = own.next().map(|ids| ids.source);
            }
            _ => {}
        }
    }
}

impl Progress {
    fn link(&mut self, peer: NodeId, connection: ConnectionId) -> Option<&mut Link> {
        self.standing.get_mut(&(peer.0, connection))
    }
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
        progress.events += 1;
        if !progress.is_on {
            progress.told.entry(peer.0).or_default().note(occurrence);
        }
        match occurrence {
            Occurrence::Opened { connection, is_ours } => {
                let link = Link { is_ours: *is_ours, ..Link::default() };
                progress.standing.insert((peer.0, *connection), link);
            }
            Occurrence::Finished { connection } | Occurrence::GivenUp { connection } => {
                progress.standing.remove(&(peer.0, *connection));
            }
            Occurrence::Written { .. } | Occurrence::Read { .. } if progress.is_on => progress.messages += 1,
            Occurrence::Written { connection, .. } => {
                if let (Some(ids), Some(link)) = (last_hello(occurrence), progress.link(peer, *connection)) {
                    link.said = Some(ids);
                }
            }
            Occurrence::Read { connection, .. } => {
                if let (Some(ids), Some(link)) = (last_hello(occurrence), progress.link(peer, *connection)) {
                    link.heard = Some(ids);
                }
            }
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

    fn written(&mut self, record: &mut RecordStory, occurrence: &Occurrence<'_>) {
        for message in occurrence.messages() {
            record.written += 1;
            if message.get(14).copied() != Some(Cmd::Opts.to_wire()) {
                continue;
            }
            let Ok(Message::Opts(opts)) = decode(message) else { continue };
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

/// What the last hello among messages says.
fn last_hello(occurrence: &Occurrence<'_>) -> Option<Ids> {
    occurrence.messages().filter_map(hello).last()
}

/// What a message says if it is a hello (HRD-1).
fn hello(message: &[u8]) -> Option<Ids> {
    if message.get(14).copied() != Some(Cmd::Ack.to_wire()) {
        return None;
    }
    let Ok(Message::Ack(ack)) = decode(message) else { return None };
    match Tail::read(ack.tail()) {
        Tail::Hello(ids) => Some(ids),
        _ => None,
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
            Occurrence::Written { .. } => self.written(record, &occurrence),
            Occurrence::Read { outcome, .. } => read(record, *outcome, occurrence.messages().count() as u64),
            _ => {}
        });
        if self.note(now, peer, &occurrence) {
            self.recorder.observe(now, node, peer, occurrence);
        }
    }
}
