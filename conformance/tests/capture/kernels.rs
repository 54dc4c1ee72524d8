//! Captures of real kernels: the numbers are tshark's.

use super::build::read;
use midcomms_conformance::capture::{CaptureOptions, CaptureReader, TransportEvent};
use std::path::Path;

/// What a capture holds by tshark's account.
struct Expected {
    name: &'static str,
    frames: u64,
    dlm_frames: u64,
    connections: u64,
    payload_bytes: u64,
    accepted: usize,
    finished: usize,
    reset: usize,
}

const CAPTURES: [Expected; 6] = [
    Expected {
        name: "clean-k61",
        frames: 653,
        dlm_frames: 647,
        connections: 2,
        payload_bytes: 80_480,
        accepted: 2,
        finished: 4,
        reset: 0,
    },
    Expected {
        name: "clean-k612",
        frames: 592,
        dlm_frames: 584,
        connections: 2,
        payload_bytes: 81_184,
        accepted: 2,
        finished: 4,
        reset: 0,
    },
    Expected {
        name: "clean-kmix",
        frames: 792,
        dlm_frames: 779,
        connections: 2,
        payload_bytes: 87_029,
        accepted: 2,
        finished: 4,
        reset: 0,
    },
    Expected {
        name: "sctp-k612",
        frames: 666,
        dlm_frames: 659,
        connections: 2,
        payload_bytes: 85_584,
        accepted: 2,
        finished: 4,
        reset: 0,
    },
    Expected {
        name: "rejoin-k612",
        frames: 1963,
        dlm_frames: 1954,
        connections: 8,
        payload_bytes: 215_152,
        accepted: 8,
        finished: 16,
        reset: 0,
    },
    Expected {
        name: "latetold-k612",
        frames: 1644,
        dlm_frames: 1636,
        connections: 5,
        payload_bytes: 200_769,
        accepted: 3,
        finished: 6,
        reset: 2,
    },
];

fn open(name: &str) -> CaptureReader {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel").join(format!("{name}.pcap.zst"));
    CaptureReader::open(&path, &CaptureOptions::default()).unwrap()
}

#[test]
fn captures_of_real_kernels_hold_what_tshark_finds() {
    for expected in CAPTURES {
        let name = expected.name;
        let (mut accepted, mut finished, mut reset) = (0, 0, 0);
        let summary = open(name).read(&mut |observed| match observed.event {
            TransportEvent::Accepted => accepted += 1,
            TransportEvent::Finished(_) => finished += 1,
            TransportEvent::Reset(_) => reset += 1,
            TransportEvent::Opened { complete, .. } => assert!(complete, "{name}"),
            _ => {}
        });
        assert_eq!(summary.frames, expected.frames, "{name}");
        assert_eq!(summary.dlm_frames, expected.dlm_frames, "{name}");
        assert_eq!(summary.connections, expected.connections, "{name}");
        assert_eq!(summary.payload_bytes, expected.payload_bytes, "{name}");
        assert_eq!(accepted, expected.accepted, "{name}");
        assert_eq!(finished, expected.finished, "{name}");
        assert_eq!(reset, expected.reset, "{name}");
        assert_eq!((summary.holes, summary.undelivered_bytes), (0, 0), "{name}");
        assert!(summary.damage.is_empty(), "{name}");
    }
}

#[test]
fn a_real_capture_read_twice_as_one_says_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel/rejoin-k612.pcap.zst");
    let twice = CaptureReader::open_together(&[&path, &path], &CaptureOptions::default());
    let (told_twice, summary) = read(twice.unwrap());
    assert!(told_twice == read(open("rejoin-k612")).0);
    assert!(summary.clock_offsets[1].common_packets > 1000);
}
