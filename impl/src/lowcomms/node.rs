//! A node: its listeners, its peers, and what a program does with them.

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span, warn};

use super::clock::{Clock, Incarnations};
use super::config::{Config, Limits, PeerConfig, Transport, check, check_apart, check_peer};
use super::error::Error;
use super::events::Events;
use super::inbox::Inbox;
use super::link::{Link, Shared};
use super::peer::{PeerHandle, PeerStats};
use super::{driver, listen};
use crate::midcomms::{self, Incarnation, Input, Observer, Peer, Shutdown};
use crate::wire::{LockspaceId, NodeId};

type MakeObserver = Box<dyn Fn(NodeId) -> Box<dyn Observer> + Send + Sync>;

/// What a [`Node`] is made of.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    links: RwLock<BTreeMap<NodeId, Arc<Link>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    is_closed: AtomicBool,
    refused: AtomicU64,
    midcomms: midcomms::Config,
    /// New records have no lesser incarnation.
    first: AtomicU64,
    observe: Option<MakeObserver>,
    addresses: Vec<SocketAddr>,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Node").field("node", &self.shared.node).finish_non_exhaustive()
    }
}

impl Inner {
    /// NET-6.
    pub(crate) fn link_at(&self, address: IpAddr) -> Option<Arc<Link>> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let has = |link: &&Arc<Link>| link.addresses().iter().any(|known| listen::is_same(known.ip(), address));
        links.values().find(has).cloned()
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn links(&self) -> Vec<Arc<Link>> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn link(&self, peer: NodeId) -> Result<Arc<Link>, Error> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(&peer).cloned().ok_or(Error::UnknownPeer(peer))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.shared.runtime.spawn(task);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.is_closed.load(Ordering::Acquire) { Err(Error::ShutDown) } else { Ok(()) }
    }

    fn add_peer(&self, peer: PeerConfig) -> Result<(), Error> {
        check_peer(self.shared.node, &peer)?;
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        self.check_open()?;
        for known in links.values().filter(|known| known.peer != peer.node) {
            check_apart(known.peer, &known.addresses(), &peer)?; // NET-6
        }
        if let Some(known) = links.get(&peer.node) {
            known.set_addresses(peer.addresses);
            return Ok(());
        }
        let first = Incarnation(self.first.load(Ordering::Relaxed).max(self.shared.clock.now().0));
        let mut core = Peer::new(self.midcomms.clone(), self.shared.node, peer.node, first);
        if let Some(observe) = &self.observe {
            core = core.with_observer(observe(peer.node));
        }
        let link = Arc::new(Link::new(Arc::clone(&self.shared), core, peer.addresses));
        links.insert(peer.node, Arc::clone(&link));
        drop(links);
        let span = debug_span!("peer", node = %self.shared.node, peer = %peer.node);
        self.spawn(driver::drive(link).instrument(span));
        Ok(())
    }

    fn remove_peer(&self, peer: NodeId) -> Result<(), Error> {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        self.check_open()?;
        let last = links.get(&peer).ok_or(Error::UnknownPeer(peer))?.remove()?;
        links.remove(&peer);
        drop(links);
        self.first.fetch_max(last.0.saturating_add(1), Ordering::Relaxed); // HRD-1
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        Ok(())
    }

    fn close(&self) -> Vec<JoinHandle<()>> {
        {
            // Whoever adds a peer at this moment has done so before, or is refused.
            let _links = self.links.write().unwrap_or_else(PoisonError::into_inner);
            self.is_closed.store(true, Ordering::Release);
        }
        let tasks = core::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in &tasks {
            task.abort();
        }
        for link in self.links() {
            link.close();
        }
        self.shared.inbox.close();
        tasks
    }
}

/// Closes the node when the last handle is gone.
#[derive(Debug)]
pub(crate) struct Owner(pub(crate) Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.0.close());
    }
}

/// A node of a cluster: a handle, to be cloned at will.
///
/// When the last handle is dropped, and with it every [`PeerHandle`], its tasks are aborted and sockets are closed as soon
/// as the runtime gets to it: peers notice a break and wait for the node to come back, as after a crash. [`Node::shutdown`] closes with them in order.
#[derive(Clone, Debug)]
pub struct Node {
    owner: Arc<Owner>,
}

/// Makes a [`Node`].
#[must_use]
pub struct Builder {
    config: Config,
    observe: Option<MakeObserver>,
}

