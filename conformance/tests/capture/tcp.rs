//! TCP connections of every kind, event by event.

use super::build::{A_PORT, B_PORT, Frame, Script, log, read, reader};
use midcomms_conformance::capture::{CaptureOptions, CaptureReader, TransportEvent};
use std::io::Cursor;

const OPEN: &str = "c1 open, c1 accept";

#[test]
fn a_whole_connection_is_told_in_order() {
    let mut script = Script::established();
    script
        .a("A", 1000, 5000, "hello")
        .b("A", 5000, 1005, "world")
        .a("FA", 1005, 5005, "")
        .b("FA", 5005, 1006, "")
        .a("A", 1006, 5006, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> hello, c1< world, c1> fin, c1< fin"));
}

#[test]
fn segments_out_of_order_are_put_in_order() {
    let mut script = Script::established();
    script.a("A", 1006, 5000, "ghi").a("A", 1003, 5000, "def").a("A", 1000, 5000, "abc");
    assert_eq!(script.log(), format!("{OPEN}, c1> abcdefghi"));
}

#[test]
fn overlapping_segments_give_each_byte_once() {
    let mut script = Script::established();
    script.a("A", 1004, 5000, "efgh").a("A", 1002, 5000, "cdef").a("A", 1000, 5000, "abc").a(
        "A",
        1000,
        5000,
        "abcdefghij",
    );
    assert_eq!(script.log(), format!("{OPEN}, c1> abcdefghij"));
}

#[test]
fn duplicate_frames_vanish() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abc").b("FA", 5000, 1003, "x").a("R", 1003, 0, "");
    let twice = script.frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
    let once = script.log();
    assert_eq!(once, format!("{OPEN}, c1> abc, c1< x, c1< fin, c1> rst"));
    assert_eq!(Script { frames: twice }.log(), once);
}

#[test]
fn sequence_numbers_wrap() {
    let mut script = Script::default();
    script
        .a("S", u32::MAX - 2, 0, "")
        .b("SA", u32::MAX, u32::MAX - 1, "")
        .a("A", 1, 0, "cdef")
        .a("A", u32::MAX - 1, 0, "ab.")
        .b("A", 0, 5, "xyz")
        .a("FA", 5, 3, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> ab.cdef, c1< xyz, c1> fin"));
}

#[test]
fn a_capture_that_began_late_starts_at_the_first_data() {
    let mut script = Script::default();
    script
        .b("A", 7000, 300, "")
        .a("A", 299, 7000, "")
        .a("A", 299, 7000, "?")
        .a("A", 300, 7000, "abc")
        .b("A", 7000, 303, "def");
    assert_eq!(script.log(), "c1 found, c1> abc, c1< def");
}

#[test]
fn keep_alives_bring_nothing() {
    let mut script = Script::established();
    script
        .a("A", 1000, 5000, "abc")
        .a("A", 1002, 5000, "")
        .a("A", 1002, 5000, "c")
        .b("A", 5000, 1003, "")
        .a("A", 1003, 5000, "d");
    assert_eq!(script.log(), format!("{OPEN}, c1> abcd"));
}

#[test]
fn the_fin_waits_for_the_data_before_it() {
    let mut script = Script::established();
    script.a("FA", 1003, 5000, "d").a("FA", 1004, 5000, "").a("A", 1000, 5000, "abc");
    assert_eq!(script.log(), format!("{OPEN}, c1> abcd, c1> fin"));
}

#[test]
fn a_syn_with_another_number_is_another_connection() {
    let mut script = Script::established();
    script
        .a("A", 1000, 5000, "old")
        .a("S", 70000, 0, "")
        .a("S", 70000, 0, "")
        .b("SA", 90000, 70001, "")
        .a("A", 70001, 90001, "new");
    assert_eq!(script.log(), format!("{OPEN}, c1> old, c2 open, c2 accept, c2> new"));
}

#[test]
fn a_repeated_syn_is_the_same_connection() {
    let mut script = Script::default();
    script
        .a("S", 999, 0, "")
        .a("S", 999, 0, "")
        .b("SA", 4999, 1000, "")
        .b("SA", 4999, 1000, "")
        .a("A", 1000, 5000, "abc")
        .b("SA", 4999, 1000, "")
        .a("A", 1003, 5000, "def");
    assert_eq!(script.log(), format!("{OPEN}, c1> abcdef"));
}

#[test]
fn an_answer_to_an_earlier_syn_is_passed_over() {
    let mut script = Script::default();
    script.a("S", 999, 0, "").b("SA", 80000, 777, "").b("SA", 4999, 1000, "").b("A", 5000, 1000, "abc");
    assert_eq!(script.log(), format!("{OPEN}, c1< abc"));
}

#[test]
fn both_ends_may_open_at_the_same_time() {
    let mut script = Script::default();
    script
        .a("S", 999, 0, "")
        .b("S", 4999, 0, "")
        .a("SA", 999, 5000, "")
        .b("SA", 4999, 1000, "")
        .a("A", 1000, 5000, "abc")
        .b("A", 5000, 1003, "def");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1< def"));
}

#[test]
fn a_syn_may_carry_data() {
    let mut script = Script::default();
    script.a("S", 999, 0, "abc").b("SA", 4999, 1003, "").a("A", 1003, 5000, "def");
    assert_eq!(script.log(), "c1 open, c1> abc, c1 accept, c1> def");
}

#[test]
fn a_connection_is_whole_from_its_syn_ack_on() {
    let mut script = Script::default();
    script.b("SA", 4999, 1000, "").a("A", 1000, 5000, "abc").b("A", 5000, 1003, "def");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1< def"));
}

#[test]
fn a_lost_syn_ack_is_inferred_from_its_acknowledgment() {
    let mut script = Script::default();
    script.a("S", 999, 0, "").a("A", 1000, 5000, "abc").b("A", 5003, 1003, "def").a("A", 1003, 5006, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1< missing, c1< Lost 3, c1< def"));
}

#[test]
fn data_after_a_reset_or_a_fin_is_still_told() {
    let mut script = Script::established();
    script
        .b("R", 5000, 0, "")
        .a("A", 1000, 5000, "abc")
        .b("R", 5000, 0, "")
        .a("RA", 1003, 5000, "")
        .a("A", 1003, 5000, "def");
    assert_eq!(script.log(), format!("{OPEN}, c1< rst, c1> abc, c1> rst, c1> def"));
}

#[test]
fn a_reset_without_a_connection_is_counted_only() {
    let mut script = Script::default();
    script.b("RA", 0, 1, "");
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, "");
    assert_eq!(summary.skipped.stray_resets, 1);
    assert_eq!(summary.connections, 0);
}

#[test]
fn acknowledged_bytes_that_are_missing_are_a_hole() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abc").a("A", 1007, 5000, "hij").b("A", 5000, 1010, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1> missing, c1> Lost 4, c1> hij"));
}

