//! Why a run breaks a property: expected and got, from the state.

use crate::record::State;
use crate::seq::Seq;
use crate::system::Property;
use crate::system::state::{End, Pending, Phase, Second};

use super::run::{Event, Fate, Frame, Run, Sent};
use super::words;

/// Reasons, one a line: of a safety property from the last step, of a liveness property from the last state.
pub(super) fn why(run: &Run, property: Property) -> Vec<String> {
    let last = run.steps.len();
    let (Some(before), Some(after)) = (run.frame(last.saturating_sub(1)), run.frame(last)) else { return Vec::new() };
    let why = Why { run, before, after };
    match property {
        Property::CleanClosed => why.each(|_, end| dirty(run, end)),
        Property::UsersConsistent => why.each(|_, end| miscounted(end)),
        Property::NoLoss => why.each_pair(|x, y| why.undelivered(x, y)),
        Property::QueueDrains => why.each_pair(|x, y| why.undrained(x, y)),
        Property::BothClosed => why.each_pair(|x, y| why.unclosed(x, y)),
        Property::ShutdownReturns => (0..run.nodes).filter_map(|x| why.waiting(x)).collect(),
        _ => why.of_step(property).into_iter().collect(),
    }
}

struct Why<'a> {
    run: &'a Run,
    before: &'a Frame,
    after: &'a Frame,
}

fn whose(x: usize, y: usize, nodes: usize) -> String {
    let about = if nodes > 2 { format!(" about {}", words::node(y)) } else { String::new() };
    format!("{}'s record{about}", words::node(x))
}

/// CleanClosed: what a reset would have left otherwise.
fn dirty(run: &Run, end: &End) -> Option<String> {
    let record = &end.record;
    if record.state != State::Closed {
        return None;
    }
    let is_first = |seq: Seq| seq == Seq::ZERO || end.life == 0 && seq == run.first_number;
    let named = [
        (record.version.is_some(), "version is set".to_owned()),
        (!is_first(record.seq_send), format!("seq_send is {}", record.seq_send)),
        (!is_first(record.seq_next), format!("seq_next is {}", record.seq_next)),
        (record.queue_head != record.seq_send, "the send queue is not empty".to_owned()),
        (record.fin.is_some(), "a FIN is queued".to_owned()),
        (record.stop_tx, "stop_tx is set".to_owned()),
        (record.stop_rx, "stop_rx is set".to_owned()),
    ];
    let dirty: Vec<_> = named.into_iter().filter(|(is_dirty, _)| *is_dirty).map(|(_, text)| text).collect();
    (!dirty.is_empty())
        .then(|| format!("is CLOSED, so expected as a reset leaves it (REC-1); got: {}", words::list(&dirty)))
}

/// UsersConsistent.
fn miscounted(end: &End) -> Option<String> {
    let (users, expected) = (end.record.users, end.counted.count_ones());
    (u32::from(users) != expected).then(|| format!("has users = {users}; expected {expected}"))
}

