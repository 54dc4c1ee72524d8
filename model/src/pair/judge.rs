//! Which messages an explanation allows: one function a rule or two.

use crate::message::{BareKind, Inner, Message, Version};
use crate::output::{Output, Place};
use crate::revision::{AckPolicy, Revision, RevisionSet};
use crate::rule::{self, Refusal};
use crate::seq::Seq;

use super::bodies::{Bodies, Body};
use super::connection::Connection;
use super::node::Node;
use super::suspicion::{Proof, Suspicion};
use super::{Conn, Pair, Side};

/// How a message fits: in one way, or in two that what follows has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) first: Candidate,
    pub(super) second: Option<Candidate>,
}

/// A way in which a message fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) fit: Fit,
    /// It is the first message of an incarnation.
    pub(super) begins: bool,
    /// The sender's revisions afterwards.
    pub(super) revisions: RevisionSet,
}

/// As what a message fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fresh,
    /// Nothing was seen before, and it is not the first of its numbers.
    Late,
    Copy(Place),
    Ack,
    /// It acknowledges more than was seen.
    SuspectAck,
    Bare,
}

impl Candidate {
    fn current(fit: Fit, revisions: RevisionSet) -> Self {
        Self { fit, begins: false, revisions }
    }

    fn beginning(fit: Fit, revisions: RevisionSet) -> Self {
        Self { fit, begins: true, revisions }
    }

    /// The number of `message`, where it is a fresh one of the present incarnation.
    pub(super) fn fresh_number(&self, message: &Message) -> Option<Seq> {
        match *message {
            Message::Opts { seq, .. } if self.fit == Fit::Fresh && !self.begins => Some(seq),
            _ => None,
        }
    }
}

impl Reading {
    fn only(first: Candidate) -> Self {
        Self { first, second: None }
    }

    /// What fits, best first, or why the best does not.
    fn of(first: Result<Candidate, Refusal>, second: Option<Candidate>) -> Result<Self, Refusal> {
        match (first, second) {
            (Ok(first), second) => Ok(Self { first, second }),
            (Err(_), Some(only)) => Ok(Self::only(only)),
            (Err(refusal), None) => Err(refusal),
        }
    }
}

impl<L: Copy> Pair<L> {
    /// VER-3: a record's peer has one version.
    pub(super) fn check_version(&self, from: Side, version: Version) -> Result<(), Refusal> {
        match self.node(from).version {
            Some(known) if known != version => {
                Err(Refusal::new(rule::VER_3, format!("version {known}, as before"), format!("version {version}")))
            }
            _ => Ok(()),
        }
    }

    /// Notes what is wrong unless something unseen explains it: see [`Proof`].
    pub(super) fn suspect(&mut self, conn: Conn, from: Side, message: &Message, reading: &Reading, at: L) {
        let is_in_order = !self.may_be_reordered(from);
        if let (Some(seq), Some((own, refusal))) =
            (reading.first.fresh_number(message), self.turns_away_from(conn, from).filter(|_| is_in_order))
        {
            self.add_suspicion(Suspicion::new(from, Proof::WritesOn(own, seq), at, refusal));
        }
        let node = self.node(from);
        if matches!(message, Message::Opts { .. }) && !node.has_heard && reading.first.fit != Fit::Late {
            let expected = "only STATUS and NAMES before a message from the peer told its version";
            let refusal = Refusal::new(rule::SND_3, expected, "a sequenced message");
            self.add_suspicion(Suspicion::new(from, Proof::NothingHeard, at, refusal));
        }
        let node = self.node(from);
        if let (Message::Opts { seq, .. }, Fit::Copy(Place::Begins)) = (*message, reading.first.fit)
            && node.passes >= node.breaks
            && is_in_order
            && !node.revisions.iter().any(Revision::retransmits_in_time)
        {
            let expected = format!("{}, for there was no break that calls for copies", node.record.seq_send);
            let refusal = Refusal::new(rule::NET_3, expected, format!("a copy of {seq}"));
            self.add_suspicion(Suspicion::new(from, Proof::NoBreak, at, refusal));
        }
        if let (Message::Ack(number) | Message::Hello(number, _), Fit::SuspectAck) = (*message, reading.first.fit) {
            let sent = self.node(from.other()).record.seq_send;
            let expected = format!("at most ACK({sent}), for no more was sent");
            let refusal = Refusal::new(rule::ACK_1, expected, format!("ACK({number})"));
            self.add_suspicion(Suspicion::new(from, Proof::UsesBefore(number), at, refusal));
        }
    }

