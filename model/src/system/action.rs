//! What can happen.

use std::fmt;

/// Something that happens. Nodes are indices from 0; lockspaces too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// The node that does it, or that it happens to.
    pub node: u8,
    /// The other node, where there is one.
    pub peer: u8,
    /// What is left open: a lockspace, how much is kept, or the bits of [`choice`].
    pub choice: u8,
}

/// Bits of a choice.
pub mod choice {
    /// An ACK goes out too: as threshold ACK, or at the end of a batch.
    pub const ACK: u8 = 1;
    /// Where two behaviours are possible, the second.
    pub const OTHER: u8 = 2;
    /// The page at the head of the output was partly written.
    pub const PARTLY: u8 = 4;
    /// The peer sees an orderly close instead of an error.
    pub const CLOSE: u8 = 8;
}

macro_rules! kinds {
    ($($variant:ident $class:ident $text:literal)*) => {
        /// Kinds of action: subject and verb.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ActionKind { $(#[doc = $text] $variant,)* }

        impl ActionKind {
            /// Every kind.
            pub const ALL: &'static [ActionKind] = &[$(ActionKind::$variant),*];

            /// What happens, in a sentence without its subject's name.
            pub fn text(self) -> &'static str {
                match self { $(ActionKind::$variant => $text,)* }
            }

            /// Who is obliged to let it happen.
            pub(super) fn duty(self) -> Duty {
                match self { $(ActionKind::$variant => Duty::$class,)* }
            }
        }
    };
}

/// Who is obliged to let an action happen: the kinds of fairness classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Nobody: it may happen or not.
    Nobody,
    /// The node's receiver, for each peer.
    Receiver,
    /// The node's writer, for each peer.
    Writer,
    /// The node's upper layer, for each peer.
    Upper,
    /// The node, when the cluster manager told it something.
    Manager,
    /// The node's own shutdown.
    Shutdown,
    /// The node's sockets, for each peer: they tell of errors.
    Socket,
    /// The node's timer, for each peer.
    Timer,
    /// A thread in the middle of something.
    Thread,
}

kinds! {
    ManagerJoins Nobody "the cluster manager lets the node join a lockspace"
    ManagerLeaves Nobody "the node leaves a lockspace"
    NodeCrashes Nobody "the node crashes"
    NodeProcessesMember Manager "the node is told of a membership event"
    NodeFences Manager "the node fences its peer"
    ShutdownRemovesMembers Shutdown "the node knows every version, removes its members and begins to close"
    ShutdownGoesOn Shutdown "the record is CLOSED: the shutdown goes on"
    ShutdownTimesOut Nobody "the shutdown gives up waiting"
    LingerEnds Shutdown "no peer waits any more: the node shuts its sockets down for writing"
    DrainEnds Shutdown "all is read: the node closes its sockets"
    DrainTimesOut Nobody "the node closes its sockets without reading what is left"
    UpperSends Nobody "the upper layer sends a message"
    UpperCommits Upper "the upper layer commits what it reserved"
    UpperAsksStatus Upper "the upper layer asks for the peer's STATUS again"
    RecordAcknowledges Upper "nothing more comes: the record acknowledges what it accepted"
    RecordRetransmits Timer "nothing was acknowledged for long: the record sends its queue again"
    RecordReceives Receiver "the node reads a message"
    RecordReceivesStale Nobody "the node handles a message that it had read from a replaced connection"
    InputIsDelayed Nobody "what came on a replaced connection is handled later"
    NodeAccepts Receiver "the node accepts a connection"
    PageIsWritten Writer "a page goes out"
    LinkBreaks Nobody "the connection breaks"
    NodeNoticesBreak Socket "the node notices that its connections are gone"
    SecondStep Thread "the second step of what should have been one"
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}", self.kind, self.node + 1)?;
        if self.peer != self.node {
            write!(f, ", {}", self.peer + 1)?;
        }
        if self.choice != 0 {
            write!(f, "; {}", self.choice)?;
        }
        f.write_str(")")
    }
}
