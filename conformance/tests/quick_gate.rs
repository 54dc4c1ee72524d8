//! The quick profile of the gate, as `.ci/mutants` runs it against every mutant.

use std::process::Command;

/// The seed is fixed: whether a mutant is caught must not depend on luck.
#[test]
fn the_quick_gate_is_green() {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut gate = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    let ran = gate.args(["gate", "--profile", "quick", "--seed", "1"]).current_dir(top).output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{text}{}", String::from_utf8_lossy(&ran.stderr));
}
