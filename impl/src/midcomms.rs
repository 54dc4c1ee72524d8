//! The core: what a node keeps about a peer, without sockets, clock or randomness.
//!
//! It speaks the revision `hardened` of the protocol (section 11 and the measures HRD-1 to HRD-7), towards Linux nodes as
//! well. [`Peer`] is one record with the connections below it; a driver hands it [`Input`] with the time, does what
//! [`Transmit`] says and passes [`Event`] on. The crate's own driver is `lowcomms`; tests have one with virtual time.

mod batch;
mod config;
mod connection;
#[cfg(feature = "defects")]
mod defect;
mod error;
mod event;
mod hello;
mod input;
mod observer;
mod peer;
mod plain;
mod queue;
mod record;
mod state;
mod stats;
mod time;

pub use batch::{EventBatch, EventRef};
pub use config::Config;
#[cfg(all(feature = "serde", feature = "tokio"))]
pub(crate) use config::millis;
#[cfg(feature = "defects")]
pub use defect::{Defect, UnknownDefect};
pub use error::{MAX_BODY_LEN, PeerMisbehaved, SendError};
pub use event::{Delivery, Event, Kind, Reason, Shutdown};
pub use hello::{HELLO_LEN, Ids, Incarnation, Tail};
pub use input::{ConnectionId, Input, Transmit};
#[cfg(feature = "record")]
pub(crate) use observer::first_len;
pub use observer::{Observer, Occurrence, Outcome, Snapshot};
pub use peer::Peer;
pub use record::Reservation;
pub use state::{Action, State, Stimulus, Unexpected, transition};
pub use stats::Counters;
pub use time::Time;

/// How many faults of the peer are told for each connection; the rest is only counted.
pub const FAULTS_TOLD: u32 = 16;
