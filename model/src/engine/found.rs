//! The first violation of every safety property.

use super::store::Id;

/// Where a safety property was first seen violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The violating state, or the one that the violating step leaves.
    pub at: Id,
    /// Which of its steps violates, counted from 0; none if the state itself does.
    pub step: Option<u32>,
    /// The number of steps from the start, the violating one included.
    pub length: u32,
}

/// One expansion's contribution: bits of properties, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) violated: u64,
    pub(super) sighting: Sighting,
}

/// Per property the shortest violation so far; among equally short ones, the first in the order of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    first: [Option<Sighting>; 64],
}

impl Default for Found {
    fn default() -> Self {
        Self { first: [None; 64] }
    }
}

impl Found {
    pub(super) fn add(&mut self, report: Report) {
        for (bit, first) in self.first.iter_mut().enumerate() {
            if report.violated >> bit & 1 == 1 && first.is_none_or(|old| report.sighting.length < old.length) {
                *first = Some(report.sighting);
            }
        }
    }

    pub(super) fn get(&self, bit: u32) -> Option<Sighting> {
        self.first.get(bit as usize).copied().flatten()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Sighting)> {
        (0..64).filter_map(|bit| Some((bit, self.get(bit)?)))
    }

    /// The properties for which nothing shorter than `length` steps is known.
    pub(super) fn open(&self, length: u32) -> u64 {
        let settled = self.iter().filter(|(_, sighting)| sighting.length <= length);
        !settled.fold(0, |bits, (bit, _)| bits | 1 << bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_violation_replaces_a_longer_one_but_not_an_equal_one() {
        let mut found = Found::default();
        let sighting = |at, length| Sighting { at: Id(at), step: None, length };
        for (at, length) in [(1, 5), (2, 5), (3, 4)] {
            found.add(Report { violated: 2, sighting: sighting(at, length) });
        }
        assert_eq!(found.get(1), Some(sighting(3, 4)));
        assert_eq!(found.get(0), None);
        assert_eq!(found.open(4), !2);
        assert_eq!(found.open(3), !0);
    }
}
