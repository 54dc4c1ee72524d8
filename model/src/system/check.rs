//! Questions to the checker, and its answers.

use std::time::{Duration, Instant};

use super::World;
use super::action::Action;
use super::property::Property;
use super::space::Checked;
use crate::engine::{self, Budget, Checkpoint, Ended, EngineError, Exploration, Options, Space, Verdict};

/// A counterexample: the actions from the initial state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Up to the violation, or to where the run goes round or stops.
    pub prefix: Vec<Action>,
    /// What happens again and again, for a liveness property; empty where nothing happens any more.
    pub cycle: Vec<Action>,
}

impl Counterexample {
    /// Its length in steps: once round the cycle.
    pub fn steps(&self) -> usize {
        self.prefix.len() + self.cycle.len()
    }
}

/// What the checker says of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds in every reachable state and in every fair run.
    Holds,
    /// It does not.
    Violated(Counterexample),
    /// A budget ran out first.
    Incomplete(Budget),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Nodes.
    pub nodes: usize,
    /// Distinct states.
    pub states: u64,
    /// Transitions.
    pub transitions: u64,
    /// Steps to the state that is farthest from the start.
    pub depth: u32,
    /// Time in the search, and in liveness.
    pub elapsed: [Duration; 2],
    /// Peak memory in bytes: of the search, and the most that liveness may have taken.
    pub memory_bytes: u64,
    /// How the search ended.
    pub ended: Ended,
    /// The findings, in the order asked.
    pub findings: Vec<(Property, Finding)>,
}

/// What becomes of a search on disc.
#[derive(Clone, Copy, Debug, Default)]
pub enum Saving<'a> {
    /// Nothing.
    #[default]
    Nowhere,
    /// It is saved from time to time.
    To(&'a Checkpoint),
    /// It goes on from where the file says, and is saved there from time to time.
    From(&'a Checkpoint),
}

/// Asks whether `properties` hold in a world. The graph is always explored whole, unless `options` say otherwise.
///
/// # Errors
/// Those of the engine.
pub fn check(world: &World, properties: &[Property], options: &Options<'_>) -> Result<Answer, EngineError> {
    check_saving(world, properties, options, Saving::Nowhere)
}

/// Asks as [`check`] does, with the search on disc.
///
/// # Errors
/// Those of the engine, and of the checkpoint.
pub fn check_saving(
    world: &World,
    properties: &[Property],
    options: &Options<'_>,
    saving: Saving<'_>,
) -> Result<Answer, EngineError> {
    let bits = |liveness: bool| {
        let asked = properties.iter().filter(|property| property.is_liveness() == liveness);
        asked.fold(0, |bits, property| bits | property.bit())
    };
    let options = Options { safety: bits(false), goals: bits(true), ..*options };
    let mut words = world.words();
    loop {
        let question = Question { properties, options: &options, saving };
        let world = world.clone();
        let answer = match (world.environment.nodes, words) {
            (2, ..=4) => question.ask(&Checked::<4, 2, 1> { world })?,
            (2, 5) => question.ask(&Checked::<5, 2, 1> { world })?,
            (2, 6) => question.ask(&Checked::<6, 2, 1> { world })?,
            (2, _) => question.ask(&Checked::<8, 2, 1> { world })?,
            (_, ..=12) => question.ask(&Checked::<12, 3, 2> { world })?,
            _ => question.ask(&Checked::<16, 3, 2> { world })?,
        };
        let is_widest = matches!((answer.nodes, words), (2, 7..) | (3, 13..));
        if answer.ended != Ended::Incomplete(Budget::Bounds) || is_widest || !matches!(saving, Saving::Nowhere) {
            return Ok(answer);
        }
        words += 1;
    }
}

struct Question<'a> {
    properties: &'a [Property],
    options: &'a Options<'a>,
    saving: Saving<'a>,
}

impl Question<'_> {
    fn ask<const W: usize, const N: usize, const M: usize>(
        &self,
        space: &Checked<W, N, M>,
    ) -> Result<Answer, EngineError> {
        let exploration = match self.saving {
            Saving::Nowhere => engine::explore(space, self.options)?,
            Saving::To(checkpoint) => engine::explore_saving(space, self.options, checkpoint)?,
            Saving::From(checkpoint) => engine::resume(space, self.options, checkpoint)?,
        };
        let began = Instant::now();
        let findings = self.findings(&exploration)?;
        let has_graph = self.options.goals != 0 && exploration.liveness_unaffordable().is_none();
        Ok(Answer {
            nodes: N,
            states: exploration.states,
            transitions: exploration.transitions,
            depth: exploration.depth,
            elapsed: [exploration.elapsed, began.elapsed()],
            memory_bytes: exploration.memory_bytes + if has_graph { exploration.liveness_bytes() } else { 0 },
            ended: exploration.ended,
            findings,
        })
    }

    fn findings<S: Space<Action = Action>>(
        &self,
        exploration: &Exploration<'_, S>,
    ) -> Result<Vec<(Property, Finding)>, EngineError> {
        let unaffordable = exploration.liveness_unaffordable();
        let graph = match self.options.goals {
            0 => None,
            _ if unaffordable.is_some() => None,
            _ => Some(exploration.graph(self.options.threads)?),
        };
        let mut findings = Vec::new();
        for &property in self.properties {
            let bit = property.bit().trailing_zeros();
            let finding = match &graph {
                Some(graph) if property.is_liveness() => match graph.liveness(bit)? {
                    Some(liveness) => of_lasso(liveness.weak),
                    None => Finding::Incomplete(Budget::States),
                },
                None if property.is_liveness() => Finding::Incomplete(unaffordable.unwrap_or(Budget::States)),
                _ => of_safety(exploration, bit)?,
            };
            findings.push((property, finding));
        }
        Ok(findings)
    }
}

fn of_safety<S: Space<Action = Action>>(exploration: &Exploration<'_, S>, bit: u32) -> Result<Finding, EngineError> {
    Ok(match exploration.safety(bit)? {
        Some(Verdict::Holds) => Finding::Holds,
        Some(Verdict::Violated(path)) => Finding::Violated(Counterexample {
            prefix: path.steps.into_iter().map(|step| step.action).collect(),
            cycle: Vec::new(),
        }),
        Some(Verdict::Incomplete(budget)) => Finding::Incomplete(budget),
        None => Finding::Incomplete(Budget::States),
    })
}

fn of_lasso<S: Space<Action = Action>>(verdict: Verdict<engine::Lasso<S>>) -> Finding {
    match verdict {
        Verdict::Holds => Finding::Holds,
        Verdict::Violated(lasso) => Finding::Violated(Counterexample {
            prefix: lasso.prefix.steps.into_iter().map(|step| step.action).collect(),
            cycle: lasso.cycle.into_iter().map(|step| step.action).collect(),
        }),
        Verdict::Incomplete(budget) => Finding::Incomplete(budget),
    }
}
