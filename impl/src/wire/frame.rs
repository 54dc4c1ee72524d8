//! Where messages begin in a stream: from chunks of any size to whole messages.

use super::decode::decode;
use super::error::{DecodeError, FrameError};
use super::header::{HEADER_LEN, Header, MAX_MESSAGE_LEN};
use super::message::Message;

/// One message's bytes, as its outer length delimits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// Bytes from the start of the stream to its first byte.
    pub offset: u64,
    /// The message, from 16 to 4096 bytes, not decoded.
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Bytes from the start of the stream to the one behind its last byte.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// Those of [`decode`]; the stream goes on (WIRE-4).
    pub fn decode(&self) -> Result<Message<'a>, DecodeError> {
        decode(self.bytes)
    }
}

/// Bytes of whole messages at the front of `bytes`, which begin with a message. All of them where a length cannot be
/// (WIRE-2): there is nothing to wait for then.
#[must_use]
pub fn whole_messages(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = bytes.get(at..).and_then(Header::parse).map(|header| header.length) {
        let length = usize::from(length);
        if !(HEADER_LEN..=MAX_MESSAGE_LEN).contains(&length) {
            return bytes.len();
        }
        if bytes.len() - at < length {
            break;
        }
        at += length;
    }
    at
}

/// What is left of a message when its stream ends (WIRE-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HalfMessage {
    /// Bytes from the start of the stream to its first byte.
    pub offset: u64,
    /// Bytes of it there are.
    pub received: usize,
    /// Its length field in bytes, if that much of it has come.
    pub length: Option<u16>,
}

/// Cuts the bytes of one direction of one connection into messages.
///
/// Messages that lie in one chunk are lent from it; only one that a chunk cuts off is copied.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    /// Unread bytes of earlier chunks, from `start`: a half message, or more if a [`Frames`] was dropped early.
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    poison: Option<FrameError>,
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream and lends the messages that are complete with them.
    ///
    /// What is left when the [`Frames`] is dropped, half message or not, comes first the next time.
    pub fn frames<'a>(&'a mut self, chunk: &'a [u8]) -> Frames<'a> {
        let chunk_offset = self.offset.saturating_add(self.pending() as u64);
        Frames { framer: self, chunk, chunk_offset, told: false }
    }

    /// Bytes taken and not handed out yet: those of a half message, once every [`Frames`] was read to its end.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Bytes from the start of the stream to the next message.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The error after which the stream cannot be read, until [`Framer::reset`] or [`Framer::restart_at`].
    #[must_use]
    pub const fn error(&self) -> Option<FrameError> {
        self.poison
    }

    /// Ends the stream: drops the half message, if there is one, tells what it was, and resets.
    pub fn finish(&mut self) -> Option<HalfMessage> {
        let received = self.pending();
        let length = Header::parse(self.unread()).map(|header| header.length);
        let half = HalfMessage { offset: self.offset, received, length };
        self.reset();
        (received > 0).then_some(half)
    }

    /// Forgets everything: the next byte is the first of a new stream.
    pub fn reset(&mut self) {
        self.restart_at(0);
    }

    /// Forgets everything but keeps counting: the next byte is the one at `offset` and begins a message.
    pub fn restart_at(&mut self, offset: u64) {
        self.buffer.clear();
        self.start = 0;
        self.offset = offset;
        self.poison = None;
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Bytes of the message at the front of `bytes`: `None` if its header is not there yet.
    fn measure(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(Header { length, .. }) = Header::parse(bytes) else {
            return Ok(None);
        };
        // WIRE-2
        if (HEADER_LEN..=MAX_MESSAGE_LEN).contains(&usize::from(length)) {
            Ok(Some(usize::from(length)))
        } else {
            Err(FrameError { offset: self.offset, length })
        }
    }

    fn advance(&mut self, len: usize) -> u64 {
        let offset = self.offset;
        self.offset = offset.saturating_add(len as u64);
        offset
    }
}

/// The messages that a chunk completes, lent one by one.
#[derive(Debug)]
pub struct Frames<'a> {
    framer: &'a mut Framer,
    chunk: &'a [u8],
    chunk_offset: u64,
    told: bool,
}

