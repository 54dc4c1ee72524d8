//! `midcomms gate`: the corpus against its manifest.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Exit;
use crate::corpus::{self, CheckOptions, CorpusReport, EntryKind, EntryReport, MANIFEST_FILE};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

/// Judge the corpus and the rejected traces against their expected verdicts
#[derive(Clone, Debug, Args)]
pub(crate) struct GateArgs {
    /// Directory with MANIFEST.toml [default: `traces` here, in a directory above, or where this program was built]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// Traces replayed at the same time [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

/// Runs the gate.
pub(crate) fn run(args: GateArgs) -> anyhow::Result<Exit> {
    let Some(dir) = args.traces.or_else(find_traces) else {
        anyhow::bail!("no traces/{MANIFEST_FILE} here or in a directory above; name one with --traces");
    };
    let progress = Progress::new();
    let on_entry = |entry: &EntryReport| progress.advance(entry);
    let mut options = CheckOptions { on_entry: &on_entry, ..CheckOptions::default() };
    if let Some(threads) = args.threads {
        options.threads = usize::from(threads);
    }
    let checked = corpus::check(&dir, &options);
    progress.bar.finish_and_clear();
    let report = checked?;
    print(&report, &mut io::stdout().lock())?;
    Ok(exit_of(&report))
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

fn exit_of(report: &CorpusReport) -> Exit {
    if report.is_vacuous() {
        Exit::Unproven
    } else if report.failed().next().is_some() {
        Exit::Failed
    } else {
        Exit::Good
    }
}

fn print(report: &CorpusReport, out: &mut impl Write) -> io::Result<()> {
    let width = report.entries.iter().map(|entry| entry.file.len()).max().unwrap_or(0);
    for entry in &report.entries {
        let (mark, outcome) = if entry.passed() { ("ok  ", entry.outcome.as_str()) } else { ("FAIL", "") };
        writeln!(out, "{mark} {:width$}  {outcome}", entry.file)?;
        for difference in &entry.differences {
            writeln!(out, "     {difference}")?;
        }
    }
    let [kernel, rejected] = [EntryKind::Kernel, EntryKind::Rejected].map(|kind| report.count(kind));
    let result = match report.failed().count() {
        0 if report.is_vacuous() => "nothing to check".to_owned(),
        0 => "all as expected".to_owned(),
        failed => format!("{failed} not as expected"),
    };
    writeln!(out, "gate: {kernel} kernel captures, {rejected} rejected traces: {result} in {:.1} s", report.seconds)
}

/// A bar on a terminal, nothing elsewhere.
struct Progress {
    bar: ProgressBar,
    failed: Mutex<usize>,
}

impl Progress {
    fn new() -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} traces {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, failed: Mutex::new(0) }
    }

    fn advance(&self, entry: &EntryReport) {
        self.bar.inc(1);
        if let Ok(mut failed) = self.failed.lock() {
            *failed += usize::from(!entry.passed());
            let many = if *failed > 0 { format!("{failed} failed, ") } else { String::new() };
            self.bar.set_message(format!("{many}{}", entry.file));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::corpus::Difference;

    use super::*;

    fn report(differences: usize) -> CorpusReport {
        let difference = Difference { what: "frame".into(), expected: "1".into(), got: "2".into() };
        let entry = EntryReport {
            file: "kernel/a.pcap.zst".into(),
            kind: EntryKind::Kernel,
            outcome: "accepted".into(),
            differences: vec![difference; differences],
            seconds: 0.5,
        };
        CorpusReport { entries: vec![entry], seconds: 0.5 }
    }

    #[test]
    fn the_exit_code_tells_failure_from_emptiness() {
        assert_eq!(exit_of(&report(0)), Exit::Good);
        assert_eq!(exit_of(&report(1)), Exit::Failed);
        assert_eq!(exit_of(&CorpusReport::default()), Exit::Unproven);
    }

    #[test]
    fn a_difference_is_printed_below_its_entry() {
        let mut out = Vec::new();
        print(&report(1), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "FAIL kernel/a.pcap.zst  \n     frame: expected 1, got 2\n\
             gate: 1 kernel captures, 0 rejected traces: 1 not as expected in 0.5 s\n"
        );
    }
}
