//! What a program can rely on, call by call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use midcomms::lowcomms::Limits;
use midcomms::midcomms::{Config, Event, Kind, Observer, Occurrence, Reason, SendError, Shutdown, State, Time};
use midcomms::wire::NodeId;
use midcomms::{Builder, Error, Node};

use crate::support::{LOCKSPACE, ONE, TWO, address, builder, delivery, limits, pair, quick, wait_for, within};

fn msg(block: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 72];
    body[0] = 1;
    body.extend_from_slice(block);
    body
}

#[tokio::test]
async fn what_is_sent_comes_with_its_number_kind_and_lockspace() {
    let ((one, _events1), (_two, mut events2)) = pair(20);
    let peer = one.peer(TWO).unwrap();
    assert_eq!(peer.send(Kind::Msg, LOCKSPACE, &msg(b"first")).await.unwrap().map(|seq| seq.0), Some(0));
    let mut rcom = vec![0; 32];
    rcom[0] = 4;
    assert_eq!(peer.send(Kind::Rcom, LOCKSPACE, &rcom).await.unwrap().map(|seq| seq.0), Some(1));
    let (first, _) = delivery(&mut events2).await;
    assert_eq!((first.kind, first.lockspace, first.body.as_ref()), (Kind::Msg, LOCKSPACE, msg(b"first").as_slice()));
    let (second, _) = delivery(&mut events2).await;
    assert_eq!(
        (second.kind, second.seq.map(|seq| seq.0), second.body.as_ref()),
        (Kind::Rcom, Some(1), rcom.as_slice())
    );
}

#[tokio::test]
async fn a_body_that_no_message_has_is_refused_with_the_reason() {
    let ((one, _events1), _two) = pair(21);
    let peer = one.peer(TWO).unwrap();
    let mut refused = Vec::new();
    for body in [vec![1; 71], vec![1; 4057], msg(b"").into_iter().map(|_| 0).collect()] {
        match peer.send(Kind::Msg, LOCKSPACE, &body).await {
            Err(Error::Send(error)) => refused.push(error),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        refused,
        [
            SendError::TooShort { expected: 72, got: 71 },
            SendError::TooLong { expected: 4056, got: 4057 },
            SendError::UnknownType { got: 0 },
        ]
    );
}

#[tokio::test]
async fn nothing_can_be_sent_to_whom_is_no_member_or_not_known() {
    let (one, _events) = builder(ONE, address(22, 1)).peer(TWO, ["127.7.22.2:1".parse().unwrap()]).start().unwrap();
    assert!(matches!(one.peer(NodeId(9)), Err(Error::UnknownPeer(NodeId(9)))));
    let sent = one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"")).await;
    assert!(matches!(sent, Err(Error::Send(SendError::NotMember { peer: TWO }))), "{sent:?}");
}

#[tokio::test]
async fn a_batch_takes_as_much_as_there_is_room_for() {
    let ((one, _events1), (_two, mut events2)) = pair(23);
    let peer = one.peer(TWO).unwrap();
    let bodies: Vec<_> = (0..1000u32).map(|number| msg(&number.to_le_bytes())).collect();
    let mut sent = 0;
    while sent < bodies.len() {
        sent += peer.send_all(Kind::Msg, LOCKSPACE, &bodies[sent..]).await.unwrap();
    }
    for body in &bodies {
        assert_eq!(delivery(&mut events2).await.0.body.as_ref(), body.as_slice());
    }
    assert_eq!(peer.send_all::<Vec<u8>>(Kind::Msg, LOCKSPACE, &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_reserved_message_keeps_its_place() {
    let ((one, _events1), (_two, mut events2)) = pair(24);
    let peer = one.peer(TWO).unwrap();
    let (first, second) =
        (peer.reserve(Kind::Msg, LOCKSPACE, 73).await.unwrap(), peer.reserve(Kind::Msg, LOCKSPACE, 73).await.unwrap());
    peer.send(Kind::Msg, LOCKSPACE, &msg(b"3")).await.unwrap();
    assert_eq!((first.seq().0, second.seq().0), (0, 1));
    second.commit(|body| body.copy_from_slice(&msg(b"2"))).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), async { delivery(&mut events2).await }).await.is_err());
    first.commit(|body| body.copy_from_slice(&msg(b"1"))).unwrap();
    for expected in [b"1", b"2", b"3"] {
        assert_eq!(delivery(&mut events2).await.0.body.as_ref(), msg(expected).as_slice());
    }
}

