//! One direction of a connection, put in order.
//!
//! Works in a space of 32-bit numbers that wrap: bytes for TCP, chunks (TSN) for SCTP.

use super::emit::{Emitter, Since};
use super::{ConnId, Direction, HoleReason, Observed, TransportEvent};
use std::collections::VecDeque;

/// Out-of-order bytes that one stream may hold back.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// Out-of-order pieces that one stream may hold back.
const MAX_WAITING_PIECES: usize = 4096;
/// Out-of-order bytes that all streams together may hold back.
const MAX_WAITING_BYTES_IN_ALL: usize = 64 << 20;
/// Numbers up to this far back are copies of what was; no window is larger (RFC 7323).
const LARGEST_WINDOW: u32 = 1 << 30;

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Chunk,
}

/// A part of a stream as a packet brings it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// The number of its first unit.
    pub(super) number: u32,
    /// Units on the wire.
    pub(super) span: u32,
    /// The bytes that the capture holds.
    pub(super) data: &'a [u8],
    /// Bytes cut off by the snapshot length.
    pub(super) cut: u32,
    /// The end of the stream, which takes a number of its own.
    pub(super) fin: bool,
}

struct Waiting {
    number: u32,
    span: u32,
    data: Vec<u8>,
    cut: u32,
    fin: bool,
}

impl Waiting {
    fn part(&self) -> Part<'_> {
        Part { number: self.number, span: self.span, data: &self.data, cut: self.cut, fin: self.fin }
    }
}

/// The state of one direction.
pub(super) struct Stream {
    direction: Direction,
    unit: Unit,
    /// The next number in order; None before the start is known.
    next: Option<u32>,
    /// One past the last number that the peer acknowledged.
    acknowledged: Option<u32>,
    /// Sorted by the distance from `next`.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Since when an acknowledged gap keeps `waiting` back.
    gap_since: Option<Since>,
    untouched: bool,
    missing_told: bool,
    finished: bool,
    reset: bool,
}

impl Stream {
    pub(super) fn new(direction: Direction, unit: Unit) -> Self {
        Stream {
            direction,
            unit,
            next: None,
            acknowledged: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            gap_since: None,
            untouched: true,
            missing_told: false,
            finished: false,
            reset: false,
        }
    }

    /// The next number in order, where the start is known.
    pub(super) fn next(&self) -> Option<u32> {
        self.next
    }

    /// Whether nothing of the stream has been handed over.
    pub(super) fn is_untouched(&self) -> bool {
        self.untouched
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn is_reset(&self) -> bool {
        self.reset
    }

    /// Sets the number of the first unit, as long as none was handed over.
    pub(super) fn start_at(&mut self, number: u32) {
        if self.untouched {
            self.next = Some(number);
            self.waiting.make_contiguous().sort_by_key(|held| held.number.wrapping_sub(number));
        }
    }

    /// Whether a keep-alive: the peer has the byte and everything before.
    pub(super) fn is_keep_alive(&self, number: u32, span: u32) -> bool {
        span <= 1 && self.next.is_none() && self.acknowledged == Some(number.wrapping_add(1))
    }

    /// Takes a part of the stream, in order or not.
    #[inline]
    pub(super) fn offer<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, part: Part<'_>, out: &mut Emitter<'_, S>) {
        let next = *self.next.get_or_insert(part.number);
        let ahead = part.number.wrapping_sub(next);
        if ahead == 0 || is_behind(ahead) {
            self.take(conn, next, part, out);
            if !self.waiting.is_empty() {
                self.drain(conn, out);
                self.settle(conn, out);
            }
        } else {
            self.keep(conn, next, part, out);
            self.settle(conn, out);
        }
    }

