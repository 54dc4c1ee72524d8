//! What is measured.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::load::Load;

/// What a run does. Lengths are of the message with its header, without the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
pub(crate) enum Workload {
    /// Messages of 88 bytes from node a to node b.
    #[value(name = "one-way-88")]
    #[serde(rename = "one-way-88")]
    OneWay88,
    /// Messages of 4,000 bytes from node a to node b.
    #[value(name = "one-way-4000")]
    #[serde(rename = "one-way-4000")]
    OneWay4000,
    /// Messages of 88 bytes in both directions at once.
    #[value(name = "both-ways-88")]
    #[serde(rename = "both-ways-88")]
    BothWays88,
    /// Messages of 4,000 bytes in both directions at once.
    #[value(name = "both-ways-4000")]
    #[serde(rename = "both-ways-4000")]
    BothWays4000,
    /// One message of 88 bytes there and one back, and again.
    #[value(name = "round-trip-88")]
    #[serde(rename = "round-trip-88")]
    RoundTrip88,
    /// One message of 4,000 bytes there and one back, and again.
    #[value(name = "round-trip-4000")]
    #[serde(rename = "round-trip-4000")]
    RoundTrip4000,
    /// Messages of 88 bytes from node a to node b, while all connections are reset again and again.
    #[value(name = "after-reset")]
    #[serde(rename = "after-reset")]
    AfterReset,
}

impl Workload {
    /// All that count messages.
    pub(crate) const THROUGHPUT: &[Self] = &[Self::OneWay88, Self::BothWays88, Self::OneWay4000, Self::BothWays4000];
    /// All that time round trips.
    pub(crate) const ROUND_TRIP: &[Self] = &[Self::RoundTrip88, Self::RoundTrip4000];

    /// All that time what comes after a reset.
    pub(crate) const RESET: &[Self] = &[Self::AfterReset];

    /// Every one, in the order of the tables.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::THROUGHPUT, Self::ROUND_TRIP, Self::RESET].into_iter().flatten().copied()
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::OneWay88 => "one way, 88 bytes",
            Self::OneWay4000 => "one way, 4,000 bytes",
            Self::BothWays88 => "both ways, 88 bytes",
            Self::BothWays4000 => "both ways, 4,000 bytes",
            Self::RoundTrip88 => "round trip, 88 bytes",
            Self::RoundTrip4000 => "round trip, 4,000 bytes",
            Self::AfterReset => "after a reset, 88 bytes",
        }
    }

    /// Bytes of a message.
    pub(crate) const fn len(self) -> u16 {
        match self {
            Self::OneWay88 | Self::BothWays88 | Self::RoundTrip88 | Self::AfterReset => 88,
            Self::OneWay4000 | Self::BothWays4000 | Self::RoundTrip4000 => 4000,
        }
    }

    pub(crate) const fn both_ways(self) -> bool {
        matches!(self, Self::BothWays88 | Self::BothWays4000)
    }

    pub(crate) const fn is_round_trip(self) -> bool {
        matches!(self, Self::RoundTrip88 | Self::RoundTrip4000)
    }

    /// `timed` messages per direction, round trips or resets, and a tenth of that before them.
    pub(crate) fn load(self, timed: u32) -> Load {
        let warm_up = timed / 10;
        let messages = timed + warm_up;
        let slowest = match self {
            Self::AfterReset => Duration::from_millis(200),
            Self::RoundTrip88 | Self::RoundTrip4000 => Duration::from_millis(1),
            _ => Duration::from_micros(50),
        };
        let limit = Duration::from_secs(60) + slowest * messages;
        Load { len: self.len().into(), messages, warm_up, both_ways: self.both_ways(), limit }
    }
}
