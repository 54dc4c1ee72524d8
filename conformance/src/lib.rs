//! Captures in, verdicts out; and worlds in, verdicts out.

pub mod anonymize;
pub mod capture;
pub mod check;
pub mod cli;
pub mod corpus;
pub mod coverage;
pub mod describe;
pub mod diagnose;
pub mod drive;
pub mod explain;
pub mod gate;
mod hash;
pub mod html;
mod inputs;
pub mod messages;
pub mod native;
pub mod packets;
pub mod record;
mod render;
pub mod replay;
pub mod shrink;
pub mod tell;
