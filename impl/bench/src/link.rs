//! Contenders on tokio: two ends that feed, flush and receive, and how they are driven.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::try_join;

use crate::check::{self, Check, Span};
use crate::contender::{Contender, Name};
use crate::cores::{Cores, Side};
use crate::load::Load;

/// Two nodes, each with a multi-threaded runtime of its own as if it were a process of its own.
#[derive(Debug)]
pub(crate) struct Nodes {
    a: Runtime,
    b: Runtime,
}

impl Nodes {
    /// `workers` threads for each node, on its cores.
    pub(crate) fn new(workers: usize, cores: Cores) -> Result<Arc<Self>> {
        let node = |name: &str, side| {
            // That it can be kept there was seen before. One that is not measures something else: it says so.
            let keep = move || cores.keep(side).unwrap_or_else(|error| eprintln!("{error:#}"));
            Builder::new_multi_thread()
                .worker_threads(workers)
                .thread_name(name)
                .on_thread_start(keep)
                .enable_all()
                .build()
        };
        Ok(Arc::new(Self { a: node("node a", Side::A)?, b: node("node b", Side::B)? }))
    }

    /// Where node a runs.
    pub(crate) fn a(&self) -> &Handle {
        self.a.handle()
    }

    /// Where node b runs.
    pub(crate) fn b(&self) -> &Handle {
        self.b.handle()
    }
}

/// Sends messages.
pub(crate) trait Tx: Send + 'static {
    /// Sends the message with this number, of the length given to [`Link::open`], or keeps it until there are enough
    /// for a batch.
    fn feed(&mut self, number: u32) -> impl Future<Output = Result<()>> + Send;

    /// Sends what [`Tx::feed`] keeps.
    fn flush(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Receives messages.
pub(crate) trait Rx: Send + 'static {
    /// Waits for a message and shows it to `check` ([`Check::see`]), with all that came with it.
    fn receive(&mut self, check: &mut Check) -> impl Future<Output = Result<()>> + Send;
}

/// One node's side of a connection.
#[derive(Debug)]
pub(crate) struct End<T, R> {
    pub(crate) tx: T,
    pub(crate) rx: R,
}

/// The ends of nodes a and b.
pub(crate) type Ends<L> = (End<<L as Link>::Tx, <L as Link>::Rx>, End<<L as Link>::Tx, <L as Link>::Rx>);

/// How two nodes are connected.
pub(crate) trait Link: Send + Sync + 'static {
    type Tx: Tx;
    type Rx: Rx;

    /// Who it is.
    fn name(&self) -> Name;

    /// Connects the nodes over loopback, for messages of `len` bytes. Called on node a; what belongs to node b has to
    /// be made on [`Nodes::b`], where its end will be used.
    fn open(&self, nodes: &Nodes, len: usize) -> impl Future<Output = Result<Ends<Self>>> + Send
    where
        Self: Sized;

    /// Takes an end down after a run, on its own node and with the other end at the same time.
    fn close(end: End<Self::Tx, Self::Rx>) -> impl Future<Output = Result<()>> + Send {
        drop(end);
        async { Ok(()) }
    }
}

/// Two connected TCP streams, NODELAY, that of node a and that of node b.
pub(crate) async fn tcp_pair(nodes: &Nodes) -> Result<(TcpStream, TcpStream)> {
    let listener = on(nodes.b(), async { Ok(TcpListener::bind("127.0.0.1:0").await?) }).await?;
    let address = listener.local_addr()?;
    let accepted = on(nodes.b(), async move { Ok(listener.accept().await?.0) });
    let (a, b) = try_join!(async { Ok(TcpStream::connect(address).await?) }, accepted)?;
    a.set_nodelay(true)?;
    b.set_nodelay(true)?;
    Ok((a, b))
}

/// Runs a future on a node and gives what it returns.
pub(crate) async fn on<T: Send + 'static>(
    node: &Handle,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    joined(node.spawn(future)).await
}

async fn joined<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.context("a task ended without a result")?
}

/// A [`Link`] with the nodes that it connects.
#[derive(Debug)]
pub(crate) struct Linked<L> {
    pub(crate) link: L,
    pub(crate) nodes: Arc<Nodes>,
}

impl<L: Link> Linked<L> {
    pub(crate) fn block_on<T>(&self, load: &Load, run: impl Future<Output = Result<T>>) -> Result<T> {
        let limited = async { tokio::time::timeout(load.limit, run).await };
        self.nodes.a().block_on(limited).context("stuck: the run has not ended within its limit")?
    }

    async fn close(&self, (a, b): Ends<L>) -> Result<()> {
        try_join!(on(self.nodes.a(), L::close(a)), on(self.nodes.b(), L::close(b)))?;
        Ok(())
    }

    async fn one_way(&self, load: Load) -> Result<Vec<Span>> {
        let (a, b) = self.link.open(&self.nodes, load.len).await?;
        let sent = on(self.nodes.a(), send_all(a.tx, load));
        let (tx, (rx, span)) = try_join!(sent, on(self.nodes.b(), receive_all(b.rx, load)))?;
        self.close((End { tx, rx: a.rx }, End { tx: b.tx, rx })).await?;
        Ok(vec![span])
    }

