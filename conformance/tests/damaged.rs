//! True traffic, recorded badly: captures that begin late, lose packets or hold them twice are never rejected.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use midcomms_conformance::capture::{CaptureOptions, CaptureReader};
use midcomms_conformance::replay::{FileReport, NoDeliveries, Replay, ReplayOptions, Verdict};

const CAPTURES: [&str; 13] = [
    "crash-k612",
    "sctp-k612",
    "stallhunt-k612",
    "three-k612",
    "clean-k61",
    "clean-k612",
    "clean-kmix",
    "halfclose-k612",
    "latetold-k612",
    "rejoin-k612",
    "simulclose-k61",
    "reconnect-k61",
    "reconnect-k612",
];

/// The file header and the packet records of a little-endian pcap.
struct Pcap {
    head: Vec<u8>,
    records: Vec<Vec<u8>>,
}

fn load(name: &str) -> Pcap {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel").join(format!("{name}.pcap.zst"));
    let bytes = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let (head, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, after) = rest.split_at(16 + length);
        records.push(record.to_vec());
        rest = after;
    }
    Pcap { head: head.to_vec(), records }
}

fn replay<'a>(head: &'a [u8], records: impl Iterator<Item = &'a Vec<u8>>) -> FileReport {
    replay_with(&ReplayOptions::default(), head, records)
}

fn replay_with<'a>(options: &ReplayOptions, head: &'a [u8], records: impl Iterator<Item = &'a Vec<u8>>) -> FileReport {
    let bytes: Vec<u8> = head.iter().chain(records.flatten()).copied().collect();
    let mut sink = NoDeliveries;
    let mut replay = Replay::new(options, &mut sink);
    let reader = CaptureReader::from_read("memory", Cursor::new(bytes), &CaptureOptions::default()).unwrap();
    let summary = reader.read(&mut |observed| replay.observe(&observed));
    replay.finish("memory".to_owned(), &summary)
}

fn assert_not_rejected(what: &str, report: &FileReport) {
    if let Some(rejection) = report.pairs.iter().find_map(|pair| pair.rejection.as_ref()) {
        panic!("{what}: {rejection:#?}");
    }
    assert_ne!(report.verdict, Some(Verdict::Inconclusive), "{what}");
}

/// A small generator of its own, so that a failure names all there is to run it again.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_capture_that_began_late_is_accepted() {
    for name in CAPTURES {
        let pcap = load(name);
        let step = (pcap.records.len() / 24).max(1);
        for start in (1..pcap.records.len()).step_by(step) {
            let report = replay(&pcap.head, pcap.records[start..].iter());
            assert_not_rejected(&format!("{name} from frame {start}"), &report);
        }
    }
}

#[test]
fn a_capture_that_ends_early_is_accepted() {
    for name in CAPTURES {
        let pcap = load(name);
        let step = (pcap.records.len() / 8).max(1);
        for end in (1..pcap.records.len()).step_by(step) {
            assert_not_rejected(&format!("{name} to frame {end}"), &replay(&pcap.head, pcap.records[..end].iter()));
        }
    }
}

#[test]
fn packets_that_the_recorder_lost_are_holes_and_no_rejection() {
    let mut holes = 0;
    for name in CAPTURES {
        let pcap = load(name);
        for seed in 1..=12 {
            let mut state = seed;
            // From one lost packet in eight to one in a thousand, in bursts of one to four.
            let rarity = 8 << (seed % 8);
            let mut burst = 0;
            let kept = pcap.records.iter().filter(|_| {
                if burst == 0 && random(&mut state).is_multiple_of(rarity) {
                    burst = 1 + random(&mut state) % 4;
                }
                let is_lost = burst > 0;
                burst -= u64::from(is_lost);
                !is_lost
            });
            let report = replay(&pcap.head, kept);
            assert_not_rejected(&format!("{name} seed {seed}"), &report);
            holes += report.holes;
        }
    }
    assert!(holes > 100, "{holes}");
}

/// A mirror of one direction, or `tcpdump -Q out`: 10.0.0.1 or 10.0.0.2 alone. What it acknowledges tells that the
/// other one spoke.
#[test]
fn a_capture_of_one_direction_is_not_rejected() {
    for name in CAPTURES {
        let pcap = load(name);
        for node in 1..=2 {
            // Behind the record's header: Ethernet's 14 bytes, then the source address at 12 bytes of IPv4.
            let kept = pcap.records.iter().filter(|record| record.get(16 + 14 + 15) == Some(&node));
            assert_not_rejected(&format!("{name} from node {node}"), &replay(&pcap.head, kept));
        }
    }
}

#[test]
fn any_one_packet_may_be_missing() {
    for name in ["clean-kmix", "latetold-k612"] {
        let pcap = load(name);
        for lost in (0..pcap.records.len()).step_by(7).chain(1200..1225) {
            let kept = pcap.records.iter().enumerate().filter(|(index, _)| *index != lost);
            assert_not_rejected(
                &format!("{name} without frame {}", lost + 1),
                &replay(&pcap.head, kept.map(|(_, r)| r)),
            );
        }
    }
}

#[test]
fn packets_recorded_twice_change_nothing() {
    for name in CAPTURES {
        let pcap = load(name);
        let once = replay(&pcap.head, pcap.records.iter());
        let twice = replay(&pcap.head, pcap.records.iter().flat_map(|record| [record, record]));
        assert_eq!(twice.verdict, Some(Verdict::Accepted), "{name}");
        assert_eq!(once.messages, twice.messages, "{name}");
        for (once, twice) in once.pairs.iter().zip(&twice.pairs) {
            assert_eq!(once.directions, twice.directions, "{name}");
            assert_eq!(once.breaks, twice.breaks, "{name}");
        }
    }
}

/// Whatever the bytes are, there is a verdict and no panic. Overflow checks are on in this profile.
#[test]
fn damaged_bytes_give_a_verdict_and_no_panic() {
    let mut rejected = 0;
    for name in ["clean-k612", "rejoin-k612", "sctp-k612", "reconnect-k61"] {
        let mut pcap = load(name);
        pcap.records.truncate(3000);
        for seed in 1..=40 {
            let mut state = seed;
            let mut records = pcap.records.clone();
            for _ in 0..1 << (seed % 8) {
                let record = (random(&mut state) as usize) % records.len();
                let at = 16 + (random(&mut state) as usize) % (records[record].len() - 16);
                records[record][at] ^= 1 << (random(&mut state) % 8);
            }
            let report = replay(&pcap.head, records.iter());
            rejected += usize::from(report.verdict == Some(Verdict::Rejected));
        }
    }
    assert!(rejected > 20, "only {rejected} of 160 were rejected");
}

#[test]
fn a_budget_that_runs_out_leaves_the_verdict_open() {
    let pcap = load("clean-k612");
    let options = ReplayOptions { budget: 0, ..ReplayOptions::default() };
    let report = replay_with(&options, &pcap.head, pcap.records.iter());
    assert_eq!(report.verdict, Some(Verdict::Inconclusive));
    assert_eq!(report.pairs[0].exhausted.as_deref(), Some("more than 0 explanations (--budget)"));
}
