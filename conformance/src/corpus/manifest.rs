//! `MANIFEST.toml`: what every trace of a directory is, and what must come out.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use midcomms_model::revision::UnknownRevision;
use midcomms_model::{Revision, RevisionSet, Rule};
use serde::Deserialize;
use thiserror::Error;

use super::recorded::Recorded;

/// Name of the manifest in its directory.
pub const MANIFEST_FILE: &str = "MANIFEST.toml";

/// What the manifest calls its format.
pub const MANIFEST_FORMAT: &str = "midcomms-manifest";

/// The version of the format that is read and written.
pub const MANIFEST_VERSION: i64 = 1;

/// A manifest, read and checked in itself. Paths in it are relative to its directory.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: i64,
    /// Captures of real kernels.
    #[serde(default)]
    pub kernel: Vec<Kernel>,
    /// Recordings of the implementation.
    #[serde(default)]
    pub recorded: Vec<Recorded>,
    /// Changes that replay cannot see.
    #[serde(default)]
    pub blind: Vec<Blind>,
    /// Traces that must be refused.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
}

/// A capture of real kernels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// How other entries and tests refer to it.
    pub name: String,
    /// The capture.
    pub file: String,
    /// Who recorded it, where and how.
    pub origin: String,
    /// Kernel version by node id.
    pub kernel: BTreeMap<String, String>,
    /// What was done, in a sentence.
    pub scenario: String,
    /// What replay must say.
    pub verdict: String,
    /// The revisions that replay must find, by node id.
    pub revisions: BTreeMap<String, Vec<String>>,
    /// SHA-256 of the file as it is stored, in hexadecimal.
    pub sha256: String,
    /// The figures at which replay must arrive.
    pub counts: Counts,
    /// The stalls that it must tell, in the order of their frames.
    #[serde(default)]
    pub stalls: Vec<ExpectedStall>,
}

/// Figures of a capture, of all directions of all pairs together. What each counts is said of the replay report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Frames of the file.
    pub frames: u64,
    /// Messages in stream order.
    pub messages: u64,
    /// Places where the capture lacks bytes.
    pub holes: u64,
    /// Pairs of nodes.
    pub pairs: u64,
    /// Connections that broke.
    pub breaks: u64,
    /// MSG and RCOM accepted by their receivers.
    pub delivered: u64,
    /// Of these, MSG.
    pub delivered_msg: u64,
    /// Copies on the wire.
    pub retransmitted: u64,
    /// OPTS below what the receiver expected.
    pub duplicates: u64,
    /// Times that a receiver began to wait for a missing number.
    pub gaps: u64,
    /// ACKs sent.
    pub acks: u64,
    /// FINs sent, copies not counted.
    pub fins: u64,
    /// Incarnations of records.
    pub incarnations: u64,
}

/// A stall that must be told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedStall {
    /// Sender of what is missing.
    pub from: u32,
    /// Who waits for it.
    pub to: u32,
    /// The missing number.
    pub seq: u32,
    /// The first message behind it.
    pub frame: u64,
    /// The break that lost it.
    pub break_frame: Option<u64>,
    /// The hazard that it matches.
    pub hazard: Option<String>,
}

/// A change of a field that replay cannot see, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blind {
    /// The field, as the sensitivity test names it.
    pub field: String,
    /// The kind of change, as the sensitivity test names it; all kinds where absent.
    pub change: Option<String>,
    /// Why.
    pub why: String,
}

/// A trace that must be refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The trace.
    pub file: String,
    /// The kernel capture that it was made from.
    pub made_from: String,
    /// The one thing that was changed.
    pub falsification: String,
    /// The frame at which it must be refused.
    pub frame: u64,
    /// The rule by which.
    pub rule: String,
    /// The revision without which there is nothing to refuse; absent where it is refused whatever the nodes speak.
    pub revision: Option<String>,
    /// SHA-256 of the file as it is stored, in hexadecimal.
    pub sha256: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key is missing, unknown or of the wrong type; the message has line and key.
    #[error("{}: {message}", path.display())]
    Parse {
        /// The manifest.
        path: PathBuf,
        /// Line, key, and what is wrong.
        message: String,
    },
    /// It is of another format.
    #[error("{}: format: expected `{MANIFEST_FORMAT}`, got `{got}`", path.display())]
    Format {
        /// The manifest.
        path: PathBuf,
        /// The format that it names.
        got: String,
    },
    /// It is of a version that is not known.
    #[error("{}: version: expected at most {MANIFEST_VERSION}, got {got}", path.display())]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The version that it names.
        got: i64,
    },
    /// The value of a key makes no sense.
    #[error("{}: {entry}: {key}: {message}", path.display())]
    Value {
        /// The manifest.
        path: PathBuf,
        /// The entry: its name or file.
        entry: String,
        /// The key.
        key: &'static str,
        /// What was expected and what was there.
        message: String,
    },
}

/// What every version of the format has in common.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: i64,
}

impl Manifest {
    /// Reads the manifest of directory `dir` and checks it in itself; files are not looked at.
    pub fn load(dir: &Path) -> Result<Self, ManifestError> {
        let path = dir.join(MANIFEST_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(source) => Err(ManifestError::Read { path, source }),
        }
    }

