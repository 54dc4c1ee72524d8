//! Of a trace that is rejected, or in which a pair stalls, the smallest one that is so for the same reason.
//!
//! - [`trace`]: a trace as units that can be left out: a message, an opening, an end, a hole.
//! - [`target`]: what has to stay as it is, and the judgement of a part of a trace.
//! - [`mod@minimize`]: leaves out as much as it can (delta debugging).
//! - [`rebuild`]: what is left as a capture.
//!
//! A message is taken out of its stream whole, and the stream closes over it: no candidate has a hole that the original
//! does not have, and so none is judged more leniently.

pub mod minimize;
pub mod rebuild;
pub mod target;
pub mod trace;

mod levels;
mod lines;

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::capture::{CaptureError, CaptureReader};
use crate::native::{HeadError, as_lines};
use crate::replay::{FileReport, NoDeliveries, Replay, ReplayOptions, Source, replay_native};
use minimize::{Limits, minimize};
use target::{Target, Wanted};
use trace::{Origin, Trace};

/// Why nothing was shrunk.
#[derive(Debug, Error)]
pub enum ShrinkError {
    /// The trace cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It is no native trace of a version that is known.
    #[error("{name}: {source}")]
    Head {
        /// The file.
        name: String,
        /// What is wrong.
        source: HeadError,
    },
    /// It is damaged.
    #[error("{name}: is damaged, and what a damaged trace lacks would be judged leniently: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// Where and how.
        reason: String,
    },
    /// There is nothing in it of what is wanted.
    #[error("{name}: has no {wanted} to keep: it is {verdict}")]
    NothingToKeep {
        /// The file.
        name: String,
        /// A rejection or a stall.
        wanted: &'static str,
        /// What replay says.
        verdict: &'static str,
    },
    /// A capture has no local events, which JSON lines would hold.
    #[error("{name}: is a capture, and becomes one: name the output .pcap")]
    NoLines {
        /// The file.
        name: String,
    },
    /// What is made of it is not judged as it is.
    #[error("{name}: {what} is not judged as the original: expected {expected}, got {got}")]
    NotTheSame {
        /// The file.
        name: String,
        /// What.
        what: &'static str,
        /// What the original comes to.
        expected: String,
        /// What it comes to.
        got: String,
    },
}

/// In which form the result is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A pcap file.
    Pcap,
    /// JSON lines; of a native trace only.
    Lines,
}

/// How to shrink.
pub struct ShrinkOptions<'a> {
    /// How replay judges.
    pub replay: ReplayOptions,
    /// A rejection or a stall.
    pub wanted: Wanted,
    /// Where there is no time limit, the result is one of which no single unit can be left out.
    pub time_limit: Option<Duration>,
    /// In which form; `None` is a capture of a capture, and JSON lines of a native trace.
    pub form: Option<Form>,
    /// Told after each candidate: units left, and candidates so far.
    pub progress: &'a mut dyn FnMut(usize, u64),
}

/// Size of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Frames, or lines.
    pub frames: u64,
    /// Messages.
    pub messages: u64,
}

/// A trace that was made smaller.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its form.
    pub form: Form,
    /// What it shows, as the original.
    pub target: Target,
    /// Size of the original.
    pub from: Size,
    /// Its size.
    pub to: Size,
    /// Parts of the trace that were judged.
    pub candidates: u64,
    /// The time limit came first: more might be left out.
    pub ran_out: bool,
    /// Associations of SCTP became connections of TCP.
    pub was_sctp: bool,
}

