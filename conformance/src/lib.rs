//! Captures in, verdicts out; and worlds in, verdicts out.

pub mod capture;
pub mod check;
pub mod cli;
pub mod corpus;
pub mod coverage;
pub mod describe;
pub mod drive;
pub mod gate;
mod hash;
pub mod messages;
pub mod native;
mod render;
pub mod replay;
pub mod tell;
