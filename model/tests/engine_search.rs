//! The search against a naive one, and against itself with other numbers of threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "engine_support/mod.rs"]
mod support;

use midcomms_model::engine::{
    Budget, Class, Ended, EngineError, Facts, Id, NO_CLASS, Options, Sighting, Space, Steps, explore,
};
use proptest::prelude::*;
use std::collections::{HashMap, VecDeque};
use support::{Net, asked};

// ---- against a naive search ----

/// Steps to every state from the nearest initial one, by the book.
fn distances(net: &Net) -> HashMap<u8, usize> {
    let mut distances: HashMap<u8, usize> = net.initial.iter().map(|s| (*s, 0)).collect();
    let mut queue: VecDeque<u8> = net.initial.iter().copied().collect();
    while let Some(state) = queue.pop_front() {
        for (from, _, to, _) in &net.edges {
            if *from == state && !distances.contains_key(to) {
                distances.insert(*to, distances[&state] + 1);
                queue.push_back(*to);
            }
        }
    }
    distances
}

/// The fewest steps to a violation of property `bit`, by state or by step.
fn shortest_violation(net: &Net, distances: &HashMap<u8, usize>, bit: u32) -> Option<usize> {
    let bad = |mask: u64| mask >> bit & 1 == 1;
    let states = distances.iter().filter(|(s, _)| bad(net.facts[**s as usize].violated)).map(|(_, d)| *d);
    let steps = net.edges.iter().filter(|(_, _, _, mask)| bad(*mask));
    states.chain(steps.filter_map(|(from, ..)| Some(distances.get(from)? + 1))).min()
}

fn nets() -> impl Strategy<Value = Net> {
    let rarely = || prop_oneof![6 => Just(0u64), 1 => 1..4u64];
    let edges = proptest::collection::vec((0..40u8, Just(NO_CLASS), 0..40u8, rarely()), 0..120);
    let facts = proptest::collection::vec(rarely().prop_map(|violated| Facts { violated, ..Facts::default() }), 40);
    let initial = proptest::collection::vec(0..40u8, 1..4);
    (edges, facts, initial).prop_map(|(edges, facts, initial)| Net { initial, edges, facts, classes: vec![] })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn counts_distances_and_counterexamples_are_those_of_a_naive_search(net in nets()) {
        let (run, expected) = (explore(&net, &asked()).unwrap(), distances(&net));
        prop_assert_eq!(run.states as usize, expected.len());
        let steps = net.edges.iter().filter(|(from, ..)| expected.contains_key(from)).count();
        prop_assert_eq!(run.transitions as usize, steps);
        prop_assert_eq!(run.depth as usize, expected.values().copied().max().unwrap());
        for (id, state) in run.all() {
            let path = run.path_to(id).unwrap();
            prop_assert_eq!(path.last(), state);
            prop_assert_eq!(path.steps.len(), expected[state]);
            prop_assert_eq!(run.find(state), Some(id));
        }
        for bit in 0..2 {
            let path = run.counterexample(bit).unwrap();
            let violates = |path: &midcomms_model::engine::Path<Net>| {
                let step = path.steps.last().map_or(0, |step| step.violated);
                (net.facts[*path.last() as usize].violated | step) >> bit & 1 == 1
            };
            prop_assert!(path.iter().all(violates));
            prop_assert_eq!(path.map(|path| path.steps.len()), shortest_violation(&net, &expected, bit));
        }
    }
}

// ---- threads ----

/// A system of many states without any order to them.
struct Scattered {
    states: u64,
}

fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 31).wrapping_mul(0x7fb5_d329_728e_a185);
    (value ^ value >> 27).wrapping_mul(0x81da_def4_bc2d_d44d) ^ value >> 33
}

impl Space for Scattered {
    type State = u64;
    type Action = u64;

    fn initial(&self) -> Vec<u64> {
        vec![1, 2, 1]
    }

