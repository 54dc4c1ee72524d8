//! One peer as its tasks share it: the core behind a lock, and the connections that stand.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::{Instrument as _, debug, debug_span, info, warn};

use super::clock::Clock;
use super::config::{Limits, Transport};
use super::error::Error;
use super::inbox::Inbox;
use super::turns::{self, Turns};
use super::writing::Writing;
use super::{connect, reader};
use crate::midcomms::{ConnectionId, Event, EventBatch, Input, Peer, SendError, Shutdown, Time, Transmit};
use crate::wire::NodeId;

mod ending;

/// Bytes that are enough for one write: a sender does it itself, as long as they are in its cache. A system hands TCP's bytes
/// on in packets of up to 64 KiB, and one with little in it costs as much as a full one: with the message that reaches this,
/// a write fills two of them, nearly.
const TURN_BYTES: usize = 120 * 1024;

/// What every peer of a node shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: NodeId,
    pub(crate) clock: Clock,
    pub(crate) inbox: Inbox,
    pub(crate) limits: Limits,
    pub(crate) transport: Transport,
    pub(crate) listen: Vec<SocketAddr>,
    /// The number of the next connection.
    pub(crate) connections: AtomicU64,
    /// Where all tasks of the node run.
    pub(crate) runtime: Handle,
}

impl Shared {
    /// Where connections to `address` come from: the address that this node listens on.
    pub(crate) fn source(&self, address: SocketAddr) -> Option<SocketAddr> {
        let is_usable = |own: &&SocketAddr| own.is_ipv4() == address.is_ipv4() && !own.ip().is_unspecified();
        self.listen.iter().find(is_usable).copied()
    }
}

/// A connection that stands.
#[derive(Debug)]
struct Attached {
    id: ConnectionId,
    output: Arc<OwnedWriteHalf>,
    reader: AbortHandle,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) peer: Peer,
    attached: Vec<Attached>,
    opening: Option<AbortHandle>,
    /// What opens a connection does not wait any more.
    is_connecting: bool,
    /// Attempts to connect since the session last made progress, and how far it was then.
    attempts: u32,
    progress: u64,
    /// The driver sleeps, until this time if it has one.
    is_idle: bool,
    sleeps_until: Option<Time>,
    /// Messages came since something was written: what is sent now is an answer perhaps, which should not wait for the driver.
    is_answering: bool,
    /// What a sender began to write, for the driver to go on with.
    unfinished: Option<Writing>,
    /// What senders did since others had their turn.
    turns: Turns,
    /// The list of pieces for the next write of a sender.
    pieces: Vec<Bytes>,
    /// What the core collects events in next.
    empty: EventBatch,
    /// How the last shutdown ended.
    pub(crate) shut_down: Option<Shutdown>,
    /// The last connection ended by a break, so the peer may not have got the last ACK.
    pub(crate) ended_by_break: bool,
    is_closed: bool,
    /// The node has forgotten the peer.
    is_removed: bool,
}

