//! The account of one peer: what its record and its connections come to, kept plainly.

use std::collections::VecDeque;

use midcomms::midcomms::FAULTS_TOLD;
use midcomms::midcomms::{
    Config, ConnectionId, Counters, Event, Ids, Incarnation, Input, Outcome, PeerMisbehaved, Time,
};
use midcomms::wire::{LockspaceId, NodeId, Seq, VERSION_3_2, Version};

use super::bytes::Voice;

/// "Not ready", of a STATUS reply that is sequenced (SND-2).
pub(super) const NOT_READY: i32 = -3;

/// A message of the send queue.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) bytes: Vec<u8>,
    pub(super) is_committed: bool,
    /// The write in which it went out first, counted from 1.
    pub(super) write: Option<u64>,
}

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: ConnectionId,
    order: u64,
    /// What its last hello said.
    pub(super) said: Option<Ids>,
    pub(super) is_writing: bool,
    told: u32,
    pub(super) stranger: Option<Stranger>,
}

/// Who speaks on a connection and is not heard (HRD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// An incarnation of the peer other than the one that this node talks to.
    IsOther,
    /// That one, to another incarnation of this node.
    MeansOther,
}

/// Messages, as an observer sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Written(ConnectionId, Vec<u8>),
    /// All that lie one behind the other in one chunk, and of which the same became.
    Read(ConnectionId, Outcome, Vec<Vec<u8>>),
}

/// What there has to be.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) config: Config,
    pub(super) node: NodeId,
    pub(super) peer: NodeId,
    pub(super) own: Incarnation,
    pub(super) lockspace: LockspaceId,
    pub(super) version: Option<Version>,
    pub(super) bound: Option<Incarnation>,
    /// The oldest number of `entries`.
    pub(super) first: u32,
    pub(super) entries: VecDeque<Entry>,
    /// The entry that goes out next, and how many went out, counted from the oldest.
    pub(super) cursor: usize,
    pub(super) handed: usize,
    pub(super) seq_next: u32,
    pub(super) delivered: u32,
    pub(super) delivered_bytes: u32,
    pub(super) wants_room: bool,
    pub(super) asked: u64,
    pub(super) pending_ack: bool,
    pub(super) pending_ask: bool,
    /// The `seq` and the id of a STATUS, and its lockspace.
    pub(super) answer: Option<(u64, u64, LockspaceId)>,
    pub(super) bare: VecDeque<Vec<u8>>,
    pub(super) ack_at: Option<Time>,
    pub(super) ask_at: Option<Time>,
    pub(super) copies_at: Option<Time>,
    passes: u32,
    pub(super) ours: Option<Line>,
    pub(super) theirs: Option<Line>,
    pub(super) is_opening: bool,
    pub(super) is_reopening: bool,
    pub(super) closes: Vec<ConnectionId>,
    pub(super) counters: Counters,
    pub(super) events: VecDeque<Event>,
    pub(super) seen: Vec<Seen>,
    pub(super) writes: u64,
}

impl Account {
    /// A member was just added, of whose version nothing is known.
    pub(super) fn new(config: Config, [node, peer]: [NodeId; 2], own: Incarnation, lockspace: LockspaceId) -> Self {
        Self {
            config,
            node,
            peer,
            own,
            lockspace,
            version: None,
            bound: None,
            first: 0,
            entries: VecDeque::new(),
            cursor: 0,
            handed: 0,
            seq_next: 0,
            delivered: 0,
            delivered_bytes: 0,
            wants_room: false,
            asked: 0,
            pending_ack: false,
            pending_ask: true,
            answer: None,
            bare: VecDeque::new(),
            ack_at: None,
            ask_at: None,
            copies_at: None,
            passes: 0,
            ours: None,
            theirs: None,
            is_opening: false,
            is_reopening: false,
            closes: Vec::new(),
            counters: Counters::default(),
            events: VecDeque::new(),
            seen: Vec::new(),
            writes: 0,
        }
    }

    pub(super) fn voice(&self) -> Voice {
        Voice { version: VERSION_3_2, node: self.node }
    }

    pub(super) fn ids(&self) -> Ids {
        Ids { source: self.own, destination: self.bound }
    }

    pub(super) fn seq_send(&self) -> Seq {
        Seq(self.first.wrapping_add(self.entries.len() as u32))
    }

    pub(super) fn bytes_from(&self, entry: usize) -> usize {
        self.entries.iter().skip(entry).map(|entry| entry.bytes.len()).sum()
    }

    /// NET-1.
    pub(super) fn sending(&self) -> Option<&Line> {
        self.ours.as_ref().or(self.theirs.as_ref().filter(|_| !self.is_opening))
    }

