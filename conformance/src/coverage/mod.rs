//! What was exercised, and by what: cells of the table of states and events, rules, actions of the model.

pub mod cell;
mod judge;
mod replayed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use judge::{CoverageReport, Exception, Exceptions, Kind, Missing, judge};
pub use replayed::of_replay;

/// How often something was exercised, by source: `corpus`, `record`, `drive`.
pub type BySource = BTreeMap<String, u64>;

/// What was exercised, by name. Counts of several parts of the work add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Cells of the table of states and events: `ESTABLISHED × receive FIN, users > 0`.
    pub cells: BTreeMap<String, BySource>,
    /// Rules by which messages were allowed or events handled: `RCV-1`.
    pub rules: BTreeMap<String, BySource>,
    /// Actions of the model: `RecordReceives`.
    pub actions: BTreeMap<String, BySource>,
    /// Transitions of the model that were driven and that there are, by environment.
    pub transitions: BTreeMap<String, Share>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Exercised.
    pub covered: u64,
    /// There are.
    pub all: u64,
}

impl Coverage {
    /// Adds what another part of the work exercised.
    pub fn add(&mut self, other: &Coverage) {
        for (mine, theirs) in
            [(&mut self.cells, &other.cells), (&mut self.rules, &other.rules), (&mut self.actions, &other.actions)]
        {
            for (name, by_source) in theirs {
                let counts = mine.entry(name.clone()).or_default();
                by_source.iter().for_each(|(source, count)| *counts.entry(source.clone()).or_default() += count);
            }
        }
        for (environment, share) in &other.transitions {
            let sum = self.transitions.entry(environment.clone()).or_default();
            (sum.covered, sum.all) = (sum.covered + share.covered, sum.all + share.all);
        }
    }
}
