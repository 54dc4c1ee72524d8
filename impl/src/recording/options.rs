//! What a user may set, and what a recorder says of itself.

use core::time::Duration;

/// What the compact form keeps of messages longer than 64 bytes, apart from their first 48 bytes. Shorter ones, and with
/// them every ACK, hello, FIN and STATUS, are always kept whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// Everything.
    Full,
    /// A hash of 64 bits of all the rest: replay sees whether a copy differs from its original in any byte (SND-6).
    Hash,
    /// A hash of 64 bits of the first and the last 64 bytes of the rest. Of messages of up to 176 bytes that is all.
    Sample,
    /// The same of the messages whose number is a multiple of 16 and of those without a number, nothing of the others:
    /// the cheapest that still tells streams of messages apart. Which messages those are is the same at both nodes and
    /// in every copy, so that they can be compared.
    #[default]
    Sparse,
    /// Nothing.
    None,
}

impl Bodies {
    /// Its name in the head of a trace.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Hash => "hash",
            Self::Sample => "sample",
            Self::Sparse => "sparse",
            Self::None => "none",
        }
    }
}

/// How a [`super::Recorder`] records. The defaults are for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is kept of long messages.
    pub bodies: Bodies,
    /// The level of zstd, up to 22; those below 0 are faster, and on hashes as good. `None` stores blocks as they are.
    pub compression: Option<i32>,
    /// Bytes of events that make a block, before compression. A peer that is quiet holds none.
    pub block_bytes: usize,
    /// Blocks that may wait for the writer. Beyond them events are lost, and marked.
    pub queue_blocks: usize,
    /// The longest time that an event stays in memory, roughly: what a crash may take with it.
    pub flush_interval: Duration,
    /// Bytes after which the next file begins.
    pub max_file_bytes: u64,
    /// Files of one recording that are kept; the oldest is removed. 0 keeps all. Those of earlier recordings stay.
    pub max_files: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bodies: Bodies::Sparse,
            compression: Some(-5),
            block_bytes: 128 * 1024,
            queue_blocks: 32,
            flush_interval: Duration::from_millis(250),
            max_file_bytes: 64 * 1024 * 1024,
            max_files: 16,
        }
    }
}

/// How a recording goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Events that were written.
    pub written: u64,
    /// Events that were not, and are marked in the trace where they would be, as soon as anything can be written again; and
    /// those behind the end of the recording, which no trace has ([`super::Recorder::finish`]).
    pub lost: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// Files that were begun.
    pub files: u64,
    /// The last error of the system, with what was being done.
    pub error: Option<String>,
}
