//! What a program does with one peer.

use std::sync::Arc;

use tokio::task::yield_now;

use super::error::Error;
use super::link::Link;
use super::node::Owner;
use crate::midcomms::{Counters, Kind, Peer, Reservation, SendError, State};
use crate::wire::{LockspaceId, NodeId, Seq, Version};

/// Bytes that [`PeerHandle::send_all`] takes at once.
const BATCH_BYTES: usize = 64 * 1024;

/// Sends to one peer: a handle, to be cloned at will. It keeps its node alive. Once the node has forgotten the peer
/// ([`super::Node::remove_peer`]) every call fails with [`Error::UnknownPeer`].
#[derive(Clone, Debug)]
pub struct PeerHandle {
    /// Only to keep the node.
    _owner: Arc<Owner>,
    link: Arc<Link>,
}

/// What a node keeps about a peer: what Linux shows in debugfs, and counters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PeerStats {
    /// The peer.
    pub peer: NodeId,
    /// The record's state.
    pub state: State,
    /// `3.1` or `3.2`, as far as it is known.
    pub version: Option<String>,
    /// Whether the peer sends incarnation ids (HRD-1).
    pub is_hardened: bool,
    /// Flag: the own FIN was queued.
    pub stop_tx: bool,
    /// Flag: the upper layer hears nothing more.
    pub stop_rx: bool,
    /// Lockspaces that have the peer as a member.
    pub users: usize,
    /// Number of the next message.
    pub seq_send: u32,
    /// Number expected next.
    pub seq_next: u32,
    /// Messages that are not acknowledged.
    pub send_queue: usize,
    /// Their bytes.
    pub send_queue_bytes: usize,
    /// Whether a connection that this node opened stands.
    pub opened: bool,
    /// Whether one that the peer opened stands.
    pub accepted: bool,
    /// What was counted.
    pub counters: Counters,
}

impl PeerStats {
    pub(crate) fn of(link: &Link) -> Self {
        let core = link.lock();
        let peer = &core.peer;
        let (snapshot, (stop_tx, stop_rx), (ours, theirs)) = (peer.snapshot(), peer.stops(), peer.connections());
        Self {
            peer: peer.peer(),
            state: snapshot.state,
            version: peer.version().map(|version: Version| version.name().to_owned()),
            is_hardened: peer.bound().is_some(),
            stop_tx,
            stop_rx,
            users: snapshot.users,
            seq_send: snapshot.seq_send.0,
            seq_next: snapshot.seq_next.0,
            send_queue: snapshot.queue,
            send_queue_bytes: peer.queued().1,
            opened: ours.is_some(),
            accepted: theirs.is_some(),
            counters: *peer.counters(),
        }
    }
}

impl PeerHandle {
    pub(crate) fn new(owner: Arc<Owner>, link: Arc<Link>) -> Self {
        Self { _owner: owner, link }
    }

