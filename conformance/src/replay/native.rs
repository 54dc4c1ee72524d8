//! Replay of native traces.

use std::io::Read;
use std::path::Path;

use midcomms_model::{Revision, RevisionSet};

use super::{DeliverySink, FileReport, Replay, ReplayOptions};
use crate::capture::{CaptureError, CaptureReader, CaptureSummary, OpenedInput};
use crate::native::compact::FIRST_BYTE;
use crate::native::line::Head;
use crate::native::{HeadError, LineError, NativeReader};

/// An input, by what its first byte says that it is.
pub enum Source {
    /// A capture, or several as one.
    Capture(CaptureReader),
    /// A native trace.
    Native(OpenedInput),
}

impl Source {
    /// Opens an input. Several files are captures.
    pub fn open(paths: &[impl AsRef<Path>], options: &ReplayOptions) -> Result<Self, CaptureError> {
        let [path] = paths else {
            return CaptureReader::open_together(paths, &options.capture).map(Source::Capture);
        };
        let mut opened = OpenedInput::open(path.as_ref(), &options.capture)?;
        if opened.begins_with(b'{')? || opened.begins_with(FIRST_BYTE)? {
            return Ok(Source::Native(opened));
        }
        opened.into_capture(&options.capture).map(Source::Capture)
    }
}

/// Judges a native trace; a line is what a frame is in a capture.
///
/// # Errors
/// If it is no native trace of a version that is known. Damaged lines are in the report, and behind it.
pub fn replay_native(
    name: String,
    input: impl Read,
    options: &ReplayOptions,
    deliveries: &mut dyn DeliverySink,
) -> Result<(FileReport, Vec<LineError>), HeadError> {
    let reader = NativeReader::open(&name, input)?;
    let unknown: Vec<String> = unknown_revisions(&reader.head).collect();
    let options = with_head(options, &reader.head);
    let mut replay = Replay::new(&options, deliveries);
    let read = reader.read(&mut |observed| replay.observe(&observed));
    let summary = CaptureSummary { frames: read.lines, holes: read.holes, ..CaptureSummary::default() };
    let mut report = replay.finish(name, &summary);
    let told = read.errors.len() as u64;
    let mut errors: Vec<_> = read.errors.iter().map(ToString::to_string).collect();
    if read.tally.damaged > told {
        errors.push(format!("and {} more places that cannot be read", read.tally.damaged - told));
    }
    report.error = (!errors.is_empty()).then(|| errors.join("; "));
    report.notes.extend(unknown);
    if read.tally.unknown > 0 {
        report.notes.push(format!("{} events of a kind that this program does not know", read.tally.unknown));
    }
    if read.tally.lost > 0 {
        report.notes.push(format!("{} events that the recorder could not write", read.tally.lost));
    }
    if read.is_compact && !read.tally.has_end {
        report.notes.push("the file has no end: its node was killed, still writes, or the file was cut".to_owned());
    }
    Ok((report, read.errors))
}

/// Revisions that the head names and that nothing is known of: such a node may be any.
fn unknown_revisions(head: &Head) -> impl Iterator<Item = String> {
    head.nodes.iter().filter_map(|node| {
        let name = node.revision.as_ref().filter(|name| name.parse::<Revision>().is_err())?;
        Some(format!("node {} speaks `{name}`, which is no revision that replay knows: taken as any", node.id))
    })
}

/// What the head says of revisions, where the caller says nothing.
pub(crate) fn with_head(options: &ReplayOptions, head: &Head) -> ReplayOptions {
    let mut options = options.clone();
    if options.default_revisions != RevisionSet::any() {
        return options;
    }
    for node in &head.nodes {
        let revision = node.revision.as_ref().and_then(|name| name.parse::<Revision>().ok());
        if let Some(revision) = revision {
            options.revisions.entry(node.id).or_insert(RevisionSet::only(revision));
        }
    }
    options
}
