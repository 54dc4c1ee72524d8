//! The states themselves: sixty-four shards, each with its states, their parents and its table.
//!
//! A shard owns what its part of the hash says, whatever the number of threads. States lie in pieces of fixed length,
//! so nothing large is ever copied to grow, and a state keeps its place.

use super::hash::hash_of;
use super::table::{MAX_LOCAL, Probe, Table};
use std::hash::Hash;

const SHARD_BITS: u32 = 6;
/// The number of shards; part of what makes numbers of states reproducible.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
const PIECE_BITS: u32 = 12;
const PIECE: usize = 1 << PIECE_BITS;
/// How many candidates are looked up side by side.
const GROUP: usize = 32;

/// The number of a stored state: shard and place in it. The same in every run of the same space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(super) u32);

impl Id {
    /// The parent of an initial state.
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) const fn new(shard: usize, local: u32) -> Self {
        Self(local << SHARD_BITS | shard as u32)
    }

    pub(super) const fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    pub(super) const fn local(self) -> u32 {
        self.0 >> SHARD_BITS
    }
}

/// Which shard owns a state, and the part of the hash that its table uses.
#[inline]
pub(super) fn place_of<T: Hash>(state: &T) -> (usize, u32) {
    let hash = hash_of(state);
    ((hash >> (64 - SHARD_BITS)) as usize, hash as u32)
}

/// A state that a step leads to, on its way to the shard that owns it.
pub(super) struct Candidate<T> {
    pub(super) state: T,
    pub(super) parent: Id,
    pub(super) hash: u32,
}

pub(super) struct Shard<T> {
    states: Vec<Vec<T>>,
    parents: Vec<Vec<Id>>,
    table: Table,
    len: u32,
    full: bool,
}

impl<T: Clone + Eq + Hash> Shard<T> {
    pub(super) fn new() -> Self {
        Self { states: Vec::new(), parents: Vec::new(), table: Table::new(), len: 0, full: false }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Whether a state was turned away because the numbers ran out.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Bytes allocated, without what the states own elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.states.len() * PIECE * (size_of::<T>() + size_of::<Id>()) + self.table.bytes()
    }

    #[inline]
    pub(super) fn state(&self, local: u32) -> Option<&T> {
        self.states.get((local >> PIECE_BITS) as usize)?.get(local as usize % PIECE)
    }

    pub(super) fn parent(&self, local: u32) -> Option<Id> {
        self.parents.get((local >> PIECE_BITS) as usize)?.get(local as usize % PIECE).copied()
    }

    /// States from `from` on, with their local numbers.
    pub(super) fn states_in(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, &T)> {
        (from..to).filter_map(|local| Some((local, self.state(local)?)))
    }

    #[inline]
    pub(super) fn find(&self, state: &T, hash: u32) -> Option<u32> {
        match self.table.probe(hash, |local| self.state(local) == Some(state)) {
            Probe::Found(local) => Some(local),
            Probe::Vacant(_) => None,
        }
    }

    /// Enters what is new, in order.
    pub(super) fn insert_all(&mut self, candidates: &[Candidate<T>]) {
        for group in candidates.chunks(GROUP) {
            self.make_room(group.len());
            let known = self.known(group);
            for (i, candidate) in group.iter().enumerate() {
                if known & 1 << i == 0 {
                    self.insert(&candidate.state, candidate.parent, candidate.hash);
                }
            }
        }
    }

    /// Which of a group are known already. Loads of one group do not wait for each other, which is most of the speed.
    #[inline]
    fn known(&self, group: &[Candidate<T>]) -> u32 {
        let mut first = [None; GROUP];
        let mut warm = 0;
        for candidate in group {
            warm ^= self.table.peek(candidate.hash);
        }
        std::hint::black_box(warm);
        for (suspect, candidate) in first.iter_mut().zip(group) {
            *suspect = self.table.suspect(candidate.hash);
        }
        let mut known = 0;
        for (i, (candidate, suspect)) in group.iter().zip(first).enumerate() {
            let equal = suspect.is_some_and(|local| self.state(local) == Some(&candidate.state));
            known |= u32::from(equal) << i;
        }
        known
    }

