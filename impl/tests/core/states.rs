//! The record state by state.

use midcomms::midcomms::{
    Config, Event, Incarnation, Input, Kind, PeerMisbehaved, Reason, SendError, Shutdown, State, Stimulus, Unexpected,
};
use midcomms::wire::{LockspaceId, Seq, Version};

use crate::lone::{BODY, LS, Lone, OWN, PEER, THEM, ack, done, fin, hello, msg, status};

const OTHER: LockspaceId = LockspaceId(0x22);

fn deliveries(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Delivered(_))).count()
}

// ---- CLOSED ------------------------------------------------------------------------------------------------------

#[test]
fn a_new_record_is_closed_and_does_nothing() {
    let mut lone = Lone::new();
    lone.drain();
    lone.assert_closed();
    assert_eq!((lone.peer.poll_timeout(), lone.peer.has_transmit(), lone.raw.len()), (None, false, 0));
}

#[test]
fn closed_refuses_to_send() {
    let mut lone = Lone::new();
    assert_eq!(lone.peer.send(Kind::Msg, LS, &BODY), Err(SendError::NotMember { peer: THEM }));
    lone.assert_closed();
}

#[test]
fn add_member_establishes_and_asks_status_behind_a_hello() {
    let mut lone = Lone::new();
    lone.add();
    assert_eq!((lone.state(), lone.peer.members()), (State::Established, [LS].as_slice()));
    assert_eq!(lone.written(), ["HELLO(0) 1000 to nobody", "RCOM STATUS"]);
}

#[test]
fn shutdown_of_a_closed_record_returns_at_once() {
    let mut lone = Lone::new();
    lone.input(Input::Shutdown);
    assert_eq!(lone.told(), [done(Shutdown::Closed)]);
    assert_eq!(lone.peer.poll_timeout(), None);
    lone.assert_closed();
}

#[test]
fn remove_member_in_closed_changes_nothing() {
    let mut lone = Lone::new();
    lone.remove();
    assert_eq!(lone.told(), []);
    lone.assert_closed();
}

// ---- ESTABLISHED -------------------------------------------------------------------------------------------------

#[test]
fn established_without_a_version_sends_nothing_sequenced() {
    let mut lone = Lone::new();
    lone.add();
    assert_eq!(lone.peer.send(Kind::Msg, LS, &BODY), Err(SendError::VersionUnknown { peer: THEM }));
    assert!(lone.peer.reserve(Kind::Msg, LS, 72).is_err());
    assert_eq!(lone.peer.queued(), (0, 0));
}

#[test]
fn what_was_added_twice_counts_once() {
    let mut lone = Lone::established();
    lone.add();
    lone.input(Input::AddMember(OTHER));
    assert_eq!(lone.peer.members(), [LS, OTHER]);
    lone.remove();
    assert_eq!((lone.state(), lone.peer.members()), (State::Established, [OTHER].as_slice()));
    lone.input(Input::RemoveMember(OTHER));
    assert_eq!((lone.state(), lone.peer.members().len()), (State::Established, 0));
}

#[test]
fn messages_are_delivered_in_order_and_once() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0), msg(1), msg(0), msg(1), msg(3), msg(2)]);
    let seqs: Vec<_> = lone
        .told()
        .into_iter()
        .map(|event| match event {
            Event::Delivered(delivery) => delivery.seq.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [Seq(0), Seq(1), Seq(2)]);
    let counters = *lone.peer.counters();
    assert_eq!((counters.duplicates, counters.gaps, counters.delivered), (2, 1, 3));
}

#[test]
fn a_duplicate_is_answered_and_a_gap_is_not() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    assert_eq!(lone.written(), Vec::<String>::new());
    lone.hear(&[msg(5)]);
    assert_eq!(lone.written(), Vec::<String>::new());
    lone.hear(&[msg(0)]);
    assert_eq!(lone.written(), ["ACK(1)"]);
}

#[test]
fn an_ack_takes_messages_off_the_queue() {
    let mut lone = Lone::established();
    for _ in 0..3 {
        lone.send();
    }
    assert_eq!(lone.written(), ["OPTS(0) MSG", "OPTS(1) MSG", "OPTS(2) MSG"]);
    lone.hear(&[ack(2)]);
    assert_eq!(lone.peer.queued().0, 1);
    lone.hear(&[ack(1)]);
    assert_eq!(lone.peer.queued().0, 1);
    lone.hear(&[ack(3)]);
    assert_eq!(lone.peer.queued(), (0, 0));
}

#[test]
fn fin_with_users_is_acknowledged_and_half_closes() {
    let mut lone = Lone::established();
    lone.hear(&[fin(0)]);
    assert_eq!((lone.state(), lone.peer.stops()), (State::CloseWait, (false, false)));
    assert_eq!((lone.told(), lone.written()), (vec![Event::PeerClosing], vec!["ACK(1)".to_owned()]));
}

