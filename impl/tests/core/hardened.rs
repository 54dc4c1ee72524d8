//! The seven measures of the revision `hardened`, each by its id.

use std::time::Duration;

use midcomms::midcomms::{Config, Event, Incarnation, Input, PeerMisbehaved, Reason, Shutdown, State};
use midcomms::wire::Seq;

use crate::lone::{LS, Lone, OWN, PEER, ack, ack_with, done, fin, gone, hello, msg, status, status_reply};

const NEWER: Incarnation = Incarnation(0x9001);
const OLDER: Incarnation = Incarnation(0x8FFF);

fn restarted(unacknowledged: usize) -> Event {
    Event::Reset { reason: Reason::PeerRestarted, unacknowledged }
}

// ---- HRD-1 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_1_a_hello_is_the_first_message_and_these_are_its_bytes() {
    let mut lone = Lone::new();
    lone.add();
    #[rustfmt::skip]
    let expected = [
        0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x28, 0x00, 0x04, 0x00,
        0x48, 0x52, 0x44, 0x31, 0x01, 0x00, 0x00, 0x00,
        0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];
    assert_eq!(lone.raw[0], expected);
    assert_eq!(u32::from_le_bytes(expected[16..20].try_into().unwrap()), 0x3144_5248);
}

#[test]
fn hrd_1_gone_has_these_bytes() {
    let mut lone = Lone::new();
    lone.accept();
    lone.hear(&[hello(0, PEER, Some(Incarnation(0x55))), fin(0)]);
    #[rustfmt::skip]
    let expected = [
        0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x28, 0x00, 0x04, 0x00,
        0x48, 0x52, 0x44, 0x31, 0x02, 0x00, 0x00, 0x00,
        0x55, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];
    assert_eq!(lone.raw[1], expected);
}

#[test]
fn hrd_1_the_first_message_for_the_own_id_binds() {
    let mut lone = Lone::new();
    lone.add();
    lone.hear(&[hello(0, PEER, None)]);
    assert_eq!((lone.peer.bound(), lone.peer.version()), (None, None));
    lone.hear(&[hello(0, PEER, Some(OWN))]);
    assert_eq!(lone.peer.bound(), Some(PEER));
    assert!(matches!(lone.told()[..], [Event::Up { is_hardened: true, .. }]));
}

#[test]
fn hrd_1_a_hello_goes_out_again_when_an_id_changes() {
    let mut lone = Lone::new();
    lone.add();
    lone.forget();
    lone.hear(&[hello(0, PEER, None), status()]);
    assert_eq!(lone.written(), ["HELLO(0) 1000 to 9000", "RCOM STATUS_REPLY"]);
    lone.hear(&[hello(0, PEER, Some(OWN)), status()]);
    assert_eq!(lone.written(), ["RCOM STATUS_REPLY"]);
}

#[test]
fn hrd_1_a_hello_is_said_on_every_connection() {
    let mut lone = Lone::established();
    lone.send();
    let broken = lone.last;
    lone.forget();
    lone.input(Input::Broken(broken));
    assert_eq!(lone.written(), ["HELLO(0) 1000 to 9000", "OPTS(0) MSG"]);
}

#[test]
fn hrd_1_what_is_for_another_incarnation_is_dropped() {
    let mut lone = Lone::established();
    lone.hear(&[hello(0, PEER, Some(Incarnation(0x999))), msg(0), ack(0)]);
    lone.hear(&[hello(0, PEER, None), msg(0)]);
    assert_eq!((lone.told(), lone.peer.snapshot().seq_next), (vec![], Seq(0)));
    assert_eq!(lone.peer.counters().dropped, 5);
}

#[test]
fn hrd_1_what_is_from_another_incarnation_is_dropped() {
    for source in [OLDER, NEWER] {
        let mut lone = Lone::established();
        lone.hear(&[hello(0, source, Some(OWN)), msg(0), fin(0)]);
        assert_eq!((lone.state(), lone.peer.snapshot().seq_next), (State::Established, Seq(0)));
    }
}

#[test]
fn hrd_1_a_status_of_an_older_incarnation_is_not_answered() {
    let mut lone = Lone::established();
    lone.hear(&[hello(0, OLDER, None), status()]);
    assert_eq!((lone.written().len(), lone.peer.bound()), (0, Some(PEER)));
}

#[test]
fn hrd_1_a_status_of_a_newer_incarnation_resets_and_asks_in_turn() {
    let mut lone = Lone::established();
    lone.send();
    lone.forget();
    lone.hear(&[hello(0, NEWER, None), status()]);
    assert_eq!(lone.told(), [restarted(1)]);
    assert_eq!(lone.state(), State::Established);
    assert_eq!(lone.written(), ["HELLO(0) 1001 to 9001", "RCOM STATUS_REPLY", "RCOM STATUS"]);
}

