//! Peers that keep to no rule: refused or survived, at a bounded cost, counted, and told.

use bytes::Bytes;
use midcomms::midcomms::{Config, Event, FAULTS_TOLD, Incarnation, Input, PeerMisbehaved, State};
use midcomms::wire::{NodeId, OptionItem, Options, Seq, Version};
use proptest::prelude::*;

use crate::lone::{Lone, OWN, PEER, ack, bare_fin, fin, gone, hello, msg, status};

/// The faults told since the last call; nothing else was.
fn faults(lone: &mut Lone) -> Vec<PeerMisbehaved> {
    let fault = |event| match event {
        Event::Misbehaved(fault) => fault,
        other => panic!("{other:?}"),
    };
    lone.told().into_iter().map(fault).collect()
}

fn with_length(mut message: Vec<u8>, length: u16) -> Vec<u8> {
    message[12..14].copy_from_slice(&length.to_le_bytes());
    message
}

/// OPTS with `options` between the envelope and the MSG.
fn msg_with_options(seq: u32, options: &[u8]) -> Vec<u8> {
    let mut bytes = msg(seq);
    bytes[18..20].copy_from_slice(&u16::try_from(options.len()).unwrap().to_le_bytes());
    bytes.splice(24..24, options.iter().copied());
    let length = u16::try_from(bytes.len()).unwrap();
    with_length(bytes, length)
}

// ---- what ends the connection ------------------------------------------------------------------------------------

#[test]
fn an_unparseable_stream_ends_its_connection_alone() {
    for length in [0, 15, 4097, u16::MAX] {
        let mut lone = Lone::established();
        lone.send();
        lone.forget();
        let id = lone.last;
        lone.hear(&[msg(0), with_length(msg(1), length), msg(1)]);
        let told = lone.told();
        assert!(
            matches!(told[..], [Event::Delivered(_), Event::Misbehaved(PeerMisbehaved::Unparseable(_))]),
            "{told:?}"
        );
        assert_eq!((lone.closes.clone(), lone.state()), (vec![id], State::Established));
        assert_eq!(lone.written(), ["HELLO(1) 1000 to 9000", "OPTS(0) MSG"], "WIRE-2: what is not acknowledged");
    }
}

#[test]
fn another_nodes_id_ends_its_connection() {
    for node in [1, 3, 0, u32::MAX] {
        let mut lone = Lone::established();
        let mut other = msg(0);
        other[8..12].copy_from_slice(&node.to_le_bytes());
        lone.hear(&[other, msg(0)]);
        let fault = PeerMisbehaved::WrongNodeId { expected: NodeId(2), got: NodeId(node) };
        assert_eq!(faults(&mut lone), [fault]);
        assert!(fault.ends_connection());
        assert_eq!((lone.closes.len(), lone.peer.snapshot().seq_next), (1, Seq(0)));
    }
}

#[test]
fn garbage_is_one_fault_and_one_closed_connection() {
    let mut lone = Lone::established();
    let id = lone.accept();
    lone.input(Input::Received(id, Bytes::from(vec![0xFF; 100_000])));
    assert_eq!(faults(&mut lone).len(), 1);
    lone.input(Input::Received(id, Bytes::from(vec![0xFF; 100_000])));
    assert_eq!((faults(&mut lone).len(), lone.peer.counters().misbehaved), (0, 1));
}

// ---- what is passed over -----------------------------------------------------------------------------------------

#[test]
fn headers_that_differ_are_refused() {
    let mut lone = Lone::established();
    let mut node = msg(0);
    node[32] = 9;
    let mut version = msg(0);
    version[24] = 1;
    lone.hear(&[node, version, msg(0)]);
    let told = lone.told();
    let differ = Event::Misbehaved(PeerMisbehaved::HeadersDiffer);
    assert!(matches!(&told[..], [a, b, Event::Delivered(_)] if *a == differ && *b == differ), "{told:?}");
}

#[test]
fn an_ack_of_the_future_is_refused() {
    let mut lone = Lone::established();
    lone.send();
    lone.forget();
    for seq in [2, 100, 0x7FFF_FFFF] {
        lone.hear(&[ack(seq)]);
        assert_eq!(faults(&mut lone), [PeerMisbehaved::AckBeyondSent { expected: Seq(1), got: Seq(seq) }]);
    }
    lone.hear(&[ack(0x8000_0001), ack(u32::MAX)]);
    assert_eq!((lone.told().len(), lone.peer.queued().0), (0, 1));
}

#[test]
fn an_ack_of_what_waits_unwritten_is_refused() {
    let mut lone = Lone::established();
    lone.is_holding = true;
    lone.send();
    lone.send();
    lone.hear(&[ack(2)]);
    assert_eq!(faults(&mut lone), [PeerMisbehaved::AckBeyondSent { expected: Seq(1), got: Seq(2) }]);
    let reserved = Lone::established().peer.reserve(midcomms::midcomms::Kind::Msg, crate::lone::LS, 72);
    assert_eq!(reserved.unwrap().seq(), Seq(0));
}

