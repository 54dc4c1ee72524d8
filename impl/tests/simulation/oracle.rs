//! What the upper layers sent and got, and what the protocol promises of it.

use std::collections::BTreeMap;

use midcomms::midcomms::{Delivery, Event, Incarnation, Kind, Reason};

/// A node, by its index.
pub(crate) type NodeIndex = usize;

const HEAD: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Reserved,
    Committed { len: usize },
    Cancelled,
}

/// What one incarnation of a record sent.
#[derive(Debug, Default)]
struct Life {
    slots: Vec<Slot>,
    /// Slots that were delivered or are cancelled, from the first on.
    delivered: usize,
    /// The session of the receiver's that got any of it.
    receiver: Option<u32>,
    /// A crash, a fence or a timeout may have cost its messages.
    is_excused: bool,
    has_ended: bool,
}

impl Life {
    fn skip_cancelled(&mut self) {
        while self.slots.get(self.delivered) == Some(&Slot::Cancelled) {
            self.delivered += 1;
        }
    }

    fn lacks(&mut self) -> usize {
        self.skip_cancelled();
        self.slots.iter().skip(self.delivered).filter(|slot| matches!(slot, Slot::Committed { .. })).count()
    }
}

/// What a receiver has got since its record was reset last.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    number: u32,
    from: Option<Incarnation>,
    ups: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    lives: BTreeMap<(NodeIndex, NodeIndex, Incarnation), Life>,
    sessions: BTreeMap<(NodeIndex, NodeIndex), Session>,
    pub(crate) delivered: u64,
    pub(crate) closed: u64,
    pub(crate) resets: BTreeMap<&'static str, u64>,
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::PeerRestarted => "PeerRestarted",
        Reason::PeerGone => "PeerGone",
        Reason::Leftover => "Leftover",
        Reason::ShutdownTimeout => "ShutdownTimeout",
        Reason::NoHandshake => "NoHandshake",
        Reason::Fenced => "Fenced",
    }
}

/// The body of message `index` of an incarnation: every byte says which it is.
pub(crate) fn body(kind: Kind, from: NodeIndex, incarnation: Incarnation, index: usize, len: usize) -> Vec<u8> {
    let code: u32 = if kind == Kind::Msg { 1 } else { 3 };
    let mut body = Vec::with_capacity(len);
    body.extend(code.to_le_bytes());
    body.extend(u32::try_from(from).unwrap().to_le_bytes());
    body.extend(incarnation.0.to_le_bytes());
    body.extend(u64::try_from(index).unwrap().to_le_bytes());
    let fill = (0..len.saturating_sub(HEAD)).map(|at| (at.wrapping_mul(31).wrapping_add(index * 7)) as u8);
    body.extend(fill);
    body
}

pub(crate) fn kind_of(index: usize) -> Kind {
    if index.is_multiple_of(3) { Kind::Rcom } else { Kind::Msg }
}

fn word(body: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(body[at..at + 8].try_into().unwrap())
}

impl Oracle {
    /// The index of the next message of an incarnation.
    pub(crate) fn next_index(&self, from: NodeIndex, to: NodeIndex, incarnation: Incarnation) -> usize {
        self.lives.get(&(from, to, incarnation)).map_or(0, |life| life.slots.len())
    }

    pub(crate) fn sent(&mut self, from: NodeIndex, to: NodeIndex, incarnation: Incarnation, len: usize) {
        self.lives.entry((from, to, incarnation)).or_default().slots.push(Slot::Committed { len });
    }

    pub(crate) fn reserved(&mut self, from: NodeIndex, to: NodeIndex, incarnation: Incarnation) {
        self.lives.entry((from, to, incarnation)).or_default().slots.push(Slot::Reserved);
    }

    pub(crate) fn settled(
        &mut self,
        from: NodeIndex,
        to: NodeIndex,
        incarnation: Incarnation,
        index: usize,
        len: Option<usize>,
    ) {
        let slot = &mut self.lives.get_mut(&(from, to, incarnation)).unwrap().slots[index];
        *slot = len.map_or(Slot::Cancelled, |len| Slot::Committed { len });
    }

    /// A crash, a fence or a timeout: what this incarnation sends may be lost.
    pub(crate) fn excuse(&mut self, from: NodeIndex, to: NodeIndex, incarnation: Incarnation) {
        self.lives.entry((from, to, incarnation)).or_default().is_excused = true;
    }

