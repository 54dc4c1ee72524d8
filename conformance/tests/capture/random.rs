//! Random streams in random packets, and bytes that are nothing at all.

use super::build::{Script, read, reader};
use midcomms_conformance::capture::{CaptureOptions, CaptureReader, TransportEvent};
use proptest::prelude::*;
use std::io::Cursor;

/// How a stream is cut into segments: where each begins and ends, in the order in which they are recorded.
#[derive(Clone, Debug)]
struct Cut {
    stream: Vec<u8>,
    segments: Vec<(usize, usize)>,
    isn: u32,
}

/// A cover of the stream, some more segments anywhere, and the lot disordered a little or a lot.
fn cut() -> impl Strategy<Value = Cut> {
    let stream = prop::collection::vec(any::<u8>(), 1..400);
    let near_wrap = prop_oneof![any::<u32>(), u32::MAX - 300..=u32::MAX];
    (stream, near_wrap).prop_flat_map(|(stream, isn)| {
        let length = stream.len();
        let bounds = prop::collection::btree_set(0..=length, 0..20);
        let extra = prop::collection::vec((0..=length, 0..=length), 0..20);
        (bounds, extra).prop_flat_map(move |(mut bounds, extra)| {
            bounds.extend([0, length]);
            let bounds: Vec<usize> = bounds.into_iter().collect();
            let mut segments: Vec<(usize, usize)> = bounds.windows(2).map(|pair| (pair[0], pair[1])).collect();
            segments.extend(extra.iter().map(|(a, b)| (*a.min(b), *a.max(b))));
            let stream = stream.clone();
            Just(segments).prop_shuffle().prop_map(move |segments| Cut { stream: stream.clone(), segments, isn })
        })
    })
}

fn script(cut: &Cut) -> Script {
    let first = cut.isn.wrapping_add(1);
    let mut script = Script::default();
    script.a("S", cut.isn, 0, "").b("SA", 4999, first, "");
    for (start, end) in &cut.segments {
        let number = first.wrapping_add(*start as u32);
        script.segment(true, "A", number, 5000, &cut.stream[*start..*end]);
    }
    script
}

/// The bytes that the opener sent, and whether there was a hole.
fn stream_of(script: &Script) -> (Vec<u8>, bool) {
    let (mut stream, mut hole) = (Vec::new(), false);
    reader(script.pcap()).read(&mut |observed| match observed.event {
        TransportEvent::Data(_, bytes) => stream.extend_from_slice(bytes),
        TransportEvent::Hole(..) => hole = true,
        _ => {}
    });
    (stream, hole)
}

proptest! {
    #[test]
    fn any_segments_that_cover_a_stream_give_exactly_the_stream(cut in cut()) {
        prop_assert_eq!(stream_of(&script(&cut)), (cut.stream, false));
    }

    #[test]
    fn holes_are_as_long_as_what_is_missing(cut in cut(), keep in prop::collection::vec(any::<bool>(), 60)) {
        let mut lossy = cut.clone();
        let mut kept = keep.iter();
        lossy.segments.retain(|_| *kept.next().unwrap_or(&true));
        let mut script = script(&lossy);
        let end = lossy.isn.wrapping_add(1 + cut.stream.len() as u32);
        script.a("FA", end, 5000, "").b("A", 5000, end.wrapping_add(1), "");
        let mut position = 0;
        let mut finished = false;
        let mut covered = vec![false; cut.stream.len()];
        for (start, end) in &lossy.segments {
            covered[*start..*end].fill(true);
        }
        reader(script.pcap()).read(&mut |observed| match observed.event {
            TransportEvent::Data(_, bytes) => {
                assert_eq!(bytes, &cut.stream[position..position + bytes.len()]);
                position += bytes.len();
            }
            TransportEvent::Hole(_, bytes, _) => {
                let missing = bytes.unwrap() as usize;
                assert!(!covered[position..position + missing].contains(&true));
                position += missing;
            }
            TransportEvent::Finished(_) => finished = true,
            _ => {}
        });
        prop_assert_eq!(position, cut.stream.len());
        prop_assert!(finished);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        head in prop::sample::select(vec![
            &b""[..],
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
            b"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x65",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            b"\x28\xb5\x2f\xfd",
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let bytes = Cursor::new([head, &tail].concat());
        if let Ok(reader) = CaptureReader::from_read("noise", bytes, &CaptureOptions::default()) {
            reader.read(&mut |_| {});
        }
    }

    #[test]
    fn packets_of_noise_never_panic(
        link in prop::sample::select(vec![0u32, 1, 101, 108, 113, 276]),
        changes in prop::collection::vec((0usize..40, any::<prop::sample::Index>(), any::<u8>()), 1..60),
    ) {
        let mut script = Script::established();
        for index in 0..20 {
            script.a("A", 1000 + index, 5000, "xy").b("A", 5000, 1001 + index, "");
        }
        for (frame, at, byte) in changes {
            let data = &mut script.frames[frame].data;
            let at = at.index(data.len());
            data[at] = byte;
        }
        let kind = super::build::PcapKind { link, ..Default::default() };
        let (_, summary) = read(reader(super::build::pcap(kind, &script.frames)));
        prop_assert_eq!(summary.frames, 43);
    }
}
