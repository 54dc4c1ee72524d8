//! What to record, and where.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::record::{Form, Scenario, Scenarios};

/// `midcomms record`, as typed.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Scenarios to record [default: all]
    #[arg(value_name = "SCENARIO")]
    names: Vec<String>,
    /// Directory for the traces: one directory for each scenario, one file for each node
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// Seed of sizes, times, order and breaks; the same gives the same files, but over sockets [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Record each scenario so many times, with the seed and those after it, in a directory for each seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// Over loopback TCP in real time instead of in simulation
    #[arg(long)]
    pub(super) sockets: bool,
    /// Form of the traces
    #[arg(long, value_enum, default_value_t = RecordFormat::Jsonl)]
    format: RecordFormat,
    /// Scenarios of one's own instead of the built-in ones: format midcomms-scenarios of traces/SCHEMA.md
    #[arg(long, value_name = "FILE")]
    scenarios: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    pub(super) force: bool,
    /// Only list the scenarios
    #[arg(long)]
    pub(super) list: bool,
    #[arg(skip)]
    drawn: OnceLock<u64>,
}

/// In which form traces are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RecordFormat {
    /// JSON lines, in files NAME.jsonl
    Jsonl,
    /// The compact form, in files NAME.mct
    Compact,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) seed: u64,
}

impl RecordArgs {
    pub(super) fn scenarios(&self) -> anyhow::Result<Scenarios> {
        let Some(path) = &self.scenarios else { return Ok(Scenarios::built_in()?) };
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
        Ok(Scenarios::parse(&name, &text)?)
    }

    pub(super) fn form(&self) -> Form {
        match self.format {
            RecordFormat::Jsonl => Form::Lines,
            RecordFormat::Compact => Form::Compact,
        }
    }

    pub(super) fn out(&self) -> anyhow::Result<&Path> {
        self.out.as_deref().context("--out DIR says where to")
    }

    /// The seed that was given; otherwise one for this process, small enough to be typed.
    pub(super) fn first_seed(&self) -> u64 {
        let draw = || RandomState::new().hash_one(std::process::id()) % 1_000_000_000;
        self.seed.unwrap_or_else(|| *self.drawn.get_or_init(draw))
    }

    pub(super) fn has_many_seeds(&self) -> bool {
        self.seeds > 1
    }

    pub(super) fn jobs<'a>(&self, scenarios: &'a Scenarios) -> anyhow::Result<Vec<Job<'a>>> {
        let chosen: Vec<&Scenario> = match self.names.is_empty() {
            true => scenarios.iter().collect(),
            false => self.names.iter().map(|name| scenarios.get(name)).collect::<Result<_, _>>()?,
        };
        let first = self.first_seed();
        let last = first.checked_add(self.seeds - 1).context("--seed and --seeds go over 2^64")?;
        let seeds = |scenario| (first..=last).map(move |seed| Job { scenario, seed });
        Ok(chosen.into_iter().flat_map(seeds).collect())
    }
}
