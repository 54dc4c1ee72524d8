//! Packet captures in, transport events out.
//!
//! Knows files, packets, TCP and SCTP; knows nothing of DLM messages.

mod bytes;
mod clocks;
mod container;
mod emit;
mod error;
mod event;
mod fragments;
mod input;
mod ip;
mod lane;
mod link;
mod options;
mod ports;
mod reader;
mod sctp;
mod stream;
mod summary;
mod table;
mod tcp;
mod tracker;
mod window;

pub use error::{CaptureError, CaptureFault};
pub use event::{ConnId, Direction, Endpoint, FrameRef, HoleReason, Observed, Timestamp, Transport, TransportEvent};
pub use options::{CaptureOptions, DLM_PORT};
pub use reader::CaptureReader;
pub use summary::{CaptureSummary, ClockOffset, Skipped};
