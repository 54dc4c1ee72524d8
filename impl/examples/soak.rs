//! Two nodes, both sending as fast as they can, and a fault proxy between them that breaks connections all the time.
//!
//! `cargo run --release -p midcomms --example soak -- --minutes N` tells once a second how it goes. The exit code is 0 if every message
//! came exactly once and in order and both nodes closed by their handshake, 1 otherwise, and 2 for wrong arguments.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use midcomms::midcomms::{Config, Event, Shutdown};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Events, Node, PeerHandle};

#[path = "../tests/common/proxy.rs"]
mod proxy;

use proxy::{Faults, Proxy};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
usage: soak [--minutes N] [--seed N] [--break-after BYTES]

  --minutes N          how long it sends, 1 unless given; 0.5 is half a minute
  --seed N             what the faults are drawn from, to break at the same bytes again; any unless given, and printed
  --break-after BYTES  breaks each connection after about so many bytes, 1048576 unless given; 0 for never";
const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const LOCKSPACE: LockspaceId = LockspaceId(1);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Plan {
    time: Duration,
    faults: Faults,
}

impl Plan {
    /// What the words of a command line ask for; `None` for help. An error says which word cannot be.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut plan = Self {
            time: Duration::from_secs(60),
            faults: Faults { break_after: 1024 * 1024, seed: fastrand::u64(..) },
        };
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "-h" | "--help") {
                return Ok(None);
            }
            if !matches!(word.as_str(), "--minutes" | "--seed" | "--break-after") {
                return Err(format!("there is no option {word}"));
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            let number = || value.parse().map_err(|_| format!("{word}: expected a whole number, got {value}"));
            match word.as_str() {
                "--minutes" => plan.time = minutes(&value)?,
                "--seed" => plan.faults.seed = number()?,
                _ => plan.faults.break_after = number()?,
            }
        }
        Ok(Some(plan))
    }
}

fn minutes(value: &str) -> Result<Duration, String> {
    let minutes = value.parse().ok().filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0);
    let time = minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
    time.ok_or_else(|| format!("--minutes: expected a number greater than 0, got {value}"))
}

/// One direction.
#[derive(Debug, Default)]
struct Figures {
    sent: AtomicU64,
    received: AtomicU64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let plan = match Plan::read(std::env::args().skip(1)) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("soak: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match soak(plan).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nFAILED: {error} (seed {})", plan.faults.seed);
            ExitCode::FAILURE
        }
    }
}

fn host(host: u8) -> IpAddr {
    Ipv4Addr::new(127, 8, 0, host).into()
}

fn start(node: NodeId, ip: IpAddr) -> Result<(Node, Events), midcomms::Error> {
    let config = Config { retransmit_after: Duration::from_millis(200), ..Config::default() };
    Node::builder(node).listen(SocketAddr::new(ip, 0)).midcomms(config).start()
}

fn listens_on(node: &Node) -> Result<SocketAddr, Failure> {
    node.listens_on().first().copied().ok_or_else(|| "the node listens nowhere".into())
}

async fn soak(plan: Plan) -> Result<(), Failure> {
    println!("seed {}, {} s", plan.faults.seed, plan.time.as_secs());
    let ((one, events1), (two, events2)) = (start(ONE, host(1))?, start(TWO, host(2))?);
    let to_two = Proxy::start(host(12), host(11), listens_on(&two)?, plan.faults).await?;
    let to_one = Proxy::start(host(11), host(12), listens_on(&one)?, plan.faults).await?;
    one.add_peer(TWO, [to_two.address])?;
    two.add_peer(ONE, [to_one.address])?;
    one.add_member(TWO, LOCKSPACE)?;
    two.add_member(ONE, LOCKSPACE)?;
    let (forth, back) = (Arc::new(Figures::default()), Arc::new(Figures::default()));
    let until = Instant::now() + plan.time;
    let senders = [
        tokio::spawn(send(one.peer(TWO)?, until, Arc::clone(&forth))),
        tokio::spawn(send(two.peer(ONE)?, until, Arc::clone(&back))),
    ];
    let receivers =
        [tokio::spawn(receive(events2, Arc::clone(&forth))), tokio::spawn(receive(events1, Arc::clone(&back)))];
    watch(plan.time, [&forth, &back], [&to_two, &to_one], &receivers).await?;
    for sender in senders {
        sender.await??;
    }
    let (closed1, closed2) = tokio::join!(one.shutdown(), two.shutdown());
    for (peer, outcome) in closed1?.into_iter().chain(closed2?) {
        if outcome != Shutdown::Closed {
            return Err(format!("towards node {peer}: {outcome:?}").into());
        }
    }
    for receiver in receivers {
        receiver.await??;
    }
    conclude([&forth, &back], [&to_two, &to_one])
}