#[tokio::test]
async fn a_reservation_that_is_dropped_or_panics_holds_up_nobody_and_is_not_delivered() {
    let ((one, _events1), (_two, mut events2)) = pair(25);
    let peer = one.peer(TWO).unwrap();
    drop(peer.reserve(Kind::Msg, LOCKSPACE, 100).await.unwrap());
    let slot = peer.reserve(Kind::Rcom, LOCKSPACE, 32).await.unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.commit(|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    let untyped = peer.reserve(Kind::Msg, LOCKSPACE, 72).await.unwrap().commit(|_| {});
    assert_eq!(untyped, Err(SendError::UnknownType { got: 0 }));
    peer.send(Kind::Msg, LOCKSPACE, &msg(b"next")).await.unwrap();
    let (next, _) = delivery(&mut events2).await;
    assert_eq!((next.seq.map(|seq| seq.0), next.body.as_ref()), (Some(3), msg(b"next").as_slice()));
}

#[tokio::test]
async fn a_reservation_outlives_its_node_and_says_so() {
    let ((one, events1), _two) = pair(46);
    let slot = one.peer(TWO).unwrap().reserve(Kind::Msg, LOCKSPACE, 73).await.unwrap();
    drop((one, events1));
    assert_eq!(slot.commit(|body| body.copy_from_slice(&msg(b"1"))), Err(SendError::SessionOver));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_events_of_a_node_whose_runtime_is_gone_end_behind_what_came_before() {
    let gone = runtime();
    let nodes = gone.block_on(async {
        let ((one, events1), (two, mut events2)) = pair(49);
        two.peer(ONE).unwrap().send_opaque(LOCKSPACE, b"before").await.unwrap();
        one.peer(TWO).unwrap().send_opaque(LOCKSPACE, b"answer").await.unwrap();
        delivery(&mut events2).await;
        while one.stats()[0].counters.delivered == 0 {
            tokio::task::yield_now().await;
        }
        [(one, events1), (two, events2)]
    });
    let waits = |mut events: midcomms::Events| {
        std::thread::spawn(move || {
            runtime().block_on(async {
                let mut delivered = 0;
                while let Some(event) = within(events.next()).await {
                    delivered += u32::from(matches!(event.event, Event::Delivered(_)));
                }
                assert!(within(events.next_batch()).await.is_none());
                delivered
            })
        })
    };
    let [(one, events1), (two, events2)] = nodes;
    let waiting = waits(events2);
    drop(gone);
    assert_eq!(waiting.join().unwrap(), 0);
    assert_eq!(waits(events1).join().unwrap(), 1);
    drop((one, two));
}

#[test]
fn a_peer_of_a_node_whose_runtime_is_gone_is_never_up() {
    let gone = runtime();
    let (node, _events) = gone.block_on(async { builder(ONE, address(48, 1)).start().unwrap() });
    drop(gone);
    node.add_peer(TWO, [(address(48, 2), 21064).into()]).unwrap();
    node.add_member(TWO, LOCKSPACE).unwrap();
    let peer = node.peer(TWO).unwrap();
    assert!(matches!(runtime().block_on(within(peer.up())), Err(Error::ShutDown)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_without_a_pause_can_be_told_to_stop() {
    let ((one, _events1), (_two, mut events2)) = pair(47);
    let peer = one.peer(TWO).unwrap();
    within(peer.up()).await.unwrap();
    let reading = tokio::spawn(async move { while events2.next().await.is_some() {} });
    let begin = std::time::Instant::now();
    // It works a little for each message, so that the queue never fills.
    let sending = async {
        while begin.elapsed() < Duration::from_secs(20) {
            let working = std::time::Instant::now();
            while working.elapsed() < Duration::from_micros(2) {}
            peer.send_opaque(LOCKSPACE, b"one more").await.unwrap();
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(100), sending).await.is_err(), "nobody else had a turn");
    reading.abort();
}

#[tokio::test]
async fn a_full_send_queue_makes_its_sender_wait_and_nobody_else() {
    // Nobody listens at node 3's address: its queue can only fill.
    let ((one, _events1), (_two, mut events2)) = pair(26);
    let (three, _events3) = builder(NodeId(3), address(26, 3)).start().unwrap();
    three.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    three.add_member(ONE, LOCKSPACE).unwrap();
    one.add_peer(NodeId(3), three.listens_on().iter().copied()).unwrap();
    one.add_member(NodeId(3), LOCKSPACE).unwrap();
    let slow = one.peer(NodeId(3)).unwrap();
    within(slow.up()).await.unwrap();
    drop((three, _events3));
    let body = vec![1; 4000];
    let mut taken = 0;
    while tokio::time::timeout(Duration::from_millis(200), slow.send_opaque(LOCKSPACE, &body[..3984])).await.is_ok() {
        taken += 1;
    }
    let stats = slow.stats();
    assert!(taken > 400 && stats.send_queue == taken, "{taken} {stats:?}");
    assert!(stats.send_queue_bytes <= quick().queue_bytes);
    // The future that was dropped has sent nothing, and node 2 hears everything.
    one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"quick")).await.unwrap();
    assert_eq!(delivery(&mut events2).await.0.body.as_ref(), msg(b"quick").as_slice());
    one.fence(NodeId(3)).unwrap();
    assert_eq!(slow.stats().send_queue, 0);
    let sent = slow.send(Kind::Msg, LOCKSPACE, &msg(b"")).await;
    assert!(matches!(sent, Err(Error::Send(SendError::NotMember { .. }))), "{sent:?}");
}

#[tokio::test]
async fn a_program_that_reads_no_events_holds_up_its_peers_and_loses_nothing() {
    let (one, _events1) = builder(ONE, address(27, 1)).start().unwrap();
    let few = Limits { events: 8, read_bytes: 4096, ..limits() };
    let (two, mut events2) = builder(TWO, address(27, 2)).lowcomms(few).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    let peer = one.peer(TWO).unwrap();
    let body = vec![1; 3984];
    let mut taken: u32 = 0;
    while tokio::time::timeout(Duration::from_millis(500), peer.send_opaque(LOCKSPACE, &body)).await.is_ok() {
        taken += 1;
        assert!(taken < 20_000, "nothing holds the sender up");
    }
    for number in 0..taken {
        assert_eq!(delivery(&mut events2).await.0.seq.map(|seq| seq.0), Some(number));
    }
}

#[tokio::test]
async fn one_node_leaves_and_the_other_goes_on_sending_until_it_leaves_too() {
    let ((one, mut events1), (two, mut events2)) = pair(28);
    within(one.peer(TWO).unwrap().up()).await.unwrap();
    let leaving = tokio::spawn({
        let one = one.clone();
        async move { one.shutdown().await }
    });
    wait_for(&mut events2, |event| *event == Event::PeerClosing).await;
    let peer = two.peer(ONE).unwrap();
    assert_eq!(peer.stats().state, State::CloseWait);
    peer.send(Kind::Msg, LOCKSPACE, &msg(b"still here")).await.unwrap();
    assert_eq!(delivery(&mut events1).await.0.body.as_ref(), msg(b"still here").as_slice());
    two.remove_member(ONE, LOCKSPACE).unwrap();
    assert_eq!(within(leaving).await.unwrap().unwrap(), [(TWO, Shutdown::Closed)]);
    wait_for(&mut events2, |event| *event == Event::Closed).await;
    let sent = peer.send(Kind::Msg, LOCKSPACE, &msg(b"")).await;
    assert!(matches!(sent, Err(Error::Send(SendError::NotMember { .. }))), "{sent:?}");
    assert!(matches!(one.add_member(TWO, LOCKSPACE), Err(Error::ShutDown)));
    assert!(matches!(one.shutdown().await, Err(Error::ShutDown)));
    while events1.next().await.is_some() {}
}

#[tokio::test]
async fn a_peer_that_is_gone_without_a_word_holds_a_shutdown_up_for_its_timeout_at_most() {
    let ((one, _events1), (two, events2)) = pair(29);
    within(one.peer(TWO).unwrap().up()).await.unwrap();
    drop((two, events2));
    let begin = tokio::time::Instant::now();
    assert_eq!(within(one.shutdown()).await.unwrap(), [(TWO, Shutdown::TimedOut)]);
    assert!(begin.elapsed() >= Config::default().shutdown_timeout);
}

#[tokio::test]
async fn a_node_that_comes_back_is_a_new_session_for_its_peer() {
    let ((one, mut events1), (two, events2)) = pair(30);
    let peer = one.peer(TWO).unwrap();
    within(peer.up()).await.unwrap();
    let listens = two.listens_on()[0];
    drop((two, events2));
    tokio::time::sleep(Duration::from_millis(20)).await; // its tasks end, and give the port back
    let (two, mut events2) = builder(TWO, address(30, 2)).listen(listens).start().unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    let reset = wait_for(&mut events1, |event| matches!(event, Event::Reset { .. })).await;
    assert_eq!(reset, Event::Reset { reason: Reason::PeerRestarted, unacknowledged: 0 });
    within(peer.up()).await.unwrap();
    assert_eq!(peer.send(Kind::Msg, LOCKSPACE, &msg(b"again")).await.unwrap().map(|seq| seq.0), Some(0));
    assert_eq!(delivery(&mut events2).await.0.body.as_ref(), msg(b"again").as_slice());
}

#[tokio::test]
async fn an_observer_sees_every_message_on_both_ends() {
    struct Count(Arc<[AtomicUsize; 2]>);
    impl Observer for Count {
        fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
            let at = usize::from(matches!(occurrence, Occurrence::Read { .. }));
            self.0[at].fetch_add(occurrence.messages().count(), Ordering::Relaxed);
        }
    }
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let seen = Arc::clone(&counts);
    let (one, _events1) =
        builder(ONE, address(31, 1)).observe(move |_| Box::new(Count(Arc::clone(&seen)))).start().unwrap();
    let (two, mut events2) = builder(TWO, address(31, 2)).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"")).await.unwrap();
    delivery(&mut events2).await;
    assert!(counts[0].load(Ordering::Relaxed) >= 2 && counts[1].load(Ordering::Relaxed) >= 2, "{counts:?}");
}