impl core::fmt::Debug for Builder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl From<Config> for Builder {
    fn from(config: Config) -> Self {
        Self { config, observe: None }
    }
}

impl Builder {
    /// Listens on `address` too; port 0 takes any that is free.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.listen.push(address);
        self
    }

    /// Knows `peer`, at `addresses`, which are tried in this order.
    pub fn peer(mut self, peer: NodeId, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.config.peers.push(PeerConfig { node: peer, addresses: addresses.into_iter().collect() });
        self
    }

    /// What connections are made of.
    pub const fn transport(mut self, transport: Transport) -> Self {
        self.config.transport = transport;
        self
    }

    /// Timers and limits of connections.
    pub fn lowcomms(mut self, limits: Limits) -> Self {
        self.config.lowcomms = limits;
        self
    }

    /// Thresholds, timers and limits of records.
    pub fn midcomms(mut self, config: midcomms::Config) -> Self {
        self.config.midcomms = config;
        self
    }

    /// Keeps incarnation ids growing by this file, although the clock may be set back while the node is down (HRD-1).
    pub fn incarnations(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.incarnations = Some(path.into());
        self
    }

    /// Has `make` give each peer an observer, which sees every step of its record.
    pub fn observe(mut self, make: impl Fn(NodeId) -> Box<dyn Observer> + Send + Sync + 'static) -> Self {
        self.observe = Some(Box::new(make));
        self
    }

    /// Starts the node in the tokio runtime of the caller, where all of it runs. Its I/O and time have to be enabled.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], [`Error::NoRuntime`], [`Error::Listen`], [`Error::NoSctp`], [`Error::Incarnations`].
    pub fn start(self) -> Result<(Node, Events), Error> {
        let Self { config, observe } = self;
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        check(&config)?;
        let clock = Clock::new();
        let (file, first) = match &config.incarnations {
            Some(path) => Incarnations::begin(path, clock.now()).map(|(file, first)| (Some(file), first))?,
            None => (None, Incarnation(clock.now().0)),
        };
        let listeners =
            config.listen.iter().map(|address| config.transport.listen(*address)).collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let shared = Arc::new(Shared {
            node: config.node,
            clock,
            inbox: Inbox::new(config.lowcomms.events, config.lowcomms.read_bytes),
            limits: config.lowcomms,
            transport: config.transport,
            listen: config.listen,
            connections: AtomicU64::new(1),
            runtime,
        });
        let inner = Arc::new(Inner {
            shared: Arc::clone(&shared),
            links: RwLock::default(),
            tasks: Mutex::default(),
            is_closed: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            midcomms: config.midcomms,
            first: AtomicU64::new(first.0),
            observe,
            addresses,
        });
        for peer in config.peers {
            inner.add_peer(peer)?;
        }
        inner.spawn(live(Ending(Arc::clone(&shared))));
        for listener in listeners {
            inner.spawn(listen::accept(Arc::downgrade(&inner), listener));
        }
        if let Some(file) = file {
            inner.spawn(keep(file, clock));
        }
        Ok((Node { owner: Arc::new(Owner(inner)) }, Events::new(shared)))
    }
}

/// Ends the events: with the node's tasks, be it that the runtime is gone and nothing will happen any more.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.inbox.close();
    }
}

async fn live(ending: Ending) {
    let _ending = ending;
    core::future::pending().await
}

/// Writes down, twice an hour, which incarnation ids are used.
async fn keep(file: Incarnations, clock: Clock) {
    loop {
        tokio::time::sleep(Incarnations::interval()).await;
        let (file, now) = (file.clone(), clock.now());
        let written = tokio::task::spawn_blocking(move || file.extend(now)).await;
        if let Ok(Err(error)) = written {
            warn!(%error, "cannot write down which incarnation ids are used");
        }
    }
}

impl Node {
    /// A node to be configured.
    pub fn builder(node: NodeId) -> Builder {
        Builder::from(Config {
            node,
            listen: Vec::new(),
            peers: Vec::new(),
            transport: Transport::default(),
            lowcomms: Limits::default(),
            midcomms: midcomms::Config::default(),
            incarnations: None,
        })
    }

