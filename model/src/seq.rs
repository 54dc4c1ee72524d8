//! Sequence numbers: 32 bits, compared serially (RFC 1982).

use std::fmt;

/// A sequence number. It wraps at 2^32, so it has no order of its own: see [`Seq::is_before`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// The number of every incarnation's first message (REC-2).
    pub const ZERO: Seq = Seq(0);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        self.plus(1)
    }

    /// The number `count` after this one.
    #[must_use]
    pub fn plus(self, count: u32) -> Seq {
        Seq(self.0.wrapping_add(count))
    }

    /// Whether this number comes serially before `other`.
    pub fn is_before(self, other: Seq) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// How many steps lead from this number to `later`.
    pub fn distance_to(self, later: Seq) -> u32 {
        later.0.wrapping_sub(self.0)
    }

    /// The serially later of two numbers.
    #[must_use]
    pub fn max(self, other: Seq) -> Seq {
        if self.is_before(other) { other } else { self }
    }

    /// The serially earlier of two numbers.
    #[must_use]
    pub fn min(self, other: Seq) -> Seq {
        if self.is_before(other) { self } else { other }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_serial_across_the_wrap() {
        let last = Seq(u32::MAX);
        assert_eq!(last.next(), Seq::ZERO);
        assert!(last.is_before(Seq::ZERO));
        assert!(!Seq::ZERO.is_before(last));
        assert_eq!(last.distance_to(Seq(4)), 5);
        assert_eq!(last.max(Seq(1)), Seq(1));
        assert_eq!(last.min(Seq(1)), last);
    }
}
