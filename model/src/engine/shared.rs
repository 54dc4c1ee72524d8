//! What the threads share during the search, and the two phases of a block.
//!
//! First the states of a block are expanded, batch by batch, and what they lead to is sorted by shard; then every shard
//! takes in what is new, in the order of the batches. Who does which batch or shard is left to chance and changes
//! nothing.

use super::found::{Report, Sighting};
use super::frontier::{Frontier, Span};
use super::store::{Candidate, Id, SHARDS, Shard, place_of};
use super::{Facts, Space, Steps};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// States of a batch: large enough that its buckets are filled, small enough that threads end together.
const BATCH: u32 = 512;
/// Batches of a block: what is in flight should stay in the cache.
const BATCHES: usize = 16;

/// A batch of the level and what its states lead to.
pub(super) struct Batch<T> {
    spans: Vec<Span>,
    buckets: Vec<Vec<Candidate<T>>>,
    pub(super) transitions: u64,
    pub(super) reports: Vec<Report>,
    pub(super) overflow: Option<Id>,
    pub(super) bad_class: Option<u8>,
    bytes: usize,
}

impl<T> Batch<T> {
    fn new() -> Self {
        Self {
            spans: Vec::new(),
            buckets: (0..SHARDS).map(|_| Vec::new()).collect(),
            transitions: 0,
            reports: Vec::new(),
            overflow: None,
            bad_class: None,
            bytes: 0,
        }
    }

    fn clear(&mut self) {
        // A narrow level uses few batches, and there may be many such levels.
        if self.spans.is_empty() {
            return;
        }
        self.spans.clear();
        self.buckets.iter_mut().for_each(Vec::clear);
        self.reports.clear();
        (self.transitions, self.overflow, self.bad_class) = (0, None, None);
    }

    fn measure(&mut self) {
        self.bytes = self.buckets.iter().map(|bucket| bucket.capacity() * size_of::<Candidate<T>>()).sum();
    }
}

/// The steps of one state, on their way into the buckets.
struct Sorter<'a, T> {
    buckets: &'a mut [Vec<Candidate<T>>],
    reports: &'a mut Vec<Report>,
    bad_class: &'a mut Option<u8>,
    classes: u8,
    parent: Id,
    steps: u32,
    depth: u32,
    asked: u64,
}

impl<S: Space> Steps<S> for Sorter<'_, S::State> {
    #[inline]
    fn step(&mut self, _action: S::Action, class: u8, violated: u64, next: S::State) {
        let (shard, hash) = place_of(&next);
        if let Some(bucket) = self.buckets.get_mut(shard)
            // Many states may lead to the same one, such as the initial: the second of two neighbours is never new.
            && bucket.last().is_none_or(|last| last.hash != hash || last.state != next)
        {
            bucket.push(Candidate { state: next, parent: self.parent, hash });
        }
        if violated & self.asked != 0 {
            let sighting = Sighting { at: self.parent, step: Some(self.steps), length: self.depth + 1 };
            self.reports.push(Report { violated: violated & self.asked, sighting });
            self.asked &= !violated;
        }
        if class >= self.classes && class != super::NO_CLASS {
            *self.bad_class = Some(class);
        }
        self.steps += 1;
    }
}

