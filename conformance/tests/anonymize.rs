//! Traces that can be given away: the same verdict, and nothing of what was in them.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use midcomms_conformance::anonymize::key::Key;
use midcomms_conformance::anonymize::{Anonymized, anonymize};
use midcomms_conformance::capture::{CaptureOptions, CaptureReader, Endpoint, Observed, Timestamp, TransportEvent};
use midcomms_conformance::corpus::Manifest;
use midcomms_conformance::messages::{Item, Messages};
use midcomms_conformance::packets::{Ends, PcapWriter, TcpPacket, tcp_frame};
use midcomms_conformance::record::Scenarios;
use midcomms_conformance::replay::{ReplayOptions, Verdict};
use midcomms_conformance::shrink::target::Wanted;
use midcomms_conformance::shrink::{ShrinkOptions, shrink};
use midcomms_model::RevisionSet;
use proptest::prelude::*;

fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces")
}

fn key() -> Key {
    Key::from_bytes(b"the key of these tests")
}

fn anonymized(path: &Path, options: &ReplayOptions) -> Anonymized {
    anonymize(path, options, &mut key()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn unpacked(path: &Path) -> Vec<u8> {
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

#[test]
fn every_rejected_trace_is_judged_as_before() {
    for entry in &Manifest::load(&traces()).unwrap().rejected {
        let revision = entry.revision.as_ref().map(|name| RevisionSet::only(name.parse().unwrap()));
        let options =
            ReplayOptions { default_revisions: revision.unwrap_or_else(RevisionSet::any), ..ReplayOptions::default() };
        let result = anonymized(&traces().join(&entry.file), &options);
        assert_eq!(result.report.verdict, Some(Verdict::Rejected), "{}", entry.file);
        assert_eq!((result.tally.stray, result.tally.damage), (0, None), "{}", entry.file);
    }
}

#[test]
fn every_capture_of_kernels_is_judged_as_before() {
    for entry in &Manifest::load(&traces()).unwrap().kernel {
        let path = traces().join(&entry.file);
        let result = anonymized(&path, &ReplayOptions::default());
        assert_eq!(result.report.verdict, Some(Verdict::Accepted), "{}", entry.file);
        // The captures hold ARP too.
        assert_eq!(result.report.frames + result.tally.dropped, entry.counts.frames, "{}", entry.file);
        assert_eq!(result.report.stalls(), entry.stalls.len(), "{}", entry.file);
        assert_eq!(result.tally.stray, 0, "{}", entry.file);
        assert!(addresses(&result.bytes).is_disjoint(&addresses(&unpacked(&path))), "{}", entry.file);
    }
}

fn addresses(pcap: &[u8]) -> HashSet<IpAddr> {
    let reader =
        CaptureReader::from_read("x", std::io::Cursor::new(pcap.to_vec()), &CaptureOptions::default()).unwrap();
    let mut found = HashSet::new();
    reader.read(&mut |observed: Observed<'_>| {
        if let TransportEvent::Opened { opener, acceptor, .. } = observed.event {
            found.extend([opener.addr, acceptor.addr]);
        }
    });
    found
}

/// An OPTS with a MSG that has this name.
fn msg(seq: u32, name: &[u8]) -> Vec<u8> {
    let length = (24 + 88 + name.len()) as u16;
    let header = |word: u32, length: u16, cmd: u8| {
        let mut bytes = vec![2, 0, 3, 0];
        bytes.extend(word.to_le_bytes());
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(length.to_le_bytes());
        bytes.extend([cmd, 0]);
        bytes
    };
    let mut bytes = header(seq, length, 3);
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(header(0xcafe_f00d, length - 24, 1));
    bytes.extend([11, 0, 0, 0]);
    bytes.resize(24 + 88, 0);
    bytes.extend(name);
    bytes
}

/// A capture of one connection with this stream, in segments of `size` bytes each of which is sent twice; with other
/// traffic, and the last segment cut off to `cut` bytes.
fn capture(ends: [IpAddr; 2], stream: &[u8], size: usize, other: &[u8], cut: usize) -> Vec<u8> {
    let mut out = PcapWriter::new(Vec::new()).unwrap();
    let [from, to] = [(ends[0], 50001), (ends[1], 21064)].map(|(addr, port)| Endpoint { addr, port });
    let mut put = |from, to, sequence, flags, data: &[u8], cut: usize| {
        let held = &data[..data.len() - cut];
        let ends = Ends { from, to, id: 0x4142 };
        let (acknowledgment, cut) = (1, cut as u32);
        let frame = tcp_frame(&TcpPacket { ends, sequence, acknowledgment, flags, window: 9, data: held, cut });
        out.put(Timestamp(1_000_000_000), &frame, cut).unwrap();
    };
    put(from, to, 0, 2, &[], 0);
    put(to, from, 0, 0x12, &[], 0);
    put(from, Endpoint { addr: ends[1], port: 22 }, 7, 0x18, other, 0);
    let last = stream.len().saturating_sub(1) / size;
    for (index, data) in stream.chunks(size).enumerate() {
        let cut = if index == last { cut.min(data.len()) } else { 0 };
        for _ in 0..2 {
            put(from, to, 1 + (index * size) as u32, 0x18, data, cut);
        }
    }
    out.finish().unwrap()
}

fn ends() -> [IpAddr; 2] {
    [[10, 1, 2, 3], [10, 1, 2, 4]].map(IpAddr::from)
}

fn made(desk: &Path, bytes: &[u8]) -> Anonymized {
    let path = desk.join("x.pcap");
    std::fs::write(&path, bytes).unwrap();
    anonymized(&path, &ReplayOptions::default())
}

fn runs(bytes: &[u8]) -> HashSet<[u8; 4]> {
    bytes.windows(4).map(|run| run.try_into().unwrap()).filter(|run| *run != [0; 4]).collect()
}

#[test]
fn nothing_of_what_is_secret_is_left() {
    let desk = tempfile::tempdir().unwrap();
    let four = ["192.168.117.3", "192.168.117.4"];
    let six = ["fd42:1234:5678:9abc:def0:1122:3344:5566", "fd42:1234:5678:9abc:def0:1122:3344:5577"];
    let names =
        [&b"a secret name of a lock"[..], b"another one", b"the password is 12345678", b"half a message's name"];
    let stream: Vec<u8> = (0..).zip(names).flat_map(|(seq, name)| msg(seq, name)).collect();
    for (size, cut) in [(4096, 0), (50, 0), (7, 0), (100, 9), (4096, 30)] {
        for ends in [four, six].map(|ends| ends.map(|end| end.parse::<IpAddr>().unwrap())) {
            let result = made(desk.path(), &capture(ends, &stream, size, b"GET /private HTTP/1.1", cut));
            let mut secrets = runs(b"GET /private HTTP/1.1");
            secrets.extend(names.iter().flat_map(|name| runs(name)));
            secrets.insert(0xcafe_f00d_u32.to_le_bytes());
            secrets.extend(ends.iter().flat_map(|end| match end {
                IpAddr::V4(end) => runs(&end.octets()),
                IpAddr::V6(end) => runs(&end.octets()),
            }));
            let left: Vec<_> = runs(&result.bytes).intersection(&secrets).copied().collect();
            assert_eq!(left, Vec::<[u8; 4]>::new(), "{ends:?}, segments of {size} bytes");
            assert_eq!(result.tally.dropped, 1);
            assert_eq!(result.tally.cut > 0, cut > 0);
        }
    }
}

/// What is behind the words of every MSG and in every RCOM of a capture, in runs of eight bytes that are not mostly equal.
fn bodies(pcap: &[u8]) -> HashSet<[u8; 8]> {
    let reader =
        CaptureReader::from_read("x", std::io::Cursor::new(pcap.to_vec()), &CaptureOptions::default()).unwrap();
    let mut messages = Messages::default();
    let mut found = HashSet::new();
    reader.read(&mut |observed: Observed<'_>| {
        messages.handle(&observed, &mut |item| {
            let Item::Message(seen) = item else { return };
            let (inner, cmd) = if seen.bytes[14] == 3 { (24, seen.bytes[24 + 14]) } else { (0, seen.bytes[14]) };
            let body = match cmd {
                1 => inner + 88,
                2 => inner + 48,
                _ => return,
            };
            let runs = seen.bytes.get(body..).unwrap_or_default().windows(8).map(|run| run.try_into().unwrap());
            found.extend(runs.filter(|run: &[u8; 8]| run.iter().collect::<HashSet<_>>().len() > 5));
        });
    });
    found
}

#[test]
fn no_body_of_a_kernel_is_left() {
    for name in ["clean-k61", "sctp-k612", "three-k612"] {
        let path = traces().join(format!("kernel/{name}.pcap.zst"));
        let secrets = bodies(&unpacked(&path));
        assert!(secrets.len() > 50, "{name}: {}", secrets.len());
        let result = anonymized(&path, &ReplayOptions::default());
        let left = result.bytes.windows(8).filter(|run| secrets.contains(*run)).count();
        assert_eq!(left, 0, "{name}");
    }
}

/// The frames of a pcap file as pcapng, with comments and names everywhere.
fn pcapng(pcap: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = |kind: u32, fixed: &[u8], options: &[(u16, &[u8])]| {
        let mut body = fixed.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, text) in options {
            body.extend(code.to_le_bytes());
            body.extend((text.len() as u16).to_le_bytes());
            body.extend(*text);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body.extend([0; 4]);
        let length = (body.len() as u32 + 12).to_le_bytes();
        out.extend(kind.to_le_bytes().into_iter().chain(length).chain(body).chain(length));
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    block(0x0a0d_0d0a, &section, &[(1, b"SECRET comment"), (2, b"SECRET hardware"), (3, b"SECRET system")]);
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0], &[(2, b"SECRETeth0"), (3, b"SECRET description")]);
    let mut rest = &pcap[24..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let [seconds, micros] = [0, 4].map(|at| u64::from(u32::from_le_bytes(rest[at..at + 4].try_into().unwrap())));
        let ticks = seconds * 1_000_000 + micros;
        let mut fixed = vec![0; 4];
        fixed.extend(((ticks >> 32) as u32).to_le_bytes());
        fixed.extend((ticks as u32).to_le_bytes());
        fixed.extend([rest[8..12].to_vec(), rest[12..16].to_vec(), rest[16..16 + length].to_vec()].concat());
        block(6, &fixed, &[(1, b"SECRET of a packet")]);
        rest = &rest[16 + length..];
    }
    block(
        4,
        &[1, 0, 16, 0, 10, 0, 0, 1, b'S', b'E', b'C', b'R', b'E', b'T', b'.', b'x', b'y', 0, 0, 0, 0, 0, 0, 0],
        &[],
    );
    out
}

