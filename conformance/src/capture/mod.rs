//! Packet captures in, transport events out.
//!
//! Knows files, packets, TCP and SCTP; knows nothing of DLM messages.

mod event;

pub use event::{
    ConnId, Direction, Endpoint, FrameRef, HoleReason, Observed, Timestamp, Transport,
    TransportEvent,
};
