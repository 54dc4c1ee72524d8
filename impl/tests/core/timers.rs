//! Timers and thresholds: everything happens at its instant, and not a nanosecond before.

use std::time::Duration;

use midcomms::midcomms::{Config, Input, Reason, Shutdown, State, Time};
use midcomms::wire::Seq;

use crate::lone::{Lone, ack, done, msg};

const NS: Duration = Duration::from_nanos(1);

/// Lets time pass up to a nanosecond before `poll_timeout`, then that last one; nothing is written before.
fn wait_exactly(lone: &mut Lone, expected: Duration) -> Vec<String> {
    let due = lone.peer.poll_timeout().expect("a timer runs");
    assert_eq!(due, lone.now.after(expected));
    lone.now = Time(due.0 - 1);
    let before = lone.peer.snapshot();
    lone.input(Input::Timeout);
    assert_eq!((lone.raw.len(), lone.told().len(), lone.peer.snapshot()), (0, 0, before));
    assert_eq!(lone.peer.poll_timeout(), Some(due));
    lone.now = lone.now.after(NS);
    lone.input(Input::Timeout);
    assert!(lone.peer.poll_timeout() != Some(due));
    lone.written()
}

#[test]
fn status_is_asked_again_at_its_interval() {
    let mut lone = Lone::new();
    lone.add();
    lone.forget();
    for _ in 0..3 {
        assert_eq!(wait_exactly(&mut lone, Duration::from_secs(1)), ["RCOM STATUS"]);
    }
}

#[test]
fn a_delivery_is_acknowledged_after_the_delay() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    lone.told();
    assert_eq!(wait_exactly(&mut lone, Duration::from_millis(40)), ["ACK(1)"]);
    assert_eq!(lone.peer.poll_timeout(), None);
}

#[test]
fn the_delay_counts_from_the_first_delivery() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    lone.now = lone.now.after(Duration::from_millis(30));
    lone.hear(&[msg(1)]);
    lone.told();
    assert_eq!(wait_exactly(&mut lone, Duration::from_millis(10)), ["ACK(2)"]);
}

#[test]
fn retransmission_backs_off_up_to_its_limit() {
    let mut lone = Lone::established();
    lone.send();
    lone.forget();
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(wait_exactly(&mut lone, Duration::from_secs(seconds)), ["OPTS(0) MSG"], "HRD-7");
    }
    assert_eq!((lone.peer.counters().timeouts, lone.peer.counters().passes), (7, 7));
    lone.send();
    lone.forget();
    lone.hear(&[ack(1)]);
    assert_eq!(wait_exactly(&mut lone, Duration::from_secs(1)), ["OPTS(1) MSG"]);
    lone.hear(&[ack(2)]);
    assert_eq!((lone.peer.poll_timeout(), lone.peer.queued()), (None, (0, 0)));
}

#[test]
fn no_copies_queue_behind_a_write_that_is_not_complete() {
    let mut lone = Lone::established();
    lone.is_holding = true;
    lone.send();
    lone.forget();
    lone.pass(Duration::from_secs(100));
    assert_eq!(lone.written(), Vec::<String>::new());
    lone.is_holding = false;
    let id = lone.holds_writes.unwrap();
    lone.input(Input::Written(id));
    assert_eq!(wait_exactly(&mut lone, Duration::from_secs(1)), ["OPTS(0) MSG"]);
}

#[test]
fn a_retransmission_that_falls_due_while_a_write_is_not_complete_comes_after_it() {
    let mut lone = Lone::established();
    lone.send();
    lone.is_holding = true;
    lone.send();
    lone.forget();
    lone.pass(Duration::from_secs(1));
    assert_eq!((lone.written().len(), lone.peer.poll_timeout()), (0, None));
    lone.is_holding = false;
    let id = lone.holds_writes.unwrap();
    lone.input(Input::Written(id));
    assert_eq!(wait_exactly(&mut lone, Duration::from_secs(1)), ["OPTS(0) MSG", "OPTS(1) MSG"]);
}

