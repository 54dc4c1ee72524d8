//! `--story`, `--chart` and `--export`: counterexamples told.

use std::path::PathBuf;

use clap::Args;
use midcomms_model::system::Property;
use midcomms_model::system::check::Counterexample;

use super::args::conflict;
use crate::check::run::Verdict;
use crate::check::{Outcome, Task};
use crate::tell::{Told, Wanted, check_chart_name, tell};

/// Columns of a story where nobody says how wide the terminal is.
const COLUMNS: usize = 100;
/// A story is never wider than this.
const MAX_COLUMNS: usize = 120;

/// What to do with counterexamples.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Counterexamples")]
pub(super) struct Telling {
    /// Tell every counterexample, step by step
    #[arg(long)]
    pub(super) story: bool,
    /// Draw the one counterexample: FILE ends in .txt, .mmd (Mermaid), .svg or .html (with the story)
    #[arg(long, value_name = "FILE")]
    pub(super) chart: Option<PathBuf>,
    /// Write the one counterexample as a native trace, which `replay` judges
    #[arg(long, value_name = "FILE")]
    pub(super) export: Option<PathBuf>,
}

impl Telling {
    /// What can be said before anything is checked.
    pub(super) fn validate(&self) -> Result<(), clap::Error> {
        match &self.chart {
            Some(path) => check_chart_name(path).map_err(|error| conflict(&error.to_string())),
            None => Ok(()),
        }
    }

    /// Writes the files, and gives the stories: of all counterexamples if asked for, and else where there is one row.
    pub(super) fn tell(&self, tasks: &[Task], outcomes: &[Outcome]) -> anyhow::Result<String> {
        let found: Vec<_> =
            tasks.iter().zip(outcomes).flat_map(|(task, outcome)| counterexamples(task, outcome)).collect();
        let is_one_row = matches!((tasks, outcomes), ([_], [outcome]) if outcome.verdicts.len() == 1);
        if self.chart.is_some() || self.export.is_some() {
            self.write(&found)?;
        }
        let mut text = Vec::new();
        if self.story || is_one_row {
            let wanted = Wanted { story: Some(columns()), ..Wanted::default() };
            for one in &found {
                text.push(b'\n');
                tell(&one.told(&one.revisions()), &wanted, &mut text)?;
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn write(&self, found: &[Found<'_>]) -> anyhow::Result<()> {
        let [one] = found else {
            let message = format!(
                "--chart and --export are for one counterexample, and there are {}: choose by --revision, --environment and --property",
                found.len()
            );
            return Err(conflict(&message).into());
        };
        let wanted = Wanted { story: None, chart: self.chart.clone(), export: self.export.clone() };
        tell(&one.told(&one.revisions()), &wanted, &mut std::io::sink())
    }
}

struct Found<'a> {
    task: &'a Task,
    rules: String,
    property: Property,
    counterexample: &'a Counterexample,
}

impl Found<'_> {
    /// What each node speaks; with something seeded, one name for all.
    fn revisions(&self) -> Vec<&str> {
        if self.task.key.seed.is_some() { vec![&self.rules] } else { self.rules.split('+').collect() }
    }

    fn told<'a>(&'a self, revisions: &'a [&'a str]) -> Told<'a> {
        Told { world: &self.task.world, counterexample: self.counterexample, property: self.property, revisions }
    }
}

fn counterexamples<'a>(task: &'a Task, outcome: &'a Outcome) -> impl Iterator<Item = Found<'a>> {
    outcome.verdicts.iter().filter_map(|(property, verdict)| match verdict {
        Verdict::Violated(Some(counterexample)) => {
            Some(Found { task, rules: outcome.key.rules(), property: *property, counterexample })
        }
        _ => None,
    })
}

/// The width of the terminal, within bounds.
fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.unwrap_or(COLUMNS).clamp(60, MAX_COLUMNS)
}
