//! What was recorded is accepted: every file by itself, and all files of a run against each other.

use std::fmt::Write;

use midcomms_conformance::record::{Recording, Scenario, Scenarios, Trace};
use midcomms_conformance::replay::{FileReport, NoDeliveries, ReplayOptions, Verdict, replay_native, replay_together};

use super::scenarios;

/// How many seeds each scenario is judged with: `MIDCOMMS_JUDGED_SEEDS`.
fn seeds() -> u64 {
    std::env::var("MIDCOMMS_JUDGED_SEEDS").ok().map_or(20, |typed| typed.parse().unwrap())
}

/// Everything that replay refuses of a run, read in one piece.
fn refused(reports: &[FileReport]) -> Option<String> {
    let mut found = String::new();
    for report in reports {
        if let Some(error) = &report.error {
            writeln!(found, "{}: {error}", report.path).unwrap();
        }
        let exact = report.exact.iter().filter_map(|exact| exact.rejection.as_ref());
        let between = report.between.iter().filter_map(|between| between.rejection.as_ref());
        let pairs = report.pairs.iter().filter_map(|pair| pair.rejection.as_ref());
        for (side, refused) in
            exact.map(|it| ("exact", it)).chain(between.map(|it| ("between", it))).chain(pairs.map(|it| ("pair", it)))
        {
            let (file, frame, rule) = (refused.file + 1, refused.frame, refused.rule);
            let (expected, got, what) = (&refused.expected, &refused.got, &refused.message);
            writeln!(
                found,
                "{} file {file} line {frame}: {side} {rule}: expected {expected}, got {got} at {what}",
                report.path
            )
            .unwrap();
        }
        if found.is_empty() && report.verdict != Some(Verdict::Accepted) {
            let why: Vec<_> = report.pairs.iter().filter_map(|pair| pair.exhausted.as_ref()).collect();
            writeln!(found, "{}: {:?} {why:?}", report.path, report.verdict).unwrap();
        }
    }
    (!found.is_empty()).then_some(found)
}

fn alone(trace: &Trace) -> Option<String> {
    let options = ReplayOptions::default();
    let judged = replay_native(trace.name(), trace.bytes.as_slice(), &options, &mut NoDeliveries).unwrap();
    refused(&[judged.0])
}

/// All files of a run, in the order of their names or the other way round: who is started again has several.
fn together(recording: &Recording, is_reversed: bool) -> Option<String> {
    let mut traces: Vec<_> = recording.traces.iter().map(|trace| (trace.name(), trace.bytes.as_slice())).collect();
    if is_reversed {
        traces.reverse();
    }
    let judged = replay_together::<&[u8]>(traces, None, &ReplayOptions::default()).unwrap();
    refused(&judged.into_iter().map(|(report, _)| report).collect::<Vec<_>>())
}

/// What is refused of a scenario, with these seeds.
fn complaints(scenario: &Scenario, seeds: impl Iterator<Item = u64>) -> Vec<String> {
    let mut found = Vec::new();
    for seed in seeds {
        let what = format!("{} seed {seed}", scenario.name);
        match scenario.simulate(seed) {
            Ok(recording) => {
                for trace in &recording.traces {
                    found.extend(alone(trace).map(|why| format!("{what}, alone: {why}")));
                }
                let has_lives = recording.traces.iter().any(|trace| trace.life > 1);
                for is_reversed in [false, true].into_iter().filter(|is_reversed| has_lives || !is_reversed) {
                    let refused = together(&recording, is_reversed);
                    found.extend(refused.map(|why| format!("{what}, together (reversed: {is_reversed}): {why}")));
                }
            }
            Err(error) => found.push(error.to_string()),
        }
    }
    found
}

fn all_accepted(scenarios: &Scenarios, seeds: u64) {
    let mut failed = 0;
    for scenario in scenarios.iter() {
        let found = complaints(scenario, 0..seeds);
        println!("{:26} {:5} refused of {seeds} runs", scenario.name, found.len());
        found.iter().take(4).for_each(|complaint| println!("  {complaint}"));
        failed += found.len();
    }
    assert_eq!(failed, 0, "refused");
}

#[test]
fn every_file_alone_and_all_files_of_a_run_together_are_accepted() {
    all_accepted(&scenarios(), seeds());
}

/// Networks in which one node's own order says little of the other's, and recordings that begin anywhere.
const HARD: &str = r#"
format = "midcomms-scenarios"
version = 1

[[scenario]]
name = "accepted-in-any-order"
text = "Connections break while others wait to be accepted."
network = { accept_ms = [0, 300] }
simulation_only = "when connections are accepted is the system's"
steps = [
  { join = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [20, 60], gap_ms = [0, 10], breaks = [4, 10] } },
  { wait = { ms = 500 } },
  { rest = {} },
  { leave = { nodes = [1, 2] } },
  { closed = {} },
]
expect = { delivers = [[1, 2], [2, 1]], breaks = 3 }

[[scenario]]
name = "overtaken"
text = "What is written to one connection overtakes what was written to another one."
network = { latency_ms = [0, 40], accept_ms = [0, 30] }
simulation_only = "the order across connections is the system's"
steps = [
  { join = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [20, 60], gap_ms = [0, 5], breaks = [4, 10] } },
  { rest = {} },
  { leave = { nodes = [1] } },
  { closed = {} },
  { join = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [5, 20], gap_ms = [0, 5], breaks = [1, 3] } },
  { rest = {} },
  { leave = { nodes = [2] } },
  { closed = {} },
]
expect = { delivers = [[1, 2], [2, 1]], breaks = 3 }

[[scenario]]
name = "begun-between-breaks"
text = "The recording begins in the middle of a session with several breaks, which ends and begins again."
network = { latency_ms = [0, 6] }
steps = [
  { join = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [30, 60], gap_ms = [0, 2], breaks = [0, 2] } },
  { rest = {} },
  { begin-recording = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [30, 60], gap_ms = [0, 2], breaks = [2, 5] } },
  { rest = {} },
  { leave = { nodes = [1] } },
  { closed = {} },
  { join = { nodes = [1, 2] } },
  { traffic = { between = [1, 2], count = [5, 20], gap_ms = [0, 5], breaks = [0, 3] } },
  { rest = {} },
  { leave = { nodes = [1, 2] } },
  { closed = {} },
]
expect = { delivers = [[1, 2], [2, 1]], breaks = 2 }
"#;

#[test]
fn so_they_are_where_connections_overtake_each_other_and_recordings_begin_late() {
    all_accepted(&Scenarios::parse("hard", HARD).unwrap(), 5 * seeds());
}
