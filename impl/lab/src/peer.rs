//! The kernel's peer: the `midcomms` crate with a lock manager above it that answers what a kernel asks of a member, grants
//! every lock, and takes locks that the kernel masters.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use midcomms::lowcomms::{self, Limits, PORT, PeerConfig, Transport};
use midcomms::midcomms::{Delivery, Event, Kind};
use midcomms::recording::{JsonRecorder, Origin};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Builder, Events, Node, PeerEvent, PeerHandle};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::message::{Msg, Rcom, Resource, Type};
use crate::report::{Counts, Order, Report};

/// The lockspace that both nodes are in.
pub(crate) const LOCKSPACE: LockspaceId = LockspaceId(1234);
/// The kernel masters resources whose names begin with this letter, whoever their directory is.
pub(crate) const KERNELS: u8 = b'k';

/// What the answer to STATUS says: every step of the recovery done, by this node (of the greater id) or by all (of the lesser).
const ALL_DONE: u32 = 0x55;
const ALL_DONE_BY_ALL: u32 = 0xff;

/// What both nodes speak over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Over {
    /// TCP.
    Tcp,
    /// One-to-one SCTP.
    Sctp,
}

#[derive(Parser)]
pub(crate) struct Args {
    /// This node's id
    #[arg(long)]
    node: u32,
    /// Its address
    #[arg(long)]
    address: IpAddr,
    /// The kernel's node id
    #[arg(long)]
    kernel: u32,
    /// The kernel's address
    #[arg(long)]
    kernel_address: IpAddr,
    /// What to speak over
    #[arg(long, value_enum, default_value = "tcp")]
    over: Over,
    /// Where to record what the node sees
    #[arg(long)]
    record: PathBuf,
    /// A file that keeps incarnation ids growing
    #[arg(long)]
    incarnations: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<()> {
    let (node, events) = start(args)?;
    let kernel = node.peer(NodeId(args.kernel))?;
    let mut peer = Peer::new(args, node, kernel);
    tell(&Report::Ready);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut events = events;
    while peer.turn(&mut events, &mut lines).await? {}
    Ok(())
}

fn start(args: &Args) -> Result<(Node, Events)> {
    let origin =
        Origin::new(NodeId(args.node)).with_address(args.address).with_text("midcomms, with a kernel as its peer");
    let recorder =
        JsonRecorder::create(&args.record, &origin.with_peer(NodeId(args.kernel), Some(args.kernel_address)))
            .with_context(|| format!("{}", args.record.display()))?;
    let config = lowcomms::Config {
        node: NodeId(args.node),
        listen: vec![SocketAddr::new(args.address, PORT)],
        peers: vec![PeerConfig {
            node: NodeId(args.kernel),
            addresses: vec![SocketAddr::new(args.kernel_address, PORT)],
        }],
        transport: match args.over {
            Over::Tcp => Transport::Tcp,
            Over::Sctp => Transport::Sctp,
        },
        lowcomms: Limits::default(),
        midcomms: midcomms::midcomms::Config { answer_status: false, ..Default::default() },
        incarnations: Some(args.incarnations.clone()),
    };
    Ok(Builder::from(config).observe(move |_| recorder.observer()).start()?)
}

fn tell(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let mut out = std::io::stdout().lock();
        // Whoever started this process and went away wants to hear nothing more.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// A lock that is being taken or given back, as its messages go out: the answers come in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Awaited {
    kind: Type,
    lock: u32,
    resource: usize,
}

struct Peer {
    node: Node,
    kernel: PeerHandle,
    own_id: u32,
    kernel_id: u32,
    counts: Counts,
    /// Locks that the kernel took: this node's number to the kernel's.
    held: HashMap<u32, u32>,
    /// What the kernel masters.
    resources: Vec<Resource>,
    awaited: VecDeque<Awaited>,
    /// Cycles to begin, and cycles of the load in all.
    to_begin: u32,
    cycles: u32,
    next_lock: u32,
}

impl Peer {
    fn new(args: &Args, node: Node, kernel: PeerHandle) -> Self {
        Self {
            node,
            kernel,
            own_id: args.node,
            kernel_id: args.kernel,
            counts: Counts::default(),
            held: HashMap::new(),
            resources: Vec::new(),
            awaited: VecDeque::new(),
            to_begin: 0,
            cycles: 0,
            next_lock: 1,
        }
    }

