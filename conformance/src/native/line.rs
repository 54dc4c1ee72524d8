//! The lines of a native trace.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The name of the format, in its first line.
pub const FORMAT: &str = "midcomms-trace";
/// The version that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// The first line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// Where the trace comes from, for people.
    #[serde(default)]
    pub origin: String,
    /// The nodes.
    pub nodes: Vec<HeadNode>,
    /// What the compact form kept of long messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bodies: Option<String>,
    /// The compact form: the number of the file in its trace, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<u64>,
}

/// A node of the trace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeadNode {
    /// Its id.
    pub id: u32,
    /// The revision that it speaks. Replay holds it to that, where it knows the name.
    #[serde(default)]
    pub revision: Option<String>,
    /// Whether its own events are in the trace; otherwise it is known by what others read from it.
    #[serde(default = "yes")]
    pub recorded: bool,
    /// Its address, for reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

fn yes() -> bool {
    true
}

/// Any other line. Which fields there are depends on the event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Line {
    /// What happened.
    pub event: String,
    /// When, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// The connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Of a connection the node that opened it; of a message its sender; else the node that ends a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The other node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// The node at which something happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// The node that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u32>,
    /// The lockspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockspace: Option<u32>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageLine>,
    /// What came of reading it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// A record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordLine>,
    /// Of a connection that stands: what the node's last hello on it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<IdsLine>,
    /// What the peer's last hello on it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<IdsLine>,
    /// How many events were lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Why something could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A message: decoded, or its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageLine {
    /// `OPTS`, `ACK`, `MSG`, `RCOM` or `FIN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<String>,
    /// OPTS: its number; ACK: the number expected next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u32>,
    /// OPTS: the cmd of the message inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<String>,
    /// MSG and RCOM: the type's name.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// RCOM: the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
    /// Equal bodies have equal numbers, different ones different numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<u64>,
    /// `3.2` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The whole message as hexadecimal digits, instead of all other fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

/// What a node keeps about a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    /// The state.
    pub state: String,
    /// The number of the next sequenced message.
    pub seq_send: u32,
    /// The number expected next.
    pub seq_next: u32,
    /// Messages in the send queue.
    pub queue: u32,
    /// Local lockspaces that have the peer as a member.
    pub users: u32,
    /// The id of the incarnation, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// Of one that stands: the peer's version, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The peer's incarnation that it is bound to, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// The lockspaces that have the peer as a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockspaces: Option<Vec<u32>>,
}

/// What a hello says, in hexadecimal digits (HRD-1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdsLine {
    /// The sender's incarnation.
    pub source: String,
    /// The receiver's, as far as the sender knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}
