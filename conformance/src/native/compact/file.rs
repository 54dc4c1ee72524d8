//! The head of a compact file and its blocks.

use std::io::Read;

use super::entry::{Bodies, Entries, Entry};
use crate::native::line::{FORMAT, Head, VERSION};
use crate::native::{HeadError, Tally};

/// The first bytes of a file.
const MAGIC: [u8; 8] = *b"\x8aMCT\r\n\x1a\n";
/// The versions of the bytes that are read: the second one has runs.
const BYTES_VERSIONS: [u32; 2] = [1, 2];
/// The first bytes of a block.
const MARKER: [u8; 4] = *b"MCB1";
/// Bytes of a block before its payload, and where the checksum lies among them.
const BLOCK_HEAD_LEN: usize = 48;
const CRC_AT: usize = 28;
/// The longest head, and the longest payload, as it is stored and unpacked.
const MAX_HEAD: usize = 1 << 20;
const MAX_PAYLOAD: usize = 1 << 24;
/// Bytes that are read at a time.
const CHUNK: usize = 1 << 16;
/// The most events in a block: without runs, each took at least a byte.
const MAX_EVENTS: u32 = 1 << 24;

/// What a file holds, in its order.
#[derive(Debug)]
pub enum Item<'a> {
    /// Something happened at `node`, about `peer`.
    Entry {
        /// The node that was recorded.
        node: u32,
        /// The other one.
        peer: u32,
        /// What happened.
        entry: Entry<'a>,
    },
    /// Events of a pair are missing here, for the recorder could not write them.
    Lost {
        /// The node that was recorded.
        node: u32,
        /// The other one.
        peer: u32,
        /// How many.
        count: u64,
    },
    /// Bytes that cannot be read; what they held, nobody knows.
    Damage {
        /// Where, in the uncompressed file.
        offset: u64,
        /// What is wrong with them.
        reason: String,
    },
}

/// A compact file whose head was read.
pub struct CompactFile<R> {
    /// The head, as in JSON lines.
    pub head: Head,
    input: R,
    bytes: Vec<u8>,
    start: usize,
    offset: u64,
    /// Damage was told, and no whole block was found since.
    is_lost: bool,
    tally: Tally,
    /// The present block: where it begins, its payload, its events and how many of them are left.
    block_at: u64,
    block: Vec<u8>,
    pair: (u32, u32),
    entries: Entries,
    count: u32,
    left: u32,
    is_in_block: bool,
    /// Why it cannot be read.
    unreadable: Option<String>,
    unpacker: Option<zstd::bulk::Decompressor<'static>>,
}

/// The fields of a block's head.
#[derive(Clone, Copy, Debug)]
struct BlockHead {
    kind: u8,
    encoding: u8,
    stored: usize,
    raw: usize,
    node: u32,
    peer: u32,
    entries: u32,
    crc: u32,
    lost: u64,
    time: u64,
}

impl BlockHead {
    fn parse(bytes: &[u8; BLOCK_HEAD_LEN]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
        let long = |at: usize| bytes.get(at..)?.first_chunk().map(|long| u64::from_le_bytes(*long));
        Some(Self {
            kind: *bytes.get(4)?,
            encoding: *bytes.get(5)?,
            stored: word(8)? as usize,
            raw: word(12)? as usize,
            node: word(16)?,
            peer: word(20)?,
            entries: word(24)?,
            crc: word(CRC_AT)?,
            lost: long(32)?,
            time: long(40)?,
        })
    }
}