impl<'a> Frames<'a> {
    /// The next whole message, `None` if there is none without more bytes (WIRE-3).
    ///
    /// # Errors
    ///
    /// [`FrameError`] where the stream becomes unparseable (WIRE-2). Nothing follows it, and each later chunk gives
    /// it once again, until the framer is reset.
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, FrameError>> {
        if self.framer.poison.is_some() {
            return self.refuse().map(Err);
        }
        if self.framer.pending() > 0 {
            return self.next_from_buffer();
        }
        match self.next_from_chunk() {
            Ok(frame) => frame.map(Ok),
            Err(error) => self.poison(error).map(Err),
        }
    }

    /// Bytes from the start of the stream to the first of the chunk: a frame before it began in an earlier one.
    #[must_use]
    pub const fn chunk_offset(&self) -> u64 {
        self.chunk_offset
    }

    /// What is left of the chunk, if it begins with a message; empty while one that began earlier is not complete.
    pub(crate) fn ahead(&self) -> &'a [u8] {
        if self.framer.pending() > 0 || self.framer.poison.is_some() { &[] } else { self.chunk }
    }

    /// Passes over `len` bytes of what is ahead, whole messages that somebody has taken.
    pub(crate) fn pass(&mut self, len: usize) {
        self.chunk = self.chunk.get(len..).unwrap_or_default();
        self.framer.advance(len);
    }

    fn next_from_chunk(&mut self) -> Result<Option<Frame<'a>>, FrameError> {
        let whole = self.framer.measure(self.chunk)?.and_then(|len| self.chunk.split_at_checked(len));
        let Some((bytes, rest)) = whole else {
            self.keep();
            return Ok(None);
        };
        self.chunk = rest;
        Ok(Some(Frame { offset: self.framer.advance(bytes.len()), bytes }))
    }

    fn next_from_buffer(&mut self) -> Option<Result<Frame<'_>, FrameError>> {
        if !self.fill(HEADER_LEN) {
            return None;
        }
        let len = match self.framer.measure(self.framer.unread()) {
            Ok(len) => len?,
            Err(error) => return self.poison(error).map(Err),
        };
        if !self.fill(len) {
            return None;
        }
        let offset = self.framer.advance(len);
        let begin = self.framer.start;
        self.framer.start += len;
        let bytes = self.framer.buffer.get(begin..self.framer.start)?;
        Some(Ok(Frame { offset, bytes }))
    }

    /// Whether the buffer has `len` unread bytes, after taking what it lacks from the chunk.
    fn fill(&mut self, len: usize) -> bool {
        let missing = len.saturating_sub(self.framer.pending());
        let (taken, rest) = self.chunk.split_at_checked(missing).unwrap_or((self.chunk, &[]));
        self.framer.buffer.extend_from_slice(taken);
        self.chunk = rest;
        self.framer.pending() >= len
    }

    /// Copies the rest of the chunk behind what is unread.
    fn keep(&mut self) {
        self.framer.buffer.drain(..self.framer.start);
        self.framer.start = 0;
        self.framer.buffer.extend_from_slice(self.chunk);
        self.chunk = &[];
    }

    fn poison(&mut self, error: FrameError) -> Option<FrameError> {
        self.framer.restart_at(self.framer.offset);
        self.framer.poison = Some(error);
        self.refuse()
    }

    fn refuse(&mut self) -> Option<FrameError> {
        self.chunk = &[];
        let told = core::mem::replace(&mut self.told, true);
        self.framer.poison.filter(|_| !told)
    }
}

impl Drop for Frames<'_> {
    fn drop(&mut self) {
        if self.framer.poison.is_none() {
            self.keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_holds_no_more_than_a_message_however_long_the_stream() {
        let mut ack = [0; HEADER_LEN];
        ack[12] = 16;
        let stream = ack.repeat(20_000);
        let mut framer = Framer::new();
        for chunk in stream.chunks(1001) {
            let mut frames = framer.frames(chunk);
            while let Some(frame) = frames.next_frame() {
                assert_eq!(frame.map(|frame| frame.bytes.len()), Ok(HEADER_LEN));
            }
        }
        assert!(framer.buffer.capacity() <= MAX_MESSAGE_LEN);
    }
}
