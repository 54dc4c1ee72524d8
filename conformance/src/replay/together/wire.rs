//! A capture beside the recordings of the nodes: it has what both wrote.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::identity::{Kept, identity};
use super::party::{Fact, Means};
use crate::capture::{CaptureReader, ConnId, Direction, Observed, TransportEvent};
use crate::messages::{Item, Messages, Seen};
use crate::native::feed::At;
use crate::replay::{FileReport, NoDeliveries, Replay, ReplayOptions};

/// Facts that may wait to be taken.
const QUEUE: usize = 4096;
/// Facts of one connection that wait until both its nodes are known.
const MAX_WAITING: usize = 1 << 14;

/// The side of a capture: it is read, and judged, by a thread of its own.
pub(super) struct Wire<'scope> {
    facts: Receiver<[Option<Fact>; 2]>,
    second: Option<Fact>,
    thread: Option<ScopedJoinHandle<'scope, FileReport>>,
    name: String,
    pub(super) is_done: bool,
}

impl<'scope> Wire<'scope> {
    pub(super) fn new<'env>(
        scope: &'scope Scope<'scope, 'env>,
        name: String,
        reader: CaptureReader,
        options: &'env ReplayOptions,
        common: Kept,
    ) -> Self {
        let (sender, facts) = sync_channel(QUEUE);
        let path = name.clone();
        let thread = scope.spawn(move || {
            let mut nobody = NoDeliveries;
            let mut replay = Replay::new(options, &mut nobody);
            let mut seen = Sight::new(sender, common);
            let summary = reader.read(&mut |observed| {
                replay.observe(&observed);
                seen.observe(&observed);
            });
            drop(seen);
            replay.finish(path, &summary)
        });
        Self { facts, second: None, thread: Some(thread), name, is_done: false }
    }

    pub(super) fn step(&mut self) -> Option<Fact> {
        if let Some(second) = self.second.take() {
            return Some(second);
        }
        match self.facts.recv() {
            Ok([first, second]) => {
                self.second = second;
                first
            }
            Err(_) => {
                self.is_done = true;
                None
            }
        }
    }

    pub(super) fn finish(mut self) -> FileReport {
        drop(self.facts);
        let report = self.thread.take().and_then(|thread| thread.join().ok());
        report.unwrap_or_else(|| FileReport::unreadable(self.name.clone(), format!("{}: was not judged", self.name)))
    }
}

/// A connection of the capture.
struct Link {
    opener: IpAddr,
    acceptor: IpAddr,
    /// What is still to be told, once both nodes are known; `None` when they are.
    waiting: Option<Vec<Waiting>>,
    /// It is not compared.
    is_left_out: bool,
}

#[derive(Clone, Copy)]
enum Waiting {
    Message(Direction, u64, At),
    Hole(Direction),
    Ended,
}

/// What the thread keeps of connections.
struct Sight {
    sender: SyncSender<[Option<Fact>; 2]>,
    common: Kept,
    messages: Messages,
    nodes: HashMap<IpAddr, u32>,
    links: HashMap<ConnId, Link>,
}

impl Sight {
    fn new(sender: SyncSender<[Option<Fact>; 2]>, common: Kept) -> Self {
        Self { sender, common, messages: Messages::default(), nodes: HashMap::new(), links: HashMap::new() }
    }

    fn observe(&mut self, observed: &Observed<'_>) {
        let conn = observed.conn;
        match observed.event {
            TransportEvent::Opened { opener, acceptor, complete, .. } => {
                let link = Link {
                    opener: opener.addr,
                    acceptor: acceptor.addr,
                    waiting: Some(Vec::new()),
                    is_left_out: !complete,
                };
                self.links.insert(conn, link);
            }
            TransportEvent::Hole(direction, ..) | TransportEvent::Missing(direction) => {
                self.put(conn, Waiting::Hole(direction));
            }
            TransportEvent::Forgotten => {
                self.put(conn, Waiting::Ended);
                self.links.remove(&conn);
            }
            _ => {}
        }
        let mut messages = std::mem::take(&mut self.messages);
        messages.handle(observed, &mut |item| match item {
            Item::Message(seen) => self.message(&seen),
            Item::Unparseable(seen, _) => self.put(seen.conn, Waiting::Hole(seen.direction)),
            Item::Resynchronised(conn, direction, _) => self.put(conn, Waiting::Hole(direction)),
        });
        self.messages = messages;
    }

    fn message(&mut self, seen: &Seen<'_>) {
        let Some(link) = self.links.get(&seen.conn) else { return };
        let from = if seen.direction == Direction::FromOpener { link.opener } else { link.acceptor };
        let nodeid = seen.bytes.get(8..).and_then(<[u8]>::first_chunk).map_or(0, |id| u32::from_le_bytes(*id));
        self.nodes.entry(from).or_insert(nodeid);
        let at = At { line: seen.frame.number, time: seen.time, file: seen.frame.file };
        let message = identity(seen.bytes, Kept::Full, self.common);
        self.put(seen.conn, Waiting::Message(seen.direction, message, at));
    }

    fn put(&mut self, conn: ConnId, what: Waiting) {
        let Some(link) = self.links.get_mut(&conn).filter(|link| !link.is_left_out) else { return };
        let known = self.nodes.get(&link.opener).copied().zip(self.nodes.get(&link.acceptor).copied());
        match (&mut link.waiting, known) {
            (Some(waiting), None) => {
                waiting.push(what);
                link.is_left_out = waiting.len() > MAX_WAITING;
            }
            (waiting, Some((opener, acceptor))) => {
                let late = waiting.take();
                if late.is_some() {
                    let _ = self.sender.send([Some(Fact::Opened { conn: conn.0, opener, acceptor }), None]);
                }
                for what in late.into_iter().flatten().chain([what]) {
                    let _ = self.sender.send(facts(conn.0, (opener, acceptor), what));
                }
            }
            (None, None) => {}
        }
    }
}

/// To who compares, a capture both reads what a node wrote and writes what the other one reads.
fn facts(conn: u32, (opener, acceptor): (u32, u32), what: Waiting) -> [Option<Fact>; 2] {
    let ends = |direction| if direction == Direction::FromOpener { (opener, acceptor) } else { (acceptor, opener) };
    match what {
        Waiting::Message(direction, message, at) => {
            let (from, to) = ends(direction);
            let read = Fact::Read { conn, from, to, message, at, means: Means::Nothing };
            [Some(read), Some(Fact::Wrote { conn, from, to, message, fresh: None })]
        }
        Waiting::Hole(direction) => {
            let (from, to) = ends(direction);
            [Some(Fact::HoleIn { conn, from, to }), None]
        }
        Waiting::Ended => [Some(Fact::Ended { conn, one: opener, other: acceptor }), None],
    }
}
