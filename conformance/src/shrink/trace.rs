//! A trace as units that can be left out.

use std::collections::{HashMap, HashSet};

use crate::capture::{
    CaptureSummary, ConnId, Direction, Endpoint, FrameRef, HoleReason, Observed, Timestamp, Transport, TransportEvent,
};
use crate::messages::{Item, Messages};
use crate::replay::{FileReport, NoDeliveries, Replay, ReplayOptions, replay_native};

use super::{Size, lines};

/// What happens to a connection; data is a whole message, or bytes that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened.
    Opened {
        /// TCP or SCTP.
        transport: Transport,
        /// The end that opened it.
        opener: Endpoint,
        /// The other.
        acceptor: Endpoint,
        /// Whether that was seen.
        complete: bool,
    },
    /// Bytes.
    Data(Direction, Vec<u8>),
    /// Bytes are missing.
    Hole(Direction, Option<u64>, HoleReason),
    /// Bytes may be missing.
    Missing(Direction),
    /// An end closed in order.
    Finished(Direction),
    /// An end broke it.
    Reset(Direction),
}

impl Event {
    fn as_transport(&self) -> TransportEvent<'_> {
        match self {
            Event::Opened { transport, opener, acceptor, complete } => TransportEvent::Opened {
                transport: *transport,
                opener: *opener,
                acceptor: *acceptor,
                complete: *complete,
            },
            Event::Data(direction, bytes) => TransportEvent::Data(*direction, bytes),
            Event::Hole(direction, count, reason) => TransportEvent::Hole(*direction, *count, *reason),
            Event::Missing(direction) => TransportEvent::Missing(*direction),
            Event::Finished(direction) => TransportEvent::Finished(*direction),
            Event::Reset(direction) => TransportEvent::Reset(*direction),
        }
    }

    fn of(event: &TransportEvent<'_>) -> Option<Self> {
        Some(match *event {
            TransportEvent::Opened { transport, opener, acceptor, complete } => {
                Event::Opened { transport, opener, acceptor, complete }
            }
            TransportEvent::Hole(direction, count, reason) => Event::Hole(direction, count, reason),
            TransportEvent::Missing(direction) => Event::Missing(direction),
            TransportEvent::Finished(direction) => Event::Finished(direction),
            TransportEvent::Reset(direction) => Event::Reset(direction),
            TransportEvent::Data(..) | TransportEvent::Accepted | TransportEvent::Forgotten => return None,
        })
    }
}

/// What stays or goes as one: an event of a capture, a line of a native trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Frame or line.
    pub at: FrameRef,
    /// When.
    pub time: Timestamp,
    /// What happened, mostly one thing.
    pub events: Vec<(ConnId, Event)>,
}

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A capture.
    Capture,
    /// A native trace: its text.
    Native(Vec<u8>),
}

/// A trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// In their order.
    pub units: Vec<Unit>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its size.
    pub size: Size,
    /// It has associations of SCTP.
    pub is_sctp: bool,
}

impl Trace {
    /// Whether what is left is a trace: nothing happens to a connection that was not opened.
    pub fn is_valid(&self, kept: &[bool]) -> bool {
        let mut opened = HashSet::new();
        self.kept(kept).flat_map(|(_, unit)| &unit.events).all(|(conn, event)| match event {
            Event::Opened { .. } => {
                opened.insert(*conn);
                true
            }
            Event::Hole(..) | Event::Missing(_) => true,
            _ => opened.contains(conn),
        })
    }

    /// The units that are left, and their indices.
    pub fn kept<'a>(&'a self, kept: &'a [bool]) -> impl Iterator<Item = (usize, &'a Unit)> {
        self.units.iter().enumerate().zip(kept).filter(|(_, kept)| **kept).map(|(unit, _)| unit)
    }

    /// What replay says of what is left; frames are called as in the whole trace.
    pub fn judge(&self, kept: &[bool], options: &ReplayOptions) -> FileReport {
        let mut nobody = NoDeliveries;
        if let Origin::Native(text) = &self.origin {
            let text = lines::blanked(text, self, kept);
            let judged = replay_native(String::new(), &text[..], options, &mut nobody);
            let failed = |error: crate::native::HeadError| FileReport::unreadable(String::new(), error.to_string());
            return judged.map_or_else(failed, |(report, _)| report);
        }
        let mut replay = Replay::new(options, &mut nobody);
        for (_, unit) in self.kept(kept) {
            for (conn, event) in &unit.events {
                let event = event.as_transport();
                replay.observe(&Observed { frame: unit.at, time: unit.time, conn: *conn, event });
            }
        }
        replay.finish(String::new(), &CaptureSummary::default())
    }

    /// What frame `frame` may be called in a file in which the units that are left have the frames `frames`: of several
    /// messages of one frame each has its own there.
    pub(super) fn frames_of<'a>(
        &'a self,
        frame: u64,
        kept: &'a [bool],
        frames: &'a [u64],
    ) -> impl Iterator<Item = u64> + 'a {
        let named = self.kept(kept).zip(frames).filter(move |((_, unit), _)| unit.at.number == frame);
        named.map(|(_, number)| *number)
    }
}

