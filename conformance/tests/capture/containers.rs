//! File formats: pcap, pcapng, compression, and every way to be damaged.

use super::build::{ETHERNET, Frame, PcapKind, Script, number, pcap, read, reader};
use midcomms_conformance::capture::{CaptureError, CaptureFault, CaptureOptions, CaptureReader};
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TOLD: &str = "c1 open, c1 accept, c1> hello";

fn script() -> Script {
    let mut script = Script::established();
    script.a("A", 1000, 5000, "hello");
    script
}

/// A pcapng block.
fn block(big_endian: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let body_len = body.len().next_multiple_of(4);
    let mut block = number(big_endian, kind).to_vec();
    let length = number(big_endian, body_len as u32 + 12);
    block.extend(length);
    block.extend_from_slice(body);
    block.resize(8 + body_len, 0);
    block.extend(length);
    block
}

fn section(big_endian: bool) -> Vec<u8> {
    let mut body = number(big_endian, 0x1a2b_3c4d).to_vec();
    body.extend(number(big_endian, if big_endian { 0x0001_0000 } else { 1 }));
    body.extend([0xff; 8]);
    block(big_endian, 0x0a0d_0d0a, &body)
}

fn half(big_endian: bool, value: u16) -> [u8; 2] {
    match big_endian {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    }
}

/// An interface with a time resolution and offset in seconds.
fn interface(big_endian: bool, link: u16, resolution: Option<u8>, offset: i64) -> Vec<u8> {
    let mut body = half(big_endian, link).to_vec();
    body.extend([0; 2]);
    body.extend(number(big_endian, 0));
    if let Some(resolution) = resolution {
        body.extend(half(big_endian, 9));
        body.extend(half(big_endian, 1));
        body.extend([resolution, 0, 0, 0]);
    }
    if offset != 0 {
        body.extend(half(big_endian, 14));
        body.extend(half(big_endian, 8));
        body.extend(match big_endian {
            true => offset.to_be_bytes(),
            false => offset.to_le_bytes(),
        });
    }
    body.extend([0; 4]);
    block(big_endian, 1, &body)
}

fn enhanced(big_endian: bool, interface: u32, ticks: u64, frame: &Frame) -> Vec<u8> {
    let mut body = Vec::new();
    for value in [interface, (ticks >> 32) as u32, ticks as u32, frame.data.len() as u32, frame.wire_len as u32] {
        body.extend(number(big_endian, value));
    }
    body.extend_from_slice(&frame.data);
    body.resize(body.len().next_multiple_of(4), 0);
    // A comment, which is passed over.
    body.extend(half(big_endian, 1));
    body.extend(half(big_endian, 3));
    body.extend(*b"hey\0");
    body.extend([0; 4]);
    block(big_endian, 6, &body)
}

fn first_time(bytes: Vec<u8>) -> i64 {
    let mut times = Vec::new();
    let summary = reader(bytes).read(&mut |observed| times.push(observed.time.0));
    assert!(summary.damage.is_empty(), "{:?}", summary.damage);
    times[0]
}

#[test]
fn pcap_is_read_in_both_byte_orders_and_resolutions() {
    for big_endian in [false, true] {
        for nanos in [false, true] {
            let kind = PcapKind { big_endian, nanos, link: ETHERNET };
            let mut script = script();
            script.frames[0].nanos += 123_456_789;
            let bytes = pcap(kind, &script.frames);
            let length = bytes.len() as u64;
            let expected = 1_700_000_000_123_456_789 - if nanos { 0 } else { 789 };
            assert_eq!(first_time(bytes.clone()), expected);
            let (log, summary) = read(reader(bytes));
            assert_eq!(log, TOLD);
            assert_eq!(summary.bytes, length);
            assert_eq!(summary.frames, 4);
        }
    }
}

#[test]
fn pcap_with_patched_record_headers_is_read() {
    let plain = script();
    let mut bytes = pcap(PcapKind::default(), &[]);
    bytes[..4].copy_from_slice(&0xa1b2_cd34u32.to_le_bytes());
    for frame in &plain.frames {
        let length = frame.data.len() as u32;
        for value in [1, 2, length, length, 0, 0] {
            bytes.extend(u32::to_le_bytes(value));
        }
        bytes.extend_from_slice(&frame.data);
    }
    assert_eq!(read(reader(bytes)).0, TOLD);
}

#[test]
fn pcapng_is_read_in_both_byte_orders() {
    for big_endian in [false, true] {
        let mut bytes = section(big_endian);
        bytes.extend(interface(big_endian, 1, Some(9), 0));
        for frame in &script().frames {
            bytes.extend(enhanced(big_endian, 0, frame.nanos, frame));
        }
        assert_eq!(first_time(bytes.clone()), 1_700_000_000_000_000_000);
        assert_eq!(read(reader(bytes)).0, TOLD);
    }
}

