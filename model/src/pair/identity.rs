//! Incarnation ids: who says which incarnation its messages are from and for (HRD-1, HRD-3).

use crate::message::{BareKind, Ids, Message};
use crate::revision::{Revision, RevisionSet};
use crate::rule::{self, Refusal};
use crate::seq::Seq;

use super::{Conn, Node, Pair, Side};

/// Ids of one node that are remembered: whoever names an older one is believed.
const MAX_IDS: usize = 64;

/// Of which incarnation of its sender's record a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The sender has no ids, or they are not known.
    Linux,
    /// Of the one that is known.
    Current,
    /// Of one that begins with it: a hello with this id.
    Begins(u64),
    /// Of one that is over: nobody handles it.
    Over,
}

impl<L: Copy> Pair<L> {
    /// Of which incarnation `message` is, by the hello that is it or was before it on its connection. What this says of
    /// the sender's revision is noted.
    pub(super) fn identify(&mut self, conn: Conn, from: Side, message: &Message) -> Result<Standing, Refusal> {
        let Some(connection) = self.connection(conn) else { return Ok(Standing::Linux) };
        let half = *connection.half(from);
        let source = match *message {
            Message::Hello(_, ids) => {
                self.check_hello(from, half.ids, ids)?;
                self.node_mut(from).revisions = RevisionSet::only(Revision::Hardened);
                ids.source
            }
            Message::Gone(ids) => {
                self.check_gone(from, half.ids, half.is_unidentified, ids)?;
                return Ok(Standing::Current);
            }
            _ => match half.ids {
                Some(ids) => ids.source,
                None if half.is_unidentified => return Ok(Standing::Linux),
                None => return self.note_linux(from, message),
            },
        };
        Ok(match self.node(from).id {
            Some(id) if source < id => Standing::Over,
            Some(id) if source > id => Standing::Begins(source),
            _ => Standing::Current,
        })
    }

    /// HRD-1: whoever begins a connection without a hello is not hardened.
    fn note_linux(&mut self, from: Side, message: &Message) -> Result<Standing, Refusal> {
        let node = self.node_mut(from);
        let left = node.revisions.filter(|revision| revision != Revision::Hardened);
        if left.is_empty() || node.id.is_some() {
            let expected = "a hello as the first message of a hardened node on its connection";
            return Err(Refusal::new(rule::HRD_1, expected, name(message)));
        }
        node.revisions = left;
        Ok(Standing::Linux)
    }

    fn check_hello(&self, from: Side, said: Option<Ids>, ids: Ids) -> Result<(), Refusal> {
        let node = self.node(from);
        if !node.revisions.contains(Revision::Hardened) {
            let expected = format!("an ACK of 16 bytes from {}", node.revisions);
            return Err(Refusal::new(rule::WIRE_8, expected, "a hello"));
        }
        if ids.source == 0 || ids.destination == Some(0) {
            return Err(Refusal::new(rule::HRD_1, "an id that is not 0", "a hello from incarnation 0"));
        }
        if let Some(said) = said.filter(|said| ids.source < said.source) {
            let expected = format!("an incarnation from {:x} on, as before on this connection", said.source);
            return Err(Refusal::new(rule::HRD_1, expected, format!("a hello from {:x}", ids.source)));
        }
        match ids.destination.filter(|id| !self.node(from.other()).may_have_told(*id)) {
            Some(id) => {
                let expected = "0, or the id of an incarnation that the peer has told";
                Err(Refusal::new(rule::HRD_1, expected, format!("a hello for {id:x}")))
            }
            None => Ok(()),
        }
    }

    /// HRD-3: a *gone* comes behind a hello, and is about an incarnation that was.
    fn check_gone(&self, from: Side, said: Option<Ids>, is_unidentified: bool, ids: Ids) -> Result<(), Refusal> {
        let node = self.node(from);
        if said.is_none() && !is_unidentified {
            let expected = "a hello as the first message of a hardened node on its connection";
            return Err(Refusal::new(rule::HRD_1, expected, "a gone"));
        }
        if !node.may_have_told(ids.source) {
            let expected = "a gone about an incarnation that its sender has told";
            return Err(Refusal::new(rule::HRD_1, expected, format!("one about {:x}", ids.source)));
        }
        Ok(())
    }

    /// The sender's next incarnation begins by its own word. Nothing that came before was for it, if the peer has ids too.
    pub(super) fn begin_identified(&mut self, from: Side, id: u64) {
        let (peer_life, peer_has_ids) = (self.node(from.other()).life, self.node(from.other()).id.is_some());
        let node = self.node_mut(from);
        if peer_has_ids {
            node.log.clear();
        }
        node.log_overflowed = false;
        node.id = Some(id);
        node.begin_life(peer_life);
    }

    /// In mid-stream the first hello that is seen may be that of the incarnation that is known by its numbers, or begin the
    /// next one: this pair, where it does.
    pub(super) fn beginning_with(&self, from: Side, message: &Message) -> Option<Self> {
        let node = self.node(from);
        let Message::Hello(Seq::ZERO, ids) = *message else { return None };
        let is_open = node.id.is_none() && node.ids_partial && node.record.seq_next != Seq::ZERO;
        let mut next = is_open.then(|| self.clone())?;
        next.begin_identified(from, ids.source);
        Some(next)
    }

    /// Notes what a hello says of all that follows on its connection.
    pub(super) fn say(&mut self, conn: Conn, from: Side, message: &Message) {
        let Message::Hello(_, ids) = *message else { return };
        if let Some(connection) = self.connection_mut(conn) {
            let half = connection.half_mut(from);
            half.ids = Some(ids);
            half.is_unidentified = false;
        }
        let node = self.node_mut(from);
        if node.id.is_none_or(|id| id <= ids.source) {
            node.id = Some(ids.source);
        }
        node.tell_id(ids.source);
    }

    /// HRD-1: whether the reader drops `message`, for it is for another of its incarnations. STATUS it never drops.
    pub(super) fn is_for_another(&self, conn: Conn, from: Side, message: &Message) -> bool {
        let reader = self.node(from.other());
        let said = self.connection(conn).and_then(|connection| connection.half(from).ids);
        let is_hardened = reader.id.is_some() || reader.revisions == RevisionSet::only(Revision::Hardened);
        let is_status = matches!(message, Message::Bare(BareKind::Status | BareKind::StatusNotReady));
        let is_another = |said: Ids| match (said.destination, reader.id) {
            (Some(_), None) => !reader.ids_partial, // in mid-stream the reader's id may have been told before
            (meant, id) => meant != id,
        };
        is_hardened && !is_status && said.is_some_and(is_another)
    }
}

impl<L> Node<L> {
    fn may_have_told(&self, id: u64) -> bool {
        self.ids_partial || self.ids.front().is_none_or(|oldest| id < *oldest) || self.ids.contains(&id)
    }

    fn tell_id(&mut self, id: u64) {
        if self.ids.contains(&id) {
            return;
        }
        if self.ids.len() == MAX_IDS {
            self.ids.pop_front();
        }
        let place = self.ids.partition_point(|known| *known < id);
        self.ids.insert(place, id);
    }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Opts { .. } => "OPTS",
        Message::Ack(_) => "an ACK of 16 bytes",
        Message::Hello(..) => "a hello",
        Message::Gone(_) => "a gone",
        Message::Bare(_) => "a bare message",
    }
}
