//! Liveness under fairness: textbook cases, and random systems against the definition.
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
    Budget, Lasso, NO_CLASS, Options, Strength, Verdict, check_eventually, check_goal, explore,
};
use proptest::prelude::*;
use support::{NONE, Net, asked};

const A: u8 = 0;
const B: u8 = 1;
const C: u8 = 2;

// ---- the definition, by trying every set of states ----

fn edges_inside(net: &Net, set: u8) -> impl Iterator<Item = (u8, u8, u8)> {
    let inside = move |state: u8| set >> state & 1 == 1;
    net.edges.iter().map(|(from, class, to, _)| (*from, *class, *to)).filter(move |(f, _, t)| inside(*f) && inside(*t))
}

/// States that can be reached from `from` through states of `allowed`.
fn closure(net: &Net, from: u8, allowed: u8) -> u8 {
    let mut reached = from & allowed;
    loop {
        let more = edges_inside(net, allowed).filter(|(f, _, _)| reached >> f & 1 == 1);
        let grown = more.fold(reached, |set, (_, _, to)| set | 1 << to);
        if grown == reached {
            return reached;
        }
        reached = grown;
    }
}

fn members(set: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(move |state| set >> state & 1 == 1)
}

fn connected(net: &Net, set: u8) -> bool {
    members(set).all(|state| closure(net, 1 << state, set) == set)
}

fn enabled(net: &Net, state: u8, class: u8) -> bool {
    net.edges.iter().any(|(from, of, _, _)| *from == state && *of == class)
}

fn fair(net: &Net, set: u8, strong: [bool; 3]) -> bool {
    (0..3).all(|class| {
        let taken = edges_inside(net, set).any(|(_, of, _)| of == class);
        let everywhere = members(set).all(|state| enabled(net, state, class));
        let somewhere = members(set).any(|state| enabled(net, state, class));
        taken || if strong[class as usize] { !somewhere } else { !everywhere }
    })
}

fn lacking(net: &Net, goal: u32) -> u8 {
    (0..8).filter(|s| net.facts.get(*s).is_some_and(|f| f.goals >> goal & 1 == 0)).fold(0, |set, s| set | 1 << s)
}

/// Whether some fair set of states that lack the goal is reached through `through`.
fn violated(net: &Net, goal: u32, strong: [bool; 3], through: u8) -> bool {
    let start = net.initial.iter().fold(0, |set, state| set | 1 << state);
    let reached = closure(net, start, through);
    let lacking = lacking(net, goal);
    (1..=127u8).any(|set| set & !(reached & lacking) == 0 && connected(net, set) && fair(net, set, strong))
}

/// A lasso has to be a run, fair, and without the goal in its cycle.
fn verify(net: &Net, goal: u32, strong: [bool; 3], lasso: &Lasso<Net>) {
    let mut at = lasso.prefix.initial;
    assert!(net.initial.contains(&at));
    for step in &lasso.prefix.steps {
        assert_eq!((net.edges[step.action].0, net.edges[step.action].2), (at, step.state));
        at = step.state;
    }
    let (entry, mut visited) = (at, 1u8 << at);
    for step in &lasso.cycle {
        let edge = net.edges[step.action];
        assert_eq!((edge.0, edge.1, edge.2), (at, step.class, step.state));
        at = step.state;
        visited |= 1 << at;
    }
    assert_eq!(at, entry, "the cycle is closed");
    assert_eq!(visited & !lacking(net, goal), 0, "the goal is met in the cycle");
    for class in 0..3 {
        let taken = lasso.cycle.iter().any(|step| step.class == class);
        let everywhere = members(visited).all(|state| enabled(net, state, class));
        let somewhere = members(visited).any(|state| enabled(net, state, class));
        let excused = if strong[class as usize] { !somewhere } else { !everywhere };
        assert!(taken || excused, "class {class} is neglected in {lasso:?}");
    }
}

fn strengths(strong: [bool; 3]) -> Vec<Strength> {
    strong.iter().map(|strong| if *strong { Strength::Strong } else { Strength::Weak }).collect()
}

