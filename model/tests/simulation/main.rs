//! Two simulated nodes, written from `PROTOCOL.md` alone, do whatever it allows; an observer judges what it sees. True
//! traffic must never be refused, and what is inferred as delivered must be what was delivered.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod choices;
mod network;
mod node;
mod observer;
mod world;

use std::collections::BTreeMap;

use choices::Choices;
use midcomms_model::Revision;
use world::{Environment, World};

struct Run {
    world: World,
    taken: Vec<Vec<u32>>,
}

fn simulate(mut choices: Choices, mask: u32) -> Run {
    choices.next_step();
    let mut knob = |bit: u32| choices.chance(50) && mask & (1 << bit) != 0;
    let environment = Environment {
        breaks: knob(0),
        fences: knob(1),
        timeouts: knob(2),
        silent: knob(3),
        late_ends: knob(4),
        stale_input: knob(5),
        stale_output: knob(6),
    };
    let allows_5_14 = knob(7);
    let revision = |choices: &mut Choices| match choices.below(3) {
        0 => Revision::Linux6_12,
        2 if allows_5_14 => Revision::Linux5_14,
        _ => Revision::Linux6_1,
    };
    let revisions = [revision(&mut choices), revision(&mut choices)];
    let length = 50 + choices.below(500);
    let mut world = World::new(environment, revisions);
    for node in &mut world.nodes {
        node.resets_on_bare |= node.revision == Revision::Linux6_1 && choices.chance(30);
    }
    world.patience = [0, 60, 90, 97][choices.below(4)];
    for _ in 0..length {
        if !choices.next_step() {
            break;
        }
        world.step(&mut choices);
    }
    world.settle(&mut Choices::played(vec![]));
    Run { world, taken: choices.into_taken() }
}

/// What kind of failure it is: the message without its numbers.
fn class(error: &str) -> String {
    let kind = error.split(':').next().unwrap_or_default();
    let refusal = error.split("Refusal").nth(1).unwrap_or_default();
    let words = refusal.split(|c: char| !c.is_ascii_alphabetic() && c != '-' && c != '_');
    let words: Vec<&str> = words.filter(|word| word.len() > 1).take(14).collect();
    let rule = refusal.split("rule: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    format!("{kind} {rule} {}", words.join(" "))
}

fn outcome(run: &Run) -> Result<(observer::Told, usize), String> {
    observer::check(&run.world)
}

fn show(run: &Run, error: &str) -> String {
    let network = &run.world.network;
    let mut text = format!("{error}\n{:?}\n", run.world.environment);
    for (n, node) in run.world.nodes.iter().enumerate() {
        text += &format!("node {n}: {}\n", node.revision);
    }
    for line in observer::describe_all(network) {
        text += &format!("  {line}\n");
    }
    for n in [0, 1] {
        let accepted: Vec<_> = run.world.accepted[n].iter().map(|a| (a.seq, a.body)).collect();
        let (head, tail) = accepted.split_at(accepted.len().min(12));
        text += &format!("accepted by {n}: {head:?} and {} more\n", tail.len());
    }
    text
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn true_traffic_is_never_refused_and_told_as_it_was() {
    let first = env("MIDCOMMS_SIM_FIRST", 0);
    let count = env("MIDCOMMS_SIM_SEEDS", 2000);
    let mask = env("MIDCOMMS_SIM_MASK", 0xff) as u32;
    let contaminated_too = env("MIDCOMMS_SIM_CONTAMINATED", 0) == 1;
    let mut classes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (mut max_frontier, mut ambiguous, mut messages, mut contaminated, mut delivered, mut restless, mut resets) =
        (0, 0, 0, 0, 0, 0, 0);
    for seed in first..first + count {
        let run = simulate(Choices::seeded(seed), mask);
        messages += run.world.network.seen.len();
        delivered += run.world.accepted.iter().map(Vec::len).sum::<usize>();
        contaminated += usize::from(run.world.is_contaminated);
        restless += usize::from(!run.world.is_at_rest());
        resets += run.world.resets;
        if !run.world.is_at_rest() {
            continue;
        }
        if run.world.is_contaminated && !contaminated_too {
            continue;
        }
        match outcome(&run) {
            Ok((told, unknown)) => {
                max_frontier = max_frontier.max(told.max_frontier);
                ambiguous += unknown;
            }
            Err(error) => {
                let entry = classes.entry(class(&error)).or_insert((0, seed));
                entry.0 += 1;
            }
        }
    }
    println!(
        "seeds {count}, events {messages}, delivered {delivered}, resets {resets}, contaminated {contaminated}, \
         restless {restless}, ambiguous {ambiguous}, frontier {max_frontier}"
    );
    for (class, (count, seed)) in &classes {
        println!("{count:6}  seed {seed}  {class}");
    }
    let only = env("MIDCOMMS_SIM_ONLY", u64::MAX);
    for (class_name, (_, seed)) in classes.iter().filter(|(_, (_, seed))| only == u64::MAX || only == *seed) {
        let run = simulate(Choices::seeded(*seed), mask);
        let fails = |steps: &[Vec<u32>]| {
            let run = simulate(Choices::played(steps.to_vec()), mask);
            (contaminated_too || !run.world.is_contaminated)
                && run.world.is_at_rest()
                && outcome(&run).is_err_and(|error| class(&error) == *class_name)
        };
        let steps = choices::shrink(run.taken, fails);
        let small = simulate(Choices::played(steps), mask);
        let error = outcome(&small).err().unwrap_or_default();
        println!("seed {seed}: {}", show(&small, &error));
    }
    assert!(classes.is_empty(), "see above");
}
