//! Files of one run: native traces, with or without a capture beside them.

use std::path::PathBuf;

use thiserror::Error;

use super::{Together, replay_together};
use crate::capture::{CaptureError, CaptureReader, OpenedInput};
use crate::native::HeadError;
use crate::native::compact::FIRST_BYTE;
use crate::replay::ReplayOptions;

/// Why files are not judged together.
#[derive(Debug, Error)]
pub enum TogetherError {
    /// One cannot be opened, or is no capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// One is no native trace of a version that is known.
    #[error("{name}: {error}")]
    Head {
        /// The file.
        name: String,
        /// What is wrong.
        error: HeadError,
    },
}

/// Judges these together, if there is a native trace among them.
///
/// # Errors
/// If a file cannot be opened or has no head.
pub fn replay_run(paths: &[PathBuf], options: &ReplayOptions) -> Result<Option<Together>, TogetherError> {
    let mut natives = Vec::new();
    let mut captures = Vec::new();
    for path in paths {
        let mut opened = OpenedInput::open(path, &options.capture)?;
        if opened.begins_with(b'{')? || opened.begins_with(FIRST_BYTE)? {
            natives.push((path.display().to_string(), opened));
        } else {
            captures.push(path.clone());
        }
    }
    if natives.is_empty() {
        return Ok(None);
    }
    let capture = match captures.is_empty() {
        true => None,
        false => {
            let name = captures.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" + ");
            Some((name, CaptureReader::open_together(&captures, &options.capture)?))
        }
    };
    let judged = replay_together(natives, capture, options);
    judged.map(Some).map_err(|(name, error)| TogetherError::Head { name, error })
}