    /// The peer's node id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.link.peer
    }

    /// What the node keeps about it.
    #[must_use]
    pub fn stats(&self) -> PeerStats {
        PeerStats::of(&self.link)
    }

    /// Sends a message: `body` is all that is behind its 16-byte header, from 72 (MSG) or 32 (RCOM) to 4056 bytes, and begins
    /// with its type. Returns its number, `None` towards a peer of version 3.1, to which messages go bare and may be
    /// lost (SND-3).
    ///
    /// Waits while the peer has not answered yet and while the send queue is full. Once it returns, the message is delivered
    /// exactly once and in order if the session goes on, through any number of breaks.
    ///
    /// Cancel-safe: if the future is dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] with what stands in the way, [`Error::ShutDown`].
    #[inline]
    pub async fn send(&self, kind: Kind, lockspace: LockspaceId, body: &[u8]) -> Result<Option<Seq>, Error> {
        self.run(|peer| peer.send(kind, lockspace, body)).await
    }

    /// Sends any bytes, up to 3984 of them, to a program that reads them by [`crate::midcomms::Delivery::opaque`]: the block
    /// of a MSG whose other words are 0. Not for the lock manager of a kernel, which would take it for a request.
    ///
    /// Waits, and is cancel-safe, as [`PeerHandle::send`].
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::send`].
    #[inline]
    pub async fn send_opaque(&self, lockspace: LockspaceId, bytes: &[u8]) -> Result<Option<Seq>, Error> {
        self.run(|peer| peer.send_opaque(lockspace, bytes)).await
    }

    /// Sends the first of `bodies`, as many as there is room for (64 KiB at most), and says how many: at least one, unless
    /// there is none. For many small messages, this costs less than one call for each.
    ///
    /// Waits as [`PeerHandle::send`]. Cancel-safe: if the future is dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::send`], for the first of them. Where a later one cannot be sent, those before it are.
    pub async fn send_all<B: AsRef<[u8]>>(
        &self,
        kind: Kind,
        lockspace: LockspaceId,
        bodies: &[B],
    ) -> Result<usize, Error> {
        if bodies.is_empty() {
            return Ok(0);
        }
        self.run(|peer| peer.send_all(kind, lockspace, bodies, BATCH_BYTES)).await
    }

    /// Sends a message if that takes no waiting.
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::send`]; what is temporary ([`SendError::is_temporary`]) can be tried again.
    pub fn try_send(&self, kind: Kind, lockspace: LockspaceId, body: &[u8]) -> Result<Option<Seq>, Error> {
        let mut core = self.link.lock();
        core.check_open()?;
        Ok(self.link.send(&mut core, |peer| peer.send(kind, lockspace, body))?)
    }

    /// Sends any bytes if that takes no waiting: [`PeerHandle::send_opaque`] without the wait.
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::try_send`].
    pub fn try_send_opaque(&self, lockspace: LockspaceId, bytes: &[u8]) -> Result<Option<Seq>, Error> {
        let mut core = self.link.lock();
        core.check_open()?;
        Ok(self.link.send(&mut core, |peer| peer.send_opaque(lockspace, bytes))?)
    }

    /// Gives a message of `len` bytes of body its number and its place (SND-5): what is sent after it goes out after it, and
    /// waits until it is committed.
    ///
    /// Waits as [`PeerHandle::send`]. Cancel-safe: if the future is dropped before it is ready, nothing was reserved.
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::send`].
    pub async fn reserve(&self, kind: Kind, lockspace: LockspaceId, len: usize) -> Result<Slot, Error> {
        let reservation = self.run(|peer| peer.reserve(kind, lockspace, len)).await?;
        Ok(Slot { link: Arc::clone(&self.link), reservation: Some(reservation) })
    }

    /// Sends an RCOM STATUS, NAMES or a reply to one, which goes bare and may be lost (SND-2): for lock managers.
    ///
    /// # Errors
    ///
    /// [`Error::Send`], [`Error::ShutDown`].
    pub fn send_bare(&self, lockspace: LockspaceId, body: &[u8]) -> Result<(), Error> {
        let mut core = self.link.lock();
        core.check_open()?;
        Ok(self.link.send(&mut core, |peer| peer.send_bare(lockspace, body))?)
    }

    /// Waits until the send queue has room for a message of any length, and all else that [`PeerHandle::send`] waits for: for who uses [`PeerHandle::try_send`].
    ///
    /// # Errors
    ///
    /// As [`PeerHandle::send`].
    pub async fn room(&self) -> Result<(), Error> {
        self.run(Peer::ready).await
    }

    /// Waits until messages can be sent: the peer has been added on both sides, and has answered.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the record is CLOSED or this node is leaving, [`Error::ShutDown`].
    pub async fn up(&self) -> Result<Version, Error> {
        let peer = self.id();
        self.run(|core| match (core.state(), core.version()) {
            (State::Closed, _) => Err(SendError::NotMember { peer }),
            (_, None) => Err(SendError::VersionUnknown { peer }),
            (_, Some(version)) => Ok(version),
        })
        .await
    }

    /// Runs `send` now, or whenever something has changed, until it is done or cannot be.
    #[inline]
    async fn run<T>(&self, mut send: impl FnMut(&mut Peer) -> Result<T, SendError>) -> Result<T, Error> {
        let is_turn_over = {
            let mut core = self.link.lock();
            core.check_open()?;
            let is_turn_over = core.is_turn_over();
            if !is_turn_over {
                match self.link.send(&mut core, &mut send) {
                    Ok(sent) => return Ok(sent),
                    Err(error) if error.is_temporary() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            is_turn_over
        };
        self.wait(is_turn_over, send).await
    }

    #[cold]
    async fn wait<T>(
        &self,
        is_turn_over: bool,
        mut send: impl FnMut(&mut Peer) -> Result<T, SendError>,
    ) -> Result<T, Error> {
        if is_turn_over {
            yield_now().await;
        }
        loop {
            let mut change = core::pin::pin!(self.link.change.notified());
            change.as_mut().enable();
            {
                let mut core = self.link.lock();
                core.check_open()?;
                match self.link.send(&mut core, &mut send) {
                    Ok(sent) => return Ok(sent),
                    Err(error) if error.is_temporary() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            change.await;
        }
    }
}

/// A message that has its number and its place, and waits for its body.
///
/// If it is dropped, the message is given up: something that says nothing goes out under its number, and a program on the
/// other end does not hear of it.
#[derive(Debug)]
#[must_use = "if it is dropped, the message is given up"]
pub struct Slot {
    link: Arc<Link>,
    reservation: Option<Reservation>,
}

impl Slot {
    /// The number of the message.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.reservation.as_ref().map_or(Seq(0), Reservation::seq)
    }

    /// Has `fill` write the body, all zeros before, and lets the message go out. `fill` runs while nothing else happens to this
    /// peer: it should be short, and must not call the node. If it panics, the message is given up.
    ///
    /// # Errors
    ///
    /// [`SendError::SessionOver`] if the session has ended, or the node is gone; [`SendError::UnknownType`] if the body begins with no type, then
    /// the message is given up.
    pub fn commit(mut self, fill: impl FnOnce(&mut [u8])) -> Result<(), SendError> {
        let Some(reservation) = &self.reservation else { return Err(SendError::SessionOver) };
        let mut core = self.link.lock();
        if core.is_closed() {
            return Err(SendError::SessionOver);
        }
        self.link.send(&mut core, |peer| peer.commit(reservation, fill))?;
        drop(core);
        self.reservation = None;
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let mut core = self.link.lock();
            let _ = self.link.send(&mut core, |peer| {
                peer.cancel(&reservation);
                Ok(())
            });
        }
    }
}
