//! Recording: the implementation is run in named scenarios, and each node's native trace is kept.
//!
//! A scenario is data ([`Scenario`], format midcomms-scenarios of traces/SCHEMA.md): nodes, steps, a network, and what has
//! to have happened in the end. [`Scenario::simulate`] runs it in virtual time, the same for the same seed to the byte;
//! [`Scenario::run_over_sockets`] runs it with the crate's own driver over loopback. A run that does not show what its
//! scenario promises is an error, never an empty recording.

mod amount;
mod error;
mod exact;
mod expect;
mod file;
mod ledger;
mod play;
mod scenario;
mod simulate;
mod sockets;
mod stage;
mod step;
mod trace;
mod watch;

pub use amount::Amount;
pub use error::RecordError;
pub use exact::{Exact, Share};
pub use expect::{Expect, RecordExpect, ResetReason, ShutdownOutcome, StateName};
pub use file::Scenarios;
pub use ledger::{Direction, RecordStory, Story};
pub use scenario::{Limits, NetworkKnobs, Scenario, Spoken};
pub use step::Step;
pub use trace::{Form, Recording, Trace};
