//! From peers to this node: who may connect, and who is turned away.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::{Arc, Weak};

use tokio::net::TcpListener;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::node::Inner;

/// What accepting waits after it failed, for the lack of file descriptors say.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the node is gone.
pub(crate) async fn accept(inner: Weak<Inner>, listener: TcpListener) {
    loop {
        let accepted = listener.accept().await;
        let Some(inner) = inner.upgrade() else { return };
        match accepted {
            Ok((stream, from)) => match inner.link_at(from.ip()) {
                Some(link) => link.accepted(stream),
                None => refuse(&inner, from), // NET-6
            },
            Err(error) => {
                warn!(%error, "cannot accept");
                drop(inner);
                sleep(PAUSE).await;
            }
        }
    }
}

fn refuse(inner: &Arc<Inner>, from: SocketAddr) {
    inner.count_refused();
    debug!(%from, "refused a connection from an address that no peer has (NET-6)");
}

/// Whether `address` is `known`, an IPv4 address in an IPv6 one included.
pub(crate) fn is_same(known: IpAddr, address: IpAddr) -> bool {
    known.to_canonical() == address.to_canonical()
}
