//! Keeps of a pair, while it is replayed, what a [`Picture`] is made of: so much and no more, however long the trace.

mod draft;
mod lanes;
mod look;

use std::collections::VecDeque;
use std::net::IpAddr;

use midcomms_model::pair::Gap;
use midcomms_model::{Pair, Side};

use super::Label;
use super::pair::PairReplay;
use super::picture::{About, Picture, What};
use super::report::StallReport;
use crate::capture::TransportEvent;
use draft::{Draft, Shown};
use lanes::Lanes;
pub(super) use look::Look;
use look::outcome;

/// Events shown before what is wrong.
const BEFORE: usize = 64;
/// Scenes kept of the stalls of a pair.
const MAX_STALLS: usize = 32;

/// What is kept of a pair.
pub(super) struct Watch {
    /// The last events.
    last: VecDeque<Shown>,
    /// Events in all.
    count: u64,
    /// The open gap of each reader.
    open: [Option<Draft>; 2],
    /// Gaps that closed and had lasted.
    lasted: Vec<Draft>,
    rejection: Option<Draft>,
    lanes: Lanes,
    stall_after: f64,
}

impl Watch {
    /// Of a pair whose gaps are stalls from so many seconds on.
    pub(super) fn new(stall_after: f64) -> Self {
        Self {
            last: VecDeque::new(),
            count: 0,
            open: [None, None],
            lasted: Vec::new(),
            rejection: None,
            lanes: Lanes::default(),
            stall_after,
        }
    }

    /// Takes a message that every explanation in `frontier` holds.
    pub(super) fn message(&mut self, from: Side, label: Label, before: Look, frontier: &[Pair<Label>]) {
        let Some(first) = frontier.first() else { return };
        let after = Look::of(first);
        let what = outcome(from, &label, &before, &after);
        let copy = after.sent_copy_since(&before, from);
        let records = Some([after.brief(Side::A), after.brief(Side::B)]);
        self.push(Shown { label, by: from, what, copy, text: None, records });
        self.lanes.records(&label, frontier, &after);
        for side in Side::BOTH {
            self.gap(side, first.node(side).gap());
        }
    }

    /// Takes a message that is not judged any more, or that is refused.
    pub(super) fn unjudged(&mut self, from: Side, label: Label, what: What, text: Option<String>) {
        self.push(Shown { label, by: from, what, copy: false, text, records: None });
    }

    /// What `by` did to a connection, as far as it is shown.
    fn transport(&mut self, event: &TransportEvent<'_>, by: Side, label: Label) {
        let what = match event {
            TransportEvent::Opened { complete: true, .. } => What::Opened,
            TransportEvent::Opened { .. } => What::Found,
            TransportEvent::Finished(_) => What::Finished,
            TransportEvent::Reset(_) => What::Reset,
            TransportEvent::Hole(..) => What::Hole,
            TransportEvent::Accepted
            | TransportEvent::Data(..)
            | TransportEvent::Missing(_)
            | TransportEvent::Forgotten => return,
        };
        let records = self.last.back().and_then(|last| last.records);
        self.push(Shown { label, by, what, copy: false, text: None, records });
        self.lanes.link(&label, by, what);
    }

    fn push(&mut self, shown: Shown) {
        self.lanes.event(&shown.label);
        self.count += 1;
        let drafts = self.open.iter_mut().chain([&mut self.rejection]);
        drafts.flatten().for_each(|draft| draft.push(&shown));
        if self.last.len() == BEFORE {
            self.last.pop_front();
        }
        self.last.push_back(shown);
    }

    /// The gap that the node at `reader` has now.
    fn gap(&mut self, reader: Side, gap: Option<&Gap<Label>>) {
        let open = reader.pick_mut(&mut self.open);
        match (open.as_mut(), gap) {
            (Some(draft), Some(gap)) if draft.is_of(gap) => draft.gap = Some(*gap),
            (None, None) => {}
            (_, gap) => {
                let closed = open.take().filter(|draft| draft.has_lasted(self.stall_after));
                *open = gap.map(|gap| Draft::of_gap(reader, gap, &self.last, self.count));
                if self.lasted.len() < MAX_STALLS {
                    self.lasted.extend(closed);
                }
            }
        }
    }

    /// The pair is rejected: at an earlier message, or at the one that was shown last.
    pub(super) fn reject(&mut self, earlier: Option<(Side, Label)>) {
        self.rejection = Some(Draft::of_rejection(earlier, &self.last, self.count));
    }

    /// What is drawn, with the nodes in the order of the report.
    pub(super) fn finish(mut self, sides: [Side; 2], stalls: &[(Side, StallReport)]) -> Picture {
        let index = |side: Side| usize::from(sides.first() != Some(&side));
        let base = self.lanes.base();
        let mut scenes = Vec::new();
        let end = self.rejection.is_none().then(|| Draft::of_end(&self.last, self.count));
        if let Some(rejection) = self.rejection.take() {
            scenes.push(rejection.scene(About::Rejection, base, index));
        }
        self.lasted.extend(self.open.into_iter().flatten());
        for (number, (side, stall)) in stalls.iter().enumerate() {
            let found = self.lasted.iter().position(|draft| draft.tells(*side, stall));
            if let Some(found) = found.filter(|_| scenes.len() < MAX_STALLS) {
                scenes.push(self.lasted.swap_remove(found).scene(About::Stall(number), base, index));
            }
        }
        scenes.extend(end.map(|end| end.scene(About::End, base, index)));
        self.lanes.picture(scenes, sides, index)
    }
}

impl PairReplay {
    /// Shows what happened to a connection of the pair.
    pub(super) fn show(&mut self, event: &TransportEvent<'_>, by: IpAddr, label: Label) {
        let by = self.side(by);
        if let Some(watch) = &mut self.watch {
            watch.transport(event, by, label);
        }
    }
}
