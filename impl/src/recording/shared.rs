//! What the observers of one node and the writer share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::block::Block;
use super::encoder::Encoder;
use super::options::{Options, Status};
use crate::midcomms::{Occurrence, Time};
use crate::wire::NodeId;

/// Events that make a block, however few bytes they take. A reader bounds them, and a block that is lost loses them all.
const BLOCK_EVENTS: u32 = 1 << 16;

/// What the writer is asked to do.
pub(super) enum Job {
    Write(Block),
    Finish,
}

/// The events of one pair that are not handed over yet.
pub(super) struct Slot {
    encoder: Encoder,
    pair: Option<(NodeId, NodeId)>,
    /// Events that were lost since the last block that was handed over.
    lost: u64,
    /// The recording has ended: nothing more is taken down.
    is_over: bool,
}

/// What happens to a block for which there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Full {
    /// It is lost: the protocol does not wait.
    Lose,
    /// It stays where it is.
    Keep,
}

/// What every observer has, as long as there is one.
#[derive(Default)]
struct Slots {
    all: Vec<Weak<Mutex<Slot>>>,
    /// The recording has ended: nothing is taken down by observers that come now.
    is_over: bool,
}

impl Slots {
    fn alive(&mut self) -> Vec<Arc<Mutex<Slot>>> {
        self.all.retain(|slot| slot.strong_count() > 0);
        self.all.iter().filter_map(Weak::upgrade).collect()
    }
}

pub(super) struct Shared {
    queue: SyncSender<Job>,
    slots: Mutex<Slots>,
    /// Emptied buffers, to be filled again.
    pool: Mutex<Vec<Vec<u8>>>,
    block_bytes: usize,
    pool_len: usize,
    /// Events for which the queue had no room.
    lost: AtomicU64,
    /// Those of them that an observer had not marked when it went.
    unmarked: Mutex<HashMap<(NodeId, NodeId), u64>>,
    written: Mutex<Status>,
}

/// Locks what no panic can leave half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(queue: SyncSender<Job>, options: &Options) -> Self {
        Self {
            queue,
            slots: Mutex::default(),
            pool: Mutex::default(),
            block_bytes: options.block_bytes.clamp(1, 1 << 20),
            pool_len: options.queue_blocks.saturating_add(1),
            lost: AtomicU64::new(0),
            unmarked: Mutex::default(),
            written: Mutex::default(),
        }
    }

    pub(super) fn new_slot(&self, options: &Options) -> Arc<Mutex<Slot>> {
        let mut slots = lock(&self.slots);
        let slot = Slot { encoder: Encoder::new(options.bodies), pair: None, lost: 0, is_over: slots.is_over };
        let slot = Arc::new(Mutex::new(slot));
        slots.all.push(Arc::downgrade(&slot));
        slot
    }

    #[inline]
    pub(super) fn observe(&self, slot: &Mutex<Slot>, now: Time, pair: (NodeId, NodeId), occurrence: Occurrence<'_>) {
        let mut slot = lock(slot);
        slot.pair = Some(pair);
        if slot.is_over {
            let lost = occurrence.messages().count().max(1) as u64;
            slot.lost = slot.lost.saturating_add(lost);
            self.lost.fetch_add(lost, Ordering::Relaxed);
            return;
        }
        slot.encoder.encode(now, occurrence);
        if slot.encoder.bytes.len() >= self.block_bytes || slot.encoder.entries >= BLOCK_EVENTS {
            self.hand_over(&mut slot, Full::Lose);
        }
    }

    /// Hands over what an observer leaves behind, as far as there is room.
    pub(super) fn leave(&self, slot: &Mutex<Slot>) {
        let mut slot = lock(slot);
        self.hand_over(&mut slot, Full::Lose);
        if let Some(pair) = slot.pair
            && slot.lost > 0
        {
            *lock(&self.unmarked).entry(pair).or_default() += core::mem::take(&mut slot.lost);
        }
    }

    /// What is to be marked by the writer, for the observers are gone, or hand nothing over any more.
    pub(super) fn take_unmarked(&self) -> HashMap<(NodeId, NodeId), u64> {
        let mut unmarked = core::mem::take(&mut *lock(&self.unmarked));
        let slots = lock(&self.slots).alive();
        for slot in slots {
            let mut slot = lock(&slot);
            if let Some(pair) = slot.pair.filter(|_| slot.is_over && slot.lost > 0) {
                *unmarked.entry(pair).or_default() += core::mem::take(&mut slot.lost);
            }
        }
        unmarked
    }

    /// Hands over what every observer has, as far as there is room. The writer's own, so it must not wait.
    pub(super) fn sweep(&self) {
        let slots = lock(&self.slots).alive();
        for slot in slots {
            self.hand_over(&mut lock(&slot), Full::Keep);
        }
    }

    /// Hands over what every observer has, and then the end. Waits for room, and no observer with it: what happens from now on is
    /// lost and counted.
    pub(super) fn finish(&self) {
        let slots = {
            let mut slots = lock(&self.slots);
            slots.is_over = true;
            slots.alive()
        };
        for slot in slots {
            let block = {
                let mut slot = lock(&slot);
                slot.is_over = true;
                self.take_block(&mut slot)
            };
            if let Some(block) = block {
                let _ = self.queue.send(Job::Write(block));
            }
        }
        let _ = self.queue.send(Job::Finish);
    }

    /// What an observer has, if it has anything to say.
    fn take_block(&self, slot: &mut Slot) -> Option<Block> {
        let (node, peer) = slot.pair?;
        if slot.encoder.entries == 0 && slot.lost == 0 {
            return None;
        }
        let Encoder { first: time, entries, events, .. } = slot.encoder;
        let pooled = lock(&self.pool).pop();
        let next = pooled.unwrap_or_else(|| Vec::with_capacity(slot.encoder.bytes.len()));
        let (bytes, lost) = (slot.encoder.take(next), core::mem::take(&mut slot.lost));
        Some(Block { node, peer, time, entries, events, lost, bytes })
    }

    fn hand_over(&self, slot: &mut Slot, full: Full) {
        let Some(block) = self.take_block(slot) else { return };
        let Err(TrySendError::Full(unsent) | TrySendError::Disconnected(unsent)) =
            self.queue.try_send(Job::Write(block))
        else {
            return;
        };
        let Job::Write(block) = unsent else { return };
        slot.lost = block.lost;
        if full == Full::Keep {
            return self.recycle(slot.encoder.put_back(block));
        }
        slot.lost = slot.lost.saturating_add(block.events);
        self.lost.fetch_add(block.events, Ordering::Relaxed);
        self.recycle(block.bytes);
    }

    /// Keeps a buffer to be filled again.
    pub(super) fn recycle(&self, mut bytes: Vec<u8>) {
        let mut pool = lock(&self.pool);
        if pool.len() < self.pool_len && bytes.capacity() <= self.block_bytes.saturating_mul(4) {
            bytes.clear();
            pool.push(bytes);
        }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.written));
    }

    pub(super) fn status(&self) -> Status {
        let mut status = lock(&self.written).clone();
        status.lost = status.lost.saturating_add(self.lost.load(Ordering::Relaxed));
        status
    }
}
