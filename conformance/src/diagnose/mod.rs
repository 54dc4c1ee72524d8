//! A cluster that hangs now: who waits for whom, and what is owed, from what each node can still tell.
//!
//! - [`layout`]: directories to files, each with its node and its place in time.
//! - [`snapshot`]: records (debugfs) and sockets (`ss`) at one moment.
//! - [`log`]: the DLM's lines of the kernel's log.
//! - [`trace`]: the DLM's tracepoints.
//! - [`evidence`]: all of that by node.
//! - [`mod@judge`]: what follows from it for each pair of nodes, by what is owed, by states, by sockets.
//! - [`report`]: what was found; [`text`] for people.
//!
//! None of it shows a message: what is concluded is what the rules of `PROTOCOL.md` leave over. What cannot be
//! concluded is said.

pub mod evidence;
mod fields;
pub mod judge;
pub mod layout;
pub mod log;
mod owed;
pub mod report;
pub mod snapshot;
mod sockets;
mod states;
pub mod text;
pub mod trace;

pub use evidence::{Evidence, Node};
pub use judge::judge;
pub use layout::{Unusable, gather};
pub use report::{Certainty, Diagnosis, Finding, Outcome};

/// The program that collects what [`gather`] reads, for `sh`.
pub const COLLECTOR: &str = include_str!("../../../docs/collect.sh");
