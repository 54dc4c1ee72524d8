//! Historic defects seeded into the implementation: which of them replay finds in what the nodes record.
//!
//! Others show at the end of a run, which is what the recorder's scenarios look at; and some need what no node of this crate
//! sends: those are for the driver of the core, which compares every observable after each step.

#[cfg(test)]
#[path = "../recordings/recorded.rs"]
#[expect(dead_code, reason = "another test uses the rest")]
mod recorded;
#[cfg(test)]
#[path = "../../../impl/tests/recording/world.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod world;

#[cfg(test)]
mod replayed;
