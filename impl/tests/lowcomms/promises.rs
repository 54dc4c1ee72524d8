//! Exactly once and in order, through breaks of every kind.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use midcomms::midcomms::{Config, Event, Shutdown};
use midcomms::wire::NodeId;
use midcomms::{Events, Node, PeerHandle};

use crate::proxy::{Faults, Proxy};
use crate::support::{LOCKSPACE, ONE, TWO, address, builder, quick};

/// Sends `count` numbered messages of different lengths.
async fn send(peer: PeerHandle, count: u64) {
    let mut body = [0; 64];
    for number in 0..count {
        body[..8].copy_from_slice(&number.to_le_bytes());
        let len = 8 + usize::try_from(number % 56).unwrap();
        peer.send_opaque(LOCKSPACE, &body[..len]).await.unwrap();
    }
}

/// Reads until `count` messages have come, each once and in order.
async fn receive(mut events: Events, count: u64) -> Events {
    let mut expected = 0;
    while expected < count {
        let stuck = format!("stuck at message {expected} of {count}");
        let batch = tokio::time::timeout(Duration::from_secs(60), events.next_batch()).await.expect(&stuck).unwrap();
        for event in batch {
            match event.event {
                Event::Delivered(delivery) => {
                    let bytes = delivery.opaque().unwrap();
                    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
                    assert_eq!(number, expected, "lost, doubled or out of order");
                    assert_eq!(bytes.len() as u64, 8 + number % 56);
                    expected += 1;
                }
                Event::Up { .. } => {}
                other => panic!("{other:?} at message {expected}"),
            }
        }
    }
    events
}

/// Starts a node that finds its peer at `proxy`.
fn start(node: NodeId, ip: IpAddr) -> (Node, Events) {
    let config = Config { queue_bytes: 128 * 1024, ..quick() };
    builder(node, ip).midcomms(config).start().unwrap()
}

async fn through_breaks(test: u8, messages: u64, break_after: u64, seed: u64) -> [u64; 2] {
    println!("seed {seed}");
    let ((one, events1), (two, events2)) = (start(ONE, address(test, 1)), start(TWO, address(test, 2)));
    // Node 1 finds node 2 at .12, and is seen at .11.
    let faults = Faults { break_after, seed };
    let to_two = Proxy::start(address(test, 12), address(test, 11), two.listens_on()[0], faults).await.unwrap();
    let to_one = Proxy::start(address(test, 11), address(test, 12), one.listens_on()[0], faults).await.unwrap();
    one.add_peer(TWO, [to_two.address]).unwrap();
    two.add_peer(ONE, [to_one.address]).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    let senders =
        [tokio::spawn(send(one.peer(TWO).unwrap(), messages)), tokio::spawn(send(two.peer(ONE).unwrap(), messages))];
    let receivers = [tokio::spawn(receive(events1, messages)), tokio::spawn(receive(events2, messages))];
    for sender in senders {
        sender.await.unwrap();
    }
    let mut kept = Vec::new();
    for receiver in receivers {
        kept.push(receiver.await.unwrap());
    }
    for (node, peer) in [(&one, TWO), (&two, ONE)] {
        let counters = node.peer(peer).unwrap().stats().counters;
        println!("{counters:?}");
        assert_eq!((counters.misbehaved, counters.unexpected, counters.resets), (0, 0, 0));
    }
    let (closed1, closed2) = tokio::join!(one.shutdown(), two.shutdown());
    assert_eq!(closed1.unwrap(), [(TWO, Shutdown::Closed)]);
    assert_eq!(closed2.unwrap(), [(ONE, Shutdown::Closed)]);
    [to_two, to_one].map(|proxy| proxy.figures.breaks.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_each_way_survive_a_hundred_breaks() {
    let breaks = through_breaks(1, 100_000, 64 * 1024, fastrand::u64(..)).await;
    assert!(breaks.iter().sum::<u64>() >= 200, "{breaks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: `cargo test -p midcomms --release --test lowcomms -- --ignored`"]
async fn a_million_messages_each_way_survive_a_thousand_breaks_each_way() {
    let breaks = through_breaks(2, 1_000_000, 128 * 1024, fastrand::u64(..)).await;
    // Most of the time one connection carries both directions, and each break hits both.
    assert!(breaks.iter().sum::<u64>() >= 2000, "{breaks:?}");
}
