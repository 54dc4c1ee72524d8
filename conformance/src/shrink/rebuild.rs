//! What is left of a trace as a capture.

use std::collections::HashMap;

use crate::capture::{ConnId, Direction, Endpoint, Timestamp};
use crate::packets::{Ends, PcapWriter, TcpPacket, tcp_frame};

use super::trace::{Event, Trace};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

const WINDOW: u16 = 0xffff;
/// Numbers of one connection and those of the next are this far apart, so that none takes the other's for its own.
const BETWEEN_CONNECTIONS: u32 = 1 << 24;
/// A hole of more bytes, or of an unknown number, is as good as one of so many.
const LARGEST_HOLE: u64 = 1 << 20;

/// A connection while it is written.
struct Conn {
    opener: Endpoint,
    acceptor: Endpoint,
    /// The next number of each direction.
    next: [u32; 2],
}

impl Conn {
    fn next(&self, direction: Direction) -> u32 {
        let [opener, acceptor] = self.next;
        if direction == Direction::FromOpener { opener } else { acceptor }
    }

    fn advance(&mut self, direction: Direction, by: u32) {
        let [opener, acceptor] = &mut self.next;
        let next = if direction == Direction::FromOpener { opener } else { acceptor };
        *next = next.wrapping_add(by);
    }
}

/// The packets so far.
struct Writing {
    out: PcapWriter<Vec<u8>>,
    connections: HashMap<ConnId, Conn>,
}

/// A pcap file in which replay sees the same events, and the frame of each unit that is left.
pub fn rebuild(trace: &Trace, kept: &[bool]) -> (Vec<u8>, Vec<u64>) {
    let Ok(out) = PcapWriter::new(Vec::new()) else { return Default::default() };
    let mut writing = Writing { out, connections: HashMap::new() };
    let mut frames = Vec::new();
    for (_, unit) in trace.kept(kept) {
        for (conn, event) in &unit.events {
            writing.event(*conn, event, unit.time);
        }
        frames.push(writing.out.packets());
    }
    (writing.out.finish().unwrap_or_default(), frames)
}

impl Writing {
    fn event(&mut self, id: ConnId, event: &Event, time: Timestamp) {
        if let Event::Opened { opener, acceptor, complete, .. } = event {
            let first = id.0.wrapping_mul(BETWEEN_CONNECTIONS).wrapping_add(1);
            self.connections.insert(id, Conn { opener: *opener, acceptor: *acceptor, next: [first; 2] });
            return if *complete {
                self.open(id, time)
            } else {
                self.packet(id, Direction::FromOpener, ACK, &[], time)
            };
        }
        match event {
            Event::Data(direction, bytes) => {
                // A length of IPv4 has 16 bits.
                for bytes in bytes.chunks(1 << 15) {
                    self.packet(id, *direction, PSH | ACK, bytes, time);
                    self.advance(id, *direction, bytes.len() as u32);
                }
            }
            Event::Hole(direction, count, _) => {
                self.advance(id, *direction, count.unwrap_or(1).clamp(1, LARGEST_HOLE) as u32);
                self.packet(id, direction.reverse(), ACK, &[], time);
            }
            Event::Missing(direction) => {
                self.advance(id, *direction, 1);
                self.packet(id, direction.reverse(), ACK, &[], time);
                self.advance(id, *direction, 1_u32.wrapping_neg());
            }
            Event::Finished(direction) => {
                self.packet(id, *direction, FIN | ACK, &[], time);
                self.advance(id, *direction, 1);
            }
            Event::Reset(direction) => self.packet(id, *direction, RST, &[], time),
            Event::Opened { .. } => {}
        }
    }

    fn advance(&mut self, id: ConnId, direction: Direction, by: u32) {
        if let Some(conn) = self.connections.get_mut(&id) {
            conn.advance(direction, by);
        }
    }

    /// The three packets of an opening, with the numbers before the first bytes.
    fn open(&mut self, id: ConnId, time: Timestamp) {
        self.advance(id, Direction::FromOpener, 1_u32.wrapping_neg());
        self.packet(id, Direction::FromOpener, SYN, &[], time);
        self.advance(id, Direction::FromOpener, 1);
        self.advance(id, Direction::FromAcceptor, 1_u32.wrapping_neg());
        self.packet(id, Direction::FromAcceptor, SYN | ACK, &[], time);
        self.advance(id, Direction::FromAcceptor, 1);
        self.packet(id, Direction::FromOpener, ACK, &[], time);
    }

    fn packet(&mut self, id: ConnId, direction: Direction, flags: u8, data: &[u8], time: Timestamp) {
        let Some(conn) = self.connections.get(&id) else { return };
        let (from, to) = match direction {
            Direction::FromOpener => (conn.opener, conn.acceptor),
            Direction::FromAcceptor => (conn.acceptor, conn.opener),
        };
        let acknowledgment = if flags & ACK == 0 { 0 } else { conn.next(direction.reverse()) };
        let frame = tcp_frame(&TcpPacket {
            ends: Ends { from, to, id: 0 },
            sequence: conn.next(direction),
            acknowledgment,
            flags,
            window: WINDOW,
            data,
            cut: 0,
        });
        // Memory takes whatever is written.
        let _ = self.out.put(time, &frame, 0);
    }
}
