//! The steps of the gate.

mod catalogue;
mod check;
mod corpus;
mod coverage;
mod drive;
mod record;
mod replay;

use super::config::{Config, StepName};
use super::step::Step;

pub(super) use coverage::coverage;

/// Plans a step.
///
/// # Errors
/// Why it cannot be run.
pub(super) fn plan(name: StepName, config: &Config, seed: u64) -> Result<Box<dyn Step>, String> {
    Ok(match name {
        StepName::Check => Box::new(check::CheckStep::plan(config)?),
        StepName::Catalogue => Box::new(catalogue::CatalogueStep::plan(config)?),
        StepName::Corpus | StepName::Rejected => Box::new(corpus::CorpusStep::plan(name, config)?),
        StepName::Replay => Box::new(replay::ReplayStep::plan(config)?),
        StepName::Record => Box::new(record::RecordStep::plan(config, seed)?),
        StepName::Drive => Box::new(drive::DriveStep::plan(config, seed)?),
        StepName::Coverage => return Err("is judged when all else is done".to_owned()),
    })
}
