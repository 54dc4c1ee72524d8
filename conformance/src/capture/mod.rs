//! Packet captures in, transport events out.
//!
//! Knows files, packets, TCP and SCTP; knows nothing of DLM messages.
//!
//! ```text
//! input ─▶ container ─▶ link ─▶ ip ─▶ tcp, sctp ─▶ stream ─▶ Observed
//! bytes    records      frames  packets  segments    in order
//! ```
//!
//! One pass with bounded memory: a window over the file, at most 8192 connections (128 of them over), and budgets for what waits out of
//! order. What the capture lacks is said ([`TransportEvent::Hole`], [`Skipped`], [`CaptureSummary::damage`]), never
//! guessed. In the ordinary case payload goes from the window to the sink without a copy.
//!
//! Not read: tunnels, SCTP I-DATA, and the paths of a multi-homed SCTP association as one. A SYN between the ends of
//! a living connection begins a new one at once, even if the peer goes on with the old one for a moment.

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
mod located;
mod opened;
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
pub use located::{Carried, Located, Step};
pub use opened::OpenedInput;
pub use options::{CaptureOptions, DLM_PORT};
pub use reader::CaptureReader;
pub use summary::{CaptureSummary, ClockOffset, Skipped};
