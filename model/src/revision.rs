//! Revisions of the protocol: what differs between kernels (section 11 of `PROTOCOL.md`).

use std::fmt;
use std::str::FromStr;

/// A revision of the protocol as some kernels speak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revision {
    /// `linux-5.14`, the first.
    Linux5_14,
    /// `linux-6.1`, stable.
    Linux6_1,
    /// `linux-6.12` and to 7.2: today's.
    Linux6_12,
    /// `hardened`, the project's own. A node that speaks it says so by its first message on every connection (HRD-1).
    Hardened,
}

/// Who makes a record ESTABLISHED by a message (section 11, "CLOSED to ESTABLISHED on a message").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Establishes {
    /// Bare STATUS, NAMES and their replies.
    BareStatusOrNames,
    /// Any 3.2 message while the version is unset, ACK included.
    AnyMessage,
    /// Bare STATUS, NAMES and their replies, and an ACK while the version is unset. No kernel: what an ACK alone does (H14).
    StatusOrAck,
    /// None: only an add does (`hardened`).
    Never,
}

/// When data is acknowledged (section 11, "ACK for data").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckPolicy {
    /// For every message accepted.
    EveryMessage,
    /// One per batch read.
    EveryBatch,
    /// After more than this many deliveries since the last threshold ACK; for duplicates and FIN at once.
    Threshold(u32),
    /// Whenever it likes: a timer too (`hardened`).
    AtWill,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Revision; 4] = [Revision::Linux5_14, Revision::Linux6_1, Revision::Linux6_12, Revision::Hardened];
    /// Those of kernels, oldest first.
    pub const LINUX: [Revision; 3] = [Revision::Linux5_14, Revision::Linux6_1, Revision::Linux6_12];

    /// The name as written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Revision::Linux5_14 => "linux-5.14",
            Revision::Linux6_1 => "linux-6.1",
            Revision::Linux6_12 => "linux-6.12",
            Revision::Hardened => "hardened",
        }
    }

    /// Whether NAMES and its reply may be sequenced (SND-2).
    pub fn sequences_names(self) -> bool {
        matches!(self, Revision::Linux6_12 | Revision::Hardened)
    }

    /// Whether NAMES and its reply may go bare (SND-2). For `hardened` the layer above chooses.
    pub fn sends_names_bare(self) -> bool {
        self != Revision::Linux6_12
    }

    /// Which messages make a CLOSED record ESTABLISHED.
    pub fn establishes(self) -> Establishes {
        match self {
            Revision::Linux5_14 | Revision::Linux6_1 => Establishes::BareStatusOrNames,
            Revision::Linux6_12 => Establishes::AnyMessage,
            Revision::Hardened => Establishes::Never,
        }
    }

    /// Whether a bare STATUS or NAMES in a closing state may reset the record and make it ESTABLISHED. For 6.1 it is not
    /// known: both are possible.
    pub fn may_reset_on_status(self) -> bool {
        matches!(self, Revision::Linux5_14 | Revision::Linux6_1)
    }

    /// Whether copies may go out without a break (HRD-7).
    pub fn retransmits_in_time(self) -> bool {
        self == Revision::Hardened
    }

    /// When data is acknowledged.
    pub fn ack_policy(self) -> AckPolicy {
        match self {
            Revision::Linux5_14 => AckPolicy::EveryMessage,
            Revision::Linux6_1 => AckPolicy::EveryBatch,
            Revision::Linux6_12 => AckPolicy::Threshold(32),
            Revision::Hardened => AckPolicy::AtWill,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no revision's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRevision(pub String);

impl fmt::Display for UnknownRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Revision::ALL.iter().map(|revision| revision.name()).collect();
        write!(f, "unknown revision `{}`: known are any, {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownRevision {}

impl FromStr for Revision {
    type Err = UnknownRevision;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Revision::ALL
            .into_iter()
            .find(|revision| revision.name() == name)
            .ok_or_else(|| UnknownRevision(name.to_owned()))
    }
}

/// The revisions with which what a node sent is consistent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RevisionSet(u8);

impl RevisionSet {
    /// All of them.
    pub fn any() -> Self {
        Revision::ALL.into_iter().collect()
    }

    /// Just one.
    pub fn only(revision: Revision) -> Self {
        Self(1 << revision as u8)
    }

    /// Whether `revision` is in the set.
    pub fn contains(self, revision: Revision) -> bool {
        self.0 & (1 << revision as u8) != 0
    }

    /// Whether none is left.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filter(self, keep: impl Fn(Revision) -> bool) -> Self {
        self.iter().filter(|&revision| keep(revision)).collect()
    }

    /// The members, oldest first.
    pub fn iter(self) -> impl Iterator<Item = Revision> {
        Revision::ALL.into_iter().filter(move |&revision| self.contains(revision))
    }
}

impl FromIterator<Revision> for RevisionSet {
    fn from_iter<I: IntoIterator<Item = Revision>>(revisions: I) -> Self {
        revisions.into_iter().fold(Self(0), |set, revision| set.union(Self::only(revision)))
    }
}

impl fmt::Display for RevisionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Revision::name).collect();
        if names.is_empty() { f.write_str("none") } else { f.write_str(&names.join(" or ")) }
    }
}

impl fmt::Debug for RevisionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_ones_are_told() {
        for revision in Revision::ALL {
            assert_eq!(revision.name().parse(), Ok(revision));
        }
        let error = "linux-4".parse::<Revision>().unwrap_err();
        assert!(error.to_string().contains("linux-6.12"));
    }

    #[test]
    fn sets_intersect_and_print() {
        let sequenced = RevisionSet::any().filter(|revision| !revision.sends_names_bare());
        assert_eq!(sequenced, RevisionSet::only(Revision::Linux6_12));
        assert_eq!(RevisionSet::any().to_string(), "linux-5.14 or linux-6.1 or linux-6.12 or hardened");
        assert!(sequenced.intersection(RevisionSet::only(Revision::Linux6_1)).is_empty());
    }
}
