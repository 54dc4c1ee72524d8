//! Questions to the checker, and its answers.

use std::time::Duration;

use super::World;
use super::action::Action;
use super::property::Property;
use super::space::Checked;
use crate::engine::{self, Budget, EngineError, Exploration, Options, Space, Verdict};

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
    /// Distinct states.
    pub states: u64,
    /// Transitions.
    pub transitions: u64,
    /// Steps to the state that is farthest from the start.
    pub depth: u32,
    /// Time in the search, and in liveness.
    pub elapsed: [Duration; 2],
    /// Peak memory of the search, in bytes.
    pub memory_bytes: u64,
    /// The findings, in the order asked.
    pub findings: Vec<(Property, Finding)>,
}

/// Asks whether `properties` hold in a world. The graph is always explored whole, unless `options` say otherwise.
pub fn check(world: &World, properties: &[Property], options: &Options<'_>) -> Result<Answer, EngineError> {
    let bits = |liveness: bool| {
        let asked = properties.iter().filter(|property| property.is_liveness() == liveness);
        asked.fold(0, |bits, property| bits | property.bit())
    };
    let options = Options { safety: bits(false), goals: bits(true), ..*options };
    for words in world.words().. {
        let (answer, fits) = match (world.environment.nodes, words) {
            (2, ..=4) => answer(&Checked::<4, 2, 1> { world: world.clone() }, properties, &options)?,
            (2, 5) => answer(&Checked::<5, 2, 1> { world: world.clone() }, properties, &options)?,
            (2, 6) => answer(&Checked::<6, 2, 1> { world: world.clone() }, properties, &options)?,
            (2, _) => answer(&Checked::<8, 2, 1> { world: world.clone() }, properties, &options)?,
            (_, ..=12) => answer(&Checked::<12, 3, 2> { world: world.clone() }, properties, &options)?,
            _ => answer(&Checked::<16, 3, 2> { world: world.clone() }, properties, &options)?,
        };
        if fits || words >= MOST_WORDS {
            return Ok(answer);
        }
    }
    Err(EngineError::NothingAsked)
}

/// Where more words would not help: the bounds of the model are too small.
const MOST_WORDS: usize = 13;

fn answer<S: Space<Action = Action>>(
    space: &S,
    properties: &[Property],
    options: &Options<'_>,
) -> Result<(Answer, bool), EngineError> {
    let exploration = engine::explore(space, options)?;
    let began = std::time::Instant::now();
    let graph = match options.goals {
        0 => None,
        _ => Some(exploration.graph(options.threads)?),
    };
    let mut findings = Vec::new();
    for &property in properties {
        let bit = property.bit().trailing_zeros();
        let finding = match &graph {
            Some(graph) if property.is_liveness() => match graph.liveness(bit)? {
                Some(liveness) => of_lasso(liveness.weak),
                None => Finding::Incomplete(Budget::States),
            },
            _ => of_safety(&exploration, bit)?,
        };
        findings.push((property, finding));
    }
    let fits = exploration.overflow.is_none();
    let answer = Answer {
        states: exploration.states,
        transitions: exploration.transitions,
        depth: exploration.depth,
        elapsed: [exploration.elapsed, began.elapsed()],
        memory_bytes: exploration.memory_bytes,
        findings,
    };
    Ok((answer, fits))
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
