//! A search that is interrupted and goes on is the search without interruption; a bad file is an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use midcomms_model::engine::{
    Checkpoint, Class, Ended, EngineError, Exploration, Facts, Id, Options, Space, Steps, explore, explore_saving,
    resume,
};
use std::path::Path;
use std::time::Duration;

/// Two counters and a sum that runs round.
struct Grid;

impl Space for Grid {
    type State = [u64; 3];
    type Action = &'static str;

    fn initial(&self) -> Vec<[u64; 3]> {
        vec![[0; 3]]
    }

    fn expand(&self, [a, b, c]: &[u64; 3], out: &mut impl Steps<Self>) -> Facts {
        if *a < 30 {
            out.step("a", 0, u64::from(a + b == 40) << 1, [a + 1, *b, (c + a) % 17]);
        }
        if *b < 30 {
            out.step("b", 0, 0, [*a, b + 1, (c + 3) % 17]);
        }
        Facts { violated: u64::from(a * b == 77), ..Facts::default() }
    }

    fn classes(&self) -> &[Class] {
        &[Class { name: "counters", may_be_strong: false, mechanism: "a test" }]
    }
}

fn options() -> Options<'static> {
    Options { safety: 3, goals: 1, ..Options::default() }
}

fn checkpoint(directory: &Path) -> Checkpoint {
    Checkpoint { file: directory.join("search"), every: Duration::from_secs(3600), description: "grid".to_owned() }
}

type All = (Vec<(Id, [u64; 3], Option<Id>)>, u64, u32, Vec<Vec<&'static str>>);

fn all(run: &Exploration<'_, Grid>) -> All {
    let states = run.all().map(|(id, state)| (id, *state, run.parent(id))).collect();
    let paths = [0, 1].map(|bit| run.counterexample(bit).unwrap().unwrap().steps.iter().map(|s| s.action).collect());
    (states, run.transitions, run.depth, paths.to_vec())
}

#[test]
fn an_interrupted_search_gives_the_same_result() {
    let directory = tempfile::tempdir().unwrap();
    let at = checkpoint(directory.path());
    let whole = explore(&Grid, &options()).unwrap();
    let mut interruptions = 0;
    let mut run = explore_saving(&Grid, &Options { max_states: 50, ..options() }, &at).unwrap();
    while run.ended != Ended::Exhausted {
        interruptions += 1;
        let threads = 1 + interruptions % 3;
        let max_states = run.states + 100;
        run = resume(&Grid, &Options { max_states, threads, ..options() }, &at).unwrap();
    }
    assert!(interruptions > 5, "{interruptions}");
    assert!(all(&run) == all(&whole));
}

#[test]
fn a_search_is_saved_between_blocks_and_can_be_resumed_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let at = Checkpoint { every: Duration::ZERO, ..checkpoint(directory.path()) };
    let whole = explore_saving(&Grid, &options(), &at).unwrap();
    let again = resume(&Grid, &options(), &at).unwrap();
    assert!(all(&again) == all(&whole));
    assert!(!directory.path().join("search.new").exists());
}

fn saved(directory: &Path) -> (Checkpoint, Vec<u8>) {
    let at = checkpoint(directory);
    explore_saving(&Grid, &Options { max_states: 60, ..options() }, &at).unwrap();
    let bytes = std::fs::read(&at.file).unwrap();
    (at, bytes)
}

#[test]
fn every_truncation_is_an_error_that_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let (at, bytes) = saved(directory.path());
    for len in (0..bytes.len()).step_by(3) {
        std::fs::write(&at.file, &bytes[..len]).unwrap();
        match resume(&Grid, &options(), &at) {
            Err(EngineError::Damaged { file, offset, .. }) => assert!(file == at.file && offset <= len as u64),
            other => panic!("{len} bytes: {:?}", other.map(|run| run.states)),
        }
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let (at, bytes) = saved(directory.path());
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x11;
        std::fs::write(&at.file, &bytes).unwrap();
        let result = resume(&Grid, &options(), &at).map(|run| run.states);
        assert!(
            matches!(result, Err(EngineError::Damaged { .. } | EngineError::OtherSpace { .. })),
            "byte {place}: {result:?}"
        );
    }
}

#[test]
fn a_longer_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let (at, mut bytes) = saved(directory.path());
    bytes.push(0);
    std::fs::write(&at.file, &bytes).unwrap();
    let message = resume(&Grid, &options(), &at).unwrap_err().to_string();
    assert!(message.contains("search at byte") && message.contains("something follows the end"), "{message}");
}

#[test]
fn a_search_of_something_else_is_not_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let (at, _) = saved(directory.path());
    let other = Checkpoint { description: "another grid".to_owned(), ..at.clone() };
    let message = resume(&Grid, &options(), &other).unwrap_err().to_string();
    assert!(message.contains("expected another grid; got grid"), "{message}");
    assert!(resume(&Grid, &Options { safety: 1, ..options() }, &at).is_err(), "other properties");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(resume(&Grid, &options(), &checkpoint(directory.path())), Err(EngineError::Io { .. })));
}
