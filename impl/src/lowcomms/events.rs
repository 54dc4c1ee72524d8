//! The program's end of the events.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use tokio::task::yield_now;

use super::inbox::{PeerEvent, PeerEvents};
use super::link::Shared;
use super::turns::Turns;

/// What happens to a node: a stream that ends, behind what came before, when the node does or the runtime that it runs in.
///
/// It has to be read, by another task than the ones that send: while [`super::Limits::events`] wait, nothing is read from
/// peers, ACKs included, and so senders come to wait. If it is dropped, messages are acknowledged and thrown away.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    /// Taken out of the queue that connections fill.
    taken: VecDeque<PeerEvents>,
    /// The one that is read at present.
    current: Option<PeerEvents>,
    turns: Turns,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, taken: VecDeque::new(), current: None, turns: Turns::default() }
    }

    /// The next event, `None` when the node is gone, or its runtime. Cancel-safe: an event that is not returned comes the next time.
    #[allow(clippy::should_implement_trait, reason = "the asynchronous name for it, as in tokio's receivers")]
    pub async fn next(&mut self) -> Option<PeerEvent> {
        if self.turns.is_over() {
            yield_now().await;
        }
        self.turns.note(1);
        loop {
            if let Some(event) = self.take() {
                return Some(event);
            }
            if !poll_fn(|cx| self.poll_fill(cx)).await {
                return None;
            }
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<PeerEvent> {
        if let Some(event) = self.take() {
            return Some(event);
        }
        let _ = self.poll_fill(&mut Context::from_waker(core::task::Waker::noop()));
        self.take()
    }

    /// The next events of one peer that came together, at least one: `None` as in [`Events::next`]. For many small messages
    /// this costs less than one call for each. Cancel-safe; events that are not taken out of the batch come the next time.
    pub async fn next_batch(&mut self) -> Option<&mut PeerEvents> {
        if self.current.as_ref().is_none_or(|batch| batch.events.is_empty()) {
            if self.taken.is_empty() {
                poll_fn(|cx| self.poll_fill(cx)).await;
            }
            self.advance();
        }
        self.current.as_mut()
    }

    /// Goes on to the next batch; the one before goes back where it came from.
    fn advance(&mut self) {
        let next = self.taken.pop_front();
        if let Some(done) = core::mem::replace(&mut self.current, next) {
            self.shared.inbox.give_back(done.events);
        }
    }

    #[inline]
    fn take(&mut self) -> Option<PeerEvent> {
        loop {
            if let Some(event) = self.current.as_mut().and_then(PeerEvents::next) {
                return Some(event);
            }
            if self.current.is_none() && self.taken.is_empty() {
                return None;
            }
            self.advance();
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.shared.inbox.poll_take(cx, &mut self.taken)
    }
}

impl Stream for Events {
    type Item = PeerEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PeerEvent>> {
        if self.turns.is_over() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.turns.note(1);
        loop {
            if let Some(event) = self.take() {
                return Poll::Ready(Some(event));
            }
            match self.poll_fill(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.inbox.abandon();
    }
}
