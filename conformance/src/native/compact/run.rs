//! A run: messages that follow on each other, as one entry.

use midcomms::wire::MAX_MESSAGE_LEN;

use super::entry::{KEPT_LEN, Parsed, Rest, TEMPLATE_LEN, WHOLE_LEN, set_lengths};

/// The most messages of a run. What a few bytes claim costs time, so it is bounded.
const MAX_RUN: u64 = 1 << 16;
/// Where the number of a message lies, and what varies within a run besides the length.
const NUMBER: core::ops::Range<usize> = 4..8;
const HEAD: core::ops::Range<usize> = TEMPLATE_LEN..KEPT_LEN;
/// Bits of the mask: one for each byte of the head, above them one for each byte of the length, and one that says that the
/// head grows by the same in each message.
const MASK: u16 = 0x7ff;
const HAS_STEP: u16 = 0x400;
const VARIES: u16 = 0x3ff;

/// The run that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) parsed: Parsed,
    /// Bytes of the present message.
    len: u16,
    count: usize,
    /// Messages that came.
    index: usize,
    /// By how much the head grows.
    step: u64,
    /// Which bytes vary, and where in the block it begins by how much.
    mask: u16,
    columns: usize,
}

impl Run {
    /// None.
    pub(super) const NONE: Self =
        Self { parsed: Parsed::Written, len: 0, count: 0, index: 0, step: 0, mask: 0, columns: 0 };

    /// Whether all of its messages came.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.index == self.count
    }

    /// Reads the fields up to what is kept of the bodies. Puts the first 48 bytes of the first message together, of which
    /// `template` are foreseen, and leaves in `template` what is foreseen behind the run.
    pub(super) fn begin(
        parsed: Parsed,
        rest: &mut Rest<'_>,
        block_len: usize,
        template: &mut [u8; TEMPLATE_LEN],
        message: &mut Vec<u8>,
    ) -> Result<Self, String> {
        let count = rest.varint()?;
        if !(1..=MAX_RUN).contains(&count) {
            return Err(format!("a run of {count} messages, from 1 to {MAX_RUN} can be"));
        }
        let mask = u16::from_le_bytes(rest.array()?);
        if mask > MASK || mask & HAS_STEP != 0 && mask & 0xff != 0 {
            return Err(format!("a run in which {mask:#x} varies, which cannot be"));
        }
        let head: [u8; HEAD.end - HEAD.start] = rest.array()?;
        let len = u16::from_le_bytes(rest.array()?);
        let step = if mask & HAS_STEP == 0 { 0 } else { u64::from_le_bytes(rest.array()?) };
        let mask = mask & VARIES;
        let columns = block_len - rest.0.len();
        rest.slice(mask.count_ones() as usize * (count as usize - 1))?;
        message.clear();
        message.extend_from_slice(template);
        message.extend_from_slice(&head);
        set_lengths(message, len);
        add(template, count as u32);
        Ok(Self { parsed, len, count: count as usize, index: 0, step, mask, columns })
    }

    /// Puts the first 48 bytes of the next message together from those of the one before it; says how long it is.
    #[inline]
    pub(super) fn advance(&mut self, block: &[u8], message: &mut Vec<u8>) -> Result<usize, String> {
        if let Some(behind) = self.index.checked_sub(1) {
            message.truncate(KEPT_LEN);
            add(message, 1);
            if self.step > 0 {
                self.step(message);
            }
            if self.mask > 0 {
                self.vary(behind, block, message);
            }
        }
        self.index += 1;
        let len = usize::from(self.len);
        match (WHOLE_LEN + 1..=MAX_MESSAGE_LEN).contains(&len) {
            true => Ok(len),
            false => {
                Err(format!("a message of {len} bytes in a run, from {} to {MAX_MESSAGE_LEN} can be", WHOLE_LEN + 1))
            }
        }
    }

    #[inline]
    fn step(&self, message: &mut [u8]) {
        if let Some(head) = message.get_mut(HEAD).and_then(<[u8]>::first_chunk_mut) {
            *head = u64::from_le_bytes(*head).wrapping_add(self.step).to_le_bytes();
        }
    }

    #[inline]
    fn vary(&mut self, behind: usize, block: &[u8], message: &mut [u8]) {
        let mut at = self.columns + behind;
        let mut len = self.len.to_le_bytes();
        let head = message.get_mut(HEAD).unwrap_or_default();
        let mut mask = self.mask;
        for byte in head.iter_mut().chain(&mut len) {
            if mask & 1 == 1 {
                *byte = byte.wrapping_add(block.get(at).copied().unwrap_or_default());
                at += self.count - 1;
            }
            mask >>= 1;
        }
        self.len = u16::from_le_bytes(len);
        set_lengths(message, self.len);
    }
}

/// Makes the number of a message higher.
#[inline]
fn add(message: &mut [u8], count: u32) {
    if let Some(number) = message.get_mut(NUMBER).and_then(<[u8]>::first_chunk_mut) {
        *number = u32::from_le_bytes(*number).wrapping_add(count).to_le_bytes();
    }
}
