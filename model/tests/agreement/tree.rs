//! Every reachable state by its shortest path, and every transition out of it, as an observer sees them.

use std::collections::{BTreeMap, HashSet};

use midcomms_model::engine::{Exploration, Id, Options, explore};
use midcomms_model::record::State;
use midcomms_model::rules::Base;
use midcomms_model::system::action::Action;
use midcomms_model::system::space::Checked;
use midcomms_model::system::state::{Notice, Second};
use midcomms_model::system::{Environment, Property, World};
use midcomms_model::{Record, Revision, Seq};

use super::frontier::{Frontier, side};
use super::wire::{Done, Event, Numbers, Two, Wire, happen};

pub(crate) type Space = Checked<8, 2, 1>;

/// A revision in an environment.
pub(crate) struct Case {
    pub(crate) revision: Revision,
    pub(crate) world: World,
    pub(crate) numbers: Numbers,
}

impl Case {
    pub(crate) fn new(revision: Revision, environment: &str) -> Self {
        let environment = Environment::named(environment).unwrap().clone();
        let run = if revision == Revision::Linux6_12 { super::RUN } else { 1 };
        let zero = 0_u32.wrapping_sub(environment.first_number);
        let world = World::new(environment, [Base::Linux(revision).rules(); 3]);
        Self { revision, world, numbers: Numbers { run, zero } }
    }
}

/// What came of a case.
#[derive(Default)]
pub(crate) struct Survey {
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    /// States whose shortest path could not be followed, for it is refused.
    pub(crate) unreached: u64,
    /// States in which nothing is under way, by what could be compared in them.
    pub(crate) compared: BTreeMap<&'static str, u64>,
    pub(crate) most_explanations: usize,
    /// Disagreements by class: how many, and the shortest path to one.
    pub(crate) disagreements: BTreeMap<String, (u64, Vec<Action>, String)>,
}

/// What was done and seen up to a state.
#[derive(Clone)]
struct Seen {
    wire: Wire,
    done: Done,
    frontier: Frontier,
}

struct Walk<'a> {
    case: &'a Case,
    exploration: &'a Exploration<'a, Space>,
    taken: HashSet<Id>,
    path: Vec<Action>,
    survey: Survey,
}

pub(crate) fn survey(case: &Case) -> Survey {
    let space = Space { world: case.world.clone() };
    let options = Options { safety: Property::ExactlyOnceInOrder.bit(), ..Options::default() };
    let exploration = explore(&space, &options).unwrap();
    assert!(exploration.overflow.is_none() && exploration.unfinished().is_none());
    let survey = Survey { states: exploration.states, ..Survey::default() };
    let mut walk = Walk { case, exploration: &exploration, taken: HashSet::new(), path: Vec::new(), survey };
    let system = case.world.initial();
    let start = exploration.find(&case.world.pack(&system).0).unwrap();
    walk.taken.insert(start);
    let frontier = Frontier::new(case.revision, case.numbers);
    walk.visit(start, &system, &Seen { wire: Wire::new(), done: Done::default(), frontier });
    assert!(walk.survey.transitions == exploration.transitions || walk.survey.unreached_by(&walk.taken) > 0);
    walk.survey.unreached = walk.survey.unreached_by(&walk.taken);
    walk.survey
}

impl Survey {
    fn unreached_by(&self, taken: &HashSet<Id>) -> u64 {
        self.states - taken.len() as u64
    }
}