impl Why<'_> {
    fn each(&self, tell: impl Fn(usize, &End) -> Option<String>) -> Vec<String> {
        let ends = self.after.ends.iter();
        ends.filter_map(|(x, y, end)| tell(*x, end).map(|text| format!("{} {text}", whose(*x, *y, self.run.nodes))))
            .collect()
    }

    fn each_pair(&self, tell: impl Fn(usize, usize) -> Option<String>) -> Vec<String> {
        self.run.pairs().filter_map(|(x, y)| tell(x, y)).collect()
    }

    /// The message that the last step read.
    fn read(&self) -> Option<&Sent> {
        let events = &self.run.steps.last()?.events;
        events.iter().find_map(|event| if let Event::Read(id) = event { self.run.sent(*id) } else { None })
    }

    fn of_step(&self, property: Property) -> Option<String> {
        let action = self.run.steps.last()?.action;
        let (x, y) = (usize::from(action.node), usize::from(action.peer));
        let (was, is) = (self.before.end(x, y), self.after.end(x, y));
        let read = self.read().map_or_else(|| "what came".to_owned(), words::message);
        let (node, peer) = (words::node(x), words::node(y));
        Some(match property {
            Property::ExactlyOnceInOrder => {
                let life = self.read().map_or(0, |sent| usize::from(sent.message.source()));
                let next = was.accepted.get(life).map_or(Seq::ZERO, |offset| self.run.seq(*offset));
                format!(
                    "of that incarnation of {peer} {node} had accepted all before {next}: expected OPTS({next}), got {read}"
                )
            }
            Property::NoFalseAck => {
                let about = self.before.end(y, x);
                let accepted =
                    about.accepted.get(usize::from(was.life)).map_or(Seq::ZERO, |offset| self.run.seq(*offset));
                let head = self.read().map_or(is.record.queue_head, |sent| sent.number);
                format!(
                    "{peer} has accepted what is before {accepted} of {node}'s incarnation, but what is before {head} leaves the send queue"
                )
            }
            Property::NoTxAfterFin => {
                let fin = was.record.fin.unwrap_or_default();
                format!("{node} had sent FIN under {fin} and uses {} now", was.record.seq_send)
            }
            Property::NoRxAfterStop => format!("{node}'s record has stop_rx, and {read} is delivered"),
            Property::NoGhost => format!(
                "no join is behind it: {} has seen every join that has begun, and leaves CLOSED again",
                whose(x, y, self.run.nodes)
            ),
            Property::VersionConsistent => {
                format!("{} has a version, and {read} has another", whose(x, y, self.run.nodes))
            }
            Property::NoCrossIncarnation => self.crossed(&was, &node, &peer, &read),
            Property::NoUnexpected => format!(
                "{} was {} and does not know {}",
                whose(x, y, self.run.nodes),
                was.record.state,
                self.event(&read)
            ),
            _ => return None,
        })
    }

    fn event(&self, read: &str) -> String {
        if self.read().is_some() { read.to_owned() } else { "what it is told".to_owned() }
    }

    fn crossed(&self, was: &End, node: &str, peer: &str, read: &str) -> String {
        let sent = self.read();
        if let Some(Fate::Read { is_of_old_life: true, .. }) = sent.map(|sent| sent.fate) {
            return format!("{read} is of an incarnation of {peer}'s that is over");
        }
        match sent.and_then(|sent| sent.message.destination()) {
            Some(life) if life != was.life => format!("{read} was meant for an incarnation of {node}'s that is over"),
            _ => format!("{node}'s incarnation had talked to another one of {peer}'s than that which sent {read}"),
        }
    }

    /// NoLoss, from `x` to `y`.
    fn undelivered(&self, x: usize, y: usize) -> Option<String> {
        let (end, about) = (self.after.end(x, y), self.after.end(y, x));
        let (node, peer) = (words::node(x), words::node(y));
        if end.lost {
            return Some(format!("a message from {node} was never accepted by {peer}, and {node} no longer has it"));
        }
        let accepted = self.run.seq(about.accepted.get(usize::from(end.life)).copied().unwrap_or_default());
        let last = end.record.fin.unwrap_or(end.record.seq_send);
        if end.excused || !accepted.is_before(last) {
            return None;
        }
        let waits = if end.reserved.is_some() { " (one of them is reserved and never committed)" } else { "" };
        Some(format!(
            "{node} used the numbers before {last}, and {peer} has accepted only what is before {accepted}{waits}"
        ))
    }

    /// QueueDrains, of `x` for `y`.
    fn undrained(&self, x: usize, y: usize) -> Option<String> {
        let end = self.after.end(x, y);
        let (head, next) = (end.record.queue_head, end.record.seq_send);
        if head == next && end.second != Second::TakeNumber {
            return None;
        }
        let count = head.distance_to(next);
        let messages = if count == 1 { "message" } else { "messages" };
        let accepted = !self.after.end(y, x).record.seq_next.is_before(next);
        let but = if accepted { ", though its peer has accepted all of it" } else { "" };
        Some(format!(
            "{}'s send queue for {} still holds {count} {messages}, from {head} on{but}",
            words::node(x),
            words::node(y)
        ))
    }

    fn unclosed(&self, x: usize, y: usize) -> Option<String> {
        let ends = [self.after.end(x, y), self.after.end(y, x)];
        let has_left = [x, y].iter().any(|node| self.after.phase(*node) != Phase::In);
        let is_over =
            has_left && ends.iter().all(|end| end.counted == 0 && end.pending == [Pending::Nothing; 2] && !end.fence);
        let state = self.after.end(x, y).record.state;
        (is_over && state != State::Closed).then(|| {
            format!(
                "{} is {state}; expected CLOSED, for neither has the other as a member",
                whose(x, y, self.run.nodes)
            )
        })
    }

    fn waiting(&self, x: usize) -> Option<String> {
        let node = words::node(x);
        match self.after.phase(x) {
            Phase::Waiting => {
                let unknown = (0..self.run.nodes).filter(|y| *y != x && self.after.end(x, *y).record.version.is_none());
                let unknown: Vec<_> = unknown.map(words::node).collect();
                Some(format!("{node}'s shutdown has not begun: it waits for the version of {}", words::list(&unknown)))
            }
            Phase::Shutting => {
                let closed = self.closed(x);
                let y = (x + 1 + closed) % self.run.nodes;
                let state = self.after.end(x, y).record.state;
                Some(format!(
                    "{node}'s shutdown waits for its record about {}, which is {state}; expected CLOSED",
                    words::node(y)
                ))
            }
            _ => None,
        }
    }

    /// With how many peers `x` has closed: those before the first, in the order of closing, that is not CLOSED.
    fn closed(&self, x: usize) -> usize {
        let is_open = |y: usize| self.after.end(x, y).record.state != State::Closed;
        (0..self.run.nodes - 1).find(|count| is_open((x + 1 + count) % self.run.nodes)).unwrap_or_default()
    }
}
