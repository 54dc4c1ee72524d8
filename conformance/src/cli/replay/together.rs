//! `midcomms replay --together` of native traces, with or without a capture beside them.

use std::path::PathBuf;

use super::Outcome;
use crate::capture::{CaptureError, CaptureReader, OpenedInput};
use crate::cli::trouble::Trouble;
use crate::native::compact::FIRST_BYTE;
use crate::replay::{ReplayOptions, replay_together};

/// Judges these together, if there is a native trace among them.
pub(crate) fn natives(paths: &[PathBuf], options: &ReplayOptions) -> Result<Option<Outcome>, Trouble> {
    let fail = |error: CaptureError| Trouble::from(&error);
    let mut natives = Vec::new();
    let mut captures = Vec::new();
    for path in paths {
        let mut opened = OpenedInput::open(path, &options.capture).map_err(fail)?;
        if opened.begins_with(b'{').map_err(fail)? || opened.begins_with(FIRST_BYTE).map_err(fail)? {
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
            Some((name, CaptureReader::open_together(&captures, &options.capture).map_err(fail)?))
        }
    };
    let judged =
        replay_together(natives, capture, options).map_err(|(name, error)| Trouble::with_head(&name, &error))?;
    let troubles = judged.iter().flat_map(|(_, errors)| errors).map(Trouble::from).collect();
    Ok(Some(Outcome { reports: judged.into_iter().map(|(report, _)| report).collect(), troubles }))
}
