//! The connections that are being followed.

use super::emit::Emitter;
use super::ip::Address;
use super::stream::{Stream, Unit};
use super::{ConnId, Direction, Endpoint, Observed, Transport, TransportEvent};
use crate::hash::FoldState;
use std::collections::{HashMap, VecDeque};

/// Connections that are followed at the same time; beyond, one that was quiet for long is forgotten.
const MAX_CONNECTIONS: usize = 8192;
/// Connections that are remembered when they are over: late copies of their segments are no new ones.
const MAX_CLOSED: usize = 128;
/// Entries of the queue whose connection is gone, before they are swept out.
const MAX_STALE: usize = 256;

/// The two ends of a connection, the lower one first, so that both directions have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    low: (Address, u16),
    high: (Address, u16),
    sctp: bool,
}

impl FlowKey {
    /// The key of a packet, and whether the packet came from the lower end.
    #[inline]
    pub(super) fn new(source: (Address, u16), destination: (Address, u16), transport: Transport) -> (Self, bool) {
        let sctp = transport == Transport::Sctp;
        let from_low = source <= destination;
        let (low, high) = match from_low {
            true => (source, destination),
            false => (destination, source),
        };
        (FlowKey { low, high, sctp }, from_low)
    }

    fn transport(&self) -> Transport {
        match self.sctp {
            true => Transport::Sctp,
            false => Transport::Tcp,
        }
    }
}

/// A connection or association.
pub(super) struct Connection {
    pub(super) id: ConnId,
    opener_is_low: bool,
    pub(super) complete: bool,
    pub(super) accepted: bool,
    /// What tells one life of this pair of ends from another: initial sequence number or initiate tag.
    marks: [Option<u32>; 2],
    from_opener: Stream,
    from_acceptor: Stream,
    /// Since it was opened, or came up for eviction.
    used: bool,
    /// The table knows that it is over.
    is_retired: bool,
}

impl Connection {
    #[inline]
    pub(super) fn direction(&self, from_low: bool) -> Direction {
        match from_low == self.opener_is_low {
            true => Direction::FromOpener,
            false => Direction::FromAcceptor,
        }
    }

    #[inline]
    pub(super) fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::FromOpener => &mut self.from_opener,
            Direction::FromAcceptor => &mut self.from_acceptor,
        }
    }

    /// The next number in order of a direction, where its start is known.
    pub(super) fn next(&self, direction: Direction) -> Option<u32> {
        match direction {
            Direction::FromOpener => self.from_opener.next(),
            Direction::FromAcceptor => self.from_acceptor.next(),
        }
    }

    pub(super) fn mark(&self, direction: Direction) -> Option<u32> {
        match (direction, self.marks) {
            (Direction::FromOpener, [mark, _]) | (Direction::FromAcceptor, [_, mark]) => mark,
        }
    }

    pub(super) fn set_mark(&mut self, direction: Direction, mark: u32) {
        let [opener, acceptor] = &mut self.marks;
        match direction {
            Direction::FromOpener => *opener = Some(mark),
            Direction::FromAcceptor => *acceptor = Some(mark),
        }
    }

    /// Whether it is over: broken, or finished by both ends.
    pub(super) fn is_closed(&self) -> bool {
        self.from_opener.is_reset()
            || self.from_acceptor.is_reset()
            || (self.from_opener.is_finished() && self.from_acceptor.is_finished())
    }

    /// Whether it is over and the table does not know.
    #[inline]
    pub(super) fn is_newly_closed(&self) -> bool {
        !self.is_retired && self.is_closed()
    }

    pub(super) fn accept<S: FnMut(Observed<'_>)>(&mut self, out: &mut Emitter<'_, S>) {
        if !self.accepted {
            self.accepted = true;
            out.emit(self.id, TransportEvent::Accepted);
        }
    }

    fn close<S: FnMut(Observed<'_>)>(&mut self, out: &mut Emitter<'_, S>) {
        self.from_opener.close(self.id, out);
        self.from_acceptor.close(self.id, out);
    }

    fn forget<S: FnMut(Observed<'_>)>(mut self, out: &mut Emitter<'_, S>) {
        self.close(out);
        out.emit(self.id, TransportEvent::Forgotten);
    }
}

