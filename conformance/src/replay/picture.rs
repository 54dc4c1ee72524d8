//! What a report draws of a pair: the messages around what is wrong, and both records over time.

use serde::Serialize;

/// Times are in nanoseconds since [`Picture::base`]; a node is its index in [`super::PairReport::nodes`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// The second before the first event, since the epoch.
    pub base: i64,
    /// The time of the last event.
    pub end: i64,
    /// The messages around each rejection and stall, and those at the end.
    pub scenes: Vec<Scene>,
    /// Of each node, the states of its record.
    pub states: [Vec<StateChange>; 2],
    /// Changes of state beyond those that are kept.
    pub states_cut: u64,
    /// Connections that opened and ended.
    pub links: Vec<LinkChange>,
    /// More of these than are kept.
    pub links_cut: u64,
    /// From each node to the other, how far numbers had come.
    pub progress: [Vec<Progress>; 2],
}

/// A run of events, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scene {
    /// What it shows.
    pub about: About,
    /// Events of the pair before the first.
    pub before: u64,
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The event that is wrong, or the first behind the gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub culprit: Option<usize>,
    /// Events left out, and the index of the event behind them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<(usize, u64)>,
}

/// What a scene shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// The rejection of the pair.
    Rejection,
    /// The stall with this index.
    Stall(usize),
    /// The last events of the pair.
    End,
}

/// Something on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The frame; of a native trace, the line.
    pub frame: u64,
    /// Index of the file, where several were read as one.
    #[serde(skip_serializing_if = "is_zero")]
    pub file: u16,
    /// When.
    pub time: i64,
    /// The connection's number.
    pub conn: u32,
    /// The node that sent or did it.
    pub by: usize,
    /// What.
    pub what: What,
    /// OPTS: its number; ACK: the number expected next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The message, for people; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Length of a message without its envelope, in bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub length: u16,
    /// A retransmission.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
    /// Both records after it, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<[RecordView; 2]>,
}

/// What happened, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A message that its receiver accepted.
    Accepted,
    /// An ACK that took so many messages off the send queue.
    Acked(u32),
    /// A message that came before and was dropped.
    Duplicate,
    /// A message that was dropped, for its receiver waits for this number.
    Ignored(u32),
    /// A message that is read later, or never.
    Unread,
    /// A message outside the numbering.
    Bare,
    /// The message that is refused.
    Refused,
    /// A message that brings to light that an earlier one was wrong.
    Reveals,
    /// A message behind the end of the judgement.
    Unjudged,
    /// A connection was opened.
    Opened,
    /// A connection was seen that had been open before.
    Found,
    /// A node closed its sending side.
    Finished,
    /// A node reset the connection.
    Reset,
    /// Bytes are missing in the capture.
    Hole,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// State.
    pub state: &'static str,
    /// Number of the next message that it sends.
    pub send: u32,
    /// The oldest number that is not acknowledged.
    pub head: u32,
    /// Number that it expects next.
    pub next: u32,
}

/// A record's state from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// When.
    pub time: i64,
    /// The frame that shows it.
    pub frame: u64,
    /// The state.
    pub state: &'static str,
}

/// A connection opened or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LinkChange {
    /// When.
    pub time: i64,
    /// The frame that shows it.
    pub frame: u64,
    /// The connection's number.
    pub conn: u32,
    /// The node that did it.
    pub by: usize,
    /// [`What::Opened`], [`What::Found`], [`What::Finished`] or [`What::Reset`].
    pub what: What,
}

/// How far numbers had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// When.
    pub time: i64,
    /// Numbers that the sender had used.
    pub sent: u32,
    /// Numbers that the receiver had accepted: all, where its record is closed.
    pub accepted: u32,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}
