//! lowcomms (section 8): pages, breaks, and what a node sends again.

use super::action::choice;
use super::moment::Moment;
use super::observer::{Observer, Occurrence};
use super::property::{self, Property};
use super::state::{Notice, Phase, Second, Status};
use super::wire::Kind;
use crate::message::Version;
use crate::rules::{Copies, Numbering, ThresholdAck};

/// Messages that fit into a page.
pub(super) const PAGE: usize = 2;

impl<const N: usize, const M: usize, O: Observer> Moment<'_, N, M, O> {
    /// The upper layer sends a message: reserved and, where that is one step, committed.
    pub(super) fn upper_sends(&mut self, x: usize, y: usize, choices: u8) {
        let rules = *self.rules(x);
        self.end_mut(x, y).sent += 1;
        if self.end(x, y).record.version == Some(Version::V3_1) {
            self.push_with(x, y, Kind::Data, 0, None, super::wire::Msg::bare); // SND-3
            return;
        }
        let acks = choices & choice::ACK != 0;
        if acks && rules.threshold_ack == ThresholdAck::Before {
            self.push_threshold_ack(x, y);
        }
        if rules.numbering == Numbering::AfterQueue {
            self.end_mut(x, y).second = Second::TakeNumber;
        } else {
            self.send_data(x, y);
        }
        if acks && rules.threshold_ack == ThresholdAck::Behind {
            self.push_threshold_ack(x, y);
        }
    }

    /// SND-1: takes a number, joins the send queue, and takes its place in the output.
    pub(super) fn send_data(&mut self, x: usize, y: usize) {
        let is_split = self.world.environment.split || !self.rules(x).commits;
        let record = self.end(x, y).record;
        self.require(Property::NoTxAfterFin, property::no_tx_after_fin(&record));
        let end = self.end_mut(x, y);
        let seq = end.record.take_number();
        let bound = end.bound;
        let number = self.world.offset(seq);
        let splits = is_split && self.end(x, y).reserved.is_none();
        if splits {
            self.end_mut(x, y).reserved = Some(number);
        }
        self.push_with(x, y, Kind::Data, number, bound, |message| message.uncommitted(splits));
    }

    /// SND-5: what was reserved is committed.
    pub(super) fn commit(&mut self, x: usize, y: usize) {
        let end = self.end_mut(x, y);
        end.reserved = None;
        let len = end.link.fifo.len();
        end.link.fifo.update(0, len, |message| message.uncommitted(false));
        let late = std::mem::take(&mut end.late);
        self.observer.see(Occurrence::Committed { from: x, to: y });
        if late && self.rules(x).late_commit_copies {
            self.queue_copies(x, y, true);
        }
    }

    /// NET-4: the page at the head of the output goes out.
    pub(super) fn write_page(&mut self, x: usize, y: usize) {
        let link = self.link(x, y);
        let count = (usize::from(link.sent) + PAGE).min(link.fifo.len());
        self.write(x, y, count);
    }

    /// NET-2: of what was written to the connection `kept` messages still arrive.
    pub(super) fn break_link(&mut self, x: usize, y: usize, kept: usize) {
        self.system.breaks -= 1;
        let sent = usize::from(self.link(x, y).sent);
        self.lose(x, y, kept, sent);
        self.link_mut(x, y).status = Status::Broken;
        self.end_mut(x, y).notice = Notice::Error;
        self.end_mut(y, x).notice = Notice::Error;
    }

    /// NET-3: `x` notices that its connections with `y` are gone. It gives up both, as captures show, and opens anew.
    pub(super) fn notice_break(&mut self, x: usize, y: usize, choices: u8) {
        let rules = *self.rules(x);
        let notice = std::mem::take(&mut self.end_mut(x, y).notice);
        let copies = notice == Notice::Error || rules.retransmits_on_close;
        if self.end(x, y).reserved.is_some() {
            self.end_mut(x, y).late = true;
        }
        if copies && rules.copies == Copies::BeforeDrop {
            self.queue_copies(x, y, false);
        }
        if choices & choice::PARTLY != 0 {
            let sent = usize::from(self.link(x, y).sent);
            self.lose(x, y, sent, sent + PAGE);
        }
        if copies && rules.copies == Copies::AfterDrop {
            self.queue_copies(x, y, false);
        }
        let link = self.link_mut(x, y);
        link.status = Status::Down;
        link.old = link.sent;
        self.give_up_input(x, y, choices);
    }

    /// `x` reads its old incoming connection no further. If `y` has not noticed yet, it writes to it in vain.
    fn give_up_input(&mut self, x: usize, y: usize, choices: u8) {
        if self.end(y, x).notice == Notice::Quiet {
            let old = usize::from(self.link(y, x).old);
            self.lose(y, x, 0, old);
            return;
        }
        let sent = usize::from(self.link(y, x).sent);
        self.lose(y, x, 0, sent);
        let link = self.link_mut(y, x);
        if link.status == Status::Up {
            link.status = Status::Broken;
        }
        if choices & choice::CLOSE != 0 {
            self.end_mut(y, x).notice = Notice::Close;
        }
    }

    /// One pass over the send queue, oldest first, without what is not committed and, unless `again`, what waits as a copy
    /// already.
    pub(super) fn queue_copies(&mut self, x: usize, y: usize, again: bool) {
        let end = *self.end(x, y);
        let mut seq = end.record.queue_head;
        while seq.is_before(end.record.seq_send) {
            let number = self.world.offset(seq);
            let waits = end.link.waiting().iter().any(|message| message.is_copy() && message.number() == number);
            if (again || !waits) && end.reserved != Some(number) {
                let kind = if end.record.fin == Some(seq) { Kind::Fin } else { Kind::Data };
                self.push_with(x, y, kind, number, end.bound, super::wire::Msg::copy);
            }
            seq = seq.next();
        }
    }

    /// What came on a connection that was or will be replaced is put by (NET-5).
    pub(super) fn delay_input(&mut self, x: usize, y: usize, kept: usize) {
        for _ in 0..kept {
            let link = self.link_mut(y, x);
            let Some(message) = link.fifo.pop() else { break };
            link.sent -= 1;
            link.old = link.old.saturating_sub(1);
            self.observer.see(Occurrence::Delayed { from: y, to: x, message });
            self.overflow |= !self.end_mut(x, y).push_stale(message);
        }
        let old = usize::from(self.link(y, x).old);
        self.lose(y, x, 0, old);
    }

    /// D8: both connections are dropped with what was in flight, and the peer sees an error.
    pub(super) fn drop_connections(&mut self, x: usize, y: usize) {
        for (a, b) in [(x, y), (y, x)] {
            let len = if a == x { self.link(a, b).fifo.len() } else { usize::from(self.link(a, b).sent) };
            self.lose(a, b, 0, len);
        }
        self.link_mut(x, y).status = Status::Down;
        if self.link(y, x).status == Status::Up {
            self.link_mut(y, x).status = Status::Broken;
        }
        if self.system.node(y).phase != Phase::Out {
            self.end_mut(y, x).notice = Notice::Error;
        }
        self.end_mut(x, y).notice = Notice::Quiet;
    }
}