/// All connections, bounded.
#[derive(Default)]
pub(super) struct Table {
    connections: HashMap<FlowKey, Connection, FoldState>,
    /// In the order in which they come up for eviction.
    queue: VecDeque<(FlowKey, ConnId)>,
    /// Those that are over, the oldest first.
    closed: VecDeque<(FlowKey, ConnId)>,
    opened: u32,
}

impl Table {
    /// The connection of a packet, if it is followed.
    #[inline]
    pub(super) fn find(&mut self, key: &FlowKey) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(key)?;
        connection.used = true;
        Some(connection)
    }

    /// Follows a new connection, in place of an older one between the same ends.
    pub(super) fn open<S: FnMut(Observed<'_>)>(
        &mut self,
        key: FlowKey,
        opener_is_low: bool,
        complete: bool,
        out: &mut Emitter<'_, S>,
    ) -> &mut Connection {
        self.make_room(out);
        self.opened = self.opened.wrapping_add(1);
        let id = ConnId(self.opened);
        let unit = match key.sctp {
            true => Unit::Chunk,
            false => Unit::Byte,
        };
        let connection = Connection {
            id,
            opener_is_low,
            complete,
            accepted: false,
            marks: [None; 2],
            from_opener: Stream::new(Direction::FromOpener, unit),
            from_acceptor: Stream::new(Direction::FromAcceptor, unit),
            used: false,
            is_retired: false,
        };
        if let Some(old) = self.connections.remove(&key) {
            old.forget(out);
        }
        self.queue.push_back((key, id));
        let (low, high) = (endpoint(key.low), endpoint(key.high));
        let (opener, acceptor) = match opener_is_low {
            true => (low, high),
            false => (high, low),
        };
        out.emit(id, TransportEvent::Opened { transport: key.transport(), opener, acceptor, complete });
        self.connections.entry(key).or_insert(connection)
    }

    /// Forgets the first connection that was not used since it last came up.
    fn make_room<S: FnMut(Observed<'_>)>(&mut self, out: &mut Emitter<'_, S>) {
        while self.queue.len() >= MAX_CONNECTIONS {
            let Some((key, id)) = self.queue.pop_front() else {
                return;
            };
            let Some(connection) = self.connections.get_mut(&key).filter(|c| c.id == id) else {
                continue;
            };
            if connection.used && !connection.is_closed() {
                connection.used = false;
                self.queue.push_back((key, id));
            } else if let Some(connection) = self.connections.remove(&key) {
                connection.forget(out);
            }
        }
    }

    /// Notes that a connection is over. Of too many such, those that are over for the longest are forgotten.
    #[cold]
    pub(super) fn retire<S: FnMut(Observed<'_>)>(&mut self, key: FlowKey, out: &mut Emitter<'_, S>) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        connection.is_retired = true;
        self.closed.push_back((key, connection.id));
        self.forget_closed(out);
    }

    fn forget_closed<S: FnMut(Observed<'_>)>(&mut self, out: &mut Emitter<'_, S>) {
        while self.closed.len() > MAX_CLOSED {
            let Some((key, id)) = self.closed.pop_front() else {
                return;
            };
            if self.connections.get(&key).is_some_and(|connection| connection.id == id)
                && let Some(connection) = self.connections.remove(&key)
            {
                connection.forget(out);
            }
        }
        if self.queue.len() > self.connections.len() + MAX_STALE {
            let connections = &self.connections;
            self.queue.retain(|(key, id)| connections.get(key).is_some_and(|connection| connection.id == *id));
        }
    }

    /// The capture is over.
    pub(super) fn close<S: FnMut(Observed<'_>)>(&mut self, out: &mut Emitter<'_, S>) {
        let mut connections: Vec<Connection> = self.connections.drain().map(|(_, connection)| connection).collect();
        connections.sort_by_key(|connection| connection.id);
        for connection in &mut connections {
            connection.close(out);
        }
    }
}

fn endpoint((address, port): (Address, u16)) -> Endpoint {
    Endpoint { addr: address.to_ip(), port }
}