    fn add_suspicion(&mut self, new: Suspicion<L>) {
        let is_known = |old: &Suspicion<L>| {
            old.culprit == new.culprit && std::mem::discriminant(&old.proof) == std::mem::discriminant(&new.proof)
        };
        if !self.suspicions.iter().any(is_known) {
            self.suspicions.push(new);
        }
    }

    /// NET-1: the connection of its own that the sender turns away from although it looks whole. One that the peer
    /// opened since the sender wrote on its own last is no wonder: there was a break that nobody saw.
    fn turns_away_from(&self, conn: Conn, from: Side) -> Option<(Conn, Refusal)> {
        let used = self.connection(conn).filter(|used| used.opener != from)?;
        let is_preferred =
            |own: &&Connection| own.opener == from && own.is_whole() && own.half(from).last_write > used.opened_at;
        let own = self.connections.iter().find(is_preferred)?.id;
        let expected = format!("it on {own}, which the sender opened and goes on using");
        Some((own, Refusal::new(rule::NET_1, expected, format!("it on {conn}, which the peer opened"))))
    }

    /// How `message` fits, or why it does not.
    pub(super) fn judge(
        &self,
        conn: Conn,
        from: Side,
        version: Version,
        message: &Message,
    ) -> Result<Reading, Refusal> {
        match *message {
            Message::Bare(kind) => self.judge_bare(from, version, kind),
            Message::Opts { .. } | Message::Ack(_) | Message::Hello(..) | Message::Gone(_)
                if version == Version::V3_1 =>
            {
                Err(Refusal::new(rule::SND_3, "everything bare from a 3.1 node", "a 3.2 message with version 3.1"))
            }
            Message::Opts { seq, inner, body } => self.judge_opts(conn, from, seq, inner, body),
            Message::Ack(number) => self.judge_ack(conn, from, number),
            Message::Hello(number, _) => self.judge_hello(conn, from, number),
            Message::Gone(_) => Ok(Reading::only(Candidate::current(Fit::Bare, self.node(from).revisions))),
        }
    }

    /// SND-2, RCV-6: what may be bare.
    fn judge_bare(&self, from: Side, version: Version, kind: BareKind) -> Result<Reading, Refusal> {
        let node = self.node(from);
        let to_3_1 = version == Version::V3_1 || self.node(from.other()).version == Some(Version::V3_1);
        let allowed = match kind {
            _ if to_3_1 && kind != BareKind::Fin => RevisionSet::any(),
            BareKind::Status => RevisionSet::any(),
            BareKind::Names => RevisionSet::any().filter(Revision::sends_names_bare),
            BareKind::StatusNotReady => {
                return Err(Refusal::new(rule::SND_2, "a STATUS reply \"not ready\" inside OPTS", "it bare"));
            }
            BareKind::Other => return Err(Refusal::new(rule::RCV_6, "it inside OPTS", "it bare")),
            BareKind::Fin => {
                return Err(Refusal::new(rule::RCV_6, "FIN inside OPTS", "a bare FIN"));
            }
        };
        let revisions = node.narrowed(allowed, rule::SND_2, || ["NAMES inside OPTS", "NAMES bare"].map(Into::into))?;
        Ok(Reading::only(Candidate::current(Fit::Bare, revisions)))
    }

    fn judge_opts(&self, conn: Conn, from: Side, seq: Seq, inner: Inner, body: u64) -> Result<Reading, Refusal> {
        let node = self.node(from);
        let revisions = match inner {
            Inner::Names => {
                let allowed = RevisionSet::any().filter(Revision::sequences_names);
                node.narrowed(allowed, rule::SND_2, || ["NAMES bare", "NAMES inside OPTS"].map(Into::into))?
            }
            Inner::Status => {
                return Err(Refusal::new(rule::SND_2, "RCOM STATUS bare", "it inside OPTS"));
            }
            _ => node.revisions,
        };
        if node.may_join_late() && seq != Seq::ZERO {
            // Either it began before what is seen, or its first pages went with a break.
            let may_be_behind_break = node.sends_known && node.recent_breaks > 0;
            let behind_break = self.fit_opts(conn, from, seq, inner, body).ok().filter(|_| may_be_behind_break);
            let late = Candidate::current(Fit::Late, revisions);
            return Ok(match behind_break {
                Some(fit) => Reading { first: Candidate::current(fit, revisions), second: Some(late) },
                None => Reading::only(late),
            });
        }
        let current = self.fit_opts(conn, from, seq, inner, body);
        let new_life =
            if self.may_be_first(from, seq, inner, &current) { self.fit_new_life(conn, from, seq) } else { None };
        let new_life = new_life.map(|fit| Candidate::beginning(fit, revisions));
        Reading::of(current.map(|fit| Candidate::current(fit, revisions)), new_life)
    }

