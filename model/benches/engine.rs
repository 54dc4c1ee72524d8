//! The engine beside stateright, on the same system: `cargo bench -p midcomms-model --bench engine`.
//!
//! Every contender has to find the same number of states. To compare another system, add a [`Subject`].
#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{Criterion, criterion_group, criterion_main};
use midcomms_model::engine::{Class, Facts, FromModel, NO_CLASS, Options, Space, Steps, explore};
use stateright::{Checker, Model, Property};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Steps of the last counter below which it may be raised; the others have `TOP`.
const TOP: u64 = 11;
const COUNTERS: usize = 6;

/// Six bounded counters, two a word, of which each may be raised, and all of which may start again: 1.8 million states.
#[derive(Clone, Copy, Debug)]
struct Counters;

/// A step: which counter, or none for starting again.
type Raise = Option<usize>;

fn value(state: &[u64; 4], counter: usize) -> u64 {
    state.get(counter / 2).map_or(0, |word| word >> (counter % 2 * 32) & 0xffff_ffff)
}

fn raise(state: &[u64; 4], counter: usize) -> Option<[u64; 4]> {
    let mut next = *state;
    if value(state, counter) + 1 < TOP {
        *next.get_mut(counter / 2)? += 1 << (counter % 2 * 32);
        return Some(next);
    }
    None
}

fn is_good(state: &[u64; 4]) -> bool {
    (0..COUNTERS).map(|counter| value(state, counter)).sum::<u64>() <= TOP * COUNTERS as u64
}

impl Model for Counters {
    type State = [u64; 4];
    type Action = Raise;

    fn init_states(&self) -> Vec<[u64; 4]> {
        vec![[0; 4]]
    }

    fn actions(&self, _: &[u64; 4], actions: &mut Vec<Raise>) {
        actions.extend((0..COUNTERS).map(Some).chain([None]));
    }

    fn next_state(&self, state: &[u64; 4], action: Raise) -> Option<[u64; 4]> {
        action.map_or(Some([0; 4]), |counter| raise(state, counter))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("good", |_, state| is_good(state))]
    }
}

/// The same without stateright's ways.
struct Packed;

impl Space for Packed {
    type State = [u64; 4];
    type Action = Raise;

    fn initial(&self) -> Vec<[u64; 4]> {
        vec![[0; 4]]
    }

    fn expand(&self, state: &[u64; 4], out: &mut impl Steps<Self>) -> Facts {
        for counter in 0..COUNTERS {
            if let Some(next) = raise(state, counter) {
                out.step(Some(counter), NO_CLASS, 0, next);
            }
        }
        out.step(None, NO_CLASS, 0, [0; 4]);
        Facts { violated: u64::from(!is_good(state)), ..Facts::default() }
    }

    fn classes(&self) -> &[Class] {
        &[]
    }
}

/// A system to be explored by both engines, in the forms that each takes.
struct Subject<M: Model, S> {
    name: &'static str,
    model: M,
    space: S,
}

/// A way to explore it: returns distinct states and steps.
type Contender<'a> = (String, Box<dyn Fn() -> (u64, u64) + 'a>);

fn contenders<M, S>(subject: &Subject<M, S>) -> Vec<Contender<'_>>
where
    M: Model + Copy + Send + Sync + 'static,
    M::State: Clone + Eq + std::hash::Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
    S: Space,
{
    let Subject { model, space, .. } = subject;
    let model = *model;
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for threads in [1, 2] {
        let counts = |checker: &dyn Fn() -> (usize, usize)| {
            let (states, steps) = checker();
            (states as u64, steps as u64)
        };
        contenders.push((
            format!("stateright bfs, {threads}"),
            Box::new(move || {
                counts(&|| {
                    let checker = model.checker().threads(threads).spawn_bfs().join();
                    (checker.unique_state_count(), checker.state_count())
                })
            }),
        ));
        contenders.push((
            format!("stateright dfs, {threads}"),
            Box::new(move || {
                counts(&|| {
                    let checker = model.checker().threads(threads).spawn_dfs().join();
                    (checker.unique_state_count(), checker.state_count())
                })
            }),
        ));
        contenders.push((
            format!("engine, its model, {threads}"),
            Box::new(move || {
                FromModel::new(model).map_or((0, 0), |space| ours(&space, &Options { threads, ..space.options() }))
            }),
        ));
        let options = Options { safety: 1, threads, ..Options::default() };
        contenders.push((format!("engine, packed, {threads}"), Box::new(move || ours(space, &options))));
    }
    contenders
}

fn ours<S: Space>(space: &S, options: &Options<'_>) -> (u64, u64) {
    explore(space, options).map_or((0, 0), |run| (run.states, run.transitions))
}

/// Runs every contender once and prints how much slower it is than the fastest.
fn ratios(name: &str, contenders: &[Contender<'_>]) {
    let mut rows = Vec::new();
    for (contender, run) in contenders {
        let begun = Instant::now();
        let (states, steps) = run();
        rows.push((contender, states, steps, begun.elapsed().as_secs_f64()));
    }
    let fastest = rows.iter().map(|row| row.3).fold(f64::INFINITY, f64::min);
    println!("\n{name}: one run each");
    println!(
        "{:24} {:>10} {:>11} {:>8} {:>8} {:>7}",
        "contender, threads", "states", "steps", "seconds", "ns/step", "ratio"
    );
    for (contender, states, steps, seconds) in &rows {
        let per_step = seconds * 1e9 / *steps as f64;
        println!("{contender:24} {states:>10} {steps:>11} {seconds:>8.2} {per_step:>8.1} {:>6.1}x", seconds / fastest);
    }
    let counts: Vec<u64> = rows.iter().map(|row| row.1).collect();
    assert!(counts.iter().all(|count| Some(count) == counts.first()), "the contenders disagree: {counts:?}");
}

fn compare(criterion: &mut Criterion) {
    let subject = Subject { name: "counters", model: Counters, space: Packed };
    let contenders = contenders(&subject);
    ratios(subject.name, &contenders);
    let mut group = criterion.benchmark_group(subject.name);
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5));
    for (name, run) in contenders.iter().filter(|(name, _)| name.starts_with("engine")) {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(run())));
    }
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);
