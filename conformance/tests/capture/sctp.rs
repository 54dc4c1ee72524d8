//! SCTP associations, event by event.

use super::build::{A, A_PORT, B, B_PORT, Script, ethernet, read, reader};
use etherparse::{IpNumber, PacketBuilder};

const OPEN: &str = "c1 open, c1 accept";
const A_TAG: u32 = 0xaaaa;
const B_TAG: u32 = 0xbbbb;

fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u16 + 4).to_be_bytes();
    let mut chunk = vec![kind, flags, length[0], length[1]];
    chunk.extend_from_slice(value);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

fn init(kind: u8, tag: u32, tsn: u32) -> Vec<u8> {
    let value = [tag.to_be_bytes(), [0, 1, 0, 0], [0, 10, 0, 10], tsn.to_be_bytes()];
    chunk(kind, 0, &value.concat())
}

/// Flags: 2 begins a message, 1 ends it.
fn data(flags: u8, tsn: u32, text: &str) -> Vec<u8> {
    let value = [&tsn.to_be_bytes()[..], &[0; 8], text.as_bytes()].concat();
    chunk(0, flags, &value)
}

fn sack(tsn: u32) -> Vec<u8> {
    chunk(3, 0, &[tsn.to_be_bytes(), [0; 4], [0; 4]].concat())
}

fn packet(from_a: bool, tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let (source, destination) = if from_a { (A, B) } else { (B, A) };
    let ports = if from_a { [A_PORT, B_PORT] } else { [B_PORT, A_PORT] };
    let mut payload = ports.map(u16::to_be_bytes).concat();
    payload.extend(tag.to_be_bytes());
    payload.extend([0; 4]);
    payload.extend(chunks.concat());
    let mut bytes = Vec::new();
    PacketBuilder::ipv4(source, destination, 64).write(&mut bytes, IpNumber::SCTP, &payload).unwrap();
    ethernet(0x0800, &bytes)
}

trait Sctp {
    fn a_sends(&mut self, chunks: &[Vec<u8>]) -> &mut Self;
    fn b_sends(&mut self, chunks: &[Vec<u8>]) -> &mut Self;
}

impl Sctp for Script {
    fn a_sends(&mut self, chunks: &[Vec<u8>]) -> &mut Self {
        self.push(packet(true, B_TAG, chunks))
    }

    fn b_sends(&mut self, chunks: &[Vec<u8>]) -> &mut Self {
        self.push(packet(false, A_TAG, chunks))
    }
}

/// The streams start at TSN 100 (A) and 500 (B).
fn associated() -> Script {
    let mut script = Script::default();
    script
        .push(packet(true, 0, &[init(1, A_TAG, 100)]))
        .b_sends(&[init(2, B_TAG, 500)])
        .a_sends(&[chunk(10, 0, b"cookie")])
        .b_sends(&[chunk(11, 0, b"")]);
    script
}

#[test]
fn a_whole_association_is_told_in_order() {
    let mut script = associated();
    script
        .a_sends(&[data(3, 100, "hello ")])
        .b_sends(&[sack(100), data(3, 500, "world")])
        .a_sends(&[chunk(7, 0, &500u32.to_be_bytes())])
        .b_sends(&[chunk(8, 0, b"")])
        .a_sends(&[chunk(14, 0, b"")]);
    assert_eq!(script.log(), format!("{OPEN}, c1> hello , c1< world, c1> fin, c1< fin"));
}

#[test]
fn fragments_and_bundles_are_joined_in_order() {
    let mut script = associated();
    script
        .a_sends(&[data(0, 101, "b"), data(1, 102, "c")])
        .a_sends(&[data(3, 104, "whole")])
        .a_sends(&[data(2, 100, "a")])
        .a_sends(&[data(2, 100, "a"), data(3, 103, "-")]);
    assert_eq!(script.log(), format!("{OPEN}, c1> abc-whole"));
}

#[test]
fn transmission_sequence_numbers_wrap() {
    let mut script = Script::default();
    script
        .push(packet(true, 0, &[init(1, A_TAG, u32::MAX)]))
        .b_sends(&[init(2, B_TAG, 500)])
        .a_sends(&[data(3, 1, "c")])
        .a_sends(&[data(3, 0, "b")])
        .a_sends(&[data(3, u32::MAX, "a")]);
    assert_eq!(script.log(), format!("{OPEN}, c1> abc"));
}

