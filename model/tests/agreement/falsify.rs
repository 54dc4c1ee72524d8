//! One message of a run of the checker changed, so that no run of the checker shows what is seen then.

use std::collections::{BTreeMap, HashSet};

use midcomms_model::system::action::Action;
use midcomms_model::system::wire::Kind;

use super::frontier::Frontier;
use super::tree::Case;
use super::wire::{Done, Event, Numbers, Two, What, Wire, happen};

/// More possibilities than this are not followed.
const MOST_POSSIBLE: usize = 60_000;

/// What is done to a message; nothing where it cannot be done.
type Change = fn(What, Numbers) -> Option<What>;

/// Where the changed message comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Instead,
    Behind,
}

use Place::{Behind, Instead};

/// Every change: its name, and where the changed message comes.
const CHANGES: &[(&str, Place, Change)] = &[
    ("a number too high", Instead, |what, numbers| sequenced(what).map(|what| further(what, numbers.run))),
    ("a number too low", Instead, |what, numbers| {
        sequenced(what).filter(|what| what.seq >= numbers.run).map(|what| What { seq: what.seq - numbers.run, ..what })
    }),
    ("an ACK too high", Instead, |what, numbers| ack(what).map(|what| further(what, numbers.run))),
    ("an ACK too low", Instead, |what, numbers| {
        ack(what)
            .filter(|what| what.seq > 0)
            .map(|what| What { seq: (what.seq - 1) / numbers.run * numbers.run, ..what })
    }),
    ("an ACK twice", Behind, |what, _| ack(what)),
    ("FIN for data", Instead, |what, _| data(what).map(|what| What { kind: Kind::Fin, life: 0, ..what })),
    ("data for FIN", Instead, |what, _| fin(what).map(|what| What { kind: Kind::Data, ..what })),
    ("a second FIN", Behind, |what, _| fin(what).map(|what| further(what, 1))),
    ("data behind the FIN", Behind, |what, _| fin(what).map(|what| What { kind: Kind::Data, ..further(what, 1) })),
    ("a copy without a break", Behind, |what, _| sequenced(what)),
    ("another body", Behind, |what, _| data(what).map(|what| What { life: what.life + 1, ..what })),
    ("bare data", Instead, |what, _| data(what).map(|what| What { is_bare: true, seq: 0, life: 0, ..what })),
    ("a bare FIN", Instead, |what, _| fin(what).map(|what| What { is_bare: true, seq: 0, ..what })),
    ("another version", Instead, |what, _| Some(What { is_old: !what.is_old, ..what })),
];

fn data(what: What) -> Option<What> {
    (what.kind == Kind::Data && !what.is_bare).then_some(what)
}

fn fin(what: What) -> Option<What> {
    (what.kind == Kind::Fin).then_some(what)
}

fn sequenced(what: What) -> Option<What> {
    data(what).or(fin(what))
}

fn ack(what: What) -> Option<What> {
    (what.kind == Kind::Ack).then_some(what)
}

fn further(what: What, by: u32) -> What {
    What { seq: what.seq.wrapping_add(by), ..what }
}

/// What came of the changes of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) refused: u32,
    pub(crate) granted: u32,
    /// The checker can do it too.
    pub(crate) possible: u32,
    /// The shortest run in which it was granted.
    pub(crate) example: Vec<Event>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Possibility {
    system: Two,
    wire: Wire,
    /// What the last action shows beyond what was seen.
    rest: Vec<Event>,
}

/// Every way in which what was seen may have come about.
struct Belief {
    possible: HashSet<Possibility>,
}

impl Belief {
    fn new(case: &Case) -> Self {
        let start = Possibility { system: case.world.initial(), wire: Wire::new(), rest: Vec::new() };
        Self::closed(case, [start].into())
    }

    /// With all that can happen and is not seen.
    fn closed(case: &Case, possible: HashSet<Possibility>) -> Self {
        let mut open: Vec<Possibility> = possible.iter().filter(|one| one.rest.is_empty()).cloned().collect();
        let mut possible = possible;
        while let Some(one) = open.pop() {
            case.world.actions(&one.system, |action| {
                let Possibility { mut system, mut wire, mut rest } = one.clone();
                let mut done = Done::default();
                happen((&case.world, case.numbers), &mut system, action, (&mut wire, &mut done, &mut rest));
                let next = Possibility { system, wire, rest };
                if possible.insert(next.clone()) && next.rest.is_empty() {
                    open.push(next);
                }
            });
        }
        Self { possible }
    }

    fn allows(&self, event: Event) -> bool {
        self.possible.iter().any(|one| one.rest.first() == Some(&event))
    }

    fn after(&self, case: &Case, event: Event) -> Self {
        let fits = self.possible.iter().filter(|one| one.rest.first() == Some(&event)).cloned();
        let fits = fits.map(|mut one| {
            one.rest.remove(0);
            one
        });
        Self::closed(case, fits.collect())
    }
}

/// Pseudo-random numbers (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// What is seen of a run to where nothing happens any more, or as far as `most` actions.
fn run(case: &Case, chance: &mut Chance, most: usize) -> Vec<Event> {
    let (mut system, mut wire, mut done, mut events) = (case.world.initial(), Wire::new(), Done::default(), Vec::new());
    for _ in 0..most {
        let mut actions: Vec<Action> = Vec::new();
        case.world.actions(&system, |action| actions.push(action));
        if actions.is_empty() {
            break;
        }
        let action = actions[chance.below(actions.len())];
        happen((&case.world, case.numbers), &mut system, action, (&mut wire, &mut done, &mut events));
    }
    events
}

/// Changes every message of some runs in every way.
pub(crate) fn falsify(case: &Case, runs: u64, tallies: &mut BTreeMap<&'static str, Tally>) {
    for seed in 1..=runs {
        let events = run(case, &mut Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), 60);
        let mut frontier = Frontier::new(case.revision, case.numbers);
        let mut before = Belief::new(case);
        for (index, event) in events.iter().copied().enumerate() {
            let mut seen = frontier.clone();
            if before.possible.len() > MOST_POSSIBLE || seen.see(event).is_err() {
                break; // What is refused although it is true is a matter of the other tests.
            }
            let after = before.after(case, event);
            if let Event::Sent { conn, from, what } = event {
                for (name, place, change) in CHANGES {
                    let Some(what) = change(what, case.numbers) else { continue };
                    let changed = Event::Sent { conn, from, what };
                    let (belief, frontier) = if *place == Instead { (&before, &frontier) } else { (&after, &seen) };
                    let tally = tallies.entry(name).or_default();
                    if belief.allows(changed) {
                        tally.possible += 1;
                    } else if is_refused(frontier, changed, &events[index + 1..]) {
                        tally.refused += 1;
                    } else {
                        tally.granted += 1;
                        if tally.example.is_empty() || index < tally.example.len() {
                            tally.example = events[..index + usize::from(*place == Behind)].to_vec();
                            tally.example.push(changed);
                        }
                    }
                }
            }
            (frontier, before) = (seen, after);
        }
    }
}

/// Whether what was seen is refused at the changed message or behind it.
fn is_refused(frontier: &Frontier, changed: Event, rest: &[Event]) -> bool {
    let mut frontier = frontier.clone();
    let events = [changed].into_iter().chain(rest.iter().copied());
    events.map(|event| frontier.see(event)).any(|seen| seen.is_err()) || frontier.end().is_err()
}
