//! Paths of the model driven into an implementation with a defect.

use std::collections::BTreeSet;

use midcomms::midcomms::Defect;
use midcomms_conformance::drive::{EnvironmentReport, Options, drive_environment};
use midcomms_model::catalogue::DEFECTS;
use midcomms_model::system::Environment;

/// Transitions after which an environment is left, and the threads: what is found first depends on both.
const BUDGET: u64 = 60_000;
const THREADS: usize = 2;

/// The first of what differs.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

/// The environment in which the model finds the defect; in `mild` everything that is reserved is committed at once.
fn environment(defect: Defect) -> &'static str {
    let of_model = DEFECTS.iter().find(|known| known.id == defect.id()).unwrap();
    if defect == Defect::D14 { "split" } else { of_model.environment }
}

/// All in which a defect is looked for.
pub(crate) fn environments() -> BTreeSet<&'static str> {
    Defect::all().map(environment).collect()
}

pub(crate) fn driven(defect: Option<Defect>, environment: &str) -> EnvironmentReport {
    let options = Options { budget: BUDGET, threads: THREADS, defect, ..Options::default() };
    drive_environment(Environment::named(environment).unwrap(), &options, &|_| {})
}

pub(crate) fn first_difference(defect: Defect) -> Option<Difference> {
    let report = driven(Some(defect), environment(defect));
    let difference = report.differences.first()?;
    let first = difference.fields.first().unwrap();
    let message = format!(
        "environment {}, after {} actions: node {} about {}: {}: the model {}, the implementation {}",
        report.environment,
        difference.path.len(),
        first.node,
        first.peer,
        first.field,
        first.model,
        first.implementation
    );
    Some(Difference { field: first.field, message })
}
