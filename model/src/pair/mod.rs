//! Two nodes as an observer between them sees them: who sent what on which connection, and what broke when.
//!
//! An observer does not see when a node reads what arrived, nor membership, shutdown, fence or timeout. [`Pair`] is one
//! explanation of what was seen so far: each node reads at once (`node`), and where a later reading would allow a
//! message, the checks in `judge` grant it. A message that fits two incarnations makes two explanations.
//!
//! Numbers are full 32 bits here. A label of type `L` travels with every message and comes back with what is told of it.

mod bodies;
mod connection;
mod identity;
mod judge;
mod met;
mod node;
mod order;
mod suspicion;
mod told;
mod write;

use std::fmt;

use crate::message::{BareKind, Message, Version};
use crate::revision::RevisionSet;
use crate::seq::Seq;

use connection::Connection;
use identity::Standing;
pub use met::Met;
use node::{Arrival, Arrived};
pub use node::{Counts, Delivery, Gap, Node};
pub use suspicion::Refused;
use suspicion::{Proof, Suspicion};

/// Connections remembered after their end: a late segment may still belong to one of them.
const MAX_DEAD_CONNECTIONS: usize = 16;
/// Connections remembered in all: a pair has two, and a few that it gave up.
const MAX_CONNECTIONS: usize = 64;

/// More messages that call for an ACK than anyone can send: behind a hole nobody knows how many there were.
const UNKNOWN_PROMPTS: u32 = u32::MAX;

/// One of the two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    /// What is this side's of two things.
    pub fn pick<T>(self, of: &[T; 2]) -> &T {
        let [a, b] = of;
        match self {
            Side::A => a,
            Side::B => b,
        }
    }

    /// The same, to change.
    pub fn pick_mut<T>(self, of: &mut [T; 2]) -> &mut T {
        let [a, b] = of;
        match self {
            Side::A => a,
            Side::B => b,
        }
    }
}

/// The caller's name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conn(pub u32);

impl fmt::Display for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// One explanation of what two nodes did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<L> {
    nodes: [Node<L>; 2],
    connections: Vec<Connection>,
    last_break: Option<(L, bool)>,
    breaks: u64,
    suspicions: Vec<Suspicion<L>>,
    /// Counts messages and openings, to tell before from after.
    clock: u64,
}

impl<L: Copy> Pair<L> {
    /// Two nodes that may speak the given revisions. `is_complete` tells that nothing happened before what is seen:
    /// otherwise the first numbers are learned from what is seen.
    pub fn new(revisions: [RevisionSet; 2], is_complete: bool) -> Self {
        Self {
            nodes: revisions.map(|revisions| Node::new(revisions, is_complete)),
            connections: Vec::new(),
            last_break: None,
            breaks: 0,
            suspicions: Vec::new(),
            clock: 0,
        }
    }

    /// A node's record about the other.
    pub fn node(&self, side: Side) -> &Node<L> {
        side.pick(&self.nodes)
    }

    /// The same, to take from.
    pub fn node_mut(&mut self, side: Side) -> &mut Node<L> {
        side.pick_mut(&mut self.nodes)
    }

    /// From now on `side` may speak only these revisions; what it sent so far stands.
    pub fn restrict_revisions(&mut self, side: Side, revisions: RevisionSet) {
        let node = self.node_mut(side);
        node.revisions = node.revisions.intersection(revisions);
    }

    /// What `side` sends is seen when the other node reads it: order is known on each connection, not across them.
    pub fn sees_reads_of(&mut self, side: Side) {
        self.node_mut(side).is_seen_read = true;
    }

    /// Connections that broke: reset, or closed while a record was not closed by the handshake.
    pub fn breaks(&self) -> u64 {
        self.breaks
    }

