//! From the core to its connections: one task for each peer does what the core says, and keeps its time.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Sleep;
use tracing::debug;

use super::link::{Core, Link};
use super::writing::Writing;
use crate::midcomms::{Input, Time, Transmit};

/// Writes after which other tasks have their turn.
const WRITES: usize = 8;
/// How long there is no message before the memory of the last ones is given back.
const REST: Duration = Duration::from_secs(1);
/// Bytes that are not worth waiting for more.
const GATHER_BYTES: usize = 32 * 1024;

struct Driver {
    link: Arc<Link>,
    /// At most one for each connection that stands.
    writes: Vec<Writing>,
    batch: Vec<Bytes>,
    sleep: Pin<Box<Sleep>>,
    armed: Option<Time>,
    /// When it will be seen whether there was a message, and how many there were until now.
    resting: Option<(Time, u64)>,
    /// How many there were when memory was given back last.
    rested: u64,
    /// When the last write was done there was more already: somebody sends without a pause.
    is_streaming: bool,
}

/// Nobody waits for a peer whose driver is gone.
struct Guard(Arc<Link>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Does what the core of `link` says until the node is closed. Closes it, too, where nothing runs this.
pub(crate) fn drive(link: Arc<Link>) -> impl Future<Output = ()> {
    let guard = Guard(Arc::clone(&link));
    async move {
        let _guard = guard;
        let mut driver = Driver::new(link);
        while !driver.turn() {
            driver.wait().await;
            driver.gather().await;
        }
    }
}

impl Driver {
    fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            writes: Vec::new(),
            batch: Vec::new(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
            resting: None,
            rested: 0,
            is_streaming: false,
        }
    }

    /// Does all that can be done now; true when the node is closed.
    fn turn(&mut self) -> bool {
        for _ in 0..WRITES {
            if self.take_work() {
                return true;
            }
            if !self.write() {
                return false;
            }
            let waiting = self.link.lock().peer.output_bytes();
            self.is_streaming = waiting > 0;
            if waiting < GATHER_BYTES {
                break;
            }
        }
        self.link.work.notify_one(); // there may be more: after the others
        false
    }

    /// Takes what the core says; true when the node is closed.
    fn take_work(&mut self) -> bool {
        let link = Arc::clone(&self.link);
        let now = link.now();
        let mut core = link.lock();
        core.begin_turn();
        self.rest(now, &mut core);
        self.writes.extend(core.take_unfinished());
        if core.peer.poll_timeout().is_some_and(|at| at <= now) {
            core.peer.handle_input(now, Input::Timeout);
        }
        while let Some(transmit) = core.peer.poll_transmit(now, &mut self.batch) {
            match transmit {
                Transmit::Open => link.open(&mut core),
                Transmit::Close(id) => {
                    self.writes.retain(|writing| writing.id != id);
                    core.detach(id);
                }
                Transmit::Write(id) => match core.output(id) {
                    Some(output) => {
                        let pieces = core::mem::take(&mut self.batch);
                        self.writes.push(Writing::new(id, output, pieces));
                    }
                    None => {
                        self.batch.clear();
                        core.peer.handle_input(now, Input::Broken(id));
                    }
                },
            }
        }
        link.settle(&mut core);
        core.is_closed()
    }

    /// Gives memory back once there was no message for a while.
    fn rest(&mut self, now: Time, core: &mut Core) {
        let traffic = core.traffic();
        if let Some((_, before)) = self.resting.take_if(|(at, _)| *at <= now)
            && before == traffic
        {
            core.release();
            self.link.shared.inbox.release();
            self.batch = Vec::new();
            self.rested = traffic;
        }
        if self.resting.is_none() && self.rested != traffic {
            self.resting = Some((now.after(REST), traffic));
        }
    }

    /// Writes what the connections take; true if one was written to its end, or broke.
    fn write(&mut self) -> bool {
        let mut is_progress = false;
        let mut index = 0;
        while let Some(writing) = self.writes.get_mut(index) {
            let id = writing.id;
            match writing.advance() {
                Ok(false) => index += 1,
                Ok(true) => {
                    let mut done = self.writes.swap_remove(index);
                    done.pieces.clear();
                    self.batch = done.pieces;
                    self.link.input(Input::Written(id));
                    is_progress = true;
                }
                Err(error) => {
                    debug!(peer = %self.link.peer, connection = %id, %error, "broke");
                    self.writes.swap_remove(index);
                    self.link.ended(id, Input::Broken(id));
                    is_progress = true;
                }
            }
        }
        is_progress
    }

    /// While somebody sends without a pause, and what waits is little but grows, a little more is worth waiting for.
    async fn gather(&mut self) {
        let mut before = usize::MAX;
        let mut waiting = if self.is_streaming { self.link.lock().peer.output_bytes() } else { before };
        while waiting < GATHER_BYTES && waiting != before {
            before = waiting;
            tokio::task::yield_now().await;
            waiting = self.link.lock().peer.output_bytes();
        }
    }

    /// Sleeps until there is something to do, time is up, or a connection takes more.
    async fn wait(&mut self) {
        let Some(until) = self.link.lock().go_idle() else {
            return tokio::task::yield_now().await;
        };
        let until = [until, self.resting.map(|(at, _)| at)].into_iter().flatten().min();
        if let Some(until) = until.filter(|until| self.armed != Some(*until)) {
            self.sleep.as_mut().reset(self.link.shared.clock.instant(until));
            self.armed = Some(until);
        }
        let work = self.link.work.notified();
        let mut work = core::pin::pin!(work);
        let (sleep, writes) = (&mut self.sleep, &self.writes);
        poll_fn(|cx| {
            let is_writable = writes.iter().any(|writing| {
                let stream: &tokio::net::TcpStream = (*writing.output).as_ref();
                stream.poll_write_ready(cx).is_ready()
            });
            let is_due = until.is_some() && sleep.as_mut().poll(cx).is_ready();
            if work.as_mut().poll(cx).is_ready() || is_due || is_writable { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
