//! What a field is changed to.

use std::fmt;

use super::Random;
use super::field::{Field, MessageKind};
use super::trace::Place;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// To one more.
    PlusOne,
    /// To one less.
    MinusOne,
    /// The lowest bit flipped.
    LowBit,
    /// A bit in the middle flipped.
    MiddleBit,
    /// The highest bit flipped.
    HighBit,
    /// To 0.
    Zero,
    /// To all ones.
    Ones,
    /// To anything.
    Random,
    /// The number of an ACK to one less than that of the one before on the connection.
    BelowLast,
    /// The number of an ACK to one more than what was sent allows.
    BeyondSent,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Change::PlusOne => "+1",
            Change::MinusOne => "-1",
            Change::LowBit => "low bit",
            Change::MiddleBit => "middle bit",
            Change::HighBit => "high bit",
            Change::Zero => "0",
            Change::Ones => "ones",
            Change::Random => "random",
            Change::BelowLast => "last - 1",
            Change::BeyondSent => "sent + 1",
        })
    }
}

/// The values that a field of a message is changed to; some may be the same.
pub(super) fn values(field: Field, original: u64, place: &Place, random: &mut Random) -> Vec<(Change, u64)> {
    let bits = field.size * 8;
    let largest = field.largest();
    let mut values = Vec::new();
    if place.kind == MessageKind::Ack && field.is_number() {
        values.extend(place.last_ack.map(|last| (Change::BelowLast, u64::from(last.wrapping_sub(1)))));
        values.push((Change::BeyondSent, u64::from(place.peer_sent.wrapping_add(1))));
    }
    values.extend([
        (Change::PlusOne, original.wrapping_add(1) & largest),
        (Change::MinusOne, original.wrapping_sub(1) & largest),
        (Change::LowBit, original ^ 1),
        (Change::MiddleBit, original ^ (1 << (bits / 2))),
        (Change::HighBit, original ^ (1 << (bits - 1))),
        (Change::Zero, 0),
        (Change::Ones, largest),
        (Change::Random, random.next() & largest),
    ]);
    values
}
