//! Either form as JSON lines.

use std::io::Read;

use super::HeadError;
use super::compact::{CompactFile, FIRST_BYTE, convert};

/// A native trace as JSON lines, whichever form it has; in memory.
///
/// # Errors
/// If it cannot be read, or begins as the compact form and is none.
pub fn as_lines(mut input: impl Read) -> Result<Vec<u8>, HeadError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|error| HeadError::NotATrace(error.to_string()))?;
    if bytes.first() != Some(&FIRST_BYTE) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let converted = convert(CompactFile::open(&bytes[..])?, &mut text);
    converted.map_err(|error| HeadError::NotCompact(error.to_string()))?;
    Ok(text)
}
