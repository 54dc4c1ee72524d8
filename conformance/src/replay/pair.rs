//! One pair of nodes: the frontier of explanations, and what is told of it.

mod finish;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use midcomms_model::pair::{Node, Refused};
use midcomms_model::{Conn, Pair, Refusal, RevisionSet, Side};

use crate::capture::{ConnId, FrameRef, Timestamp};
use crate::messages::Seen;

use super::picture::What;
use super::report::{Rejection, StallReport, seconds};
use super::translate::Translated;
use super::watch::{Look, Watch};
use super::{Label, NodeRecord, ReplayOptions};
use finish::stall;

/// Messages kept to be shown before a rejection.
const SHOWN_BEFORE: usize = 8;
/// Deliveries kept of each explanation while several go on.
const MAX_PENDING: usize = 1 << 14;

/// Where deliveries go, in the order in which they are inferred.
pub trait DeliverySink {
    /// A message `seq` from node `from` was accepted by node `to`.
    fn deliver(&mut self, from: u32, to: u32, seq: u32, label: &Label);
}

/// A message of the pair.
pub(super) struct Arrived<'a> {
    pub(super) from: IpAddr,
    pub(super) seen: &'a Seen<'a>,
    pub(super) translated: &'a Translated,
}

/// Where a rejection is.
struct Place {
    from: Side,
    frame: FrameRef,
    first_frame: FrameRef,
    time: Timestamp,
    conn: ConnId,
    message: String,
}

/// A pair while it is replayed.
pub(super) struct PairReplay {
    addresses: [IpAddr; 2],
    /// The nodes at these addresses, once they were heard in this pair.
    ids: [Option<u32>; 2],
    frontier: Vec<Pair<Label>>,
    /// How often the frontier had that many explanations, by size.
    sizes: Vec<u64>,
    messages: u64,
    /// The last messages and their senders.
    shown: VecDeque<(Side, Label)>,
    stalls: Vec<(Side, StallReport)>,
    /// Bytes were missing.
    had_hole: bool,
    /// The judgement did not start anew since.
    is_hole_unanswered: bool,
    /// Times that the judgement started anew behind a hole.
    lost_track: u64,
    rejection: Option<Rejection>,
    exhausted: Option<String>,
    /// What a picture is made of, where one is wanted.
    pub(super) watch: Option<Box<Watch>>,
}

impl PairReplay {
    pub(super) fn new(addresses: [IpAddr; 2], is_complete: bool, pictures: Option<f64>) -> Self {
        Self {
            addresses,
            ids: [None; 2],
            frontier: vec![Pair::new([RevisionSet::any(); 2], is_complete)],
            sizes: Vec::new(),
            messages: 0,
            shown: VecDeque::with_capacity(SHOWN_BEFORE),
            stalls: Vec::new(),
            had_hole: false,
            is_hole_unanswered: false,
            lost_track: 0,
            rejection: None,
            exhausted: None,
            watch: pictures.map(|stall_after| Box::new(Watch::new(stall_after))),
        }
    }

    /// What the node at `address` sends is known by what the other one reads, which is followed exactly.
    pub(super) fn sees_reads_of(&mut self, address: IpAddr) {
        let side = self.side(address);
        self.frontier.iter_mut().for_each(|pair| pair.sees_reads_of(side));
    }

    pub(super) fn lost_track(&self) -> u64 {
        self.lost_track
    }

    pub(super) fn findings(&self) -> (Option<&Rejection>, &[(Side, StallReport)]) {
        (self.rejection.as_ref(), &self.stalls)
    }

    pub(super) fn has_messages(&self) -> bool {
        self.messages > 0
    }

    pub(super) fn side(&self, address: IpAddr) -> Side {
        if self.addresses.first() == Some(&address) { Side::A } else { Side::B }
    }

    fn address(&self, side: Side) -> IpAddr {
        *side.pick(&self.addresses)
    }

    fn known_id(&self, side: Side) -> Option<u32> {
        *side.pick(&self.ids)
    }

