//! What went out of the send queue: every message once in its order, and copies in passes from the queue's head.

use std::collections::VecDeque;

use crate::rule::{self, Refusal};
use crate::seq::Seq;

/// Identities of unacknowledged messages that are kept for the comparison of their copies.
const MAX_BODIES: usize = 1 << 20;

#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    /// The number after the highest one that was written.
    pub(super) sent: Seq,
    /// In mid-stream: numbers before this one may have gone out before what is seen.
    ceiling: Seq,
    /// The number that goes out next.
    pub(super) cursor: Seq,
    /// The identities of the messages from `base` on.
    base: Seq,
    bodies: VecDeque<u64>,
}

impl Output {
    /// A pass of copies begins.
    pub(super) fn rewind(&mut self, head: Seq) {
        self.cursor = head;
    }

    /// Everything before `head` was acknowledged.
    #[inline]
    pub(super) fn release(&mut self, head: Seq) {
        self.cursor = self.cursor.max(head);
        self.sent = self.sent.max(head);
        let count = (self.base.distance_to(head) as usize).min(self.bodies.len());
        self.bodies.drain(..count);
        self.base = head;
    }

    /// Whether nobody can have accepted everything before `number`, for so much was not sent.
    #[inline]
    pub(super) fn is_beyond(&self, number: Seq) -> bool {
        self.sent.is_before(number) && self.ceiling.is_before(number)
    }

    /// Whether the message with number `seq` may go out now.
    #[inline]
    pub(super) fn check(&self, seq: Seq, head: Seq, body: u64) -> Result<(), Refusal> {
        if seq != self.cursor && (seq != head || !head.is_before(self.sent)) {
            return Err(self.out_of_order(seq, head));
        }
        let index = self.base.distance_to(seq) as usize;
        match self.bodies.get(index) {
            Some(known) if seq.is_before(self.sent) && *known != body => {
                let expected = format!("{seq} as it was sent before");
                Err(Refusal::new(rule::SND_6, expected, "another message under that number"))
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn out_of_order(&self, seq: Seq, head: Seq) -> Refusal {
        let got = format!("{seq}");
        if seq.is_before(head) {
            return Refusal::new(rule::RCV_4, format!("{} or {head}: all before was acknowledged", self.cursor), got);
        }
        if seq.is_before(self.sent) {
            let expected = format!("{} next, or {head}, with which a pass of copies begins", self.cursor);
            return Refusal::new(rule::NET_3, expected, format!("a copy of {seq}"));
        }
        match self.cursor == self.sent {
            true => Refusal::new(rule::SND_7, format!("{} as the next fresh number", self.sent), got),
            false => {
                let expected = format!("a copy of {} before anything fresh", self.cursor);
                Refusal::new(rule::NET_3, expected, got)
            }
        }
    }

    /// It went out.
    #[inline]
    pub(super) fn push(&mut self, seq: Seq, body: u64) {
        if !seq.is_before(self.sent) {
            if self.base.distance_to(seq) as usize == self.bodies.len() && self.bodies.len() < MAX_BODIES {
                self.bodies.push_back(body);
            }
            self.sent = seq.next();
        }
        self.cursor = seq.next();
    }

    /// In mid-stream, where everything before `head` was acknowledged and nothing has a number from `next` on.
    pub(super) fn between(head: Seq, next: Seq) -> Self {
        Self { sent: head, ceiling: next, cursor: head, base: head, bodies: VecDeque::new() }
    }

    /// In mid-stream: the numbers before `head` were acknowledged, and those before `next` given out, written or not. Returns
    /// whether that says which one goes out next.
    pub(super) fn learn_numbers(&mut self, head: Seq, next: Seq) -> bool {
        self.release(head);
        self.ceiling = next;
        let count = head.distance_to(next);
        for number in [&mut self.cursor, &mut self.sent] {
            if head.distance_to(*number) > count {
                *number = head;
            }
        }
        count == 0
    }

    /// In mid-stream: everything that had a number before what is seen was acknowledged, so that the next one is fresh.
    pub(super) fn is_drained(&self, head: Seq) -> bool {
        head == self.ceiling && self.sent == head && self.cursor == head
    }

    /// In mid-stream: whatever it was, what follows it is known.
    pub(super) fn learn(&mut self, seq: Seq, body: u64) {
        if self.bodies.is_empty() || self.base.distance_to(seq) as usize != self.bodies.len() {
            self.bodies.clear();
            self.base = seq;
        }
        if self.bodies.len() < MAX_BODIES {
            self.bodies.push_back(body);
        }
        if !seq.is_before(self.sent) || self.sent == Seq::ZERO {
            self.sent = seq.next();
        }
        self.ceiling = self.ceiling.max(self.sent);
        self.cursor = seq.next();
    }
}
