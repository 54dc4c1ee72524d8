//! The two forms of the protocol agree step by step: what the checker's nodes do (`system`) an observer never refuses and
//! tells as it was (`pair`), and what they cannot do it refuses, but for what section 10 of `PROTOCOL.md` grants.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod falsify;
mod frontier;
mod known;
mod tree;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use known::{GRANTED, KNOWN};
use midcomms_model::Revision;
use tree::{Case, Survey};

/// In `linux-6.12` the checker's message stands for so many on the wire: enough for an ACK (section 11, "ACK for data").
const RUN: u32 = 33;

/// Every state and transition of the environments, for each kernel: fails where the disagreements are not those known.
#[track_caller]
fn expect_what_is_known(environments: &[&str]) {
    expect_of(&Revision::LINUX, environments);
}

#[track_caller]
fn expect_of(revisions: &[Revision], environments: &[&str]) {
    let mut wrong = String::new();
    for &revision in revisions {
        for environment in environments {
            let survey = tree::survey(&Case::new(revision, environment));
            let Survey { states, transitions, unreached, compared, most_explanations, disagreements } = &survey;
            println!(
                "{revision} {environment}: {states} states, {unreached} of them unreached, {transitions} transitions, at \
                 most {most_explanations} explanations"
            );
            compared.iter().for_each(|(what, count)| println!("    {count} settled states, compared {what}"));
            for (class, (count, path, detail)) in disagreements {
                let path: Vec<String> = path.iter().map(ToString::to_string).collect();
                let text = format!("    {count} times {class}\n        {detail}\n        {}\n", path.join(" "));
                match known::reason(class, revision, environment) {
                    Some(why) => println!("{text}        {why}"),
                    None => wrong += &format!("new in {revision} {environment}:\n{text}"),
                }
            }
            let known = KNOWN.iter().filter(|known| known.is_in(revision, environment));
            for known in known.filter(|known| !disagreements.contains_key(known.class)) {
                wrong += &format!("gone from {revision} {environment}: {}\n", known.class);
            }
            let is_refused = disagreements.keys().any(|class| class.contains(" at "));
            assert!(is_refused || *unreached == 0, "{unreached} states of {revision} {environment} have no path");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_observer_and_the_checker_agree_where_nothing_breaks() {
    expect_what_is_known(&["mild", "both-leave", "rejoin", "early", "upgrade"]);
}

#[test]
fn the_observer_and_the_checker_agree_where_a_node_crashes() {
    expect_what_is_known(&["lockspaces", "fence"]);
}

#[test]
fn the_observer_and_the_checker_agree_where_connections_break() {
    expect_what_is_known(&["two-breaks", "wrap", "pages"]);
}

#[test]
#[ignore = "seconds in release, minutes without: cargo test -p midcomms-model --release --test agreement -- --ignored"]
fn the_observer_and_the_checker_agree_where_a_connection_breaks_while_both_leave_or_reserve() {
    expect_what_is_known(&["break", "split"]);
}

#[test]
#[ignore = "seconds in release, minutes without: cargo test -p midcomms-model --release --test agreement -- --ignored"]
fn the_observer_and_the_checker_agree_where_shutdowns_time_out() {
    expect_what_is_known(&["timeout"]);
}

/// Without `linux-6.12`, whose runs of messages take too long here.
#[test]
#[ignore = "seconds in release, minutes without: cargo test -p midcomms-model --release --test agreement -- --ignored"]
fn the_observer_and_the_checker_agree_where_input_is_stale() {
    expect_of(&[Revision::Linux5_14, Revision::Linux6_1], &["stale"]);
}

#[test]
fn what_the_checker_cannot_do_is_refused_unless_it_is_granted() {
    let mut tallies = BTreeMap::new();
    for revision in Revision::LINUX {
        for environment in ["mild", "both-leave", "break"] {
            falsify::falsify(&Case::new(revision, environment), 40, &mut tallies);
        }
    }
    let mut wrong = String::new();
    for (change, tally) in &tallies {
        let falsify::Tally { refused, granted, possible, example } = tally;
        println!("{change}: {refused} refused, {granted} granted, {possible} that the checker can do too");
        let most = GRANTED.iter().find(|(known, ..)| known == change).map_or(0, |(_, most, _)| *most);
        if *granted > most {
            wrong += &format!("{change}: {granted} granted, at most {most} were known: {example:#?}\n");
        }
        if most > 0 && *granted == 0 {
            wrong += &format!("{change}: nothing is granted any more\n");
        }
        assert!(refused + granted > 0, "{change}: never tried");
    }
    let changes: BTreeSet<&str> = tallies.keys().copied().collect();
    assert!(GRANTED.iter().all(|(change, ..)| changes.contains(change)));
    assert!(wrong.is_empty(), "{wrong}");
}