#[test]
fn a_shutdown_gives_up_at_its_instant() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    lone.pass(Duration::from_millis(40));
    lone.forget();
    lone.input(Input::Shutdown);
    let began = lone.now;
    lone.pass(Duration::from_secs(5) - NS);
    assert_eq!((lone.state(), lone.told()), (State::FinWait1, vec![]));
    lone.pass(NS);
    assert_eq!(lone.now, began.after(Duration::from_secs(5)));
    let reset = midcomms::midcomms::Event::Reset { reason: Reason::ShutdownTimeout, unacknowledged: 0 };
    assert_eq!(lone.told(), [reset, done(Shutdown::TimedOut)]);
    assert_eq!(lone.peer.poll_timeout(), None);
    lone.assert_closed();
}

#[test]
fn a_shutdown_that_waits_for_the_version_gives_up_too() {
    let mut lone = Lone::new();
    lone.add();
    lone.input(Input::Shutdown);
    lone.pass(Duration::from_secs(5));
    assert!(lone.told().contains(&done(Shutdown::TimedOut)));
    lone.assert_closed();
}

#[test]
fn asking_for_a_shutdown_twice_does_not_prolong_it() {
    let mut lone = Lone::established();
    lone.input(Input::Shutdown);
    lone.pass(Duration::from_secs(3));
    lone.input(Input::Shutdown);
    lone.pass(Duration::from_secs(2));
    assert_eq!(lone.told().iter().filter(|event| **event == done(Shutdown::TimedOut)).count(), 1);
    lone.assert_closed();
}

// ---- thresholds --------------------------------------------------------------------------------------------------

#[test]
fn the_256th_delivery_is_acknowledged_at_once_and_none_before() {
    let mut lone = Lone::established();
    let all: Vec<_> = (0..255).map(msg).collect();
    lone.hear(&all);
    assert_eq!(lone.written(), Vec::<String>::new());
    lone.hear(&[msg(255)]);
    assert_eq!(lone.written(), ["ACK(256)"]);
    lone.hear(&[msg(256)]);
    assert_eq!(lone.written(), Vec::<String>::new());
}

#[test]
fn the_32nd_delivery_is_acknowledged_before_the_next_message_goes_out() {
    let mut lone = Lone::established();
    lone.hear(&(0..31).map(msg).collect::<Vec<_>>());
    lone.send();
    assert_eq!(lone.written(), ["OPTS(0) MSG"]);
    lone.hear(&[msg(31)]);
    lone.send();
    assert_eq!(lone.written(), ["ACK(32)", "OPTS(1) MSG"]);
}

#[test]
fn so_many_bytes_are_acknowledged_at_once() {
    let config = Config { ack_bytes: 3 * 112, ..Config::default() };
    let mut lone = Lone::established_with(config, Seq(0));
    assert_eq!(msg(0).len(), 112);
    lone.hear(&[msg(0), msg(1)]);
    assert_eq!(lone.written(), Vec::<String>::new());
    lone.hear(&[msg(2)]);
    assert_eq!(lone.written(), ["ACK(3)"]);
}

#[test]
fn who_knows_that_the_peer_waits_has_what_was_accepted_acknowledged_at_once() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    lone.told();
    lone.forget();
    lone.peer.acknowledge();
    lone.input(Input::Timeout);
    assert_eq!(lone.written(), ["ACK(1)"]);
    assert_eq!(lone.peer.poll_timeout(), None, "nothing is left to acknowledge");
}

#[test]
fn nothing_is_acknowledged_to_a_peer_that_has_not_answered() {
    let mut lone = Lone::new();
    lone.add();
    lone.forget();
    lone.peer.acknowledge();
    lone.input(Input::Timeout);
    assert_eq!(lone.written(), [] as [String; 0]);
}

#[test]
fn another_threshold_holds_from_the_next_delivery_on() {
    let mut lone = Lone::established();
    lone.hear(&[msg(0)]);
    assert_eq!(lone.written(), [] as [String; 0]);
    lone.peer.set_config(Config { ack_on_receive: 2, ..Config::default() });
    lone.hear(&[msg(1)]);
    assert_eq!(lone.written(), ["ACK(2)"]);
}

#[test]
fn a_clone_goes_on_by_itself() {
    let mut lone = Lone::established();
    lone.send();
    let clone = lone.peer.clone();
    let before = clone.snapshot();
    lone.hear(&[ack(1)]);
    assert_eq!((lone.peer.queued().0, clone.queued().0), (0, 1));
    assert_eq!(clone.snapshot(), before);
}