#[test]
fn pcapng_interfaces_have_clocks_and_links_of_their_own() {
    let frames = script().frames;
    let raw = |frame: &Frame| Frame::new(0, frame.data[14..].to_vec());
    let mut bytes = section(false);
    bytes.extend(interface(false, 1, None, 0));
    bytes.extend(interface(false, 101, Some(0x80 | 10), -5));
    bytes.extend(interface(false, 189, Some(9), 0));
    bytes.extend(enhanced(false, 0, 3_500_000, &frames[0]));
    bytes.extend(enhanced(false, 1, 9 << 10, &raw(&frames[1])));
    bytes.extend(enhanced(false, 2, 0, &frames[2]));
    bytes.extend(enhanced(false, 1, 19 << 9, &raw(&frames[3])));
    let mut times = Vec::new();
    let summary = reader(bytes).read(&mut |observed| times.push(observed.time.0));
    assert_eq!(times, [3_500_000_000, 4_000_000_000, 4_500_000_000]);
    assert_eq!(summary.skipped.unknown_link, 1);
    assert_eq!(summary.frames, 4);
}

#[test]
fn pcapng_offsets_follow_the_byte_order_of_their_section() {
    for big_endian in [false, true] {
        let mut bytes = section(big_endian);
        bytes.extend(interface(big_endian, 1, None, 1000));
        bytes.extend(enhanced(big_endian, 0, 1, &script().frames[0]));
        assert_eq!(first_time(bytes), 1_000_000_001_000);
    }
}

#[test]
fn pcapng_sections_begin_anew() {
    let mut bytes = Vec::new();
    for (frame, big_endian) in script().frames.iter().zip([false, true, true, false]) {
        bytes.extend(section(big_endian));
        bytes.extend(interface(big_endian, 1, None, 0));
        bytes.extend(enhanced(big_endian, 0, 7, frame));
    }
    assert_eq!(read(reader(bytes.clone())).0, TOLD);
    bytes.extend(section(false));
    let offset = bytes.len();
    bytes.extend(enhanced(false, 0, 7, &script().frames[0]));
    let (_, summary) = read(reader(bytes));
    assert_eq!(
        summary.damage[0].to_string(),
        format!("test: malformed pcapng block: its interface was never described (at byte {offset})")
    );
}

#[test]
fn pcapng_simple_and_obsolete_packets_are_read() {
    let frames = script().frames;
    let mut bytes = section(false);
    bytes.extend(interface(false, 1, None, 0));
    for (index, frame) in frames.iter().enumerate() {
        let length = frame.data.len() as u32;
        let mut body = Vec::new();
        let kind = if index % 2 == 0 {
            body.extend(length.to_le_bytes());
            3
        } else {
            // Interface 0, 9 packets dropped.
            for value in [9 << 16, 0, 1000, length, length] {
                body.extend(u32::to_le_bytes(value));
            }
            2
        };
        body.extend_from_slice(&frame.data);
        bytes.extend(block(false, kind, &body));
    }
    assert_eq!(read(reader(bytes)).0, TOLD);
}

#[test]
fn unknown_pcapng_blocks_are_passed_over_however_long() {
    let mut bytes = section(false);
    bytes.extend(interface(false, 1, None, 0));
    bytes.extend(block(false, 4, &vec![7; 3 << 20]));
    for frame in &script().frames {
        bytes.extend(enhanced(false, 0, 0, frame));
        bytes.extend(block(false, 0x0bad, b"?"));
    }
    assert_eq!(read(reader(bytes)).0, TOLD);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_captures_are_recognised_by_content() {
    let plain = script().pcap();
    let (head, tail) = plain.split_at(100);
    let zstd = |bytes| zstd::encode_all(bytes, 1).unwrap();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9].to_vec();
    for bytes in [
        gzip(&plain),
        [gzip(head), gzip(tail)].concat(),
        zstd(&plain[..]),
        [zstd(head), zstd(tail)].concat(),
        [skippable, zstd(&plain[..])].concat(),
    ] {
        assert_eq!(read(reader(bytes)).0, TOLD);
    }
}

