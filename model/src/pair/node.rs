//! One node of the pair: its record of the other, and what an observer keeps to judge it.

use std::collections::VecDeque;

use crate::message::{Inner, Version};
use crate::record::{AckBeyond, Comparison, Event, Receipt, Record, State};
use crate::revision::{Revision, RevisionSet};
use crate::seq::Seq;

use super::Conn;
use super::bodies::{Bodies, Body};
use super::met::Met;

/// Breaks whose place in the numbers is kept while no pass answers them.
const MAX_MARKS: usize = 1 << 10;
/// Arrivals kept that may be read late.
const MAX_LATE: usize = 1 << 12;
/// Arrivals kept for an incarnation that may have begun.
const MAX_LOG: usize = 1 << 14;

/// Something that arrived at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival<L> {
    pub(super) conn: Conn,
    pub(super) what: Arrived,
    pub(super) label: L,
    /// The incarnation of the sender's record.
    pub(super) life: u32,
    /// It may be unread (NET-1).
    pub(super) is_doubtful: bool,
    /// The highest ACK before it on the same connection.
    pub(super) acked: Seq,
}

impl<L> Arrival<L> {
    /// Whether it is OPTS with this number.
    pub(super) fn is_number(&self, number: Seq) -> bool {
        matches!(self.what, Arrived::Opts(seq, _) if seq == number)
    }
}

/// What arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    Opts(Seq, Inner),
    Ack(Seq),
    Bare { status_or_names: bool },
}

/// A message that a record accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<L> {
    /// The incarnation of the receiving record, from 0.
    pub life: u32,
    /// The number.
    pub seq: Seq,
    /// What it was.
    pub inner: Inner,
    /// The label of the copy that was accepted.
    pub label: L,
}

/// A number that a receiver waits for while later ones arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap<L> {
    /// The number that is missing.
    pub missing: Seq,
    /// The first later number that arrived.
    pub beyond: Seq,
    /// The message with that number.
    pub opened: L,
    /// The connection on which it came.
    pub conn: Conn,
    /// Later messages that were ignored.
    pub ignored: u32,
    /// Whether copies came on that connection while the gap was open.
    pub copies_came: bool,
    /// The break before it, and whether it was a reset.
    pub after_break: Option<(L, bool)>,
    /// The last message of the pair while the gap was open and its connection whole.
    pub last_talk: L,
    /// Something broke while the gap was open.
    pub is_disturbed: bool,
    /// Its connection broke while the gap was open.
    pub broken: bool,
}

/// What was counted of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// MSG and RCOM that it accepted.
    pub delivered: u64,
    /// Of these, MSG.
    pub delivered_msg: u64,
    /// Copies that it sent.
    pub retransmitted: u64,
    /// ACKs that it sent.
    pub acks: u64,
    /// FINs that it sent, copies not counted.
    pub fins: u64,
    /// Messages that arrived below its `seq_next`.
    pub duplicates: u64,
    /// Times that it began to wait for a missing number.
    pub gaps: u64,
    /// Times that its record was reset.
    pub resets: u64,
    /// Copies that could not be compared because more was unacknowledged than is kept.
    pub uncompared: u64,
}

