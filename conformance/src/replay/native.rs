//! Replay of native traces.

use std::io::Read;
use std::path::Path;

use super::{DeliverySink, FileReport, ReplayOptions, Session};
use crate::capture::{CaptureError, CaptureReader, OpenedInput};
use crate::native::compact::FIRST_BYTE;
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
    let mut reader = NativeReader::open(input)?;
    let options = Session::options(options, &reader.head);
    let mut session = Session::new(name, &reader.head, &options, deliveries);
    while let Some(event) = reader.next_event() {
        session.take(&event);
    }
    session.end_file(&reader);
    Ok(session.finish())
}
