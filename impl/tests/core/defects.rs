//! Each seeded defect does what the historic one did, and the core without it does not.

use std::collections::BTreeSet;
use std::time::Duration;

use midcomms::midcomms::{Config, Defect, Input, Kind, Reason, SendError, Shutdown, State};
use midcomms::wire::{LockspaceId, Seq};

use crate::lone::{BODY, LS, Lone, OWN, PEER, ack, done, fin, hello, msg, status};
use crate::pair::{A, B, Pair};

const MS: Duration = Duration::from_millis(1);

fn config(defect: Option<Defect>) -> Config {
    Config { defect, ..Config::default() }
}

fn lone(defect: Option<Defect>) -> Lone {
    Lone::established_with(config(defect), Seq(0))
}

fn pair(defect: Option<Defect>) -> Pair {
    Pair::established_with(&config(defect), Seq(0))
}

/// What a scenario shows without the defect, and with it.
fn shows<T: PartialEq + core::fmt::Debug>(defect: Defect, scenario: impl Fn(Option<Defect>) -> T, expected: [T; 2]) {
    assert_eq!([scenario(None), scenario(Some(defect))], expected, "{defect}: {}", defect.text());
}

#[test]
fn every_defect_is_seeded_or_says_why_not() {
    let all: Vec<_> = Defect::all().collect();
    let ids: BTreeSet<_> = all.iter().map(|defect| defect.id()).collect();
    assert_eq!(
        ids,
        (1..=15).map(|number| format!("D{number}")).collect::<Vec<_>>().iter().map(String::as_str).collect()
    );
    assert!(all.iter().all(|defect| defect.id().parse() == Ok(*defect) && !defect.text().is_empty()));
    let not_seeded: Vec<_> = all.iter().filter(|defect| defect.reason().is_some()).copied().collect();
    assert_eq!(not_seeded, [Defect::D9]);
    assert_eq!("D16".parse::<Defect>().unwrap_err().to_string(), "expected a defect from D1 to D15, got `D16`");
}

#[test]
fn d1_forgets_the_fin_when_that_of_the_peer_comes_between() {
    let scenario = |defect| {
        let mut lone = lone(defect);
        lone.input(Input::Shutdown);
        lone.hear(&[fin(0)]);
        lone.pass(MS * 2);
        (lone.state(), lone.written().contains(&"OPTS(0) FIN".to_owned()))
    };
    shows(Defect::D1, scenario, [(State::Closing, true), (State::Closing, false)]);
}

#[test]
fn d2_waits_in_close_wait_for_members_that_nobody_removes() {
    let scenario = |defect| {
        let mut lone = lone(defect).close_wait();
        lone.forget();
        lone.input(Input::Shutdown);
        (lone.state(), lone.written())
    };
    let fin = vec!["OPTS(0) FIN".to_owned()];
    shows(Defect::D2, scenario, [(State::LastAck, fin), (State::CloseWait, Vec::new())]);
}

#[test]
fn d3_establishes_a_record_that_closes() {
    let scenario = |defect| {
        let mut lone = lone(defect).fin_wait1();
        lone.hear(&[status()]);
        lone.state()
    };
    shows(Defect::D3, scenario, [State::FinWait1, State::Established]);
}

#[test]
fn d4_goes_on_with_the_incarnation_that_timed_out() {
    let scenario = |defect| {
        let mut lone = lone(defect);
        lone.send();
        lone.input(Input::Shutdown);
        lone.pass(Duration::from_secs(6));
        assert!(lone.told().contains(&done(Shutdown::TimedOut)));
        lone.add();
        (lone.own() == OWN, lone.peer.snapshot().seq_send, lone.state())
    };
    shows(Defect::D4, scenario, [(false, Seq(0), State::Established), (true, Seq(2), State::Established)]);
}

#[test]
fn d5_writes_an_ack_behind_the_fin() {
    let scenario = |defect| {
        let mut lone = Lone::established_with(Config { ack_on_receive: 1, ..config(defect) }, Seq(0));
        // One piece of work holds both: what is heard while something is written waits.
        lone.is_holding = true;
        lone.send();
        lone.hear(&[msg(0)]);
        lone.input(Input::Shutdown);
        lone.forget();
        lone.is_holding = false;
        let held = lone.holds_writes.take().unwrap();
        lone.input(Input::Written(held));
        lone.written()
    };
    let [fin, ack] = ["OPTS(1) FIN".to_owned(), "ACK(1)".to_owned()];
    shows(Defect::D5, scenario, [vec![ack.clone(), fin.clone()], vec![fin, ack]]);
}

