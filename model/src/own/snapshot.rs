//! What a node tells of its record, and what it has to tell.

use std::fmt;

use super::{Own, Refused, Told, is_numbered};
use crate::message::Version;
use crate::record::{Record, State};
use crate::rule::{self, Refusal};
use crate::seq::Seq;

/// A record as its node tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// Number of the next sequenced message.
    pub seq_send: Seq,
    /// Number expected next.
    pub seq_next: Seq,
    /// Messages in the send queue.
    pub queue: u32,
    /// Lockspaces that have the peer as a member.
    pub users: u32,
    /// The id of the incarnation (HRD-1).
    pub incarnation: u64,
}

impl Snapshot {
    /// The oldest number that is not acknowledged.
    pub fn queue_head(&self) -> Seq {
        Seq(self.seq_send.0.wrapping_sub(self.queue))
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, seq_send, seq_next, queue, users, incarnation } = self;
        write!(f, "{state}, seq_send {seq_send}, seq_next {seq_next}, queue {queue}, users {users}, {incarnation:x}")
    }
}

/// A record as it stands, and what else a node knows of it that no message behind it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The record.
    pub snapshot: Snapshot,
    /// The peer's version, as far as it is known.
    pub version: Option<Version>,
    /// The peer's incarnation that the record is bound to (HRD-1).
    pub bound: Option<u64>,
    /// The lockspaces that are counted; `None` where their names are not told.
    pub members: Option<Vec<u32>>,
}

/// What has to be told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// CLS-2: that a member was removed.
    Removed,
    /// The record, which has changed.
    Record(Box<Changed>),
}

/// A change of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// As it is then, but for its FIN.
    pub(super) record: Record,
    /// Why.
    pub(super) cause: String,
    /// A life begins with it.
    pub(super) begins: bool,
    /// Its own FIN is queued now.
    pub(super) takes_fin: bool,
}

impl Due {
    /// Why something else must not come first.
    pub(super) fn missing(&self, got: &str) -> Refusal {
        match self {
            Due::Removed => Refusal::new(rule::CLS_2, "the removal of a member, by the shutdown", got),
            Due::Record(changed) => {
                let expected = format!("the record in {} ({})", changed.record.state, changed.cause);
                Refusal::new(rule::CLS_6, expected, got)
            }
        }
    }
}

impl<L: Copy> Own<L> {
    /// The record has changed; the node tells that at once.
    pub(super) fn owe(&mut self, record: Record, cause: String, begins: bool, takes_fin: bool) {
        self.due.push_back(Due::Record(Box::new(Changed { record, cause, begins, takes_fin })));
    }

    pub(super) fn told_record(&mut self, snapshot: Snapshot, at: L) -> Result<(), Refused<L>> {
        if self.due.is_empty() {
            return self.wait_for_cause(Told::Record(snapshot), at);
        }
        self.meet_due(&snapshot).map_err(Refused::from)
    }

    /// Holds a snapshot against the change that is due, and takes from it what is hidden.
    pub(super) fn meet_due(&mut self, got: &Snapshot) -> Result<(), Refusal> {
        match self.due.front() {
            Some(Due::Record(_)) => {}
            Some(due) => return Err(due.missing("the record")),
            None => return Ok(()),
        }
        let Some(Due::Record(changed)) = self.due.pop_front() else { return Ok(()) };
        self.check_snapshot(&changed, got)?;
        self.lives.own = Some(got.incarnation);
        if changed.takes_fin {
            self.record.seq_send = Seq(got.seq_send.0.wrapping_sub(1));
            self.record.take_fin();
        } else if is_numbered(&changed.record) {
            self.record.seq_send = got.seq_send;
        }
        Ok(())
    }

    /// Holds what stands against the record, which nothing has changed.
    pub(super) fn check_standing(&mut self, got: &Standing) -> Result<(), Refusal> {
        let changed = Changed { record: self.record, cause: "as it was".to_owned(), begins: false, takes_fin: false };
        self.check_snapshot(&changed, &got.snapshot)?;
        if (got.version, got.bound) != (self.record.version, self.lives.bound) {
            let text = |version: Option<Version>, bound: Option<u64>| {
                let version = version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
                format!("the peer of version {version}, bound to {:x}", bound.unwrap_or_default())
            };
            let expected = text(self.record.version, self.lives.bound);
            return Err(Refusal::new(rule::HRD_1, expected, text(got.version, got.bound)));
        }
        self.lives.own = Some(got.snapshot.incarnation);
        if is_numbered(&self.record) {
            self.record.seq_send = got.snapshot.seq_send;
        }
        Ok(())
    }

    fn check_snapshot(&self, changed: &Changed, got: &Snapshot) -> Result<(), Refusal> {
        let Changed { record, cause, begins, takes_fin } = changed;
        let refuse = |rule, expected: String, got: String| Err(Refusal::new(rule, expected, got));
        if got.state != record.state {
            return refuse(rule::CLS_6, format!("{} ({cause})", record.state), got.state.to_string());
        }
        if got.users != u32::from(record.users) {
            return refuse(rule::HRD_5, format!("users {} ({cause})", record.users), format!("users {}", got.users));
        }
        let is_initial = *begins || record.version.is_none();
        let rule = |otherwise| if is_initial { rule::REC_1 } else { otherwise };
        if got.seq_next != record.seq_next {
            let expected = format!("seq_next {}", record.seq_next);
            return refuse(rule(rule::RCV_1), expected, format!("seq_next {}", got.seq_next));
        }
        if !self.may_be_life(got.incarnation) {
            let expected = match self.lives.own {
                Some(own) => format!("the incarnation {own:x}"),
                None => format!("an incarnation after {:x}", self.lives.floor),
            };
            return refuse(rule::HRD_1, expected, format!("{:x}", got.incarnation));
        }
        if !is_initial && !is_numbered(record) {
            return Ok(()); // to a peer of 3.1 nothing is numbered, and nothing acknowledged
        }
        let known = if is_initial { record.seq_send } else { self.record.seq_send };
        let least = if *takes_fin { known.next() } else { known };
        let is_fixed = is_initial || (record.stop_tx && !takes_fin);
        if got.seq_send.is_before(least) || (is_fixed && got.seq_send != least) {
            let expected = if is_fixed { format!("seq_send {least}") } else { format!("seq_send {least} or more") };
            return refuse(rule(rule::SND_7), expected, format!("seq_send {}", got.seq_send));
        }
        if got.queue_head() != record.queue_head {
            let queue = record.queue_head.distance_to(got.seq_send);
            let expected = format!("{queue} messages in the queue, from {}", record.queue_head);
            return refuse(rule(rule::RCV_4), expected, format!("{} messages", got.queue));
        }
        Ok(())
    }

    fn may_be_life(&self, id: u64) -> bool {
        self.lives.own.map_or(id > self.lives.floor, |own| id == own)
    }
}
