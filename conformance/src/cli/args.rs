//! Arguments as typed, and as validated.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::LazyLock;

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use midcomms_model::revision::UnknownRevision;
use midcomms_model::{Revision, RevisionSet};

use super::anonymize::AnonymizeArgs;
use super::check::CheckArgs;
use super::coverage::CoverageArgs;
use super::diagnose::DiagnoseArgs;
use super::drive::DriveArgs;
use super::explain::ExplainArgs;
use super::explore::ExploreArgs;
use super::gate::{GateArgs, MergeArgs};
use super::page::is_stdout;
use super::record::RecordArgs;
use super::shell::{CompletionsArgs, ManArgs};
use super::shrink::ShrinkArgs;
use super::terminal::ColorChoice;
use crate::capture::{CaptureOptions, DLM_PORT};
use crate::replay::ReplayOptions;

const EXIT_CODES: &str = "\
Exit codes:
  0  all good, and something was checked
  1  a trace was rejected; or a pair stalled, under --strict; or the gate failed
  2  usage, I/O or malformed input (the other files are judged all the same)
  3  vacuous (no message of the protocol) or inconclusive (a budget ran out)
With several files the most serious one counts, in the order 2, 1, 3, 0.";

/// The program's version, and that of the specification by which it judges.
pub(crate) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!("{}\nspecification version {}", env!("CARGO_PKG_VERSION"), midcomms_model::SPECIFICATION_VERSION)
    });
    &VERSION
}

/// Judges what the nodes of a Linux DLM cluster said to each other, from packet captures.
#[derive(Debug, Parser)]
#[command(
    name = "midcomms",
    version = version(),
    after_help = EXIT_CODES,
    max_term_width = 100,
)]
pub(crate) struct Cli {
    /// What to do; without it, the gate.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge captures: is every message in them allowed by the protocol?
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Print every message of captures, one a line
    Decode(DecodeArgs),
    /// Print a native trace that is in the compact form as JSON lines
    Convert(ConvertArgs),
    /// Make the smallest trace with the same rejection, or the same stall
    Shrink(ShrinkArgs),
    /// Make a copy of a trace that can be given away: other addresses, names and bodies, the same verdict
    Anonymize(AnonymizeArgs),
    /// Walk through the model in the browser, with the sequence chart of the path so far
    Explore(ExploreArgs),
    /// Check the model: does every property hold in every environment, for every revision?
    #[command(after_help = super::check::EXIT_CODES)]
    Check(Box<CheckArgs>),
    /// Run the implementation in named scenarios and write what each node did as native traces
    Record(RecordArgs),
    /// Drive paths of the model into the implementation: do the two agree after every step?
    #[command(after_help = super::drive::EXIT_CODES)]
    Drive(DriveArgs),
    /// Show what of the protocol the corpus, recordings and driven paths exercise, and what nothing does
    Coverage(CoverageArgs),
    /// Run everything that stands before a merge (the default): model, corpus, implementation, coverage
    #[command(after_help = super::gate::EXIT_CODES)]
    Gate(GateArgs),
    /// Join the reports of all parts of a gate
    #[command(after_help = super::gate::EXIT_CODES)]
    Merge(MergeArgs),
    /// Tell why a cluster hangs now: who waits for whom, from what its nodes still show
    #[command(after_help = super::diagnose::EXIT_CODES)]
    Diagnose(DiagnoseArgs),
    /// Explain a rule, a hazard, a property, a verdict: its text, an example, what usually causes it
    Explain(ExplainArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all subcommands
    Man(ManArgs),
}

/// What to convert.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// A native trace in the compact form, plain or compressed; - is the standard input
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
}

/// What to read, and how to print.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Captures (pcap, pcapng; plain, gzip or zstd), directories of them, or - for the standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Port of DLM; may be repeated
    #[arg(long = "port", value_name = "N", value_delimiter = ',', default_values_t = [DLM_PORT], value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ports: Vec<u16>,
}

impl InputArgs {
    fn validate(&self) -> Result<(), clap::Error> {
        if self.paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(usage("the standard input (-) can be read only once"));
        }
        Ok(())
    }

    pub(crate) fn capture_options(&self) -> CaptureOptions {
        CaptureOptions { ports: self.ports.clone(), ..CaptureOptions::default() }
    }
}

