//! What a message is, so that recordings that kept different parts of it can be compared.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Messages of up to this many bytes are always whole; of longer ones this many are always kept.
const WHOLE_LEN: usize = 64;
const KEPT_LEN: usize = 48;
/// Bytes at either end of the rest that are sampled.
const SAMPLE_LEN: usize = 64;

/// What a recording keeps of a long message behind its first 48 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Everything.
    Full,
    /// A hash of all.
    Hash,
    /// A hash of both ends.
    Sample,
    /// The same, of one message in 16.
    Sparse,
    /// Nothing.
    None,
}

impl Kept {
    /// By its name in a head; JSON lines that were never compact have all.
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            None | Some("full") => Self::Full,
            Some("hash") => Self::Hash,
            Some("sample") => Self::Sample,
            Some("sparse") => Self::Sparse,
            Some(_) => Self::None,
        }
    }

    /// What both have.
    pub(super) fn common(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Full, other) => other,
            (one, Self::Full) => one,
            (Self::Sample, Self::Sparse) | (Self::Sparse, Self::Sample) => Self::Sparse,
            _ => Self::None,
        }
    }
}

/// The identity of a message of which `kept` is known, by `common` of it.
pub(super) fn identity(bytes: &[u8], kept: Kept, common: Kept) -> u64 {
    if bytes.len() <= WHOLE_LEN {
        return xxh3_64(bytes);
    }
    let (head, rest) = bytes.split_at_checked(KEPT_LEN).unwrap_or_default();
    let rest = match (kept, common) {
        (_, Kept::None) => 0,
        (_, Kept::Sparse) if !is_sampled(bytes) => 0,
        (Kept::Full, Kept::Full | Kept::Hash) => xxh3_64(rest),
        (Kept::Full, Kept::Sample | Kept::Sparse) => sample(rest),
        _ => rest.first_chunk().map_or(0, |hash| u64::from_le_bytes(*hash)),
    };
    let mut hasher = Xxh3::new();
    hasher.update(head);
    hasher.update(&rest.to_le_bytes());
    hasher.digest()
}

/// Whether a sparse recording samples this message: by its number, where it has one.
fn is_sampled(bytes: &[u8]) -> bool {
    let number = bytes.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |number| u32::from_le_bytes(*number));
    number.is_multiple_of(16) || bytes.get(14) != Some(&3)
}

fn sample(rest: &[u8]) -> u64 {
    match (rest.first_chunk::<SAMPLE_LEN>(), rest.last_chunk::<SAMPLE_LEN>()) {
        (Some(first), Some(last)) if rest.len() > 2 * SAMPLE_LEN => xxh3_64([*first, *last].as_flattened()),
        _ => xxh3_64(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_kept_of_one_message_has_one_identity() {
        for len in [70, 176, 177, 4096] {
            let whole: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
            for (kept, hash) in [(Kept::Hash, xxh3_64(&whole[KEPT_LEN..])), (Kept::Sample, sample(&whole[KEPT_LEN..]))]
            {
                let filler = hash.to_le_bytes().into_iter().cycle();
                let stored: Vec<u8> = whole[..KEPT_LEN].iter().copied().chain(filler).take(len).collect();
                let common = kept.common(Kept::Full);
                assert_eq!(identity(&stored, kept, common), identity(&whole, Kept::Full, common), "{kept:?} {len}");
                let mut other = whole.clone();
                other[len - 1] ^= 1;
                assert_ne!(identity(&other, Kept::Full, common), identity(&whole, Kept::Full, common));
            }
        }
    }
}
