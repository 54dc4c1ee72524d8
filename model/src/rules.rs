//! The rules that a node follows, as switches: what differs between revisions, what the historic defects got wrong, and
//! what `hardened` does better (sections 11 and 12 of `PROTOCOL.md`).

use std::fmt;

use crate::record::{AckBeyond, Comparison, FirstAdd};
use crate::revision::{Establishes, Revision};

/// A switch's value, by name.
trait Value: Copy + PartialEq + 'static {
    const ALL: &'static [(&'static str, Self)];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("?", |(name, _)| name)
    }
}

impl Value for bool {
    const ALL: &'static [(&'static str, bool)] = &[("off", false), ("on", true)];
}

macro_rules! values {
    ($($(#[doc = $doc:literal])* $type:ident { $($(#[doc = $text:literal])* $variant:ident = $name:literal,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[doc = $text])* $variant,)* }

        impl Value for $type {
            const ALL: &'static [(&'static str, Self)] = &[$(($name, $type::$variant)),*];
        }
    )*};
}

values! {
    /// What a bare STATUS or NAMES does to a record in a closing state.
    StatusInClosing {
        /// It is delivered; the record stays as it is.
        Delivered = "delivered",
        /// The record is reset and ESTABLISHED.
        Resets = "resets",
        /// Either of the two.
        Either = "either",
    }
    /// When data is acknowledged.
    DataAck {
        /// For every message accepted.
        EveryMessage = "every-message",
        /// One for each batch read, in ESTABLISHED only.
        EveryBatch = "every-batch",
        /// When a count that is not modelled passes its threshold: at any receipt and before any reserve, or never.
        Threshold = "threshold",
    }
    /// When a FIN is acknowledged.
    FinAck {
        /// Where the table says so.
        Table = "table",
        /// Before the state is looked at, in any state (D12).
        BeforeState = "before-state",
    }
    /// Sending the FIN at shutdown.
    FinStep {
        /// State and FIN in one step.
        One = "one",
        /// The state first; then the FIN, if the state still is FIN_WAIT1 (D1).
        Two = "two",
    }
    /// When the upper layer must hear nothing more.
    StopRx {
        /// Where the table says so.
        Table = "table",
        /// After every FIN, also after a reset (D6).
        EveryFin = "every-fin",
    }
    /// When nothing fresh may be sent any more.
    StopTx {
        /// With the FIN.
        WithFin = "with-fin",
        /// As a second step after it (D7).
        AfterFin = "after-fin",
    }
    /// What a node resets once its shutdown is over.
    ResetAfterShutdown {
        /// Every record.
        EveryRecord = "every-record",
        /// The record that timed out.
        OnTimeout = "on-timeout",
        /// Either of the two.
        Either = "either",
        /// None (D4).
        Never = "never",
    }
    /// The order of things when a sender notices a break.
    Copies {
        /// The partly written page is dropped, then the copies are queued.
        AfterDrop = "after-drop",
        /// The copies are queued, then the partly written page is dropped, with those that joined it (D15, H2).
        BeforeDrop = "before-drop",
    }
    /// Where a threshold ACK goes that is due at a reserve.
    ThresholdAck {
        /// Before the message.
        Before = "before",
        /// Behind it (D5).
        Behind = "behind",
    }
    /// When a message gets its number.
    Numbering {
        /// Before it joins the send queue.
        BeforeQueue = "before-queue",
        /// After (D9).
        AfterQueue = "after-queue",
    }
    /// What becomes of the connections when a record reaches CLOSED.
    OnClosed {
        /// They stay until the shutdown is over.
        KeepsConnections = "keeps-connections",
        /// They are dropped at once, with what was in flight (D8).
        DropsConnections = "drops-connections",
    }
    /// Which messages name the incarnations of sender and receiver, so that those of others are dropped.
    LifeIds {
        /// None.
        None = "none",
        /// ACKs alone.
        Acks = "acks",
        /// All: OPTS, ACKs, and STATUS by what goes beside it.
        All = "all",
    }
    /// How many waiting connections a wake-up accepts.
    Accepts {
        /// All.
        All = "all",
        /// One: a second stays unread until the next comes (D13).
        One = "one",
    }
}

impl Value for Establishes {
    const ALL: &'static [(&'static str, Self)] = &[
        ("bare-status-or-names", Establishes::BareStatusOrNames),
        ("any-message", Establishes::AnyMessage),
        ("status-or-ack", Establishes::StatusOrAck),
        ("never", Establishes::Never),
    ];
}

