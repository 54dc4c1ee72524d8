//! What comes after a reset: how soon two nodes are connected again, and how soon messages are delivered again.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::midcomms::midcomms::{Event, Shutdown};
use ::midcomms::{Events, Node};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::try_join;

use crate::check::Check;
use crate::link::{Nodes, Rx as _, Tx as _, answer_all, ask_all, on};
use crate::load::Load;
use crate::measure::percentile;
use crate::midcomms::{A, AwaitedRx, AwaitedTx, B, awaited, join, start};
use crate::proxy::{Proxy, Reset, Route};
use crate::workload::Workload;

/// Messages on their way at any time.
const WINDOW: usize = 32;
/// Round trips that are timed before the first reset.
const ROUND_TRIPS: u32 = 400;
/// Messages that are delivered between two resets, at the least: more than what draws an ACK, so that the session has made
/// progress and its next attempt to connect does not wait.
const BETWEEN: u32 = 1024;

/// What was measured in one run.
#[derive(Debug)]
pub(crate) struct AfterResets {
    /// Through the same proxy, before the first reset.
    pub(crate) round_trips: Vec<Duration>,
    pub(crate) breaks: Vec<Break>,
    /// The whole run, what was not timed included.
    pub(crate) took: Duration,
}

/// One reset of all connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Break {
    /// From the reset until a connection stood again.
    pub(crate) reconnect: Duration,
    /// From the reset until the first message that was sent behind it was delivered, and with it all that the reset took.
    pub(crate) delivery: Duration,
}

/// What the tables show of a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) delivery: Times,
    pub(crate) reconnect: Times,
    pub(crate) round_trip: Times,
    /// Delivery, divided by the reconnect of the same break and a round trip. The median, with the median round trip.
    pub(crate) ratio: f64,
    /// The 99th percentile, with that of round trips.
    pub(crate) ratio_p99: f64,
    /// How many round trips a reconnect takes, medians of both.
    pub(crate) reconnect_ratio: f64,
    pub(crate) resets_per_second: f64,
}

/// In microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) median_us: f64,
    pub(crate) p99_us: f64,
}

impl Display for Times {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "median {:.1} µs and p99 {:.1} µs", self.median_us, self.p99_us)
    }
}

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        Self::of_sorted(&times)
    }

    /// `None` if there are none.
    pub(crate) fn of_sorted(times: &[Duration]) -> Option<Self> {
        let at = |percent| percentile(times, percent).map(|time| time.as_secs_f64() * 1e6);
        Some(Self { median_us: at(50)?, p99_us: at(99)? })
    }
}

impl Figure {
    /// `None` if no reset was timed.
    pub(crate) fn of(after: &AfterResets) -> Option<Self> {
        let breaks = after.breaks.iter();
        let round_trip = Times::of(after.round_trips.iter().copied())?;
        let reconnect = Times::of(breaks.clone().map(|one| one.reconnect))?;
        Some(Self {
            delivery: Times::of(breaks.clone().map(|one| one.delivery))?,
            reconnect,
            round_trip,
            ratio: ratio(&after.breaks, 50, round_trip.median_us)?,
            ratio_p99: ratio(&after.breaks, 99, round_trip.p99_us)?,
            reconnect_ratio: reconnect.median_us / round_trip.median_us,
            resets_per_second: breaks.len() as f64 / after.took.as_secs_f64(),
        })
    }
}

/// Delivery, divided by the reconnect of the same break and a round trip: of all breaks, the one at `percent`.
fn ratio(breaks: &[Break], percent: usize, round_trip_us: f64) -> Option<f64> {
    let of = |one: &Break| one.delivery.as_secs_f64() / (one.reconnect.as_secs_f64() + round_trip_us / 1e6);
    let mut ratios: Vec<_> = breaks.iter().map(of).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    percentile(&ratios, percent)
}

