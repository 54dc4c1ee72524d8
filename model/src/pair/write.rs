//! What a message that is allowed does to its sender.

use crate::message::{Inner, Message, Version};
use crate::output::Place;
use crate::record::{Event, State};
use crate::revision::AckPolicy;
use crate::seq::Seq;

use super::bodies::Body;
use super::judge::{Candidate, Fit, MAX_LOST_AT_START};
use super::node::Node;
use super::{Conn, Pair, Side, UNKNOWN_PROMPTS};

impl<L: Copy> Pair<L> {
    /// Applies one way in which [`Pair::judge`] found that the message fits.
    pub(super) fn carry_out(&mut self, conn: Conn, from: Side, message: &Message, candidate: Candidate) {
        let peer_life = self.node(from.other()).life;
        let node = self.node_mut(from);
        if candidate.begins {
            node.begin_life(peer_life);
        }
        node.revisions = candidate.revisions;
        let began_unseen = matches!(message, Message::Opts { seq, .. } if seq.0 > MAX_LOST_AT_START);
        if candidate.fit == Fit::Late || (candidate.begins && began_unseen) {
            self.join_late(from, message);
        }
        match (*message, candidate.fit) {
            (Message::Opts { seq, inner, body }, Fit::Copy(place)) => {
                self.write_copy(conn, from, seq, inner, body, place);
            }
            (Message::Opts { seq, inner, body }, _) => self.write_fresh(conn, from, seq, inner, body),
            (Message::Ack(_) | Message::Hello(..), Fit::SuspectAck) => self.node_mut(from).counts.acks += 1,
            (Message::Ack(number) | Message::Hello(number, _), _) => self.write_ack(conn, from, number),
            (Message::Bare(_) | Message::Gone(_), _) => {}
        }
    }

    /// What is seen began within the incarnation whose numbers `message` is about.
    fn join_late(&mut self, from: Side, message: &Message) {
        let (numbered, reader) = match message {
            Message::Ack(_) | Message::Hello(..) => (from.other(), from),
            _ => (from, from.other()),
        };
        self.node_mut(numbered).join_late();
        self.node_mut(reader).expects_known = false;
        self.node_mut(from).has_heard = true;
    }

    fn write_fresh(&mut self, conn: Conn, from: Side, seq: Seq, inner: Inner, body: u64) {
        let node = self.node_mut(from);
        if !node.sends_known {
            node.sends_known = true;
            node.record.queue_head = seq;
            node.record.seq_send = seq;
            node.bodies.start_at(seq);
        }
        node.fresh += 1;
        node.has_heard_bare = false;
        node.seen_since.get_or_insert(seq);
        let has_gap = node.record.seq_send != seq;
        node.record.seq_send = seq;
        if inner == Inner::Fin {
            node.send_fin();
        } else {
            node.record.take_number();
        }
        node.bodies.record(seq, body);
        node.recent_breaks = 0;
        let life = node.life;
        if let Some(connection) = self.connection_mut(conn) {
            let half = connection.half_mut(from);
            half.enter_life(life);
            half.hole_in_numbers = false;
            half.last = Some(seq);
            half.output.write_fresh(has_gap);
        }
    }

    fn write_copy(&mut self, conn: Conn, from: Side, seq: Seq, inner: Inner, body: u64, place: Place) {
        let node = self.node_mut(from);
        node.counts.retransmitted += 1;
        let is_uncompared = node.bodies.has_overflowed && node.bodies.lookup(seq) == Body::Forgotten;
        node.counts.uncompared += u64::from(is_uncompared);
        if place == Place::Begins {
            node.begin_pass();
        }
        node.seen_since.get_or_insert(seq);
        node.recent_breaks = 0;
        if node.bodies.lookup(seq) == Body::Unseen {
            node.bodies.record(seq, body);
            if inner == Inner::Fin && node.record.fin.is_none() {
                let next = node.record.seq_send;
                node.record.seq_send = seq;
                node.send_fin();
                node.record.seq_send = next;
            }
        }
        let life = node.life;
        if let Some(connection) = self.connection_mut(conn) {
            let half = connection.half_mut(from);
            half.enter_life(life);
            half.hole_in_numbers = false;
            half.last = Some(seq);
            half.output.write_copy(seq);
        }
    }

    fn write_ack(&mut self, conn: Conn, from: Side, number: Seq) {
        let node = self.node_mut(from);
        node.counts.acks += 1;
        node.read_late_up_to(number);
        if !node.expects_known {
            node.expects_known = true;
            node.ack_base = number;
        }
        if node.record.seq_next.is_before(number) {
            node.record.seq_next = number; // what it accepted is missing from what was recorded
            node.close_gap(None);
        }
        let released = node.note_acked(number);
        let life = node.life;
        let Some(connection) = self.connection_mut(conn) else {
            return;
        };
        let is_own = connection.opener == from;
        let half = connection.half_mut(from);
        half.enter_life(life);
        half.released =
            released.map(|released| half.released.map_or(released, |known| known.max(released))).or(half.released);
        half.acked = Some(number);
        half.hole_in_acks = false;
        if is_own {
            self.node_mut(from).own_acked = Some(number);
        }
        let peer = self.node_mut(from.other());
        if peer.is_unsettled {
            peer.settle(number);
        }
    }
}

impl<L: Copy> Node<L> {
    /// The own FIN goes out: by shutdown where the record is ESTABLISHED, by the last removal in CLOSE_WAIT.
    fn send_fin(&mut self) {
        self.counts.fins += 1;
        if self.record.version.is_none() {
            self.record.version = Some(Version::V3_2);
        }
        if self.record.state == State::Closed {
            self.record.state = State::Established;
        }
        let event = if self.record.state == State::CloseWait { Event::RemoveMember } else { Event::Shutdown };
        self.step(event);
        self.record.take_fin();
    }

    /// It acknowledged everything before `number`: so it has read what came before that on the same connection. Returns
    /// up to where it has read that its own numbers were acknowledged.
    fn note_acked(&mut self, number: Seq) -> Option<Seq> {
        let mut released = None;
        while let Some(&(seq, acked)) = self.reads.front()
            && seq.is_before(number)
        {
            released = Some(acked);
            self.reads.pop_front();
        }
        if let Some(released) = released {
            self.bodies.release_before(released);
        }
        // Whatever may have been a threshold ACK is counted as one, and spends no prompt.
        let is_threshold = self.revisions.iter().all(|revision| match revision.ack_policy() {
            AckPolicy::Threshold(most) => self.ack_base.distance_to(number) >= most,
            AckPolicy::EveryMessage | AckPolicy::EveryBatch | AckPolicy::AtWill => true,
        });
        if is_threshold {
            self.ack_base = number;
        } else if self.prompts != UNKNOWN_PROMPTS {
            self.prompts = self.prompts.saturating_sub(1);
        }
        released
    }
}
