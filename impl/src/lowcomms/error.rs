//! Errors of a node, and what to do about them.

use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::midcomms::{SendError, State};
use crate::wire::NodeId;

/// Why a node could not do what it was asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot work.
    #[error("configuration: {0}")]
    Config(String),
    /// No runtime to run in.
    #[error("a node has to be started inside a tokio runtime with I/O and time enabled")]
    NoRuntime,
    /// The address cannot be listened on: it is another machine's, or in use.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// This system has no SCTP.
    #[error("this kernel has no SCTP ({source}): load its module (modprobe sctp), or use TCP")]
    NoSctp {
        /// What the system said.
        source: io::Error,
    },
    /// The file that keeps incarnation ids.
    #[error("{}: {source}", path.display())]
    Incarnations {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody told this node of the peer.
    #[error("node {0} is not among the peers of this node: configure it first")]
    UnknownPeer(NodeId),
    /// Something is still between the two, so the peer cannot be forgotten.
    #[error("node {peer} is still in use, its record is {state}: {}", advice(*state))]
    PeerInUse {
        /// The peer.
        peer: NodeId,
        /// The state of its record; CLOSED where only its last answer is not written yet.
        state: State,
    },
    /// The node has been shut down.
    #[error("this node has been shut down")]
    ShutDown,
    /// The message was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
}

const fn advice(state: State) -> &'static str {
    match state {
        State::Closed => "the last answer to it is on its way, try again",
        _ => "close with it first, or fence it",
    }
}
