//! Why a capture cannot be read, or not to its end.

use std::fmt;
use std::io;

/// What is wrong with a capture, in which file and where.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}{}", At(*offset))]
pub struct CaptureError {
    /// The file as it was named; `-` for the standard input.
    pub file: String,
    /// Byte offset in the file after decompression; everything before it was read.
    pub offset: u64,
    /// What is wrong.
    #[source]
    pub fault: CaptureFault,
}

/// The kinds of trouble with a capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureFault {
    /// The file cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// The path is a directory.
    #[error("is a directory")]
    Directory,
    /// No file was named.
    #[error("no capture was given")]
    NoFile,
    /// The standard input is named more than once.
    #[error("can be read only once")]
    StandardInputTwice,
    /// The file holds no byte at all.
    #[error("is empty (zero bytes)")]
    Empty,
    /// The content is neither pcap nor pcapng.
    #[error("is not a packet capture: {0}")]
    NotACapture(&'static str),
    /// The file ends inside its header.
    #[error("ends inside the file header: {got} of {expected} bytes")]
    TruncatedHeader {
        /// Bytes a header has.
        expected: u64,
        /// Bytes that were there.
        got: u64,
    },
    /// The file ends inside a packet record or block.
    #[error("ends inside a packet record: {got} of {expected} bytes")]
    TruncatedRecord {
        /// Bytes the record has.
        expected: u64,
        /// Bytes that were there.
        got: u64,
    },
    /// A record claims to be longer than any packet.
    #[error("a record claims {claimed} bytes, more than the {limit} that are read")]
    HostileLength {
        /// The claim.
        claimed: u64,
        /// The limit.
        limit: u64,
    },
    /// A pcapng block contradicts itself or its section.
    #[error("malformed pcapng block: {0}")]
    BadBlock(&'static str),
    /// Frames of this link type are not understood.
    #[error("link type {0} is not supported")]
    UnknownLinkType(u32),
    /// The compressed data is damaged or ends early.
    #[error("{format} data is damaged: {source}")]
    Decompression {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// What the decompressor said.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
}

struct At(u64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            offset => write!(f, " (at byte {offset})"),
        }
    }
}
