//! Why nothing was recorded, and whose fault that is.

use thiserror::Error;

/// Why a scenario could not be read, or its run not be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file of scenarios is at fault.
    #[error("{file}: {reason}")]
    Format {
        /// The file, as named.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// No scenario has this name.
    #[error("{0}")]
    Unknown(String),
    /// A step did not come to its end: what it waits for did not happen, or could not be done.
    #[error("scenario {scenario}, seed {seed}: step {step} ({what}): {why}")]
    Stuck {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// The step, from 1.
        step: usize,
        /// The step, as in the file.
        what: String,
        /// What is missing.
        why: String,
    },
    /// The run came to its end and did not show what the scenario promises: a recording of it would prove nothing.
    #[error("scenario {scenario}, seed {seed}: vacuous: {why}")]
    Vacuous {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// What was promised, and what was there.
        why: String,
    },
    /// Replay knows too little of the run to judge as much of it as the scenario promises.
    #[error("scenario {scenario}, seed {seed}: not exact: {why}")]
    Inexact {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// What was promised, and what was there.
        why: String,
    },
    /// The implementation broke a promise of its own: a message twice, out of order, or never; an event for which the table has no
    /// cell.
    #[error("scenario {scenario}, seed {seed}: the implementation is at fault: {what}")]
    Fault {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// What it did.
        what: String,
    },
    /// The scenario needs control that sockets do not give.
    #[error("scenario {scenario} is for the simulation only: {why}")]
    SimulationOnly {
        /// The scenario.
        scenario: String,
        /// What sockets do not give.
        why: String,
    },
    /// A recording that begins in the middle has to name the connections that stand, which the compact form does in files that
    /// follow others only.
    #[error("scenario {scenario} is for JSON lines only: its recording begins in the middle")]
    LinesOnly {
        /// The scenario.
        scenario: String,
    },
    /// Sockets, threads or memory.
    #[error("scenario {scenario}: {what}")]
    System {
        /// The scenario.
        scenario: String,
        /// What the system said.
        what: String,
    },
}