    /// Reads a manifest from its text; `path` is what errors call it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let fail = |error: &toml::de::Error| ManifestError::Parse {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        };
        // The version first: what a later one adds must not be told as a misspelling.
        let head: Head = toml::from_str(text).map_err(|error| fail(&error))?;
        if head.format != MANIFEST_FORMAT {
            return Err(ManifestError::Format { path: path.to_owned(), got: head.format });
        }
        if head.version != MANIFEST_VERSION {
            return Err(ManifestError::Version { path: path.to_owned(), got: head.version });
        }
        let manifest: Self = toml::from_str(text).map_err(|error| fail(&error))?;
        manifest.check_values().map_err(|(entry, key, message)| ManifestError::Value {
            path: path.to_owned(),
            entry,
            key,
            message,
        })?;
        Ok(manifest)
    }

    /// The kernel capture of this name.
    pub fn kernel_named(&self, name: &str) -> Option<&Kernel> {
        self.kernel.iter().find(|kernel| kernel.name == name)
    }

    /// Every file that has an entry, relative to the manifest.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let kernel = self.kernel.iter().map(|kernel| kernel.file.as_str());
        let recorded = self.recorded.iter().flat_map(|recorded| &recorded.files).map(|known| known.file.as_str());
        kernel.chain(recorded).chain(self.rejected.iter().map(|rejected| rejected.file.as_str()))
    }

    fn check_values(&self) -> Result<(), Wrong> {
        let mut names = HashSet::new();
        for kernel in &self.kernel {
            let wrong = |key, message| Err((kernel.name.clone(), key, message));
            if !names.insert(&kernel.name) {
                return wrong("name", "two entries have it".to_owned());
            }
            if !["accepted", "rejected", "vacuous", "inconclusive"].contains(&kernel.verdict.as_str()) {
                return wrong("verdict", format!("no verdict is called `{}`", kernel.verdict));
            }
            if let Err(message) = kernel.revision_sets() {
                return wrong("revisions", message);
            }
        }
        for recorded in &self.recorded {
            let wrong = |key, message| Err((recorded.name.clone(), key, message));
            if !names.insert(&recorded.name) {
                return wrong("name", "two entries have it".to_owned());
            }
            if let Err((key, message)) = recorded.check_values() {
                return wrong(key, message);
            }
        }
        let mut files = HashSet::new();
        if let Some(twice) = self.files().find(|&file| !files.insert(file)) {
            return Err((twice.to_owned(), "file", "two entries have it".to_owned()));
        }
        self.rejected.iter().try_for_each(|rejected| self.check_rejected(rejected))
    }

    fn check_rejected(&self, rejected: &Rejected) -> Result<(), Wrong> {
        let wrong = |key, message| Err((rejected.file.clone(), key, message));
        if Rule::find(&rejected.rule).is_none() {
            return wrong("rule", format!("replay does not judge by a rule `{}`", rejected.rule));
        }
        if self.kernel_named(&rejected.made_from).is_none() {
            return wrong("made_from", format!("no kernel capture is called `{}`", rejected.made_from));
        }
        match rejected.revision_set() {
            Err(error) => wrong("revision", error.to_string()),
            Ok(_) => Ok(()),
        }
    }
}

/// Entry, key, and what is wrong with its value.
type Wrong = (String, &'static str, String);

impl Kernel {
    /// The revisions by node id, as types.
    pub fn revision_sets(&self) -> Result<BTreeMap<u32, RevisionSet>, String> {
        let set =
            |names: &Vec<String>| names.iter().map(|name| name.parse::<Revision>()).collect::<Result<RevisionSet, _>>();
        self.revisions
            .iter()
            .map(|(node, names)| {
                let id = node.parse::<u32>().map_err(|_| format!("`{node}` is no node id"))?;
                Ok((id, set(names).map_err(|error| error.to_string())?))
            })
            .collect()
    }
}

impl Rejected {
    /// The revision without which there is nothing to refuse, as a type.
    pub fn revision_set(&self) -> Result<Option<RevisionSet>, UnknownRevision> {
        let revision = self.revision.as_deref().map(str::parse::<Revision>).transpose()?;
        Ok(revision.map(RevisionSet::only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format = \"midcomms-manifest\"\nversion = 1\n";

    fn error_of(text: &str) -> String {
        Manifest::parse(text, Path::new("dir/MANIFEST.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_version_is_told_before_unknown_keys() {
        let error = error_of("format = \"midcomms-manifest\"\nversion = 2\nsurprise = 1\n");
        assert_eq!(error, "dir/MANIFEST.toml: version: expected at most 1, got 2");
    }

    #[test]
    fn another_format_is_refused() {
        assert!(error_of("format = \"menu\"\nversion = 1\n").contains("expected `midcomms-manifest`, got `menu`"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = error_of(&format!("{HEAD}[[blind]]\nfield = \"f\"\nwhy = \"w\"\nchnage = \"c\"\n"));
        assert!(error.contains("line 6") && error.contains("chnage"), "{error}");
    }

    #[test]
    fn a_rule_that_replay_does_not_know_is_refused() {
        let entry = "[[rejected]]\nfile = \"rejected/x\"\nmade_from = \"a\"\nfalsification = \"f\"\nframe = 1\n\
                     rule = \"SND-99\"\nsha256 = \"\"\n";
        assert_eq!(
            error_of(&format!("{HEAD}{entry}")),
            "dir/MANIFEST.toml: rejected/x: rule: replay does not judge by a rule `SND-99`"
        );
    }

    #[test]
    fn a_missing_manifest_is_told_with_its_path() {
        let error = Manifest::load(Path::new("no-such-directory")).unwrap_err();
        assert!(error.to_string().starts_with("no-such-directory/MANIFEST.toml: "));
    }
}
