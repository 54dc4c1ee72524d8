//! What stands before a merge: all steps, their configuration, and one report of what came out.

mod report;

pub use report::{Finding, GateReport, Partition, StepReport, UnitReport, Verdict};