/// One node's record about the other, found by reading what arrives as soon as it arrives. What the node may have read
/// later than that is slack in the checks, never a second state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<L> {
    pub(super) record: Record,
    pub(super) revisions: RevisionSet,
    /// The id of this incarnation, and those that it has told, oldest first (HRD-1).
    pub(super) id: Option<u64>,
    pub(super) ids: VecDeque<u64>,
    /// It may have told others that were not seen.
    pub(super) ids_partial: bool,
    pub(super) version: Option<Version>,
    /// What it sends is seen when the other node reads it: in order on each connection, not across them (NET-5).
    pub(super) is_seen_read: bool,
    pub(super) life: u32,
    /// The incarnation of the peer's record that this one talks to.
    pub(super) peer_life: u32,
    /// The handshake ended the incarnation; `record` is as it was before the reset.
    pub(super) ended: bool,
    /// Something of the peer's arrived.
    pub(super) has_heard: bool,
    /// A bare message of the peer's arrived since it used a fresh number.
    pub(super) has_heard_bare: bool,
    /// The numbers that it uses are known.
    pub(super) sends_known: bool,
    /// The number that it expects is known.
    pub(super) expects_known: bool,
    /// What is seen began within this incarnation.
    pub(super) joined_late: bool,
    /// It may have used numbers beyond those seen, for what is seen began late or has a hole.
    pub(super) is_unsettled: bool,
    /// The first number seen since then.
    pub(super) seen_since: Option<Seq>,
    /// Fresh messages seen in this incarnation.
    pub(super) fresh: u64,
    /// Breaks of the pair in this incarnation.
    pub(super) breaks: u32,
    /// Breaks since it last sent something sequenced.
    pub(super) recent_breaks: u32,
    /// Passes over the send queue begun in this incarnation.
    pub(super) passes: u32,
    /// The next number at each break, from that which the last pass answers.
    marks: VecDeque<Seq>,
    /// Highest ACK on the connections that it opened itself.
    pub(super) own_acked: Option<Seq>,
    pub(super) bodies: Bodies,
    /// For what it accepted and has not acknowledged: the number, and the highest ACK that came before it.
    pub(super) reads: VecDeque<(Seq, Seq)>,
    /// Arrivals that it may read late or never.
    pub(super) late: VecDeque<Arrival<L>>,
    /// Arrivals since its next incarnation may have begun.
    pub(super) log: VecDeque<Arrival<L>>,
    pub(super) log_overflowed: bool,
    counts_before_log: Counts,
    pub(super) deliveries: VecDeque<Delivery<L>>,
    pub(super) gap: Option<Gap<L>>,
    pub(super) closed_gaps: Vec<(Gap<L>, Option<L>)>,
    pub(super) ack_base: Seq,
    pub(super) prompts: u32,
    pub(super) counts: Counts,
    pub(super) met: Met,
}

impl<L: Copy> Node<L> {
    pub(super) fn new(revisions: RevisionSet, is_complete: bool) -> Self {
        Self {
            record: Record { users: 1, ..Record::default() },
            revisions,
            id: None,
            ids: VecDeque::new(),
            ids_partial: !is_complete,
            version: None,
            is_seen_read: false,
            life: 0,
            peer_life: 0,
            ended: false,
            has_heard: !is_complete,
            has_heard_bare: !is_complete,
            sends_known: is_complete,
            expects_known: is_complete,
            joined_late: !is_complete,
            is_unsettled: !is_complete,
            seen_since: None,
            fresh: 0,
            breaks: u32::from(!is_complete),
            recent_breaks: u32::from(!is_complete),
            passes: 0,
            marks: VecDeque::new(),
            own_acked: None,
            bodies: Bodies::new(is_complete),
            reads: VecDeque::new(),
            late: VecDeque::new(),
            log: VecDeque::new(),
            log_overflowed: false,
            counts_before_log: Counts::default(),
            deliveries: VecDeque::new(),
            gap: None,
            closed_gaps: Vec::new(),
            ack_base: Seq::ZERO,
            prompts: 0,
            counts: Counts::default(),
            met: Met::default(),
        }
    }

    /// It may notice a break from now on.
    pub(super) fn note_break(&mut self, is_reset: bool) {
        self.breaks = self.breaks.saturating_add(1);
        self.recent_breaks = self.recent_breaks.saturating_add(u32::from(is_reset || !self.ended));
        if self.marks.len() < MAX_MARKS {
            self.marks.push_back(self.record.seq_send);
        }
    }

    /// A pass over its send queue begins.
    pub(super) fn begin_pass(&mut self) {
        self.passes = self.passes.saturating_add(1);
        if self.passes > 1 && self.marks.len() > 1 {
            self.marks.pop_front();
        }
    }

    /// Whether a pass may not leave `number` out: it was on the wire before the break that the last pass answers, so that
    /// it was committed when that was noticed (H1), and is not acknowledged.
    pub(super) fn owes(&self, number: Seq) -> bool {
        matches!(self.bodies.lookup(number), Body::Seen(_))
            && !number.is_before(self.record.queue_head)
            && self.marks.front().is_none_or(|mark| number.is_before(*mark))
    }

    /// Nothing of this incarnation was seen yet, and it began before what is seen.
    pub(super) fn join_late(&mut self) {
        self.sends_known = false;
        self.joined_late = true;
        self.note_hole();
    }

    /// Whether no number of its own was seen yet, so that what is seen may begin in mid-stream.
    pub(super) fn may_join_late(&self) -> bool {
        self.life == 0 && self.fresh == 0 && self.record.seq_send == Seq::ZERO
    }

