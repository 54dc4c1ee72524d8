//! `midcomms coverage`: what was exercised, by what, and what never was.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use midcomms_model::record::State;

use super::exit::Exit;
use super::parallel::in_order;
use crate::check::report::grouped;
use crate::corpus::Manifest;
use crate::coverage::{BySource, Coverage, CoverageReport, Exceptions, cell, judge, of_replay};
use crate::drive::{Options, drive_environment, plan};
use crate::inputs::{Input, expand};
use crate::replay::{FileReport, NoDeliveries, ReplayOptions, Verdict, replay_files};

/// How `midcomms coverage` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CoverageFormat {
    /// Tables
    Text,
    /// One JSON document
    Json,
}

/// `midcomms coverage`, as typed.
#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// Recordings: native traces, or directories of them
    #[arg(value_name = "FILE|DIR")]
    recordings: Vec<PathBuf>,
    /// Directory with MANIFEST.toml [default: `traces` here, in a directory above, or where this program was built]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// Drive every environment of the default matrix, not only the small ones
    #[arg(long)]
    all: bool,
    /// Seed of the random walks
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How to report
    #[arg(long, value_enum, default_value_t = CoverageFormat::Text)]
    format: CoverageFormat,
}

/// Replays, drives, and shows what that exercised.
pub(crate) fn run(args: &CoverageArgs) -> anyhow::Result<Exit> {
    let traces =
        args.traces.clone().or_else(super::gate::find_traces).context("no traces/MANIFEST.toml; use --traces")?;
    let mut coverage = Coverage::default();
    let manifest = Manifest::load(&traces)?;
    let corpus: Vec<_> = manifest.kernel.iter().map(|kernel| traces.join(&kernel.file)).collect();
    replayed(&corpus, "corpus", &mut coverage)?;
    let mut recordings = Vec::new();
    for input in expand(&args.recordings, false) {
        match input {
            Input::Capture(paths) => recordings.extend(paths),
            Input::Unusable(path, reason) => anyhow::bail!("{}: {reason}", path.display()),
        }
    }
    replayed(&recordings, "record", &mut coverage)?;
    for (environment, options) in plan(args.all, args.seed, threads()) {
        coverage.add(&drive_environment(environment, &options, &|_| {}).coverage);
    }
    let report = judge(&coverage, &Exceptions::built_in().context("conformance/coverage.toml")?);
    let out = &mut io::stdout().lock();
    match args.format {
        CoverageFormat::Text => out.write_all(text(&coverage, &report).as_bytes())?,
        CoverageFormat::Json => {
            let whole = serde_json::json!({ "coverage": coverage, "report": report });
            serde_json::to_writer_pretty(&mut *out, &whole)?;
            writeln!(out)?;
        }
    }
    Ok(if report.is_good() { Exit::Good } else { Exit::Failed })
}

fn replayed(paths: &[PathBuf], source: &str, coverage: &mut Coverage) -> anyhow::Result<()> {
    let options = ReplayOptions::default();
    let mut failed = None;
    let judge_one = |path: &PathBuf| (path.clone(), replay_files(&[path.as_path()], &options, &mut NoDeliveries));
    in_order(paths, threads(), judge_one, |(path, report)| {
        match report {
            Ok(report) if report.verdict == Some(Verdict::Accepted) => coverage.add(&of_replay(&report, source)),
            Ok(report) => {
                let verdict = report.verdict.map_or("unreadable", Verdict::name);
                failed =
                    failed.take().or(Some(format!("{}: {verdict}: what it shows counts for nothing", path.display())));
            }
            Err(error) => failed = failed.take().or(Some(unreadable(&path, &error.to_string()))),
        }
        Ok(())
    })?;
    failed.map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))
}

fn threads() -> usize {
    Options::default().threads
}

fn unreadable(path: &Path, error: &str) -> String {
    FileReport::unreadable(path.display().to_string(), error.to_owned()).error.unwrap_or_default()
}

fn text(coverage: &Coverage, report: &CoverageReport) -> String {
    let mut lines = vec!["Events by state: c corpus, r recordings, d driven; . nothing".to_owned()];
    lines.extend(cell::COLUMNS.iter().enumerate().map(|(at, column)| format!("  {} {column}", at + 1)));
    let head: String = (1..=cell::COLUMNS.len()).map(|column| format!("{column:>5}")).collect();
    lines.push(format!("{:<12}{head}", ""));
    for (row, state) in State::ALL.iter().enumerate() {
        let cells = (0..cell::COLUMNS.len())
            .map(|column| format!("{:>5}", marks(coverage.cells.get(&cell::name((row, column))))));
        lines.push(format!("{:<12}{}", state.name(), cells.collect::<String>()));
    }
    for (title, counts) in [("Rules", &coverage.rules), ("Actions of the model", &coverage.actions)] {
        lines.push(format!("\n{title}"));
        lines.extend(counts.iter().map(|(name, by)| format!("  {name:<24} {}", told(by))));
    }
    lines.push("\nTransitions driven".to_owned());
    lines.extend(coverage.transitions.iter().map(|(environment, share)| {
        format!("  {environment:<24} {} of {}", grouped(share.covered), grouped(share.all))
    }));
    lines.push(format!("\nNever exercised, with a reason: {}", report.explained.len()));
    lines.extend(
        report
            .explained
            .iter()
            .map(|known| format!("  {}{}: {}", known.name, of(known.source.as_deref()), known.reason)),
    );
    if !report.unexplained.is_empty() {
        lines.push("\nNEVER EXERCISED, and not in conformance/coverage.toml:".to_owned());
        lines.extend(
            report
                .unexplained
                .iter()
                .map(|missing| format!("  {:?} {}{}", missing.kind, missing.name, of(missing.source))),
        );
    }
    if !report.stale.is_empty() {
        lines.push("\nIN conformance/coverage.toml, though it is exercised or does not exist: take it out".to_owned());
        lines.extend(
            report
                .stale
                .iter()
                .map(|stale| format!("  {:?} {}{}", stale.kind, stale.name, of(stale.source.as_deref()))),
        );
    }
    lines.join("\n") + "\n"
}

fn of(source: Option<&str>) -> String {
    source.map_or(String::new(), |source| format!(" (by {source})"))
}

fn marks(by: Option<&BySource>) -> String {
    let marks: String = by.into_iter().flatten().filter_map(|(source, _)| source.chars().next()).collect();
    if marks.is_empty() { ".".to_owned() } else { marks }
}

fn told(by: &BySource) -> String {
    by.iter().map(|(source, count)| format!("{source} {}", grouped(*count))).collect::<Vec<_>>().join(", ")
}
