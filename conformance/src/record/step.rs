//! Steps of a scenario.

use serde::Deserialize;

use super::amount::Amount;
use super::expect::StateName;

/// One step. It is done before the next begins; what it set off may go on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// The cluster manager tells `node` that `peer` is in a lockspace.
    Add {
        /// Who is told.
        node: u32,
        /// Of whom.
        peer: u32,
        /// The lockspace.
        #[serde(default = "one")]
        lockspace: u32,
    },
    /// It tells `node` that `peer` is in it no more.
    Remove {
        /// Who is told.
        node: u32,
        /// Of whom.
        peer: u32,
        /// The lockspace.
        #[serde(default = "one")]
        lockspace: u32,
    },
    /// `node` fences `peer`.
    Fence {
        /// Who is told.
        node: u32,
        /// Of whom.
        peer: u32,
    },
    /// Each of the nodes is told of each other, at times and in an order of their own.
    Join {
        /// Who joins.
        nodes: Vec<u32>,
        /// The lockspace.
        #[serde(default = "one")]
        lockspace: u32,
    },
    /// Each of the nodes leaves: the others are told, and it shuts down, at times and in an order of their own.
    Leave {
        /// Who leaves.
        nodes: Vec<u32>,
    },
    /// Each of the nodes begins to shut down, at the same moment; nobody is told.
    Shutdown {
        /// Who shuts down.
        nodes: Vec<u32>,
    },
    /// Waits until the record of `node` about `peer` is as is said.
    Await {
        /// Whose record.
        node: u32,
        /// About whom.
        peer: u32,
        /// Its state.
        #[serde(default)]
        state: Option<StateName>,
        /// Whether the peer's version is known.
        #[serde(default)]
        up: Option<bool>,
    },
    /// Waits until everything that was sent is delivered and acknowledged.
    Rest {},
    /// Waits until every record is CLOSED and every shutdown has returned.
    Closed {},
    /// Lets time pass.
    Wait {
        /// Milliseconds.
        ms: Amount,
    },
    /// Sends messages; waits for room where the send queue is full.
    Send {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
        /// How many.
        count: Amount,
        /// Bytes behind the header of each.
        #[serde(default = "small")]
        size: Amount,
        /// Time after each.
        #[serde(default = "no_time")]
        gap_ms: Amount,
    },
    /// Sends messages among several nodes, each from and to any of them, with breaks at random moments.
    Traffic {
        /// Among whom.
        between: Vec<u32>,
        /// How many in all.
        count: Amount,
        /// Bytes behind the header of each.
        #[serde(default = "small")]
        size: Amount,
        /// Time after each.
        #[serde(default = "no_time")]
        gap_ms: Amount,
        /// How often a connection between two of them breaks.
        #[serde(default = "never")]
        breaks: Amount,
    },
    /// A send that must be refused.
    Refused {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
    },
    /// Reserves messages (SND-5).
    Reserve {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
        /// How many.
        count: Amount,
        /// Bytes behind the header of each.
        #[serde(default = "small")]
        size: Amount,
    },
    /// Commits all messages that are reserved, in any order.
    Commit {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
    },
    /// Gives up all messages that are reserved.
    Cancel {
        /// Who.
        from: u32,
        /// To whom.
        to: u32,
    },
    /// A connection between the two breaks: of what is under way each way, the first part may still arrive.
    Break {
        /// Between whom.
        between: [u32; 2],
    },
    /// `node` sees an orderly close, which `peer` did not make, of the connection on which it sends to `peer`.
    Finish {
        /// Who sees it.
        node: u32,
        /// From whom.
        peer: u32,
    },
    /// Nothing gets through from `from` to `to`: it waits.
    Silence {
        /// From whom.
        from: u32,
        /// To whom.
        to: u32,
    },
    /// It gets through again, what waited first.
    LetThrough {
        /// From whom.
        from: u32,
        /// To whom.
        to: u32,
    },
    /// `node` refuses connections.
    Refuse {
        /// Who.
        node: u32,
    },
    /// It takes them again.
    Welcome {
        /// Who.
        node: u32,
    },
    /// Connections to `node` stand, but it accepts none. Simulation only.
    Hold {
        /// Who.
        node: u32,
    },
    /// It accepts what waits, the newest first, and accepts again. Simulation only.
    Accept {
        /// Who.
        node: u32,
    },
    /// The node dies, and with it all it knows. Nobody is told.
    Crash {
        /// Who.
        node: u32,
        /// Whether its connections stay as if it lived, until somebody notices.
        #[serde(default)]
        silent: bool,
    },
    /// It starts again, with an empty memory.
    Start {
        /// Who.
        node: u32,
    },
    /// The recording of these nodes begins here, and not at the start.
    BeginRecording {
        /// Whose.
        nodes: Vec<u32>,
    },
}