    /// Something that it sent is missing from what was recorded.
    pub(super) fn note_hole(&mut self) {
        self.ids_partial = true;
        self.is_unsettled = true;
        self.seen_since = None;
        self.bodies.is_partial = true;
        self.note_break(true);
    }

    /// The peer acknowledged up to `number`, which may be beyond what was seen of this node's numbers.
    pub(super) fn settle(&mut self, number: Seq) {
        if self.record.seq_send.is_before(number) && self.record.fin.is_none() {
            self.record.seq_send = number;
        }
        if self.seen_since.is_some_and(|first| first.is_before(number)) {
            self.is_unsettled = false;
        }
    }

    /// Nothing is known any more of the incarnation that it is in.
    pub(super) fn forget(&mut self) {
        self.log.clear();
        self.log_overflowed = false;
        let resets = self.counts.resets;
        self.begin_life(self.peer_life);
        self.counts.resets = resets;
        self.expects_known = false;
        self.has_heard = true;
        self.prompts = super::UNKNOWN_PROMPTS;
        self.join_late();
    }

    /// Begins the next incarnation (REC-1), which talks to the peer's incarnation `peer_life`.
    pub(super) fn begin_life(&mut self, peer_life: u32) {
        self.close_gap(None);
        self.record.reset();
        self.record.users = 1;
        self.life += 1;
        self.counts.resets += 1;
        self.peer_life = peer_life;
        self.ended = false;
        self.sends_known = true;
        self.expects_known = true;
        self.joined_late = false;
        self.is_unsettled = false;
        self.fresh = 0;
        self.breaks = self.recent_breaks;
        self.passes = 0;
        self.marks.clear();
        self.marks.extend((0..self.breaks).take(MAX_MARKS).map(|_| Seq::ZERO));
        self.own_acked = None;
        self.bodies = Bodies::default();
        self.reads.clear();
        self.late.clear();
        self.ack_base = Seq::ZERO;
        self.prompts = 0;
        let log = std::mem::take(&mut self.log);
        if !log.is_empty() {
            // What the incarnation before would have made of these never happened.
            self.counts.duplicates = self.counts_before_log.duplicates;
            self.counts.gaps = self.counts_before_log.gaps;
        }
        for arrival in log {
            // What is stale is read by accident at most (H5).
            match arrival.life == peer_life && !arrival.is_doubtful {
                true => self.read(arrival, false),
                false => self.keep_late(arrival),
            }
        }
    }

    /// Reads what arrived. `may_fill` tells that another connection may still bring what is missing here.
    pub(super) fn read(&mut self, arrival: Arrival<L>, may_fill: bool) {
        detect(&mut self.record, arrival.what, self.revisions);
        match arrival.what {
            Arrived::Opts(seq, inner) => self.read_opts(seq, inner, arrival, may_fill),
            Arrived::Ack(number) => self.read_ack(number),
            Arrived::Bare { .. } => {}
        }
    }

    fn read_opts(&mut self, seq: Seq, inner: Inner, arrival: Arrival<L>, may_fill: bool) {
        if !self.expects_known && (self.record.seq_next == Seq::ZERO || self.record.seq_next.is_before(seq)) {
            self.record.seq_next = seq;
        }
        if !self.late.is_empty() && !seq.is_before(self.record.seq_next) {
            self.prompts = self.prompts.saturating_add(1); // a duplicate, if it read what came late
        }
        match self.record.receive_number(seq, Comparison::Serial) {
            Receipt::Accepted => self.accept(seq, inner, &arrival),
            Receipt::Duplicate => {
                self.counts.duplicates += 1;
                self.prompts = self.prompts.saturating_add(1);
                if let Some(gap) = self.gap.as_mut().filter(|gap| gap.conn == arrival.conn && !gap.is_disturbed) {
                    gap.copies_came = true;
                }
            }
            Receipt::Gap => {
                if may_fill {
                    self.keep_late(arrival);
                }
                self.note_gap(seq, arrival);
            }
        }
    }

    /// What arrived follows bytes that are missing: the node may have read them.
    pub(super) fn read_past_hole(&mut self, what: Arrived) {
        if let Arrived::Opts(seq, _) = what
            && self.record.seq_next.is_before(seq)
        {
            self.close_gap(None);
            self.record.seq_next = seq;
        }
    }

