//! What nearly every message is, a MSG in an envelope without options, read at a glance and written at a stroke.

use crate::wire::{Cmd, HEADER_LEN, LockspaceId, MAX_MESSAGE_LEN, MSG_LEN, NodeId, OPTS_LEN, Seq, VERSION_3_2};

/// Bytes before the body of a message in an envelope without options.
pub(super) const SEQUENCED_HEAD: usize = OPTS_LEN + HEADER_LEN;

/// The head of a message in an envelope, as five words of 8 bytes.
struct Words {
    version_seq: u64,
    outer: u64,
    envelope: u64,
    version_lockspace: u64,
    inner: u64,
}

impl Words {
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        let [version_seq, outer, envelope, version_lockspace, inner] =
            bytes.first_chunk::<SEQUENCED_HEAD>()?.as_chunks().0
        else {
            return None;
        };
        Some(Self {
            version_seq: u64::from_le_bytes(*version_seq),
            outer: u64::from_le_bytes(*outer),
            envelope: u64::from_le_bytes(*envelope),
            version_lockspace: u64::from_le_bytes(*version_lockspace),
            inner: u64::from_le_bytes(*inner),
        })
    }

    #[inline]
    const fn length(&self) -> u16 {
        (self.outer >> 32) as u16
    }
}

/// The second half of a header: node id, length, command, pad.
#[inline]
fn half(node: NodeId, length: u16, cmd: Cmd) -> u64 {
    u64::from(node.0) + (u64::from(length) << 32) + (u64::from(cmd.to_wire()) << 48)
}

/// Envelope without options and inner header of a message of `node` with a body of `len` bytes; `word` is the second word of the
/// latter.
#[inline]
pub(super) fn sequenced_head(node: NodeId, seq: Seq, cmd: Cmd, word: u32, len: usize) -> [[u8; 8]; 5] {
    let inner = u16::try_from(HEADER_LEN + len).unwrap_or(u16::MAX);
    let words = [
        u64::from(VERSION_3_2) + (u64::from(seq.0) << 32),
        half(node, inner.saturating_add(OPTS_LEN as u16), Cmd::Opts),
        u64::from(cmd.to_wire()),
        u64::from(VERSION_3_2) + (u64::from(word) << 32),
        half(node, inner, cmd),
    ];
    words.map(u64::to_le_bytes)
}

/// Bytes of the message at the front of `bytes`, if it is the whole MSG with the number `seq` from `peer`, in an envelope
/// without options, and there is nothing to complain of.
#[inline]
pub(super) fn plain_len(bytes: &[u8], peer: NodeId, seq: Seq) -> Option<usize> {
    let words = Words::read(bytes)?;
    let length = words.length();
    let is_plain = words.version_seq == u64::from(VERSION_3_2) + (u64::from(seq.0) << 32)
        && words.outer == half(peer, length, Cmd::Opts)
        && words.envelope == u64::from(Cmd::Msg.to_wire())
        && words.version_lockspace as u32 == VERSION_3_2
        && words.inner == half(peer, length.wrapping_sub(OPTS_LEN as u16), Cmd::Msg);
    let len = usize::from(length);
    (is_plain && (OPTS_LEN + MSG_LEN..=bytes.len().min(MAX_MESSAGE_LEN)).contains(&len)).then_some(len)
}

/// Length and lockspace of the plain message at the front of `bytes`.
#[inline]
pub(super) fn length_and_lockspace(bytes: &[u8]) -> Option<(u16, LockspaceId)> {
    let words = Words::read(bytes)?;
    Some((words.length(), LockspaceId((words.version_lockspace >> 32) as u32)))
}
