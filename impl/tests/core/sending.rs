//! Reserve, commit and cancel; back-pressure; what is refused.

use std::time::{Duration, Instant};

use midcomms::midcomms::{Config, Event, Incarnation, Input, Kind, MAX_BODY_LEN, SendError};
use midcomms::wire::{Message, Seq, Version, decode};

use crate::lone::{BODY, LS, Lone, THEM, ack, bare_rcom, show};

fn fill(room: &mut [u8]) {
    room.copy_from_slice(&BODY);
}

// ---- reserve and commit ------------------------------------------------------------------------------------------

#[test]
fn what_is_behind_a_reservation_waits_for_it() {
    let mut lone = Lone::established();
    let first = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.send();
    assert_eq!((first.seq(), lone.written().len(), lone.peer.queued().0), (Seq(0), 0, 2));
    lone.peer.commit(&first, fill).unwrap();
    lone.drain();
    assert_eq!(lone.written(), ["OPTS(0) MSG", "OPTS(1) MSG"]);
}

#[test]
fn reservations_may_be_committed_in_any_order() {
    let mut lone = Lone::established();
    let all: Vec<_> = (0..3).map(|_| lone.peer.reserve(Kind::Msg, LS, 72).unwrap()).collect();
    for (at, expected) in [(2, 0), (0, 1), (1, 2)] {
        lone.peer.commit(&all[at], fill).unwrap();
        lone.drain();
        assert_eq!(lone.written().len(), expected);
    }
}

#[test]
fn a_message_is_the_same_sent_at_once_or_in_two_steps() {
    let mut lone = Lone::established();
    lone.send();
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.peer.commit(&reservation, fill).unwrap();
    lone.drain();
    let mut second = lone.raw[1].clone();
    assert_eq!(second[4], 1);
    second[4] = 0;
    assert_eq!(lone.raw[0], second);
}

#[test]
fn a_body_without_a_type_is_not_committed_and_may_be_corrected() {
    let mut lone = Lone::established();
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    assert_eq!(lone.peer.commit(&reservation, |_| {}), Err(SendError::UnknownType { got: 0 }));
    lone.drain();
    assert_eq!(lone.written().len(), 0);
    lone.peer.commit(&reservation, fill).unwrap();
    lone.drain();
    assert_eq!(lone.written(), ["OPTS(0) MSG"]);
    assert_eq!(lone.peer.commit(&reservation, fill), Err(SendError::SessionOver));
}

#[test]
fn what_is_cancelled_uses_its_number_for_a_reply_that_says_nothing() {
    let mut lone = Lone::established();
    for kind in [Kind::Msg, Kind::Rcom] {
        let reservation = lone.peer.reserve(kind, LS, 200).unwrap();
        lone.peer.cancel(&reservation);
    }
    lone.drain();
    let raw = lone.raw.clone();
    assert_eq!(lone.written(), ["OPTS(0) RCOM STATUS_REPLY", "OPTS(1) RCOM STATUS_REPLY"]);
    for bytes in raw {
        let Ok(Message::Opts(opts)) = decode(&bytes) else { panic!("{}", show(&bytes)) };
        let midcomms::wire::Body::Rcom(rcom) = opts.inner().body() else { panic!("{opts:?}") };
        assert_eq!((rcom.result, rcom.payload.len()), (-3, 168));
    }
}

#[test]
fn a_reservation_is_over_with_its_incarnation() {
    let mut lone = Lone::established();
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.input(Input::Fence);
    assert_eq!(lone.peer.commit(&reservation, fill), Err(SendError::SessionOver));
    lone.peer.cancel(&reservation);
    lone.assert_closed();
}

#[test]
fn a_fin_waits_behind_a_reservation() {
    let mut lone = Lone::established();
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.input(Input::Shutdown);
    assert_eq!(lone.written().len(), 0);
    lone.peer.commit(&reservation, fill).unwrap();
    lone.drain();
    assert_eq!(lone.written(), ["OPTS(0) MSG", "OPTS(1) FIN"]);
}

#[test]
fn a_late_commit_goes_out_behind_the_copies_of_a_break() {
    let mut lone = Lone::established();
    lone.send();
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.send();
    let broken = lone.last;
    lone.forget();
    lone.input(Input::Broken(broken));
    assert_eq!(lone.written(), ["HELLO(0) 1000 to 9000", "OPTS(0) MSG"]);
    lone.peer.commit(&reservation, fill).unwrap();
    lone.drain();
    assert_eq!(lone.written(), ["OPTS(1) MSG", "OPTS(2) MSG"]);
}

