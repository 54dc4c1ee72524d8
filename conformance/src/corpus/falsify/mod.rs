//! Makes the traces that must be refused: each from a capture of real kernels, by one small falsification.
//!
//! The same originals give the same traces, byte for byte.

mod catalogue;
mod packets;
mod recipe;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::capture::{CaptureError, CaptureOptions, CaptureReader};
use crate::messages::{Item, Messages};

use super::check::hex;
use super::manifest::{MANIFEST_FILE, Manifest, ManifestError, Rejected};
use packets::Packets;
use recipe::{At, Edit, Falsification};

/// The line of the manifest behind which everything is written by [`write()`].
pub const MARK: &str = "# What follows is written by `cargo run --release -p midcomms-conformance --example falsify`.";

/// The compression that stored traces have.
const ZSTD_LEVEL: i32 = 19;

/// A trace that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its entry in the manifest.
    pub entry: Rejected,
    /// The capture, not compressed.
    pub capture: Vec<u8>,
    /// The file.
    pub stored: Vec<u8>,
}

/// Why a trace cannot be made.
#[derive(Debug, Error)]
pub enum FalsifyError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It has no line behind which to write.
    #[error("{}: expected the line `{MARK}`, got none", .0.display())]
    NoMark(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The original cannot be read.
    #[error("{trace}: {source}")]
    Original {
        /// The trace to be made.
        trace: &'static str,
        /// What is wrong.
        source: CaptureError,
    },
    /// The original is not what the recipe says.
    #[error("{trace}: expected {expected} in `{made_from}`, got none")]
    Recipe {
        /// The trace to be made.
        trace: &'static str,
        /// Its original.
        made_from: &'static str,
        /// What the recipe says is there.
        expected: String,
    },
}

/// Makes every trace from the originals in directory `dir`; writes nothing.
pub fn make(dir: &Path) -> Result<Vec<Made>, FalsifyError> {
    let mut originals = HashMap::new();
    let mut made = Vec::new();
    for falsification in catalogue::all() {
        let name = falsification.made_from;
        if !originals.contains_key(name) {
            originals.insert(name, original(dir, falsification)?);
        }
        if let Some(original) = originals.get(name) {
            made.push(forge(original, falsification)?);
        }
    }
    Ok(made)
}

/// Makes every trace, writes the files and their entries of the manifest in place of the old ones, and tells how many
/// there are.
pub fn write(dir: &Path) -> Result<usize, FalsifyError> {
    let path = dir.join(MANIFEST_FILE);
    let fail = |path: &Path, source| FalsifyError::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(&path).map_err(|source| fail(&path, source))?;
    let Some((by_hand, _)) = text.split_once(MARK) else {
        return Err(FalsifyError::NoMark(path));
    };
    let old = Manifest::parse(&text, &path)?;
    let made = make(dir)?;
    let is_made = |file: &str| made.iter().any(|made| made.entry.file == file);
    for gone in old.rejected.iter().map(|rejected| &rejected.file).filter(|file| !is_made(file)) {
        let file = dir.join(gone);
        std::fs::remove_file(&file).map_err(|source| fail(&file, source))?;
    }
    let mut text = format!("{by_hand}{MARK}\n");
    for Made { entry, stored, .. } in &made {
        let file = dir.join(&entry.file);
        std::fs::write(&file, stored).map_err(|source| fail(&file, source))?;
        text.push_str(&entry_text(entry));
    }
    Manifest::parse(&text, &path)?;
    std::fs::write(&path, text).map_err(|source| fail(&path, source))?;
    Ok(made.len())
}

fn entry_text(entry: &Rejected) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = String::from("\n[[rejected]]\n");
    let mut line = |key, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    line("file", quoted(&entry.file));
    line("made_from", quoted(&entry.made_from));
    line("falsification", quoted(&entry.falsification));
    line("frame", entry.frame.to_string());
    line("rule", quoted(&entry.rule));
    if let Some(revision) = &entry.revision {
        line("revision", quoted(revision));
    }
    line("sha256", quoted(&entry.sha256));
    text
}

fn original(dir: &Path, falsification: &Falsification) -> Result<Packets, FalsifyError> {
    let path = dir.join("kernel").join(format!("{}.pcap.zst", falsification.made_from));
    let bytes = std::fs::read(&path).and_then(|stored| zstd::decode_all(stored.as_slice()));
    let bytes = bytes.map_err(|source| FalsifyError::File { path, source })?;
    Packets::parse(&bytes).ok_or_else(|| missing(falsification, "a pcap file".to_owned()))
}

fn missing(falsification: &Falsification, expected: String) -> FalsifyError {
    FalsifyError::Recipe { trace: falsification.name, made_from: falsification.made_from, expected }
}

