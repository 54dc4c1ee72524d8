//! Captures: every packet is made anew, of the few fields that are kept.

use std::io::Cursor;
use std::sync::Arc;

use super::key::Key;
use super::streams::Streams;
use super::{AnonymizeError, Tally};
use crate::capture::{
    CaptureOptions, CaptureReader, CaptureSummary, Carried, ConnId, Direction, FrameRef, Located, Step,
};
use crate::packets::{Ends, PcapWriter, TcpPacket, sctp_frame, tcp_frame};

const SYN: u8 = 0x02;

/// SCTP: the common header, the head of a chunk, and what is before the data in a DATA chunk.
const COMMON_HEADER: usize = 12;
const CHUNK_HEADER: usize = 4;
const DATA_HEADER: usize = 12;
const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
/// Fixed part of the value of INIT and INIT-ACK; addresses and the cookie are behind it.
const INIT_FIXED: usize = 16;
const SACK: u8 = 3;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_FIXED: usize = 4;

/// A capture made anew.
pub(super) struct Made {
    /// The file.
    pub(super) bytes: Vec<u8>,
    /// The frame of the original of each frame.
    pub(super) frames: Vec<FrameRef>,
    /// What was counted.
    pub(super) tally: Tally,
}

/// Makes a capture anew: first the streams as a whole, since a message may lie in several packets, then the packets.
pub(super) fn capture(
    name: &str,
    file: &Arc<[u8]>,
    options: &CaptureOptions,
    key: &mut Key,
) -> Result<Made, AnonymizeError> {
    let mut streams = Streams::default();
    open(name, file, options)?.read_located(&mut |step| {
        if let Step::Event(observed, place) = step {
            streams.observe(key, &observed, place);
        }
    });
    streams.end();
    let mut writing = Writing { key, streams: &streams, frames: Vec::new(), stray: 0 };
    let mut out = PcapWriter::new(Vec::new())?;
    let mut failed = None;
    let summary = open(name, file, options)?.read_located(&mut |step| {
        if let Step::Packet(packet) = step {
            let (frame, cut) = writing.packet(&packet);
            failed = failed.take().or(out.put(packet.time, &frame, cut).err());
        }
    });
    failed.map_or(Ok(()), Err)?;
    let tally = tally(&summary, writing.frames.len() as u64, writing.stray);
    Ok(Made { bytes: out.finish()?, frames: writing.frames, tally })
}

fn open(name: &str, file: &Arc<[u8]>, options: &CaptureOptions) -> Result<CaptureReader, AnonymizeError> {
    Ok(CaptureReader::from_read(name, Cursor::new(file.clone()), options)?)
}

fn tally(summary: &CaptureSummary, packets: u64, stray: u64) -> Tally {
    let damage: Vec<_> = summary.damage.iter().map(ToString::to_string).collect();
    Tally {
        packets,
        dropped: summary.frames - packets.min(summary.frames),
        stray,
        cut: summary.skipped.snaplen_cut,
        damage: (!damage.is_empty()).then(|| damage.join("; ")),
    }
}

/// The packets so far.
struct Writing<'a> {
    key: &'a Key,
    streams: &'a Streams,
    frames: Vec<FrameRef>,
    /// Packets with bytes that belong to no connection.
    stray: u64,
}

impl Writing<'_> {
    /// The frame, and how many bytes were on the wire behind it.
    fn packet(&mut self, packet: &Located<'_>) -> (Vec<u8>, u32) {
        self.frames.push(packet.frame);
        let (from, to) = (self.key.endpoint(packet.from), self.key.endpoint(packet.to));
        let ends = Ends { from, to, id: self.key.packet_id(packet.id) };
        match packet.carried {
            Carried::Tcp { sequence, acknowledgment, flags, window, data, cut } => {
                let first = sequence.wrapping_add(u32::from(flags & SYN != 0));
                let data = self.data(packet.conn, first, data.len());
                let tcp = TcpPacket { ends, sequence, acknowledgment, flags, window, data: &data, cut };
                (tcp_frame(&tcp), cut)
            }
            Carried::Sctp(bytes, cut) => (sctp_frame(ends, &self.sctp(packet.conn, bytes), cut), cut),
        }
    }

    fn data(&mut self, conn: Option<(ConnId, Direction)>, first: u32, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        match conn {
            Some((conn, direction)) => self.streams.read(conn, direction, first, &mut data),
            None => self.stray += u64::from(length > 0),
        }
        data
    }

    /// Of chunks that are neither data nor needed to put it in order only type and length stay.
    fn sctp(&mut self, conn: Option<(ConnId, Direction)>, packet: &[u8]) -> Vec<u8> {
        let mut out = vec![0; packet.len()];
        keep(packet, &mut out, 4, 8);
        let mut at = COMMON_HEADER;
        while let Some(&[kind, flags, high, low]) = packet.get(at..).and_then(|rest| rest.first_chunk::<CHUNK_HEADER>())
        {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < CHUNK_HEADER {
                break;
            }
            out.iter_mut().skip(at).zip([kind, flags, high, low]).for_each(|(place, byte)| *place = byte);
            let (value, end) = (at + CHUNK_HEADER, (at + length).min(packet.len()));
            let kept = match kind {
                DATA => DATA_HEADER,
                INIT | INIT_ACK => INIT_FIXED,
                SACK => length,
                SHUTDOWN => SHUTDOWN_FIXED,
                _ => 0,
            };
            keep(packet, &mut out, value, (value + kept).min(end));
            let number = packet.get(value..).and_then(|rest| rest.first_chunk::<4>());
            if let (DATA, Some(number)) = (kind, number) {
                let begin = (value + DATA_HEADER).min(end);
                let data = self.data(conn, u32::from_be_bytes(*number), end - begin);
                out.iter_mut().skip(begin).zip(data).for_each(|(place, byte)| *place = byte);
            }
            at += length.next_multiple_of(4);
        }
        out
    }
}

fn keep(from: &[u8], to: &mut [u8], begin: usize, end: usize) {
    to.iter_mut().zip(from).take(end).skip(begin).for_each(|(place, byte)| *place = *byte);
}
