//! The options of an OPTS: `type u16, length u16, pad u32`, value, padded to 8 bytes.
//!
//! `length` counts the bytes of the value, without the head and the padding. Linux defines no type and skips the
//! options unread, so a malformed list makes no message undecodable: it shows when the options are read.

use core::iter::FusedIterator;

use super::cursor::Cursor;
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::header::OPTS_LEN;

/// Bytes of an option before its value.
pub const OPTION_HEAD_LEN: usize = 8;

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OptionItem<'a> {
    /// Its type. Linux defines none.
    pub kind: u16,
    /// The unused word of its head.
    pub pad: u32,
    /// Its value, without padding.
    pub value: &'a [u8],
}

/// The options of one OPTS, unread: an iterator that ends after the first error.
///
/// Kinds that the reader does not know are items like the others, for it to skip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Options<'a> {
    /// Takes `bytes` for options, as [`Options::push`] writes them or as they are.
    #[must_use]
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// What has not been read yet; all of `optlen` at first.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Appends an option to `out`, padded with zeros.
    ///
    /// # Errors
    ///
    /// [`EncodeError::OptionTooLong`] if the value has more than 65535 bytes; then `out` is unchanged. Whether all
    /// of them fit into a message is for [`super::Opts::new`] to say.
    pub fn push(out: &mut Vec<u8>, item: OptionItem<'_>) -> Result<(), EncodeError> {
        let length = u16::try_from(item.value.len())
            .map_err(|_| EncodeError::OptionTooLong { expected: usize::from(u16::MAX), got: item.value.len() })?;
        out.extend_from_slice(&item.kind.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&item.pad.to_le_bytes());
        out.extend_from_slice(item.value);
        out.resize(out.len() + padding(item.value.len()), 0);
        Ok(())
    }

    fn cut(&self, expected: usize) -> DecodeError {
        let kind = DecodeErrorKind::OptionCut { expected, got: self.bytes.len() };
        DecodeError::new(OPTS_LEN + self.offset, kind)
    }

    fn read(&self) -> Result<(OptionItem<'a>, &'a [u8]), DecodeError> {
        let mut cursor = Cursor::new(self.bytes);
        let head = (cursor.u16(), cursor.u16(), cursor.u32());
        let (Some(kind), Some(length), Some(pad)) = head else {
            return Err(self.cut(OPTION_HEAD_LEN));
        };
        let length = usize::from(length);
        let value = cursor.slice(length);
        let (Some(value), Some(_)) = (value, cursor.slice(padding(length))) else {
            return Err(self.cut(OPTION_HEAD_LEN + length + padding(length)));
        };
        Ok((OptionItem { kind, pad, value }, cursor.rest()))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<OptionItem<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let read = self.read();
        let rest = read.map_or(&[] as &[u8], |(_, rest)| rest);
        self.offset += self.bytes.len() - rest.len();
        self.bytes = rest;
        Some(read.map(|(item, _)| item))
    }
}

impl FusedIterator for Options<'_> {}

const fn padding(length: usize) -> usize {
    length.next_multiple_of(8) - length
}
