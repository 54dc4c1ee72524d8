//! What the scenario and the peer's process tell each other: a line of JSON each.

use serde::{Deserialize, Serialize};

/// What the peer is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Have the kernel's node as a member of the lockspace.
    Join,
    /// Lock and unlock resources that the kernel masters.
    Load {
        /// How often, in all.
        cycles: u32,
        /// How many at a time.
        window: u32,
    },
    /// Close, then end.
    Leave,
    /// Say what has been counted.
    Count,
}

/// What happened at the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Report {
    /// It listens.
    Ready,
    /// The kernel's version is known.
    Up {
        /// It.
        version: String,
    },
    /// A load is over: every message was answered, once and in order.
    Loaded {
        /// Locks that were taken and given back.
        cycles: u32,
    },
    /// The kernel's FIN came.
    PeerClosing,
    /// The session ended by its handshake.
    Closed,
    /// It ended otherwise.
    Reset {
        /// Why.
        reason: String,
    },
    /// It has left.
    Left {
        /// How.
        outcome: String,
    },
    /// What has been counted.
    Counts(Counts),
    /// What must not be: the kernel broke a rule, or a promise of the message layer does not hold.
    Fault(String),
}

/// What the peer has counted in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Resources whose master the kernel asked for.
    pub(crate) lookups: u32,
    /// Locks that the kernel took here.
    pub(crate) granted: u32,
    /// Locks that it has not given back.
    pub(crate) held: u32,
    /// Messages that were delivered.
    pub(crate) delivered: u64,
    /// Connections that broke.
    pub(crate) breaks: u64,
    /// Times that copies went out, after a break or in time.
    pub(crate) passes: u64,
    /// Messages that had come before.
    pub(crate) duplicates: u64,
    /// Messages that came too early, after one that was lost.
    pub(crate) gaps: u64,
    /// Messages without an acknowledgement.
    pub(crate) send_queue: usize,
}
