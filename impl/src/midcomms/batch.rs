//! Events on their way to the upper layer.
//!
//! A delivery is a place in a chunk until somebody takes it: only then its body becomes a handle of its own. So the
//! thread that reads and the one that handles messages do not fight over a counter for every message.

use core::ops::Range;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::event::{Delivery, Event, Kind};
use super::plain::{SEQUENCED_HEAD, length_and_lockspace};
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

/// MSGs in envelopes without options, one behind the other in one chunk. What there is to say of each is read in its head
/// when it is taken.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// The number of the first one that is not taken, and how many there are.
    seq: Seq,
    count: u32,
    /// Which chunk, and where in it the first one begins.
    chunk: u32,
    start: u32,
}

#[derive(Clone, Debug)]
enum Item {
    Run(Run),
    Single(Single),
}

#[derive(Clone, Debug)]
enum Single {
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
    /// The run that is being taken: it comes before all items.
    run: Run,
    /// Events in the items.
    len: usize,
    chunks: VecDeque<Bytes>,
    /// Chunks that were read to their end, if somebody has use for their buffers.
    spent: Vec<Bytes>,
    is_reused: bool,
    /// Chunks that were taken off the front.
    dropped: u32,
    /// The chunk that is being cut into messages is among them.
    is_current: bool,
}

impl EventBatch {
    /// Events that were not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len + self.run.count as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is no delivery.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Event> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::Single(Single::Other(event)) => Some(&**event),
            Item::Single(Single::Delivered(_)) | Item::Run(_) => None,
        })
    }

    /// Has chunks that are read to their end be kept for [`EventBatch::buffers`], which somebody has to call then.
    pub(crate) fn reuse(mut self) -> Self {
        self.is_reused = true;
        self
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
        self.len += 1;
        self.items.push_back(Item::Single(Single::Other(Box::new(event))));
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
        let chunk = self.index_of(chunk);
        self.len += 1;
        let place = Place { seq, kind, lockspace, chunk, start: narrow(start), end: narrow(end) };
        self.items.push_back(Item::Single(Single::Delivered(place)));
    }

    /// `count` MSGs in envelopes without options, numbered from `seq` on, that lie from `start` on in `chunk`.
    pub(super) fn deliver_run(&mut self, seq: Seq, count: u32, chunk: &Bytes, start: usize) {
        let chunk = self.index_of(chunk);
        self.len += count as usize;
        self.items.push_back(Item::Run(Run { seq, count, chunk, start: narrow(start) }));
    }

    /// Which chunk the current one is.
    fn index_of(&mut self, chunk: &Bytes) -> u32 {
        if !self.is_current {
            self.is_current = true;
            self.chunks.push_back(chunk.clone());
        }
        let index = u32::try_from(self.chunks.len()).unwrap_or(u32::MAX).saturating_sub(1);
        self.dropped.wrapping_add(index)
    }

    /// The next event, a delivery's body lent: for who handles it on the spot, a little cheaper than [`Iterator::next`].
    #[inline]
    pub fn next_ref(&mut self) -> Option<EventRef<'_>> {
        if self.run.count > 0 || self.begin_run() {
            let chunk = self.chunks.front()?;
            let (seq, lockspace, body) = self.run.next(chunk)?;
            let body = chunk.get(body)?;
            return Some(EventRef::Delivered { seq: Some(seq), kind: Kind::Msg, lockspace, body });
        }
        match self.pop()? {
            Single::Delivered(Place { seq, kind, lockspace, chunk, start, end }) => {
                self.advance(chunk);
                let body = self.chunks.front()?.get(start as usize..end as usize)?;
                Some(EventRef::Delivered { seq, kind, lockspace, body })
            }
            Single::Other(event) => Some(EventRef::Other(*event)),
        }
    }

    /// Goes on to the run that comes next, if one does.
    fn begin_run(&mut self) -> bool {
        let Some(Item::Run(run)) = self.items.front() else { return false };
        self.run = *run;
        self.items.pop_front();
        self.len -= self.run.count as usize;
        self.advance(self.run.chunk);
        true
    }

    /// Takes what is no run.
    fn pop(&mut self) -> Option<Single> {
        let Some(Item::Single(single)) = self.items.pop_front() else {
            self.reset();
            return None;
        };
        self.len -= 1;
        Some(single)
    }

    fn reset(&mut self) {
        let (chunks, is_reused) = (self.chunks.drain(..), self.is_reused);
        self.spent.extend(chunks.filter(|_| is_reused));
        self.dropped = 0;
        self.is_current = false;
    }

    /// Makes `chunk` the first one: those before it are done with.
    #[inline]
    fn advance(&mut self, chunk: u32) {
        while self.dropped != chunk && !self.chunks.is_empty() {
            let chunk = self.chunks.pop_front();
            self.spent.extend(chunk.filter(|_| self.is_reused));
            self.dropped = self.dropped.wrapping_add(1);
        }
    }
}

impl Run {
    /// Takes the first message off, which lies in `chunk`: its number, its lockspace, and where its body is.
    #[inline]
    fn next(&mut self, chunk: &[u8]) -> Option<(Seq, LockspaceId, Range<usize>)> {
        let start = self.start as usize;
        let (length, lockspace) = length_and_lockspace(chunk.get(start..)?)?;
        let seq = self.seq;
        self.seq = seq.successor();
        self.start = self.start.wrapping_add(u32::from(length));
        self.count -= 1;
        Some((seq, lockspace, start + SEQUENCED_HEAD..self.start as usize))
    }
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[inline]
fn delivery(seq: Option<Seq>, kind: Kind, lockspace: LockspaceId, chunk: &Bytes, body: Range<usize>) -> Event {
    let end = body.end.min(chunk.len());
    Event::Delivered(Delivery { seq, kind, lockspace, body: chunk.slice(body.start.min(end)..end) })
}

impl Iterator for EventBatch {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        if self.run.count > 0 || self.begin_run() {
            let chunk = self.chunks.front()?;
            let (seq, lockspace, body) = self.run.next(chunk)?;
            return Some(delivery(Some(seq), Kind::Msg, lockspace, chunk, body));
        }
        match self.pop()? {
            Single::Delivered(Place { seq, kind, lockspace, chunk, start, end }) => {
                self.advance(chunk);
                Some(delivery(seq, kind, lockspace, self.chunks.front()?, start as usize..end as usize))
            }
            Single::Other(event) => Some(*event),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}
