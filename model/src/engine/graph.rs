//! The reachable states and their steps as a graph, for liveness.
//!
//! Built by expanding every stored state once more: keeping the steps during the search would cost more memory than
//! looking them up again costs time. A node is the number of its state, so shards need no translation.

use super::exploration::Exploration;
use super::scc::Components;
use super::store::{Id, SHARDS, Shard, Wanted};
use super::{EngineError, Facts, NO_CLASS, Space, Steps};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// States whose steps are looked up together.
const TOGETHER: u32 = 64;

/// What liveness wants to know of a state; few kinds exist, so a node holds only the number of its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// Classes of which the state has a step.
    pub(super) enabled: u64,
    /// Classes of which it has a step back to itself.
    pub(super) looped: u64,
    /// Goals that are met.
    pub(super) goals: u64,
    /// Whether all of its steps are known.
    pub(super) expanded: bool,
}

impl Kind {
    /// Whether a run may stay in the state for ever without neglecting a class.
    pub(super) const fn may_stay(self) -> bool {
        self.expanded && self.enabled & !self.looped == 0
    }

    pub(super) const fn lacks(self, goal: u32) -> bool {
        self.expanded && self.goals >> goal & 1 == 0
    }
}

/// The nodes of one shard: steps to other states lie in one list, in the order of the states.
#[derive(Default)]
struct Part {
    ends: Vec<u32>,
    kinds: Vec<u32>,
    targets: Vec<u32>,
    classes: Vec<u8>,
    /// The kinds as this part numbers them.
    legend: Vec<Kind>,
}

/// The graph without its states.
pub(super) struct Net {
    parts: Vec<Part>,
    kinds: Vec<Kind>,
}

impl Net {
    /// One more than the largest node, rounded up; nodes are numbered almost without gaps.
    pub(super) fn slots(&self) -> usize {
        self.parts.iter().map(|part| part.kinds.len()).max().unwrap_or(0) * SHARDS
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = u32> + Clone {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(shard, part)| (0..part.kinds.len() as u32).map(move |local| Id::new(shard, local).0))
    }

    #[inline]
    pub(super) fn kind(&self, node: u32) -> Kind {
        let (id, none) = (Id(node), Kind::default());
        let Some(part) = self.parts.get(id.shard()) else { return none };
        let kind = part.kinds.get(id.local() as usize).and_then(|kind| self.kinds.get(*kind as usize));
        kind.copied().unwrap_or(none)
    }

    /// Where the steps to other states begin and end in the lists of the node's shard.
    #[inline]
    pub(super) fn places(&self, node: u32) -> (u32, u32) {
        let id = Id(node);
        let Some(part) = self.parts.get(id.shard()) else { return (0, 0) };
        let end = part.ends.get(id.local() as usize).copied().unwrap_or(0);
        let before = id.local().checked_sub(1).and_then(|before| part.ends.get(before as usize));
        (before.copied().unwrap_or(0), end)
    }

    /// Targets of steps of a node, by their places.
    #[inline]
    pub(super) fn targets(&self, node: u32, begin: u32, end: u32) -> &'_ [u32] {
        let part = self.parts.get(Id(node).shard());
        part.and_then(|part| part.targets.get(begin as usize..end as usize)).unwrap_or_default()
    }

    /// The steps to other states, in order: target and class.
    #[inline]
    pub(super) fn steps(&self, node: u32) -> impl Iterator<Item = (u32, u8)> {
        let (begin, end) = self.places(node);
        let classes = self.parts.get(Id(node).shard()).and_then(|part| part.classes.get(begin as usize..end as usize));
        self.targets(node, begin, end).iter().copied().zip(classes.unwrap_or_default().iter().copied())
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| (part.ends.len() + part.kinds.len()) * 4 + part.targets.len() * 5).sum()
    }
}

/// The graph of an exploration.
pub struct Graph<'e, 'a, S: Space> {
    pub(super) run: &'e Exploration<'a, S>,
    pub(super) net: Net,
    components: OnceLock<Components>,
}

impl<S: Space> fmt::Debug for Graph<'_, '_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("steps", &self.steps()).field("kinds", &self.net.kinds.len()).finish()
    }
}

