//! Sockets: how they are made and what they are told.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::config::Transport;
use super::error::Error;

const BACKLOG: i32 = 128;

impl Transport {
    const fn protocol(self) -> Protocol {
        match self {
            Self::Tcp => Protocol::TCP,
            #[cfg(feature = "sctp")]
            Self::Sctp => Protocol::SCTP,
        }
    }

    fn socket(self, address: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(self.protocol()))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Listens on `address`.
    pub(crate) fn listen(self, address: SocketAddr) -> Result<TcpListener, Error> {
        let socket = self.socket(address).map_err(|source| self.explain(address, source))?;
        listen(&socket, address).map_err(|source| Error::Listen { address, source })?;
        TcpListener::from_std(socket.into()).map_err(|source| Error::Listen { address, source })
    }

    fn explain(self, address: SocketAddr, source: io::Error) -> Error {
        match self {
            Self::Tcp => Error::Listen { address, source },
            #[cfg(feature = "sctp")]
            Self::Sctp => Error::NoSctp { source },
        }
    }

    /// Connects from `from` to `to`.
    pub(crate) async fn connect(self, from: Option<SocketAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(to)?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
        }
        TcpSocket::from_std_stream(socket.into()).connect(to).await
    }

    /// Messages leave at once, and a peer that is gone without a word is noticed after `silence`. What a system cannot
    /// do is left out: it makes connections slower, not wrong.
    pub(crate) fn tune(self, stream: &TcpStream, silence: Duration) {
        let socket = SockRef::from(stream);
        match self {
            Self::Tcp => {
                let _ = socket.set_tcp_nodelay(true);
                let keepalive = socket2::TcpKeepalive::new().with_time(silence / 2);
                let _ = socket.set_tcp_keepalive(&keepalive);
                #[cfg(any(target_os = "linux", target_os = "android"))]
                let _ = socket.set_tcp_user_timeout(Some(silence));
            }
            #[cfg(feature = "sctp")]
            Self::Sctp => {}
        }
    }
}

fn listen(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)
}
