//! The corpus, its manifest, and the program that makes the rejected traces.

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
    assert!(report.count(EntryKind::Rejected) >= 36);
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
