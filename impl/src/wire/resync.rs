//! Finding the next message after a hole in a stream, as captures have them.

use super::cursor::Cursor;
use super::decode::decode;
use super::header::{HEADER_LEN, Header, MAX_MESSAGE_LEN};
use super::names::{Cmd, RcomType, Version};

/// Whether `bytes` begin with what looks like a header: version and command known, pad 0, and a length from the fixed
/// size of the command ([`Cmd::fixed_len`]) to 4096. False for fewer than 16 bytes.
#[must_use]
pub fn plausible_header(bytes: &[u8]) -> bool {
    Header::parse(bytes).is_some_and(|header| plausible_cmd(&header).is_some())
}

fn plausible_cmd(header: &Header) -> Option<Cmd> {
    header.known_version()?;
    let cmd = header.known_cmd()?;
    let length_fits = (cmd.fixed_len()..=MAX_MESSAGE_LEN).contains(&usize::from(header.length));
    (length_fits && header.pad == 0).then_some(cmd)
}

/// The first place in `bytes` at which a stream can be read again, in bytes from the front; `None` if there is none.
///
/// That is where a [plausible header](plausible_header) stands
///
/// - of a message that is never inside an envelope: OPTS, ACK, RCOM STATUS (SND-2), or anything of version 3.1. The
///   header inside an OPTS looks like that of a bare message, and is followed by a message as that one is; if the
///   hole has swallowed the front of the envelope, nothing tells them apart. So a bare NAMES or reply is passed over;
/// - whose message decodes, if all of it is there;
/// - and with another plausible header right behind it, if there are bytes enough for one.
///
/// The last 15 bytes are never found: the caller keeps them, as the front of what comes next. A message whose header
/// alone is there is found too, on the evidence of 16 bytes; with more bytes the answer may be a later one. What a
/// lock's value block holds can look like messages by intent: a place that was found is a guess, not evidence.
#[must_use]
pub fn resync(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len().saturating_sub(HEADER_LEN - 1)).find(|&at| bytes.get(at..).is_some_and(starts_message))
}

fn starts_message(bytes: &[u8]) -> bool {
    let Some((header, cmd)) = Header::parse(bytes).and_then(|header| Some((header, plausible_cmd(&header)?))) else {
        return false;
    };
    if header.known_version() == Some(Version::V3_2) && !never_inside(cmd, bytes) {
        return false;
    }
    bytes
        .split_at_checked(usize::from(header.length))
        .is_none_or(|(whole, behind)| decode(whole).is_ok() && (behind.len() < HEADER_LEN || plausible_header(behind)))
}

/// Whether a message of version 3.2 is one that no envelope holds.
fn never_inside(cmd: Cmd, bytes: &[u8]) -> bool {
    match cmd {
        Cmd::Opts | Cmd::Ack => true,
        Cmd::Rcom => rcom_type(bytes) == Some(RcomType::Status),
        Cmd::Msg | Cmd::Fin => false,
    }
}

fn rcom_type(bytes: &[u8]) -> Option<RcomType> {
    let mut cursor = Cursor::new(bytes);
    cursor.slice(HEADER_LEN)?;
    RcomType::from_wire(cursor.u32()?)
}
