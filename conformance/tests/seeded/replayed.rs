//! Runs with a defect in both nodes.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use midcomms::midcomms::{Config, Defect, Event, Input, Kind, Shutdown};
use midcomms::recording::Bodies;

use crate::recorded::{Recording, replayed};
use crate::world::{LOCKSPACE, World, busy, new_peer};

const SEEDS: std::ops::Range<u64> = 1..5;
/// The body of a MSG of the least length.
const BODY_LEN: usize = 72;
const LONG: Duration = Duration::from_secs(20);

/// What is done, and whether it ends in order: all that was sent is delivered by copies that a break called for at the
/// latest, and every shutdown by its handshake.
struct Scenario {
    is_orderly: bool,
    run: fn(&mut World),
}

const fn orderly(run: fn(&mut World)) -> Scenario {
    Scenario { is_orderly: true, run }
}

const SCENARIOS: [Scenario; 9] = [
    orderly(|world| {
        world.join();
        busy(world, 100, false);
        world.leave();
    }),
    orderly(|world| {
        world.join();
        busy(world, 300, true);
        world.leave();
    }),
    // One leaves, the other later.
    orderly(|world| {
        world.join();
        busy(world, 40, false);
        world.input(0, Input::Shutdown);
        world.run(Duration::from_millis(200));
        world.input(1, Input::RemoveMember(LOCKSPACE));
        world.run(LONG);
    }),
    // One leaves, the other is shut down with its member.
    orderly(|world| {
        world.join();
        world.input(0, Input::Shutdown);
        world.run(Duration::from_millis(200));
        world.input(1, Input::Shutdown);
        world.run(LONG);
    }),
    // Both leave, one half a millisecond later.
    orderly(|world| {
        world.join();
        world.input(1, Input::Shutdown);
        world.run(Duration::from_micros(500));
        world.input(0, Input::Shutdown);
        world.run(LONG);
    }),
    // A shutdown that times out, and a new beginning.
    Scenario {
        is_orderly: false,
        run: |world| {
            world.join();
            busy(world, 40, false);
            world.input(0, Input::Shutdown);
            world.run(LONG);
            world.join();
            busy(world, 40, false);
            world.leave();
        },
    },
    // A shutdown before the other node is there.
    orderly(|world| {
        world.input(0, Input::AddMember(LOCKSPACE));
        world.input(0, Input::Shutdown);
        world.run(Duration::from_millis(1));
        world.input(1, Input::AddMember(LOCKSPACE));
        world.run(Duration::from_millis(1200));
        world.input(1, Input::Shutdown);
        world.run(LONG);
    }),
    // Reservations, committed after what came behind them.
    orderly(|world| {
        world.join();
        for round in 0..20 {
            let node = round % 2;
            let Ok(reservation) = world.peers[node].reserve(Kind::Msg, LOCKSPACE, BODY_LEN) else { continue };
            world.send(node, BODY_LEN);
            let _ = world.peers[node].commit(&reservation, |body| body[0] = 1);
            world.run(Duration::from_millis(10));
        }
        world.leave();
    }),
    // A member that is removed twice.
    orderly(|world| {
        world.join();
        world.leave();
        world.input(0, Input::RemoveMember(LOCKSPACE));
        world.join();
        assert_eq!(world.peers[0].members(), [LOCKSPACE]);
        world.leave();
    }),
];

/// What is told of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// By replay of each node's recording: rules by which it is refused.
    rules: BTreeSet<&'static str>,
    /// By replay: a stall.
    has_stall: bool,
    /// By the run itself, at its end.
    has_bad_end: bool,
}

fn ends_well(world: &World) -> bool {
    let is_fault = |event: &Event| {
        matches!(event, Event::Reset { .. } | Event::Unexpected(_) | Event::Misbehaved(_))
            || matches!(event, Event::ShutdownDone(outcome) if *outcome != Shutdown::Closed)
    };
    let [one, other] = &world.peers;
    let is_delivered = |from: &midcomms::midcomms::Peer, to: usize| {
        let sequenced = world.delivered[to].iter().filter(|delivery| delivery.seq.is_some()).count() as u64;
        from.counters().sent == sequenced && from.counters().timeouts == 0
    };
    !world.events.iter().flatten().any(is_fault) && is_delivered(one, 1) && is_delivered(other, 0)
}

fn run(defect: Option<Defect>, seed: u64, scenario: &Scenario) -> Told {
    let recordings = [1, 2].map(|node| Recording::new(node, Bodies::Sample));
    let mut world = World::new(seed, [None, None]);
    let config = Config { defect, ..Config::default() };
    let now = world.now;
    world.peers = [0, 1].map(|node| new_peer(node as u32 + 1, &config, now, recordings[node].observer()));
    let went_on = catch_unwind(AssertUnwindSafe(|| (scenario.run)(&mut world)));
    let is_closed = world.are_closed() && world.peers.iter().all(midcomms::midcomms::Peer::is_initial);
    let is_well = is_closed && (!scenario.is_orderly || ends_well(&world));
    drop(world);
    let mut told = Told { has_bad_end: went_on.is_err() || !is_well, ..Told::default() };
    for recording in recordings {
        for pair in &replayed(recording.finish().0.as_bytes()).pairs {
            told.rules.extend(pair.rejection.as_ref().map(|rejection| rejection.rule));
            told.has_stall |= !pair.stalls.is_empty();
        }
    }
    told
}

/// All that is told of a defect.
fn told(defect: Option<Defect>) -> Told {
    let mut all = Told::default();
    for scenario in &SCENARIOS {
        for seed in SEEDS {
            let one = run(defect, seed, scenario);
            all.rules.extend(one.rules);
            all.has_stall |= one.has_stall;
            all.has_bad_end |= one.has_bad_end;
        }
    }
    all
}

/// Who finds a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finder {
    /// Replay of what was recorded, by a rule.
    Replay(&'static str),
    /// The end of a recorded run: what it owes is not done.
    End,
    /// Only what feeds the core what no node of this crate sends, or compares more than messages: still to be wired to the
    /// driver of the core.
    Drive(&'static str),
}

fn finder(defect: Defect) -> Option<Finder> {
    use Finder::{Drive, End, Replay};
    Some(match defect {
        Defect::D4 => Replay("SND-4"),
        Defect::D3 => {
            Drive("a node that is bound asks STATUS only in a new incarnation, which restarts the record anyway")
        }
        Defect::D5 => {
            Drive("the order of an ACK and messages of one piece of work: a node that leaves may still send ACKs")
        }
        Defect::D12 => Drive("no node of this crate sends a second FIN"),
        Defect::D9 => return None,
        _ => End,
    })
}

#[test]
fn without_a_defect_nothing_is_told() {
    assert_eq!(told(None), Told::default());
}

#[test]
fn each_defect_is_found_by_what_should_find_it() {
    for defect in Defect::all() {
        let found = told(Some(defect));
        println!("{defect}: {:?} {found:?}", finder(defect));
        match finder(defect) {
            Some(Finder::Replay(rule)) => assert_eq!(found.rules, BTreeSet::from([rule]), "{defect}"),
            Some(Finder::End) => assert!(found.rules.is_empty() && found.has_bad_end, "{defect}: {found:?}"),
            // Where it is found after all, the table above has to say so.
            Some(Finder::Drive(_)) => assert_eq!(found, Told::default(), "{defect}"),
            None => assert!(defect.reason().is_some()),
        }
    }
}
