//! What a capture says about the transport, one event at a time.

use std::fmt;
use std::net::IpAddr;

/// One end of a connection: IP address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The IP address.
    pub addr: IpAddr,
    /// The TCP or SCTP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

/// A connection (TCP) or association (SCTP), numbered from 1 in the order of appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u32);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// Which end of a connection something came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the end that opened the connection.
    FromOpener,
    /// From the end that accepted it.
    FromAcceptor,
}

impl Direction {
    /// 0 or 1, for tables of two.
    pub fn index(self) -> usize {
        match self {
            Direction::FromOpener => 0,
            Direction::FromAcceptor => 1,
        }
    }

    /// The other direction.
    pub fn reverse(self) -> Self {
        match self {
            Direction::FromOpener => Direction::FromAcceptor,
            Direction::FromAcceptor => Direction::FromOpener,
        }
    }
}

/// A frame of a capture, numbered from 1 as Wireshark does, and the file (index in the order given) that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRef {
    /// Index of the file among those that are read as one stream; 0 for a single file.
    pub file: u16,
    /// Number of the frame in that file, from 1.
    pub number: u64,
}

/// Nanoseconds since the Unix epoch, as recorded; of several files on the clock of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds since `earlier`; negative when the clock went back.
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        (self.0 - earlier.0) as f64 / 1e9
    }

    /// Within a century or so of the epoch, so that no difference of two overflows.
    pub(super) fn clamped(nanos: i128) -> Self {
        const LIMIT: i128 = (1 << 62) - 1;
        Timestamp(nanos.clamp(-LIMIT, LIMIT) as i64)
    }
}

/// The transport below a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// One-to-one SCTP.
    Sctp,
}

/// Why bytes of a stream are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleReason {
    /// The peer's transport acknowledged bytes that the capture does not hold: the recorder lost packets.
    Lost,
    /// The packet was cut by the snapshot length.
    Snaplen,
    /// More out-of-order data waited than the reassembly budget allows.
    Budget,
}

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportEvent<'a> {
    /// The first frame of a connection. `complete` is false when the capture began after its start.
    Opened {
        /// TCP or SCTP.
        transport: Transport,
        /// The end that opened it (a guess from the port where `complete` is false).
        opener: Endpoint,
        /// The end that accepted it.
        acceptor: Endpoint,
        /// Whether the opening itself (SYN, INIT, or the answer to it) was seen.
        complete: bool,
    },
    /// The accepting end answered (SYN-ACK, INIT-ACK).
    Accepted,
    /// The next bytes of the stream of one direction, in order.
    Data(Direction, &'a [u8]),
    /// Bytes missing from the stream of one direction; how many, where known.
    Hole(Direction, Option<u64>, HoleReason),
    /// The peer's transport acknowledged bytes of that direction that the capture has not shown: it will show them late,
    /// or a hole follows.
    Missing(Direction),
    /// That end closed its sending side in order (FIN, SHUTDOWN), in stream order.
    Finished(Direction),
    /// That end reset the connection (RST, ABORT).
    Reset(Direction),
    /// Nothing more will be told of this connection: it is over and was left behind, or room was needed.
    Forgotten,
}

impl TransportEvent<'_> {
    /// The end that it is about; `None` where it is about both.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            TransportEvent::Data(direction, _)
            | TransportEvent::Hole(direction, ..)
            | TransportEvent::Missing(direction)
            | TransportEvent::Finished(direction)
            | TransportEvent::Reset(direction) => Some(*direction),
            TransportEvent::Opened { .. } | TransportEvent::Accepted | TransportEvent::Forgotten => None,
        }
    }
}

/// A transport event with its place in the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed<'a> {
    /// The frame at which the event became known in stream order.
    pub frame: FrameRef,
    /// The time of that frame.
    pub time: Timestamp,
    /// The connection.
    pub conn: ConnId,
    /// What happened.
    pub event: TransportEvent<'a>,
}
