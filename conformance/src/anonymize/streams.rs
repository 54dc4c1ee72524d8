//! The streams of a capture, replaced, by the numbers that their bytes have on the wire.

use std::collections::HashMap;

use super::key::Key;
use super::message::{beginning, message};
use crate::capture::{ConnId, Direction, Observed, Transport, TransportEvent};
use crate::messages::{Item, Messages};

/// Bytes with consecutive numbers; longer ones are several.
const LONGEST_PIECE: u32 = 1 << 30;

/// All streams of a capture.
#[derive(Default)]
pub(super) struct Streams {
    messages: Messages,
    streams: HashMap<(ConnId, Direction), Stream>,
    transports: HashMap<ConnId, Transport>,
}

impl Streams {
    /// Takes an event; `place` is the number of the first byte of data.
    pub(super) fn observe(&mut self, key: &mut Key, observed: &Observed<'_>, place: u32) {
        let conn = observed.conn;
        match observed.event {
            TransportEvent::Opened { transport, complete, .. } => {
                self.transports.insert(conn, transport);
                if !complete {
                    for direction in [Direction::FromOpener, Direction::FromAcceptor] {
                        self.streams.entry((conn, direction)).or_default().lose_track();
                    }
                }
                self.messages.handle(observed, &mut |_| ());
            }
            TransportEvent::Data(direction, bytes) => {
                let is_tcp = self.transports.get(&conn) == Some(&Transport::Tcp);
                let stream = self.streams.entry((conn, direction)).or_default();
                stream.take(bytes, place, is_tcp);
                self.messages.handle(observed, &mut |item| match item {
                    Item::Message(seen) => stream.replace(key, seen.bytes),
                    Item::Unparseable(..) => stream.lose_track(),
                    Item::Resynchronised(..) => {}
                });
            }
            TransportEvent::Hole(direction, ..) => {
                self.streams.entry((conn, direction)).or_default().lose_track();
                self.messages.handle(observed, &mut |_| ());
            }
            _ => self.messages.handle(observed, &mut |_| ()),
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.streams.values_mut().for_each(Stream::lose_track);
    }

    /// Fills `out` with what the stream has from number `from` on; 0 where it has nothing.
    pub(super) fn read(&self, conn: ConnId, direction: Direction, from: u32, out: &mut [u8]) {
        if let Some(stream) = self.streams.get(&(conn, direction)) {
            stream.read(from, out);
        }
    }
}

/// Bytes with consecutive numbers.
#[derive(Clone, Copy)]
struct Piece {
    first: u32,
    length: u32,
    /// Where they are in the stream.
    at: usize,
}

/// One direction of a connection.
#[derive(Default)]
struct Stream {
    replaced: Vec<u8>,
    pieces: Vec<Piece>,
    /// Pieces of SCTP by their number.
    by_number: HashMap<u32, usize>,
    /// Bytes that belong to no whole message yet, the last ones of the stream.
    pending: Vec<u8>,
    /// The next message has to be found.
    is_lost: bool,
}

impl Stream {
    fn take(&mut self, bytes: &[u8], place: u32, is_tcp: bool) {
        let length = bytes.len() as u32;
        let follows = |piece: &&mut Piece| {
            is_tcp && piece.length < LONGEST_PIECE && piece.first.wrapping_add(piece.length) == place
        };
        match self.pieces.last_mut().filter(follows) {
            Some(piece) => piece.length += length,
            None => {
                if !is_tcp {
                    self.by_number.insert(place, self.pieces.len());
                }
                self.pieces.push(Piece { first: place, length, at: self.replaced.len() });
            }
        }
        self.replaced.resize(self.replaced.len() + bytes.len(), 0);
        self.pending.extend_from_slice(bytes);
    }

    /// A whole message: what is pending before it belongs to none, and stays 0.
    fn replace(&mut self, key: &mut Key, whole: &[u8]) {
        let Some(before) = self.pending.windows(whole.len().max(1)).position(|bytes| bytes == whole) else { return };
        let at = self.replaced.len() - self.pending.len() + before;
        if let Some(place) = self.replaced.get_mut(at..at + whole.len()) {
            place.copy_from_slice(&message(key, whole));
        }
        self.pending.drain(..before + whole.len());
        self.is_lost = false;
    }

    /// What is pending will not become a message. If it begins one, its header stays as far as it frames the stream.
    fn lose_track(&mut self) {
        if !self.is_lost {
            let at = self.replaced.len() - self.pending.len();
            if let Some(place) = self.replaced.get_mut(at..) {
                beginning(&self.pending, place);
            }
        }
        self.pending.clear();
        self.is_lost = true;
    }

    fn read(&self, from: u32, out: &mut [u8]) {
        if let Some(piece) = self.by_number.get(&from).and_then(|index| self.pieces.get(*index)) {
            return self.copy(piece, from, out);
        }
        if self.by_number.is_empty() {
            self.pieces.iter().for_each(|piece| self.copy(piece, from, out));
        }
    }

    /// Copies what a piece and `out` have in common.
    fn copy(&self, piece: &Piece, from: u32, out: &mut [u8]) {
        let ahead = piece.first.wrapping_sub(from);
        let behind = from.wrapping_sub(piece.first);
        let (skip_out, skip_piece) = if (ahead as usize) < out.len() {
            (ahead as usize, 0)
        } else if behind < piece.length {
            (0, behind as usize)
        } else {
            return;
        };
        let end = piece.at + piece.length as usize;
        let bytes = self.replaced.get(piece.at + skip_piece..end).unwrap_or_default();
        out.iter_mut().skip(skip_out).zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
}
