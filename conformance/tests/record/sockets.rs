//! Over real sockets.

use midcomms_conformance::record::{Exact, Form, RecordError, Recording};

use super::{accept, named};

fn run(name: &str, form: Form) -> Recording {
    let recording = named(name).run_over_sockets(1, form).unwrap_or_else(|error| panic!("{error}"));
    accept(&recording, name);
    recording
}

#[test]
fn half_closing_over_sockets_is_accepted() {
    let recording = run("half-close", Form::Lines);
    assert!(recording.story.direction(2, 1).delivered >= 10, "{:?}", recording.story);
}

#[test]
fn crossing_fins_over_sockets_are_accepted() {
    run("simultaneous-close", Form::Compact);
}

#[test]
fn breaks_over_sockets_are_accepted() {
    let recording = run("breaks", Form::Lines);
    assert!(recording.story.breaks >= 3, "{:?}", recording.story);
}

#[test]
fn a_crash_and_a_rejoin_over_sockets_are_accepted() {
    let recording = run("crash-and-rejoin", Form::Compact);
    assert_eq!(recording.traces.len(), 3);
}

#[test]
fn a_recording_that_begins_in_the_middle_is_exact_over_sockets_too() {
    let exact = Exact::of(&run("late-recording", Form::Lines)).unwrap();
    assert!(exact.events > 50);
    assert_eq!(exact.missing(&named("late-recording")), None);
}

#[test]
fn what_sockets_cannot_do_is_refused_with_a_reason() {
    for name in ["stale-connection", "peer-3.1", "wrap", "silent-death"] {
        let refused = named(name).run_over_sockets(1, Form::Lines);
        assert!(matches!(refused, Err(RecordError::SimulationOnly { .. })), "{name}");
    }
}
