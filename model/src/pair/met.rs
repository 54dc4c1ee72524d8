//! Which events a record met in which states: what was exercised, for who counts it.

use crate::record::{Event, State};

const EVENTS: usize = Event::ALL.len();

/// Cells of the table of states and events, with or without users. Two of them are always equal: what was exercised is no
/// part of an explanation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Met(u128);

impl PartialEq for Met {
    fn eq(&self, _: &Met) -> bool {
        true
    }
}

impl Eq for Met {}

impl Met {
    #[inline]
    pub(super) fn insert(&mut self, state: State, event: Event, users: u16) {
        let cell = (state as usize * EVENTS + event as usize) * 2 + usize::from(users > 0);
        self.0 |= 1 << cell;
    }

    /// State, event, and whether there were users before it.
    pub fn iter(self) -> impl Iterator<Item = (State, Event, bool)> {
        let cells = State::ALL.into_iter().flat_map(|state| Event::ALL.map(move |event| (state, event)));
        cells.flat_map(|(state, event)| [(state, event, false), (state, event, true)]).filter(move |cell| {
            let (state, event, has_users) = *cell;
            self.0 & 1 << ((state as usize * EVENTS + event as usize) * 2 + usize::from(has_users)) != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_told_and_makes_no_difference() {
        let mut met = Met::default();
        met.insert(State::Closing, Event::AckOfFin, 0);
        met.insert(State::Established, Event::ReceiveFin, 1);
        let told: Vec<_> = met.iter().collect();
        let expected = [(State::Established, Event::ReceiveFin, true), (State::Closing, Event::AckOfFin, false)];
        assert_eq!(told, expected);
        assert_eq!(met, Met::default());
    }
}
