//! The protocol's model in this engine and in stateright, in one run:
//! `cargo bench -p midcomms-model --bench dlm -- [BASE:ENVIRONMENT]...`
//!
//! Stateright gets the model in two forms, both `Copy`: whole, and packed into words. Every contender has to find the same number of states. CPU seconds are of all threads together; they say more than
//! the clock where others use the machine.

#![expect(clippy::indexing_slicing, reason = "places of fixed arrays")]

use midcomms_model::engine::{FromModel, Options, Space, explore};
use midcomms_model::rules::Base;
use midcomms_model::system::space::{Checked, Whole};
use midcomms_model::system::{Environment, World};
use stateright::{Checker, Model};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What is compared if nothing is asked for.
const DEFAULT: &[&str] = &["linux-6.12:timeout", "linux-6.12:stale", "hardened:wrap"];
/// Goals of the model: all are asked together.
const GOALS: u32 = 4;
/// The least ratios that we promise: our trait and our packed states, over stateright's dfs and bfs.
const PROMISED: [(&str, f64, f64); 2] = [("trait", 1.0, 1.7), ("packed", 3.0, 5.0)];

/// What one run took.
#[derive(Clone, Copy)]
struct Row {
    states: u64,
    wall: Duration,
    cpu: Duration,
}

/// CPU time of this process so far, where the system tells.
fn cpu() -> Duration {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK_MS)
}

fn measure(name: &str, run: impl FnOnce() -> (u64, u64)) -> Row {
    let (begun, before) = (Instant::now(), cpu());
    let (states, steps) = run();
    let row = Row { states, wall: begun.elapsed(), cpu: cpu().saturating_sub(before) };
    println!(
        "{name:32} {states:>10} {steps:>11} {:>8.2} {:>8.2} {:>9.1}",
        row.wall.as_secs_f64(),
        row.cpu.as_secs_f64(),
        row.cpu.as_nanos() as f64 / steps.max(1) as f64
    );
    row
}

fn ours<S: Space>(space: &S, options: &Options<'_>) -> (u64, u64) {
    explore(space, options).map_or((0, 0), |run| (run.states, run.transitions))
}

/// Stateright's bfs and dfs, then our engine on the same model.
fn through_the_trait<M>(name: &str, model: &M) -> [Row; 3]
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Copy + Eq + Hash + Send + Sync + 'static,
    M::Action: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static,
{
    let bfs = measure(&format!("stateright bfs, {name}"), || {
        let checker = model.clone().checker().threads(1).spawn_bfs().join();
        (checker.unique_state_count() as u64, checker.state_count() as u64)
    });
    let dfs = measure(&format!("stateright dfs, {name}"), || {
        let checker = model.clone().checker().threads(1).spawn_dfs().join();
        (checker.unique_state_count() as u64, checker.state_count() as u64)
    });
    let engine = measure(&format!("this engine, trait, {name}"), || {
        FromModel::new(model.clone()).map_or((0, 0), |space| ours(&space, &space.options()))
    });
    [bfs, dfs, engine]
}

/// Whether all states fit into so many words.
fn fits<const W: usize>(world: &World) -> bool {
    let packed = Checked::<W, 2, 1> { world: world.clone() };
    explore(&packed, &Options { safety: 1, ..Options::default() }).is_ok_and(|run| run.overflow.is_none())
}

/// Only our engine on packed states, for a profiler.
fn alone<const W: usize>(world: &World) -> bool {
    let packed = Checked::<W, 2, 1> { world: world.clone() };
    let options = Options { safety: u64::MAX, ..Options::default() };
    let run = |packed: &Checked<W, 2, 1>| explore(packed, &options).map_or((0, 0), |run| (run.states, run.transitions));
    (0..3).for_each(|_| _ = measure(&format!("this engine, packed, {W} words"), || run(&packed)));
    true
}

