//! `--story`, `--chart` and `--export`: counterexamples told.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use midcomms_model::story::Story;
use midcomms_model::system::Property;
use midcomms_model::system::check::Counterexample;

use super::args::conflict;
use crate::check::run::Verdict;
use crate::check::{Outcome, Task};
use crate::tell::{Told, Wanted, check_chart_name, check_place, tell};

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
        let refused = |error: anyhow::Error| conflict(&format!("{error:#}"));
        if let Some(path) = &self.chart {
            check_chart_name(path).map_err(refused)?;
        }
        self.chart.iter().chain(&self.export).try_for_each(|path| check_place(path).map_err(refused))
    }

    /// The stories: of all counterexamples if asked for, and else where there is one row. `variant` is a variant's name and
    /// that of its base.
    pub(super) fn stories(&self, rows: Rows<'_>, variant: Option<(&str, &str)>) -> anyhow::Result<String> {
        let found = all(rows, variant);
        let is_one_row = matches!(rows, ([_], [outcome]) if outcome.verdicts.len() == 1);
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

    /// Writes the files.
    pub(super) fn write(&self, rows: Rows<'_>, variant: Option<(&str, &str)>) -> anyhow::Result<()> {
        if self.chart.is_none() && self.export.is_none() {
            return Ok(());
        }
        let found = all(rows, variant);
        if found.is_empty() {
            let _ = writeln!(std::io::stderr(), "note: no counterexample, so --chart and --export write nothing");
            return Ok(());
        }
        let [one] = found.as_slice() else {
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

/// What was explored, and what came out.
pub(super) type Rows<'a> = (&'a [Task], &'a [Outcome]);

/// Every counterexample, with the place of its row among those of the outcomes.
pub(super) fn stories<'a>(
    (tasks, outcomes): Rows<'a>,
    variant: Option<(&'a str, &'a str)>,
) -> impl Iterator<Item = (usize, Story)> {
    let mut row = 0;
    let firsts = outcomes.iter().map(move |outcome| {
        let first = row;
        row += outcome.verdicts.len();
        first
    });
    tasks.iter().zip(outcomes).zip(firsts).flat_map(move |((task, outcome), first)| {
        let place = move |property| outcome.verdicts.iter().position(|(asked, _)| *asked == property).unwrap_or(0);
        let found = counterexamples(task, outcome, variant);
        found.map(move |one| (first + place(one.property), one.told(&one.revisions()).story()))
    })
}

struct Found<'a> {
    task: &'a Task,
    rules: String,
    base: &'a str,
    property: Property,
    counterexample: &'a Counterexample,
}

impl Found<'_> {
    /// What each node speaks, whatever was seeded or switched.
    fn revisions(&self) -> Vec<&str> {
        self.base.split('+').collect()
    }

    fn told<'a>(&'a self, revisions: &'a [&'a str]) -> Told<'a> {
        let rules = (self.rules != self.base && !self.rules.contains('+')).then_some(self.rules.as_str());
        Told { world: &self.task.world, counterexample: self.counterexample, property: self.property, revisions, rules }
    }
}

fn all<'a>((tasks, outcomes): Rows<'a>, variant: Option<(&'a str, &'a str)>) -> Vec<Found<'a>> {
    tasks.iter().zip(outcomes).flat_map(|(task, outcome)| counterexamples(task, outcome, variant)).collect()
}

fn counterexamples<'a>(
    task: &'a Task,
    outcome: &'a Outcome,
    variant: Option<(&'a str, &'a str)>,
) -> impl Iterator<Item = Found<'a>> {
    let of_variant = variant.filter(|(name, _)| *name == task.key.revision);
    let base = of_variant.map_or(task.key.revision.as_str(), |(_, base)| base);
    outcome.verdicts.iter().filter_map(move |(property, verdict)| match verdict {
        Verdict::Violated(Some(counterexample)) => {
            Some(Found { task, rules: outcome.key.rules(), base, property: *property, counterexample })
        }
        _ => None,
    })
}

/// The width of the terminal, within bounds.
fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.unwrap_or(COLUMNS).clamp(60, MAX_COLUMNS)
}