    /// Whether a connection is left that no end is known to have closed.
    pub fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_whole)
    }

    /// `opener` opened a connection. If another of its own is still whole, that one broke unseen.
    pub fn opened(&mut self, conn: Conn, opener: Side, at: L) {
        let superseded = self.connections.iter().find(|old| old.opener == opener && old.is_whole());
        if let Some(old) = superseded.filter(|old| !old.is_counted).map(|old| old.id) {
            self.note_end(old, at, false);
            self.forget_unproven(Some(old));
        }
        self.forget_dead();
        self.clock += 1;
        self.connections.push(Connection::new(conn, opener, self.clock));
    }

    /// `by` closed its sending side of `conn`.
    pub fn finished(&mut self, conn: Conn, by: Side, at: L) {
        if let Some(connection) = self.connection_mut(conn) {
            connection.half_mut(by).finished = true;
            self.note_end(conn, at, false);
        }
    }

    /// `by` reset `conn`.
    pub fn reset(&mut self, conn: Conn, by: Side, at: L) {
        if let Some(connection) = self.connection_mut(conn) {
            connection.half_mut(by).reset = true;
            self.note_end(conn, at, true);
            self.forget_unproven(Some(conn));
        }
    }

    fn note_end(&mut self, conn: Conn, at: L, is_reset: bool) {
        if self.connection(conn).is_some_and(|connection| !connection.is_counted) {
            self.count_break(conn, at, is_reset);
        }
        self.disturb(conn);
    }

    /// Bytes that `from` sent on `conn` are missing from what was recorded.
    pub fn hole(&mut self, conn: Conn, from: Side) {
        if let Some(connection) = self.connection_mut(conn) {
            connection.half_mut(from).note_hole();
        }
        self.node_mut(from).note_hole();
        let reader = self.node_mut(from.other());
        reader.prompts = UNKNOWN_PROMPTS;
        reader.has_heard = true;
        self.forget_unproven(None);
    }

    /// `from` sent `message` on `conn`. On success the explanation holds it; a second explanation is returned where
    /// the message may also begin an incarnation. On refusal the explanation is unchanged.
    pub fn sent(
        &mut self,
        conn: Conn,
        from: Side,
        version: Version,
        message: &Message,
        label: L,
    ) -> Result<Option<Self>, Refused<L>> {
        self.check_version(from, version)?;
        let standing = self.identify(conn, from, message)?;
        match standing {
            Standing::Begins(id) => {
                let mut next = self.clone();
                next.begin_identified(from, id);
                let second = next.judge_and_carry_out(conn, from, version, message, label)?;
                *self = next;
                return Ok(second);
            }
            Standing::Over => {
                self.say(conn, from, message);
                self.note_write(conn, from);
                return Ok(None);
            }
            Standing::Current | Standing::Linux => {}
        }
        let Some(mut next) = self.beginning_with(from, message) else {
            return self.judge_and_carry_out(conn, from, version, message, label);
        };
        let begun = next.judge_and_carry_out(conn, from, version, message, label);
        match self.judge_and_carry_out(conn, from, version, message, label) {
            Ok(second) => Ok(second.or_else(|| begun.is_ok().then_some(next))),
            Err(refused) => {
                let second = begun.map_err(|_| refused)?;
                *self = next;
                Ok(second)
            }
        }
    }

    fn judge_and_carry_out(
        &mut self,
        conn: Conn,
        from: Side,
        version: Version,
        message: &Message,
        label: L,
    ) -> Result<Option<Self>, Refused<L>> {
        let reading = self.judge(conn, from, version, message)?;
        let fresh = reading.first.fresh_number(message);
        for suspect in &mut self.suspicions {
            suspect.is_proven |= suspect.is_proven_by(from, conn, fresh);
        }
        if let Some(proven) = self.suspicions.iter().find(|suspect| suspect.is_proven && suspect.is_final()) {
            return Err(proven.refused());
        }
        self.suspect(conn, from, message, &reading, label);
        self.say(conn, from, message);
        self.note_write(conn, from);
        self.node_mut(from).version = Some(version);
        let second = reading.second.map(|candidate| {
            let mut other = self.clone();
            other.carry_out(conn, from, message, candidate);
            other.arrive(conn, from, message, label);
            other
        });
        self.carry_out(conn, from, message, reading.first);
        self.arrive(conn, from, message, label);
        Ok(second)
    }

    /// Whether numbers may have been used that were not seen: behind a hole, until an ACK settles it.
    pub fn is_unsettled(&self) -> bool {
        self.nodes.iter().any(|node| node.is_unsettled)
    }

    /// Starts anew in mid-stream: too much is missing to tell in which incarnation the nodes are.
    pub fn forget(&mut self) {
        self.nodes.iter_mut().for_each(Node::forget);
        let [a, b] = &mut self.nodes;
        (a.peer_life, b.peer_life) = (b.life, a.life);
        for half in self.connections.iter_mut().flat_map(|connection| &mut connection.halves) {
            half.note_hole();
        }
        self.forget_unproven(None);
    }

    /// Nothing more will be seen: an incarnation that may have begun did begin where what arrived for it says so. A
    /// suspect message that nothing has cleared is returned.
    pub fn end(&mut self) -> Option<Refused<L>> {
        for side in Side::BOTH {
            let peer_life = self.node(side.other()).life;
            let node = self.node_mut(side);
            let has_begun = |arrival: &Arrival<L>| {
                arrival.life == peer_life && arrival.is_number(Seq::ZERO) && !arrival.is_doubtful
            };
            if peer_life > node.peer_life && node.log.iter().any(has_begun) {
                node.begin_life(peer_life);
            }
        }
        self.suspicions.iter().find(|suspect| !suspect.needs_proof()).map(Suspicion::refused)
    }

    /// An earlier message from which a later refusal may follow: it was wrong unless something comes to light.
    pub fn suspect_before(&self) -> Option<Refused<L>> {
        let is_cause = |suspect: &&Suspicion<L>| {
            suspect.is_proven || matches!(suspect.proof, Proof::NoBreak | Proof::NothingHeard)
        };
        self.suspicions.iter().find(is_cause).map(Suspicion::refused)
    }

    fn note_write(&mut self, conn: Conn, from: Side) {
        self.clock += 1;
        let now = self.clock;
        if let Some(connection) = self.connection_mut(conn) {
            connection.half_mut(from).last_write = now;
        }
    }

    /// What looked wrong may be explained by what was not seen: on `lost`, if that is known, and there only by what
    /// the peer of who looked wrong wrote.
    fn forget_unproven(&mut self, lost: Option<Conn>) {
        let Self { suspicions, connections, .. } = self;
        let wrote = |side| {
            let lost = lost.and_then(|lost| connections.iter().find(|connection| connection.id == lost));
            lost.is_none_or(|connection: &Connection| connection.half(side).last_write > 0)
        };
        suspicions.retain(|suspect| {
            let is_kept = suspect.needs_proof() || (suspect.is_proven && lost.is_some());
            is_kept || !wrote(suspect.culprit.other())
        });
    }

    fn arrive(&mut self, conn: Conn, from: Side, message: &Message, label: L) {
        let reader = from.other();
        let what = match *message {
            Message::Opts { seq, inner, .. } => Arrived::Opts(seq, inner),
            Message::Ack(number) | Message::Hello(number, _) => Arrived::Ack(number),
            Message::Gone(_) => Arrived::Bare { status_or_names: false },
            Message::Bare(kind) => {
                Arrived::Bare { status_or_names: matches!(kind, BareKind::Status | BareKind::Names) }
            }
        };
        let sender_life = self.node(from).life;
        let may_fill = self.connections.iter().any(|other| other.id != conn && !other.is_dead());
        let is_doubtful = self.connection(conn).is_some_and(|connection| connection.may_be_unread_by(reader));
        let acked = self.connection(conn).and_then(|connection| connection.half(from).acked_by(sender_life));
        let acked = acked.unwrap_or(Seq::ZERO);
        let arrival = Arrival { conn, what, label, life: sender_life, is_doubtful, acked };
        let had_hole =
            self.node(from).is_unsettled && self.node(from).seen_since.is_none_or(|first| arrival.is_number(first));
        let last_break = self.last_break;
        if self.is_for_another(conn, from, message) {
            return self.note_talk(label);
        }
        let node = self.node_mut(reader);
        node.has_heard = true;
        node.has_heard_bare |= matches!(what, Arrived::Bare { .. });
        if had_hole {
            node.read_past_hole(what);
        }
        if sender_life > node.peer_life && node.record.seq_next.0 == 0 && !node.ended {
            node.peer_life = sender_life;
        }
        if (node.ended || sender_life > node.peer_life) && node.id.is_none() {
            node.keep_log(arrival); // HRD-1: who has ids reads nothing that was for another incarnation
        }
        if node.ended {
            return; // the record was reset: its next incarnation reads the log
        }
        if is_doubtful {
            node.prompts = node.prompts.saturating_add(1);
            node.keep_late(arrival);
            return;
        }
        node.read(arrival, may_fill);
        if let Some(gap) = node.gap.as_mut().filter(|gap| gap.ignored == 1) {
            gap.after_break = last_break;
        }
        self.note_talk(label);
    }

    /// Notes for open gaps that the pair still talks.
    fn note_talk(&mut self, label: L) {
        for node in &mut self.nodes {
            if let Some(gap) = node.gap.as_mut().filter(|gap| !gap.broken) {
                gap.last_talk = label;
            }
        }
    }

    /// `conn` broke, as both nodes may notice from now on, each once.
    fn count_break(&mut self, conn: Conn, at: L, is_reset: bool) {
        let Some(connection) = self.connection_mut(conn) else { return };
        let was_used = connection.was_used();
        connection.is_counted = true;
        let is_orderly = self.nodes.iter().any(|node| node.ended) && !is_reset;
        if was_used && !is_orderly {
            self.breaks += 1;
            self.last_break = Some((at, is_reset));
        }
        for node in &mut self.nodes {
            node.note_break(is_reset);
        }
        let Self { suspicions, nodes, .. } = self;
        let has_pass_too_many = |side: Side| side.pick(nodes).passes > side.pick(nodes).breaks;
        suspicions.retain(|suspect| suspect.proof != Proof::NoBreak || has_pass_too_many(suspect.culprit));
    }

    /// What was in flight on `conn` may be lost.
    fn disturb(&mut self, conn: Conn) {
        for node in &mut self.nodes {
            node.reads.clear();
            if let Some(gap) = node.gap.as_mut() {
                gap.is_disturbed = true;
                gap.broken |= conn == gap.conn;
            }
        }
    }

    fn connection(&self, conn: Conn) -> Option<&Connection> {
        self.connections.iter().rev().find(|connection| connection.id == conn)
    }

    fn connection_mut(&mut self, conn: Conn) -> Option<&mut Connection> {
        self.connections.iter_mut().rev().find(|connection| connection.id == conn)
    }

    /// Makes room for one more: a late segment may still belong to one that ended, hardly to one that was never used.
    fn forget_dead(&mut self) {
        let dead = self.connections.iter().filter(|connection| connection.is_dead()).count();
        if dead <= MAX_DEAD_CONNECTIONS && self.connections.len() < MAX_CONNECTIONS {
            return;
        }
        let is_idle = |connection: &Connection| connection.is_dead() || !connection.was_used();
        let oldest = self.connections.iter().position(is_idle).unwrap_or(0);
        if oldest < self.connections.len() {
            self.connections.remove(oldest);
        }
    }
}
