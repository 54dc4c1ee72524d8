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
/// Messages that were compared and are kept, for the connection may turn out to be another one's.
const MAX_HISTORY: usize = 1 << 12;

fn fold(hash: u64, message: u64) -> u64 {
    (hash.rotate_left(5) ^ message).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A connection as its writer has it.
#[derive(Debug)]
struct Written {
    id: u32,
    opener: u32,
    /// Messages that are forgotten, and all of them in one number.
    base: u64,
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
        let (base, folded, log) = (0, 0, VecDeque::new());
        self.written.push(Written { id, opener, base, folded, log, is_over: false, reader: None, is_beyond: false });
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
        if written.log.len() == MAX_WAITING + MAX_HISTORY {
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
        loop {
            let Self { written, read, compared, .. } = self;
            let Some(read) = read.get_mut(index).filter(|d| !d.waiting.is_empty()) else { return };
            let Some(writer) = read.writer.and_then(|id| written.iter_mut().find(|c| c.id == id)) else {
                if !self.claim(index) {
                    return;
                }
                continue;
            };
            match (writer.at(read.passed), read.waiting.front()) {
                (Some(message), Some((due, _))) if message == *due => {
                    read.waiting.pop_front();
                    (read.passed, read.folded) = (read.passed + 1, fold(read.folded, message));
                    writer.forget_before(read.passed);
                    *compared += 1;
                }
                (None, _) if !writer.is_over => return,
                (other, _) => {
                    read.is_contradicted |= other.is_some();
                    (writer.reader, read.writer) = (None, None); // it was another one that began alike
                }
            }
        }
    }

    /// Finds the connection that one of the reader's is: the oldest that holds all that was read. One that stands for
    /// another of the reader's is taken if that one can have another one, and so on: several may have begun alike.
    fn claim(&mut self, index: usize) -> bool {
        self.augment(index, &mut Vec::new())
    }

    fn augment(&mut self, index: usize, tried: &mut Vec<u32>) -> bool {
        let Some(read) = self.read.get(index) else { return false };
        let mut candidates: Vec<(bool, u32)> =
            self.written.iter().filter(|c| c.holds(read)).map(|c| (c.reader.is_some(), c.id)).collect();
        candidates.sort_by_key(|(is_taken, _)| *is_taken);
        for (_, id) in candidates {
            if tried.contains(&id) {
                continue;
            }
            tried.push(id);
            let taken_by = self.written.iter().find(|c| c.id == id).and_then(|c| c.reader);
            let holder = taken_by.and_then(|reader| self.read.iter().position(|d| d.id == reader));
            if holder.is_none_or(|holder| self.augment(holder, tried)) {
                self.assign(index, id);
                return true;
            }
        }
        false
    }

    fn assign(&mut self, index: usize, id: u32) {
        if let (Some(read), Some(written)) =
            (self.read.get_mut(index), self.written.iter_mut().find(|written| written.id == id))
        {
            (read.writer, written.reader) = (Some(id), Some(read.id));
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

    /// Leaves the oldest of the connections that are over at the reader's side.
    fn forget(&mut self) {
        let is_over = |d: &Read| d.is_over && d.waiting.is_empty();
        while self.read.iter().filter(|d| is_over(d)).count() > MAX_UNREAD {
            let Some(index) = self.read.iter().position(is_over) else { return };
            let gone = self.read.remove(index);
            self.written.retain(|c| c.reader != Some(gone.id));
        }
    }
}

impl Written {
    /// The message at a place, if it is there yet and still.
    fn at(&self, place: u64) -> Option<u64> {
        let index = usize::try_from(place.checked_sub(self.base)?).ok()?;
        self.log.get(index).copied()
    }

    fn forget_before(&mut self, place: u64) {
        if place - self.base > MAX_HISTORY as u64
            && let Some(message) = self.log.pop_front()
        {
            (self.base, self.folded) = (self.base + 1, fold(self.folded, message));
        }
    }

    /// Whether all that was read may have been written here.
    fn holds(&self, read: &Read) -> bool {
        let ahead = read.passed.checked_sub(self.base).and_then(|ahead| usize::try_from(ahead).ok());
        let Some(ahead) = ahead.filter(|_| !self.is_beyond && self.opener == read.opener) else { return false };
        let least = ahead + usize::from(!read.waiting.is_empty());
        if self.log.len() < least {
            return false;
        }
        let folded = self.log.iter().take(ahead).fold(self.folded, |hash, message| fold(hash, *message));
        let mut rest = self.log.iter().skip(ahead);
        let is_same = |due: &u64| rest.next().map_or(!self.is_over, |message| message == due);
        folded == read.folded && read.waiting.iter().map(|(due, _)| due).all(is_same)
    }
}
