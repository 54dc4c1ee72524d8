//! Which states come next: level by level, and in every shard in the order in which they were stored.
//!
//! All shards advance together, so that states that were found together are expanded together: they lead to the same
//! states, which are still in the cache.
//!
//! A level is no list: states of one level are neighbours in every shard, so two numbers a shard are enough.

use super::store::SHARDS;

/// Neighbours in one shard: `from..to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) shard: usize,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The level being expanded, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frontier {
    /// Per shard, the first state that is not expanded yet.
    pub(super) next: [u32; SHARDS],
    /// Per shard, the end of the level.
    pub(super) ends: [u32; SHARDS],
    /// Steps from the start to the states of the level.
    pub(super) depth: u32,
}

impl Frontier {
    /// The level of the initial states.
    pub(super) fn starting(lens: [u32; SHARDS]) -> Self {
        Self { next: [0; SHARDS], ends: lens, depth: 0 }
    }

    /// States of the level that are still to be expanded.
    pub(super) fn left(&self) -> u64 {
        self.next.iter().zip(&self.ends).map(|(next, end)| u64::from(end - next)).sum()
    }

    /// Takes up to `count` states from the level: a few of every shard, then more of those that still have some.
    pub(super) fn take(&mut self, count: u32, spans: &mut Vec<Span>) {
        let mut left = count;
        loop {
            let (before, share) = (left, left.div_ceil(SHARDS as u32));
            for (shard, (next, end)) in self.next.iter_mut().zip(&self.ends).enumerate() {
                let many = share.min(left).min(*end - *next);
                if many > 0 {
                    spans.push(Span { shard, from: *next, to: *next + many });
                    *next += many;
                    left -= many;
                }
            }
            if left == 0 || left == before {
                return;
            }
        }
    }

    /// Goes on to the next level: what the shards hold by now. False if there is none.
    pub(super) fn descend(&mut self, lens: [u32; SHARDS]) -> bool {
        let new = lens != self.ends;
        self.ends = lens;
        if new {
            self.depth += 1;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_taken_from_all_shards_in_order_and_once() {
        let mut lens = [0; SHARDS];
        lens[3] = 5;
        lens[9] = 2;
        let mut frontier = Frontier::starting(lens);
        let mut spans = Vec::new();
        frontier.take(4, &mut spans);
        let span = |shard, from, to| Span { shard, from, to };
        assert_eq!(spans, [span(3, 0, 1), span(9, 0, 1), span(3, 1, 2), span(9, 1, 2)]);
        assert_eq!(frontier.left(), 3);
        spans.clear();
        frontier.take(6, &mut spans);
        assert_eq!(spans, [span(3, 2, 3), span(3, 3, 4), span(3, 4, 5)]);
        assert_eq!(frontier.left(), 0);
        assert!(!frontier.descend(lens));
    }
}
