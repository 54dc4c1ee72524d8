//! What waits for the program: the events of all peers, in the order in which they happened.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;

use crate::midcomms::{Event, EventBatch};
use crate::wire::NodeId;

/// An event and the peer that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEvent {
    /// Which peer.
    pub peer: NodeId,
    /// What happened.
    pub event: Event,
}

/// Events of one peer, in the order in which they happened: an iterator that takes them.
#[derive(Debug)]
pub struct PeerEvents {
    /// Which peer.
    pub peer: NodeId,
    /// What happened.
    pub events: EventBatch,
}

impl Iterator for PeerEvents {
    type Item = PeerEvent;

    #[inline]
    fn next(&mut self) -> Option<PeerEvent> {
        // That there is room is an answer to calls, which have had it.
        let event = self.events.by_ref().find(|event| !matches!(event, Event::SendReady))?;
        Some(PeerEvent { peer: self.peer, event })
    }
}

/// Read batches that are kept for their memory.
const KEPT: usize = 16;

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<PeerEvents>,
    /// Events in them.
    events: usize,
    /// Batches that were read, for their memory, and what connections had read them into.
    empty: Vec<EventBatch>,
    buffers: Vec<BytesMut>,
    reader: Option<Waker>,
    is_closed: bool,
    /// Nobody reads any more.
    is_abandoned: bool,
    /// A connection waits for room.
    is_awaited: bool,
}

/// The queue between connections and the program.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    room: Notify,
    limit: usize,
    /// The most that a connection reads at once.
    read_bytes: usize,
}

impl Inbox {
    pub(crate) fn new(limit: usize, read_bytes: usize) -> Self {
        Self { queue: Mutex::default(), room: Notify::new(), limit: limit.max(1), read_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events, wakes who reads them. Gives an empty batch back.
    pub(crate) fn push(&self, peer: NodeId, mut events: EventBatch) -> EventBatch {
        let mut queue = self.lock();
        if queue.is_closed {
            events.by_ref().for_each(drop);
            events.buffers().for_each(drop); // nor is there a use for them
            return events;
        }
        queue.events += events.len();
        queue.batches.push_back(PeerEvents { peer, events });
        let empty = queue.empty.pop().unwrap_or_default();
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        empty
    }

    /// Takes a batch that was read, for its memory.
    pub(crate) fn give_back(&self, mut batch: EventBatch) {
        if batch.next().is_some() {
            return; // not read to its end: the node is gone
        }
        let mut queue = self.lock();
        for mut buffer in batch.buffers() {
            if queue.buffers.len() < KEPT && buffer.try_reclaim(self.read_bytes) {
                queue.buffers.push(buffer);
            }
        }
        if queue.empty.len() < KEPT {
            queue.empty.push(batch);
        }
    }

    /// Gives back the memory that is kept for the next reads.
    pub(crate) fn release(&self) {
        let mut queue = self.lock();
        (queue.buffers, queue.empty) = (Vec::new(), Vec::new());
        queue.batches.shrink_to_fit();
    }

    /// A buffer that was used before, if there is one and connections read so much at once.
    pub(crate) fn buffer(&self, want: usize) -> Option<BytesMut> {
        if want == self.read_bytes { self.lock().buffers.pop() } else { None }
    }

    /// Waits until another read may be made.
    pub(crate) async fn room(&self) {
        if self.has_room() {
            return;
        }
        let mut room = core::pin::pin!(self.room.notified());
        loop {
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            room.as_mut().await;
            room.set(self.room.notified());
        }
    }

    fn has_room(&self) -> bool {
        let mut queue = self.lock();
        let has_room = queue.events < self.limit || queue.is_closed;
        queue.is_awaited |= !has_room;
        has_room
    }

    /// Exchanges what waits for `into`, which has to be empty. False if nothing will come any more.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, into: &mut VecDeque<PeerEvents>) -> Poll<bool> {
        let mut queue = self.lock();
        if queue.batches.is_empty() {
            if queue.is_closed {
                return Poll::Ready(false);
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        core::mem::swap(&mut queue.batches, into);
        queue.events = 0;
        let is_awaited = core::mem::take(&mut queue.is_awaited);
        drop(queue);
        if is_awaited {
            self.room.notify_waiters();
        }
        Poll::Ready(true)
    }

    /// No more events will come, or nobody will read them.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        let reader = queue.reader.take();
        drop(queue);
        self.room.notify_waiters();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Nobody reads events any more: they are dropped, and connections go on.
    pub(crate) fn abandon(&self) {
        self.close();
        let mut queue = self.lock();
        queue.is_abandoned = true;
        queue.batches = VecDeque::new();
        queue.events = 0;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::midcomms::{Config, ConnectionId, Incarnation, Input, Peer, Time, Transmit};
    use crate::wire::LockspaceId;

    const LOCKSPACE: LockspaceId = LockspaceId(1);

    /// Writes what `from` has to write, and has `to` read it: each piece as a chunk of its own.
    fn carry(from: &mut Peer, to: &mut Peer) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Some(Transmit::Write(id)) = from.poll_transmit(Time(1), &mut pieces) {
            from.handle_input(Time(1), Input::Written(id));
        }
        let chunks: Vec<_> = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        for chunk in &chunks {
            to.handle_input(Time(1), Input::Received(ConnectionId(1), chunk.clone()));
        }
        chunks
    }

    fn pair() -> (Peer, Peer) {
        let new = |us, them| Peer::new(Config::default(), NodeId(us), NodeId(them), Incarnation(1));
        let (mut one, mut two) = (new(1, 2), new(2, 1));
        for peer in [&mut one, &mut two] {
            peer.handle_input(Time(1), Input::AddMember(LOCKSPACE));
            peer.handle_input(Time(1), Input::Accepted(ConnectionId(1)));
        }
        for _ in 0..3 {
            carry(&mut one, &mut two);
            carry(&mut two, &mut one);
        }
        two.drain_events().for_each(drop);
        (one, two)
    }

    #[test]
    fn of_what_comes_when_nobody_listens_any_more_nothing_is_kept() {
        let (mut one, mut two) = pair();
        let inbox = Inbox::new(100, 1024);
        inbox.abandon();
        let mut empty = EventBatch::default();
        for _ in 0..3 {
            one.send_opaque(LOCKSPACE, b"anything").unwrap();
            let chunks = carry(&mut one, &mut two);
            assert_eq!((chunks.len(), two.events().len()), (1, 1));
            empty = inbox.push(NodeId(1), two.swap_events(empty));
            assert!(chunks.iter().all(Bytes::is_unique));
        }
    }
}
