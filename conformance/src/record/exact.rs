//! How much of a recording replay holds against the records of its nodes: what it cannot, it has not judged.

use serde::Deserialize;

use super::scenario::Scenario;
use super::trace::Recording;
use crate::native::HeadError;
use crate::replay::{FileReport, NoDeliveries, ReplayOptions, replay_native};

/// The share of events that a scenario promises, where that is not all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Of a hundred.
    pub percent: u64,
    /// Why not all.
    pub why: String,
}

/// Events of nodes that recorded themselves, and those that were held against their records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact {
    /// Held against a record.
    pub judged: u64,
    /// All of them.
    pub events: u64,
    is_refused: bool,
}

impl Exact {
    /// Of what was recorded, each trace judged by itself.
    ///
    /// # Errors
    /// If a trace has no head.
    pub fn of(recording: &Recording) -> Result<Self, HeadError> {
        let mut exact = Self::default();
        let options = ReplayOptions::default();
        for trace in &recording.traces {
            exact.add(&replay_native(trace.name(), trace.bytes.as_slice(), &options, &mut NoDeliveries)?.0);
        }
        Ok(exact)
    }

    /// With those of a trace.
    pub fn add(&mut self, report: &FileReport) {
        for exact in &report.exact {
            self.judged += exact.judged;
            self.events += exact.events;
            self.is_refused |= exact.rejection.is_some();
        }
    }

    /// With those of other runs.
    pub fn join(&mut self, other: &Self) {
        self.judged += other.judged;
        self.events += other.events;
        self.is_refused |= other.is_refused;
    }

    /// What is missing to what the scenario promises. Behind what was refused nothing is held, which is another matter.
    pub fn missing(&self, scenario: &Scenario) -> Option<String> {
        let Self { judged, events, is_refused } = *self;
        let percent = scenario.exact.as_ref().map_or(100, |share| share.percent);
        if is_refused || (judged * 100 >= percent * events && (judged > 0 || percent == 0)) {
            return None;
        }
        Some(format!(
            "replay holds {judged} of {events} events against the records, and the scenario promises {percent} of a hundred"
        ))
    }
}
