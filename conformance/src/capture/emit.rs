//! The way of an event to whoever listens.

use std::cell::Cell;

use super::summary::CaptureSummary;
use super::{ConnId, FrameRef, Observed, Timestamp, TransportEvent};

/// How long a gap that the peer acknowledged may still be filled.
///
/// Files of two recorders that are read as one disturb the order a little.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// Frames on the wanted ports.
    pub(super) frames: u64,
    pub(super) nanos: i64,
}

/// The current frame, and where its events go.
pub(super) struct Emitter<'e, S> {
    pub(super) sink: &'e mut S,
    pub(super) frame: FrameRef,
    pub(super) time: Timestamp,
    pub(super) patience: Patience,
    pub(super) summary: &'e mut CaptureSummary,
    /// Out-of-order bytes that wait in all streams together.
    pub(super) waiting_bytes: &'e mut usize,
    /// The number of the first unit of the data that is told next.
    pub(super) place: &'e Cell<u32>,
}

impl<S: FnMut(Observed<'_>)> Emitter<'_, S> {
    #[inline]
    pub(super) fn emit(&mut self, conn: ConnId, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Data(_, bytes) => self.summary.payload_bytes += bytes.len() as u64,
            TransportEvent::Hole(..) => self.summary.holes += 1,
            TransportEvent::Opened { .. } => self.summary.connections += 1,
            _ => {}
        }
        (self.sink)(Observed { frame: self.frame, time: self.time, conn, event });
    }

    /// Whether a gap noticed at `since` has had its time.
    pub(super) fn is_over(&self, since: Since) -> bool {
        self.summary.dlm_frames - since.frames >= self.patience.frames
            || self.time.0 - since.time.0 >= self.patience.nanos
    }

    pub(super) fn now(&self) -> Since {
        Since { frames: self.summary.dlm_frames, time: self.time }
    }
}

/// When a gap was noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    frames: u64,
    time: Timestamp,
}