/// By what a trace is judged.
#[derive(Debug, Args)]
pub(crate) struct JudgingArgs {
    /// Revisions that the nodes may speak: any, NAME for all, or ID=NAME for one node
    #[arg(long = "revision", value_name = "NAME|ID=NAME", value_delimiter = ',', default_value = "any")]
    pub(crate) revisions: Vec<RevisionArg>,
    /// Explanations kept at a time for one pair; beyond it the verdict is inconclusive
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=65536))]
    budget: usize,
    /// Seconds for which a pair talks past an open gap before it is called stalled
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) stall_after: f64,
}

impl JudgingArgs {
    /// The options of replay, without pictures.
    pub(crate) fn options(&self, capture: CaptureOptions) -> Result<ReplayOptions, clap::Error> {
        let (default_revisions, revisions) = merge_revisions(&self.revisions)?;
        let (budget, stall_after) = (self.budget, self.stall_after);
        Ok(ReplayOptions { capture, revisions, default_revisions, budget, stall_after, pictures: false })
    }
}

/// `midcomms replay`, as typed.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// How to report
    #[arg(long, value_enum, default_value_t = ReplayFormat::Text)]
    pub(crate) format: ReplayFormat,
    #[command(flatten)]
    judging: JudgingArgs,
    /// Exit with 1 on a stall
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write what was delivered, as inferred, as TSV; - is the standard output, and moves the report to stderr
    ///
    /// Files are then judged one after another.
    #[arg(long, value_name = "FILE")]
    pub(crate) deliveries: Option<PathBuf>,
    /// Read all inputs as recordings of one run: the files of a ring or of two nodes as one capture, native traces of its
    /// nodes against each other, and a capture against them
    #[arg(long)]
    pub(crate) together: bool,
    /// Write a report for a browser to FILE, as well: verdicts, sequence charts, states; - is the standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write a SARIF report to FILE, as well: a result for each rejection, and for each stall under --strict
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Write JUnit's XML to FILE, as well: a case for each file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Judge a native trace that is still being written: tell rejections and stalls as they come, until its end or Ctrl-C
    #[arg(long, conflicts_with_all = ["together", "deliveries", "html", "sarif", "junit"])]
    pub(crate) follow: bool,
    /// Files judged at the same time [default: number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Report only what is not plainly accepted; no summary, no progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `midcomms replay`, as validated.
#[derive(Debug)]
pub(crate) struct ReplayPlan {
    pub(crate) args: ReplayArgs,
    pub(crate) options: ReplayOptions,
    pub(crate) threads: usize,
}

impl ReplayArgs {
    pub(crate) fn validate(self) -> Result<ReplayPlan, clap::Error> {
        self.input.validate()?;
        let on_stdout = self.deliveries.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if on_stdout && self.format == ReplayFormat::Json {
            return Err(usage("--deliveries - and --format json both want the standard output: name a file"));
        }
        if self.html.as_deref().is_some_and(is_stdout) && (on_stdout || self.format == ReplayFormat::Json) {
            let other = if on_stdout { "--deliveries -" } else { "--format json" };
            return Err(usage(&format!("--html - and {other} both want the standard output: name a file")));
        }
        let options = self.judging.options(self.input.capture_options())?;
        let threads = match (self.threads, &self.deliveries) {
            (_, Some(_)) => 1,
            (Some(threads), None) => threads.get(),
            (None, None) => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        let options = ReplayOptions { pictures: self.html.is_some(), ..options };
        Ok(ReplayPlan { args: self, options, threads })
    }
}

/// `midcomms decode`, as typed.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = DecodeFormat::Text)]
    pub(crate) format: DecodeFormat,
    /// Print dates (UTC) instead of seconds since the first event; JSON always has seconds since the epoch
    #[arg(long)]
    pub(crate) absolute: bool,
    /// Leave out connections opening and closing, and holes of the capture
    #[arg(long)]
    pub(crate) messages_only: bool,
}

impl DecodeArgs {
    pub(crate) fn validate(self) -> Result<Self, clap::Error> {
        self.input.validate()?;
        Ok(self)
    }
}

