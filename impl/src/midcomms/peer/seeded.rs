//! What a seeded defect has the connections do (feature `defects`).

use super::Peer;
use crate::midcomms::defect::Defect;
use crate::midcomms::state::State;
use crate::midcomms::time::Time;

impl Peer {
    /// D8.
    pub(super) fn drop_closed(&mut self, now: Time, before: State) {
        if self.record.has(Defect::D8) && before != State::Closed && self.state() == State::Closed {
            self.give_up_all(now);
            self.record.forget_last_words();
        }
    }

    /// D13: whether a connection that was accepted is never read.
    pub(super) fn leaves_unread(&self) -> bool {
        self.record.has(Defect::D13) && self.theirs.is_some()
    }
}
