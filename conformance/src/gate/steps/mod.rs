//! The steps of the gate.

mod catalogue;
mod check;
mod corpus;
mod coverage;
mod drive;
mod record;
mod replay;

use std::hash::Hasher;

use xxhash_rust::xxh3::Xxh3;

use super::config::{Config, StepName};
use super::step::Step;

pub(super) use coverage::coverage;
pub(super) use replay::judged;

/// A seed of its own for each run of something, from that of the gate: 48 bits, which every JSON reader keeps.
fn seed_of(seed: u64, what: &str, number: u64) -> u64 {
    let mut hash = Xxh3::with_seed(seed);
    hash.write(what.as_bytes());
    hash.write_u64(number);
    hash.finish() >> 16
}

/// Plans a step.
///
/// # Errors
/// Why it cannot be run.
pub(super) fn plan(name: StepName, config: &Config, seed: u64, pictures: bool) -> Result<Box<dyn Step>, String> {
    Ok(match name {
        StepName::Check => Box::new(check::CheckStep::plan(config)?),
        StepName::Catalogue => Box::new(catalogue::CatalogueStep::plan(config)?),
        StepName::Corpus | StepName::Rejected => Box::new(corpus::CorpusStep::plan(name, config, pictures)?),
        StepName::Replay => Box::new(replay::ReplayStep::plan(config, pictures)?),
        StepName::Record => Box::new(record::RecordStep::plan(config, seed, pictures)?),
        StepName::Drive => Box::new(drive::DriveStep::plan(config, seed)?),
        StepName::Coverage => return Err("is judged when all else is done".to_owned()),
    })
}
