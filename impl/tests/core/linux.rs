//! Towards nodes without incarnation ids: Linux nodes of 3.2, and nodes of 3.1.

use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{Config, Event, Input, PeerMisbehaved, Reason, SendError, Shutdown, State};
use midcomms::wire::{Cmd, RcomType, Seq, Version};

use crate::lone::{BODY, LS, Lone, THEM, ack, bare_msg, bare_rcom, done, fin, hello, msg, status, status_reply};

// ---- version detection -------------------------------------------------------------------------------------------

#[test]
fn the_first_message_decides_the_version() {
    for first in [status(), status_reply(), ack(0)] {
        let mut lone = Lone::new();
        lone.add();
        lone.hear(&[first]);
        assert_eq!(lone.peer.version(), Some(Version::V3_2), "VER-1");
        assert!(matches!(lone.told()[0], Event::Up { version: Version::V3_2, is_hardened: false }));
    }
}

#[test]
fn status_of_a_linux_node_is_answered_and_delivered() {
    let mut lone = Lone::linux();
    lone.hear(&[status()]);
    assert_eq!((lone.written(), lone.told().len()), (vec!["RCOM STATUS_REPLY".to_owned()], 1));
}

#[test]
fn status_is_left_to_the_upper_layer_where_it_wants_that() {
    let mut lone = Lone::linux_with(Config { answer_status: false, ..Config::default() }, Version::V3_2);
    lone.hear(&[status()]);
    assert_eq!((lone.written().len(), lone.told().len()), (0, 1));
}

// ---- a session ---------------------------------------------------------------------------------------------------

#[test]
fn a_session_with_a_linux_node_from_its_opening_to_its_close() {
    let mut lone = Lone::new();
    lone.add();
    assert_eq!(lone.written(), ["HELLO(0) 1000 to nobody", "RCOM STATUS"]);
    lone.accept();
    lone.hear(&[status(), status_reply()]);
    assert_eq!(lone.written(), ["RCOM STATUS_REPLY"]);
    lone.hear(&[msg(0), msg(1)]);
    lone.send();
    assert_eq!(lone.written(), ["OPTS(0) MSG"]);
    lone.hear(&[ack(1)]);
    lone.input(Input::Shutdown);
    assert_eq!(lone.written(), ["OPTS(1) FIN"]);
    lone.hear(&[ack(2)]);
    assert_eq!(lone.state(), State::FinWait2);
    lone.hear(&[fin(2)]);
    assert_eq!(lone.written(), ["ACK(3)"]);
    assert!(lone.told().contains(&done(Shutdown::Closed)));
    lone.assert_closed();
}

#[test]
fn a_linux_node_that_leaves_first_is_closed_with_too() {
    let mut lone = Lone::linux().last_ack();
    lone.hear(&[ack(1)]);
    lone.assert_closed();
}

#[test]
fn a_fin_to_a_closed_record_is_acknowledged() {
    let mut lone = Lone::new();
    lone.accept();
    lone.hear(&[fin(41)]);
    assert_eq!(lone.written(), ["HELLO(42) 1000 to nobody"], "HRD-3: a Linux node ignores the tail");
    lone.hear(&[fin(41)]);
    assert_eq!(lone.written(), ["ACK(42)"]);
    lone.assert_closed();
}

#[test]
fn nothing_but_a_fin_draws_an_answer_from_a_closed_record() {
    let mut lone = Lone::new();
    lone.accept();
    lone.hear(&[status(), status_reply(), msg(0), ack(3), bare_rcom(Version::V3_2, RcomType::Names)]);
    assert_eq!((lone.written().len(), lone.told().len()), (0, 0), "HRD-2");
    lone.assert_closed();
}

#[test]
fn the_queue_towards_a_linux_node_goes_out_again_in_time() {
    let mut lone = Lone::linux();
    lone.send();
    lone.forget();
    lone.pass(Duration::from_secs(1));
    assert_eq!(lone.written(), ["OPTS(0) MSG"], "HRD-7");
}

#[test]
fn the_first_add_resets_what_a_node_of_3_1_left_over() {
    let mut lone = Lone::linux_with(Config::default(), Version::V3_1);
    lone.remove();
    lone.forget();
    lone.add();
    assert_eq!(lone.told(), [Event::Reset { reason: Reason::Leftover, unacknowledged: 0 }], "HRD-4");
    assert_eq!((lone.state(), lone.peer.version()), (State::Established, None));
}

#[test]
fn a_session_with_a_linux_node_survives_users_that_go_to_0_and_back() {
    let mut lone = Lone::linux();
    lone.send();
    lone.remove();
    lone.forget();
    lone.add();
    assert_eq!((lone.told(), lone.peer.queued().0), (vec![], 1));
}

