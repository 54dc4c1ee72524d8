//! Counterexamples of liveness: a run to a cycle that it never leaves again.

use super::exploration::{Path, Step, steps_of};
use super::graph::{Graph, Net};
use super::store::{Id, SHARDS};
use super::{EngineError, NO_CLASS, Space};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

/// A run that goes on for ever: a prefix, then a cycle.
pub struct Lasso<S: Space> {
    /// From an initial state to the first state of the cycle.
    pub prefix: Path<S>,
    /// Back to where the prefix ends, past a reason for every class why it is not neglected: a state where it is
    /// disabled, or a step of it. Empty if the run simply stops: no class is enabled.
    pub cycle: Vec<Step<S>>,
}

impl<S: Space> Clone for Lasso<S> {
    fn clone(&self) -> Self {
        Self { prefix: self.prefix.clone(), cycle: self.cycle.clone() }
    }
}

impl<S: Space<State: fmt::Debug>> fmt::Debug for Lasso<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lasso").field("prefix", &self.prefix).field("cycle", &self.cycle).finish()
    }
}

/// One bit a node.
struct Members(Vec<u64>);

impl Members {
    fn none(net: &Net) -> Self {
        Self(vec![0; net.slots().div_ceil(64)])
    }

    /// False if it was a member before.
    fn add(&mut self, node: u32) -> bool {
        let Some(word) = self.0.get_mut(node as usize / 64) else { return false };
        let before = *word;
        *word |= 1 << (node % 64);
        before != *word
    }

    fn has(&self, node: u32) -> bool {
        self.0.get(node as usize / 64).is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    fn take_out(&mut self, node: u32) {
        if let Some(word) = self.0.get_mut(node as usize / 64) {
            *word &= !(1 << (node % 64));
        }
    }
}

/// How a state is reached: as in the search, or only through some of the states.
pub(super) enum Origin<'g, 'e, 'a, S: Space> {
    Search(&'g Graph<'e, 'a, S>),
    Through { order: Vec<u32>, parents: HashMap<u32, u32> },
}

impl<'g, 'e, 'a, S: Space> Origin<'g, 'e, 'a, S> {
    pub(super) fn search(graph: &'g Graph<'e, 'a, S>) -> Self {
        Self::Search(graph)
    }

    /// Breadth first from the initial states, through states that `allowed` lets pass.
    pub(super) fn through(graph: &'g Graph<'e, 'a, S>, allowed: impl Fn(u32) -> bool) -> Self {
        let (mut order, mut parents) = (Vec::new(), HashMap::new());
        let mut seen = Members::none(&graph.net);
        for (number, shard) in graph.run.store.shards().iter().enumerate() {
            let initial = (0..shard.len()).take_while(|local| shard.parent(*local) == Some(Id::NONE));
            order.extend(initial.map(|local| Id::new(number, local).0).filter(|node| allowed(*node)));
        }
        order.iter().for_each(|node| _ = seen.add(*node));
        let mut next = 0;
        while let Some(node) = order.get(next).copied() {
            next += 1;
            for (target, _) in graph.net.steps(node) {
                if allowed(target) && seen.add(target) {
                    parents.insert(target, node);
                    order.push(target);
                }
            }
        }
        Self::Through { order, parents }
    }

    /// The states that are reached, the nearest first; only if some are not allowed.
    pub(super) fn reached(&self) -> &[u32] {
        match self {
            Self::Search(_) => &[],
            Self::Through { order, .. } => order,
        }
    }

    /// One of the nodes that are the fewest steps away from the start.
    pub(super) fn nearest(&self, nodes: impl Iterator<Item = u32>) -> Option<u32> {
        match self {
            // In a shard, a lower number is never farther away: one node a shard has to be looked at.
            Self::Search(graph) => {
                let mut first = [None; SHARDS];
                for node in nodes {
                    if let Some(lowest) = first.get_mut(Id(node).shard()) {
                        *lowest = Some(lowest.map_or(node, |lowest: u32| lowest.min(node)));
                    }
                }
                first.into_iter().flatten().min_by_key(|node| (self.distance(graph, *node), *node))
            }
            Self::Through { order, .. } => {
                let wanted: HashSet<u32> = nodes.collect();
                order.iter().copied().find(|node| wanted.contains(node))
            }
        }
    }

    fn distance(&self, graph: &Graph<'_, '_, S>, node: u32) -> usize {
        match self {
            Self::Search(_) => std::iter::successors(Some(Id(node)), |id| graph.run.store.parent(*id)).count() - 1,
            Self::Through { parents, .. } => {
                std::iter::successors(Some(node), |node| parents.get(node).copied()).count() - 1
            }
        }
    }

    fn path(&self, graph: &Graph<'_, '_, S>, node: u32) -> Result<Path<S>, EngineError> {
        match self {
            Self::Search(_) => graph.run.path_to(Id(node)),
            Self::Through { parents, .. } => {
                let back = std::iter::successors(Some(node), |node| parents.get(node).copied());
                let mut ids: Vec<Id> = back.map(Id).collect();
                ids.reverse();
                graph.run.path_along(&ids)
            }
        }
    }
}

/// A step of the cycle: from, class, to.
type Hop = (u32, u8, u32);

/// A way into a component and round in it.
struct Way {
    /// Steps in all, and the first state of the cycle: the least is taken.
    rank: (usize, u32),
    hops: Vec<Hop>,
}

/// The shortest of the runs into components that are fair if the classes `strong` are, and round in them.
pub(super) struct Shortest<'r, 'g, 'e, 'a, S: Space> {
    graph: &'g Graph<'e, 'a, S>,
    origin: &'r Origin<'g, 'e, 'a, S>,
    strong: u64,
    inside: Members,
    best: Option<Way>,
}

impl<'r, 'g, 'e, 'a, S: Space> Shortest<'r, 'g, 'e, 'a, S> {
    pub(super) fn new(graph: &'g Graph<'e, 'a, S>, origin: &'r Origin<'g, 'e, 'a, S>, strong: u64) -> Self {
        Self { graph, origin, strong, inside: Members::none(&graph.net), best: None }
    }

