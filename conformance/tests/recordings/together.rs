//! The recordings of two nodes of one run, held against each other.

use midcomms::midcomms::Input;
use midcomms::recording::Bodies;
use midcomms::wire::LockspaceId;
use midcomms_conformance::replay::{ReplayOptions, Together, Verdict, replay_together};
use serde_json::Value;

use crate::recorded::Recording;
use crate::world::{World, bursts, busy};

/// Both nodes' recordings of a run: as JSON lines, and compact.
fn recordings(seed: u64, bodies: Bodies, run: impl FnOnce(&mut World)) -> [(String, Vec<u8>); 2] {
    let recordings = [1, 2].map(|node| Recording::new(node, bodies));
    let mut world = World::new(seed, recordings.each_ref().map(Recording::observer));
    run(&mut world);
    drop(world);
    recordings.map(Recording::finish)
}

fn whole_run(world: &mut World) {
    for _ in 0..2 {
        world.join();
        busy(world, 120, true);
        world.leave();
        world.run(std::time::Duration::from_secs(1));
    }
}

fn judged(one: &[u8], other: &[u8]) -> Together {
    let inputs = vec![("one".to_owned(), one), ("other".to_owned(), other)];
    replay_together(inputs, None, &ReplayOptions::default())
        .map_err(|(name, error)| format!("{name}: {error}"))
        .unwrap()
}

fn complaint(together: &Together) -> Option<String> {
    let is_bad = |verdict| verdict != Some(Verdict::Accepted);
    let found: Vec<_> = together
        .iter()
        .filter(|(report, _)| is_bad(report.verdict) || report.error.is_some())
        .map(|(report, _)| format!("{:#?} {:#?} {:?}", report.between, report.exact, report.error))
        .collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

#[test]
fn two_recordings_of_one_run_tell_the_same() {
    let (mut messages, mut delivered) = (0, 0);
    for seed in 0..40 {
        let [one, two] = recordings(seed, Bodies::Sample, whole_run);
        for (one, two) in [(one.0.as_bytes(), two.0.as_bytes()), (&one.1, &two.1), (one.0.as_bytes(), &two.1)] {
            let together = judged(one, two);
            assert_eq!(complaint(&together), None, "seed {seed}");
            let between: Vec<_> = together.iter().flat_map(|(report, _)| &report.between).collect();
            assert_eq!(between.len(), 2);
            assert!(between.iter().all(|found| found.uncompared == 0), "seed {seed}: {between:#?}");
            messages += between.iter().map(|found| found.messages).sum::<u64>();
            delivered += between.iter().filter_map(|found| found.delivered).sum::<u64>();
        }
    }
    assert!(messages > 30_000 && delivered > 20_000, "{messages} {delivered}");
}

/// Falsifies the `nth` line of one node's recording that `is_one` chooses.
fn falsified(text: &str, is_one: impl Fn(&Value) -> bool, nth: usize, change: impl Fn(&mut Vec<u8>)) -> (String, u64) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let chosen = |line: &String| serde_json::from_str::<Value>(line).is_ok_and(|line| is_one(&line));
    let index = (0..lines.len()).filter(|index| chosen(&lines[*index])).nth(nth).unwrap();
    let mut line: Value = serde_json::from_str(&lines[index]).unwrap();
    let digits = line["message"]["bytes"].as_str().unwrap();
    let mut bytes: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    change(&mut bytes);
    line["message"]["bytes"] = Value::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines[index] = line.to_string();
    (lines.join("\n") + "\n", index as u64 + 1)
}

fn is_data(event: &str) -> impl Fn(&Value) -> bool {
    let event = event.to_owned();
    move |line| {
        let bytes = line["message"]["bytes"].as_str().unwrap_or_default();
        line["event"] == event.as_str() && bytes.len() > 200 && line["outcome"] != "duplicate"
    }
}

#[test]
fn a_body_that_changed_on_the_way_is_refused_at_the_line_that_read_it() {
    for nth in [0, 7, 20] {
        let [one, two] = recordings(3, Bodies::Full, |world| {
            world.join();
            busy(world, 120, false);
            world.leave();
        });
        let accepted = |line: &Value| is_data("read")(line) && line["outcome"] == "accepted";
        let (two, at) = falsified(&two.0, accepted, nth, |bytes| *bytes.last_mut().unwrap() ^= 1);
        let together = judged(one.0.as_bytes(), two.as_bytes());
        let refused: Vec<_> = together
            .iter()
            .flat_map(|(report, _)| &report.between)
            .filter_map(|found| found.rejection.as_ref())
            .map(|refused| (refused.rule, refused.frame))
            .collect();
        assert_eq!(refused, [("RUN-2", at)]);
    }
}

