//! Replays what was captured against the model: per pair of nodes, the set of explanations of what was seen.
//!
//! Knows frames, addresses and times; what messages may follow each other only the model knows.

mod label;
mod native;
mod own;
mod pair;
pub mod picture;
mod report;
mod session;
mod together;
mod translate;
mod watch;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use midcomms_model::{Record, Refusal, RevisionSet, Side, rule};

use crate::capture::{
    CaptureError, CaptureOptions, CaptureSummary, ConnId, Direction, Endpoint, Observed, TransportEvent,
};
use crate::hash::FoldState;
use crate::messages::{Item, Messages, Seen};

pub use label::Label;
pub use native::{Source, replay_native};
pub use pair::DeliverySink;
use pair::{Arrived, PairReplay};
pub use report::{
    BetweenReport, DirectionReport, ExactReport, FileReport, FrontierReport, NodeReport, Obligation, PairReport,
    Rejection, StallReport, Verdict,
};
pub use session::Session;
pub use together::{Together, TogetherError, replay_run, replay_together};
use translate::{Translated, translate};

/// Pairs of addresses that are judged in one input.
const MAX_PAIRS: usize = 1 << 12;

/// How to judge.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// What to read.
    pub capture: CaptureOptions,
    /// The revisions that a node may speak, by node id.
    pub revisions: HashMap<u32, RevisionSet>,
    /// The revisions that every other node may speak.
    pub default_revisions: RevisionSet,
    /// Explanations kept at the same time for one pair.
    pub budget: usize,
    /// Seconds for which a pair talks past an open gap before that is called a stall.
    pub stall_after: f64,
    /// Whether to keep what a picture of each pair is made of.
    pub pictures: bool,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            capture: CaptureOptions::default(),
            revisions: HashMap::new(),
            default_revisions: RevisionSet::any(),
            budget: 64,
            stall_after: 5.0,
            pictures: false,
        }
    }
}

/// Replays one input: a file, or several of one cluster read as one stream.
pub fn replay_files(
    paths: &[impl AsRef<Path>],
    options: &ReplayOptions,
    deliveries: &mut dyn DeliverySink,
) -> Result<FileReport, CaptureError> {
    let name = paths.iter().map(|path| path.as_ref().display().to_string()).collect::<Vec<_>>().join(" + ");
    Ok(match Source::open(paths, options)? {
        Source::Capture(reader) => {
            let mut replay = Replay::new(options, deliveries);
            let summary = reader.read(&mut |observed| replay.observe(&observed));
            replay.finish(name, &summary)
        }
        Source::Native(opened) => match replay_native(name.clone(), opened, options, deliveries) {
            Ok((report, _)) => report,
            Err(error) => FileReport::unreadable(name.clone(), format!("{name}: {error}")),
        },
    })
}

/// A replay of one stream of transport events.
pub struct Replay<'a> {
    options: &'a ReplayOptions,
    deliveries: &'a mut dyn DeliverySink,
    messages: Messages,
    judged: Judged,
}

/// Everything but the streams, so that both can be borrowed at once.
#[derive(Default)]
struct Judged {
    connections: HashMap<ConnId, Link, FoldState>,
    nodes: HashMap<IpAddr, u32>,
    pairs: Vec<PairReplay>,
    /// The least length of a stall, in seconds, where a picture of each pair is wanted.
    pictures: Option<f64>,
    pair_of: HashMap<(IpAddr, IpAddr), usize>,
    /// The addresses of nodes that recorded themselves and are followed exactly.
    followed: Vec<IpAddr>,
    count: u64,
    resynchronised: u64,
    /// Connections between addresses beyond [`MAX_PAIRS`].
    beyond: u64,
}

/// A connection and the pair that it belongs to.
#[derive(Clone, Copy)]
struct Link {
    pair: usize,
    opener: Endpoint,
    acceptor: Endpoint,
}

impl Link {
    fn sender(&self, direction: Direction) -> IpAddr {
        match direction {
            Direction::FromOpener => self.opener.addr,
            Direction::FromAcceptor => self.acceptor.addr,
        }
    }
}

impl<'a> Replay<'a> {
    /// A replay that has seen nothing yet.
    pub fn new(options: &'a ReplayOptions, deliveries: &'a mut dyn DeliverySink) -> Self {
        let judged = Judged { pictures: options.pictures.then_some(options.stall_after), ..Judged::default() };
        Self { options, deliveries, messages: Messages::default(), judged }
    }

    /// The node at this address recorded itself and is followed exactly: what others send to it is seen as it reads it.
    fn follow(&mut self, address: IpAddr) {
        self.judged.followed.push(address);
    }

