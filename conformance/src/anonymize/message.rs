//! A message with its body replaced.

use midcomms::wire::{Cmd, HEADER_LEN, MSG_FIXED_LEN, OPTS_LEN};

use super::key::{Domain, Key};

/// Offsets in a header (PROTOCOL.md, section 2).
const WORD: usize = 4;
const NODEID: usize = 8;
const LENGTH: usize = 12;
const CMD: usize = 14;
/// Offsets in OPTS.
const OPTLEN: usize = 18;
const LONG_PAD: usize = 20;
/// Offsets in RCOM.
const RCOM_ID: usize = 24;
const RCOM_SEQ: usize = 32;
const RCOM_FIXED: usize = 48;
/// Bytes of a type.
const TYPE_LEN: usize = 4;
/// Length of the tail that the revision `hardened` puts behind an ACK: not a secret, and judged.
const HARDENED_TAIL: usize = 24;
const HARDENED_MAGIC: &[u8] = b"HRD1";

/// The message with another body: headers, types, numbers, results and lengths stay; lockspaces, words, names, value
/// blocks and payload do not.
pub(super) fn message(key: &mut Key, message: &[u8]) -> Vec<u8> {
    let mut out = message.to_vec();
    let cmd = message.get(CMD).copied().and_then(Cmd::from_wire);
    let (header, rest) = out.split_at_mut(HEADER_LEN.min(message.len()));
    match cmd {
        Some(Cmd::Opts) => opts(key, rest),
        Some(Cmd::Ack) if rest.len() == HARDENED_TAIL && rest.starts_with(HARDENED_MAGIC) => {}
        Some(cmd @ (Cmd::Msg | Cmd::Rcom)) => {
            word(key, header, WORD);
            body(key, cmd, rest);
        }
        Some(Cmd::Ack | Cmd::Fin) | None => key.replace(Domain::Body, rest),
    }
    out
}

/// What is behind the outer header: the rest of OPTS, options, the message inside.
fn opts(key: &mut Key, bytes: &mut [u8]) {
    let at = |offset: usize| offset - HEADER_LEN;
    word(key, bytes, at(LONG_PAD));
    let optlen = match bytes.get(at(OPTLEN)..at(OPTLEN + 2)) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => return,
    };
    let (_, behind) = bytes.split_at_mut(at(OPTS_LEN).min(bytes.len()));
    let (options, inner) = behind.split_at_mut(optlen.min(behind.len()));
    key.replace(Domain::Body, options);
    let cmd = inner.get(CMD).copied().and_then(Cmd::from_wire);
    let (header, rest) = inner.split_at_mut(HEADER_LEN.min(inner.len()));
    if matches!(cmd, Some(Cmd::Msg | Cmd::Rcom)) {
        word(key, header, WORD);
    }
    body(key, cmd.unwrap_or(Cmd::Opts), rest);
}

/// What is behind the header of a message without an envelope.
fn body(key: &mut Key, cmd: Cmd, bytes: &mut [u8]) {
    match cmd {
        Cmd::Msg => {
            let (words, name) = bytes.split_at_mut(MSG_FIXED_LEN.min(bytes.len()));
            (TYPE_LEN..MSG_FIXED_LEN).step_by(4).for_each(|at| word(key, words, at));
            key.replace(Domain::Body, name);
        }
        Cmd::Rcom => {
            let at = |offset: usize| offset - HEADER_LEN;
            if let Some(id) = bytes.get_mut(at(RCOM_ID)..at(RCOM_SEQ)) {
                key.replace_nonzero(id);
            }
            let (_, payload) = bytes.split_at_mut(at(RCOM_FIXED).min(bytes.len()));
            key.replace(Domain::Body, payload);
        }
        _ => key.replace(Domain::Body, bytes),
    }
}

fn word(key: &mut Key, bytes: &mut [u8], at: usize) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        *place = key.word(u32::from_le_bytes(*place)).to_le_bytes();
    }
}

/// The beginning of a message that is not whole: what its header says of version, sender, length and cmd.
pub(super) fn beginning(bytes: &[u8], out: &mut [u8]) {
    for kept in [0..WORD, NODEID..LENGTH, LENGTH..HEADER_LEN] {
        let places = out.iter_mut().zip(bytes).skip(kept.start).take(kept.len());
        places.for_each(|(place, byte)| *place = *byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An OPTS with a MSG whose words and name are these.
    fn msg(name: &[u8]) -> Vec<u8> {
        let length = (OPTS_LEN + HEADER_LEN + MSG_FIXED_LEN + name.len()) as u16;
        let mut bytes = vec![2, 0, 3, 0, 9, 0, 0, 0, 1, 0, 0, 0];
        bytes.extend(length.to_le_bytes());
        bytes.extend([3, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([2, 0, 3, 0, 0x78, 0x56, 0x34, 0x12, 1, 0, 0, 0]);
        bytes.extend((length - OPTS_LEN as u16).to_le_bytes());
        bytes.extend([1, 0, 11, 0, 0, 0]);
        bytes.extend((1..MSG_FIXED_LEN as u8 - 3).map(|byte| byte | 0x80));
        bytes.extend(name);
        bytes
    }

    #[test]
    fn a_message_is_described_as_before_and_shares_no_four_bytes_of_its_body() {
        let original = msg(b"a name of a lock");
        let replaced = message(&mut Key::from_bytes(b"key"), &original);
        assert_eq!(crate::describe::describe(&replaced), crate::describe::describe(&original));
        let secret = &original[OPTS_LEN + HEADER_LEN + TYPE_LEN..];
        assert!(secret.windows(4).all(|run| !replaced.windows(4).any(|other| run == other)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_it_is_equal_stays_equal_and_other_stays_other(
            one in prop::collection::vec(any::<u8>(), 0..80),
            at in 0_usize..80,
            cmd in 0_u8..7,
        ) {
            let mut one = one;
            if let Some(byte) = one.get_mut(CMD) {
                *byte = cmd;
            }
            let mut other = one.clone();
            if let Some(byte) = other.get_mut(at) {
                *byte ^= 1;
            }
            let mut key = Key::from_bytes(b"key");
            let replaced = [message(&mut key, &one), message(&mut key, &other)];
            prop_assert_eq!(one == other, replaced[0] == replaced[1]);
            prop_assert_eq!(replaced[0].len(), one.len());
        }
    }
}
