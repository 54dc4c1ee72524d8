//! What was counted, and how it compares with what the manifest admits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::manifest::Blind;
use super::{Change, Field, Outcome, Under};

/// How many falsifications came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Refused at their frame.
    pub at_its_frame: u64,
    /// Refused further on.
    pub later: u64,
    /// Accepted.
    pub never: u64,
}

impl Outcomes {
    fn add(&mut self, other: Self) {
        self.at_its_frame += other.at_its_frame;
        self.later += other.later;
        self.never += other.never;
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.at_its_frame + self.later + self.never
    }

    fn is_seen(self) -> bool {
        self.later + self.never == 0
    }
}

/// Counts by field and kind of change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    cells: BTreeMap<(Field, Change, Under), Outcomes>,
}

impl Table {
    pub(super) fn count(&mut self, under: Under, field: Field, change: Change, outcome: Outcome) {
        let cell = self.cells.entry((field, change, under)).or_default();
        match outcome {
            Outcome::AtItsFrame => cell.at_its_frame += 1,
            Outcome::Later => cell.later += 1,
            Outcome::Never => cell.never += 1,
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, outcomes) in other.cells {
            self.cells.entry(key).or_default().add(outcomes);
        }
    }

    /// All falsifications of protocol fields together.
    pub fn of_protocol_fields(&self, under: Under) -> Outcomes {
        self.sum(|field, _, cell_under| field.is_protocol && cell_under == under)
    }

    fn sum(&self, mut is_counted: impl FnMut(Field, Change, Under) -> bool) -> Outcomes {
        let mut sum = Outcomes::default();
        for (&(field, change, under), &outcomes) in &self.cells {
            if is_counted(field, change, under) {
                sum.add(outcomes);
            }
        }
        sum
    }

    /// Where what was measured contradicts the manifest: what is blind and not listed, and what is listed and not blind.
    pub fn contradictions(&self, blind: &[Blind]) -> Vec<String> {
        let is_of = |entry: &Blind, field: Field, change: Change| {
            entry.field == field.name && entry.change.as_ref().is_none_or(|listed| *listed == change.to_string())
        };
        let unlisted: BTreeSet<_> = self
            .cells
            .iter()
            .filter(|(_, outcomes)| !outcomes.is_seen())
            .filter(|((field, change, _), _)| !blind.iter().any(|entry| is_of(entry, *field, *change)))
            .map(|((field, change, _), _)| format!("not listed as blind: {}, {change}", field.name))
            .collect();
        let unneeded = blind.iter().filter(|entry| {
            let outcomes = self.sum(|field, change, _| is_of(entry, field, change));
            outcomes.total() > 0 && outcomes.is_seen()
        });
        let listed = unneeded.map(|entry| {
            let change = entry.change.as_deref().unwrap_or("any change");
            format!("listed as blind, but always refused at its frame: {}, {change}", entry.field)
        });
        unlisted.into_iter().chain(listed).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (under, name) in [(Under::Any, "any"), (Under::TrueRevision, "the true revision")] {
            writeln!(
                f,
                "under {name}: {:<24} {:>6} {:>9} {:>6} {:>6}",
                "field", "tried", "at frame", "later", "never"
            )?;
            let fields: BTreeSet<Field> = self.cells.keys().map(|(field, ..)| *field).collect();
            for field in fields {
                let row = self.sum(|of, _, at| of == field && at == under);
                write!(f, "  {:<36}", field.name)?;
                write!(f, "{:>6} {:>9} {:>6} {:>6} ", row.total(), row.at_its_frame, row.later, row.never)?;
                for ((of, change, at), outcomes) in &self.cells {
                    if *of == field && *at == under && !outcomes.is_seen() {
                        write!(f, " [{change}: {} of {}]", outcomes.later + outcomes.never, outcomes.total())?;
                    }
                }
                writeln!(f)?;
            }
            let all = self.of_protocol_fields(under);
            let share = 100.0 * all.at_its_frame as f64 / all.total().max(1) as f64;
            writeln!(
                f,
                "  protocol fields: {} of {} refused at their frame, {share:.1} %",
                all.at_its_frame,
                all.total()
            )?;
        }
        Ok(())
    }
}