#[test]
fn hrd_1_a_newer_incarnation_is_answered_without_users_too() {
    let mut lone = Lone::established();
    lone.remove();
    lone.forget();
    lone.hear(&[hello(0, NEWER, None), status()]);
    assert_eq!((lone.state(), lone.told()), (State::Established, vec![restarted(0)]));
    assert_eq!(lone.written(), ["HELLO(0) 1001 to 9001", "RCOM STATUS_REPLY", "RCOM STATUS"]);
}

#[test]
fn hrd_1_a_shutdown_begins_again_with_the_next_incarnation() {
    let mut lone = Lone::established().fin_wait1();
    lone.hear(&[hello(0, NEWER, None), status()]);
    assert_eq!((lone.state(), lone.told()), (State::Established, vec![restarted(0)]));
    lone.forget();
    let own = lone.own();
    lone.hear(&[hello(0, NEWER, Some(own)), status_reply()]);
    assert_eq!((lone.state(), lone.written()), (State::FinWait1, vec!["OPTS(0) FIN".to_owned()]));
    lone.hear(&[ack(1), fin(0)]);
    assert!(lone.told().contains(&done(Shutdown::Closed)));
    lone.assert_closed();
}

#[test]
fn hrd_1_an_unknown_tail_is_an_ack_and_is_counted() {
    let good = hello(1, PEER, Some(OWN))[16..].to_vec();
    let mut other_magic = good.clone();
    other_magic[0] = b'X';
    let mut other_kind = good.clone();
    other_kind[4] = 3;
    let mut no_source = good.clone();
    no_source[8..16].fill(0);
    let mut long = good.clone();
    long.push(0);
    for tail in [other_magic, other_kind, no_source, long, good[..23].to_vec(), vec![0]] {
        let mut lone = Lone::established();
        lone.send();
        lone.forget();
        lone.hear(&[ack_with(1, &tail)]);
        assert_eq!(lone.peer.queued().0, 0);
        assert_eq!(lone.told(), [Event::Misbehaved(PeerMisbehaved::UnknownTail { len: tail.len() })]);
    }
}

#[test]
fn hrd_1_ids_grow_even_where_the_clock_stands_still() {
    let mut lone = Lone::new();
    let mut last = lone.own();
    for _ in 0..5 {
        lone.add();
        lone.input(Input::Fence);
        assert!(lone.own() > last);
        last = lone.own();
    }
    lone.now = midcomms::midcomms::Time(1 << 50);
    lone.add();
    lone.input(Input::Fence);
    assert_eq!(lone.own(), Incarnation(1 << 50));
}

#[test]
fn hrd_1_a_linux_node_in_place_of_a_hardened_one_is_not_believed() {
    let mut lone = Lone::established();
    lone.accept();
    lone.hear(&[status(), msg(0)]);
    let fault = Event::Misbehaved(PeerMisbehaved::LostItsIds);
    assert_eq!(lone.told(), [fault.clone(), fault]);
    assert_eq!(lone.written().len(), 0);
}

#[test]
fn hrd_1_a_hardened_node_in_place_of_a_linux_one_begins_a_new_incarnation() {
    let mut lone = Lone::linux();
    lone.hear(&[msg(0), msg(1)]);
    lone.forget();
    lone.accept();
    lone.hear(&[hello(0, PEER, None), status()]);
    assert_eq!(lone.told(), [restarted(0)]);
    let own = lone.own();
    lone.hear(&[hello(0, PEER, Some(own)), msg(0)]);
    let told = lone.told();
    assert!(matches!(told[..], [Event::Up { is_hardened: true, .. }, Event::Delivered(_)]), "{told:?}");
}

// ---- HRD-2 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_2_no_message_establishes() {
    let mut lone = Lone::new();
    lone.accept();
    lone.hear(&[hello(0, PEER, None), status(), status_reply(), msg(0), ack(0)]);
    lone.hear(&[hello(0, PEER, Some(OWN)), msg(0), status()]);
    assert_eq!((lone.told(), lone.written().len(), lone.peer.counters().dropped), (vec![], 0, 8));
    lone.assert_closed();
    lone.accept();
    lone.hear(&[status(), msg(0), ack(0)]);
    assert_eq!((lone.told(), lone.written().len()), (vec![], 0));
    lone.assert_closed();
}

// ---- HRD-3 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_3_a_closed_record_answers_a_fin_with_gone() {
    let mut lone = Lone::established().fin_wait2();
    lone.hear(&[fin(0)]);
    lone.assert_closed();
    lone.forget();
    lone.hear(&[fin(0)]);
    assert_eq!(lone.written(), ["HELLO(0) 1001 to nobody", "GONE 1000 to 9000"]);
}

#[test]
fn hrd_3_an_open_record_answers_it_with_its_own_status() {
    let mut lone = Lone::established();
    lone.hear(&[hello(0, PEER, Some(Incarnation(0x999))), fin(0)]);
    assert_eq!((lone.written(), lone.state()), (vec!["RCOM STATUS".to_owned()], State::Established));
}

