//! Every transition of an environment, each driven once, from a state reached by a shortest path.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::resume_unwind;

use midcomms_model::system::action::Action;
use midcomms_model::system::state::System;
use midcomms_model::system::{Packed, World};

use super::Options;
use super::reasons::Reason;
use super::step::{Both, Driver, Halt};
use super::tally::Tally;

/// States that the threads take before what they found is put together.
const ROUND: usize = 4096;
/// Differences whose paths are kept.
const KEPT: usize = 3;

/// What covering an environment came to.
#[derive(Debug, Default)]
pub(super) struct Covered {
    pub(super) states: u64,
    /// Transitions that were driven, and those that there are.
    pub(super) driven: u64,
    pub(super) all: u64,
    pub(super) not_driven: BTreeMap<Reason, u64>,
    pub(super) differences: u64,
    /// Paths to some of them.
    pub(super) paths: Vec<Vec<Action>>,
    /// The budget sufficed, and the bounds of the model.
    pub(super) is_complete: bool,
    pub(super) tally: Tally,
}

struct Found<const W: usize, const N: usize, const M: usize> {
    packed: Packed<W>,
    both: Both<N, M>,
    parent: u32,
    action: Action,
}

/// What one thread did.
struct Share<const W: usize, const N: usize, const M: usize> {
    found: Vec<Found<W, N, M>>,
    covered: Covered,
    /// Where a path differs: its last state but one, and the action.
    differs: Vec<(u32, Action)>,
    /// States in the middle of what the implementation does at once.
    middles: Vec<System<N, M>>,
}

/// Drives every transition; `tell` hears of the transitions driven.
pub(super) fn cover<const W: usize, const N: usize, const M: usize>(
    driver: &Driver<'_>,
    options: &Options,
    tell: &(dyn Fn(u64) + Sync),
) -> Covered {
    let world = driver.world;
    let begin: Both<N, M> = driver.begin();
    let mut visited: HashMap<Packed<W>, u32> = HashMap::from([(world.pack(&begin.system).0, 0)]);
    let mut parents: Vec<(u32, Option<Action>)> = vec![(0, None)];
    let mut total = Covered { is_complete: true, ..Covered::default() };
    let mut middles = Vec::new();
    let mut frontier = vec![(0_u32, begin)];
    while !frontier.is_empty() && total.is_complete {
        let mut next = Vec::new();
        while !frontier.is_empty() && total.is_complete {
            let round = frontier.split_off(frontier.len().saturating_sub(ROUND));
            for share in work::<W, N, M>(driver, options.threads, round, &visited) {
                total.add(&share.covered);
                middles.extend(share.middles);
                let paths = share.differs.iter().map(|(from, action)| path(&parents, *from, *action));
                total.paths.extend(paths.take(KEPT));
                for Found { packed, both, parent, action } in share.found {
                    let id = parents.len() as u32;
                    visited.entry(packed).or_insert_with(|| {
                        parents.push((parent, Some(action)));
                        next.push((id, both));
                        id
                    });
                }
            }
            total.is_complete &= total.all < options.budget;
            tell(total.driven);
        }
        frontier = next;
    }
    total.paths.sort_by_key(Vec::len);
    total.paths.truncate(KEPT);
    total.states = visited.len() as u64;
    let behind = behind::<W, N, M>(world, &visited, middles);
    if behind > 0 {
        total.all += behind;
        *total.not_driven.entry(Reason::Eager).or_default() += behind;
    }
    total
}

impl Covered {
    fn add(&mut self, other: &Covered) {
        self.driven += other.driven;
        self.all += other.all;
        self.differences += other.differences;
        self.is_complete &= other.is_complete;
        self.tally.add(&other.tally);
        other.not_driven.iter().for_each(|(reason, count)| *self.not_driven.entry(*reason).or_default() += count);
    }
}

fn path(parents: &[(u32, Option<Action>)], from: u32, action: Action) -> Vec<Action> {
    let mut path = vec![action];
    let mut at = from;
    while let Some((parent, Some(action))) = parents.get(at as usize) {
        path.push(*action);
        at = *parent;
    }
    path.reverse();
    path
}

fn work<const W: usize, const N: usize, const M: usize>(
    driver: &Driver<'_>,
    threads: usize,
    mut round: Vec<(u32, Both<N, M>)>,
    visited: &HashMap<Packed<W>, u32>,
) -> Vec<Share<W, N, M>> {
    let size = round.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        while !round.is_empty() {
            let part = round.split_off(round.len().saturating_sub(size));
            workers.push(scope.spawn(move || expand::<W, N, M>(driver, part, visited)));
        }
        // What panics in the implementation is no difference that may be lost with its thread.
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

fn expand<const W: usize, const N: usize, const M: usize>(
    driver: &Driver<'_>,
    part: Vec<(u32, Both<N, M>)>,
    visited: &HashMap<Packed<W>, u32>,
) -> Share<W, N, M> {
    let covered = Covered { is_complete: true, ..Covered::default() };
    let mut share = Share { found: Vec::new(), covered, differs: Vec::new(), middles: Vec::new() };
    let mut new = HashSet::new();
    let mut actions = Vec::new();
    for (parent, both) in part {
        actions.clear();
        driver.world.actions(&both.system, |action| actions.push(action));
        for action in actions.iter().copied() {
            let mut then = both.clone();
            share.covered.all += 1;
            match driver.step(&mut then, action) {
                Ok(step) => {
                    share.covered.driven += 1;
                    share.covered.tally.count(driver.world, action, &step);
                    share.middles.extend(step.also.map(|(middle, _)| middle));
                    let (packed, fits) = driver.world.pack(&then.system);
                    share.covered.is_complete &= fits;
                    if !visited.contains_key(&packed) && new.insert(packed) {
                        share.found.push(Found { packed, both: then, parent, action });
                    }
                }
                Err(Halt::Differs(_)) => {
                    share.covered.differences += 1;
                    share.differs.push((parent, action));
                }
                Err(Halt::NotDrivable(reason)) => *share.covered.not_driven.entry(reason).or_default() += 1,
                Err(Halt::Overflow) => share.covered.is_complete = false,
            }
        }
    }
    share
}

/// Transitions of the model from states that are reached only through one that the implementation passes at once.
fn behind<const W: usize, const N: usize, const M: usize>(
    world: &World,
    visited: &HashMap<Packed<W>, u32>,
    mut middles: Vec<System<N, M>>,
) -> u64 {
    let mut seen = HashSet::new();
    let mut count = 0;
    while let Some(system) = middles.pop() {
        let packed: Packed<W> = world.pack(&system).0;
        if visited.contains_key(&packed) || !seen.insert(packed) {
            continue;
        }
        world.actions(&system, |action| {
            count += 1;
            let mut next = system;
            world.apply(&mut next, action, &mut ());
            middles.push(next);
        });
    }
    count
}
