//! `midcomms drive`: the model beside the implementation, step by step.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use midcomms_model::system::Environment;
use serde::Serialize;

use super::check::args::environment;
use super::exit::Exit;
use crate::check::report::grouped;
use crate::drive::policy::{PolicyReport, drive_policy};
use crate::drive::table::{TableReport, compare_tables};
use crate::drive::{EnvironmentReport, LARGE, Options, Report, SMALL, drive_environment};

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  model and implementation agree after every step
  1  they differ
  2  usage or I/O
  3  inconclusive (the budget ran out)";

/// Faults of the policy that are told.
const FAULTS_TOLD: usize = 10;

/// How `midcomms drive` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DriveFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// `midcomms drive`, as typed.
#[derive(Debug, Args)]
pub(crate) struct DriveArgs {
    /// Environment; may be repeated, or separated by commas [default: those of up to 500 000 transitions]
    #[arg(long = "environment", value_name = "NAME", value_delimiter = ',', value_parser = environment)]
    environments: Vec<&'static Environment>,
    /// Every environment of the default matrix
    #[arg(long, conflicts_with = "environments")]
    all: bool,
    /// Transitions of one environment after which it is left, and the run inconclusive
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    budget: u64,
    /// Random walks in each environment, besides driving every transition
    #[arg(long, value_name = "N", default_value_t = 0)]
    walks: u64,
    /// Actions of each walk
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    steps: u64,
    /// Seed of the first walk; the others have those after it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Make walks, and do not drive every transition
    #[arg(long, requires = "walks")]
    only_walks: bool,
    /// Instead of paths of the model, walk through what it leaves free: thresholds, timers, limits, getters, counters
    #[arg(long, requires = "walks", conflicts_with_all = ["environments", "all", "budget", "only_walks"])]
    policy: bool,
    /// Instead of paths of the model, hold the two tables of states and events against each other, cell by cell
    #[arg(long, conflicts_with_all = ["environments", "all", "budget", "walks", "steps", "seed", "only_walks", "policy"])]
    table: bool,
    /// Threads [default: number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// How to report
    #[arg(long, value_enum, default_value_t = DriveFormat::Text)]
    format: DriveFormat,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

impl DriveArgs {
    fn environments(&self) -> Vec<&'static Environment> {
        let named = |names: &[&str]| names.iter().filter_map(|name| Environment::named(name)).collect::<Vec<_>>();
        match (self.environments.as_slice(), self.all) {
            ([], false) => named(SMALL),
            ([], true) => [named(SMALL), named(LARGE)].concat(),
            (environments, _) => environments.to_vec(),
        }
    }

    fn options(&self) -> Options {
        let default = Options::default();
        Options {
            covers: !self.only_walks,
            budget: self.budget,
            walks: self.walks,
            steps: self.steps,
            seed: self.seed,
            threads: self.threads.map_or(default.threads, NonZeroUsize::get),
            ..default
        }
    }
}

/// Drives, and tells what came of it.
pub(crate) fn run(args: &DriveArgs) -> anyhow::Result<Exit> {
    if args.policy {
        return run_policy(args);
    }
    if args.table {
        return run_table(args.format);
    }
    let (environments, options) = (args.environments(), args.options());
    let bar = bar(environments.len(), !args.quiet);
    let mut report = Report::default();
    for environment in environments {
        let tell = |steps: u64| bar.set_message(format!("{}: {} steps", environment.name, grouped(steps)));
        let done = drive_environment(environment, &options, &tell);
        if args.format == DriveFormat::Text {
            let text = text(&done);
            bar.suspend(|| io::stdout().write_all(text.as_bytes()))?;
        }
        report.environments.push(done);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.format == DriveFormat::Json {
        print_json(&report)?;
    }
    Ok(exit(&report))
}

fn run_policy(args: &DriveArgs) -> anyhow::Result<Exit> {
    let report = drive_policy(&args.options());
    print(args.format, &report, || policy_text(&report, args.steps))?;
    Ok(match (report.faults.len(), report.steps) {
        (0, 0) => Exit::Unproven,
        (0, _) => Exit::Good,
        _ => Exit::Failed,
    })
}

fn run_table(format: DriveFormat) -> anyhow::Result<Exit> {
    let report = compare_tables();
    print(format, &report, || table_text(&report))?;
    Ok(if report.differences.is_empty() { Exit::Good } else { Exit::Failed })
}

fn print<T: Serialize>(format: DriveFormat, report: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    match format {
        DriveFormat::Text => Ok(io::stdout().write_all(text().as_bytes())?),
        DriveFormat::Json => print_json(report),
    }
}

fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    Ok(writeln!(out)?)
}

