//! `midcomms anonymize`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::args::{RevisionArg, merge_revisions};
use super::exit::{Exit, end_on_closed_pipe};
use super::output;
use crate::anonymize::key::Key;
use crate::anonymize::{AnonymizeError, Anonymized, anonymize};
use crate::capture::{CaptureOptions, DLM_PORT};
use crate::replay::ReplayOptions;
use crate::shrink::Form;

/// A key of less could be guessed.
const SHORTEST_KEY: usize = 16;

const WHAT_STAYS: &str = "\
Replaced, the same by the same: IP addresses, names, value blocks, payload, the words of a MSG behind its type, ids of an
RCOM, lockspace ids, the IP id. Made anew: Ethernet and IP headers, checksums. Left out: packets that are not of DLM, TCP
options (timestamps too), parameters of SCTP, names and comments of pcapng, origin and unknown fields of a native trace.
What is no message becomes 0. Kept: node ids, ports, times (to the microsecond), sequence numbers, types, results,
lengths, the upper layer's seq and seq_reply of an RCOM, revisions, incarnation ids.

The result is replayed and must be judged as the original; otherwise nothing is written and the exit code is 1.";

/// What to anonymize.
#[derive(Debug, Args)]
#[command(after_help = WHAT_STAYS)]
pub(crate) struct AnonymizeArgs {
    /// A capture (pcap, pcapng) or a native trace (JSON lines, compact); plain, gzip or zstd
    #[arg(value_name = "TRACE")]
    path: PathBuf,
    /// Where to write: a pcap file of a capture, JSON lines of a native trace
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
    /// A file of 16 secret bytes or more, for several traces that belong together: the same is replaced by the same in
    /// all of them [default: a random key that is thrown away]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Port of DLM; may be repeated
    #[arg(long = "port", value_name = "N", value_delimiter = ',', default_values_t = [DLM_PORT], value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,
    /// Revisions that the nodes may speak, for the comparison: any, NAME for all, or ID=NAME for one node
    #[arg(long = "revision", value_name = "NAME|ID=NAME", value_delimiter = ',', default_value = "any")]
    revisions: Vec<RevisionArg>,
}

/// Writes the trace, and says what became of it.
pub(crate) fn run(args: &AnonymizeArgs) -> anyhow::Result<Exit> {
    let (default_revisions, revisions) = merge_revisions(&args.revisions)?;
    let capture = CaptureOptions { ports: args.ports.clone(), ..CaptureOptions::default() };
    let options = ReplayOptions { capture, revisions, default_revisions, ..ReplayOptions::default() };
    let asked = output::form(&args.output)?;
    output::check(&args.output, &args.path, args.force)?;
    let mut key = key(args.key.as_deref())?;
    let anonymized = match anonymize(&args.path, &options, &mut key) {
        Err(error @ AnonymizeError::Differs { .. }) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            return Ok(Exit::Failed);
        }
        Err(AnonymizeError::Io(error)) => {
            return Err(error).with_context(|| format!("{}: cannot be read", args.path.display()));
        }
        other => other?,
    };
    let form = if anonymized.is_native { Form::Lines } else { Form::Pcap };
    anyhow::ensure!(
        asked.is_none_or(|asked| asked == form),
        "{}: a capture becomes a .pcap, a native trace a .jsonl",
        args.output.display()
    );
    output::write(&args.output, &anonymized.bytes, args.force)?;
    end_on_closed_pipe(io::stdout().write_all(told(args, &anonymized).as_bytes()))?;
    match &anonymized.tally.damage {
        Some(damage) => {
            let _ = writeln!(io::stderr(), "error: {damage}: what cannot be read is not in {}", args.output.display());
            Ok(Exit::Unusable)
        }
        None => Ok(Exit::Good),
    }
}

fn key(path: Option<&Path>) -> anyhow::Result<Key> {
    let Some(path) = path else { return Key::random().context("no random key can be made") };
    let bytes = fs::read(path).with_context(|| format!("{}: the key cannot be read", path.display()))?;
    let name = path.display();
    anyhow::ensure!(bytes.len() >= SHORTEST_KEY, "{name}: a key has {SHORTEST_KEY} bytes or more, got {}", bytes.len());
    Ok(Key::from_bytes(&bytes))
}

fn told(args: &AnonymizeArgs, anonymized: &Anonymized) -> String {
    let Anonymized { tally, report, is_native, .. } = anonymized;
    let verdict = report.verdict.map_or("unreadable", |verdict| verdict.name());
    let what = if *is_native { "lines" } else { "packets" };
    let mut text = format!(
        "{}\n  {} {what}, {} messages: {verdict}, as the original\n",
        args.output.display(),
        tally.packets,
        report.messages
    );
    let counted = [
        (tally.dropped, "frames left out: not of DLM, or fragments that are whole now"),
        (tally.stray, "packets that belong to no connection: their bytes are 0 now"),
        (tally.cut, "packets cut by the snapshot length: their checksum is 0 now"),
    ];
    for (count, what) in counted.iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("  {count} {what}\n"));
    }
    text
}
