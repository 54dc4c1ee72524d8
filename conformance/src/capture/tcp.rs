//! TCP segments into connections.

use super::emit::Emitter;
use super::ip::Datagram;
use super::ports::Ports;
use super::stream::Part;
use super::table::{Connection, FlowKey, Table};
use super::{Direction, Observed, Transport};

const HEADER: usize = 20;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// On a connection that is over, a number this far off belongs to a new one.
const FOREIGN_DISTANCE: u32 = 1 << 26;

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) flags: u8,
    pub(super) data: &'a [u8],
    /// Bytes of payload that the capture does not hold.
    pub(super) cut: u32,
}

impl<'a> Segment<'a> {
    /// Reads the header; None when it is cut or contradicts itself.
    #[inline]
    pub(super) fn parse(payload: &'a [u8], missing: usize) -> Option<Self> {
        let header = payload.first_chunk::<HEADER>()?;
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, ..] = *header;
        let header_len = usize::from(offset >> 4) * 4;
        let total = payload.len() + missing;
        if header_len < HEADER || header_len > total {
            return None;
        }
        let data = payload.get(header_len..).unwrap_or_default();
        Some(Segment {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            sequence: u32::from_be_bytes([q0, q1, q2, q3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            data,
            cut: u32::try_from(total - header_len - data.len()).unwrap_or(u32::MAX),
        })
    }

    #[inline]
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Brings a segment to its connection.
#[inline]
pub(super) fn handle_segment<S: FnMut(Observed<'_>)>(
    table: &mut Table,
    datagram: &Datagram<'_>,
    segment: &Segment<'_>,
    ports: &Ports,
    out: &mut Emitter<'_, S>,
) {
    let (key, from_low) = FlowKey::new(
        (datagram.source, segment.source_port),
        (datagram.destination, segment.destination_port),
        Transport::Tcp,
    );
    if segment.has(SYN) {
        if let Some(connection) = synchronize(table, key, from_low, segment, out) {
            transfer(connection, from_low, segment, out);
        }
        return;
    }
    match table.find(&key) {
        Some(connection) if !is_foreign(connection, from_low, segment) => {
            transfer(connection, from_low, segment, out);
            if connection.is_newly_closed() {
                table.retire(key, out);
            }
        }
        _ if segment.has(RST) => out.summary.skipped.stray_resets += 1,
        _ => {
            let opener_is_low =
                ports.opener_is_source(segment.source_port, segment.destination_port, from_low) == from_low;
            let connection = table.open(key, opener_is_low, false, out);
            transfer(connection, from_low, segment, out);
        }
    }
}

/// The connection of a SYN or SYN-ACK, new or not; None for one that answers an earlier life.
fn synchronize<'t, S: FnMut(Observed<'_>)>(
    table: &'t mut Table,
    key: FlowKey,
    from_low: bool,
    segment: &Segment<'_>,
    out: &mut Emitter<'_, S>,
) -> Option<&'t mut Connection> {
    let isn = segment.sequence;
    let first = isn.wrapping_add(1);
    let answers = segment.has(ACK);
    let verdict = match table.find(&key) {
        Some(connection) => known(connection, from_low, segment),
        None => Known::No,
    };
    let connection = match verdict {
        Known::Stale => return None,
        Known::Yes => table.find(&key)?,
        Known::No => {
            let connection = table.open(key, from_low != answers, true, out);
            if answers {
                let mark = segment.acknowledgment.wrapping_sub(1);
                connection.set_mark(Direction::FromOpener, mark);
                let stream = connection.stream(Direction::FromOpener);
                stream.start_at(segment.acknowledgment);
            }
            connection
        }
    };
    let direction = connection.direction(from_low);
    if connection.mark(direction).is_none() {
        connection.set_mark(direction, isn);
        connection.stream(direction).start_at(first);
    }
    if answers && direction == Direction::FromAcceptor {
        connection.accept(out);
    }
    Some(connection)
}

enum Known {
    Yes,
    No,
    Stale,
}

/// Whether a SYN or SYN-ACK belongs to the connection that is followed between these ends.
fn known(connection: &mut Connection, from_low: bool, segment: &Segment<'_>) -> Known {
    let direction = connection.direction(from_low);
    let first = segment.sequence.wrapping_add(1);
    if let Some(mark) = connection.mark(direction) {
        return match mark == segment.sequence {
            true => Known::Yes,
            false => Known::No,
        };
    }
    let other = connection.mark(direction.reverse());
    if segment.has(ACK) && other.is_some_and(|mark| mark.wrapping_add(1) != segment.acknowledgment) {
        return Known::Stale;
    }
    let stream = connection.stream(direction);
    let fits = match stream.next() {
        // The answer to the SYN, or a simultaneous open.
        None => other.is_some(),
        Some(next) => next == first || (other.is_some() && stream.is_untouched()),
    };
    match fits {
        true => Known::Yes,
        false => Known::No,
    }
}

/// Whether a segment has nothing to do with the connection that ended between these ends.
fn is_foreign(connection: &Connection, from_low: bool, segment: &Segment<'_>) -> bool {
    if !connection.is_closed() {
        return false;
    }
    let direction = connection.direction(from_low);
    connection.next(direction).is_some_and(|next| {
        let distance = segment.sequence.wrapping_sub(next);
        distance.min(distance.wrapping_neg()) > FOREIGN_DISTANCE
    })
}

/// What a segment says within its connection.
#[inline]
fn transfer<S: FnMut(Observed<'_>)>(
    connection: &mut Connection,
    from_low: bool,
    segment: &Segment<'_>,
    out: &mut Emitter<'_, S>,
) {
    let id = connection.id;
    let direction = connection.direction(from_low);
    if segment.has(RST) {
        connection.stream(direction).break_off(id, out);
        return;
    }
    if segment.has(ACK) {
        if !connection.accepted && !segment.has(SYN) {
            infer_accept(connection, direction, segment, out);
        }
        let acknowledged = connection.stream(direction.reverse());
        acknowledged.acknowledge(id, segment.acknowledgment, out);
    }
    let stream = connection.stream(direction);
    let number = segment.sequence.wrapping_add((segment.flags & SYN != 0).into());
    let span = (segment.data.len() as u32).saturating_add(segment.cut);
    if span > 0 && !stream.is_keep_alive(number, span) {
        let part = Part { number, span, data: segment.data, cut: segment.cut, fin: false };
        stream.offer(id, part, out);
    }
    if segment.has(FIN) {
        let part = Part { number: number.wrapping_add(span), span: 1, data: &[], cut: 0, fin: true };
        stream.offer(id, part, out);
    }
}

/// The recorder lost the SYN-ACK, but the opener acknowledges it.
#[cold]
fn infer_accept<S: FnMut(Observed<'_>)>(
    connection: &mut Connection,
    direction: Direction,
    segment: &Segment<'_>,
    out: &mut Emitter<'_, S>,
) {
    if connection.complete && direction == Direction::FromOpener && connection.mark(Direction::FromOpener).is_some() {
        let stream = connection.stream(Direction::FromAcceptor);
        if stream.next().is_none() {
            stream.start_at(segment.acknowledgment);
        }
        connection.accept(out);
    }
}