#[test]
fn d6_leaves_a_closed_record_deaf() {
    let scenario = |defect| {
        let mut lone = lone(defect).fin_wait2();
        lone.hear(&[fin(0)]);
        (lone.state(), lone.peer.stops(), lone.peer.is_initial())
    };
    shows(Defect::D6, scenario, [(State::Closed, (false, false), true), (State::Closed, (false, true), false)]);
}

#[test]
fn d7_stops_a_record_that_has_closed_meanwhile() {
    let scenario = |defect| {
        let mut lone = lone(defect).close_wait();
        lone.remove();
        lone.hear(&[ack(1)]);
        assert_eq!(lone.state(), State::Closed);
        lone.pass(MS * 2);
        let is_initial = lone.peer.is_initial();
        lone.add();
        let own = lone.own();
        lone.hear(&[hello(0, midcomms::midcomms::Incarnation(PEER.0 + 1), Some(own)), status()]);
        let refused = lone.peer.send(Kind::Msg, LS, &BODY).err();
        (is_initial, matches!(refused, Some(SendError::Closing { .. })))
    };
    shows(Defect::D7, scenario, [(true, false), (false, true)]);
}

#[test]
fn d8_takes_its_last_ack_with_it() {
    let scenario = |defect| {
        let mut lone = lone(defect).fin_wait2();
        lone.forget();
        lone.hear(&[fin(0)]);
        (lone.state(), lone.written(), lone.closes.is_empty())
    };
    let ack = vec!["ACK(1)".to_owned()];
    shows(Defect::D8, scenario, [(State::Closed, ack, true), (State::Closed, Vec::new(), false)]);
}

#[test]
fn d10_has_the_next_member_uncounted() {
    let scenario = |defect| {
        let mut lone = Lone::with(config(defect), Seq(0));
        lone.remove();
        lone.add();
        (lone.peer.members().len(), lone.state())
    };
    shows(Defect::D10, scenario, [(1, State::Established), (0, State::Closed)]);
}

#[test]
fn d10_uncounts_another_lockspace() {
    let scenario = |defect| {
        let mut lone = lone(defect);
        lone.input(Input::RemoveMember(LockspaceId(LS.0 + 1)));
        lone.peer.members().len()
    };
    shows(Defect::D10, scenario, [1, 0]);
}

#[test]
fn d11_leaves_without_a_handshake() {
    let scenario = |defect| {
        let mut lone = Lone::with(config(defect), Seq(0));
        lone.add();
        lone.told();
        lone.input(Input::Shutdown);
        (lone.state(), lone.told().contains(&done(Shutdown::NoHandshake)))
    };
    shows(Defect::D11, scenario, [(State::Established, false), (State::Closed, true)]);
}

#[test]
fn d12_acknowledges_a_fin_that_it_refuses() {
    let scenario = |defect| {
        let mut lone = lone(defect).close_wait();
        lone.forget();
        lone.hear(&[fin(1)]);
        (lone.peer.snapshot().seq_next, lone.written())
    };
    shows(Defect::D12, scenario, [(Seq(1), Vec::new()), (Seq(2), vec!["ACK(2)".to_owned()])]);
}

#[test]
fn d13_never_reads_the_second_connection() {
    let scenario = |defect| {
        let mut lone = lone(defect);
        lone.accept();
        let second = lone.accept();
        let own = lone.own();
        lone.hear_on(second, &[hello(0, PEER, Some(own)), msg(0)]);
        lone.peer.snapshot().seq_next
    };
    shows(Defect::D13, scenario, [Seq(1), Seq(0)]);
}

#[test]
fn d14_holds_back_what_was_committed_and_all_behind_it() {
    let scenario = |defect| {
        let mut lone = lone(defect);
        let reservation = lone.peer.reserve(Kind::Msg, LS, BODY.len()).unwrap();
        lone.peer.commit(&reservation, |body| body.copy_from_slice(&BODY)).unwrap();
        lone.send();
        lone.written().len()
    };
    shows(Defect::D14, scenario, [2, 0]);
}

#[test]
fn d15_sends_nothing_again_on_the_next_connection() {
    let scenario = |defect| {
        let mut pair = pair(defect);
        pair.send(A);
        pair.break_all();
        pair.drive();
        pair.send(A);
        pair.advance(MS * 50);
        (pair.delivered(B), pair.peers[B].counters().gaps > 0)
    };
    shows(Defect::D15, scenario, [(vec![0, 1], false), (Vec::new(), true)]);
}

#[test]
fn what_is_seeded_is_off_by_default() {
    assert_eq!(Config::default().defect, None);
    let mut pair = pair(None);
    pair.input(A, Input::Shutdown);
    pair.input(B, Input::Shutdown);
    pair.drive();
    pair.assert_closed();
    assert!(!pair.told(A).iter().any(|event| format!("{event:?}").contains(&format!("{:?}", Reason::ShutdownTimeout))));
}
