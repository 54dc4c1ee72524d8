//! The command line.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::contender::Name;
use crate::cores::{self, Placement};
use crate::workload::Workload;

/// Measures midcomms beside what one would use instead: two nodes in one process, over loopback.
///
/// Every round runs every workload with every contender, the order of the contenders rotated, and what counts are the
/// ratios within a round. Receivers verify the number, the order and the length of all messages; one that is wrong ends
/// the benchmark with an error. The table goes to standard output, progress to standard error.
///
/// ZeroMQ needs libzmq: `apt-get install libzmq3-dev pkg-config`. Without it build with `--no-default-features`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// How often everything is measured
    #[arg(long, default_value = "9")]
    pub(crate) rounds: NonZeroU32,

    /// How long one run takes, about: how many messages that are is found out at the start
    #[arg(long, default_value_t = 0.4, value_parser = seconds, conflicts_with = "messages")]
    pub(crate) seconds: f64,

    /// How many messages per direction, round trips or resets a run times, instead of --seconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..=1_000_000_000))]
    pub(crate) messages: Option<u32>,

    /// Contenders, comma-separated, instead of all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<Name>,

    /// Workloads, comma-separated, instead of all
    #[arg(long = "workload", value_name = "WORKLOAD", value_delimiter = ',')]
    pub(crate) workloads: Vec<Workload>,

    /// Threads of each node's tokio runtime; half of the cores unless given, for the two nodes share them. Tokio's own
    /// default is as many as there are cores
    #[arg(long)]
    workers: Option<NonZeroUsize>,

    /// Where the nodes' threads run
    #[arg(long, default_value = "apart")]
    pub(crate) placement: Placement,

    /// How to print the result
    #[arg(long, default_value = "markdown")]
    pub(crate) format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// Tables.
    Markdown,
    /// One object: options, samples, ratios, bounds.
    Json,
}

impl Args {
    pub(crate) fn wants(&self, name: Name) -> bool {
        self.only.is_empty() || self.only.contains(&name)
    }

    pub(crate) fn wants_workload(&self, workload: Workload) -> bool {
        self.workloads.is_empty() || self.workloads.contains(&workload)
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.map_or_else(|| cores::count().div_ceil(2), NonZeroUsize::get)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds from 0.01 to 600".to_owned()),
    }
}
