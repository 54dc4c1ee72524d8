//! What must have happened in the end, so that a scenario which silently does nothing fails.

use core::fmt;

use midcomms::midcomms::{Reason, Shutdown, State};
use serde::Deserialize;

use super::ledger::Story;

/// What must have happened. Counts are the least; what is absent is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Directions `[from, to]` in which a message was delivered.
    pub delivers: Vec<[u32; 2]>,
    /// Directions in which messages may be lost: a crash, a fence, a shutdown that gave up, a peer of 3.1. In all others all arrive.
    pub loses: Vec<[u32; 2]>,
    /// Records, and the states that each was in.
    pub record: Vec<RecordExpect>,
    /// Connections that the scenario broke.
    pub breaks: u64,
    /// Messages written more than once.
    pub copies: u64,
    /// Messages read that had been handled before.
    pub duplicates: u64,
    /// Messages read behind a gap.
    pub gaps: u64,
    /// Messages read and passed over.
    pub dropped: u64,
    /// Sends that were refused.
    pub refused: u64,
    /// Whether numbers went over the end of their space.
    pub wraps: bool,
    /// Reasons for which an incarnation ended without its handshake.
    pub resets: Vec<ResetReason>,
    /// Ways in which a shutdown ended.
    pub shutdowns: Vec<ShutdownOutcome>,
}

/// What is expected of one record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordExpect {
    /// Whose record.
    pub node: u32,
    /// About whom.
    pub peer: u32,
    /// States that it was in, whatever the order.
    pub visits: Vec<StateName>,
    /// The state that it is in at the end.
    #[serde(default)]
    pub ends: Option<StateName>,
}

/// A state, by the protocol's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct StateName(pub State);

impl TryFrom<String> for StateName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = State::ALL.into_iter().find(|state| state.name() == name);
        let names = State::ALL.map(State::name);
        known.map(Self).ok_or_else(|| crate::check::names::unknown("state", &name, names))
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Why an incarnation ended without its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetReason {
    /// The peer speaks from a newer incarnation (HRD-1).
    PeerRestarted,
    /// The peer has closed already (HRD-3).
    PeerGone,
    /// Add member found what a session had left over (HRD-4).
    Leftover,
    /// The shutdown's time was up (CLS-3).
    ShutdownTimeout,
    /// The peer speaks 3.1 (SND-3).
    NoHandshake,
    /// The peer was fenced.
    Fenced,
}

impl From<Reason> for ResetReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::PeerRestarted => Self::PeerRestarted,
            Reason::PeerGone => Self::PeerGone,
            Reason::Leftover => Self::Leftover,
            Reason::ShutdownTimeout => Self::ShutdownTimeout,
            Reason::NoHandshake => Self::NoHandshake,
            Reason::Fenced => Self::Fenced,
        }
    }
}

/// How a shutdown ended towards one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShutdownOutcome {
    /// The record is CLOSED.
    Closed,
    /// The peer speaks 3.1.
    NoHandshake,
    /// The time was up.
    TimedOut,
    /// The peer was fenced meanwhile.
    Fenced,
}

impl From<Shutdown> for ShutdownOutcome {
    fn from(outcome: Shutdown) -> Self {
        match outcome {
            Shutdown::Closed => Self::Closed,
            Shutdown::NoHandshake => Self::NoHandshake,
            Shutdown::TimedOut => Self::TimedOut,
            Shutdown::Fenced => Self::Fenced,
        }
    }
}

impl Expect {
    /// Whether it asks for anything that a run without an event would lack.
    pub(super) fn asks(&self) -> bool {
        !self.delivers.is_empty() || self.record.iter().any(|record| !record.visits.is_empty())
    }

    /// Whether messages may be lost from one to the other.
    pub(super) fn may_lose(&self, from: u32, to: u32) -> bool {
        self.loses.contains(&[from, to])
    }

    /// What of it did not happen; the first thing.
    pub(super) fn missing(&self, story: &Story) -> Option<String> {
        let undelivered = self.delivers.iter().find(|[from, to]| story.direction(*from, *to).delivered == 0);
        if let Some([from, to]) = undelivered {
            return Some(format!("nothing of node {from} was delivered to node {to}"));
        }
        self.missing_state(story).or_else(|| self.missing_count(story)).or_else(|| self.missing_end(story))
    }

    fn missing_state(&self, story: &Story) -> Option<String> {
        for RecordExpect { node, peer, visits, ends } in &self.record {
            let record = story.records.get(&(*node, *peer))?;
            if let Some(state) = visits.iter().find(|state| !record.visits.contains(&state.0)) {
                return Some(format!("the record of node {node} about node {peer} was never {state}"));
            }
            let last = record.ends.unwrap_or_default();
            if let Some(state) = ends.filter(|state| state.0 != last) {
                return Some(format!("the record of node {node} about node {peer} is {last}, not {state}, at the end"));
            }
        }
        None
    }

    fn missing_count(&self, story: &Story) -> Option<String> {
        let sum = |of: fn(&super::RecordStory) -> u64| story.records.values().map(of).sum::<u64>();
        let counts = [
            ("connections broken", self.breaks, story.breaks),
            ("copies", self.copies, sum(|record| record.copies)),
            ("duplicates", self.duplicates, sum(|record| record.duplicates)),
            ("messages behind a gap", self.gaps, sum(|record| record.gaps)),
            ("messages passed over", self.dropped, sum(|record| record.dropped)),
            ("sends refused", self.refused, story.refused),
            ("numbers that wrap", u64::from(self.wraps), sum(|record| record.wraps)),
        ];
        let less = counts.into_iter().find(|(_, expected, got)| got < expected);
        less.map(|(what, expected, got)| format!("{what}: expected at least {expected}, got {got}"))
    }

    fn missing_end(&self, story: &Story) -> Option<String> {
        let all = || story.records.values();
        let reset = self.resets.iter().find(|reason| !all().any(|record| record.resets.contains(reason)));
        let shutdown = self.shutdowns.iter().find(|outcome| !all().any(|record| record.shutdowns.contains(outcome)));
        reset
            .map(|reason| format!("no incarnation ended by {reason:?}"))
            .or_else(|| shutdown.map(|outcome| format!("no shutdown ended as {outcome:?}")))
    }
}
