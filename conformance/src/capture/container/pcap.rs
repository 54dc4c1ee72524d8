//! The classic pcap format.

use super::{MAX_PACKET_BYTES, Record, checked_len, truncated};
use crate::capture::Timestamp;
use crate::capture::bytes::ByteOrder;
use crate::capture::error::{CaptureError, CaptureFault};
use crate::capture::input::Input;
use crate::capture::link::LinkType;

const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Linux 2.x kernels with Kuznetzov's patch added interface, protocol and packet type to each record.
const PATCHED_HEADER_BYTES: usize = 24;

pub(super) struct Pcap {
    order: ByteOrder,
    nanos_per_fraction: i64,
    record_header: usize,
    link: LinkType,
}

impl Pcap {
    /// Reads the file header; None when `magic` is not one of pcap.
    pub(super) fn start(magic: [u8; 4], input: &mut Input) -> Result<Option<Self>, CaptureError> {
        let (order, nanos_per_fraction, record_header) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, 1000, RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, 1000, RECORD_HEADER_BYTES),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, 1, RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, 1, RECORD_HEADER_BYTES),
            [0x34, 0xcd, 0xb2, 0xa1] => (ByteOrder::Little, 1000, PATCHED_HEADER_BYTES),
            [0xa1, 0xb2, 0xcd, 0x34] => (ByteOrder::Big, 1000, PATCHED_HEADER_BYTES),
            _ => return Ok(None),
        };
        if !input.fill(FILE_HEADER_BYTES)? {
            return Err(input.error(CaptureFault::TruncatedHeader {
                expected: FILE_HEADER_BYTES as u64,
                got: input.window.available() as u64,
            }));
        }
        let network = order.u32_at(input.window.bytes(), 20).unwrap_or_default();
        let Some(link) = LinkType::from_number(network) else {
            // The upper half holds flags and the length of the frame check sequence.
            return Err(input.error(CaptureFault::UnknownLinkType(network & 0xffff)));
        };
        input.window.consume(FILE_HEADER_BYTES);
        Ok(Some(Pcap { order, nanos_per_fraction, record_header, link }))
    }

    #[inline]
    pub(super) fn next_record(&mut self, input: &mut Input) -> Result<Option<Record>, CaptureError> {
        if !input.fill(self.record_header)? {
            if input.window.available() == 0 {
                return Ok(None);
            }
            return Err(truncated(input, self.record_header));
        }
        let Some(header) = input.window.bytes().first_chunk::<RECORD_HEADER_BYTES>() else {
            return Err(truncated(input, self.record_header));
        };
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let seconds = i64::from(self.order.u32([s0, s1, s2, s3]));
        let fraction = i64::from(self.order.u32([f0, f1, f2, f3]));
        let captured =
            checked_len(self.order.u32([c0, c1, c2, c3]), MAX_PACKET_BYTES).map_err(|fault| input.error(fault))?;
        if !input.fill(self.record_header + captured)? {
            return Err(truncated(input, self.record_header + captured));
        }
        input.window.consume(self.record_header);
        Ok(Some(Record {
            time: Timestamp(seconds * 1_000_000_000 + fraction * self.nanos_per_fraction),
            link: Some(self.link),
            captured,
            wire_len: self.order.u32([w0, w1, w2, w3]) as usize,
            tail: captured,
        }))
    }
}
