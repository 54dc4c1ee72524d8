//! What is encoded decodes to the same, and the other way round.

use midcomms::wire::{
    Ack, Body, Cmd, EncodeError, Header, Inner, LockspaceId, Message, Msg, MsgType, NodeId, OptionItem, Options, Opts,
    Rcom, RcomType, Sender, Seq, Version, decode,
};
use proptest::prelude::*;

use crate::bodies;
use crate::plan::{BodyPlan, Plan, plan};

const NODE_1: Sender = Sender { version: Version::V3_2, nodeid: NodeId(1) };

fn rcom(payload: &[u8]) -> Rcom<'_> {
    Rcom { code: RcomType::Names.to_wire(), result: 0, id: 0, seq: 0, seq_reply: 0, payload }
}

proptest! {
    #[test]
    fn every_structure_survives_the_wire(plan in plan()) {
        let bytes = plan.encode();
        plan.with_message(|message| assert_eq!(decode(&bytes), Ok(message)));
    }

    #[test]
    fn what_was_planned_is_what_is_read(plan in plan()) {
        let bytes = plan.encode();
        let message = decode(&bytes).unwrap();
        prop_assert!(message.pads_are_zero());
        prop_assert_eq!(usize::from(message.header().length), bytes.len());
        match &plan {
            Plan::Opts { sender, seq, options, body } => {
                let Message::Opts(opts) = message else { panic!("{message:?}") };
                prop_assert_eq!(opts.seq(), Seq(*seq));
                prop_assert_eq!(opts.inner().sender(), *sender);
                let read: Vec<_> = opts.options().map(|item| item.map(|i| (i.kind, i.pad, i.value.to_vec()))).collect();
                prop_assert_eq!(read, options.iter().cloned().map(Ok).collect::<Vec<_>>());
                check_body(opts.inner().body(), body);
            }
            Plan::Ack { sender, seq, tail } => {
                let Message::Ack(ack) = message else { panic!("{message:?}") };
                prop_assert_eq!((ack.seq(), ack.tail(), ack.header().nodeid), (Seq(*seq), &tail[..], sender.nodeid));
            }
            Plan::Bare { sender, body } => {
                let Message::Bare(inner) = message else { panic!("{message:?}") };
                prop_assert_eq!(inner.sender(), *sender);
                check_body(inner.body(), body);
            }
        }
    }

    #[test]
    fn pads_and_headers_that_disagree_survive_too(
        plan in plan(), pad in 1..=255_u8, nodeid: u32, word: u32, v3_1: bool
    ) {
        let mut bytes = plan.encode();
        let inner = decode(&bytes).unwrap().inner_range();
        bytes[15] = pad;
        if let Plan::Opts { .. } = plan {
            bytes[17] = pad;
            bytes[20..24].fill(pad);
        }
        if let Some(at) = inner.map(|range| range.start) {
            bytes[at] = if v3_1 { 1 } else { 2 };
            bytes[at + 4..at + 8].copy_from_slice(&word.to_le_bytes());
            bytes[at + 8..at + 12].copy_from_slice(&nodeid.to_le_bytes());
            bytes[at + 15] = pad;
        }
        let message = decode(&bytes).unwrap();
        prop_assert!(!message.pads_are_zero());
        prop_assert_eq!(Some(message.header()), Header::parse(&bytes));
        if let Some(inner) = message.inner() {
            prop_assert_eq!((inner.header().word, inner.sender().nodeid), (word, NodeId(nodeid)));
            prop_assert_eq!(inner.version() == Version::V3_1, v3_1);
        }
        let mut encoded = Vec::new();
        message.encode_into(&mut encoded);
        prop_assert_eq!(encoded, bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        bodies::decode(&bytes);
        let len = u16::try_from(bytes.len()).unwrap();
        if let Some(length) = bytes.get_mut(12..14) {
            length.copy_from_slice(&len.to_le_bytes());
        }
        bodies::decode(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(plan in plan(), damage in prop::collection::vec((0..64_usize, any::<u8>()), 1..4)) {
        let mut bytes = plan.encode();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bodies::decode(&bytes);
    }
}

fn check_body(body: &Body<'_>, plan: &BodyPlan) {
    match (body, plan) {
        (Body::Msg(msg), BodyPlan::Msg { words, block, .. }) => {
            assert_eq!(msg.words().collect::<Vec<_>>(), words);
            assert_eq!((msg.code(), msg.kind()), (words[0], MsgType::from_wire(words[0])));
            assert_eq!(msg.block(), block);
        }
        (Body::Rcom(rcom), BodyPlan::Rcom { code, result, numbers, payload, .. }) => {
            assert_eq!((rcom.code, rcom.kind(), rcom.result), (*code, RcomType::from_wire(*code), *result));
            assert_eq!([rcom.id, rcom.seq, rcom.seq_reply], *numbers);
            assert_eq!(rcom.payload, payload);
        }
        (Body::Fin { tail: [] }, BodyPlan::Fin) => {}
        _ => panic!("{body:?} is not {plan:?}"),
    }
}

#[test]
fn an_inner_message_of_4072_bytes_fits_and_one_more_does_not() {
    let payload = [7; 4072 - 48 + 1];
    let fits = Inner::rcom(NODE_1, LockspaceId(1), rcom(&payload[1..])).unwrap();
    let message = Message::from(Opts::new(Seq(0), Options::default(), fits).unwrap());
    assert_eq!(message.header().length, 4096);
    let over = Inner::rcom(NODE_1, LockspaceId(1), rcom(&payload)).unwrap();
    assert_eq!(
        Opts::new(Seq(0), Options::default(), over),
        Err(EncodeError::InnerTooLong { expected: 4072, got: 4073 })
    );
}

#[test]
fn options_take_room_from_the_message_inside() {
    let payload = [7; 4072 - 48];
    let inner = Inner::rcom(NODE_1, LockspaceId(1), rcom(&payload)).unwrap();
    let options = Options::from_bytes(&[0; 8]);
    assert_eq!(Opts::new(Seq(0), options, inner), Err(EncodeError::MessageTooLong { expected: 4096, got: 4104 }));
}

#[test]
fn nothing_longer_than_4096_bytes_is_encoded() {
    let bytes = vec![0; 70_000];
    let error = |got| EncodeError::MessageTooLong { expected: 4096, got };
    assert_eq!(Ack::new(NODE_1, Seq(0), &bytes), Err(error(70_016)));
    assert_eq!(Ack::new(NODE_1, Seq(0), &bytes[..4081]), Err(error(4097)));
    assert_eq!(Ack::new(NODE_1, Seq(0), &bytes[..4080]).map(|ack| ack.header().length), Ok(4096));
    assert_eq!(Inner::msg(NODE_1, LockspaceId(1), Msg::new(&[0; 72], &bytes[..4009])), Err(error(4097)));
    assert_eq!(Inner::rcom(NODE_1, LockspaceId(1), rcom(&bytes[..4049])), Err(error(4097)));
    let options = Options::from_bytes(&bytes);
    assert_eq!(Opts::new(Seq(0), options, Inner::fin(NODE_1)), Err(error(70_040)));
}

#[test]
fn an_option_value_over_65535_bytes_is_refused_and_nothing_written() {
    let mut out = vec![1];
    let error = Options::push(&mut out, OptionItem { kind: 1, pad: 0, value: &[0; 65_536] });
    assert_eq!(error, Err(EncodeError::OptionTooLong { expected: 65_535, got: 65_536 }));
    assert_eq!(out, [1]);
}

#[test]
fn options_are_padded_to_eight_bytes() {
    let mut out = Vec::new();
    Options::push(&mut out, OptionItem { kind: 0x0201, pad: 5, value: &[0xaa, 0xbb, 0xcc] }).unwrap();
    Options::push(&mut out, OptionItem { kind: 9, pad: 0, value: &[1; 8] }).unwrap();
    let first = [1, 2, 3, 0, 5, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0, 0, 0, 0, 0];
    let second = [9, 0, 8, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(out, [first, second].concat());
}

#[test]
fn options_read_in_part_go_out_in_the_part_not_read() {
    let mut bytes = Vec::new();
    for kind in [1, 2] {
        Options::push(&mut bytes, OptionItem { kind, pad: 0, value: &[] }).unwrap();
    }
    let mut options = Options::from_bytes(&bytes);
    options.next();
    let rest = Opts::new(Seq(0), Options::from_bytes(&bytes[8..]), Inner::fin(NODE_1));
    assert_eq!(Opts::new(Seq(0), options, Inner::fin(NODE_1)), rest);
}

#[test]
fn every_single_pad_shows() {
    let fin = crate::golden::bytes(crate::golden::FIN_K612);
    for at in [15, 17, 20, 21, 22, 23, 39] {
        let mut bytes = fin.clone();
        bytes[at] = 1;
        assert!(!decode(&bytes).unwrap().pads_are_zero(), "byte {at}");
    }
}

#[test]
fn a_slice_takes_the_message_or_stays_as_it_is() {
    let message = Message::from(Ack::new(NODE_1, Seq(5), &[1, 2]).unwrap());
    let mut room = [9; 20];
    assert_eq!(message.encode_to_slice(&mut room[..17]), Err(EncodeError::NoRoom { expected: 18, got: 17 }));
    assert_eq!(room, [9; 20]);
    assert_eq!(message.encode_to_slice(&mut room), Ok(18));
    assert_eq!(room[..], [2, 0, 3, 0, 5, 0, 0, 0, 1, 0, 0, 0, 18, 0, 4, 0, 1, 2, 9, 9]);
}

#[test]
fn names_and_numbers_of_the_tables_agree() {
    let cmds: Vec<_> = Cmd::ALL.iter().map(|cmd| (cmd.to_wire(), cmd.to_string())).collect();
    let expected = [(1, "MSG"), (2, "RCOM"), (3, "OPTS"), (4, "ACK"), (5, "FIN")];
    assert_eq!(cmds, expected.map(|(number, name)| (number, name.to_owned())));
    for (number, kind) in (1..).zip(MsgType::ALL) {
        assert_eq!((MsgType::from_wire(number), kind.to_wire()), (Some(*kind), number));
    }
    for (number, kind) in (1..).zip(RcomType::ALL) {
        assert_eq!((RcomType::from_wire(number), kind.to_wire()), (Some(*kind), number));
    }
    assert_eq!((MsgType::ALL.len(), RcomType::ALL.len()), (14, 8));
    assert_eq!((MsgType::from_wire(15), RcomType::from_wire(0), Cmd::from_wire(6)), (None, None, None));
    assert_eq!(MsgType::ALL.last().map(ToString::to_string).as_deref(), Some("PURGE"));
    assert_eq!((Version::V3_1.to_string(), Version::V3_2.to_wire()), ("3.1".to_owned(), 0x0003_0002));
}

#[test]
fn numbers_compare_serially_across_the_wrap() {
    assert!(Seq(u32::MAX).is_before(Seq(0)));
    assert!(!Seq(0).is_before(Seq(u32::MAX)));
    assert!(!Seq(5).is_before(Seq(5)));
    assert_eq!(Seq(u32::MAX).successor(), Seq(0));
}