#[tokio::test]
async fn a_configuration_that_cannot_work_says_why() {
    let error = |builder: Builder| builder.start().unwrap_err().to_string();
    let at = |ip: &str| format!("{ip}:1").parse().unwrap();
    assert_eq!(error(Node::builder(NodeId(0))), "configuration: node id 0 does not exist");
    assert_eq!(
        error(Node::builder(ONE).peer(ONE, [at("127.0.0.1")])),
        "configuration: a peer of node 1 cannot have the node id 1"
    );
    assert_eq!(error(Node::builder(ONE).peer(TWO, [])), "configuration: node 2 has no address");
    assert_eq!(
        error(Node::builder(ONE).peer(TWO, [at("127.0.0.2")]).peer(NodeId(3), [at("127.0.0.2")])),
        "configuration: nodes 2 and 3 both have 127.0.0.2: who connects from there could not be told (NET-6)"
    );
    let listening = error(Node::builder(ONE).listen("192.0.2.1:21064".parse().unwrap()));
    assert!(listening.starts_with("cannot listen on 192.0.2.1:21064: "), "{listening}");
}

#[test]
fn a_node_needs_a_runtime() {
    assert!(matches!(Node::builder(ONE).start(), Err(Error::NoRuntime)));
}

#[tokio::test]
async fn incarnation_ids_grow_although_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("incarnations");
    let far = u64::MAX / 2;
    std::fs::write(&file, format!("{far}\n")).unwrap();
    let started = builder(ONE, address(32, 1)).incarnations(&file).start().unwrap();
    let written: u64 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert!(written > far);
    drop(started);
    std::fs::write(&file, "yesterday").unwrap();
    let error = builder(ONE, address(32, 1)).incarnations(&file).start().unwrap_err().to_string();
    assert!(error.contains("incarnations: expected one number"), "{error}");
}

