//! What the observer is told, and when.

use core::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::Record;
use crate::midcomms::input::ConnectionId;
use crate::midcomms::observer::{Observer, Occurrence, Outcome};
use crate::midcomms::time::Time;

/// Whom every step is told. A copy of a record is told to nobody.
#[derive(Default)]
pub(super) struct Watched {
    observer: Option<Box<dyn Observer>>,
    /// Messages that were read and are not told yet. None outlives the input that brought it.
    reads: Option<Reads>,
}

impl Clone for Watched {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Messages that lie one behind the other in one chunk, and what became of each.
struct Reads {
    connection: ConnectionId,
    chunk: Bytes,
    at: Range<usize>,
    outcome: Outcome,
}

impl Reads {
    /// Takes the message at `at` in, if it continues these. Of one input there is one connection.
    #[inline]
    fn extend(&mut self, chunk: &Bytes, at: &Range<usize>, outcome: Outcome) -> bool {
        let continues = self.at.end == at.start && self.chunk.as_ptr() == chunk.as_ptr() && self.outcome == outcome;
        if continues {
            self.at.end = at.end;
        }
        continues
    }
}

impl Record {
    pub(in crate::midcomms) fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.watched.observer = Some(observer);
    }

    /// Tells what happened, and before it what was read before it.
    pub(in crate::midcomms) fn observe(&mut self, now: Time, occurrence: Occurrence<'_>) {
        self.observe_reads(now);
        self.tell_observer(now, occurrence);
    }

    /// Has the observer see the record as it stands.
    pub(super) fn observe_record(&mut self, now: Time) {
        let snapshot = self.snapshot();
        self.observe(now, Occurrence::Record(snapshot));
    }

    /// Notes that the message at `at` in `chunk` was read. It is told with those around it of which the same became.
    #[inline]
    pub(super) fn note_read(
        &mut self,
        now: Time,
        connection: ConnectionId,
        chunk: &Bytes,
        at: &Range<usize>,
        outcome: Outcome,
    ) {
        let Watched { observer: Some(_), reads } = &mut self.watched else { return };
        if !reads.as_mut().is_some_and(|reads| reads.extend(chunk, at, outcome)) {
            self.begin_reads(now, Reads { connection, chunk: chunk.clone(), at: at.clone(), outcome });
        }
    }

    #[cold]
    fn begin_reads(&mut self, now: Time, reads: Reads) {
        self.observe_reads(now);
        self.watched.reads = Some(reads);
    }

    /// Tells what was read and is not told yet.
    pub(in crate::midcomms) fn observe_reads(&mut self, now: Time) {
        let Some(Reads { connection, chunk, at, outcome }) = self.watched.reads.take() else { return };
        let messages = chunk.get(at).unwrap_or_default();
        self.tell_observer(now, Occurrence::Read { connection, messages, outcome });
    }

    fn tell_observer(&mut self, now: Time, occurrence: Occurrence<'_>) {
        let (node, peer) = (self.node, self.peer);
        let Some(observer) = &mut self.watched.observer else { return };
        let observed = catch_unwind(AssertUnwindSafe(|| observer.observe(now, node, peer, occurrence)));
        if observed.is_err() {
            // It is not asked again: a step half done would be worse than one not seen.
            self.watched.observer = None;
            self.counters.observer_panics += 1;
        }
    }
}
