//! The reliable-connection protocol of the Linux DLM (version 3.2) as an executable specification.
//!
//! `PROTOCOL.md` beside this crate holds the numbered rules; comments such as `// RCV-2` name the one a line obeys.
//! The crate knows no bytes, no sockets and no clock: a message is what [`Message`] says of it, and whatever a caller
//! wants back (a frame number, say) travels along as an opaque label.
//!
//! - [`record`]: what one node keeps about one peer, and its table of states and events.
//! - [`revision`]: what differs between kernels.
//! - [`output`]: which numbers may follow each other on one connection (NET-3, NET-4, NET-7).
//! - [`engine`]: the model checker: exact breadth-first search and liveness under fairness; it knows nothing of the DLM.
//! - [`pair`]: two nodes as an observer between them sees them.
//! - [`own`]: one node as it sees itself: exact, for nothing is hidden from it.
//! - [`story`]: the checker's counterexamples, told and drawn.

pub mod catalogue;
pub mod engine;
pub mod message;
pub mod output;
pub mod own;
pub mod pair;
pub mod record;
pub mod revision;
pub mod rule;
pub mod rules;
pub mod seq;
pub mod story;
pub mod system;

pub use message::{BareKind, Ids, Inner, Message, Version};
pub use pair::{Conn, Pair, Side};
pub use record::{Record, State};
pub use revision::{Revision, RevisionSet};
pub use rule::{Refusal, Rule};
pub use seq::Seq;

/// The specification, as it stands beside this crate.
pub const PROTOCOL: &str = include_str!("../PROTOCOL.md");
/// Its version: it is raised when the meaning of a rule changes.
pub const SPECIFICATION_VERSION: u32 = 1;
