//! What must hold (section 13 of `PROTOCOL.md`), each as a function.

use super::World;
use super::state::{End, Pending, Phase, Second, System};
use crate::message::Version;
use crate::record::{Actions, Record, State, Unexpected};
use crate::seq::Seq;

/// A property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Property {
    /// What is delivered in an incarnation is a prefix of what was committed in it.
    ExactlyOnceInOrder,
    /// A message leaves the send queue only if the peer accepted it, or by reset.
    NoFalseAck,
    /// No fresh number is used after the own FIN.
    NoTxAfterFin,
    /// Nothing is delivered after stop_rx.
    NoRxAfterStop,
    /// CLOSED becomes ESTABLISHED only for a join that has begun and that the record has not seen.
    NoGhost,
    /// A CLOSED record has every field but users at its initial value.
    CleanClosed,
    /// `users` is the number of local lockspaces with the peer.
    UsersConsistent,
    /// A record handles messages of its own version only.
    VersionConsistent,
    /// An incarnation talks to one incarnation of the peer's.
    NoCrossIncarnation,
    /// No event comes in a state that does not know it.
    NoUnexpected,
    /// What was committed is delivered.
    NoLoss,
    /// Send queues empty.
    QueueDrains,
    /// After both ends left, both records are CLOSED.
    BothClosed,
    /// A shutdown returns.
    ShutdownReturns,
}

impl Property {
    /// Every property: safety first, then liveness.
    pub const ALL: [Property; 14] = [
        Property::ExactlyOnceInOrder,
        Property::NoFalseAck,
        Property::NoTxAfterFin,
        Property::NoRxAfterStop,
        Property::NoGhost,
        Property::CleanClosed,
        Property::UsersConsistent,
        Property::VersionConsistent,
        Property::NoCrossIncarnation,
        Property::NoUnexpected,
        Property::NoLoss,
        Property::QueueDrains,
        Property::BothClosed,
        Property::ShutdownReturns,
    ];

    /// The name in section 13.
    pub fn name(self) -> &'static str {
        match self {
            Property::ExactlyOnceInOrder => "ExactlyOnceInOrder",
            Property::NoFalseAck => "NoFalseAck",
            Property::NoTxAfterFin => "NoTxAfterFin",
            Property::NoRxAfterStop => "NoRxAfterStop",
            Property::NoGhost => "NoGhost",
            Property::CleanClosed => "CleanClosed",
            Property::UsersConsistent => "UsersConsistent",
            Property::VersionConsistent => "VersionConsistent",
            Property::NoCrossIncarnation => "NoCrossIncarnation",
            Property::NoUnexpected => "NoUnexpected",
            Property::NoLoss => "NoLoss",
            Property::QueueDrains => "QueueDrains",
            Property::BothClosed => "BothClosed",
            Property::ShutdownReturns => "ShutdownReturns",
        }
    }

    /// What it says, in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Property::ExactlyOnceInOrder => {
                "what is delivered in an incarnation is a prefix of what was committed in it"
            }
            Property::NoFalseAck => "a message leaves the send queue only if the peer accepted it, or by reset",
            Property::NoTxAfterFin => "no fresh number is used after the own FIN",
            Property::NoRxAfterStop => "nothing is delivered to the upper layer after stop_rx",
            Property::NoGhost => {
                "CLOSED becomes ESTABLISHED only for a join that has begun on either side and that this record has not yet seen"
            }
            Property::CleanClosed => "a CLOSED record has every field but users at its initial value",
            Property::UsersConsistent => "users is the number of local lockspaces with the peer, never negative",
            Property::VersionConsistent => {
                "a record's version, once set, is that of every message it handles until its reset"
            }
            Property::NoCrossIncarnation => {
                "each incarnation of a record talks to one incarnation of the peer's; nothing of another is delivered, acknowledged or acted upon"
            }
            Property::NoUnexpected => "no event comes in a state that does not know it (CLS-4)",
            Property::NoLoss => {
                "what was committed is delivered, unless a fence, a timeout or a \"shutdown stuck\" reset ended the incarnation"
            }
            Property::QueueDrains => "send queues empty once the senders stop",
            Property::BothClosed => "after both ends left, both records are CLOSED",
            Property::ShutdownReturns => "a shutdown returns without its timeout",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Property> {
        Property::ALL.into_iter().find(|property| property.name() == name)
    }

    /// Whether it says that something happens again and again, instead of that something never does.
    pub fn is_liveness(self) -> bool {
        self >= Property::NoLoss
    }

    /// Its bit among the safety properties, or among the goals.
    pub fn bit(self) -> u64 {
        if self.is_liveness() { 1 << (self as u8 - Property::NoLoss as u8) } else { 1 << self as u8 }
    }
}

// Over transitions.

/// ExactlyOnceInOrder: `number` is delivered where this incarnation's messages before `accepted` have been.
pub(super) fn exactly_once_in_order(accepted: u8, number: u8) -> bool {
    accepted == number
}

/// NoFalseAck: everything before `released` leaves the queue.
pub(super) fn no_false_ack(accepted: Seq, released: Seq) -> bool {
    !accepted.is_before(released)
}

/// NoCrossIncarnation: an incarnation that is bound acts on a message from `source` to `destination`.
pub(super) fn no_cross_incarnation(end: &End, source: u8, destination: Option<u8>) -> bool {
    end.bound.is_none_or(|bound| bound == source) && destination.is_none_or(|life| life == end.life)
}

