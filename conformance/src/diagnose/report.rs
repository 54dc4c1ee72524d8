//! What was found. Format `midcomms-diagnosis` of `traces/SCHEMA.md`.

use serde::Serialize;

/// The name of the format.
pub const FORMAT: &str = "midcomms-diagnosis";
/// The version that is written.
pub const VERSION: u64 = 1;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Nothing else explains what was collected.
    Proven,
    /// Something else could explain it, but seldom does.
    Likely,
    /// Seen once, or from one side alone: it may be passing.
    Possible,
}

/// Who waits for whom, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, for machines.
    pub kind: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// The node that waits.
    pub waits: u32,
    /// The node that it waits for.
    pub owes: u32,
    /// What is owed, in a sentence.
    pub owed: String,
    /// The hazard of PROTOCOL.md that it matches.
    pub hazard: Option<&'static str>,
    /// From what that follows: files and lines, and rules.
    pub because: Vec<String>,
    /// What to do about it.
    pub advice: String,
}

/// A pair of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PairDiagnosis {
    /// The smaller id first.
    pub nodes: [u32; 2],
    /// What hangs.
    pub findings: Vec<Finding>,
    /// What cannot be concluded, and what would be needed.
    pub unknown: Vec<String>,
    /// What to know besides.
    pub notes: Vec<String>,
}

/// What was collected of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeSummary {
    /// Its id.
    pub id: u32,
    /// Moments with records or sockets.
    pub snapshots: usize,
    /// Whether there is a log.
    pub log: bool,
    /// Whether there are tracepoints.
    pub trace: bool,
    /// Its kernel, where known.
    pub kernel: Option<String>,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing is owed, as far as what was collected shows.
    NothingOwed,
    /// Something hangs.
    Hangs,
    /// Nothing could be read.
    Unusable,
    /// What was collected does not decide it.
    NothingToConclude,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// [`FORMAT`].
    pub format: &'static str,
    /// [`VERSION`].
    pub version: u64,
    /// How it ends.
    pub outcome: Outcome,
    /// The nodes.
    pub nodes: Vec<NodeSummary>,
    /// The pairs.
    pub pairs: Vec<PairDiagnosis>,
    /// Lines that cannot be read: file, line, reason.
    pub damage: Vec<String>,
    /// Files and directories that cannot be read.
    pub unusable: Vec<String>,
}

impl Diagnosis {
    /// All findings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.pairs.iter().flat_map(|pair| &pair.findings)
    }
}
