//! What replay found, as data.

use serde::Serialize;

use super::picture::Picture;
use crate::capture::Timestamp;

/// The verdict on a pair or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every message is explained.
    Accepted,
    /// There was nothing to judge.
    Vacuous,
    /// A named budget ran out before all was judged.
    Inconclusive,
    /// A message is explained by nothing.
    Rejected,
}

impl Verdict {
    /// As printed.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Vacuous => "vacuous",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Rejected => "rejected",
        }
    }
}

/// One input: a file, or several read as one.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// As given, or as found in a directory.
    pub path: String,
    /// The worst of its pairs; `None` where the file could not be read.
    pub verdict: Option<Verdict>,
    /// Frames read.
    pub frames: u64,
    /// Messages in stream order, counted with their envelope.
    pub messages: u64,
    /// Places where bytes of a stream are missing in the capture.
    pub holes: u64,
    /// Why the file, or its rest, could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Things to know about the reading: clock offsets, packets passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// One for each pair of nodes.
    pub pairs: Vec<PairReport>,
    /// Native traces: one for each record whose node has recorded all that it did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<ExactReport>,
    /// With several recordings of one run: one for each direction whose reading side is this file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub between: Vec<BetweenReport>,
}

/// What one side wrote, compared with what another side has of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BetweenReport {
    /// Who wrote: a node, or the capture that saw it.
    pub written_by: String,
    /// Who read.
    pub read_by: String,
    /// Sender.
    pub from: u32,
    /// Receiver.
    pub to: u32,
    /// Messages that are at both sides, at the same places of the same connections.
    pub messages: u64,
    /// Messages that were sent once and accepted once, in order; of two nodes that recorded themselves.
    pub delivered: Option<u64>,
    /// Connections, and messages at the end, that could not be compared.
    pub uncompared: u64,
    /// Whether both recordings kept enough of long messages to compare their bodies.
    pub are_bodies_compared: bool,
    /// The first thing that the two sides tell differently.
    pub rejection: Option<Rejection>,
}

/// A record that was followed exactly, by its own node's trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExactReport {
    /// The node.
    pub node: u32,
    /// Of whom it keeps the record.
    pub peer: u32,
    /// Its events.
    pub events: u64,
    /// Of these, events that were held against the record.
    pub judged: u64,
    /// Times that what is known began anew: behind lost events, or in mid-stream.
    pub gaps: u64,
    /// The first event that does not follow from those before it.
    pub rejection: Option<Rejection>,
}

/// A pair of nodes.
#[derive(Clone, Debug, Serialize)]
pub struct PairReport {
    /// The nodes, the smaller id first.
    pub nodes: [NodeReport; 2],
    /// The verdict.
    pub verdict: Verdict,
    /// Connections that broke.
    pub breaks: u64,
    /// From the smaller node id to the larger, and back.
    pub directions: [DirectionReport; 2],
    /// Open gaps that lasted while the pair was able to talk.
    pub stalls: Vec<StallReport>,
    /// What is owed at the end.
    pub obligations: Vec<Obligation>,
    /// Explanations that were kept at the same time.
    pub frontier: FrontierReport,
    /// The first message that nothing explains.
    pub rejection: Option<Rejection>,
    /// The budget that ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhausted: Option<String>,
    /// What a report draws of it, where that was asked for; not part of the JSON report.
    #[serde(skip)]
    pub picture: Option<Box<Picture>>,
    /// What each node's record met in the explanation that survives, in the order of `nodes`.
    #[serde(skip)]
    pub met: [midcomms_model::pair::Met; 2],
}

/// A node of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// Node id; 0 where it could not be found out.
    pub id: u32,
    /// Its address, for people.
    pub address: String,
    /// Revisions with which what it sent is consistent.
    pub revisions: Vec<&'static str>,
}

/// One direction of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DirectionReport {
    /// Sender.
    pub from: u32,
    /// Receiver.
    pub to: u32,
    /// MSG and RCOM in OPTS that the receiver accepted.
    pub delivered: u64,
    /// Of these, MSG.
    pub delivered_msg: u64,
    /// Copies on the wire.
    pub retransmitted: u64,
    /// OPTS below what the receiver expected.
    pub duplicates: u64,
    /// Times that the receiver began to wait for a missing number.
    pub gaps: u64,
    /// ACKs sent by `from`.
    pub acks: u64,
    /// FINs sent by `from`, copies not counted.
    pub fins: u64,
    /// Incarnations of `from`'s record.
    pub incarnations: u64,
}

/// A gap that lasted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StallReport {
    /// Sender of what is missing.
    pub from: u32,
    /// Who waits for it.
    pub to: u32,
    /// The number that is missing.
    pub seq: u32,
    /// The first message beyond it.
    pub frame: u64,
    /// The time of that frame, in seconds since the epoch.
    pub since: f64,
    /// How long the pair went on talking past it, in seconds.
    pub lasted: f64,
    /// The hazard of PROTOCOL.md that it matches.
    pub hazard: Option<&'static str>,
    /// Later messages that the receiver ignored.
    pub ignored: u32,
    /// The frame of the break that lost it.
    pub break_frame: Option<u64>,
    /// The frame that filled it, if one did.
    pub filled_by: Option<u64>,
}

/// What is owed at the end of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obligation {
    /// The node that owes or waits.
    pub node: u32,
    /// Its peer.
    pub peer: u32,
    /// What.
    pub what: String,
}

/// How many explanations were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrontierReport {
    /// Over all messages.
    pub median: usize,
    /// The most at any message.
    pub max: usize,
}

/// A message that nothing explains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rejection {
    /// The frame that completes it in stream order.
    pub frame: u64,
    /// The frame with its first byte.
    pub first_frame: u64,
    /// Index of the file, where several were read as one.
    #[serde(skip_serializing_if = "is_zero")]
    pub file: u16,
    /// Time of `frame`, in seconds since the epoch.
    pub time: f64,
    /// The connection, as `decode` numbers it.
    pub connection: String,
    /// Sender.
    pub from: u32,
    /// Receiver.
    pub to: u32,
    /// The message, decoded.
    pub message: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// That rule in one sentence.
    pub rule_text: &'static str,
    /// What would have been allowed.
    pub expected: String,
    /// What there was.
    pub got: String,
    /// The last messages of the pair before it, oldest first.
    pub before: Vec<String>,
}

fn is_zero(file: &u16) -> bool {
    *file == 0
}

impl FileReport {
    /// A file that could not be opened.
    pub fn unreadable(path: String, error: String) -> Self {
        Self {
            path,
            verdict: None,
            frames: 0,
            messages: 0,
            holes: 0,
            error: Some(error),
            notes: Vec::new(),
            pairs: Vec::new(),
            exact: Vec::new(),
            between: Vec::new(),
        }
    }

    /// Stalls of all its pairs.
    pub fn stalls(&self) -> usize {
        self.pairs.iter().map(|pair| pair.stalls.len()).sum()
    }
}

/// Seconds since the epoch.
pub(crate) fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1e9
}