/// One direction of a connection while it is cut into messages.
#[derive(Debug, Default)]
struct Pending(Vec<u8>);

impl Pending {
    /// Takes the bytes up to the end of `message`: those before it, which are none.
    fn take(&mut self, message: &[u8]) -> Vec<u8> {
        let at = self.0.windows(message.len().max(1)).position(|bytes| bytes == message).unwrap_or(self.0.len());
        let before = self.0.drain(..at).collect();
        self.0.drain(..message.len().min(self.0.len()));
        before
    }
}

/// Makes a [`Trace`] of the events of a reader.
#[derive(Debug, Default)]
pub struct Gathering {
    units: Vec<Unit>,
    messages: Messages,
    pending: HashMap<(ConnId, Direction), Pending>,
    /// All events of a frame are one unit.
    by_frame: bool,
    is_sctp: bool,
    last: (FrameRef, Timestamp),
}

impl Gathering {
    /// Of a native trace, whose lines stay or go as a whole.
    pub fn by_line() -> Self {
        Self { by_frame: true, ..Self::default() }
    }

    /// The next line begins: a unit, whatever is in it.
    pub fn line(&mut self, at: FrameRef, time: Timestamp) {
        self.last = (at, time);
        self.units.push(Unit { at, time, events: Vec::new() });
    }

    /// Takes the next event.
    pub fn observe(&mut self, observed: &Observed<'_>) {
        self.last = (observed.frame, observed.time);
        let conn = observed.conn;
        if let TransportEvent::Data(direction, bytes) = observed.event {
            return self.data(conn, direction, bytes, observed);
        }
        self.messages.handle(observed, &mut |_| ());
        match observed.event {
            TransportEvent::Hole(direction, ..) | TransportEvent::Finished(direction) => self.flush(conn, direction),
            TransportEvent::Reset(_) | TransportEvent::Forgotten => {
                self.flush(conn, Direction::FromOpener);
                self.flush(conn, Direction::FromAcceptor);
            }
            TransportEvent::Opened { transport, .. } => self.is_sctp |= transport == Transport::Sctp,
            _ => {}
        }
        if let Some(event) = Event::of(&observed.event) {
            self.push(conn, event);
        }
    }

    fn data(&mut self, conn: ConnId, direction: Direction, bytes: &[u8], observed: &Observed<'_>) {
        let mut pending = self.pending.remove(&(conn, direction)).unwrap_or_default();
        pending.0.extend_from_slice(bytes);
        let mut found = Vec::new();
        self.messages.handle(observed, &mut |item| match item {
            Item::Message(seen) => found.extend([pending.take(seen.bytes), seen.bytes.to_vec()]),
            // What is wrong is told with these bytes: they must not wait for others.
            Item::Unparseable(..) => found.push(std::mem::take(&mut pending.0)),
            Item::Resynchronised(..) => {}
        });
        for bytes in found.into_iter().filter(|bytes| !bytes.is_empty()) {
            self.push(conn, Event::Data(direction, bytes));
        }
        self.pending.insert((conn, direction), pending);
    }

    /// Half a message stays half.
    fn flush(&mut self, conn: ConnId, direction: Direction) {
        let rest = self.pending.remove(&(conn, direction)).unwrap_or_default().0;
        if !rest.is_empty() {
            self.push(conn, Event::Data(direction, rest));
        }
    }

    fn push(&mut self, conn: ConnId, event: Event) {
        let (at, time) = self.last;
        match self.units.last_mut().filter(|last| self.by_frame && last.at == at) {
            Some(last) => last.events.push((conn, event)),
            None => self.units.push(Unit { at, time, events: vec![(conn, event)] }),
        }
    }

    /// The trace of which replay said this.
    pub fn finish(mut self, origin: Origin, report: &FileReport) -> Trace {
        let mut open: Vec<_> = self.pending.keys().copied().collect();
        open.sort();
        open.into_iter().for_each(|(conn, direction)| self.flush(conn, direction));
        let size = Size { frames: report.frames, messages: report.messages };
        Trace { units: self.units, origin, size, is_sctp: self.is_sctp }
    }
}
