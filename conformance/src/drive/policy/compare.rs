//! The implementation and its account after a call, field by field.

use core::fmt::Debug;

use bytes::Bytes;
use midcomms::midcomms::{Delivery, Event, EventRef, Input, Kind, PeerMisbehaved, Snapshot, State, Transmit};
use midcomms::wire::{MSG_FIXED_LEN, Seq};

use super::output::LOCKSPACE;
use super::read::ANY_FRAMING;
use super::walk::Walker;

/// Things to do after one call, at most: beyond it the implementation is never quiet.
const ROUNDS: usize = 64;

/// What differs: the field, what the account has, and what the implementation does.
pub(super) type Checked = Result<(), (&'static str, String, String)>;

pub(super) fn same<T: PartialEq + Debug>(field: &'static str, expected: T, got: T) -> Checked {
    if expected == got { Ok(()) } else { Err((field, short(&expected), short(&got))) }
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    if text.chars().count() > 400 { text.chars().take(400).chain("…".chars()).collect() } else { text }
}

impl Walker {
    // ---- what comes of it ----------------------------------------------------------------------------------------

    /// Compares what there is, and lets the implementation do what it wants to, and the account what it has to.
    pub(super) fn settle(&mut self) -> Checked {
        for _ in 0..ROUNDS {
            self.compare()?;
            same("messages that an observer sees", core::mem::take(&mut self.account.seen), self.watch.take())?;
            let mut batch = Vec::new();
            let expected = self.account.transmit();
            same("poll_transmit", expected, self.peer.poll_transmit(self.now, &mut batch))?;
            match expected {
                None => return if self.chance.below(4) == 0 { Ok(()) } else { self.events() },
                Some(Transmit::Close(_)) => drop(self.account.closes.pop()),
                Some(Transmit::Open) => self.account.is_opening = true,
                Some(Transmit::Write(id)) => {
                    let written = self.account.write(self.now, id, &batch);
                    written.map_err(|(expected, got)| ("what is written", expected, got))?;
                    if self.chance.below(3) > 0 {
                        self.input(Input::Written(id));
                    }
                }
            }
        }
        Err(("poll_transmit", format!("quiet after {ROUNDS} rounds"), "there is more".to_owned()))
    }

    fn compare(&self) -> Checked {
        let (peer, account) = (&self.peer, &self.account);
        let expected = Snapshot {
            state: State::Established,
            seq_send: account.seq_send(),
            seq_next: Seq(account.seq_next),
            queue: account.entries.len(),
            users: 1,
            incarnation: account.own,
        };
        same("snapshot", expected, peer.snapshot())?;
        same("state", State::Established, peer.state())?;
        same("node and peer", [account.node, account.peer], [peer.node(), peer.peer()])?;
        same("version", account.version, peer.version())?;
        same("bound", account.bound, peer.bound())?;
        same("stops", (false, false), peer.stops())?;
        same("members", &[LOCKSPACE][..], peer.members())?;
        same("is_initial", false, peer.is_initial())?;
        same("queued", (account.entries.len(), account.bytes_from(0)), peer.queued())?;
        same("output_bytes", account.bytes_from(account.cursor), peer.output_bytes())?;
        let ids = [&account.ours, &account.theirs].map(|line| line.as_ref().map(|line| line.id));
        same("connections", (ids[0], ids[1]), peer.connections())?;
        same("poll_timeout", account.timeout(), peer.poll_timeout())?;
        same("counters", account.counters, *peer.counters())?;
        let next = account.transmit();
        let write = match next {
            Some(Transmit::Write(id)) => Some(id),
            _ => None,
        };
        same("has_transmit", next.is_some(), peer.has_transmit())?;
        same("next_write", write, peer.next_write())?;
        same("is_flushed", account.is_flushed(), peer.is_flushed())
    }

    /// Takes all events, in each of the ways in which they can be taken.
    pub(super) fn events(&mut self) -> Checked {
        let expected: Vec<Event> = self.account.events.drain(..).collect();
        let batch = self.peer.events();
        same("how many events", (expected.len(), expected.is_empty()), (batch.len(), batch.is_empty()))?;
        same("how many events", (expected.len(), Some(expected.len())), batch.size_hint())?;
        let mut lent = batch.clone();
        for expected in &expected {
            let Some(got) = lent.next_ref() else {
                return Err(("event", short(expected), "none".to_owned()));
            };
            let event = match got {
                EventRef::Delivered { seq, kind, lockspace, body } => {
                    let body = Bytes::copy_from_slice(body);
                    Event::Delivered(Delivery { seq, kind, lockspace, body })
                }
                EventRef::Other(event) => event,
            };
            is_like(expected, &event)?;
        }
        same("events behind the last", true, lent.next_ref().is_none() && lent.is_empty())?;
        let got: Vec<Event> = match self.chance.below(2) {
            0 => self.peer.drain_events().collect(),
            _ => std::iter::from_fn(|| self.peer.poll_event()).collect(),
        };
        same("how many events", expected.len(), got.len())?;
        expected.iter().zip(&got).try_for_each(|(expected, got)| is_like(expected, got))
    }
}

/// Whether an event is the one that there has to be. Which error of framing is told is the framer's business.
fn is_like(expected: &Event, got: &Event) -> Checked {
    if let Event::Misbehaved(fault) = got {
        let ends = matches!(fault, PeerMisbehaved::WrongNodeId { .. } | PeerMisbehaved::Unparseable(_));
        same("ends_connection", ends, fault.ends_connection())?;
    }
    if *expected == Event::Misbehaved(ANY_FRAMING) && matches!(got, Event::Misbehaved(PeerMisbehaved::Unparseable(_))) {
        return Ok(());
    }
    let (Event::Delivered(delivery), Event::Delivered(other)) = (expected, got) else {
        return same("event", expected, got);
    };
    let fields = |delivery: &Delivery| (delivery.seq, delivery.kind, delivery.lockspace);
    same("delivery", fields(delivery), fields(other))?;
    same("body of a delivery", &delivery.body, &other.body)?;
    let opaque = (delivery.kind == Kind::Msg).then(|| delivery.body.slice(MSG_FIXED_LEN..));
    same("opaque bytes of a delivery", opaque, other.opaque())
}
