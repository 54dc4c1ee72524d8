//! Captures in, verdicts out.

pub mod capture;
pub mod corpus;
pub mod describe;
pub mod messages;
pub mod replay;
