//! What a search found out.

use super::explore::Tally;
use super::found::{Found, Sighting};
use super::graph::Graph;
use super::shared::Shared;
use super::store::{Id, SHARDS, Store};
use super::{Budget, Ended, EngineError, Facts, Options, Space, Steps};
use std::fmt;
use std::time::Duration;

/// Place in the graph and kind, a mark, five lists of nodes of which each may hold all, and an unfinished visit.
const LIVENESS_BYTES_PER_STATE: u64 = 4 + 4 + 4 + 5 * 4 + 16;
/// Target and class, and the slack of the lists that hold them.
const LIVENESS_BYTES_PER_STEP: u64 = 6;

/// What is known of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<W> {
    /// It holds in every run.
    Holds,
    /// It does not, and this run shows it.
    Violated(W),
    /// Nobody knows: this budget ran out first.
    Incomplete(Budget),
}

/// One step of a run.
pub struct Step<S: Space> {
    /// What happens.
    pub action: S::Action,
    /// The fairness class of the step, or [`super::NO_CLASS`].
    pub class: u8,
    /// The safety properties that this very step violates.
    pub violated: u64,
    /// The state it leads to.
    pub state: S::State,
}

/// A run from an initial state.
pub struct Path<S: Space> {
    /// Where it starts.
    pub initial: S::State,
    /// Its steps, in order.
    pub steps: Vec<Step<S>>,
}

impl<S: Space> Path<S> {
    /// The state in which the run ends.
    pub fn last(&self) -> &S::State {
        self.steps.last().map_or(&self.initial, |step| &step.state)
    }
}

impl<S: Space> Clone for Step<S> {
    fn clone(&self) -> Self {
        let Self { action, class, violated, state } = self;
        Self { action: action.clone(), class: *class, violated: *violated, state: state.clone() }
    }
}

impl<S: Space> Clone for Path<S> {
    fn clone(&self) -> Self {
        Self { initial: self.initial.clone(), steps: self.steps.clone() }
    }
}

impl<S: Space<State: fmt::Debug>> fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (class {}) -> {:?}", self.action, self.class, self.state)
    }
}

impl<S: Space<State: fmt::Debug>> fmt::Debug for Path<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Path").field("initial", &self.initial).field("steps", &self.steps).finish()
    }
}

/// The steps of one state, as a list.
pub(super) struct Listed<S: Space>(pub(super) Vec<Step<S>>);

impl<S: Space> Steps<S> for Listed<S> {
    fn step(&mut self, action: S::Action, class: u8, violated: u64, state: S::State) {
        self.0.push(Step { action, class, violated, state });
    }
}

/// All steps from `state`, and what is true of it.
pub(super) fn steps_of<S: Space>(space: &S, state: &S::State) -> (Vec<Step<S>>, Facts) {
    let mut listed = Listed(Vec::new());
    let facts = space.expand(state, &mut listed);
    (listed.0, facts)
}

/// The states that were reached, and what was seen on the way.
pub struct Exploration<'a, S: Space> {
    /// Distinct states.
    pub states: u64,
    /// Steps generated.
    pub transitions: u64,
    /// The most steps that any state is away from the start; an initial state is 0 steps away.
    pub depth: u32,
    /// Time of the search, that before a resumption included.
    pub elapsed: Duration,
    /// The most bytes that states, tables and buffers took, without what states own on the heap.
    pub memory_bytes: u64,
    /// How the search ended.
    pub ended: Ended,
    /// The first state that the bounds of the model are too small for.
    pub overflow: Option<Id>,
    pub(super) space: &'a S,
    pub(super) store: Store<S::State>,
    /// Per shard, how many of its states were expanded.
    pub(super) expanded: [u32; SHARDS],
    found: Found,
    safety: u64,
    goals: u64,
    max_memory_bytes: u64,
}

impl<S: Space> fmt::Debug for Exploration<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exploration")
            .field("states", &self.states)
            .field("transitions", &self.transitions)
            .field("depth", &self.depth)
            .field("elapsed", &self.elapsed)
            .field("memory_bytes", &self.memory_bytes)
            .field("ended", &self.ended)
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}

impl<'a, S: Space> Exploration<'a, S> {
    pub(super) fn new(
        shared: Shared<'a, S>,
        tally: Tally,
        ended: Ended,
        elapsed: Duration,
        asked: &Options<'_>,
    ) -> Self {
        let space = shared.space();
        let memory_bytes = tally.peak_bytes.max(shared.bytes() as u64);
        Self {
            states: shared.lens().iter().copied().map(u64::from).sum(),
            transitions: tally.transitions,
            depth: tally.frontier.depth,
            elapsed,
            memory_bytes,
            ended,
            overflow: tally.overflow,
            space,
            store: Store::new(shared.into_shards()),
            expanded: tally.frontier.next,
            found: tally.found,
            safety: asked.safety,
            goals: asked.goals,
            max_memory_bytes: asked.max_memory_bytes,
        }
    }

