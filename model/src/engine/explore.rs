//! The search: block after block, level after level, by one thread that leads and others that help.

use super::exploration::Exploration;
use super::found::Found;
use super::frontier::Frontier;
use super::shared::{Batch, Shared};
use super::store::{Id, SHARDS, Shard};
use super::workers::{Broken, Gate};
use super::{Budget, Ended, EngineError, MAX_CLASSES, Options, Progress, Space};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Blocks with fewer states are not worth waking anybody for.
const ALONE: u64 = 256;
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Everything the search knows besides the states: what a checkpoint keeps.
pub(super) struct Tally {
    pub(super) frontier: Frontier,
    pub(super) transitions: u64,
    pub(super) found: Found,
    pub(super) overflow: Option<Id>,
    pub(super) before: Duration,
    pub(super) peak_bytes: u64,
}

impl Tally {
    fn take<T>(&mut self, batch: &Batch<T>) -> Result<(), u8> {
        self.transitions += batch.transitions;
        batch.reports.iter().for_each(|report| self.found.add(*report));
        self.overflow = self.overflow.or(batch.overflow);
        batch.bad_class.map_or(Ok(()), Err)
    }
}

/// When a search may be saved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Between,
    BudgetSpent,
}

/// Called between blocks, and once when a budget runs out.
pub(super) type Save<'s, S> = dyn FnMut(&Shared<'_, S>, &Tally, Duration, Moment) -> Result<(), EngineError> + 's;

/// Explores every state that can be reached, within the budgets of `options`.
///
/// # Errors
/// If nothing is asked, no state is initial, or the space contradicts itself.
pub fn explore<'a, S: Space>(space: &'a S, options: &Options<'_>) -> Result<Exploration<'a, S>, EngineError> {
    let (shared, tally) = begin(space, options)?;
    run(shared, tally, options, &mut |_, _, _, _| Ok(()))
}

/// A search that has not taken a step yet.
pub(super) fn begin<'a, S: Space>(space: &'a S, options: &Options<'_>) -> Result<(Shared<'a, S>, Tally), EngineError> {
    check(space, options)?;
    let initial = space.initial();
    if initial.is_empty() {
        return Err(EngineError::NoInitialState);
    }
    let shared = Shared::new(space, (0..SHARDS).map(|_| Shard::new()).collect());
    shared.start(initial);
    let frontier = Frontier::starting(shared.lens());
    let (found, before) = (Found::default(), Duration::ZERO);
    Ok((shared, Tally { frontier, transitions: 0, found, overflow: None, before, peak_bytes: 0 }))
}

pub(super) fn check<S: Space>(space: &S, options: &Options<'_>) -> Result<(), EngineError> {
    if options.safety == 0 && options.goals == 0 {
        return Err(EngineError::NothingAsked);
    }
    let classes = space.classes().len();
    if classes > MAX_CLASSES { Err(EngineError::TooManyClasses(classes)) } else { Ok(()) }
}

/// Runs a search from wherever it stands to its end.
pub(super) fn run<'a, S: Space>(
    shared: Shared<'a, S>,
    tally: Tally,
    options: &Options<'_>,
    save: &mut Save<'_, S>,
) -> Result<Exploration<'a, S>, EngineError> {
    let (gate, done) = (Gate::new(options.threads.max(1)), AtomicBool::new(false));
    let (tally, ended, elapsed) = std::thread::scope(|scope| {
        for _ in 1..options.threads {
            scope.spawn(|| help(&shared, &gate, &done));
        }
        let _guard = gate.guard();
        let mut lead = Lead { shared: &shared, gate: &gate, options, tally, begun: Instant::now(), reported: None };
        let ended = lead.all_levels(save);
        done.store(true, Ordering::Release);
        // Whether it is broken or not: the helpers leave.
        let _ = gate.meet();
        ended.map(|ended| {
            lead.report();
            let elapsed = lead.elapsed();
            (lead.tally, ended, elapsed)
        })
    })?;
    Ok(Exploration::new(shared, tally, ended, elapsed, options))
}

