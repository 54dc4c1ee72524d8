//! The corpus: traces of known origin, what must come out for each, and whether it does.

mod check;
pub mod falsify;
mod manifest;
mod recorded;
pub mod sensitivity;

pub use check::{CheckOptions, Corpus, CorpusReport, Difference, EntryKind, EntryReport, check};
pub use manifest::{
    Blind, Counts, ExpectedStall, Kernel, MANIFEST_FILE, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, ManifestError,
    Rejected,
};
pub use recorded::{Recorded, RecordedCounts, RecordedFile, RefusedAt};