/// One peer.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: NodeId,
    pub(crate) shared: Arc<Shared>,
    core: Mutex<Core>,
    addresses: Mutex<Arc<[SocketAddr]>>,
    /// For the driver: there is something to do.
    pub(crate) work: Notify,
    /// For senders and whoever waits for a change: look again.
    pub(crate) change: Notify,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, peer: Peer, addresses: Vec<SocketAddr>) -> Self {
        let core = Core {
            attached: Vec::new(),
            opening: None,
            is_connecting: false,
            attempts: 0,
            progress: 0,
            is_idle: false,
            sleeps_until: None,
            is_answering: false,
            unfinished: None,
            turns: Turns::default(),
            pieces: Vec::new(),
            empty: EventBatch::default(),
            shut_down: None,
            ended_by_break: false,
            is_closed: false,
            is_removed: false,
            peer,
        };
        Self {
            peer: core.peer.peer(),
            shared,
            core: Mutex::new(core),
            addresses: Mutex::new(addresses.into()),
            work: Notify::new(),
            change: Notify::new(),
        }
    }

    /// A panic in a user's code leaves the core whole: a closure that fills a body runs between its steps, and one of an
    /// observer is caught.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.shared.clock.now()
    }

    pub(crate) fn addresses(&self) -> Arc<[SocketAddr]> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses.into();
    }

    /// Hands one input to the core.
    pub(crate) fn input(&self, input: Input) {
        let now = self.now();
        let mut core = self.lock();
        core.peer.handle_input(now, input);
        self.settle(&mut core);
    }

    /// The same of an input that is the program's: it has to know the peer.
    pub(crate) fn ask(&self, input: Input) -> Result<(), Error> {
        let now = self.now();
        let mut core = self.lock();
        core.check_known()?;
        core.peer.handle_input(now, input);
        self.settle(&mut core);
        Ok(())
    }

    /// Passes on what the core has to say. To be called whenever something happened to it.
    pub(crate) fn settle(&self, core: &mut Core) {
        let mut is_change = false;
        if !core.peer.events().is_empty() {
            let mut answers = 0;
            for event in core.peer.events().others() {
                is_change = true;
                answers += usize::from(matches!(event, Event::SendReady));
                note(self, &mut core.shut_down, event);
            }
            if answers == core.peer.events().len() {
                core.peer.drain_events().for_each(drop); // for senders, who are told below
            }
        }
        if !core.peer.events().is_empty() {
            let empty = core::mem::take(&mut core.empty);
            let events = core.peer.swap_events(empty);
            core.empty = self.shared.inbox.push(self.peer, events);
        }
        if is_change {
            self.change.notify_waiters();
        }
        self.rouse(core);
    }

    /// Wakes the driver if it sleeps and there is something to do, or sooner than it thinks.
    fn rouse(&self, core: &mut Core) {
        let is_sooner = || match (core.peer.poll_timeout(), core.sleeps_until) {
            (Some(at), Some(until)) => at < until,
            (at, until) => at.is_some() && until.is_none(),
        };
        if core.is_idle && (core.peer.has_transmit() || is_sooner()) {
            core.is_idle = false;
            self.work.notify_one();
        }
    }

    /// Runs one of the core's functions for sending.
    #[inline]
    pub(crate) fn send<T>(
        &self,
        core: &mut Core,
        send: impl FnOnce(&mut Peer) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let sent = send(&mut core.peer)?;
        core.turns.note(1);
        let is_enough = core.peer.output_bytes() >= TURN_BYTES && core.peer.next_write().is_some();
        if is_enough || (core.is_idle && core.peer.has_transmit()) {
            self.hurry(core, is_enough);
        }
        Ok(sent)
    }

    /// What was sent is written here and now if it is an answer, or enough for one write; otherwise the driver will, with
    /// what comes until then.
    fn hurry(&self, core: &mut Core, is_enough: bool) {
        let is_answer = core.is_idle && core::mem::take(&mut core.is_answering);
        if (is_answer || is_enough) && self.write_now(core) {
            return;
        }
        if core.is_idle && (core.peer.has_transmit() || core.unfinished.is_some()) {
            core.is_idle = false;
            self.work.notify_one();
        }
    }

    /// Writes what there is from the sender's own task; false if the driver has to go on.
    fn write_now(&self, core: &mut Core) -> bool {
        let Some(output) = core.peer.next_write().and_then(|id| core.output(id)) else { return false };
        core.turns.note(turns::WRITE);
        let mut pieces = core::mem::take(&mut core.pieces);
        let Some(Transmit::Write(id)) = core.peer.poll_transmit(self.now(), &mut pieces) else { return false };
        let mut writing = Writing::new(id, output, pieces);
        if !matches!(writing.advance(), Ok(true)) {
            core.unfinished = Some(writing);
            return false;
        }
        writing.pieces.clear();
        core.pieces = writing.pieces;
        core.peer.handle_input(self.now(), Input::Written(id));
        self.settle(core);
        true
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    /// The peer connected to this node.
    pub(crate) fn accepted(self: &Arc<Self>, stream: TcpStream) {
        let mut core = self.lock();
        if let Some(id) = self.attach(&mut core, stream) {
            debug!(peer = %self.peer, connection = %id, "accepted");
            core.peer.handle_input(self.now(), Input::Accepted(id));
            if !core.is_connecting
                && let Some(waiting) = core.opening.take()
            {
                waiting.abort();
                core.peer.handle_input(self.now(), Input::OpenFailed);
            }
            self.settle(&mut core);
        }
    }

    /// This node connected to the peer.
    pub(crate) fn opened(self: &Arc<Self>, stream: TcpStream) {
        let mut core = self.lock();
        core.opening = None;
        core.attempts = core.attempts.saturating_add(1);
        if let Some(id) = self.attach(&mut core, stream) {
            debug!(peer = %self.peer, connection = %id, "opened");
            core.peer.handle_input(self.now(), Input::Opened(id));
            self.settle(&mut core);
        }
    }

    /// The wait before a connection is over.
    pub(crate) fn connecting(&self) {
        self.lock().is_connecting = true;
    }

    pub(crate) fn open_failed(&self) {
        let mut core = self.lock();
        core.opening = None;
        core.attempts = core.attempts.saturating_add(1);
        core.peer.handle_input(self.now(), Input::OpenFailed);
        self.settle(&mut core);
    }

    fn attach(self: &Arc<Self>, core: &mut Core, stream: TcpStream) -> Option<ConnectionId> {
        if core.is_closed {
            return None;
        }
        self.shared.transport.tune(&stream, self.shared.limits.silence);
        let id = ConnectionId(self.shared.connections.fetch_add(1, Ordering::Relaxed));
        let (input, output) = stream.into_split();
        let span = debug_span!("connection", node = %self.shared.node, peer = %self.peer, connection = %id);
        let reader =
            self.shared.runtime.spawn(reader::read(Arc::clone(self), id, input).instrument(span)).abort_handle();
        core.attached.push(Attached { id, output: Arc::new(output), reader });
        Some(id)
    }

    /// The connection ended by itself: broken, or closed by the peer.
    pub(crate) fn ended(&self, id: ConnectionId, input: Input) {
        let mut core = self.lock();
        core.ended_by_break = matches!(input, Input::Broken(_));
        core.peer.handle_input(self.now(), input);
        core.detach(id);
        self.settle(&mut core);
        drop(core);
        self.change.notify_waiters();
    }

    /// Does what [`crate::midcomms::Transmit::Open`] says.
    pub(crate) fn open(self: &Arc<Self>, core: &mut Core) {
        if core.opening.is_none() && !core.is_closed {
            let task = self.shared.runtime.spawn(connect::open(Arc::clone(self), core.attempts));
            core.opening = Some(task.abort_handle());
            core.is_connecting = false;
        }
    }
}

