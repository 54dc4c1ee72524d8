//! From bytes to a [`Message`].

use super::cursor::Cursor;
use super::error::{DecodeError, DecodeErrorKind};
use super::header::{HEADER_LEN, Header, MAX_MESSAGE_LEN, OPTS_LEN};
use super::inner::{Body, Inner, Msg, Rcom};
use super::message::{Ack, Head, Message, Opts};
use super::names::Cmd;
use super::options::Options;

// Offsets of fields.
const LENGTH: usize = 12;
const CMD: usize = 14;
const NEXT_CMD: usize = 16;
const OPTLEN: usize = 18;

/// Reads one whole message: `bytes` is as long as its outer length says, as in a [`super::Frame`].
///
/// # Errors
///
/// Whatever WIRE-4 has skipped, and a length outside 16 to 4096 (WIRE-2). Not an error are types outside the tables,
/// pads, malformed options, and headers that disagree on node id or version.
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let (header, rest) = split_header(bytes, 0)?;
    let length = usize::from(header.length);
    if !(HEADER_LEN..=MAX_MESSAGE_LEN).contains(&length) {
        return fail(LENGTH, DecodeErrorKind::LengthOutOfRange { got: header.length });
    }
    let (head, cmd) = known(&header, bytes.len(), 0)?;
    match cmd {
        Cmd::Opts => decode_opts(head, rest).map(Message::Opts),
        Cmd::Ack => Ok(Message::Ack(Ack { head, tail: rest })),
        Cmd::Msg => Ok(Message::Bare(Inner { head, body: decode_msg(rest, 0)? })),
        Cmd::Rcom => Ok(Message::Bare(Inner { head, body: decode_rcom(rest, 0)? })),
        Cmd::Fin => Ok(Message::Bare(Inner { head, body: Body::Fin { tail: rest } })),
    }
}

fn fail<T>(offset: usize, kind: DecodeErrorKind) -> Result<T, DecodeError> {
    Err(DecodeError::new(offset, kind))
}

/// `base` is where `bytes` lie in the outer message.
fn split_header(bytes: &[u8], base: usize) -> Result<(Header, &[u8]), DecodeError> {
    match (Header::parse(bytes), bytes.split_at_checked(HEADER_LEN)) {
        (Some(header), Some((_, rest))) => Ok((header, rest)),
        _ => fail(base, DecodeErrorKind::HeaderCut { expected: HEADER_LEN, got: bytes.len() }),
    }
}

/// What outer and inner headers have to obey alike; `len` is the bytes of the message there are.
fn known(header: &Header, len: usize, base: usize) -> Result<(Head, Cmd), DecodeError> {
    let Header { word, nodeid, length, pad, .. } = *header;
    let Some(version) = header.known_version() else {
        return fail(base, DecodeErrorKind::UnknownVersion { got: header.version });
    };
    let Some(cmd) = header.known_cmd() else {
        return fail(base + CMD, DecodeErrorKind::UnknownCmd { got: header.cmd });
    };
    if usize::from(length) != len {
        return fail(base + LENGTH, DecodeErrorKind::LengthMismatch { expected: len, got: length });
    }
    Ok((Head { version, word, nodeid, length, pad }, cmd))
}

fn decode_opts(head: Head, rest: &[u8]) -> Result<Opts<'_>, DecodeError> {
    let mut cursor = Cursor::new(rest);
    let fields = (cursor.u8(), cursor.u8(), cursor.u16(), cursor.u32());
    let (Some(next_cmd), Some(next_pad), Some(optlen), Some(opt_pad)) = fields else {
        return below_fixed_size(Cmd::Opts, rest, 0);
    };
    let Some(room) = cursor.rest().len().checked_sub(HEADER_LEN) else {
        return below_fixed_size(Cmd::Opts, rest, 0);
    };
    let options_len = usize::from(optlen);
    let Some(options) = cursor.slice(options_len).filter(|_| options_len <= room) else {
        return fail(OPTLEN, DecodeErrorKind::OptionsOverrun { expected: room, got: optlen });
    };
    let options = Options::from_bytes(options);
    let inner = decode_inner(cursor.rest(), OPTS_LEN + options_len)?;
    if next_cmd != inner.cmd().to_wire() {
        return fail(NEXT_CMD, DecodeErrorKind::NextCmd { expected: inner.cmd(), got: next_cmd });
    }
    Ok(Opts { head, next_pad, optlen, opt_pad, options, inner })
}

fn decode_inner(bytes: &[u8], base: usize) -> Result<Inner<'_>, DecodeError> {
    let (header, rest) = split_header(bytes, base)?;
    let (head, cmd) = known(&header, bytes.len(), base)?;
    let body = match cmd {
        Cmd::Msg => decode_msg(rest, base)?,
        Cmd::Rcom => decode_rcom(rest, base)?,
        Cmd::Fin => Body::Fin { tail: rest },
        Cmd::Opts | Cmd::Ack => return fail(base + CMD, DecodeErrorKind::InnerCmd { got: cmd }),
    };
    Ok(Inner { head, body })
}

fn decode_msg(rest: &[u8], base: usize) -> Result<Body<'_>, DecodeError> {
    let mut cursor = Cursor::new(rest);
    match cursor.array() {
        Some(fixed) => Ok(Body::Msg(Msg { fixed, block: cursor.rest() })),
        None => below_fixed_size(Cmd::Msg, rest, base),
    }
}

fn decode_rcom(rest: &[u8], base: usize) -> Result<Body<'_>, DecodeError> {
    read_rcom(rest).map_or_else(|| below_fixed_size(Cmd::Rcom, rest, base), |rcom| Ok(Body::Rcom(rcom)))
}

fn read_rcom(rest: &[u8]) -> Option<Rcom<'_>> {
    let mut cursor = Cursor::new(rest);
    Some(Rcom {
        code: cursor.u32()?,
        result: cursor.i32()?,
        id: cursor.u64()?,
        seq: cursor.u64()?,
        seq_reply: cursor.u64()?,
        payload: cursor.rest(),
    })
}

/// `rest` is what there is of the message behind its header.
fn below_fixed_size<T>(cmd: Cmd, rest: &[u8], base: usize) -> Result<T, DecodeError> {
    let (expected, got) = (cmd.fixed_len(), HEADER_LEN + rest.len());
    fail(base + LENGTH, DecodeErrorKind::BelowFixedSize { cmd, expected, got })
}
