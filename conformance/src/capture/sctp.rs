//! SCTP packets into associations.
//!
//! Chunks are handed over in the order of their transmission sequence numbers (TSN), which keeps the fragments of a
//! message together. Associations are told apart by the addresses of each packet, so paths of a multi-homed
//! association count as associations of their own.

use super::bytes::{be16, be32};
use super::emit::Emitter;
use super::ip::Datagram;
use super::ports::Ports;
use super::stream::Part;
use super::table::{Connection, FlowKey, Table};
use super::{Direction, Observed, Transport};

const COMMON_HEADER: usize = 12;
const CHUNK_HEADER: usize = 4;
/// TSN, stream, sequence number in the stream, payload protocol.
const DATA_HEADER: usize = 12;

const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const SACK: u8 = 3;
const ABORT: u8 = 6;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_ACK: u8 = 8;
const COOKIE_ECHO: u8 = 10;
const SHUTDOWN_COMPLETE: u8 = 14;
const I_DATA: u8 = 64;

/// An SCTP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct SctpPacket<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    tag: u32,
    chunks: &'a [u8],
}

impl<'a> SctpPacket<'a> {
    /// Reads the common header; None when it is cut.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        Some(SctpPacket {
            source_port: be16(payload, 0)?,
            destination_port: be16(payload, 2)?,
            tag: be32(payload, 4)?,
            chunks: payload.get(COMMON_HEADER..)?,
        })
    }

    fn chunks(&self) -> Chunks<'a> {
        Chunks(self.chunks)
    }
}

/// A chunk; its value may be cut by the snapshot length.
#[derive(Clone, Copy, Debug)]
struct Chunk<'a> {
    kind: u8,
    value: &'a [u8],
    cut: usize,
}

/// Goes through the chunks up to the first one that is none, which stays.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let kind = *self.0.first()?;
        let length = usize::from(be16(self.0, 2)?);
        if length < CHUNK_HEADER {
            return None;
        }
        let held = length.min(self.0.len());
        let value = self.0.get(CHUNK_HEADER..held)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Chunk { kind, value, cut: length - held })
    }
}

/// Brings a packet to its association.
pub(super) fn handle_packet<S: FnMut(Observed<'_>)>(
    table: &mut Table,
    datagram: &Datagram<'_>,
    packet: &SctpPacket<'_>,
    ports: &Ports,
    out: &mut Emitter<'_, S>,
) {
    let (key, from_low) = FlowKey::new(
        (datagram.source, packet.source_port),
        (datagram.destination, packet.destination_port),
        Transport::Sctp,
    );
    let mut chunks = packet.chunks();
    for chunk in &mut chunks {
        match chunk.kind {
            INIT | INIT_ACK => initiate(table, key, from_low, packet.tag, &chunk, out),
            I_DATA => out.summary.skipped.sctp_i_data += 1,
            _ => {
                if table.find(&key).is_none() {
                    if matches!(chunk.kind, ABORT | SHUTDOWN_COMPLETE) {
                        out.summary.skipped.stray_resets += u64::from(chunk.kind == ABORT);
                        continue;
                    }
                    let opener_is_low =
                        ports.opener_is_source(packet.source_port, packet.destination_port, from_low) == from_low;
                    table.open(key, opener_is_low, false, out);
                }
                if let Some(association) = table.find(&key) {
                    transfer(association, from_low, &chunk, out);
                    if association.is_newly_closed() {
                        table.retire(key, out);
                    }
                }
            }
        }
    }
    out.summary.skipped.bad_headers += u64::from(!chunks.0.is_empty());
}

/// INIT and INIT-ACK: the tag tells the lives of an association apart.
fn initiate<S: FnMut(Observed<'_>)>(
    table: &mut Table,
    key: FlowKey,
    from_low: bool,
    tag: u32,
    chunk: &Chunk<'_>,
    out: &mut Emitter<'_, S>,
) {
    let (Some(mark), Some(first)) = (be32(chunk.value, 0), be32(chunk.value, 12)) else {
        out.summary.skipped.bad_headers += 1;
        return;
    };
    let answers = chunk.kind == INIT_ACK;
    let is_known =
        table.find(&key).is_some_and(|association| belongs(association, from_low, answers.then_some(tag), mark));
    if !is_known {
        let association = table.open(key, from_low != answers, true, out);
        if answers {
            association.set_mark(Direction::FromOpener, tag);
        }
    }
    let Some(association) = table.find(&key) else {
        return;
    };
    let direction = association.direction(from_low);
    if association.mark(direction).is_none() {
        association.set_mark(direction, mark);
        association.stream(direction).start_at(first);
    }
    if answers && direction == Direction::FromAcceptor {
        association.accept(out);
    }
}

/// Whether an INIT, or an INIT-ACK that answers `answered`, belongs to the association that is followed.
fn belongs(association: &Connection, from_low: bool, answered: Option<u32>, mark: u32) -> bool {
    let direction = association.direction(from_low);
    match answered {
        // An acceptor keeps no state before the cookie: each of its answers may have a tag of its own.
        Some(answered) => association.mark(direction.reverse()) == Some(answered),
        None => match association.mark(direction) {
            Some(known) => known == mark,
            // Both ends initiate at the same time.
            None => association.complete && !association.accepted,
        },
    }
}

/// What a chunk says within its association.
fn transfer<S: FnMut(Observed<'_>)>(
    association: &mut Connection,
    from_low: bool,
    chunk: &Chunk<'_>,
    out: &mut Emitter<'_, S>,
) {
    let id = association.id;
    let direction = association.direction(from_low);
    match chunk.kind {
        DATA => match (be32(chunk.value, 0), chunk.value.get(DATA_HEADER..)) {
            (Some(number), Some(data)) => {
                let part = Part { number, span: 1, data, cut: chunk.cut as u32, fin: false };
                association.stream(direction).offer(id, part, out);
            }
            _ => out.summary.skipped.bad_headers += 1,
        },
        SACK => acknowledge(association, direction, chunk, out),
        SHUTDOWN => {
            acknowledge(association, direction, chunk, out);
            association.stream(direction).finish(id, out);
        }
        SHUTDOWN_ACK => association.stream(direction).finish(id, out),
        ABORT => association.stream(direction).break_off(id, out),
        // The recorder lost the INIT-ACK, but the opener has the cookie that came with it.
        COOKIE_ECHO if association.complete && direction == Direction::FromOpener => {
            association.accept(out);
        }
        _ => {}
    }
}

/// The peer has everything up to the cumulative TSN.
fn acknowledge<S: FnMut(Observed<'_>)>(
    association: &mut Connection,
    direction: Direction,
    chunk: &Chunk<'_>,
    out: &mut Emitter<'_, S>,
) {
    if let Some(cumulative) = be32(chunk.value, 0) {
        let id = association.id;
        association.stream(direction.reverse()).acknowledge(id, cumulative.wrapping_add(1), out);
    }
}
