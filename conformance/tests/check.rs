//! `midcomms check` as its users meet it: rows, expectations, variants, output, exit codes.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use midcomms_conformance::check::models::Models;
use midcomms_conformance::check::report::markdown;
use serde_json::Value;
use tempfile::TempDir;

const EMPTY: &str = "# Mine.\nformat = \"midcomms-models\"\nversion = 1\n";

/// One world that is explored in no time.
const MILD: [&str; 4] = ["--revision", "linux-6.12", "--environment", "mild"];

fn check(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    command.arg("check").args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

/// A file of its own.
struct File {
    _directory: TempDir,
    path: PathBuf,
}

impl File {
    fn new(name: &str, text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        Self { _directory: directory, path }
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }
}

/// A models.toml that knows what comes out of [`MILD`].
fn accepted() -> File {
    let file = File::new("models.toml", EMPTY);
    let output = check(&[&MILD[..], &["--models", file.name(), "--accept"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    file
}

// Expectations.

#[test]
fn what_was_accepted_is_as_expected() {
    let file = accepted();
    assert!(file.text().starts_with("# Mine.\n"), "{}", file.text());
    let output = check(&[&MILD[..], &["--models", file.name()]].concat());
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("all as expected"), "{}", stdout(&output));
}

#[test]
fn accepting_twice_changes_nothing() {
    let file = accepted();
    let first = file.text();
    let output = check(&[&MILD[..], &["--models", file.name(), "--accept"]].concat());
    assert!(stdout(&output).contains("0 worlds added, 0 changed, 0 removed"), "{}", stdout(&output));
    assert_eq!(file.text(), first);
}

#[test]
fn a_row_that_nobody_accepted_is_a_difference() {
    let file = File::new("models.toml", EMPTY);
    let output = check(&[&MILD[..], &["--models", file.name()]].concat());
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("linux-6.12, mild: row: expected an entry"), "{}", stdout(&output));
}

#[test]
fn one_state_more_is_a_difference() {
    let file = accepted();
    let text = file.text();
    let line = text.lines().find(|line| line.starts_with("states = ")).unwrap();
    fs::write(&file.path, text.replace(line, &format!("{line}0"))).unwrap();
    let output = check(&[&MILD[..], &["--models", file.name()]].concat());
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("linux-6.12, mild: states: expected "), "{}", stdout(&output));
}

#[test]
fn a_changed_verdict_is_accepted_only_with_a_reason() {
    let file = accepted();
    let text = file.text();
    let line = text.lines().find(|line| line.starts_with("violated = ")).unwrap();
    fs::write(&file.path, text.replace(line, "violated = { NoGhost = 3 }")).unwrap();
    let before = file.text();
    for why in [&[][..], &["--why", ""]] {
        let output = check(&[&MILD[..], &["--models", file.name(), "--accept"], why].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("NoGhost: was violated in 3 steps, is holds"), "{}", stderr(&output));
        assert_eq!(file.text(), before, "nothing is written");
    }
    let output = check(&[&MILD[..], &["--models", file.name(), "--accept", "--why", "it was a mistake"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(file.text().contains("why = \"it was a mistake\""));
}

// Budgets.

#[test]
fn a_budget_that_runs_out_is_no_pass() {
    for budget in [["--max-states", "100"], ["--time", "1ms"], ["--max-memory", "1kB"]] {
        let arguments = ["--revision", "linux-6.12", "--environment", "timeout", "--property", "UsersConsistent"];
        let output = check(&[&arguments[..], &budget].concat());
        assert_eq!(code(&output), 3, "{budget:?}: {}", stdout(&output));
        assert!(stdout(&output).contains("incomplete: "), "{}", stdout(&output));
        assert!(!stdout(&output).contains("holds"), "{}", stdout(&output));
    }
}

#[test]
fn a_search_goes_on_from_its_checkpoint_to_the_same_counts() {
    let file = File::new("search", "");
    let arguments = ["--revision", "hardened", "--environment", "rejoin", "--format", "json"];
    let cut = check(&[&arguments[..], &["--max-states", "2000", "--checkpoint", file.name()]].concat());
    assert_eq!(code(&cut), 3, "{}{}", stdout(&cut), stderr(&cut));
    let resumed = json(&check(&[&arguments[..], &["--resume", file.name()]].concat()));
    let whole = json(&check(&arguments));
    for field in ["states", "transitions", "depth"] {
        assert_eq!(resumed["rows"][0][field], whole["rows"][0][field], "{field}");
    }
    let elsewhere = check(&["--revision", "linux-6.12", "--environment", "rejoin", "--resume", file.name()]);
    assert_eq!(code(&elsewhere), 2);
    assert!(stderr(&elsewhere).contains("of another space"), "{}", stderr(&elsewhere));
}

// Forms.

#[test]
fn json_has_a_row_for_each_property() {
    let report = json(&check(&[&MILD[..], &["--format", "json"]].concat()));
    assert_eq!((report["format"].as_str(), report["version"].as_u64()), (Some("midcomms-check"), Some(1)));
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 14);
    for row in rows {
        assert_eq!(row["revision"], "linux-6.12");
        assert!(row["states"].as_u64().unwrap() > 0);
        assert_eq!(row["verdict"] == "violated", row["steps"].is_u64(), "{row}");
        for field in ["environment", "defect", "measure", "property", "transitions", "depth", "seconds", "expected"] {
            assert!(row.get(field).is_some(), "{field}");
        }
    }
}

#[test]
fn junit_counts_a_case_for_each_property() {
    let file = accepted();
    let output = check(&[&MILD[..], &["--models", file.name(), "--format", "junit"]].concat());
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("tests=\"14\"") && text.contains("failures=\"0\""), "{text}");
}

#[test]
fn a_single_violated_row_tells_its_story() {
    let output = check(&[&MILD[..], &["--property", "queuedrains"]].concat());
    assert!(stdout(&output).contains("QueueDrains") && stdout(&output).contains("   1. "), "{}", stdout(&output));
}

#[test]
fn stateright_says_what_it_does_not_check() {
    let arguments = [&MILD[..], &["--engine", "stateright-dfs", "--format", "json"]].concat();
    let report = json(&check(&arguments));
    let of =
        |name: &str| report["rows"].as_array().unwrap().iter().find(|row| row["property"] == name).unwrap().clone();
    assert_eq!(of("CleanClosed")["verdict"], "holds");
    assert_eq!(of("NoLoss")["verdict"], "not checked");
    let unchecked = check(&[&MILD[..], &["--engine", "stateright-bfs", "--property", "NoLoss"]].concat());
    assert_ne!(code(&unchecked), 0, "nothing was checked");
}

#[test]
fn three_engines_count_alike() {
    let output = check(&["--verify", "--environment", "mild,both-leave"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(!stdout(&output).contains("FAIL"), "{}", stdout(&output));
}

#[test]
fn the_matrix_in_the_readme_is_that_of_models_toml() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(readme).unwrap();
    let (_, rest) = text.split_once("<!-- matrix:begin -->\n").unwrap();
    let (block, _) = rest.split_once("<!-- matrix:end -->").unwrap();
    let expected = markdown(&Models::built_in().unwrap().worlds);
    assert_eq!(block.trim(), expected.trim(), "write it with `midcomms check --format markdown`");
}

// Variants.

#[test]
fn a_variant_is_told_by_what_it_changes() {
    let file = File::new("idle.toml", "base = \"linux-6.12\"\n[rules]\nidle-ack = true\n");
    let arguments = ["--variant", file.name(), "--environment", "mild"];
    let output = check(&arguments);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("what idle keeps, and linux-6.12 violates:"), "{}", stdout(&output));
    let output = check(&[&arguments[..], &["--against", "hardened"]].concat());
    assert!(stdout(&output).contains("idle has the verdicts of hardened"), "{}", stdout(&output));
}

#[test]
fn a_variant_that_breaks_what_held_fails() {
    let file = File::new("worse.toml", "base = \"hardened\"\n[rules]\nidle-ack = false\ncommits = false\n");
    let output = check(&["--variant", file.name(), "--environment", "mild", "--format", "json"]);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    let changes = json(&output)["changes"].as_array().unwrap().clone();
    assert!(changes.iter().all(|change| change["after"] == "violated"), "{changes:?}");
}

// Bad input.

#[test]
fn bad_input_is_refused_with_what_is_known() {
    let half = File::new("half.toml", "base = \"linux-6.12\"\n[rules\n");
    let typo = File::new("typo.toml", "base = \"linux-6.12\"\n[rules]\nidel-ack = true\n");
    let later = File::new("models.toml", "format = \"midcomms-models\"\nversion = 9\n");
    for (arguments, wanted) in [
        (&["--revision", "linux-6.13"][..], "known: linux-5.14"),
        (&["--environment", "milt"], "did you mean `mild`"),
        (&["--property", "NoLos"], "did you mean `NoLoss`"),
        (&["--defect", "D99"], "no defect is called `D99`"),
        (&["--measure", "HRD-99"], "no measure is called `HRD-99`"),
        (&["--max-memory", "7"], "a size with its unit"),
        (&["--max-states", "0"], "a number above 0"),
        (&["--threads", "0"], "--threads"),
        (&["--why", "x"], "--accept"),
        (&["--defects", "--hazards"], "cannot be used with"),
        (&["--defects", "--environment", "mild"], "take no filter"),
        (&["--engine", "stateright-bfs", "--time", "9s"], "--time needs our own engine"),
        (&["--against", "hardened"], "--variant"),
        (&["--variant", "no-such.toml"], "no-such.toml"),
        (&["--variant", half.name()], "half.toml:2: "),
        (&["--variant", typo.name()], "typo.toml:3: no rule is called `idel-ack`; did you mean `idle-ack`"),
        (&["--models", "no-such.toml"], "no-such.toml"),
        (&["--models", later.name()], "version 9"),
        (&["--checkpoint", "x"], "are for one world"),
        (&["--environment", "mild", "--revision", "hardened", "--resume", "no-such-file"], "no-such-file"),
    ] {
        let output = check(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(wanted), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn the_rules_are_listed_as_a_variant_writes_them() {
    let output = check(&["--rules"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("idle-ack = off | on"), "{}", stdout(&output));
}