impl Value for Comparison {
    const ALL: &'static [(&'static str, Self)] = &[("plain", Comparison::Plain), ("serial", Comparison::Serial)];
}

impl Value for AckBeyond {
    const ALL: &'static [(&'static str, Self)] = &[("releases", AckBeyond::Releases), ("ignored", AckBeyond::Ignored)];
}

impl Value for FirstAdd {
    const ALL: &'static [(&'static str, Self)] = &[("table", FirstAdd::Table), ("resets-old", FirstAdd::ResetsOld)];
}

/// A switch, for people.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its name in a variant.
    pub name: &'static str,
    /// What it decides, in a sentence.
    pub text: &'static str,
}

/// A switch or a value that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchError {
    /// No switch has this name.
    UnknownSwitch(String),
    /// The switch has no such value.
    UnknownValue {
        /// The switch.
        switch: &'static str,
        /// What was given.
        value: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchError::UnknownSwitch(name) => {
                let known: Vec<_> = Rules::SWITCHES.iter().map(|switch| switch.name).collect();
                write!(f, "unknown rule `{name}`: known are {}", known.join(", "))
            }
            SwitchError::UnknownValue { switch, value, known } => {
                write!(f, "`{value}` is no value of `{switch}`: known are {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for SwitchError {}

fn parse<V: Value>(switch: &'static str, value: &str) -> Result<V, SwitchError> {
    let found = V::ALL.iter().find(|(name, _)| *name == value);
    found.map(|(_, value)| *value).ok_or_else(|| SwitchError::UnknownValue {
        switch,
        value: value.to_owned(),
        known: V::ALL.iter().map(|(name, _)| *name).collect(),
    })
}

macro_rules! switches {
    ($($field:ident: $type:ty = $name:literal $text:literal)*) => {
        /// The rules of one node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct Rules { $(#[doc = $text] pub $field: $type,)* }

        impl Rules {
            /// Every switch, in the order of a node's life.
            pub const SWITCHES: &'static [Switch] = &[$(Switch { name: $name, text: $text }),*];

            /// Sets the switch `name` to `value`, both as [`Rules::SWITCHES`] and [`Rules::get`] spell them.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), SwitchError> {
                match name {
                    $($name => self.$field = parse($name, value)?,)*
                    _ => return Err(SwitchError::UnknownSwitch(name.to_owned())),
                }
                Ok(())
            }

            /// The value of the switch `name`.
            pub fn get(&self, name: &str) -> Option<&'static str> {
                match name {
                    $($name => Some(Value::name(self.$field)),)*
                    _ => None,
                }
            }
        }
    };
}

switches! {
    establishes: Establishes = "establishes" "which messages make a CLOSED record ESTABLISHED (VER-4)"
    status_in_closing: StatusInClosing = "status-in-closing" "what a bare STATUS or NAMES does in a closing state"
    other_versions_dropped: bool = "other-versions-dropped" "a message of another version than the record's is dropped (VER-3)"
    first_add: FirstAdd = "first-add" "what an add does to a record that has no users: as the table says, or reset one of version 3.1 too"
    members_by_lockspace: bool = "members-by-lockspace" "members are counted by lockspace, so that a late removal does not count twice"
    removal_at_zero_ignored: bool = "removal-at-zero-ignored" "a removal with users 0 is ignored"
    data_ack: DataAck = "data-ack" "when data is acknowledged"
    idle_ack: bool = "idle-ack" "what was accepted is acknowledged once nothing more comes"
    threshold_ack: ThresholdAck = "threshold-ack" "where an ACK goes that is due at a reserve"
    ack_passes_two: bool = "ack-in-two-passes" "an ACK drives the state first and takes messages off the queue as a second step"
    ack_beyond: AckBeyond = "ack-beyond" "what an ACK beyond seq_send does"
    comparison: Comparison = "comparison" "how numbers are compared (RCV-2)"
    numbering: Numbering = "numbering" "when a message gets its number"
    commits: bool = "commits" "what is reserved is committed in the end"
    copies: Copies = "copies" "copies or the drop of the partly written page first"
    retransmits_on_close: bool = "retransmits-on-close" "an orderly close by the peer starts a retransmission too"
    retransmits_in_time: bool = "retransmits-in-time" "what stays unacknowledged for long is sent again"
    late_commit_copies: bool = "late-commit-copies" "a commit after a break starts a retransmission"
    accepts: Accepts = "accepts" "how many waiting connections a wake-up accepts"
    life_ids: LifeIds = "life-ids" "which messages name the incarnations of sender and receiver, so that those of others are dropped"
    answers_gone: bool = "answers-gone" "a FIN for an incarnation that is over is answered"
    fin_ack: FinAck = "fin-ack" "when a FIN is acknowledged"
    fin_step: FinStep = "fin-step" "state and FIN in one step or in two"
    stop_rx: StopRx = "stop-rx" "when the upper layer must hear nothing more"
    stop_tx: StopTx = "stop-tx" "when nothing fresh may be sent any more"
    waits_for_version: bool = "waits-for-version" "a shutdown waits until the peer's version is known (CLS-2)"
    removes_members_first: bool = "removes-members-first" "a shutdown removes the members first (CLS-2)"
    on_closed: OnClosed = "on-closed" "what becomes of the connections when a record reaches CLOSED"
    reset_after_shutdown: ResetAfterShutdown = "reset-after-shutdown" "which records a finished shutdown resets"
}

/// Rules that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// Those of a kernel.
    Linux(Revision),
    /// Those of `hardened`.
    Hardened,
}

