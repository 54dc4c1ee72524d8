//! Events on their way to the upper layer.
//!
//! A delivery is a place in a chunk until somebody takes it: only then its body becomes a handle of its own. So the
//! thread that reads and the one that handles messages do not fight over a counter for every message.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::event::{Delivery, Event, Kind};
use crate::wire::{LockspaceId, Seq};

/// Where the body of a delivery lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    seq: Option<Seq>,
    kind: Kind,
    lockspace: LockspaceId,
    /// Which chunk, counted from the first one of this batch.
    chunk: u32,
    start: u32,
    end: u32,
}

#[derive(Clone, Debug)]
enum Item {
    Delivered(Place),
    Other(Box<Event>),
}

/// An event with a body that is lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef<'a> {
    /// A message came. The fields are those of [`Delivery`].
    Delivered {
        /// Its number; `None` if it came bare.
        seq: Option<Seq>,
        /// MSG or RCOM.
        kind: Kind,
        /// The second word of its header.
        lockspace: LockspaceId,
        /// All that is behind its header.
        body: &'a [u8],
    },
    /// Anything else.
    Other(Event),
}

/// Events in the order in which they happened: an iterator that takes them.
#[derive(Clone, Debug, Default)]
pub struct EventBatch {
    items: VecDeque<Item>,
    chunks: VecDeque<Bytes>,
    /// Chunks that were read to their end.
    spent: Vec<Bytes>,
    /// Chunks that were taken off the front.
    dropped: u32,
    /// The chunk that is being cut into messages is among them.
    is_current: bool,
}

impl EventBatch {
    /// Events that were not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is no delivery.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Event> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::Other(event) => Some(&**event),
            Item::Delivered(_) => None,
        })
    }

    /// The buffers of chunks that nobody has a handle to any more, empty.
    pub(crate) fn buffers(&mut self) -> impl Iterator<Item = BytesMut> + '_ {
        self.spent.drain(..).filter_map(|chunk| {
            let mut buffer = chunk.try_into_mut().ok()?;
            buffer.clear();
            Some(buffer)
        })
    }

    /// What is delivered from now on lies in another chunk.
    pub(super) fn begin_chunk(&mut self) {
        self.is_current = false;
    }

    pub(super) fn push(&mut self, event: Event) {
        self.items.push_back(Item::Other(Box::new(event)));
    }

    /// A message whose body lies from `start` to `end` in `chunk`.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        seq: Option<Seq>,
        kind: Kind,
        lockspace: LockspaceId,
        chunk: &Bytes,
        (start, end): (usize, usize),
    ) {
        if !self.is_current {
            self.is_current = true;
            self.chunks.push_back(chunk.clone());
        }
        let index = u32::try_from(self.chunks.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let chunk = self.dropped.wrapping_add(index);
        let place = Place { seq, kind, lockspace, chunk, start: narrow(start), end: narrow(end) };
        self.items.push_back(Item::Delivered(place));
    }

    /// The next event, a delivery's body lent: for who handles it on the spot, a little cheaper than [`Iterator::next`].
    #[inline]
    pub fn next_ref(&mut self) -> Option<EventRef<'_>> {
        match self.items.pop_front() {
            Some(Item::Delivered(place)) => {
                let Place { seq, kind, lockspace, .. } = place;
                let body = self.lend(place)?;
                Some(EventRef::Delivered { seq, kind, lockspace, body })
            }
            Some(Item::Other(event)) => Some(EventRef::Other(*event)),
            None => {
                self.reset();
                None
            }
        }
    }

    fn reset(&mut self) {
        self.spent.extend(self.chunks.drain(..));
        self.dropped = 0;
        self.is_current = false;
    }

    #[inline]
    fn lend(&mut self, place: Place) -> Option<&[u8]> {
        let chunk = self.advance(place)?;
        chunk.get(place.start as usize..place.end as usize)
    }

    /// The chunk that `place` is in; those before it are done with.
    #[inline]
    fn advance(&mut self, place: Place) -> Option<&Bytes> {
        while self.dropped != place.chunk && !self.chunks.is_empty() {
            self.spent.extend(self.chunks.pop_front());
            self.dropped = self.dropped.wrapping_add(1);
        }
        self.chunks.front()
    }

    #[inline]
    fn open(&mut self, place: Place) -> Option<Event> {
        let chunk = self.advance(place)?;
        let end = (place.end as usize).min(chunk.len());
        let body = chunk.slice((place.start as usize).min(end)..end);
        let Place { seq, kind, lockspace, .. } = place;
        Some(Event::Delivered(Delivery { seq, kind, lockspace, body }))
    }
}

impl Iterator for EventBatch {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        match self.items.pop_front() {
            Some(Item::Delivered(place)) => self.open(place),
            Some(Item::Other(event)) => Some(*event),
            None => {
                self.reset();
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}
