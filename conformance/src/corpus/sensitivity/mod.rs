//! How much replay sees: every field of accepted messages is falsified in turn, and it is counted which falsifications are
//! refused at their frame, which later, and which never.

mod change;
mod field;
mod table;
mod trace;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use midcomms_model::RevisionSet;
use thiserror::Error;

use crate::capture::CaptureError;
use crate::replay::ReplayOptions;

use super::manifest::{Manifest, ManifestError};
pub use change::Change;
pub use field::{Field, MessageKind};
pub use table::{Outcomes, Table};
use trace::{Place, Trace};

/// Which messages are falsified.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything random comes from it.
    pub seed: u64,
    /// Messages of each kind that are taken from each capture.
    pub per_kind: usize,
    /// Names of the captures, and how many messages of each are replayed.
    pub captures: Vec<(&'static str, usize)>,
    /// Replays at the same time, at least one.
    pub threads: usize,
}

impl Plan {
    /// Six messages of each kind from captures of every kernel: closes, restarts, breaks, half-closed records.
    pub fn small() -> Self {
        let captures = [
            ("clean-k61", 800),
            ("clean-k612", 800),
            ("clean-kmix", 800),
            ("rejoin-k612", 800),
            ("halfclose-k612", 2000),
            ("latetold-k612", 1000),
            ("reconnect-k61", 1750),
        ];
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        Self { seed: 20_261_122, per_kind: 6, captures: captures.to_vec(), threads }
    }
}

/// What replay is told of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Under {
    /// Nothing: any revision.
    Any,
    /// The revision that each node truly is.
    TrueRevision,
}

/// What became of a falsified message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The trace was refused at the message that begins where the falsified one does.
    AtItsFrame,
    /// It was refused further on.
    Later,
    /// It was accepted.
    Never,
}

/// Why nothing could be measured.
#[derive(Debug, Error)]
pub enum SensitivityError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The plan names a capture that the manifest does not have.
    #[error("the manifest has no kernel capture `{0}`")]
    NoCapture(&'static str),
}

/// A message to be falsified.
struct Job<'a> {
    trace: &'a Trace,
    options: &'a [(Under, ReplayOptions); 2],
    place: &'a Place,
    seed: u64,
}

/// Falsifies the messages of the captures in directory `dir` that `plan` picks, one field at a time.
pub fn measure(dir: &Path, plan: &Plan) -> Result<Table, SensitivityError> {
    let manifest = Manifest::load(dir)?;
    let mut traces = Vec::new();
    for &(name, limit) in &plan.captures {
        let kernel = manifest.kernel_named(name).ok_or(SensitivityError::NoCapture(name))?;
        let trace = Trace::read(&dir.join(&kernel.file), limit)?;
        let revisions: HashMap<u32, RevisionSet> = kernel.revision_sets().unwrap_or_default().into_iter().collect();
        let told = ReplayOptions { revisions, ..ReplayOptions::default() };
        traces.push((trace, [(Under::Any, ReplayOptions::default()), (Under::TrueRevision, told)]));
    }
    let mut random = Random(plan.seed);
    let mut jobs = Vec::new();
    for (trace, options) in &traces {
        for place in trace.sample(plan.per_kind, &mut random) {
            jobs.push(Job { trace, options, place, seed: random.next() });
        }
    }
    Ok(run_all(&jobs, plan.threads))
}

fn run_all(jobs: &[Job<'_>], threads: usize) -> Table {
    let next = AtomicUsize::new(0);
    let table = Mutex::new(Table::default());
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = job.run();
            if let Ok(mut table) = table.lock() {
                table.merge(found);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    table.into_inner().unwrap_or_default()
}

impl Job<'_> {
    fn run(&self) -> Table {
        let mut table = Table::default();
        let mut random = Random(self.seed);
        let mut bytes = self.trace.bytes().to_vec();
        for field in self.place.fields() {
            let Some(original) = self.place.read(field, &bytes) else { continue };
            let mut tried = vec![original];
            for (change, value) in change::values(field, original, self.place, &mut random) {
                if tried.contains(&value) {
                    continue;
                }
                tried.push(value);
                self.place.write(field, value, &mut bytes);
                for (under, options) in self.options {
                    let outcome = self.trace.outcome(self.place, &bytes, options);
                    table.count(*under, field, change, outcome);
                }
                self.place.write(field, original, &mut bytes);
            }
        }
        table
    }
}

/// SplitMix64: the same seed gives the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }
}