    /// Takes the next event or the next order; false when the node has left.
    async fn turn(&mut self, events: &mut Events, lines: &mut Lines<BufReader<Stdin>>) -> Result<bool> {
        tokio::select! {
            event = events.next() => match event {
                Some(PeerEvent { event, .. }) => self.event(event).await.map(|()| true),
                None => Ok(false),
            },
            line = lines.next_line() => match line? {
                Some(line) => self.order(serde_json::from_str(&line).with_context(|| line.clone())?).await,
                None => bail!("standard input ended"),
            },
        }
    }

    async fn order(&mut self, order: Order) -> Result<bool> {
        match order {
            Order::Join => self.node.add_member(NodeId(self.kernel_id), LOCKSPACE)?,
            Order::Load { cycles, window } => self.load(cycles, window).await?,
            Order::Leave => return self.leave().await.map(|()| false),
            Order::Count => tell(&Report::Counts(self.counts())),
        }
        Ok(true)
    }

    async fn leave(&self) -> Result<()> {
        let outcomes = self.node.shutdown().await?;
        let outcome = outcomes.first().map(|(_, outcome)| format!("{outcome:?}")).unwrap_or_default();
        tell(&Report::Left { outcome });
        Ok(())
    }

    fn counts(&self) -> Counts {
        let stats = self.kernel.stats();
        Counts {
            held: u32::try_from(self.held.len()).unwrap_or(u32::MAX),
            delivered: stats.counters.delivered,
            breaks: stats.counters.breaks,
            passes: stats.counters.passes,
            duplicates: stats.counters.duplicates,
            gaps: stats.counters.gaps,
            send_queue: stats.send_queue,
            ..self.counts
        }
    }

