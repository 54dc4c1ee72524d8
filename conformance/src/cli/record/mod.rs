//! `midcomms record`: the implementation in named scenarios, and each node's native trace in a file.

mod args;
mod files;

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use args::Job;
pub(crate) use args::RecordArgs;
use files::Files;

use super::Exit;
use super::exit::end_on_closed_pipe;
use crate::record::{Exact, RecordError, Recording, Scenarios};

/// Records, and tells of each run in a line.
pub(crate) fn run(args: &RecordArgs) -> anyhow::Result<Exit> {
    let scenarios = args.scenarios()?;
    if args.list {
        list(&scenarios)?;
        return Ok(Exit::Good);
    }
    let jobs = args.jobs(&scenarios)?;
    let files = Files::new(args.out()?, args.form(), args.force, args.has_many_seeds());
    files.check(&jobs)?;
    let mut session = Session { args, files, bar: bar(jobs.len()), exit: Exit::Good, recorded: 0 };
    session.tell(&format!("seed {}{}", args.first_seed(), if args.sockets { ", over sockets" } else { "" }))?;
    for job in &jobs {
        session.record(job)?;
    }
    session.end(&jobs)
}

fn list(scenarios: &Scenarios) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for scenario in scenarios.iter() {
        let only = if scenario.needs_simulation().is_some() { " (simulation only)" } else { "" };
        end_on_closed_pipe(writeln!(out, "{:width$}  {}{only}", scenario.name, scenario.text))?;
    }
    Ok(())
}

fn bar(jobs: usize) -> ProgressBar {
    let is_shown = io::stderr().is_terminal() && jobs > 1;
    let bar = if is_shown { ProgressBar::new(jobs as u64) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos} of {len}  {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

struct Session<'a> {
    args: &'a RecordArgs,
    files: Files<'a>,
    bar: ProgressBar,
    exit: Exit,
    recorded: usize,
}

impl Session<'_> {
    fn tell(&self, line: &str) -> io::Result<()> {
        self.bar.suspend(|| end_on_closed_pipe(writeln!(io::stdout(), "{line}")))
    }

    fn record(&mut self, job: &Job<'_>) -> anyhow::Result<()> {
        let Job { scenario, seed } = *job;
        self.bar.set_message(scenario.name.clone());
        let played = match self.args.sockets {
            true => scenario.run_over_sockets(seed, self.args.form()),
            false => scenario.simulate_as(seed, self.args.form()),
        };
        match played {
            Ok(recording) => {
                let bytes = self.files.write(job, &recording)?;
                self.recorded += 1;
                let exact = Exact::of(&recording)?;
                self.tell(&line(job, &recording, bytes, exact))?;
                if let Some(why) = exact.missing(scenario) {
                    self.fail(&RecordError::Inexact { scenario: scenario.name.clone(), seed, why })?;
                }
            }
            Err(RecordError::SimulationOnly { why, .. }) => {
                self.tell(&format!("{:26} skipped, for it needs the simulation: {why}", scenario.name))?;
            }
            Err(error @ RecordError::LinesOnly { .. }) => {
                self.tell(&format!("{:26} skipped: {error}", scenario.name))?
            }
            Err(error) => self.fail(&error)?,
        }
        self.bar.inc(1);
        Ok(())
    }

    fn fail(&mut self, error: &RecordError) -> io::Result<()> {
        self.exit = self.exit.max(exit_of(error));
        self.bar.suspend(|| writeln!(io::stderr(), "error: {error}"))
    }

    fn end(self, jobs: &[Job<'_>]) -> anyhow::Result<Exit> {
        self.bar.finish_and_clear();
        let (recorded, out) = (self.recorded, self.args.out()?.display());
        let next = if recorded > 0 { format!(": judge them with `midcomms replay {out}`") } else { String::new() };
        end_on_closed_pipe(writeln!(io::stdout(), "recorded {recorded} of {} runs{next}", jobs.len()))?;
        let nothing = if recorded == 0 { Exit::Unproven } else { Exit::Good };
        Ok(self.exit.max(nothing))
    }
}

fn line(job: &Job<'_>, recording: &Recording, bytes: usize, exact: Exact) -> String {
    let Job { scenario, seed } = *job;
    let Exact { judged, events, .. } = exact;
    let story = &recording.story;
    let messages: u64 = story.records.values().map(|record| record.written).sum();
    let copies: u64 = story.records.values().map(|record| record.copies).sum();
    format!(
        "{:26} seed {seed}: {} files, {bytes} bytes, {messages} messages written, {copies} of them copies, \
         {} delivered, {} breaks, {judged} of {events} events exact, {:.3} s",
        scenario.name,
        recording.traces.len(),
        story.delivered(),
        story.breaks,
        story.seconds
    )
}

/// Whose fault it is decides.
fn exit_of(error: &RecordError) -> Exit {
    match error {
        RecordError::Fault { .. } | RecordError::Stuck { .. } => Exit::Failed,
        RecordError::Vacuous { .. } | RecordError::Inexact { .. } | RecordError::SimulationOnly { .. } => {
            Exit::Unproven
        }
        _ => Exit::Unusable,
    }
}
