//! Replays every entry of a manifest and compares what comes out with what must.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use midcomms_model::RevisionSet;
use sha2::{Digest, Sha256};

use crate::coverage::{Coverage, of_replay};
use crate::replay::{FileReport, NoDeliveries, PairReport, ReplayOptions, replay_files};

use super::manifest::{Counts, ExpectedStall, Kernel, Manifest, ManifestError, Rejected};

/// The directories in which every capture must have an entry.
const DIRECTORIES: [&str; 4] = ["kernel", "recorded", "rejected", "rejected-native"];

/// What the corpus is called in coverage.
const SOURCE: &str = "corpus";

/// How to check.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// Entries checked at the same time, at least one.
    pub threads: usize,
    /// Called after each entry, from any thread.
    pub on_entry: &'a (dyn Fn(&EntryReport) + Sync),
}

impl Default for CheckOptions<'_> {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        Self { threads, on_entry: &|_| {} }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A capture of real kernels.
    Kernel,
    /// Recordings of the implementation.
    Recorded,
    /// A trace that must be refused.
    Rejected,
    /// A file that has no entry.
    Stray,
}

/// Something that came out otherwise than it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was compared.
    pub what: String,
    /// What the manifest says.
    pub expected: String,
    /// What came out.
    pub got: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.got)
    }
}

/// What came out for one entry.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryReport {
    /// Its file, relative to the manifest.
    pub file: String,
    /// What it is.
    pub kind: EntryKind,
    /// What came out in a few words, for people.
    pub outcome: String,
    /// What came out otherwise than it must: empty where the entry passed.
    pub differences: Vec<Difference>,
    /// Time that the check took, in seconds.
    pub seconds: f64,
    /// What a capture of kernels exercised.
    pub coverage: Coverage,
}

impl EntryReport {
    /// Whether everything came out as it must.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// What came out for a corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CorpusReport {
    /// In the order of the manifest; files without an entry last.
    pub entries: Vec<EntryReport>,
    /// Time that all took, in seconds.
    pub seconds: f64,
}

impl CorpusReport {
    /// How many entries of `kind` there are.
    pub fn count(&self, kind: EntryKind) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// The entries that did not pass.
    pub fn failed(&self) -> impl Iterator<Item = &EntryReport> {
        self.entries.iter().filter(|entry| !entry.passed())
    }

