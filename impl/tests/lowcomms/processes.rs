//! Nodes that are processes, and are killed.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use midcomms::midcomms::{Event, Shutdown};
use midcomms::{Events, Node};

use crate::support::{LOCKSPACE, ONE, TWO, address, builder, wait_for, within};

/// Set in a child process: where its peer listens, and where it shall listen itself.
const CHILD: &str = "MIDCOMMS_TEST_CHILD";
const TEST: u8 = 50;

/// No test but the other process: node 2, which sends everything back until it is killed or its peer leaves.
#[tokio::test]
async fn child() {
    let Ok(addresses) = std::env::var(CHILD) else { return };
    let (own, peer) = addresses.split_once(' ').unwrap();
    let own: SocketAddr = own.parse().unwrap();
    let (node, mut events) =
        builder(TWO, address(TEST, 2)).listen(own).peer(ONE, [peer.parse().unwrap()]).start().unwrap();
    node.add_member(ONE, LOCKSPACE).unwrap();
    let back = node.peer(ONE).unwrap();
    while let Some(event) = events.next().await {
        match event.event {
            Event::Delivered(delivery) => {
                back.send_opaque(LOCKSPACE, &delivery.opaque().unwrap()).await.unwrap();
            }
            Event::PeerClosing => {
                node.shutdown().await.unwrap();
            }
            _ => {}
        }
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_child(own: SocketAddr, peer: SocketAddr) -> Killed {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", "processes::child", "--test-threads=1"]).env(CHILD, format!("{own} {peer}"));
    Killed(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Sends messages of this session and reads them back.
async fn talk(node: &Node, events: &mut Events, session: u32, count: u32) {
    let peer = node.peer(TWO).unwrap();
    let text = |number: u32| format!("{session} {number}").into_bytes();
    for number in 0..count {
        peer.send_opaque(LOCKSPACE, &text(number)).await.unwrap();
    }
    for number in 0..count {
        let event = wait_for(events, |event| matches!(event, Event::Delivered(_))).await;
        let Event::Delivered(delivery) = event else { panic!("{event:?}") };
        // Whatever the process before had not sent back is lost with it, and never comes into this session.
        assert_eq!(delivery.opaque().unwrap().as_ref(), text(number));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_comes_back_into_a_session_of_its_own() {
    let (node, mut events) = builder(ONE, address(TEST, 1)).start().unwrap();
    let own = {
        let free = std::net::TcpListener::bind(SocketAddr::new(address(TEST, 2), 0)).unwrap();
        free.local_addr().unwrap()
    };
    node.add_peer(TWO, [own]).unwrap();
    node.add_member(TWO, LOCKSPACE).unwrap();
    for session in 0..5 {
        let child = start_child(own, node.listens_on()[0]);
        wait_for(&mut events, |event| matches!(event, Event::Up { is_hardened: true, .. })).await;
        talk(&node, &mut events, session, 200).await;
        // Messages are under way in both directions when it dies.
        for _ in 0..100 {
            node.peer(TWO).unwrap().send_opaque(LOCKSPACE, b"lost with it").await.unwrap();
        }
        drop(child);
        if session % 2 == 0 {
            node.fence(TWO).unwrap();
            wait_for(&mut events, |event| matches!(event, Event::Reset { .. })).await;
            node.add_member(TWO, LOCKSPACE).unwrap();
        }
        // Otherwise nobody fences it: that the next one is a new incarnation is enough (HRD-1).
    }
    let mut child = start_child(own, node.listens_on()[0]);
    wait_for(&mut events, |event| matches!(event, Event::Up { .. })).await;
    talk(&node, &mut events, 9, 10).await;
    assert_eq!(within(node.shutdown()).await.unwrap(), [(TWO, Shutdown::Closed)]);
    assert!(
        within(async { tokio::task::spawn_blocking(move || child.0.wait()).await }).await.unwrap().unwrap().success()
    );
}
