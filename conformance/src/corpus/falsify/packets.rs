//! The frames of a capture as they are stored, and TCP payloads cut and spliced in place.
//!
//! Reads what the originals are: classic pcap, little-endian, Ethernet, IPv4, TCP.

use std::ops::Range;

const FILE_HEAD_LEN: usize = 24;
const FRAME_HEAD_LEN: usize = 16;
const ETHERNET_LEN: usize = 14;

/// A capture as its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packets {
    head: Vec<u8>,
    frames: Vec<Frame>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    head: Vec<u8>,
    data: Vec<u8>,
}

/// One end's part of a TCP connection: addresses and ports of sender and receiver.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    from: (u32, u16),
    to: (u32, u16),
}

impl Flow {
    fn reverse(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// Where the parts of a TCP segment are in its frame.
struct Segment {
    flow: Flow,
    tcp: usize,
    payload: Range<usize>,
}

impl Packets {
    /// Cuts a capture into frames; `None` if it is none that this module reads.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(FILE_HEAD_LEN)?;
        if !head.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) {
            return None;
        }
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (head, behind) = rest.split_at_checked(FRAME_HEAD_LEN)?;
            let length = usize::try_from(u32::from_le_bytes(array(head, 8)?)).ok()?;
            let (data, behind) = behind.split_at_checked(length)?;
            frames.push(Frame { head: head.to_vec(), data: data.to_vec() });
            rest = behind;
        }
        Some(Self { head: head.to_vec(), frames })
    }

    /// The capture as a file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let frames = self.frames.iter().flat_map(|frame| [&frame.head, &frame.data]);
        std::iter::once(&self.head).chain(frames).flatten().copied().collect()
    }

    /// Drops everything behind frame `last`, counted from 1.
    pub(super) fn cut_after(&mut self, last: u64) {
        self.frames.truncate(usize::try_from(last).unwrap_or(usize::MAX));
    }

    /// The TCP payload of frame `number`, counted from 1.
    pub(super) fn payload(&self, number: u64) -> Option<&[u8]> {
        let frame = self.frames.get(index(number)?)?;
        frame.data.get(frame.segment()?.payload)
    }

    /// Replaces `old` bytes at offset `at` of the TCP payload of frame `number` by `new`. TCP numbers of what follows on
    /// the connection are moved, so that the streams stay whole; lengths and checksums are made good.
    pub(super) fn splice(&mut self, number: u64, at: usize, old: usize, new: &[u8]) -> Option<()> {
        let first = index(number)?;
        let frame = self.frames.get_mut(first)?;
        let segment = frame.segment()?;
        let place = segment.payload.start + at..segment.payload.start + at + old;
        if place.end > segment.payload.end {
            return None;
        }
        let seq = frame.number(segment.tcp + 4)?;
        frame.data.splice(place, new.iter().copied());
        frame.set_length(segment.payload.end + new.len() - old)?;
        frame.mend()?;
        let moved_from = seq.wrapping_add(u32::try_from(at + old).ok()?);
        let by = u32::try_from(new.len()).ok()?.wrapping_sub(u32::try_from(old).ok()?);
        if by != 0 {
            let later = self.frames.iter_mut().skip(first + 1);
            later.for_each(|frame| frame.shift(segment.flow, moved_from, by));
        }
        Some(())
    }
}

impl Frame {
    fn segment(&self) -> Option<Segment> {
        let data = &self.data;
        let is_tcp = array(data, 12)? == [8, 0] && array(data, ETHERNET_LEN + 9)? == [6];
        let [version_and_length] = array(data, ETHERNET_LEN)?;
        let tcp = ETHERNET_LEN + usize::from(version_and_length & 15) * 4;
        let end = ETHERNET_LEN + usize::from(u16::from_be_bytes(array(data, ETHERNET_LEN + 2)?));
        let [offset] = array(data, tcp + 12)?;
        let start = tcp + usize::from(offset >> 4) * 4;
        let flow = Flow {
            from: (self.number(ETHERNET_LEN + 12)?, u16::from_be_bytes(array(data, tcp)?)),
            to: (self.number(ETHERNET_LEN + 16)?, u16::from_be_bytes(array(data, tcp + 2)?)),
        };
        (is_tcp && start <= end && end <= data.len()).then_some(Segment { flow, tcp, payload: start..end })
    }

    fn number(&self, at: usize) -> Option<u32> {
        array(&self.data, at).map(u32::from_be_bytes)
    }

    /// Moves the TCP numbers of a later segment of `flow`, or of one that acknowledges it.
    fn shift(&mut self, flow: Flow, moved_from: u32, by: u32) {
        let Some(segment) = self.segment() else {
            return;
        };
        let field = if segment.flow == flow {
            segment.tcp + 4
        } else if segment.flow == flow.reverse() {
            segment.tcp + 8
        } else {
            return;
        };
        let Some(number) = self.number(field) else {
            return;
        };
        let is_behind = number.wrapping_sub(moved_from).cast_signed() >= 0;
        if is_behind && (segment.flow == flow || number != 0) {
            put(&mut self.data, field, &number.wrapping_add(by).to_be_bytes());
            self.mend();
        }
    }

    /// Sets the lengths for a packet that ends at `end`.
    fn set_length(&mut self, end: usize) -> Option<()> {
        let total = u16::try_from(end - ETHERNET_LEN).ok()?;
        put(&mut self.data, ETHERNET_LEN + 2, &total.to_be_bytes());
        let length = u32::try_from(self.data.len()).ok()?.to_le_bytes();
        put(&mut self.head, 8, &length);
        put(&mut self.head, 12, &length);
        Some(())
    }

    /// Makes the checksums good.
    fn mend(&mut self) -> Option<()> {
        let Segment { tcp, payload, .. } = self.segment()?;
        put(&mut self.data, ETHERNET_LEN + 10, &[0, 0]);
        let sum = checksum(&[self.data.get(ETHERNET_LEN..tcp)?]);
        put(&mut self.data, ETHERNET_LEN + 10, &sum.to_be_bytes());
        put(&mut self.data, tcp + 16, &[0, 0]);
        let length = u16::try_from(payload.end - tcp).ok()?.to_be_bytes();
        let [high, low] = length;
        let addresses = self.data.get(ETHERNET_LEN + 12..ETHERNET_LEN + 20)?;
        let sum = checksum(&[addresses, &[0, 6, high, low], self.data.get(tcp..payload.end)?]);
        put(&mut self.data, tcp + 16, &sum.to_be_bytes());
        Some(())
    }
}

/// The internet checksum over parts of which each but the last is of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let word = |pair: &[u8]| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    };
    let mut sum: u32 = parts.iter().flat_map(|part| part.chunks(2)).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Overwrites bytes at offset `at`; what would lie behind the end is left out.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + new.len()) {
        place.copy_from_slice(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        assert_eq!(Packets::parse(b"text"), None);
        assert_eq!(Packets::parse(&[0xd4, 0xc3, 0xb2, 0xa1, 0, 0]), None);
    }
}
