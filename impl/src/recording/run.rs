//! A run: messages that follow on each other, as one entry.

use super::bodies::SPARSE;
use super::encoder::varint;
use super::options::Bodies;

/// The most messages of a run that is written, and the fewest: fewer are as short one by one.
const MAX_RUN: usize = 256;
pub(super) const MIN_RUN: usize = 4;

/// What varies from one message of a run to the next, apart from the number and the body.
#[derive(Debug)]
pub(super) struct Varying {
    /// Bytes 40 to 48 of each message, and its length.
    heads: [u64; MAX_RUN],
    lens: [u16; MAX_RUN],
    /// Messages, and bytes of all of them.
    pub(super) count: usize,
    pub(super) bytes: usize,
    /// By how much the last head was higher than the one before, and 0 if all were by the same.
    step: u64,
    strays: u64,
}

impl Varying {
    pub(super) const fn new() -> Self {
        Self { heads: [0; MAX_RUN], lens: [0; MAX_RUN], count: 0, bytes: 0, step: 0, strays: 0 }
    }

    pub(super) fn clear(&mut self) {
        (self.count, self.bytes, self.step, self.strays) = (0, 0, 0, 0);
    }

    /// Takes messages of this length, of which `next` gives the heads, until it gives none or there is no room.
    #[inline]
    pub(super) fn extend(&mut self, len: u16, mut next: impl FnMut() -> Option<u64>) {
        let Self { heads, lens, count, .. } = self;
        let (mut before, mut step, mut strays) = (0, self.step, self.strays);
        if let Some(last) = count.checked_sub(1).and_then(|last| heads.get(last)) {
            before = *last;
        }
        for (slot, slot_len) in heads.iter_mut().zip(lens).skip(*count) {
            let Some(head) = next() else { break };
            (*slot, *slot_len) = (head, len);
            let grown = head.wrapping_sub(before);
            // There is nothing to compare with before the third one.
            strays |= if *count < 2 { 0 } else { grown ^ step };
            (before, step) = (head, grown);
            *count += 1;
        }
        (self.step, self.strays) = (step, strays);
    }

    /// Appends the fields of the entry. The number of the first message is `seq`.
    pub(super) fn put(&self, out: &mut Vec<u8>, messages: &[u8], seq: u32, bodies: Bodies) {
        varint(out, self.count as u64);
        self.put_varying(out);
        self.put_bodies(out, messages, seq, bodies);
    }

    /// Head and length of the first message, and how they go on.
    fn put_varying(&self, out: &mut Vec<u8>) {
        let (heads, lens) = (self.heads.get(..self.count), self.lens.get(..self.count));
        let (Some([head, heads @ ..]), Some([len, lens @ ..])) = (heads, lens) else { return };
        let is_steady = self.strays == 0;
        let heads_vary = if is_steady { 0 } else { heads.iter().fold(0, |varying, next| varying | next ^ head) };
        let lens_vary = lens.iter().fold(0, |varying, next| varying | next ^ len);
        let has_step = is_steady && self.step != 0;
        let mask = mask(&heads_vary.to_le_bytes()) | mask(&lens_vary.to_le_bytes()) << 8 | u16::from(has_step) << 10;
        out.extend_from_slice(&mask.to_le_bytes());
        out.extend_from_slice(&head.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        if has_step {
            out.extend_from_slice(&self.step.to_le_bytes());
        }
        self.put_differences(out, mask);
    }

    /// Byte for byte of what varies, by how much it is higher in each message behind the first than in the one before: what is
    /// one of a few takes little when it is compressed.
    fn put_differences(&self, out: &mut Vec<u8>, mask: u16) {
        let behind = 1..self.count;
        for at in (0..8).filter(|at| mask >> at & 1 == 1) {
            let byte = |head: &u64| (head >> (8 * at)) as u8;
            let heads = self.heads.get(behind.clone()).unwrap_or_default();
            out.extend(heads.iter().zip(&self.heads).map(|(head, before)| byte(head).wrapping_sub(byte(before))));
        }
        for at in (0..2).filter(|at| mask >> (8 + at) & 1 == 1) {
            let byte = |len: &u16| (len >> (8 * at)) as u8;
            let lens = self.lens.get(behind.clone()).unwrap_or_default();
            out.extend(lens.iter().zip(&self.lens).map(|(len, before)| byte(len).wrapping_sub(byte(before))));
        }
    }

    fn put_bodies(&self, out: &mut Vec<u8>, messages: &[u8], seq: u32, bodies: Bodies) {
        let lens = self.lens.get(..self.count).unwrap_or_default();
        let (unsampled, every) = match bodies {
            Bodies::None => return,
            Bodies::Sparse => ((seq.wrapping_neg() % SPARSE) as usize, SPARSE as usize),
            Bodies::Full | Bodies::Hash | Bodies::Sample => (0, 1),
        };
        let (before, lens) = lens.split_at_checked(unsampled).unwrap_or_default();
        let mut at = sum(before);
        for lens in lens.chunks(every) {
            let len = lens.first().map_or(0, |len| usize::from(*len));
            bodies.put(out, messages.get(at..at + len).unwrap_or_default());
            at += sum(lens);
        }
    }
}

/// Bytes of messages of these lengths.
fn sum(lens: &[u16]) -> usize {
    lens.iter().map(|len| u32::from(*len)).sum::<u32>() as usize
}

/// Which of the bytes are not 0, one bit each.
fn mask(bytes: &[u8]) -> u16 {
    bytes.iter().rev().fold(0, |mask, byte| mask << 1 | u16::from(*byte != 0))
}
