//! What WIRE-4 has skipped: each reason once, and every truncation.

use midcomms::wire::{Cmd, DecodeErrorKind as Kind, Header, Message, decode};
use proptest::prelude::*;

use crate::golden::{self, ACK_K612, FIN_K612, NAMES_K612, REQUEST_K612, STATUS_K612};
use crate::plan::plan;

/// The golden message after `patch`: where decoding fails, and why.
fn refused(dump: &str, patch: impl FnOnce(&mut Vec<u8>)) -> (usize, Kind) {
    let mut bytes = golden::bytes(dump);
    patch(&mut bytes);
    let error = decode(&bytes).unwrap_err();
    let rule = if matches!(error.kind, Kind::LengthOutOfRange { .. }) { "WIRE-2" } else { "WIRE-4" };
    assert_eq!(error.rule(), rule);
    (error.offset, error.kind)
}

fn set_length(bytes: &mut [u8], at: usize, length: usize) {
    bytes[at + 12..at + 14].copy_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
}

fn cut(bytes: &mut Vec<u8>, len: usize) {
    bytes.truncate(len);
    set_length(bytes, 0, len);
}

#[test]
fn an_unknown_version_is_refused_outside_and_inside() {
    let kind = Kind::UnknownVersion { got: 0x0003_0003 };
    assert_eq!(refused(REQUEST_K612, |bytes| bytes[0] = 3), (0, kind));
    assert_eq!(refused(REQUEST_K612, |bytes| bytes[24] = 3), (24, kind));
    assert_eq!(refused(ACK_K612, |bytes| bytes[0] = 3), (0, kind));
}

#[test]
fn an_unknown_cmd_is_refused_outside_and_inside() {
    assert_eq!(refused(STATUS_K612, |bytes| bytes[14] = 6), (14, Kind::UnknownCmd { got: 6 }));
    assert_eq!(refused(FIN_K612, |bytes| bytes[38] = 0), (38, Kind::UnknownCmd { got: 0 }));
}

#[test]
fn opts_and_ack_inside_opts_are_refused() {
    for cmd in [Cmd::Opts, Cmd::Ack] {
        let patch = |bytes: &mut Vec<u8>| (bytes[16], bytes[38]) = (cmd.to_wire(), cmd.to_wire());
        assert_eq!(refused(NAMES_K612, patch), (38, Kind::InnerCmd { got: cmd }));
    }
}

#[test]
fn a_nextcmd_that_differs_from_the_inner_cmd_is_refused() {
    let kind = Kind::NextCmd { expected: Cmd::Msg, got: 2 };
    assert_eq!(refused(REQUEST_K612, |bytes| bytes[16] = 2), (16, kind));
}

#[test]
fn an_inner_length_that_differs_from_the_bytes_there_are_is_refused() {
    for got in [95, 97] {
        let kind = Kind::LengthMismatch { expected: 96, got };
        assert_eq!(refused(REQUEST_K612, |bytes| set_length(bytes, 24, got.into())), (36, kind));
    }
}

#[test]
fn an_outer_length_that_differs_from_the_bytes_there_are_is_refused() {
    for got in [119, 121] {
        let kind = Kind::LengthMismatch { expected: 120, got };
        assert_eq!(refused(REQUEST_K612, |bytes| set_length(bytes, 0, got.into())), (12, kind));
    }
}

#[test]
fn an_outer_length_below_16_or_above_4096_is_refused() {
    for got in [0, 15, 4097, u16::MAX] {
        let patch = |bytes: &mut Vec<u8>| set_length(bytes, 0, got.into());
        assert_eq!(refused(ACK_K612, patch), (12, Kind::LengthOutOfRange { got }));
    }
}

#[test]
fn messages_below_their_fixed_size_are_refused() {
    let below = |cmd, expected, got| Kind::BelowFixedSize { cmd, expected, got };
    assert_eq!(refused(STATUS_K612, |bytes| cut(bytes, 47)), (12, below(Cmd::Rcom, 48, 47)));
    assert_eq!(refused(FIN_K612, |bytes| cut(bytes, 39)), (12, below(Cmd::Opts, 40, 39)));
    assert_eq!(refused(FIN_K612, |bytes| cut(bytes, 16)), (12, below(Cmd::Opts, 40, 16)));
    let patch = |bytes: &mut Vec<u8>| {
        cut(bytes, 24 + 87);
        set_length(bytes, 24, 87);
    };
    assert_eq!(refused(REQUEST_K612, patch), (36, below(Cmd::Msg, 88, 87)));
}

