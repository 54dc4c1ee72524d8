//! Link layers and IP: where the transport begins.

use super::build::{A, B, Frame, PcapKind, Script, Segment, ethernet, pcap, read, reader};

const TOLD: &str = "c1 open, c1 accept, c1> hello";

fn segments() -> [Segment<'static>; 4] {
    let segment = |from_a, flags, seq, ack, data| Segment { from_a, flags, seq, ack, data };
    [
        segment(true, "S", 999, 0, &b""[..]),
        segment(false, "SA", 4999, 1000, b""),
        segment(true, "A", 1000, 5000, b""),
        segment(true, "A", 1000, 5000, b"hello"),
    ]
}

fn told(link: u32, wrap: impl Fn(&Segment<'_>) -> Vec<u8>) -> String {
    let frames: Vec<Frame> = segments().iter().map(|segment| Frame::new(0, wrap(segment))).collect();
    let kind = PcapKind { link, ..PcapKind::default() };
    read(reader(pcap(kind, &frames))).0
}

fn after(head: &[u8], packet: &[u8]) -> Vec<u8> {
    [head, packet].concat()
}

/// The Ethernet type that goes with a packet.
fn ethertype(packet: &[u8]) -> u16 {
    match packet[0] >> 4 {
        4 => 0x0800,
        _ => 0x86dd,
    }
}

#[test]
fn every_link_layer_carries_both_ip_versions() {
    let versions: [fn(&Segment<'_>) -> Vec<u8>; 2] = [|s| s.ipv4(), |s| s.ipv6()];
    for version in versions {
        let typed = |head: &[u8], segment: &Segment<'_>, tail: &[u8]| {
            let packet = version(segment);
            let ethertype = ethertype(&packet).to_be_bytes();
            [head, &ethertype, tail, &packet].concat()
        };
        assert_eq!(told(1, |s| typed(&[2; 12], s, &[])), TOLD);
        let vlan = [&[2; 12][..], &[0x81, 0, 0, 7]].concat();
        assert_eq!(told(1, |s| typed(&vlan, s, &[])), TOLD);
        let qinq = [&[2; 12][..], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8]].concat();
        assert_eq!(told(1, |s| typed(&qinq, s, &[])), TOLD);
        assert_eq!(told(113, |s| typed(&[0; 14], s, &[])), TOLD);
        assert_eq!(told(276, |s| typed(&[], s, &[0; 18])), TOLD);
        for raw in [12, 14, 101, 228, 229] {
            assert_eq!(told(raw, version), TOLD);
        }
        assert_eq!(told(0, |s| after(&[2, 0, 0, 0], &version(s))), TOLD);
        assert_eq!(told(108, |s| after(&[0, 0, 0, 24], &version(s))), TOLD);
    }
}

#[test]
fn flags_in_the_upper_half_of_the_link_type_are_no_part_of_it() {
    assert_eq!(told(0x4400_0001, |s| s.ethernet()), TOLD);
}

#[test]
fn padding_behind_the_packet_is_no_data() {
    assert_eq!(told(1, |s| [s.ethernet(), vec![0xee; 9]].concat()), TOLD);
    assert_eq!(told(1, |s| [ethernet(0x86dd, &s.ipv6()), vec![0xee; 9]].concat()), TOLD);
}

#[test]
fn wrong_checksums_are_tolerated() {
    let wrong = |s: &Segment<'_>| {
        let mut frame = s.ethernet();
        frame[24] ^= 0x55;
        frame[50] ^= 0x55;
        frame
    };
    assert_eq!(told(1, wrong), TOLD);
}

#[test]
fn a_zero_length_of_segmentation_offload_means_the_whole_frame() {
    let v4 = |s: &Segment<'_>| {
        let mut frame = s.ethernet();
        frame[16..18].fill(0);
        frame
    };
    assert_eq!(told(1, v4), TOLD);
    let v6 = |s: &Segment<'_>| {
        let mut packet = s.ipv6();
        packet[4..6].fill(0);
        packet
    };
    assert_eq!(told(101, v6), TOLD);
}

#[test]
fn segments_larger_than_any_mtu_are_whole() {
    let large = vec![b'x'; 200_000];
    let mut script = Script::established();
    let segment = Segment { from_a: true, flags: "A", seq: 1000, ack: 5000, data: b"" };
    let mut frame = segment.ethernet();
    frame[16..18].fill(0);
    frame.extend_from_slice(&large);
    script.push(frame);
    script.a("A", 201_000, 5000, "!");
    let (_, summary) = read(reader(script.pcap()));
    assert_eq!(summary.payload_bytes, 200_001);
    assert_eq!(summary.holes, 0);
}

