//! Reports for a browser: one file that holds everything and loads nothing.
//!
//! The page is `page.html` with its style, its scripts and one JSON object in it; the scripts build everything that is
//! seen from that object, as text and never as markup. Computes no verdict.

mod assets;
mod budget;
mod counterexample;
mod embed;

use serde::Serialize;
use serde_json::{Value, json};

use crate::gate::GateReport;
use crate::replay::{FileReport, Verdict};
use budget::Budget;
pub(crate) use counterexample::Counterexample;

/// The name of the format of the object in a page.
pub const FORMAT: &str = "midcomms-page";
/// Its version.
pub const VERSION: u64 = 1;

/// A page while it is put together. What is left out for its size it counts, and says.
#[derive(Debug)]
pub struct Page {
    title: String,
    is_strict: bool,
    files: Option<Vec<Value>>,
    check: Option<Value>,
    gate: Option<Value>,
    budget: Budget,
}

impl Page {
    /// An empty page.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), is_strict: false, files: None, check: None, gate: None, budget: Budget::default() }
    }

    /// A stall is a failure.
    #[must_use]
    pub fn strict(self, is_strict: bool) -> Self {
        Self { is_strict, ..self }
    }

    /// A page about files, even if none follows.
    #[must_use]
    pub fn of_files(mut self) -> Self {
        self.files.get_or_insert_default();
        self
    }

    /// Adds what came of a file: with charts, where it was replayed with [`crate::replay::ReplayOptions::pictures`].
    pub fn file(&mut self, report: &FileReport) {
        let is_plain = report.verdict == Some(Verdict::Accepted) && report.error.is_none() && report.stalls() == 0;
        let files = self.files.get_or_insert_default();
        if !self.budget.admits_file(is_plain, report.messages) {
            return;
        }
        let mut file = value(report);
        if let Some(Value::Array(pairs)) = file.get_mut("pairs") {
            for (pair, report) in pairs.iter_mut().zip(&report.pairs) {
                let picture = report.picture.as_deref().and_then(|picture| self.budget.picture(is_plain, picture));
                if let (Some(picture), Value::Object(pair)) = (picture, pair) {
                    pair.insert("picture".to_owned(), picture);
                }
            }
        }
        files.push(file);
    }

    /// Adds what came of a check: its JSON report, and its counterexamples.
    pub(crate) fn check(&mut self, report: Value, counterexamples: impl Iterator<Item = Counterexample>) {
        let mut told = Vec::new();
        for one in counterexamples {
            told.extend(self.budget.counterexample(value(&one)));
        }
        self.check = Some(json!({ "report": report, "counterexamples": told }));
    }

    /// Adds what came of a gate.
    pub fn gate(&mut self, report: &GateReport) {
        self.gate = Some(value(report));
    }

    /// The page.
    pub fn finish(self) -> String {
        let Self { title, is_strict, files, check, gate, budget } = self;
        let data = json!({
            "format": FORMAT,
            "version": VERSION,
            "program": env!("CARGO_PKG_VERSION"),
            "title": title,
            "strict": is_strict,
            "replay": files.map(|files| json!({ "files": files })),
            "check": check,
            "gate": gate,
            "cut": budget,
        });
        assets::page(&title, &data)
    }
}

/// The page of a gate, with pictures of replays that went wrong in it.
pub fn gate(report: &GateReport, shown: &[FileReport]) -> String {
    let mut page = Page::new(format!("midcomms gate, profile {}", report.profile));
    page.gate(report);
    if !shown.is_empty() {
        page = page.of_files();
        shown.iter().for_each(|file| page.file(file));
    }
    page.finish()
}

/// As JSON; nothing that is put into a page has keys that JSON cannot have.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

#[cfg(test)]
mod tests;
