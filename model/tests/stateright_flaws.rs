//! What stateright 0.31.0 gets wrong, one test each, and beside it that this engine does not.
//!
//! A test that fails here after an update of stateright is good news: the flaw is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use midcomms_model::engine::{
    Absent, Budget, Ended, EngineError, FromModel, Options, PropertyReport, Verdict, explore,
};
use stateright::{Checker, Expectation, Model, Property};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// Numbered states; the properties speak of state 3 or of nothing.
#[derive(Clone, Default)]
struct Table {
    edges: Vec<(u16, u16)>,
    asked: Vec<(&'static str, Expectation)>,
    /// In state 1, time passes until then.
    busy_until: Option<Instant>,
}

impl Table {
    fn new(edges: &[(u16, u16)], asked: &[(&'static str, Expectation)]) -> Self {
        Self { edges: edges.to_vec(), asked: asked.to_vec(), busy_until: None }
    }

    /// A chain of states from 0.
    fn chain(steps: u16, asked: &[(&'static str, Expectation)]) -> Self {
        Self::new(&(0..steps).map(|state| (state, state + 1)).collect::<Vec<_>>(), asked)
    }
}

impl Model for Table {
    type State = u16;
    type Action = u16;

    fn init_states(&self) -> Vec<u16> {
        vec![0]
    }

    fn actions(&self, state: &u16, actions: &mut Vec<u16>) {
        while *state == 1 && self.busy_until.is_some_and(|then| Instant::now() < then) {
            std::hint::spin_loop();
        }
        let first = self.edges.partition_point(|(from, _)| from < state);
        actions.extend(self.edges[first..].iter().take_while(|(from, _)| from == state).map(|(_, to)| *to));
    }

    fn next_state(&self, _: &u16, to: u16) -> Option<u16> {
        Some(to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let condition = |name| -> fn(&Self, &u16) -> bool {
            match name {
                "in 3" => |_, state| *state == 3,
                "in 1" => |_, state| *state == 1,
                "below 3" => |_, state| *state < 3,
                "below 4000" => |_, state| *state < 4000,
                _ => |_, _| true,
            }
        };
        let property = |(name, expectation): &(&'static str, Expectation)| Property {
            expectation: expectation.clone(),
            name,
            condition: condition(name),
        };
        self.asked.iter().map(property).collect()
    }
}

/// What the engine says of the model's first property.
fn report(space: &FromModel<Table>, options: &Options<'_>) -> PropertyReport<Table> {
    explore(space, options).unwrap().reports(1).unwrap().swap_remove(0).1
}

fn whole(model: Table) -> PropertyReport<Table> {
    let space = FromModel::new(model).unwrap();
    report(&space, &space.options())
}

/// The states of a run that never meets an `eventually`: prefix and cycle.
fn lasso(report: PropertyReport<Table>) -> (Vec<u16>, Vec<u16>) {
    let PropertyReport::Eventually(Verdict::Violated(lasso)) = report else { panic!("{report:?}") };
    let states = lasso.prefix.steps.iter().map(|step| step.state);
    (states.collect(), lasso.cycle.iter().map(|step| step.state).collect())
}

// ---- `eventually` ----

const IN_3: [(&str, Expectation); 1] = [("in 3", Expectation::Eventually)];

#[test]
fn eventually_misses_a_cycle() {
    let model = Table::new(&[(0, 1), (1, 2), (2, 1)], &IN_3);
    model.clone().checker().spawn_bfs().join().assert_properties();
    model.clone().checker().spawn_dfs().join().assert_properties();
    assert_eq!(lasso(whole(model)), (vec![1], vec![2, 1]));
}

#[test]
fn eventually_misses_a_self_loop() {
    let model = Table::new(&[(0, 0), (0, 3)], &IN_3);
    model.clone().checker().spawn_bfs().join().assert_properties();
    model.clone().checker().spawn_dfs().join().assert_properties();
    assert_eq!(lasso(whole(model)), (vec![], vec![0]));
}

#[test]
fn eventually_misses_a_way_that_joins_another() {
    let model = Table::new(&[(0, 1), (0, 2), (1, 4), (2, 4)], &[("in 1", Expectation::Eventually)]);
    model.clone().checker().spawn_bfs().join().assert_properties();
    assert_eq!(lasso(whole(model)), (vec![2, 4], vec![]));
}

#[test]
fn eventually_is_right_where_it_holds_and_where_a_run_ends() {
    let holds = whole(Table::new(&[(0, 1), (0, 3), (1, 3), (3, 0)], &IN_3));
    assert!(matches!(holds, PropertyReport::Eventually(Verdict::Holds)), "{holds:?}");
    let model = Table::new(&[(0, 1), (0, 3)], &IN_3);
    assert!(model.clone().checker().spawn_bfs().join().discovery("in 3").is_some());
    assert_eq!(lasso(whole(model)), (vec![1], vec![]));
}

// ---- counterexamples ----

#[test]
fn a_later_and_longer_counterexample_replaces_the_shortest() {
    let asked = [("below 3", Expectation::Always), ("nothing", Expectation::Always)];
    let model = Table::chain(9, &asked);
    let checker = model.clone().checker().spawn_bfs().join();
    assert_eq!(checker.discovery("below 3").unwrap().into_states().last(), Some(&9));
    let PropertyReport::Always(Verdict::Violated(path)) = whole(model) else { panic!("not violated") };
    assert_eq!((path.steps.len(), *path.last()), (3, 3));
}

#[test]
fn a_later_and_longer_example_replaces_the_shortest() {
    let asked = [("nothing", Expectation::Sometimes), ("below 3", Expectation::Always)];
    let model = Table::chain(2, &asked);
    let checker = model.clone().checker().spawn_bfs().join();
    assert_eq!(checker.discovery("nothing").unwrap().into_states().len(), 3);
    let PropertyReport::Sometimes(Ok(path)) = whole(model) else { panic!("no example") };
    assert!(path.steps.is_empty());
}

// ---- budgets ----

const LATE: [(&str, Expectation); 1] = [("below 4000", Expectation::Always)];

#[test]
fn a_timeout_is_ignored_with_one_thread() {
    let time = Duration::from_millis(250);
    let busy = || Table { busy_until: Some(Instant::now() + 2 * time), ..Table::chain(3900, &LATE) };
    let checker = busy().checker().timeout(time).spawn_bfs().join();
    assert_eq!(checker.unique_state_count(), 3901);
    let space = FromModel::new(busy()).unwrap();
    let run = explore(&space, &Options { max_time: Some(time), ..space.options() }).unwrap();
    assert_eq!(run.ended, Ended::Incomplete(Budget::Time));
    assert!(run.states < 10, "{}", run.states);
}

#[test]
fn a_run_cut_short_by_its_number_of_states_passes() {
    let model = Table::chain(4500, &LATE);
    let checker = model.clone().checker().target_state_count(100).spawn_bfs().join();
    assert!(checker.unique_state_count() < 4000);
    checker.assert_properties();
    let space = FromModel::new(model).unwrap();
    let cut = report(&space, &Options { max_states: 100, ..space.options() });
    assert!(matches!(cut, PropertyReport::Always(Verdict::Incomplete(Budget::States))), "{cut:?}");
}

#[test]
fn a_run_cut_short_by_its_depth_passes() {
    let model = Table::chain(4500, &LATE);
    let checker = model.clone().checker().target_max_depth(10).spawn_bfs().join();
    assert!(checker.unique_state_count() < 20);
    checker.assert_properties();
    assert!(matches!(whole(model), PropertyReport::Always(Verdict::Violated(_))));
}

#[test]
fn an_example_that_was_not_found_is_told_from_one_that_does_not_exist() {
    let asked = [("in 3", Expectation::Sometimes)];
    let absent = whole(Table::chain(2, &asked));
    assert!(matches!(absent, PropertyReport::Sometimes(Err(Absent::Impossible))), "{absent:?}");
    let space = FromModel::new(Table::chain(9, &asked)).unwrap();
    let cut = report(&space, &Options { max_states: 2, ..space.options() });
    assert!(matches!(cut, PropertyReport::Sometimes(Err(Absent::NotFound(Budget::States)))), "{cut:?}");
}

#[test]
fn a_model_without_properties_passes_after_one_state() {
    let model = Table::chain(100, &[]);
    let checker = model.clone().checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done());
    assert_eq!(checker.unique_state_count(), 1);
    let space = FromModel::new(model).unwrap();
    assert!(matches!(explore(&space, &space.options()), Err(EngineError::NothingAsked)));
}

// ---- identity of states ----

/// A state of which the hash sees one half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HalfHashed {
    seen: u8,
    unseen: u8,
}

impl Hash for HalfHashed {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.seen.hash(hasher);
    }
}

struct Halves;

impl Model for Halves {
    type State = HalfHashed;
    type Action = u8;

    fn init_states(&self) -> Vec<HalfHashed> {
        vec![HalfHashed { seen: 0, unseen: 0 }]
    }

    fn actions(&self, state: &HalfHashed, actions: &mut Vec<u8>) {
        if state.seen < 5 {
            actions.extend([0, 1]);
        }
    }

    fn next_state(&self, state: &HalfHashed, unseen: u8) -> Option<HalfHashed> {
        Some(HalfHashed { seen: state.seen + 1, unseen: state.unseen + unseen })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nothing unseen", |_, state: &HalfHashed| state.unseen == 0)]
    }
}

#[test]
fn states_with_equal_fingerprints_are_lost_and_with_them_violations() {
    let checker = Halves.checker().spawn_bfs().join();
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), 6);
    let space = FromModel::new(Halves).unwrap();
    let run = explore(&space, &space.options()).unwrap();
    assert_eq!(run.states, 1 + 2 + 3 + 4 + 5 + 6);
    assert_eq!(run.counterexample(0).unwrap().unwrap().steps.len(), 1);
}

// ---- what is the same ----

/// The boundary of a model cuts both searches alike.
struct Bounded;

impl Model for Bounded {
    type State = (u32, u32);
    type Action = bool;

