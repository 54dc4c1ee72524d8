//! The clocks of several recorders, set by the packets that more than one of them saw.

use super::container::{Packet, PacketSource};
use super::input::Input;
use super::ip::{self, Datagram};
use super::link::{self, Payload};
use super::summary::ClockOffset;
use super::tracker::{SCTP, TCP};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64;

/// Fewer packets in common may be chance.
const MIN_COMMON: usize = 3;
/// Packets that are remembered of all files together.
const MAX_REMEMBERED: u64 = 1 << 20;
/// Of transport headers, this much tells packets apart.
const HEADER_BYTES: usize = 60;
const TCP_CHECKSUM: usize = 16;
const TCP_FLAGS: usize = 13;
const TCP_RST: u8 = 0x04;

/// When the packet of a fingerprint was recorded; None when there were several.
type Sightings = HashMap<u64, Option<i64>>;

/// What to add to the times of each file, found in its first packets.
pub(super) fn align(paths: &[PathBuf], packets_per_file: u64) -> Vec<ClockOffset> {
    let budget = packets_per_file.min(MAX_REMEMBERED / (paths.len().max(1) as u64));
    let mut common = Sightings::new();
    let mut offsets = Vec::with_capacity(paths.len());
    for (index, path) in paths.iter().enumerate() {
        let file = u16::try_from(index).unwrap_or(u16::MAX);
        let mut offset = ClockOffset { file, nanos: 0, common_packets: 0 };
        if paths.len() > 1 {
            let seen = sightings(path, budget);
            set_clock(&mut offset, &seen, &common);
            merge(&mut common, seen, offset.nanos);
        }
        offsets.push(offset);
    }
    offsets
}

/// The median of what the packets in common say.
fn set_clock(offset: &mut ClockOffset, seen: &Sightings, common: &Sightings) {
    let mut differences: Vec<i64> =
        seen.iter().filter_map(|(print, here)| Some(common.get(print).copied()??.saturating_sub((*here)?))).collect();
    offset.common_packets = differences.len() as u64;
    if differences.len() >= MIN_COMMON {
        let middle = differences.len() / 2;
        offset.nanos = *differences.select_nth_unstable(middle).1;
    }
}

fn merge(common: &mut Sightings, seen: Sightings, nanos: i64) {
    for (print, time) in seen {
        common.entry(print).or_insert(time.map(|time| time.saturating_add(nanos)));
    }
}

/// Only of a regular file: a pipe cannot be read twice. Trouble with it is met again when it is read.
fn sightings(path: &PathBuf, budget: u64) -> Sightings {
    let mut seen = Sightings::new();
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return seen;
    }
    let Ok(mut source) = Input::open(path, None).and_then(PacketSource::new) else {
        return seen;
    };
    for _ in 0..budget {
        if !matches!(source.advance(), Ok(true)) {
            break;
        }
        let packet = source.packet();
        let Some(print) = fingerprint(&packet) else {
            continue;
        };
        match seen.entry(print) {
            Entry::Occupied(mut twice) => *twice.get_mut() = None,
            Entry::Vacant(first) => {
                first.insert(Some(packet.time.0));
            }
        }
    }
    seen
}

/// The same for every recorder that sees the packet, and hardly ever for two packets.
fn fingerprint(packet: &Packet<'_>) -> Option<u64> {
    let Payload::Ip(bytes) = link::payload(packet.link?, packet.data) else {
        return None;
    };
    let wire_len = packet.wire_len - (packet.data.len() - bytes.len());
    let datagram = ip::datagram(bytes, wire_len).filter(|datagram| datagram.fragment.is_none())?;
    let header = transport_header(&datagram)?;
    let length = datagram.payload.len() + datagram.missing;
    let mut print = Vec::with_capacity(44 + HEADER_BYTES);
    print.extend_from_slice(&datagram.source.0.to_be_bytes());
    print.extend_from_slice(&datagram.destination.0.to_be_bytes());
    print.extend_from_slice(&datagram.id.to_be_bytes());
    print.extend_from_slice(&(length as u64).to_be_bytes());
    print.extend_from_slice(&header);
    Some(xxh3_64(&print))
}

/// The first bytes of the payload, without what a network card may change after the recorder.
fn transport_header(datagram: &Datagram<'_>) -> Option<Vec<u8>> {
    let bytes = datagram.payload;
    let mut header = bytes.get(..bytes.len().min(HEADER_BYTES))?.to_vec();
    let checksum = match datagram.protocol {
        // Resets have neither identification nor time stamp: copies look alike.
        TCP if header.get(TCP_FLAGS)? & TCP_RST != 0 => return None,
        TCP => TCP_CHECKSUM..TCP_CHECKSUM + 2,
        SCTP => 8..12,
        _ => return None,
    };
    header.get_mut(checksum)?.fill(0);
    Some(header)
}