    fn accept(&mut self, seq: Seq, inner: Inner, arrival: &Arrival<L>) {
        let label = arrival.label;
        self.close_gap(Some(label));
        // It may have read an earlier copy instead, behind fewer ACKs.
        let copies = self.late.iter().filter(|late| late.is_number(seq));
        let acked = copies.map(|late| late.acked).fold(arrival.acked, Seq::min);
        self.reads.push_back((seq, acked.min(self.record.queue_head)));
        if self.reads.len() > super::bodies::MAX_BODIES {
            self.reads.pop_front();
        }
        if inner == Inner::Fin {
            self.prompts = self.prompts.saturating_add(1);
            self.step(Event::ReceiveFin);
        } else {
            self.counts.delivered += 1;
            self.counts.delivered_msg += u64::from(inner == Inner::Msg);
            self.deliveries.push_back(Delivery { life: self.life, seq, inner, label });
        }
    }

    fn read_ack(&mut self, number: Seq) {
        if !self.sends_known && self.record.seq_send.is_before(number) {
            return;
        }
        if self.record.receive_ack(number, AckBeyond::Ignored) {
            self.step(Event::AckOfFin);
        }
    }

    /// Drives the table. The reset is not carried out: what the incarnation was is needed to judge what it may still
    /// have in its output. An event that the state does not know changes nothing (CLS-4).
    pub(super) fn step(&mut self, event: Event) {
        self.met.insert(self.record.state, event, self.record.users);
        let mut after = self.record;
        match after.step(event) {
            Ok(actions) if actions.reset => self.ended = true,
            Ok(_) => self.record = after,
            Err(_) => {}
        }
    }

    /// A FIN has gone either way in this incarnation.
    pub(super) fn is_closing(&self) -> bool {
        self.ended || self.record.state.is_closing()
    }

    fn note_gap(&mut self, seq: Seq, arrival: Arrival<L>) {
        if let Some(gap) = &mut self.gap {
            gap.ignored += 1;
            return;
        }
        self.counts.gaps += 1;
        self.gap = Some(Gap {
            missing: self.record.seq_next,
            beyond: seq,
            opened: arrival.label,
            conn: arrival.conn,
            ignored: 1,
            copies_came: false,
            after_break: None,
            last_talk: arrival.label,
            is_disturbed: false,
            broken: false,
        });
    }

    pub(super) fn close_gap(&mut self, filled_by: Option<L>) {
        if let Some(gap) = self.gap.take() {
            self.closed_gaps.push((gap, filled_by));
        }
    }

    pub(super) fn keep_late(&mut self, arrival: Arrival<L>) {
        if self.late.len() == MAX_LATE {
            self.late.pop_front();
        }
        self.late.push_back(arrival);
    }

    pub(super) fn keep_log(&mut self, arrival: Arrival<L>) {
        if self.log.is_empty() {
            self.counts_before_log = self.counts;
        }
        if self.log.len() == MAX_LOG {
            self.log.pop_front();
            self.log_overflowed = true;
        }
        self.log.push_back(arrival);
    }

    /// Reads late arrivals for as long as they are what is expected next, up to `number`.
    pub(super) fn read_late_up_to(&mut self, number: Seq) {
        while self.record.seq_next.is_before(number) {
            let next = self.record.seq_next;
            let found = self.late.iter().position(|late| late.is_number(next));
            let Some(arrival) = found.and_then(|index| self.late.remove(index)) else {
                return;
            };
            self.read(arrival, false);
        }
    }

    /// The number that it would expect next had it read every late arrival too.
    pub(super) fn could_expect(&self) -> Seq {
        let mut next = self.record.seq_next;
        while self.late.iter().any(|late| late.is_number(next)) {
            next = next.next();
        }
        next
    }
}

/// VER-1, VER-4. Membership is not in a capture: a record that hears anything is taken as joined.
pub(super) fn detect(record: &mut Record, what: Arrived, revisions: RevisionSet) {
    let status_or_names = matches!(what, Arrived::Bare { status_or_names: true });
    let revision = revisions.iter().last().unwrap_or(Revision::Linux6_12);
    record.detect(Version::V3_2, status_or_names, revision.establishes());
    if record.state == State::Closed && record.version.is_some() {
        record.state = State::Established;
    }
}
