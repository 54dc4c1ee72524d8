//! From chunks to messages.

use midcomms::wire::{FrameError, Framer, HalfMessage};
use proptest::prelude::*;

use crate::bodies;
use crate::golden::{self, ACK_K612, FIN_K612, REQUEST_K612};
use crate::plan::{Plan, plan};

fn golden_stream() -> Vec<u8> {
    golden::ALL.into_iter().flat_map(golden::bytes).collect()
}

fn drain(framer: &mut Framer, chunk: &[u8]) -> Vec<Result<(u64, Vec<u8>), FrameError>> {
    let mut frames = framer.frames(chunk);
    let mut found = Vec::new();
    while let Some(frame) = frames.next_frame() {
        found.push(frame.map(|frame| (frame.offset, frame.bytes.to_vec())));
    }
    found
}

#[test]
fn every_split_in_two_gives_the_same_messages() {
    let stream = golden_stream();
    let whole = drain(&mut Framer::new(), &stream);
    assert_eq!(whole.len(), golden::ALL.len());
    for at in 0..=stream.len() {
        let mut framer = Framer::new();
        let mut found = drain(&mut framer, &stream[..at]);
        found.extend(drain(&mut framer, &stream[at..]));
        assert_eq!(found, whole, "split at {at}");
        assert_eq!((framer.pending(), framer.offset()), (0, stream.len() as u64));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_split_of_a_stream_gives_the_messages_that_went_in(
        plans in prop::collection::vec(plan(), 1..12),
        sizes in prop::collection::vec(prop_oneof![0..40_usize, 0..6000_usize], 1..20),
    ) {
        let messages: Vec<Vec<u8>> = plans.iter().map(Plan::encode).collect();
        let stream = messages.concat();
        let mut framer = Framer::new();
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for size in sizes {
            let (chunk, behind) = rest.split_at(size.min(rest.len()));
            found.extend(drain(&mut framer, chunk));
            rest = behind;
        }
        found.extend(drain(&mut framer, rest));
        let mut offset = 0;
        let expected: Vec<_> = messages.into_iter().map(|bytes| {
            let at = offset;
            offset += bytes.len() as u64;
            Ok((at, bytes))
        }).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(framer.finish(), None);
    }

    #[test]
    fn arbitrary_streams_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        bodies::framer(&bytes);
    }

    #[test]
    fn damaged_streams_never_panic(
        plans in prop::collection::vec(plan(), 1..6),
        sizes in prop::collection::vec(any::<u8>(), 0..16),
        at: prop::sample::Index,
        value: u8,
    ) {
        let mut bytes = vec![u8::try_from(sizes.len()).unwrap()];
        bytes.extend(sizes);
        bytes.extend(plans.iter().flat_map(Plan::encode));
        let at = at.index(bytes.len());
        bytes[at] = value;
        bodies::framer(&bytes);
    }
}

#[test]
fn a_message_within_a_chunk_is_lent_and_not_copied() {
    let stream = golden_stream();
    let mut framer = Framer::new();
    assert_eq!(drain(&mut framer, &stream[..10]), []);
    let chunk = &stream[10..];
    let mut frames = framer.frames(chunk);
    let mut lent = Vec::new();
    while let Some(Ok(frame)) = frames.next_frame() {
        lent.push(chunk.as_ptr_range().contains(&frame.bytes.as_ptr()));
    }
    assert_eq!(lent, [false, true, true, true, true, true, true]);
}

#[test]
fn a_frame_that_began_in_an_earlier_chunk_lies_before_this_one() {
    let stream = [golden::bytes(FIN_K612), golden::bytes(ACK_K612)].concat();
    let mut framer = Framer::new();
    assert_eq!(drain(&mut framer, &stream[..30]), []);
    let mut frames = framer.frames(&stream[30..]);
    assert_eq!(frames.chunk_offset(), 30);
    let first = frames.next_frame().unwrap().unwrap();
    assert_eq!((first.offset, first.end()), (0, 40));
    let second = frames.next_frame().unwrap().unwrap();
    assert_eq!((second.offset, second.end()), (40, 56));
    assert!(frames.next_frame().is_none());
}

#[test]
fn a_bad_length_poisons_until_reset() {
    for length in [0_u16, 15, 4097, u16::MAX] {
        let mut stream = [golden::bytes(ACK_K612), golden::bytes(REQUEST_K612)].concat();
        stream[28..30].copy_from_slice(&length.to_le_bytes());
        let error = FrameError { offset: 16, length };
        let mut framer = Framer::new();
        assert_eq!(drain(&mut framer, &stream), [Ok((0, golden::bytes(ACK_K612))), Err(error)]);
        assert_eq!(drain(&mut framer, &golden::bytes(ACK_K612)), [Err(error)]);
        assert_eq!((framer.error(), framer.pending(), framer.offset()), (Some(error), 0, 16));
        framer.reset();
        assert_eq!(drain(&mut framer, &golden::bytes(ACK_K612)), [Ok((0, golden::bytes(ACK_K612)))]);
    }
}

#[test]
fn a_bad_length_is_found_when_the_header_comes_in_pieces() {
    let mut header = golden::bytes(ACK_K612);
    header[12] = 3;
    let mut framer = Framer::new();
    let found: Vec<_> = header.chunks(1).flat_map(|byte| drain(&mut framer, byte)).collect();
    assert_eq!(found, [Err(FrameError { offset: 0, length: 3 })]);
    let text = found[0].as_ref().unwrap_err().to_string();
    assert_eq!(text, "expected a length from 16 to 4096, got 3 in the message at byte 0 of the stream (WIRE-2)");
}

#[test]
fn an_undecodable_message_does_not_stop_the_stream() {
    let mut stream = golden_stream();
    stream[14] = 99;
    let mut framer = Framer::new();
    let mut frames = framer.frames(&stream);
    let mut decoded = Vec::new();
    while let Some(frame) = frames.next_frame() {
        decoded.push(frame.unwrap().decode().is_ok());
    }
    assert_eq!(decoded, [false, true, true, true, true, true, true]);
}

#[test]
fn the_end_tells_what_is_left_of_a_half_message() {
    let stream = [golden::bytes(ACK_K612), golden::bytes(FIN_K612)].concat();
    let mut framer = Framer::new();
    drain(&mut framer, &stream[..16 + 39]);
    assert_eq!(framer.pending(), 39);
    assert_eq!(framer.finish(), Some(HalfMessage { offset: 16, received: 39, length: Some(40) }));
    assert_eq!((framer.finish(), framer.offset()), (None, 0));
    drain(&mut framer, &stream[..15]);
    assert_eq!(framer.finish(), Some(HalfMessage { offset: 0, received: 15, length: None }));
}

#[test]
fn frames_dropped_early_keep_what_was_not_read() {
    let stream = golden_stream();
    let expected = drain(&mut Framer::new(), &stream);
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for chunk in stream.chunks(100) {
        let mut frames = framer.frames(chunk);
        if let Some(frame) = frames.next_frame() {
            found.push(frame.map(|frame| (frame.offset, frame.bytes.to_vec())));
        }
    }
    assert!(found.len() < expected.len());
    found.extend(drain(&mut framer, &[]));
    assert_eq!(found, expected);
}

#[test]
fn counting_goes_on_behind_a_hole() {
    let mut framer = Framer::new();
    drain(&mut framer, &golden::bytes(FIN_K612)[..20]);
    framer.restart_at(5000);
    assert_eq!(drain(&mut framer, &golden::bytes(ACK_K612)), [Ok((5000, golden::bytes(ACK_K612)))]);
    assert_eq!(framer.offset(), 5016);
}
