//! What was found, for people and for machines. Computes no verdict.

mod json;
mod junit;
mod markdown;
mod rules;
mod table;
mod words;

use midcomms_model::system::Property;

use super::cases::CaseReport;
use super::compare::Difference;
use super::models::Models;
use super::run::{Engine, Outcome};
use super::subject::Key;
use super::variant::Change;

pub(crate) use json::json;
pub(crate) use junit::junit;
pub use markdown::markdown;
pub(crate) use rules::{environments, rules};
pub(crate) use table::{grouped, legend, table};
pub(crate) use words::{cases, changes, counted, rows, summary};

/// All that there is to tell.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The worlds, in the order explored.
    pub(crate) outcomes: &'a [Outcome],
    /// What must come out.
    pub(crate) models: &'a Models,
    /// What is not as expected.
    pub(crate) differences: &'a [Difference],
    /// The catalogue.
    pub(crate) cases: &'a [CaseReport],
    /// What a variant changes.
    pub(crate) changes: &'a [Change],
    /// The properties asked.
    pub(crate) asked: &'a [Property],
    /// Who explored.
    pub(crate) engine: Engine,
    /// Seconds from beginning to end.
    pub(crate) seconds: f64,
}

impl Report<'_> {
    fn differences_of(&self, key: &Key, property: Property) -> impl Iterator<Item = &Difference> {
        let of = move |difference: &&Difference| difference.property.is_none_or(|of| of == property);
        self.differences.iter().filter(move |difference| difference.key == *key).filter(of)
    }

    /// Verdicts that were asked.
    pub(crate) fn rows(&self) -> usize {
        self.outcomes.iter().map(|outcome| outcome.verdicts.len()).sum()
    }
}