fn forge(original: &Packets, falsification: &Falsification) -> Result<Made, FalsifyError> {
    let mut packets = original.clone();
    packets.cut_after(falsification.last_frame());
    let messages = Located::read(&packets, falsification)?;
    messages.apply(&mut packets)?;
    packets.cut_after(falsification.cut_after());
    let capture = packets.to_bytes();
    let file = format!("rejected/{}.pcap.zst", falsification.name);
    let stored = zstd::encode_all(capture.as_slice(), ZSTD_LEVEL);
    let stored = stored.map_err(|source| FalsifyError::File { path: file.clone().into(), source })?;
    let entry = Rejected {
        file,
        made_from: falsification.made_from.to_owned(),
        falsification: falsification.text.to_owned(),
        frame: falsification.frame,
        rule: falsification.rule.to_owned(),
        revision: falsification.revision.map(str::to_owned),
        sha256: hex(&Sha256::digest(&stored)),
    };
    Ok(Made { entry, capture, stored })
}

/// The messages of an original, by the frames that complete them.
struct Located<'a> {
    falsification: &'a Falsification,
    by_frame: HashMap<u64, Vec<Message>>,
}

struct Message {
    /// Whether it lies in the frame that completes it and nowhere else.
    is_whole: bool,
    bytes: Vec<u8>,
}

impl<'a> Located<'a> {
    fn read(packets: &Packets, falsification: &'a Falsification) -> Result<Self, FalsifyError> {
        let fail = |source| FalsifyError::Original { trace: falsification.name, source };
        let input = Cursor::new(packets.to_bytes());
        let reader = CaptureReader::from_read(falsification.made_from, input, &CaptureOptions::default());
        let mut by_frame: HashMap<u64, Vec<Message>> = HashMap::new();
        let mut messages = Messages::default();
        reader.map_err(fail)?.read(&mut |observed| {
            messages.handle(&observed, &mut |item| {
                if let Item::Message(seen) = item {
                    let is_whole = seen.frame == seen.first_frame;
                    let message = Message { is_whole, bytes: seen.bytes.to_vec() };
                    by_frame.entry(seen.frame.number).or_default().push(message);
                }
            });
        });
        Ok(Self { falsification, by_frame })
    }

    fn message(&self, at: At) -> Result<&Message, FalsifyError> {
        let found = self.by_frame.get(&at.frame).and_then(|messages| messages.get(at.index));
        found.ok_or_else(|| missing(self.falsification, format!("message {} of frame {}", at.index, at.frame)))
    }

    /// Where a message begins in the payload of its frame.
    fn offset(&self, at: At, packets: &Packets) -> Result<usize, FalsifyError> {
        let gone = || missing(self.falsification, format!("message {} whole in frame {}", at.index, at.frame));
        let payload = packets.payload(at.frame).ok_or_else(gone)?;
        let before = self.by_frame.get(&at.frame).map(Vec::as_slice).unwrap_or_default();
        let mut from = 0;
        for message in before.iter().take(at.index + 1).filter(|message| message.is_whole) {
            let rest = payload.get(from..).unwrap_or_default();
            let place = rest.windows(message.bytes.len()).position(|window| window == message.bytes);
            from += place.ok_or_else(gone)? + message.bytes.len();
        }
        let message = self.message(at)?;
        if message.is_whole { from.checked_sub(message.bytes.len()).ok_or_else(gone) } else { Err(gone()) }
    }

    fn apply(&self, packets: &mut Packets) -> Result<(), FalsifyError> {
        let altered = |source, alter: recipe::Alter| -> Result<Vec<u8>, FalsifyError> {
            let mut bytes = self.message(source)?.bytes.clone();
            alter(&mut bytes);
            Ok(bytes)
        };
        let (frame, offset, old, new) = match self.falsification.edit {
            Edit::Change(at, alter) => {
                let old = self.message(at)?.bytes.len();
                (at.frame, self.offset(at, packets)?, old, altered(at, alter)?)
            }
            Edit::Insert { place, source, alter } => {
                let behind = self.offset(place, packets)? + self.message(place)?.bytes.len();
                (place.frame, behind, 0, altered(source, alter)?)
            }
            Edit::Move { frame, source } => {
                let bytes = self.message(source)?.bytes.clone();
                let taken = packets.splice(source.frame, self.offset(source, packets)?, bytes.len(), &[]);
                taken.ok_or_else(|| missing(self.falsification, format!("a message in frame {}", source.frame)))?;
                (frame, 0, 0, bytes)
            }
            Edit::Remove(at, count) => {
                let messages = (0..count).map(|more| self.message(At { index: at.index + more, ..at }));
                let lengths = messages.map(|message| Ok(message?.bytes.len()));
                (at.frame, self.offset(at, packets)?, lengths.sum::<Result<_, FalsifyError>>()?, Vec::new())
            }
        };
        let spliced = packets.splice(frame, offset, old, &new);
        spliced.ok_or_else(|| missing(self.falsification, format!("room in frame {frame}")))
    }
}
