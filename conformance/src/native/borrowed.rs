//! The lines of a native trace as they lie in the buffer: nothing is copied.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;

/// A string of a line; copied only where it has escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// [`super::line::Line`], borrowed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct LineRef<'a> {
    /// What happened.
    #[serde(borrow)]
    pub event: Text<'a>,
    /// When, in seconds.
    #[serde(default)]
    pub time: Option<f64>,
    /// The connection.
    #[serde(borrow, default)]
    pub connection: Option<Text<'a>>,
    /// Of a connection the node that opened it; of a message its sender; else the node that ends a connection.
    #[serde(default)]
    pub from: Option<u32>,
    /// The other node.
    #[serde(default)]
    pub to: Option<u32>,
    /// The node at which something happens.
    #[serde(default)]
    pub node: Option<u32>,
    /// The node that it is about.
    #[serde(default)]
    pub peer: Option<u32>,
    /// The lockspace.
    #[serde(default)]
    pub lockspace: Option<u32>,
    /// The message.
    #[serde(borrow, default)]
    pub message: Option<MessageRef<'a>>,
    /// What came of reading it.
    #[serde(borrow, default)]
    pub outcome: Option<Text<'a>>,
    /// A record.
    #[serde(borrow, default)]
    pub record: Option<RecordRef<'a>>,
    /// Of a connection that stands: what the node's last hello on it said.
    #[serde(borrow, default)]
    pub said: Option<IdsRef<'a>>,
    /// What the peer's last hello on it said.
    #[serde(borrow, default)]
    pub heard: Option<IdsRef<'a>>,
    /// How many events were lost.
    #[serde(default)]
    pub count: Option<u64>,
    /// Why something could not be read.
    #[serde(borrow, default)]
    pub reason: Option<Text<'a>>,
}

/// [`super::line::MessageLine`], borrowed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct MessageRef<'a> {
    /// `OPTS`, `ACK`, `MSG`, `RCOM` or `FIN`.
    #[serde(borrow, default)]
    pub cmd: Option<Text<'a>>,
    /// OPTS: its number; ACK: the number expected next.
    #[serde(default)]
    pub seq: Option<u32>,
    /// OPTS: the cmd of the message inside.
    #[serde(borrow, default)]
    pub inner: Option<Text<'a>>,
    /// MSG and RCOM: the type's name.
    #[serde(borrow, default, rename = "type")]
    pub kind: Option<Text<'a>>,
    /// RCOM: the result.
    #[serde(default)]
    pub result: Option<i32>,
    /// Equal bodies have equal numbers, different ones different numbers.
    #[serde(default)]
    pub body: Option<u64>,
    /// `3.2` where it is absent.
    #[serde(borrow, default)]
    pub version: Option<Text<'a>>,
    /// The whole message as hexadecimal digits, instead of all other fields.
    #[serde(borrow, default)]
    pub bytes: Option<Text<'a>>,
}

/// [`super::line::RecordLine`], borrowed.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordRef<'a> {
    /// The state.
    #[serde(borrow)]
    pub state: Text<'a>,
    /// The number of the next sequenced message.
    pub seq_send: u32,
    /// The number expected next.
    pub seq_next: u32,
    /// Messages in the send queue.
    pub queue: u32,
    /// Local lockspaces that have the peer as a member.
    pub users: u32,
    /// The id of the incarnation, in hexadecimal digits.
    #[serde(borrow, default)]
    pub incarnation: Option<Text<'a>>,
    /// Of one that stands: the peer's version, once it is known.
    #[serde(borrow, default)]
    pub version: Option<Text<'a>>,
    /// The peer's incarnation that it is bound to, in hexadecimal digits.
    #[serde(borrow, default)]
    pub bound: Option<Text<'a>>,
    /// The lockspaces that have the peer as a member.
    #[serde(default)]
    pub lockspaces: Option<Vec<u32>>,
}

/// [`super::line::IdsLine`], borrowed.
#[derive(Clone, Debug, Deserialize)]
pub struct IdsRef<'a> {
    /// The sender's incarnation.
    #[serde(borrow)]
    pub source: Text<'a>,
    /// The receiver's, as far as the sender knew it.
    #[serde(borrow, default)]
    pub destination: Option<Text<'a>>,
}
