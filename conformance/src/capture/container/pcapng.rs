//! The pcapng format: sections of blocks, each with its own interfaces.

use super::{MAX_PACKET_BYTES, Record, checked_len, truncated};
use crate::capture::Timestamp;
use crate::capture::bytes::ByteOrder;
use crate::capture::error::{CaptureError, CaptureFault};
use crate::capture::input::Input;
use crate::capture::link::LinkType;

/// The first four bytes of a section, the same in both byte orders.
pub(super) const SECTION_HEADER_BYTES: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type and length before the body, length again behind it.
const BLOCK_FRAME_BYTES: usize = 12;
/// A packet and its options, comments among them.
const MAX_BLOCK_BYTES: u32 = 2 * MAX_PACKET_BYTES;
const MAX_INTERFACES: usize = 4096;
/// Where the packet begins in an enhanced packet block.
const ENHANCED_DATA: usize = 28;
const SIMPLE_DATA: usize = 12;

struct Interface {
    link: Option<LinkType>,
    snaplen: u32,
    clock: Clock,
}

pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    last_time: Timestamp,
}

impl Pcapng {
    /// Checks that the file begins with a section.
    pub(super) fn start(input: &mut Input) -> Result<Self, CaptureError> {
        if !input.fill(BLOCK_FRAME_BYTES)? {
            return Err(input.error(CaptureFault::TruncatedHeader {
                expected: BLOCK_FRAME_BYTES as u64,
                got: input.window.available() as u64,
            }));
        }
        let order = section_order(input.window.bytes()).map_err(|fault| input.error(fault))?;
        Ok(Pcapng { order, interfaces: Vec::new(), last_time: Timestamp::default() })
    }

    pub(super) fn next_record(&mut self, input: &mut Input) -> Result<Option<Record>, CaptureError> {
        loop {
            if !input.fill(BLOCK_FRAME_BYTES)? {
                if input.window.available() == 0 {
                    return Ok(None);
                }
                return Err(truncated(input, BLOCK_FRAME_BYTES));
            }
            let head = input.window.bytes();
            let kind = self.order.u32_at(head, 0).unwrap_or_default();
            if kind == SECTION_HEADER {
                self.order = section_order(head).map_err(|fault| input.error(fault))?;
                self.interfaces.clear();
            }
            let claimed = self.order.u32_at(head, 4).unwrap_or_default();
            if !claimed.is_multiple_of(4) || (claimed as usize) < BLOCK_FRAME_BYTES {
                let fault = CaptureFault::BadBlock("its length is not that of a block");
                return Err(input.error(fault));
            }
            match kind {
                INTERFACE_DESCRIPTION | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    if let Some(record) = self.block(kind, claimed, input)? {
                        return Ok(Some(record));
                    }
                }
                _ => skip_block(claimed, input)?,
            }
        }
    }

    /// One block that matters; Some when it holds a packet.
    fn block(&mut self, kind: u32, claimed: u32, input: &mut Input) -> Result<Option<Record>, CaptureError> {
        let length = checked_len(claimed, MAX_BLOCK_BYTES).map_err(|fault| input.error(fault))?;
        if !input.fill(length)? {
            return Err(truncated(input, length));
        }
        let block = input.window.bytes().get(..length).unwrap_or_default();
        if self.order.u32_at(block, length - 4) != Some(claimed) {
            let fault = CaptureFault::BadBlock("its two lengths differ");
            return Err(input.error(fault));
        }
        if kind == INTERFACE_DESCRIPTION {
            let interface = self.interface(block);
            if self.interfaces.len() == MAX_INTERFACES {
                return Err(input.error(CaptureFault::BadBlock("too many interfaces")));
            }
            self.interfaces.push(interface);
            input.window.consume(length);
            return Ok(None);
        }
        let (data_at, mut record) = match kind {
            SIMPLE_PACKET => self.simple(block),
            _ => self.enhanced(kind, block),
        }
        .map_err(|fault| input.error(fault))?;
        self.last_time = record.time;
        record.tail = length - data_at;
        input.window.consume(data_at);
        Ok(Some(record))
    }

    fn interface(&self, block: &[u8]) -> Interface {
        let end = block.len() - 4;
        Interface {
            link: self.order.u16_at(block, 8).and_then(|number| LinkType::from_number(number.into())),
            snaplen: self.order.u32_at(block, 12).unwrap_or_default(),
            clock: Clock::from_options(self.order, block.get(16..end).unwrap_or_default()),
        }
    }

    #[inline]
    fn enhanced(&self, kind: u32, block: &[u8]) -> Result<(usize, Record), CaptureFault> {
        let short = CaptureFault::BadBlock("too short for a packet");
        let Some(fields) = block.get(8..).and_then(|b| b.first_chunk::<20>()) else {
            return Err(short);
        };
        let [i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, rest @ ..] = *fields;
        let [c0, c1, c2, c3, w0, w1, w2, w3] = rest;
        let number = match kind {
            OBSOLETE_PACKET => u32::from(self.order.u16([i0, i1])),
            _ => self.order.u32([i0, i1, i2, i3]),
        };
        let Some(interface) = self.interfaces.get(number as usize) else {
            return Err(CaptureFault::BadBlock("its interface was never described"));
        };
        let ticks = u64::from(self.order.u32([h0, h1, h2, h3])) << 32 | u64::from(self.order.u32([l0, l1, l2, l3]));
        let captured = checked_len(self.order.u32([c0, c1, c2, c3]), MAX_PACKET_BYTES)?;
        if captured > block.len() - BLOCK_FRAME_BYTES - 20 {
            return Err(CaptureFault::BadBlock("its packet is longer than the block"));
        }
        let record = Record {
            time: interface.clock.time(ticks),
            link: interface.link,
            captured,
            wire_len: self.order.u32([w0, w1, w2, w3]) as usize,
            tail: 0,
        };
        Ok((ENHANCED_DATA, record))
    }

    /// A simple packet block has neither time nor interface: the last time and the first interface.
    fn simple(&self, block: &[u8]) -> Result<(usize, Record), CaptureFault> {
        let Some(wire_len) = self.order.u32_at(block, 8).filter(|_| block.len() >= 16) else {
            return Err(CaptureFault::BadBlock("too short for a packet"));
        };
        let Some(interface) = self.interfaces.first() else {
            return Err(CaptureFault::BadBlock("its interface was never described"));
        };
        let mut captured = (wire_len as usize).min(block.len() - 16);
        if interface.snaplen != 0 {
            captured = captured.min(interface.snaplen as usize);
        }
        let record =
            Record { time: self.last_time, link: interface.link, captured, wire_len: wire_len as usize, tail: 0 };
        Ok((SIMPLE_DATA, record))
    }
}