#[test]
fn fin_without_users_is_acknowledged_before_the_own_fin() {
    let mut lone = Lone::established();
    lone.remove();
    lone.hear(&[fin(0)]);
    assert_eq!((lone.state(), lone.peer.stops()), (State::LastAck, (true, true)));
    assert_eq!(lone.written(), ["ACK(1)", "OPTS(0) FIN"]);
}

#[test]
fn shutdown_removes_the_members_and_sends_fin() {
    let mut lone = Lone::established();
    lone.input(Input::Shutdown);
    assert_eq!((lone.state(), lone.peer.members().len()), (State::FinWait1, 0));
    assert_eq!(lone.written(), ["OPTS(0) FIN"]);
}

#[test]
fn shutdown_waits_for_the_version() {
    let mut lone = Lone::new();
    lone.add();
    lone.forget();
    lone.input(Input::Shutdown);
    assert_eq!((lone.state(), lone.written().len()), (State::Established, 0));
    lone.hear(&[hello(0, PEER, Some(OWN))]);
    assert_eq!(lone.state(), State::FinWait1);
    assert_eq!(lone.written(), ["HELLO(0) 1000 to 9000", "OPTS(0) FIN"]);
}

#[test]
fn a_fence_drops_everything() {
    let mut lone = Lone::established();
    lone.send();
    lone.forget();
    lone.input(Input::Fence);
    let unacknowledged = 1;
    assert_eq!(lone.told(), [Event::Reset { reason: Reason::Fenced, unacknowledged }]);
    assert_eq!((lone.closes.len(), lone.peer.connections(), lone.peer.poll_timeout()), (1, (None, None), None));
    assert_eq!(lone.peer.members(), []);
    lone.assert_closed();
}

// ---- FIN_WAIT1 ---------------------------------------------------------------------------------------------------

#[test]
fn fin_wait1_sends_nothing_more() {
    let mut lone = Lone::established().fin_wait1();
    let closing = SendError::Closing { peer: THEM, state: State::FinWait1 };
    assert_eq!(lone.peer.send(Kind::Msg, LS, &BODY), Err(closing));
}

#[test]
fn fin_wait1_still_delivers() {
    let mut lone = Lone::established().fin_wait1();
    lone.hear(&[msg(0), msg(1)]);
    assert_eq!(deliveries(&lone.told()), 2);
}

#[test]
fn ack_of_what_is_before_the_fin_does_not_leave_fin_wait1() {
    let mut lone = Lone::established();
    lone.send();
    lone.input(Input::Shutdown);
    lone.hear(&[ack(1)]);
    assert_eq!(lone.state(), State::FinWait1);
    lone.hear(&[ack(2)]);
    assert_eq!(lone.state(), State::FinWait2);
}

#[test]
fn fin_in_fin_wait1_is_a_simultaneous_close() {
    let mut lone = Lone::established().fin_wait1();
    lone.hear(&[fin(0)]);
    assert_eq!((lone.state(), lone.peer.stops()), (State::Closing, (true, true)));
    assert_eq!(lone.written(), ["ACK(1)"]);
}

#[test]
fn remove_in_fin_wait1_of_what_the_shutdown_removed_is_ignored() {
    let mut lone = Lone::established().fin_wait1();
    lone.remove();
    assert_eq!((lone.state(), lone.told()), (State::FinWait1, vec![]));
}

#[test]
fn the_last_remove_in_fin_wait1_is_a_protocol_error() {
    let mut lone = Lone::established().fin_wait1();
    let before = lone.peer.snapshot();
    let unexpected = Unexpected { state: State::FinWait1, stimulus: Stimulus::LastRemove };
    assert_eq!(midcomms::midcomms::transition(State::FinWait1, Stimulus::LastRemove), Err(unexpected));
    assert_eq!(lone.peer.snapshot(), before);
    lone.drain();
}

// ---- FIN_WAIT2 ---------------------------------------------------------------------------------------------------

#[test]
fn fin_wait2_delivers_until_the_fin_and_acknowledges_it_as_its_last_act() {
    let mut lone = Lone::established().fin_wait2();
    lone.hear(&[msg(0), msg(1)]);
    assert_eq!((deliveries(&lone.told()), lone.state()), (2, State::FinWait2));
    lone.hear(&[fin(2)]);
    assert_eq!(lone.written(), ["ACK(3)"]);
    assert_eq!(lone.told(), [Event::Closed, done(Shutdown::Closed)]);
    lone.assert_closed();
}

#[test]
fn the_last_ack_goes_out_in_the_name_of_the_incarnation_that_is_over() {
    let mut lone = Lone::established().fin_wait2();
    lone.is_holding = true;
    lone.hear(&[msg(0)]);
    let broken = lone.last;
    lone.input(Input::Broken(broken));
    lone.is_holding = false;
    lone.forget();
    lone.accept();
    lone.hear(&[hello(1, PEER, Some(OWN)), msg(0), fin(1)]);
    assert_eq!(lone.written(), ["HELLO(2) 1000 to 9000"]);
    lone.assert_closed();
}

// ---- CLOSE_WAIT --------------------------------------------------------------------------------------------------

