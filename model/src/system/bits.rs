//! A few words as a row of bits: what a packed system consists of.

use std::hash::{Hash, Hasher};

use crate::engine::Persist;

/// A packed system: `W` words.
#[derive(Clone, Copy, Debug)]
pub struct Packed<const W: usize>([u64; W]);

impl<const W: usize> Packed<W> {
    pub(super) const fn zero() -> Self {
        Self([0; W])
    }
}

/// All words at once, without a branch for each and without a call.
impl<const W: usize> PartialEq for Packed<W> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
    }
}

impl<const W: usize> Eq for Packed<W> {}

/// Two words at a time; all packed systems of a world are of one length.
impl<const W: usize> Hash for Packed<W> {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let (pairs, rest) = self.0.as_chunks::<2>();
        for [low, high] in pairs {
            hasher.write_u128(u128::from(*low) | u128::from(*high) << 64);
        }
        rest.iter().for_each(|word| hasher.write_u64(*word));
    }
}

impl<const W: usize> Persist for Packed<W> {
    const BYTES: usize = <[u64; W] as Persist>::BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Persist::read(bytes).map(Self)
    }
}

/// A few fields side by side, in at most 64 bits: shifts by constants wherever the widths are.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    bits: u64,
    len: u32,
    /// Not 0 where a field is too large for its width.
    pub(super) lost: u64,
}

impl Group {
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64, width: u32) {
        self.bits |= value << self.len;
        self.lost |= value >> width;
        self.len += width;
    }

    /// Of a value that fits whatever it is.
    #[inline(always)]
    pub(super) fn put_any(&mut self, value: u64, width: u32) {
        self.bits |= value << self.len;
        self.len += width;
    }

    #[inline(always)]
    pub(super) fn flag(&mut self, value: bool) {
        self.put_any(u64::from(value), 1);
    }

    #[inline(always)]
    pub(super) fn take(&mut self, width: u32) -> u64 {
        let value = self.bits >> self.len & ((1 << width) - 1);
        self.len += width;
        value
    }

    #[inline(always)]
    pub(super) fn take_flag(&mut self) -> bool {
        self.take(1) != 0
    }
}

/// Groups one after the other.
pub(super) struct Writer<'a, const W: usize> {
    words: &'a mut [u64; W],
    /// Bits that wait to be stored, and how many.
    pending: u64,
    filled: u32,
    word: usize,
    lost: u64,
}

impl<'a, const W: usize> Writer<'a, W> {
    /// `packed` is zero.
    #[inline(always)]
    pub(super) fn new(packed: &'a mut Packed<W>) -> Self {
        Self { words: &mut packed.0, pending: 0, filled: 0, word: 0, lost: 0 }
    }

    /// Whether all of it fitted.
    #[inline(always)]
    pub(super) fn finish(mut self) -> bool {
        self.store();
        self.lost == 0
    }

    /// `group` has fewer than 64 bits.
    #[inline(always)]
    pub(super) fn put(&mut self, group: Group) {
        self.lost |= group.lost;
        self.pending |= group.bits << self.filled;
        self.filled += group.len;
        if self.filled >= 64 {
            self.store();
            self.filled -= 64;
            self.pending = if self.filled == 0 { 0 } else { group.bits >> (group.len - self.filled) };
        }
    }

    #[inline]
    fn store(&mut self) {
        match self.words.get_mut(self.word) {
            Some(word) => *word = self.pending,
            None => self.lost |= self.pending,
        }
        self.word += 1;
    }
}

pub(super) struct Reader<'a, const W: usize> {
    words: &'a [u64; W],
    position: u32,
}

impl<'a, const W: usize> Reader<'a, W> {
    #[inline(always)]
    pub(super) fn new(packed: &'a Packed<W>) -> Self {
        Self { words: &packed.0, position: 0 }
    }

    /// The next 64 bits, of which `take` says how many are used.
    #[inline(always)]
    pub(super) fn take<T>(&mut self, take: impl FnOnce(&mut Group) -> T) -> T {
        let (word, shift) = ((self.position / 64) as usize, self.position % 64);
        let low = self.words.get(word).copied().unwrap_or_default() >> shift;
        let high = self.words.get(word + 1).copied().unwrap_or_default();
        let mut group = Group { bits: low | high << 1 << (63 - shift), ..Group::default() };
        let taken = take(&mut group);
        self.position += group.len;
        taken
    }
}
