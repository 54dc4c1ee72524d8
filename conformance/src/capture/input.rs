//! Files and streams, plain or compressed.

use super::error::{CaptureError, CaptureFault};
use super::window::Window;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An opened input, decompressed on the way.
pub(super) struct Input {
    name: String,
    format: Option<&'static str>,
    pub(super) window: Window,
}

impl Input {
    /// Opens a file, or the standard input for `-`.
    pub(super) fn open(path: &Path, progress: Option<Arc<AtomicU64>>) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        if path.as_os_str() == "-" {
            return Self::from_read(name, Box::new(io::stdin()), progress);
        }
        let fail = |fault| CaptureError { file: name.clone(), offset: 0, fault };
        let file = File::open(path).map_err(|error| fail(CaptureFault::Open(error)))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(fail(CaptureFault::Directory));
        }
        Self::from_read(name, Box::new(file), progress)
    }

    /// Reads from anything; `name` is what errors call it.
    pub(super) fn from_read(
        name: String,
        reader: Box<dyn Read + Send>,
        progress: Option<Arc<AtomicU64>>,
    ) -> Result<Self, CaptureError> {
        let mut raw = Counted { reader, progress };
        let mut head = Vec::with_capacity(4);
        let fail = |fault| CaptureError { file: name.clone(), offset: 0, fault };
        (&mut raw).take(4).read_to_end(&mut head).map_err(|error| fail(CaptureFault::Read(error)))?;
        if head.is_empty() {
            return Err(fail(CaptureFault::Empty));
        }
        let format = compression(&head);
        let whole = Cursor::new(head).chain(raw);
        let reader: Box<dyn Read + Send> = match format {
            Some("gzip") => Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::new(whole))),
            Some(_) => {
                Box::new(zstd::stream::read::Decoder::new(whole).map_err(|error| fail(CaptureFault::Read(error)))?)
            }
            None => Box::new(whole),
        };
        let window = Window::new(reader);
        Ok(Input { name, format, window })
    }

    /// An error at the current place.
    #[cold]
    pub(super) fn error(&self, fault: CaptureFault) -> CaptureError {
        CaptureError { file: self.name.clone(), offset: self.window.offset(), fault }
    }

    /// A failed read as the fault that it is.
    #[cold]
    pub(super) fn read_error(&self, source: io::Error) -> CaptureError {
        self.error(match self.format {
            Some(format) => CaptureFault::Decompression { format, source },
            None => CaptureFault::Read(source),
        })
    }

    /// Brings at least `count` bytes to hand; false when the input ends before.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> Result<bool, CaptureError> {
        match self.window.fill(count) {
            Ok(filled) => Ok(filled),
            Err(error) => Err(self.read_error(error)),
        }
    }
}

fn compression(head: &[u8]) -> Option<&'static str> {
    let skippable = |head: &[u8]| matches!(head, [low, 0x2a, 0x4d, 0x18] if (0x50..=0x5f).contains(low));
    if head.starts_with(&GZIP_MAGIC) {
        Some("gzip")
    } else if head.starts_with(&ZSTD_MAGIC) || skippable(head) {
        Some("zstd")
    } else {
        None
    }
}

/// Counts the bytes that come from the file, before decompression.
struct Counted {
    reader: Box<dyn Read + Send>,
    progress: Option<Arc<AtomicU64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}
