//! The states of a record and the table of transitions (section 7 of the protocol).
//!
//! ```text
//!                              CLOSED
//!                                │ add member (HRD-2)
//!                                ▼
//!      shutdown             ESTABLISHED               FIN, users > 0
//!    ┌──────────────────────────┤├─────────────────────────────┐
//!    │ send FIN                  │ FIN, users = 0              │ send ACK
//!    ▼                           │ send ACK, FIN               ▼
//! FIN_WAIT1 ───── FIN ─────┐     │                        CLOSE_WAIT
//!    │        send ACK     │     │                             │ remove member, users reaches 0
//!    │ ACK of FIN          ▼     ▼                             │ send FIN
//!    ▼                 CLOSING   LAST_ACK ◀────────────────────┘
//! FIN_WAIT2               │         │
//!    │ FIN                │         │
//!    │ send ACK, reset    │ ACK of FIN, reset
//!    └────────────────────┴────┬────┘
//!                              ▼
//!                           CLOSED
//! ```

use core::fmt;

/// The state of a record. There is no `TIME_WAIT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
pub enum State {
    /// Nothing between the two.
    #[default]
    Closed,
    /// Open.
    Established,
    /// This node leaves; the peer has not acknowledged that yet.
    FinWait1,
    /// Half-closed: this node left, the peer may still send.
    FinWait2,
    /// Half-closed: the peer left, this node may still send.
    CloseWait,
    /// Both left at the same time.
    Closing,
    /// The peer left first; only the ACK of the own FIN is missing.
    LastAck,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
    ];

    /// The protocol's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
        }
    }

    /// Whether the own FIN is on its way or acknowledged (HRD-3).
    #[must_use]
    pub const fn is_closing(self) -> bool {
        matches!(self, Self::FinWait1 | Self::FinWait2 | Self::Closing | Self::LastAck)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What can happen to a record, as the table of transitions has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stimulus {
    /// Add member while `users` is 0.
    FirstAdd,
    /// Add member while `users` is 0, to a record of version 3.1: it was never closed by a handshake (HRD-4).
    FirstAddTo31,
    /// Add member while `users` is not 0.
    Add,
    /// Remove member; `users` stays above 0.
    Remove,
    /// Remove member; `users` reaches 0.
    LastRemove,
    /// Remove member of a lockspace that no add was counted for (HRD-5).
    UnknownRemove,
    /// Shutdown towards a peer of version 3.2.
    Shutdown,
    /// The peer's FIN was accepted, while `users` is not 0.
    Fin,
    /// The peer's FIN was accepted, while `users` is 0.
    FinWithoutUsers,
    /// The own FIN was acknowledged.
    AckOfFin,
}

impl Stimulus {
    /// Every stimulus.
    pub const ALL: [Self; 10] = [
        Self::FirstAdd,
        Self::FirstAddTo31,
        Self::Add,
        Self::Remove,
        Self::LastRemove,
        Self::UnknownRemove,
        Self::Shutdown,
        Self::Fin,
        Self::FinWithoutUsers,
        Self::AckOfFin,
    ];

    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstAdd => "add member, users = 0",
            Self::FirstAddTo31 => "add member, users = 0, version 3.1",
            Self::Add => "add member, users > 0",
            Self::Remove => "remove member, users stays above 0",
            Self::LastRemove => "remove member, users reaches 0",
            Self::UnknownRemove => "remove member, never added",
            Self::Shutdown => "shutdown",
            Self::Fin => "FIN, users > 0",
            Self::FinWithoutUsers => "FIN, users = 0",
            Self::AckOfFin => "ACK of FIN",
        }
    }
}

impl fmt::Display for Stimulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a transition has the record do, in the order in which it stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// REC-1: the next incarnation begins.
    Reset,
    /// Count the lockspace.
    Join,
    /// Count it no more.
    Leave,
    /// Acknowledge the peer's FIN.
    SendAck,
    /// The upper layer hears nothing more.
    StopRx,
    /// No fresh number but the FIN's.
    StopTx,
    /// Queue the own FIN.
    SendFin,
}

/// A stimulus for which the table has no cell (CLS-4): reported, state unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{stimulus} in {state} (CLS-4)")]
pub struct Unexpected {
    /// The state it met.
    pub state: State,
    /// What happened.
    pub stimulus: Stimulus,
}

/// The table of transitions: the next state, and what is done on the way there.
///
/// # Errors
///
/// [`Unexpected`] where the table has no cell.
pub fn transition(state: State, stimulus: Stimulus) -> Result<(State, &'static [Action]), Unexpected> {
    use Action::{Join, Leave, Reset, SendAck, SendFin, StopRx, StopTx};
    use State::{CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck};
    use Stimulus::{
        AckOfFin, Add, Fin, FinWithoutUsers, FirstAdd, FirstAddTo31, LastRemove, Remove, Shutdown, UnknownRemove,
    };
    let cell: (State, &'static [Action]) = match (state, stimulus) {
        (Closed | Established, FirstAdd) => (Established, &[Join]),
        (_, FirstAdd | FirstAddTo31) => (Established, &[Reset, Join]), // HRD-4
        (_, Add) => (state, &[Join]),
        (_, Remove) => (state, &[Leave]),
        (_, UnknownRemove) => (state, &[]), // HRD-5
        (Closed | Established | LastAck, LastRemove) => (state, &[Leave]),
        (CloseWait, LastRemove) => (LastAck, &[Leave, StopRx, StopTx, SendFin]),
        (Established, Shutdown) => (FinWait1, &[StopTx, SendFin]),
        (_, Shutdown) => (state, &[]),
        (Established, Fin) => (CloseWait, &[SendAck]),
        (Established, FinWithoutUsers) => (LastAck, &[SendAck, StopRx, StopTx, SendFin]),
        (FinWait1, Fin | FinWithoutUsers) => (Closing, &[SendAck, StopRx]),
        (FinWait2, Fin | FinWithoutUsers) => (Closed, &[SendAck, Reset]),
        (LastAck, Fin | FinWithoutUsers) => (LastAck, &[]),
        (FinWait1, AckOfFin) => (FinWait2, &[]),
        (Closing | LastAck, AckOfFin) => (Closed, &[Reset]),
        _ => return Err(Unexpected { state, stimulus }),
    };
    Ok(cell)
}
