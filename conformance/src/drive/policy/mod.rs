//! What the specification leaves to the implementation, held against a plain account of it.
//!
//! Paths of the model say in which order things happen, and take thresholds, timers and limits as they come. Here one real
//! [`midcomms::midcomms::Peer`] with a session that stands is led through random calls, and after each of them everything
//! that it does and tells is compared with an account that keeps whole messages in a list and every timer as an instant:
//!
//! - when it acknowledges (`ack_on_receive`, `ack_on_send`, `ack_bytes`, `ack_delay`), asks for the version
//!   (`status_interval`), sends copies (`retransmit_after`, doubled up to `retransmit_max`, HRD-7), and gives a shutdown up;
//! - what it takes and refuses (`queue_bytes`, `queue_messages`, lengths and types of bodies), and when it says that there is
//!   room;
//! - reservations that are committed in any order or cancelled, and what waits behind them (SND-5);
//! - which connection is written to while connections come, go, and are not to be had (NET-1, NET-8), and every byte that is
//!   written to it;
//! - what it makes of numbers that come twice, too early or not at all, of ACKs of any number, of what cannot be read;
//! - its getters and counters; that messages of one write are few pieces of memory, and an observer is told of them in runs;
//! - how the session ends: fenced, given up, or by a peer that leaves first.

mod account;
mod bytes;
mod compare;
mod end;
mod output;
mod read;
mod send;
mod speak;
mod take;
mod walk;
mod watch;

use serde::Serialize;

use super::Options;
use super::walk::each_seed;
use walk::walk;

/// What walks through the policy came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    /// Walks that were made, and the first one's seed.
    pub walks: u64,
    /// Seed of the first walk; the others have those after it.
    pub seed: u64,
    /// Calls of all walks.
    pub steps: u64,
    /// Of each walk that did not go as it should.
    pub faults: Vec<PolicyFault>,
}

/// Where the implementation does not do as the account has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyFault {
    /// Of the walk.
    pub seed: u64,
    /// How many steps it took.
    pub step: u64,
    /// What was done in the last one.
    pub action: String,
    /// What is compared.
    pub field: &'static str,
    /// What the account has.
    pub expected: String,
    /// What the implementation does or says.
    pub got: String,
}

impl core::fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { seed, step, action, field, expected, got } = self;
        write!(f, "policy, seed {seed}, step {step}, {action}: {field}: expected {expected}, got {got}")
    }
}

/// Makes `options.walks` walks of `options.steps` calls each.
pub fn drive_policy(options: &Options) -> PolicyReport {
    let walks = each_seed(options, |seed| walk(seed, options.steps, &options.policy()));
    let steps = walks.iter().map(|(_, (steps, _))| steps).sum();
    let faults = walks.into_iter().filter_map(|(_, (_, fault))| fault).collect();
    PolicyReport { walks: options.walks, seed: options.seed, steps, faults }
}