impl<R: Read> CompactFile<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// If it is none, or of a version that is not known.
    pub fn open(input: R) -> Result<Self, HeadError> {
        let mut file = Self {
            head: Head::default(),
            input,
            bytes: Vec::new(),
            start: 0,
            offset: 0,
            is_lost: false,
            tally: Tally::default(),
            block_at: 0,
            block: Vec::new(),
            pair: (0, 0),
            entries: Entries::new(Bodies::Full, false),
            count: 0,
            left: 0,
            is_in_block: false,
            unreadable: None,
            unpacker: None,
        };
        let (head, version) = file.read_head()?;
        file.head = head;
        let bodies = Bodies::named(file.head.bodies.as_deref()).map_err(HeadError::NotCompact)?;
        file.entries = Entries::new(bodies, version > 1);
        Ok(file)
    }

    /// The head, and the version of the bytes.
    fn read_head(&mut self) -> Result<(Head, u32), HeadError> {
        let fail = |reason: &str| HeadError::NotCompact(reason.to_owned());
        let cut = || fail("the file ends inside of its head");
        let fixed: [u8; 16] = self.peek(16)?.first_chunk().copied().ok_or_else(cut)?;
        let word =
            |at: usize| fixed.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word));
        if !fixed.starts_with(&MAGIC) {
            return Err(fail("the first 8 bytes are not those of the format"));
        }
        if !BYTES_VERSIONS.contains(&word(8)) {
            return Err(HeadError::Version { got: u64::from(word(8)) });
        }
        let len = word(12) as usize;
        if len > MAX_HEAD {
            return Err(fail("the head claims to be longer than a mebibyte"));
        }
        let whole = self.peek(16 + len + 4)?;
        let (text, crc) = whole.split_at_checked(16 + len).ok_or_else(cut)?;
        let crc = crc.first_chunk().map(|crc| u32::from_le_bytes(*crc)).ok_or_else(cut)?;
        if crc32fast::hash(text) != crc {
            return Err(fail("the checksum of the head is wrong"));
        }
        let json = text.get(16..).unwrap_or_default();
        let head: Head = serde_json::from_slice(json).map_err(|error| fail(&format!("head: {error}")))?;
        if head.format != FORMAT || head.version != VERSION {
            return Err(HeadError::Version { got: head.version });
        }
        let version = word(8);
        self.consume(16 + len + 4);
        Ok((head, version))
    }

    /// Up to `count` bytes from the place on; fewer only where the file ends.
    fn peek(&mut self, count: usize) -> Result<&[u8], HeadError> {
        self.fill(count).map_err(|error| HeadError::NotCompact(error.to_string()))?;
        let at_hand = self.at_hand();
        Ok(at_hand.get(..count).unwrap_or(at_hand))
    }

    /// Brings `count` bytes to hand; false where the file ends before.
    fn fill(&mut self, count: usize) -> std::io::Result<bool> {
        while self.bytes.len() - self.start < count {
            self.bytes.drain(..self.start);
            self.start = 0;
            let read = self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.bytes)?;
            if read == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn at_hand(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// When its first block begins, in nanoseconds; to be asked before anything is read.
    pub(crate) fn begins_at(&mut self) -> Option<u64> {
        let bytes: &[u8; BLOCK_HEAD_LEN] = self.peek(BLOCK_HEAD_LEN).ok()?.first_chunk()?;
        BlockHead::parse(bytes).filter(|_| bytes.starts_with(&MARKER)).map(|head| head.time)
    }

    /// Reads to the end. What cannot be read is passed over, up to the next whole block.
    pub fn read(mut self, sink: &mut impl FnMut(Item<'_>)) -> Tally {
        while let Some(item) = self.next_item() {
            sink(item);
        }
        self.tally
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What comes next; `None` at the end. What cannot be read is passed over, up to the next whole block.
    pub fn next_item(&mut self) -> Option<Item<'_>> {
        loop {
            if self.left > 0 {
                self.left -= 1;
                match self.entries.advance(&self.block) {
                    Ok(None) => self.tally.unknown += 1,
                    Ok(Some(parsed)) => {
                        let (node, peer) = self.pair;
                        return Some(Item::Entry { node, peer, entry: self.entries.entry(parsed) });
                    }
                    Err(reason) => {
                        let index = self.count - self.left;
                        self.left = 0;
                        return Some(self.damage(format!("event {index} of {} of a block: {reason}", self.count)));
                    }
                }
                continue;
            }
            if self.unreadable.is_some() {
                return self.take_unreadable();
            }
            if std::mem::take(&mut self.is_in_block) && !self.entries.is_at_end(&self.block) {
                return Some(self.surplus());
            }
            match self.next_block() {
                Ok(None) => return None,
                Ok(Some(head)) => {
                    self.is_lost = false;
                    let begun = self.begin_block(&head);
                    self.consume(BLOCK_HEAD_LEN + head.stored);
                    if let Some(item) = begun {
                        return Some(item);
                    }
                }
                Err(reason) => {
                    let is_told = std::mem::replace(&mut self.is_lost, true);
                    let (offset, is_over) = (self.offset, !self.skip_to_marker());
                    if !is_told {
                        self.tally.damaged += 1;
                        return Some(Item::Damage { offset, reason });
                    }
                    if is_over {
                        return None;
                    }
                }
            }
        }
    }

    fn damage<'a>(&mut self, reason: String) -> Item<'a> {
        self.tally.damaged += 1;
        self.is_in_block = false;
        Item::Damage { offset: self.block_at, reason }
    }

    fn surplus<'a>(&mut self) -> Item<'a> {
        let count = self.count;
        self.damage(format!("a block has more bytes than its {count} events"))
    }

    /// The head of the next block, which is whole and at hand.
    fn next_block(&mut self) -> Result<Option<BlockHead>, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        if !self.fill(BLOCK_HEAD_LEN).map_err(unreadable)? {
            return match self.at_hand().len() {
                0 => Ok(None),
                len => Err(format!("the file ends {len} bytes into the head of a block")),
            };
        }
        let bytes: &[u8; BLOCK_HEAD_LEN] = self.at_hand().first_chunk().ok_or("no block")?;
        if !bytes.starts_with(&MARKER) {
            return Err("no block begins here".to_owned());
        }
        let head = BlockHead::parse(bytes).ok_or("no block")?;
        if head.entries > MAX_EVENTS {
            return Err(format!("a block claims {} events, the most are {MAX_EVENTS}", head.entries));
        }
        if head.stored > MAX_PAYLOAD || head.raw > MAX_PAYLOAD {
            return Err(format!("a block claims {} bytes, the most are {MAX_PAYLOAD}", head.stored.max(head.raw)));
        }
        let len = BLOCK_HEAD_LEN + head.stored;
        if !self.fill(len).map_err(unreadable)? {
            return Err(format!("the file ends {} bytes into a block of {len}", self.at_hand().len()));
        }
        let block = self.at_hand().get(..len).unwrap_or_default();
        let (before, rest) = block.split_at_checked(CRC_AT).ok_or("no block")?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(before);
        hasher.update(&[0; 4]);
        hasher.update(rest.get(4..).unwrap_or_default());
        match hasher.finalize() == head.crc {
            true => Ok(Some(head)),
            false => Err(format!("the checksum of a block of {len} bytes is wrong")),
        }
    }

    /// Goes on to what looks like the next block, at least one byte ahead; false at the end.
    fn skip_to_marker(&mut self) -> bool {
        let mut skipped = 1;
        loop {
            let rest = self.at_hand().get(skipped..).unwrap_or_default();
            if let Some(at) = rest.windows(MARKER.len()).position(|window| window == MARKER) {
                self.consume(skipped + at);
                return true;
            }
            let keep = rest.len().min(MARKER.len() - 1);
            let passed = skipped + rest.len() - keep;
            self.consume(passed.min(self.at_hand().len()));
            skipped = 0;
            if !matches!(self.fill(keep + 1), Ok(true)) {
                let rest = self.at_hand().len();
                self.consume(rest);
                return false;
            }
        }
    }

    /// Makes a block the present one; what is to be told before its events.
    fn begin_block<'a>(&mut self, head: &BlockHead) -> Option<Item<'a>> {
        let &BlockHead { node, peer, lost, .. } = head;
        match head.kind {
            1 => {}
            2 => {
                self.tally.has_end = true;
                return None;
            }
            _ => {
                self.tally.unknown += 1;
                return None;
            }
        }
        self.block_at = self.offset;
        let range = self.start + BLOCK_HEAD_LEN..self.start + BLOCK_HEAD_LEN + head.stored;
        let stored = self.bytes.get(range).unwrap_or_default();
        let unpacked = unpack(head, stored, &mut self.block, &mut self.unpacker);
        (self.pair, self.is_in_block) = ((node, peer), true);
        (self.left, self.count) = (head.entries, head.entries);
        self.entries.begin(head.time);
        self.tally.lost += lost;
        if let Err(reason) = unpacked {
            (self.left, self.is_in_block) = (0, false);
            self.unreadable = Some(reason);
        }
        match (lost, self.unreadable.is_some()) {
            (0, false) => None,
            (0, true) => self.take_unreadable(),
            (count, _) => Some(Item::Lost { node, peer, count }),
        }
    }

    fn take_unreadable<'a>(&mut self) -> Option<Item<'a>> {
        let reason = self.unreadable.take()?;
        Some(self.damage(reason))
    }
}

fn unpack(
    head: &BlockHead,
    stored: &[u8],
    raw: &mut Vec<u8>,
    unpacker: &mut Option<zstd::bulk::Decompressor<'static>>,
) -> Result<(), String> {
    raw.clear();
    match head.encoding {
        0 => raw.extend_from_slice(stored),
        1 => {
            let fail = |error: std::io::Error| format!("a block cannot be unpacked: {error}");
            if unpacker.is_none() {
                *unpacker = Some(zstd::bulk::Decompressor::new().map_err(fail)?);
            }
            raw.reserve(head.raw + 1);
            if let Some(unpacker) = unpacker {
                unpacker.decompress_to_buffer(stored, raw).map_err(fail)?;
            }
        }
        other => return Err(format!("a block in encoding {other}, known are 0 and 1")),
    }
    match raw.len() == head.raw {
        true => Ok(()),
        false => Err(format!("a block of {} bytes says that it has {}", raw.len(), head.raw)),
    }
}