    /// Whether a message that fits the present incarnation as `current` is worth a second look as the first of one.
    fn may_be_first(&self, from: Side, seq: Seq, inner: Inner, current: &Result<Fit, Refusal>) -> bool {
        let node = self.node(from);
        // CLS-2: a shutdown waits for the version, so no incarnation begins with a FIN to a peer not heard in it.
        // It may have read a bare STATUS late, which resets a record that is closing.
        let may_read_status = node.is_closing() && node.revisions.iter().any(Revision::may_reset_on_status);
        if inner == Inner::Fin && node.log.is_empty() && !node.has_heard_bare && !may_read_status {
            return false;
        }
        match current {
            // One that cannot be compared may be no copy; one that was compared is hardly the first of another.
            Ok(Fit::Copy(_)) => node.bodies.lookup(seq) == Body::Forgotten,
            // The first of this one, unless that began before what is seen.
            Ok(_) => seq == Seq::ZERO && !node.sends_known,
            Err(_) => true,
        }
    }

    /// OPTS in the sender's present incarnation.
    fn fit_opts(&self, conn: Conn, from: Side, seq: Seq, inner: Inner, body: u64) -> Result<Fit, Refusal> {
        let node = self.node(from);
        let expected = node.record.seq_send;
        if !node.sends_known {
            return Ok(Fit::Fresh);
        }
        if self.may_be_reordered(from) {
            self.check_stream(conn, from, seq)?;
        }
        if seq.is_before(expected) {
            return self.fit_copy(conn, from, seq, inner, body);
        }
        if let Some(fin) = node.record.fin {
            let got = format!("the fresh number {seq} after the FIN with number {fin}");
            return Err(Refusal::new(rule::SND_4, format!("no number beyond {fin}"), got));
        }
        if node.is_unsettled || self.may_be_reordered(from) {
            return Ok(Fit::Fresh);
        }
        self.output(conn, from)
            .check_fresh(seq, expected, node.breaks > 0, |number| self.is_owed(conn, from, number))?;
        Ok(Fit::Fresh)
    }

    /// SND-6, SND-8, NET-3: a number that was used before.
    fn fit_copy(&self, conn: Conn, from: Side, seq: Seq, inner: Inner, body: u64) -> Result<Fit, Refusal> {
        let node = self.node(from);
        if let Some(fin) = node.record.fin.filter(|fin| inner == Inner::Fin && *fin != seq) {
            let got = format!("a FIN with number {seq}");
            return Err(Refusal::new(rule::CLS_5, format!("no FIN but that with number {fin}"), got));
        }
        match node.bodies.lookup(seq) {
            Body::Seen(seen) if Bodies::is_same(seen, body) => {}
            Body::Released if self.may_be_reordered(from) => {} // judged by what it had read on this connection
            Body::Seen(_) if seq == Seq::ZERO => {
                let expected = format!("{}, for nothing ended the incarnation", node.record.seq_send);
                return Err(Refusal::new(rule::SND_7, expected, "number 0 again with another body"));
            }
            Body::Seen(_) => {
                let expected = format!("{} or a copy identical to the byte", node.record.seq_send);
                return Err(Refusal::new(rule::SND_6, expected, format!("number {seq} with another body")));
            }
            Body::Released if seq == Seq::ZERO => {
                let expected = format!("{}, for nothing ended the incarnation", node.record.seq_send);
                return Err(Refusal::new(rule::SND_7, expected, "number 0 again"));
            }
            Body::NeverUsed => {
                let expected = format!("{} or a copy of what was sent", node.record.seq_send);
                return Err(Refusal::new(rule::SND_8, expected, format!("number {seq}, which was never used")));
            }
            Body::Released => {
                let head = node.record.queue_head;
                let got = format!("number {seq}, whose acknowledgement the sender had read");
                return Err(Refusal::new(rule::RCV_4, format!("no copy before {head}"), got));
            }
            Body::Unseen | Body::Forgotten => {}
        }
        let is_in_order = !self.may_be_reordered(from);
        let is_owed = |number| is_in_order && self.is_owed(conn, from, number);
        let place = self.output(conn, from).place_copy(seq, node.breaks > 0, is_owed)?;
        Ok(Fit::Copy(place))
    }

