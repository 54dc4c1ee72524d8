//! Random walks, each repeated by its seed.

use std::panic::resume_unwind;

use midcomms_model::system::action::Action;

use super::Options;
use super::step::{Both, Driver, Halt};
use super::tally::Tally;

/// What a walk came to.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) steps: u64,
    pub(super) tally: Tally,
    /// The path to a difference.
    pub(super) path: Option<Vec<Action>>,
}

/// Walks at random up to `steps` actions.
pub(super) fn walk<const N: usize, const M: usize>(driver: &Driver<'_>, seed: u64, steps: u64) -> Walk {
    let mut chance = Chance(seed);
    let mut both: Both<N, M> = driver.begin();
    let (mut walk, mut path) = (Walk::default(), Vec::new());
    let mut actions = Vec::new();
    while walk.steps < steps {
        actions.clear();
        driver.world.actions(&both.system, |action| actions.push(action));
        let Some(then) = advance(driver, &mut both, &mut actions, &mut chance, &mut walk.tally) else {
            // Nothing is left to do: the next path begins.
            both = driver.begin();
            path.clear();
            walk.steps += 1;
            continue;
        };
        walk.steps += 1;
        path.push(then.0);
        if then.1 {
            walk.path = Some(path);
            return walk;
        }
    }
    walk
}

/// One of `actions`, and whether the two differ after it; none where none can be driven.
fn advance<const N: usize, const M: usize>(
    driver: &Driver<'_>,
    both: &mut Both<N, M>,
    actions: &mut Vec<Action>,
    chance: &mut Chance,
    tally: &mut Tally,
) -> Option<(Action, bool)> {
    while !actions.is_empty() {
        let action = actions.swap_remove(chance.below(actions.len()));
        let mut then = both.clone();
        match driver.step(&mut then, action) {
            Ok(step) => {
                tally.count(driver.world, action, &step);
                *both = then;
                return Some((action, false));
            }
            Err(Halt::Differs(_)) => return Some((action, true)),
            Err(Halt::NotDrivable(_) | Halt::Overflow) => {}
        }
    }
    None
}

/// What comes of each of the walks that are asked for, by its seed, in the order of seeds.
pub(super) fn each_seed<T: Send>(options: &Options, walk: impl Fn(u64) -> T + Sync) -> Vec<(u64, T)> {
    let (threads, walk) = (options.threads.max(1) as u64, &walk);
    let share = |thread: u64| {
        let mine = (0..options.walks).filter(move |at| at % threads == thread);
        mine.map(|at| options.seed.wrapping_add(at)).map(|seed| (seed, walk(seed))).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(seed, _)| *seed);
    all
}

/// `SplitMix64`.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}
