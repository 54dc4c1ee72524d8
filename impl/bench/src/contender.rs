//! What takes part.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::load::Load;

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
}
