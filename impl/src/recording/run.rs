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
    /// All are as long as the first one.
    is_even: bool,
}

impl Varying {
    pub(super) const fn new() -> Self {
        Self { heads: [0; MAX_RUN], lens: [0; MAX_RUN], count: 0, bytes: 0, is_even: true }
    }

    pub(super) fn clear(&mut self) {
        (self.count, self.bytes, self.is_even) = (0, 0, true);
    }

    /// Takes messages of this length that begin with `heads`, as far as there is room. Says how many.
    #[inline]
    pub(super) fn extend(&mut self, len: u16, heads: impl Iterator<Item = u64>) -> usize {
        let room = self.heads.get_mut(self.count..).unwrap_or_default();
        let count = room.iter_mut().zip(heads).map(|(slot, head)| *slot = head).count();
        self.lens.iter_mut().skip(self.count).take(count).for_each(|slot| *slot = len);
        self.is_even &= self.count == 0 || count == 0;
        self.count += count;
        count
    }

    /// By how much each head is higher than the one before, if all are by the same.
    fn step(heads: &[u64]) -> Option<u64> {
        let [first, second, ..] = heads else { return Some(0) };
        let step = second.wrapping_sub(*first);
        let behind = heads.iter().skip(1);
        let strays = heads.iter().zip(behind).fold(0, |strays, (head, next)| strays | next.wrapping_sub(*head) ^ step);
        (strays == 0).then_some(step)
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
        let (Some(heads @ [head, ..]), Some([len, lens @ ..])) = (heads, lens) else { return };
        let step = Self::step(heads);
        let heads_vary = if step.is_some() { 0 } else { heads.iter().fold(0, |varying, next| varying | next ^ head) };
        let lens_vary = if self.is_even { 0 } else { lens.iter().fold(0, |varying, next| varying | next ^ len) };
        let step = step.filter(|step| *step != 0);
        let mask =
            mask(&heads_vary.to_le_bytes()) | mask(&lens_vary.to_le_bytes()) << 8 | u16::from(step.is_some()) << 10;
        out.extend_from_slice(&mask.to_le_bytes());
        out.extend_from_slice(&head.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        if let Some(step) = step {
            out.extend_from_slice(&step.to_le_bytes());
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
        if let Some(len) = lens.first().filter(|_| self.is_even) {
            let kept = messages.chunks_exact(usize::from(*len)).take(self.count).skip(unsampled).step_by(every);
            return kept.for_each(|message| bodies.put(out, message));
        }
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
