//! Questions whose search is saved on disc, so that it can go on later; the answer also says how the search ended.

use super::World;
use super::action::Action;
use super::check::{Answer, Counterexample, Finding};
use super::property::Property;
use super::space::Checked;
use crate::engine::{
    self, Budget, Checkpoint, Ended, EngineError, Exploration, Lasso, Options, Persist, Space, Verdict,
};

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

/// Asks as [`super::check::check`] does, and says how the search ended.
///
/// # Errors
/// Those of the engine; and of the checkpoint, if there is one.
pub fn check_saving(
    world: &World,
    properties: &[Property],
    options: &Options<'_>,
    saving: Saving<'_>,
) -> Result<(Answer, Ended), EngineError> {
    let bits = |liveness: bool| {
        let asked = properties.iter().filter(|property| property.is_liveness() == liveness);
        asked.fold(0, |bits, property| bits | property.bit())
    };
    let options = Options { safety: bits(false), goals: bits(true), ..*options };
    match (world.environment.nodes, world.words()) {
        (2, ..=4) => search(&Checked::<4, 2, 1> { world: world.clone() }, properties, &options, saving),
        (2, _) => search(&Checked::<6, 2, 1> { world: world.clone() }, properties, &options, saving),
        _ => search(&Checked::<12, 3, 2> { world: world.clone() }, properties, &options, saving),
    }
}

fn search<S: Space<Action = Action, State: Persist>>(
    space: &S,
    properties: &[Property],
    options: &Options<'_>,
    saving: Saving<'_>,
) -> Result<(Answer, Ended), EngineError> {
    let exploration = match saving {
        Saving::Nowhere => engine::explore(space, options)?,
        Saving::To(checkpoint) => engine::explore_saving(space, options, checkpoint)?,
        Saving::From(checkpoint) => engine::resume(space, options, checkpoint)?,
    };
    let answer = answer(&exploration, properties, options)?;
    Ok((answer, exploration.ended))
}

fn answer<S: Space<Action = Action>>(
    exploration: &Exploration<'_, S>,
    properties: &[Property],
    options: &Options<'_>,
) -> Result<Answer, EngineError> {
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
            _ => of_safety(exploration, bit)?,
        };
        findings.push((property, finding));
    }
    Ok(Answer {
        states: exploration.states,
        transitions: exploration.transitions,
        depth: exploration.depth,
        elapsed: [exploration.elapsed, began.elapsed()],
        memory_bytes: exploration.memory_bytes,
        findings,
    })
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

fn of_lasso<S: Space<Action = Action>>(verdict: Verdict<Lasso<S>>) -> Finding {
    match verdict {
        Verdict::Holds => Finding::Holds,
        Verdict::Violated(lasso) => Finding::Violated(Counterexample {
            prefix: lasso.prefix.steps.into_iter().map(|step| step.action).collect(),
            cycle: lasso.cycle.into_iter().map(|step| step.action).collect(),
        }),
        Verdict::Incomplete(budget) => Finding::Incomplete(budget),
    }
}