impl Walk<'_> {
    fn visit(&mut self, id: Id, system: &Two, seen: &Seen) {
        if let Err(refusal) = seen.frontier.end() {
            self.disagree("suspect to the end", &refusal, &seen.done);
        }
        self.compare(system, seen);
        let mut actions = Vec::new();
        self.case.world.actions(system, |action| actions.push(action));
        for action in actions {
            self.survey.transitions += 1;
            self.path.push(action);
            self.step(id, *system, seen, action);
            self.path.pop();
        }
    }

    fn step(&mut self, id: Id, mut system: Two, before: &Seen, action: Action) {
        let mut seen = Seen { wire: before.wire.clone(), done: before.done.clone(), frontier: before.frontier.clone() };
        let mut events = Vec::new();
        let heard = (&mut seen.wire, &mut seen.done, &mut events);
        happen((&self.case.world, self.case.numbers), &mut system, action, heard);
        for event in events {
            if let Err(refusal) = seen.frontier.see(event) {
                return self.disagree(&kind(event), &refusal, &seen.done);
            }
        }
        self.survey.most_explanations = self.survey.most_explanations.max(seen.frontier.pairs.len());
        let next = self.exploration.find(&self.case.world.pack(&system).0).unwrap();
        if self.exploration.parent(next) == Some(id) && self.taken.insert(next) {
            self.visit(next, &system, &seen);
        }
    }

    fn disagree(&mut self, what: &str, detail: &str, done: &Done) {
        let rule = detail.split(':').next().unwrap_or_default();
        let class = if done.is_haunted { format!("{rule} {what}, haunted") } else { format!("{rule} {what}") };
        let entry = self.survey.disagreements.entry(class).or_insert_with(|| (0, self.path.clone(), detail.to_owned()));
        entry.0 += 1;
        if self.path.len() < entry.1.len() {
            (entry.1, entry.2) = (self.path.clone(), detail.to_owned());
        }
    }

    /// Where nothing is under way, what was read is what was seen, unless it was lost or a record was reset unseen.
    fn compare(&mut self, system: &Two, seen: &Seen) {
        if !is_settled(system) {
            return;
        }
        let Seen { done, frontier, .. } = seen;
        let kind = match done {
            _ if done.has_hidden_reset => "nothing: a record was reset, which is not seen",
            _ if done.is_haunted => "nothing: an incarnation met another than its own (H4, H5), which is not seen",
            _ if done.has_delayed => "nothing: something was handled late, which is not seen",
            _ if done.has_lost => "order: something was lost, which may have been seen",
            _ if self.case.numbers.zero != 0 => "order: the beginning is not seen",
            _ => "all",
        };
        *self.survey.compared.entry(kind).or_insert(0) += 1;
        let differences = |pair| match kind {
            "all" => self.differences(system, seen, pair),
            _ if kind.starts_with("order") => {
                let nodes = [0, 1].into_iter();
                let is_prefix = |node: &usize| !frontier.told(pair, *node).starts_with(&done.delivered[*node]);
                nodes.filter(is_prefix).map(|node| format!("order: node {}", node + 1)).collect()
            }
            _ => Vec::new(),
        };
        let mut pairs = frontier.pairs.clone();
        pairs.iter_mut().for_each(|pair| drop(pair.end()));
        let found: Vec<Vec<String>> = pairs.iter().map(differences).collect();
        if let Some(least) = found.iter().min_by_key(|found| found.len())
            && let Some(first) = least.first()
        {
            let first = first.clone();
            self.disagree("in a settled state", &first, done);
        }
    }

    fn differences(&self, system: &Two, seen: &Seen, pair: &midcomms_model::Pair<(u8, u32, bool)>) -> Vec<String> {
        let mut found = Vec::new();
        for node in [0, 1] {
            let mut tell = |what: &str, checker: String, observer: String| {
                if checker != observer {
                    found.push(format!("{what}: of node {} it is {checker}, told {observer}", node + 1));
                }
            };
            let observed = pair.node(side(node));
            let real = self.as_seen(&system.end(node, 1 - node).record, &seen.wire, node);
            let record = observed.record();
            let states = [name(real.state), name(record.state)];
            tell(&format!("state {} told as {}", states[0], states[1]), states[0].clone(), states[1].clone());
            tell("seq_send", real.seq_send.to_string(), record.seq_send.to_string());
            tell("seq_next", real.seq_next.to_string(), record.seq_next.to_string());
            tell("queue head", real.queue_head.to_string(), record.queue_head.to_string());
            tell("fin", format!("{:?}", real.fin), format!("{:?}", record.fin));
            tell("duplicates", seen.done.duplicates[node].to_string(), observed.counts().duplicates.to_string());
            tell("gaps", seen.done.gaps[node].to_string(), observed.counts().gaps.to_string());
            let delivered = &seen.done.delivered[node];
            tell("delivered", format!("{delivered:?}"), format!("{:?}", seen.frontier.told(pair, node)));
        }
        found
    }

    /// The checker's record with its numbers as they are on the wire.
    fn as_seen(&self, record: &Record, wire: &Wire, node: usize) -> Record {
        let number = |seq, fin| self.case.numbers.of(&self.case.world, seq, fin);
        let heard_fin = wire.is_behind_fin(node).then(|| Seq(record.seq_next.0.wrapping_sub(1)));
        Record {
            seq_send: number(record.seq_send, record.fin),
            seq_next: number(record.seq_next, heard_fin),
            queue_head: number(record.queue_head, record.fin),
            fin: record.fin.map(|fin| number(fin, None)),
            ..*record
        }
    }
}

/// A record that was added and one that was not look the same on the wire.
fn name(state: State) -> String {
    match state {
        State::Closed | State::Established => "open or not".to_owned(),
        _ => state.to_string(),
    }
}

fn is_settled(system: &Two) -> bool {
    [(0, 1), (1, 0)].into_iter().all(|(x, y)| {
        let end = system.end(x, y);
        end.link.fifo.is_empty() && end.stale_len == 0 && end.notice == Notice::Quiet && end.second == Second::Done
    })
}

/// What kind of thing was seen.
fn kind(event: Event) -> String {
    match event {
        Event::Sent { what, .. } if what.is_bare => format!("at bare {:?}", what.kind),
        Event::Sent { what, .. } => format!("at {:?}", what.kind),
        _ => "at a connection".to_owned(),
    }
}
