//! `midcomms replay` of native traces: together, from the standard input, and while they are written.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use midcomms::recording::{Bodies, Options, Origin, Recorder};
use midcomms::wire::NodeId;

use super::recorded::Recording;
use super::world::{World, busy};
use super::{Desk, code, json, midcomms, stderr, stdout};

fn recordings() -> [(String, Vec<u8>); 2] {
    let recordings = [1, 2].map(|node| Recording::new(node, Bodies::Sample));
    let mut world = World::new(9, recordings.each_ref().map(Recording::observer));
    world.join();
    busy(&mut world, 100, true);
    world.leave();
    drop(world);
    recordings.map(Recording::finish)
}

#[test]
fn two_nodes_together_are_each_judged_and_against_each_other() {
    let desk = Desk::new();
    let [one, two] = recordings();
    let (one, two) = (desk.write("node1.jsonl", one.0.as_bytes()), desk.write("node2.mct", &two.1));
    let output = midcomms(&["replay", "--together", &one, &two]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("record of node 1 about 2  exact: ")
            && text.contains("as node 1 wrote and node 2 read it: the same"),
        "{text}"
    );
    let report = json(&midcomms(&["replay", "--together", desk.path("").to_str().unwrap(), "--format", "json"]));
    assert_eq!(report["files"].as_array().unwrap().len(), 2);
    assert_eq!(report["files"][0]["exact"][0]["gaps"], 0);
    assert!(report["files"][1]["between"][0]["delivered"].as_u64().unwrap() > 10, "{report}");
}

#[test]
fn a_falsified_event_is_refused_at_its_line_and_named() {
    let desk = Desk::new();
    let [one, _] = recordings();
    let line = one.0.lines().position(|line| line.contains("\"ESTABLISHED\"")).unwrap();
    let falsified = one.0.replacen("\"users\":1", "\"users\":2", 1);
    let output = midcomms(&["replay", &desk.write("node1.jsonl", falsified.as_bytes())]);
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(text.contains("HRD-5") && text.contains("users 2"), "{text}");
    assert!(text.contains(&format!("exact up to line {}", line + 1)), "{text}");
}

#[test]
fn either_form_is_read_from_the_standard_input() {
    let [one, two] = recordings();
    for bytes in [one.0.as_bytes(), &two.1] {
        for more in [&[][..], &["--follow"]] {
            let mut child = spawn(&[&["replay", "-"], more].concat());
            child.stdin.take().unwrap().write_all(bytes).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            assert!(stdout(&output).contains("1 accepted"), "{}", stdout(&output));
        }
    }
}

fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn append(path: &str, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_trace_that_grows_is_followed_and_a_rejection_is_told_as_it_comes() {
    let desk = Desk::new();
    let [one, _] = recordings();
    let lines: Vec<_> = one.0.lines().collect();
    let at = lines.iter().rposition(|line| line.contains("\"queue\"")).unwrap();
    let wrong = lines[at].replacen("\"seq_next\":", "\"seq_next\":1", 1);
    let path = desk.write("node1.jsonl", format!("{}\n", lines[..at].join("\n")).as_bytes());
    let mut child = spawn(&["replay", "--follow", &path]);
    let (begun, rest) = wrong.split_at(20);
    append(&path, begun.as_bytes());
    std::thread::sleep(Duration::from_millis(300));
    append(&path, format!("{rest}\n{}\n", lines[at + 1]).as_bytes());
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("expected") {
        assert_ne!(told.read_line(&mut text).unwrap(), 0, "{text}");
    }
    assert!(text.contains("REC-1"), "{text}");
    append(&path, b"{\"event\":\"wri");
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1), "a rejection, and a half-written line is no damage");
}

#[test]
fn a_compact_trace_is_followed_into_its_next_file_and_to_its_end() {
    let desk = Desk::new();
    let options = Options { max_file_bytes: 1024, flush_interval: Duration::from_millis(20), ..Options::default() };
    let recorder = Recorder::create(desk.path(""), "node1", &Origin::new(NodeId(1)), options).unwrap();
    let mut world = World::new(9, [Some(recorder.observer()), None]);
    world.join();
    let first = desk.path("node1-000001.mct");
    while !first.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let child = spawn(&["replay", "--follow", first.to_str().unwrap(), "--format", "json"]);
    for _ in 0..5 {
        busy(&mut world, 60, true);
        std::thread::sleep(Duration::from_millis(100));
    }
    world.leave();
    drop(world);
    let status = recorder.finish();
    assert!(status.files > 2 && status.lost == 0, "{status:?}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let exact = &json(&output)["files"][0]["exact"][0];
    assert_eq!(exact["events"], exact["judged"], "{exact}");
    assert!(exact["events"].as_u64().unwrap() >= status.written, "{exact} {status:?}");
}

#[test]
fn a_compact_trace_whose_block_is_half_written_waits_for_the_rest() {
    let desk = Desk::new();
    let [one, _] = recordings();
    let path = desk.write("node1-000001.mct", &one.1[..one.1.len() / 2]);
    let child = spawn(&["replay", "--follow", &path]);
    std::thread::sleep(Duration::from_millis(200));
    append(&path, &one.1[one.1.len() / 2..]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("exact: ") && !stdout(&output).contains("note:"), "{}", stdout(&output));
}
