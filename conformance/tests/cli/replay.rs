//! `midcomms replay`: verdicts, formats, exit codes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{Desk, code, json, kernel, midcomms, stderr, stdout};

// Exit codes.

#[test]
fn accepted_is_0() {
    let output = midcomms(&["replay", &kernel("clean-k612")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("592 frames, 596 messages"), "{text}");
    assert!(text.contains("1 – 2  accepted  linux-6.12 / linux-6.12   288 + 243 delivered"), "{text}");
    assert!(text.contains("1 file, 596 messages: 1 accepted"), "{text}");
    assert!(stderr(&output).is_empty());
}

#[test]
fn rejected_is_1() {
    let desk = Desk::new();
    assert_eq!(code(&midcomms(&["replay", &desk.rejected()])), 1);
}

#[test]
fn a_stall_is_0_and_1_when_strict() {
    let arguments = ["replay", &kernel("stallhunt-k612")];
    let output = midcomms(&arguments);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert!(text.contains("accepted, stalled"), "{text}");
    assert!(text.contains("message 7860 from node 2 to node 1 never came"), "{text}");
    assert!(text.contains("1 accepted (1 stalled)"), "{text}");
    assert_eq!(code(&midcomms(&[&arguments[..], &["--strict"]].concat())), 1);
}

#[test]
fn vacuous_is_3() {
    let desk = Desk::new();
    let output = midcomms(&["replay", &desk.vacuous()]);
    assert_eq!(code(&output), 3);
    assert!(stdout(&output).contains("vacuous: no message of DLM on port 21064"));
    assert_eq!(code(&midcomms(&["replay", &kernel("clean-k612"), "--port", "21065"])), 3);
}

#[test]
fn usage_is_2() {
    for arguments in [
        &["replay"][..],
        &["replay", "x", "--budget", "0"],
        &["replay", "x", "--revision", "linux-4"],
        &["replay", "-", "-"],
        &["replay", "x", "--format", "json", "--deliveries", "-"],
        &["frobnicate"],
    ] {
        let output = midcomms(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("error:"), "{arguments:?}");
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn with_several_files_the_most_serious_code_counts() {
    let desk = Desk::new();
    let (good, rejected, vacuous) = (kernel("clean-k612"), desk.rejected(), desk.vacuous());
    let missing = desk.name("missing.pcap");
    assert_eq!(code(&midcomms(&["replay", &good, &vacuous])), 3);
    assert_eq!(code(&midcomms(&["replay", &rejected, &vacuous, &good])), 1);
    let output = midcomms(&["replay", &missing, &rejected, &vacuous, &good]);
    assert_eq!(code(&output), 2);
    let summary = stdout(&output).lines().last().unwrap().to_owned();
    assert_eq!(summary, "4 files, 1192 messages: 1 accepted, 1 rejected, 1 vacuous, 1 not judged");
}

#[test]
fn help_and_version_are_0() {
    for arguments in [&["--help"][..], &["--version"], &["replay", "--help"], &["decode", "-h"]] {
        assert_eq!(code(&midcomms(arguments)), 0, "{arguments:?}");
    }
    assert!(stdout(&midcomms(&["--version"])).contains("specification version 1"));
}

// Text.

#[test]
fn a_rejection_is_told_as_a_compiler_would() {
    let desk = Desk::new();
    let text = stdout(&midcomms(&["replay", &desk.rejected()]));
    for part in [
        "1 – 2  rejected",
        "error[NET-7]: ",
        "frame 132, 2026-11-22 06:08:13.099888 UTC, connection c1, node 1 to node 2",
        "| frame 130 c1 1 > 2: OPTS 8 MSG REQUEST_REPLY",
        "| frame 132 c1 1 > 2: OPTS 10 MSG GRANT (node 1, 144 bytes)",
        "^ got 10",
        "= expected: 9 ",
        "= rule: NET-7, model/PROTOCOL.md#net-7",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn colours_come_when_asked_for() {
    let output = midcomms(&["replay", &kernel("clean-k612"), "--color", "always"]);
    assert!(stdout(&output).contains('\u{1b}'));
}

#[test]
fn quiet_tells_only_what_is_not_plainly_accepted() {
    let desk = Desk::new();
    let output = midcomms(&["replay", "-q", &kernel("clean-k612")]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, ""));
    let output = midcomms(&["replay", "-q", &kernel("clean-k612"), &desk.rejected()]);
    assert!(stdout(&output).contains("error[NET-7]"));
    assert!(!stdout(&output).contains("clean-k612"));
}

// JSON.

#[test]
fn json_has_the_fields_of_the_schema() {
    let output = midcomms(&["replay", "--format", "json", &kernel("clean-k612")]);
    let report = json(&output);
    assert_eq!(report["format"], "midcomms-replay");
    assert_eq!(report["version"], 1);
    let file = &report["files"][0];
    assert_eq!(file["path"].as_str().unwrap(), kernel("clean-k612"));
    assert_eq!((&file["verdict"], &file["frames"]), (&"accepted".into(), &592.into()));
    assert_eq!((&file["messages"], &file["holes"]), (&596.into(), &0.into()));
    let pair = &file["pairs"][0];
    let node = serde_json::json!({"id": 1, "address": "10.0.0.1", "revisions": ["linux-6.12"]});
    assert_eq!(pair["nodes"][0], node);
    let direction = serde_json::json!({
        "from": 1, "to": 2, "delivered": 288, "delivered_msg": 286, "retransmitted": 0, "duplicates": 0,
        "gaps": 0, "acks": 8, "fins": 1, "incarnations": 1
    });
    assert_eq!(pair["directions"][0], direction);
    assert_eq!(pair["breaks"], 0);
    assert_eq!(pair["stalls"], serde_json::json!([]));
    assert_eq!(pair["obligations"], serde_json::json!([]));
    assert!(pair["rejection"].is_null() && pair["frontier"]["max"].is_u64());
}

#[test]
fn json_tells_a_rejection_a_stall_and_a_missing_file() {
    let desk = Desk::new();
    let missing = desk.name("missing.pcap");
    let stalled = kernel("stallhunt-k612");
    let arguments = ["replay", "--format", "json", &desk.rejected(), &stalled, &missing];
    let report = json(&midcomms(&arguments));
    let rejection = &report["files"][0]["pairs"][0]["rejection"];
    assert_eq!((&rejection["frame"], &rejection["first_frame"]), (&132.into(), &132.into()));
    assert_eq!(rejection["rule"], "NET-7");
    for key in ["message", "expected", "got", "rule_text", "connection"] {
        assert!(rejection[key].is_string(), "{key}");
    }
    assert_eq!(rejection["before"].as_array().unwrap().len(), 8);
    assert!((rejection["time"].as_f64().unwrap() - 1_795_327_693.099_888).abs() < 1e-6);
    let stall = &report["files"][1]["pairs"][0]["stalls"][0];
    assert_eq!((&stall["from"], &stall["to"], &stall["seq"]), (&2.into(), &1.into(), &7860.into()));
    assert!(stall["since"].is_f64() && stall["lasted"].is_f64() && stall["ignored"].is_u64());
    assert!(report["files"][2]["verdict"].is_null());
    assert!(report["files"][2]["error"].as_str().unwrap().contains("cannot be opened"));
}

// Inputs and order.

#[test]
fn reports_come_in_the_order_given_whatever_the_threads() {
    let files = ["sctp-k612", "clean-k61", "rejoin-k612", "clean-k612"].map(kernel);
    let with = |threads| {
        let arguments = ["replay", "--threads", threads].into_iter();
        let arguments: Vec<_> = arguments.chain(files.iter().map(String::as_str)).collect();
        stdout(&midcomms(&arguments))
    };
    let one = with("1");
    assert_eq!(with("4"), one);
    let places = files.each_ref().map(|file| one.find(file.as_str()).unwrap());
    assert!(places.is_sorted());
}

#[test]
fn a_directory_is_read_to_the_bottom() {
    let desk = Desk::new();
    fs::create_dir(desk.path("day")).unwrap();
    fs::copy(kernel("clean-k612"), desk.path("day/b.pcap.zst")).unwrap();
    fs::copy(kernel("clean-k61"), desk.path("a.pcap0.zst")).unwrap();
    desk.write("notes.txt", b"not a capture");
    let report = json(&midcomms(&["replay", "--format", "json", &desk.name("")]));
    let paths: Vec<_> = report["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(paths.len() == 2 && paths[0].ends_with("a.pcap0.zst") && paths[1].ends_with("b.pcap.zst"), "{paths:?}");
}

#[test]
fn files_of_a_ring_are_one_capture_together() {
    let desk = Desk::new();
    let pcap = super::unpacked("clean-k612");
    let middle = super::record(&pcap, 300);
    let second = [&pcap[..super::FILE_HEAD], &pcap[middle..]].concat();
    let ring = [desk.write("ring.pcap0", &pcap[..middle]), desk.write("ring.pcap1", &second)];
    let output = midcomms(&["replay", "--together", &ring[0], &ring[1]]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("592 frames, 596 messages"));
    assert!(stdout(&output).contains("288 + 243 delivered"));
}

#[test]
fn the_standard_input_is_a_capture_too() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    let file = fs::File::open(kernel("clean-k612")).unwrap();
    let output = command.args(["replay", "-"]).stdin(file).output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with("-: 592 frames"));
}

// Revisions.

#[test]
fn the_wrong_revision_is_a_rejection_and_the_right_ones_are_none() {
    let mixed = kernel("clean-kmix");
    let with = |revisions| code(&midcomms(&["replay", &mixed, "--revision", revisions]));
    assert_eq!(with("1=linux-6.1,2=linux-6.12"), 0);
    assert_eq!(with("any"), 0);
    assert_eq!(with("linux-6.1"), 1);
    assert_eq!(with("2=linux-6.1"), 1);
}

// Deliveries.

#[test]
fn deliveries_are_tsv_with_a_head() {
    let desk = Desk::new();
    let tsv = desk.name("deliveries.tsv");
    let output = midcomms(&["replay", &kernel("clean-k612"), "--deliveries", &tsv]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = fs::read_to_string(&tsv).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "# midcomms-deliveries 1");
    assert_eq!(lines[1], "frame\tfrom\tto\tseq\tlength\tcmd\ttype");
    assert_eq!(lines[2], "29\t1\t2\t0\t48\tRCOM\tNAMES");
    assert_eq!(lines.len(), 2 + 288 + 243);
}

#[test]
fn deliveries_of_several_files_name_them_and_leave_the_report_to_stderr() {
    let files = [kernel("clean-k612"), kernel("clean-k61")];
    let output = midcomms(&["replay", &files[0], &files[1], "--deliveries", "-"]);
    let text = stdout(&output);
    let named: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# file: ")).collect();
    assert_eq!(named, files);
    assert!(stderr(&output).contains("2 accepted"));
}

#[test]
fn a_capture_is_never_overwritten_by_its_deliveries() {
    let desk = Desk::new();
    let capture = desk.rejected();
    let before = fs::read(&capture).unwrap();
    assert_eq!(code(&midcomms(&["replay", &capture, "--deliveries", &capture])), 2);
    assert_eq!(fs::read(&capture).unwrap(), before);
}

// A reader that goes away.

#[test]
fn a_closed_pipe_ends_quietly() {
    let file = kernel("clean-k612");
    for arguments in [&["decode", &file][..], &["replay", &file, &file, &file], &["--help"], &["replay", "--help"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn sarif_and_junit_are_written_besides() {
    let desk = Desk::new();
    let (sarif, junit) = (desk.name("r.sarif"), desk.name("r.xml"));
    let (rejected, stalled) = (desk.rejected(), kernel("stallhunt-k612"));
    let further = ["--sarif", &sarif, "--junit", &junit];
    let output = midcomms(&[&["replay", "--strict", &rejected, &stalled], &further[..]].concat());
    assert_eq!(code(&output), 1);
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&sarif).unwrap()).unwrap();
    let results = written["runs"][0]["results"].as_array().unwrap();
    let rules: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert_eq!(rules, ["NET-7", "stall"]);
    let cases = fs::read_to_string(&junit).unwrap();
    assert_eq!((cases.matches("<testcase").count(), cases.matches("<failure").count()), (2, 2), "{cases}");
    let own = midcomms(&["replay", &rejected, "--sarif", &rejected]);
    assert_eq!(code(&own), 2, "a capture is not overwritten");
    assert!(stderr(&own).contains("not overwritten"), "{}", stderr(&own));
}
