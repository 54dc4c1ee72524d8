//! Messages under way, in two bytes each.

use std::fmt;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// MSG or RCOM: inside OPTS to a 3.2 peer, bare to a 3.1 peer.
    Data = 0,
    /// FIN, inside OPTS.
    Fin = 1,
    /// ACK.
    Ack = 2,
    /// RCOM STATUS, bare.
    Status = 3,
    /// RCOM STATUS_REPLY, bare.
    StatusReply = 4,
    /// An ACK's tail that says "the incarnation that you speak to is over" (measure answers-gone).
    Gone = 5,
    /// The end of the stream: the connection was closed in order.
    End = 6,
}

/// A message: its kind, its number, and the incarnations of sender and receiver.
///
/// A Linux node puts neither incarnation on the wire; there they serve the properties alone.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Msg(pub(super) u16);

const SOURCE: u16 = 3;
const DESTINATION: u16 = 5;
const NUMBER: u16 = 8;
/// Instead of one of the four incarnations: one that is over, whichever it was.
pub(super) const OVER: u8 = 4;
const OLD_VERSION: u16 = 1 << 12;
const UNCOMMITTED: u16 = 1 << 13;
const COPY: u16 = 1 << 14;
const BARE: u16 = 1 << 15;

impl Msg {
    /// A message with the given number, as an offset from the environment's first.
    pub(super) fn new(kind: Kind, number: u8, source: u8, destination: Option<u8>) -> Self {
        let destination = destination.map_or(0, |life| u16::from(life.min(OVER)) + 1);
        Self(
            kind as u16
                | u16::from(source & 3) << SOURCE
                | destination << DESTINATION
                | u16::from(number & 15) << NUMBER,
        )
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match self.0 & 7 {
            0 => Kind::Data,
            1 => Kind::Fin,
            2 => Kind::Ack,
            3 => Kind::Status,
            4 => Kind::StatusReply,
            5 => Kind::Gone,
            _ => Kind::End,
        }
    }

    /// The sender's incarnation, modulo 4.
    pub fn source(self) -> u8 {
        (self.0 >> SOURCE & 3) as u8
    }

    /// The receiver's incarnation, modulo 4, if the sender knows one; 4 for one that is over, where it does not matter which.
    pub fn destination(self) -> Option<u8> {
        (self.0 >> DESTINATION & 7).checked_sub(1).map(|life| life as u8)
    }

    /// Its number, as an offset from the environment's first.
    pub fn number(self) -> u8 {
        (self.0 >> NUMBER & 15) as u8
    }

    /// Whether it says version 3.1.
    pub fn is_old_version(self) -> bool {
        self.0 & OLD_VERSION != 0
    }

    /// Whether it is reserved and not committed (SND-5).
    pub fn is_uncommitted(self) -> bool {
        self.0 & UNCOMMITTED != 0
    }

    /// Whether it is a copy that waits in the output.
    pub fn is_copy(self) -> bool {
        self.0 & COPY != 0
    }

    /// Whether it has a number of its own and stays queued until acknowledged.
    pub fn is_sequenced(self) -> bool {
        matches!(self.kind(), Kind::Data | Kind::Fin)
    }

    /// Whether it goes out without OPTS although it could be numbered (SND-3).
    pub fn is_bare(self) -> bool {
        self.0 & BARE != 0
    }

    pub(super) fn bare(self) -> Self {
        Self(self.0 | BARE)
    }

    /// The same, if it is for that incarnation of the receiver's: then for one that is over, whichever it was.
    pub(super) fn outlives(self, life: u8) -> Self {
        if self.destination() == Some(life) {
            Self(self.0 & !(7 << DESTINATION) | (u16::from(OVER) + 1) << DESTINATION)
        } else {
            self
        }
    }

    /// The same, about another incarnation of its sender.
    pub(super) fn of_life(self, life: Option<u8>) -> Self {
        Self(self.0 & !(3 << SOURCE) | u16::from(life.unwrap_or_default() & 3) << SOURCE)
    }

    pub(super) fn old_version(self, old: bool) -> Self {
        Self(if old { self.0 | OLD_VERSION } else { self.0 })
    }

    pub(super) fn uncommitted(self, uncommitted: bool) -> Self {
        Self(if uncommitted { self.0 | UNCOMMITTED } else { self.0 & !UNCOMMITTED })
    }

    pub(super) fn copy(self) -> Self {
        Self(self.0 | COPY)
    }

    /// As the peer sees it: nothing of what only the output knows.
    pub(super) fn written(self) -> Self {
        Self(self.0 & !(COPY | UNCOMMITTED))
    }
}

impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}) {}", self.kind(), self.number(), self.source())?;
        match self.destination() {
            Some(life) => write!(f, ">{life}"),
            None => f.write_str(">?"),
        }
    }
}

/// Messages that one direction can hold, written or waiting.
pub const CAPACITY: usize = 14;

/// What one node has for another: messages written to the connection and not read, then messages that wait.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fifo {
    len: u8,
    messages: [Msg; CAPACITY],
}

impl Fifo {
    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All, oldest first.
    pub fn as_slice(&self) -> &[Msg] {
        self.messages.get(..self.len()).unwrap_or_default()
    }

    /// The message at `index`.
    pub fn at(&self, index: usize) -> Option<Msg> {
        self.as_slice().get(index).copied()
    }

    /// Fills an empty one with `len` messages, by their places; as many as there is room for.
    #[inline]
    pub(super) fn fill(&mut self, len: usize, mut message: impl FnMut(usize) -> Msg) {
        self.len = len.min(CAPACITY) as u8;
        for (at, slot) in self.messages.iter_mut().enumerate().take(len) {
            *slot = message(at);
        }
    }

    /// Appends; false where there is no room.
    #[must_use]
    #[inline]
    pub(super) fn push(&mut self, message: Msg) -> bool {
        match self.messages.get_mut(usize::from(self.len)) {
            None => false,
            Some(free) => {
                *free = message;
                self.len += 1;
                true
            }
        }
    }

    /// Inserts before `index`; false where there is no room.
    #[must_use]
    pub(super) fn insert(&mut self, index: usize, message: Msg) -> bool {
        if self.len() == CAPACITY || index > self.len() {
            return false;
        }
        self.len += 1;
        let mut carried = message;
        for slot in self.messages.iter_mut().take(usize::from(self.len)).skip(index) {
            std::mem::swap(slot, &mut carried);
        }
        true
    }

    /// Takes the messages from `start` to `end` out.
    pub(super) fn remove(&mut self, start: usize, end: usize) {
        let (len, end) = (self.len(), end.min(self.len()));
        if start >= end {
            return;
        }
        let left = len - (end - start);
        self.messages.copy_within(end..len, start);
        for free in self.messages.iter_mut().take(len).skip(left) {
            *free = Msg::default(); // equal contents are equal states
        }
        self.len = left as u8;
    }

    /// Takes the first out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Msg> {
        if self.len == 0 {
            return None;
        }
        // One by one: wide loads would wait for the narrow stores that came just before.
        let mut first = Msg::default();
        for slot in self.messages.iter_mut().take(usize::from(self.len)).rev() {
            std::mem::swap(slot, &mut first);
        }
        self.len -= 1;
        Some(first)
    }

    /// Changes every message.
    pub(super) fn update(&mut self, start: usize, end: usize, change: impl Fn(Msg) -> Msg) {
        let end = end.min(self.len());
        for message in self.messages.get_mut(start..end).unwrap_or_default() {
            *message = change(*message);
        }
    }
}

impl fmt::Debug for Fifo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}