#[test]
fn ip_options_and_extension_headers_are_passed_over() {
    let options = |s: &Segment<'_>| {
        let mut packet = s.ipv4();
        packet[0] = 0x47;
        let total = packet.len() as u16 + 8;
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        packet.splice(20..20, [1; 8]);
        packet
    };
    assert_eq!(told(101, options), TOLD);
    let extensions = |s: &Segment<'_>| {
        let mut packet = s.ipv6();
        packet[6] = 0;
        let payload = packet.len() as u16 - 40 + 8 + 24 + 8;
        packet[4..6].copy_from_slice(&payload.to_be_bytes());
        let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
        let mut destination = [0; 24];
        destination[..2].copy_from_slice(&[44, 2]);
        let atomic_fragment = [6, 0, 0, 0, 1, 2, 3, 4];
        let headers = [&hop_by_hop[..], &destination, &atomic_fragment].concat();
        packet.splice(40..40, headers);
        packet
    };
    assert_eq!(told(101, extensions), TOLD);
}

/// Fragments of an IPv4 packet, each with `step` bytes.
fn fragments(packet: &[u8], id: u16, step: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(20);
    let count = payload.chunks(step).count();
    let cut = |(index, part): (usize, &[u8])| {
        let mut header = header.to_vec();
        let total = 20 + part.len() as u16;
        let more = if index + 1 < count { 0x2000 } else { 0 };
        let place = (index * step / 8) as u16 | more;
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&id.to_be_bytes());
        header[6..8].copy_from_slice(&place.to_be_bytes());
        ethernet(0x0800, &[&header, part].concat())
    };
    payload.chunks(step).enumerate().map(cut).collect()
}

fn long_segment(seq: u32, data: &[u8]) -> Vec<u8> {
    let segment = Segment { from_a: true, flags: "A", seq, ack: 5000, data };
    segment.ipv4()
}

#[test]
fn ip_fragments_are_put_together() {
    let mut script = Script::established();
    let mut first = fragments(&long_segment(1000, b"a message in fragments, "), 7, 16);
    let second = fragments(&long_segment(1024, b"and another"), 8, 16);
    first.swap(0, 2);
    for frame in first.into_iter().chain(second) {
        script.push(frame);
    }
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, "c1 open, c1 accept, c1> a message in fragments, and another");
    assert_eq!(summary.skipped.fragments, 5);
    assert_eq!(summary.skipped.fragments_lost, 0);
}

#[test]
fn a_missing_fragment_leaves_a_hole() {
    let mut script = Script::established();
    for frame in fragments(&long_segment(1000, &[b'x'; 100]), 7, 16).into_iter().skip(1) {
        script.push(frame);
    }
    script.a("A", 1100, 5000, "abc").b("A", 5000, 1103, "");
    let (log, summary) = read(reader(script.pcap()));
    assert_eq!(log, "c1 open, c1 accept, c1> missing, c1> Lost 100, c1> abc");
    assert_eq!(summary.skipped.fragments_lost, 1);
}

#[test]
fn incomplete_datagrams_give_way_to_later_ones() {
    let mut script = Script::established();
    let whole = long_segment(1000, &[b'x'; 100]);
    for id in 0..1000 {
        script.push(fragments(&whole, id, 16).remove(0));
    }
    let (_, summary) = read(reader(script.pcap()));
    assert_eq!(summary.skipped.fragments_lost, 1000);
}

#[test]
fn ipv6_fragments_are_put_together() {
    let mut script = Script::default();
    for segment in segments() {
        let packet = segment.ipv6();
        let (header, payload) = packet.split_at(40);
        for (index, part) in payload.chunks(16).enumerate() {
            let mut header = header.to_vec();
            header[4..6].copy_from_slice(&(8 + part.len() as u16).to_be_bytes());
            header[6] = 44;
            let more = u16::from((index + 1) * 16 < payload.len());
            let place = ((index * 16) as u16 | more).to_be_bytes();
            let id = segment.seq.to_be_bytes();
            let fragment = [&[6, 0][..], &place, &id].concat();
            script.push(ethernet(0x86dd, &[&header, &fragment, part].concat()));
        }
    }
    assert_eq!(script.log(), TOLD);
}

#[test]
fn what_is_not_ip_is_counted() {
    let mut script = Script::established();
    script
        .push(ethernet(0x0806, &[0; 28]))
        .push(ethernet(0x0040, &[0; 64]))
        .push(ethernet(0x0800, &[0x45; 10]))
        .push(ethernet(0x0800, &[0x41; 40]))
        .push(vec![1, 2, 3]);
    let (_, summary) = read(reader(script.pcap()));
    assert_eq!(summary.skipped.not_ip, 2);
    assert_eq!(summary.skipped.bad_headers, 3);
}

#[test]
fn other_protocols_are_counted() {
    let mut script = Script::established();
    let mut udp = Vec::new();
    etherparse::PacketBuilder::ipv4(A, B, 64).udp(21064, 21064).write(&mut udp, b"not for us").unwrap();
    script.push(ethernet(0x0800, &udp));
    let (_, summary) = read(reader(script.pcap()));
    assert_eq!(summary.skipped.other_traffic, 1);
    assert_eq!(summary.dlm_frames, 3);
}
