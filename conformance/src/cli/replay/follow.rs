//! `midcomms replay --follow`: a native trace that is still being written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Outcome, Printer, unreadable};
use crate::cli::args::{ReplayFormat, ReplayPlan};
use crate::cli::exit::Exit;
use crate::cli::trouble::Trouble;
use crate::native::NativeReader;
use crate::replay::{NoDeliveries, Session};

/// How often a file is looked at for more.
const LOOK: Duration = Duration::from_millis(50);
/// How long a file that has its end waits for the next one of its trace.
const NEXT_FILE: Duration = Duration::from_secs(2);
/// The last block of a compact file, without a payload: how long it is, and how it begins.
const END_LEN: usize = 48;
const END: &[u8] = b"MCB1\x02";

pub(super) fn run(plan: &ReplayPlan) -> anyhow::Result<Exit> {
    let [path] = &plan.args.input.paths[..] else {
        anyhow::bail!("--follow judges one native trace: name one file, or - for the standard input");
    };
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(&stop)?;
    let mut printer = Printer::new(plan);
    printer.head().context(super::UNWRITTEN)?;
    let outcome = follow(path, plan, &stop, &mut printer)?;
    let exit = outcome.reports.iter().map(|report| Exit::of(report, plan.args.strict)).max().unwrap_or_default();
    printer.outcome(&outcome).context(super::UNWRITTEN)?;
    printer.tail().context(super::UNWRITTEN)?;
    Ok(exit)
}

/// Sets a flag at the first Ctrl-C. A second one ends the program, as ever.
fn stop_on_interrupt(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = Arc::clone(stop);
    // Registered before anything is read, so that no interrupt is missed.
    let interrupt = {
        let _guard = runtime.enter();
        tokio::signal::ctrl_c()
    };
    thread::spawn(move || {
        if runtime.block_on(interrupt).is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            std::process::exit(i32::from(Exit::Unproven.code()));
        }
    });
    Ok(())
}

fn follow(path: &Path, plan: &ReplayPlan, stop: &Arc<AtomicBool>, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let name = path.display().to_string();
    let mut reader = match Growing::open(path, stop).map(NativeReader::open) {
        Ok(Ok(reader)) => reader,
        Ok(Err(error)) => return Ok(unreadable(name.clone(), Trouble::with_head(&name, &error))),
        Err(error) => return Ok(unreadable(name.clone(), Trouble::with_input(&name, &error.to_string()))),
    };
    let options = Session::options(&plan.options, &reader.head);
    let mut nobody = NoDeliveries;
    let mut session = Session::new(name.clone(), &reader.head, &options, &mut nobody);
    let mut told = (0, 0);
    let (mut path, mut files) = (path.to_owned(), 0);
    loop {
        while let Some(event) = reader.next_event() {
            // What is half written when it is interrupted is no damage.
            if stop.load(Ordering::Relaxed) && event.is_damage() {
                break;
            }
            session.take(&event);
            let count = session.count_findings();
            if count != told && plan.args.format == ReplayFormat::Text {
                printer.findings(&session, &name, told).context(super::UNWRITTEN)?;
            }
            told = count;
        }
        session.end_file(&reader);
        let Some(next) = next_file(&path).filter(|next| !stop.load(Ordering::Relaxed) && next.exists()) else { break };
        let opened = Growing::open(&next, stop).map(NativeReader::open);
        let Ok(Ok(mut behind)) = opened else { break };
        files += 1;
        behind.set_file(files);
        (reader, path) = (behind, next);
    }
    let (report, errors) = session.finish();
    Ok(Outcome { reports: vec![report], troubles: errors.iter().map(Trouble::from).collect() })
}

/// The file that goes on with the trace of `PREFIX-NUMBER.mct`.
fn next_file(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    let (prefix, digits) = stem.rsplit_once('-').filter(|_| path.extension().is_some_and(|end| end == "mct"))?;
    let number = digits.parse::<u64>().ok()?.checked_add(1)?;
    Some(path.with_file_name(format!("{prefix}-{number:0width$}.mct", width = digits.len())))
}

/// A file that is read to its end, and on from there when it grows.
struct Growing {
    input: Box<dyn Read>,
    /// Where the trace goes on.
    next: Option<PathBuf>,
    is_file: bool,
    stop: Arc<AtomicBool>,
    /// The last bytes that were read.
    last: Vec<u8>,
}

impl Growing {
    fn open(path: &Path, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let is_file = path.as_os_str() != "-";
        let input: Box<dyn Read> = if is_file { Box::new(File::open(path)?) } else { Box::new(io::stdin()) };
        Ok(Self { input, next: next_file(path), is_file, stop: Arc::clone(stop), last: Vec::new() })
    }

    fn note(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes.get(bytes.len().saturating_sub(END_LEN)..).unwrap_or_default());
        let excess = self.last.len().saturating_sub(END_LEN);
        self.last.drain(..excess);
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let mut is_left = false;
        loop {
            let count = match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            self.note(buffer.get(..count).unwrap_or_default());
            if count > 0 || !self.is_file || self.stop.load(Ordering::Relaxed) || is_left {
                return Ok(count);
            }
            let has_end = self.last.len() == END_LEN && self.last.starts_with(END);
            if has_end && began.elapsed() >= NEXT_FILE {
                return Ok(0);
            }
            // Once there is a next file nothing more comes in this one: it is read to its end and left.
            is_left = self.next.as_ref().is_some_and(|next| next.exists());
            if !is_left {
                thread::sleep(LOOK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_file_has_the_next_number() {
        let next = |name: &str| next_file(Path::new(name)).map(|path| path.display().to_string());
        assert_eq!(next("a/node-1-000009.mct").as_deref(), Some("a/node-1-000010.mct"));
        assert_eq!((next("node.mct"), next("node-1.jsonl"), next("-")), (None, None, None));
    }
}
