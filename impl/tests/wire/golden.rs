//! Messages of real kernels, from captures `clean-k61` (Linux 6.1) and `clean-k612` (Linux 6.12), and what they say.

use midcomms::wire::{Body, Cmd, Inner, LockspaceId, Message, MsgType, NodeId, Opts, RcomType, Seq, Version, decode};

/// Sixteen bytes a line; what follows a `;` is for the reader.
pub(crate) fn bytes(dump: &str) -> Vec<u8> {
    let digits: String = dump
        .lines()
        .filter_map(|line| line.split(';').next())
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(crate) const STATUS_K612: &str = "
    02000300 d2040000 01000000 4000 02 00   ; version 3.2, lockspace 0x4d2, node 1, 64 bytes, RCOM
    01000000 00000000 1314f90e a1f00125     ; STATUS, result 0, id
    75f25249 73a2504b 00000000 00000000     ; seq, seq_reply
    00000000 00000000 00000000 00000000     ; payload
";

pub(crate) const STATUS_REPLY_K612: &str = "
    02000300 d2040000 01000000 7000 02 00   ; version 3.2, lockspace 0x4d2, node 1, 112 bytes, RCOM
    05000000 07000000 6e1c022a ccccb141     ; STATUS_REPLY, result 7, id
    75f25249 73a2504b cf5678e6 22b401ec     ; seq, seq_reply
    20000000 00000000 00000000 01000200     ; payload
    02000000 00000000 00000000 00000000
    01000000 01000000 00000000 00000000
    02000000 02000000 00000000 00000000
";

pub(crate) const BARE_NAMES_K61: &str = "
    02000300 d2040000 01000000 3000 02 00   ; version 3.2, lockspace 0x4d2, node 1, 48 bytes, RCOM
    02000000 00000000 59d16761 da4e7c79     ; NAMES, result 0, id
    03000000 00000000 00000000 00000000     ; seq, seq_reply
";

pub(crate) const NAMES_K612: &str = "
    02000300 00000000 01000000 4800 03 00   ; version 3.2, seq 0, node 1, 72 bytes, OPTS
    02 00 0000 00000000                     ; nextcmd RCOM, optlen 0
    02000300 d2040000 01000000 3000 02 00   ; version 3.2, lockspace 0x4d2, node 1, 48 bytes, RCOM
    02000000 00000000 1514f90e a1f00125     ; NAMES, result 0, id
    75f25249 73a2504b 00000000 00000000     ; seq, seq_reply
";

pub(crate) const REQUEST_K612: &str = "
    02000300 04000000 02000000 7800 03 00   ; version 3.2, seq 4, node 2, 120 bytes, OPTS
    01 00 0000 00000000                     ; nextcmd MSG, optlen 0
    02000300 d2040000 02000000 6000 01 00   ; version 3.2, lockspace 0x4d2, node 2, 96 bytes, MSG
    01000000 01000000 b2000000 01000000     ; REQUEST, and seventeen more words
    00000000 00000000 00000000 08000000
    00000000 01000000 00000000 3b88b165
    00000000 ffffffff 05000000 00000000
    03000000 00000000
    72657330 30303037                       ; the name, res00007
";

pub(crate) const FIN_K612: &str = "
    02000300 f3000000 02000000 2800 03 00   ; version 3.2, seq 243, node 2, 40 bytes, OPTS
    05 00 0000 00000000                     ; nextcmd FIN, optlen 0
    02000300 00000000 02000000 1000 05 00   ; version 3.2, 0, node 2, 16 bytes, FIN
";

pub(crate) const ACK_K612: &str = "
    02000300 21000000 02000000 1000 04 00   ; version 3.2, seq 33, node 2, 16 bytes, ACK
";

pub(crate) const ALL: [&str; 7] =
    [STATUS_K612, STATUS_REPLY_K612, BARE_NAMES_K61, NAMES_K612, REQUEST_K612, FIN_K612, ACK_K612];

fn bare(bytes: &[u8]) -> Inner<'_> {
    match decode(bytes).unwrap() {
        Message::Bare(inner) => inner,
        other => panic!("{other:?}"),
    }
}

