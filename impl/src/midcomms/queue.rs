//! The send queue: the bytes of every message that is not acknowledged, as they go out and go out again.
//!
//! One log of bytes in chunks. A message is written to its end once; first transmission and copies are handles to
//! those bytes (SND-6), and an ACK drops the front.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::wire::Seq;

/// Bytes of a chunk of the log once a record has traffic; the first one is small, for most pairs are idle.
const CHUNK: usize = 64 * 1024;
/// Chunks that are kept when an ACK frees them: as many as a few ACKs of a busy peer free, which come together when the
/// sender is too busy to read them.
const SPARE: usize = 8;
const FIRST_CHUNK: usize = 4 * 1024;
/// Entries that [`SendQueue::is_sound`] looks at.
const LOOKED_AT: usize = 64;

/// Where a message ends in the log, counted in bytes from the beginning of the incarnation, and whether it is committed.
#[derive(Clone, Copy, Debug)]
struct Entry {
    end: u64,
    is_committed: bool,
}

/// Whole messages in a row that are not written to any more.
#[derive(Clone, Debug)]
struct Segment {
    start: u64,
    bytes: Bytes,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// An ACK of a message that was not sent (RCV-4, ACK-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckBeyondSent {
    /// The number after the last one that was sent.
    pub(crate) sent: Seq,
}

/// The sequenced messages that are not acknowledged, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendQueue {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry, or of the next one if there is none.
    first: Seq,
    segments: VecDeque<Segment>,
    /// What comes after the segments: messages that may still be written to.
    tail: BytesMut,
    tail_at: u64,
    /// Where the oldest entry begins.
    unacknowledged: u64,
    /// The next byte to hand over, and the segment that it is in.
    cursor: u64,
    cursor_segment: usize,
    /// Behind the last byte that was ever handed over.
    handed: u64,
    uncommitted: usize,
    /// Chunks to write into next.
    spare: Vec<BytesMut>,
}

impl SendQueue {
    // ---- getters -------------------------------------------------------------------------------------------------