impl Core {
    pub(crate) fn output(&self, id: ConnectionId) -> Option<Arc<OwnedWriteHalf>> {
        self.attached.iter().find(|attached| attached.id == id).map(|attached| Arc::clone(&attached.output))
    }

    pub(crate) fn detach(&mut self, id: ConnectionId) {
        self.attached.retain(|attached| attached.id != id);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    #[inline]
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if !self.is_closed {
            return Ok(());
        }
        self.check_known()?;
        Err(Error::ShutDown)
    }

    /// Fails if the node has forgotten the peer.
    pub(crate) fn check_known(&self) -> Result<(), Error> {
        if self.is_removed { Err(Error::UnknownPeer(self.peer.peer())) } else { Ok(()) }
    }

    /// Messages that this node and the peer ever sent each other.
    pub(crate) fn traffic(&self) -> u64 {
        let counters = self.peer.counters();
        counters.sent.wrapping_add(counters.delivered)
    }

    /// Gives back the memory that traffic needed and what waits does not.
    pub(crate) fn release(&mut self) {
        self.peer.release();
        (self.pieces, self.empty) = (Vec::new(), EventBatch::default());
    }

    /// Whether a sender lets others have their turn before it sends.
    #[inline]
    pub(crate) fn is_turn_over(&mut self) -> bool {
        self.turns.is_over()
    }

    /// Bytes came. If the session made progress by them, the next attempt to connect need not wait.
    pub(crate) fn note_bytes(&mut self) {
        let counters = self.peer.counters();
        let acknowledged = counters.sent.saturating_sub(self.peer.queued().0 as u64);
        let progress = counters.delivered + acknowledged + u64::from(self.peer.version().is_some());
        if progress != self.progress {
            self.progress = progress;
            self.attempts = 0;
        }
        self.is_answering = true;
    }

    /// What a sender began to write.
    pub(crate) fn take_unfinished(&mut self) -> Option<Writing> {
        self.unfinished.take()
    }

    /// The driver has its turn.
    pub(crate) fn begin_turn(&mut self) {
        self.is_idle = false;
    }

    /// The driver goes to sleep, unless there is something to do. Returns until when.
    pub(crate) fn go_idle(&mut self) -> Option<Option<Time>> {
        if self.peer.has_transmit() || self.unfinished.is_some() {
            return None;
        }
        self.is_idle = true;
        self.sleeps_until = self.peer.poll_timeout();
        Some(self.sleeps_until)
    }
}

/// For people who read logs, and for whoever waits for a shutdown.
fn note(link: &Link, shut_down: &mut Option<Shutdown>, event: &Event) {
    let (node, peer) = (link.shared.node, link.peer);
    match event {
        Event::Delivered(_) | Event::SendReady => {}
        Event::Up { version, is_hardened } => info!(%node, %peer, %version, is_hardened, "up"),
        Event::PeerClosing => info!(%node, %peer, "the peer is closing"),
        Event::Closed => info!(%node, %peer, "closed"),
        Event::Reset { reason, unacknowledged } => warn!(%node, %peer, %reason, unacknowledged, "session ended"),
        Event::ShutdownDone(outcome) => {
            info!(%node, %peer, ?outcome, "shut down");
            *shut_down = Some(*outcome);
        }
        Event::Unexpected(unexpected) => warn!(%node, %peer, %unexpected, "protocol error"),
        Event::Misbehaved(fault) => warn!(%node, %peer, %fault, "the peer misbehaved"),
    }
}
