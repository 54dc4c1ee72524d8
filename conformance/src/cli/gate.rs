//! `midcomms gate`: everything that stands before a merge; and `midcomms merge`, which joins the reports of its parts.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use clap::Args;
use clap::error::ErrorKind;
use indicatif::{ProgressBar, ProgressStyle};

use super::Exit;
use super::args::usage_of;
use super::exit::{end_on_closed_pipe, end_with};
use super::terminal::ColorChoice;
use crate::corpus::MANIFEST_FILE;
use crate::gate::config::{self, CONFIG_FILE, DEFAULT_PROFILE};
use crate::gate::output::{self, Form, Lines};
use crate::gate::waive::today;
use crate::gate::{Config, Gate, GateReport, Partition, RunOptions, UnitReport, Verdict, Watcher};
use crate::html;
use crate::render::Paint;
use crate::replay::FileReport;
use crate::tell::check_place;

/// For the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all as expected, and something was checked
  1  something is not as expected, or a waiver has expired
  2  usage, I/O or malformed input
  3  incomplete: a budget ran out, a part is missing, or nothing was checked
With several, the most serious one counts, in the order 2, 1, 3, 0.";

/// What `gate` and `merge` have in common.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The configuration [default: midcomms.toml here or in a directory above, else the built-in one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The profile of it
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PROFILE)]
    profile: String,
    /// How to report on the standard output: text, json, junit, sarif, github, markdown or html
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Form,
    /// A report besides, such as junit=gate.xml; may be repeated
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<ReportArg>,
    /// The same as --report html=FILE
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Tell every unit and every finding, not one screen of them
    #[arg(long, short)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

/// Run every step of a profile: model, corpus, implementation, coverage
#[derive(Clone, Debug, Args)]
pub(crate) struct GateArgs {
    #[command(flatten)]
    common: Common,
    /// The seed of everything random [default: a new one, which is printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run a part of the work: slice:M/N is every N-th unit, from the M-th; needs --seed, the same for all parts
    #[arg(long, value_name = "slice:M/N", requires = "seed")]
    partition: Option<PartitionArg>,
    /// Threads [default: number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
    /// Run nothing: print every key of midcomms.toml with its meaning
    #[arg(long, group = "instead")]
    keys: bool,
    /// Run nothing: print the configuration that is in force
    #[arg(long, group = "instead")]
    show_config: bool,
}

/// Join the reports of all parts of a gate (`--report json=FILE` of each)
#[derive(Clone, Debug, Args)]
pub(crate) struct MergeArgs {
    /// The reports
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// `FORMAT=FILE`.
#[derive(Clone, Debug)]
struct ReportArg {
    form: Form,
    file: PathBuf,
}

impl FromStr for ReportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((form, file)) if !file.is_empty() => Ok(Self { form: form.parse()?, file: file.into() }),
            _ => Err("expected a format, `=` and a file, such as junit=gate.xml".to_owned()),
        }
    }
}

/// `slice:M/N`.
#[derive(Clone, Copy, Debug)]
struct PartitionArg(Partition);

impl FromStr for PartitionArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected slice:M/N with M from 1 to N, such as slice:1/4".to_owned();
        let (part, of) = text.strip_prefix("slice:").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
        let (part, of): (usize, usize) = (part.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if (1..=of).contains(&part) { Ok(Self(Partition { part, of })) } else { Err(wrong()) }
    }
}

/// A report, and the replays that a page shows.
type Told<'a> = (&'a GateReport, &'a [FileReport]);

