//! What is kept of the rest of a long message.

use xxhash_rust::xxh3::xxh3_64;

use super::options::Bodies;
use super::template::KEPT_LEN;
use crate::wire::Cmd;

/// Bytes at each end of the rest that a sample takes.
const SAMPLE_LEN: usize = 64;
/// Of so many numbers in a row, [`Bodies::Sparse`] samples the message of one.
pub(super) const SPARSE: u32 = 16;

impl Bodies {
    /// The hash that is kept of a long message, if one is.
    #[inline]
    pub(super) fn hash(self, message: &[u8]) -> Option<u64> {
        let rest = message.get(KEPT_LEN..).unwrap_or_default();
        match self {
            Self::Full | Self::None => None,
            Self::Hash => Some(xxh3_64(rest)),
            Self::Sample => Some(sample(rest)),
            Self::Sparse => is_sampled(message).then(|| sample(rest)),
        }
    }

    /// Appends what is kept of the rest of a long message.
    #[inline]
    pub(super) fn put(self, out: &mut Vec<u8>, message: &[u8]) {
        if let Some(hash) = self.hash(message) {
            out.extend_from_slice(&hash.to_le_bytes());
        } else if self == Self::Full {
            out.extend_from_slice(message.get(KEPT_LEN..).unwrap_or_default());
        }
    }
}

/// Whether a copy of this message, at either node, is sampled as well: what its number says, where it has one.
#[inline]
fn is_sampled(message: &[u8]) -> bool {
    let number = message.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |number| u32::from_le_bytes(*number));
    number.is_multiple_of(SPARSE) || message.get(14) != Some(&Cmd::Opts.to_wire())
}

#[inline]
fn sample(rest: &[u8]) -> u64 {
    match (rest.first_chunk::<SAMPLE_LEN>(), rest.last_chunk::<SAMPLE_LEN>()) {
        (Some(first), Some(last)) if rest.len() > 2 * SAMPLE_LEN => {
            let mut both = [[0; SAMPLE_LEN]; 2];
            both.clone_from(&[*first, *last]);
            xxh3_64(both.as_flattened())
        }
        _ => xxh3_64(rest),
    }
}