    /// One more component, of a single state or several.
    pub(super) fn consider(&mut self, component: &[u32]) {
        let Some(entry) = self.origin.nearest(component.iter().copied()) else { return };
        let distance = self.origin.distance(self.graph, entry);
        // With more than one state, the way round is at least two steps.
        let least = (distance + if component.len() > 1 { 2 } else { 0 }, entry);
        if self.best.as_ref().is_some_and(|best| best.rank <= least) {
            return;
        }
        let hops = self.round(entry, component);
        let rank = (distance + hops.len(), entry);
        if self.best.as_ref().is_none_or(|best| rank < best.rank) {
            self.best = Some(Way { rank, hops });
        }
    }

    fn round(&mut self, entry: u32, component: &[u32]) -> Vec<Hop> {
        let net = &self.graph.net;
        component.iter().for_each(|node| _ = self.inside.add(*node));
        // A class that is disabled everywhere inside needs no step, however strong.
        let enabled = component.iter().fold(0, |mask, node| mask | net.kind(*node).enabled);
        let round = Round { net, inside: &self.inside, owed: self.strong & enabled, at: entry, hops: Vec::new() };
        let hops = round.all(entry, self.graph.run.space.classes().len());
        component.iter().for_each(|node| self.inside.take_out(*node));
        hops
    }

    /// The run, if there is one.
    pub(super) fn lasso(self) -> Result<Option<Lasso<S>>, EngineError> {
        let Some(Way { rank: (_, entry), hops }) = self.best else { return Ok(None) };
        let prefix = self.origin.path(self.graph, entry)?;
        let cycle = hops.into_iter().map(|hop| step_of(self.graph, hop)).collect::<Result<_, _>>()?;
        Ok(Some(Lasso { prefix, cycle }))
    }
}

/// The first step of that class between the two states.
fn step_of<S: Space>(graph: &Graph<'_, '_, S>, (from, class, to): Hop) -> Result<Step<S>, EngineError> {
    let missing = || EngineError::NotDeterministic(Id(from));
    let state = graph.run.store.state(Id(from)).ok_or_else(missing)?;
    let target = graph.run.store.state(Id(to)).ok_or_else(missing)?;
    let (steps, _) = steps_of(graph.run.space, state);
    steps.into_iter().find(|step| step.class == class && step.state == *target).ok_or_else(missing)
}

/// A walk through a fair component, past a reason for every class.
struct Round<'n> {
    net: &'n Net,
    inside: &'n Members,
    /// Classes of which only a step is reason enough.
    owed: u64,
    at: u32,
    hops: Vec<Hop>,
}

impl Round<'_> {
    fn all(mut self, entry: u32, classes: usize) -> Vec<Hop> {
        for class in 0..classes as u8 {
            if !self.excused(entry, class) {
                let (net, owed) = (self.net, self.owed);
                self.walk(|(_, taken, to)| {
                    taken == class || disabled(net, owed, to, class) || net.kind(to).looped >> class & 1 == 1
                });
                self.stay(class);
            }
        }
        if self.at != entry {
            self.walk(|(_, _, to)| to == entry);
        }
        self.hops
    }

    /// Whether the walk so far holds a reason for the class.
    fn excused(&self, entry: u32, class: u8) -> bool {
        let reason = |(_, taken, to): &Hop| *taken == class || disabled(self.net, self.owed, *to, class);
        disabled(self.net, self.owed, entry, class) || self.hops.iter().any(reason)
    }

    /// Takes the class's step to the same state, if that is the reason.
    fn stay(&mut self, class: u8) {
        let kind = self.net.kind(self.at);
        let taken = self.hops.last().is_some_and(|(_, taken, _)| *taken == class);
        if !taken && kind.looped >> class & 1 == 1 {
            self.hops.push((self.at, class, self.at));
        }
    }

    /// Goes the shortest way to the end of a hop that is wanted.
    fn walk(&mut self, wanted: impl Fn(Hop) -> bool) {
        if wanted((self.at, NO_CLASS, self.at)) {
            return;
        }
        let (mut came, mut queue) = (HashMap::from([(self.at, None)]), VecDeque::from([self.at]));
        while let Some(node) = queue.pop_front() {
            for (target, class) in self.net.steps(node).filter(|(target, _)| self.inside.has(*target)) {
                let hop = (node, class, target);
                if wanted(hop) {
                    self.append(hop, &came);
                    return;
                }
                came.entry(target).or_insert_with(|| {
                    queue.push_back(target);
                    Some(hop)
                });
            }
        }
    }

    fn append(&mut self, last: Hop, came: &HashMap<u32, Option<Hop>>) {
        let way = std::iter::successors(Some(last), |(from, _, _)| came.get(from).copied().flatten());
        let mut way: Vec<Hop> = way.collect();
        way.reverse();
        self.at = last.2;
        self.hops.extend(way);
    }
}

/// Whether a visit of the node is reason enough for a class: it is disabled there, and no step of it is owed.
fn disabled(net: &Net, owed: u64, node: u32, class: u8) -> bool {
    (net.kind(node).enabled | owed) >> class & 1 == 0
}