    /// Notes that the peer has everything before `number`.
    #[inline]
    pub(super) fn acknowledge<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, number: u32, out: &mut Emitter<'_, S>) {
        let newer = self.acknowledged.is_none_or(|old| !is_behind(number.wrapping_sub(old)));
        if newer {
            self.tell_missing(conn, number, out);
            self.acknowledged = Some(number);
        }
        if !self.waiting.is_empty() {
            self.settle(conn, out);
        }
    }

    /// Tells of units that the peer acknowledged before the capture showed them. Where the start is not known, that the
    /// peer acknowledges further and further tells it.
    #[inline]
    fn tell_missing<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, number: u32, out: &mut Emitter<'_, S>) {
        let ahead = number.wrapping_sub(self.next.or(self.acknowledged).unwrap_or(number));
        let is_missing = ahead > 0 && ahead < LARGEST_WINDOW && !self.finished;
        if is_missing && !self.missing_told {
            out.emit(conn, TransportEvent::Missing(self.direction));
        }
        self.missing_told = is_missing;
    }

    /// The end of the stream outside of its numbers (SHUTDOWN).
    pub(super) fn finish<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, out: &mut Emitter<'_, S>) {
        if !self.finished {
            self.finished = true;
            out.emit(conn, TransportEvent::Finished(self.direction));
        }
    }

    /// The sender broke the connection.
    pub(super) fn break_off<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, out: &mut Emitter<'_, S>) {
        if !self.reset {
            self.reset = true;
            out.emit(conn, TransportEvent::Reset(self.direction));
        }
    }

    /// No more will come: what the peer acknowledged is read or lost, the rest was never delivered.
    pub(super) fn close<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, out: &mut Emitter<'_, S>) {
        while self.gap_is_acknowledged() {
            self.jump(conn, HoleReason::Lost, out);
        }
        out.summary.undelivered_bytes += self.waiting_bytes as u64;
        *out.waiting_bytes -= self.waiting_bytes;
        self.waiting_bytes = 0;
        self.waiting.clear();
        if let (Some(next), Some(acknowledged)) = (self.next, self.acknowledged) {
            let ahead = acknowledged.wrapping_sub(next);
            if ahead > 0 && ahead < LARGEST_WINDOW {
                self.next = Some(acknowledged);
                // A single number may be the FIN as well as a byte.
                let bytes = (ahead > 1).then_some(ahead);
                self.lose(conn, bytes, HoleReason::Lost, out);
            }
        }
    }

    /// Hands over what is new in a part that begins at or before `next`.
    #[inline]
    fn take<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, next: u32, part: Part<'_>, out: &mut Emitter<'_, S>) {
        let old = next.wrapping_sub(part.number);
        if old >= part.span {
            return;
        }
        self.untouched = false;
        self.next = Some(part.number.wrapping_add(part.span));
        let held = part.data.len() as u32;
        let cut = part.cut - old.saturating_sub(held).min(part.cut);
        let fresh = part.data.get(old as usize..).unwrap_or_default();
        if !fresh.is_empty() {
            out.place.set(next);
            out.emit(conn, TransportEvent::Data(self.direction, fresh));
        }
        if cut > 0 {
            let bytes = Some(u64::from(cut));
            out.emit(conn, TransportEvent::Hole(self.direction, bytes, HoleReason::Snaplen));
        }
        if part.fin {
            self.finish(conn, out);
        }
    }

    /// Holds back a part that begins after `next`.
    fn keep<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, next: u32, part: Part<'_>, out: &mut Emitter<'_, S>) {
        let distance = |number: u32| number.wrapping_sub(next);
        let at = self.waiting.partition_point(|held| distance(held.number) < distance(part.number));
        let is_copy = self
            .waiting
            .iter()
            .skip(at)
            .take_while(|held| held.number == part.number)
            .any(|held| held.span >= part.span);
        if is_copy {
            return;
        }
        self.waiting.insert(
            at,
            Waiting { number: part.number, span: part.span, data: part.data.to_vec(), cut: part.cut, fin: part.fin },
        );
        self.waiting_bytes += part.data.len();
        *out.waiting_bytes += part.data.len();
        while self.waiting_bytes > MAX_WAITING_BYTES
            || self.waiting.len() > MAX_WAITING_PIECES
            || (*out.waiting_bytes > MAX_WAITING_BYTES_IN_ALL && !self.waiting.is_empty())
        {
            self.jump(conn, HoleReason::Budget, out);
        }
    }

    /// Declares the gap before the first waiting part a hole when the peer has acknowledged it for long enough.
    fn settle<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, out: &mut Emitter<'_, S>) {
        while self.gap_is_acknowledged() {
            let since = *self.gap_since.get_or_insert_with(|| out.now());
            if !out.is_over(since) {
                return;
            }
            self.jump(conn, HoleReason::Lost, out);
        }
        self.gap_since = None;
    }

    fn gap_is_acknowledged(&self) -> bool {
        let (Some(next), Some(acknowledged), Some(first)) = (self.next, self.acknowledged, self.waiting.front()) else {
            return false;
        };
        let ahead = acknowledged.wrapping_sub(next);
        !is_behind(ahead) && ahead >= first.number.wrapping_sub(next)
    }

    /// Gives the gap before the first waiting part up.
    fn jump<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, reason: HoleReason, out: &mut Emitter<'_, S>) {
        if let (Some(next), Some(first)) = (self.next, self.waiting.front()) {
            let gap = first.number.wrapping_sub(next);
            if gap > 0 {
                self.next = Some(first.number);
                self.lose(conn, Some(gap), reason, out);
            }
        }
        self.gap_since = None;
        self.drain(conn, out);
    }

    fn lose<S: FnMut(Observed<'_>)>(
        &mut self,
        conn: ConnId,
        units: Option<u32>,
        reason: HoleReason,
        out: &mut Emitter<'_, S>,
    ) {
        self.untouched = false;
        let bytes = match self.unit {
            Unit::Byte => units.map(u64::from),
            Unit::Chunk => None,
        };
        out.emit(conn, TransportEvent::Hole(self.direction, bytes, reason));
    }

    /// Hands over the waiting parts that are in order now.
    fn drain<S: FnMut(Observed<'_>)>(&mut self, conn: ConnId, out: &mut Emitter<'_, S>) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.front()) {
            let ahead = first.number.wrapping_sub(next);
            if ahead != 0 && !is_behind(ahead) {
                return;
            }
            let Some(first) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes -= first.data.len();
            *out.waiting_bytes -= first.data.len();
            self.gap_since = None;
            self.take(conn, next, first.part(), out);
        }
    }
}

fn is_behind(distance: u32) -> bool {
    distance > u32::MAX - LARGEST_WINDOW
}
