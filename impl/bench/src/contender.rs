//! What takes part.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;

use crate::load::Load;
use crate::resets::AfterResets;
use crate::workload::Workload;

/// Who takes part, in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// Hand-batched blocking TCP, the bytes of midcomms, no reliability: the limit.
    Raw,
    /// The same on tokio.
    RawTokio,
    /// A tokio TCP stream with tokio-util's length-delimited codec.
    Codec,
    /// ZeroMQ, PAIR over TCP.
    Zmq,
    /// quinn, one stream; it also encrypts.
    Quinn,
    /// midcomms: one awaited send and one event per message.
    Midcomms,
    /// midcomms: the batch interface.
    MidcommsBatch,
    /// midcomms: the batch interface, recording in the compact form.
    MidcommsRecorded,
}

impl Name {
    /// Whether the workload can be measured with it.
    pub(crate) fn takes(self, workload: Workload) -> bool {
        workload != Workload::AfterReset || self.survives_resets()
    }

    /// Whether it goes on, with nothing lost, after its connection was reset. ZeroMQ reconnects as well, but loses what was
    /// on the way; the other rows of midcomms would do as its first.
    pub(crate) fn survives_resets(self) -> bool {
        self == Self::Midcomms
    }

    /// As the tables call it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw TCP loop",
            Self::RawTokio => "raw TCP loop on tokio",
            Self::Codec => "tokio, length-delimited codec",
            Self::Zmq => "ZeroMQ, PAIR",
            Self::Quinn => "quinn, one stream (also encrypts)",
            Self::Midcomms => "midcomms, awaited sends",
            Self::MidcommsBatch => "midcomms, batches",
            Self::MidcommsRecorded => "midcomms, batches, recording",
        }
    }

    /// As the columns of the tables call it.
    pub(crate) const fn short(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::RawTokio => "raw on tokio",
            Self::Codec => "codec",
            Self::Zmq => "ZeroMQ",
            Self::Quinn => "quinn",
            Self::Midcomms => "midcomms",
            Self::MidcommsBatch => "batches",
            Self::MidcommsRecorded => "recording",
        }
    }
}

/// One that takes part. Every run connects anew, and what it connected is gone when it returns.
pub(crate) trait Contender {
    /// Who it is.
    fn name(&self) -> Name;

    /// Messages per second, both directions together.
    ///
    /// # Errors
    ///
    /// A message lost, doubled or out of order, and whatever stops a run.
    fn throughput(&self, load: &Load) -> Result<f64>;

    /// The time of each timed round trip: node a sends, node b answers with a message of the same length.
    ///
    /// # Errors
    ///
    /// As [`Contender::throughput`].
    fn round_trips(&self, load: &Load) -> Result<Vec<Duration>>;

    /// How long after a reset of all connections messages are delivered again, for each reset that is timed.
    ///
    /// # Errors
    ///
    /// As [`Contender::throughput`]; and always where a connection is all that there is ([`Name::survives_resets`]).
    fn after_resets(&self, _: &Load) -> Result<AfterResets> {
        bail!("{} is over with its connection", self.name().title())
    }
}
