//! From transport events to whole messages, connection by connection.
//!
//! Knows where messages begin and end, and finds the next one after a hole; judges nothing.

use std::collections::HashMap;

use midcomms::wire::{FrameError, Framer, resync};

use crate::capture::{ConnId, Direction, FrameRef, Observed, Timestamp, TransportEvent};
use crate::hash::FoldState;

/// Bytes kept while looking for the next message after a hole: the longest message and the header behind it.
const RESYNC_WINDOW: usize = 4096 + 16;

/// A message's bytes and where they were.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The frame that completes the message in stream order.
    pub frame: FrameRef,
    /// The frame that holds its first byte.
    pub first_frame: FrameRef,
    /// The time of `frame`.
    pub time: Timestamp,
    /// The connection.
    pub conn: ConnId,
    /// The end that sent it.
    pub direction: Direction,
    /// The whole message, 16 to 4096 bytes.
    pub bytes: &'a [u8],
}

/// What a stream held.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A whole message.
    Message(Seen<'a>),
    /// A length that no message has: what follows is skipped up to the next message that can be found.
    Unparseable(Seen<'a>, FrameError),
    /// Bytes that belong to no message were skipped to find one, this many.
    Resynchronised(ConnId, Direction, u64),
}

/// The streams of a capture.
#[derive(Debug, Default)]
pub struct Messages {
    streams: HashMap<ConnId, [Stream; 2], FoldState>,
}

impl Messages {
    /// Takes a transport event and hands out the messages that are complete with it.
    pub fn handle(&mut self, observed: &Observed<'_>, sink: &mut impl FnMut(Item<'_>)) {
        let conn = observed.conn;
        match observed.event {
            TransportEvent::Opened { complete, .. } => {
                let streams = self.streams.entry(conn).or_default();
                if !complete {
                    streams.iter_mut().for_each(Stream::lose_track);
                }
            }
            TransportEvent::Data(direction, bytes) => {
                let streams = self.streams.entry(conn).or_default();
                stream(streams, direction).take(bytes, direction, observed, sink);
            }
            TransportEvent::Hole(direction, ..) => {
                stream(self.streams.entry(conn).or_default(), direction).lose_track();
            }
            TransportEvent::Forgotten => {
                self.streams.remove(&conn);
            }
            TransportEvent::Reset(_)
            | TransportEvent::Finished(_)
            | TransportEvent::Missing(_)
            | TransportEvent::Accepted => {}
        }
    }
}

fn stream(streams: &mut [Stream; 2], direction: Direction) -> &mut Stream {
    let [from_opener, from_acceptor] = streams;
    match direction {
        Direction::FromOpener => from_opener,
        Direction::FromAcceptor => from_acceptor,
    }
}

/// One direction of one connection.
#[derive(Debug, Default)]
struct Stream {
    framer: Framer,
    /// The frame that holds the first byte of the half message in `framer`.
    begun_in: FrameRef,
    /// Bytes in which no message was found yet, after a hole.
    lost: Option<Vec<u8>>,
    skipped: u64,
}

impl Stream {
    fn lose_track(&mut self) {
        self.framer.reset();
        self.lost = Some(Vec::new());
        self.skipped = 0;
    }

    fn take(&mut self, bytes: &[u8], direction: Direction, observed: &Observed<'_>, sink: &mut impl FnMut(Item<'_>)) {
        if let Some(mut lost) = self.lost.take() {
            lost.extend_from_slice(bytes);
            self.search(lost, direction, observed, sink);
        } else {
            self.cut(bytes, direction, observed, sink);
        }
    }

    fn search(
        &mut self,
        mut lost: Vec<u8>,
        direction: Direction,
        observed: &Observed<'_>,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        if let Some(at) = resync(&lost) {
            self.skipped += at as u64;
            if self.skipped > 0 {
                sink(Item::Resynchronised(observed.conn, direction, self.skipped));
            }
            self.skipped = 0;
            self.cut(lost.get(at..).unwrap_or_default(), direction, observed, sink);
            return;
        }
        let excess = lost.len().saturating_sub(RESYNC_WINDOW);
        lost.drain(..excess);
        self.skipped += excess as u64;
        self.lost = Some(lost);
    }

    fn cut(&mut self, bytes: &[u8], direction: Direction, observed: &Observed<'_>, sink: &mut impl FnMut(Item<'_>)) {
        let begun_in = self.begun_in;
        let mut frames = self.framer.frames(bytes);
        let chunk_offset = frames.chunk_offset();
        let mut error = None;
        while let Some(frame) = frames.next_frame() {
            let (offset, bytes) = match &frame {
                Ok(frame) => (frame.offset, frame.bytes),
                Err(fault) => (fault.offset, &[][..]),
            };
            let seen = Seen {
                frame: observed.frame,
                first_frame: if offset < chunk_offset { begun_in } else { observed.frame },
                time: observed.time,
                conn: observed.conn,
                direction,
                bytes,
            };
            match frame {
                Ok(_) => sink(Item::Message(seen)),
                Err(fault) => {
                    sink(Item::Unparseable(seen, fault));
                    error = Some(fault);
                    break;
                }
            }
        }
        drop(frames);
        if error.is_some() {
            self.lose_track();
            self.skipped = 1; // the header at fault is not the one to find
        } else if self.framer.pending() > 0 && self.framer.offset() >= chunk_offset {
            self.begun_in = observed.frame;
        }
    }
}
