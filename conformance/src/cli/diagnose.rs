//! `midcomms diagnose`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, end_on_closed_pipe};
use super::terminal::ColorChoice;
use crate::diagnose::{self, COLLECTOR, Outcome};
use crate::render::{Paint, printable};

/// What ends how.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  nothing is owed, as far as what was collected shows
  1  something hangs
  2  usage, or nothing that can be read
  3  what was collected does not decide it
What to collect: run `midcomms diagnose --script > collect.sh` once, then `sh collect.sh` as root
on each node, and give the directories that it makes to this command.";

/// What to read, and how to print.
#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// What was collected: a directory for each node, or directories of them
    #[arg(value_name = "DIR", required_unless_present = "script")]
    paths: Vec<PathBuf>,
    /// Print the script that collects it: for sh, read-only, to be run as root on each node
    #[arg(long, conflicts_with = "paths")]
    script: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = DiagnoseFormat::Text)]
    format: DiagnoseFormat,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

/// How `diagnose` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiagnoseFormat {
    /// For people
    Text,
    /// One JSON object: format midcomms-diagnosis of traces/SCHEMA.md
    Json,
}

/// Diagnoses, or prints the collector.
pub(crate) fn run(args: &DiagnoseArgs) -> anyhow::Result<Exit> {
    if args.script {
        print(COLLECTOR)?;
        return Ok(Exit::Good);
    }
    let (evidence, unusable) = diagnose::gather(&args.paths);
    let diagnosis = diagnose::judge(&evidence, &unusable);
    let text = match args.format {
        DiagnoseFormat::Text => {
            let paint = Paint::new(args.color.applies_to(&io::stdout()));
            diagnose::text::text(&diagnosis, paint)
        }
        DiagnoseFormat::Json => serde_json::to_string_pretty(&diagnosis)? + "\n",
    };
    print(&text)?;
    if diagnosis.outcome == Outcome::Unusable && args.format == DiagnoseFormat::Json {
        for line in diagnosis.unusable.iter().chain(&diagnosis.damage) {
            let _ = writeln!(io::stderr(), "error: {}", printable(line));
        }
    }
    Ok(exit(diagnosis.outcome))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::NothingOwed => Exit::Good,
        Outcome::Hangs => Exit::Failed,
        Outcome::Unusable => Exit::Unusable,
        Outcome::NothingToConclude => Exit::Unproven,
    }
}
