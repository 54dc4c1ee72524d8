//! Two records over the virtual network: breaks, closing, fence and rejoin, numbers that wrap.

use std::time::Duration;

use midcomms::midcomms::{Config, Event, Incarnation, Input, Peer, Reason, Shutdown, State};
use midcomms::wire::{NodeId, Seq};

use crate::lone::{LS, done};
use crate::pair::{A, B, Pair};

const MS: Duration = Duration::from_millis(1);

fn leave(pair: &mut Pair, side: usize) {
    pair.input(side, Input::Shutdown);
    pair.drive();
}

/// Both leave, one after the other, and nothing is left over.
fn close(mut pair: Pair) {
    leave(&mut pair, A);
    pair.input(B, Input::RemoveMember(LS));
    pair.drive();
    pair.assert_drained();
    pair.assert_closed();
}

// ---- opening -----------------------------------------------------------------------------------------------------

#[test]
fn two_records_find_each_other() {
    let mut pair = Pair::with(&Config::default(), Seq(0));
    pair.add_both();
    pair.drive();
    assert_eq!(pair.states(), (State::Established, State::Established));
    assert_eq!(pair.peers[A].bound(), Some(pair.peers[B].snapshot().incarnation));
    assert_eq!(pair.peers[B].bound(), Some(pair.peers[A].snapshot().incarnation));
    close(pair);
}

#[test]
fn who_is_added_late_is_asked_again() {
    let mut pair = Pair::with(&Config::default(), Seq(0));
    pair.input(A, Input::AddMember(LS));
    pair.advance(Duration::from_millis(10_500));
    assert_eq!((pair.states(), pair.peers[A].version()), ((State::Established, State::Closed), None));
    pair.input(B, Input::AddMember(LS));
    pair.drive();
    assert!(pair.peers.iter().all(|peer| peer.version().is_some()));
    close(pair);
}

#[test]
fn one_connection_serves_both_where_only_one_opens() {
    let mut pair = Pair::with(&Config::default(), Seq(0));
    pair.input(A, Input::AddMember(LS));
    pair.drive();
    pair.input(B, Input::AddMember(LS));
    pair.drive();
    assert_eq!(pair.who_opened(), [A]);
    pair.send(B);
    pair.drive();
    assert_eq!(pair.delivered(A), [0]);
    close(pair);
}

// ---- breaks ------------------------------------------------------------------------------------------------------

#[test]
fn what_was_lost_with_a_connection_goes_out_again_on_the_next() {
    let mut pair = Pair::established();
    for _ in 0..5 {
        pair.send(A);
        pair.send(B);
    }
    pair.break_all();
    pair.drive();
    assert_eq!(pair.delivered(A), [0, 1, 2, 3, 4]);
    assert_eq!(pair.delivered(B), [0, 1, 2, 3, 4]);
    pair.advance(50 * MS);
    pair.assert_drained();
    close(pair);
}

#[test]
fn lost_acks_draw_duplicates_and_these_draw_acks() {
    let mut pair = Pair::established();
    for _ in 0..3 {
        pair.send(A);
    }
    pair.drive();
    assert_eq!(pair.delivered(B), [0, 1, 2]);
    pair.break_all();
    pair.drive();
    assert_eq!(pair.delivered(B), Vec::<u32>::new());
    pair.assert_drained();
    close(pair);
}

#[test]
fn after_a_break_delivery_goes_on_within_one_reconnect_and_one_round_trip() {
    for sender in [A, B] {
        let mut pair = Pair::established();
        pair.break_all();
        pair.send(sender);
        // This network opens connections at once, so what remains is the way of the message.
        pair.advance(pair.latency);
        assert_eq!(pair.delivered(1 - sender), [0]);
        close(pair);
    }
}

#[test]
fn a_break_that_only_one_end_notices_loses_nothing() {
    for keep in 0..3 {
        let mut pair = Pair::established();
        for _ in 0..3 {
            pair.send(A);
        }
        pair.cut(A, keep);
        pair.send(A);
        pair.notice(A);
        pair.advance(5000 * MS);
        assert_eq!(pair.delivered(B), [0, 1, 2, 3]);
        pair.assert_drained();
        close(pair);
    }
}

#[test]
fn an_orderly_close_of_either_connection_loses_nothing() {
    for (side, ours) in [(A, true), (A, false), (B, true), (B, false)] {
        let mut pair = Pair::established();
        for _ in 0..3 {
            pair.send(A);
            pair.send(B);
        }
        pair.finish(side, ours);
        pair.advance(10_000 * MS);
        assert_eq!((pair.delivered(A), pair.delivered(B)), (vec![0, 1, 2], vec![0, 1, 2]), "{side} {ours}");
        pair.assert_drained();
        close(pair);
    }
}

#[test]
fn breaks_at_every_step_of_a_close_still_close_both() {
    for steps in 0..12_u32 {
        let mut pair = Pair::established();
        pair.send(A);
        pair.send(B);
        pair.input(A, Input::Shutdown);
        pair.input(B, Input::RemoveMember(LS));
        pair.advance(MS / 2 * steps);
        pair.break_all();
        pair.advance(Duration::from_secs(4));
        pair.assert_closed();
        assert!(pair.told(A).contains(&done(Shutdown::Closed)), "{steps}");
    }
}

// ---- numbers that wrap -------------------------------------------------------------------------------------------

