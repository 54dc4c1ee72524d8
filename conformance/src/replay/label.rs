//! What travels through the model with a message.

use crate::capture::{FrameRef, Timestamp};

use super::Kind;

/// Where a message or a transport event was seen, and what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub(crate) frame: FrameRef,
    pub(crate) time: Timestamp,
    pub(crate) kind: Kind,
}

impl Label {
    pub(crate) fn of_transport(frame: FrameRef, time: Timestamp) -> Self {
        Self { frame, time, kind: Kind::default() }
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

    /// Whether it is a MSG.
    pub fn is_msg(&self) -> bool {
        self.kind.is_msg()
    }
}
