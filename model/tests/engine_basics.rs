//! The engine on small systems whose answers are known.
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
    Budget, Class, Ended, EngineError, Facts, NO_CLASS, Options, Space, Steps, Verdict, explore,
};
use support::{Net, asked};

// ---- what a run costs, and what it may claim ----

/// Counters up to `top`, each of which can be raised by one.
struct Counters {
    top: u64,
    violated_at: u64,
}

const NO_FAIRNESS: [Class; 0] = [];

impl Space for Counters {
    type State = [u64; 3];
    type Action = usize;

    fn initial(&self) -> Vec<[u64; 3]> {
        vec![[0; 3]]
    }

    fn expand(&self, state: &[u64; 3], out: &mut impl Steps<Self>) -> Facts {
        for (i, value) in state.iter().enumerate() {
            if *value < self.top {
                let mut next = *state;
                next[i] += 1;
                out.step(i, NO_CLASS, 0, next);
            }
        }
        Facts { violated: u64::from(state.iter().sum::<u64>() >= self.violated_at), ..Facts::default() }
    }

    fn classes(&self) -> &[Class] {
        &NO_FAIRNESS
    }
}

const SAFETY: Options<'static> = Options {
    safety: 1,
    goals: 0,
    threads: 1,
    max_states: u64::MAX,
    max_memory_bytes: u64::MAX,
    max_time: None,
    keep_going: true,
    stop_when: 0,
    progress: None,
};

#[test]
fn every_state_is_counted_once_and_every_step() {
    let space = Counters { top: 39, violated_at: u64::MAX };
    let run = explore(&space, &SAFETY).unwrap();
    assert_eq!((run.states, run.transitions, run.depth), (64_000, 3 * 39 * 1600, 117));
    assert_eq!(run.ended, Ended::Exhausted);
    assert!(matches!(run.safety(0).unwrap(), Some(Verdict::Holds)));
    assert!(run.safety(1).unwrap().is_none(), "nobody asked");
}

#[test]
fn a_counterexample_is_a_shortest_one() {
    let space = Counters { top: 20, violated_at: 9 };
    let run = explore(&space, &SAFETY).unwrap();
    let path = run.counterexample(0).unwrap().unwrap();
    assert_eq!(path.steps.len(), 9);
    assert_eq!(path.last().iter().sum::<u64>(), 9);
    assert_eq!(run.states, 9261, "the search kept going");
}

#[test]
fn a_search_that_may_stop_ends_at_the_counterexample_and_claims_nothing_else() {
    let space = Counters { top: 60, violated_at: 9 };
    let run = explore(&space, &Options { keep_going: false, safety: 3, stop_when: 1, ..SAFETY }).unwrap();
    assert_eq!(run.ended, Ended::Stopped);
    assert_eq!(run.counterexample(0).unwrap().unwrap().steps.len(), 9);
    assert!(run.states < 1000, "{}", run.states);
    assert!(matches!(run.safety(1).unwrap(), Some(Verdict::Incomplete(Budget::Counterexample))));
}

#[test]
fn a_run_that_asks_nothing_is_an_error() {
    let space = Counters { top: 1, violated_at: 9 };
    assert!(matches!(explore(&space, &Options { safety: 0, ..SAFETY }), Err(EngineError::NothingAsked)));
}

#[test]
fn a_space_without_initial_states_is_an_error() {
    let space = Net { initial: vec![], ..Net::default() };
    assert!(matches!(explore(&space, &asked()), Err(EngineError::NoInitialState)));
}

#[test]
fn a_spent_budget_is_never_a_pass() {
    let space = Counters { top: 60, violated_at: u64::MAX };
    let cases = [
        (Options { max_states: 1000, ..SAFETY }, Budget::States),
        (Options { max_memory_bytes: 1 << 16, ..SAFETY }, Budget::Memory),
        (Options { max_time: Some(std::time::Duration::ZERO), ..SAFETY }, Budget::Time),
    ];
    for (options, budget) in cases {
        let run = explore(&space, &options).unwrap();
        assert_eq!(run.ended, Ended::Incomplete(budget));
        assert!(matches!(run.safety(0).unwrap(), Some(Verdict::Incomplete(got)) if got == budget));
    }
}
