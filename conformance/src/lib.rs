//! Captures in, verdicts out.

pub mod capture;
pub mod cli;
pub mod corpus;
pub mod describe;
mod hash;
pub mod messages;
mod render;
pub mod replay;