fn nets() -> impl Strategy<Value = Net> {
    let edge = (0..7u8, prop_oneof![0..3u8, Just(NO_CLASS)], 0..7u8).prop_map(|(f, c, t)| (f, c, t, 0));
    let edges = proptest::collection::vec(edge, 0..22);
    let goals = proptest::collection::vec(0..4u64, 7);
    let initial = proptest::collection::vec(0..7u8, 1..3);
    (edges, goals, initial).prop_map(|(edges, goals, initial)| {
        let base = Net::with_goal(&[(6, NONE, 6)], &[]);
        let facts = goals.into_iter().zip(base.facts).map(|(goals, f)| midcomms_model::engine::Facts { goals, ..f });
        Net { facts: facts.collect(), edges, initial, ..base }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn goals_are_judged_as_the_definition_says(net in nets(), strong in any::<[bool; 3]>()) {
        let run = explore(&net, &asked()).unwrap();
        let graph = run.graph(2).unwrap();
        for goal in 0..2 {
            let lasso = check_goal(&graph, goal, &strengths(strong)).unwrap();
            prop_assert_eq!(lasso.is_some(), violated(&net, goal, strong, 127), "goal {}: {:?}", goal, lasso);
            lasso.iter().for_each(|lasso| verify(&net, goal, strong, lasso));
        }
    }

    #[test]
    fn what_happens_eventually_is_judged_as_the_definition_says(net in nets(), strong in any::<[bool; 3]>()) {
        let run = explore(&net, &asked()).unwrap();
        let graph = run.graph(1).unwrap();
        for goal in 0..2 {
            let lasso = check_eventually(&graph, goal, &strengths(strong)).unwrap();
            let expected = violated(&net, goal, strong, lacking(&net, goal));
            prop_assert_eq!(lasso.is_some(), expected, "goal {}: {:?}", goal, lasso);
            if let Some(lasso) = lasso {
                verify(&net, goal, strong, &lasso);
                prop_assert!(lasso.prefix.steps.iter().all(|step| lacking(&net, goal) >> step.state & 1 == 1));
            }
        }
    }
}

// ---- cases from the textbook ----

fn weak(net: &Net) -> Option<Lasso<Net>> {
    let run = explore(net, &asked()).unwrap();
    let lasso = check_goal(&run.graph(1).unwrap(), 0, &[]).unwrap();
    lasso.iter().for_each(|lasso| verify(net, 0, [false; 3], lasso));
    lasso
}

#[test]
fn a_cycle_without_the_goal_violates_it() {
    let lasso = weak(&Net::with_goal(&[(0, A, 1), (1, A, 2), (2, A, 1)], &[0])).unwrap();
    assert_eq!(lasso.prefix.steps.len(), 1);
    assert_eq!(lasso.cycle.len(), 2);
}

#[test]
fn a_cycle_through_the_goal_does_not() {
    assert!(weak(&Net::with_goal(&[(0, A, 1), (1, A, 2), (2, A, 0)], &[2])).is_none());
}

#[test]
fn a_self_loop_is_a_fair_cycle() {
    let lasso = weak(&Net::with_goal(&[(0, A, 0), (0, A, 1), (1, A, 1)], &[1])).unwrap();
    assert_eq!((lasso.prefix.steps.len(), lasso.cycle.len()), (0, 1));
}

#[test]
fn a_join_is_not_a_cycle() {
    let diamond = [(0, A, 1), (0, A, 2), (1, A, 3), (2, A, 3), (3, A, 3)];
    assert!(weak(&Net::with_goal(&diamond, &[3])).is_none());
}

#[test]
fn a_deadlock_without_the_goal_is_a_stop() {
    let lasso = weak(&Net::with_goal(&[(0, A, 1)], &[0])).unwrap();
    assert_eq!((lasso.prefix.steps.len(), lasso.cycle.len()), (1, 0));
}

#[test]
fn a_state_that_only_unfair_steps_leave_is_a_stop() {
    assert!(weak(&Net::with_goal(&[(0, NONE, 1), (1, A, 1)], &[1])).unwrap().cycle.is_empty());
}

#[test]
fn a_cycle_that_a_fair_step_always_leaves_is_no_violation() {
    let net = Net::with_goal(&[(0, NONE, 1), (1, NONE, 0), (0, A, 2), (1, A, 2), (2, B, 2)], &[2]);
    assert!(weak(&net).is_none());
}

#[test]
fn a_cycle_of_unfair_steps_in_which_no_class_is_enabled_everywhere_is_fair() {
    let net = Net::with_goal(&[(0, NONE, 1), (1, NONE, 0), (0, A, 2), (1, B, 2), (2, C, 2)], &[2]);
    assert_eq!(weak(&net).unwrap().cycle.len(), 2);
}

#[test]
fn only_strong_fairness_breaks_a_cycle_whose_exit_comes_and_goes() {
    let net = Net::with_goal(&[(0, A, 1), (1, A, 0), (0, B, 2), (2, C, 2)], &[2]).strong([false, true, false]);
    let run = explore(&net, &asked()).unwrap();
    let live = run.graph(1).unwrap().liveness(0).unwrap().unwrap();
    assert!(matches!(live.weak, Verdict::Violated(_)));
    assert!(matches!(live.strong, Some(Verdict::Holds)));
}

#[test]
fn a_state_that_is_not_reached_violates_nothing() {
    assert!(weak(&Net::with_goal(&[(0, A, 0), (1, A, 1)], &[0])).is_none());
}

#[test]
fn a_goal_that_nobody_asked_has_no_verdict() {
    let net = Net::with_goal(&[(0, A, 0)], &[]);
    let run = explore(&net, &Options { safety: 1, ..Options::default() }).unwrap();
    assert!(run.graph(1).unwrap().liveness(0).unwrap().is_none());
}

// ---- what an incomplete search may say ----

#[test]
fn beyond_the_bounds_nothing_is_known_but_a_lasso_within_them_counts() {
    let mut net = Net::with_goal(&[(0, A, 1), (1, A, 2), (2, A, 0)], &[2]);
    net.facts[2].overflow = true;
    let run = explore(&net, &asked()).unwrap();
    let live = run.graph(1).unwrap().liveness(0).unwrap().unwrap();
    assert!(matches!(live.weak, Verdict::Incomplete(Budget::Bounds)), "{:?}", live.weak);
    assert!(matches!(run.safety(0).unwrap(), Some(Verdict::Incomplete(Budget::Bounds))));
    net.edges.push((1, A, 1, 0));
    let run = explore(&net, &asked()).unwrap();
    let live = run.graph(1).unwrap().liveness(0).unwrap().unwrap();
    assert!(matches!(live.weak, Verdict::Violated(_)), "{:?}", live.weak);
}

#[test]
fn a_state_that_was_not_expanded_is_no_stop() {
    let chain: Vec<_> = (0..100).map(|s| (s, A, s + 1)).collect();
    let net = Net::with_goal(&chain, &[]);
    let run = explore(&net, &Options { max_states: 50, ..asked() }).unwrap();
    let live = run.graph(1).unwrap().liveness(0).unwrap().unwrap();
    assert!(matches!(live.weak, Verdict::Incomplete(Budget::States)), "{:?}", live.weak);
}

#[test]
fn liveness_counts_in_the_memory_budget() {
    let net = Net::with_goal(&[(0, NONE, 1), (1, NONE, 0)], &[]);
    let free = explore(&net, &asked()).unwrap();
    assert_eq!(free.liveness_unaffordable(), None);
    let states_alone = Options { max_memory_bytes: free.memory_bytes, ..asked() };
    assert_eq!(explore(&net, &states_alone).unwrap().liveness_unaffordable(), Some(Budget::Memory));
    let both = Options { max_memory_bytes: free.memory_bytes + free.liveness_bytes(), ..asked() };
    assert_eq!(explore(&net, &both).unwrap().liveness_unaffordable(), None);
}
