//! The head of a compact file and its blocks.

use std::io::Read;

use super::entry::{Bodies, Entries, Entry};
use crate::native::line::{FORMAT, Head, VERSION};
use crate::native::{HeadError, Tally};

/// The first bytes of a file.
const MAGIC: [u8; 8] = *b"\x8aMCT\r\n\x1a\n";
/// The version of the bytes that is read.
const BYTES_VERSION: u32 = 1;
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
    bodies: Bodies,
    tally: Tally,
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
            bodies: Bodies::Full,
            tally: Tally::default(),
        };
        file.head = file.read_head()?;
        file.bodies = Bodies::named(file.head.bodies.as_deref()).map_err(HeadError::NotCompact)?;
        Ok(file)
    }

    fn read_head(&mut self) -> Result<Head, HeadError> {
        let fail = |reason: &str| HeadError::NotCompact(reason.to_owned());
        let cut = || fail("the file ends inside of its head");
        let fixed: [u8; 16] = self.peek(16)?.first_chunk().copied().ok_or_else(cut)?;
        let word =
            |at: usize| fixed.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word));
        if !fixed.starts_with(&MAGIC) {
            return Err(fail("the first 8 bytes are not those of the format"));
        }
        if word(8) != BYTES_VERSION {
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
        self.consume(16 + len + 4);
        Ok(head)
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

    /// Reads to the end. What cannot be read is passed over, up to the next whole block.
    pub fn read(mut self, sink: &mut impl FnMut(Item<'_>)) -> Tally {
        let mut raw = Vec::new();
        loop {
            match self.next_block() {
                Ok(None) => break,
                Ok(Some(head)) => {
                    self.is_lost = false;
                    self.take_block(&head, &mut raw, sink);
                    self.consume(BLOCK_HEAD_LEN + head.stored);
                }
                Err(reason) => {
                    if !std::mem::replace(&mut self.is_lost, true) {
                        self.tally.damaged += 1;
                        sink(Item::Damage { offset: self.offset, reason });
                    }
                    if !self.skip_to_marker() {
                        break;
                    }
                }
            }
        }
        self.tally
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

    fn take_block(&mut self, head: &BlockHead, raw: &mut Vec<u8>, sink: &mut impl FnMut(Item<'_>)) {
        let &BlockHead { node, peer, .. } = head;
        match head.kind {
            1 => {}
            2 => {
                self.tally.has_end = true;
                return;
            }
            _ => {
                self.tally.unknown += 1;
                return;
            }
        }
        if head.lost > 0 {
            self.tally.lost += head.lost;
            sink(Item::Lost { node, peer, count: head.lost });
        }
        let offset = self.offset;
        let stored = self.at_hand().get(BLOCK_HEAD_LEN..BLOCK_HEAD_LEN + head.stored).unwrap_or_default();
        let mut unknown = 0;
        let told = unpack(head, stored, raw)
            .and_then(|payload| entries(head, Entries::new(payload, head.time, self.bodies), &mut unknown, sink));
        self.tally.unknown += unknown;
        if let Err(reason) = told {
            self.tally.damaged += 1;
            sink(Item::Damage { offset, reason });
        }
    }
}

fn unpack<'a>(head: &BlockHead, stored: &'a [u8], raw: &'a mut Vec<u8>) -> Result<&'a [u8], String> {
    let payload = match head.encoding {
        0 => stored,
        1 => {
            raw.clear();
            let whole = zstd::stream::read::Decoder::with_buffer(stored).and_then(|decoder| {
                let most = head.raw as u64 + 1;
                decoder.take(most).read_to_end(raw)
            });
            whole.map_err(|error| format!("a block cannot be unpacked: {error}"))?;
            raw.as_slice()
        }
        other => return Err(format!("a block in encoding {other}, known are 0 and 1")),
    };
    match payload.len() == head.raw {
        true => Ok(payload),
        false => Err(format!("a block of {} bytes says that it has {}", payload.len(), head.raw)),
    }
}

/// Tells the events of a block; what stands behind one that cannot be read is lost with it.
fn entries(
    head: &BlockHead,
    mut entries: Entries<'_>,
    unknown: &mut u64,
    sink: &mut impl FnMut(Item<'_>),
) -> Result<(), String> {
    for index in 0..head.entries {
        match entries.next_entry() {
            Ok(Some(entry)) => sink(Item::Entry { node: head.node, peer: head.peer, entry }),
            Ok(None) => *unknown += 1,
            Err(reason) => return Err(format!("event {} of {} of a block: {reason}", index + 1, head.entries)),
        }
    }
    match entries.is_at_end() {
        true => Ok(()),
        false => Err(format!("a block has more bytes than its {} events", head.entries)),
    }
}