fn opts(bytes: &[u8]) -> Opts<'_> {
    match decode(bytes).unwrap() {
        Message::Opts(opts) => opts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_golden_message_encodes_to_the_bytes_it_came_from() {
    for dump in ALL {
        let bytes = bytes(dump);
        let message = decode(&bytes).unwrap();
        assert!(message.pads_are_zero());
        let mut encoded = vec![0xee];
        message.encode_into(&mut encoded);
        assert_eq!(encoded[1..], bytes);
    }
}

#[test]
fn status_is_a_bare_rcom() {
    let bytes = bytes(STATUS_K612);
    let inner = bare(&bytes);
    assert_eq!((inner.version(), inner.cmd(), inner.sender().nodeid), (Version::V3_2, Cmd::Rcom, NodeId(1)));
    assert_eq!(inner.lockspace(), Some(LockspaceId(0x4d2)));
    let Body::Rcom(rcom) = inner.body() else { panic!("{inner:?}") };
    assert_eq!(rcom.kind(), Some(RcomType::Status));
    assert_eq!((rcom.result, rcom.id), (0, 0x2501_f0a1_0ef9_1413));
    assert_eq!((rcom.seq, rcom.seq_reply), (0x4b50_a273_4952_f275, 0));
    assert_eq!(rcom.payload, [0; 16]);
}

#[test]
fn status_reply_answers_with_a_result_and_a_payload() {
    let bytes = bytes(STATUS_REPLY_K612);
    let Body::Rcom(rcom) = *bare(&bytes).body() else { panic!("no RCOM") };
    assert_eq!((rcom.kind(), rcom.result), (Some(RcomType::StatusReply), 7));
    assert_eq!(rcom.seq_reply, 0xec01_b422_e678_56cf);
    assert_eq!(rcom.payload, &bytes[48..]);
}

#[test]
fn names_goes_bare_in_6_1_and_sequenced_in_6_12() {
    let (bare_bytes, opts_bytes) = (bytes(BARE_NAMES_K61), bytes(NAMES_K612));
    let (bare, opts) = (bare(&bare_bytes), opts(&opts_bytes));
    assert_eq!((opts.seq(), opts.next_cmd(), opts.pads()), (Seq(0), Cmd::Rcom, (0, 0)));
    assert_eq!(opts.options().count(), 0);
    for inner in [&bare, opts.inner()] {
        assert_eq!(inner.header().length, 48);
        assert!(matches!(inner.body(), Body::Rcom(rcom) if rcom.kind() == Some(RcomType::Names)));
    }
}

#[test]
fn request_has_eighteen_words_and_a_name() {
    let bytes = bytes(REQUEST_K612);
    let message = decode(&bytes).unwrap();
    assert_eq!(message.inner_range(), Some(24..120));
    let opts = opts(&bytes);
    assert_eq!((opts.seq(), opts.next_cmd()), (Seq(4), Cmd::Msg));
    assert_eq!((opts.header().nodeid, opts.inner().sender().nodeid), (NodeId(2), NodeId(2)));
    let Body::Msg(msg) = opts.inner().body() else { panic!("{opts:?}") };
    assert_eq!((msg.code(), msg.kind()), (1, Some(MsgType::Request)));
    let words: Vec<u32> = msg.words().collect();
    assert_eq!(words, [1, 1, 0xb2, 1, 0, 0, 0, 8, 0, 1, 0, 0x65b1_883b, 0, u32::MAX, 5, 0, 3, 0]);
    assert_eq!(msg.block(), b"res00007");
}

#[test]
fn fin_is_forty_bytes_with_a_zero_second_word() {
    let bytes = bytes(FIN_K612);
    let opts = opts(&bytes);
    assert_eq!((opts.seq(), opts.next_cmd(), opts.header().length), (Seq(243), Cmd::Fin, 40));
    assert_eq!((opts.inner().header().word, opts.inner().lockspace()), (0, None));
    assert_eq!(*opts.inner().body(), Body::Fin { tail: &[] });
}

#[test]
fn ack_is_a_header_alone() {
    let bytes = bytes(ACK_K612);
    let message = decode(&bytes).unwrap();
    let Message::Ack(ack) = message else { panic!("{message:?}") };
    assert_eq!((ack.seq(), ack.tail()), (Seq(33), &[] as &[u8]));
    assert_eq!((message.version(), message.inner(), message.inner_range()), (Version::V3_2, None, None));
}
