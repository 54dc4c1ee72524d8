//! Writes a long capture by repeating a short one, to measure what replay needs on it.
//!
//! ```text
//! cargo run --release -p midcomms-conformance --example repeat -- IN OUT --bytes 1000000000
//! ```
//!
//! Each copy is a later life of the cluster: its times go on after those of the copy before, and the ephemeral TCP
//! ports are others, so that all its connections are new ones. So the capture must begin with the first connection and
//! end with the handshake that closes the records. Checksums are left as they are; replay does not look at them.
//!
//! Knows classic pcap, little endian, of Ethernet and IPv4, plain or compressed by zstd. OUT is plain.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;

/// Writes a long capture by repeating a short one.
#[derive(Parser)]
struct Args {
    /// The capture to repeat: pcap, little endian, Ethernet and IPv4; plain or compressed by zstd
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The capture to write
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// Whole copies are written until there are so many bytes
    #[arg(long, value_name = "N")]
    bytes: u64,
}

const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
const MAGIC_MICROS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
const ETHERNET: u32 = 1;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const ETHERNET_HEADER_BYTES: usize = 14;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const TCP: u8 = 6;

/// Linux takes ephemeral ports from the upper half. A copy moves all of them by its number within that half, so that
/// different ports stay different.
const FIRST_EPHEMERAL_PORT: u16 = 0x8000;

/// Between the last packet of a copy and the first of the next, in seconds.
const PAUSE: u64 = 1;

fn main() -> Result<()> {
    let args = Args::parse();
    let name = args.from.display();
    let mut bytes = fs::read(&args.from).with_context(|| format!("{name}: cannot be read"))?;
    if bytes.starts_with(&ZSTD_MAGIC) {
        bytes = zstd::decode_all(&bytes[..]).with_context(|| format!("{name}: cannot be decompressed"))?;
    }
    let capture = Capture::parse(&bytes).with_context(|| format!("{name}: cannot be repeated"))?;
    let written = File::create(&args.to)
        .map_err(anyhow::Error::from)
        .and_then(|file| write_copies(&capture, args.bytes, &mut BufWriter::with_capacity(1 << 20, file)))
        .with_context(|| format!("{}: cannot be written", args.to.display()))?;
    eprintln!("{} copies of {} frames, {} bytes", written.copies, capture.packets.len(), written.bytes);
    Ok(())
}

/// A capture in memory.
struct Capture<'a> {
    header: &'a [u8],
    packets: Vec<Packet<'a>>,
    units_per_second: u64,
}

/// A packet of it.
struct Packet<'a> {
    /// In the units of the capture, since the epoch.
    time: u64,
    /// Captured length and length on the wire, as recorded.
    lengths: &'a [u8],
    data: &'a [u8],
    /// Where its ephemeral ports are.
    ports: [Option<usize>; 2],
}

impl<'a> Capture<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let Some((header, mut rest)) = bytes.split_at_checked(FILE_HEADER_BYTES) else { bail!("it is too short") };
        let units_per_second = match u32_at(header, 0) {
            Some(MAGIC_MICROS) => 1_000_000,
            Some(MAGIC_NANOS) => 1_000_000_000,
            _ => bail!("it is no pcap file in little endian"),
        };
        if u32_at(header, 20) != Some(ETHERNET) {
            bail!("its link type is not Ethernet");
        }
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let (packet, behind) =
                Packet::parse(rest, units_per_second).with_context(|| format!("frame {} is cut", packets.len() + 1))?;
            packets.push(packet);
            rest = behind;
        }
        Ok(Self { header, packets, units_per_second })
    }

    /// How much later the next copy is.
    fn period(&self) -> u64 {
        let times = || self.packets.iter().map(|packet| packet.time);
        let duration = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        duration + PAUSE * self.units_per_second
    }
}

impl<'a> Packet<'a> {
    fn parse(bytes: &'a [u8], units_per_second: u64) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(RECORD_HEADER_BYTES)?;
        let (data, behind) = rest.split_at_checked(u32_at(header, 8)? as usize)?;
        let time = u64::from(u32_at(header, 0)?) * units_per_second + u64::from(u32_at(header, 4)?);
        Some((Self { time, lengths: header.get(8..)?, data, ports: ephemeral_ports(data) }, behind))
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn port_at(data: &[u8], offset: usize) -> Option<u16> {
    data.get(offset..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Offsets of the ephemeral ones among the ports of a TCP packet.
fn ephemeral_ports(data: &[u8]) -> [Option<usize>; 2] {
    let ip = data.get(ETHERNET_HEADER_BYTES..).unwrap_or_default();
    let (Some(version_and_length), Some(&TCP)) = (ip.first(), ip.get(9)) else { return [None; 2] };
    if data.get(12..14) != Some(&ETHERTYPE_IPV4[..]) || version_and_length >> 4 != 4 {
        return [None; 2];
    }
    let tcp = ETHERNET_HEADER_BYTES + usize::from(version_and_length & 0xf) * 4;
    [tcp, tcp + 2].map(|offset| port_at(data, offset).filter(|port| *port >= FIRST_EPHEMERAL_PORT).map(|_| offset))
}

/// What was written.
struct Written {
    copies: u64,
    bytes: u64,
}

fn write_copies(capture: &Capture<'_>, wanted: u64, out: &mut impl Write) -> Result<Written> {
    out.write_all(capture.header)?;
    let mut written = Written { copies: 0, bytes: FILE_HEADER_BYTES as u64 };
    let mut data = Vec::new();
    while written.bytes < wanted && !capture.packets.is_empty() {
        let later = written.copies * capture.period();
        for packet in &capture.packets {
            let time = packet.time + later;
            let seconds = u32::try_from(time / capture.units_per_second).context("the times go beyond pcap's")?;
            let fraction = (time % capture.units_per_second) as u32;
            data.clear();
            data.extend_from_slice(packet.data);
            for offset in packet.ports.into_iter().flatten() {
                move_port(&mut data, offset, written.copies);
            }
            out.write_all(&seconds.to_le_bytes())?;
            out.write_all(&fraction.to_le_bytes())?;
            out.write_all(packet.lengths)?;
            out.write_all(&data)?;
            written.bytes += (RECORD_HEADER_BYTES + data.len()) as u64;
        }
        written.copies += 1;
    }
    out.flush()?;
    Ok(written)
}

fn move_port(data: &mut [u8], offset: usize, by: u64) {
    if let Some(bytes) = data.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        let moved = u64::from(u16::from_be_bytes(*bytes)) + by;
        *bytes = (moved as u16 | FIRST_EPHEMERAL_PORT).to_be_bytes();
    }
}
