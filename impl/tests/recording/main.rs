//! Recordings, from outside: what is written, and what happens where it cannot be.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[cfg(test)]
mod compact;
#[cfg(test)]
mod json;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod world;
