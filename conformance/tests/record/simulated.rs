//! In simulation.

use std::collections::BTreeSet;
use std::time::Instant;

use midcomms::midcomms::State;
use midcomms_conformance::record::{Form, RecordError, Spoken};

use super::{accept, named, scenarios};

/// How many seeds each scenario is run with: `MIDCOMMS_RECORD_SEEDS`.
fn seeds() -> u64 {
    std::env::var("MIDCOMMS_RECORD_SEEDS").ok().map_or(200, |typed| typed.parse().unwrap())
}

#[test]
fn every_scenario_shows_what_it_promises_and_its_recordings_are_accepted() {
    let mut failures = Vec::new();
    for scenario in scenarios().iter() {
        let begin = Instant::now();
        for seed in 0..seeds() {
            match scenario.simulate(seed) {
                Ok(recording) => accept(&recording, &format!("{}, seed {seed}", scenario.name)),
                Err(error) => failures.push(error.to_string()),
            }
        }
        println!("{:26} {:9.3} ms each", scenario.name, begin.elapsed().as_secs_f64() * 1e3 / seeds() as f64);
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for scenario in scenarios().iter() {
        let forms = [Form::Lines, Form::Compact].into_iter().filter(|form| scenario.check_form(*form).is_ok());
        for form in forms {
            let [one, other] = [(); 2].map(|()| scenario.simulate_as(7, form).unwrap());
            assert!(one == other, "{}: {form:?}", scenario.name);
            let next = scenario.simulate_as(8, form).unwrap();
            assert!(one.traces != next.traces, "{}: {form:?}: the seed changes nothing", scenario.name);
        }
    }
}

#[test]
fn the_compact_form_is_accepted_too() {
    let mut lines_only = Vec::new();
    for scenario in scenarios().iter() {
        match scenario.simulate_as(3, Form::Compact) {
            Ok(recording) => accept(&recording, &format!("{}, compact", scenario.name)),
            Err(RecordError::LinesOnly { scenario }) => lines_only.push(scenario),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(lines_only, ["wrap", "late-recording"]);
}

#[test]
fn every_state_of_a_record_is_visited() {
    let mut visited = BTreeSet::new();
    for scenario in scenarios().iter() {
        let story = scenario.simulate(1).unwrap().story;
        visited.extend(story.records.values().flat_map(|record| record.visits.clone()));
    }
    assert_eq!(visited, BTreeSet::from(State::ALL));
}

#[test]
fn a_node_of_3_1_is_not_recorded() {
    let scenario = named("mixed-versions");
    let recording = scenario.simulate(1).unwrap();
    let nodes: Vec<u32> = recording.traces.iter().map(|trace| trace.node).collect();
    assert_eq!(scenario.spoken(2), Some(Spoken::Old));
    assert_eq!(nodes, [1, 3]);
}

#[test]
fn each_life_of_a_node_has_a_trace_of_its_own() {
    let recording = named("crash-and-rejoin").simulate(1).unwrap();
    let lives: Vec<_> = recording.traces.iter().map(|trace| (trace.node, trace.life)).collect();
    assert_eq!(lives, [(1, 1), (2, 1), (2, 2)]);
}

#[test]
fn a_recording_that_begins_in_the_middle_names_the_connections_that_stand() {
    let recording = named("late-recording").simulate(1).unwrap();
    for trace in &recording.traces {
        let text = String::from_utf8(trace.bytes.clone()).unwrap();
        let second = text.lines().nth(1).unwrap();
        assert!(second.contains("\"known\""), "{second}");
    }
}

#[test]
fn what_arrived_is_what_was_sent() {
    let story = named("breaks").simulate(11).unwrap().story;
    for ends in [(1, 2), (2, 1)] {
        let direction = story.direction(ends.0, ends.1);
        assert!(direction.delivered > 20 && direction.delivered == direction.sent, "{direction:?}");
    }
    assert!(story.breaks >= 3 && story.seconds > 0.0, "{story:?}");
}
