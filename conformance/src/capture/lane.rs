//! One file among those that are read as one stream.

use super::container::{Packet, PacketSource};
use super::error::CaptureError;
use super::summary::ClockOffset;
use super::{FrameRef, Timestamp};

/// A file with its place in the common time.
pub(super) struct Lane {
    source: PacketSource,
    offset_nanos: i64,
    frame: FrameRef,
    /// When the next packet takes its turn; never goes back, so that the order of the file is kept. None at the end.
    turn: Option<Timestamp>,
}

impl Lane {
    pub(super) fn new(source: PacketSource, clock: ClockOffset) -> Self {
        Lane {
            source,
            offset_nanos: clock.nanos,
            frame: FrameRef { file: clock.file, number: 0 },
            turn: Some(Timestamp(i64::MIN)),
        }
    }

    #[inline]
    pub(super) fn turn(&self) -> Option<Timestamp> {
        self.turn
    }

    /// Goes to the next packet, or to the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<(), CaptureError> {
        let before = self.turn.take();
        if self.source.advance()? {
            self.frame.number += 1;
            self.turn = before.max(Some(self.time()));
        }
        Ok(())
    }

    #[inline]
    fn time(&self) -> Timestamp {
        let recorded = self.source.packet().time;
        match self.offset_nanos {
            0 => recorded,
            offset => Timestamp::clamped(i128::from(recorded.0) + i128::from(offset)),
        }
    }

    /// The current packet, on the common clock.
    #[inline]
    pub(super) fn packet(&self) -> (FrameRef, Packet<'_>) {
        let packet = Packet { time: self.time(), ..self.source.packet() };
        (self.frame, packet)
    }

    /// Bytes read so far, after decompression.
    pub(super) fn bytes(&self) -> u64 {
        self.source.offset()
    }
}

/// The lane whose turn it is.
#[inline]
pub(super) fn next_lane(lanes: &mut [Lane]) -> Option<&mut Lane> {
    lanes.iter_mut().filter_map(|lane| Some((lane.turn()?, lane))).min_by_key(|(turn, _)| *turn).map(|(_, lane)| lane)
}