/// Passes over a block, however long, without holding it.
fn skip_block(claimed: u32, input: &mut Input) -> Result<(), CaptureError> {
    let before = input.window.offset();
    match input.window.skip(u64::from(claimed)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(input.error(CaptureFault::TruncatedRecord {
            expected: u64::from(claimed),
            got: input.window.offset() - before,
        })),
        Err(error) => Err(input.read_error(error)),
    }
}

fn section_order(head: &[u8]) -> Result<ByteOrder, CaptureFault> {
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|order| order.u32_at(head, 8) == Some(BYTE_ORDER_MAGIC))
        .ok_or(CaptureFault::BadBlock("a section without byte order"))
}

/// How an interface counts time.
struct Clock {
    ticks_per_second: u128,
    offset_nanos: i128,
}

impl Clock {
    const NANOS: u128 = 1_000_000_000;

    fn from_options(order: ByteOrder, mut options: &[u8]) -> Self {
        const END: u16 = 0;
        const RESOLUTION: u16 = 9;
        const OFFSET: u16 = 14;
        let mut clock = Clock { ticks_per_second: 1_000_000, offset_nanos: 0 };
        while let (Some(code), Some(length)) = (order.u16_at(options, 0), order.u16_at(options, 2)) {
            let length = usize::from(length);
            let value = options.get(4..4 + length).unwrap_or_default();
            match (code, value) {
                (END, _) => break,
                (RESOLUTION, [exponent, ..]) => clock.ticks_per_second = resolution(*exponent),
                (OFFSET, value) => {
                    if let Some(seconds) = value.first_chunk::<8>() {
                        clock.offset_nanos = i128::from(order.i64(*seconds)) * 1_000_000_000;
                    }
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        clock
    }

    #[inline]
    fn time(&self, ticks: u64) -> Timestamp {
        let nanos = match self.ticks_per_second {
            1_000_000 => u128::from(ticks) * 1000,
            Self::NANOS => u128::from(ticks),
            ticks_per_second => u128::from(ticks) * Self::NANOS / ticks_per_second,
        };
        Timestamp::clamped(nanos as i128 + self.offset_nanos)
    }
}

/// Ticks per second: a power of ten, or of two when the highest bit is set.
fn resolution(exponent: u8) -> u128 {
    match exponent {
        0x80.. => 1 << (exponent & 0x7f),
        _ => 10u128.checked_pow(exponent.into()).unwrap_or(u128::MAX),
    }
}
