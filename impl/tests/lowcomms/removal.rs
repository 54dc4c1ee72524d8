//! Peers that are forgotten.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use midcomms::midcomms::{Event, Observer, Occurrence, State, Time};
use midcomms::wire::NodeId;
use midcomms::{Error, Node};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{LOCKSPACE, ONE, TWO, address, builder, delivery, pair, wait_for, within};

async fn connect(from: std::net::IpAddr, to: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(to.listens_on()[0]).await.unwrap()
}

async fn until(mut is_so: impl FnMut() -> bool) {
    within(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_is_forgotten_once_it_is_closed_and_can_be_known_again() {
    let ((one, mut events1), (two, mut events2)) = pair(51);
    let peer = one.peer(TWO).unwrap();
    within(peer.up()).await.unwrap();
    let refused = one.remove_peer(TWO).unwrap_err();
    assert!(matches!(refused, Error::PeerInUse { peer: TWO, state: State::Established }));
    assert_eq!(
        refused.to_string(),
        "node 2 is still in use, its record is ESTABLISHED: close with it first, or fence it"
    );
    peer.send_opaque(LOCKSPACE, b"first").await.unwrap();
    delivery(&mut events2).await;

    let left = tokio::spawn(async move { two.shutdown().await });
    wait_for(&mut events1, |event| *event == Event::PeerClosing).await;
    one.remove_member(TWO, LOCKSPACE).unwrap();
    wait_for(&mut events1, |event| *event == Event::Closed).await;
    within(left).await.unwrap().unwrap();
    one.remove_peer(TWO).unwrap();
    assert!(one.stats().is_empty());
    let unknown = [
        one.remove_peer(TWO).unwrap_err(),
        one.peer(TWO).unwrap_err(),
        one.add_member(TWO, LOCKSPACE).unwrap_err(),
        peer.send_opaque(LOCKSPACE, b"to whom?").await.unwrap_err(),
        within(peer.up()).await.unwrap_err(),
    ];
    assert!(unknown.iter().all(|error| matches!(error, Error::UnknownPeer(TWO))), "{unknown:?}");
    let _stranger = connect(address(51, 2), &one).await;
    until(|| one.refused() == 1).await; // NET-6

    let (two, mut events2) = builder(TWO, address(51, 3)).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    one.peer(TWO).unwrap().send_opaque(LOCKSPACE, b"again").await.unwrap();
    let (again, _) = delivery(&mut events2).await;
    assert_eq!((again.seq.unwrap().0, again.opaque().unwrap().as_ref()), (0, b"again".as_slice()));
    assert!(peer.send_opaque(LOCKSPACE, b"by the old handle").await.is_err());
}

#[tokio::test]
async fn who_was_forgotten_without_its_knowledge_is_refused_until_it_is_fenced_too() {
    let ((one, _events1), (two, mut events2)) = pair(52);
    let peer = two.peer(ONE).unwrap();
    within(peer.up()).await.unwrap();
    one.fence(TWO).unwrap();
    one.remove_peer(TWO).unwrap();
    peer.send_opaque(LOCKSPACE, b"are you there?").await.unwrap();
    until(|| one.refused() > 0).await;
    let still = two.remove_peer(ONE);
    assert!(matches!(still, Err(Error::PeerInUse { state: State::Established, .. })), "{still:?}");
    two.fence(ONE).unwrap();
    wait_for(&mut events2, |event| matches!(event, Event::Reset { unacknowledged: 1, .. })).await;
    two.remove_peer(ONE).unwrap();
}

/// Counts itself while it lives, as the record that has it.
struct Lives(Arc<AtomicUsize>);

impl Drop for Lives {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Observer for Lives {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, _: Occurrence<'_>) {}
}

#[tokio::test]
async fn what_was_kept_for_a_forgotten_peer_is_given_back() {
    let alive = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alive);
    let make = move |_| -> Box<dyn Observer> {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::new(Lives(Arc::clone(&counted)))
    };
    let (node, _events) = builder(ONE, address(53, 1)).observe(make).start().unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for round in 0..100 {
        for id in 2..6 {
            let ip = address(53, u8::try_from(id).unwrap());
            node.add_peer(NodeId(id), [SocketAddr::new(ip, 9)]).unwrap();
            node.add_member(NodeId(id), LOCKSPACE).unwrap();
        }
        let connections = [connect(address(53, 2), &node).await, connect(address(53, 3), &node).await];
        until(|| node.stats().iter().filter(|stats| stats.accepted).count() == 2).await;
        for id in 2..6 {
            node.fence(NodeId(id)).unwrap();
            node.remove_peer(NodeId(id)).unwrap();
        }
        until(|| alive.load(Ordering::Relaxed) == 0 && tasks() == before).await;
        assert_eq!(node.stats(), [], "{round}");
        drop(connections);
    }
    assert_eq!(node.refused(), 0);
}
