//! What the next long message of one direction begins with.

use super::run::Varying;
use crate::wire::{Cmd, OPTS_LEN};

/// Messages of up to this many bytes are kept whole.
pub(super) const WHOLE_LEN: usize = 64;
/// Of longer ones so many bytes are kept in any case.
pub(super) const KEPT_LEN: usize = 48;
/// Bytes of a regular message that follow from the one before it.
pub(super) const TEMPLATE_LEN: usize = 40;
/// The length fields of the two headers, in the second and in the fifth word.
const LENGTH: u64 = 0xffff << 32;
/// One number higher, in the first word.
const NEXT: u64 = 1 << 32;

/// The first 40 bytes of the next OPTS, if it continues the one before: one number higher, of any length.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Template {
    words: Option<[u64; 5]>,
}

impl Template {
    /// The number that is foreseen.
    pub(super) fn seq(self) -> u32 {
        self.words.map_or(0, |[first, ..]| (first >> 32) as u32)
    }

    /// Whether `message`, a long one, is what was foreseen. Foresees what follows on it, if it is OPTS.
    #[inline]
    pub(super) fn advance(&mut self, message: &[u8]) -> bool {
        let Some([first, outer, envelope, inner, lengths, _]) = words(message) else { return false };
        let len = message.len();
        let is_whole = (outer & LENGTH, lengths & LENGTH) == length_fields(len);
        let found = [first, outer & !LENGTH, envelope, inner, lengths & !LENGTH];
        let is_foreseen = self.words.is_some_and(|words| differ(&words, &found) == 0) && is_whole;
        if message.get(14) == Some(&Cmd::Opts.to_wire()) {
            let [first, rest @ ..] = found;
            let [outer, envelope, inner, lengths] = rest;
            self.words = Some([first.wrapping_add(NEXT), outer, envelope, inner, lengths]);
        }
        is_foreseen
    }

    /// Goes through the messages at the front of `messages` that are long and what was foreseen, one after the other, as far
    /// as there is room in `run`; foresees what follows.
    #[inline]
    pub(super) fn advance_all(&mut self, messages: &[u8], run: &mut Varying) {
        run.clear();
        let mut rest = messages;
        while let Some(behind) = self.advance_alike(rest, run) {
            rest = behind;
        }
        run.bytes = messages.len() - rest.len();
    }

    /// The same for messages that are as long as the first one, so that none has to wait until it is known how long the one
    /// before it is. `None` if there is none.
    fn advance_alike<'a>(&mut self, messages: &'a [u8], run: &mut Varying) -> Option<&'a [u8]> {
        let [first, outer, envelope, inner, lengths] = self.words.as_mut()?;
        let len = (words(messages)?[1] >> 32) as u16;
        if usize::from(len) <= WHOLE_LEN {
            return None;
        }
        let (outer_len, inner_len) = length_fields(usize::from(len));
        // All but the first word is the same in each: 32 bytes in a row, which take two comparisons.
        let same = [*outer | outer_len, *envelope, *inner, *lengths | inner_len].map(u64::to_le_bytes);
        let mut next = *first;
        let heads = messages.chunks_exact(usize::from(len)).map_while(|message| {
            let (found, [first, .., head]) = (message.get(8..TEMPLATE_LEN)?, words(message)?);
            let is_foreseen = first == next && found == same.as_flattened();
            next = next.wrapping_add(NEXT);
            is_foreseen.then_some(head)
        });
        let count = run.extend(len, heads);
        *first = first.wrapping_add(NEXT * count as u64);
        messages.get(count * usize::from(len)..).filter(|_| count > 0)
    }
}

/// Both length fields of a message of `len` bytes where they lie in their words.
const fn length_fields(len: usize) -> (u64, u64) {
    ((len as u64) << 32, (len.saturating_sub(OPTS_LEN) as u64) << 32)
}

/// 0 if both are the same. Comparing arrays calls `memcmp`, which takes longer than this.
#[inline]
fn differ(one: &[u64; 5], other: &[u64; 5]) -> u64 {
    one.iter().zip(other).fold(0, |differ, (one, other)| differ | one ^ other)
}

#[inline]
fn words(message: &[u8]) -> Option<[u64; 6]> {
    let head = message.first_chunk::<KEPT_LEN>()?;
    let (words, _) = head.as_chunks::<8>();
    let words: &[[u8; 8]; 6] = words.try_into().ok()?;
    Some(words.map(u64::from_le_bytes))
}
