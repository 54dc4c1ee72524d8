//! A fault proxy: it stands in for a node towards its peer, passes bytes on and breaks connections in every way that a
//! network has.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How often a proxy breaks connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// A connection breaks once so many bytes have passed in both directions, or half to one and a half times as many, at
    /// random. 0: never.
    pub(crate) break_after: u64,
    /// Of what random choices are made.
    pub(crate) seed: u64,
}

/// What a proxy did.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Connections passed on.
    pub(crate) connections: AtomicU64,
    /// Connections broken, by any fault.
    pub(crate) breaks: AtomicU64,
    /// Bytes passed on.
    pub(crate) bytes: AtomicU64,
}

/// The ways in which a connection ends.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Both ends see a reset at once.
    Reset,
    /// The end that opened it sees a reset; the other sees nothing for a while, then an orderly end.
    ResetToOpener,
    /// The other way round.
    ResetToAcceptor,
    /// Both ends see an orderly end, and what is on the way is lost.
    Finish,
    /// Nothing passes any more, for a while; then a reset.
    Silence,
}

const FAULTS: [Fault; 5] = [Fault::Reset, Fault::ResetToOpener, Fault::ResetToAcceptor, Fault::Finish, Fault::Silence];

/// Stands in for a node: listens for its peer, and connects to it from an address of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where the peer finds it.
    pub(crate) address: SocketAddr,
    /// What it did so far.
    pub(crate) figures: Arc<Figures>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on `own` and passes what comes on to `target`, from the address `source`.
    pub(crate) async fn start(
        own: IpAddr,
        source: IpAddr,
        target: SocketAddr,
        faults: Faults,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::new(own, 0)).await?;
        let address = listener.local_addr()?;
        let figures = Arc::new(Figures::default());
        let task = tokio::spawn(accept(listener, source, target, faults, Arc::clone(&figures)));
        Ok(Self { address, figures, task })
    }
}

async fn accept(listener: TcpListener, source: IpAddr, target: SocketAddr, faults: Faults, figures: Arc<Figures>) {
    let mut random = fastrand::Rng::with_seed(faults.seed);
    let mut passing = tokio::task::JoinSet::new();
    while let Ok((opener, _)) = listener.accept().await {
        let random = random.fork();
        let figures = Arc::clone(&figures);
        passing.spawn(async move {
            if let Ok(acceptor) = connect(source, target).await {
                figures.connections.fetch_add(1, Ordering::Relaxed);
                pass(opener, acceptor, faults, random, &figures).await;
            }
        });
        while passing.try_join_next().is_some() {}
    }
}

async fn connect(source: IpAddr, target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(target).await
}

/// Passes bytes both ways until an end closes or the fault comes.
async fn pass(opener: TcpStream, acceptor: TcpStream, faults: Faults, mut random: fastrand::Rng, figures: &Figures) {
    for stream in [&opener, &acceptor] {
        let _ = stream.set_nodelay(true);
    }
    let after = faults.break_after;
    let budget = if after == 0 { u64::MAX } else { after / 2 + random.u64(0..=after) };
    let left = AtomicU64::new(budget);
    let ((opener_in, opener_out), (acceptor_in, acceptor_out)) = (opener.into_split(), acceptor.into_split());
    let ends = {
        let forth = copy(opener_in, acceptor_out, &left, figures);
        let back = copy(acceptor_in, opener_out, &left, figures);
        tokio::join!(forth, back)
    };
    let ((opener_in, acceptor_out), (acceptor_in, opener_out)) = ends;
    let (Ok(opener), Ok(acceptor)) = (opener_in.reunite(opener_out), acceptor_in.reunite(acceptor_out)) else { return };
    if left.load(Ordering::Relaxed) == 0 {
        figures.breaks.fetch_add(1, Ordering::Relaxed);
        let wait = Duration::from_millis(random.u64(0..20));
        let fault = random.choice(FAULTS).unwrap_or(Fault::Reset);
        end(opener, acceptor, fault, wait).await;
    }
}

/// Copies until the end of the input, an error, or the common budget of the connection is spent.
async fn copy(
    mut input: OwnedReadHalf,
    mut output: OwnedWriteHalf,
    left: &AtomicU64,
    figures: &Figures,
) -> (OwnedReadHalf, OwnedWriteHalf) {
    let mut buffer = vec![0; 16 * 1024];
    while left.load(Ordering::Relaxed) > 0 {
        // The other direction may have spent the budget.
        let read = match tokio::time::timeout(Duration::from_millis(5), input.read(&mut buffer)).await {
            Err(_) => continue,
            Ok(Ok(0)) => {
                let _ = output.shutdown().await;
                break;
            }
            Ok(Err(_)) => {
                left.store(0, Ordering::Relaxed);
                break;
            }
            Ok(Ok(read)) => read as u64,
        };
        let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(read)));
        let passed = usize::try_from(read.min(before.unwrap_or(0))).unwrap_or(0);
        figures.bytes.fetch_add(passed as u64, Ordering::Relaxed);
        if output.write_all(buffer.get(..passed).unwrap_or_default()).await.is_err() {
            left.store(0, Ordering::Relaxed);
        }
    }
    (input, output)
}

async fn end(opener: TcpStream, acceptor: TcpStream, fault: Fault, wait: Duration) {
    let reset = |stream: TcpStream| {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        drop(stream);
    };
    match fault {
        Fault::Reset => {
            reset(opener);
            reset(acceptor);
        }
        Fault::ResetToOpener => {
            reset(opener);
            tokio::time::sleep(wait).await;
            drop(acceptor);
        }
        Fault::ResetToAcceptor => {
            reset(acceptor);
            tokio::time::sleep(wait).await;
            drop(opener);
        }
        Fault::Finish => drop((opener, acceptor)),
        Fault::Silence => {
            tokio::time::sleep(wait).await;
            reset(opener);
            reset(acceptor);
        }
    }
}
