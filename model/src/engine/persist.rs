//! States that a checkpoint can hold.

/// A value that is written as a fixed number of bytes.
pub trait Persist: Sized {
    /// The number of bytes.
    const BYTES: usize;

    /// Appends exactly [`Self::BYTES`] bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads the value back from exactly [`Self::BYTES`] bytes; none if they are no value.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl<const W: usize> Persist for [u64; W] {
    const BYTES: usize = W * 8;

    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut state = [0; W];
        if words.len() != W || !rest.is_empty() {
            return None;
        }
        for (word, bytes) in state.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        Some(state)
    }
}

impl Persist for u64 {
    const BYTES: usize = 8;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_le_bytes(bytes.try_into().ok()?))
    }
}
