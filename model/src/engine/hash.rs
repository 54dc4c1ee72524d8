//! The hash of a state: which shard owns it and where its table looks first.
//!
//! Fixed keys: a checkpoint is read back by another process. Equal hashes cost time, never a state.

use std::hash::{Hash, Hasher};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FOLD: u64 = 0xd6e8_feb8_6659_fd93;
const LAST: u64 = 0xa076_1d64_78bd_642f;

/// A hash of 64 bits: the shard comes from the top, the place in the table from the lower half.
pub(super) fn hash_of<T: Hash>(value: &T) -> u64 {
    let mut mixer = Mixer(SEED);
    value.hash(&mut mixer);
    mixer.finish()
}

/// Multiplies to 128 bits and folds the halves, so that every bit of both factors reaches the whole result.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

struct Mixer(u64);

impl Mixer {
    #[inline]
    fn pair(&mut self, a: u64, b: u64) {
        self.0 = fold(self.0 ^ a, FOLD ^ b).wrapping_add(self.0.rotate_left(23));
    }
}

impl Hasher for Mixer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (pairs, rest) = bytes.as_chunks::<16>();
        for pair in pairs {
            let both = u128::from_le_bytes(*pair);
            self.pair(both as u64, (both >> 64) as u64);
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            let both = u128::from_le_bytes(last);
            // The number of bytes: a slice that ends in zeros is not the shorter one.
            self.pair(both as u64, (both >> 64) as u64 ^ ((rest.len() as u64) << 56));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = fold(self.0 ^ value, FOLD);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.pair(value as u64, (value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.0 ^ LAST, SEED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_spread_over_all_shards_and_places() {
        let mut shards = [0u32; 64];
        let mut low = std::collections::HashSet::new();
        for i in 0..64_000u64 {
            let hash = hash_of(&[i % 40, i / 40, 0, 7]);
            shards[(hash >> 58) as usize] += 1;
            low.insert(hash as u32);
        }
        assert!(shards.iter().all(|&n| (800..1200).contains(&n)), "{shards:?}");
        assert!(low.len() > 63_990, "{}", low.len());
    }

    #[test]
    fn the_length_of_a_slice_counts() {
        assert_ne!(hash_of(&"a\0"), hash_of(&"a"));
    }
}
