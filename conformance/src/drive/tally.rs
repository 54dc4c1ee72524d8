//! What driving exercised.

use midcomms_model::message::Version;
use midcomms_model::record::Event;
use midcomms_model::system::World;
use midcomms_model::system::action::{Action, ActionKind};
use midcomms_model::system::observer::{Occurrence, Outcome};
use midcomms_model::system::wire::{Kind, Msg};
use std::collections::BTreeMap;

use super::rig::peers;
use super::step::Step;
use crate::coverage::{BySource, Coverage, cell};

/// The name of this source in a [`Coverage`].
pub(super) const SOURCE: &str = "drive";

/// Counts of what was exercised.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    cells: BTreeMap<(usize, usize), u64>,
    rules: BTreeMap<&'static str, u64>,
    actions: BTreeMap<ActionKind, u64>,
}

impl Tally {
    /// A step was driven.
    pub(super) fn count<const N: usize, const M: usize>(&mut self, world: &World, action: Action, step: &Step<N, M>) {
        *self.actions.entry(action.kind).or_default() += 1;
        if let Some((_, also)) = step.also {
            *self.actions.entry(also.kind).or_default() += 1;
        }
        self.count_rule(rule_of(action.kind));
        self.count_rule(rule_of_member(action, step));
        let first = world.environment.first_number;
        let wraps = |seen: &Occurrence| {
            matches!(seen, Occurrence::Read { message, outcome: Outcome::Accepted | Outcome::Duplicate, .. }
                if first.checked_add(u32::from(message.number())).is_none())
        };
        self.count_rule(step.seen.iter().any(wraps).then_some("HRD-6"));
        for x in 0..N {
            peers::<M>(x).for_each(|y| self.count_cells((x, y), step));
        }
        step.seen.iter().for_each(|occurrence| self.count_occurrence(occurrence));
    }

    fn count_rule(&mut self, rule: Option<&'static str>) {
        if let Some(rule) = rule {
            *self.rules.entry(rule).or_default() += 1;
        }
    }

    fn count_cells<const N: usize, const M: usize>(&mut self, (x, y): (usize, usize), step: &Step<N, M>) {
        let record = &step.before.end(x, y).record;
        let (mut state, mut users) = (record.state, record.users);
        for occurrence in &step.seen {
            match *occurrence {
                Occurrence::Met { node, peer, event, .. } if (node, peer) == (x, y) => {
                    *self.cells.entry(cell::place(state, event, users)).or_default() += 1;
                    match event {
                        Event::AddMember => users += 1,
                        Event::RemoveMember => users = users.saturating_sub(1),
                        _ => {}
                    }
                }
                Occurrence::Changed { node, peer, to, .. } if (node, peer) == (x, y) => state = to,
                _ => {}
            }
        }
    }

    fn count_occurrence(&mut self, occurrence: &Occurrence) {
        let rule = match *occurrence {
            Occurrence::Queued { message, .. } => rule_of_queued(message),
            Occurrence::Read { outcome, .. } => match outcome {
                Outcome::Accepted => Some("RCV-1"),
                Outcome::Duplicate => Some("RCV-2"),
                Outcome::Gap => Some("RCV-3"),
                Outcome::Released(count) if count > 0 => Some("RCV-4"),
                Outcome::Dropped(why) => rule_in(why),
                Outcome::Released(_) | Outcome::Handled => None,
            },
            Occurrence::Met { expected: false, .. } => Some("CLS-4"),
            Occurrence::Reset { .. } => Some("REC-1"),
            Occurrence::Committed { .. } => Some("SND-5"),
            _ => None,
        };
        self.count_rule(rule);
    }

    /// Adds what another thread counted.
    pub(super) fn add(&mut self, other: &Tally) {
        other.cells.iter().for_each(|(cell, count)| *self.cells.entry(*cell).or_default() += count);
        other.rules.iter().for_each(|(rule, count)| *self.rules.entry(rule).or_default() += count);
        other.actions.iter().for_each(|(kind, count)| *self.actions.entry(*kind).or_default() += count);
    }

    /// The same by name.
    pub(super) fn coverage(&self) -> Coverage {
        let by_drive = |count: u64| BySource::from([(SOURCE.to_owned(), count)]);
        Coverage {
            cells: self.cells.iter().map(|(place, count)| (cell::name(*place), by_drive(*count))).collect(),
            rules: self.rules.iter().map(|(rule, count)| ((*rule).to_owned(), by_drive(*count))).collect(),
            actions: self.actions.iter().map(|(kind, count)| (format!("{kind:?}"), by_drive(*count))).collect(),
            ..Coverage::default()
        }
    }
}

/// What the add or the removal of a member comes to beyond the table.
fn rule_of_member<const N: usize, const M: usize>(action: Action, step: &Step<N, M>) -> Option<&'static str> {
    let (x, y) = (usize::from(action.node), usize::from(action.peer));
    if action.kind != ActionKind::NodeProcessesMember {
        return None;
    }
    let meets = step.seen.iter().any(|seen| matches!(seen, Occurrence::Met { .. }));
    let end = step.before.end(x, y);
    let is_left_over = end.record.users == 0 && end.record.version == Some(Version::V3_1);
    match (meets, step.seen.contains(&Occurrence::Reset { node: x, peer: y })) {
        (false, _) => Some("HRD-5"),
        (true, true) if is_left_over => Some("HRD-4"),
        _ => None,
    }
}

fn rule_of_queued(message: Msg) -> Option<&'static str> {
    match message.kind() {
        _ if message.is_copy() => Some("NET-3"),
        Kind::Data if message.is_bare() => Some("SND-3"),
        Kind::Data => Some("SND-1"),
        Kind::Fin => Some("CLS-5"),
        Kind::Status | Kind::StatusReply => Some("SND-2"),
        Kind::Ack => Some("RCV-5"),
        Kind::Gone => Some("HRD-3"),
        Kind::End => None,
    }
}

fn rule_of(kind: ActionKind) -> Option<&'static str> {
    match kind {
        ActionKind::ShutdownRemovesMembers => Some("CLS-2"),
        ActionKind::ShutdownGoesOn => Some("CLS-3"),
        ActionKind::RecordRetransmits => Some("HRD-7"),
        ActionKind::RecordReceivesStale => Some("NET-5"),
        ActionKind::PageIsWritten => Some("NET-4"),
        ActionKind::LinkBreaks => Some("NET-2"),
        ActionKind::NodeNoticesBreak => Some("NET-8"),
        _ => None,
    }
}

/// The rule that a sentence of the model's names at its end.
fn rule_in(why: &'static str) -> Option<&'static str> {
    let (_, rest) = why.rsplit_once('(')?;
    rest.strip_suffix(')')
}