impl Display for Figure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { delivery, reconnect, round_trip, ratio, ratio_p99, .. } = self;
        write!(f, "delivery {delivery}, reconnect {reconnect}, round trip {round_trip}, ")?;
        write!(f, "ratio {ratio:.2}, p99 {ratio_p99:.2}")
    }
}

/// Times round trips, then resets all connections again and again while node a sends, and closes in order.
///
/// # Errors
///
/// A message lost, doubled or out of order, an event that a reset must not cause, a reset that broke nothing.
pub(crate) async fn run(nodes: &Nodes, load: Load) -> Result<AfterResets> {
    let began = Instant::now();
    let (node_a, events_a, _) = on(nodes.a(), async { start(A, "127.0.0.1:0", false) }).await?;
    let (node_b, events_b, _) = on(nodes.b(), async { start(B, "127.0.0.2:0", false) }).await?;
    let broke = Arc::new(Notify::new());
    let proxy = between(&node_a, &node_b, Arc::clone(&broke))?;
    let [at_b, at_a] = proxy.addresses().map(|address| vec![address]);
    let joining = node_b.clone();
    let joined = on(nodes.b(), async move { join(&joining, A, at_a).await });
    let (to_b, to_a) = try_join!(join(&node_a, B, at_b), joined)?;
    let handles = [to_b.clone(), to_a.clone()];

    let trips = Workload::RoundTrip88.load(ROUND_TRIPS);
    let (a, b) = (awaited(to_b, events_a, load.len)?, awaited(to_a, events_b, load.len)?);
    let answering = on(nodes.b(), answer_all(b, trips));
    let ((a, round_trips), b) = try_join!(on(nodes.a(), ask_all(a, trips)), answering)?;

    let (rx, breaks) = resets(nodes, &proxy, a.tx, b.rx, broke, load).await?;
    for handle in &handles {
        let made = handle.stats().counters.connections;
        ensure!(made > load.messages.into(), "{} resets, and a node had {made} connections only", load.messages);
    }
    drop((handles, b.tx));
    close(nodes, (node_a, a.rx.0), (node_b, rx.0)).await?;
    Ok(AfterResets { round_trips, breaks, took: began.elapsed() })
}

/// Each node knows the other by an address of the proxy, and sees it come from there.
fn between(node_a: &Node, node_b: &Node, broke: Arc<Notify>) -> Result<Proxy> {
    let (as_a, as_b): (SocketAddr, SocketAddr) = ("127.0.0.11:0".parse()?, "127.0.0.12:0".parse()?);
    let at = |node: &Node| node.listens_on().first().copied().context("a node listens nowhere");
    let to_b = Route { listen: as_b, source: as_a, target: at(node_b)? };
    let to_a = Route { listen: as_a, source: as_b, target: at(node_a)? };
    Proxy::start([to_b, to_a], broke)
}

/// What sender, receiver and who breaks share.
#[derive(Debug)]
struct Traffic {
    window: Semaphore,
    delivered: AtomicU32,
    /// The last message that was sent because of a break.
    marked: AtomicU32,
    /// How many are sent, once that is known.
    total: AtomicU32,
}

async fn resets(
    nodes: &Nodes,
    proxy: &Proxy,
    tx: AwaitedTx,
    rx: AwaitedRx,
    broke: Arc<Notify>,
    load: Load,
) -> Result<(AwaitedRx, Vec<Break>)> {
    let traffic = Arc::new(Traffic {
        window: Semaphore::new(WINDOW),
        delivered: AtomicU32::new(0),
        marked: AtomicU32::new(u32::MAX),
        total: AtomicU32::new(u32::MAX),
    });
    let (goes_on, mut going_on) = mpsc::unbounded_channel();
    let (finish, finishing) = mpsc::channel(1);
    let sending = on(nodes.a(), send(tx, Arc::clone(&traffic), broke, finishing));
    let receiving = on(nodes.b(), receive(rx, Arc::clone(&traffic), goes_on, load));
    let breaking = async {
        let breaks = break_all(proxy, &traffic, &mut going_on, load).await;
        drop(finish);
        breaks
    };
    let ((), rx, breaks) = try_join!(sending, receiving, breaking)?;
    Ok((rx, breaks))
}

