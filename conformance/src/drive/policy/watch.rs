//! What an observer is told.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use midcomms::midcomms::{Observer, Occurrence, Time};
use midcomms::wire::NodeId;

use super::account::Seen;

/// What the observer of the walk's peer was told of messages.
#[derive(Clone, Default)]
pub(super) struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
    panics: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn take(&self) -> Vec<Seen> {
        core::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn panic_from_now_on(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
        if self.panics.load(Ordering::Relaxed) {
            std::panic::resume_unwind(Box::new("an observer that panics")); // without a word of the panic hook
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
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
