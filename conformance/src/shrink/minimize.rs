//! Delta debugging: leaves out as much as it can. Knows nothing of traces.

use std::time::Instant;

/// When to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Then, with what is found until then.
    pub until: Option<Instant>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is left.
    pub kept: Vec<bool>,
    /// How many candidates were tried.
    pub candidates: u64,
    /// The limit came first.
    pub ran_out: bool,
}

/// Leaves out what can be left out while `is_good` holds, which holds of all of `start`.
///
/// `levels` are groups of indices that are tried together, in the order in which the levels are tried; of each level first
/// runs of many groups, the last first, then fewer and fewer. Without a limit nothing more of any level can be left out
/// alone at the end. The same arguments give the same result.
pub fn minimize(
    start: &[bool],
    levels: &[Vec<Vec<usize>>],
    limits: &Limits,
    is_good: &mut dyn FnMut(&[bool]) -> bool,
    progress: &mut dyn FnMut(usize, u64),
) -> Found {
    let found = Found { kept: start.to_vec(), candidates: 0, ran_out: false };
    let mut search = Search { found, limits, is_good, progress };
    loop {
        let mut has_changed = false;
        for level in levels {
            has_changed |= search.level(level);
        }
        if !has_changed || search.found.ran_out {
            return search.found;
        }
    }
}

struct Search<'a> {
    found: Found,
    limits: &'a Limits,
    is_good: &'a mut dyn FnMut(&[bool]) -> bool,
    progress: &'a mut dyn FnMut(usize, u64),
}

impl Search<'_> {
    /// Whether something could be left out.
    fn level(&mut self, groups: &[Vec<usize>]) -> bool {
        let mut has_changed = false;
        let mut alive = self.alive(groups);
        let mut run = alive.len().div_ceil(2);
        while run > 0 && !self.found.ran_out {
            let mut dropped = false;
            let mut end = alive.len();
            while end > 0 && !self.found.ran_out {
                let begin = end.saturating_sub(run);
                let indices = alive.get(begin..end).unwrap_or_default().iter().flat_map(|group| group.iter().copied());
                let indices: Vec<usize> = indices.collect();
                dropped |= self.drop_all(&indices);
                end = begin;
            }
            has_changed |= dropped;
            if dropped {
                alive = self.alive(groups);
            }
            // Single groups until none can go any more: one that goes may free another.
            run = if run == 1 && dropped { 1 } else { run.min(alive.len() + 1) / 2 };
        }
        has_changed
    }

    fn alive<'g>(&self, groups: &'g [Vec<usize>]) -> Vec<&'g Vec<usize>> {
        let is_kept = |index: &usize| self.found.kept.get(*index) == Some(&true);
        groups.iter().filter(|group| group.iter().any(is_kept)).collect()
    }

    /// Leaves these out if the rest is good.
    fn drop_all(&mut self, indices: &[usize]) -> bool {
        if self.limits.until.is_some_and(|until| Instant::now() >= until) {
            self.found.ran_out = true;
            return false;
        }
        let mut candidate = self.found.kept.clone();
        let mut is_other = false;
        for index in indices {
            if let Some(kept) = candidate.get_mut(*index) {
                is_other |= std::mem::take(kept);
            }
        }
        if !is_other {
            return false;
        }
        self.found.candidates += 1;
        let is_good = (self.is_good)(&candidate);
        if is_good {
            self.found.kept = candidate;
        }
        (self.progress)(self.found.kept.iter().filter(|kept| **kept).count(), self.found.candidates);
        is_good
    }
}