    async fn both_ways(&self, load: Load) -> Result<Vec<Span>> {
        let (a, b) = self.link.open(&self.nodes, load.len).await?;
        let (node_a, node_b) = (self.nodes.a(), self.nodes.b());
        let (a_tx, b_tx, (a_rx, to_a), (b_rx, to_b)) = try_join!(
            on(node_a, send_all(a.tx, load)),
            on(node_b, send_all(b.tx, load)),
            on(node_a, receive_all(a.rx, load)),
            on(node_b, receive_all(b.rx, load)),
        )?;
        self.close((End { tx: a_tx, rx: a_rx }, End { tx: b_tx, rx: b_rx })).await?;
        Ok(vec![to_a, to_b])
    }

    async fn ping_pong(&self, load: Load) -> Result<Vec<Duration>> {
        let (a, b) = self.link.open(&self.nodes, load.len).await?;
        let answering = on(self.nodes.b(), answer_all(b, load));
        let ((a, times), b) = try_join!(on(self.nodes.a(), ask_all(a, load)), answering)?;
        self.close((a, b)).await?;
        Ok(times)
    }
}

impl<L: Link> Contender for Linked<L> {
    fn name(&self) -> Name {
        self.link.name()
    }

    fn throughput(&self, load: &Load) -> Result<f64> {
        let spans = if load.both_ways {
            self.block_on(load, self.both_ways(*load))
        } else {
            self.block_on(load, self.one_way(*load))
        }?;
        check::rate(&spans).context("nothing was received")
    }

    fn round_trips(&self, load: &Load) -> Result<Vec<Duration>> {
        self.block_on(load, self.ping_pong(*load))
    }
}

async fn send_all<T: Tx>(mut tx: T, load: Load) -> Result<T> {
    for number in 0..load.messages {
        tx.feed(number).await?;
    }
    tx.flush().await?;
    Ok(tx)
}

async fn receive_all<R: Rx>(mut rx: R, load: Load) -> Result<(R, Span)> {
    let mut check = Check::new(&load);
    while !check.is_done() {
        rx.receive(&mut check).await?;
    }
    Ok((rx, check.span()?))
}

pub(crate) async fn ask_all<T: Tx, R: Rx>(mut end: End<T, R>, load: Load) -> Result<(End<T, R>, Vec<Duration>)> {
    let mut times = Vec::with_capacity((load.messages - load.warm_up) as usize);
    let mut check = Check::new(&load);
    for number in 0..load.messages {
        let began = Instant::now();
        end.tx.feed(number).await?;
        end.tx.flush().await?;
        while check.seen() <= number {
            end.rx.receive(&mut check).await?;
        }
        if number >= load.warm_up {
            times.push(began.elapsed());
        }
    }
    Ok((end, times))
}

pub(crate) async fn answer_all<T: Tx, R: Rx>(mut end: End<T, R>, load: Load) -> Result<End<T, R>> {
    let mut check = Check::new(&load);
    for number in 0..load.messages {
        while check.seen() <= number {
            end.rx.receive(&mut check).await?;
        }
        end.tx.feed(number).await?;
        end.tx.flush().await?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::Placement;
    use crate::raw_tokio::{RawRx, RawTokio, RawTx};
    use crate::workload::Workload;

    /// Sends another number instead of each.
    struct Faulty(fn(u32) -> u32);

    struct FaultyTx(RawTx, fn(u32) -> u32);

    impl Link for Faulty {
        type Tx = FaultyTx;
        type Rx = RawRx;

        fn name(&self) -> Name {
            Name::RawTokio
        }

        async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
            let (a, b) = RawTokio.open(nodes, len).await?;
            Ok((End { tx: FaultyTx(a.tx, self.0), rx: a.rx }, End { tx: FaultyTx(b.tx, self.0), rx: b.rx }))
        }
    }

    impl Tx for FaultyTx {
        async fn feed(&mut self, number: u32) -> Result<()> {
            self.0.feed((self.1)(number)).await
        }

        async fn flush(&mut self) -> Result<()> {
            self.0.flush().await
        }
    }

    fn run(fault: fn(u32) -> u32) -> [bool; 3] {
        let faulty =
            Linked { link: Faulty(fault), nodes: Nodes::new(1, Cores::new(Placement::Free).unwrap()).unwrap() };
        [
            faulty.throughput(&Workload::OneWay88.load(1000)).is_ok(),
            faulty.throughput(&Workload::BothWays88.load(1000)).is_ok(),
            faulty.round_trips(&Workload::RoundTrip88.load(1000)).is_ok(),
        ]
    }

    #[test]
    fn a_run_fails_if_a_message_is_lost_doubled_or_out_of_order() {
        assert_eq!(run(|number| number), [true; 3]);
        assert_eq!(run(|number| if number < 700 { number } else { number + 1 }), [false; 3]);
        assert_eq!(run(|number| if number < 700 { number } else { number - 1 }), [false; 3]);
        assert_eq!(run(|number| if number / 2 == 350 { number ^ 1 } else { number }), [false; 3]);
    }
}
