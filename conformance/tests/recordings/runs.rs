//! Right runs.

use std::time::Duration;

use midcomms::midcomms::Input;
use midcomms::recording::Bodies;

use crate::recorded::{Recording, complaint, converted, replayed};
use crate::world::{LOCKSPACE, World, bursts, busy};

/// Runs, and complains unless replay accepts all that was recorded.
fn accept(what: &str, seed: u64, bodies: Bodies, run: impl FnOnce(&mut World)) -> u64 {
    let recordings = [1, 2].map(|node| Recording::new(node, bodies));
    let mut world = World::new(seed, recordings.each_ref().map(Recording::observer));
    run(&mut world);
    drop(world);
    let mut messages = 0;
    for (node, recording) in recordings.into_iter().enumerate() {
        let (json, compact) = recording.finish();
        for (form, trace) in [("JSON", json.as_bytes()), ("compact", &compact)] {
            if let Some(complaint) = complaint(trace) {
                panic!("{what}, seed {seed}, node {}, {form}: {complaint}", node + 1);
            }
        }
        let (json, compact) = (replayed(json.as_bytes()), replayed(&compact));
        assert_eq!(json.messages, compact.messages);
        for report in [&json, &compact] {
            let [exact] = &report.exact[..] else { panic!("{what}, seed {seed}: {:?}", report.exact) };
            assert_eq!(
                (exact.events, exact.gaps),
                (exact.judged, 0),
                "{what}, seed {seed}: every event is held against the record"
            );
        }
        for (one, other) in json.pairs.iter().zip(&compact.pairs) {
            assert_eq!(one.breaks, other.breaks);
            assert!(one.nodes.iter().all(|node| node.revisions == ["hardened"]), "{:?}", one.nodes);
            for (one, other) in one.directions.iter().zip(&other.directions) {
                let figures = |side: &midcomms_conformance::replay::DirectionReport| {
                    (side.delivered, side.retransmitted, side.duplicates, side.acks, side.fins, side.incarnations)
                };
                assert_eq!(figures(one), figures(other));
            }
        }
        messages += json.messages;
    }
    messages
}

#[test]
fn a_clean_run_is_accepted_and_counted_as_it_was() {
    let recording = Recording::new(1, Bodies::Sample);
    let mut world = World::new(1, [recording.observer(), None]);
    world.join();
    busy(&mut world, 200, false);
    world.leave();
    assert!(world.are_closed());
    let delivered = world.delivered.each_ref().map(|all| all.len() as u64);
    drop(world);
    let report = replayed(recording.finish().0.as_bytes());
    let pair = &report.pairs[0];
    assert_eq!([pair.directions[1].delivered, pair.directions[0].delivered], delivered);
    assert_eq!(pair.directions.each_ref().map(|side| (side.fins, side.retransmitted)), [(1, 0), (1, 0)]);
    assert!(pair.obligations.is_empty() && pair.stalls.is_empty(), "{:?} {:?}", pair.obligations, pair.stalls);
}

#[test]
fn runs_with_breaks_are_accepted() {
    let mut messages = 0;
    for seed in 0..60 {
        messages += accept("breaks", seed, Bodies::Sample, |world| {
            world.join();
            busy(world, 150, true);
            world.leave();
        });
    }
    assert!(messages > 20_000, "{messages}");
}

#[test]
fn every_way_to_keep_bodies_is_accepted() {
    let every = [Bodies::Full, Bodies::Hash, Bodies::Sample, Bodies::Sparse, Bodies::None];
    for (seed, bodies) in every.into_iter().enumerate() {
        accept("bodies", 100 + seed as u64, bodies, |world| {
            world.join();
            busy(world, 150, true);
            world.leave();
        });
    }
}

#[test]
fn leaving_and_joining_again_is_accepted() {
    for seed in 0..30 {
        accept("rejoin", 200 + seed, Bodies::Sample, |world| {
            for _ in 0..3 {
                world.join();
                busy(world, 40, seed % 2 == 0);
                world.leave();
                world.run(Duration::from_secs(1));
            }
        });
    }
}

#[test]
fn half_closing_fencing_and_adding_again_are_accepted() {
    for seed in 0..30 {
        accept("membership", 300 + seed, Bodies::Sample, |world| {
            world.join();
            busy(world, 30, true);
            world.input(0, Input::Shutdown);
            world.run(Duration::from_millis(200));
            busy(world, 30, true);
            world.input(1, Input::RemoveMember(LOCKSPACE));
            world.run(Duration::from_secs(8));
            world.join();
            busy(world, 30, true);
            world.input(0, Input::Fence);
            world.run(Duration::from_secs(3));
            world.input(0, Input::AddMember(LOCKSPACE));
            busy(world, 30, true);
            world.leave();
        });
    }
}

#[test]
fn a_peer_that_was_killed_and_comes_back_is_accepted() {
    for seed in 0..30 {
        let recording = Recording::new(1, Bodies::Sample);
        let mut world = World::new(400 + seed, [recording.observer(), None]);
        world.join();
        for _ in 0..3 {
            busy(&mut world, 40, true);
            world.restart(1, None);
            world.run(Duration::from_secs(3));
        }
        busy(&mut world, 40, true);
        world.leave();
        drop(world);
        let (json, compact) = recording.finish();
        assert_eq!(complaint(json.as_bytes()), None, "seed {seed}");
        assert_eq!(complaint(&compact), None, "seed {seed}");
    }
}

#[test]
fn a_node_that_was_killed_and_comes_back_begins_a_trace_that_is_accepted() {
    for seed in 0..30 {
        let mut world = World::new(500 + seed, [None, None]);
        world.join();
        busy(&mut world, 40, true);
        let recording = Recording::new(1, Bodies::Sample);
        world.restart(0, recording.observer());
        world.run(Duration::from_secs(3));
        busy(&mut world, 40, true);
        world.leave();
        drop(world);
        let (json, compact) = recording.finish();
        assert_eq!(complaint(json.as_bytes()), None, "seed {seed}");
        assert_eq!(complaint(&compact), None, "seed {seed}");
    }
}

#[test]
fn the_compact_form_as_json_lines_is_judged_the_same() {
    let recording = Recording::new(1, Bodies::Full);
    let mut world = World::new(600, [recording.observer(), None]);
    world.join();
    busy(&mut world, 100, true);
    drop(world);
    let (json, compact) = recording.finish();
    let events = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &serde_json::Value| line["event"] != "known").collect()
    };
    assert_eq!(events(&converted(&compact)), events(&json), "with full bodies nothing is lost");
    assert_eq!(complaint(converted(&compact).as_bytes()), None);
}

#[test]
fn bursts_are_accepted_whatever_is_kept_of_them() {
    let every = [Bodies::Full, Bodies::Hash, Bodies::Sample, Bodies::Sparse, Bodies::None];
    for (seed, bodies) in (0..15).zip(every.into_iter().cycle()) {
        let messages = accept("bursts", 700 + seed, bodies, |world| {
            world.join();
            bursts(world, 40, true);
            world.leave();
        });
        assert!(messages > 4000, "{messages}");
    }
}