#[test]
fn hrd_3_gone_ends_every_closing_state() {
    let fixtures: [fn(Lone) -> Lone; 4] = [Lone::fin_wait1, Lone::fin_wait2, Lone::closing, Lone::last_ack];
    for fixture in fixtures {
        let mut lone = fixture(Lone::established());
        lone.hear(&[hello(0, NEWER, None), gone(PEER, OWN)]);
        assert_eq!(lone.told()[0], Event::Reset { reason: Reason::PeerGone, unacknowledged: 0 });
        lone.assert_closed();
    }
}

#[test]
fn hrd_3_a_stale_gone_changes_nothing() {
    for (source, destination) in [(OLDER, OWN), (NEWER, OWN), (PEER, Incarnation(0xFFF)), (PEER, Incarnation(0x1001))] {
        let mut lone = Lone::established().fin_wait1();
        lone.hear(&[gone(source, destination)]);
        assert_eq!((lone.state(), lone.told()), (State::FinWait1, vec![]));
    }
    for lone in [Lone::established(), Lone::established().close_wait()] {
        let mut lone = lone;
        let state = lone.state();
        lone.hear(&[gone(PEER, OWN)]);
        assert_eq!((lone.state(), lone.told()), (state, vec![]));
    }
}

#[test]
fn hrd_3_no_connection_is_opened_for_a_late_answer() {
    let mut lone = Lone::new();
    lone.is_holding = true;
    let id = lone.accept();
    lone.hear(&[hello(0, PEER, Some(Incarnation(0x55))), fin(0)]);
    lone.hear(&[fin(0)]);
    lone.input(Input::Broken(id));
    assert_eq!((lone.peer.connections(), lone.peer.has_transmit()), ((None, None), false));
}

// ---- HRD-4 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_4_a_session_survives_users_that_go_to_0_and_back() {
    let mut lone = Lone::established();
    lone.remove();
    lone.hear(&[msg(0)]);
    lone.forget();
    lone.add();
    assert_eq!((lone.told(), lone.own(), lone.written().len()), (vec![], OWN, 0));
    assert_eq!((lone.peer.snapshot().seq_next, lone.peer.members()), (Seq(1), [LS].as_slice()));
}

#[test]
fn hrd_4_the_first_add_to_a_clean_record_keeps_its_incarnation() {
    let mut lone = Lone::new();
    lone.add();
    assert_eq!((lone.own(), lone.told()), (OWN, vec![]));
}

// ---- HRD-5 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_5_a_removal_of_what_was_not_added_changes_nothing() {
    let mut lone = Lone::established();
    for _ in 0..3 {
        lone.input(Input::RemoveMember(midcomms::wire::LockspaceId(0x99)));
    }
    assert_eq!((lone.told(), lone.peer.members()), (vec![], [LS].as_slice()));
    let mut lone = lone.close_wait();
    lone.input(Input::RemoveMember(midcomms::wire::LockspaceId(0x99)));
    assert_eq!(lone.state(), State::CloseWait);
}

// ---- HRD-6 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_6_numbers_are_compared_serially() {
    let mut lone = Lone::established_with(Config::default(), Seq(u32::MAX));
    lone.hear(&[msg(u32::MAX), msg(0)]);
    assert_eq!(lone.told().len(), 2);
    lone.hear(&[msg(u32::MAX)]);
    assert_eq!((lone.written(), lone.peer.counters().duplicates), (vec!["ACK(1)".to_owned()], 1));
    lone.hear(&[msg(2)]);
    assert_eq!((lone.written().len(), lone.peer.counters().gaps), (0, 1));
    for _ in 0..3 {
        lone.send();
    }
    lone.hear(&[ack(1)]);
    assert_eq!(lone.peer.queued().0, 1);
    lone.hear(&[ack(u32::MAX)]);
    assert_eq!((lone.peer.queued().0, lone.peer.counters().misbehaved), (1, 0));
}

// ---- HRD-7 -------------------------------------------------------------------------------------------------------

#[test]
fn hrd_7_the_whole_queue_goes_out_again_in_time() {
    let mut lone = Lone::established();
    for _ in 0..3 {
        lone.send();
    }
    let first: Vec<_> = lone.raw.clone();
    lone.forget();
    lone.pass(Duration::from_secs(1));
    assert_eq!(lone.raw, first, "SND-6");
}

#[test]
fn hrd_7_nothing_goes_out_again_once_it_is_acknowledged() {
    let mut lone = Lone::established();
    lone.send();
    lone.hear(&[ack(1)]);
    lone.forget();
    lone.pass(Duration::from_secs(100));
    assert_eq!((lone.written().len(), lone.peer.poll_timeout()), (0, None));
}
