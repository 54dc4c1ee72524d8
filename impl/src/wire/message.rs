//! Whole messages, as parts that fit together.
//!
//! Their fields are private so that every value can be encoded: lengths agree, and nothing is too long.

use core::ops::Range;

use super::error::EncodeError;
use super::header::{HEADER_LEN, Header, MAX_INNER_LEN, MAX_MESSAGE_LEN, OPTS_LEN};
use super::ids::{NodeId, Sender, Seq};
use super::inner::Inner;
use super::names::{Cmd, Version};
use super::options::Options;

/// A header of known version whose command follows from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) word: u32,
    pub(super) nodeid: NodeId,
    pub(super) length: u16,
    pub(super) pad: u8,
}

impl Head {
    pub(super) fn new(sender: Sender, word: u32, length: u16) -> Self {
        Self { version: sender.version, word, nodeid: sender.nodeid, length, pad: 0 }
    }

    pub(super) fn with_cmd(&self, cmd: Cmd) -> Header {
        Header {
            version: self.version.to_wire(),
            word: self.word,
            nodeid: self.nodeid,
            length: self.length,
            cmd: cmd.to_wire(),
            pad: self.pad,
        }
    }
}

// WIRE-1
pub(super) fn checked_length(got: usize) -> Result<u16, EncodeError> {
    let error = EncodeError::MessageTooLong { expected: MAX_MESSAGE_LEN, got };
    if got > MAX_MESSAGE_LEN {
        return Err(error);
    }
    u16::try_from(got).map_err(|_| error)
}

/// One whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message<'a> {
    /// A sequenced message in its envelope.
    Opts(Opts<'a>),
    /// An acknowledgement.
    Ack(Ack<'a>),
    /// A message without an envelope. A bare FIN is decoded like the others; RCV-6 refuses it.
    Bare(Inner<'a>),
}

impl<'a> Message<'a> {
    /// The outer header.
    #[must_use]
    pub fn header(&self) -> Header {
        match self {
            Self::Opts(opts) => opts.header(),
            Self::Ack(ack) => ack.header(),
            Self::Bare(inner) => inner.header(),
        }
    }

    /// The outer version.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Self::Opts(Opts { head, .. }) | Self::Ack(Ack { head, .. }) | Self::Bare(Inner { head, .. }) => {
                head.version
            }
        }
    }

    /// The MSG, RCOM or FIN, in an envelope or not; `None` for an ACK.
    #[must_use]
    pub const fn inner(&self) -> Option<&Inner<'a>> {
        match self {
            Self::Opts(opts) => Some(&opts.inner),
            Self::Ack(_) => None,
            Self::Bare(inner) => Some(inner),
        }
    }

    /// Where [`Message::inner`] lies in the encoded message, in bytes.
    #[must_use]
    pub fn inner_range(&self) -> Option<Range<usize>> {
        let end = usize::from(self.header().length);
        self.inner().map(|inner| end - usize::from(inner.head.length)..end)
    }

    /// Whether every pad of headers and envelope is 0, as it is in what kernels send. Pads of options don't count.
    #[must_use]
    pub fn pads_are_zero(&self) -> bool {
        let inner = self.inner().is_none_or(|inner| inner.head.pad == 0);
        match self {
            Self::Opts(opts) => inner && opts.head.pad == 0 && opts.pads() == (0, 0),
            Self::Ack(ack) => ack.head.pad == 0,
            Self::Bare(_) => inner,
        }
    }
}

impl<'a> From<Opts<'a>> for Message<'a> {
    fn from(opts: Opts<'a>) -> Self {
        Self::Opts(opts)
    }
}

impl<'a> From<Ack<'a>> for Message<'a> {
    fn from(ack: Ack<'a>) -> Self {
        Self::Ack(ack)
    }
}

impl<'a> From<Inner<'a>> for Message<'a> {
    fn from(inner: Inner<'a>) -> Self {
        Self::Bare(inner)
    }
}

/// An envelope and the message in it. Their node ids and versions may differ in what was decoded: compare
/// [`Opts::header`] with the header of [`Opts::inner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opts<'a> {
    pub(super) head: Head,
    pub(super) next_pad: u8,
    pub(super) optlen: u16,
    pub(super) opt_pad: u32,
    pub(super) options: Options<'a>,
    pub(super) inner: Inner<'a>,
}

impl<'a> Opts<'a> {
    /// An envelope from the sender of `inner`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::InnerTooLong`] over 4072 bytes inside, [`EncodeError::MessageTooLong`] over 4096 in all (WIRE-1).
    pub fn new(seq: Seq, options: Options<'a>, inner: Inner<'a>) -> Result<Self, EncodeError> {
        let inner_len = usize::from(inner.head.length);
        if inner_len > MAX_INNER_LEN {
            return Err(EncodeError::InnerTooLong { expected: MAX_INNER_LEN, got: inner_len });
        }
        let options = Options::from_bytes(options.as_bytes());
        let options_len = options.as_bytes().len();
        let got = OPTS_LEN.saturating_add(options_len).saturating_add(inner_len);
        let length = checked_length(got)?;
        let optlen = checked_length(options_len)?;
        let head = Head::new(inner.sender(), seq.0, length);
        Ok(Self { head, next_pad: 0, optlen, opt_pad: 0, options, inner })
    }

    /// The outer header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.head.with_cmd(Cmd::Opts)
    }

    /// The sequence number.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        Seq(self.head.word)
    }

    /// `nextcmd`, which is the command of the message inside.
    #[must_use]
    pub const fn next_cmd(&self) -> Cmd {
        self.inner.cmd()
    }

    /// The pads at offsets 17 and 20.
    #[must_use]
    pub const fn pads(&self) -> (u8, u32) {
        (self.next_pad, self.opt_pad)
    }

    /// The options, unread.
    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        self.options
    }

    /// The message inside.
    #[must_use]
    pub const fn inner(&self) -> &Inner<'a> {
        &self.inner
    }
}

/// An acknowledgement of everything before a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ack<'a> {
    pub(super) head: Head,
    pub(super) tail: &'a [u8],
}

impl<'a> Ack<'a> {
    /// An ACK; kernels send no `tail`, and ignore one.
    ///
    /// # Errors
    ///
    /// [`EncodeError::MessageTooLong`] if the tail is longer than 4080 bytes (WIRE-1).
    pub fn new(sender: Sender, seq: Seq, tail: &'a [u8]) -> Result<Self, EncodeError> {
        let length = checked_length(HEADER_LEN.saturating_add(tail.len()))?;
        Ok(Self { head: Head::new(sender, seq.0, length), tail })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.head.with_cmd(Cmd::Ack)
    }

    /// The number that its sender expects next.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        Seq(self.head.word)
    }

    /// The bytes behind the header.
    #[must_use]
    pub const fn tail(&self) -> &'a [u8] {
        self.tail
    }
}