    /// Takes the next transport event.
    pub fn observe(&mut self, observed: &Observed<'_>) {
        let Self { options, deliveries, messages, judged } = self;
        judged.transport(observed);
        messages.handle(observed, &mut |item| judged.item(&item, options, *deliveries));
    }

    /// Takes a whole message that its caller has cut and translated.
    #[inline]
    fn whole_message(&mut self, seen: &Seen<'_>, translated: Result<Translated, Refusal>) {
        self.judged.translated(seen, translated, self.options, self.deliveries);
    }

    /// What has been refused so far, and how many stalls were told: a pair for each.
    fn findings(&self) -> impl Iterator<Item = (Option<&Rejection>, &[(Side, StallReport)])> {
        self.judged.pairs.iter().map(PairReplay::findings)
    }

    /// Every node's record of every peer as it is now, in the first explanation.
    pub fn records(&self) -> impl Iterator<Item = NodeRecord> {
        self.judged.pairs.iter().flat_map(|pair| pair.records(&self.judged.nodes))
    }

    /// Ends the trace.
    pub fn finish(self, path: String, summary: &CaptureSummary) -> FileReport {
        let Self { options, deliveries, mut judged, .. } = self;
        let nodes = std::mem::take(&mut judged.nodes);
        let lost_track = judged.pairs.iter().map(PairReplay::lost_track).sum();
        let mut pairs: Vec<_> = judged
            .pairs
            .into_iter()
            .filter(PairReplay::has_messages)
            .map(|pair| pair.finish(&nodes, options, deliveries))
            .collect();
        pairs.sort_by_key(|pair| pair.nodes.each_ref().map(|node| node.id));
        let mut verdict = pairs.iter().map(|pair| pair.verdict).max().unwrap_or(Verdict::Vacuous);
        if verdict == Verdict::Accepted && judged.beyond > 0 {
            verdict = Verdict::Inconclusive;
        }
        let error = summary.damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        FileReport {
            path,
            verdict: Some(verdict),
            frames: summary.frames,
            messages: judged.count,
            holes: summary.holes,
            error: (!error.is_empty()).then_some(error),
            notes: notes(summary, judged.resynchronised, lost_track, judged.beyond),
            pairs,
            exact: Vec::new(),
            between: Vec::new(),
        }
    }
}

impl Judged {
    fn transport(&mut self, observed: &Observed<'_>) {
        let at = Label::of_transport(observed);
        let conn = observed.conn;
        if let TransportEvent::Opened { opener, acceptor, complete, .. } = observed.event {
            let Some(pair) = self.pair_between(opener.addr, acceptor.addr, complete) else {
                return;
            };
            self.connections.insert(conn, Link { pair, opener, acceptor });
            if let Some(pair) = self.pairs.get_mut(pair) {
                pair.show(&observed.event, opener.addr, at);
                pair.opened(conn, opener.addr, complete, at);
            }
            return;
        }
        let Some(link) = self.connections.get(&conn).copied() else {
            return;
        };
        let Some(pair) = self.pairs.get_mut(link.pair) else {
            return;
        };
        if let Some(direction) = observed.event.direction() {
            pair.show(&observed.event, link.sender(direction), at);
        }
        match observed.event {
            TransportEvent::Finished(direction) => pair.finished(conn, link.sender(direction), at),
            TransportEvent::Reset(direction) => pair.reset(conn, link.sender(direction), at),
            TransportEvent::Hole(direction, ..) | TransportEvent::Missing(direction) => {
                pair.hole(conn, link.sender(direction))
            }
            TransportEvent::Forgotten => {
                self.connections.remove(&conn);
            }
            TransportEvent::Opened { .. } | TransportEvent::Accepted | TransportEvent::Data(..) => {}
        }
    }

    fn pair_between(&mut self, one: IpAddr, other: IpAddr, is_complete: bool) -> Option<usize> {
        let key = (one.min(other), one.max(other));
        if let Some(known) = self.pair_of.get(&key) {
            return Some(*known);
        }
        if self.pairs.len() == MAX_PAIRS {
            self.beyond += 1;
            return None;
        }
        let mut pair = PairReplay::new([key.0, key.1], is_complete, self.pictures);
        match [key.0, key.1].map(|address| self.followed.contains(&address)) {
            [true, false] => pair.sees_reads_of(key.1),
            [false, true] => pair.sees_reads_of(key.0),
            _ => {}
        }
        self.pairs.push(pair);
        self.pair_of.insert(key, self.pairs.len() - 1);
        Some(self.pairs.len() - 1)
    }