#[test]
fn options_that_leave_no_room_are_refused() {
    for got in [1, 8, u16::MAX] {
        let patch = |bytes: &mut Vec<u8>| bytes[18..20].copy_from_slice(&got.to_le_bytes());
        assert_eq!(refused(FIN_K612, patch), (18, Kind::OptionsOverrun { expected: 0, got }));
    }
}

#[test]
fn what_is_shorter_than_a_header_is_refused() {
    assert_eq!(decode(&[]).unwrap_err().kind, Kind::HeaderCut { expected: 16, got: 0 });
    assert_eq!(refused(ACK_K612, |bytes| bytes.truncate(15)), (0, Kind::HeaderCut { expected: 16, got: 15 }));
}

/// FIN_K612 with these options.
fn fin_with_options(options: &[u8]) -> Vec<u8> {
    let mut bytes = golden::bytes(FIN_K612);
    bytes.splice(24..24, options.iter().copied());
    bytes[18] = u8::try_from(options.len()).unwrap();
    let len = bytes.len();
    set_length(&mut bytes, 0, len);
    bytes
}

#[test]
fn malformed_options_are_found_by_reading_them_and_not_by_decoding() {
    let cases: [(&[u8], usize, Kind); 4] = [
        (&[1, 0, 0], 24, Kind::OptionCut { expected: 8, got: 3 }),
        (&[1, 0, 1, 0, 0, 0, 0, 0], 24, Kind::OptionCut { expected: 16, got: 8 }),
        (&[1, 0, 1, 0, 0, 0, 0, 0, 5, 0], 24, Kind::OptionCut { expected: 16, got: 10 }),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 255, 255, 0, 0, 0, 0], 32, Kind::OptionCut { expected: 65_544, got: 8 }),
    ];
    for (options, offset, kind) in cases {
        let bytes = fin_with_options(options);
        let Ok(Message::Opts(opts)) = decode(&bytes) else { panic!("{options:?}") };
        let errors: Vec<_> = opts.options().filter_map(Result::err).map(|error| (error.offset, error.kind)).collect();
        assert_eq!(errors, [(offset, kind)]);
    }
}

#[test]
fn types_outside_the_tables_decode_to_their_number() {
    let mut bytes = golden::bytes(REQUEST_K612);
    bytes[40] = 15;
    let message = decode(&bytes).unwrap();
    let inner = message.inner().unwrap();
    let midcomms::wire::Body::Msg(msg) = inner.body() else { panic!("{inner:?}") };
    assert_eq!((msg.code(), msg.kind()), (15, None));
}

#[test]
fn an_undecodable_message_still_has_a_header() {
    let mut bytes = golden::bytes(ACK_K612);
    bytes[14] = 77;
    let header = Header::parse(&bytes).unwrap();
    assert!(decode(&bytes).is_err());
    assert_eq!((header.cmd, header.known_cmd(), header.nodeid.0, header.word), (77, None, 2, 33));
}

#[test]
fn an_error_is_one_sentence_with_its_rule() {
    let mut bytes = golden::bytes(REQUEST_K612);
    bytes[16] = 2;
    let text = decode(&bytes).unwrap_err().to_string();
    assert_eq!(text, "expected nextcmd to be MSG, got 2 at byte 16 of the message (WIRE-4)");
}

#[test]
fn offsets_count_the_options_in_front_of_the_message_inside() {
    let mut bytes = fin_with_options(&[0; 8]);
    bytes[24 + 8 + 14] = 9;
    let error = decode(&bytes).unwrap_err();
    assert_eq!((error.offset, error.kind), (46, Kind::UnknownCmd { got: 9 }));
}

/// Every front part is refused as it is; with its outer length mended, unless what is missing is of variable size.
fn check_truncations(bytes: &[u8]) {
    let message = decode(bytes).unwrap();
    let cmd = message.header().known_cmd().unwrap();
    for len in 0..bytes.len() {
        let mut front = bytes[..len].to_vec();
        let error = decode(&front).unwrap_err();
        assert!(error.offset <= len, "{error}");
        if len >= 16 {
            set_length(&mut front, 0, len);
            let may_be_shorter = cmd != Cmd::Opts && len >= cmd.fixed_len();
            assert_eq!(decode(&front).is_ok(), may_be_shorter, "{len} bytes of {message:?}");
        }
    }
}

#[test]
fn every_truncation_of_a_golden_message_is_refused() {
    golden::ALL.into_iter().for_each(|dump| check_truncations(&golden::bytes(dump)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_truncation_of_every_structure_is_refused(plan in plan()) {
        check_truncations(&plan.encode());
    }
}
