//! What replay infers from a capture, against what the kernels themselves recorded: `traces/kernel/NAME/`.
//!
//! Known to be incomplete: `heavy-k61` has no delivered files, `halfclose-k61` none for node 1, and `crash-k612`
//! covers of node 2 only its second life.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use midcomms_conformance::capture::{CaptureReader, Timestamp};
use midcomms_conformance::replay::{
    DeliverySink, Label, NoDeliveries, NodeRecord, Replay, ReplayOptions, Verdict, replay_files,
};
use midcomms_model::Record;
use midcomms_model::record::Event;

/// Captures whose ground truth is complete.
const COMPLETE: [&str; 13] = [
    "clean-k61",
    "clean-k612",
    "clean-kmix",
    "halfclose-k612",
    "latetold-k612",
    "reconnect-k61",
    "reconnect-k612",
    "rejoin-k612",
    "sctp-k612",
    "simulclose-k61",
    "stallhunt-k612",
    "three-k612",
    "threereconnect-k612",
];

/// Nodes with 6.1, whose kernel traces no RCOM at all.
const WITHOUT_RCOM: [(&str, &[u32]); 4] =
    [("clean-k61", &[1, 2]), ("clean-kmix", &[1]), ("reconnect-k61", &[1, 2]), ("simulclose-k61", &[1, 2])];

/// Snapshots of a node whose peer's machine is dead: what it goes on sending reaches nobody and is in no capture, so
/// that its queue is longer than what was seen.
const SENDS_TO_THE_DEAD: [(&str, &str); 1] = [("crash-k612", "after kill")];

/// Seconds by which a snapshot's time may be late: it was noted when the shell had returned.
const SNAPSHOT_TAKES: f64 = 1.5;

fn kernel() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel")
}

fn read_zst(path: &Path) -> String {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A delivery or a sending, as replay and kernel both know it.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    seconds: f64,
    seq: u32,
    length: u16,
    what: String,
}

impl Told {
    fn key(&self) -> (u32, u16, &str) {
        (self.seq, self.length, &self.what)
    }
}

#[derive(Default)]
struct Inferred(BTreeMap<(u32, u32), Vec<Told>>);

impl DeliverySink for Inferred {
    fn deliver(&mut self, from: u32, to: u32, seq: u32, label: &Label) {
        // The kernel traces no RCOM reply.
        if label.cmd() == "RCOM" && label.type_name().ends_with("_REPLY") {
            return;
        }
        let seconds = label.time().0 as f64 / 1e9;
        let what = format!("{} {}", label.cmd(), label.type_name());
        let told = Told { seconds, seq, length: label.length(), what };
        self.0.entry((from, to)).or_default().push(told);
    }
}

/// `node`'s file `kind`, by peer.
fn truth(name: &str, node: u32, kind: &str) -> BTreeMap<u32, Vec<Told>> {
    let mut by_peer: BTreeMap<u32, Vec<Told>> = BTreeMap::new();
    let path = kernel().join(name).join(format!("node{node}.{kind}.tsv.zst"));
    for line in read_zst(&path).lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [seconds, peer, seq, length, cmd, kind] = fields[..] else { panic!("{line}") };
        // 6.1 does not say to whom it sends: there are two nodes.
        let peer = peer.parse().unwrap_or(3 - node);
        by_peer.entry(peer).or_default().push(Told {
            seconds: seconds.parse().unwrap(),
            seq: seq.parse().unwrap(),
            length: length.parse().unwrap(),
            what: format!("{cmd} {kind}"),
        });
    }
    by_peer
}

fn capture(name: &str) -> PathBuf {
    kernel().join(format!("{name}.pcap.zst"))
}

fn infer(name: &str) -> Inferred {
    let mut inferred = Inferred::default();
    let report = replay_files(&[capture(name)], &ReplayOptions::default(), &mut inferred).unwrap();
    assert_eq!(report.verdict, Some(Verdict::Accepted), "{name}");
    inferred
}

fn first_difference(inferred: &[Told], told: &[Told]) -> String {
    let differ = inferred.iter().zip(told).position(|(one, other)| one.key() != other.key());
    let at = differ.unwrap_or(inferred.len().min(told.len()));
    let around = |list: &[Told]| {
        list.iter().skip(at.saturating_sub(2)).take(5).map(|told| format!("{told:?}")).collect::<Vec<_>>()
    };
    format!(
        "inferred {} and told {}; first difference at {at}: inferred {:#?}, told {:#?}",
        inferred.len(),
        told.len(),
        around(inferred),
        around(told)
    )
}

