//! What waits for the program: the events of all peers, in the order in which they happened.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::midcomms::Event;
use crate::wire::NodeId;

/// An event and the peer that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEvent {
    /// Which peer.
    pub peer: NodeId,
    /// What happened.
    pub event: Event,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<PeerEvent>,
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
}

impl Inbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: Mutex::default(), room: Notify::new(), limit: limit.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events, wakes who reads them.
    pub(crate) fn push(&self, peer: NodeId, events: impl Iterator<Item = Event>) {
        let mut queue = self.lock();
        if queue.is_abandoned {
            return events.for_each(drop);
        }
        queue.events.extend(events.map(|event| PeerEvent { peer, event }));
        let reader = if queue.events.is_empty() { None } else { queue.reader.take() };
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
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
        let has_room = queue.events.len() < self.limit || queue.is_closed;
        queue.is_awaited |= !has_room;
        has_room
    }

    /// Exchanges what waits for `into`, which has to be empty.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, into: &mut VecDeque<PeerEvent>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.events.is_empty() {
            if queue.is_closed {
                return Poll::Ready(());
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        core::mem::swap(&mut queue.events, into);
        let is_awaited = core::mem::take(&mut queue.is_awaited);
        drop(queue);
        if is_awaited {
            self.room.notify_waiters();
        }
        Poll::Ready(())
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
        queue.events = VecDeque::new();
    }
}
