//! Captures in, verdicts out.

pub mod capture;
pub mod cli;
pub mod describe;
pub mod messages;
mod render;
pub mod replay;
