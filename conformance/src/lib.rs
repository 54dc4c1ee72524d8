//! Captures in, verdicts out.

pub mod capture;
pub mod describe;
pub mod messages;
pub mod replay;