#[test]
fn sending_behind_a_long_reservation_costs_no_more_than_sending() {
    let config = Config { queue_bytes: 8 * 1024 * 1024, queue_messages: 1 << 20, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    let begin = Instant::now();
    while lone.peer.send(Kind::Msg, LS, &BODY).is_ok() {}
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    lone.peer.commit(&reservation, fill).unwrap();
    lone.drain();
    assert!(lone.raw.len() > 70_000, "{}", lone.raw.len());
}

// ---- back-pressure -----------------------------------------------------------------------------------------------

#[test]
fn a_full_queue_refuses_and_says_when_there_is_room() {
    let config = Config { queue_messages: 4, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    for _ in 0..4 {
        lone.send();
    }
    let full = SendError::Full { peer: THEM, bytes: 4 * 112 };
    assert_eq!(lone.peer.send(Kind::Msg, LS, &BODY), Err(full));
    lone.hear(&[ack(1)]);
    assert_eq!(lone.told(), []);
    lone.hear(&[ack(2)]);
    assert_eq!(lone.told(), [Event::SendReady]);
    lone.send();
    lone.hear(&[ack(5)]);
    assert_eq!(lone.told(), []);
}

#[test]
fn bytes_are_limited_as_messages_are_and_one_message_always_fits() {
    let config = Config { queue_bytes: 300, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    let mut long = [0; 4000];
    long[0] = 1;
    lone.peer.send(Kind::Msg, LS, &long).unwrap();
    assert!(matches!(lone.peer.send(Kind::Msg, LS, &BODY), Err(SendError::Full { .. })));
    lone.drain();
    lone.hear(&[ack(1)]);
    assert_eq!(lone.told(), [Event::SendReady]);
    assert_eq!(lone.peer.send(Kind::Msg, LS, &BODY), Ok(Some(Seq(1))));
}

#[test]
fn who_waits_for_room_is_told_when_the_incarnation_ends() {
    let config = Config { queue_messages: 1, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    lone.send();
    assert!(lone.peer.send(Kind::Msg, LS, &BODY).unwrap_err().is_temporary());
    lone.input(Input::Fence);
    assert!(lone.told().contains(&Event::SendReady));
}

#[test]
fn a_fin_waits_for_no_room() {
    let config = Config { queue_messages: 1, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    lone.send();
    lone.forget();
    lone.input(Input::Shutdown);
    assert_eq!(lone.written(), ["OPTS(1) FIN"]);
}

#[test]
fn bare_messages_are_limited_too() {
    let mut lone = Lone::new();
    lone.refuses = true;
    lone.add();
    let mut names = [0; 32];
    names[0] = 2;
    let taken = (0..1000).take_while(|_| lone.peer.send_bare(LS, &names).is_ok()).count();
    assert_eq!(taken, 64);
}

// ---- what is refused ---------------------------------------------------------------------------------------------

#[test]
fn bodies_are_checked() {
    let mut lone = Lone::established();
    let long = vec![1; MAX_BODY_LEN + 1];
    let mut untyped = BODY;
    untyped[0] = 15;
    let peer = &mut lone.peer;
    let too_long = SendError::TooLong { expected: MAX_BODY_LEN, got: MAX_BODY_LEN + 1 };
    assert_eq!(peer.send(Kind::Msg, LS, &long), Err(too_long));
    assert_eq!(peer.send(Kind::Msg, LS, &BODY[..71]), Err(SendError::TooShort { expected: 72, got: 71 }));
    assert_eq!(peer.send(Kind::Rcom, LS, &BODY[..31]), Err(SendError::TooShort { expected: 32, got: 31 }));
    assert_eq!(peer.send(Kind::Msg, LS, &untyped), Err(SendError::UnknownType { got: 15 }));
    assert_eq!(peer.send_bare(LS, &[3; 32]), Err(SendError::UnknownType { got: 0x0303_0303 }));
    let mut lookup = [0; 32];
    lookup[0] = 3;
    assert_eq!(peer.send_bare(LS, &lookup), Err(SendError::NotBare { got: 3, result: 0 }));
    let reply = |result: i32| {
        let mut body = [0; 32];
        body[0] = 5;
        body[4..8].copy_from_slice(&result.to_le_bytes());
        body
    };
    assert_eq!(peer.send_bare(LS, &reply(-3)), Err(SendError::NotBare { got: 5, result: -3 }));
    assert_eq!(peer.send(Kind::Rcom, LS, &reply(0)), Err(SendError::GoesBare { got: 5, result: 0 }));
    assert_eq!(peer.queued(), (0, 0));
    assert!(peer.send_bare(LS, &reply(0)).is_ok() && peer.send(Kind::Rcom, LS, &reply(-3)).is_ok());
}

#[test]
fn the_longest_message_fits() {
    let mut lone = Lone::established();
    let mut longest = vec![0; MAX_BODY_LEN];
    longest[0] = 1;
    lone.peer.send(Kind::Msg, LS, &longest).unwrap();
    lone.drain();
    assert_eq!(lone.raw[0].len(), 4096);
}

#[test]
fn to_a_node_of_3_1_a_reservation_goes_bare() {
    let mut lone = Lone::linux_with(Config::default(), Version::V3_1);
    let reservation = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.peer.commit(&reservation, fill).unwrap();
    let cancelled = lone.peer.reserve(Kind::Msg, LS, 72).unwrap();
    lone.peer.cancel(&cancelled);
    lone.drain();
    assert_eq!(lone.written(), ["MSG", "RCOM STATUS_REPLY"]);
    assert_eq!((lone.peer.queued(), lone.own()), ((0, 0), Incarnation(0x1000)));
    lone.hear(&[bare_rcom(Version::V3_1, midcomms::wire::RcomType::Names)]);
    assert_eq!(lone.told().len(), 1);
}

#[test]
fn an_ack_in_the_middle_of_a_pass_of_copies_leaves_the_rest_of_it_whole() {
    let mut lone = Lone::established();
    let mut long = [0; 4000];
    long[0] = 1;
    for _ in 0..150 {
        lone.peer.send(Kind::Msg, LS, &long).unwrap();
        lone.drain();
    }
    lone.forget();
    lone.is_holding = true;
    let broken = lone.last;
    lone.input(Input::Broken(broken));
    let first = lone.written();
    assert_eq!(first[0], "HELLO(0) 1000 to 9000");
    let handed = first.len() - 1;
    assert!((60..150).contains(&handed), "{handed}");
    lone.accept();
    lone.hear(&[crate::lone::hello(30, crate::lone::PEER, Some(Incarnation(0x1000)))]);
    assert_eq!(lone.peer.queued().0, 120);
    lone.is_holding = false;
    let id = lone.holds_writes.take().unwrap();
    lone.input(Input::Written(id));
    let rest: Vec<_> = (handed..150).map(|seq| format!("OPTS({seq}) MSG")).collect();
    assert_eq!(lone.written(), rest);
}