    /// SND-7: whether the sender's record may have been reset before this message, and `seq` begin its numbers.
    fn fit_new_life(&self, conn: Conn, from: Side, seq: Seq) -> Option<Fit> {
        let node = self.node(from);
        let connection = self.connection(conn)?;
        if node.id.is_some() && !connection.half(from).is_unidentified {
            return None; // HRD-1: a hello would have said so
        }
        let began_here = !connection.half(from).output_of(node.life).has_numbers();
        let hole = connection.half(from).hole_in_numbers;
        // A FIN of either side may have been before what is seen.
        let peer = self.node(from.other());
        let may_have_closed = node.joined_late && (node.fresh == 0 || peer.fresh == 0);
        let may_begin = node.is_closing() || began_here || hole || may_have_closed;
        let may_lose_first = began_here && node.recent_breaks > 0;
        let is_start = seq == Seq::ZERO || hole || (may_lose_first && seq.0 < MAX_LOST_AT_START);
        let has_history = node.record.seq_send != Seq::ZERO || node.record.seq_next != Seq::ZERO;
        (may_begin && is_start && has_history).then_some(Fit::Fresh)
    }

    /// RCV-5, RCV-7, ACK-1: the number of an ACK.
    fn judge_ack(&self, conn: Conn, from: Side, number: Seq) -> Result<Reading, Refusal> {
        let node = self.node(from);
        if !node.has_heard && number == Seq::ZERO {
            let expected = "no ACK before a message from the peer told its version";
            return Err(Refusal::new(rule::SND_3, expected, "ACK(0)"));
        }
        let current = self.fit_ack(conn, from, number);
        let is_doubtful = !matches!(current, Ok(Fit::Ack | Fit::Late));
        let may_begin = is_doubtful || !node.log.is_empty();
        let new_life = if may_begin { self.fit_ack_of_new_life(conn, from, number) } else { None };
        let new_life = new_life.map(|fit| Candidate::beginning(fit, node.revisions));
        match current {
            Ok(_) if is_doubtful => match new_life {
                Some(new_life) => Ok(Reading::only(new_life)),
                None => Ok(Reading::only(Candidate::current(Fit::SuspectAck, node.revisions))),
            },
            // What it counted before is not known.
            Ok(Fit::Late) => Ok(Reading::only(Candidate::current(Fit::Late, node.revisions))),
            Ok(fit) => {
                let left = node.revisions.intersection(self.revisions_that_ack(conn, from, number));
                let current = match left.is_empty() {
                    true => Err(Self::ack_policy_refusal(node, number)),
                    false => Ok(Candidate::current(fit, left)),
                };
                Reading::of(current, new_life)
            }
            Err(refusal) => Reading::of(Err(refusal), new_life),
        }
    }

    /// HRD-1: a hello is an ACK whenever it comes, of nothing too.
    fn judge_hello(&self, conn: Conn, from: Side, number: Seq) -> Result<Reading, Refusal> {
        let first = self.node(from.other()).bodies.first();
        let is_first = self.lowest_ack(conn, from).is_none_or(|lowest| !number.is_before(lowest));
        if number == first && is_first {
            return Ok(Reading::only(Candidate::current(Fit::Ack, self.node(from).revisions)));
        }
        self.judge_ack(conn, from, number)
    }

    fn ack_policy_refusal(node: &Node<L>, number: Seq) -> Refusal {
        let expected = match node.revisions.iter().last().map(Revision::ack_policy) {
            Some(AckPolicy::Threshold(most)) => {
                format!("an ACK for a duplicate or a FIN, or one that is {most} messages further")
            }
            _ => "an ACK for each message accepted".to_owned(),
        };
        Refusal::new(rule::RCV_5, format!("{expected} from {}", node.revisions), format!("ACK({number})"))
    }

