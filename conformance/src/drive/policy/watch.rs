//! What an observer is told.

use std::sync::{Arc, Mutex, PoisonError};

use midcomms::midcomms::{Observer, Occurrence, Time};
use midcomms::wire::NodeId;

use super::account::Seen;

/// What the observer of the walk's peer was told of messages.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Vec<Seen>>>);

impl Watch {
    pub(super) fn take(&self) -> Vec<Seen> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = occurrence.messages().map(<[u8]>::to_vec);
        match occurrence {
            Occurrence::Written { connection, .. } => {
                seen.extend(messages.map(|message| Seen::Written(connection, message)));
            }
            Occurrence::Read { connection, outcome, .. } => {
                seen.push(Seen::Read(connection, outcome, messages.collect()));
            }
            _ => {}
        }
    }
}