fn assert_same_list(name: &str, inferred: &[Told], told: &[Told]) {
    let is_same = inferred.iter().map(Told::key).eq(told.iter().map(Told::key));
    assert!(is_same, "{name}: {}", first_difference(inferred, told));
}

#[test]
fn what_is_inferred_as_delivered_is_what_the_kernels_delivered() {
    let mut compared = 0;
    for name in COMPLETE {
        for ((from, to), mut inferred) in infer(name).0 {
            if WITHOUT_RCOM.iter().any(|(of, nodes)| *of == name && nodes.contains(&to)) {
                inferred.retain(|delivery| !delivery.what.starts_with("RCOM"));
            }
            let told = truth(name, to, "delivered").remove(&from).unwrap_or_default();
            assert_same_list(&format!("{name} {from} > {to}"), &inferred, &told);
            compared += told.len();
        }
    }
    assert!(compared > 100_000, "only {compared} deliveries were compared");
}

#[test]
fn where_ground_truth_is_partial_what_there_is_agrees() {
    let inferred = infer("halfclose-k61");
    let told = truth("halfclose-k61", 2, "delivered").remove(&1).unwrap();
    assert_same_list("halfclose-k61", &inferred.0[&(1, 2)], &told);

    let inferred = infer("crash-k612");
    let told = truth("crash-k612", 1, "delivered").remove(&2).unwrap();
    assert_same_list("crash-k612 2 > 1", &inferred.0[&(2, 1)], &told);
    let told = truth("crash-k612", 2, "delivered").remove(&1).unwrap();
    let all = &inferred.0[&(1, 2)];
    let second_life = all.iter().rposition(|delivery| delivery.seq == 0).unwrap();
    assert_same_list("crash-k612 1 > 2", &all[second_life..], &told);
}

/// Guest and capture clocks differ by a constant that nobody wrote down. There must be one with which every message
/// was sent before the frame that first shows it and delivered after the frame from which replay says it was.
#[test]
fn every_delivery_comes_after_its_frame() {
    for name in COMPLETE {
        let mut inferred = infer(name);
        for frames in inferred.0.values_mut() {
            frames.retain(|delivery| !delivery.what.starts_with("RCOM"));
        }
        let nodes: BTreeSet<u32> = inferred.0.keys().map(|(_, to)| *to).collect();
        for node in nodes {
            let (mut at_least, mut at_most) = (f64::MIN, f64::MAX);
            for (&(from, to), frames) in &inferred.0 {
                if to == node {
                    let told = &truth(name, node, "delivered")[&from];
                    for (frame, told) in frames.iter().zip(told.iter().filter(|told| told.what.starts_with("MSG"))) {
                        at_least = at_least.max(frame.seconds - told.seconds);
                    }
                }
                if from == node {
                    // What is delivered from a frame was sent before it.
                    let told = &truth(name, node, "sent")[&to];
                    for (frame, told) in frames.iter().zip(told.iter().filter(|told| told.what.starts_with("MSG"))) {
                        if frame.key() != told.key() {
                            break; // the rest was sent and never delivered
                        }
                        at_most = at_most.min(frame.seconds - told.seconds);
                    }
                }
            }
            // Both are clocks of emulated machines: they drift.
            assert!(at_least < at_most + 0.020, "{name} node {node}: {at_least} {at_most}");
        }
    }
}

struct Snapshot {
    seconds: f64,
    node: u32,
    peer: u32,
    state: String,
    queue: u32,
    has_version: bool,
    label: String,
    sends_to_the_dead: bool,
}

fn snapshots(name: &str) -> Vec<Snapshot> {
    let text = fs::read_to_string(kernel().join(name).join("comms.txt")).unwrap();
    let mut found = Vec::new();
    let mut head: Option<(f64, u32, String)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("--- ") {
            let (seconds, rest) = rest.split_once(' ').unwrap();
            let (node, label) = rest.strip_prefix("vm").unwrap().split_once(' ').unwrap();
            head = Some((seconds.parse().unwrap(), node.parse().unwrap(), label.to_owned()));
        } else if let Some(rest) = line.strip_prefix("/sys/kernel/debug/dlm/comms/") {
            let (seconds, node, label) = head.clone().unwrap();
            let Some((peer, rest)) = rest.split_once(" state=") else {
                continue;
            };
            let Ok(peer) = peer.parse::<u32>() else {
                continue;
            };
            let field = |key: &str| rest.split_once(key).unwrap().1.split(' ').next().unwrap().to_owned();
            found.push(Snapshot {
                seconds,
                node,
                peer,
                state: rest.split(' ').next().unwrap().to_owned(),
                queue: field("sendq=").parse().unwrap(),
                has_version: field("version=") != "0x00000000",
                sends_to_the_dead: SENDS_TO_THE_DEAD.contains(&(name, &label)),
                label,
            });
        }
    }
    found
}

