//! midcomms itself: awaited sends with an event each, batches, and batches while recording.

use std::sync::Arc;

use ::midcomms::midcomms::{Event, EventRef, Kind};
use ::midcomms::wire::{HEADER_LEN, LockspaceId, NodeId};
use ::midcomms::{Events, Node, PeerEvent, PeerHandle};
use anyhow::{Context, Result};
use tokio::try_join;

use crate::check::Check;
use crate::contender::{Contender, Name};
use crate::link::{End, Ends, Link, Linked, Nodes, Rx, Tx, on};
use crate::load;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);
const LOCKSPACE: LockspaceId = LockspaceId(1);
/// Bytes of a batch.
const BATCH_BYTES: usize = 64 * 1024;

/// Those that this version of the crate offers.
pub(crate) fn contenders(nodes: &Arc<Nodes>) -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(Linked { link: Awaited, nodes: Arc::clone(nodes) }),
        Box::new(Linked { link: Batch, nodes: Arc::clone(nodes) }),
    ]
}

/// Starts a node that listens on `address`.
fn start(id: NodeId, address: &str) -> Result<(Node, Events)> {
    Ok(Node::builder(id).listen(address.parse()?).start()?)
}

/// Makes the other node a member and waits until it answers.
async fn join(node: &Node, peer: NodeId, listens_on: Vec<std::net::SocketAddr>) -> Result<PeerHandle> {
    node.add_peer(peer, listens_on)?;
    node.add_member(peer, LOCKSPACE)?;
    let handle = node.peer(peer)?;
    handle.up().await?;
    Ok(handle)
}

/// Two nodes that talk: node, handle of the peer, and events of each.
async fn pair(nodes: &Nodes) -> Result<[(PeerHandle, Events); 2]> {
    let (a, events_a) = start(A, "127.0.0.1:0")?;
    let (b, events_b) = on(nodes.b(), async { start(B, "127.0.0.2:0") }).await?;
    let (at_a, at_b) = (a.listens_on().to_vec(), b.listens_on().to_vec());
    let joined = on(nodes.b(), async move { join(&b, A, at_a).await });
    let (to_b, to_a) = try_join!(join(&a, B, at_b), joined)?;
    Ok([(to_b, events_a), (to_a, events_b)])
}

/// The body of the message with this length: all behind its header.
fn body(len: usize) -> Result<Vec<u8>> {
    Ok(load::message(len)?.split_off(HEADER_LEN))
}

#[derive(Debug)]
struct Awaited;

#[derive(Debug)]
struct AwaitedTx {
    peer: PeerHandle,
    /// The whole message; what is sent is its body.
    message: Vec<u8>,
}

#[derive(Debug)]
struct AwaitedRx(Events);

impl Link for Awaited {
    type Tx = AwaitedTx;
    type Rx = AwaitedRx;

    fn name(&self) -> Name {
        Name::Midcomms
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let [a, b] = pair(nodes).await?;
        let end = |(peer, events)| -> Result<End<AwaitedTx, AwaitedRx>> {
            Ok(End { tx: AwaitedTx { peer, message: load::message(len)? }, rx: AwaitedRx(events) })
        };
        Ok((end(a)?, end(b)?))
    }
}

impl Tx for AwaitedTx {
    #[inline]
    async fn feed(&mut self, number: u32) -> Result<()> {
        load::set_number(&mut self.message, number);
        let body = self.message.get(HEADER_LEN..).unwrap_or_default();
        self.peer.send(Kind::Msg, LOCKSPACE, body).await?;
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Rx for AwaitedRx {
    #[inline]
    async fn receive(&mut self, check: &mut Check) -> Result<()> {
        see(self.0.next().await.context("the node ended")?, check)
    }
}

#[inline]
fn see(event: PeerEvent, check: &mut Check) -> Result<()> {
    match event.event {
        Event::Delivered(delivery) => check.see_body(&delivery.body),
        Event::Up { .. } => Ok(()),
        other => anyhow::bail!("{other:?}"),
    }
}

#[derive(Debug)]
struct Batch;

#[derive(Debug)]
struct BatchTx {
    peer: PeerHandle,
    bodies: Vec<Vec<u8>>,
    filled: usize,
}

#[derive(Debug)]
struct BatchRx {
    events: Events,
}

impl Link for Batch {
    type Tx = BatchTx;
    type Rx = BatchRx;

    fn name(&self) -> Name {
        Name::MidcommsBatch
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let [a, b] = pair(nodes).await?;
        Ok((batch_end(a, len)?, batch_end(b, len)?))
    }
}

fn batch_end((peer, events): (PeerHandle, Events), len: usize) -> Result<End<BatchTx, BatchRx>> {
    let bodies = vec![body(len)?; BATCH_BYTES / len];
    Ok(End { tx: BatchTx { peer, bodies, filled: 0 }, rx: BatchRx { events } })
}

impl Tx for BatchTx {
    #[inline]
    async fn feed(&mut self, number: u32) -> Result<()> {
        if let Some(body) = self.bodies.get_mut(self.filled) {
            load::set_number_of_body(body, number);
            self.filled += 1;
        }
        if self.filled == self.bodies.len() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let mut bodies = self.bodies.get(..self.filled).unwrap_or_default();
        while !bodies.is_empty() {
            let sent = self.peer.send_all(Kind::Msg, LOCKSPACE, bodies).await?;
            bodies = bodies.get(sent..).unwrap_or_default();
        }
        self.filled = 0;
        Ok(())
    }
}

impl Rx for BatchRx {
    #[inline]
    async fn receive(&mut self, check: &mut Check) -> Result<()> {
        let batch = self.events.next_batch().await.context("the node ended")?;
        while let Some(event) = batch.events.next_ref() {
            match event {
                EventRef::Delivered { body, .. } => check.see_body(body)?,
                EventRef::Other(Event::Up { .. } | Event::SendReady) => {}
                EventRef::Other(other) => anyhow::bail!("{other:?}"),
            }
        }
        Ok(())
    }
}