#[test]
fn recordings_of_different_runs_do_not_tell_the_same() {
    let [one, _] = recordings(4, Bodies::Sample, whole_run);
    let [_, two] = recordings(5, Bodies::Sample, whole_run);
    let together = judged(&one.1, &two.1);
    let rules: Vec<_> = together
        .iter()
        .flat_map(|(report, _)| &report.between)
        .filter_map(|found| found.rejection.as_ref())
        .map(|refused| refused.rule)
        .collect();
    assert!(!rules.is_empty(), "{together:#?}");
}

#[test]
fn a_node_that_was_killed_is_judged_as_far_as_its_recording_goes() {
    let [one, two] = recordings(6, Bodies::Sample, whole_run);
    let lines: Vec<_> = two.0.lines().collect();
    for share in [3, 5, 8] {
        let cut = lines[..lines.len() * share / 10].join("\n") + "\n";
        let together = judged(one.0.as_bytes(), cut.as_bytes());
        assert_eq!(complaint(&together), None, "{share}");
    }
}

/// Everything that can happen to a membership, at random.
fn any_run(world: &mut World) {
    for _ in 0..12 {
        let node = world.chance(2) as usize;
        let lockspace = LockspaceId(1 + world.chance(3) as u32);
        match world.chance(9) {
            0 => world.join(),
            1 | 2 => world.input(node, Input::AddMember(lockspace)),
            3 => world.input(node, Input::RemoveMember(lockspace)),
            4 => world.input(node, Input::Shutdown),
            5 if world.chance(3) == 0 => world.input(node, Input::Fence),
            6 => world.leave(),
            7 => world.run(std::time::Duration::from_secs(10)),
            _ => {
                let messages = 5 + world.chance(40) as usize;
                busy(world, messages, true);
            }
        }
        let pause = world.chance(200);
        world.run(std::time::Duration::from_millis(pause));
    }
}

fn accept_any_runs(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let [one, two] = recordings(seed, Bodies::Sample, any_run);
        let together = judged(one.0.as_bytes(), &two.1);
        for (report, _) in &together {
            let refused: Vec<_> = report.exact.iter().filter_map(|exact| exact.rejection.as_ref()).collect();
            let between: Vec<_> = report.between.iter().filter_map(|found| found.rejection.as_ref()).collect();
            assert!(refused.is_empty() && between.is_empty(), "seed {seed} {}: {refused:#?} {between:#?}", report.path);
            assert!(report.exact.iter().all(|exact| exact.gaps == 0 && exact.judged == exact.events), "seed {seed}");
        }
    }
}

#[test]
fn whatever_the_cluster_manager_does_the_record_follows_exactly() {
    accept_any_runs(1000..1060);
}

#[test]
#[ignore = "long: a thousand runs"]
fn whatever_the_cluster_manager_does_in_a_thousand_runs() {
    accept_any_runs(2000..3000);
}

/// Two recordings of one run in bursts, which kept different parts of long messages.
fn kept_differently(seed: u64, bodies: [Bodies; 2]) -> [Vec<u8>; 2] {
    let recordings = [(1, bodies[0]), (2, bodies[1])].map(|(node, bodies)| Recording::new(node, bodies));
    let mut world = World::new(seed, recordings.each_ref().map(Recording::observer));
    world.join();
    bursts(&mut world, 30, true);
    world.leave();
    drop(world);
    recordings.map(|recording| recording.finish().1)
}

#[test]
fn bursts_are_compared_by_what_both_recordings_kept_of_them() {
    let (full, hash, sample, sparse) = (Bodies::Full, Bodies::Hash, Bodies::Sample, Bodies::Sparse);
    for (seed, (bodies, are_compared)) in (0..).zip([
        ([sparse, sparse], true),
        ([sparse, sample], true),
        ([full, sparse], true),
        ([sample, sample], true),
        ([hash, sparse], false),
        ([Bodies::None, sparse], false),
    ]) {
        let [one, two] = kept_differently(seed, bodies);
        let together = judged(&one, &two);
        assert_eq!(complaint(&together), None, "{bodies:?}");
        let mut between = together.iter().flat_map(|(report, _)| &report.between);
        assert!(between.all(|found| found.are_bodies_compared == are_compared && found.messages > 1000), "{bodies:?}");
    }
}