    pub(super) fn timeout(&self) -> Option<Time> {
        [self.ack_at, self.ask_at, self.copies_at].into_iter().flatten().min()
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    /// Everything but what is read.
    pub(super) fn input(&mut self, now: Time, input: &Input) {
        match *input {
            Input::Opened(id) if !core::mem::take(&mut self.is_opening) => self.closes.push(id),
            Input::Opened(id) => {
                let line = self.begin(id);
                self.closes.extend(self.ours.replace(line).map(|old| old.id));
                self.turn();
            }
            Input::OpenFailed => {
                (self.is_opening, self.is_reopening) = (false, false);
                if self.theirs.is_some() {
                    self.turn();
                }
            }
            Input::Accepted(id) => {
                let line = self.begin(id);
                self.closes.extend(self.theirs.replace(line).map(|old| old.id));
                if self.ours.is_none() {
                    self.turn();
                }
            }
            Input::Written(id) => self.written(now, id),
            Input::Finished(id) => {
                let was_sending = self.sending().is_some_and(|line| line.id == id);
                if self.remove(id).is_some() {
                    self.closes.push(id);
                    if was_sending {
                        self.turn();
                    }
                }
            }
            Input::Broken(id) => self.broken(id),
            _ => {}
        }
        self.time_out(now);
    }

    fn begin(&mut self, id: ConnectionId) -> Line {
        self.is_reopening = false;
        self.counters.connections += 1;
        Line { id, order: self.counters.connections, said: None, is_writing: false, told: 0, stranger: None }
    }

    /// The connections that stand.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        [&self.ours, &self.theirs].into_iter().flatten()
    }

    pub(super) fn line(&mut self, id: ConnectionId) -> Option<&mut Line> {
        [&mut self.ours, &mut self.theirs].into_iter().flatten().find(|line| line.id == id)
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Line> {
        [&mut self.ours, &mut self.theirs].into_iter().find_map(|slot| slot.take_if(|line| line.id == id))
    }

    /// NET-8: older connections go with it.
    pub(super) fn broken(&mut self, id: ConnectionId) {
        let Some(Line { order, .. }) = self.remove(id) else { return };
        self.counters.breaks += 1;
        for slot in [&mut self.ours, &mut self.theirs] {
            self.closes.extend(slot.take_if(|line| line.order < order).map(|line| line.id));
        }
        let is_alone = self.ours.is_none() && self.theirs.is_none();
        self.is_reopening = is_alone && self.version.is_some() && self.node < self.peer;
        self.turn();
    }

    /// What is not acknowledged goes out again, on another connection; to a node of 3.1 it does not (SND-3).
    fn turn(&mut self) {
        if self.version == Some(Version::V3_1) {
            self.drop_front(self.handed);
            self.tell_room();
        }
        self.counters.passes += u64::from(self.handed > 0);
        self.cursor = 0;
        self.copies_at = None;
        self.pending_ask |= self.version.is_none();
    }

    fn written(&mut self, now: Time, id: ConnectionId) {
        let Some(line) = self.line(id) else { return };
        line.is_writing = false;
        if self.version == Some(Version::V3_1) {
            self.drop_front(self.handed);
            return self.tell_room();
        }
        if self.handed > 0 && self.copies_at.is_none() {
            let wait = (0..self.passes.min(16)).fold(self.config.retransmit_after, |wait, _| wait.saturating_mul(2));
            self.copies_at = Some(later(now, wait.min(self.config.retransmit_max)));
        }
    }

    pub(super) fn time_out(&mut self, now: Time) {
        let is_due = |at: &mut Option<Time>| at.take_if(|at| *at <= now).is_some();
        self.pending_ack |= is_due(&mut self.ack_at);
        self.pending_ask |= is_due(&mut self.ask_at);
        if is_due(&mut self.copies_at) && self.sending().is_none_or(|line| !line.is_writing) {
            self.passes += 1;
            self.counters.timeouts += 1;
            self.counters.passes += 1;
            self.cursor = 0;
        }
    }

    /// RCV-4.
    pub(super) fn acknowledged(&mut self, now: Time, seq: Seq, id: ConnectionId) -> Outcome {
        let count = seq.0.wrapping_sub(self.first) as usize;
        if count == 0 || count > (u32::MAX / 2) as usize {
            return Outcome::Handled;
        }
        if count > self.handed {
            let expected = Seq(self.first.wrapping_add(self.handed as u32));
            self.blame(id, PeerMisbehaved::AckBeyondSent { expected, got: seq });
            return Outcome::Dropped;
        }
        self.drop_front(count);
        self.passes = 0;
        self.copies_at.take_if(|_| self.handed == 0);
        self.copies_at = self.copies_at.map(|_| later(now, self.config.retransmit_after));
        self.tell_room();
        Outcome::Handled
    }

    fn drop_front(&mut self, count: usize) {
        self.entries.drain(..count);
        self.first = self.first.wrapping_add(count as u32);
        self.handed -= count;
        self.cursor = self.cursor.saturating_sub(count);
    }

    fn tell_room(&mut self) {
        let Config { queue_bytes, queue_messages, .. } = self.config;
        if self.wants_room && self.bytes_from(0) <= queue_bytes / 2 && self.entries.len() <= queue_messages / 2 {
            self.wants_room = false;
            self.events.push_back(Event::SendReady);
        }
    }

    pub(super) fn blame(&mut self, id: ConnectionId, fault: PeerMisbehaved) {
        self.counters.misbehaved += 1;
        if let Some(line) = self.line(id).filter(|line| line.told < FAULTS_TOLD) {
            line.told += 1;
            self.events.push_back(Event::Misbehaved(fault));
        }
    }
}

/// The time `wait` after `now`.
pub(super) fn later(now: Time, wait: core::time::Duration) -> Time {
    Time(now.0 + wait.as_nanos() as u64)
}
