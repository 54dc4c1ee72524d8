//! The corpus against its manifest: captures of kernels, recordings of the implementation, and traces that must be refused.

use std::path::PathBuf;

use crate::corpus::{Corpus, Difference, EntryKind, MANIFEST_FILE};
use crate::gate::config::{Config, StepName};
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};
use crate::replay::{FileReport, NoDeliveries, ReplayOptions, replay_files};

/// The unit that counts the entries.
const COUNT: &str = "number of entries";

/// One kind of the entries of a corpus.
pub(super) struct CorpusStep {
    name: StepName,
    /// The directory as the configuration names it.
    dir: String,
    path: PathBuf,
    /// A page shows what is wrong.
    pictures: bool,
    corpus: Corpus,
    /// Where the entries of this kind are in the corpus.
    entries: Vec<usize>,
    /// How many there must be.
    at_least: usize,
}

impl CorpusStep {
    pub(super) fn plan(name: StepName, config: &Config, pictures: bool) -> Result<Self, String> {
        let dir = config.profile.corpus.traces.clone();
        let path = config.path(&dir);
        let corpus = Corpus::load(&path).map_err(|error| error.to_string())?;
        let is_wanted = |kind| match name {
            StepName::Rejected => kind == EntryKind::Rejected,
            _ => kind != EntryKind::Rejected,
        };
        let all = corpus.entries().enumerate();
        let entries = all.filter(|(_, (kind, _))| is_wanted(*kind)).map(|(index, _)| index).collect();
        let at_least = match name {
            StepName::Rejected => config.profile.corpus.rejected_at_least,
            _ => config.profile.corpus.accepted_at_least,
        };
        Ok(Self { name, dir, path, pictures, corpus, entries, at_least })
    }

    fn replayed(&self, file: &str) -> Option<FileReport> {
        let options = ReplayOptions { pictures: true, ..ReplayOptions::default() };
        let mut report = replay_files(&[self.path.join(file)], &options, &mut NoDeliveries).ok()?;
        report.path = format!("{}/{file}", self.dir);
        Some(report)
    }

    /// A corpus that has become smaller shows less, and says so.
    fn count(&self) -> Done {
        let (there, at_least) = (self.entries.len(), self.at_least);
        let message = format!("{}/{MANIFEST_FILE} has {there} entries, and there must be {at_least}", self.dir);
        let finding = Finding::failed("entries", message).in_file(format!("{}/{MANIFEST_FILE}", self.dir), None);
        Done { findings: (there < at_least).then_some(finding).into_iter().collect(), ..Done::new(there.to_string()) }
    }

    fn finding(&self, file: &str, difference: &Difference) -> Finding {
        let Difference { what, expected, got } = difference;
        let message = format!("{file}: {what}: {MANIFEST_FILE} expects {expected}, got {got}");
        Finding::failed(what, message).in_file(format!("{}/{file}", self.dir), None)
    }
}

impl Step for CorpusStep {
    fn units(&self) -> Vec<String> {
        let files: Vec<&str> = self.corpus.entries().map(|(_, file)| file).collect();
        let entries = self.entries.iter().filter_map(|index| files.get(*index).map(|file| (*file).to_owned()));
        entries.chain([COUNT.to_owned()]).collect()
    }

    fn fingerprint(&self) -> String {
        // The manifest has the sums of all files.
        std::fs::read_to_string(self.path.join(MANIFEST_FILE)).unwrap_or_default()
    }

    fn run(&self, unit: usize, _: usize, _: &dyn Fn(String)) -> Done {
        if unit == self.entries.len() {
            return self.count();
        }
        let Some(entry) = self.entries.get(unit).and_then(|index| self.corpus.check(*index)) else {
            return Done::unusable("is no entry");
        };
        let findings = entry.differences.iter().map(|difference| self.finding(&entry.file, difference)).collect();
        let is_shown = self.pictures && !entry.passed();
        let shown = is_shown.then(|| self.replayed(&entry.file)).flatten().into_iter().collect();
        Done { findings, shown, coverage: entry.coverage, ..Done::new(entry.outcome) }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        match self.name {
            StepName::Rejected => {
                format!("{} falsified traces, each refused at its frame or line by its rule", entries(units))
            }
            _ => format!("{} captures of kernels and recordings of the implementation", entries(units)),
        }
    }
}

fn entries(units: &[UnitReport]) -> usize {
    units.iter().filter(|unit| unit.name != COUNT).count()
}
