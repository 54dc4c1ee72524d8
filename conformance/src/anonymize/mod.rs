//! A trace that its owner can give away: the same verdict, and nothing in it of what was in messages, of who sent them, or
//! of the machine that recorded it.
//!
//! - [`key`]: bytes in the place of others, by a secret.
//! - `message`, `streams`: messages, and the streams that they lie in.
//! - `capture`, `native`: files. Whatever is written is made anew of what is known; nothing is copied that is not.
//! - `compare`: both are replayed, and what is said of them must be the same.

mod addresses;
mod capture;
mod compare;
pub mod key;
mod message;
mod native;
mod streams;

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::capture::{CaptureError, CaptureOptions, CaptureReader, FrameRef, OpenedInput};
use crate::native::{HeadError, as_lines, compact};
use crate::replay::{FileReport, NoDeliveries, Replay, ReplayOptions, replay_native};
use key::Key;

/// Why a trace was not anonymized.
#[derive(Debug, Error)]
pub enum AnonymizeError {
    /// It cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It cannot be read, or memory is out.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no native trace of a version that is known.
    #[error("{name}: {source}")]
    Head {
        /// The file.
        name: String,
        /// What is wrong.
        source: HeadError,
    },
    /// Replay says something else of what was made.
    #[error("{name}: what was made of it is judged otherwise: {what}: expected {expected}, got {got}; it was not kept")]
    Differs {
        /// The file.
        name: String,
        /// What differs.
        what: String,
        /// What the original comes to.
        expected: String,
        /// What the copy comes to.
        got: String,
    },
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets, or lines, that were written.
    pub packets: u64,
    /// Frames that were left out: other traffic, what is no IP, fragments but the last.
    pub dropped: u64,
    /// Packets with bytes that belong to no connection: 0 was written in their place.
    pub stray: u64,
    /// Packets that the snapshot length had cut.
    pub cut: u64,
    /// Why the original could not be read to its end.
    pub damage: Option<String>,
}

/// A trace that was anonymized, and is judged as the original.
#[derive(Clone, Debug)]
pub struct Anonymized {
    /// The file.
    pub bytes: Vec<u8>,
    /// It is JSON lines.
    pub is_native: bool,
    /// What was counted.
    pub tally: Tally,
    /// What replay says of it.
    pub report: FileReport,
}

/// Anonymizes one trace, and compares what replay says of both.
///
/// # Errors
/// If it cannot be read at all, or its copy is judged otherwise.
pub fn anonymize(path: &Path, options: &ReplayOptions, key: &mut Key) -> Result<Anonymized, AnonymizeError> {
    let name = path.display().to_string();
    // The file is read several times, and the standard input can be read once.
    let file: Arc<[u8]> = if path.as_os_str() == "-" { standard_input()? } else { read(path)? }.into();
    let mut opened = OpenedInput::from_read(&name, Cursor::new(file.clone()))?;
    if opened.begins_with(b'{')? || opened.begins_with(compact::FIRST_BYTE)? {
        return native_trace(&name, opened, options, key);
    }
    let expected = replay(&name, &file, options)?;
    let made = capture::capture(&name, &file, &options.capture, key)?;
    let got = replay(&name, &made.bytes.clone().into(), options)?;
    let original = |frame: u64| {
        let index = usize::try_from(frame).unwrap_or(usize::MAX).wrapping_sub(1);
        made.frames.get(index).map_or(0, |frame: &FrameRef| frame.number)
    };
    compare::compare(&name, &expected, &got, &original)?;
    Ok(Anonymized { bytes: made.bytes, is_native: false, tally: made.tally, report: got })
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

fn read(path: &Path) -> Result<Vec<u8>, AnonymizeError> {
    // Opened as every input is, so that what is wrong is told as everywhere.
    OpenedInput::open(path, &CaptureOptions::default())?;
    Ok(std::fs::read(path)?)
}

fn native_trace(
    name: &str,
    opened: OpenedInput,
    options: &ReplayOptions,
    key: &mut Key,
) -> Result<Anonymized, AnonymizeError> {
    let fail = |source| AnonymizeError::Head { name: name.to_owned(), source };
    let text = as_lines(opened).map_err(fail)?;
    let replay = |text: &[u8]| replay_native(name.to_owned(), text, options, &mut NoDeliveries).map_err(fail);
    let (expected, _) = replay(&text)?;
    let bytes = native::lines(&text, key);
    let (got, _) = replay(&bytes)?;
    compare::compare(name, &expected, &got, &|line| line)?;
    let tally = Tally { packets: got.frames, damage: expected.error, ..Tally::default() };
    Ok(Anonymized { bytes, is_native: true, tally, report: got })
}

fn replay(name: &str, file: &Arc<[u8]>, options: &ReplayOptions) -> Result<FileReport, AnonymizeError> {
    let reader = CaptureReader::from_read(name, Cursor::new(file.clone()), &options.capture)?;
    let mut nobody = NoDeliveries;
    let mut replay = Replay::new(options, &mut nobody);
    let summary = reader.read(&mut |observed| replay.observe(&observed));
    Ok(replay.finish(name.to_owned(), &summary))
}
