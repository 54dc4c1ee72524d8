//! What stands between two nodes: it passes bytes on, holds them up, and breaks connections.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Both ends see a reset.
    Reset,
    /// This node sees an orderly close, the other a reset.
    FinishAt(u32),
}

/// A connection that is passed on.
struct Wire {
    opener: u32,
    acceptor: u32,
    cut: oneshot::Sender<Cut>,
}

/// The network of one run.
pub(super) struct Net {
    /// Directions in which nothing gets through.
    silent: watch::Sender<BTreeSet<(u32, u32)>>,
    /// Where each node that runs listens.
    targets: Mutex<BTreeMap<u32, SocketAddr>>,
    refusing: Mutex<BTreeSet<u32>>,
    wires: Mutex<BTreeMap<u64, Wire>>,
    last_wire: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address under which `whom` is known to `by`: a peer is known by its address (NET-6).
fn known_address(by: u32, whom: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 9, by as u8, whom as u8))
}

/// Where a node listens itself.
pub(super) fn own_address(node: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 9, 0, node as u8)), 0)
}

impl Net {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            silent: watch::Sender::default(),
            targets: Mutex::default(),
            refusing: Mutex::default(),
            wires: Mutex::default(),
            last_wire: AtomicU64::new(0),
        })
    }

    /// Begins to pass on what `from` says to `to`; says where `from` finds it.
    pub(super) async fn listen(self: &Arc<Self>, from: u32, to: u32) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(SocketAddr::new(known_address(from, to), 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(Arc::clone(self).accept(listener, from, to));
        Ok(address)
    }

    pub(super) fn set_target(&self, node: u32, target: Option<SocketAddr>) {
        match target {
            Some(target) => lock(&self.targets).insert(node, target),
            None => lock(&self.targets).remove(&node),
        };
    }

    pub(super) fn refuse(&self, node: u32, refuses: bool) {
        if refuses {
            lock(&self.refusing).insert(node);
        } else {
            lock(&self.refusing).remove(&node);
        }
    }

    pub(super) fn silence(&self, from: u32, to: u32, is_silent: bool) {
        self.silent.send_modify(|silent| {
            if is_silent {
                silent.insert((from, to));
            } else {
                silent.remove(&(from, to));
            }
        });
    }

    /// The connections between two nodes, and who opened each.
    pub(super) fn between(&self, a: u32, b: u32) -> Vec<(u64, u32)> {
        let is_between = |wire: &Wire| [(a, b), (b, a)].contains(&(wire.opener, wire.acceptor));
        let wires = lock(&self.wires);
        wires.iter().filter(|(_, wire)| is_between(wire)).map(|(id, wire)| (*id, wire.opener)).collect()
    }

    /// Ends a connection; false if it has ended already.
    pub(super) fn cut(&self, id: u64, how: Cut) -> bool {
        lock(&self.wires).remove(&id).is_some_and(|wire| wire.cut.send(how).is_ok())
    }

    fn target(&self, from: u32, to: u32) -> Option<SocketAddr> {
        let refusing = lock(&self.refusing);
        if refusing.contains(&to) || refusing.contains(&from) {
            return None;
        }
        lock(&self.targets).get(&to).copied()
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, from: u32, to: u32) {
        while let Ok((opener, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).pass_on(opener, from, to));
        }
    }

    async fn pass_on(self: Arc<Self>, opener: TcpStream, from: u32, to: u32) {
        let acceptor = match self.target(from, to) {
            Some(target) => connect(known_address(to, from), target).await.ok(),
            None => None,
        };
        let Some(acceptor) = acceptor else { return reset(opener) };
        let (cut, is_cut) = oneshot::channel();
        let id = self.last_wire.fetch_add(1, Ordering::Relaxed);
        lock(&self.wires).insert(id, Wire { opener: from, acceptor: to, cut });
        self.carry(opener, acceptor, is_cut, (from, to)).await;
        lock(&self.wires).remove(&id);
    }

    /// Passes bytes both ways until both ends have closed, one breaks, or it is cut.
    async fn carry(
        &self,
        mut opener: TcpStream,
        mut acceptor: TcpStream,
        is_cut: oneshot::Receiver<Cut>,
        (from, to): (u32, u32),
    ) {
        let how = {
            let ((opener_in, opener_out), (acceptor_in, acceptor_out)) = (opener.split(), acceptor.split());
            let forth = copy(opener_in, acceptor_out, self.silent.subscribe(), (from, to));
            let back = copy(acceptor_in, opener_out, self.silent.subscribe(), (to, from));
            tokio::select! {
                ended = async { tokio::try_join!(forth, back) } => ended.err().map(|_| Cut::Reset),
                how = is_cut => Some(how.unwrap_or(Cut::Reset)),
            }
        };
        match how {
            None => {}
            Some(Cut::Reset) => {
                reset(opener);
                reset(acceptor);
            }
            Some(Cut::FinishAt(node)) => {
                let (ends, other) = if node == from { (&mut opener, acceptor) } else { (&mut acceptor, opener) };
                reset(other);
                let _ = ends.shutdown().await;
                let mut rest = [0; 4096];
                while ends.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        }
    }
}

async fn connect(source: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(target).await
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

/// Copies until the end of the input.
async fn copy(
    mut input: ReadHalf<'_>,
    mut output: WriteHalf<'_>,
    mut silent: watch::Receiver<BTreeSet<(u32, u32)>>,
    direction: (u32, u32),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = input.read(&mut buffer).await?;
        // Whoever silences it is gone if this fails: then the run is over.
        let _ = silent.wait_for(|silent| !silent.contains(&direction)).await;
        match buffer.get(..read).filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => output.write_all(bytes).await?,
            None => return output.shutdown().await,
        }
    }
}
