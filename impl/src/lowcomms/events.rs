//! The program's end of the events.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;

use super::inbox::PeerEvent;
use super::link::Shared;

/// What happens to a node: a stream that ends when the node does.
///
/// It has to be read, by another task than the ones that send: while [`super::Limits::events`] wait, nothing is read from
/// peers, ACKs included, and so senders come to wait. If it is dropped, messages are acknowledged and thrown away.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    /// Taken out of the queue that connections fill.
    taken: VecDeque<PeerEvent>,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, taken: VecDeque::new() }
    }

    /// The next event, `None` when the node is gone. Cancel-safe: an event that is not returned comes the next time.
    #[allow(clippy::should_implement_trait, reason = "the asynchronous name for it, as in tokio's receivers")]
    pub async fn next(&mut self) -> Option<PeerEvent> {
        if let Some(event) = self.taken.pop_front() {
            return Some(event);
        }
        poll_fn(|cx| self.poll_fill(cx)).await;
        self.taken.pop_front()
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<PeerEvent> {
        if self.taken.is_empty() {
            let _ = self.poll_fill(&mut Context::from_waker(core::task::Waker::noop()));
        }
        self.taken.pop_front()
    }

    /// Appends every event that waits to `into`, and waits for one if there is none. Returns how many there were, 0 when
    /// the node is gone. Cancel-safe.
    pub async fn next_batch(&mut self, into: &mut Vec<PeerEvent>) -> usize {
        if self.taken.is_empty() {
            poll_fn(|cx| self.poll_fill(cx)).await;
        }
        let count = self.taken.len();
        into.extend(self.taken.drain(..));
        count
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.inbox.poll_take(cx, &mut self.taken)
    }
}

impl Stream for Events {
    type Item = PeerEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PeerEvent>> {
        if self.taken.is_empty() && self.poll_fill(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.taken.pop_front())
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.inbox.abandon();
    }
}