    /// Its node id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.inner().shared.node
    }

    /// Where it listens: with the ports that the system gave where 0 was asked for.
    #[must_use]
    pub fn listens_on(&self) -> &[SocketAddr] {
        &self.inner().addresses
    }

    fn inner(&self) -> &Inner {
        &self.owner.0
    }

    /// Knows one more peer, or one by other addresses from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the node id cannot be, there is no address, or one that another peer has; [`Error::ShutDown`].
    pub fn add_peer(&self, peer: NodeId, addresses: impl IntoIterator<Item = SocketAddr>) -> Result<(), Error> {
        self.inner().add_peer(PeerConfig { node: peer, addresses: addresses.into_iter().collect() })
    }

    /// Forgets a peer: its record, connections and addresses. It can be added again later, also by other addresses; until
    /// then connections from its addresses are refused (NET-6), and every [`PeerHandle`] of it fails with
    /// [`Error::UnknownPeer`]. Events of before still come. Memory is given back once the last handle is dropped.
    ///
    /// The record has to be CLOSED: both have left ([`midcomms::Event::Closed`]), the peer was fenced, or it never was a
    /// member. Where the last connection broke while both were leaving, the peer may not know that all is said: it is
    /// refused then when it asks again, and its shutdown ends by its timeout (CLS-3).
    ///
    /// # Errors
    ///
    /// [`Error::PeerInUse`] while there is something between the two, [`Error::UnknownPeer`], [`Error::ShutDown`].
    pub fn remove_peer(&self, peer: NodeId) -> Result<(), Error> {
        self.inner().remove_peer(peer)
    }

    /// What sends to one peer.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`].
    pub fn peer(&self, peer: NodeId) -> Result<PeerHandle, Error> {
        Ok(PeerHandle::new(Arc::clone(&self.owner), self.inner().link(peer)?))
    }

    /// The cluster manager adds `peer` to a lockspace. The first add begins a session: [`midcomms::Event::Up`] follows
    /// once the peer has been added on both sides and has answered.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`].
    pub fn add_member(&self, peer: NodeId, lockspace: LockspaceId) -> Result<(), Error> {
        self.input(peer, Input::AddMember(lockspace))
    }

    /// The cluster manager removes `peer` from a lockspace. Where the peer has left already, the last removal closes
    /// with it. Otherwise the session stands, with or without lockspaces, until [`Node::shutdown`] or [`Node::fence`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`].
    pub fn remove_member(&self, peer: NodeId, lockspace: LockspaceId) -> Result<(), Error> {
        self.input(peer, Input::RemoveMember(lockspace))
    }

    /// `peer` is dead or removed from the cluster: all that is kept for it is dropped, and whoever waits for it leaves.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`].
    pub fn fence(&self, peer: NodeId) -> Result<(), Error> {
        self.input(peer, Input::Fence)
    }

    fn input(&self, peer: NodeId, input: Input) -> Result<(), Error> {
        self.inner().check_open()?;
        self.inner().link(peer)?.ask(input)
    }

    /// What the node keeps about each peer.
    #[must_use]
    pub fn stats(&self) -> Vec<PeerStats> {
        self.inner().links().iter().map(|link| PeerStats::of(link)).collect()
    }

    /// Connections refused, for no peer has their address (NET-6).
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.inner().refused.load(Ordering::Relaxed)
    }

    /// Leaves the cluster: closes with every peer at the same time, each until its record is CLOSED or its time is up
    /// (CLS-2, CLS-3), then closes sockets. Says how it ended for each. [`Events`] ends behind what came before.
    ///
    /// Everything that was sent before is delivered first, unless time runs out; [`Events`] has to be read meanwhile. A member that is added while this
    /// goes on is removed again. If the future is dropped, the records go on
    /// closing, and sockets stay until the node is dropped or this is called again.
    ///
    /// # Errors
    ///
    /// [`Error::ShutDown`] if it has been shut down already.
    pub async fn shutdown(&self) -> Result<Vec<(NodeId, Shutdown)>, Error> {
        self.inner().check_open()?;
        let links = self.inner().links();
        for link in &links {
            link.lock().shut_down = None;
            link.input(Input::Shutdown);
        }
        let mut outcomes = Vec::new();
        for link in &links {
            outcomes.push((link.peer, link.shut_down().await));
        }
        let now = Instant::now();
        let until = now.checked_add(self.inner().shared.limits.linger).unwrap_or(now);
        for link in &links {
            link.linger(until).await;
        }
        for task in self.inner().close() {
            let _ = task.await; // it was aborted: what it held, ports above all, is given back by then
        }
        Ok(outcomes)
    }
}
