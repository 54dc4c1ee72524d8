//! Goals under fairness: is there a fair run that, from some point on, never meets the goal again?
//!
//! Every state has a step of no class to itself: what is not obliged to happen need never happen. A strongly connected
//! set of states, a single one included, is where a fair run can end up if every class has in it a state where the
//! class is disabled or a step of the class that stays inside; for a class of strong fairness, if the class is disabled
//! everywhere or has a step inside (a Streett condition, decided by taking states out and decomposing again).

use super::exploration::{Exploration, Verdict};
use super::graph::{Graph, Kind, Net};
use super::lasso::{Lasso, Origin, Shortest};
use super::scc::{Components, Decomposer};
use super::{EngineError, Space};

/// What is asked of a fairness class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// What is enabled for ever happens again and again.
    Weak,
    /// What is enabled again and again happens again and again.
    Strong,
}

/// What is known of one goal.
pub struct Liveness<S: Space> {
    /// Under weak fairness of all classes.
    pub weak: Verdict<Lasso<S>>,
    /// Under strong fairness of the classes that may be strong; only if the goal is violated under weak fairness and
    /// there are such classes.
    pub strong: Option<Verdict<Lasso<S>>>,
}

/// A fair run that does not meet the goal `goal` again and again, under the given strength of each class; weak, if it
/// is not given. Of all places where such runs end up, the one whose run is shortest, whatever else is asked.
///
/// # Errors
/// If the space contradicts itself on the way to the counterexample.
pub fn check_goal<S: Space>(
    graph: &Graph<'_, '_, S>,
    goal: u32,
    strengths: &[Strength],
) -> Result<Option<Lasso<S>>, EngineError> {
    let search = Search { net: &graph.net, goal, strong: strong_mask(strengths) };
    let origin = Origin::search(graph);
    let mut shortest = Shortest::new(graph, &origin, search.strong);
    let stops = graph.net.nodes().filter(|node| search.may_stop(*node));
    if let Some(stop) = origin.nearest(stops) {
        shortest.consider(&[stop]);
    }
    // For one goal alone, what is left without it is decomposed at once, and the whole graph never. The parts are the same.
    if graph.run.asks_one_goal() {
        let all: Vec<u32> = graph.net.nodes().collect();
        search.each_fair(std::iter::once(all.as_slice()), |component| shortest.consider(component));
    } else {
        search.each_fair(graph.components().iter(), |component| shortest.consider(component));
    }
    shortest.lasso()
}

/// A fair run that never meets the goal `goal` at all.
///
/// # Errors
/// If the space contradicts itself on the way to the counterexample.
pub fn check_eventually<S: Space>(
    graph: &Graph<'_, '_, S>,
    goal: u32,
    strengths: &[Strength],
) -> Result<Option<Lasso<S>>, EngineError> {
    let search = Search { net: &graph.net, goal, strong: strong_mask(strengths) };
    let origin = Origin::through(graph, |node| graph.net.kind(node).lacks(goal));
    let reached = origin.reached();
    let mut shortest = Shortest::new(graph, &origin, search.strong);
    if let Some(stop) = origin.nearest(reached.iter().copied().filter(|node| search.may_stop(*node))) {
        shortest.consider(&[stop]);
    }
    search.each_fair(std::iter::once(reached), |component| shortest.consider(component));
    shortest.lasso()
}

fn strong_mask(strengths: &[Strength]) -> u64 {
    let strong = strengths.iter().enumerate().filter(|(_, strength)| **strength == Strength::Strong);
    strong.fold(0, |mask, (class, _)| mask | 1 << (class & 63))
}

struct Search<'n> {
    net: &'n Net,
    goal: u32,
    strong: u64,
}

/// What a strongly connected part is to fairness.
enum Judged {
    Fair,
    /// No part of it is fair either.
    Unfair,
    /// Only a part without the states where these classes are enabled can be fair.
    Without(u64),
}

impl Search<'_> {
    fn may_stop(&self, node: u32) -> bool {
        let kind = self.net.kind(node);
        kind.lacks(self.goal) && kind.may_stay()
    }

    /// Every fair component of more than one state, inside the given parts, that never meets the goal.
    fn each_fair<'p>(&self, parts: impl Iterator<Item = &'p [u32]>, mut fair: impl FnMut(&[u32])) {
        let mut decomposer = Decomposer::new(self.net);
        let (mut found, mut work) = (Components::default(), Vec::new());
        for part in parts {
            let lacking = part.iter().copied().filter(|node| self.net.kind(*node).lacks(self.goal));
            work.push(lacking.collect::<Vec<u32>>());
            while let Some(nodes) = work.pop() {
                found.clear();
                decomposer.decompose(nodes.iter().copied(), &mut found);
                for component in found.iter() {
                    match self.judge(component, &mut decomposer) {
                        Judged::Fair => fair(component),
                        Judged::Unfair => {}
                        Judged::Without(classes) => {
                            let enabled = |node: &u32| self.net.kind(*node).enabled;
                            work.push(component.iter().copied().filter(|n| enabled(n) & classes == 0).collect());
                        }
                    }
                }
            }
        }
    }

    fn judge(&self, component: &[u32], decomposer: &mut Decomposer<'_>) -> Judged {
        let (mut everywhere, mut somewhere, mut taken) = (u64::MAX, 0, 0);
        for node in component {
            let Kind { enabled, looped, .. } = self.net.kind(*node);
            everywhere &= enabled;
            somewhere |= enabled;
            taken |= looped;
        }
        taken |= decomposer.classes_inside(component);
        if everywhere & !taken != 0 {
            return Judged::Unfair;
        }
        match somewhere & !taken & self.strong {
            0 => Judged::Fair,
            classes => Judged::Without(classes),
        }
    }
}

impl<S: Space> Graph<'_, '_, S> {
    /// What is known of goal `goal`, under weak fairness and, if need be, under strong fairness where it may be asked.
    /// Nothing, if the goal was not asked.
    ///
    /// # Errors
    /// If the space contradicts itself on the way to a counterexample.
    pub fn liveness(&self, goal: u32) -> Result<Option<Liveness<S>>, EngineError> {
        if !self.run.asks_goal(goal) {
            return Ok(None);
        }
        let weak = verdict(self.run, check_goal(self, goal, &[])?);
        let strengths: Vec<_> = self.run.space.classes().iter().map(strength_of).collect();
        let ask_strong = matches!(weak, Verdict::Violated(_)) && strengths.contains(&Strength::Strong);
        let strong = if ask_strong { Some(verdict(self.run, check_goal(self, goal, &strengths)?)) } else { None };
        Ok(Some(Liveness { weak, strong }))
    }
}

fn strength_of(class: &super::Class) -> Strength {
    if class.may_be_strong { Strength::Strong } else { Strength::Weak }
}

/// A counterexample counts however the search ended; that there is none, only if it was exhausted.
pub(super) fn verdict<S: Space>(run: &Exploration<'_, S>, lasso: Option<Lasso<S>>) -> Verdict<Lasso<S>> {
    match (lasso, run.unfinished()) {
        (Some(lasso), _) => Verdict::Violated(lasso),
        (None, Some(budget)) => Verdict::Incomplete(budget),
        (None, None) => Verdict::Holds,
    }
}
