//! What an action did, for who wants to tell it.

use super::wire::Msg;
use crate::record::{Event, State};

/// What became of a message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted in sequence and delivered, or, for a FIN, handled (RCV-1).
    Accepted,
    /// A duplicate: dropped and answered (RCV-2).
    Duplicate,
    /// Behind a gap: dropped (RCV-3).
    Gap,
    /// An ACK: it released this many messages.
    Released(u32),
    /// Handled: a bare message, or the end of the stream.
    Handled,
    /// Not handled, for this reason.
    Dropped(&'static str),
}

/// One thing that an action did. Nodes are indices; `index` is a place in the sender's [`super::wire::Fifo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// A message was queued for output.
    Queued {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// Where.
        index: usize,
        /// What.
        message: Msg,
    },
    /// What waited up to `count` in all is written to the connection.
    Written {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// How many messages are written now.
        count: usize,
    },
    /// A message was lost: under way, or dropped from the output.
    Lost {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// Where it was.
        index: usize,
        /// What.
        message: Msg,
    },
    /// The oldest message was read, and what became of it.
    Read {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// What.
        message: Msg,
        /// It came from a replaced connection (NET-5).
        stale: bool,
        /// What became of it.
        outcome: Outcome,
    },
    /// The oldest message was read and put by, to be handled later (NET-5).
    Delayed {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// What.
        message: Msg,
    },
    /// What was reserved is committed.
    Committed {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
    },
    /// A record met an event of the table.
    Met {
        /// The record's node.
        node: usize,
        /// Whom it is about.
        peer: usize,
        /// The event.
        event: Event,
        /// Whether the state knows it (CLS-4).
        expected: bool,
    },
    /// A record's state changed.
    Changed {
        /// The record's node.
        node: usize,
        /// Whom it is about.
        peer: usize,
        /// Before.
        from: State,
        /// After.
        to: State,
    },
    /// A record was reset (REC-1).
    Reset {
        /// The record's node.
        node: usize,
        /// Whom it is about.
        peer: usize,
    },
    /// A connection that carries this direction was opened.
    Opened {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
    },
}

/// Hears of what happens. `()` does not listen, and costs nothing.
pub trait Observer {
    /// Something happened.
    fn see(&mut self, occurrence: Occurrence);
}

impl Observer for () {
    #[inline]
    fn see(&mut self, _: Occurrence) {}
}

impl Observer for Vec<Occurrence> {
    fn see(&mut self, occurrence: Occurrence) {
        self.push(occurrence);
    }
}