fn table_text(report: &TableReport) -> String {
    let verdict = match report.differences.len() {
        0 => "agree".to_owned(),
        count => format!("DIFFER in {count}"),
    };
    let told = report.differences.iter().map(|cell| format!("  {cell}\n"));
    format!("table        {verdict}: {} cells\n{}", report.cells, told.collect::<String>())
}

fn policy_text(report: &PolicyReport, steps: u64) -> String {
    let PolicyReport { walks, seed, steps: calls, faults } = report;
    let verdict = match (faults.len(), calls) {
        (0, 0) => "VACUOUS: nothing was driven".to_owned(),
        (0, _) => "agree".to_owned(),
        (count, _) => format!("DIFFER in {} walks", grouped(count as u64)),
    };
    let mut text = format!("policy       {verdict}: {} calls in {walks} walks, seeds from {seed}\n", grouped(*calls));
    for fault in faults.iter().take(FAULTS_TOLD) {
        let again = format!("midcomms drive --policy --walks 1 --steps {steps} --seed {}", fault.seed);
        text.push_str(&format!("\n  {fault}\n  Again: {again}\n"));
    }
    if faults.len() > FAULTS_TOLD {
        text.push_str(&format!("\n  and {} more\n", faults.len() - FAULTS_TOLD));
    }
    text
}

fn exit(report: &Report) -> Exit {
    let is_driven = |environment: &EnvironmentReport| environment.transitions.covered > 0 || environment.steps > 0;
    let is_whole = |environment: &EnvironmentReport| environment.is_complete && is_driven(environment);
    match (report.differing(), report.environments.iter().all(is_whole)) {
        (0, true) => Exit::Good,
        (0, false) => Exit::Unproven,
        _ => Exit::Failed,
    }
}

fn bar(environments: usize, wanted: bool) -> ProgressBar {
    let bar = match wanted && io::stderr().is_terminal() {
        true => ProgressBar::new(environments as u64),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos} of {len}  {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn text(report: &EnvironmentReport) -> String {
    let mut lines = vec![headline(report)];
    for missing in &report.not_driven {
        lines.push(format!("    {} not driven ({}): {}", grouped(missing.transitions), missing.reason, missing.text));
    }
    if report.walks > 0 {
        lines.push(format!("    {} walks, {} steps, seeds from {}", report.walks, grouped(report.steps), report.seed));
    }
    report.differences.iter().for_each(|difference| lines.push(difference.to_string()));
    lines.join("\n") + "\n"
}

fn headline(report: &EnvironmentReport) -> String {
    let verdict = match (report.differing, report.is_complete) {
        (0, true) if report.transitions.covered == 0 && report.steps == 0 => "VACUOUS: nothing was driven".to_owned(),
        (0, true) => "agree".to_owned(),
        (0, false) => "INCONCLUSIVE: the budget ran out".to_owned(),
        (count, _) => format!("DIFFER after {} steps", grouped(count)),
    };
    let (name, seconds, share) = (report.environment, report.seconds, report.transitions);
    if share.all == 0 {
        return format!("{name:<12} {verdict}, {seconds:.1} s");
    }
    format!(
        "{name:<12} {verdict}: {} of {} transitions driven, {seconds:.1} s",
        grouped(share.covered),
        grouped(share.all)
    )
}
