//! From the events of a native trace to transport events, so that replay judges a trace as it judges a capture.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use super::event::Name;
use super::line::Head;
use crate::capture::{
    ConnId, DLM_PORT, Direction, Endpoint, FrameRef, HoleReason, Observed, Timestamp, Transport, TransportEvent,
};
use crate::hash::FoldState;

/// Connections followed at a time; beyond them the oldest is left behind.
const MAX_CONNECTIONS: usize = 8192;

/// Where something happened: what a report calls a frame, and when.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The number of the line.
    pub line: u64,
    /// When.
    pub time: Timestamp,
    /// Index of the file.
    pub file: u16,
}

impl At {
    /// As a frame.
    pub fn frame(self) -> FrameRef {
        FrameRef { file: self.file, number: self.line }
    }
}

#[derive(Clone, Copy, Debug)]
struct Conn {
    id: ConnId,
    opener: u32,
    acceptor: u32,
}

/// The connections of a trace, by the names that it has for them.
#[derive(Debug)]
pub struct Feed {
    head: Head,
    connections: HashMap<Name, Conn, FoldState>,
    /// Their names, oldest first.
    order: VecDeque<Name>,
    opened: u32,
    /// Pairs of which something is missing, before any of their connections was known.
    missed: Vec<(u32, u32)>,
    /// Times that a stream may lack something.
    pub holes: u64,
}

impl Feed {
    /// No connection yet.
    pub fn new(head: Head) -> Self {
        Self { head, connections: HashMap::default(), order: VecDeque::new(), opened: 0, missed: Vec::new(), holes: 0 }
    }

