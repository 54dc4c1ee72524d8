//! Follows each message through output and connection by its place in them.

use crate::seq::Seq;
use crate::system::observer::{Occurrence, Outcome};
use crate::system::wire::Msg;

use super::run::{Connection, Event, Fate, Frame, Sent, is_end};

/// One direction: the messages that [`crate::system::wire::Fifo`] holds, and those that were put by.
#[derive(Debug, Default)]
struct Lane {
    from: usize,
    to: usize,
    fifo: Vec<usize>,
    stale: Vec<usize>,
    connection: Option<usize>,
}

/// Turns occurrences into events about messages with an identity.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) messages: Vec<Sent>,
    pub(super) connections: Vec<Connection>,
    lanes: Vec<Lane>,
    first_number: Seq,
}

impl Follower {
    pub(super) fn new(nodes: usize, first_number: Seq) -> Self {
        let lanes = (0..nodes).flat_map(|from| (0..nodes).map(move |to| Lane { from, to, ..Lane::default() }));
        Self { messages: Vec::new(), connections: Vec::new(), lanes: lanes.collect(), first_number }
    }

    fn lane(&mut self, from: usize, to: usize) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| (lane.from, lane.to) == (from, to))
    }

    /// The connection to which `from` writes: its own, or the one that `to` opened (NET-1).
    fn connection(&mut self, from: usize, to: usize) -> Option<usize> {
        let own = self.lane(from, to).and_then(|lane| lane.connection);
        own.or_else(|| self.lane(to, from).and_then(|lane| lane.connection))
    }

    pub(super) fn see(&mut self, step: usize, occurrence: Occurrence, after: &Frame) -> Vec<Event> {
        match occurrence {
            Occurrence::Queued { from, to, index, message } => self.queued(step, from, to, index, message),
            Occurrence::Written { from, to, count } => {
                let ids: Vec<_> = self.lane(from, to).map(|lane| lane.fifo.clone()).unwrap_or_default();
                ids.into_iter().take(count).filter_map(|id| self.written(step, id)).collect()
            }
            Occurrence::Lost { from, to, index, .. } => {
                let lane = self.lane(from, to).filter(|lane| index < lane.fifo.len());
                let id = lane.map(|lane| lane.fifo.remove(index));
                id.and_then(|id| self.lost(step, id)).into_iter().collect()
            }
            Occurrence::Read { from, to, stale, outcome, message } => {
                let is_of_old_life = !is_end(message) && message.source() != after.end(from, to).life;
                let id = self.lane(from, to).and_then(|lane| {
                    let list = if stale { &mut lane.stale } else { &mut lane.fifo };
                    (!list.is_empty()).then(|| list.remove(0))
                });
                let read = id.and_then(|id| self.read(step, id, outcome, is_of_old_life));
                read.into_iter().collect()
            }
            Occurrence::Delayed { from, to, .. } => {
                let lane = self.lane(from, to).filter(|lane| !lane.fifo.is_empty());
                let id = lane.map(|lane| {
                    let id = lane.fifo.remove(0);
                    lane.stale.push(id);
                    id
                });
                id.and_then(|id| self.delayed(step, id)).into_iter().collect()
            }
            Occurrence::Opened { from, to } => vec![self.opened(step, from, to)],
            other => vec![Event::Other(other)],
        }
    }

    /// What vanished without a word: input that was put by, when its node forgets it.
    pub(super) fn settle(&mut self, step: usize, after: &Frame) -> Vec<Event> {
        let mut gone = Vec::new();
        for lane in &mut self.lanes {
            let left = usize::from(after.end(lane.to, lane.from).stale_len);
            let excess = lane.stale.len().saturating_sub(left);
            gone.extend(lane.stale.drain(..excess));
        }
        gone.into_iter().filter_map(|id| self.lost(step, id)).collect()
    }

    fn queued(&mut self, step: usize, from: usize, to: usize, index: usize, message: Msg) -> Vec<Event> {
        let id = self.messages.len();
        self.messages.push(Sent {
            from,
            to,
            message,
            number: self.first_number.plus(u32::from(message.number())),
            is_copy: message.is_copy(),
            queued: step,
            written: None,
            connection: None,
            delayed: None,
            fate: Fate::UnderWay,
        });
        if let Some(lane) = self.lane(from, to) {
            let index = index.min(lane.fifo.len());
            lane.fifo.insert(index, id);
        }
        let written = if is_end(message) { self.written(step, id) } else { None };
        std::iter::once(Event::Queued(id)).chain(written).collect()
    }

    fn written(&mut self, step: usize, id: usize) -> Option<Event> {
        let (from, to) =
            self.messages.get(id).filter(|sent| sent.written.is_none()).map(|sent| (sent.from, sent.to))?;
        let connection = self.connection(from, to);
        let sent = self.messages.get_mut(id)?;
        (sent.written, sent.connection) = (Some(step), connection);
        Some(Event::Written(id))
    }

    fn lost(&mut self, step: usize, id: usize) -> Option<Event> {
        self.messages.get_mut(id)?.fate = Fate::Lost { step };
        Some(Event::Lost(id))
    }

    fn read(&mut self, step: usize, id: usize, outcome: Outcome, is_of_old_life: bool) -> Option<Event> {
        self.messages.get_mut(id)?.fate = Fate::Read { step, outcome, is_of_old_life };
        Some(Event::Read(id))
    }

    fn delayed(&mut self, step: usize, id: usize) -> Option<Event> {
        self.messages.get_mut(id)?.delayed = Some(step);
        Some(Event::Delayed(id))
    }

    fn opened(&mut self, step: usize, opener: usize, acceptor: usize) -> Event {
        let connection = self.connections.len();
        self.connections.push(Connection { opener, acceptor, step });
        if let Some(lane) = self.lane(opener, acceptor) {
            lane.connection = Some(connection);
        }
        Event::Opened(connection)
    }
}