#[test]
fn a_fin_first_is_a_fin() {
    let mut lone = Lone::established();
    lone.hear(&[fin(0)]);
    assert_eq!(lone.state(), State::CloseWait);
    let mut ahead = Lone::established();
    ahead.hear(&[fin(7)]);
    assert_eq!((ahead.state(), ahead.peer.counters().gaps), (State::Established, 1));
}

#[test]
fn a_bare_fin_is_refused() {
    let mut lone = Lone::established();
    lone.hear(&[bare_fin(Version::V3_2)]);
    assert!(matches!(faults(&mut lone)[..], [PeerMisbehaved::Bare { .. }]));
    assert_eq!(lone.state(), State::Established);
}

#[test]
fn opts_before_the_version_is_dropped_or_detected_and_never_believed_of_another() {
    let mut lone = Lone::new();
    lone.add();
    lone.forget();
    lone.hear(&[hello(0, PEER, None), msg(0), fin(0)]);
    assert_eq!((lone.told(), lone.peer.version(), lone.state()), (vec![], None, State::Established));
}

#[test]
fn options_are_skipped_unread_however_wrong_they_are() {
    let mut nested = Vec::new();
    Options::push(&mut nested, OptionItem { kind: 9, pad: 0, value: b"value" }).unwrap();
    let endless = vec![0; 3900];
    let cut = [1, 0, 0xFF, 0xFF, 0, 0, 0, 0, 1];
    for options in [nested.as_slice(), &endless, &cut, &[7]] {
        let mut lone = Lone::established();
        lone.hear(&[msg_with_options(0, options)]);
        let told = lone.told();
        let [Event::Delivered(delivery)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(delivery.body[..], crate::lone::BODY);
    }
}

#[test]
fn options_that_do_not_nest_cost_one_message() {
    let mut lone = Lone::established();
    let mut overrun = msg(0);
    overrun[18..20].copy_from_slice(&u16::MAX.to_le_bytes());
    lone.hear(&[overrun, msg(0)]);
    assert!(matches!(lone.told()[..], [Event::Misbehaved(PeerMisbehaved::Undecodable(_)), Event::Delivered(_)]));
}

#[test]
fn lengths_that_do_not_nest_cost_one_message() {
    for (at, value) in [(36, 200_u8), (36, 15), (16, 2), (38, 3), (38, 9), (14, 9), (0, 7)] {
        let mut lone = Lone::established();
        let mut wrong = msg(0);
        wrong[at] = value;
        lone.hear(&[wrong, msg(0)]);
        let told = lone.told();
        assert!(matches!(told[..], [Event::Misbehaved(_), Event::Delivered(_)]), "byte {at}: {told:?}");
    }
}

// ---- bounded cost ------------------------------------------------------------------------------------------------

#[test]
fn faults_are_told_a_few_times_for_each_connection_and_all_are_counted() {
    let mut lone = Lone::established();
    let mut told = 0;
    for round in 1..=3_u64 {
        lone.accept();
        lone.hear(&[hello(0, PEER, Some(OWN))]);
        for _ in 0..1000 {
            lone.hear(&[ack(77)]);
        }
        told += faults(&mut lone).len();
        assert_eq!(told, usize::try_from(round * u64::from(FAULTS_TOLD)).unwrap());
        assert_eq!(lone.peer.counters().misbehaved, 1000 * round);
    }
}

#[test]
fn a_flood_in_one_chunk_draws_one_answer() {
    let flood: Vec<_> = (0..2000).flat_map(|_| [msg(0), status(), fin(9), gone(PEER, OWN)]).collect();
    let mut lone = Lone::established();
    lone.hear(&flood);
    assert_eq!(lone.written(), ["RCOM STATUS_REPLY", "ACK(1)"]);
    assert_eq!(lone.told().len(), 1);
}

#[test]
fn a_flood_of_late_fins_draws_one_answer() {
    let mut lone = Lone::new();
    lone.accept();
    lone.hear(&vec![hello(0, PEER, Some(Incarnation(5))); 1]);
    lone.hear(&vec![fin(0); 5000]);
    assert_eq!(lone.written(), ["HELLO(0) 1000 to nobody", "GONE 5 to 9000"]);
}

#[test]
fn a_flood_of_incarnations_leaves_one() {
    let mut lone = Lone::established();
    let flood: Vec<_> = (1..1000).flat_map(|n| [hello(0, Incarnation(PEER.0 + n), None), status()]).collect();
    lone.hear(&flood);
    assert_eq!((lone.told().len(), lone.state()), (1, State::Established), "one reset, and none while it is unbound");
    assert_eq!(lone.written().len(), 3);
}

#[test]
fn a_flood_of_connections_leaves_one() {
    let mut lone = Lone::established();
    for _ in 0..1000 {
        lone.accept();
    }
    assert_eq!((lone.closes.len(), lone.peer.counters().connections), (999, 1001));
}

#[test]
fn a_peer_that_reads_nothing_costs_no_more_than_the_queue() {
    let config = Config { queue_bytes: 10_000, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    lone.is_holding = true;
    let taken = (0..10_000)
        .filter(|_| lone.peer.send(midcomms::midcomms::Kind::Msg, crate::lone::LS, &crate::lone::BODY).is_ok())
        .count();
    lone.drain();
    assert_eq!((taken, lone.peer.queued().1), (89, 89 * 112));
    for _ in 0..10_000 {
        lone.hear(&[status(), msg(0)]);
    }
    assert_eq!(lone.written().len(), 89);
}

// ---- replays -----------------------------------------------------------------------------------------------------

#[test]
fn a_replayed_old_connection_changes_nothing() {
    let session = [hello(0, PEER, Some(OWN)), status(), msg(0), msg(1), fin(2)];
    let mut lone = Lone::established();
    lone.hear(&session);
    lone.remove();
    lone.hear(&[ack(1)]);
    lone.assert_closed();
    let next = Incarnation(PEER.0 + 1);
    lone.add();
    let own = lone.own();
    lone.hear(&[hello(0, next, Some(own))]);
    lone.forget();
    let before = lone.peer.snapshot();
    lone.accept();
    lone.hear(&session);
    assert_eq!((lone.peer.snapshot(), lone.peer.bound(), lone.told()), (before, Some(next), vec![]));
}

#[test]
fn what_comes_on_a_connection_that_was_replaced_is_not_read() {
    let mut lone = Lone::established();
    let old = lone.accept();
    lone.hear(&[hello(0, PEER, Some(OWN))]);
    lone.accept();
    lone.hear_on(old, &[msg(0), fin(1)]);
    assert_eq!((lone.told().len(), lone.peer.snapshot().seq_next), (0, Seq(0)));
}

// ---- anything ----------------------------------------------------------------------------------------------------

#[test]
fn what_was_read_and_taken_is_kept_by_nobody() {
    let mut lone = Lone::established();
    for seq in [0, 2, 4] {
        let chunk = Bytes::from([msg(seq), msg(seq + 1), fin(9)].concat());
        lone.input(Input::Received(lone.last, chunk.clone()));
        assert!(!chunk.is_unique(), "the bodies of what is delivered lie in it");
        lone.forget();
        assert!(chunk.is_unique(), "of the messages {seq} and {}", seq + 1);
    }
}

/// What a record may do after anything at all: nothing that grows.
fn assert_bounded(lone: &mut Lone, chunks: usize) {
    assert!(lone.raw.len() <= 8 * (chunks + 1), "{} messages for {chunks} chunks", lone.raw.len());
    assert!(lone.peer.queued().0 <= 1);
    assert!(!lone.peer.has_transmit());
    if lone.state() == State::Closed {
        lone.assert_closed();
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    let id = || prop_oneof![Just(PEER), Just(OWN), Just(Incarnation(PEER.0 + 1)), Just(Incarnation(1))];
    prop_oneof![
        (0_u32..4).prop_map(msg),
        (0_u32..4).prop_map(fin),
        (0_u32..4).prop_map(ack),
        Just(status()),
        (0_u32..3, id(), prop::option::of(id())).prop_map(|(seq, from, to)| hello(seq, from, to)),
        (id(), id()).prop_map(|(from, to)| gone(from, to)),
    ]
}

/// Valid messages with a few bytes changed, cut into any chunks.
fn stream() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (prop::collection::vec(word(), 1..30), changes, 1_usize..300).prop_map(|(words, changes, size)| {
        let mut bytes = words.concat();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.chunks(size).map(<[u8]>::to_vec).collect()
    })
}

proptest! {
    #[test]
    fn anything_is_survived_in_every_state(chunks in stream(), state in 0_usize..8) {
        let fixtures: [fn() -> Lone; 8] = [
            Lone::new,
            Lone::established,
            Lone::linux,
            || Lone::established().fin_wait1(),
            || Lone::established().fin_wait2(),
            || Lone::established().closing(),
            || Lone::established().close_wait(),
            || Lone::established().last_ack(),
        ];
        let mut lone = fixtures[state]();
        lone.forget();
        let id = lone.accept();
        let count = chunks.len();
        for chunk in chunks {
            lone.input(Input::Received(id, Bytes::from(chunk)));
        }
        assert_bounded(&mut lone, count);
        prop_assert_eq!(lone.peer.counters().unexpected, 0);
    }
}
