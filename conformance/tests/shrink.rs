//! The smallest trace with the same rejection, over the rejected traces of the corpus.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use midcomms_conformance::corpus::{Manifest, Rejected};
use midcomms_conformance::replay::ReplayOptions;
use midcomms_conformance::shrink::target::{Target, Wanted};
use midcomms_conformance::shrink::{Form, ShrinkError, ShrinkOptions, Shrunk, shrink};
use midcomms_model::RevisionSet;

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

#[test]
#[ignore = "all rejected traces: for a release build"]
fn every_rejected_trace_shrinks_to_one_with_the_same_rejection() {
    let manifest = Manifest::load(&traces()).unwrap();
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for entry in &manifest.rejected {
        let (result, time) = check(entry);
        println!(
            "{:70} {:5} > {:4} messages {:5} > {:4} frames {:6} candidates {time:.3} s",
            entry.file, result.from.messages, result.to.messages, result.from.frames, result.to.frames, result.candidates
        );
        ratios.push(result.to.messages as f64 / result.from.messages as f64);
        times.push(time);
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!("{} traces: median ratio {:.4}, median {:.3} s, longest {longest:.3} s", times.len(), median(ratios), median(times));
}
