//! What travels through the model with a message.

use std::fmt;

use midcomms_model::Message;

use crate::capture::{ConnId, FrameRef, Observed, Timestamp};
use crate::messages::Seen;

use super::translate::{Kind, Translated};

/// Where a message or a transport event was seen, and what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub(crate) frame: FrameRef,
    pub(crate) first_frame: FrameRef,
    pub(crate) time: Timestamp,
    pub(crate) conn: ConnId,
    pub(crate) kind: Kind,
    /// OPTS: its number; ACK: the number expected next.
    pub(crate) number: Option<u32>,
}

impl Label {
    pub(crate) fn of_transport(observed: &Observed<'_>) -> Self {
        Self {
            frame: observed.frame,
            first_frame: observed.frame,
            time: observed.time,
            conn: observed.conn,
            kind: Kind::default(),
            number: None,
        }
    }

    pub(crate) fn of_message(seen: &Seen<'_>, translated: &Translated) -> Self {
        let number = match translated.message {
            Message::Opts { seq, .. } => Some(seq.0),
            Message::Ack(number) | Message::Hello(number, _) => Some(number.0),
            Message::Bare(_) | Message::Gone(_) => None,
        };
        Self {
            frame: seen.frame,
            first_frame: seen.first_frame,
            time: seen.time,
            conn: seen.conn,
            kind: translated.kind,
            number,
        }
    }

    /// Of bytes that are no message.
    pub(crate) fn of_bytes(seen: &Seen<'_>) -> Self {
        Self {
            frame: seen.frame,
            first_frame: seen.first_frame,
            time: seen.time,
            conn: seen.conn,
            kind: Kind { length: u16::try_from(seen.bytes.len()).unwrap_or(u16::MAX), ..Kind::default() },
            number: None,
        }
    }

    /// Number of the frame in its file.
    pub fn frame(&self) -> u64 {
        self.frame.number
    }

    /// Time of the frame.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Length of the MSG or RCOM with its header, in bytes.
    pub fn length(&self) -> u16 {
        self.kind.length
    }

    /// Name of the cmd.
    pub fn cmd(&self) -> &'static str {
        self.kind.cmd_name()
    }

    /// Name of the type, empty where there is none.
    pub fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = [self.cmd(), self.type_name()].join(" ");
        let name = name.trim_end();
        match self.number {
            Some(number) if self.cmd() == "ACK" => write!(f, "ACK {number}"),
            Some(number) => write!(f, "OPTS {number} {name}"),
            None => f.write_str(name),
        }
    }
}