    fn fit_ack(&self, conn: Conn, from: Side, number: Seq) -> Result<Fit, Refusal> {
        let node = self.node(from);
        let peer = self.node(from.other());
        if node.life == 0 && node.record.seq_next == Seq::ZERO && peer.may_join_late() && number != Seq::ZERO {
            return Ok(Fit::Late);
        }
        let lowest = self.lowest_ack(conn, from);
        if let Some(lowest) = lowest.filter(|lowest| number.is_before(*lowest)) {
            let expected = format!("ACK({lowest}) or later, as before on this connection");
            return Err(Refusal::new(rule::RCV_7, expected, format!("ACK({number})")));
        }
        // Until half of the number space is used, the first number tells what is before and behind it.
        let first = peer.bodies.first();
        if !peer.joined_late && peer.fresh < u64::from(u32::MAX / 2) && !first.is_before(number) {
            let allowed = match first == node.record.seq_next {
                true => "no ACK, for nothing was accepted yet".to_owned(),
                false => format!("an ACK from {} to {}", first.next(), node.record.seq_next),
            };
            return Err(Refusal::new(rule::ACK_1, allowed, format!("ACK({number})")));
        }
        let highest = if node.record.seq_next.is_before(number) { node.could_expect() } else { node.record.seq_next };
        if highest.is_before(number) && !peer.is_unsettled {
            if peer.record.seq_send.is_before(number) {
                return Ok(Fit::SuspectAck);
            }
            let expected = format!("at most ACK({highest}), for no more was accepted in order");
            return Err(Refusal::new(rule::ACK_1, expected, format!("ACK({number})")));
        }
        Ok(Fit::Ack)
    }

    /// Whether the sender's record may have been reset unseen and have accepted up to `number` since.
    fn fit_ack_of_new_life(&self, conn: Conn, from: Side, number: Seq) -> Option<Fit> {
        self.fit_new_life(conn, from, Seq::ZERO)?;
        let node = self.node(from);
        let mut next = Seq::ZERO;
        for arrival in node.log.iter().filter(|arrival| arrival.life == self.node(from.other()).life) {
            if arrival.is_number(next) {
                next = next.next();
            }
        }
        // Numbers of an incarnation that begins count from 0.
        let is_accepted = number != Seq::ZERO && number.0 <= next.0;
        (is_accepted || self.node(from.other()).is_unsettled).then_some(Fit::Ack)
    }

    /// RCV-7: the lowest number that an ACK on `conn` may have. What a node writes on a connection that it opened
    /// comes after all that it wrote on those that it opened before.
    fn lowest_ack(&self, conn: Conn, from: Side) -> Option<Seq> {
        let node = self.node(from);
        let connection = self.connection(conn)?;
        let here = connection.half(from).acked_by(node.life);
        // Who accepts connections may see them in another order, and its recording tells that one.
        if connection.opener != from || node.id.is_some() || self.may_be_reordered(from) {
            return here;
        }
        match (here, node.own_acked) {
            (Some(here), Some(own)) => Some(here.max(own)),
            (here, own) => here.or(own),
        }
    }

    /// Section 11, "ACK for data": the revisions in which this ACK can be sent now.
    fn revisions_that_ack(&self, conn: Conn, from: Side, number: Seq) -> RevisionSet {
        let node = self.node(from);
        let Some(connection) = self.connection(conn) else {
            return RevisionSet::any();
        };
        let half = connection.half(from);
        if !node.expects_known || half.hole_in_acks {
            return RevisionSet::any();
        }
        RevisionSet::any().filter(|revision| match revision.ack_policy() {
            AckPolicy::EveryMessage => half.acked_by(node.life).is_none_or(|before| before.distance_to(number) <= 1),
            AckPolicy::EveryBatch | AckPolicy::AtWill => true,
            // The number is read apart from the count, so that a step may be one short.
            AckPolicy::Threshold(most) => node.prompts > 0 || node.ack_base.distance_to(number) >= most,
        })
    }

    /// Whether a pass on `conn` may not leave `number` out: no copy went out on another connection, or waited there when
    /// a pass was queued.
    fn is_owed(&self, conn: Conn, from: Side, number: Seq) -> bool {
        let node = self.node(from);
        let mut others = self.connections.iter().filter(|other| other.id != conn);
        node.owes(number) && !others.any(|other| other.half(from).output_of(node.life).has_copied(number))
    }

    fn output(&self, conn: Conn, from: Side) -> Output {
        let life = self.node(from).life;
        self.connection(conn).map_or_else(Output::default, |connection| connection.half(from).output_of(life))
    }
}

/// The most numbers that the first pages of an incarnation can have taken with them: what fits into one page.
pub(super) const MAX_LOST_AT_START: u32 = 4096 / 40;

impl<L: Copy> Node<L> {
    /// The revisions left, or a refusal that says what was expected and what there was.
    fn narrowed(
        &self,
        allowed: RevisionSet,
        rule: rule::Rule,
        tell: impl FnOnce() -> [String; 2],
    ) -> Result<RevisionSet, Refusal> {
        let left = self.revisions.intersection(allowed);
        if left.is_empty() {
            let [expected, got] = tell();
            return Err(Refusal::new(rule, format!("{expected} from {}", self.revisions), got));
        }
        Ok(left)
    }
}