#[test]
fn a_hole_is_declared_when_the_acknowledgment_came_first() {
    let mut script = Script::established();
    script.b("A", 5000, 1004, "").a("A", 1004, 5000, "efg").a("A", 1000, 5000, "abcd");
    assert_eq!(script.log(), format!("{OPEN}, c1> missing, c1> Lost 4, c1> efg"));
}

#[test]
fn missing_bytes_that_nobody_acknowledged_were_never_delivered() {
    let mut script = Script::established();
    script.a("A", 1004, 5000, "efg").b("A", 5000, 1000, "").a("R", 1007, 0, "");
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, format!("{OPEN}, c1> rst"));
    assert_eq!(summary.undelivered_bytes, 3);
    assert_eq!(summary.holes, 0);
}

#[test]
fn bytes_missing_at_the_end_are_a_hole() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abc").b("A", 5000, 1010, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1> missing, c1> Lost 7"));
}

#[test]
fn a_single_number_missing_at_the_end_may_be_a_fin() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abc").b("A", 5000, 1004, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1> missing, c1> Lost"));
}

#[test]
fn a_fin_behind_lost_bytes_follows_the_hole() {
    let mut script = Script::established();
    script.a("FA", 1003, 5000, "").b("A", 5000, 1004, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> missing, c1> Lost 3, c1> fin"));
}

#[test]
fn cut_packets_give_what_there_is_and_a_hole() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abcdefgh").cut_last(3).a("A", 1008, 5000, "ijk");
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, format!("{OPEN}, c1> abcde, c1> Snaplen 3, c1> ijk"));
    assert_eq!(summary.skipped.snaplen_cut, 1);
}

#[test]
fn a_packet_cut_before_its_payload_is_a_hole_of_all_its_bytes() {
    let mut script = Script::established();
    script.a("A", 1003, 5000, "defgh").cut_last(5).a("A", 1000, 5000, "abc");
    assert_eq!(script.log(), format!("{OPEN}, c1> abc, c1> Snaplen 5"));
}

#[test]
fn too_much_out_of_order_data_becomes_a_hole() {
    let mut script = Script::established();
    let piece = [b'x'; 60_000];
    for index in 0..70u32 {
        script.segment(true, "A", 1010 + index * 60_000, 5000, &piece);
    }
    script.a("A", 1000, 5000, "0123456789");
    let (log, summary) = read(reader(script.pcap()));
    assert!(log.starts_with(&format!("{OPEN}, c1> Budget 10, c1> xxx")));
    assert_eq!(summary.holes, 1);
    assert_eq!(summary.payload_bytes, 70 * 60_000);
}

