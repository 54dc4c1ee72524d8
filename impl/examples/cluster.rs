//! A cluster of three nodes in three terminals.
//!
//! `cargo run -p midcomms --example cluster -- 1` (2, 3) starts a node; `help` there lists what can be typed. You are the
//! cluster manager: you say who joins, who leaves and who is dead.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use midcomms::lowcomms::PORT;
use midcomms::midcomms::Event;
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Error, Events, Node, PeerEvent};
use tokio::sync::mpsc;

const NODES: [u32; 3] = [1, 2, 3];
const LOCKSPACE: LockspaceId = LockspaceId(1);
const USAGE: &str = "\
usage: cluster 1|2|3

Starts that node of the three. Start each in a terminal of its own; there you can type:";
const HELP: &str = "\
send N TEXT    send a message to node N
all TEXT       send it to every peer
join N         node N is a member again, after a fence
fence N        node N is dead: drop what is kept for it
stats          what this node keeps about its peers: `connections` were made so far, `broke` those
               of them that a reset or silence ended; the system of a process that is killed
               ends its own in order, as a rule
leave          close with every peer, then end
kill           end at once, without a word, as a crash does";

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let id = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["-h" | "--help"] => {
            println!("{USAGE}\n\n{HELP}");
            return ExitCode::SUCCESS;
        }
        [word] => word.parse().ok().filter(|id| NODES.contains(id)),
        _ => None,
    };
    let Some(id) = id else {
        eprintln!("cluster: expected one node, 1, 2 or 3, got `{}`\n{USAGE}", words.join(" "));
        return ExitCode::from(2);
    };
    match run(NodeId(id)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("node {id}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Each node has an address of its own: a peer is known by it.
fn address(id: NodeId) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, u8::try_from(id.0).unwrap_or(0)).into(), PORT)
}

async fn run(id: NodeId) -> Result<(), Error> {
    let peers = NODES.map(NodeId).into_iter().filter(|peer| *peer != id);
    let mut builder = Node::builder(id).listen(address(id));
    for peer in peers.clone() {
        builder = builder.peer(peer, [address(peer)]);
    }
    let (node, events) = builder.start()?;
    for peer in peers {
        node.add_member(peer, LOCKSPACE)?;
    }
    println!("node {id} listens on {} and waits for its peers; `help` says what can be typed", address(id));
    tokio::spawn(tell(events));
    let mut lines = lines();
    prompt();
    while let Some(line) = lines.recv().await {
        match obey(&node, &line).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => println!("{error}"),
        }
        prompt();
    }
    leave(&node).await
}

/// The lines that are typed: read by a thread, for a terminal cannot be read without blocking.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn prompt() {
    if std::io::stdin().is_terminal() {
        print!("> ");
        let _ = std::io::stdout().flush();
    }
}

/// Does what a line says; true if the node has left.
async fn obey(node: &Node, line: &str) -> Result<bool, Error> {
    let (command, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let (first, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let peer = first.parse().map(NodeId);
    match (command, peer) {
        ("", _) => {}
        ("send", Ok(peer)) => send(node, peer, text).await?,
        ("all", _) => {
            for stats in node.stats() {
                if let Err(error) = send(node, stats.peer, rest).await {
                    println!("{error}");
                }
            }
        }
        ("join", Ok(peer)) => node.add_member(peer, LOCKSPACE)?,
        ("fence", Ok(peer)) => node.fence(peer)?,
        ("stats", _) => stats(node),
        ("leave", _) => return leave(node).await.map(|()| true),
        ("kill", _) => std::process::abort(),
        _ => println!("{HELP}"),
    }
    Ok(false)
}

/// Sends, or queues for a peer that does not answer at the moment. One that has never answered is not waited for.
async fn send(node: &Node, peer: NodeId, text: &str) -> Result<(), Error> {
    let peer = node.peer(peer)?;
    if peer.stats().version.is_none() {
        peer.try_send_opaque(LOCKSPACE, text.as_bytes()).map(drop)
    } else {
        peer.send_opaque(LOCKSPACE, text.as_bytes()).await.map(drop)
    }
}

fn stats(node: &Node) {
    println!("peer  state        version  users  queue  sent  delivered  passes  connections  broke");
    for stats in node.stats() {
        let version = stats.version.as_deref().unwrap_or("-");
        let counters = stats.counters;
        println!(
            "{:<5} {:<12} {:<8} {:<6} {:<6} {:<5} {:<10} {:<7} {:<12} {}",
            stats.peer,
            stats.state,
            version,
            stats.users,
            stats.send_queue,
            counters.sent,
            counters.delivered,
            counters.passes,
            counters.connections,
            counters.breaks
        );
    }
}

async fn leave(node: &Node) -> Result<(), Error> {
    for (peer, outcome) in node.shutdown().await? {
        println!("left node {peer}: {outcome:?}");
    }
    Ok(())
}

/// Prints what happens.
async fn tell(mut events: Events) {
    while let Some(PeerEvent { peer, event }) = events.next().await {
        match event {
            Event::Delivered(delivery) => {
                let bytes = delivery.opaque().unwrap_or_default();
                println!("from node {peer}: {}", String::from_utf8_lossy(&bytes));
            }
            Event::Up { version, .. } => println!("node {peer} is up, version {version}"),
            Event::PeerClosing => {
                println!("node {peer} is leaving: `leave` too, or go on sending to it until you do");
            }
            Event::Closed => println!("closed with node {peer}"),
            Event::Reset { reason, unacknowledged } => {
                println!("the session with node {peer} is over, {unacknowledged} messages unacknowledged: {reason}");
            }
            Event::Misbehaved(fault) => println!("node {peer} misbehaved: {fault}"),
            Event::Unexpected(unexpected) => println!("node {peer}: {unexpected}"),
            Event::ShutdownDone(_) | Event::SendReady => {}
        }
    }
}