fn compare<const W: usize>(world: &World) {
    if std::env::var_os("ALONE").is_some() && alone::<W>(world) {
        return;
    }
    let packed = Checked::<W, 2, 1> { world: world.clone() };
    let whole = through_the_trait("whole", &Whole::<2, 1> { world: world.clone() });
    let words = through_the_trait("packed", &packed);
    let options = Options { safety: u64::MAX, ..Options::default() };
    let [one, two] = [1, 2].map(|threads| {
        measure(&format!("this engine, packed, {threads} threads"), || ours(&packed, &Options { threads, ..options }))
    });
    let states: Vec<u64> = whole.iter().chain(&words).chain([&one, &two]).map(|row| row.states).collect();
    let seconds = |row: &Row| row.cpu.max(Duration::from_millis(1)).as_secs_f64();
    let fastest = |rows: [&Row; 2]| rows.map(seconds).into_iter().fold(f64::INFINITY, f64::min);
    let fastest_form = [0, 1, 2].map(|place| fastest([&whole[place], &words[place]]));
    let whole_form = [0, 1, 2].map(|place| seconds(&whole[place]));
    for (form, [bfs, dfs, engine]) in [("fastest form", fastest_form), ("whole form", whole_form)] {
        for ((name, least_dfs, least_bfs), took) in PROMISED.iter().zip([engine, seconds(&one)]) {
            println!(
                "{form}, {name}: {:.2} times dfs (of {least_dfs:.1}), {:.2} times bfs (of {least_bfs:.1})",
                dfs / took,
                bfs / took
            );
        }
    }
    println!("second core: {:.2} times by the clock", one.wall.as_secs_f64() / two.wall.as_secs_f64());
    assert!(states.windows(2).all(|two| two[0] == two[1]), "the contenders disagree: {states:?}");
    liveness(&packed);
}

/// What all goals together add to the search.
fn liveness<const W: usize>(space: &Checked<W, 2, 1>) {
    let goals = (1 << GOALS) - 1;
    let begun = cpu();
    let Ok(run) = explore(space, &Options { safety: u64::MAX, goals, ..Options::default() }) else { return };
    let before = cpu();
    let search = before.saturating_sub(begun).max(Duration::from_millis(1));
    let Ok(graph) = run.graph(1) else { return };
    let built = cpu().saturating_sub(before);
    let violated: Vec<bool> = (0..GOALS)
        .map(|goal| match graph.liveness(goal) {
            Ok(Some(live)) => matches!(live.weak, midcomms_model::engine::Verdict::Violated(_)),
            _ => false,
        })
        .collect();
    let all = cpu().saturating_sub(before);
    println!(
        "liveness: graph {:.2} s, all {:.2} s, {:.2} times the search of {:.2} s; violated: {violated:?}",
        built.as_secs_f64(),
        all.as_secs_f64(),
        all.as_secs_f64() / search.as_secs_f64(),
        search.as_secs_f64()
    );
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument.contains(':')).collect();
    let asked: Vec<&str> = if asked.is_empty() { DEFAULT.to_vec() } else { asked.iter().map(String::as_str).collect() };
    for name in asked {
        let (base, environment) = name.split_once(':').unwrap_or_default();
        let (Some(base), Some(environment)) = (Base::named(base), Environment::named(environment)) else {
            println!("there is no {name}");
            continue;
        };
        let world = World::new(environment.clone(), [base.rules(); 3]);
        println!("\n{name}, one thread, one run each");
        println!(
            "{:32} {:>10} {:>11} {:>8} {:>8} {:>9}",
            "contender", "states", "steps", "clock s", "cpu s", "ns/step"
        );
        match world.words() {
            4 if fits::<4>(&world) => compare::<4>(&world),
            4 | 5 if fits::<5>(&world) => compare::<5>(&world),
            4..=6 if fits::<6>(&world) => compare::<6>(&world),
            _ => compare::<8>(&world),
        }
    }
}
