//! What has to stay.

use std::fmt;

use crate::replay::{FileReport, Rejection, StallReport};

/// What is looked for in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first rejection.
    Rejection,
    /// The first stall.
    Stall,
}

impl Wanted {
    /// As in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Wanted::Rejection => "rejection",
            Wanted::Stall => "stall",
        }
    }
}

/// A rejection or a stall, by what has to be the same: which message, by which rule, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A message is refused.
    Rejection {
        /// Its frame.
        frame: u64,
        /// Sender and receiver.
        ends: (u32, u32),
        /// The message.
        message: String,
        /// The rule.
        rule: &'static str,
        /// What would have been allowed, and what there was.
        why: [String; 2],
    },
    /// A gap stays open.
    Stall {
        /// Frame of the first message beyond it.
        frame: u64,
        /// Who misses the number of whom: sender and receiver.
        ends: (u32, u32),
        /// The number.
        seq: u32,
        /// The hazard.
        hazard: Option<&'static str>,
    },
}

impl Target {
    /// What a report has of what is wanted.
    pub fn of(report: &FileReport, wanted: Wanted) -> Option<Self> {
        Self::all(report, wanted).next()
    }

    fn all(report: &FileReport, wanted: Wanted) -> impl Iterator<Item = Self> {
        let rejections = report.pairs.iter().filter_map(|pair| pair.rejection.as_ref()).map(Self::of_rejection);
        let stalls = report.pairs.iter().flat_map(|pair| &pair.stalls).map(Self::of_stall);
        let is_rejection = wanted == Wanted::Rejection;
        rejections.filter(move |_| is_rejection).chain(stalls.filter(move |_| !is_rejection))
    }

    fn of_rejection(rejection: &Rejection) -> Self {
        Target::Rejection {
            frame: rejection.frame,
            ends: (rejection.from, rejection.to),
            message: rejection.message.clone(),
            rule: rejection.rule,
            why: [rejection.expected.clone(), rejection.got.clone()],
        }
    }

    fn of_stall(stall: &StallReport) -> Self {
        Target::Stall { frame: stall.frame, ends: (stall.from, stall.to), seq: stall.seq, hazard: stall.hazard }
    }

    /// Which kind it is.
    pub fn wanted(&self) -> Wanted {
        match self {
            Target::Rejection { .. } => Wanted::Rejection,
            Target::Stall { .. } => Wanted::Stall,
        }
    }

    /// Its frame.
    pub fn frame(&self) -> u64 {
        match self {
            Target::Rejection { frame, .. } | Target::Stall { frame, .. } => *frame,
        }
    }

    /// The same in a file in which frames have other numbers.
    pub(super) fn at(&self, number: u64) -> Self {
        let mut moved = self.clone();
        match &mut moved {
            Target::Rejection { frame, .. } | Target::Stall { frame, .. } => *frame = number,
        }
        moved
    }

    /// Whether a report has it.
    pub fn is_in(&self, report: &FileReport) -> bool {
        Self::all(report, self.wanted()).any(|found| found == *self)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Rejection { frame, ends: (from, to), message, rule, why: [expected, got] } => {
                write!(f, "frame {frame}: {from} > {to}: {message}: refused by {rule}: expected {expected}, got {got}")
            }
            Target::Stall { frame, ends: (from, to), seq, hazard } => {
                write!(f, "frame {frame}: node {to} waits for {seq} of node {from}")?;
                hazard.map_or(Ok(()), |hazard| write!(f, ", hazard {hazard}"))
            }
        }
    }
}
