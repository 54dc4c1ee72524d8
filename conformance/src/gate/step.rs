//! A step: units of work that do not need each other.

use super::report::{Finding, UnitReport};
use crate::coverage::Coverage;
use crate::replay::FileReport;

/// What came of a unit.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What came out, in a few words.
    pub(super) outcome: String,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
    /// What was exercised.
    pub(super) coverage: Coverage,
    /// Replays that a page shows in pictures, where there is something wrong with them and pictures are wanted.
    pub(super) shown: Vec<FileReport>,
}

impl Done {
    /// With an outcome, and nothing wrong so far.
    pub(super) fn new(outcome: impl Into<String>) -> Self {
        Self { outcome: outcome.into(), ..Self::default() }
    }

    /// Something went wrong before anything came out.
    pub(super) fn unusable(message: impl Into<String>) -> Self {
        Self { outcome: "unusable".to_owned(), findings: vec![Finding::unusable(message)], ..Self::default() }
    }
}

/// A step that was planned.
pub(super) trait Step: Sync {
    /// The names of its units, in their order; each once.
    fn units(&self) -> Vec<String>;

    /// Runs a unit, with so many threads. `said` is told how far it is, from time to time.
    fn run(&self, unit: usize, threads: usize, said: &dyn Fn(String)) -> Done;

    /// What the units are made of, beyond their names: parts that were run on something else are not joined.
    fn fingerprint(&self) -> String {
        String::new()
    }

    /// Whether a unit uses all threads: then one is run after the other.
    fn runs_alone(&self) -> bool {
        false
    }

    /// What came of all of it in a line.
    fn summary(&self, units: &[UnitReport]) -> String;
}
