//! The thread that writes compact files.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use zstd::bulk::Compressor;

use super::block::{BLOCK_HEAD_LEN, Block, BlockKind, file_head, seal};
use super::options::Options;
use super::origin::{FileHead, Origin};
use super::shared::{Job, Shared};
use super::storage::{Segment, Storage};
use crate::wire::NodeId;

/// The file that is being written.
struct Current {
    segment: Box<dyn Segment>,
    len: u64,
}

pub(super) struct Writer {
    storage: Box<dyn Storage>,
    origin: Origin,
    options: Options,
    shared: Arc<Shared>,
    compressor: Option<Compressor<'static>>,
    current: Option<Current>,
    /// Files begun, and files removed.
    begun: u64,
    removed: u64,
    /// Events lost here since the last block of their pair.
    lost: HashMap<(NodeId, NodeId), u64>,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(storage: Box<dyn Storage>, origin: Origin, options: Options, shared: Arc<Shared>) -> Self {
        let compressor = options.compression.and_then(|level| Compressor::new(level).ok());
        Self {
            storage,
            origin,
            options,
            shared,
            compressor,
            current: None,
            begun: 0,
            removed: 0,
            lost: HashMap::new(),
            out: Vec::new(),
        }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let interval = self.options.flush_interval.max(Duration::from_millis(1));
        let mut swept = Instant::now();
        loop {
            match jobs.recv_timeout(interval) {
                Ok(Job::Write(block)) => self.write(block),
                Ok(Job::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.take_unmarked(),
            }
            if swept.elapsed() >= interval {
                self.shared.sweep();
                swept = Instant::now();
            }
        }
        while let Ok(Job::Write(block)) = jobs.try_recv() {
            self.write(block);
        }
        self.take_unmarked();
        self.tell_lost();
        self.end_file();
    }

    /// Takes over what is lost behind all that was handed over: nothing waits.
    fn take_unmarked(&mut self) {
        for (pair, lost) in self.shared.take_unmarked() {
            *self.lost.entry(pair).or_default() += lost;
        }
    }

    /// Writes a block, or counts it as lost.
    fn write(&mut self, mut block: Block) {
        let pair = (block.node, block.peer);
        block.lost = block.lost.saturating_add(self.lost.get(&pair).copied().unwrap_or_default());
        let is_compressed = self.pack(&block.bytes);
        seal(&mut self.out, BlockKind::Events, is_compressed, block.bytes.len(), &block);
        if self.append() {
            self.lost.remove(&pair);
            self.shared.note(|status| status.written += block.events);
        } else {
            self.lost.insert(pair, block.lost.saturating_add(block.events));
            self.shared.note(|status| status.lost += block.events);
        }
        self.shared.recycle(block.bytes);
    }

    /// Marks what was lost last.
    fn tell_lost(&mut self) {
        for ((node, peer), lost) in core::mem::take(&mut self.lost) {
            self.write(Block { node, peer, time: 0, entries: 0, events: 0, lost, bytes: Vec::new() });
        }
    }

    /// Puts `raw` behind the room for a head; says whether it is compressed there.
    fn pack(&mut self, raw: &[u8]) -> bool {
        let Self { out, compressor, .. } = self;
        out.clear();
        out.resize(BLOCK_HEAD_LEN + zstd::zstd_safe::compress_bound(raw.len()), 0);
        let packed = compressor.as_mut().and_then(|compressor| {
            let room = out.get_mut(BLOCK_HEAD_LEN..)?;
            compressor.compress_to_buffer(raw, room).ok().filter(|len| *len < raw.len())
        });
        out.truncate(BLOCK_HEAD_LEN + packed.unwrap_or_default());
        if packed.is_none() {
            out.extend_from_slice(raw);
        }
        packed.is_some()
    }

    /// Writes the sealed block; false where it could not be, and nothing of it is there.
    fn append(&mut self) -> bool {
        let is_full = |current: &Current| current.len >= self.options.max_file_bytes;
        if self.current.as_ref().is_some_and(is_full) {
            let block = core::mem::take(&mut self.out);
            self.end_file();
            self.out = block;
        }
        if self.current.is_none() && !self.begin_file() {
            return false;
        }
        self.append_to_current()
    }

    fn append_to_current(&mut self) -> bool {
        let Some(current) = &mut self.current else { return false };
        let len = self.out.len() as u64;
        match current.segment.append(&self.out) {
            Ok(()) => {
                current.len += len;
                self.shared.note(|status| status.bytes += len);
                true
            }
            Err(error) => {
                self.shared.note(|status| status.error = Some(format!("writing file {}: {error}", self.begun)));
                if current.segment.cut(current.len).is_err() {
                    self.current = None;
                }
                false
            }
        }
    }

    fn begin_file(&mut self) -> bool {
        let number = self.begun + 1;
        let head = file_head(&self.origin.head(Some(FileHead::new(self.options.bodies, number))));
        let begun = self.storage.create(number).and_then(|mut segment| {
            segment.append(&head)?;
            Ok(segment)
        });
        match begun {
            Ok(segment) => {
                let len = head.len() as u64;
                self.current = Some(Current { segment, len });
                self.begun = number;
                self.shared.note(|status| {
                    status.files += 1;
                    status.bytes += len;
                });
                self.remove_oldest();
                true
            }
            Err(error) => {
                self.shared.note(|status| status.error = Some(format!("beginning file {number}: {error}")));
                false
            }
        }
    }

    fn remove_oldest(&mut self) {
        while self.options.max_files > 0 && self.begun - self.removed > self.options.max_files {
            self.removed += 1;
            if let Err(error) = self.storage.remove(self.removed) {
                let what = format!("removing file {}: {error}", self.removed);
                self.shared.note(|status| status.error = Some(what));
            }
        }
    }

    /// Says at the end of the file that this is the end.
    fn end_file(&mut self) {
        let none = NodeId(0);
        let end = Block { node: none, peer: none, time: 0, entries: 0, events: 0, lost: 0, bytes: Vec::new() };
        self.out.clear();
        self.out.resize(BLOCK_HEAD_LEN, 0);
        seal(&mut self.out, BlockKind::End, false, 0, &end);
        self.append_to_current();
        self.current = None;
    }
}
