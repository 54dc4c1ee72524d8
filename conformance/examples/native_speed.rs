//! How fast native traces are judged: `cargo run --release -p midcomms-conformance --example native_speed [EVENTS]`.
//!
//! The implementation records a run of two nodes, in both forms. Each stage reads one node's recording from memory, in
//! this one thread; the time is that of the processor, not of the clock on the wall. The floor for JSON lines is what
//! `serde_json` alone needs to parse each line into the same typed struct.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "it measures, and fails by panicking")]

use std::hint::black_box;
use std::time::Duration;

use midcomms::recording::Bodies;
use midcomms_conformance::native::NativeReader;
use midcomms_conformance::native::borrowed::LineRef;
use midcomms_conformance::native::line::Line;
use midcomms_conformance::replay::{NoDeliveries, ReplayOptions, Verdict, replay_native};

#[path = "../tests/recordings/recorded.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use all of it")]
mod recorded;
#[path = "../../impl/tests/recording/world.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use all of it")]
mod world;

use recorded::Recording;
use world::World;

/// Each stage is measured so often; the best counts, for others use the machine too.
const TIMES: usize = 5;

fn main() {
    let events: usize = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let (json, compact) = record(events);
    let lines = json.iter().filter(|byte| **byte == b'\n').count();
    println!("{lines} lines, {} MB as JSON lines, {} MB compact", json.len() >> 20, compact.len() >> 20);
    let borrowed = stage("serde_json, borrowed struct", lines, || {
        for line in json.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty()) {
            black_box(serde_json::from_slice::<LineRef<'_>>(line).unwrap());
        }
    });
    let owned = stage("serde_json, owned struct", lines, || {
        for line in json.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty()) {
            black_box(serde_json::from_slice::<Line>(line).unwrap());
        }
    });
    stage("events of JSON lines", lines, || read(&json));
    let judged = stage("replay of JSON lines", lines, || judge(&json));
    stage("events of the compact form", lines, || read(&compact));
    stage("replay of the compact form", lines, || judge(&compact));
    println!(
        "JSON lines: {:.2} of the speed of the borrowed struct, {:.2} of the owned",
        borrowed / judged,
        owned / judged
    );
}

/// Node 1's recording of a run with load both ways.
fn record(events: usize) -> (Vec<u8>, Vec<u8>) {
    let recording = Recording::new(1, Bodies::Sample);
    let mut world = World::new(7, [recording.observer(), None]);
    world.join();
    let mut sent = 0;
    while sent < events * 20 / 21 {
        for _ in 0..64 {
            let len = [72, 72, 88, 100][world.chance(4) as usize];
            let node = world.chance(2) as usize;
            world.send(node, len);
            sent += 1;
        }
        world.run(Duration::from_millis(1));
        world.delivered.iter_mut().for_each(Vec::clear);
        if world.chance(4096) == 0 {
            world.break_one();
        }
    }
    world.leave();
    drop(world);
    let (json, compact) = recording.finish();
    (json.into_bytes(), compact)
}

fn read(trace: &[u8]) {
    let mut reader = NativeReader::open(trace).unwrap();
    while let Some(event) = reader.next_event() {
        black_box(&event);
    }
}

fn judge(trace: &[u8]) {
    let report = replay_native(String::new(), trace, &ReplayOptions::default(), &mut NoDeliveries).unwrap().0;
    assert_eq!(report.verdict, Some(Verdict::Accepted));
    assert!(report.exact.iter().all(|exact| exact.judged == exact.events));
}

/// Runs a stage, and says how long an event took in it, in seconds.
fn stage(name: &str, events: usize, run: impl Fn()) -> f64 {
    let times = (0..TIMES).map(|_| {
        let begin = cpu();
        run();
        (cpu() - begin).as_secs_f64() / events as f64
    });
    let best = times.fold(f64::INFINITY, f64::min);
    println!("{name:<28} {:>8.1} ns an event, {:>6.2} M events a second", best * 1e9, 1e-6 / best);
    best
}

/// Time of the processor for this thread, from the scheduler.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
