//! Nodes for tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use midcomms::lowcomms::Limits;
use midcomms::midcomms::{Config, Delivery, Event};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Builder, Events, Node};

pub(crate) const ONE: NodeId = NodeId(1);
pub(crate) const TWO: NodeId = NodeId(2);
pub(crate) const LOCKSPACE: LockspaceId = LockspaceId(7);

/// Loopback addresses for one test: tests run side by side, and a peer is known by its address.
pub(crate) const fn address(test: u8, host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 7, test, host))
}

/// Times that let a test see timeouts without waiting long.
pub(crate) fn quick() -> Config {
    Config {
        retransmit_after: Duration::from_millis(200),
        status_interval: Duration::from_millis(100),
        ..Config::default()
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        reconnect_min: Duration::from_millis(5),
        reconnect_max: Duration::from_millis(100),
        linger: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// A node that listens on a port of `ip`.
pub(crate) fn builder(node: NodeId, ip: IpAddr) -> Builder {
    Node::builder(node).listen(SocketAddr::new(ip, 0)).midcomms(quick()).lowcomms(limits())
}

/// Two nodes that know each other and are members of one lockspace.
pub(crate) fn pair(test: u8) -> ((Node, Events), (Node, Events)) {
    let (one, events1) = builder(ONE, address(test, 1)).start().unwrap();
    let (two, events2) = builder(TWO, address(test, 2)).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    ((one, events1), (two, events2))
}

/// The next message, and whatever else happened before it.
pub(crate) async fn delivery(events: &mut Events) -> (Delivery, Vec<Event>) {
    let mut others = Vec::new();
    loop {
        match within(events.next()).await.expect("the node stopped").event {
            Event::Delivered(delivery) => return (delivery, others),
            other => others.push(other),
        }
    }
}

/// The next event that `wanted` accepts.
pub(crate) async fn wait_for(events: &mut Events, mut wanted: impl FnMut(&Event) -> bool) -> Event {
    loop {
        let event = within(events.next()).await.expect("the node stopped").event;
        if wanted(&event) {
            return event;
        }
    }
}

/// Long enough for the slowest machine; a test that waits so long has failed.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it took a minute")
}
