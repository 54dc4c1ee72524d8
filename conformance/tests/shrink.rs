//! The smallest trace with the same rejection, over the rejected traces of the corpus.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use midcomms_conformance::corpus::{Manifest, Rejected};
use midcomms_conformance::replay::ReplayOptions;
use midcomms_conformance::shrink::minimize::{Limits, minimize};
use midcomms_conformance::shrink::target::{Target, Wanted};
use midcomms_conformance::shrink::{Form, ShrinkError, ShrinkOptions, Shrunk, shrink};
use midcomms_model::RevisionSet;
use proptest::prelude::*;

fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces")
}

fn options(entry: &Rejected) -> ReplayOptions {
    let revision = entry.revision.as_ref().map(|name| RevisionSet::only(name.parse().unwrap()));
    ReplayOptions { default_revisions: revision.unwrap_or_else(RevisionSet::any), ..ReplayOptions::default() }
}

fn shrunk(path: &Path, replay: ReplayOptions, wanted: Wanted, form: Option<Form>) -> Result<Shrunk, ShrinkError> {
    let mut progress = |_: usize, _: u64| ();
    shrink(path, &mut ShrinkOptions { replay, wanted, time_limit: None, form, progress: &mut progress })
}

/// Shrinks a rejected trace and checks that the rule is the one of the manifest; `shrink` has checked the rest.
fn check(entry: &Rejected) -> (Shrunk, f64) {
    let begin = Instant::now();
    let result = shrunk(&traces().join(&entry.file), options(entry), Wanted::Rejection, None);
    let result = result.unwrap_or_else(|error| panic!("{}: {error}", entry.file));
    let Target::Rejection { rule, .. } = &result.target else { panic!("{:?}", result.target) };
    assert_eq!(*rule, entry.rule, "{}", entry.file);
    assert!(result.to.messages <= result.from.messages, "{}", entry.file);
    (result, begin.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Rejected traces of every kind: numbers, copies, closing, one message alone, one that needs its revision, one whose
/// stream cannot be framed.
const SAMPLE: [&str; 9] = [
    "number-skipped",
    "copy-altered",
    "msg-after-fin",
    "outer-length-5000",
    "ack-one-beyond-what-was-sent",
    "node-id-of-another",
    "second-life-goes-on-with-the-numbers-of-the-first",
    "ack-too-early-for-6-12",
    "pass-not-finished",
];

#[test]
fn a_sample_of_rejected_traces_shrinks_to_ones_with_the_same_rejection() {
    let manifest = Manifest::load(&traces()).unwrap();
    let named = |name: &str| manifest.rejected.iter().find(|entry| entry.file == format!("rejected/{name}.pcap.zst"));
    for name in SAMPLE {
        let entry = named(name).unwrap_or_else(|| panic!("{name} is not in the manifest"));
        let (result, _) = check(entry);
        let again = check(entry).0;
        assert!(result.bytes == again.bytes, "{name}: the same trace gives another result");
        assert_eq!(result.form, Form::Pcap);
        assert!(!result.ran_out);
    }
}

#[test]
fn no_single_message_can_be_left_out_of_the_result() {
    let desk = tempfile::tempdir().unwrap();
    let entry =
        Manifest::load(&traces()).unwrap().rejected.into_iter().find(|entry| entry.file.contains("number-reused"));
    let (result, _) = check(&entry.unwrap());
    let path = desk.path().join("one.pcap");
    std::fs::write(&path, &result.bytes).unwrap();
    let again = shrunk(&path, ReplayOptions::default(), Wanted::Rejection, None).unwrap();
    assert_eq!((again.to, again.bytes), (result.to, result.bytes));
}

#[test]
fn a_stall_stays_and_the_rest_goes() {
    let path = traces().join("kernel/stallhunt-k612.pcap.zst");
    let mut progress = |_: usize, _: u64| ();
    let replay = ReplayOptions::default();
    let time_limit = Some(std::time::Duration::from_secs(5));
    let mut options = ShrinkOptions { replay, wanted: Wanted::Stall, time_limit, form: None, progress: &mut progress };
    let result = shrink(&path, &mut options).unwrap();
    assert!(matches!(result.target, Target::Stall { .. }));
    assert!(result.to.messages * 2 < result.from.messages, "{:?} {:?}", result.from, result.to);
    println!("{:?} {:?} {} {}", result.from, result.to, result.candidates, result.ran_out);
}

#[test]
fn what_has_nothing_to_keep_and_what_is_damaged_is_refused() {
    let path = traces().join("kernel/clean-k612.pcap.zst");
    let error = shrunk(&path, ReplayOptions::default(), Wanted::Rejection, None).unwrap_err();
    assert!(error.to_string().ends_with("has no rejection to keep: it is accepted"), "{error}");
    let desk = tempfile::tempdir().unwrap();
    let cut = desk.path().join("cut.pcap");
    let bytes =
        zstd::decode_all(std::fs::File::open(traces().join("rejected/number-skipped.pcap.zst")).unwrap()).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 3]).unwrap();
    let error = shrunk(&cut, ReplayOptions::default(), Wanted::Rejection, None).unwrap_err();
    assert!(matches!(error, ShrinkError::Damaged { .. }), "{error}");
}

