//! The golden dump of the table of transitions: every state with every stimulus. `MIDCOMMS_BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use midcomms::midcomms::{State, Stimulus, transition};

fn dump() -> String {
    let mut text = String::new();
    for state in State::ALL {
        for stimulus in Stimulus::ALL {
            let cell = transition(state, stimulus);
            match cell {
                Ok((next, actions)) => writeln!(text, "{state:<11} | {stimulus:<35} | {next:<11} | {actions:?}"),
                Err(_) => writeln!(text, "{state:<11} | {stimulus:<35} | CLS-4       |"),
            }
            .unwrap();
        }
    }
    text
}

#[test]
fn the_table_of_transitions_is_the_blessed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core/golden/transitions.txt");
    if env::var_os("MIDCOMMS_BLESS").is_some() {
        fs::write(&path, dump()).unwrap();
    }
    let blessed = fs::read_to_string(&path).unwrap();
    assert_eq!(dump(), blessed, "the table has changed: if it is meant, bless it with MIDCOMMS_BLESS=1");
}