/// NoTxAfterFin: a record takes a fresh number.
pub(super) fn no_tx_after_fin(record: &Record) -> bool {
    record.fin.is_none()
}

/// NoRxAfterStop: something is delivered.
pub(super) fn no_rx_after_stop(record: &Record) -> bool {
    !record.stop_rx
}

/// NoGhost: a record changes its state; `unseen`: a join has begun that it has not seen.
pub(super) fn no_ghost(from: State, to: State, unseen: bool) -> bool {
    from != State::Closed || to != State::Established || unseen
}

/// VersionConsistent: a record handles a message of `version`.
pub(super) fn version_consistent(record: &Record, version: Version) -> bool {
    record.version.is_none_or(|known| known == version)
}

/// NoUnexpected: a record meets an event.
pub(super) fn no_unexpected(outcome: Result<Actions, Unexpected>) -> bool {
    outcome.is_ok()
}

// Over states.

/// CleanClosed. A 3.1 peer's version is remembered without a session: there is no handshake that would end one.
fn clean_closed(world: &World, end: &End) -> bool {
    end.record.state != State::Closed
        || end.record.version == Some(Version::V3_1)
        || end.is_fresh(Seq::ZERO, Seq(world.environment.first_number))
}

/// UsersConsistent: `users` against what the cluster manager has told so far, and that, once it has told all, against what
/// the nodes have joined.
fn users_consistent<const N: usize, const M: usize>(system: &System<N, M>, x: usize, y: usize) -> bool {
    let (node, end) = (system.node(x), system.end(x, y));
    let is_told = node.phase == Phase::In && end.pending == [Pending::Nothing; 2] && !end.fence;
    let is_right = !is_told || end.counted == node.joined & system.node(y).joined;
    is_right && u32::from(end.record.users) == end.counted.count_ones()
}

/// Bits of the safety properties that do not hold in a state.
pub(super) fn violated<const N: usize, const M: usize>(world: &World, system: &System<N, M>) -> u64 {
    let mut bits = 0;
    for (x, y) in System::<N, M>::pairs() {
        let end = system.end(x, y);
        if !clean_closed(world, end) {
            bits |= Property::CleanClosed.bit();
        }
        if !users_consistent(system, x, y) {
            bits |= Property::UsersConsistent.bit();
        }
    }
    bits
}

/// Whether committed messages of `x`'s present incarnation were not accepted by `y`.
pub(super) fn has_undelivered<const N: usize, const M: usize>(
    world: &World,
    system: &System<N, M>,
    x: usize,
    y: usize,
) -> bool {
    let end = system.end(x, y);
    let accepted = system.end(y, x).accepted.get(usize::from(end.life)).copied().unwrap_or_default();
    let mut number = world.seq(accepted);
    let last = end.record.fin.unwrap_or(end.record.seq_send);
    let reserved = end.reserved.map(|number| world.seq(number));
    while number.is_before(last) {
        if Some(number) != reserved {
            return true;
        }
        number = number.next();
    }
    false
}

/// NoLoss, from `x` to `y`.
fn no_loss<const N: usize, const M: usize>(world: &World, system: &System<N, M>, x: usize, y: usize) -> bool {
    let end = system.end(x, y);
    !end.lost && (end.excused || !has_undelivered(world, system, x, y))
}

/// QueueDrains, of `x` for `y`.
fn queue_drains(end: &End) -> bool {
    end.record.queue_head == end.record.seq_send && end.second != Second::TakeNumber
}

/// BothClosed: once neither has the other as a member and one has left. A node of 3.1 has no record to close.
fn both_closed<const N: usize, const M: usize>(world: &World, system: &System<N, M>, x: usize, y: usize) -> bool {
    let ends = [(x, system.end(x, y)), (y, system.end(y, x))];
    let is_over = ends.iter().any(|(node, _)| system.node(*node).phase != Phase::In)
        && ends.iter().all(|(_, end)| end.counted == 0 && end.pending == [Pending::Nothing; 2] && !end.fence);
    let is_old = |node: usize| world.version(node, system.node(node).is_back) == Version::V3_1;
    let is_closed = |(node, end): &(usize, &End)| {
        end.record.state == State::Closed || end.record.version == Some(Version::V3_1) || is_old(*node)
    };
    !is_over || ends.iter().all(is_closed)
}

/// ShutdownReturns, of one node.
fn shutdown_returns(phase: Phase) -> bool {
    !matches!(phase, Phase::Waiting | Phase::Shutting)
}

/// Bits of the goals that are met in a state.
pub(super) fn goals<const N: usize, const M: usize>(world: &World, system: &System<N, M>) -> u64 {
    let mut met = [true; 4];
    let [loss, drains, closed, returns] = &mut met;
    for (x, y) in System::<N, M>::pairs() {
        *loss &= no_loss(world, system, x, y);
        *drains &= queue_drains(system.end(x, y));
        *closed &= y < x || both_closed(world, system, x, y);
    }
    *returns = system.nodes.iter().all(|node| shutdown_returns(node.phase));
    if system.timed_out {
        (*drains, *closed, *returns) = (true, true, true);
    }
    met.iter().enumerate().fold(0, |bits, (bit, met)| bits | u64::from(*met) << bit)
}
