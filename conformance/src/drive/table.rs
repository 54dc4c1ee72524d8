//! The two tables of transitions (section 7), cell by cell.
//!
//! Paths meet the cells that something leads to. Here every state meets every event, with no user, one and two: what no path
//! reaches is the same on both sides, too.

use core::fmt;

use midcomms::midcomms::{Action, State, Stimulus, transition};
use midcomms_model::record::{Event, Record};
use midcomms_model::{State as ModelState, Version};
use serde::Serialize;

/// What the tables came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Cells that were held against each other.
    pub cells: u64,
    /// Those that differ.
    pub differences: Vec<CellDifference>,
}

/// A cell in which the tables differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellDifference {
    /// The state.
    pub state: &'static str,
    /// What happens.
    pub stimulus: &'static str,
    /// What the model's table has.
    pub model: String,
    /// What the implementation's has.
    pub implementation: String,
}

impl fmt::Display for CellDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, stimulus, model, implementation } = self;
        write!(f, "table, {state}, {stimulus}: the model has {model}, the implementation {implementation}")
    }
}

/// Holds the tables against each other, for a peer of version 3.2: what is done towards one of 3.1 (HRD-4, CLS-3) is no
/// part of them.
#[must_use]
pub fn compare_tables() -> TableReport {
    let mut report = TableReport::default();
    for (state, own) in STATES {
        for event in Event::ALL {
            for users in 0..=2 {
                let stimulus = stimulus(event, users);
                let (model, implementation) = (by_model(state, event, users), by_implementation(own, stimulus, users));
                report.cells += 1;
                if model != implementation {
                    let (state, stimulus) = (state.name(), stimulus.name());
                    report.differences.push(CellDifference { state, stimulus, model, implementation });
                }
            }
        }
    }
    report
}

/// The same state on both sides.
const STATES: [(ModelState, State); 7] = [
    (ModelState::Closed, State::Closed),
    (ModelState::Established, State::Established),
    (ModelState::FinWait1, State::FinWait1),
    (ModelState::FinWait2, State::FinWait2),
    (ModelState::CloseWait, State::CloseWait),
    (ModelState::LastAck, State::LastAck),
    (ModelState::Closing, State::Closing),
];

const fn stimulus(event: Event, users: u16) -> Stimulus {
    match (event, users) {
        (Event::AddMember, 0) => Stimulus::FirstAdd,
        (Event::AddMember, _) => Stimulus::Add,
        (Event::RemoveMember, 0) => Stimulus::UnknownRemove,
        (Event::RemoveMember, 1) => Stimulus::LastRemove,
        (Event::RemoveMember, _) => Stimulus::Remove,
        (Event::Shutdown, _) => Stimulus::Shutdown,
        (Event::ReceiveFin, 0) => Stimulus::FinWithoutUsers,
        (Event::ReceiveFin, _) => Stimulus::Fin,
        (Event::AckOfFin, _) => Stimulus::AckOfFin,
    }
}

fn by_model(state: ModelState, event: Event, users: u16) -> String {
    let mut record = Record { state, users, version: Some(Version::V3_2), ..Record::default() };
    let Ok(actions) = record.step(event) else { return unexpected(record.state.name(), record.users) };
    let done = [
        (actions.reset, "reset"),
        (actions.send_ack, "send ACK"),
        (record.stop_rx, "stop receiving"),
        (record.stop_tx, "stop sending"),
        (actions.send_fin, "send FIN"),
    ];
    cell(record.state.name(), record.users, &done)
}

fn by_implementation(state: State, stimulus: Stimulus, users: u16) -> String {
    let Ok((next, actions)) = transition(state, stimulus) else { return unexpected(state.name(), users) };
    let count = |wanted| u16::try_from(actions.iter().filter(|action| **action == wanted).count()).unwrap_or(u16::MAX);
    let has = |wanted| count(wanted) > 0;
    let done = [
        (has(Action::Reset), "reset"),
        (has(Action::SendAck), "send ACK"),
        (has(Action::StopRx), "stop receiving"),
        (has(Action::StopTx), "stop sending"),
        (has(Action::SendFin), "send FIN"),
    ];
    let users = (users + count(Action::Join)).saturating_sub(count(Action::Leave));
    cell(next.name(), users, &done)
}

fn unexpected(state: &str, users: u16) -> String {
    format!("{state}, users {users}, unexpected (CLS-4)")
}

fn cell(state: &str, users: u16, done: &[(bool, &str)]) -> String {
    let names = done.iter().filter(|(is_done, _)| *is_done).map(|(_, name)| format!(", {name}"));
    format!("{state}, users {users}{}", names.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_the_same() {
        assert_eq!(compare_tables(), TableReport { cells: 105, differences: Vec::new() });
    }

    #[test]
    fn a_cell_says_all_that_is_done_in_it() {
        let told = "LAST_ACK, users 0, stop receiving, stop sending, send FIN";
        assert_eq!(by_model(ModelState::CloseWait, Event::RemoveMember, 1), told);
        assert_eq!(by_implementation(State::CloseWait, Stimulus::LastRemove, 1), told);
        assert_eq!(by_model(ModelState::Closed, Event::AckOfFin, 2), "CLOSED, users 2, unexpected (CLS-4)");
    }
}
