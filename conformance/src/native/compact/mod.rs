//! The compact form of native traces (`traces/SCHEMA.md`): blocks of events of one pair each.
//!
//! - [`mod@file`]: the head of a file and its blocks; what is damaged is passed over and told.
//! - [`entry`]: the events in a block, and `run`: many messages in one of them.
//! - [`mod@convert`]: the same trace as JSON lines.

pub mod convert;
pub mod entry;
pub mod file;
mod run;

pub use convert::convert;
pub use entry::{Entry, What};
pub use file::{CompactFile, Item};

/// The first byte of a file, by which it is told from all others that are read.
pub const FIRST_BYTE: u8 = 0x8a;