    fn expand(&self, state: &u64, out: &mut impl Steps<Self>) -> Facts {
        for i in 0..3 {
            let next = mix(state * 3 + i) % self.states;
            out.step(i, (i % 2) as u8, u64::from(mix(next ^ state).is_multiple_of(500)) << 1, next);
        }
        let goals = u64::from(!mix(*state).is_multiple_of(3));
        Facts { violated: u64::from(mix(!state).is_multiple_of(900)), goals, overflow: false }
    }

    fn classes(&self) -> &[Class] {
        const FAIR: Class = Class { name: "fair", may_be_strong: true, mechanism: "a test" };
        &[FAIR, FAIR]
    }
}

type All = (Vec<(Id, u64, Option<Id>)>, u64, u32, [Option<Sighting>; 2], Vec<u64>);

fn everything(options: &Options<'_>) -> All {
    let space = Scattered { states: 60_000 };
    let run = explore(&space, options).unwrap();
    let states = run.all().map(|(id, state)| (id, *state, run.parent(id))).collect();
    let path = run.counterexample(1).unwrap().unwrap().steps.iter().map(|step| step.action).collect();
    (states, run.transitions, run.depth, [run.sighting(0), run.sighting(1)], path)
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = everything(&asked());
    assert!(one.0.len() > 50_000);
    for threads in [2, 3, 5] {
        assert!(everything(&Options { threads, ..asked() }) == one, "{threads} threads");
    }
}

#[test]
fn the_number_of_threads_does_not_change_where_a_budget_ends_a_search() {
    let one = everything(&Options { max_states: 20_000, ..asked() });
    let three = everything(&Options { max_states: 20_000, threads: 3, ..asked() });
    assert!(one == three && one.0.len() < 60_000);
}

#[test]
fn the_number_of_threads_does_not_change_a_graph() {
    let space = Scattered { states: 5_000 };
    let run = explore(&space, &asked()).unwrap();
    let lassos =
        [1, 2, 3, 5].map(|threads| format!("{:?}", run.graph(threads).unwrap().liveness(0).unwrap().unwrap().weak));
    assert!(lassos.iter().all(|lasso| *lasso == lassos[0]));
}

/// A system that panics in one of its states.
struct Panics;

impl Space for Panics {
    type State = u64;
    type Action = ();

    fn initial(&self) -> Vec<u64> {
        (0..5000).collect()
    }

    fn expand(&self, state: &u64, _: &mut impl Steps<Self>) -> Facts {
        assert!(*state != 4321, "on purpose");
        Facts::default()
    }

    fn classes(&self) -> &[Class] {
        &[]
    }
}

#[test]
fn a_panic_of_the_system_ends_the_search_with_any_number_of_threads() {
    for threads in [1, 2, 4] {
        let run = std::panic::catch_unwind(|| explore(&Panics, &Options { threads, ..asked() }).map(|run| run.states));
        assert!(run.is_err(), "{threads} threads");
    }
}

// ---- what the engine refuses ----

#[test]
fn a_state_that_overflows_makes_the_search_incomplete() {
    let mut net = Net::with_goal(&[(0, 0, 1), (1, 0, 2)], &[]);
    net.facts[1].overflow = true;
    let run = explore(&net, &asked()).unwrap();
    assert_eq!(run.ended, Ended::Incomplete(Budget::Bounds));
    assert_eq!(run.overflow.and_then(|id| run.state(id).copied()), Some(1));
    assert_eq!(run.states, 3, "the search went on");
}

#[test]
fn a_class_that_does_not_exist_is_an_error() {
    let net = Net::with_goal(&[(0, 7, 1)], &[]);
    assert!(matches!(explore(&net, &asked()), Err(EngineError::NoSuchClass { class: 7, classes: 3 })));
}

#[test]
fn progress_is_reported_and_the_last_report_is_the_result() {
    let last = std::cell::Cell::new(None);
    let progress = |progress: &midcomms_model::engine::Progress| last.set(Some(*progress));
    let space = Scattered { states: 30_000 };
    let run = explore(&space, &Options { progress: Some(&progress), ..asked() }).unwrap();
    let last = last.get().unwrap();
    assert_eq!((last.states, last.transitions, last.depth), (run.states, run.transitions, run.depth));
    assert_eq!(last.frontier, 0);
}