pub(super) struct Shared<'a, S: Space> {
    space: &'a S,
    shards: Vec<RwLock<Shard<S::State>>>,
    batches: Vec<RwLock<Batch<S::State>>>,
    in_use: AtomicUsize,
    next_batch: AtomicUsize,
    next_shard: AtomicUsize,
    depth: AtomicUsize,
    /// Properties of which a violating state, or a violating step, would be news.
    open_states: AtomicU64,
    open_steps: AtomicU64,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, S: Space> Shared<'a, S> {
    pub(super) fn new(space: &'a S, shards: Vec<Shard<S::State>>) -> Self {
        Self {
            space,
            shards: shards.into_iter().map(RwLock::new).collect(),
            batches: (0..BATCHES).map(|_| RwLock::new(Batch::new())).collect(),
            in_use: AtomicUsize::new(0),
            next_batch: AtomicUsize::new(0),
            next_shard: AtomicUsize::new(0),
            depth: AtomicUsize::new(0),
            open_states: AtomicU64::new(0),
            open_steps: AtomicU64::new(0),
        }
    }

    /// Lays the next block of the level out; returns how many states it has.
    pub(super) fn prepare(&self, frontier: &mut Frontier, open_states: u64, open_steps: u64) -> u64 {
        let before = frontier.left();
        let mut used = 0;
        for lock in &self.batches {
            let mut batch = write(lock);
            batch.clear();
            frontier.take(BATCH, &mut batch.spans);
            used += usize::from(!batch.spans.is_empty());
        }
        self.in_use.store(used, Ordering::Relaxed);
        self.next_batch.store(0, Ordering::Relaxed);
        self.next_shard.store(0, Ordering::Relaxed);
        self.depth.store(frontier.depth as usize, Ordering::Relaxed);
        self.open_states.store(open_states, Ordering::Relaxed);
        self.open_steps.store(open_steps, Ordering::Relaxed);
        before - frontier.left()
    }

    /// The first phase: expands batches until none is left.
    pub(super) fn expand(&self) {
        let in_use = self.in_use.load(Ordering::Relaxed);
        loop {
            let number = self.next_batch.fetch_add(1, Ordering::Relaxed);
            match self.batches.get(number) {
                Some(batch) if number < in_use => self.expand_batch(&mut write(batch)),
                _ => return,
            }
        }
    }

    fn expand_batch(&self, batch: &mut Batch<S::State>) {
        let depth = self.depth.load(Ordering::Relaxed) as u32;
        let (states, steps) = (self.open_states.load(Ordering::Relaxed), self.open_steps.load(Ordering::Relaxed));
        let classes = self.space.classes().len().min(super::MAX_CLASSES) as u8;
        for span in &batch.spans {
            let Some(shard) = self.shards.get(span.shard) else { return };
            for (local, state) in read(shard).states_in(span.from, span.to) {
                let parent = Id::new(span.shard, local);
                let (buckets, reports) = (batch.buckets.as_mut_slice(), &mut batch.reports);
                let bad_class = &mut batch.bad_class;
                let mut sorter = Sorter { buckets, reports, bad_class, classes, parent, steps: 0, depth, asked: steps };
                let Facts { violated, overflow, .. } = self.space.expand(state, &mut sorter);
                batch.transitions += u64::from(sorter.steps);
                if violated & states != 0 {
                    let sighting = Sighting { at: parent, step: None, length: depth };
                    batch.reports.push(Report { violated: violated & states, sighting });
                }
                if overflow {
                    batch.overflow.get_or_insert(parent);
                }
            }
        }
        batch.measure();
    }

    /// The second phase: enters what is new, shard by shard, until none is left.
    pub(super) fn insert(&self) {
        let in_use = self.in_use.load(Ordering::Relaxed);
        loop {
            let number = self.next_shard.fetch_add(1, Ordering::Relaxed);
            let Some(shard) = self.shards.get(number) else { return };
            let mut shard = write(shard);
            for batch in self.batches.iter().take(in_use) {
                if let Some(bucket) = read(batch).buckets.get(number) {
                    shard.insert_all(bucket);
                }
            }
        }
    }

    /// Enters the initial states.
    pub(super) fn start(&self, initial: Vec<S::State>) {
        for state in initial {
            let (number, hash) = place_of(&state);
            if let Some(shard) = self.shards.get(number) {
                write(shard).insert_all(&[Candidate { state, parent: Id::NONE, hash }]);
            }
        }
    }

    /// What the block brought, batch by batch in order.
    pub(super) fn collect(&self, mut take: impl FnMut(&Batch<S::State>)) {
        self.batches.iter().take(self.in_use.load(Ordering::Relaxed)).for_each(|batch| take(&read(batch)));
    }

    /// States per shard.
    pub(super) fn lens(&self) -> [u32; SHARDS] {
        let mut lens = [0; SHARDS];
        for (len, shard) in lens.iter_mut().zip(&self.shards) {
            *len = read(shard).len();
        }
        lens
    }

    pub(super) fn is_full(&self) -> bool {
        self.shards.iter().any(|shard| read(shard).is_full())
    }

    /// Bytes of states, tables and buffers.
    pub(super) fn bytes(&self) -> usize {
        let shards: usize = self.shards.iter().map(|shard| read(shard).bytes()).sum();
        shards + self.batches.iter().map(|batch| read(batch).bytes).sum::<usize>()
    }

    /// One shard, between phases.
    pub(super) fn with_shard<R>(&self, number: usize, look: impl FnOnce(&Shard<S::State>) -> R) -> Option<R> {
        self.shards.get(number).map(|shard| look(&read(shard)))
    }

    pub(super) fn space(&self) -> &'a S {
        self.space
    }

    pub(super) fn into_shards(self) -> Vec<Shard<S::State>> {
        self.shards.into_iter().map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}
