//! What goes out, and when (RCV-5, NET-3, HRD-1, HRD-7).

use bytes::{Bytes, BytesMut};

use super::{Answer, Record};
use crate::midcomms::batch::EventBatch;
use crate::midcomms::hello::{self, Ids};
use crate::midcomms::state::State;
use crate::midcomms::time::Time;
use crate::wire::{Inner, LockspaceId, Message, Rcom, RcomType, Seq, Version};

/// Bytes that are handed over in one piece of work, roughly.
const BATCH_BYTES: usize = 256 * 1024;
/// Payload of a STATUS and of its answer as kernels send them, in bytes.
const STATUS_PAYLOAD: usize = 16;
const STATUS_REPLY_PAYLOAD: usize = 32;

impl Record {
    // ---- getters -------------------------------------------------------------------------------------------------

    /// Whether anything waits for a connection.
    pub(in crate::midcomms) fn has_output(&self) -> bool {
        let pending = &self.pending;
        pending.ack
            || pending.ask
            || pending.answer.is_some()
            || pending.gone.is_some()
            || pending.last_ack.is_some()
            || pending.late_ack.is_some()
            || !pending.bare.is_empty()
            || self.has_queue_output()
    }

    /// SND-3.
    pub(super) fn has_queue_output(&self) -> bool {
        self.version.is_some() && self.queue.has_output()
    }

    // ---- polls ---------------------------------------------------------------------------------------------------

    /// Appends to `out` what goes out next on a connection whose last hello was `said`, in whole messages.
    pub(in crate::midcomms) fn poll_output(
        &mut self,
        now: Time,
        said: &mut Option<Ids>,
        control: &mut BytesMut,
        out: &mut Vec<Bytes>,
    ) {
        #[cfg(feature = "defects")]
        let late_ack = self.take_late_ack();
        for last in [self.pending.last_ack.take(), self.pending.late_ack.take()].into_iter().flatten() {
            self.write_last_ack(last, said, control);
        }
        if self.has_output() {
            self.write_hello(said, control);
            self.write_pending(now, control);
        }
        if !control.is_empty() {
            out.push(control.split().freeze());
        }
        out.extend(self.pending.bare.drain(..));
        if self.has_queue_output() {
            self.queue.hand_over(BATCH_BYTES, out);
        }
        #[cfg(feature = "defects")]
        out.extend(late_ack);
    }

    fn write_last_ack(&mut self, (ids, seq): (Ids, Seq), said: &mut Option<Ids>, control: &mut BytesMut) {
        self.counters.acks_sent += 1;
        if *said == Some(ids) {
            control.extend_from_slice(&hello::plain_ack(self.sender(), seq));
        } else {
            control.extend_from_slice(&hello::hello(self.sender(), seq, ids));
            *said = Some(ids);
        }
    }

    fn write_hello(&mut self, said: &mut Option<Ids>, control: &mut BytesMut) {
        let ids = self.ids();
        if *said != Some(ids) {
            control.extend_from_slice(&hello::hello(self.sender(), self.seq_next, ids));
            *said = Some(ids);
            self.note_ack();
        }
    }

    fn write_pending(&mut self, now: Time, control: &mut BytesMut) {
        if let Some(ids) = self.pending.gone.take() {
            control.extend_from_slice(&hello::gone(self.sender(), ids));
        }
        if let Some(answer) = self.pending.answer.take() {
            self.write_rcom(control, RcomType::StatusReply, &answer, &[0; STATUS_REPLY_PAYLOAD]);
        }
        if core::mem::take(&mut self.pending.ask) {
            self.asked += 1;
            let lockspace = self.members.first().copied().unwrap_or(LockspaceId(0));
            let question = Answer { seq: self.asked, id: self.asked, lockspace };
            self.write_rcom(control, RcomType::Status, &question, &[0; STATUS_PAYLOAD]);
            if self.version.is_none() {
                self.timers.ask = Some(now.after(self.config.status_interval));
            }
        }
        if core::mem::take(&mut self.pending.ack) && self.version == Some(Version::V3_2) {
            control.extend_from_slice(&hello::plain_ack(self.sender(), self.seq_next));
            self.note_ack();
        }
    }

