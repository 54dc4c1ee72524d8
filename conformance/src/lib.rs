//! Captures in, verdicts out.

pub mod capture;