/// A native trace of a node that skips a number, with much around it; one line has no time of its own.
fn native() -> String {
    let mut lines = vec![
        r#"{"format":"midcomms-trace","version":1,"nodes":[{"id":1},{"id":2},{"id":3}]}"#.to_owned(),
        r#"{"event":"opened","time":1.0,"connection":"a","from":1,"to":2}"#.to_owned(),
        r#"{"event":"opened","connection":"b","from":1,"to":3}"#.to_owned(),
    ];
    let status = |name: &str, from: u32, to: u32, kind: &str| {
        format!(
            r#"{{"event":"written","connection":"{name}","from":{from},"to":{to},"message":{{"cmd":"RCOM","type":"{kind}"}}}}"#
        )
    };
    for (name, other) in [("b", 3), ("a", 2)] {
        lines.push(status(name, 1, other, "STATUS"));
        lines.push(status(name, other, 1, "STATUS_REPLY"));
        let number = |seq: u32| if name == "a" && seq == 9 { 10 } else { seq };
        lines.extend((0..10).map(|seq| {
            format!(
                r#"{{"event":"written","time":2.5,"connection":"{name}","from":1,"to":{other},"message":{{"cmd":"OPTS","seq":{},"inner":"MSG"}}}}"#,
                number(seq)
            )
        }));
    }
    lines.push(r#"{"event":"shutdown","node":1}"#.to_owned());
    lines.join("\n") + "\n"
}

#[test]
fn a_native_trace_shrinks_to_lines_and_to_a_capture() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("node.jsonl");
    std::fs::write(&path, native()).unwrap();
    for (form, expected) in [(None, Form::Lines), (Some(Form::Pcap), Form::Pcap)] {
        let result = shrunk(&path, ReplayOptions::default(), Wanted::Rejection, form).unwrap();
        assert_eq!(result.form, expected);
        assert!(result.to.messages < result.from.messages);
        assert!(matches!(&result.target, Target::Rejection { rule: "NET-7", ends: (1, 2), .. }), "{}", result.target);
        if form.is_none() {
            let text = String::from_utf8(result.bytes).unwrap();
            assert_eq!(text.lines().count() as u64, result.to.frames);
            assert!(!text.contains("\"b\"") && !text.contains("shutdown"), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each unit may need others: what is good is a set that has the wanted ones and, of each that it has, what it needs.
    #[test]
    fn nothing_more_can_be_left_out_alone(
        wanted in prop::collection::vec(0_usize..40, 1..4),
        needs in prop::collection::vec((0_usize..40, 0_usize..40), 0..30),
    ) {
        let start = vec![true; 40];
        let is_good = |kept: &[bool]| {
            wanted.iter().all(|index| kept[*index]) && needs.iter().all(|(of, need)| !kept[*of] || kept[*need])
        };
        let levels = vec![(0..4).map(|group| (group * 10..group * 10 + 10).collect()).collect(), (0..40).map(|at| vec![at]).collect()];
        let run = || minimize(&start, &levels, &Limits::default(), &mut |kept| is_good(kept), &mut |_, _| ());
        let found = run();
        prop_assert!(is_good(&found.kept) && !found.ran_out);
        for index in (0..40).filter(|index| found.kept[*index]) {
            let mut fewer = found.kept.clone();
            fewer[index] = false;
            prop_assert!(!is_good(&fewer), "{} could go", index);
        }
        prop_assert_eq!(found, run());
    }
}

#[test]
fn a_limit_ends_the_search_with_what_was_found() {
    let limits = Limits { until: Some(Instant::now()) };
    let found = minimize(&[true; 4], &[vec![vec![0]]], &limits, &mut |_| true, &mut |_, _| ());
    assert_eq!((found.kept, found.candidates, found.ran_out), (vec![true; 4], 0, true));
}

fn midcomms(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_midcomms")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_writes_beside_the_trace_and_overwrites_nothing_unasked() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("x.jsonl");
    std::fs::write(&path, native()).unwrap();
    let name = path.to_str().unwrap();
    let (code, out, error) = midcomms(&["shrink", name]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let made = desk.path().join("x.shrunk.jsonl");
    assert!(out.contains("NET-7") && out.contains(&format!("midcomms replay {}", made.display())), "{out}");
    let (code, replayed, _) = midcomms(&["replay", made.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{replayed}");
    let (code, _, error) = midcomms(&["shrink", name]);
    assert_eq!(code, Some(2));
    assert!(error.contains("is there already; --force overwrites it"), "{error}");
    assert_eq!(midcomms(&["shrink", name, "--force"]).0, Some(0));
    let (code, _, error) = midcomms(&["shrink", name, "-o", name, "--force"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("is the input, and is not overwritten"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), native());
}

#[test]
fn bad_input_is_told_and_nothing_is_written() {
    let desk = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = desk.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cases = [
        (write("text.pcap", "hello, this is text"), "text"),
        (write("empty.pcap", ""), "empty"),
        (write("head.jsonl", "{}\n"), "is not a native trace"),
        (desk.path().join("nothing").to_str().unwrap().to_owned(), "nothing"),
        (desk.path().to_str().unwrap().to_owned(), "directory"),
    ];
    for command in ["shrink", "anonymize"] {
        for (path, expected) in &cases {
            let out = desk.path().join("out");
            let (code, _, error) = midcomms(&[command, path, "-o", out.to_str().unwrap()]);
            assert_eq!(code, Some(2), "{command} {path}: {error}");
            assert!(error.starts_with("error: ") && error.contains(expected), "{command} {path}: {error}");
            assert!(error.matches("cannot be opened").count() <= 1, "told twice: {error}");
            assert!(error.matches("is a directory").count() <= 1, "told twice: {error}");
            assert!(!out.exists());
        }
    }
}

#[test]
fn a_name_gets_what_it_says_or_nothing() {
    let desk = tempfile::tempdir().unwrap();
    let capture = traces().join("rejected/number-skipped.pcap.zst");
    for (name, expected) in [("x.jsonl", "capture"), ("x.mct", ".jsonl"), ("x.pcap.gz", ".jsonl")] {
        for command in ["shrink", "anonymize"] {
            let out = desk.path().join(name);
            let (code, _, error) = midcomms(&[command, capture.to_str().unwrap(), "-o", out.to_str().unwrap()]);
            assert_eq!(code, Some(2), "{command} {name}: {error}");
            assert!(error.contains(expected) && !out.exists(), "{command} {name}: {error}");
        }
    }
}

#[test]
fn where_the_time_is_too_short_nothing_larger_is_written() {
    let desk = tempfile::tempdir().unwrap();
    let out = desk.path().join("x.pcap");
    let capture = traces().join("rejected/number-skipped.pcap.zst");
    let (code, _, error) = midcomms(&["shrink", capture.to_str().unwrap(), "--time", "0", "-o", out.to_str().unwrap()]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("nothing smaller was found in 0 s") && !out.exists(), "{error}");
}

#[test]
#[ignore = "all rejected traces: for a release build"]
fn every_rejected_trace_shrinks_to_one_with_the_same_rejection() {
    let manifest = Manifest::load(&traces()).unwrap();
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for entry in &manifest.rejected {
        let (result, time) = check(entry);
        println!(
            "{:70} {:5} > {:4} messages {:5} > {:4} frames {:6} candidates {time:.3} s",
            entry.file,
            result.from.messages,
            result.to.messages,
            result.from.frames,
            result.to.frames,
            result.candidates
        );
        ratios.push(result.to.messages as f64 / result.from.messages as f64);
        times.push(time);
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "{} traces: median ratio {:.4}, median {:.3} s, longest {longest:.3} s",
        times.len(),
        median(ratios),
        median(times)
    );
}
