//! What one side wrote to its connections against what the other side has of them (RUN-1).
//!
//! Each side has names of its own for connections. A connection of the one is a connection of the other if the same node
//! opened both and what is read from the one is what was written to the other, from the first message on. As long as
//! that is so of several, the oldest stands for all of them; where it fails later, another is looked for.

use std::collections::VecDeque;

use midcomms_model::{Refusal, rule};

use crate::native::feed::At;

/// Connections that nobody has read from are kept as candidates, so many after they ended.
const MAX_UNREAD: usize = 64;
/// Messages of one connection that wait to be compared.
const MAX_WAITING: usize = 1 << 16;

fn fold(hash: u64, message: u64) -> u64 {
    (hash.rotate_left(5) ^ message).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A connection as its writer has it.
#[derive(Debug)]
struct Written {
    id: u32,
    opener: u32,
    /// Messages that were compared already, and all of them in one number.
    passed: u64,
    folded: u64,
    log: VecDeque<u64>,
    is_over: bool,
    reader: Option<u32>,
    /// More than can be kept.
    is_beyond: bool,
}

/// A connection as its reader has it.
#[derive(Debug)]
struct Read {
    id: u32,
    opener: u32,
    passed: u64,
    folded: u64,
    waiting: VecDeque<(u64, At)>,
    writer: Option<u32>,
    is_over: bool,
    /// It is not compared any more.
    is_lost: bool,
    /// Something else stood at a place where what was read should have been.
    is_contradicted: bool,
}

/// One direction between two sides.
#[derive(Debug, Default)]
pub(super) struct Streams {
    written: Vec<Written>,
    read: Vec<Read>,
    /// Connections may be missing: of those that match nothing, nothing is said.
    has_holes: bool,
    /// Connections that could not be compared.
    pub(super) uncompared: u64,
    /// Messages that were found at both ends.
    pub(super) compared: u64,
}

impl Streams {
    pub(super) fn opened_by_writer(&mut self, id: u32, opener: u32) {
        if self.written.iter().filter(|c| c.is_over && c.reader.is_none()).count() > MAX_UNREAD
            && let Some(index) = self.written.iter().position(|c| c.is_over && c.reader.is_none())
        {
            self.written.remove(index);
            self.has_holes = true;
        }
        let (passed, folded, log) = (0, 0, VecDeque::new());
        self.written.push(Written { id, opener, passed, folded, log, is_over: false, reader: None, is_beyond: false });
    }

    pub(super) fn opened_by_reader(&mut self, id: u32, opener: u32) {
        let (passed, folded, waiting) = (0, 0, VecDeque::new());
        let read = Read {
            id,
            opener,
            passed,
            folded,
            waiting,
            writer: None,
            is_over: false,
            is_lost: false,
            is_contradicted: false,
        };
        self.read.push(read);
    }

    pub(super) fn ended_by_writer(&mut self, id: u32) -> Result<(), (At, Refusal)> {
        if let Some(written) = self.written.iter_mut().find(|c| c.id == id) {
            written.is_over = true;
        }
        self.settle()?;
        self.forget();
        Ok(())
    }

    pub(super) fn ended_by_reader(&mut self, id: u32) {
        if let Some(read) = self.read.iter_mut().find(|d| d.id == id) {
            read.is_over = true;
        }
        self.forget();
    }

    /// Something is missing at one side: what stands now is not compared any more.
    pub(super) fn hole(&mut self) {
        self.has_holes = true;
        self.uncompared += self.read.iter().filter(|d| !d.is_lost).count() as u64;
        self.read.clear();
        self.written.clear();
    }

    /// The same, of one connection of the reader.
    pub(super) fn hole_in(&mut self, id: u32) {
        self.has_holes = true;
        if let Some(read) = self.read.iter_mut().find(|d| d.id == id && !d.is_lost) {
            (read.is_lost, self.uncompared) = (true, self.uncompared + 1);
            read.waiting.clear();
        }
    }

    #[inline]
    pub(super) fn wrote(&mut self, id: u32, message: u64) -> Result<(), (At, Refusal)> {
        let Some(written) = self.written.iter_mut().rev().find(|c| c.id == id) else { return Ok(()) };
        if written.log.len() == MAX_WAITING {
            written.is_beyond = true;
            self.has_holes = true;
            return Ok(());
        }
        written.log.push_back(message);
        if self.read.iter().any(|d| !d.waiting.is_empty()) { self.settle() } else { Ok(()) }
    }

    #[inline]
    pub(super) fn read(&mut self, id: u32, message: u64, at: At) -> Result<(), (At, Refusal)> {
        let Some(index) = self.read.iter().rposition(|d| d.id == id) else { return Ok(()) };
        let Some(read) = self.read.get_mut(index).filter(|d| !d.is_lost) else { return Ok(()) };
        read.waiting.push_back((message, at));
        let is_full = read.waiting.len() > MAX_WAITING;
        self.settle_one(index);
        if is_full { self.refuse(index) } else { Ok(()) }
    }

    /// Whether messages were read that are still to be written.
    pub(super) fn is_ahead(&self) -> bool {
        self.read.iter().any(|d| !d.waiting.is_empty())
    }

    /// The writer's side is at its end; `is_whole` says that nothing is missing there.
    pub(super) fn finish(&mut self, is_whole: bool) -> Result<(), (At, Refusal)> {
        self.settle()?;
        for index in 0..self.read.len() {
            let Some(read) = self.read.get(index).filter(|d| !d.waiting.is_empty()) else { continue };
            if is_whole || read.is_contradicted {
                self.refuse(index)?;
            } else {
                self.uncompared += 1;
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), (At, Refusal)> {
        for index in 0..self.read.len() {
            self.settle_one(index);
        }
        Ok(())
    }

    /// Compares what is there of one connection.
    fn settle_one(&mut self, index: usize) {
        let Self { written, read, compared, .. } = self;
        let Some(read) = read.get_mut(index) else { return };
        while !read.waiting.is_empty() {
            let Some(writer) = read.writer.and_then(|id| written.iter_mut().find(|c| c.id == id)) else {
                read.writer = claim(written, read);
                if read.writer.is_none() {
                    return;
                }
                continue;
            };
            match (writer.log.front(), read.waiting.front()) {
                (Some(message), Some((due, _))) if message == due => {
                    let message = *message;
                    writer.log.pop_front();
                    read.waiting.pop_front();
                    (writer.passed, writer.folded) = (writer.passed + 1, fold(writer.folded, message));
                    (read.passed, read.folded) = (read.passed + 1, fold(read.folded, message));
                    *compared += 1;
                }
                (None, _) if !writer.is_over => return,
                (other, _) => {
                    read.is_contradicted |= other.is_some();
                    writer.reader = None; // it was another one that began alike
                    read.writer = None;
                    read.writer = claim(written, read);
                    if read.writer.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// What was read on a connection was written to none.
    fn refuse(&mut self, index: usize) -> Result<(), (At, Refusal)> {
        let Some(read) = self.read.get_mut(index) else { return Ok(()) };
        let Some((_, at)) = read.waiting.front().copied() else { return Ok(()) };
        read.is_lost = true;
        read.waiting.clear();
        if self.has_holes {
            self.uncompared += 1;
            return Ok(());
        }
        let expected = format!("what the other side wrote there behind the first {} messages", read.passed);
        Err((at, Refusal::new(rule::RUN_1, expected, "a message that it did not write there")))
    }

    fn forget(&mut self) {
        let written = &self.written;
        self.read.retain(|d| !d.is_over || !d.waiting.is_empty());
        let read = &self.read;
        let is_read = |c: &Written| c.reader.is_some_and(|reader| read.iter().any(|d| d.id == reader));
        let keep: Vec<_> = written.iter().map(|c| !c.is_over || c.reader.is_none() || is_read(c)).collect();
        let mut keep = keep.into_iter();
        self.written.retain(|_| keep.next().unwrap_or(true));
    }
}

/// The oldest connection that nobody reads from and that holds all that was read.
fn claim(written: &mut [Written], read: &Read) -> Option<u32> {
    let found =
        written.iter_mut().find(|c| c.reader.is_none() && !c.is_beyond && c.opener == read.opener && holds(c, read))?;
    found.reader = Some(read.id);
    let (id, mut left) = (found.id, read.passed - found.passed);
    while left > 0 {
        found.log.pop_front();
        left -= 1;
    }
    (found.passed, found.folded) = (read.passed, read.folded);
    Some(id)
}

fn holds(written: &Written, read: &Read) -> bool {
    let Some(ahead) = read.passed.checked_sub(written.passed).and_then(|ahead| usize::try_from(ahead).ok()) else {
        return false;
    };
    let folded = written.log.iter().take(ahead).fold(written.folded, |hash, message| fold(hash, *message));
    let mut rest = written.log.iter().skip(ahead);
    let is_same = written.log.len() > ahead && folded == read.folded;
    is_same
        && read.waiting.iter().all(|(due, _)| match rest.next() {
            Some(message) => message == due,
            None => !written.is_over,
        })
}