    fn item(&mut self, item: &Item<'_>, options: &ReplayOptions, deliveries: &mut dyn DeliverySink) {
        match item {
            Item::Message(seen) => self.message(seen, options, deliveries),
            Item::Unparseable(seen, error) => {
                let Some(link) = self.connections.get(&seen.conn).copied() else {
                    return;
                };
                let from = link.sender(seen.direction);
                let got = format!("{} at byte {} of the stream", error.length, error.offset);
                let refusal = Refusal::new(rule::WIRE_2, "a length from 16 to 4096", got);
                if let Some(pair) = self.pairs.get_mut(link.pair) {
                    pair.reject(from, seen, refusal, &self.nodes);
                }
            }
            Item::Resynchronised(..) => self.resynchronised += 1,
        }
    }

    fn message(&mut self, seen: &Seen<'_>, options: &ReplayOptions, deliveries: &mut dyn DeliverySink) {
        self.translated(seen, translate(seen.bytes), options, deliveries);
    }

    fn translated(
        &mut self,
        seen: &Seen<'_>,
        translated: Result<Translated, Refusal>,
        options: &ReplayOptions,
        deliveries: &mut dyn DeliverySink,
    ) {
        self.count += 1;
        let Some(link) = self.connections.get(&seen.conn).copied() else {
            return;
        };
        let from = link.sender(seen.direction);
        let to = link.sender(seen.direction.reverse());
        let Some(pair) = self.pairs.get_mut(link.pair) else {
            return;
        };
        let translated = match translated {
            Ok(translated) => translated,
            Err(refusal) => return pair.reject(from, seen, refusal, &self.nodes),
        };
        let is_usual = pair.has_heard(from, translated.nodeid);
        if !is_usual && let Err(known) = check_node(&mut self.nodes, from, to, translated.nodeid) {
            let expected = format!("node {known}, whose address this is");
            let got = format!("node {}", translated.nodeid);
            return pair.reject(from, seen, Refusal::new(rule::WIRE_7, expected, got), &self.nodes);
        }
        let arrived = Arrived { from, seen, translated: &translated };
        pair.message(&arrived, &self.nodes, options, deliveries);
    }
}

/// WIRE-7: an address belongs to one node and a node to one address of the pair; fails with the one it belongs to.
fn check_node(nodes: &mut HashMap<IpAddr, u32>, from: IpAddr, to: IpAddr, id: u32) -> Result<(), u32> {
    let known = *nodes.entry(from).or_insert(id);
    if known != id || nodes.get(&to) == Some(&id) { Err(known) } else { Ok(()) }
}

fn notes(summary: &CaptureSummary, resynchronised: u64, lost_track: u64, beyond: u64) -> Vec<String> {
    let skipped = &summary.skipped;
    let counted = [
        (resynchronised, "times a stream was found again after bytes that are missing"),
        (lost_track, "times the judgement of a pair started anew behind missing bytes"),
        (beyond, "connections between addresses beyond those that are judged"),
        (skipped.snaplen_cut, "packets cut by the snapshot length"),
        (skipped.bad_headers, "frames with headers that contradict themselves or are cut"),
        (skipped.unknown_link, "frames of an unknown link type"),
        (skipped.fragments_lost, "packets of which a fragment is missing"),
        (skipped.sctp_i_data, "SCTP I-DATA chunks, which are not read"),
        (
            summary.undelivered_bytes,
            "bytes behind a gap in their stream that was never closed, and so not read by an application",
        ),
    ];
    let mut notes: Vec<_> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    for clock in &summary.clock_offsets {
        if clock.file > 0 && clock.common_packets == 0 {
            notes.push(format!(
                "file {} has no packet in common with another: its clock is taken as right",
                clock.file + 1
            ));
        } else if clock.file > 0 {
            notes.push(format!(
                "clock of file {} moved by {:.6} s, from {} packets found in both",
                clock.file + 1,
                clock.nanos as f64 / 1e9,
                clock.common_packets
            ));
        }
    }
    notes
}

/// One node's record of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Whose record it is.
    pub node: u32,
    /// Of whom.
    pub peer: u32,
    /// The record.
    pub record: Record,
    /// Whether it may have been reset since, unseen: every connection of the pair is gone.
    pub may_be_reset: bool,
}

/// A sink for deliveries that nobody wants.
pub struct NoDeliveries;

impl DeliverySink for NoDeliveries {
    fn deliver(&mut self, _: u32, _: u32, _: u32, _: &Label) {}
}