/// How `replay` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayFormat {
    /// For people.
    Text,
    /// One JSON object: format midcomms-replay of traces/SCHEMA.md
    Json,
}

/// How `decode` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecodeFormat {
    /// For people.
    Text,
    /// One JSON object a line: format midcomms-decode of traces/SCHEMA.md
    Jsonl,
}

/// `any`, `NAME`, `ID=any` or `ID=NAME`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RevisionArg {
    node: Option<u32>,
    revisions: RevisionSet,
}

impl fmt::Display for RevisionArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let only = Revision::ALL.iter().find(|revision| self.revisions == RevisionSet::only(**revision));
        self.node.map_or(Ok(()), |node| write!(f, "{node}="))?;
        f.write_str(only.map_or("any", |revision| revision.name()))
    }
}

impl FromStr for RevisionArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (node, name) = match text.split_once('=') {
            Some((node, name)) => {
                let id = node.parse().ok().filter(|id| *id > 0);
                (Some(id.ok_or_else(|| format!("`{node}` is not a node id"))?), name)
            }
            None => (None, text),
        };
        let revisions = match name {
            "any" => RevisionSet::any(),
            name => {
                let revision: Result<Revision, UnknownRevision> = name.parse();
                RevisionSet::only(revision.map_err(|unknown| unknown.to_string())?)
            }
        };
        Ok(Self { node, revisions })
    }
}

pub(crate) fn merge_revisions(typed: &[RevisionArg]) -> Result<(RevisionSet, HashMap<u32, RevisionSet>), clap::Error> {
    let mut default = None;
    let mut by_node = HashMap::new();
    for arg in typed {
        let earlier = match arg.node {
            Some(node) => by_node.insert(node, arg.revisions),
            None => default.replace(arg.revisions),
        };
        if earlier.is_some_and(|earlier| earlier != arg.revisions) {
            let whose = arg.node.map_or("all nodes".to_owned(), |node| format!("node {node}"));
            return Err(usage(&format!("--revision is given twice for {whose}, with two meanings")));
        }
    }
    Ok((default.unwrap_or_else(RevisionSet::any), by_node))
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
        _ => Err("expected a number of seconds, 0 or more".to_owned()),
    }
}

fn usage(message: &str) -> clap::Error {
    Cli::command().error(ErrorKind::ArgumentConflict, message)
}

/// An error of a subcommand, with its usage.
pub(crate) fn usage_of(subcommand: &str, kind: ErrorKind, message: &str) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    match command.find_subcommand_mut(subcommand) {
        Some(subcommand) => subcommand.error(kind, message),
        None => command.error(kind, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<ReplayPlan, clap::Error> {
        let all = ["midcomms", "replay"].iter().chain(arguments);
        match Cli::try_parse_from(all)?.command {
            Some(Command::Replay(args)) => args.validate(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn revisions_are_for_all_or_for_one_node() {
        let plan = plan(&["x", "--revision", "1=linux-6.1,2=any", "--revision", "linux-6.12"]);
        let options = plan.unwrap().options;
        assert_eq!(options.default_revisions, RevisionSet::only(Revision::Linux6_12));
        assert_eq!(options.revisions[&1], RevisionSet::only(Revision::Linux6_1));
        assert_eq!(options.revisions[&2], RevisionSet::any());
    }

    #[test]
    fn an_unknown_revision_is_answered_with_the_known_ones() {
        for typed in ["linux-4", "1=linux-4"] {
            let error = plan(&["x", "--revision", typed]).unwrap_err().to_string();
            assert!(error.contains("linux-4") && error.contains("linux-6.12"), "{error}");
        }
    }

    #[test]
    fn contradictions_are_usage_errors() {
        for arguments in [
            &["x", "--revision", "linux-6.1,linux-6.12"][..],
            &["x", "--revision", "0=any"],
            &["x", "--budget", "0"],
            &["x", "--stall-after", "nan"],
            &["x", "--port", "0"],
            &["x", "--format", "json", "--deliveries", "-"],
            &["x", "--format", "json", "--html", "-"],
            &["x", "--deliveries", "-", "--html", "-"],
            &["-", "-"],
            &[],
        ] {
            assert!(plan(arguments).is_err(), "{arguments:?}");
        }
    }
}
