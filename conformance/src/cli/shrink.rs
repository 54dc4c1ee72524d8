//! `midcomms shrink`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{JudgingArgs, seconds};
use super::exit::{Exit, end_on_closed_pipe};
use super::output;
use crate::capture::{CaptureOptions, DLM_PORT};
use crate::replay::ReplayOptions;
use crate::shrink::target::Wanted;
use crate::shrink::{Form, ShrinkOptions, Shrunk, shrink};

/// What to shrink, and to what.
#[derive(Debug, Args)]
pub(crate) struct ShrinkArgs {
    /// A capture (pcap, pcapng) or a native trace (JSON lines, compact); plain, gzip or zstd
    #[arg(value_name = "TRACE")]
    path: PathBuf,
    /// Where to write [default: beside TRACE, NAME.shrunk.pcap or NAME.shrunk.jsonl]
    ///
    /// A name that ends in .pcap makes a capture of a native trace too.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
    /// Keep the first stall, not the first rejection
    #[arg(long)]
    stall: bool,
    /// Seconds after which the smallest trace found so far will do
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    time: Option<f64>,
    /// Port of DLM; may be repeated
    #[arg(long = "port", value_name = "N", value_delimiter = ',', default_values_t = [DLM_PORT], value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,
    #[command(flatten)]
    judging: JudgingArgs,
}

impl ShrinkArgs {
    fn replay_options(&self) -> Result<ReplayOptions, clap::Error> {
        self.judging.options(CaptureOptions { ports: self.ports.clone(), ..CaptureOptions::default() })
    }

    fn time_limit(&self) -> anyhow::Result<Option<Duration>> {
        let limit = self.time.map(Duration::try_from_secs_f64).transpose();
        limit.map_err(|error| anyhow::anyhow!("--time: {error}"))
    }
}

/// Writes the smallest trace, and says what became of it.
pub(crate) fn run(args: &ShrinkArgs) -> anyhow::Result<Exit> {
    let replay = args.replay_options()?;
    anyhow::ensure!(
        args.output.is_some() || args.path.as_os_str() != "-",
        "-: has no name beside which to write: name a file with -o"
    );
    if let Some(output) = &args.output {
        output::check(output, &args.path, args.force)?;
    }
    let bar = bar();
    let begin = Instant::now();
    let mut progress = |left: usize, tried: u64| {
        if let Some(bar) = &bar {
            bar.set_message(format!("{left} left, {tried} tried"));
        }
    };
    let mut options = ShrinkOptions {
        replay,
        wanted: if args.stall { Wanted::Stall } else { Wanted::Rejection },
        time_limit: args.time_limit()?,
        form: args.output.as_deref().map(output::form).transpose()?.flatten(),
        progress: &mut progress,
    };
    let found = shrink(&args.path, &mut options);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let shrunk = found?;
    if shrunk.ran_out && shrunk.to.messages >= shrunk.from.messages {
        let (trace, time) = (args.path.display(), args.time.unwrap_or_default());
        writeln!(io::stderr(), "{trace}: nothing smaller was found in {time} s: nothing is written")?;
        return Ok(Exit::Unproven);
    }
    let path = args.output.clone().unwrap_or_else(|| output::sibling(&args.path, ending(shrunk.form)));
    output::check(&path, &args.path, args.force)?;
    output::write(&path, &shrunk.bytes, args.force)?;
    let text = told(args, &path, &shrunk, begin.elapsed());
    end_on_closed_pipe(io::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Good)
}

fn ending(form: Form) -> &'static str {
    match form {
        Form::Pcap => ".shrunk.pcap",
        Form::Lines => ".shrunk.jsonl",
    }
}

fn bar() -> Option<ProgressBar> {
    io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    })
}

fn told(args: &ShrinkArgs, path: &Path, shrunk: &Shrunk, took: Duration) -> String {
    let frames = if shrunk.form == Form::Lines { "lines" } else { "frames" };
    let mut text = format!(
        "{}\n  {}\n  from {} to {} {frames}, from {} to {} messages; {} candidates in {:.1} s\n",
        path.display(),
        shrunk.target,
        shrunk.from.frames,
        shrunk.to.frames,
        shrunk.from.messages,
        shrunk.to.messages,
        shrunk.candidates,
        took.as_secs_f64(),
    );
    if shrunk.ran_out {
        text.push_str("  the time limit came first: more might be left out\n");
    }
    if shrunk.was_sctp {
        text.push_str("  associations of SCTP are written as connections of TCP, with the same messages\n");
    }
    text.push_str(&format!("  replay it: midcomms replay {}{}\n", given(args), path.display()));
    text
}

/// The options that replay needs to judge in the same way.
fn given(args: &ShrinkArgs) -> String {
    let mut given = String::new();
    if args.ports != [DLM_PORT] {
        let ports: Vec<_> = args.ports.iter().map(ToString::to_string).collect();
        given.push_str(&format!("--port {} ", ports.join(",")));
    }
    let revisions: Vec<_> =
        args.judging.revisions.iter().map(ToString::to_string).filter(|revision| revision != "any").collect();
    if !revisions.is_empty() {
        given.push_str(&format!("--revision {} ", revisions.join(",")));
    }
    if args.judging.stall_after != 5.0 {
        given.push_str(&format!("--stall-after {} ", args.judging.stall_after));
    }
    given
}
