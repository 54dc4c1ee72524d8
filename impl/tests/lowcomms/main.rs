//! The whole crate over real sockets: promises kept through breaks, hostile peers, processes that are killed.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]

mod api;
mod hostile;
mod processes;
mod promises;
#[path = "../common/proxy.rs"]
mod proxy;
mod removal;
mod support;