    /// A node has forgotten everything: its next deliveries are a new session.
    pub(crate) fn forget(&mut self, node: NodeIndex) {
        for ((at, _), session) in &mut self.sessions {
            if *at == node {
                *session = Session { number: session.number + 1, ..Session::default() };
            }
        }
        for ((from, _, _), life) in &mut self.lives {
            life.has_ended |= *from == node;
        }
    }

    /// An event at `node` about `peer`; `own` is the incarnation of the record before the input that caused it.
    pub(crate) fn event(
        &mut self,
        node: NodeIndex,
        peer: NodeIndex,
        own: Incarnation,
        event: &Event,
    ) -> Result<(), String> {
        match event {
            Event::Delivered(delivery) => self.delivered(node, peer, delivery),
            Event::Up { .. } => {
                let session = self.sessions.entry((node, peer)).or_default();
                session.ups += 1;
                (session.ups == 1).then_some(()).ok_or_else(|| format!("Up twice at {node} about {peer}"))
            }
            Event::Closed => {
                self.closed += 1;
                self.end(node, peer, own, None)
            }
            Event::Reset { reason, .. } => {
                *self.resets.entry(reason_name(*reason)).or_default() += 1;
                self.end(node, peer, own, Some(*reason))
            }
            Event::Unexpected(what) => Err(format!("NoUnexpected: at {node} about {peer}: {what}")),
            Event::Misbehaved(what) => Err(format!("{node} blames {peer}: {what}")),
            Event::PeerClosing | Event::ShutdownDone(_) | Event::SendReady => Ok(()),
        }
    }

    fn delivered(&mut self, to: NodeIndex, from: NodeIndex, delivery: &Delivery) -> Result<(), String> {
        let got = &delivery.body;
        let (incarnation, index) = (Incarnation(word(got, 8)), usize::try_from(word(got, 16)).unwrap());
        let life = self
            .lives
            .get_mut(&(from, to, incarnation))
            .ok_or_else(|| format!("{to} got from {from} what nobody sent: {incarnation} {index}"))?;
        life.skip_cancelled();
        if index != life.delivered {
            return Err(format!(
                "ExactlyOnceInOrder: {to} got {index} of {from} ({incarnation}), expected {}",
                life.delivered
            ));
        }
        let Some(Slot::Committed { len }) = life.slots.get(index) else {
            return Err(format!("{to} got {index} of {from}, which is not committed: {:?}", life.slots.get(index)));
        };
        let kind = kind_of(index);
        if delivery.kind != kind || got[..] != body(kind, from, incarnation, index, *len)[..] {
            return Err(format!("{to} got other bytes than those of {index} of {from}"));
        }
        life.delivered += 1;
        self.delivered += 1;
        let session = self.sessions.entry((to, from)).or_default();
        let receiver = *life.receiver.get_or_insert(session.number);
        let sender = *session.from.get_or_insert(incarnation);
        if receiver != session.number || sender != incarnation {
            return Err(format!("NoCrossIncarnation: {to} got {index} of {from} ({incarnation}) in another session"));
        }
        Ok(())
    }

    fn end(
        &mut self,
        node: NodeIndex,
        peer: NodeIndex,
        own: Incarnation,
        reason: Option<Reason>,
    ) -> Result<(), String> {
        let session = self.sessions.entry((node, peer)).or_default();
        *session = Session { number: session.number + 1, ..Session::default() };
        let Some(life) = self.lives.get_mut(&(node, peer, own)) else { return Ok(()) };
        life.has_ended = true;
        let is_excused = life.is_excused || matches!(reason, Some(Reason::Fenced | Reason::ShutdownTimeout));
        let lacks = life.lacks();
        if lacks > 0 && (!is_excused || reason.is_none()) {
            let why = reason.map_or("its handshake", reason_name);
            return Err(format!("NoLoss: {node} ({own}) ended by {why}, {lacks} messages did not reach {peer}"));
        }
        Ok(())
    }

    /// What was committed towards a peer that is a member and has not arrived.
    pub(crate) fn lacks(&mut self, from: NodeIndex, to: NodeIndex, incarnation: Incarnation) -> usize {
        self.lives.get_mut(&(from, to, incarnation)).map_or(0, Life::lacks)
    }
}