    /// Enters a state if it is new; room has been made.
    #[inline]
    fn insert(&mut self, state: &T, parent: Id, hash: u32) {
        let Probe::Vacant(at) = self.table.probe(hash, |local| self.state(local) == Some(state)) else { return };
        if self.len >= MAX_LOCAL - 1 {
            self.full = true;
            return;
        }
        self.table.fill(at, hash, self.len);
        self.push(state.clone(), parent);
    }

    fn push(&mut self, state: T, parent: Id) {
        if (self.len as usize).is_multiple_of(PIECE) {
            self.states.push(Vec::with_capacity(PIECE));
            self.parents.push(Vec::with_capacity(PIECE));
        }
        if let (Some(states), Some(parents)) = (self.states.last_mut(), self.parents.last_mut()) {
            states.push(state);
            parents.push(parent);
            self.len += 1;
        }
    }

    /// Makes the table large enough for `more` states.
    fn make_room(&mut self, more: usize) {
        let Some(capacity) = self.table.wants(more) else { return };
        self.table.reset(capacity);
        for local in 0..self.len {
            let Some(state) = self.states.get((local >> PIECE_BITS) as usize) else { return };
            let Some(state) = state.get(local as usize % PIECE) else { return };
            let (_, hash) = place_of(state);
            // All stored states differ, so none needs comparing.
            if let Probe::Vacant(at) = self.table.probe(hash, |_| false) {
                self.table.fill(at, hash, local);
            }
        }
    }

    /// Enters a state that is known to be new, as it is read back from a checkpoint. False if it was not new.
    pub(super) fn restore(&mut self, state: T, parent: Id, hash: u32) -> bool {
        self.make_room(1);
        let before = self.len;
        self.insert(&state, parent, hash);
        self.len > before
    }
}

/// All shards, after the search: nothing changes any more.
pub(super) struct Store<T> {
    shards: Vec<Shard<T>>,
}

impl<T: Clone + Eq + Hash> Store<T> {
    pub(super) fn new(shards: Vec<Shard<T>>) -> Self {
        Self { shards }
    }

    pub(super) fn shards(&self) -> &[Shard<T>] {
        &self.shards
    }

    pub(super) fn state(&self, id: Id) -> Option<&T> {
        self.shards.get(id.shard())?.state(id.local())
    }

    pub(super) fn parent(&self, id: Id) -> Option<Id> {
        self.shards.get(id.shard())?.parent(id.local()).filter(|parent| *parent != Id::NONE)
    }

    pub(super) fn find(&self, state: &T) -> Option<Id> {
        let (shard, hash) = place_of(state);
        Some(Id::new(shard, self.shards.get(shard)?.find(state, hash)?))
    }

    /// Looks many states up, in groups so that the waits for memory overlap.
    pub(super) fn find_all(&self, wanted: &[Wanted<T>], mut found: impl FnMut(Option<Id>)) {
        for group in wanted.chunks(GROUP) {
            let (mut first, mut warm) = ([None; GROUP], 0);
            for one in group {
                warm ^= self.shards.get(one.shard).map_or(0, |shard| shard.table.peek(one.hash));
            }
            std::hint::black_box(warm);
            for (suspect, one) in first.iter_mut().zip(group) {
                *suspect = self.shards.get(one.shard).and_then(|shard| shard.table.suspect(one.hash));
            }
            for (one, suspect) in group.iter().zip(first) {
                let Some(shard) = self.shards.get(one.shard) else { return };
                let equal = suspect.filter(|local| shard.state(*local) == Some(&one.state));
                let local = equal.or_else(|| shard.find(&one.state, one.hash));
                found(local.map(|local| Id::new(one.shard, local)));
            }
        }
    }
}

/// A state to look up, and where.
pub(super) struct Wanted<T> {
    pub(super) state: T,
    shard: usize,
    hash: u32,
}

impl<T: Hash> Wanted<T> {
    #[inline]
    pub(super) fn new(state: T) -> Self {
        let (shard, hash) = place_of(&state);
        Self { state, shard, hash }
    }
}
