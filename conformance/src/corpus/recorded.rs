//! Recordings of the implementation: what an entry says of them, and whether replay says the same.

use std::path::Path;

use midcomms_model::Rule;
use serde::Deserialize;

use super::check::Comparison;
use crate::capture::OpenedInput;
use crate::replay::{FileReport, ReplayOptions, replay_together};

/// Native traces of one run, which are judged together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What it is called.
    pub name: String,
    /// The command that made the traces; of falsified ones, those that they were made from.
    pub command: String,
    /// The traces, one for each life of each node.
    pub files: Vec<RecordedFile>,
    /// The one thing that was changed, if anything was.
    pub falsification: Option<String>,
    /// Where it must be refused; it must be accepted where this is absent.
    pub refused: Option<RefusedAt>,
    /// The figures at which replay must arrive; there are none of what is refused.
    pub counts: Option<RecordedCounts>,
}

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedFile {
    /// The trace, relative to the manifest.
    pub file: String,
    /// SHA-256 of the file as it is stored, in hexadecimal.
    pub sha256: String,
}

/// The first event that must be refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedAt {
    /// The trace that it is in, relative to the manifest.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// The rule that it breaks.
    pub rule: String,
}

/// Figures of all traces of a run together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCounts {
    /// Events of the records that are followed exactly.
    pub events: u64,
    /// Messages, each counted where it was written and where it was read.
    pub messages: u64,
    /// Numbered messages, FINs among them, that one node sent once and another accepted once.
    pub delivered: u64,
}

impl Recorded {
    /// What an entry says that makes no sense: key and message.
    pub(super) fn check_values(&self) -> Result<(), (&'static str, String)> {
        if self.files.is_empty() {
            return Err(("files", "names no trace".to_owned()));
        }
        if self.refused.is_some() != self.falsification.is_some() {
            return Err(("refused", "stands with `falsification`, or not at all".to_owned()));
        }
        if self.refused.is_some() == self.counts.is_some() {
            return Err(("counts", "expected for what must be accepted, and for that alone".to_owned()));
        }
        match &self.refused {
            Some(refused) if Rule::find(&refused.rule).is_none() => {
                Err(("refused", format!("replay does not judge by a rule `{}`", refused.rule)))
            }
            Some(refused) if self.files.iter().all(|known| known.file != refused.file) => {
                Err(("refused", format!("`{}` is none of `files`", refused.file)))
            }
            _ => Ok(()),
        }
    }

    /// The trace by which the entry is called: the one that must be refused, or the first.
    pub(super) fn file(&self) -> &str {
        match &self.refused {
            Some(refused) => &refused.file,
            None => self.files.first().map_or("", |first| &first.file),
        }
    }
}

impl Comparison {
    pub(super) fn recorded(&mut self, dir: &Path, recorded: &Recorded) {
        let mut are_there = true;
        for known in &recorded.files {
            are_there &= self.sum(&dir.join(&known.file), &known.sha256);
        }
        if !are_there {
            return;
        }
        let reports = match judged(dir, recorded) {
            Ok(reports) => reports,
            Err(error) => return self.compare("reading", "native traces".to_owned(), error),
        };
        for report in &reports {
            let error = report.error.clone().unwrap_or("no error".to_owned());
            self.compare("reading", "no error".to_owned(), error);
        }
        let expected = recorded.refused.as_ref().map_or("accepted".to_owned(), |refused| {
            format!("{} line {} refused by {}", refused.file, refused.line, refused.rule)
        });
        self.compare("verdict", expected.clone(), outcome(&reports));
        let got = counts_of(&reports);
        if let Some(counts) = recorded.counts {
            self.compare("events", counts.events, got.events);
            self.compare("messages", counts.messages, got.messages);
            self.compare("delivered", counts.delivered, got.delivered);
        }
        self.outcome = format!("{expected}, {} messages of {} traces", got.messages, reports.len());
    }
}

/// What replay says of each trace, under the names that the manifest has for them.
fn judged(dir: &Path, recorded: &Recorded) -> Result<Vec<FileReport>, String> {
    let options = ReplayOptions::default();
    let mut inputs = Vec::new();
    for known in &recorded.files {
        let opened = OpenedInput::open(&dir.join(&known.file), &options.capture).map_err(|error| error.to_string())?;
        inputs.push((known.file.clone(), opened));
    }
    match replay_together(inputs, None, &options) {
        Ok(judged) => Ok(judged.into_iter().map(|(report, _)| report).collect()),
        Err((name, error)) => Err(format!("{name}: {error}")),
    }
}

/// The first refusal, or a verdict other than accepted, or that.
fn outcome(reports: &[FileReport]) -> String {
    for report in reports {
        let rejection = report.pairs.iter().find_map(|pair| pair.rejection.as_ref());
        if let Some(rejection) = rejection {
            return format!("{} line {} refused by {}", report.path, rejection.frame, rejection.rule);
        }
    }
    let verdicts = reports.iter().map(|report| report.verdict.map_or("unreadable", |verdict| verdict.name()));
    verdicts.into_iter().find(|verdict| *verdict != "accepted").unwrap_or("accepted").to_owned()
}

fn counts_of(reports: &[FileReport]) -> RecordedCounts {
    RecordedCounts {
        events: reports.iter().flat_map(|report| &report.exact).map(|exact| exact.events).sum(),
        messages: reports.iter().map(|report| report.messages).sum(),
        delivered: reports.iter().flat_map(|report| &report.between).filter_map(|between| between.delivered).sum(),
    }
}
