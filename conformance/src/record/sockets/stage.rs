//! Nodes of the crate's own driver as a stage.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;
use midcomms::lowcomms::{Limits, Slot};
use midcomms::midcomms::{Config, Observer, SendError};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Error, Events, Node};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::net::{Cut, Net, own_address};
use crate::record::ledger::{Ledger, body, kind_of};
use crate::record::scenario::Scenario;
use crate::record::stage::{Stage, Told, View};
use crate::record::trace::Desks;

const LOCKSPACE: LockspaceId = LockspaceId(1);
const PATIENCE_US: u64 = 30 * 1_000_000;
/// How often a node's records are looked at, until nothing has happened meanwhile.
const LOOKS: usize = 1000;

/// A message that is reserved.
struct Reserved {
    slot: Slot,
    number: u64,
    size: usize,
}

/// A node that runs, or has left and still answers.
struct Running {
    node: Node,
    events: JoinHandle<()>,
    reserved: BTreeMap<u32, VecDeque<Reserved>>,
    is_leaving: bool,
    has_left: Arc<AtomicBool>,
}

pub(super) struct Sockets {
    runtime: Runtime,
    begin: Instant,
    rng: Rng,
    config: Config,
    ledger: Ledger,
    desks: Arc<Desks>,
    net: Arc<Net>,
    /// Where each node finds each other.
    ways: BTreeMap<(u32, u32), std::net::SocketAddr>,
    nodes: BTreeMap<u32, Option<Running>>,
}

impl Sockets {
    pub(super) fn new(scenario: &Scenario, rng: Rng, ledger: Ledger, desks: Arc<Desks>) -> Result<Self, String> {
        let fault = |error: std::io::Error| format!("sockets on 127.9.0.0/16: {error}");
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(fault)?;
        let net = Net::new();
        let mut ways = BTreeMap::new();
        for from in scenario.node_ids() {
            for to in scenario.node_ids().filter(|to| *to != from) {
                ways.insert((from, to), runtime.block_on(net.listen(from, to)).map_err(fault)?);
            }
        }
        let nodes = scenario.node_ids().map(|node| (node, None)).collect();
        let config = scenario.config();
        let mut stage = Self { runtime, begin: Instant::now(), rng, config, ledger, desks, net, ways, nodes };
        scenario.node_ids().try_for_each(|node| stage.run(node))?;
        Ok(stage)
    }

    /// Ends everything, and says how long it took.
    pub(super) fn into_seconds(mut self) -> f64 {
        let seconds = self.seconds();
        self.nodes.clear();
        self.runtime.shutdown_timeout(Duration::from_secs(5));
        seconds
    }

    /// Starts a node.
    fn run(&mut self, node: u32) -> Result<(), String> {
        let _in_runtime = self.runtime.enter();
        let desks = Arc::clone(&self.desks);
        let observer = move |_| desks.observer(node).unwrap_or_else(|| Box::new(Nobody));
        let builder = Node::builder(NodeId(node)).listen(own_address(node)).midcomms(self.config.clone());
        let started = builder.lowcomms(limits()).observe(observer).start();
        let (started, events) = started.map_err(|error| error.to_string())?;
        let others = self.ways.iter().filter(|((from, _), _)| *from == node);
        for ((_, to), address) in others {
            started.add_peer(NodeId(*to), [*address]).map_err(|error| error.to_string())?;
        }
        self.net.set_target(node, started.listens_on().first().copied());
        let events = self.runtime.spawn(follow(events, node, self.ledger.clone()));
        let reserved = BTreeMap::new();
        let running = Running { node: started, events, reserved, is_leaving: false, has_left: Arc::default() };
        self.nodes.insert(node, Some(running));
        Ok(())
    }

    fn running(&self, node: u32) -> Result<&Running, String> {
        self.nodes.get(&node).and_then(Option::as_ref).ok_or_else(|| format!("node {node} is not running"))
    }

    fn running_mut(&mut self, node: u32) -> Result<&mut Running, String> {
        self.nodes.get_mut(&node).and_then(Option::as_mut).ok_or_else(|| format!("node {node} is not running"))
    }
}

/// Quick to connect again, for a run should not wait.
fn limits() -> Limits {
    Limits {
        reconnect_min: Duration::from_millis(5),
        reconnect_max: Duration::from_millis(100),
        linger: Duration::from_millis(300),
        ..Limits::default()
    }
}

async fn follow(mut events: Events, node: u32, ledger: Ledger) {
    while let Some(event) = events.next().await {
        ledger.event(node, event.peer.0, &event.event);
    }
}

/// An observer for whom nothing is recorded.
struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _: midcomms::midcomms::Time, _: NodeId, _: NodeId, _: midcomms::midcomms::Occurrence<'_>) {}
}

