//! Traces of one's own: each must be accepted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use midcomms_model::{Revision, RevisionSet};
use xxhash_rust::xxh3::Xxh3;

use crate::gate::config::Config;
use crate::gate::output::counted;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};
use crate::inputs::{self, Input};
use crate::render::{Paint, TextReport};
use crate::replay::{FileReport, NoDeliveries, ReplayOptions, StallReport, Verdict, replay_files, replay_run};

/// Bytes at each end of a file that tell it from another of the same name.
const ENDS: u64 = 1 << 16;

/// Traces, planned.
pub(super) struct ReplayStep {
    inputs: Vec<Input>,
    /// What paths are told relative to: another machine has the repository elsewhere.
    directory: PathBuf,
    options: ReplayOptions,
    is_strict: bool,
}

impl ReplayStep {
    pub(super) fn plan(config: &Config, pictures: bool) -> Result<Self, String> {
        let wanted = &config.profile.replay;
        if wanted.paths.is_empty() {
            return Err("replay.paths is empty: name the traces that are to be judged".to_owned());
        }
        let paths: Vec<PathBuf> = wanted.paths.iter().map(|path| config.path(path)).collect();
        let inputs = match wanted.together {
            true => paths.iter().flat_map(|path| inputs::expand(std::slice::from_ref(path), true)).collect(),
            false => inputs::expand(&paths, false),
        };
        let mut options = ReplayOptions { pictures, ..ReplayOptions::default() };
        if !wanted.revisions.is_empty() {
            let named = wanted.revisions.iter().map(|name| name.parse::<Revision>());
            options.default_revisions = named.collect::<Result<RevisionSet, _>>().map_err(|error| error.to_string())?;
        }
        Ok(Self { inputs, directory: config.directory.clone(), options, is_strict: wanted.strict })
    }
}

impl ReplayStep {
    fn told(&self, path: &Path) -> String {
        path.strip_prefix(&self.directory).unwrap_or(path).display().to_string()
    }

    /// Several native traces are held against each other; several captures are one.
    fn replay(&self, paths: &[PathBuf]) -> Result<Vec<FileReport>, String> {
        if paths.len() > 1
            && let Some(judged) = replay_run(paths, &self.options).map_err(|error| error.to_string())?
        {
            return Ok(judged.into_iter().map(|(report, _)| report).collect());
        }
        let report = replay_files(paths, &self.options, &mut NoDeliveries).map_err(|error| error.to_string())?;
        Ok(vec![report])
    }

    fn name(&self, input: &Input) -> String {
        match input {
            Input::Capture(paths) => paths.iter().map(|path| self.told(path)).collect::<Vec<_>>().join(" + "),
            Input::Unusable(path, _) => self.told(path),
        }
    }
}

impl Step for ReplayStep {
    fn units(&self) -> Vec<String> {
        self.inputs.iter().map(|input| self.name(input)).collect()
    }

    fn fingerprint(&self) -> String {
        let paths = self.inputs.iter().flat_map(|input| match input {
            Input::Capture(paths) => paths.as_slice(),
            Input::Unusable(..) => &[],
        });
        paths.map(|path| ends(path).unwrap_or_default()).collect()
    }

    fn run(&self, unit: usize, _: usize, _: &dyn Fn(String)) -> Done {
        let paths = match self.inputs.get(unit) {
            Some(Input::Capture(paths)) => paths,
            Some(Input::Unusable(path, reason)) => {
                return Done::unusable(format!("{} {reason}", self.told(path)));
            }
            None => return Done::unusable("is no input"),
        };
        match self.replay(paths) {
            Ok(reports) => joined(reports.into_iter().map(|mut report| {
                report.path = self.told(Path::new(&report.path));
                let done = judged(&report, self.is_strict);
                let is_shown = self.options.pictures && !done.findings.is_empty();
                Done { shown: is_shown.then_some(report).into_iter().collect(), ..done }
            })),
            Err(reason) => Done::unusable(reason),
        }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        counted(units.len(), "trace")
    }
}

/// Size of a file, and a digest of its first and last bytes: captures are too long to read them twice.
fn ends(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut hash = Xxh3::new();
    for at in [0, len.saturating_sub(ENDS)] {
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        (&mut file).take(ENDS).read_to_end(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(format!(" {len} {:x}", hash.digest()))
}

/// What came of several traces, as one.
fn joined(all: impl Iterator<Item = Done>) -> Done {
    let mut joined = Done::default();
    for done in all {
        let between = if joined.outcome.is_empty() { "" } else { "; " };
        joined.outcome += &format!("{between}{}", done.outcome);
        joined.findings.extend(done.findings);
        joined.coverage.add(&done.coverage);
        joined.shown.extend(done.shown);
    }
    joined
}

/// What must be accepted, as a unit.
pub(in crate::gate) fn judged(report: &FileReport, is_strict: bool) -> Done {
    let mut findings = Vec::new();
    if let Some(error) = &report.error {
        findings.push(Finding::unusable(error.clone()).in_file(report.path.clone(), None));
    }
    let told_whole = || TextReport::new(Paint::new(false), true, Vec::new()).file(report);
    let rejections = report.pairs.iter().filter_map(|pair| pair.rejection.as_ref());
    findings.extend(rejections.map(|rejection| {
        let message = format!(
            "{}: frame {}: {}: expected {}, got {} (node {} to node {}: {})",
            report.path,
            rejection.frame,
            rejection.rule,
            rejection.expected,
            rejection.got,
            rejection.from,
            rejection.to,
            rejection.message
        );
        Finding::failed(rejection.rule, message)
            .in_file(report.path.clone(), Some(rejection.frame))
            .with_detail(told_whole())
    }));
    let stalls = report.pairs.iter().flat_map(|pair| &pair.stalls).filter(|_| is_strict);
    findings.extend(stalls.map(|stall| told(stall, report)));
    if let (Some(Verdict::Vacuous | Verdict::Inconclusive), true) = (report.verdict, findings.is_empty()) {
        let verdict = report.verdict.map_or("", Verdict::name);
        findings.push(Finding::incomplete(format!("{}: {verdict}", report.path)).in_file(report.path.clone(), None));
    }
    let verdict = report.verdict.map_or("unreadable", Verdict::name);
    Done { findings, ..Done::new(format!("{verdict}, {} messages", report.messages)) }
}

fn told(stall: &StallReport, report: &FileReport) -> Finding {
    let hazard = stall.hazard.map_or(String::new(), |hazard| format!(" ({hazard})"));
    let message = format!(
        "{}: frame {}: node {} waits for number {} of node {}, which never came{hazard}",
        report.path, stall.frame, stall.to, stall.seq, stall.from
    );
    Finding::failed("stall", message).in_file(report.path.clone(), Some(stall.frame))
}
