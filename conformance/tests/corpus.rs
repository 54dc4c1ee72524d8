//! The corpus, its manifest, and the program that makes the rejected traces.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use midcomms_conformance::corpus::{CheckOptions, EntryKind, Manifest, Rejected, check, falsify};
use midcomms_model::rule;

fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces")
}

#[test]
fn everything_comes_out_as_the_manifest_says() {
    let report = check(&traces(), &CheckOptions::default()).unwrap();
    let failed: Vec<_> = report.failed().map(|entry| (&entry.file, &entry.differences)).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(report.count(EntryKind::Kernel) >= 16);
    assert_eq!(report.count(EntryKind::Recorded), 4);
    assert!(report.count(EntryKind::Rejected) >= 36);
}

/// The lines of a recording.
fn lines_of(file: &str) -> Vec<String> {
    let stored = std::fs::read(traces().join(file)).unwrap();
    let text = String::from_utf8(zstd::decode_all(stored.as_slice()).unwrap()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn each_falsified_recording_has_one_thing_changed() {
    let manifest = Manifest::load(&traces()).unwrap();
    let original = lines_of("recorded/half-close-node1.jsonl.zst");
    let falsified: Vec<_> = manifest.recorded.iter().filter(|entry| entry.refused.is_some()).collect();
    assert_eq!(falsified.len(), 10);
    for entry in falsified {
        let lines = lines_of(&entry.files[0].file);
        let [missing, new] = [(&original, &lines), (&lines, &original)]
            .map(|(of, in_which)| of.iter().filter(|line| !in_which.contains(line)).count());
        let is_turned = (missing, new) == (0, 0) && lines != original;
        assert!(missing + new > 0 || is_turned, "{}: nothing was changed", entry.name);
        assert!(missing <= 1 && new <= 1, "{}: {missing} lines are gone, {new} are new", entry.name);
    }
}

#[test]
fn a_recording_that_is_not_as_its_entry_says_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = Manifest::load(&traces()).unwrap();
    let text = std::fs::read_to_string(traces().join("MANIFEST.toml")).unwrap();
    let from = text.find("[[recorded]]\nname = \"half-close\"").unwrap();
    let to = text[from + 1..].find("[[recorded]]").unwrap();
    let altered = text[from..=from + to].replace("delivered = 34", "delivered = 35");
    let refused = text.find("[[recorded]]\nname = \"half-close-order-turned\"").unwrap();
    let end = text[refused + 1..].find("[[recorded]]").unwrap();
    let moved = text[refused..=refused + end].replace("line = 13", "line = 14");
    let head = "format = \"midcomms-manifest\"\nversion = 1\n";
    std::fs::write(dir.path().join("MANIFEST.toml"), format!("{head}{altered}{moved}")).unwrap();
    let known = |name: &str| manifest.recorded.iter().find(|entry| entry.name == name).unwrap().files.clone();
    let files = [known("open"), known("half-close"), known("half-close-order-turned")].concat();
    // One of `open` is there without an entry.
    for known in &files[1..] {
        let path = dir.path().join(&known.file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(traces().join(&known.file), path).unwrap();
    }
    let report = check(dir.path(), &CheckOptions::default()).unwrap();
    let told: Vec<_> = report.failed().map(|entry| (entry.kind, entry.differences[0].to_string())).collect();
    let file = &files[4].file;
    assert_eq!(
        told,
        [
            (EntryKind::Recorded, "delivered: expected 35, got 34".to_owned()),
            (
                EntryKind::Rejected,
                format!("verdict: expected {file} line 14 refused by NET-7, got {file} line 13 refused by NET-7")
            ),
            (EntryKind::Stray, "entry: expected one in the manifest, got none".to_owned()),
        ]
    );
}

#[test]
fn an_entry_of_a_recording_that_makes_no_sense_is_refused() {
    let head = "format = \"midcomms-manifest\"\nversion = 1\n[[recorded]]\nname = \"a\"\ncommand = \"c\"\n";
    let files = "files = [{ file = \"recorded/a\", sha256 = \"\" }]\n";
    let counts = "counts = { events = 1, messages = 1, delivered = 1 }\n";
    let refused = |file: &str, rule: &str| {
        format!("falsification = \"f\"\nrefused = {{ file = \"{file}\", line = 1, rule = \"{rule}\" }}\n")
    };
    for (entry, why) in [
        (format!("files = []\n{counts}"), "files: names no trace"),
        (files.to_owned(), "counts: expected for what must be accepted, and for that alone"),
        (format!("{files}falsification = \"f\"\n{counts}"), "refused: stands with `falsification`, or not at all"),
        (format!("{files}{}", refused("recorded/a", "X-1")), "refused: replay does not judge by a rule `X-1`"),
        (format!("{files}{}", refused("recorded/b", "NET-7")), "refused: `recorded/b` is none of `files`"),
    ] {
        let error = Manifest::parse(&format!("{head}{entry}"), Path::new("MANIFEST.toml")).unwrap_err().to_string();
        assert_eq!(error, format!("MANIFEST.toml: a: {why}"));
    }
}

#[test]
fn the_rejected_traces_can_be_made_again_from_the_originals() {
    let manifest = Manifest::load(&traces()).unwrap();
    let made = falsify::make(&traces()).unwrap();
    let listed: Vec<_> = manifest.rejected.iter().map(|entry| &entry.file).collect();
    assert_eq!(made.iter().map(|made| &made.entry.file).collect::<Vec<_>>(), listed);
    for (made, listed) in made.iter().zip(&manifest.rejected) {
        let stored = std::fs::read(traces().join(&listed.file)).unwrap();
        let capture = zstd::decode_all(stored.as_slice()).unwrap();
        assert!(made.capture == capture, "{} differs from what is made now", listed.file);
        // Another version of zstd may compress otherwise: the sum of the file may differ.
        let entry = Rejected { sha256: listed.sha256.clone(), ..made.entry.clone() };
        assert_eq!(entry, *listed);
    }
}

#[test]
fn every_rule_by_which_replay_judges_refuses_a_trace() {
    let manifest = Manifest::load(&traces()).unwrap();
    let refused: BTreeSet<_> = manifest.rejected.iter().map(|entry| entry.rule.as_str()).collect();
    // No capture of kernels has incarnation ids: `tests/recordings/falsified.rs` has the traces.
    let judged = rule::ALL.iter().filter(|known| **known != rule::HRD_1);
    let judged: BTreeSet<_> = judged.map(|rule| rule.id()).collect();
    assert_eq!(judged.difference(&refused).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn a_difference_a_stray_file_and_a_missing_one_are_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("kernel")).unwrap();
    let text = std::fs::read_to_string(traces().join("MANIFEST.toml")).unwrap();
    let entry = |name: &str| {
        let from = text.find(&format!("[[kernel]]\nname = \"{name}\"")).unwrap();
        let to = text[from + 1..].find("[[kernel]]").unwrap();
        text[from..=from + to].to_owned()
    };
    let altered = entry("clean-k61").replace("acks = 133", "acks = 134");
    let head = "format = \"midcomms-manifest\"\nversion = 1\n";
    let manifest = format!("{head}{altered}{}", entry("clean-k612"));
    std::fs::write(dir.path().join("MANIFEST.toml"), manifest).unwrap();
    for name in ["clean-k61", "clean-kmix"] {
        let file = format!("kernel/{name}.pcap.zst");
        std::fs::copy(traces().join(&file), dir.path().join(&file)).unwrap();
    }
    let report = check(dir.path(), &CheckOptions::default()).unwrap();
    let told: Vec<_> = report.failed().map(|entry| (entry.file.as_str(), entry.differences[0].to_string())).collect();
    assert_eq!(told[0], ("kernel/clean-k61.pcap.zst", "acks: expected 134, got 133".to_owned()));
    assert!(told[1].1.starts_with("file: expected a file, got "), "{told:?}");
    assert_eq!(told[2], ("kernel/clean-kmix.pcap.zst", "entry: expected one in the manifest, got none".to_owned()));
    assert_eq!(told.len(), 3);
}
