//! Which numbers may follow each other in what one node writes to one connection (NET-3, NET-4, NET-7).
//!
//! A connection carries, in this order: pages left over from before; for each break noticed one ascending pass over
//! the send queue, without what already waits in the output; and fresh messages in ascending order at the tail.

use crate::rule::{self, Refusal};
use crate::seq::Seq;

/// The largest forward gap that lost pages can leave. It exceeds the smallest messages (40 bytes) that fit into the
/// send buffer of a socket (4 MiB), and is far below half the number space.
pub const MAX_LOST: u32 = 1 << 17;

/// Numbers that nobody saw look fresh when copies of them come. What waits out of order at the beginning of a connection
/// is at most a page of the smallest messages.
const MAX_OUT_OF_ORDER: u32 = 4096 / 40;

/// What one node has written to one connection in its present incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The last copy, while an ascending run of copies goes on.
    run: Option<Seq>,
    /// Lowest and highest number that went out here as a copy.
    copies: Option<(Seq, Seq)>,
    /// The first of them came behind a gap.
    began_with_gap: bool,
    /// Fresh messages written here, counted up to [`MAX_OUT_OF_ORDER`].
    fresh: u32,
}

/// What a copy is to the pass it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It continues a run.
    Continues,
    /// It begins a new pass, which answers a break.
    Begins,
}

impl Output {
    fn has_fresh(&self) -> bool {
        self.fresh > 0
    }

    /// Whether anything was written.
    pub fn has_numbers(&self) -> bool {
        self.has_fresh() || self.copies.is_some()
    }

    /// Whether a copy of `number` may have gone out here, or wait here (NET-3).
    pub fn has_copied(&self, number: Seq) -> bool {
        self.copies.is_some_and(|(low, high)| !number.is_before(low) && !high.is_before(number))
    }

    /// A fresh message `seq` where `expected` was the next number. `is_owed` tells whether no pass may leave a number out
    /// but for a copy that waits here; `had_break` whether the pair had a break in this incarnation.
    pub fn check_fresh(
        &self,
        seq: Seq,
        expected: Seq,
        had_break: bool,
        is_owed: impl Fn(Seq) -> bool,
    ) -> Result<(), Refusal> {
        let may_be_out_of_order = !self.has_fresh() || (self.began_with_gap && self.fresh < MAX_OUT_OF_ORDER);
        if seq != expected && !(had_break && may_be_out_of_order) {
            return Err(Refusal::new(
                rule::NET_7,
                format!("{expected} as the next fresh number on this connection"),
                format!("{seq}, a gap of {} without a break before it", expected.distance_to(seq)),
            ));
        }
        if expected.distance_to(seq) > MAX_LOST {
            let most = expected.plus(MAX_LOST);
            return Err(Refusal::new(rule::NET_7, format!("a number up to {most}"), format!("{seq}")));
        }
        let left_out = self.run.and_then(|last| self.left_out_between(last, expected, is_owed));
        match left_out.filter(|_| seq == expected) {
            Some(number) => Err(Refusal::new(
                rule::NET_3,
                format!("a copy of {number}, for the pass over the send queue is not finished"),
                format!("the fresh number {seq}"),
            )),
            None => Ok(()),
        }
    }

    /// A fresh message was written, behind a gap or not.
    pub fn write_fresh(&mut self, has_gap: bool) {
        self.began_with_gap |= has_gap;
        self.run = None;
        self.fresh = (self.fresh + 1).min(MAX_OUT_OF_ORDER);
    }

    /// Where a copy of `seq` stands. `had_break` tells whether the pair had a break in this incarnation. A pass that
    /// leaves out what it owes is refused.
    pub fn place_copy(&self, seq: Seq, had_break: bool, is_owed: impl Fn(Seq) -> bool) -> Result<Place, Refusal> {
        match self.run {
            Some(last) if last.is_before(seq) => match self.left_out_between(last, seq, is_owed) {
                None => Ok(Place::Continues),
                Some(number) => {
                    let got = format!("a copy of {seq} after that of {last}");
                    Err(Refusal::new(rule::NET_3, format!("a copy of {number}"), got))
                }
            },
            // What waited in the output of the connection before.
            None if !self.has_fresh() && had_break => Ok(Place::Continues),
            _ => Ok(Place::Begins),
        }
    }

    /// A copy was written.
    pub fn write_copy(&mut self, seq: Seq) {
        self.run = Some(seq);
        self.copies = Some(match self.copies {
            None => (seq, seq),
            Some((low, high)) => (low.min(seq), high.max(seq)),
        });
    }

    /// The first number after `last` and before `seq` that a pass may not leave out.
    fn left_out_between(&self, last: Seq, seq: Seq, is_owed: impl Fn(Seq) -> bool) -> Option<Seq> {
        let mut number = last.next();
        while number != seq {
            if !self.has_copied(number) && is_owed(number) {
                return Some(number);
            }
            number = number.next();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(_: Seq) -> bool {
        true
    }

    fn copies(output: &mut Output, numbers: impl IntoIterator<Item = u32>) -> Vec<Place> {
        numbers
            .into_iter()
            .map(|number| {
                let place = output.place_copy(Seq(number), true, owed).unwrap();
                output.write_copy(Seq(number));
                place
            })
            .collect()
    }

    #[test]
    fn a_gap_needs_a_break_and_a_new_connection() {
        let mut output = Output::default();
        assert!(output.check_fresh(Seq(3), Seq(3), false, owed).is_ok());
        assert_eq!(output.check_fresh(Seq(4), Seq(3), false, owed).unwrap_err().rule, rule::NET_7);
        assert!(output.check_fresh(Seq(5), Seq(3), true, owed).is_ok());
        output.write_fresh(true);
        assert!(output.check_fresh(Seq(7), Seq(6), true, owed).is_ok());
        for _ in 0..MAX_OUT_OF_ORDER {
            output.write_fresh(false);
        }
        assert_eq!(output.check_fresh(Seq(7), Seq(6), true, owed).unwrap_err().rule, rule::NET_7);
    }

    #[test]
    fn a_pass_ascends_and_leaves_out_only_copies_that_waited() {
        // heavy-k61, connection 17: 29827..29840 waited, 29841..29861 are fresh, the pass leaves out the former.
        let mut output = Output::default();
        assert!(copies(&mut output, 27..=40).iter().all(|place| *place == Place::Continues));
        for _ in 41..=61 {
            output.write_fresh(false);
        }
        let mut pass = copies(&mut output, (7..=26).chain(41..=61));
        assert_eq!(pass.remove(0), Place::Begins);
        assert!(pass.iter().all(|place| *place == Place::Continues));
        assert!(output.check_fresh(Seq(62), Seq(62), true, owed).is_ok());
    }

    #[test]
    fn an_unfinished_pass_is_not_followed_by_fresh_messages() {
        let mut output = Output::default();
        output.write_fresh(false);
        copies(&mut output, 4..=6);
        assert_eq!(output.check_fresh(Seq(10), Seq(10), true, owed).unwrap_err().rule, rule::NET_3);
        copies(&mut output, 7..=9);
        assert!(output.check_fresh(Seq(10), Seq(10), true, owed).is_ok());
    }

    #[test]
    fn a_pass_leaves_out_only_what_it_does_not_owe() {
        let mut output = Output::default();
        copies(&mut output, [4]);
        assert_eq!(output.place_copy(Seq(6), true, |number| number != Seq(5)), Ok(Place::Continues));
        assert_eq!(output.place_copy(Seq(6), true, owed).unwrap_err().rule, rule::NET_3);
    }
}
