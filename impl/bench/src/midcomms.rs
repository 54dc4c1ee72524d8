//! midcomms itself: awaited sends with an event each, batches, and batches while recording.

use std::sync::Arc;
use std::time::Duration;

use ::midcomms::midcomms::{Event, EventRef, Kind};
use ::midcomms::recording::{Options, Origin, Recorder};
use ::midcomms::wire::{HEADER_LEN, LockspaceId, NodeId};
use ::midcomms::{Events, Node, PeerEvent, PeerHandle};
use anyhow::{Context, Result};
use tokio::try_join;

use crate::check::Check;
use crate::contender::{Contender, Name};
use crate::link::{End, Ends, Link, Linked, Nodes, Rx, Tx, on};
use crate::load::{self, Load};
use crate::resets::{self, AfterResets};

pub(crate) const A: NodeId = NodeId(1);
pub(crate) const B: NodeId = NodeId(2);
const LOCKSPACE: LockspaceId = LockspaceId(1);
/// Bytes of a batch.
const BATCH_BYTES: usize = 64 * 1024;

/// Those that this version of the crate offers.
pub(crate) fn contenders(nodes: &Arc<Nodes>) -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(Midcomms(Linked { link: Awaited, nodes: Arc::clone(nodes) })),
        Box::new(Linked { link: Batch { is_recorded: false }, nodes: Arc::clone(nodes) }),
        Box::new(Linked { link: Batch { is_recorded: true }, nodes: Arc::clone(nodes) }),
    ]
}

/// Starts a node that listens on `address` and records itself, if it is to, in the compact form and a folder of its own.
pub(crate) fn start(id: NodeId, address: &str, is_recorded: bool) -> Result<(Node, Events, Option<Recording>)> {
    let builder = Node::builder(id).listen(address.parse()?);
    if !is_recorded {
        let (node, events) = builder.start()?;
        return Ok((node, events, None));
    }
    let folder = tempfile::tempdir()?;
    let recorder = Recorder::create(folder.path(), "node", &Origin::new(id), Options::default())?;
    let observed = recorder.clone();
    let (node, events) = builder.observe(move |_| observed.observer()).start()?;
    Ok((node, events, Some(Recording { recorder, _folder: folder })))
}

/// What a node records: looked at in the end, for a loss would make recording look cheap.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Recorder,
    _folder: tempfile::TempDir,
}

/// Makes the other node a member and waits until it answers.
pub(crate) async fn join(node: &Node, peer: NodeId, listens_on: Vec<std::net::SocketAddr>) -> Result<PeerHandle> {
    node.add_peer(peer, listens_on)?;
    node.add_member(peer, LOCKSPACE)?;
    let handle = node.peer(peer)?;
    handle.up().await?;
    Ok(handle)
}

/// A node that talks: the handle of its peer, its events, its recording.
type Side = (PeerHandle, Events, Option<Recording>);

/// Two nodes that talk.
async fn pair(nodes: &Nodes, is_recorded: bool) -> Result<[Side; 2]> {
    let (a, events_a, recording_a) = on(nodes.a(), async move { start(A, "127.0.0.1:0", is_recorded) }).await?;
    let (b, events_b, recording_b) = on(nodes.b(), async move { start(B, "127.0.0.2:0", is_recorded) }).await?;
    let (at_a, at_b) = (a.listens_on().to_vec(), b.listens_on().to_vec());
    let joined = on(nodes.b(), async move { join(&b, A, at_a).await });
    let (to_b, to_a) = try_join!(join(&a, B, at_b), joined)?;
    Ok([(to_b, events_a, recording_a), (to_a, events_b, recording_b)])
}

/// The body of the message with this length: all behind its header.
fn body(len: usize) -> Result<Vec<u8>> {
    Ok(load::message(len)?.split_off(HEADER_LEN))
}

/// Awaited sends, and what they meet after a reset.
#[derive(Debug)]
struct Midcomms(Linked<Awaited>);

impl Contender for Midcomms {
    fn name(&self) -> Name {
        self.0.name()
    }

    fn throughput(&self, load: &Load) -> Result<f64> {
        self.0.throughput(load)
    }

    fn round_trips(&self, load: &Load) -> Result<Vec<Duration>> {
        self.0.round_trips(load)
    }

    fn after_resets(&self, load: &Load) -> Result<AfterResets> {
        self.0.block_on(load, resets::run(&self.0.nodes, *load))
    }
}

#[derive(Debug)]
struct Awaited;

#[derive(Debug)]
pub(crate) struct AwaitedTx {
    peer: PeerHandle,
    /// The whole message; what is sent is its body.
    message: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct AwaitedRx(pub(crate) Events);

/// Sends messages of `len` bytes to `peer`, each awaited.
pub(crate) fn awaited(peer: PeerHandle, events: Events, len: usize) -> Result<End<AwaitedTx, AwaitedRx>> {
    Ok(End { tx: AwaitedTx { peer, message: load::message(len)? }, rx: AwaitedRx(events) })
}

impl Link for Awaited {
    type Tx = AwaitedTx;
    type Rx = AwaitedRx;

    fn name(&self) -> Name {
        Name::Midcomms
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let [(to_b, events_a, _), (to_a, events_b, _)] = pair(nodes, false).await?;
        Ok((awaited(to_b, events_a, len)?, awaited(to_a, events_b, len)?))
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
struct Batch {
    is_recorded: bool,
}

#[derive(Debug)]
struct BatchTx {
    peer: PeerHandle,
    bodies: Vec<Vec<u8>>,
    filled: usize,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct BatchRx {
    events: Events,
}

impl Link for Batch {
    type Tx = BatchTx;
    type Rx = BatchRx;

    fn name(&self) -> Name {
        if self.is_recorded { Name::MidcommsRecorded } else { Name::MidcommsBatch }
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let [a, b] = pair(nodes, self.is_recorded).await?;
        Ok((batch_end(a, len)?, batch_end(b, len)?))
    }

    async fn close(end: End<BatchTx, BatchRx>) -> Result<()> {
        let End { tx: BatchTx { peer, recording, .. }, rx } = end;
        // What happens once the node is taken down is not recorded, nor is it measured.
        let lost = recording.as_ref().map_or(0, |recording| recording.recorder.status().lost);
        drop((peer, rx));
        let Some(Recording { recorder, _folder }) = recording else { return Ok(()) };
        let status = tokio::task::spawn_blocking(move || recorder.finish()).await?;
        if lost > 0 {
            eprintln!("recording lost {lost} of {} events", lost + status.written);
        }
        Ok(())
    }
}

fn batch_end((peer, events, recording): Side, len: usize) -> Result<End<BatchTx, BatchRx>> {
    let bodies = vec![body(len)?; BATCH_BYTES / len];
    Ok(End { tx: BatchTx { peer, bodies, filled: 0, recording }, rx: BatchRx { events } })
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
