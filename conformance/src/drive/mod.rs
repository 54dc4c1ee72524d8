//! Paths of the model driven into the implementation, step by step, with both sides compared after each.
//!
//! The model is `midcomms_model::system` with the rules of `hardened`; the implementation is one real
//! [`midcomms::midcomms::Peer`] for each record of each node, with nothing below it but this driver. One action of the model
//! is one input of the implementation, handled until it is quiet.
//!
//! # What is compared
//!
//! After each action, of every record of every node: state, version, `seq_send`, `seq_next`, the length of the send queue,
//! `users` and which lockspaces they are, `stop_tx` and `stop_rx`, whether a reservation is open, the record's incarnation
//! and the one that it is bound to; what the implementation told in the action (version known, peer closing, session ended
//! and how, messages lost with it, unexpected events), and every message delivered, with its number and its body; what it
//! counts, against that. And every message that the implementation wrote: its kind, number, incarnations, its place among the others and, where the
//! specification fixes them, its bytes, against those that the model queued in the action. So what is under way is the same
//! on both sides, message by message.
//!
//! Numbers of incarnations: the model counts them modulo 4, the implementation has 64 bits. The driver notes which is which
//! when a record is reset, and both sides have to be reset in the same actions. In the environment `wrap` the model begins
//! only the first incarnation shortly before the wrap, the implementation each one.
//!
//! **Not compared**, for only the model has it: what its properties remember (`accepted`, `unseen`, `excused`, `lost`,
//! `counted` beyond the members, `sent`), whether something was delivered since the last threshold ACK (the
//! implementation counts; it is made to take the model's choice), `phase` and what the cluster manager has yet to tell (the
//! driver's part), and which connection carries what: where the implementation has none, it gets one at once, and what the
//! model has wait or lost is the driver's doing. `seq_send` towards a peer of 3.1, to which nothing is numbered (SND-3).
//!
//! # Policy is free
//!
//! - *ACKs.* Thresholds are set for each action so that the implementation acknowledges where the model does. Two ACKs of
//!   the same number in one action are one.
//! - *Hellos* (HRD-1). In the model each message says from and for which incarnations it is; the implementation says so
//!   when that changes. A hello has to come exactly then, and say the number that the model expects next. Each message is
//!   handed over behind a hello with its own incarnations, and no number that would take anything off a queue.
//! - *STATUS* is bare and may be lost: one that the implementation asks or answers where the model has one under way
//!   already, or because its connection changed, is lost. Its order among other bare messages is free.
//! - *Copies.* The implementation sends its queue again whenever its connection changes, and what is committed after a break
//!   at once, as section 11 leaves free; the model then has `RecordRetransmits`. Such a copy is lost, too.
//! - *Input of a replaced connection* (NET-5) and *output left over from before a break* (NET-4), which the implementation
//!   drops, are handed over all the same: its receiver has to cope with peers that do not.
//! - *Timers* run out when the model says so, and in no other action.
//!
//! What the implementation never does is listed by [`Reason`], and counted.

mod compare;
mod cover;
mod lane;
mod lie;
pub mod policy;
mod reasons;
mod report;
mod rig;
mod settle;
mod shrink;
mod step;
pub mod table;
mod tally;
mod walk;
mod wire;

use std::num::NonZeroUsize;

use midcomms::midcomms::Config;
use midcomms_model::system::Environment;

pub use compare::Mismatch;
pub use lie::Lie;
pub use reasons::Reason;
pub use report::{DifferenceReport, EnvironmentReport, NotDriven, Report, drive_environment};

/// Environments that are driven where none is named: those of up to 500 000 transitions, all together in less than a minute on
/// two cores. The others are [`LARGE`].
pub const SMALL: &[&str] = &[
    "mild",
    "both-leave",
    "early",
    "lockspaces",
    "regroup",
    "fence",
    "two-breaks",
    "pages",
    "split",
    "wrap",
    "timeout",
    "upgrade",
];

/// Environments that take longer.
pub const LARGE: &[&str] = &["rejoin", "break", "stale", "give-up", "ring"];

/// How much to drive.
#[derive(Clone, Debug)]
pub struct Options {
    /// Drive every transition.
    pub covers: bool,
    /// Transitions after which covering ends: the report is incomplete then.
    pub budget: u64,
    /// Random walks.
    pub walks: u64,
    /// Actions of each.
    pub steps: u64,
    /// Of the first walk; each has the one after.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// What a test has the driver see. Never set otherwise.
    #[doc(hidden)]
    pub lie: Option<Lie>,
    /// The defect that is seeded into the implementation.
    #[cfg(feature = "defects")]
    pub defect: Option<midcomms::midcomms::Defect>,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            covers: true,
            budget: u64::MAX,
            walks: 0,
            steps: 1000,
            seed: 1,
            threads,
            lie: None,
            #[cfg(feature = "defects")]
            defect: None,
        }
    }
}

impl Options {
    /// What the implementation is set to.
    fn config(&self) -> Config {
        Config {
            #[cfg(feature = "defects")]
            defect: self.defect,
            ..rig::patient()
        }
    }

    /// What it is set to where its thresholds, timers and limits are what is looked at.
    fn policy(&self) -> Config {
        Config {
            #[cfg(feature = "defects")]
            defect: self.defect,
            ..Config::default()
        }
    }
}

/// What to drive where nothing else is asked for: every transition of the small environments, of the large ones too where
/// `all` are, and random walks through the deepest one from `seed`, whose transitions nobody has counted.
pub fn plan(all: bool, seed: u64, threads: usize) -> Vec<(&'static Environment, Options)> {
    let options = Options { seed, threads, ..Options::default() };
    let walks = Options { covers: false, walks: 16, steps: 5_000, ..options.clone() };
    let named = SMALL.iter().chain(LARGE.iter().filter(|_| all)).map(|name| (*name, options.clone()));
    let plan = named.chain([("deep", walks)]);
    plan.filter_map(|(name, options)| Environment::named(name).map(|environment| (environment, options))).collect()
}
