//! `midcomms decode`: every message, one line.

use serde_json::Value;

use super::{Desk, code, kernel, midcomms, record, stderr, stdout, unpacked};

fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = midcomms(&[&["decode", "--format", "jsonl"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lines_begin_with_a_head_and_hold_every_message() {
    let lines = lines(&["--messages-only", &kernel("clean-k612")]);
    assert_eq!(lines[0], serde_json::json!({"format": "midcomms-decode", "version": 1}));
    assert_eq!(lines.len(), 1 + 596);
    let expected = serde_json::json!({
        "frame": 119, "time": 1_795_327_693.070_387, "connection": "c1", "from": "10.0.0.1:59205",
        "to": "10.0.0.2:21064", "cmd": "OPTS", "seq": 2, "inner": "MSG", "type": "LOOKUP", "length": 120, "nodeid": 1
    });
    let found = lines.iter().find(|line| line["frame"] == 119).unwrap();
    assert_eq!(found["type"], expected["type"]);
    assert_eq!(*found, expected);
}

#[test]
fn bare_rcom_and_fin_are_decoded() {
    let lines = lines(&["--messages-only", &kernel("clean-k612")]);
    let status = lines.iter().find(|line| line["frame"] == 15).unwrap();
    assert_eq!((&status["cmd"], &status["type"]), (&"RCOM".into(), &"STATUS".into()));
    assert!(status["seq"].is_null() && status["inner"].is_null());
    let fins: Vec<_> = lines.iter().filter(|line| line["inner"] == "FIN").map(|line| &line["seq"]).collect();
    assert_eq!(fins, [243, 288]);
}

#[test]
fn connections_opening_and_closing_are_lines_too() {
    let lines = lines(&[&kernel("clean-k612")]);
    let first = &lines[1];
    assert_eq!((&first["event"], &first["transport"]), (&"opened".into(), &"tcp".into()));
    assert_eq!(first["complete"], true);
    assert!(lines.iter().any(|line| line["event"] == "finished"));
    assert!(lines.iter().skip(1).all(|line| line["event"].is_string() != line["length"].is_u64()));
}

#[test]
fn text_has_one_line_for_each_message() {
    let output = midcomms(&["decode", "--messages-only", &kernel("clean-k612")]);
    let text = stdout(&output);
    assert!(text.starts_with("# frame"));
    assert_eq!(text.lines().count(), 1 + 596);
    let line = text.lines().find(|line| line.trim_start().starts_with("581 ")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[2..], ["c2", "10.0.0.2:32811", ">", "10.0.0.1:21064", "OPTS", "243", "FIN", "-", "40", "2"]);
}

#[test]
fn times_are_dates_when_asked_for() {
    let output = midcomms(&["decode", "--absolute", &kernel("clean-k612")]);
    assert!(stdout(&output).contains("2026-11-22 06:08:13.070387 UTC c1"));
}

#[test]
fn what_cannot_be_decoded_is_a_line_with_the_reason() {
    let desk = Desk::new();
    let mut pcap = unpacked("clean-k612");
    let payload = record(&pcap, 15) + super::RECORD_HEAD + 14 + 20 + 32;
    pcap[payload + 14] = 9;
    let file = desk.write("cmd-9.pcap", &pcap);
    let line = lines(&["--messages-only", &file]).into_iter().find(|line| line["frame"] == 15).unwrap();
    assert_eq!((&line["cmd"], &line["length"]), (&"9".into(), &64.into()));
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("expected a command from 1 to 5, got 9 at byte 14"), "{error}");
}

#[test]
fn a_hole_is_a_line() {
    let desk = Desk::new();
    let pcap = unpacked("clean-k612");
    let (from, to) = (record(&pcap, 140), record(&pcap, 141));
    let file = desk.write("hole.pcap", &[&pcap[..from], &pcap[to..]].concat());
    let lines = lines(&[&file]);
    let hole = lines.iter().find(|line| line["event"] == "hole").unwrap();
    assert_eq!(hole["reason"], "lost");
    assert!(hole["hole"].is_u64());
}

#[test]
fn several_files_are_told_apart() {
    let files = [kernel("clean-k612"), kernel("clean-k61")];
    let named: Vec<_> = lines(&["--messages-only", &files[0], &files[1]])
        .into_iter()
        .filter_map(|line| line["file"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(named, files);
}
