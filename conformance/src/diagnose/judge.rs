//! What follows from the evidence, pair by pair.

use std::collections::BTreeSet;

use midcomms_model::State;

use super::evidence::{Evidence, Node};
use super::layout::Unusable;
use super::report::{Diagnosis, FORMAT, NodeSummary, Outcome, PairDiagnosis, VERSION};
use super::snapshot::{RecordSeen, Snapshot};
use super::{owed, sockets, states};

/// Moments of two nodes that are further apart are not compared.
const SAME_MOMENT_SECONDS: f64 = 10.0;
/// Moments of one node that are closer together show no standstill.
pub(super) const STANDSTILL_SECONDS: f64 = 2.0;

/// One node of a pair, and what it shows of the other.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) id: u32,
    pub(super) peer: u32,
    pub(super) node: Option<&'a Node>,
    pub(super) now: Option<&'a Snapshot>,
    pub(super) before: Option<&'a Snapshot>,
}

impl<'a> Side<'a> {
    fn new(evidence: &'a Evidence, id: u32, peer: u32) -> Self {
        let node = evidence.nodes.get(&id);
        let before = node.and_then(|node| node.before(STANDSTILL_SECONDS));
        Self { id, peer, node, now: node.and_then(Node::now), before }
    }

    /// Its record about the peer; `None` where it has none, or nothing is known.
    pub(super) fn record(&self) -> Option<&'a RecordSeen> {
        self.now?.records.as_ref()?.get(&self.peer)
    }

    /// The record at the moment before.
    pub(super) fn record_before(&self) -> Option<&'a RecordSeen> {
        self.before?.records.as_ref()?.get(&self.peer)
    }

    /// The state of its record, CLOSED where it has none; `None` where nothing is known.
    pub(super) fn state(&self) -> Option<State> {
        state_in(self.now, self.peer)
    }

    /// The state at the moment before.
    pub(super) fn state_before(&self) -> Option<State> {
        state_in(self.before, self.peer)
    }

    /// Messages that it has sent and that are not acknowledged.
    pub(super) fn queue(&self) -> u64 {
        self.record().map_or(0, |record| record.queue)
    }
}

fn state_in(snapshot: Option<&Snapshot>, peer: u32) -> Option<State> {
    let records = snapshot?.records.as_ref()?;
    Some(records.get(&peer).map_or(State::Closed, |record| record.state))
}

/// The two nodes of a pair, and what is known of their connections.
pub(super) struct Couple<'a> {
    pub(super) sides: [Side<'a>; 2],
    pub(super) links: sockets::Links<'a>,
}

/// Judges every pair of nodes of which something is known.
pub fn judge(evidence: &Evidence, unusable: &[Unusable]) -> Diagnosis {
    let pairs: Vec<_> = pairs(evidence).into_iter().map(|nodes| pair(evidence, nodes)).collect();
    let mut diagnosis = Diagnosis {
        format: FORMAT,
        version: VERSION,
        outcome: Outcome::NothingOwed,
        nodes: evidence.nodes.iter().map(|(id, node)| summary(*id, node)).collect(),
        pairs,
        damage: evidence.damage.iter().map(|damage| format!("{}: {}", damage.place, damage.reason)).collect(),
        unusable: unusable.iter().map(ToString::to_string).collect(),
    };
    diagnosis.outcome = outcome(&diagnosis);
    diagnosis
}

fn outcome(diagnosis: &Diagnosis) -> Outcome {
    let decided = diagnosis.pairs.iter().all(|pair| pair.unknown.is_empty());
    let whole = diagnosis.damage.is_empty() && diagnosis.unusable.is_empty();
    if diagnosis.findings().next().is_some() {
        Outcome::Hangs
    } else if diagnosis.nodes.is_empty() || !diagnosis.unusable.is_empty() {
        Outcome::Unusable
    } else if decided && whole && !diagnosis.pairs.is_empty() {
        Outcome::NothingOwed
    } else {
        Outcome::NothingToConclude
    }
}

fn summary(id: u32, node: &Node) -> NodeSummary {
    NodeSummary {
        id,
        snapshots: node.snapshots.len(),
        log: node.log.is_some(),
        trace: node.trace.is_some(),
        kernel: node.kernel.clone(),
    }
}

/// Nodes of which something was collected, each with the others and with the peers that its records name.
fn pairs(evidence: &Evidence) -> BTreeSet<[u32; 2]> {
    let mut pairs = BTreeSet::new();
    for (id, node) in &evidence.nodes {
        let others = evidence.nodes.keys().copied();
        let snapshots = node.now().into_iter().filter_map(|snapshot| snapshot.records.as_ref());
        let named = snapshots.flatten().filter(|(_, record)| record.state != State::Closed || record.queue > 0);
        let peers = others.chain(named.map(|(peer, _)| *peer)).filter(|peer| peer != id);
        pairs.extend(peers.map(|peer| [*id.min(&peer), *id.max(&peer)]));
    }
    pairs
}

fn pair(evidence: &Evidence, nodes: [u32; 2]) -> PairDiagnosis {
    let [one, other] = nodes;
    let mut told = PairDiagnosis { nodes, ..PairDiagnosis::default() };
    let mut sides = [Side::new(evidence, one, other), Side::new(evidence, other, one)];
    drop_the_older(&mut sides, &mut told);
    let couple = Couple { links: sockets::Links::between(evidence, &sides), sides };
    for side in &couple.sides {
        if side.state().is_none() {
            let missing = if side.node.is_some() {
                "did not show its records now (comms.txt)"
            } else {
                "is not among what was collected"
            };
            told.unknown
                .push(format!("node {} {missing}: what it holds about node {} is not known", side.id, side.peer));
        }
    }
    owed::look(&couple, &mut told);
    states::look(&couple, &mut told);
    sockets::look(&couple, &mut told);
    settle(&couple, &mut told);
    told
}

fn drop_the_older(sides: &mut [Side<'_>; 2], told: &mut PairDiagnosis) {
    let times = sides.map(|side| side.now.and_then(|snapshot| snapshot.time));
    let [Some(one), Some(other)] = times else { return };
    if (one - other).abs() <= SAME_MOMENT_SECONDS {
        return;
    }
    let [first, second] = sides;
    let older = if one < other { first } else { second };
    let apart = (one - other).abs();
    told.notes.push(format!(
        "what node {} showed is {apart:.0} s older than what node {} showed: not compared",
        older.id, older.peer
    ));
    (older.now, older.before) = (None, None);
}

/// Nothing is open between two records that are CLOSED, whatever else is not known.
fn settle(couple: &Couple<'_>, told: &mut PairDiagnosis) {
    let [one, other] = &couple.sides;
    let closed = |side: &Side<'_>| side.state().is_none_or(|state| state == State::Closed) && side.queue() == 0;
    if closed(one) && closed(other) && (one.state().is_some() || other.state().is_some()) {
        told.unknown.clear();
    }
}