impl Base {
    /// Every one, oldest first.
    pub const ALL: [Base; 4] = [
        Base::Linux(Revision::Linux5_14),
        Base::Linux(Revision::Linux6_1),
        Base::Linux(Revision::Linux6_12),
        Base::Hardened,
    ];

    /// The name as written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Base::Linux(revision) => revision.name(),
            Base::Hardened => "hardened",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Base> {
        Base::ALL.into_iter().find(|base| base.name() == name)
    }

    /// What it says.
    pub const fn rules(self) -> Rules {
        match self {
            Base::Linux(Revision::Linux5_14) => LINUX_5_14,
            Base::Linux(Revision::Linux6_1) => LINUX_6_1,
            Base::Linux(Revision::Linux6_12) => LINUX_6_12,
            Base::Hardened | Base::Linux(Revision::Hardened) => HARDENED,
        }
    }
}

const LINUX_6_12: Rules = Rules {
    establishes: Establishes::AnyMessage,
    status_in_closing: StatusInClosing::Delivered,
    other_versions_dropped: true,
    first_add: FirstAdd::Table,
    members_by_lockspace: false,
    removal_at_zero_ignored: true,
    data_ack: DataAck::Threshold,
    idle_ack: false,
    threshold_ack: ThresholdAck::Before,
    ack_passes_two: false,
    ack_beyond: AckBeyond::Releases,
    comparison: Comparison::Plain,
    numbering: Numbering::BeforeQueue,
    commits: true,
    copies: Copies::BeforeDrop,
    retransmits_on_close: false,
    retransmits_in_time: false,
    late_commit_copies: false,
    accepts: Accepts::All,
    life_ids: LifeIds::None,
    answers_gone: false,
    fin_ack: FinAck::Table,
    fin_step: FinStep::One,
    stop_rx: StopRx::Table,
    stop_tx: StopTx::WithFin,
    waits_for_version: true,
    removes_members_first: true,
    on_closed: OnClosed::KeepsConnections,
    reset_after_shutdown: ResetAfterShutdown::EveryRecord,
};

const LINUX_6_1: Rules = Rules {
    establishes: Establishes::BareStatusOrNames,
    status_in_closing: StatusInClosing::Either,
    data_ack: DataAck::EveryBatch,
    copies: Copies::AfterDrop,
    retransmits_on_close: true,
    reset_after_shutdown: ResetAfterShutdown::Either,
    ..LINUX_6_12
};

const LINUX_5_14: Rules = Rules {
    status_in_closing: StatusInClosing::Resets,
    data_ack: DataAck::EveryMessage,
    fin_ack: FinAck::BeforeState,
    fin_step: FinStep::Two,
    stop_rx: StopRx::EveryFin,
    reset_after_shutdown: ResetAfterShutdown::OnTimeout,
    ..LINUX_6_1
};

const HARDENED: Rules = Rules {
    establishes: Establishes::Never,
    first_add: FirstAdd::ResetsOld,
    members_by_lockspace: true,
    comparison: Comparison::Serial,
    retransmits_in_time: true,
    life_ids: LifeIds::All,
    answers_gone: true,
    ..LINUX_6_12
};