    /// An event of the transport.
    pub fn observed<'a>(at: At, conn: ConnId, event: TransportEvent<'a>) -> Observed<'a> {
        Observed { frame: at.frame(), time: at.time, conn, event }
    }

    fn endpoint(&self, node: u32, port: u16) -> Endpoint {
        let known = self.head.nodes.iter().find(|known| known.id == node).and_then(|known| known.address);
        Endpoint { addr: known.unwrap_or(IpAddr::V4(Ipv4Addr::from(node))), port }
    }

    /// The address by which a node is known to the judgement of pairs.
    pub fn address(&self, node: u32) -> IpAddr {
        self.endpoint(node, DLM_PORT).addr
    }

    /// Whether the node's own events are in the trace; `None` if the head does not name it.
    pub fn is_recorded(&self, node: u32) -> Option<bool> {
        self.head.nodes.iter().find(|known| known.id == node).map(|known| known.recorded)
    }

    /// Whether the connection is known.
    pub fn knows(&self, name: &Name) -> bool {
        self.connections.contains_key(name)
    }

    /// `opener` opened a connection, or had before what is seen where it is not `complete`.
    ///
    /// # Errors
    /// If that cannot be.
    pub fn open(
        &mut self,
        name: &Name,
        ends: (u32, u32),
        complete: bool,
        at: At,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(), String> {
        let (opener, acceptor) = ends;
        if opener == acceptor {
            return Err(format!("node {opener} has no connection with itself"));
        }
        if self.order.len() == MAX_CONNECTIONS {
            let oldest = self.order.pop_front().and_then(|name| self.connections.remove(&name));
            oldest.into_iter().for_each(|oldest| sink(Self::observed(at, oldest.id, TransportEvent::Forgotten)));
        }
        self.opened += 1;
        let id = ConnId(self.opened);
        if let Some(old) = self.connections.insert(*name, Conn { id, opener, acceptor }) {
            sink(Self::observed(at, old.id, TransportEvent::Forgotten));
        } else {
            self.order.push_back(*name);
        }
        let missed = self.missed.iter().position(|pair| is_same_pair(*pair, ends));
        let complete = complete && missed.map(|index| self.missed.swap_remove(index)).is_none();
        let (opener, acceptor) = (self.endpoint(opener, self.opened as u16), self.endpoint(acceptor, DLM_PORT));
        let opened = TransportEvent::Opened { transport: Transport::Tcp, opener, acceptor, complete };
        sink(Self::observed(at, id, opened));
        Ok(())
    }

    /// Its opener and its acceptor.
    pub fn ends(&self, name: &Name) -> Option<(u32, u32)> {
        self.connections.get(name).map(|conn| (conn.opener, conn.acceptor))
    }

    /// Its present id.
    pub fn id(&self, name: &Name) -> Option<ConnId> {
        self.connections.get(name).map(|conn| conn.id)
    }

    /// The connection, and the direction from `from`.
    ///
    /// # Errors
    /// If `from` is no end of it.
    #[inline]
    pub fn end(&self, name: &Name, from: u32) -> Result<(ConnId, Direction), String> {
        self.end_of(name, from).map(|(conn, direction, _)| (conn, direction))
    }

    /// The same, and the other end.
    ///
    /// # Errors
    /// If `from` is no end of it.
    #[inline]
    pub fn end_of(&self, name: &Name, from: u32) -> Result<(ConnId, Direction, u32), String> {
        let conn = self.connections.get(name).ok_or("its connection was not opened")?;
        match from {
            opener if opener == conn.opener => Ok((conn.id, Direction::FromOpener, conn.acceptor)),
            acceptor if acceptor == conn.acceptor => Ok((conn.id, Direction::FromAcceptor, conn.opener)),
            other => Err(format!(
                "node {other} is no end of the connection, which is between {} and {}",
                conn.opener, conn.acceptor
            )),
        }
    }

    /// `from` ended a connection: it closed it in order, or reset it.
    ///
    /// # Errors
    /// If it is no end of it.
    pub fn finish(
        &mut self,
        name: &Name,
        from: u32,
        is_reset: bool,
        at: At,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(), String> {
        let (conn, direction) = self.end(name, from)?;
        let event = if is_reset { TransportEvent::Reset(direction) } else { TransportEvent::Finished(direction) };
        sink(Self::observed(at, conn, event));
        Ok(())
    }

    /// `from` sent a message.
    ///
    /// # Errors
    /// If it is no end of the connection.
    pub fn data(
        &mut self,
        name: &Name,
        from: u32,
        bytes: &[u8],
        at: At,
        sink: &mut impl FnMut(Observed<'_>),
    ) -> Result<(), String> {
        let (conn, direction) = self.end(name, from)?;
        sink(Self::observed(at, conn, TransportEvent::Data(direction, bytes)));
        Ok(())
    }

    /// A pair whose connections did not begin with the trace, whether one stands now or not.
    pub fn begin_late(&mut self, pair: (u32, u32)) {
        let is_known = |conn: &Conn| is_same_pair(pair, (conn.opener, conn.acceptor));
        if !self.connections.values().any(is_known) && !self.missed.iter().any(|missed| is_same_pair(*missed, pair)) {
            self.missed.push(pair);
        }
    }

    /// Something is missing, of one pair or nobody knows of whom.
    pub fn hole(&mut self, pair: Option<(u32, u32)>, at: At, sink: &mut impl FnMut(Observed<'_>)) {
        let mut known: Vec<_> = self.connections.values().collect();
        known.retain(|conn| pair.is_none_or(|pair| is_same_pair(pair, (conn.opener, conn.acceptor))));
        known.sort_by_key(|conn| conn.id.0);
        if let (Some(pair), true) = (pair, known.is_empty()) {
            self.missed.push(pair);
        }
        for conn in known {
            for direction in [Direction::FromOpener, Direction::FromAcceptor] {
                self.holes += 1;
                sink(Self::observed(at, conn.id, TransportEvent::Hole(direction, None, HoleReason::Lost)));
            }
        }
    }
}

fn is_same_pair(one: (u32, u32), other: (u32, u32)) -> bool {
    one == other || one == (other.1, other.0)
}