impl Stage for Sockets {
    fn seconds(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn advance(&mut self, us: u64) -> Result<(), String> {
        sleep(Duration::from_micros(us));
        Ok(())
    }

    fn patience_us(&self) -> u64 {
        PATIENCE_US
    }

    fn is_alive(&self, node: u32) -> bool {
        self.running(node).is_ok()
    }

    fn view(&self, node: u32, peer: u32) -> Option<View> {
        let stats = self.running(node).ok()?.node.stats();
        let stats = stats.into_iter().find(|stats| stats.peer == NodeId(peer))?;
        Some(View { state: stats.state, is_up: stats.version.is_some(), queued: stats.send_queue })
    }

    fn is_calm(&self) -> bool {
        true
    }

    fn is_shutting_down(&self, node: u32) -> bool {
        self.running(node).is_ok_and(|running| running.is_leaving && !running.has_left.load(Ordering::Acquire))
    }

    /// A node that has left begins anew, as a process would.
    fn tell(&mut self, node: u32, peer: u32, told: Told) -> Result<(), String> {
        if self.running(node)?.is_leaving && matches!(told, Told::Add(_)) {
            self.crash(node, false)?;
            self.start(node)?;
        }
        let running = self.running(node)?;
        let done = match told {
            Told::Add(lockspace) => running.node.add_member(NodeId(peer), lockspace),
            Told::Remove(lockspace) => running.node.remove_member(NodeId(peer), lockspace),
            Told::Fence => running.node.fence(NodeId(peer)),
        };
        match done {
            Err(Error::ShutDown) => Ok(()), // it has left: nothing is kept that could change
            other => other.map_err(|error| error.to_string()),
        }
    }

    fn shut_down(&mut self, node: u32) -> Result<(), String> {
        let handle = self.runtime.handle().clone();
        let running = self.running_mut(node)?;
        running.is_leaving = true;
        let (leaving, has_left) = (running.node.clone(), Arc::clone(&running.has_left));
        handle.spawn(async move {
            let _ = leaving.shutdown().await; // how it ended is an event too
            has_left.store(true, Ordering::Release);
        });
        Ok(())
    }

    fn send(&mut self, from: u32, to: u32, size: usize) -> Result<Result<(), SendError>, String> {
        let peer = self.running(from)?.node.peer(NodeId(to)).map_err(|error| error.to_string())?;
        let number = self.ledger.next_number(from, to);
        let kind = kind_of(number);
        match peer.try_send(kind, LOCKSPACE, &body(kind, number, size)) {
            Ok(_) => {
                self.ledger.sent(from, to);
                Ok(Ok(()))
            }
            Err(Error::Send(error)) => Ok(Err(error)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn reserve(&mut self, from: u32, to: u32, size: usize) -> Result<(), String> {
        let number = self.ledger.next_number(from, to);
        let peer = self.running(from)?.node.peer(NodeId(to)).map_err(|error| error.to_string())?;
        let slot = self.runtime.block_on(peer.reserve(kind_of(number), LOCKSPACE, size));
        let slot = slot.map_err(|error| error.to_string())?;
        self.running_mut(from)?.reserved.entry(to).or_default().push_back(Reserved { slot, number, size });
        Ok(())
    }

    fn settle(&mut self, from: u32, to: u32, which: usize, is_commit: bool) -> Result<bool, String> {
        let ledger = self.ledger.clone();
        let reserved = self.running_mut(from)?.reserved.entry(to).or_default();
        let Some(Reserved { slot, number, size }) = reserved.remove(which % reserved.len().max(1)) else {
            return Ok(false);
        };
        if !is_commit {
            drop(slot);
            return Ok(true);
        }
        let bytes = body(kind_of(number), number, size);
        match slot.commit(|room| room.copy_from_slice(&bytes)) {
            Ok(()) => ledger.sent(from, to),
            Err(SendError::SessionOver) => {}
            Err(error) => return Err(error.to_string()),
        }
        Ok(true)
    }

    fn break_one(&mut self, a: u32, b: u32) -> bool {
        let known = self.net.between(a, b);
        self.rng.choice(known).is_some_and(|(id, _)| self.net.cut(id, Cut::Reset))
    }

    fn finish(&mut self, node: u32, peer: u32) -> Result<bool, String> {
        let known = self.net.between(node, peer);
        let own = known.iter().find(|(_, opener)| *opener == node).or(known.first());
        Ok(own.is_some_and(|(id, _)| self.net.cut(*id, Cut::FinishAt(node))))
    }

    fn silence(&mut self, from: u32, to: u32, is_silent: bool) -> Result<(), String> {
        self.net.silence(from, to, is_silent);
        Ok(())
    }

    fn refuse(&mut self, node: u32, refuses: bool) {
        self.net.refuse(node, refuses);
    }

    fn hold(&mut self, node: u32, _: bool) -> Result<(), String> {
        Err(format!("when node {node} accepts is the system's"))
    }

    fn crash(&mut self, node: u32, _: bool) -> Result<(), String> {
        self.running(node)?;
        self.net.set_target(node, None);
        if let Some(running) = self.nodes.get_mut(&node).and_then(Option::take) {
            running.events.abort();
        }
        Ok(())
    }

    fn start(&mut self, node: u32) -> Result<(), String> {
        if self.is_alive(node) {
            return Err(format!("node {node} runs already"));
        }
        self.desks.begin_life(node).map_err(|error| error.to_string())?;
        self.run(node)
    }

    /// The node goes on meanwhile: what is told of its records has to be of one moment.
    fn begin_recording(&mut self, node: u32) -> Result<(), String> {
        let stats = self.running(node)?.node.clone();
        for _ in 0..LOOKS {
            if self.desks.begin_between(node, || stats.stats())? {
                return Ok(());
            }
            sleep(Duration::from_millis(1));
        }
        Err(format!("node {node} never rests: its records cannot be told as they stand"))
    }
}
