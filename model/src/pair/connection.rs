//! A connection of the pair, as far as the protocol cares.

use crate::message::Ids;
use crate::output::Output;
use crate::seq::Seq;

use super::{Conn, Side};

/// What one end did on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Half {
    /// Closed its sending side.
    pub(super) finished: bool,
    /// Reset the connection.
    pub(super) reset: bool,
    /// Bytes that it sent are missing from what was recorded, and nothing sequenced was seen since.
    pub(super) hole_in_numbers: bool,
    /// The same, and no ACK was seen since.
    pub(super) hole_in_acks: bool,
    /// When it wrote here last, on the clock of the pair's events; 0 for never.
    pub(super) last_write: u64,
    /// The incarnation of its record that wrote here last.
    pub(super) life: Option<u32>,
    /// What that incarnation wrote.
    pub(super) output: Output,
    /// The last ACK's number of that incarnation.
    pub(super) acked: Option<Seq>,
    /// The last number that it wrote here, where the order across connections is not known.
    pub(super) last: Option<Seq>,
    /// It had read that everything before was acknowledged when it wrote here last.
    pub(super) released: Option<Seq>,
    /// What its last hello here said (HRD-1).
    pub(super) ids: Option<Ids>,
    /// Bytes that it sent are missing from what was recorded, and no hello was seen since.
    pub(super) is_unidentified: bool,
}

impl Half {
    /// Begins a page for incarnation `life`, unless it wrote here already.
    pub(super) fn enter_life(&mut self, life: u32) {
        if self.life != Some(life) {
            self.life = Some(life);
            self.output = Output::default();
            self.acked = None;
            self.last = None;
            self.released = None;
        }
    }

    /// Bytes are missing: what was written may go on anywhere.
    pub(super) fn note_hole(&mut self) {
        self.hole_in_numbers = true;
        self.hole_in_acks = true;
        self.output = Output::default();
        self.last = None;
        self.ids = None;
        self.is_unidentified = true;
    }

    /// What incarnation `life` wrote here.
    pub(super) fn output_of(&self, life: u32) -> Output {
        if self.life == Some(life) { self.output } else { Output::default() }
    }

    /// The last number that incarnation `life` wrote here, and what it had read by then to be acknowledged.
    pub(super) fn stream_of(&self, life: u32) -> (Option<Seq>, Option<Seq>) {
        if self.life == Some(life) { (self.last, self.released) } else { (None, None) }
    }

    /// The last ACK that incarnation `life` wrote here.
    pub(super) fn acked_by(&self, life: u32) -> Option<Seq> {
        if self.life == Some(life) { self.acked } else { None }
    }
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) id: Conn,
    pub(super) opener: Side,
    /// When it was opened, on the clock of the pair's events.
    pub(super) opened_at: u64,
    /// Its break was told to both nodes.
    pub(super) is_counted: bool,
    pub(super) halves: [Half; 2],
}

impl Connection {
    pub(super) fn new(id: Conn, opener: Side, opened_at: u64) -> Self {
        Self { id, opener, opened_at, is_counted: false, halves: [Half::default(); 2] }
    }

    pub(super) fn half(&self, side: Side) -> &Half {
        side.pick(&self.halves)
    }

    pub(super) fn half_mut(&mut self, side: Side) -> &mut Half {
        side.pick_mut(&mut self.halves)
    }

    /// Whether anything was written to it.
    pub(super) fn was_used(&self) -> bool {
        self.halves.iter().any(|half| half.last_write > 0)
    }

    /// No end has been seen to close or reset it.
    pub(super) fn is_whole(&self) -> bool {
        self.halves.iter().all(|half| !half.finished && !half.reset)
    }

    /// Nothing is expected here any more.
    pub(super) fn is_dead(&self) -> bool {
        self.halves.iter().any(|half| half.reset) || self.halves.iter().all(|half| half.finished)
    }

    /// Whether what arrives for `reader` may go unread (NET-1): after a reset, or after it closed its own side.
    pub(super) fn may_be_unread_by(&self, reader: Side) -> bool {
        self.halves.iter().any(|half| half.reset) || self.half(reader).finished
    }
}