fn help<S: Space>(shared: &Shared<'_, S>, gate: &Gate, done: &AtomicBool) {
    let _guard = gate.guard();
    while gate.meet().is_ok() && !done.load(Ordering::Acquire) {
        shared.expand();
        if gate.meet().is_err() {
            return;
        }
        shared.insert();
        if gate.meet().is_err() {
            return;
        }
    }
}

/// The thread that decides what comes next.
struct Lead<'r, 'a, S: Space> {
    shared: &'r Shared<'a, S>,
    gate: &'r Gate,
    options: &'r Options<'r>,
    tally: Tally,
    begun: Instant,
    reported: Option<Instant>,
}

impl<S: Space> Lead<'_, '_, S> {
    fn all_levels(&mut self, save: &mut Save<'_, S>) -> Result<Ended, EngineError> {
        loop {
            if self.tally.frontier.left() == 0 && !self.tally.frontier.descend(self.shared.lens()) {
                return Ok(self.tally.overflow.map_or(Ended::Exhausted, |_| Ended::Incomplete(Budget::Bounds)));
            }
            if self.may_stop() {
                return Ok(Ended::Stopped);
            }
            if let Some(budget) = self.spent() {
                // A state was turned away for want of numbers: nobody could go on from here.
                if !self.shared.is_full() {
                    save(self.shared, &self.tally, self.elapsed(), Moment::BudgetSpent)?;
                }
                return Ok(Ended::Incomplete(budget));
            }
            self.block()?;
            save(self.shared, &self.tally, self.elapsed(), Moment::Between)?;
            if self.reported.is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL) {
                self.report();
            }
        }
    }

    /// Expands one block and takes in what is new.
    fn block(&mut self) -> Result<(), EngineError> {
        let (depth, asked) = (self.tally.frontier.depth, self.options.safety);
        let open = |length| asked & self.tally.found.open(length);
        let (open_states, open_steps) = (open(depth), open(depth + 1));
        let states = self.shared.prepare(&mut self.tally.frontier, open_states, open_steps);
        // A broken gate: the panic of the helper comes out of the scope; what is returned here is never seen.
        let _ = self.phases(states < ALONE);
        let mut bad_class = None;
        self.shared.collect(|batch| bad_class = bad_class.or(self.tally.take(batch).err()));
        match bad_class {
            Some(class) => Err(EngineError::NoSuchClass { class, classes: self.shared.space().classes().len() }),
            None => Ok(()),
        }
    }

    fn phases(&self, alone: bool) -> Result<(), Broken> {
        if alone {
            self.shared.expand();
            self.shared.insert();
            return Ok(());
        }
        self.gate.meet()?;
        self.shared.expand();
        self.gate.meet()?;
        self.shared.insert();
        self.gate.meet()
    }

    /// Whether all violations that are waited for are found, and none can be found shorter.
    fn may_stop(&self) -> bool {
        let options = self.options;
        let awaited = if options.stop_when == 0 { options.safety } else { options.stop_when & options.safety };
        !options.keep_going && awaited != 0 && awaited & self.tally.found.open(self.tally.frontier.depth) == 0
    }

    /// The budget that is spent, if one is.
    fn spent(&mut self) -> Option<Budget> {
        let bytes = self.shared.bytes() as u64;
        self.tally.peak_bytes = self.tally.peak_bytes.max(bytes);
        if self.states() >= self.options.max_states || self.shared.is_full() {
            return Some(Budget::States);
        }
        if bytes > self.options.max_memory_bytes {
            return Some(Budget::Memory);
        }
        self.options.max_time.is_some_and(|time| self.elapsed() >= time).then_some(Budget::Time)
    }

    fn states(&self) -> u64 {
        self.shared.lens().iter().copied().map(u64::from).sum()
    }

    fn elapsed(&self) -> Duration {
        self.tally.before + self.begun.elapsed()
    }

    fn report(&mut self) {
        self.reported = Some(Instant::now());
        let Some(progress) = self.options.progress else { return };
        let states = self.states();
        let expanded: u64 = self.tally.frontier.next.iter().copied().map(u64::from).sum();
        progress(&Progress {
            states,
            transitions: self.tally.transitions,
            depth: self.tally.frontier.depth,
            frontier: states - expanded,
            memory_bytes: self.tally.peak_bytes,
            elapsed: self.elapsed(),
        });
    }
}
