//! Cells of the table of states and events (section 7): which there are, and what they are called.

use midcomms_model::record::{Event, State};

/// The columns of the table, with the users where it distinguishes.
pub const COLUMNS: [&str; 9] = [
    "add member, users = 0",
    "add member, users > 0",
    "remove member, users stays above 0",
    "remove member, users reaches 0",
    "remove member, users = 0",
    "shutdown",
    "receive FIN, users > 0",
    "receive FIN, users = 0",
    "ACK of FIN",
];

/// Row and column of what meets a record in `state` that has `users` before it.
pub fn place(state: State, event: Event, users: u16) -> (usize, usize) {
    let row = State::ALL.iter().position(|known| *known == state).unwrap_or_default();
    let column = match (event, users) {
        (Event::AddMember, 0) => 0,
        (Event::AddMember, _) => 1,
        (Event::RemoveMember, 0) => 4,
        (Event::RemoveMember, 1) => 3,
        (Event::RemoveMember, _) => 2,
        (Event::Shutdown, _) => 5,
        (Event::ReceiveFin, 0) => 7,
        (Event::ReceiveFin, _) => 6,
        (Event::AckOfFin, _) => 8,
    };
    (row, column)
}

/// `ESTABLISHED × receive FIN, users > 0`.
pub fn name((row, column): (usize, usize)) -> String {
    let state = State::ALL.get(row).copied().unwrap_or_default();
    format!("{state} × {}", COLUMNS.get(column).copied().unwrap_or_default())
}

/// Every cell, row by row.
pub fn all() -> impl Iterator<Item = (usize, usize)> {
    (0..State::ALL.len()).flat_map(|row| (0..COLUMNS.len()).map(move |column| (row, column)))
}

/// A set of cells in a word, which costs nothing to carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cells(u64);

impl Cells {
    /// Adds one.
    pub fn insert(&mut self, (row, column): (usize, usize)) {
        self.0 |= 1 << (row * COLUMNS.len() + column).min(63);
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = (usize, usize)> {
        all().filter(move |(row, column)| self.0 & 1 << (row * COLUMNS.len() + column) != 0)
    }
}
