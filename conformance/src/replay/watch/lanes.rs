//! Both records over time.

use midcomms_model::{Pair, Side, State};

use super::look::{Brief, Look, state_of};
use crate::replay::Label;
use crate::replay::picture::{LinkChange, Picture, Progress, Scene, StateChange, What};

/// Changes of state kept of each node.
const MAX_STATES: usize = 256;
/// Openings and endings of connections kept.
const MAX_LINKS: usize = 256;
/// Points kept of how far numbers had come: beyond it, every second one goes.
const MAX_POINTS: usize = 128;

const NANOS: i64 = 1_000_000_000;

/// What is kept of the whole trace. Times are absolute until the end.
#[derive(Default)]
pub(super) struct Lanes {
    first: Option<i64>,
    end: i64,
    states: [Vec<StateChange>; 2],
    states_cut: u64,
    links: Vec<(Side, LinkChange)>,
    links_cut: u64,
    points: Points,
}

/// From A to B, and back.
#[derive(Default)]
struct Points {
    kept: Vec<[Progress; 2]>,
    last: Option<[Progress; 2]>,
    stride: u64,
    count: u64,
}

impl Lanes {
    /// The second before the first event, in nanoseconds.
    pub(super) fn base(&self) -> i64 {
        self.first.unwrap_or(0).div_euclid(NANOS) * NANOS
    }

    pub(super) fn event(&mut self, label: &Label) {
        let time = label.time.0;
        if self.first.is_none() {
            let closed = StateChange { time, frame: label.frame(), state: State::Closed.name() };
            self.states.iter_mut().for_each(|lane| lane.push(closed));
        }
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.end = self.end.max(time);
    }

    /// A state is told with the first message behind which every explanation has it.
    pub(super) fn records(&mut self, label: &Label, frontier: &[Pair<Label>], first: &Look) {
        for side in Side::BOTH {
            let state = first.brief(side).state;
            let lane = side.pick_mut(&mut self.states);
            let is_new = lane.last().is_none_or(|last| last.state != state.name());
            let others = frontier.get(1..).unwrap_or_default();
            if !is_new || others.iter().any(|pair| state_of(&pair.node(side).record()) != state) {
                continue;
            }
            if lane.len() < MAX_STATES {
                lane.push(StateChange { time: label.time.0, frame: label.frame(), state: state.name() });
            } else {
                self.states_cut += 1;
            }
        }
        let seen_since = self.end.saturating_sub(self.first.unwrap_or(self.end));
        self.points.take(label.time.0, first, seen_since);
    }

    pub(super) fn link(&mut self, label: &Label, by: Side, what: What) {
        if what == What::Hole {
            return;
        }
        if self.links.len() == MAX_LINKS {
            self.links_cut += 1;
            return;
        }
        let change = LinkChange { time: label.time.0, frame: label.frame(), conn: label.conn.0, by: 0, what };
        self.links.push((by, change));
    }

    pub(super) fn picture(self, scenes: Vec<Scene>, sides: [Side; 2], index: impl Fn(Side) -> usize) -> Picture {
        let base = self.base();
        let points = self.points.all();
        let lane = |side: Side| {
            let changes = side.pick(&self.states).iter();
            changes.map(|change| StateChange { time: change.time - base, ..*change }).collect()
        };
        let direction = |from: Side| {
            let of = points.iter().map(|point| *from.pick(point));
            of.map(|point| Progress { time: point.time - base, ..point }).collect()
        };
        let link =
            |(by, change): &(Side, LinkChange)| LinkChange { time: change.time - base, by: index(*by), ..*change };
        Picture {
            base: base / NANOS,
            end: self.end - base,
            scenes,
            states: sides.map(lane),
            states_cut: self.states_cut,
            links: self.links.iter().map(link).collect(),
            links_cut: self.links_cut,
            progress: sides.map(direction),
        }
    }
}

impl Points {
    fn take(&mut self, time: i64, look: &Look, seen_since: i64) {
        let [a, b] = Side::BOTH.map(|side| look.brief(side));
        let point = |from: Brief, to: Brief| {
            // A record that is closed waits for nothing: its numbers are of another incarnation than its peer's.
            let accepted = if to.state == State::Closed { from.send } else { to.next };
            Progress { time, sent: from.send.0, accepted: accepted.0 }
        };
        let now = [point(a, b), point(b, a)];
        self.last = Some(now);
        self.count += 1;
        let told = self.kept.last().map(|[point, _]| point.time);
        let is_late = told.is_none_or(|told| time.saturating_sub(told) > seen_since / MAX_POINTS as i64);
        if !is_late && !self.count.is_multiple_of(self.stride.max(1)) {
            return;
        }
        self.kept.push(now);
        if self.kept.len() > MAX_POINTS {
            let mut index = 0usize;
            self.kept.retain(|_| {
                index += 1;
                !index.is_multiple_of(2)
            });
            self.stride = self.stride.max(1) * 2;
        }
    }

    fn all(&self) -> Vec<[Progress; 2]> {
        self.kept.iter().copied().chain(self.last).collect()
    }
}
