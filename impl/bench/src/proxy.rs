//! What stands between two nodes, passes their bytes on and resets their connections when it is told to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::try_join;

/// What is passed on at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// One direction: who connects to where this listens is passed on to `target`, from `source`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Where peers find it, port 0 for any.
    pub(crate) listen: SocketAddr,
    /// The address that connections to the target come from.
    pub(crate) source: SocketAddr,
    /// The node that it stands in for.
    pub(crate) target: SocketAddr,
}

/// A break, and what came of it.
#[derive(Debug)]
pub(crate) struct Reset {
    /// Just before the first connection was reset. What a node sends from then on passes on no connection from before.
    pub(crate) at: Instant,
    /// When the next connection stood, from end to end.
    pub(crate) again: oneshot::Receiver<Instant>,
}

/// A proxy for two nodes, on a thread of its own. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    addresses: [SocketAddr; 2],
    resets: mpsc::Sender<oneshot::Sender<Reset>>,
}

impl Proxy {
    /// Listens for both directions; `broke` is notified right behind each break.
    pub(crate) fn start(routes: [Route; 2], broke: Arc<Notify>) -> Result<Self> {
        let (resets, asked) = mpsc::channel(1);
        let [to_one, to_two] = routes;
        let (one, two) = (std::net::TcpListener::bind(to_one.listen)?, std::net::TcpListener::bind(to_two.listen)?);
        let addresses = [one.local_addr()?, two.local_addr()?];
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listeners = {
            let _inside = runtime.enter();
            [listens(one)?, listens(two)?]
        };
        let serve = move || runtime.block_on(serve(listeners, routes, asked, &broke));
        thread::Builder::new().name("proxy".to_owned()).spawn(serve).context("no thread")?;
        Ok(Self { addresses, resets })
    }

    /// Where each direction is listened for.
    pub(crate) const fn addresses(&self) -> [SocketAddr; 2] {
        self.addresses
    }

    /// Resets every connection: both ends of each see RST.
    pub(crate) async fn reset(&self) -> Result<Reset> {
        let (done, reset) = oneshot::channel();
        self.resets.send(done).await.ok().context("the proxy is gone")?;
        reset.await.context("the proxy is gone")
    }
}

fn listens(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Passes connections on until nobody can ask for resets any more. All of it is one task: nothing is passed on between the
/// first reset of a break and its last.
async fn serve(
    [one, two]: [TcpListener; 2],
    [to_one, to_two]: [Route; 2],
    mut resets: mpsc::Receiver<oneshot::Sender<Reset>>,
    broke: &Notify,
) {
    let mut passing = FuturesUnordered::new();
    let (stands, mut standing) = mpsc::unbounded_channel();
    let mut awaited: Option<oneshot::Sender<Instant>> = None;
    loop {
        let (opener, route) = tokio::select! {
            biased;
            asked = resets.recv() => {
                let Some(done) = asked else { return };
                let (tell, again) = oneshot::channel();
                let at = Instant::now();
                passing.clear();
                broke.notify_one();
                while standing.try_recv().is_ok() {}
                awaited = Some(tell);
                let _ = done.send(Reset { at, again }); // who asked may have given up
                continue;
            }
            Some(at) = standing.recv() => {
                if let Some(tell) = awaited.take() {
                    let _ = tell.send(at);
                }
                continue;
            }
            Some(_) = passing.next() => continue,
            Ok((opener, _)) = one.accept() => (opener, to_one),
            Ok((opener, _)) = two.accept() => (opener, to_two),
        };
        passing.push(pass(opener, route, stands.clone()));
    }
}

/// Passes bytes both ways until both directions have ended, or one breaks. Wherever it is dropped, both ends see a reset.
async fn pass(mut opener: TcpStream, route: Route, stands: mpsc::UnboundedSender<Instant>) -> io::Result<()> {
    opener.set_zero_linger()?;
    opener.set_nodelay(true)?;
    let socket = TcpSocket::new_v4()?;
    socket.set_zero_linger()?;
    socket.set_nodelay(true)?;
    socket.bind(route.source)?;
    let mut acceptor = socket.connect(route.target).await?;
    let _ = stands.send(Instant::now());
    // Halves that own their stream would say an orderly end before the reset.
    let ((opener_in, opener_out), (acceptor_in, acceptor_out)) = (opener.split(), acceptor.split());
    try_join!(copy(opener_in, acceptor_out), copy(acceptor_in, opener_out))?;
    Ok(())
}

async fn copy(input: ReadHalf<'_>, mut output: WriteHalf<'_>) -> io::Result<()> {
    tokio::io::copy_buf(&mut BufReader::with_capacity(BUFFER, input), &mut output).await?;
    output.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn at(host: u8) -> SocketAddr {
        ([127, 0, 1, host], 0).into()
    }

    #[tokio::test]
    async fn a_reset_reaches_both_ends_and_the_next_connection_is_told() {
        let node = TcpListener::bind(at(1)).await.unwrap();
        let route = Route { listen: at(3), source: at(4), target: node.local_addr().unwrap() };
        let broke = Arc::new(Notify::new());
        let proxy = Proxy::start([route, Route { listen: at(4), ..route }], Arc::clone(&broke)).unwrap();
        let [address, _] = proxy.addresses();
        let (mut opener, (mut acceptor, from)) = try_join!(TcpStream::connect(address), node.accept()).unwrap();
        assert_eq!(from.ip(), at(4).ip());
        opener.write_all(b"through").await.unwrap();
        let mut through = [0; 7];
        acceptor.read_exact(&mut through).await.unwrap();
        assert_eq!(&through, b"through");

        let Reset { at, again } = proxy.reset().await.unwrap();
        for end in [&mut opener, &mut acceptor] {
            assert_eq!(end.read(&mut through).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        }
        broke.notified().await;
        let _next = try_join!(TcpStream::connect(address), node.accept()).unwrap();
        assert!(again.await.unwrap() > at);
    }
}