#[test]
fn acknowledged_chunks_that_are_missing_are_a_hole() {
    let mut script = associated();
    script.a_sends(&[data(3, 100, "a")]).a_sends(&[data(3, 103, "d")]).b_sends(&[sack(100)]).b_sends(&[sack(103)]);
    assert_eq!(script.log(), format!("{OPEN}, c1> a, c1> missing, c1> Lost, c1> d"));
}

#[test]
fn chunks_missing_at_the_end_are_a_hole() {
    let mut script = associated();
    script.a_sends(&[data(3, 100, "a")]).b_sends(&[sack(104)]);
    assert_eq!(script.log(), format!("{OPEN}, c1> a, c1> missing, c1> Lost"));
}

#[test]
fn an_abort_is_a_reset_and_told_once() {
    let mut script = associated();
    let abort = chunk(6, 0, b"");
    script.b_sends(std::slice::from_ref(&abort)).b_sends(&[abort]).a_sends(&[data(3, 100, "late")]);
    assert_eq!(script.log(), format!("{OPEN}, c1< rst, c1> late"));
}

#[test]
fn an_abort_without_an_association_is_counted_only() {
    let mut script = Script::default();
    script.b_sends(&[chunk(6, 0, b"")]);
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, "");
    assert_eq!(summary.skipped.stray_resets, 1);
}

#[test]
fn an_init_with_another_tag_is_another_association() {
    let mut script = associated();
    script
        .push(packet(true, 0, &[init(1, A_TAG, 100)]))
        .push(packet(true, 0, &[init(1, 0xcccc, 900)]))
        .push(packet(false, 0xcccc, &[init(2, 0xdddd, 700)]))
        .push(packet(true, 0xdddd, &[data(3, 900, "new")]));
    assert_eq!(script.log(), format!("{OPEN}, c2 open, c2 accept, c2> new"));
}

#[test]
fn only_the_first_answer_to_an_init_counts() {
    let mut script = associated();
    script.b_sends(&[init(2, 0xdddd, 700)]).b_sends(&[data(3, 500, "abc")]);
    assert_eq!(script.log(), format!("{OPEN}, c1< abc"));
}

#[test]
fn both_ends_may_initiate_at_the_same_time() {
    let mut script = Script::default();
    script
        .push(packet(true, 0, &[init(1, A_TAG, 100)]))
        .push(packet(false, 0, &[init(1, B_TAG, 500)]))
        .a_sends(&[init(2, A_TAG, 100)])
        .b_sends(&[init(2, B_TAG, 500)])
        .a_sends(&[data(3, 100, "abc")])
        .b_sends(&[data(3, 500, "def")]);
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1< def"));
}

#[test]
fn a_lost_answer_is_inferred_from_its_cookie() {
    let mut script = associated();
    script.frames.remove(1);
    script.b_sends(&[data(3, 500, "abc")]);
    assert_eq!(script.log(), format!("{OPEN}, c1< abc"));
}

#[test]
fn an_association_may_be_found_later() {
    let mut script = Script::default();
    script.b_sends(&[sack(99), data(3, 500, "abc")]);
    assert_eq!(script.log(), "c1 found, c1< abc");
}

#[test]
fn cut_chunks_give_what_there_is_and_a_hole() {
    let mut script = associated();
    script.a_sends(&[data(3, 100, "abcdefgh")]).cut_last(5).a_sends(&[data(3, 101, "ijk")]);
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, format!("{OPEN}, c1> abc, c1> Snaplen 5, c1> ijk"));
    assert_eq!(summary.skipped.snaplen_cut, 1);
}

#[test]
fn interleaved_messages_are_counted_only() {
    let mut script = associated();
    script.a_sends(&[chunk(64, 3, &[0; 20])]);
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, OPEN);
    assert_eq!(summary.skipped.sctp_i_data, 1);
}

#[test]
fn chunks_that_are_none_end_the_packet() {
    let mut script = associated();
    script.a_sends(&[vec![0, 3, 0, 2], data(3, 100, "no")]).a_sends(&[chunk(0, 3, &[0; 3])]).push(packet(
        true,
        0,
        &[chunk(1, 0, &[0; 8])],
    ));
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, OPEN);
    assert_eq!(summary.skipped.bad_headers, 3);
}