/// As many messages as the window allows, one more at once after each break, and a last one in the end.
async fn send(
    mut tx: AwaitedTx,
    traffic: Arc<Traffic>,
    broke: Arc<Notify>,
    mut finishing: mpsc::Receiver<()>,
) -> Result<()> {
    for number in 0..u32::MAX {
        tokio::select! {
            biased;
            () = broke.notified() => traffic.marked.store(number, Ordering::Release),
            permit = traffic.window.acquire() => permit?.forget(),
            _ = finishing.recv() => {
                traffic.total.store(number + 1, Ordering::Release);
                return tx.feed(number).await;
            }
        }
        tx.feed(number).await?;
    }
    bail!("more messages than can be numbered")
}

async fn receive(
    mut rx: AwaitedRx,
    traffic: Arc<Traffic>,
    goes_on: mpsc::UnboundedSender<Instant>,
    load: Load,
) -> Result<AwaitedRx> {
    let mut check = Check::new(&Load { messages: u32::MAX, ..load });
    while check.seen() < traffic.total.load(Ordering::Acquire) {
        let before = check.seen();
        rx.receive(&mut check).await?;
        if check.seen() == before {
            continue;
        }
        traffic.delivered.store(check.seen(), Ordering::Release);
        if before == traffic.marked.load(Ordering::Acquire) {
            goes_on.send(Instant::now()).ok().context("nobody breaks any more")?;
        } else {
            traffic.window.add_permits(1);
        }
    }
    Ok(rx)
}

async fn break_all(
    proxy: &Proxy,
    traffic: &Traffic,
    going_on: &mut mpsc::UnboundedReceiver<Instant>,
    load: Load,
) -> Result<Vec<Break>> {
    let mut breaks = Vec::new();
    for number in 0..load.messages {
        let before = traffic.delivered.load(Ordering::Acquire);
        // Resets do not keep step with anything in the nodes.
        let mut pause = Duration::from_micros(1000 + u64::from(number * 37 % 20) * 100);
        loop {
            tokio::time::sleep(pause).await;
            pause = Duration::from_millis(1);
            if traffic.delivered.load(Ordering::Acquire) - before >= BETWEEN {
                break;
            }
        }
        let Reset { at, again } = proxy.reset().await?;
        let again = again.await.context("the proxy is gone")?;
        let delivered = going_on.recv().await.context("the receiver is gone")?;
        if number >= load.warm_up {
            breaks.push(Break { reconnect: again.duration_since(at), delivery: delivered.duration_since(at) });
        }
    }
    Ok(breaks)
}

/// Both leave at once; nothing is delivered any more.
async fn close(nodes: &Nodes, (a, events_a): (Node, Events), (b, events_b): (Node, Events)) -> Result<()> {
    let leaving = |node: Node| async move {
        let outcomes = node.shutdown().await?;
        let closed = outcomes.iter().all(|(_, outcome)| *outcome == Shutdown::Closed);
        ensure!(closed, "the nodes did not close by their handshake: {outcomes:?}");
        Ok(())
    };
    try_join!(
        on(nodes.a(), leaving(a)),
        on(nodes.b(), leaving(b)),
        on(nodes.a(), hear_end(events_a)),
        on(nodes.b(), hear_end(events_b)),
    )?;
    Ok(())
}

async fn hear_end(mut events: Events) -> Result<()> {
    while let Some(event) = events.next().await {
        match event.event {
            Event::PeerClosing | Event::Closed | Event::ShutdownDone(Shutdown::Closed) => {}
            other => bail!("behind the last message: {other:?}"),
        }
    }
    Ok(())
}
