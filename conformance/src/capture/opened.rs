//! An input of which only the beginning was looked at.

use std::io::{self, Read};
use std::path::Path;

use super::error::CaptureError;
use super::input::Input;
use super::options::CaptureOptions;
use super::reader::CaptureReader;

/// An opened input, decompressed on the way, that may turn out to be a capture or something else.
pub struct OpenedInput {
    input: Input,
}

impl OpenedInput {
    /// Opens a file, or the standard input for `-`.
    pub fn open(path: &Path, options: &CaptureOptions) -> Result<Self, CaptureError> {
        Ok(Self { input: Input::open(path, options.progress.clone())? })
    }

    /// Takes anything for an input; `name` is what errors call it.
    pub fn from_read(name: &str, reader: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Ok(Self { input: Input::from_read(name.to_owned(), Box::new(reader), None)? })
    }

    /// Whether its first byte is this one.
    pub fn begins_with(&mut self, byte: u8) -> Result<bool, CaptureError> {
        self.input.fill(1)?;
        Ok(self.input.window.bytes().first() == Some(&byte))
    }

    /// Takes it for a capture.
    pub fn into_capture(self, options: &CaptureOptions) -> Result<CaptureReader, CaptureError> {
        CaptureReader::from_input(self.input, options)
    }
}

impl Read for OpenedInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.input.window.fill(1)? {
            return Ok(0);
        }
        let count = self.input.window.bytes().read(buffer)?;
        self.input.window.consume(count);
        Ok(count)
    }
}