    /// Whether there was nothing to check.
    pub fn is_vacuous(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A corpus whose manifest was read: entries to check, in the order of the manifest, files without an entry last.
#[derive(Debug)]
pub struct Corpus {
    dir: PathBuf,
    manifest: Manifest,
    jobs: Vec<Job>,
}

impl Corpus {
    /// Reads the manifest in directory `dir`; the traces are read when they are checked.
    ///
    /// # Errors
    /// Those of the manifest.
    pub fn load(dir: &Path) -> Result<Self, ManifestError> {
        let manifest = Manifest::load(dir)?;
        let mut jobs: Vec<Job> = (0..manifest.kernel.len()).map(Job::Kernel).collect();
        jobs.extend((0..manifest.recorded.len()).map(Job::Recorded));
        jobs.extend((0..manifest.rejected.len()).map(Job::Rejected));
        jobs.extend(strays(dir, &manifest).into_iter().map(Job::Stray));
        Ok(Self { dir: dir.to_owned(), manifest, jobs })
    }

    /// What each entry is, and its file relative to the manifest.
    pub fn entries(&self) -> impl Iterator<Item = (EntryKind, &str)> {
        self.jobs.iter().map(|job| job.what(&self.manifest))
    }

    /// Checks the entry at `index`, if there is one.
    pub fn check(&self, index: usize) -> Option<EntryReport> {
        self.jobs.get(index).map(|job| job.run(&self.dir, &self.manifest))
    }
}

/// Checks the corpus in directory `dir` against its manifest.
pub fn check(dir: &Path, options: &CheckOptions<'_>) -> Result<CorpusReport, ManifestError> {
    let started = Instant::now();
    let corpus = Corpus::load(dir)?;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = corpus.check(index) else { return };
            (options.on_entry)(&entry);
            if let Ok(mut done) = done.lock() {
                done.insert(index, entry);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.threads.min(corpus.jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let entries = done.into_inner().unwrap_or_default().into_values().collect();
    Ok(CorpusReport { entries, seconds: started.elapsed().as_secs_f64() })
}

/// An entry to check: where it is in its list of the manifest, or the file that has none.
#[derive(Debug)]
enum Job {
    Kernel(usize),
    Recorded(usize),
    Rejected(usize),
    Stray(String),
}

impl Job {
    fn what<'a>(&'a self, manifest: &'a Manifest) -> (EntryKind, &'a str) {
        match self {
            Job::Kernel(index) => {
                (EntryKind::Kernel, manifest.kernel.get(*index).map_or("", |kernel| kernel.file.as_str()))
            }
            Job::Recorded(index) => manifest.recorded.get(*index).map_or((EntryKind::Recorded, ""), |recorded| {
                let kind = if recorded.refused.is_some() { EntryKind::Rejected } else { EntryKind::Recorded };
                (kind, recorded.file())
            }),
            Job::Rejected(index) => {
                (EntryKind::Rejected, manifest.rejected.get(*index).map_or("", |rejected| rejected.file.as_str()))
            }
            Job::Stray(file) => (EntryKind::Stray, file),
        }
    }

    fn run(&self, dir: &Path, manifest: &Manifest) -> EntryReport {
        let started = Instant::now();
        let mut found = Comparison::default();
        match self {
            Job::Kernel(index) => manifest.kernel.get(*index).into_iter().for_each(|kernel| found.kernel(dir, kernel)),
            Job::Recorded(index) => {
                manifest.recorded.get(*index).into_iter().for_each(|recorded| found.recorded(dir, recorded));
            }
            Job::Rejected(index) => {
                let rejected = manifest.rejected.get(*index).into_iter();
                rejected.for_each(|it| found.rejected(dir, it, manifest.kernel_named(&it.made_from)));
            }
            Job::Stray(_) => found.compare("entry", "one in the manifest", "none"),
        }
        let (kind, file) = self.what(manifest);
        EntryReport {
            file: file.to_owned(),
            kind,
            outcome: found.outcome,
            differences: found.differences,
            coverage: found.coverage,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}

/// What is found while an entry is compared.
#[derive(Default)]
pub(super) struct Comparison {
    pub(super) outcome: String,
    differences: Vec<Difference>,
    coverage: Coverage,
}

impl Comparison {
    pub(super) fn compare<T: Display + PartialEq>(&mut self, what: &str, expected: T, got: T) {
        if expected != got {
            let (expected, got) = (expected.to_string(), got.to_string());
            self.differences.push(Difference { what: what.to_owned(), expected, got });
        }
    }

    pub(super) fn sum(&mut self, path: &Path, expected: &str) -> bool {
        match std::fs::read(path) {
            Ok(bytes) => {
                self.compare("sha256", expected.to_owned(), hex(&Sha256::digest(bytes)));
                true
            }
            Err(error) => {
                self.compare("file", "a file".to_owned(), error.to_string());
                false
            }
        }
    }

    fn replay(&mut self, path: &Path, options: &ReplayOptions) -> Option<FileReport> {
        match replay_files(&[path], options, &mut NoDeliveries) {
            Ok(report) => {
                self.compare("reading", "no error".to_owned(), report.error.clone().unwrap_or("no error".to_owned()));
                Some(report)
            }
            Err(error) => {
                self.compare("reading", "a capture".to_owned(), error.to_string());
                None
            }
        }
    }

    fn kernel(&mut self, dir: &Path, kernel: &Kernel) {
        let path = dir.join(&kernel.file);
        if !self.sum(&path, &kernel.sha256) {
            return;
        }
        let Some(report) = self.replay(&path, &ReplayOptions::default()) else {
            return;
        };
        self.compare("verdict", kernel.verdict.as_str(), verdict(&report));
        if let Some(rejection) = report.pairs.iter().find_map(|pair| pair.rejection.as_ref()) {
            let got = format!(
                "frame {} rejected by {}: expected {}, got {}",
                rejection.frame, rejection.rule, rejection.expected, rejection.got
            );
            self.compare("rejection", "none".to_owned(), got);
        }
        self.counts(&kernel.counts, &counts_of(&report));
        self.stalls(&kernel.stalls, &report);
        self.coverage = of_replay(&report, SOURCE);
        self.revisions(kernel, &report);
        // What a node is must not change what it may have sent.
        if let Some(options) = true_revisions(kernel)
            && let Some(report) = self.replay(&path, &options)
        {
            self.compare("verdict under its own revisions", kernel.verdict.as_str(), verdict(&report));
        }
        self.outcome = format!("{}, {} messages{}", verdict(&report), report.messages, told(report.stalls()));
    }

    fn counts(&mut self, expected: &Counts, got: &Counts) {
        let mut compare = |what, expected, got| self.compare(what, expected, got);
        compare("frames", expected.frames, got.frames);
        compare("messages", expected.messages, got.messages);
        compare("holes", expected.holes, got.holes);
        compare("pairs", expected.pairs, got.pairs);
        compare("breaks", expected.breaks, got.breaks);
        compare("delivered", expected.delivered, got.delivered);
        compare("delivered_msg", expected.delivered_msg, got.delivered_msg);
        compare("retransmitted", expected.retransmitted, got.retransmitted);
        compare("duplicates", expected.duplicates, got.duplicates);
        compare("gaps", expected.gaps, got.gaps);
        compare("acks", expected.acks, got.acks);
        compare("fins", expected.fins, got.fins);
        compare("incarnations", expected.incarnations, got.incarnations);
    }

    fn stalls(&mut self, expected: &[ExpectedStall], report: &FileReport) {
        let mut got: Vec<_> = report.pairs.iter().flat_map(stalls_of).collect();
        got.sort_by_key(|stall| stall.frame);
        self.compare("stalls", format!("{expected:?}"), format!("{got:?}"));
    }

    fn revisions(&mut self, kernel: &Kernel, report: &FileReport) {
        let mut got: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in report.pairs.iter().flat_map(|pair| &pair.nodes) {
            let names: Vec<_> = node.revisions.iter().map(|&name| name.to_owned()).collect();
            // A node that two pairs see speaks what both allow.
            let known = got.entry(node.id.to_string()).or_insert_with(|| names.clone());
            known.retain(|name| names.contains(name));
        }
        self.compare("revisions", format!("{:?}", kernel.revisions), format!("{got:?}"));
    }

    fn rejected(&mut self, dir: &Path, rejected: &Rejected, original: Option<&Kernel>) {
        let path = dir.join(&rejected.file);
        if !self.sum(&path, &rejected.sha256) {
            return;
        }
        let expected = format!("frame {} refused by {}", rejected.frame, rejected.rule);
        self.outcome.clone_from(&expected);
        let any = ReplayOptions::default();
        if let Ok(Some(revision)) = rejected.revision_set() {
            let only = ReplayOptions { default_revisions: revision, ..ReplayOptions::default() };
            self.refusal(&path, &format!("under {revision}"), &only, &expected);
            self.refusal(&path, "under any revision", &any, "accepted");
            return;
        }
        self.refusal(&path, "under any revision", &any, &expected);
        if let Some(options) = original.and_then(true_revisions) {
            self.refusal(&path, "under the revisions of the original", &options, &expected);
        }
    }

    fn refusal(&mut self, path: &Path, what: &str, options: &ReplayOptions, expected: &str) {
        let Some(report) = self.replay(path, options) else {
            return;
        };
        let rejection = report.pairs.iter().find_map(|pair| pair.rejection.as_ref());
        let got = rejection.map_or_else(
            || verdict(&report).to_owned(),
            |rejection| format!("frame {} refused by {}", rejection.frame, rejection.rule),
        );
        self.compare(what, expected.to_owned(), got);
    }
}

fn verdict(report: &FileReport) -> &'static str {
    report.verdict.map_or("unreadable", |verdict| verdict.name())
}

fn told(stalls: usize) -> String {
    match stalls {
        0 => String::new(),
        1 => ", 1 stall told".to_owned(),
        many => format!(", {many} stalls told"),
    }
}

/// Replay that knows what each node is.
fn true_revisions(kernel: &Kernel) -> Option<ReplayOptions> {
    let revisions: HashMap<u32, RevisionSet> = kernel.revision_sets().ok()?.into_iter().collect();
    Some(ReplayOptions { revisions, ..ReplayOptions::default() })
}

fn stalls_of(pair: &PairReport) -> impl Iterator<Item = ExpectedStall> + '_ {
    pair.stalls.iter().map(|stall| ExpectedStall {
        from: stall.from,
        to: stall.to,
        seq: stall.seq,
        frame: stall.frame,
        break_frame: stall.break_frame,
        hazard: stall.hazard.map(str::to_owned),
    })
}

fn counts_of(report: &FileReport) -> Counts {
    let mut counts = Counts {
        frames: report.frames,
        messages: report.messages,
        holes: report.holes,
        pairs: report.pairs.len() as u64,
        breaks: report.pairs.iter().map(|pair| pair.breaks).sum(),
        ..Counts::default()
    };
    for direction in report.pairs.iter().flat_map(|pair| &pair.directions) {
        counts.delivered += direction.delivered;
        counts.delivered_msg += direction.delivered_msg;
        counts.retransmitted += direction.retransmitted;
        counts.duplicates += direction.duplicates;
        counts.gaps += direction.gaps;
        counts.acks += direction.acks;
        counts.fins += direction.fins;
        counts.incarnations += direction.incarnations;
    }
    counts
}

/// SHA-256 and the like as text.
pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Captures that no entry names, in the order of their names. Notes beside a capture are text and have none.
fn strays(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let known: HashSet<&str> = manifest.files().collect();
    let mut strays = Vec::new();
    for directory in DIRECTORIES {
        let Ok(files) = std::fs::read_dir(dir.join(directory)) else {
            continue;
        };
        for file in files.flatten().filter(|file| file.path().is_file()) {
            let name = format!("{directory}/{}", file.file_name().to_string_lossy());
            if !name.ends_with(".txt") && !known.contains(name.as_str()) {
                strays.push(name);
            }
        }
    }
    strays.sort();
    strays
}
