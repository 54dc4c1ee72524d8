//! What stands before a merge: all steps, their configuration, and one report of what came out.
//!
//! - [`config`]: `midcomms.toml`; `schema` checks it and documents it.
//! - `step`: what a step is; `steps`: the steps. Each has units of work that do not need each other.
//! - [`run`]: plans, runs all units or those of a part, joins parts.
//! - [`waive`]: what does not count until a day.
//! - [`report`]: what came out; [`output`]: the forms in which it is told.

pub mod config;
mod files;
pub mod output;
pub mod report;
pub mod run;
mod schema;
mod step;
mod steps;
pub mod waive;

pub use config::{Config, ConfigError, StepName};
pub use files::Files;
pub use report::{Finding, GateReport, Partition, StepReport, UnitReport, Verdict};
pub use run::{Gate, RunOptions, Watcher};
