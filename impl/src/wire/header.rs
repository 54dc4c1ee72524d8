//! The 16-byte header that every message starts with, and the sizes of the format.

use super::cursor::Cursor;
use super::ids::NodeId;
use super::names::{Cmd, Version};

/// Bytes of a header.
pub const HEADER_LEN: usize = 16;
/// Bytes of an OPTS up to its options: a header, then `nextcmd u8, pad u8, optlen u16, pad u32`.
pub const OPTS_LEN: usize = 24;
/// Words of a MSG after its header.
pub const MSG_WORDS: usize = 18;
/// Bytes of a MSG's words.
pub const MSG_FIXED_LEN: usize = MSG_WORDS * 4;
/// Bytes of a MSG up to its name or value block.
pub const MSG_LEN: usize = HEADER_LEN + MSG_FIXED_LEN;
/// Bytes of an RCOM up to its payload.
pub const RCOM_LEN: usize = HEADER_LEN + 32;
/// The longest message with its envelope, in bytes (WIRE-1).
pub const MAX_MESSAGE_LEN: usize = 4096;
/// The longest message that fits in an envelope, in bytes (WIRE-1).
pub const MAX_INNER_LEN: usize = MAX_MESSAGE_LEN - OPTS_LEN;
/// The first word of a message of version 3.1.
pub const VERSION_3_1: u32 = Version::V3_1.to_wire();
/// The first word of a message of version 3.2.
pub const VERSION_3_2: u32 = Version::V3_2.to_wire();

/// A header as it stands on the wire, whether its numbers have a meaning or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Offset 0.
    pub version: u32,
    /// Offset 4: lockspace id (MSG, RCOM), sequence number (OPTS), next expected number (ACK), 0 (FIN).
    pub word: u32,
    /// Offset 8: the sender.
    pub nodeid: NodeId,
    /// Offset 12: bytes of the whole message, header included.
    pub length: u16,
    /// Offset 14.
    pub cmd: u8,
    /// Offset 15: 0 in what kernels send.
    pub pad: u8,
}

impl Header {
    /// The header at the front of `bytes`, `None` if there are fewer than [`HEADER_LEN`]. Judges nothing.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes.first_chunk::<HEADER_LEN>()?);
        Some(Self {
            version: cursor.u32()?,
            word: cursor.u32()?,
            nodeid: NodeId(cursor.u32()?),
            length: cursor.u16()?,
            cmd: cursor.u8()?,
            pad: cursor.u8()?,
        })
    }

    /// The version, if it is one of the protocol's.
    #[must_use]
    pub const fn known_version(&self) -> Option<Version> {
        Version::from_wire(self.version)
    }

    /// The command, if it is one of the protocol's.
    #[must_use]
    pub const fn known_cmd(&self) -> Option<Cmd> {
        Cmd::from_wire(self.cmd)
    }

    /// The sixteen bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let [v0, v1, v2, v3] = self.version.to_le_bytes();
        let [w0, w1, w2, w3] = self.word.to_le_bytes();
        let [n0, n1, n2, n3] = self.nodeid.0.to_le_bytes();
        let [l0, l1] = self.length.to_le_bytes();
        [v0, v1, v2, v3, w0, w1, w2, w3, n0, n1, n2, n3, l0, l1, self.cmd, self.pad]
    }
}

impl Cmd {
    /// Bytes that a message of this kind has at the least; for OPTS with a header inside.
    #[must_use]
    pub const fn fixed_len(self) -> usize {
        match self {
            Self::Msg => MSG_LEN,
            Self::Rcom => RCOM_LEN,
            Self::Opts => OPTS_LEN + HEADER_LEN,
            Self::Ack | Self::Fin => HEADER_LEN,
        }
    }
}
