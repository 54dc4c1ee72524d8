//! What the cluster manager says, and shutdown (section 7).

use super::Record;
use crate::midcomms::event::{Event, Reason, Shutdown};
use crate::midcomms::observer::Occurrence;
use crate::midcomms::state::{State, Stimulus};
use crate::midcomms::time::Time;
use crate::wire::{LockspaceId, Version};

impl Record {
    pub(in crate::midcomms) fn handle_add_member(&mut self, now: Time, lockspace: LockspaceId) {
        self.observe(now, Occurrence::MemberAdded(lockspace));
        if self.members.contains(&lockspace) {
            return; // HRD-5: counted already
        }
        #[cfg(feature = "defects")]
        if self.adds_to_less_than_zero() {
            return;
        }
        let stimulus = match (self.members.is_empty(), self.version) {
            (false, _) => Stimulus::Add,
            (true, Some(Version::V3_1)) => Stimulus::FirstAddTo31,
            (true, _) => Stimulus::FirstAdd,
        };
        self.step(now, stimulus, Some(lockspace));
        if stimulus != Stimulus::Add {
            self.ask_status();
        }
    }

    pub(in crate::midcomms) fn handle_remove_member(&mut self, now: Time, lockspace: LockspaceId) {
        self.observe(now, Occurrence::MemberRemoved(lockspace));
        let stimulus = match (self.members.contains(&lockspace), self.members.len()) {
            (false, _) => Stimulus::UnknownRemove,
            (true, 1) => Stimulus::LastRemove,
            (true, _) => Stimulus::Remove,
        };
        #[cfg(feature = "defects")]
        self.decrement_anyway(stimulus);
        self.step(now, stimulus, Some(lockspace));
    }

    /// The record is gone; what is left is as if it were made anew, but for the incarnations that were used.
    pub(in crate::midcomms) fn handle_fence(&mut self, now: Time) {
        self.observe(now, Occurrence::Fenced);
        self.members.clear();
        self.end(now, Reason::Fenced);
        self.pending.gone = None;
        self.finish_shutdown(Shutdown::Fenced);
    }

    /// CLS-2: the record's version first, then no members, then the FIN.
    pub(in crate::midcomms) fn handle_shutdown(&mut self, now: Time) {
        if self.is_shutting_down() {
            return;
        }
        self.observe(now, Occurrence::Shutdown);
        self.timers.shutdown = Some(now.after(self.config.shutdown_timeout));
        self.advance_shutdown(now);
    }

    /// Does what a shutdown waits for no longer. Called after everything that may have changed state or version.
    pub(super) fn advance_shutdown(&mut self, now: Time) {
        if !self.is_shutting_down() {
            return;
        }
        #[cfg(feature = "defects")]
        if self.skips_handshake(now) {
            return;
        }
        if self.state != State::Closed {
            match self.version {
                None => return,
                Some(Version::V3_1) => {
                    self.members.clear();
                    self.end(now, Reason::NoHandshake);
                    return self.finish_shutdown(Shutdown::NoHandshake);
                }
                Some(Version::V3_2) => {
                    while let Some(lockspace) = self.members.last().copied() {
                        #[cfg(feature = "defects")]
                        if self.has(crate::midcomms::Defect::D2) {
                            break;
                        }
                        self.handle_remove_member(now, lockspace);
                        self.members.retain(|known| *known != lockspace);
                    }
                    if self.state == State::Established {
                        self.step(now, Stimulus::Shutdown, None);
                    }
                }
            }
        }
        if self.state == State::Closed {
            self.members.clear();
            self.finish_shutdown(Shutdown::Closed);
        }
    }

    /// CLS-3.
    pub(super) fn time_out_shutdown(&mut self, now: Time) {
        self.members.clear();
        #[cfg(feature = "defects")]
        if self.keeps_timed_out() {
            return;
        }
        self.end(now, Reason::ShutdownTimeout);
        self.finish_shutdown(Shutdown::TimedOut);
    }

    pub(super) fn finish_shutdown(&mut self, outcome: Shutdown) {
        if self.timers.shutdown.take().is_some() {
            self.tell(Event::ShutdownDone(outcome));
        }
    }
}