#[test]
fn numbers_wrap_across_a_break() {
    let first = u32::MAX - 3;
    let mut pair = Pair::established_with(&Config::default(), Seq(first));
    for _ in 0..8 {
        pair.send(A);
        pair.send(B);
    }
    pair.break_all();
    pair.drive();
    let expected: Vec<_> = (0..8).map(|n| first.wrapping_add(n)).collect();
    assert_eq!((pair.delivered(A), pair.delivered(B)), (expected.clone(), expected));
    pair.break_all();
    pair.advance(100 * MS);
    pair.assert_drained();
    assert!(pair.peers.iter().all(|peer| peer.counters().gaps == 0 && peer.counters().misbehaved == 0));
    close(pair);
}

#[test]
fn a_fin_wraps_too() {
    let mut pair = Pair::established_with(&Config::default(), Seq(u32::MAX));
    leave(&mut pair, A);
    assert_eq!(pair.states(), (State::FinWait2, State::CloseWait));
    pair.input(B, Input::RemoveMember(LS));
    pair.drive();
    pair.assert_closed();
}

// ---- closing -----------------------------------------------------------------------------------------------------

#[test]
fn who_leaves_first_waits_until_the_other_has_left() {
    let mut pair = Pair::established();
    leave(&mut pair, A);
    assert_eq!(pair.states(), (State::FinWait2, State::CloseWait));
    pair.send(B);
    pair.drive();
    assert_eq!(pair.delivered(A), [0]);
    pair.input(B, Input::RemoveMember(LS));
    pair.drive();
    assert!(pair.told(A).contains(&done(Shutdown::Closed)));
    assert!(pair.told(B).contains(&Event::Closed));
    pair.assert_closed();
}

#[test]
fn both_may_leave_at_once() {
    let mut pair = Pair::established();
    pair.send(A);
    pair.input(A, Input::Shutdown);
    pair.input(B, Input::Shutdown);
    assert_eq!(pair.states(), (State::FinWait1, State::FinWait1));
    pair.drive();
    for side in [A, B] {
        assert!(pair.told(side).contains(&done(Shutdown::Closed)));
    }
    pair.assert_closed();
}

#[test]
fn a_pair_can_meet_again_after_its_close() {
    let mut pair = Pair::established();
    for _ in 0..3 {
        pair.send(A);
        pair.drive();
        assert_eq!(pair.delivered(B), [0]);
        leave(&mut pair, B);
        pair.input(A, Input::RemoveMember(LS));
        pair.drive();
        pair.assert_closed();
        pair.add_both();
        pair.drive();
    }
    close(pair);
}

#[test]
fn a_shutdown_towards_who_does_not_answer_times_out_and_the_other_learns_it_later() {
    let mut pair = Pair::established();
    pair.cut(A, 0);
    pair.cut(B, 0);
    pair.refuses = [true; 2];
    leave(&mut pair, A);
    pair.advance(Duration::from_secs(6));
    assert_eq!(pair.states(), (State::Closed, State::Established));
    assert!(pair.told(A).contains(&done(Shutdown::TimedOut)));
    pair.refuses = [false; 2];
    pair.notice(A);
    pair.notice(B);
    leave(&mut pair, B);
    pair.advance(Duration::from_secs(2));
    let told = pair.told(B);
    assert!(told.contains(&Event::Reset { reason: Reason::PeerGone, unacknowledged: 0 }), "{told:?}");
    assert!(told.contains(&done(Shutdown::Closed)));
    pair.assert_closed();
}

// ---- fence and rejoin --------------------------------------------------------------------------------------------

/// B dies and begins anew with the id `first`; what A knew of it is fenced.
fn crash_b(pair: &mut Pair, first: Incarnation) {
    pair.cut(A, 0);
    pair.cut(B, 0);
    let first = Peer::new(Config::default(), NodeId(2), NodeId(1), first);
    pair.peers[B] = first;
    pair.input(A, Input::Fence);
    pair.told(A);
    pair.told(B);
}

#[test]
fn who_rejoins_after_a_crash_begins_with_a_clean_record() {
    let mut pair = Pair::established();
    for _ in 0..3 {
        pair.send(A);
        pair.send(B);
    }
    pair.drive();
    let before = pair.peers[B].snapshot().incarnation;
    crash_b(&mut pair, Incarnation(before.0 + 1));
    pair.add_both();
    pair.drive();
    assert_eq!(pair.peers[A].bound(), Some(Incarnation(before.0 + 1)));
    pair.send(A);
    pair.send(B);
    pair.drive();
    assert_eq!((pair.delivered(A), pair.delivered(B)), (vec![0], vec![0]));
    close(pair);
}

#[test]
fn a_removal_that_comes_after_a_fence_changes_nothing() {
    let mut pair = Pair::established();
    crash_b(&mut pair, Incarnation(0x9999));
    pair.add_both();
    pair.drive();
    pair.input(A, Input::RemoveMember(midcomms::wire::LockspaceId(0x99)));
    assert_eq!(pair.peers[A].members(), [LS]);
    close(pair);
}

#[test]
fn who_restarts_unnoticed_resets_the_other_by_its_status() {
    let mut pair = Pair::established();
    pair.send(A);
    pair.drive();
    pair.told(A);
    assert_eq!(pair.delivered(B), [0]);
    let before = pair.peers[A].snapshot().incarnation;
    pair.cut(A, 0);
    pair.cut(B, 0);
    pair.peers[B] = Peer::new(Config::default(), NodeId(2), NodeId(1), Incarnation(0xA000));
    pair.input(B, Input::AddMember(LS));
    pair.notice(A);
    pair.advance(Duration::from_secs(3));
    assert!(matches!(pair.told(A)[0], Event::Reset { reason: Reason::PeerRestarted, .. }));
    assert!(pair.peers[A].snapshot().incarnation > before);
    assert_eq!(pair.peers[A].bound(), Some(Incarnation(0xA000)));
    pair.send(A);
    pair.drive();
    assert_eq!(pair.delivered(B), [0]);
    close(pair);
}
