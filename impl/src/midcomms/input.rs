//! What goes into the core and what comes out for the driver.

use core::fmt;

use bytes::Bytes;

use crate::wire::LockspaceId;

/// A connection, by a number that its driver gives: each number once while the node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// What can happen to a peer. Sending has functions of its own: [`super::Peer::send`], [`super::Peer::reserve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The cluster manager adds the peer to a lockspace.
    AddMember(LockspaceId),
    /// The cluster manager removes the peer from a lockspace.
    RemoveMember(LockspaceId),
    /// The peer is dead or removed from the cluster.
    Fence,
    /// This node leaves, and closes with this peer (CLS-2, CLS-3).
    Shutdown,
    /// The connection that [`Transmit::Open`] asked for stands.
    Opened(ConnectionId),
    /// It could not be opened. If there is still a use for it, [`Transmit::Open`] comes again at once: a driver that wants to
    /// wait before it tries again does so after that.
    OpenFailed,
    /// The peer opened a connection. It replaces the one that the peer had opened before (NET-1).
    Accepted(ConnectionId),
    /// Bytes came, in order.
    Received(ConnectionId, Bytes),
    /// All of the last [`Transmit::Write`] was written.
    Written(ConnectionId),
    /// The peer closed its side in order: no more bytes will come.
    Finished(ConnectionId),
    /// The connection broke (NET-2).
    Broken(ConnectionId),
    /// Nothing: only time has passed.
    Timeout,
}

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Open a connection to the peer; answer by [`Input::Opened`] or [`Input::OpenFailed`].
    Open,
    /// Write what was appended to the batch, in order and whole, then say [`Input::Written`]. Nothing else is to be
    /// written to this connection until then; where it breaks, the rest is dropped (WIRE-5).
    Write(ConnectionId),
    /// Close the connection: what waits in it is lost, and nothing about it needs to be said any more.
    Close(ConnectionId),
}
