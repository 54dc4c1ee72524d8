//! A scene while it is being collected.

use std::collections::VecDeque;

use midcomms_model::Side;
use midcomms_model::pair::Gap;

use super::look::Brief;
use crate::replay::Label;
use crate::replay::picture::{About, Event, Scene, What};
use crate::replay::report::StallReport;

/// Events shown behind what is wrong.
const AFTER: usize = 24;
/// Events shown at the end of a stall.
const AT_THE_END: usize = 24;

/// An event as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) label: Label,
    pub(super) by: Side,
    pub(super) what: What,
    pub(super) copy: bool,
    /// What a message is that is none of the protocol.
    pub(super) text: Option<String>,
    pub(super) records: Option<[Brief; 2]>,
}

impl Shown {
    fn event(&self, base: i64, index: impl Fn(Side) -> usize) -> Event {
        let label = &self.label;
        let is_message = label.kind.length > 0;
        let text = self.text.clone().or_else(|| is_message.then(|| label.to_string()));
        let views = self.records.map(|[a, b]| match index(Side::A) {
            0 => [a.view(), b.view()],
            _ => [b.view(), a.view()],
        });
        Event {
            frame: label.frame.number,
            file: label.frame.file,
            time: label.time.0 - base,
            conn: label.conn.0,
            by: index(self.by),
            what: self.what,
            number: label.number,
            text: text.unwrap_or_default(),
            length: label.kind.length,
            copy: self.copy,
            records: views,
        }
    }
}

/// Events around something: the last before it, some behind it, and the last of all.
pub(super) struct Draft {
    reader: Side,
    /// The gap that it shows, as it was last.
    pub(super) gap: Option<Gap<Label>>,
    before: u64,
    events: Vec<Shown>,
    culprit: Option<usize>,
    /// Events that are still taken to those at the front.
    room: usize,
    /// The last events, and how many may be kept.
    tail: VecDeque<Shown>,
    tail_room: usize,
    /// Events left out before `at`.
    left_out: u64,
    left_out_at: Option<usize>,
}

impl Draft {
    fn new(last: &VecDeque<Shown>, count: u64) -> Self {
        Self {
            reader: Side::A,
            gap: None,
            before: count.saturating_sub(last.len() as u64),
            events: last.iter().cloned().collect(),
            culprit: None,
            room: 0,
            tail: VecDeque::new(),
            tail_room: 0,
            left_out: 0,
            left_out_at: None,
        }
    }

    /// Of a gap that the last event opened.
    pub(super) fn of_gap(reader: Side, gap: &Gap<Label>, last: &VecDeque<Shown>, count: u64) -> Self {
        let culprit = last.iter().rposition(|shown| shown.label == gap.opened);
        Self { reader, gap: Some(*gap), culprit, room: AFTER, tail_room: AT_THE_END, ..Self::new(last, count) }
    }

    /// Of a rejection at `earlier`, or at the last event.
    pub(super) fn of_rejection(earlier: Option<(Side, Label)>, last: &VecDeque<Shown>, count: u64) -> Self {
        let mut draft = Self { room: AFTER, ..Self::new(last, count) };
        let Some((by, label)) = earlier else {
            draft.culprit = draft.events.len().checked_sub(1);
            return draft;
        };
        if let Some(last) = draft.events.last_mut().filter(|last| last.what == What::Refused) {
            last.what = What::Reveals;
        }
        draft.culprit = draft.events.iter().rposition(|shown| shown.label == label && shown.by == by);
        if draft.culprit.is_none() {
            let shown = Shown { label, by, what: What::Refused, copy: false, text: None, records: None };
            draft.events.insert(0, shown);
            draft.culprit = Some(0);
            // How many lie before it is not known: all that is known to be left out lies around it.
            draft.left_out = draft.before.saturating_sub(1);
            draft.left_out_at = Some(1);
            draft.before = 0;
        }
        draft
    }

    /// Of the last events.
    pub(super) fn of_end(last: &VecDeque<Shown>, count: u64) -> Self {
        let mut draft = Self::new(last, count);
        let excess = draft.events.len().saturating_sub(AT_THE_END);
        draft.events.drain(..excess);
        draft.before += excess as u64;
        draft
    }

    pub(super) fn push(&mut self, shown: &Shown) {
        if self.room > 0 {
            self.room -= 1;
            self.events.push(shown.clone());
        } else if self.tail_room > 0 {
            if self.tail.len() == self.tail_room {
                self.tail.pop_front();
                self.left_out += 1;
                self.left_out_at = Some(self.events.len());
            }
            self.tail.push_back(shown.clone());
        }
    }