#[tokio::test]
async fn nodes_talk_over_ipv6_too() {
    // There is one loopback address only, so the two are told apart by nothing but their family.
    let (one, _events1) = builder(ONE, "::1".parse().unwrap()).listen("127.7.33.1:0".parse().unwrap()).start().unwrap();
    let (two, mut events2) = builder(TWO, "::1".parse().unwrap()).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, [one.listens_on()[0]]).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"six")).await.unwrap();
    assert_eq!(delivery(&mut events2).await.0.body.as_ref(), msg(b"six").as_slice());
}

#[tokio::test]
async fn the_second_address_is_tried_when_the_first_does_not_answer() {
    let (one, _events1) = builder(ONE, address(34, 1)).start().unwrap();
    let (two, mut events2) = builder(TWO, address(34, 2)).start().unwrap();
    let closed = "127.7.34.3:9".parse().unwrap();
    one.add_peer(TWO, [closed, two.listens_on()[0]]).unwrap();
    two.add_peer(ONE, [closed, one.listens_on()[0]]).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"")).await.unwrap();
    delivery(&mut events2).await;
}

#[cfg(feature = "sctp")]
#[tokio::test]
async fn sctp_works_or_says_that_the_kernel_has_none() {
    use midcomms::lowcomms::Transport;
    let start = |node, host| builder(node, address(35, host)).transport(Transport::Sctp).start();
    let (one, two) = match (start(ONE, 1), start(TWO, 2)) {
        (Ok(one), Ok(two)) => (one, two),
        (Err(error), _) | (_, Err(error)) => {
            let text = error.to_string();
            return assert!(text.contains("this kernel has no SCTP") && text.contains("modprobe sctp"), "{text}");
        }
    };
    let ((one, _events1), (two, mut events2)) = (one, two);
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"sctp")).await.unwrap();
    assert_eq!(delivery(&mut events2).await.0.body.as_ref(), msg(b"sctp").as_slice());
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_file_needs_only_what_is_not_usual() {
    let text = r#"{"node":1,"listen":["10.0.0.1:21064"],
        "peers":[{"node":2,"addresses":["10.0.0.2:21064"]}],
        "midcomms":{"shutdown_timeout_ms":180000}}"#;
    let config: midcomms::lowcomms::Config = serde_json::from_str(text).unwrap();
    assert_eq!(config.midcomms, Config { shutdown_timeout: Duration::from_secs(180), ..Config::default() });
    assert_eq!((config.node, config.lowcomms.clone()), (ONE, Limits::default()));
    let again: midcomms::lowcomms::Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
    let error = serde_json::from_str::<midcomms::lowcomms::Config>(r#"{"node":1,"listen":[],"peer":[]}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `peer`"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_talks_to_a_thousand_peers() {
    const PEERS: u32 = 1000;
    let limit = rlimit::increase_nofile_limit(8 * u64::from(PEERS)).unwrap();
    assert!(limit >= 6 * u64::from(PEERS), "this test needs {} file descriptors, and may have {limit}", 6 * PEERS);
    let (hub, mut events) = builder(ONE, address(60, 1)).start().unwrap();
    let ip =
        |id: u32| std::net::IpAddr::from([127, 9, u8::try_from(id >> 8).unwrap(), u8::try_from(id & 255).unwrap()]);
    let mut others = Vec::new();
    for id in 2..PEERS + 2 {
        let (other, others_events) = builder(NodeId(id), ip(id)).start().unwrap();
        other.add_peer(ONE, hub.listens_on().iter().copied()).unwrap();
        hub.add_peer(NodeId(id), other.listens_on().iter().copied()).unwrap();
        other.add_member(ONE, LOCKSPACE).unwrap();
        hub.add_member(NodeId(id), LOCKSPACE).unwrap();
        others.push((other, others_events));
    }
    for stats in hub.stats() {
        hub.peer(stats.peer).unwrap().send_opaque(LOCKSPACE, &stats.peer.0.to_le_bytes()).await.unwrap();
    }
    for (other, events) in &mut others {
        let (delivery, _) = delivery(events).await;
        assert_eq!(delivery.opaque().unwrap().as_ref(), other.id().0.to_le_bytes());
        other.peer(ONE).unwrap().send_opaque(LOCKSPACE, &delivery.opaque().unwrap()).await.unwrap();
    }
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < others.len() {
        heard.insert(delivery(&mut events).await.0.opaque().unwrap());
    }
}