    fn write_rcom(&self, control: &mut BytesMut, kind: RcomType, about: &Answer, payload: &[u8]) {
        let is_reply = kind == RcomType::StatusReply;
        let (seq, seq_reply) = if is_reply { (0, about.seq) } else { (about.seq, 0) };
        let rcom = Rcom { code: kind.to_wire(), result: 0, id: about.id, seq, seq_reply, payload };
        if let Ok(inner) = Inner::rcom(self.sender(), about.lockspace, rcom) {
            let mut bytes = Vec::new();
            Message::from(inner).encode_into(&mut bytes);
            control.extend_from_slice(&bytes);
        }
    }

    /// Whatever was accepted is acknowledged now.
    pub(super) fn note_ack(&mut self) {
        self.counters.acks_sent += 1;
        self.pending.ack = false;
        self.delivered = 0;
        self.delivered_bytes = 0;
        self.timers.ack = None;
    }

    /// The instant at which something will happen by itself.
    pub(in crate::midcomms) fn poll_timeout(&self) -> Option<Time> {
        let timers = &self.timers;
        let first = [timers.ack, timers.ask, timers.retransmit, timers.shutdown].into_iter().flatten().min();
        #[cfg(feature = "defects")]
        let first = [first, self.seeded.second_step].into_iter().flatten().min();
        first
    }

    pub(in crate::midcomms) fn release(&mut self) {
        self.queue.release();
        if self.events.is_empty() {
            self.events = EventBatch::default();
        }
    }

    // ---- time and connections ------------------------------------------------------------------------------------

    pub(super) fn ask_status(&mut self) {
        self.pending.ask = self.version.is_none();
        self.timers.ask = None;
    }

    /// `is_writing` says that the last piece of work is not written yet: the peer reads slowly, and copies would only
    /// queue behind it.
    pub(in crate::midcomms) fn handle_timeout(&mut self, now: Time, is_writing: bool) {
        let is_due = |timer: &mut Option<Time>| timer.take_if(|at| *at <= now).is_some();
        #[cfg(feature = "defects")]
        self.take_second_step(now);
        if is_due(&mut self.timers.ack) {
            self.pending.ack = true;
        }
        if is_due(&mut self.timers.ask) {
            self.pending.ask = true;
        }
        if is_due(&mut self.timers.retransmit) && !is_writing {
            self.timers.passes = self.timers.passes.saturating_add(1); // HRD-7
            self.counters.timeouts += 1;
            self.counters.passes += 1;
            self.queue.rewind();
        }
        if self.timers.shutdown.is_some_and(|at| at <= now) {
            self.time_out_shutdown(now);
        }
    }

    /// Something new was acknowledged.
    pub(super) fn note_progress(&mut self, now: Time) {
        self.timers.passes = 0;
        self.timers.retransmit.take_if(|_| !self.queue.is_awaiting_ack());
        if let Some(at) = &mut self.timers.retransmit {
            *at = now.after(self.config.retransmit_after);
        }
        self.tell_room();
    }

    /// All that was handed over is written.
    pub(in crate::midcomms) fn handle_written(&mut self, now: Time) {
        if self.version == Some(Version::V3_1) {
            self.queue.forget_handed_over(); // SND-3
            return self.tell_room();
        }
        if self.queue.is_awaiting_ack() && self.timers.retransmit.is_none() {
            let wait = self.config.retransmit_after.saturating_mul(1 << self.timers.passes.min(16));
            self.timers.retransmit = Some(now.after(wait.min(self.config.retransmit_max)));
        }
    }

    /// From now on messages go out on another connection, or on none: all that is not acknowledged goes out again
    /// (NET-3, HRD-1).
    pub(in crate::midcomms) fn handle_other_connection(&mut self) {
        if self.version == Some(Version::V3_1) {
            self.queue.forget_handed_over(); // SND-3: no retransmission
            self.tell_room();
        }
        #[cfg(feature = "defects")]
        if self.has(crate::midcomms::Defect::D15) {
            self.timers.retransmit = None;
            return;
        }
        self.counters.passes += u64::from(self.queue.is_awaiting_ack());
        self.queue.rewind();
        self.timers.retransmit = None;
        if self.state != State::Closed && self.version.is_none() {
            self.pending.ask = true;
        }
    }

    /// Answers to a FIN for an incarnation that is over: whoever still waits for one sends its FIN again (HRD-3, HRD-7),
    /// and nobody is connected to for their sake, who may be dead.
    pub(in crate::midcomms) fn forget_late_answers(&mut self) {
        self.pending.gone = None;
        self.pending.late_ack = None;
    }
}