/// Sends numbered messages of different lengths until time is up.
async fn send(peer: PeerHandle, until: Instant, figures: Arc<Figures>) -> Result<(), Failure> {
    let mut random = fastrand::Rng::with_seed(u64::from(peer.id().0));
    let mut body = vec![0; 3984];
    let mut number: u64 = 0;
    while Instant::now() < until {
        let len = if random.u8(..) < 8 { random.usize(8..=body.len()) } else { random.usize(8..128) };
        let Some(message) = body.get_mut(..len) else { return Err("too long".into()) };
        if let Some(word) = message.first_chunk_mut() {
            *word = number.to_le_bytes();
        }
        peer.send_opaque(LOCKSPACE, message).await?;
        number += 1;
        figures.sent.store(number, Ordering::Relaxed);
    }
    Ok(())
}

/// Reads until the node is gone; every message has to be the one after the last.
async fn receive(mut events: Events, figures: Arc<Figures>) -> Result<(), Failure> {
    let mut expected: u64 = 0;
    while let Some(event) = events.next().await {
        match event.event {
            Event::Delivered(delivery) => {
                let bytes = delivery.opaque().unwrap_or_default();
                let number = bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
                if number != Some(expected) {
                    return Err(format!("expected message {expected}, got {number:?}").into());
                }
                expected += 1;
                figures.received.store(expected, Ordering::Relaxed);
            }
            Event::Up { .. } | Event::PeerClosing | Event::Closed | Event::ShutdownDone(_) | Event::SendReady => {}
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}

/// A line of figures a second, until time is up or something has gone wrong.
async fn watch(
    time: Duration,
    figures: [&Figures; 2],
    proxies: [&Proxy; 2],
    receivers: &[tokio::task::JoinHandle<Result<(), Failure>>],
) -> Result<(), Failure> {
    let is_terminal = std::io::stdout().is_terminal();
    let begin = Instant::now();
    let (mut before, mut second) = (0, 0);
    while begin.elapsed() < time && !receivers.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        second += 1;
        let received: u64 = figures.iter().map(|figures| figures.received.load(Ordering::Relaxed)).sum();
        let [forth, back] = proxies.map(|proxy| proxy.figures.breaks.load(Ordering::Relaxed));
        let line = format!(
            "{second:>6} s  {received:>12} delivered  {:>9} a second  {forth:>7} + {back} breaks",
            received - before
        );
        before = received;
        if is_terminal {
            print!("\r{line}");
            let _ = std::io::stdout().flush();
        } else if second % 10 == 0 {
            println!("{line}");
        }
    }
    println!();
    Ok(())
}

fn conclude(figures: [&Figures; 2], proxies: [&Proxy; 2]) -> Result<(), Failure> {
    for ((name, figures), proxy) in ["1 to 2", "2 to 1"].iter().zip(figures).zip(proxies) {
        let (sent, received) = (figures.sent.load(Ordering::Relaxed), figures.received.load(Ordering::Relaxed));
        let breaks = proxy.figures.breaks.load(Ordering::Relaxed);
        println!("node {name}: {sent} sent, {received} delivered in order, {breaks} connections broken");
        if sent != received {
            return Err(format!("node {name}: {} messages lost", sent.saturating_sub(received)).into());
        }
    }
    println!("0 lost, 0 doubled, 0 out of order; both nodes closed by their handshake");
    Ok(())
}
