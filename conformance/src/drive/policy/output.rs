//! What the account has go out.

use bytes::Bytes;
use midcomms::midcomms::{ConnectionId, Kind, Time, Transmit};
use midcomms::wire::{LockspaceId, RcomType, Seq, Version};

use super::account::{Account, Seen, later};
use super::bytes::rcom;

/// No more pieces are handed over at once when this many bytes are reached.
const BATCH_BYTES: usize = 256 * 1024;
/// Bytes that are in one piece at least, if they went out in one write.
const PIECE_BYTES: usize = 60_000;

impl Account {
    /// What goes out next of the send queue.
    fn has_queue_output(&self) -> bool {
        self.version.is_some() && self.entries.get(self.cursor).is_some_and(|entry| entry.is_committed)
    }

    pub(super) fn has_output(&self) -> bool {
        let has_pending = self.pending_ack || self.pending_ask || self.answer.is_some() || !self.bare.is_empty();
        has_pending || self.has_queue_output()
    }

    /// What is to be done next.
    pub(super) fn transmit(&self) -> Option<Transmit> {
        if let Some(id) = self.closes.last() {
            return Some(Transmit::Close(*id));
        }
        let has_output = self.has_output();
        match self.sending() {
            Some(line) => (has_output && !line.is_writing).then_some(Transmit::Write(line.id)),
            None => ((has_output || self.is_reopening) && !self.is_opening).then_some(Transmit::Open),
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        let is_writing = self.lines().any(|line| line.is_writing);
        !is_writing && !self.has_output()
    }

    /// Takes what was written as done; what is wrong with it otherwise.
    pub(super) fn write(&mut self, now: Time, id: ConnectionId, batch: &[Bytes]) -> Result<(), (String, String)> {
        let mut expected = self.control(now, id);
        self.writes += 1;
        let (others, first) = (usize::from(!expected.is_empty()) + self.bare.len(), self.cursor);
        self.bare.drain(..).for_each(|message| expected.extend(message));
        let got = batch.concat();
        self.see(id, &got);
        self.counters.bytes_written += got.len() as u64;
        if self.has_queue_output() {
            let waits_from = expected.len();
            self.hand_over(&mut expected, got.len());
            let queued = got.len().saturating_sub(waits_from);
            let told = |bytes: usize| format!("{bytes} bytes of the send queue in {} pieces", batch.len());
            if self.has_queue_output() && queued < BATCH_BYTES {
                return Err((format!("all that waits, or {BATCH_BYTES} bytes"), told(queued)));
            }
            let most = self.pieces(first);
            if batch.len().saturating_sub(others) > most {
                return Err((format!("no more than {most} pieces"), told(queued)));
            }
            if queued.saturating_sub(batch.last().map_or(0, Bytes::len)) >= BATCH_BYTES {
                return Err((format!("no piece behind {BATCH_BYTES} bytes"), told(queued)));
            }
        }
        match expected == got {
            true => Ok(()),
            false => Err((told(&expected), told(&got))),
        }
    }

    /// What was written, as an observer sees it.
    fn see(&mut self, id: ConnectionId, mut bytes: &[u8]) {
        while let Some(length) = bytes.get(12..14).and_then(<[u8]>::first_chunk) {
            let (message, rest) = bytes.split_at(usize::from(u16::from_le_bytes(*length)).clamp(1, bytes.len()));
            self.seen.push(Seen::Written(id, message.to_vec()));
            bytes = rest;
        }
    }

    /// At least one message, and whole ones up to `len` bytes in all.
    fn hand_over(&mut self, expected: &mut Vec<u8>, len: usize) {
        let committed = self.entries.iter().skip(self.cursor).take_while(|entry| entry.is_committed);
        for (count, entry) in committed.enumerate() {
            if expected.len() >= len && count > 0 {
                break;
            }
            expected.extend(&entry.bytes);
            self.cursor += 1;
        }
        let writes = self.writes;
        self.entries.iter_mut().take(self.cursor).for_each(|entry| entry.write = entry.write.or(Some(writes)));
        self.handed = self.handed.max(self.cursor);
    }

    /// How many pieces there may be of what went out just now, from the entry `first` on: one for each write that it went out
    /// in first, and those at whose ends a chunk of memory ended.
    fn pieces(&self, first: usize) -> usize {
        let handed: Vec<_> = self.entries.range(first..self.cursor).collect();
        let writes = handed.chunk_by(|a, b| a.write == b.write).count();
        let bytes: usize = handed.iter().map(|entry| entry.bytes.len()).sum();
        writes + bytes / PIECE_BYTES + 2
    }

    /// Hello, answer, question and ACK, in this order.
    fn control(&mut self, now: Time, id: ConnectionId) -> Vec<u8> {
        let (ids, voice) = (self.ids(), self.voice());
        let mut out = Vec::new();
        if let Some(line) = self.line(id) {
            line.is_writing = true;
            if line.said != Some(ids) {
                line.said = Some(ids);
                out.extend(voice.hello(Seq(self.seq_next), ids));
                self.note_ack();
            }
        }
        if let Some((seq, about, lockspace)) = self.answer.take() {
            let body = rcom(RcomType::StatusReply.to_wire(), 0, about, [0, seq], 32);
            out.extend(voice.bare(Kind::Rcom, lockspace, &body));
        }
        if core::mem::take(&mut self.pending_ask) {
            self.asked += 1;
            let body = rcom(RcomType::Status.to_wire(), 0, self.asked, [self.asked, 0], 16);
            out.extend(voice.bare(Kind::Rcom, self.lockspace, &body));
            if self.version.is_none() {
                self.ask_at = Some(later(now, self.config.status_interval));
            }
        }
        if core::mem::take(&mut self.pending_ack) && self.version == Some(Version::V3_2) {
            out.extend(voice.ack(Seq(self.seq_next)));
            self.note_ack();
        }
        out
    }

    fn note_ack(&mut self) {
        self.counters.acks_sent += 1;
        self.pending_ack = false;
        (self.delivered, self.delivered_bytes) = (0, 0);
        self.ack_at = None;
    }
}

/// The lockspace of messages.
pub(super) const LOCKSPACE: LockspaceId = LockspaceId(0x10);

/// Bytes, for people: how many, and the first of them.
fn told(bytes: &[u8]) -> String {
    let first: String = bytes.iter().take(80).map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes, {first}…", bytes.len())
}
