//! What is sent: how many messages, of which length, and what each looks like.

use std::time::Duration;

use ::midcomms::wire::{
    HEADER_LEN, Inner, LockspaceId, MSG_FIXED_LEN, MSG_LEN, Message, Msg, MsgType, NodeId, Options, Opts, Sender, Seq,
    Version,
};
use anyhow::{Context, Result};

/// What one run sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Bytes of each message, its 16-byte header included, the envelope not.
    pub(crate) len: usize,
    /// Messages per direction, round trips or resets.
    pub(crate) messages: u32,
    /// How many of them, the first, are not timed.
    pub(crate) warm_up: u32,
    /// Whether both nodes send.
    pub(crate) both_ways: bool,
    /// How long a run may take before it counts as stuck.
    pub(crate) limit: Duration,
}

/// Where the number of a message stands: the second word of a MSG.
const NUMBER_AT: usize = HEADER_LEN + 4;

const SENDER: Sender = Sender { version: Version::V3_2, nodeid: NodeId(1) };

/// A MSG of `len` bytes, numbered 0.
pub(crate) fn message(len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    with_message(len, |inner| {
        Message::from(inner).encode_into(&mut out);
        Ok(())
    })?;
    Ok(out)
}

/// The same in the envelope in which midcomms sends it.
pub(crate) fn enveloped(len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    with_message(len, |inner| {
        Message::from(Opts::new(Seq(0), Options::default(), inner)?).encode_into(&mut out);
        Ok(())
    })?;
    Ok(out)
}

fn with_message(len: usize, with: impl FnOnce(Inner<'_>) -> Result<()>) -> Result<()> {
    let block_len = len.checked_sub(MSG_LEN).with_context(|| format!("{len} bytes are no MSG: it has {MSG_LEN}"))?;
    let mut fixed = [0; MSG_FIXED_LEN];
    *fixed.first_chunk_mut().context("a MSG has words")? = MsgType::Request.to_wire().to_le_bytes();
    let block: Vec<u8> = (1..=u8::MAX).cycle().take(block_len).collect();
    let inner = Inner::msg(SENDER, LockspaceId(1), Msg::new(&fixed, &block))?;
    with(inner)
}

/// Writes the number into a [`message`].
#[inline]
pub(crate) fn set_number(message: &mut [u8], number: u32) {
    if let Some(word) = message.get_mut(NUMBER_AT..).and_then(<[u8]>::first_chunk_mut) {
        *word = number.to_le_bytes();
    }
}

/// The same where `body` is all behind the header.
#[inline]
pub(crate) fn set_number_of_body(body: &mut [u8], number: u32) {
    if let Some(word) = body.get_mut(NUMBER_AT - HEADER_LEN..).and_then(<[u8]>::first_chunk_mut) {
        *word = number.to_le_bytes();
    }
}

/// The number of a message of which `body` is all behind the header.
#[inline]
pub(crate) fn number_of_body(body: &[u8]) -> Option<u32> {
    body.get(NUMBER_AT - HEADER_LEN..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// The number of a [`message`], `None` if it is too short to have one.
#[inline]
pub(crate) fn number(message: &[u8]) -> Option<u32> {
    message.get(NUMBER_AT..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