    /// The number that the next message gets: `seq_send`.
    pub(crate) fn seq_send(&self) -> Seq {
        Seq(self.first.0.wrapping_add(self.len_u32()))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len_bytes(&self) -> usize {
        usize::try_from(self.end() - self.unacknowledged).unwrap_or(usize::MAX)
    }

    /// Whether something that is committed waits to be handed over.
    pub(crate) fn has_output(&self) -> bool {
        self.cursor < self.committed_end()
    }

    /// Bytes that wait to be handed over, those behind a message that is not committed included.
    pub(crate) fn output_bytes(&self) -> usize {
        usize::try_from(self.end() - self.cursor).unwrap_or(usize::MAX)
    }

    /// Whether something was handed over that is not acknowledged.
    pub(crate) fn is_awaiting_ack(&self) -> bool {
        self.handed > self.unacknowledged
    }

    fn len_u32(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn end(&self) -> u64 {
        self.tail_at + self.tail.len() as u64
    }

    /// Behind the last message before the first one that is not committed (SND-5).
    fn committed_end(&self) -> u64 {
        if self.uncommitted == 0 {
            return self.end();
        }
        let mut end = self.unacknowledged.max(self.tail_at);
        let from = self.entries.partition_point(|entry| entry.end <= end);
        for entry in self.entries.range(from..).take_while(|entry| entry.is_committed) {
            end = entry.end;
        }
        end
    }

    /// Where the entry with the number `seq` is, if it is there.
    fn index_of(&self, seq: Seq) -> usize {
        seq.0.wrapping_sub(self.first.0) as usize
    }

    /// What holds between calls, as far as a look at the newest entries can tell: for debug builds.
    fn is_sound(&self) -> bool {
        let (is_whole, newest) = (self.entries.len() <= LOOKED_AT, self.entries.iter().rev().take(LOOKED_AT));
        let open = newest.filter(|entry| !entry.is_committed).count();
        (if is_whole { open == self.uncommitted } else { open <= self.uncommitted })
            && self.entries.back().is_none_or(|entry| entry.end == self.end())
            && self.unacknowledged <= self.cursor
            && self.cursor <= self.handed
            && self.handed <= self.tail_at
            && self.spare.len() <= SPARE
    }

    // ---- mutators ------------------------------------------------------------------------------------------------

    /// Forgets everything; the next number is `first`.
    pub(crate) fn reset(&mut self, first: Seq) {
        *self = Self { first, ..Self::default() };
    }

    /// Gives back the memory that what is in the queue does not need.
    pub(crate) fn release(&mut self) {
        self.spare = Vec::new();
        self.entries.shrink_to_fit();
        self.segments.shrink_to_fit();
        if self.entries.is_empty() {
            self.tail = BytesMut::new();
        }
        debug_assert!(self.is_sound());
    }

    /// Appends a whole message, committed.
    #[inline]
    pub(crate) fn push<const N: usize>(&mut self, parts: [&[u8]; N]) {
        let len = parts.iter().map(|part| part.len()).sum();
        self.make_room(len);
        let capacity = self.tail.capacity();
        for part in parts {
            self.tail.extend_from_slice(part);
        }
        debug_assert_eq!(self.tail.capacity(), capacity, "only a new chunk moves what is written");
        self.entries.push_back(Entry { end: self.end(), is_committed: true });
        debug_assert!(self.is_sound());
    }

    /// Appends a message whose last `len` bytes are to be filled in.
    pub(crate) fn reserve(&mut self, head: &[u8], len: usize) {
        self.make_room(head.len() + len);
        self.tail.extend_from_slice(head);
        self.tail.resize(self.tail.len() + len, 0);
        self.entries.push_back(Entry { end: self.end(), is_committed: false });
        self.uncommitted += 1;
        debug_assert!(self.is_sound());
    }

    /// The whole message with the number `seq`, if it was reserved and is not committed.
    pub(crate) fn reserved(&mut self, seq: Seq) -> Option<&mut [u8]> {
        let index = self.index_of(seq);
        let entry = *self.entries.get(index).filter(|entry| !entry.is_committed)?;
        let start = index.checked_sub(1).map_or(Some(self.unacknowledged), |at| Some(self.entries.get(at)?.end))?;
        let from = usize::try_from(start.checked_sub(self.tail_at)?).ok()?;
        let to = usize::try_from(entry.end.checked_sub(self.tail_at)?).ok()?;
        self.tail.get_mut(from..to)
    }

    /// Commits the message with the number `seq`; false if it was not reserved or is committed already.
    pub(crate) fn commit(&mut self, seq: Seq) -> bool {
        let index = self.index_of(seq);
        let Some(entry) = self.entries.get_mut(index) else { return false };
        let was_open = !entry.is_committed;
        entry.is_committed = true;
        self.uncommitted -= usize::from(was_open);
        debug_assert!(self.is_sound());
        was_open
    }

    /// Takes every message serially before `seq` off the queue, and says how many they were (RCV-4).
    pub(crate) fn acknowledge(&mut self, seq: Seq) -> Result<usize, AckBeyondSent> {
        let count = seq.0.wrapping_sub(self.first.0);
        if count == 0 || seq.is_before(self.first) {
            return Ok(0);
        }
        let last = usize::try_from(count).unwrap_or(usize::MAX) - 1;
        let Some(end) = self.entries.get(last).map(|entry| entry.end).filter(|end| *end <= self.handed) else {
            let sent = self.entries.partition_point(|entry| entry.end <= self.handed);
            return Err(AckBeyondSent {
                sent: Seq(self.first.0.wrapping_add(u32::try_from(sent).unwrap_or(u32::MAX))),
            });
        };
        self.entries.drain(..=last);
        self.first = seq;
        self.unacknowledged = end;
        self.cursor = self.cursor.max(end);
        self.drop_segments();
        debug_assert!(self.is_sound());
        Ok(last + 1)
    }

    /// Takes off the queue what was handed over: nobody acknowledges what goes bare (SND-3).
    pub(crate) fn forget_handed_over(&mut self) {
        let sent = self.entries.partition_point(|entry| entry.end <= self.handed);
        let _ = self.acknowledge(Seq(self.first.0.wrapping_add(u32::try_from(sent).unwrap_or(u32::MAX))));
    }

    /// The next byte to hand over is the first one that is not acknowledged: a pass of copies begins (NET-3).
    pub(crate) fn rewind(&mut self) {
        self.cursor = self.unacknowledged;
        self.cursor_segment = 0;
        debug_assert!(self.is_sound());
    }

    /// Hands over what comes next, in whole messages: at least one, and no more pieces once `limit` bytes are reached.
    pub(crate) fn hand_over(&mut self, limit: usize, out: &mut Vec<Bytes>) {
        let mut taken = 0;
        while taken < limit
            && let Some(segment) = self.segments.get(self.cursor_segment)
        {
            let skip = usize::try_from(self.cursor - segment.start).unwrap_or(usize::MAX);
            let piece = segment.bytes.slice(skip.min(segment.bytes.len())..);
            self.cursor = segment.end();
            self.cursor_segment += 1;
            taken += piece.len();
            out.push(piece);
        }
        if taken < limit && self.cursor >= self.tail_at {
            let committed = self.committed_end();
            out.extend(self.seal(committed));
            self.cursor = self.tail_at;
            self.cursor_segment = self.segments.len();
        }
        self.handed = self.handed.max(self.cursor);
        debug_assert!(self.is_sound());
    }

    /// Makes a segment of the tail up to `end`.
    fn seal(&mut self, end: u64) -> Option<Bytes> {
        let len = usize::try_from(end.saturating_sub(self.tail_at)).unwrap_or(usize::MAX).min(self.tail.len());
        if len == 0 {
            return None;
        }
        let bytes = self.tail.split_to(len).freeze();
        self.segments.push_back(Segment { start: self.tail_at, bytes: bytes.clone() });
        self.tail_at += len as u64;
        Some(bytes)
    }

    #[inline]
    fn make_room(&mut self, len: usize) {
        if self.tail.capacity() - self.tail.len() < len {
            self.begin_chunk(len);
        }
    }

    #[cold]
    fn begin_chunk(&mut self, len: usize) {
        let committed = self.committed_end();
        self.seal(committed);
        let size = if self.end() == 0 { FIRST_CHUNK } else { CHUNK };
        let mut chunk = self.spare.pop().unwrap_or_default();
        // Twice what a reservation holds up: what is behind it is moved seldom.
        chunk.reserve(size.max(self.tail.len().saturating_mul(2) + len));
        chunk.extend_from_slice(&self.tail);
        self.tail = chunk;
    }

    fn drop_segments(&mut self) {
        while self.segments.front().is_some_and(|segment| segment.end() <= self.unacknowledged) {
            let Some(segment) = self.segments.pop_front() else { return };
            self.cursor_segment = self.cursor_segment.saturating_sub(1);
            self.recycle(segment.bytes);
        }
    }

    /// Keeps a chunk that nobody holds any more, so that traffic at a steady pace allocates nothing.
    fn recycle(&mut self, bytes: Bytes) {
        if self.spare.len() < SPARE
            && let Ok(mut chunk) = bytes.try_into_mut()
        {
            chunk.clear();
            if chunk.try_reclaim(CHUNK) {
                self.spare.push(chunk);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue_of(messages: &[&[u8]]) -> SendQueue {
        let mut queue = SendQueue::default();
        for message in messages {
            queue.push([message]);
        }
        queue
    }

    fn drain(queue: &mut SendQueue) -> Vec<u8> {
        let mut out = Vec::new();
        while queue.has_output() {
            let before = out.len();
            queue.hand_over(100, &mut out);
            assert!(out.len() > before);
        }
        out.concat()
    }

    #[test]
    fn what_goes_out_is_what_came_in() {
        let mut queue = queue_of(&[b"one", b"two"]);
        assert_eq!(drain(&mut queue), b"onetwo");
        queue.push([b"th", b"ree"]);
        assert_eq!(drain(&mut queue), b"three");
        assert_eq!(queue.seq_send(), Seq(3));
    }

    #[test]
    fn a_pass_of_copies_begins_behind_what_is_acknowledged() {
        let mut queue = queue_of(&[b"one", b"two", b"three"]);
        drain(&mut queue);
        assert_eq!(queue.acknowledge(Seq(1)), Ok(1));
        queue.push([b"four"]);
        queue.rewind();
        assert_eq!(drain(&mut queue), b"twothreefour");
        assert_eq!(queue.acknowledge(Seq(4)), Ok(3));
        assert!(queue.is_empty() && !queue.is_awaiting_ack());
    }

    #[test]
    fn nothing_goes_out_behind_a_message_that_is_not_committed() {
        let mut queue = queue_of(&[b"one"]);
        queue.reserve(b"t", 2);
        queue.push([b"three"]);
        assert_eq!(drain(&mut queue), b"one");
        queue.reserved(Seq(1)).expect("it is reserved").copy_from_slice(b"two");
        assert!(queue.commit(Seq(1)) && !queue.commit(Seq(1)));
        assert_eq!(drain(&mut queue), b"twothree");
    }

    #[test]
    fn an_ack_of_what_was_not_handed_over_is_refused() {
        let mut queue = queue_of(&[b"one", b"two"]);
        assert_eq!(queue.acknowledge(Seq(1)), Err(AckBeyondSent { sent: Seq(0) }));
        drain(&mut queue);
        assert_eq!(queue.acknowledge(Seq(3)), Err(AckBeyondSent { sent: Seq(2) }));
        assert_eq!(queue.acknowledge(Seq(u32::MAX)), Ok(0));
        assert_eq!(queue.acknowledge(Seq(2)), Ok(2));
    }

    #[test]
    fn what_is_in_the_queue_survives_that_memory_is_given_back() {
        let mut queue = queue_of(&[b"one", b"two"]);
        queue.release();
        assert_eq!(drain(&mut queue), b"onetwo");
        queue.push([b"three"]);
        assert_eq!(queue.acknowledge(Seq(2)), Ok(2));
        queue.release();
        assert_eq!(drain(&mut queue), b"three");
        assert_eq!(queue.acknowledge(Seq(3)), Ok(1));
        queue.release();
        queue.push([b"four"]);
        assert_eq!((drain(&mut queue), queue.seq_send()), (b"four".to_vec(), Seq(4)));
    }

    #[test]
    fn numbers_wrap() {
        let mut queue = SendQueue::default();
        queue.reset(Seq(u32::MAX));
        queue.push([b"one"]);
        queue.push([b"two"]);
        drain(&mut queue);
        assert_eq!(queue.seq_send(), Seq(1));
        assert_eq!(queue.acknowledge(Seq(0)), Ok(1));
        assert_eq!(queue.acknowledge(Seq(1)), Ok(1));
    }

    #[test]
    fn a_reservation_survives_the_end_of_its_chunk() {
        let mut queue = SendQueue::default();
        queue.reserve(b"", 3);
        let long = vec![7; 3000];
        for _ in 0..100 {
            queue.push([&long]);
        }
        queue.reserved(Seq(0)).expect("it is reserved").copy_from_slice(b"one");
        queue.commit(Seq(0));
        let out = drain(&mut queue);
        assert_eq!((out.len(), out.get(..3)), (300_003, Some(b"one".as_slice())));
    }
}