#[test]
fn close_wait_goes_on_sending() {
    let mut lone = Lone::established().close_wait();
    lone.send();
    assert_eq!(lone.written(), ["OPTS(0) MSG"]);
    lone.hear(&[ack(1)]);
    assert_eq!((lone.peer.queued().0, lone.state()), (0, State::CloseWait));
}

#[test]
fn nothing_fresh_is_accepted_behind_the_fin() {
    for lone in [Lone::established().close_wait(), Lone::established().last_ack(), Lone::established().closing()] {
        let mut lone = lone;
        lone.hear(&[msg(1), fin(1)]);
        let fault = Event::Misbehaved(PeerMisbehaved::AfterFin { seq: Seq(1) });
        assert_eq!(lone.told(), [fault.clone(), fault]);
        assert_eq!(lone.peer.snapshot().seq_next, Seq(1));
    }
}

#[test]
fn fin_in_close_wait_is_not_delivered_twice() {
    let mut lone = Lone::established().close_wait();
    lone.hear(&[fin(0)]);
    assert_eq!((lone.told(), lone.written()), (vec![], vec!["ACK(1)".to_owned()]));
    assert_eq!(lone.state(), State::CloseWait);
}

#[test]
fn the_last_remove_in_close_wait_sends_fin() {
    let mut lone = Lone::established();
    lone.input(Input::AddMember(OTHER));
    let mut lone = lone.close_wait();
    lone.remove();
    assert_eq!(lone.state(), State::CloseWait);
    lone.input(Input::RemoveMember(OTHER));
    assert_eq!((lone.state(), lone.written()), (State::LastAck, vec!["OPTS(0) FIN".to_owned()]));
}

#[test]
fn shutdown_in_close_wait_ends_in_last_ack_and_then_closed() {
    let mut lone = Lone::established().close_wait();
    lone.input(Input::Shutdown);
    assert_eq!((lone.state(), lone.written()), (State::LastAck, vec!["OPTS(0) FIN".to_owned()]));
    lone.hear(&[ack(1)]);
    assert_eq!(lone.told(), [Event::Closed, done(Shutdown::Closed)]);
    lone.assert_closed();
}

// ---- CLOSING -----------------------------------------------------------------------------------------------------

#[test]
fn ack_of_fin_ends_closing() {
    let mut lone = Lone::established().closing();
    lone.hear(&[ack(1)]);
    assert_eq!(lone.told(), [Event::Closed, done(Shutdown::Closed)]);
    lone.assert_closed();
}

#[test]
fn both_in_one_chunk_close_and_acknowledge() {
    let mut lone = Lone::established().fin_wait1();
    lone.hear(&[fin(0), ack(1)]);
    assert_eq!(lone.written(), ["ACK(1)"]);
    lone.assert_closed();
}

// ---- LAST_ACK ----------------------------------------------------------------------------------------------------

#[test]
fn ack_of_fin_ends_last_ack() {
    let mut lone = Lone::established().last_ack();
    lone.hear(&[ack(1)]);
    assert_eq!(lone.told(), [Event::Closed]);
    lone.assert_closed();
}

#[test]
fn the_first_add_in_every_closing_state_resets() {
    let fixtures: [fn(Lone) -> Lone; 4] = [Lone::fin_wait1, Lone::fin_wait2, Lone::closing, Lone::last_ack];
    for fixture in fixtures {
        let mut lone = fixture(Lone::established());
        lone.add();
        assert_eq!(lone.state(), State::Established);
        assert!(matches!(lone.told()[0], Event::Reset { reason: Reason::Leftover, unacknowledged: 0 }));
        assert_eq!((lone.peer.queued(), lone.peer.version(), lone.peer.bound()), ((0, 0), None, None));
        assert!(lone.own() > OWN);
    }
}

#[test]
fn the_first_add_to_what_is_established_without_users_goes_on_with_it() {
    let mut lone = Lone::established();
    lone.send();
    lone.remove();
    lone.forget();
    lone.add();
    assert_eq!((lone.state(), lone.told(), lone.peer.queued().0), (State::Established, vec![], 1));
}

#[test]
fn the_next_incarnation_begins_with_the_first_number() {
    let mut lone = Lone::established().last_ack();
    lone.hear(&[ack(1)]);
    lone.add();
    let (own, next) = (lone.own(), Incarnation(PEER.0 + 1));
    lone.hear(&[hello(0, next, Some(own)), status()]);
    lone.forget();
    lone.send();
    assert_eq!(lone.written(), ["OPTS(0) MSG"]);
    lone.hear(&[msg(0)]);
    assert_eq!(deliveries(&lone.told()), 1);
}

#[test]
fn a_message_of_another_version_is_refused() {
    let mut lone = Lone::established_with(Config::default(), Seq(0));
    let mut other = msg(0);
    for at in [0, 24] {
        other[at] = 1;
    }
    lone.hear(&[other]);
    let fault = PeerMisbehaved::WrongVersion { expected: Version::V3_2, got: Version::V3_1 };
    assert_eq!(lone.told(), [Event::Misbehaved(fault)]);
}
