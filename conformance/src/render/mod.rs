//! Reports as text and as JSON. Computes no verdict: prints what replay and decoding found.

mod decoded;
mod hazard;
mod json;
mod lines;
mod paint;
mod rejection;
mod stall;
mod text;
mod time;

pub(crate) use json::JsonReport;
pub(crate) use lines::{DecodedLines, JsonLines, TextLines};
pub(crate) use paint::{Paint, printable, wrapped};
pub(crate) use rejection::rejection;
pub(crate) use stall::stall;
pub(crate) use text::TextReport;
