//! The bytes of a compact file around its events: its head and its blocks (`traces/SCHEMA.md`).

use crate::wire::NodeId;

/// The first bytes of a file.
const MAGIC: [u8; 8] = *b"\x8aMCT\r\n\x1a\n";
/// The version of the bytes, after the magic.
const VERSION: u32 = 2;
/// The first bytes of a block.
const MARKER: [u8; 4] = *b"MCB1";
/// Bytes of a block before its payload.
pub(super) const BLOCK_HEAD_LEN: usize = 48;
/// Where the checksum lies among them.
const CRC_AT: usize = 28;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Events of one pair.
    Events = 1,
    /// The end of the file. More of the trace may be in the next one.
    End = 2,
}

/// Events of one pair on their way to the writer.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) node: NodeId,
    pub(super) peer: NodeId,
    /// The time of the first event, in nanoseconds.
    pub(super) time: u64,
    /// Events in `bytes`.
    pub(super) entries: u32,
    /// Of these, events that happened rather than being repeated for whom reads this block alone.
    pub(super) events: u64,
    /// Events of the pair that were lost directly before.
    pub(super) lost: u64,
    pub(super) bytes: Vec<u8>,
}

/// The bytes with which a file begins.
pub(super) fn file_head(json: &str) -> Vec<u8> {
    let len = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(MAGIC.len() + 12 + json.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(json.as_bytes());
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Writes the head of a block in front of its payload, for which `out` has left room.
pub(super) fn seal(out: &mut [u8], kind: BlockKind, is_compressed: bool, raw_len: usize, block: &Block) {
    let len = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let stored = out.len().saturating_sub(BLOCK_HEAD_LEN);
    let fields = MARKER
        .into_iter()
        .chain([kind as u8, u8::from(is_compressed), 0, 0])
        .chain(len(stored))
        .chain(len(raw_len))
        .chain(block.node.0.to_le_bytes())
        .chain(block.peer.0.to_le_bytes())
        .chain(block.entries.to_le_bytes())
        .chain([0; 4])
        .chain(block.lost.to_le_bytes())
        .chain(block.time.to_le_bytes());
    out.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    let crc = crc32fast::hash(out).to_le_bytes();
    out.iter_mut().skip(CRC_AT).zip(crc).for_each(|(byte, field)| *byte = field);
}