    fn id(&self, side: Side, nodes: &HashMap<IpAddr, u32>) -> u32 {
        self.known_id(side).or_else(|| nodes.get(&self.address(side)).copied()).unwrap_or(0)
    }

    /// Whether both nodes were heard in this pair, the one at `address` as node `id`.
    pub(super) fn has_heard(&self, address: IpAddr, id: u32) -> bool {
        let side = self.side(address);
        self.known_id(side) == Some(id) && self.known_id(side.other()).is_some()
    }

    pub(super) fn records(&self, nodes: &HashMap<IpAddr, u32>) -> impl Iterator<Item = NodeRecord> {
        let ids = Side::BOTH.map(|side| self.id(side, nodes));
        let [a, b] = ids;
        self.frontier.first().into_iter().flat_map(move |pair| {
            [(Side::A, a, b), (Side::B, b, a)].map(|(side, node, peer)| NodeRecord {
                node,
                peer,
                record: pair.node(side).record(),
                may_be_reset: !pair.is_connected(),
            })
        })
    }

    fn note_hole(&mut self) {
        self.had_hole = true;
        self.is_hole_unanswered = true;
    }

    /// Whether it is still judged: what follows a rejection is not.
    fn is_judged(&self) -> bool {
        self.rejection.is_none() && self.exhausted.is_none()
    }

    pub(super) fn opened(&mut self, conn: ConnId, opener: IpAddr, is_complete: bool, at: Label) {
        if !self.is_judged() {
            return;
        }
        let opener = self.side(opener);
        if !is_complete {
            self.note_hole();
        }
        for pair in &mut self.frontier {
            pair.opened(Conn(conn.0), opener, at);
            if !is_complete {
                Side::BOTH.into_iter().for_each(|side| pair.hole(Conn(conn.0), side));
            }
        }
    }

    pub(super) fn finished(&mut self, conn: ConnId, by: IpAddr, at: Label) {
        if !self.is_judged() {
            return;
        }
        let by = self.side(by);
        self.frontier.iter_mut().for_each(|pair| pair.finished(Conn(conn.0), by, at));
    }

    pub(super) fn reset(&mut self, conn: ConnId, by: IpAddr, at: Label) {
        if !self.is_judged() {
            return;
        }
        let by = self.side(by);
        self.frontier.iter_mut().for_each(|pair| pair.reset(Conn(conn.0), by, at));
    }

    pub(super) fn hole(&mut self, conn: ConnId, from: IpAddr) {
        if !self.is_judged() {
            return;
        }
        self.note_hole();
        let from = self.side(from);
        self.frontier.iter_mut().for_each(|pair| pair.hole(Conn(conn.0), from));
    }

    pub(super) fn message(
        &mut self,
        arrived: &Arrived<'_>,
        nodes: &HashMap<IpAddr, u32>,
        options: &ReplayOptions,
        deliveries: &mut dyn DeliverySink,
    ) {
        self.messages += 1;
        let from = self.side(arrived.from);
        let label = Label::of_message(arrived.seen, arrived.translated);
        if !self.is_judged() {
            return self.show_unjudged(from, label, What::Unjudged);
        }
        self.learn_id(from, arrived.translated.nodeid, options);
        let before = self.watch.as_ref().and_then(|_| self.frontier.first()).map(Look::of);
        if let Err(refused) = self.advance(from, arrived.translated, label) {
            self.show_unjudged(from, label, What::Refused);
            return self.refuse(from, arrived.seen, refused, nodes);
        }
        if let Some((watch, before)) = self.watch.as_mut().zip(before) {
            watch.message(from, label, before, &self.frontier);
        }
        let size = self.frontier.len();
        if self.sizes.len() <= size {
            self.sizes.resize(size + 1, 0);
        }
        if let Some(count) = self.sizes.get_mut(size) {
            *count += 1;
        }
        if size > options.budget && !self.settle_on_nothing() {
            self.exhausted = Some(format!("more than {} explanations (--budget)", options.budget));
        }
        if self.shown.len() == SHOWN_BEFORE {
            self.shown.pop_front();
        }
        self.shown.push_back((from, label));
        self.settle(nodes, options, deliveries);
    }

