//! Replacing bytes by others of the same length, so that equal ones stay equal and others stay others.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Bytes of a key.
const KEY_LEN: usize = 32;
/// Rounds of the Feistel network: enough for long halves, and for halves of a few bits.
const ROUNDS: u8 = 4;
const ROUNDS_OF_SHORT: u8 = 12;
/// Half of this length and more is long.
const LONG_HALF: usize = 16;

/// For what a permutation is used: each has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Names, value blocks, payload.
    Body = 1,
    /// Words of 4 or 8 bytes.
    Word = 2,
    /// IP addresses.
    Address = 3,
    /// The identification of IPv4.
    Packet = 4,
}

/// A secret, and with it for every length a permutation of all byte strings of that length.
///
/// Without the key nothing can be told of what was replaced but its length, and which are equal.
pub struct Key {
    keyed: Sha256,
    words: HashMap<u32, u32>,
}

impl Key {
    /// A key that nobody knows, thrown away with the value.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; KEY_LEN];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// The key that is made of these bytes: the same of the same.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // One whole block, so that what is hashed behind it costs nothing for the key.
        let key = Sha256::digest(bytes);
        let mut keyed = Sha256::new();
        keyed.update(key);
        keyed.update([0x5c; KEY_LEN]);
        Self { keyed, words: HashMap::new() }
    }

    /// Replaces bytes.
    pub fn replace(&self, domain: Domain, bytes: &mut [u8]) {
        match bytes {
            [] => {}
            [byte] => *byte = self.replace_byte(domain, *byte),
            _ => self.replace_long(domain, bytes),
        }
    }

    fn replace_long(&self, domain: Domain, bytes: &mut [u8]) {
        let half = bytes.len() / 2;
        let rounds = if half < LONG_HALF { ROUNDS_OF_SHORT } else { ROUNDS };
        let length = bytes.len();
        let (left, right) = bytes.split_at_mut(half);
        for round in 0..rounds {
            let (from, to) = if round % 2 == 0 { (&*right, &mut *left) } else { (&*left, &mut *right) };
            self.mix(domain, round, length, from, to);
        }
    }

    fn replace_byte(&self, domain: Domain, byte: u8) -> u8 {
        let mut halves = [byte >> 4, byte & 15];
        for round in 0..ROUNDS_OF_SHORT {
            let [left, right] = halves;
            let mut mixed = [left];
            self.mix(domain, round, 1, &[right], &mut mixed);
            let [mixed] = mixed;
            halves = [right, mixed & 15];
        }
        let [left, right] = halves;
        left << 4 | right
    }

    /// Adds to `to` what the key makes of `from`.
    fn mix(&self, domain: Domain, round: u8, length: usize, from: &[u8], to: &mut [u8]) {
        let mut hash = self.keyed.clone();
        hash.update([domain as u8, round]);
        hash.update((length as u64).to_le_bytes());
        hash.update(from);
        let seed = hash.finalize();
        for (index, block) in (0_u64..).zip(to.chunks_mut(KEY_LEN)) {
            let stream = match index {
                0 => seed,
                _ => Sha256::new_with_prefix(seed).chain_update(index.to_le_bytes()).finalize(),
            };
            block.iter_mut().zip(stream).for_each(|(byte, mixed)| *byte ^= mixed);
        }
    }

    /// Replaces a word; 0, which mostly stands for nothing, and nothing else stays 0.
    pub fn word(&mut self, word: u32) -> u32 {
        if let Some(known) = self.words.get(&word) {
            return *known;
        }
        let mut bytes = word.to_le_bytes();
        self.replace_nonzero(&mut bytes);
        let replaced = u32::from_le_bytes(bytes);
        self.words.insert(word, replaced);
        replaced
    }

    /// Replaces bytes that are not all 0 by such.
    pub fn replace_nonzero(&self, bytes: &mut [u8]) {
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        if is_zero(bytes) {
            return;
        }
        self.replace(Domain::Word, bytes);
        if is_zero(bytes) {
            self.replace(Domain::Word, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_strings_are_permuted() {
        let key = Key::from_bytes(b"key");
        let replaced = |mut bytes: Vec<u8>| {
            key.replace(Domain::Body, &mut bytes);
            bytes
        };
        let ones: HashSet<_> = (0..=255).map(|byte| replaced(vec![byte])).collect();
        assert_eq!(ones.len(), 256);
        let twos: HashSet<_> = (0..=u16::MAX).map(|word| replaced(word.to_le_bytes().to_vec())).collect();
        assert_eq!(twos.len(), 1 << 16);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn equal_stays_equal_and_other_stays_other(one: Vec<u8>, other: Vec<u8>, secret: [u8; 4]) {
            let replaced = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                Key::from_bytes(&secret).replace(Domain::Body, &mut bytes);
                bytes
            };
            prop_assert_eq!(one == other, replaced(&one) == replaced(&other));
            prop_assert_eq!(one.len(), replaced(&one).len());
        }

        #[test]
        fn nothing_stays_nothing(word: u32) {
            let mut key = Key::from_bytes(b"key");
            let replaced = key.word(word);
            prop_assert_eq!(word == 0, replaced == 0);
            prop_assert_eq!(replaced, key.word(word));
        }
    }
}