#[test]
fn a_bare_message_of_a_linux_node_is_refused_unless_it_may_be_bare() {
    let mut lone = Lone::linux();
    for kind in [RcomType::Names, RcomType::NamesReply, RcomType::StatusReply] {
        lone.hear(&[bare_rcom(Version::V3_2, kind)]);
        assert!(matches!(lone.told()[..], [Event::Delivered(_)]), "RCV-6: {kind}");
    }
    lone.hear(&[bare_rcom(Version::V3_2, RcomType::Lookup)]);
    assert_eq!(lone.told(), [Event::Misbehaved(PeerMisbehaved::Bare { cmd: Cmd::Rcom })]);
    lone.hear(&[bare_msg(Version::V3_2)]);
    assert_eq!(lone.told(), [Event::Misbehaved(PeerMisbehaved::Bare { cmd: Cmd::Msg })]);
}

#[test]
fn a_hello_on_a_connection_that_began_without_one_is_an_ack() {
    let mut lone = Lone::linux();
    lone.send();
    lone.forget();
    lone.hear(&[hello(1, crate::lone::PEER, None)]);
    assert_eq!(lone.peer.queued().0, 0);
    assert_eq!(lone.told(), [Event::Misbehaved(PeerMisbehaved::UnknownTail { len: 24 })]);
}

// ---- nodes of 3.1 ------------------------------------------------------------------------------------------------

fn old() -> Lone {
    Lone::linux_with(Config::default(), Version::V3_1)
}

#[test]
fn to_a_node_of_3_1_everything_goes_bare() {
    let mut lone = old();
    lone.send();
    lone.send();
    assert_eq!((lone.written(), lone.peer.queued()), (vec!["MSG".to_owned(); 2], (0, 0)));
    assert_eq!(lone.peer.poll_timeout(), None);
}

#[test]
fn from_a_node_of_3_1_everything_is_taken_bare_and_nothing_with_a_number() {
    let mut lone = old();
    lone.hear(&[bare_msg(Version::V3_1), bare_rcom(Version::V3_1, RcomType::Lookup)]);
    assert_eq!(lone.told().len(), 2);
    lone.hear(&[msg(0), ack(0)]);
    let fault = PeerMisbehaved::WrongVersion { expected: Version::V3_1, got: Version::V3_2 };
    assert_eq!(lone.told(), [Event::Misbehaved(fault), Event::Misbehaved(fault)]);
    let mut sequenced = msg(0);
    (sequenced[0], sequenced[24]) = (1, 1);
    let mut acknowledged = ack(0);
    acknowledged[0] = 1;
    lone.hear(&[sequenced, acknowledged, crate::lone::bare_fin(Version::V3_1)]);
    let faults = [Cmd::Opts, Cmd::Ack, Cmd::Fin].map(|cmd| Event::Misbehaved(PeerMisbehaved::Sequenced { cmd }));
    assert_eq!(lone.told(), faults, "SND-3");
    assert_eq!(lone.written().len(), 0);
}

#[test]
fn a_shutdown_towards_a_node_of_3_1_returns_at_once() {
    let mut lone = old();
    lone.input(Input::Shutdown);
    let reset = Event::Reset { reason: Reason::NoHandshake, unacknowledged: 0 };
    assert_eq!(lone.told(), [reset, done(Shutdown::NoHandshake)]);
    assert_eq!(lone.written().len(), 0);
    lone.assert_closed();
}

#[test]
fn to_a_node_of_3_1_nothing_is_sent_twice() {
    let mut lone = old();
    lone.is_holding = true;
    lone.send();
    assert_eq!(lone.written(), ["MSG"]);
    lone.send();
    let broken = lone.last;
    lone.is_holding = false;
    lone.input(Input::Broken(broken));
    let again: Vec<_> = lone.written().into_iter().filter(|what| what == "MSG").collect();
    assert_eq!(again.len(), 1, "SND-3: what was handed over is not, what was not is");
    assert_eq!(lone.peer.queued(), (0, 0));
}

#[test]
fn the_upper_layer_is_held_up_by_a_node_of_3_1_that_reads_slowly() {
    let mut lone = Lone::linux_with(Config { queue_messages: 2, ..Config::default() }, Version::V3_1);
    lone.is_holding = true;
    lone.send();
    lone.send();
    let refused = lone.peer.send(midcomms::midcomms::Kind::Msg, LS, &BODY);
    assert!(matches!(refused, Err(SendError::Full { peer: THEM, .. })));
    let id = lone.holds_writes.take().unwrap();
    lone.is_holding = false;
    lone.input(Input::Written(id));
    assert!(lone.told().contains(&Event::SendReady));
    assert_eq!(lone.peer.queued(), (0, 0));
}

#[test]
fn a_linux_stream_in_one_byte_pieces_is_the_same_stream() {
    let mut lone = Lone::linux();
    for byte in [msg(0), msg(1), ack(0), fin(2)].concat() {
        lone.input(Input::Received(lone.last, Bytes::from(vec![byte])));
    }
    assert_eq!((lone.state(), lone.peer.snapshot().seq_next), (State::CloseWait, Seq(3)));
}
