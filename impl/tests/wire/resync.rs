//! Finding the next message after a hole.

use midcomms::wire::{plausible_header, resync};

use crate::golden::{
    self, ACK_K612, BARE_NAMES_K61, FIN_K612, NAMES_K612, REQUEST_K612, STATUS_K612, STATUS_REPLY_K612,
};

fn stream(dumps: &[&str]) -> Vec<u8> {
    dumps.iter().flat_map(|dump| golden::bytes(dump)).collect()
}

#[test]
fn golden_headers_are_plausible() {
    assert!(golden::ALL.into_iter().all(|dump| plausible_header(&golden::bytes(dump))));
}

#[test]
fn headers_with_one_thing_wrong_are_not_plausible() {
    for (at, value) in [(0, 3), (2, 4), (12, 15), (13, 0x11), (14, 0), (14, 6), (14, 2), (15, 1)] {
        let mut header = golden::bytes(ACK_K612);
        header[at] = value;
        assert!(!plausible_header(&header), "byte {at} is {value}");
    }
    assert!(!plausible_header(&golden::bytes(ACK_K612)[..15]));
}

#[test]
fn the_front_of_a_message_is_skipped_wherever_the_hole_ends() {
    let stream = stream(&[REQUEST_K612, NAMES_K612, ACK_K612, FIN_K612]);
    assert_eq!(resync(&stream), Some(0));
    for at in 1..120 {
        assert_eq!(resync(&stream[at..]), Some(120 - at), "the hole ends at {at}");
    }
    for at in 121..192 {
        assert_eq!(resync(&stream[at..]), Some(192 - at), "the hole ends at {at}");
    }
}

#[test]
fn the_header_inside_an_envelope_is_no_boundary() {
    for dump in [REQUEST_K612, NAMES_K612, FIN_K612] {
        let stream = stream(&[dump, STATUS_K612, ACK_K612]);
        let envelope = golden::bytes(dump).len();
        assert!(plausible_header(&stream[24..]));
        assert_eq!(resync(&stream[24..]), Some(envelope - 24));
    }
}

#[test]
fn status_is_a_boundary_and_bare_messages_that_might_be_inside_are_passed_over() {
    assert_eq!(resync(&stream(&[STATUS_K612, ACK_K612])), Some(0));
    assert_eq!(resync(&stream(&[STATUS_REPLY_K612, ACK_K612])), Some(112));
    assert_eq!(resync(&stream(&[BARE_NAMES_K61, ACK_K612])), Some(48));
}

#[test]
fn a_header_without_a_plausible_one_behind_it_is_no_boundary() {
    let mut stream = stream(&[ACK_K612, ACK_K612, FIN_K612]);
    stream[31] = 1;
    assert_eq!(resync(&stream), Some(32));
}

#[test]
fn a_whole_message_that_does_not_decode_is_no_boundary() {
    let mut stream = stream(&[FIN_K612, ACK_K612]);
    stream[16] = 1;
    assert!(plausible_header(&stream));
    assert_eq!(resync(&stream), Some(40));
}

#[test]
fn everything_of_version_3_1_is_a_boundary() {
    let mut stream = stream(&[BARE_NAMES_K61, BARE_NAMES_K61]);
    (stream[0], stream[48]) = (1, 1);
    assert_eq!(resync(&stream), Some(0));
}

#[test]
fn too_few_bytes_give_no_boundary() {
    assert_eq!(resync(&[]), None);
    assert_eq!(resync(&golden::bytes(ACK_K612)[..15]), None);
    assert_eq!(resync(&golden::bytes(REQUEST_K612)[..16]), Some(0));
    assert_eq!(resync(&golden::bytes(STATUS_K612)[..16]), None);
    assert_eq!(resync(&vec![0; 5000]), None);
}