impl Common {
    fn validate(&self, subcommand: &str) -> Result<(), clap::Error> {
        let mut seen = HashSet::new();
        for file in self.files().map(|(_, file)| file) {
            if !seen.insert(file) {
                let message = format!("{}: two reports cannot be in one file", file.display());
                return Err(usage_of(subcommand, ErrorKind::ArgumentConflict, &message));
            }
            check_place(file)
                .map_err(|error| usage_of(subcommand, ErrorKind::ValueValidation, &format!("{error:#}")))?;
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (Form, &Path)> {
        let reports = self.reports.iter().map(|report| (report.form, report.file.as_path()));
        reports.chain(self.html.as_deref().map(|file| (Form::Html, file)))
    }

    fn has_page(&self) -> bool {
        self.format == Form::Html || self.files().any(|(form, _)| form == Form::Html)
    }

    fn config(&self) -> anyhow::Result<Config> {
        let found = self.config.clone().or_else(find_config);
        Ok(Config::load(found.as_deref(), &self.profile)?)
    }

    /// How to run the same again.
    fn again(&self, seed: u64) -> String {
        let config = self.config.as_ref().map_or(String::new(), |file| format!(" --config {}", file.display()));
        let profile = match self.profile.as_str() {
            DEFAULT_PROFILE => String::new(),
            other => format!(" --profile {other}"),
        };
        format!("midcomms gate{config}{profile} --seed {seed}")
    }

    /// Prints the report, and writes the files; where GitHub Actions wants a summary, it gets one.
    fn tell(&self, report: &GateReport, shown: &[FileReport]) -> anyhow::Result<Exit> {
        for (form, file) in self.files() {
            let text = self.form(form, (report, shown), Paint::new(false))?;
            fs::write(file, text).with_context(|| format!("{}: cannot be written", file.display()))?;
        }
        if self.format == Form::Github {
            self.summarise(report)?;
        }
        let paint = Paint::new(self.color.applies_to(&io::stdout()));
        let text = self.form(self.format, (report, shown), paint)?;
        let mut out = io::stdout().lock();
        let exit = exit_of(report.verdict);
        end_with(out.write_all(text.as_bytes()).and_then(|()| out.flush()), exit)?;
        Ok(exit)
    }

    fn form(&self, form: Form, (report, shown): Told<'_>, paint: Paint) -> anyhow::Result<String> {
        let lines = if self.verbose { Lines::All } else { Lines::Screen };
        Ok(match form {
            Form::Text => output::text(report, lines, paint),
            Form::Json => output::json(report)?,
            Form::Junit => output::junit(report)?,
            Form::Sarif => output::sarif(report)?,
            Form::Github => output::annotations(report) + &output::text(report, lines, Paint::new(false)),
            Form::Markdown => output::summary(report),
            Form::Html => html::gate(report, shown),
        })
    }

    fn summarise(&self, report: &GateReport) -> anyhow::Result<()> {
        let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return Ok(()) };
        let file = PathBuf::from(file);
        let unwritten = || format!("{}: the step summary cannot be written", file.display());
        let mut out = fs::File::options().create(true).append(true).open(&file).with_context(unwritten)?;
        out.write_all(output::summary(report).as_bytes()).with_context(unwritten)
    }
}

/// `midcomms.toml` here or in a directory above.
fn find_config() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|directory| directory.join(CONFIG_FILE)).find(|file| file.is_file())
}

/// `traces` of the workspace that the user is in, else of the one that this program was built from.
pub(crate) fn find_traces() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = here.iter().flat_map(|here| here.ancestors());
    above
        .chain(built_in.parent())
        .map(|directory| directory.join("traces"))
        .find(|traces| traces.join(MANIFEST_FILE).is_file())
}

fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Good => Exit::Good,
        Verdict::Incomplete => Exit::Unproven,
        Verdict::Failed => Exit::Failed,
        Verdict::Unusable => Exit::Unusable,
    }
}

/// Runs the gate.
pub(crate) fn run(args: GateArgs) -> anyhow::Result<Exit> {
    if args.keys {
        return print(&config::keys());
    }
    args.common.validate("gate")?;
    let config = args.common.config()?;
    if args.show_config {
        return print(&config.show());
    }
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) >> 16);
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let options = RunOptions { threads, partition: args.partition.map(|part| part.0), today: today() };
    let progress = Progress::new(!args.quiet);
    let (mut report, shown) = Gate::plan(config, seed, args.common.has_page()).run(&options, &progress);
    drop(progress);
    report.again = args.common.again(seed);
    args.common.tell(&report, &shown)
}

/// Joins reports.
pub(crate) fn merge(args: MergeArgs) -> anyhow::Result<Exit> {
    args.common.validate("merge")?;
    let mut parts = Vec::new();
    for path in &args.paths {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
        parts.push((name.clone(), output::read(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))?));
    }
    let seed = parts.first().map_or(0, |(_, part)| part.seed);
    let gate = Gate::plan(args.common.config()?, seed, false);
    let mut report = gate.merge(&parts, today()).map_err(anyhow::Error::msg)?;
    report.again = args.common.again(seed);
    args.common.tell(&report, &[])
}

fn print(text: &str) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
    Ok(Exit::Good)
}

/// A bar for the step on a terminal, nothing elsewhere.
struct Progress(ProgressBar);

impl Progress {
    fn new(wanted: bool) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix:10} {bar:20} {pos}/{len} {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Watcher for Progress {
    fn begin(&self, step: &str, units: usize) {
        self.0.set_prefix(step.to_owned());
        self.0.set_length(units as u64);
        self.0.set_position(0);
    }

    fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    fn done(&self, _: &UnitReport) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_so_many() {
        let part = |text: &str| text.parse::<PartitionArg>().map(|part| (part.0.part, part.0.of));
        assert_eq!(part("slice:2/3"), Ok((2, 3)));
        for wrong in ["2/3", "slice:0/3", "slice:4/3", "slice:1", "hash:1/2", "slice:a/b", "slice:1/0"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_report_has_a_format_and_a_file() {
        assert_eq!("junit=a=b.xml".parse::<ReportArg>().unwrap().file, Path::new("a=b.xml"));
        for wrong in ["junit", "junit=", "=x", "jnuit=x"] {
            assert!(wrong.parse::<ReportArg>().is_err(), "{wrong}");
        }
        assert!("jnuit=x".parse::<ReportArg>().unwrap_err().contains("did you mean `junit`"));
    }
}