    /// Where safety property `bit` was first violated, if it was.
    pub fn sighting(&self, bit: u32) -> Option<Sighting> {
        self.found.get(bit)
    }

    /// What is known of safety property `bit`; nothing if it was not asked.
    ///
    /// # Errors
    /// If the space contradicts itself on the way to the counterexample.
    pub fn safety(&self, bit: u32) -> Result<Option<Verdict<Path<S>>>, EngineError> {
        if !asks(self.safety, bit) {
            return Ok(None);
        }
        Ok(Some(match (self.counterexample(bit)?, self.unfinished()) {
            (Some(path), _) => Verdict::Violated(path),
            (None, Some(budget)) => Verdict::Incomplete(budget),
            (None, None) => Verdict::Holds,
        }))
    }

    /// Whether goal `bit` was asked.
    pub fn asks_goal(&self, bit: u32) -> bool {
        asks(self.goals, bit)
    }

    pub(super) fn asks_one_goal(&self) -> bool {
        self.goals.is_power_of_two()
    }

    /// Why the search says nothing about states that it did not expand; nothing if there are none.
    pub fn unfinished(&self) -> Option<Budget> {
        self.ended.unfinished()
    }

    /// A shortest run that violates safety property `bit`. It ends in the violating state, or with the violating step.
    ///
    /// # Errors
    /// If the space contradicts itself on the way.
    pub fn counterexample(&self, bit: u32) -> Result<Option<Path<S>>, EngineError> {
        let Some(Sighting { at, step, .. }) = self.sighting(bit) else { return Ok(None) };
        let mut path = self.path_to(at)?;
        if let Some(number) = step {
            let (mut steps, _) = steps_of(self.space, path.last());
            if number as usize >= steps.len() {
                return Err(EngineError::NotDeterministic(at));
            }
            path.steps.push(steps.swap_remove(number as usize));
        }
        Ok(Some(path))
    }

    /// A shortest run to a state.
    ///
    /// # Errors
    /// If a state on the way no longer has the step that led to the next one.
    pub fn path_to(&self, id: Id) -> Result<Path<S>, EngineError> {
        let mut ids = vec![id];
        let mut at = id;
        while let Some(parent) = self.store.parent(at) {
            ids.push(parent);
            at = parent;
        }
        ids.reverse();
        self.path_along(&ids)
    }

    /// The run through the given states, by the first step that leads from each to the next.
    pub(super) fn path_along(&self, ids: &[Id]) -> Result<Path<S>, EngineError> {
        let missing = EngineError::NotDeterministic;
        let first = ids.first().copied().unwrap_or(Id::NONE);
        let initial = self.store.state(first).cloned().ok_or(missing(first))?;
        let mut path = Path { initial, steps: Vec::with_capacity(ids.len()) };
        for (from, to) in ids.iter().zip(ids.iter().skip(1)) {
            let next = self.store.state(*to).ok_or(missing(*to))?;
            let (steps, _) = steps_of(self.space, path.last());
            let step = steps.into_iter().find(|step| step.state == *next);
            path.steps.push(step.ok_or(missing(*from))?);
        }
        Ok(path)
    }

    /// The state with a number.
    pub fn state(&self, id: Id) -> Option<&S::State> {
        self.store.state(id)
    }

    /// The state from which a state was first reached; none for an initial state.
    pub fn parent(&self, id: Id) -> Option<Id> {
        self.store.parent(id)
    }

    /// The number of a state, if it was reached.
    pub fn find(&self, state: &S::State) -> Option<Id> {
        self.store.find(state)
    }

    /// All states, in a fixed order (by shard; within a shard, by distance from the start).
    pub fn all(&self) -> impl Iterator<Item = (Id, &S::State)> {
        let shards = self.store.shards().iter().enumerate();
        shards.flat_map(|(n, shard)| shard.states_in(0, shard.len()).map(move |(local, s)| (Id::new(n, local), s)))
    }

    /// The most bytes that liveness takes beside the states: the graph, and what looks for components in it.
    pub fn liveness_bytes(&self) -> u64 {
        self.states * LIVENESS_BYTES_PER_STATE + self.transitions * LIVENESS_BYTES_PER_STEP
    }

    /// Why liveness says nothing, if it does not fit into the memory that the search was given.
    pub fn liveness_unaffordable(&self) -> Option<Budget> {
        let bytes = self.memory_bytes.saturating_add(self.liveness_bytes());
        (bytes > self.max_memory_bytes).then_some(Budget::Memory)
    }

    /// The states once more, with their steps, as liveness needs them. Whether there is memory for it the caller asks first
    /// ([`Exploration::liveness_unaffordable`]).
    ///
    /// # Errors
    /// If a state expands to something else than in the search.
    pub fn graph(&self, threads: usize) -> Result<Graph<'_, 'a, S>, EngineError> {
        Graph::new(self, threads)
    }
}

fn asks(mask: u64, bit: u32) -> bool {
    mask.checked_shr(bit).unwrap_or(0) & 1 == 1
}