    /// Whether it shows this gap.
    pub(super) fn is_of(&self, gap: &Gap<Label>) -> bool {
        self.gap.is_some_and(|own| own.missing == gap.missing && own.opened == gap.opened)
    }

    /// Whether the pair talked past the gap for at least so many seconds.
    pub(super) fn has_lasted(&self, seconds: f64) -> bool {
        self.gap.is_some_and(|gap| gap.last_talk.time().seconds_since(gap.opened.time()) >= seconds)
    }

    /// Whether the stall of `reader` is the gap that it shows.
    pub(super) fn tells(&self, reader: Side, stall: &StallReport) -> bool {
        let is_it = |gap: &Gap<Label>| gap.missing.0 == stall.seq && gap.opened.frame() == stall.frame;
        self.reader == reader && self.gap.as_ref().is_some_and(is_it)
    }

    pub(super) fn scene(self, about: About, base: i64, index: impl Fn(Side) -> usize + Copy) -> Scene {
        let shown = self.events.iter().chain(&self.tail);
        let mut events: Vec<Event> = shown.map(|shown| shown.event(base, index)).collect();
        if about == About::Rejection
            && let Some(culprit) = self.culprit.and_then(|at| events.get_mut(at))
        {
            culprit.what = What::Refused;
        }
        let cut = self.left_out_at.filter(|_| self.left_out > 0).map(|at| (at, self.left_out));
        Scene { about, before: self.before, events, culprit: self.culprit, cut }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{ConnId, FrameRef, Timestamp};
    use crate::replay::translate::Kind;

    const RING: usize = 64;

    fn shown(number: u64) -> Shown {
        let frame = FrameRef { file: 0, number };
        let kind = Kind { length: 88, cmd: 1, code: 1 };
        let label = Label {
            frame,
            first_frame: frame,
            time: Timestamp(number as i64),
            conn: ConnId(1),
            kind,
            number: Some(number as u32),
        };
        Shown { label, by: Side::A, what: What::Accepted, copy: false, text: None, records: None }
    }

    fn ring(count: u64) -> VecDeque<Shown> {
        (count.saturating_sub(RING as u64) + 1..=count).map(shown).collect()
    }

    fn gap(opened: Label) -> Gap<Label> {
        Gap {
            missing: midcomms_model::Seq(0),
            beyond: midcomms_model::Seq(1),
            opened,
            conn: midcomms_model::Conn(1),
            ignored: 1,
            copies_came: false,
            after_break: None,
            last_talk: opened,
            is_disturbed: false,
            broken: false,
        }
    }

    proptest! {
        #[test]
        fn of_a_gap_every_event_is_shown_or_counted(before in 1u64..200, after in 0u64..200) {
            let mut draft = Draft::of_gap(Side::B, &gap(shown(before).label), &ring(before), before);
            (1..=after).for_each(|more| draft.push(&shown(before + more)));
            let scene = draft.scene(About::Stall(0), 0, |_| 0);
            let (cut_at, cut) = scene.cut.unwrap_or((0, 0));
            prop_assert_eq!(scene.before + scene.events.len() as u64 + cut, before + after);
            prop_assert!(scene.events.len() <= RING + AFTER + AT_THE_END);
            prop_assert_eq!(scene.events[scene.culprit.unwrap()].frame, before);
            prop_assert_eq!(scene.events.last().unwrap().frame, before + after);
            // Nothing is missing but where it is said to be.
            for (at, pair) in scene.events.windows(2).enumerate() {
                let missing = if cut > 0 && at + 1 == cut_at { cut } else { 0 };
                prop_assert_eq!(pair[1].frame, pair[0].frame + 1 + missing);
            }
        }

        #[test]
        fn a_culprit_long_past_is_shown_first_and_what_shows_it_last(count in 66u64..300) {
            let mut last = ring(count);
            last.back_mut().unwrap().what = What::Refused;
            let draft = Draft::of_rejection(Some((Side::A, shown(1).label)), &last, count);
            let scene = draft.scene(About::Rejection, 0, |_| 0);
            prop_assert_eq!((scene.culprit, scene.before), (Some(0), 0));
            prop_assert_eq!((scene.events[0].frame, scene.events[0].what), (1, What::Refused));
            prop_assert_eq!(scene.events.last().unwrap().what, What::Reveals);
            prop_assert_eq!(scene.cut.map_or(0, |(_, cut)| cut) + scene.events.len() as u64, count);
        }
    }
}
