//! Replay allocates for connections and for what is out of order, never for a message.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{Cursor, Read};
use std::path::Path;

use allocation_counter::AllocationInfo;
use midcomms::recording::Bodies;
use midcomms_conformance::capture::{CaptureOptions, CaptureReader};
use midcomms_conformance::replay::{NoDeliveries, Replay, ReplayOptions, Verdict, replay_native};

#[path = "recordings/recorded.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod recorded;
#[path = "../../impl/tests/recording/world.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod world;

const RECORD_HEADER_BYTES: usize = 16;
const FILE_HEADER_BYTES: usize = 24;

/// A capture of a kernel, uncompressed.
fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../traces/kernel/{name}.pcap.zst"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    zstd::Decoder::new(file).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The first `frames` frames of a capture.
fn first_frames(capture: &[u8], frames: usize) -> &[u8] {
    let end = (0..frames).fold(FILE_HEADER_BYTES, |at, _| {
        let length = capture[at + 8..].first_chunk().unwrap();
        at + RECORD_HEADER_BYTES + u32::from_le_bytes(*length) as usize
    });
    &capture[..end]
}

/// What replay of a capture costs: messages, and allocations.
fn cost(capture: &[u8]) -> (u64, AllocationInfo) {
    let options = ReplayOptions::default();
    let bytes = Cursor::new(capture.to_vec());
    let mut messages = 0;
    let info = allocation_counter::measure(|| {
        let reader = CaptureReader::from_read("test", bytes, &CaptureOptions::default()).unwrap();
        let mut nobody = NoDeliveries;
        let mut replay = Replay::new(&options, &mut nobody);
        let summary = reader.read(&mut |observed| replay.observe(&observed));
        let report = replay.finish(String::new(), &summary);
        assert_eq!(report.verdict, Some(Verdict::Accepted));
        messages = report.messages;
    });
    (messages, info)
}

#[test]
fn twice_the_messages_cost_no_more_allocations() {
    let heavy = capture("heavy-k61");
    // Before the first break, in frame 3559.
    let (short_messages, short) = cost(first_frames(&heavy, 1_700));
    let (long_messages, long) = cost(first_frames(&heavy, 3_400));
    assert!(long_messages - short_messages > 3_000, "{short_messages} and {long_messages} messages");
    let more = long.count_total - short.count_total;
    assert!(more < 16, "{more} more allocations for {} more messages", long_messages - short_messages);
}

#[test]
fn breaks_and_what_is_out_of_order_cost_a_few_allocations_each() {
    let heavy = capture("heavy-k61");
    let (messages, info) = cost(&heavy);
    assert!(info.count_total < messages / 20, "{} allocations for {messages} messages", info.count_total);
}

#[test]
fn memory_does_not_grow_with_the_capture() {
    let heavy = capture("heavy-k61");
    let (_, half) = cost(first_frames(&heavy, 24_000));
    let (_, whole) = cost(&heavy);
    assert!(
        whole.bytes_max * 5 < half.bytes_max * 6,
        "{} bytes at the peak, {} in the first half",
        whole.bytes_max,
        half.bytes_max
    );
}

/// Node 1's recording of a run with so many messages, none of them sent again, in both forms.
fn recording(messages: usize) -> [Vec<u8>; 2] {
    let recording = recorded::Recording::new(1, Bodies::Sample);
    let mut world = world::World::new(3, [recording.observer(), None]);
    world.join();
    world::busy(&mut world, messages, false);
    drop(world);
    let (json, compact) = recording.finish();
    [json.into_bytes(), compact]
}

#[test]
fn twice_the_events_of_a_native_trace_cost_no_more_allocations_and_no_more_memory() {
    let cost = |trace: &[u8]| {
        let mut judged = 0;
        let info = allocation_counter::measure(|| {
            let report = replay_native(String::new(), trace, &ReplayOptions::default(), &mut NoDeliveries).unwrap().0;
            assert_eq!(report.verdict, Some(Verdict::Accepted));
            judged = report.exact[0].judged;
        });
        (judged, info)
    };
    for (short, long) in recording(4_000).iter().zip(&recording(8_000)) {
        let ((short_judged, short), (long_judged, long)) = (cost(short), cost(long));
        assert!(long_judged - short_judged > 4_000, "{short_judged} and {long_judged} events");
        let more = long.count_total.saturating_sub(short.count_total);
        assert!(more < 16, "{more} more allocations for {} more events", long_judged - short_judged);
        let memory = long.bytes_max.saturating_sub(short.bytes_max);
        // The buffer of a file grows to its size once; the messages themselves are megabytes.
        assert!(memory < 1 << 18, "{memory} more bytes at a time");
    }
}
