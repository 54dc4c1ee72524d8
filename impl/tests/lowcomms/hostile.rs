//! Peers that break every rule, over real sockets: they are refused or survived, counted and told.

use std::net::SocketAddr;
use std::time::Duration;

use midcomms::Events;
use midcomms::Node;
use midcomms::midcomms::{Event, PeerMisbehaved};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{LOCKSPACE, ONE, TWO, address, builder, delivery, pair, wait_for, within};

/// Connects to `node` from `ip`.
async fn connect(node: &Node, from: std::net::IpAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(node.listens_on()[0]).await.unwrap()
}

/// A node with a peer that only the test plays, from host 2.
fn victim(test: u8) -> (Node, Events) {
    let (node, events) = builder(ONE, address(test, 1)).start().unwrap();
    node.add_peer(TWO, [SocketAddr::new(address(test, 2), 9)]).unwrap();
    node.add_member(TWO, LOCKSPACE).unwrap();
    (node, events)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match within(stream.read(&mut buffer)).await {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn a_connection_from_an_unknown_address_is_closed_and_counted() {
    let (node, _events) = victim(40);
    for expected in 1..=3 {
        let mut stream = connect(&node, address(40, 77)).await;
        assert!(is_closed(&mut stream).await);
        assert_eq!(node.refused(), expected);
    }
    assert_eq!(node.peer(TWO).unwrap().stats().counters.connections, 0);
}

#[tokio::test]
async fn garbage_ends_its_connection_and_is_told() {
    let (node, mut events) = victim(41);
    let mut stream = connect(&node, address(41, 2)).await;
    stream.write_all(&[0xff; 64]).await.unwrap();
    let told = wait_for(&mut events, |event| matches!(event, Event::Misbehaved(_))).await;
    assert!(
        matches!(told, Event::Misbehaved(PeerMisbehaved::WrongNodeId { .. } | PeerMisbehaved::Unparseable(_))),
        "{told:?}"
    );
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_wrong_node_id_ends_its_connection() {
    let (node, mut events) = victim(42);
    let mut stream = connect(&node, address(42, 2)).await;
    // An ACK of node 9.
    stream.write_all(&[2, 0, 3, 0, 0, 0, 0, 0, 9, 0, 0, 0, 16, 0, 4, 0]).await.unwrap();
    let told = wait_for(&mut events, |event| matches!(event, Event::Misbehaved(_))).await;
    let text = match told {
        Event::Misbehaved(fault) => fault.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text, "expected messages of node 2, got one of node 9 (WIRE-7)");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_costs_one_connection() {
    let ((one, mut events1), (two, mut events2)) = pair(43);
    within(one.peer(TWO).unwrap().up()).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..500 {
        streams.push(connect(&one, address(43, 2)).await);
    }
    // Each replaced the one before (NET-1), so all but one are closed, and both nodes still talk.
    for stream in &mut streams[..499] {
        assert!(is_closed(stream).await);
    }
    two.peer(ONE).unwrap().send_opaque(LOCKSPACE, b"through the flood").await.unwrap();
    assert_eq!(delivery(&mut events1).await.0.opaque().unwrap().as_ref(), b"through the flood");
    one.peer(TWO).unwrap().send_opaque(LOCKSPACE, b"and back").await.unwrap();
    assert_eq!(delivery(&mut events2).await.0.opaque().unwrap().as_ref(), b"and back");
}

#[tokio::test]
async fn a_peer_that_writes_one_byte_at_a_time_is_understood() {
    let (node, mut events) = victim(44);
    let mut stream = connect(&node, address(44, 2)).await;
    stream.set_nodelay(true).unwrap();
    // A node of Linux: its ACK tells its version.
    for byte in [2, 0, 3, 0, 0, 0, 0, 0, 2, 0, 0, 0, 16, 0, 4, 0] {
        stream.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let up = wait_for(&mut events, |event| matches!(event, Event::Up { .. })).await;
    assert!(matches!(up, Event::Up { is_hardened: false, .. }), "{up:?}");
}

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing_holds_nothing_up() {
    let ((one, mut events1), (two, _events2)) = pair(45);
    let mut silent = connect(&one, address(45, 2)).await;
    two.peer(ONE).unwrap().send_opaque(LOCKSPACE, b"all the same").await.unwrap();
    assert_eq!(delivery(&mut events1).await.0.opaque().unwrap().as_ref(), b"all the same");
    drop(one);
    assert!(is_closed(&mut silent).await);
}