#[test]
fn too_many_pieces_out_of_order_become_holes() {
    let mut script = Script::established();
    for index in 1..6000u32 {
        script.a("A", 1000 + 2 * index, 5000, "x");
    }
    let (_, summary) = read(reader(script.pcap()));
    assert_eq!(summary.holes, 5999 - 4096);
    assert_eq!(summary.undelivered_bytes, 4096);
}

#[test]
fn a_later_connection_may_be_found_without_its_syn() {
    let mut script = Script::established();
    script.a("R", 1000, 0, "").a("A", 900_000_000, 5000, "abc").b("A", 5000, 900_000_003, "");
    assert_eq!(script.log(), format!("{OPEN}, c1> rst, c2 found, c2> abc"));
}

#[test]
fn quiet_connections_are_forgotten_and_busy_ones_are_not() {
    let mut script = Script::established();
    for index in 0..20_000u32 {
        let mut syn = script.frames[0].clone();
        syn.data[26..30].copy_from_slice(&(0x0b00_0000 + index).to_be_bytes());
        script.frames.push(syn);
        if index % 1000 == 0 {
            script.a("A", 1000 + index / 1000, 5000, "x");
        }
    }
    script.a("A", 1020, 5000, "!");
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(summary.connections, 20_001);
    assert!(log.ends_with("c1> !"));
    assert!(!log.contains("found"));
}

#[test]
fn connections_that_are_over_are_forgotten_in_their_order_and_recent_ones_are_not() {
    let from_host = |host: u32, mut frame: Frame| {
        frame.data[26..30].copy_from_slice(&(0x0b00_0000 + host).to_be_bytes());
        frame
    };
    let mut script = Script::default();
    script.a("S", 999, 0, "").a("R", 1000, 0, "").a("A", 1000, 5000, "late");
    let [syn, reset, late] = &script.frames[..] else { panic!("three frames") };
    let (syn, reset, late) = (syn.clone(), reset.clone(), late.clone());
    script.frames.clear();
    for host in 1..=1000 {
        script.frames.extend([from_host(host, syn.clone()), from_host(host, reset.clone())]);
    }
    script.frames.extend([from_host(1, late.clone()), from_host(1000, late)]);
    let (mut forgotten, mut said) = (Vec::new(), Vec::new());
    let summary = reader(script.pcap()).read(&mut |observed| match observed.event {
        TransportEvent::Forgotten => forgotten.push(observed.conn.0),
        TransportEvent::Data(..) => said.push(observed.conn.0),
        _ => assert!(!forgotten.contains(&observed.conn.0)),
    });
    assert_eq!(forgotten, (1..=1000 - 128).collect::<Vec<_>>());
    assert_eq!(said, [1001, 1000], "a late segment of what was forgotten is found as another connection");
    assert_eq!(summary.connections, 1001);
}

#[test]
fn other_ports_are_passed_over() {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "abc");
    for frame in &mut script.frames {
        for at in [34, 36] {
            if frame.data[at..at + 2] == 21064u16.to_be_bytes() {
                frame.data[at..at + 2].copy_from_slice(&80u16.to_be_bytes());
            }
        }
    }
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, "");
    assert_eq!(summary.skipped.other_traffic, 4);
    assert_eq!(summary.dlm_frames, 0);
}

#[test]
fn an_empty_capture_says_nothing() {
    assert_eq!(log(Script::default().pcap()), "");
}

#[test]
fn the_end_off_the_wanted_ports_is_taken_for_the_opener() {
    let mut script = Script::default();
    script.b("A", 5000, 1000, "abc");
    let opener = |ports: &[u16]| {
        let options = CaptureOptions { ports: ports.to_vec(), ..CaptureOptions::default() };
        let mut openers = Vec::new();
        CaptureReader::from_read("test", Cursor::new(script.pcap()), &options).unwrap().read(&mut |observed| {
            if let TransportEvent::Opened { opener, .. } = observed.event {
                openers.push(opener.to_string());
            }
        });
        openers.concat()
    };
    assert_eq!(opener(&[B_PORT]), "10.0.0.1:40000");
    assert_eq!(opener(&[80, A_PORT]), "10.0.0.2:21064");
    assert_eq!(opener(&[A_PORT, B_PORT]), "10.0.0.1:40000");
    assert_eq!(opener(&[80]), "");
}
