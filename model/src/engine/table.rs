//! A hash table of local state numbers: open addressing, four bytes a slot, no deletion.
//!
//! It holds neither states nor whole hashes. Six spare bits of a slot hold a piece of the hash, so that few states are
//! compared in vain; equality of states decides, and the owner of the states supplies it.

/// Bits of a slot that hold the local number.
pub(super) const LOCAL_BITS: u32 = 26;
const LOCAL_MASK: u32 = (1 << LOCAL_BITS) - 1;
const TAG_MASK: u32 = (1 << (32 - LOCAL_BITS)) - 1;
const EMPTY: u32 = u32::MAX;
/// Local numbers lie below this; the number above would make a slot look empty.
pub(super) const MAX_LOCAL: u32 = LOCAL_MASK;

pub(super) struct Table {
    slots: Vec<u32>,
    used: usize,
}

/// Where a search for a state ended.
pub(super) enum Probe {
    /// The local number of the equal state.
    Found(u32),
    /// The slot in which it would stand.
    Vacant(usize),
}

impl Table {
    pub(super) fn new() -> Self {
        Self { slots: vec![EMPTY; 16], used: 0 }
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    /// The capacity to grow to before `more` entries come in, if there is need to.
    pub(super) fn wants(&self, more: usize) -> Option<usize> {
        let capacity = self.slots.len();
        if (self.used + more) * 5 <= capacity * 4 {
            return None;
        }
        // Tables of all shards are large together: they grow in smaller steps than the usual doubling.
        let grown = if capacity < 4096 { capacity * 4 } else { capacity + capacity / 2 };
        Some(grown.max((self.used + more) * 2))
    }

    /// Replaces the table by an empty one; the owner enters everything again.
    pub(super) fn reset(&mut self, capacity: usize) {
        // Before the new one is allocated: old and new never exist together.
        self.slots = Vec::new();
        self.slots = vec![EMPTY; capacity];
        self.used = 0;
    }

    /// Where a search for `hash` begins: order-preserving, so no power of two is needed.
    #[inline]
    fn start(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize
    }

    /// Brings the first slot of a search near; the value only keeps the load alive.
    #[inline]
    pub(super) fn peek(&self, hash: u32) -> u32 {
        self.slots.get(self.start(hash)).copied().unwrap_or(EMPTY)
    }

    /// The first state on the way whose tag fits, if there is one.
    #[inline]
    pub(super) fn suspect(&self, hash: u32) -> Option<u32> {
        let start = self.start(hash);
        for slot in self.slots.get(start..).unwrap_or_default() {
            if *slot == EMPTY {
                return None;
            }
            if *slot >> LOCAL_BITS == hash & TAG_MASK {
                return Some(*slot & LOCAL_MASK);
            }
        }
        None
    }

    /// Searches for the state of `hash` that `equal` recognises.
    #[inline]
    pub(super) fn probe(&self, hash: u32, mut equal: impl FnMut(u32) -> bool) -> Probe {
        let start = self.start(hash);
        let (front, back) = self.slots.split_at_checked(start).unwrap_or((&[], &self.slots));
        for (at, slot) in back.iter().enumerate().map(|(i, s)| (start + i, s)).chain(front.iter().enumerate()) {
            if *slot == EMPTY {
                return Probe::Vacant(at);
            }
            if *slot >> LOCAL_BITS == hash & TAG_MASK && equal(*slot & LOCAL_MASK) {
                return Probe::Found(*slot & LOCAL_MASK);
            }
        }
        // A table is never full: `wants` came first.
        Probe::Vacant(usize::MAX)
    }

    /// Fills the slot that a search found vacant.
    #[inline]
    pub(super) fn fill(&mut self, at: usize, hash: u32, local: u32) {
        debug_assert!(at < self.slots.len() && local < MAX_LOCAL);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = (hash & TAG_MASK) << LOCAL_BITS | local;
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_wraps_around_the_end() {
        let mut table = Table::new();
        for local in 0..10 {
            let hash = u32::MAX - local;
            match table.probe(hash, |l| l == local) {
                Probe::Vacant(at) => table.fill(at, hash, local),
                Probe::Found(_) => panic!("found before it was entered"),
            }
        }
        for local in 0..10 {
            assert!(matches!(table.probe(u32::MAX - local, |l| l == local), Probe::Found(l) if l == local));
        }
    }

    #[test]
    fn a_table_grows_before_it_is_full() {
        assert!(Table::new().wants(12).is_none());
        assert!(Table::new().wants(13).is_some_and(|grown| grown >= 26));
    }
}