#[tokio::test]
async fn an_observer_that_panics_harms_nobody_and_is_not_asked_again() {
    struct Panics;
    impl Observer for Panics {
        fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
            assert!(!matches!(occurrence, Occurrence::Written { .. }), "on purpose");
        }
    }
    let (one, mut events1) = builder(ONE, address(36, 1)).observe(|_| Box::new(Panics)).start().unwrap();
    let (two, mut events2) = builder(TWO, address(36, 2)).start().unwrap();
    one.add_peer(TWO, two.listens_on().iter().copied()).unwrap();
    two.add_peer(ONE, one.listens_on().iter().copied()).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    for (node, peer, events) in [(&one, TWO, &mut events2), (&two, ONE, &mut events1)] {
        within(node.peer(peer).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b"all the same"))).await.unwrap();
        assert_eq!(delivery(events).await.0.body.as_ref(), msg(b"all the same").as_slice());
    }
    assert_eq!(one.peer(TWO).unwrap().stats().counters.observer_panics, 1);
    let (closed1, closed2) = tokio::join!(within(one.shutdown()), within(two.shutdown()));
    assert_eq!((closed1.unwrap(), closed2.unwrap()), (vec![(TWO, Shutdown::Closed)], vec![(ONE, Shutdown::Closed)]));
}