/// Shrinks one trace.
///
/// # Errors
/// If it cannot be read to its end, or is not rejected (has no stall), or the result would not be judged as the original.
pub fn shrink(path: &Path, options: &mut ShrinkOptions<'_>) -> Result<Shrunk, ShrinkError> {
    let name = path.display().to_string();
    let (trace, report, replay) = read(path, &name, &options.replay)?;
    if let Some(reason) = report.error {
        return Err(ShrinkError::Damaged { name, reason });
    }
    let form = match (&trace.origin, options.form) {
        (Origin::Capture, Some(Form::Lines)) => return Err(ShrinkError::NoLines { name }),
        (Origin::Capture, _) => Form::Pcap,
        (Origin::Native(_), form) => form.unwrap_or(Form::Lines),
    };
    let holes = report.holes;
    let Some(target) = Target::of(&report, options.wanted) else {
        let verdict = report.verdict.map_or("unreadable", |verdict| verdict.name());
        return Err(ShrinkError::NothingToKeep { name, wanted: options.wanted.name(), verdict });
    };
    let judge = |kept: &[bool]| trace.judge(kept, &replay);
    let all = vec![true; trace.units.len()];
    same(&name, "the trace, cut into messages,", &target, &judge(&all))?;
    let limits = Limits { until: options.time_limit.map(|limit| Instant::now() + limit) };
    let found = minimize(
        &all,
        &levels::levels(&trace, &target),
        &limits,
        &mut |kept| trace.is_valid(kept) && target.is_in(&judge(kept)),
        options.progress,
    );
    let (bytes, frames) = write(&trace, &found.kept, form);
    let report = replay_bytes(&name, &bytes, form, &replay, &options.replay)?;
    let moved: Vec<Target> =
        trace.frames_of(target.frame(), &found.kept, &frames).map(|frame| target.at(frame)).collect();
    let wanted = moved.iter().find(|moved| moved.is_in(&report)).or(moved.first()).unwrap_or(&target).clone();
    same(&name, "what is left, as a file,", &wanted, &report)?;
    if report.holes > holes {
        let (what, expected, got) = ("what is left, as a file,", format!("{holes} holes"), format!("{}", report.holes));
        return Err(ShrinkError::NotTheSame { name, what, expected, got });
    }
    Ok(Shrunk {
        bytes,
        form,
        target: wanted,
        from: trace.size,
        to: Size { frames: report.frames, messages: report.messages },
        candidates: found.candidates,
        ran_out: found.ran_out,
        was_sctp: trace.is_sctp,
    })
}

fn same(name: &str, what: &'static str, target: &Target, report: &FileReport) -> Result<(), ShrinkError> {
    if target.is_in(report) && report.error.is_none() {
        return Ok(());
    }
    let got = Target::of(report, target.wanted()).map_or_else(
        || {
            report
                .error
                .clone()
                .unwrap_or_else(|| report.verdict.map_or("nothing", |verdict| verdict.name()).to_owned())
        },
        |found| found.to_string(),
    );
    Err(ShrinkError::NotTheSame { name: name.to_owned(), what, expected: target.to_string(), got })
}

/// The trace, what replay says of it, and the options with what its head says.
fn read(path: &Path, name: &str, options: &ReplayOptions) -> Result<(Trace, FileReport, ReplayOptions), ShrinkError> {
    match Source::open(&[path], options)? {
        Source::Capture(reader) => {
            let mut nobody = NoDeliveries;
            let mut replay = Replay::new(options, &mut nobody);
            let mut gathering = trace::Gathering::default();
            let summary = reader.read(&mut |observed| {
                replay.observe(&observed);
                gathering.observe(&observed);
            });
            let report = replay.finish(name.to_owned(), &summary);
            Ok((gathering.finish(Origin::Capture, &report), report, options.clone()))
        }
        Source::Native(opened) => {
            let fail = |source| ShrinkError::Head { name: name.to_owned(), source };
            let text = as_lines(opened).map_err(fail)?;
            let (report, _) = replay_native(name.to_owned(), &text[..], options, &mut NoDeliveries).map_err(fail)?;
            let (trace, options) = lines::trace(text, options, &report).map_err(fail)?;
            Ok((trace, report, options))
        }
    }
}

/// The file, and the frame of each unit that is left.
fn write(trace: &Trace, kept: &[bool], form: Form) -> (Vec<u8>, Vec<u64>) {
    match (&trace.origin, form) {
        (Origin::Native(text), Form::Lines) => lines::write(text, trace, kept),
        _ => rebuild::rebuild(trace, kept),
    }
}

fn replay_bytes(
    name: &str,
    bytes: &[u8],
    form: Form,
    with_head: &ReplayOptions,
    options: &ReplayOptions,
) -> Result<FileReport, ShrinkError> {
    match form {
        Form::Pcap => {
            let reader = CaptureReader::from_read(name, std::io::Cursor::new(bytes.to_vec()), &options.capture)?;
            let mut nobody = NoDeliveries;
            let mut replay = Replay::new(with_head, &mut nobody);
            let summary = reader.read(&mut |observed| replay.observe(&observed));
            Ok(replay.finish(name.to_owned(), &summary))
        }
        Form::Lines => {
            let fail = |source| ShrinkError::Head { name: name.to_owned(), source };
            replay_native(name.to_owned(), bytes, options, &mut NoDeliveries).map(|(report, _)| report).map_err(fail)
        }
    }
}
