//! What messages and peers cost in memory. After warm-up the way of a message from one program to the other allocates nothing.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop where it is")]

use midcomms::midcomms::{Event, EventRef, Kind, Observer};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms::{Events, Node, PeerHandle};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const LOCKSPACE: LockspaceId = LockspaceId(7);

/// Makes the observers of a node.
type Watch = Box<dyn Fn(NodeId) -> Box<dyn Observer> + Send + Sync>;

fn start(id: NodeId, address: &str, watch: Option<Watch>) -> (Node, Events) {
    let builder = Node::builder(id).listen(address.parse().unwrap());
    match watch {
        Some(watch) => builder.observe(watch).start().unwrap(),
        None => builder.start().unwrap(),
    }
}

fn pair(watches: [Option<Watch>; 2]) -> ((Node, Events), (Node, Events)) {
    let [watch1, watch2] = watches;
    let (one, events1) = start(ONE, "127.6.0.1:0", watch1);
    let (two, events2) = start(TWO, "127.6.0.2:0", watch2);
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    ((one, events1), (two, events2))
}

/// Sends `count` messages in bursts and reads each burst back out, one event at a time or in batches.
async fn exchange(peer: &PeerHandle, events: &mut Events, body: &[u8], count: usize, in_batches: bool) {
    let burst = 100_000 / body.len();
    for _ in 0..count / burst {
        for _ in 0..burst {
            peer.send(Kind::Msg, LOCKSPACE, body).await.unwrap();
        }
        let mut left = burst;
        while left > 0 {
            if in_batches {
                let batch = events.next_batch().await.unwrap();
                while let Some(event) = batch.events.next_ref() {
                    left -= usize::from(matches!(event, EventRef::Delivered { .. }));
                }
            } else {
                left -= usize::from(matches!(events.next().await.unwrap().event, Event::Delivered(_)));
            }
        }
    }
}

fn allocations_of(len: usize, in_batches: bool, watches: [Option<Watch>; 2]) -> u64 {
    const MESSAGES: usize = 50_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ((one, _events1), (_two, mut events2)) = runtime.block_on(async { pair(watches) });
    let peer = one.peer(TWO).unwrap();
    let mut body = vec![0; len];
    body[..4].copy_from_slice(&1u32.to_le_bytes());
    runtime.block_on(exchange(&peer, &mut events2, &body, MESSAGES, in_batches));
    let measured = allocation_counter::measure(|| {
        runtime.block_on(exchange(&peer, &mut events2, &body, MESSAGES, in_batches));
    });
    println!("{MESSAGES} messages with bodies of {len} bytes: {measured:?}");
    measured.count_total
}

/// A few allocations in 50,000 messages are a queue or a table of tokio's that grows once more; one for each chunk of 64 KiB
/// would be more than eighty already.
const FEW: u64 = 20;

#[test]
fn small_messages_allocate_nothing() {
    for in_batches in [false, true] {
        let count = allocations_of(72, in_batches, [None, None]);
        assert!(count <= FEW, "{count} allocations");
    }
}

#[test]
fn large_messages_allocate_nothing() {
    for in_batches in [false, true] {
        let count = allocations_of(3984, in_batches, [None, None]);
        assert!(count <= FEW, "{count} allocations");
    }
}

/// Of a recorded node; what the thread that writes needs is its own.
#[cfg(feature = "record")]
#[test]
fn recorded_messages_allocate_nothing() {
    use midcomms::recording::{Options, Origin, Recorder};

    for len in [72, 3984] {
        let folder = tempfile::tempdir().unwrap();
        let recorders = [ONE, TWO]
            .map(|id| Recorder::create(folder.path(), id.to_string(), &Origin::new(id), Options::default()).unwrap());
        let watches = recorders.each_ref().map(|recorder| {
            let recorder = recorder.clone();
            Some(Box::new(move |_| recorder.observer()) as Watch)
        });
        let count = allocations_of(len, true, watches);
        assert!(count <= FEW, "{count} allocations");
        let told = recorders.map(|recorder| recorder.finish());
        assert!(told.iter().all(|status| status.written > 90_000 && status.lost == 0), "{told:?}");
    }
}

/// Two nodes of one pair that have met and are idle, with all that each keeps for the other.
const IDLE_PAIR_BYTES: i64 = 64 * 1024;
/// The same after traffic: the connection keeps what it reads into, and the program the batch that it took last.
const RESTING_PAIR_BYTES: i64 = 3 * IDLE_PAIR_BYTES;

/// Bytes of two nodes and their pair, `messages` after it was made and when all has come to rest.
fn bytes_of_a_pair(third: u32, messages: usize) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ((one, _events1), (two, _events2)) = runtime.block_on(async { pair([None, None]) });
    runtime.block_on(async { one.peer(TWO).unwrap().up().await }).unwrap();
    // The second pair, so that what the runtime and the nodes have once is not counted.
    let (three, four) = (NodeId(third), NodeId(third + 1));
    let [at_three, at_four] = [three, four].map(|id| format!("127.6.0.{id}:0").parse().unwrap());
    let mut kept = Vec::new();
    let measured = allocation_counter::measure(|| {
        runtime.block_on(async {
            let (node3, events3) = Node::builder(three).listen(at_three).start().unwrap();
            let (node4, mut events4) = Node::builder(four).listen(at_four).start().unwrap();
            node3.add_peer(four, node4.listens_on().iter().copied()).unwrap();
            node4.add_peer(three, node3.listens_on().iter().copied()).unwrap();
            node3.add_member(four, LOCKSPACE).unwrap();
            node4.add_member(three, LOCKSPACE).unwrap();
            let peer = node3.peer(four).unwrap();
            peer.up().await.unwrap();
            node4.peer(three).unwrap().up().await.unwrap();
            exchange(&peer, &mut events4, &[1, 0, 0, 0].repeat(25), messages, true).await;
            tokio::time::sleep(std::time::Duration::from_millis(if messages > 0 { 3000 } else { 100 })).await;
            kept.push((node3, events3, node4, events4));
        });
    });
    println!("two nodes and their pair after {messages} messages: {} bytes", measured.bytes_current);
    drop((one, two));
    measured.bytes_current
}

#[test]
fn an_idle_pair_takes_less_than_64_kib() {
    let bytes = bytes_of_a_pair(3, 0);
    assert!(bytes < IDLE_PAIR_BYTES, "{bytes}");
}

#[test]
fn a_pair_that_rests_has_given_back_what_traffic_took() {
    let bytes = bytes_of_a_pair(5, 50_000);
    assert!(bytes < RESTING_PAIR_BYTES, "{bytes}");
}
