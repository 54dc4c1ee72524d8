//! Counterexamples of the catalogue's defects as native traces, through the binary: what `replay` says of each; and what the
//! command line refuses.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use midcomms_model::catalogue::{DEFECTS, Defect};

/// A defect whose run `replay` rejects, with the rule, and why. It accepts every other: what such a defect does wrong is in a
/// record (its state, its users, what it lost), or the cluster manager's part of it is not on the wire, and each message by
/// itself is one that a node without the defect may send.
const REJECTED: [(&str, &str, &str); 2] = [
    ("D5", "RCV-5", "the model's threshold ACK comes after one message, and one of linux-6.12 after 33"),
    ("D9", "RCV-5", "likewise"),
];

fn midcomms(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_midcomms")).args(args).output().expect("midcomms runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn exported(defect: &Defect, file: &Path) -> serde_json::Value {
    let file = file.to_str().unwrap();
    let args = ["check", "-q", "--defect", defect.id, "--property", defect.property.name(), "--export", file];
    let output = midcomms(&args);
    assert!(Path::new(file).exists(), "{}: {}", defect.id, text(&output.stderr));
    let trace = std::fs::read_to_string(file).unwrap();
    serde_json::from_str(trace.lines().next().unwrap()).unwrap()
}

#[test]
fn an_exported_defect_names_its_base_and_is_judged_as_the_table_says() {
    let directory = tempfile::tempdir().unwrap();
    for defect in DEFECTS {
        let file = directory.path().join(format!("{}.jsonl", defect.id));
        let head = exported(defect, &file);
        // What a hardened node says first is not exported, so the trace cannot be held to that revision.
        let revision = Some(defect.base.name()).filter(|name| *name != "hardened");
        assert_eq!(head["nodes"][0]["revision"].as_str(), revision, "{}", defect.id);
        assert!(head["origin"].as_str().unwrap().contains(&format!("with {}", defect.id)), "{head}");
        let output = midcomms(&["replay", file.to_str().unwrap()]);
        let told = text(&output.stdout);
        match REJECTED.iter().find(|(id, ..)| *id == defect.id) {
            Some((id, rule, why)) => assert!(told.contains(&format!("error[{rule}]")), "{id} ({why}): {told}"),
            None => assert_eq!(output.status.code(), Some(0), "{}: {told}", defect.id),
        }
        assert!(!told.contains("which is no revision that replay knows"), "{}: {told}", defect.id);
    }
}

/// Exit code and standard error.
fn refused(args: &[&str]) -> String {
    let output = midcomms(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn what_would_be_ignored_or_cannot_be_written_is_refused_before_the_search() {
    const VARIANT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/variants/idle-ack.toml");
    refused(&["check", "--variant", VARIANT, "--accept"]);
    refused(&["check", "--expected", "--revision", "hardened"]);
    refused(&["check", "--verify", "--format", "json"]);
    refused(&["check", "--rules", "--story"]);
    let lacks = refused(&["check", "--revision", "linux-6.12", "--measure", "HRD-1"]);
    assert!(lacks.contains("linux-6.12 does not have HRD-1"), "{lacks}");
    let nowhere = refused(&["check", "--environment", "deep", "--chart", "/no/such/directory/a.svg"]);
    assert!(nowhere.contains("there is no directory /no/such/directory"), "{nowhere}");
}

#[test]
fn a_variant_is_told_and_exported_and_the_command_for_its_story_works() {
    const VARIANT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/variants/idle-ack.toml");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ghost.jsonl");
    let of = ["check", "-q", "--variant", VARIANT, "--environment", "mild"];
    let output =
        midcomms(&[&of[..], &["--property", "NoGhost", "--story", "--export", file.to_str().unwrap()]].concat());
    let told = text(&output.stdout);
    assert!(
        told.contains("idle-ack, environment mild") && told.contains("for no join") || told.contains("NoGhost"),
        "{told}"
    );
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(trace.lines().next().unwrap().contains("\"revision\":\"linux-6.12\""), "{trace}");
    let all = text(&midcomms(&of).stdout);
    assert!(all.contains(&format!("midcomms check --variant {VARIANT} --environment mild --story")), "{all}");
}

#[test]
fn a_revision_that_is_named_twice_is_explored_once() {
    let output = midcomms(&["check", "-q", "--revision", "hardened,hardened", "--environment", "mild"]);
    assert!(text(&output.stdout).contains("check: 1 world, 4 087 states, 14 rows"), "{}", text(&output.stdout));
}

#[test]
fn who_resumes_another_world_is_told_what_differs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("saved");
    let of = |revision| ["check", "-q", "--environment", "rejoin", "--revision", revision];
    let file = file.to_str().unwrap();
    midcomms(&[&of("hardened")[..], &["--max-states", "10k", "--checkpoint", file]].concat());
    let told = refused(&[&of("linux-6.12")[..], &["--resume", file]].concat());
    assert!(
        told.contains("node 1: life-ids = none") && !told.contains("Environment {") && told.len() < 2_000,
        "{told}"
    );
}

#[test]
fn a_revision_that_replay_does_not_know_is_said_to_be_taken_as_any() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("unknown.jsonl");
    let head = r#"{"format":"midcomms-trace","version":1,"nodes":[{"id":1,"revision":"linux-9"},{"id":2}]}"#;
    std::fs::write(&file, format!("{head}\n")).unwrap();
    let told = text(&midcomms(&["replay", file.to_str().unwrap()]).stdout);
    assert!(told.contains("node 1 speaks `linux-9`, which is no revision that replay knows"), "{told}");
}