    fn init_states(&self) -> Vec<(u32, u32)> {
        vec![(0, 0), (9, 9), (90, 0)]
    }

    fn actions(&self, _: &(u32, u32), actions: &mut Vec<bool>) {
        actions.extend([true, false]);
    }

    fn next_state(&self, (a, b): &(u32, u32), first: bool) -> Option<(u32, u32)> {
        if first { Some((a + 1, *b)) } else { (*b < 40).then(|| (*a, b + 1)) }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("within", |_, (a, _)| *a <= 60), Property::eventually("corner", |_, s| *s == (60, 40))]
    }

    fn within_boundary(&self, (a, _): &(u32, u32)) -> bool {
        *a <= 60
    }
}

#[test]
fn a_boundary_cuts_both_searches_alike_and_ends_runs() {
    let checker = Bounded.checker().spawn_bfs().join();
    let space = FromModel::new(Bounded).unwrap();
    let run = explore(&space, &space.options()).unwrap();
    assert_eq!(run.states as usize, checker.unique_state_count());
    assert_eq!(run.transitions as usize + 2, checker.state_count(), "stateright counts initial states as generated");
    let reports = run.reports(1).unwrap();
    assert!(matches!(reports[0].1, PropertyReport::Always(Verdict::Holds)));
    assert!(matches!(reports[1].1, PropertyReport::Eventually(Verdict::Holds)), "{:?}", reports[1].1);
}
