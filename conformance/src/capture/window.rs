//! A sliding window over an input of any length.

use std::io::{self, Read};

const INITIAL_BYTES: usize = 256 * 1024;

/// The bytes of an input from the first unconsumed one on.
///
/// Grows to the largest record that is really there, never to the length that a record merely claims.
pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl Window {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Window { reader, buffer: vec![0; INITIAL_BYTES], start: 0, end: 0, offset: 0 }
    }

    /// Offset of the first unconsumed byte in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are at hand.
    #[inline]
    pub(super) fn available(&self) -> usize {
        self.end - self.start
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Brings at least `count` bytes to hand; false when the input ends before.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.available() >= count {
            return Ok(true);
        }
        self.refill(count)
    }

    #[cold]
    fn refill(&mut self, count: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < count {
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let space = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(space) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Drops the first `count` bytes at hand.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.available());
        self.start += count;
        self.offset += count as u64;
    }

    /// Drops `count` bytes, at hand or still to come; false when the input ends before.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<bool> {
        let mut left = count;
        loop {
            let step = left.min(self.available() as u64);
            self.consume(step as usize);
            left -= step;
            if left == 0 {
                return Ok(true);
            }
            if !self.fill(1)? {
                return Ok(false);
            }
        }
    }
}