const fn one() -> u32 {
    1
}

const fn small() -> Amount {
    Amount::between(72, 300)
}

const fn never() -> Amount {
    Amount::exactly(0)
}

const fn no_time() -> Amount {
    Amount::exactly(0)
}

impl Step {
    /// Its name in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Fence { .. } => "fence",
            Self::Join { .. } => "join",
            Self::Leave { .. } => "leave",
            Self::Shutdown { .. } => "shutdown",
            Self::Await { .. } => "await",
            Self::Rest {} => "rest",
            Self::Closed {} => "closed",
            Self::Wait { .. } => "wait",
            Self::Send { .. } => "send",
            Self::Traffic { .. } => "traffic",
            Self::Refused { .. } => "refused",
            Self::Reserve { .. } => "reserve",
            Self::Commit { .. } => "commit",
            Self::Cancel { .. } => "cancel",
            Self::Break { .. } => "break",
            Self::Finish { .. } => "finish",
            Self::Silence { .. } => "silence",
            Self::LetThrough { .. } => "let-through",
            Self::Refuse { .. } => "refuse",
            Self::Welcome { .. } => "welcome",
            Self::Hold { .. } => "hold",
            Self::Accept { .. } => "accept",
            Self::Crash { .. } => "crash",
            Self::Start { .. } => "start",
            Self::BeginRecording { .. } => "begin-recording",
        }
    }

    /// The nodes that it names, and whether they have to be different.
    pub(super) fn nodes(&self) -> (Vec<u32>, bool) {
        match self {
            Self::Add { node, peer, .. }
            | Self::Remove { node, peer, .. }
            | Self::Fence { node, peer }
            | Self::Await { node, peer, .. }
            | Self::Finish { node, peer } => (vec![*node, *peer], true),
            Self::Send { from, to, .. }
            | Self::Refused { from, to }
            | Self::Reserve { from, to, .. }
            | Self::Commit { from, to }
            | Self::Cancel { from, to }
            | Self::Silence { from, to }
            | Self::LetThrough { from, to } => (vec![*from, *to], true),
            Self::Break { between } => (between.to_vec(), true),
            Self::Join { nodes, .. }
            | Self::Leave { nodes }
            | Self::Shutdown { nodes }
            | Self::BeginRecording { nodes }
            | Self::Traffic { between: nodes, .. } => (nodes.clone(), true),
            Self::Refuse { node }
            | Self::Welcome { node }
            | Self::Hold { node }
            | Self::Accept { node }
            | Self::Crash { node, .. }
            | Self::Start { node } => (vec![*node], true),
            Self::Rest {} | Self::Closed {} | Self::Wait { .. } => (Vec::new(), false),
        }
    }

    /// The sizes of the messages that it sends.
    pub(super) fn size(&self) -> Option<Amount> {
        match self {
            Self::Send { size, .. } | Self::Traffic { size, .. } | Self::Reserve { size, .. } => Some(*size),
            _ => None,
        }
    }
}
