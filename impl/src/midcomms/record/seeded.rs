//! What a seeded defect has a record do (feature `defects`).

use bytes::Bytes;

use super::Record;
use super::receive::Arrival;
use crate::midcomms::defect::{Defect, SECOND_STEP};
use crate::midcomms::event::{Reason, Shutdown};
use crate::midcomms::hello;
use crate::midcomms::state::{Action, State, Stimulus};
use crate::midcomms::time::Time;
use crate::wire::Message;

/// What a seeded defect remembers.
#[derive(Debug, Default, Clone)]
pub(super) struct Seeded {
    /// The second step of D1 or D7 is due.
    pub(super) second_step: Option<Time>,
    /// D10: how far `users` is below 0.
    users_below_zero: u32,
}

impl Record {
    pub(in crate::midcomms) fn has(&self, defect: Defect) -> bool {
        self.config.defect == Some(defect)
    }

    /// D1, D7: whether an action is put off. D4: whether it is not done at all.
    pub(super) fn leaves_out(&mut self, now: Time, stimulus: Stimulus, action: Action) -> bool {
        let is_put_off = match action {
            Action::SendFin => self.has(Defect::D1) && stimulus == Stimulus::Shutdown,
            Action::StopTx => self.has(Defect::D7),
            _ => false,
        };
        if is_put_off {
            self.seeded.second_step = Some(now.after(SECOND_STEP));
        }
        is_put_off || (self.has(Defect::D4) && action == Action::Reset && stimulus == Stimulus::FirstAdd)
    }

    /// D1, D7.
    pub(super) fn take_second_step(&mut self, now: Time) {
        if self.seeded.second_step.take_if(|at| *at <= now).is_none() {
            return;
        }
        self.stop_tx |= self.has(Defect::D7);
        if self.has(Defect::D1) && self.state == State::FinWait1 {
            self.send_fin();
        }
    }

    /// D3.
    pub(super) fn restarts_on_status(&mut self, now: Time, arrival: &Arrival<'_>) {
        if self.has(Defect::D3) && arrival.is_status() && self.state.is_closing() {
            self.restart(now);
        }
    }

    /// D4: whether a shutdown that timed out is over without a reset.
    pub(super) fn keeps_timed_out(&mut self) -> bool {
        if self.has(Defect::D4) {
            self.finish_shutdown(Shutdown::TimedOut);
        }
        self.has(Defect::D4)
    }

    /// D5: an ACK that goes out behind the messages of this piece of work.
    pub(super) fn take_late_ack(&mut self) -> Option<Bytes> {
        if !self.has(Defect::D5) || !self.has_queue_output() || !core::mem::take(&mut self.pending.ack) {
            return None;
        }
        self.note_ack();
        Some(Bytes::copy_from_slice(&hello::plain_ack(self.sender(), self.seq_next)))
    }

    /// D6.
    pub(super) fn stops_hearing(&mut self) {
        self.stop_rx |= self.has(Defect::D6);
    }

    /// D8: nothing more is said of what is over.
    pub(in crate::midcomms) fn forget_last_words(&mut self) {
        self.pending.last_ack = None;
        self.pending.late_ack = None;
        self.pending.gone = None;
    }

    /// D10: whether an add brings `users` to 0, and so does nothing.
    pub(super) fn adds_to_less_than_zero(&mut self) -> bool {
        let is_below = self.seeded.users_below_zero > 0;
        self.seeded.users_below_zero = self.seeded.users_below_zero.saturating_sub(1);
        is_below
    }

    /// D10.
    pub(super) fn decrement_anyway(&mut self, stimulus: Stimulus) {
        if self.has(Defect::D10) && stimulus == Stimulus::UnknownRemove && self.members.pop().is_none() {
            self.seeded.users_below_zero += 1;
        }
    }

    /// D11: whether a shutdown ended without the version.
    pub(super) fn skips_handshake(&mut self, now: Time) -> bool {
        if !self.has(Defect::D11) || self.state == State::Closed || self.version.is_some() {
            return false;
        }
        self.members.clear();
        self.end(now, Reason::NoHandshake);
        self.finish_shutdown(Shutdown::NoHandshake);
        true
    }

    /// D12: what a FIN that is refused or passed over does all the same, if its number is the one that is expected.
    pub(super) fn acknowledges_first(&mut self, arrival: &Arrival<'_>) {
        if !self.has(Defect::D12) || !arrival.is_fin() {
            return;
        }
        if let Message::Opts(opts) = &arrival.message
            && opts.seq() == self.seq_next
        {
            self.seq_next = opts.seq().successor();
            self.pending.ack = true;
        }
    }
}