#[test]
fn of_pcapng_only_packets_are_left() {
    let desk = tempfile::tempdir().unwrap();
    let original = traces().join("rejected/number-skipped.pcap.zst");
    let file = pcapng(&unpacked(&original));
    assert!(file.windows(6).any(|run| run == b"SECRET"));
    let result = made(desk.path(), &file);
    assert!(!result.bytes.windows(6).any(|run| run == b"SECRET"));
    assert_eq!(result.bytes, anonymized(&original, &ReplayOptions::default()).bytes);
}

#[test]
fn equal_names_stay_equal_and_keys_make_the_difference() {
    let desk = tempfile::tempdir().unwrap();
    let stream: Vec<u8> =
        [(0, b"one"), (1, b"two"), (2, b"one")].iter().flat_map(|(seq, name)| msg(*seq, *name)).collect();
    let pcap = capture(ends(), &stream, 4096, b"", 0);
    let result = made(desk.path(), &pcap);
    assert_eq!(result.bytes, made(desk.path(), &pcap).bytes);
    let message = stream.len() / 3;
    let replaced = &result.bytes[result.bytes.len() - stream.len()..];
    let names: Vec<_> = replaced.chunks(message).map(|message| message[24 + 88..].to_vec()).collect();
    assert_eq!(names[0], names[2]);
    assert_ne!(names[0], names[1]);
    let other = anonymize(&desk.path().join("x.pcap"), &ReplayOptions::default(), &mut Key::random().unwrap()).unwrap();
    assert_ne!(other.bytes, result.bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Letters in, so that what chance makes of random bytes is not taken for them.
    #[test]
    fn no_run_of_any_name_is_left(
        names in prop::collection::vec("[a-z]{4,24}", 1..6),
        garbage in "[A-Z]{0,40}",
        size in 1_usize..300,
        cut in 0_usize..20,
        secret: u64,
    ) {
        let desk = tempfile::tempdir().unwrap();
        let mut stream: Vec<u8> = (0..).zip(&names).flat_map(|(seq, name)| msg(seq, name.as_bytes())).collect();
        // A length that no message has: what follows is not framed.
        stream.extend([2, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0]);
        stream.extend(garbage.bytes());
        let path = desk.path().join("x.pcap");
        std::fs::write(&path, capture(ends(), &stream, size, b"", cut)).unwrap();
        let mut key = Key::from_bytes(&secret.to_le_bytes());
        let result = anonymize(&path, &ReplayOptions::default(), &mut key).unwrap();
        // Six letters: of four, chance makes some among so many.
        let runs = |bytes: &[u8]| bytes.windows(6).map(<[u8]>::to_vec).collect::<HashSet<_>>();
        let mut secrets: HashSet<_> = names.iter().flat_map(|name| runs(name.as_bytes())).collect();
        secrets.extend(runs(garbage.as_bytes()));
        prop_assert!(runs(&result.bytes).is_disjoint(&secrets));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_told_or_passed_over_and_nothing_panics(
        flips in prop::collection::vec((0_usize..20_000, any::<u8>()), 0..6),
        kept in 100_usize..20_000,
        is_native: bool,
    ) {
        let desk = tempfile::tempdir().unwrap();
        let mut bytes = match is_native {
            true => NATIVE.as_bytes().to_vec(),
            false => unpacked(&traces().join("rejected/number-skipped.pcap.zst")),
        };
        bytes.truncate(kept);
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let path = desk.path().join("x");
        std::fs::write(&path, &bytes).unwrap();
        let _ = anonymize(&path, &ReplayOptions::default(), &mut key());
        let mut progress = |_: usize, _: u64| ();
        let time_limit = Some(std::time::Duration::from_millis(50));
        let (replay, wanted) = (ReplayOptions::default(), Wanted::Rejection);
        let _ = shrink(&path, &mut ShrinkOptions { replay, wanted, time_limit, form: None, progress: &mut progress });
    }
}

const NATIVE: &str = r#"{"format":"midcomms-trace","version":1,"origin":"host db7.example.org","nodes":[{"id":1,"revision":"linux-6.12","recorded":true,"address":"192.168.117.3"},{"id":2,"revision":"my own","recorded":true}],"bodies":"hash","user":"alice"}
{"event":"opened","time":1.5,"connection":"192.168.117.3:4711","from":1,"to":2}
{"event":"add_member","time":1.5,"node":1,"peer":2,"lockspace":3735928559}
{"event":"written","connection":"192.168.117.3:4711","from":1,"to":2,"message":{"cmd":"RCOM","type":"STATUS","body":77777777},"comment":"by alice"}
{"event":"written","connection":"192.168.117.3:4711","from":2,"to":1,"message":{"bytes":"020003000d0ff0ca02000000300002000500000000000000616c696365000000000000000000000000000000000000000000"}}
{"event":"gossip","text":"alice was here"}
"#;

#[test]
fn a_native_trace_keeps_its_verdict_and_its_lines_and_nothing_else() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("x.jsonl");
    let native = NATIVE.replace("0000000000\"}}", "00\"}}");
    std::fs::write(&path, &native).unwrap();
    let result = anonymized(&path, &ReplayOptions::default());
    assert!(result.is_native);
    let text = String::from_utf8(result.bytes).unwrap();
    assert_eq!(text.lines().count(), native.lines().count());
    for secret in
        ["example", "alice", "192.168", "4711", "77777777", "3735928559", "my own", "616c6963", "f0ca", "gossip"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("linux-6.12") && text.contains(r#""connection":"c1""#), "{text}");
}

#[test]
fn a_recording_that_begins_in_the_middle_stays_as_exact_as_it_was() {
    let desk = tempfile::tempdir().unwrap();
    let recording = Scenarios::built_in().unwrap().get("late-recording").unwrap().simulate(1).unwrap();
    for trace in recording.traces {
        let path = desk.path().join("late.jsonl");
        std::fs::write(&path, &trace.bytes).unwrap();
        let result = anonymized(&path, &ReplayOptions::default());
        let [exact] = &result.report.exact[..] else { panic!("one record") };
        assert!(exact.events > 0 && exact.judged == exact.events, "{} of {}", exact.judged, exact.events);
        let text = String::from_utf8(result.bytes).unwrap();
        assert!(text.contains("\"standing\"") && !text.contains("\"lockspaces\":[1]"), "{}", trace.name());
    }
}

#[test]
fn the_command_says_what_it_did_and_overwrites_nothing_unasked() {
    let desk = tempfile::tempdir().unwrap();
    let out = desk.path().join("out.pcap");
    let trace = traces().join("rejected/number-skipped.pcap.zst");
    let run = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_midcomms"));
        let output = command.arg("anonymize").arg(&trace).arg("-o").arg(&out).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, told, error) = run(&[]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(told.contains("126 packets, 67 messages: rejected, as the original\n  8 frames left out"), "{told}");
    let (code, _, error) = run(&[]);
    assert_eq!(code, 2);
    assert!(error.contains("is there already"), "{error}");
    let key = desk.path().join("key");
    std::fs::write(&key, "short").unwrap();
    let (code, _, error) = run(&["--force", "--key", key.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(error.contains("a key has 16 bytes or more, got 5"), "{error}");
    std::fs::write(&key, "sixteen bytes or more").unwrap();
    let made = |_: u8| {
        assert_eq!(run(&["--force", "--key", key.to_str().unwrap()]).0, 0);
        std::fs::read(&out).unwrap()
    };
    assert_eq!(made(1), made(2));
}
