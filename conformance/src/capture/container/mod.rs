//! Capture files as a sequence of packets.

mod pcap;
mod pcapng;

use super::Timestamp;
use super::error::{CaptureError, CaptureFault};
use super::input::Input;
use super::link::LinkType;
use pcap::Pcap;
use pcapng::Pcapng;

/// No packet is longer: IPv6 jumbograms of BIG TCP have half of it.
const MAX_PACKET_BYTES: u32 = 1 << 20;

/// A packet as recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) time: Timestamp,
    /// None for a link type that we don't understand.
    pub(super) link: Option<LinkType>,
    pub(super) data: &'a [u8],
    /// Length on the wire; at least that of `data`.
    pub(super) wire_len: usize,
}

/// What is known of the packet at the beginning of the window.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    time: Timestamp,
    link: Option<LinkType>,
    captured: usize,
    wire_len: usize,
    /// Bytes to drop before the next record: the packet and what is behind it.
    tail: usize,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// The packets of one file.
pub(super) struct PacketSource {
    input: Input,
    format: Format,
    record: Record,
}

impl PacketSource {
    /// Reads the file header.
    pub(super) fn new(mut input: Input) -> Result<Self, CaptureError> {
        if !input.fill(4)? {
            return Err(input.error(match input.window.available() {
                0 => CaptureFault::Empty,
                _ => CaptureFault::NotACapture("too short for any capture"),
            }));
        }
        let magic = input.window.bytes().first_chunk::<4>().copied().unwrap_or_default();
        let format = if magic == pcapng::SECTION_HEADER_BYTES {
            Format::Pcapng(Pcapng::start(&mut input)?)
        } else if let Some(pcap) = Pcap::start(magic, &mut input)? {
            Format::Pcap(pcap)
        } else {
            let fault = CaptureFault::NotACapture(looks_like(input.window.bytes()));
            return Err(input.error(fault));
        };
        Ok(PacketSource { input, format, record: Record::default() })
    }

    /// Goes to the next packet; false at the end of the file.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, CaptureError> {
        self.input.window.consume(self.record.tail);
        self.record.tail = 0;
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next_record(&mut self.input)?,
            Format::Pcapng(pcapng) => pcapng.next_record(&mut self.input)?,
        };
        match next {
            Some(record) => {
                self.record = record;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The packet that `advance` found.
    #[inline]
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.record.time,
            link: self.record.link,
            data: self.input.window.bytes().get(..self.record.captured).unwrap_or_default(),
            wire_len: self.record.wire_len.max(self.record.captured),
        }
    }

    /// Bytes read so far, after decompression.
    pub(super) fn offset(&self) -> u64 {
        self.input.window.offset()
    }
}

fn looks_like(head: &[u8]) -> &'static str {
    match head {
        [0xfd, b'7', b'z', b'X', ..] => "xz data (only gzip and zstd are decompressed)",
        [b'B', b'Z', b'h', ..] => "bzip2 data (only gzip and zstd are decompressed)",
        [0x04, 0x22, 0x4d, 0x18, ..] => "lz4 data (only gzip and zstd are decompressed)",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        [b'{', ..] => "JSON, and native traces are read by replay, one at a time",
        head if head.iter().take(64).all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "text",
        _ => "neither pcap nor pcapng",
    }
}

/// A record's claim about its length, or the fault of claiming too much.
fn checked_len(claimed: u32, limit: u32) -> Result<usize, CaptureFault> {
    if claimed > limit {
        return Err(CaptureFault::HostileLength { claimed: u64::from(claimed), limit: u64::from(limit) });
    }
    Ok(claimed as usize)
}

/// The fault of an input that ends inside a record of `expected` bytes.
#[cold]
fn truncated(input: &Input, expected: usize) -> CaptureError {
    input.error(CaptureFault::TruncatedRecord { expected: expected as u64, got: input.window.available() as u64 })
}
