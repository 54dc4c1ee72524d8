//! How a link ends: shutdown, removal, and the node's own end.

use core::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Link;
use crate::lowcomms::error::Error;
use crate::midcomms::{Incarnation, Shutdown, State};

/// How often a node that lingers looks whether all is said.
const FLUSH: Duration = Duration::from_millis(1);

impl Link {
    /// Waits for the end of a shutdown.
    pub(crate) async fn shut_down(&self) -> Shutdown {
        loop {
            let mut change = core::pin::pin!(self.change.notified());
            change.as_mut().enable();
            {
                let core = self.lock();
                if let Some(outcome) = core.shut_down {
                    return outcome;
                }
                if core.is_closed {
                    return Shutdown::TimedOut;
                }
            }
            change.await;
        }
    }

    /// Lets what is still to be said go out, shuts connections down for writing and waits for the peer to do the same
    /// (CLS-3); after a break the whole time, for the peer may not have got the last ACK and ask again.
    pub(crate) async fn linger(&self, until: Instant) {
        while !self.lock().peer.is_flushed() && Instant::now() < until {
            tokio::time::sleep(FLUSH).await;
        }
        self.finish();
        loop {
            let mut change = core::pin::pin!(self.change.notified());
            change.as_mut().enable();
            let is_done = {
                let core = self.lock();
                core.attached.is_empty() && !core.ended_by_break
            };
            if is_done || tokio::time::timeout_at(until, change).await.is_err() {
                return;
            }
        }
    }

    /// Ends every connection and takes no more.
    pub(crate) fn close(&self) {
        let mut core = self.lock();
        core.is_closed = true;
        core.attached.clear();
        if let Some(opening) = core.opening.take() {
            opening.abort();
        }
        drop(core);
        self.change.notify_waiters();
    }

    /// Ends for good, if there is nothing between the two. Gives the incarnation that the peer knew last.
    pub(crate) fn remove(&self) -> Result<Incarnation, Error> {
        let mut core = self.lock();
        let state = core.peer.state();
        if state != State::Closed || !(core.attached.is_empty() || core.peer.is_flushed()) {
            return Err(Error::PeerInUse { peer: self.peer, state });
        }
        core.is_removed = true;
        let last = core.peer.snapshot().incarnation;
        drop(core);
        self.close();
        self.work.notify_one();
        Ok(last)
    }

    /// Shuts every connection down for writing.
    fn finish(&self) {
        for attached in &self.lock().attached {
            let stream: &TcpStream = (*attached.output).as_ref();
            let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
        }
    }
}
