//! The same worlds, explored by stateright: a second opinion on the number of states.

use std::time::Instant;

use midcomms_model::engine::Budget;
use midcomms_model::system::space::Whole;
use midcomms_model::system::{Property, World};
use stateright::{Checker, CheckerBuilder, Model, Property as Condition};

use super::plan::Task;
use super::run::{Engine, Limits, Outcome, Verdict};

/// The properties over states, which stateright can check. Those over transitions it has no form for, and its
/// `eventually` knows no fairness.
pub const CHECKED: [Property; 2] = [Property::CleanClosed, Property::UsersConsistent];

/// What stateright says of a graph.
struct Count {
    distinct: usize,
    generated: usize,
    depth: usize,
    violated: Vec<&'static str>,
}

/// A model without its properties, but for one that always holds: stateright stops once every property has an example,
/// and "passes" a model without properties after one state.
#[derive(Clone, Debug)]
struct Counted<M>(M);

impl<M: Model> Model for Counted<M> {
    type State = M::State;
    type Action = M::Action;

    fn init_states(&self) -> Vec<M::State> {
        self.0.init_states()
    }

    fn actions(&self, state: &M::State, actions: &mut Vec<M::Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &M::State, action: M::Action) -> Option<M::State> {
        self.0.next_state(state, action)
    }

    fn properties(&self) -> Vec<Condition<Self>> {
        vec![Condition::always("true", |_, _| true)]
    }
}

/// Explores the world of a task with one of stateright's engines. Says of a property that it holds only if the whole
/// graph was explored.
pub fn run(task: &Task, engine: Engine, limits: &Limits) -> Outcome {
    let began = Instant::now();
    let counted = count(&task.world, engine, limits);
    let is_cut = limits.max_states.is_some_and(|most| counted.generated as u64 >= most);
    let asked = task.properties.iter().any(|property| CHECKED.contains(property));
    let violated = if asked { violations(&task.world, engine, limits) } else { Vec::new() };
    let verdict = |property: Property| match property {
        _ if !CHECKED.contains(&property) => Verdict::NotChecked,
        _ if violated.contains(&property.name()) => Verdict::Violated(None),
        _ if is_cut => Verdict::Incomplete(Budget::States),
        _ => Verdict::Holds,
    };
    Outcome {
        key: task.key.clone(),
        standing: task.standing,
        states: counted.distinct as u64,
        transitions: counted.generated.checked_sub(1).map(|transitions| transitions as u64),
        depth: (engine == Engine::StaterightBfs).then(|| counted.depth.saturating_sub(1) as u32),
        seconds: began.elapsed().as_secs_f64(),
        unfinished: is_cut.then_some(Budget::States),
        verdicts: task.properties.iter().map(|property| (*property, verdict(*property))).collect(),
    }
}

/// The number of distinct states of a world.
pub fn distinct_states(world: &World, engine: Engine, threads: usize) -> u64 {
    count(world, engine, &Limits { threads, ..Limits::default() }).distinct as u64
}

fn count(world: &World, engine: Engine, limits: &Limits) -> Count {
    match world.environment.nodes {
        2 => explore(Counted(Whole::<2, 1> { world: world.clone() }), engine, limits),
        _ => explore(Counted(Whole::<3, 2> { world: world.clone() }), engine, limits),
    }
}

/// The names of the properties over states for which there is a counterexample.
fn violations(world: &World, engine: Engine, limits: &Limits) -> Vec<&'static str> {
    let counted = match world.environment.nodes {
        2 => explore(Whole::<2, 1> { world: world.clone() }, engine, limits),
        _ => explore(Whole::<3, 2> { world: world.clone() }, engine, limits),
    };
    counted.violated
}

fn explore<M>(model: M, engine: Engine, limits: &Limits) -> Count
where
    M: Model<State: std::hash::Hash + Clone + PartialEq + Send + Sync, Action: Clone + PartialEq + Send + Sync>
        + Send
        + Sync
        + 'static,
{
    let mut builder: CheckerBuilder<M> = model.checker().threads(limits.threads);
    if let Some(most) = limits.max_states {
        builder = builder.target_state_count(usize::try_from(most).unwrap_or(usize::MAX));
    }
    match engine {
        Engine::StaterightDfs => tell(builder.spawn_dfs().join()),
        Engine::Own | Engine::StaterightBfs => tell(builder.spawn_bfs().join()),
    }
}

fn tell<M: Model<State: Clone + PartialEq, Action: Clone + PartialEq>>(checker: impl Checker<M>) -> Count {
    Count {
        distinct: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        violated: checker.discoveries().into_keys().collect(),
    }
}

#[cfg(test)]
mod tests {
    use midcomms_model::rules::Base;
    use midcomms_model::system::Environment;

    use super::*;
    use crate::check::subject::Subject;

    fn task() -> Task {
        let subject = Subject::of_base(Base::Hardened);
        Task::new(&subject, Environment::named("mild").unwrap(), &Property::ALL, None)
    }

    #[test]
    fn what_stateright_cannot_check_is_not_said_to_hold() {
        let outcome = run(&task(), Engine::StaterightBfs, &Limits::default());
        for (property, verdict) in outcome.verdicts {
            let expected = if CHECKED.contains(&property) { Verdict::Holds } else { Verdict::NotChecked };
            assert_eq!(verdict, expected, "{}", property.name());
        }
    }

    #[test]
    fn a_cut_run_of_stateright_shows_nothing() {
        let limits = Limits { max_states: Some(10), ..Limits::default() };
        let outcome = run(&task(), Engine::StaterightDfs, &limits);
        assert_eq!(outcome.verdict(Property::CleanClosed), Some(&Verdict::Incomplete(Budget::States)));
        assert_eq!(outcome.unfinished, Some(Budget::States));
    }

    #[test]
    fn both_engines_of_stateright_count_what_ours_counts() {
        let ours = super::super::run::run(&task(), Engine::Own, &Limits::default(), None, &|_| ()).unwrap();
        for engine in [Engine::StaterightBfs, Engine::StaterightDfs] {
            assert_eq!(distinct_states(&task().world, engine, 2), ours.states, "{}", engine.name());
        }
    }
}