#[test]
fn damaged_compression_keeps_what_came_before() {
    let mut long = script();
    for index in 0..20_000u32 {
        long.a("A", 1005 + index, 5000, "x");
    }
    let plain = long.pcap();
    for (bytes, format) in [(gzip(&plain), "gzip"), (zstd::encode_all(&plain[..], 1).unwrap(), "zstd")] {
        let cut = bytes[..bytes.len() / 2].to_vec();
        let (log, summary) = read(reader(cut));
        assert!(log.starts_with(TOLD), "{log}");
        assert!(summary.payload_bytes > 1000);
        let [damage] = &summary.damage[..] else { panic!("{:?}", summary.damage) };
        assert!(damage.to_string().contains(format), "{damage} should name {format}");
        assert!(damage.offset > 1000 && damage.offset < plain.len() as u64);
    }
}

fn refusal(bytes: &[u8]) -> CaptureError {
    let input = Cursor::new(bytes.to_vec());
    let opened = CaptureReader::from_read("bad", input, &CaptureOptions::default());
    opened.err().expect("should be refused")
}

#[test]
fn what_is_no_capture_is_refused_with_a_reason() {
    let unknown_link = pcap(PcapKind { link: 147, ..PcapKind::default() }, &[]);
    for (bytes, reason) in [
        (&b""[..], "bad: is empty (zero bytes)"),
        (b"ab", "bad: is not a packet capture: too short for any capture"),
        (b"# notes\nnothing to see", "bad: is not a packet capture: text"),
        (&[0; 64], "bad: is not a packet capture: neither pcap nor pcapng"),
        (b"\xfd7zXZ\0", "bad: is not a packet capture: xz data (only gzip and zstd are decompressed)"),
        (&gzip(b""), "bad: is empty (zero bytes)"),
        (&gzip(b"hello, world"), "bad: is not a packet capture: text"),
        (&script().pcap()[..23], "bad: ends inside the file header: 23 of 24 bytes"),
        (&section(false)[..11], "bad: ends inside the file header: 11 of 12 bytes"),
        (&unknown_link, "bad: link type 147 is not supported"),
    ] {
        assert_eq!(refusal(bytes).to_string(), reason);
    }
}

#[test]
fn missing_files_and_directories_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.pcap");
    let open = |path: &Path| CaptureReader::open(path, &CaptureOptions::default()).err();
    let error = open(&missing).unwrap();
    assert!(matches!(error.fault, CaptureFault::Open(_)));
    assert!(error.to_string().contains("missing.pcap"));
    let error = open(directory.path()).unwrap();
    assert!(matches!(error.fault, CaptureFault::Directory));
}

#[test]
fn half_a_record_keeps_what_came_before() {
    let bytes = script().pcap();
    let (log, summary) = read(reader(bytes[..bytes.len() - 1].to_vec()));
    assert_eq!(log, "c1 open, c1 accept");
    assert_eq!(summary.damage[0].to_string(), "test: ends inside a packet record: 74 of 75 bytes (at byte 234)");
    assert_eq!(summary.frames, 3);
}

#[test]
fn a_hostile_length_is_refused_before_it_is_believed() {
    let mut bytes = script().pcap();
    bytes.extend([0; 8]);
    bytes.extend([0xff; 8]);
    let (log, summary) = read(reader(bytes));
    assert_eq!(log, TOLD);
    assert_eq!(
        summary.damage[0].to_string(),
        "test: a record claims 4294967295 bytes, more than the 1048576 that are read (at byte 309)"
    );
    let mut bytes = section(false);
    bytes.extend([6, 0, 0, 0, 0xf0, 0xff, 0xff, 0x7f, 0, 0, 0, 0]);
    let (_, summary) = read(reader(bytes));
    assert!(matches!(summary.damage[0].fault, CaptureFault::HostileLength { .. }));
}

#[test]
fn every_truncation_keeps_what_came_before() {
    let mut ng = section(true);
    ng.extend(interface(true, 1, Some(9), 0));
    for frame in &script().frames {
        ng.extend(enhanced(true, 0, frame.nanos, frame));
    }
    for whole in [script().pcap(), ng] {
        let mut frames = 0;
        for length in 24..whole.len() {
            let (log, summary) = read(reader(whole[..length].to_vec()));
            assert!(TOLD.starts_with(&log), "{log}");
            assert!(summary.frames >= frames, "a longer file has fewer frames");
            frames = summary.frames;
            assert!(summary.damage.len() <= 1);
        }
        assert_eq!(frames, 3);
    }
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("capture.zst");
    let compressed = zstd::encode_all(&script().pcap()[..], 1).unwrap();
    std::fs::write(&path, &compressed).unwrap();
    let counter = Arc::new(AtomicU64::new(0));
    let options = CaptureOptions { progress: Some(counter.clone()), ..CaptureOptions::default() };
    let (log, _) = read(CaptureReader::open(&path, &options).unwrap());
    assert_eq!(log, TOLD);
    assert_eq!(counter.load(Ordering::Relaxed), compressed.len() as u64);
}
