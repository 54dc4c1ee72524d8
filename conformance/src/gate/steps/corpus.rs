//! The corpus against its manifest: captures of kernels, recordings of the implementation, and traces that must be refused.

use crate::corpus::{Corpus, Difference, EntryKind, MANIFEST_FILE};
use crate::gate::config::{Config, StepName};
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};

/// One kind of the entries of a corpus.
pub(super) struct CorpusStep {
    name: StepName,
    /// The directory as the configuration names it.
    dir: String,
    corpus: Corpus,
    /// Where the entries of this kind are in the corpus.
    entries: Vec<usize>,
}

impl CorpusStep {
    pub(super) fn plan(name: StepName, config: &Config) -> Result<Self, String> {
        let dir = config.profile.corpus.traces.clone();
        let path = config.path(&dir);
        let corpus = Corpus::load(&path).map_err(|error| error.to_string())?;
        let is_wanted = |kind| match name {
            StepName::Rejected => kind == EntryKind::Rejected,
            _ => kind != EntryKind::Rejected,
        };
        let all = corpus.entries().enumerate();
        let entries = all.filter(|(_, (kind, _))| is_wanted(*kind)).map(|(index, _)| index).collect();
        Ok(Self { name, dir, corpus, entries })
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
        self.entries.iter().filter_map(|index| files.get(*index).map(|file| (*file).to_owned())).collect()
    }

    fn run(&self, unit: usize, _: usize, _: &dyn Fn(String)) -> Done {
        let Some(entry) = self.entries.get(unit).and_then(|index| self.corpus.check(*index)) else {
            return Done::unusable("is no entry");
        };
        let findings = entry.differences.iter().map(|difference| self.finding(&entry.file, difference)).collect();
        Done { findings, coverage: entry.coverage, ..Done::new(entry.outcome) }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        match self.name {
            StepName::Rejected => {
                format!("{} falsified traces, each refused at its frame or line by its rule", units.len())
            }
            _ => format!("{} captures of kernels and recordings of the implementation", units.len()),
        }
    }
}