impl Snapshot {
    fn shows(&self, record: &Record) -> bool {
        self.state == record.state.name()
            && (self.queue == record.queue_len() || (self.sends_to_the_dead && self.queue > record.queue_len()))
            && self.has_version == record.version.is_some()
    }

    /// While no connection is left, the record may have been reset, or a FIN may wait for the next connection.
    fn agrees(&self, known: &NodeRecord) -> bool {
        let mut with_fin = known.record;
        if with_fin.step(Event::RemoveMember).is_ok_and(|actions| actions.send_fin) {
            with_fin.take_fin();
        }
        let hidden = [Record::default(), with_fin];
        self.shows(&known.record) || (known.may_be_reset && hidden.iter().any(|record| self.shows(record)))
    }
}

/// What the comparison with a snapshot gave so far.
#[derive(Clone, Copy, Default)]
struct Comparison {
    /// Records that were compared: more than one where there was traffic meanwhile.
    moments: usize,
    agreed: bool,
    /// The state and version agreed; under load the queue also holds what waits in the output, which nobody sees.
    agreed_under_load: bool,
    last: Option<NodeRecord>,
}

impl Comparison {
    fn compare(&mut self, snapshot: &Snapshot, known: NodeRecord) {
        self.moments += 1;
        self.agreed |= snapshot.agrees(&known);
        let record = &known.record;
        self.agreed_under_load |= snapshot.state == record.state.name()
            && snapshot.has_version == record.version.is_some()
            && snapshot.queue > record.queue_len();
        self.last = Some(known);
    }

    fn is_good(&self) -> bool {
        self.agreed || (self.moments > 20 && self.agreed_under_load)
    }
}

/// Replays `name` and compares every snapshot with the records during the seconds before it. How many agreed exactly.
fn compare_snapshots(name: &str) -> usize {
    let snapshots = snapshots(name);
    let options = ReplayOptions::default();
    let mut sink = NoDeliveries;
    let mut replay = Replay::new(&options, &mut sink);
    let mut comparisons = vec![Comparison::default(); snapshots.len()];
    let mut look = |replay: &Replay<'_>, from: f64, to: f64| {
        for (snapshot, comparison) in snapshots.iter().zip(&mut comparisons) {
            let is_meanwhile = from <= snapshot.seconds && snapshot.seconds - SNAPSHOT_TAKES <= to;
            let of = (snapshot.node, snapshot.peer);
            let known = replay.records().find(|known| is_meanwhile && (known.node, known.peer) == of);
            if let Some(known) = known {
                comparison.compare(snapshot, known);
            }
        }
    };
    let mut last = Timestamp(i64::MAX);
    let seconds = |time: Timestamp| time.0 as f64 / 1e9;
    CaptureReader::open(&capture(name), &options.capture).unwrap().read(&mut |observed| {
        if last < observed.time {
            look(&replay, seconds(last), seconds(observed.time));
        }
        replay.observe(&observed);
        last = observed.time;
    });
    look(&replay, seconds(last), f64::MAX);
    for (snapshot, comparison) in snapshots.iter().zip(&comparisons) {
        if let Some(known) = comparison.last.filter(|_| !comparison.is_good()) {
            let Snapshot { node, peer, label, state, queue, has_version, .. } = snapshot;
            panic!(
                "{name} node {node} about {peer} {label:?}: told {state} queue {queue} version {has_version}, \
                 inferred {known:?}"
            );
        }
    }
    comparisons.iter().filter(|comparison| comparison.agreed).count()
}

#[test]
fn records_agree_with_what_the_kernels_showed_of_them() {
    let partial = ["crash-k612", "halfclose-k61", "heavy-k61"];
    let compared: usize = COMPLETE.into_iter().chain(partial).map(compare_snapshots).sum();
    assert!(compared > 60, "only {compared} snapshots were compared");
}