#[tokio::test]
async fn a_node_that_was_shut_down_gives_its_port_back_and_stays_down() {
    for _ in 0..10 {
        let (node, mut events) =
            builder(ONE, address(37, 1)).listen("127.7.37.1:7037".parse().unwrap()).start().unwrap();
        assert!(node.shutdown().await.unwrap().is_empty());
        assert!(matches!(node.add_peer(TWO, ["127.7.37.2:1".parse().unwrap()]), Err(Error::ShutDown)));
        assert!(matches!(node.shutdown().await, Err(Error::ShutDown)));
        assert!(events.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_peer_can_be_added_by_a_thread_outside_the_runtime() {
    let ((one, _events1), (two, mut events2)) =
        (builder(ONE, address(38, 1)).start().unwrap(), builder(TWO, address(38, 2)).start().unwrap());
    let (listens1, listens2) = (one.listens_on()[0], two.listens_on()[0]);
    let one = std::thread::spawn(move || one.add_peer(TWO, [listens2]).map(|()| one)).join().unwrap().unwrap();
    two.add_peer(ONE, [listens1]).unwrap();
    one.add_member(TWO, LOCKSPACE).unwrap();
    two.add_member(ONE, LOCKSPACE).unwrap();
    within(one.peer(TWO).unwrap().send(Kind::Msg, LOCKSPACE, &msg(b""))).await.unwrap();
    delivery(&mut events2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_events_is_never_empty_and_room_can_be_waited_for() {
    let ((one, mut events1), (_two, mut events2)) = pair(39);
    let peer = one.peer(TWO).unwrap();
    let sender = tokio::spawn(async move {
        let mut waits = 0;
        for _ in 0..50_000 {
            while let Err(error) = peer.try_send(Kind::Msg, LOCKSPACE, &msg(b"")) {
                assert!(matches!(error, Error::Send(error) if error.is_temporary()));
                peer.room().await.unwrap();
                waits += 1;
            }
        }
        waits
    });
    let mut count = 0;
    while count < 50_000 {
        count += within(events2.next_batch())
            .await
            .unwrap()
            .filter(|event| matches!(event.event, Event::Delivered(_)))
            .count();
    }
    assert!(within(sender).await.unwrap() > 0);
    drop(one);
    while let Some(batch) = events1.next_batch().await {
        assert!(batch.count() > 0);
    }
}

#[tokio::test]
async fn an_address_that_another_peer_has_is_refused_later_too() {
    let (node, _events) = builder(ONE, address(19, 1)).peer(TWO, ["127.7.19.2:9".parse().unwrap()]).start().unwrap();
    let error = node.add_peer(NodeId(3), ["[::ffff:127.7.19.2]:9".parse().unwrap()]).unwrap_err().to_string();
    assert!(error.contains("nodes 2 and 3 both have 127.7.19.2"), "{error}");
    let error = node.add_peer(NodeId(3), ["127.7.19.3:0".parse().unwrap()]).unwrap_err().to_string();
    assert!(error.contains("port 0"), "{error}");
    let spins = Limits { reconnect_min: Duration::ZERO, ..limits() };
    let error = builder(ONE, address(19, 4)).lowcomms(spins).start().unwrap_err().to_string();
    assert_eq!(error, "configuration: expected reconnect_min from 1 ms to a day, got 0ns");
}