impl<'e, 'a, S: Space> Graph<'e, 'a, S> {
    pub(super) fn new(run: &'e Exploration<'a, S>, threads: usize) -> Result<Self, EngineError> {
        let next = AtomicUsize::new(0);
        let parts: Mutex<Vec<(usize, Result<Part, EngineError>)>> = Mutex::new(Vec::new());
        let work = || {
            while let Some(shard) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|shard| *shard < SHARDS) {
                let part = Builder::new(run, shard).build();
                parts.lock().unwrap_or_else(PoisonError::into_inner).push((shard, part));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.sort_by_key(|(shard, _)| *shard);
        let mut parts = parts.into_iter().map(|(_, part)| part).collect::<Result<Vec<_>, _>>()?;
        let kinds = unite(&mut parts);
        Ok(Self { run, net: Net { parts, kinds }, components: OnceLock::new() })
    }

    /// The number of steps between different states.
    pub fn steps(&self) -> u64 {
        self.net.parts.iter().map(|part| part.targets.len() as u64).sum()
    }

    /// Bytes of the graph, without the states.
    pub fn bytes(&self) -> u64 {
        self.net.bytes() as u64
    }

    /// The strongly connected components with more than one state.
    pub(super) fn components(&self) -> &Components {
        self.components.get_or_init(|| Components::of(&self.net))
    }
}

/// Gives equal kinds of all parts one number.
fn unite(parts: &mut [Part]) -> Vec<Kind> {
    let (mut kinds, mut numbers) = (Vec::new(), HashMap::new());
    for part in parts {
        let renumbered: Vec<u32> = part.legend.iter().map(|kind| number(*kind, &mut kinds, &mut numbers)).collect();
        for kind in &mut part.kinds {
            *kind = renumbered.get(*kind as usize).copied().unwrap_or(0);
        }
        part.legend = Vec::new();
    }
    kinds
}

fn number(kind: Kind, kinds: &mut Vec<Kind>, numbers: &mut HashMap<Kind, u32>) -> u32 {
    *numbers.entry(kind).or_insert_with(|| {
        kinds.push(kind);
        kinds.len() as u32 - 1
    })
}

/// Builds the part of one shard.
struct Builder<'e, 'a, S: Space> {
    run: &'e Exploration<'a, S>,
    number: usize,
    part: Part,
    numbers: HashMap<Kind, u32>,
    wanted: Vec<Wanted<S::State>>,
    classes: Vec<u8>,
    /// Per state of the group: the end of its steps in `wanted`, and its kind as far as expansion tells.
    group: Vec<(usize, Kind)>,
}

impl<S: Space> Steps<S> for Builder<'_, '_, S> {
    #[inline]
    fn step(&mut self, _action: S::Action, class: u8, _violated: u64, next: S::State) {
        self.wanted.push(Wanted::new(next));
        self.classes.push(class);
    }
}

impl<'e, 'a, S: Space> Builder<'e, 'a, S> {
    fn new(run: &'e Exploration<'a, S>, number: usize) -> Self {
        let (part, numbers, wanted) = (Part::default(), HashMap::new(), Vec::new());
        Self { run, number, part, numbers, wanted, classes: Vec::new(), group: Vec::new() }
    }

    fn build(mut self) -> Result<Part, EngineError> {
        let Some(shard) = self.run.store.shards().get(self.number) else { return Ok(self.part) };
        let expanded = self.run.expanded.get(self.number).copied().unwrap_or(0);
        let steps = self.run.transitions as usize / SHARDS;
        self.part.targets.reserve(steps + steps / 50);
        self.part.classes.reserve(steps + steps / 50);
        self.part.ends.reserve_exact(shard.len() as usize);
        self.part.kinds.reserve_exact(shard.len() as usize);
        let mut from = 0;
        while from < expanded {
            let to = expanded.min(from + TOGETHER);
            self.expand(shard, from, to);
            self.look_up(from)?;
            from = to;
        }
        for _ in expanded..shard.len() {
            self.finish(Kind::default());
        }
        Ok(self.part)
    }

    fn expand(&mut self, shard: &Shard<S::State>, from: u32, to: u32) {
        self.wanted.clear();
        self.classes.clear();
        self.group.clear();
        for (_, state) in shard.states_in(from, to) {
            let Facts { goals, overflow, .. } = self.run.space.expand(state, self);
            let kind = Kind { goals, expanded: !overflow, ..Kind::default() };
            self.group.push((self.wanted.len(), kind));
        }
    }

    /// Turns the group's steps into numbers.
    fn look_up(&mut self, from: u32) -> Result<(), EngineError> {
        let mut targets = Vec::with_capacity(self.wanted.len());
        self.run.store.find_all(&self.wanted, |id| targets.push(id));
        let mut steps = targets.into_iter().zip(std::mem::take(&mut self.classes));
        let (mut begin, group) = (0, std::mem::take(&mut self.group));
        for (i, (end, mut kind)) in group.iter().copied().enumerate() {
            let id = Id::new(self.number, from + i as u32);
            for (target, class) in steps.by_ref().take(end - begin) {
                let bit = if class == NO_CLASS { 0 } else { 1 << (class & 63) };
                kind.enabled |= bit;
                match target {
                    Some(target) if target == id => kind.looped |= bit,
                    Some(target) => {
                        self.part.targets.push(target.0);
                        self.part.classes.push(class);
                    }
                    None if self.run.unfinished().is_some() => kind.expanded = false,
                    None => return Err(EngineError::NotDeterministic(id)),
                }
            }
            begin = end;
            self.finish(kind);
        }
        self.group = group;
        Ok(())
    }

    fn finish(&mut self, kind: Kind) {
        let number = number(kind, &mut self.part.legend, &mut self.numbers);
        self.part.kinds.push(number);
        self.part.ends.push(self.part.targets.len() as u32);
    }
}
