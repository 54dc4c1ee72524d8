//! What the implementation records, replay judges: right runs are accepted, and a falsified event is not.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[cfg(test)]
mod damaged;
#[cfg(test)]
mod falsified;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod runs;

#[cfg(test)]
#[path = "../../../impl/tests/recording/world.rs"]
mod world;