    async fn event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Delivered(delivery) => return self.delivered(&delivery).await,
            Event::Up { version, .. } => tell(&Report::Up { version: version.name().to_owned() }),
            Event::PeerClosing => tell(&Report::PeerClosing),
            Event::Closed => tell(&Report::Closed),
            Event::Reset { reason, .. } => tell(&Report::Reset { reason: reason.to_string() }),
            Event::Misbehaved(fault) => tell(&Report::Fault(fault.to_string())),
            Event::Unexpected(unexpected) => tell(&Report::Fault(unexpected.to_string())),
            Event::ShutdownDone(_) | Event::SendReady => {}
        }
        Ok(())
    }

    async fn delivered(&mut self, delivery: &Delivery) -> Result<()> {
        match delivery.kind {
            Kind::Rcom => self.rcom(delivery).await,
            Kind::Msg => match Msg::read(&delivery.body) {
                Some(msg) => self.msg(&msg).await,
                None => bail!("a MSG of {} bytes", delivery.body.len()),
            },
        }
    }

    async fn rcom(&self, delivery: &Delivery) -> Result<()> {
        let rcom = Rcom::read(&delivery.body).context("an RCOM that is too short")?;
        let reply = match rcom.kind {
            Rcom::STATUS if self.own_id < self.kernel_id => rcom.status_reply(ALL_DONE_BY_ALL),
            Rcom::STATUS => rcom.status_reply(ALL_DONE),
            Rcom::NAMES => rcom.names_reply(),
            // The replies to the STATUS by which the message layer asks for the version.
            5 => return Ok(()),
            kind => {
                tell(&Report::Fault(format!("an RCOM of type {kind}, which this member cannot answer")));
                return Ok(());
            }
        };
        // Kernels before 6.6 ask bare for names and read the answer bare (SND-2).
        if delivery.seq.is_none() {
            self.kernel.send_bare(LOCKSPACE, &reply)?;
        } else {
            self.kernel.send(Kind::Rcom, LOCKSPACE, &reply).await?;
        }
        Ok(())
    }

    async fn msg(&mut self, msg: &Msg) -> Result<()> {
        match msg.kind() {
            Some(Type::Lookup) => self.looked_up(msg).await,
            Some(Type::Request) => self.requested(msg).await,
            Some(Type::Unlock) => self.unlocked(msg).await,
            Some(kind @ (Type::RequestReply | Type::UnlockReply)) => self.answered(kind, msg).await,
            Some(Type::Remove) => Ok(()),
            Some(Type::LookupReply) | None => {
                tell(&Report::Fault(format!("a MSG that nobody asked for: {msg:?}")));
                Ok(())
            }
        }
    }

    async fn send(&self, msg: &Msg) -> Result<()> {
        self.kernel.send(Kind::Msg, LOCKSPACE, &msg.bytes()).await?;
        Ok(())
    }

    async fn looked_up(&mut self, msg: &Msg) -> Result<()> {
        self.counts.lookups += 1;
        let is_kernels = msg.block.first() == Some(&KERNELS);
        if is_kernels {
            let resource = Resource { name: msg.block.clone(), hash: msg.hash() };
            if !self.resources.contains(&resource) {
                self.resources.push(resource);
            }
        }
        self.send(&msg.lookup_reply(if is_kernels { self.kernel_id } else { self.own_id })).await
    }

    async fn requested(&mut self, msg: &Msg) -> Result<()> {
        let own = self.next_lock();
        self.held.insert(own, msg.lock());
        self.counts.granted += 1;
        self.send(&msg.granted(self.kernel_id, own)).await
    }

    async fn unlocked(&mut self, msg: &Msg) -> Result<()> {
        if self.held.remove(&msg.remote()) != Some(msg.lock()) {
            tell(&Report::Fault(format!("lock {} of the kernel is given back, and not held", msg.lock())));
        }
        self.send(&msg.unlocked(self.kernel_id)).await
    }

    fn next_lock(&mut self) -> u32 {
        let lock = self.next_lock;
        self.next_lock += 1;
        lock
    }

    async fn load(&mut self, cycles: u32, window: u32) -> Result<()> {
        if self.resources.is_empty() {
            bail!("the kernel has not asked for the master of anything yet");
        }
        (self.cycles, self.to_begin) = (cycles, cycles);
        for _ in 0..window.min(cycles) {
            self.begin().await?;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<()> {
        let lock = self.next_lock();
        let index = lock as usize % self.resources.len();
        let Some(resource) = self.resources.get(index) else { return Ok(()) };
        self.to_begin -= 1;
        self.awaited.push_back(Awaited { kind: Type::RequestReply, lock, resource: index });
        self.send(&Msg::request(self.kernel_id, lock, resource)).await
    }

    async fn answered(&mut self, kind: Type, msg: &Msg) -> Result<()> {
        let Some(awaited) = self.awaited.pop_front().filter(|first| (first.kind, first.lock) == (kind, msg.remote()))
        else {
            tell(&Report::Fault(format!("{kind:?} for lock {} is not the answer that comes next", msg.remote())));
            return Ok(());
        };
        match kind {
            Type::RequestReply if msg.result() == 0 => self.give_back(awaited, msg.lock()).await,
            Type::UnlockReply if msg.is_unlocked() => self.cycled().await,
            _ => {
                tell(&Report::Fault(format!("{kind:?} for lock {} says {:#x}", awaited.lock, msg.result())));
                Ok(())
            }
        }
    }

    async fn give_back(&mut self, granted: Awaited, remote: u32) -> Result<()> {
        let hash = self.resources.get(granted.resource).map_or(0, |resource| resource.hash);
        self.awaited.push_back(Awaited { kind: Type::UnlockReply, ..granted });
        self.send(&Msg::unlock(self.kernel_id, [granted.lock, remote], hash)).await
    }

    async fn cycled(&mut self) -> Result<()> {
        if self.to_begin > 0 {
            self.begin().await?;
        } else if self.awaited.is_empty() {
            tell(&Report::Loaded { cycles: self.cycles });
        }
        Ok(())
    }
}