    /// Advances every explanation; those that do not allow the message are dropped.
    fn advance(&mut self, from: Side, translated: &Translated, label: Label) -> Result<(), Refused<Label>> {
        let mut refused = None;
        let mut more = Vec::new();
        let mut kept = 0;
        for index in 0..self.frontier.len() {
            let Some(pair) = self.frontier.get_mut(index) else { break };
            match pair.sent(Conn(label.conn.0), from, translated.version, &translated.message, label) {
                Ok(second) => {
                    more.extend(second);
                    if kept < index {
                        self.frontier.swap(kept, index);
                    }
                    kept += 1;
                }
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        match refused {
            Some(refused) if kept == 0 => return self.start_anew(from, translated, label, refused),
            Some(_) => self.frontier.truncate(kept),
            None => {}
        }
        self.frontier.append(&mut more);
        if self.frontier.len() > 1 {
            self.merge_equal();
        }
        Ok(())
    }

    /// Behind a hole nobody knows what was missed: an incarnation may have ended in it. The judgement starts anew in
    /// mid-stream with the message that nothing explains, unless that is wrong in any incarnation.
    fn start_anew(
        &mut self,
        from: Side,
        translated: &Translated,
        label: Label,
        refused: Refused<Label>,
    ) -> Result<(), Refused<Label>> {
        let Some(mut pair) = self.frontier.first().cloned() else { return Err(refused) };
        if !self.had_hole || !(pair.is_unsettled() || self.is_hole_unanswered) {
            return Err(refused);
        }
        self.is_hole_unanswered = false;
        pair.forget();
        pair.sent(Conn(label.conn.0), from, translated.version, &translated.message, label)?;
        self.frontier = vec![pair];
        self.lost_track += 1;
        Ok(())
    }

    /// Behind a hole too many explanations are as good as none: the judgement starts anew in mid-stream. Whether it did.
    fn settle_on_nothing(&mut self) -> bool {
        self.frontier.truncate(1);
        if !self.had_hole {
            return false;
        }
        self.frontier.iter_mut().for_each(Pair::forget);
        self.lost_track += 1;
        true
    }

    fn merge_equal(&mut self) {
        let mut distinct: Vec<Pair<Label>> = Vec::with_capacity(self.frontier.len());
        for pair in self.frontier.drain(..) {
            if !distinct.contains(&pair) {
                distinct.push(pair);
            }
        }
        self.frontier = distinct;
    }

    /// Takes from the explanation, once there is only one, what it tells. Where several go on for long, the first is
    /// taken for what was delivered.
    fn settle(&mut self, nodes: &HashMap<IpAddr, u32>, options: &ReplayOptions, sink: &mut dyn DeliverySink) {
        let [a, b] = Side::BOTH.map(|side| self.id(side, nodes));
        if let [only] = &mut self.frontier[..] {
            for (side, from, to) in [(Side::A, b, a), (Side::B, a, b)] {
                let gaps = only.node_mut(side).drain_gaps();
                let stalls = gaps.filter_map(|(gap, filled_by)| stall(&gap, filled_by, options));
                self.stalls.extend(stalls.map(|stall| (side, StallReport { from, to, ..stall })));
            }
        } else if !self.has_too_much_pending() {
            return;
        }
        for (index, pair) in self.frontier.iter_mut().enumerate() {
            for (side, from, to) in [(Side::A, b, a), (Side::B, a, b)] {
                for delivery in pair.node_mut(side).drain_deliveries().filter(|_| index == 0) {
                    sink.deliver(from, to, delivery.seq.0, &delivery.label);
                }
            }
        }
        let overflowed = |pair: &Pair<Label>| Side::BOTH.into_iter().any(|side| pair.node(side).log_overflowed());
        if self.frontier.iter().all(overflowed) && !self.settle_on_nothing() {
            let what = "more arrivals than are kept for an incarnation that may have begun";
            self.exhausted = Some(what.to_owned());
        }
    }

    fn has_too_much_pending(&self) -> bool {
        let nodes = self.frontier.iter().flat_map(|pair| Side::BOTH.map(|side| pair.node(side)));
        nodes.map(Node::pending_deliveries).max() > Some(MAX_PENDING)
    }

    /// With the node's id the revisions are known that it may speak.
    fn learn_id(&mut self, side: Side, id: u32, options: &ReplayOptions) {
        if side.pick_mut(&mut self.ids).replace(id).is_some() {
            return;
        }
        let revisions = options.revisions.get(&id).copied().unwrap_or(options.default_revisions);
        self.frontier.iter_mut().for_each(|pair| pair.restrict_revisions(side, revisions));
    }

    /// Rejects the pair at a message that is not even one of the protocol.
    pub(super) fn reject(&mut self, from: IpAddr, seen: &Seen<'_>, refusal: Refusal, nodes: &HashMap<IpAddr, u32>) {
        self.messages += 1;
        let (from, is_judged) = (self.side(from), self.is_judged());
        if let Some(watch) = &mut self.watch {
            let what = if is_judged { What::Refused } else { What::Unjudged };
            watch.unjudged(from, Label::of_bytes(seen), what, Some(crate::describe::describe(seen.bytes)));
        }
        if is_judged {
            self.refuse(from, seen, refusal.into(), nodes);
        }
    }

    fn show_unjudged(&mut self, from: Side, label: Label, what: What) {
        if let Some(watch) = &mut self.watch {
            watch.unjudged(from, label, what, None);
        }
    }

    fn refuse(&mut self, from: Side, seen: &Seen<'_>, refused: Refused<Label>, nodes: &HashMap<IpAddr, u32>) {
        // What is wrong now may only follow from what was wrong before.
        let Refused { refusal, earlier } = self.frontier.first().and_then(Pair::suspect_before).unwrap_or(refused);
        if let Some((culprit, label)) = earlier {
            return self.refuse_earlier(culprit, &label, *refusal, nodes);
        }
        let place = Place {
            from,
            frame: seen.frame,
            first_frame: seen.first_frame,
            time: seen.time,
            conn: seen.conn,
            message: crate::describe::describe(seen.bytes),
        };
        if let Some(watch) = &mut self.watch {
            watch.reject(None);
        }
        self.rejection = Some(self.rejection_at(place, *refusal, nodes));
    }

    /// Rejects the pair at a message whose fault came to light later.
    fn refuse_earlier(&mut self, from: Side, label: &Label, refusal: Refusal, nodes: &HashMap<IpAddr, u32>) {
        let place = Place {
            from,
            frame: label.frame,
            first_frame: label.first_frame,
            time: label.time,
            conn: label.conn,
            message: label.to_string(),
        };
        if let Some(watch) = &mut self.watch {
            watch.reject(Some((from, *label)));
        }
        self.rejection = Some(self.rejection_at(place, refusal, nodes));
    }

    fn rejection_at(&self, place: Place, refusal: Refusal, nodes: &HashMap<IpAddr, u32>) -> Rejection {
        let (from, to) = (self.id(place.from, nodes), self.id(place.from.other(), nodes));
        let before = self.shown.iter().map(|(side, label)| {
            let (from, to) = (self.id(*side, nodes), self.id(side.other(), nodes));
            format!("frame {} {} {from} > {to}: {label}", label.frame(), label.conn)
        });
        Rejection {
            frame: place.frame.number,
            first_frame: place.first_frame.number,
            file: place.frame.file,
            time: seconds(place.time),
            connection: place.conn.to_string(),
            from,
            to,
            message: place.message,
            rule: refusal.rule.id(),
            rule_text: refusal.rule.text(),
            expected: refusal.expected,
            got: refusal.got,
            before: before.collect(),
        }
    }
}
