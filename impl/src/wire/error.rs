//! What can be wrong with bytes, and with what someone wants to encode.

use thiserror::Error;

use super::header::{HEADER_LEN, MAX_MESSAGE_LEN};
use super::names::Cmd;

/// Why one message is no message of the protocol. The stream goes on behind it (WIRE-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{kind} at byte {offset} of the message ({})", self.rule())]
pub struct DecodeError {
    /// Bytes from the start of the outer message to the field at fault.
    pub offset: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    pub(super) const fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The rule of the reference that the message breaks.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self.kind {
            DecodeErrorKind::LengthOutOfRange { .. } => "WIRE-2",
            _ => "WIRE-4",
        }
    }
}

/// The reasons of a [`DecodeError`]. Lengths are bytes; `expected` is what the rules or the bytes around ask for,
/// `got` is what the message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DecodeErrorKind {
    /// No room for a header.
    #[error("expected a header of {expected} bytes, got {got} bytes")]
    HeaderCut {
        /// Bytes of a header.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The outer length is one that no message has; in a stream nothing behind it can be read either (WIRE-2).
    #[error("expected a length from {HEADER_LEN} to {MAX_MESSAGE_LEN}, got {got}")]
    LengthOutOfRange {
        /// The length field.
        got: u16,
    },
    /// A length field, outer or inner, differs from the bytes there are.
    #[error("expected a length of {expected}, got {got}")]
    LengthMismatch {
        /// Bytes there are.
        expected: usize,
        /// The length field.
        got: u16,
    },
    /// The version is neither 3.1 nor 3.2.
    #[error("expected version 3.1 or 3.2, got {got:#010x}")]
    UnknownVersion {
        /// The version field.
        got: u32,
    },
    /// The command is none of the protocol's.
    #[error("expected a command from 1 to 5, got {got}")]
    UnknownCmd {
        /// The command field.
        got: u8,
    },
    /// OPTS or ACK inside OPTS.
    #[error("expected MSG, RCOM or FIN inside OPTS, got {got}")]
    InnerCmd {
        /// The inner command.
        got: Cmd,
    },
    /// `nextcmd` names another command than the message inside.
    #[error("expected nextcmd to be {expected}, got {got}")]
    NextCmd {
        /// The inner command.
        expected: Cmd,
        /// The nextcmd field.
        got: u8,
    },
    /// The message is shorter than every message of its kind.
    #[error("expected at least {expected} bytes of {cmd}, got {got}")]
    BelowFixedSize {
        /// What it claims to be.
        cmd: Cmd,
        /// [`Cmd::fixed_len`].
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The options leave no room for a message behind them.
    #[error("expected at most {expected} bytes of options, got {got}")]
    OptionsOverrun {
        /// Bytes of options with which a header would still fit.
        expected: usize,
        /// The optlen field.
        got: u16,
    },
    /// An option does not lie within the options. Only reading the options finds this: [`super::decode`] does not.
    #[error("expected an option of {expected} bytes, got {got} bytes")]
    OptionCut {
        /// Bytes of the option with its head and padding; of its head, if that is cut.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
}

/// Why a stream cannot be read on (WIRE-2). The connection has to be dropped, never the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error(
    "expected a length from {HEADER_LEN} to {MAX_MESSAGE_LEN}, got {length} in the message at byte {offset} of the \
     stream ({})", self.rule()
)]
pub struct FrameError {
    /// Bytes from the start of the stream to the start of the message.
    pub offset: u64,
    /// Its length field.
    pub length: u16,
}

impl FrameError {
    /// The rule of the reference that the stream breaks.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        "WIRE-2"
    }
}

/// Why the caller's parts make no message. Lengths are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum EncodeError {
    /// The message would be too long with its envelope (WIRE-1).
    #[error("expected a message of at most {expected} bytes, got {got} (WIRE-1)")]
    MessageTooLong {
        /// [`MAX_MESSAGE_LEN`].
        expected: usize,
        /// Bytes it would have.
        got: usize,
    },
    /// The message is too long for an envelope (WIRE-1).
    #[error("expected a message of at most {expected} bytes inside OPTS, got {got} (WIRE-1)")]
    InnerTooLong {
        /// [`super::MAX_INNER_LEN`].
        expected: usize,
        /// Bytes it has.
        got: usize,
    },
    /// The value is too long for the length field of an option.
    #[error("expected an option value of at most {expected} bytes, got {got}")]
    OptionTooLong {
        /// The longest value.
        expected: usize,
        /// Bytes of the value.
        got: usize,
    },
    /// The caller's buffer is too small.
    #[error("expected room for {expected} bytes, got {got}")]
    NoRoom {
        /// Bytes of the message.
        expected: usize,
        /// Bytes of the buffer.
        got: usize,
    },
}
