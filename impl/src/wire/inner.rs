//! What an envelope can hold, or what goes bare.

use super::error::EncodeError;
use super::header::{HEADER_LEN, Header, MSG_FIXED_LEN, MSG_LEN, RCOM_LEN};
use super::ids::{LockspaceId, Sender};
use super::message::{Head, checked_length};
use super::names::{Cmd, MsgType, RcomType, Version};

/// A MSG, RCOM or FIN with its header: what an envelope can hold, or what goes bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inner<'a> {
    pub(super) head: Head,
    pub(super) body: Body<'a>,
}

impl<'a> Inner<'a> {
    /// A MSG.
    ///
    /// # Errors
    ///
    /// [`EncodeError::MessageTooLong`] over 4096 bytes (WIRE-1); [`super::Opts::new`] asks for less.
    pub fn msg(sender: Sender, lockspace: LockspaceId, msg: Msg<'a>) -> Result<Self, EncodeError> {
        let length = checked_length(MSG_LEN.saturating_add(msg.block.len()))?;
        Ok(Self { head: Head::new(sender, lockspace.0, length), body: Body::Msg(msg) })
    }

    /// An RCOM.
    ///
    /// # Errors
    ///
    /// [`EncodeError::MessageTooLong`] over 4096 bytes (WIRE-1); [`super::Opts::new`] asks for less.
    pub fn rcom(sender: Sender, lockspace: LockspaceId, rcom: Rcom<'a>) -> Result<Self, EncodeError> {
        let length = checked_length(RCOM_LEN.saturating_add(rcom.payload.len()))?;
        Ok(Self { head: Head::new(sender, lockspace.0, length), body: Body::Rcom(rcom) })
    }

    /// A FIN.
    #[must_use]
    pub fn fin(sender: Sender) -> Self {
        let length = const { HEADER_LEN as u16 };
        Self { head: Head::new(sender, 0, length), body: Body::Fin { tail: &[] } }
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.head.with_cmd(self.cmd())
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.head.version
    }

    /// Its version and node id.
    #[must_use]
    pub const fn sender(&self) -> Sender {
        Sender { version: self.head.version, nodeid: self.head.nodeid }
    }

    /// MSG, RCOM or FIN.
    #[must_use]
    pub const fn cmd(&self) -> Cmd {
        match self.body {
            Body::Msg(_) => Cmd::Msg,
            Body::Rcom(_) => Cmd::Rcom,
            Body::Fin { .. } => Cmd::Fin,
        }
    }

    /// The lockspace of a MSG or RCOM; `None` for a FIN, whose second word (`header().word`) is 0.
    #[must_use]
    pub const fn lockspace(&self) -> Option<LockspaceId> {
        match self.body {
            Body::Msg(_) | Body::Rcom(_) => Some(LockspaceId(self.head.word)),
            Body::Fin { .. } => None,
        }
    }

    /// What is behind the header.
    #[must_use]
    pub const fn body(&self) -> &Body<'a> {
        &self.body
    }
}

/// What is behind the header of an [`Inner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body<'a> {
    /// A message of the lock manager.
    Msg(Msg<'a>),
    /// A recovery message of the lock manager.
    Rcom(Rcom<'a>),
    /// The end of a direction.
    Fin {
        /// Bytes behind the header. A FIN has none, but no rule refuses one that does.
        tail: &'a [u8],
    },
}

/// The words and the block of a MSG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Msg<'a> {
    pub(super) fixed: &'a [u8; MSG_FIXED_LEN],
    pub(super) block: &'a [u8],
}

impl<'a> Msg<'a> {
    /// A MSG of 18 little-endian words, the first of them the type, and a name or value block.
    #[must_use]
    pub const fn new(fixed: &'a [u8; MSG_FIXED_LEN], block: &'a [u8]) -> Self {
        Self { fixed, block }
    }

    /// The type's number.
    #[must_use]
    pub fn code(&self) -> u32 {
        self.fixed.first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
    }

    /// The type, `None` if it is outside the table.
    #[must_use]
    pub fn kind(&self) -> Option<MsgType> {
        MsgType::from_wire(self.code())
    }

    /// All 18 words, the type included.
    pub fn words(&self) -> impl Iterator<Item = u32> + 'a {
        let (words, _) = self.fixed.as_chunks();
        words.iter().map(|word| u32::from_le_bytes(*word))
    }

    /// The words as bytes.
    #[must_use]
    pub const fn fixed(&self) -> &'a [u8; MSG_FIXED_LEN] {
        self.fixed
    }

    /// The name or value block, possibly empty.
    #[must_use]
    pub const fn block(&self) -> &'a [u8] {
        self.block
    }
}

/// The fields and the payload of an RCOM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rcom<'a> {
    /// The type's number.
    pub code: u32,
    /// In a STATUS_REPLY -3 (-ESRCH) is "not ready" (SND-2), and kernels report their state in positive numbers.
    pub result: i32,
    /// `id`, for the lock manager.
    pub id: u64,
    /// `seq`, for the lock manager: no [`super::Seq`].
    pub seq: u64,
    /// `seq_reply`, for the lock manager: no [`super::Seq`].
    pub seq_reply: u64,
    /// The bytes behind the fields.
    pub payload: &'a [u8],
}

impl Rcom<'_> {
    /// The type, `None` if it is outside the table.
    #[must_use]
    pub const fn kind(&self) -> Option<RcomType> {
        RcomType::from_wire(self.code)
    }
}
