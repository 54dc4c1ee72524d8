//! What two records say together, made up.

use std::fs;

use midcomms_conformance::diagnose::{Certainty, Diagnosis, gather, judge};

const TCP: &str = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";

/// A record: state, queue, version.
fn record(peer: u32, what: &str) -> String {
    let mut words = what.split(' ');
    let (state, queue) = (words.next().unwrap(), words.next().unwrap_or("0"));
    let version = words.next().unwrap_or("0x00030002");
    format!("/sys/kernel/debug/dlm/comms/{peer} state={state} flags=0 sendq={queue} version={version}\n")
}

fn sockets(own: u32, peer: u32, unread: u32, unsent: u32) -> String {
    format!("{TCP}ESTAB {unread} {unsent} 10.0.0.{own}:21064 10.0.0.{peer}:40000\n")
}

/// Nodes 1 and 2, `moments` times 10 s apart; sockets and logs as given.
fn diagnosis(records: [&str; 2], moments: usize, sockets: [&str; 2], logs: [&str; 2]) -> Diagnosis {
    let desk = tempfile::tempdir().unwrap();
    for (index, own) in [1, 2].into_iter().enumerate() {
        for moment in 0..moments {
            let directory = desk.path().join(format!("node{own}/{moment}"));
            fs::create_dir_all(&directory).unwrap();
            let head = format!("--- {}.0 node{own} x\n", 1000 + 10 * moment);
            fs::write(directory.join("comms.txt"), head + &record(3 - own, records[index]) + sockets[index]).unwrap();
            fs::write(directory.join("dmesg.txt"), logs[index]).unwrap();
        }
    }
    let (evidence, unusable) = gather(&[desk.path().to_owned()]);
    assert!(evidence.damage.is_empty() && unusable.is_empty(), "{:?} {unusable:?}", evidence.damage);
    judge(&evidence, &unusable)
}

fn assert_found(records: [&str; 2], kind: &str, waits: u32, hazard: Option<&str>) {
    for (moments, certainty) in [(1, Certainty::Likely), (2, Certainty::Proven)] {
        let diagnosis = diagnosis(records, moments, ["", ""], ["", ""]);
        let found: Vec<_> = diagnosis.findings().collect();
        assert_eq!(found.len(), 1, "{records:?}: {diagnosis:#?}");
        let got = (found[0].kind, found[0].waits, found[0].hazard, found[0].certainty);
        assert_eq!(got, (kind, waits, hazard, certainty), "{records:?}");
    }
}

#[test]
fn a_fin_that_nobody_answers_is_told() {
    assert_found(["FIN_WAIT1 1", "CLOSED"], "fin-unanswered", 1, Some("H4"));
    assert_found(["CLOSED", "LAST_ACK 1"], "fin-unanswered", 2, Some("H4"));
    assert_found(["CLOSING 1", "CLOSED"], "fin-unanswered", 1, Some("H4"));
}

#[test]
fn who_is_half_closed_waits_for_the_other_s_cluster_manager() {
    assert_found(["FIN_WAIT2", "CLOSE_WAIT"], "half-closed", 1, None);
    assert_found(["CLOSE_WAIT 9", "CLOSED"], "left-behind", 1, Some("H4"));
}

#[test]
fn a_fin_under_way_and_another_incarnation_are_told_apart() {
    assert_found(["FIN_WAIT1 1", "ESTABLISHED"], "fin-not-accepted", 1, None);
    assert_found(["FIN_WAIT2", "ESTABLISHED"], "different-incarnations", 1, Some("H5"));
}

#[test]
fn an_ack_and_a_fin_that_are_both_missing_are_two_things() {
    let both = diagnosis(["FIN_WAIT1 1", "LAST_ACK 1"], 2, ["", ""], ["", ""]);
    let found: Vec<_> = both.findings().map(|found| (found.kind, found.waits, found.hazard)).collect();
    assert_eq!(found, [("ack-missing", 1, Some("H15")), ("fin-not-accepted", 2, None)]);
}

#[test]
fn a_version_that_is_unset_or_differs_is_told() {
    let unset = diagnosis(["ESTABLISHED 0 0x0", "CLOSED 0 0x0"], 2, ["", ""], ["", ""]);
    assert_eq!(unset.findings().map(|found| found.kind).collect::<Vec<_>>(), ["version-unknown"]);
    let upgrade = diagnosis(["ESTABLISHED 0 0x00030001", "ESTABLISHED 0"], 1, ["", ""], ["", ""]);
    let found: Vec<_> = upgrade.findings().map(|found| (found.kind, found.hazard)).collect();
    assert_eq!(found, [("versions-differ", Some("H16"))]);
}

#[test]
fn a_ghost_is_a_session_without_a_lockspace() {
    let log = "[ 1.0] dlm: test: joining the lockspace group...\n[ 1.1] dlm: test: add member 2\n\
               [ 9.0] dlm: test: remove member 2\n";
    let ghost = diagnosis(["ESTABLISHED 0", "CLOSED"], 2, ["", ""], [log, ""]);
    assert_eq!(ghost.findings().map(|found| found.kind).collect::<Vec<_>>(), ["ghost"], "{ghost:#?}");
    let passing = diagnosis(["ESTABLISHED 0", "CLOSED"], 1, ["", ""], [log, ""]);
    assert_eq!(passing.findings().count(), 0, "seen once, with nothing in its queue, it may be a join");
}

#[test]
fn messages_without_a_connection_are_told_with_the_reason() {
    let refused = "[ 1.0] dlm: Using TCP for communications\n[ 2.0] dlm: connect to node 2 try 7 error -111\n";
    let found = diagnosis(["ESTABLISHED 5", "ESTABLISHED"], 1, [TCP, TCP], [refused, ""]);
    let finding = found.findings().next().unwrap();
    assert_eq!((finding.kind, finding.certainty), ("no-connection", Certainty::Proven), "{found:#?}");
    let sctp =
        diagnosis(["ESTABLISHED 5", "ESTABLISHED"], 1, [TCP, TCP], ["[ 1.0] dlm: Using SCTP for communications\n", ""]);
    assert_eq!(sctp.findings().count(), 0, "ss -t does not show SCTP: {sctp:#?}");
}

#[test]
fn bytes_that_nobody_takes_or_reads_are_told() {
    let [reads_not, quiet] = [sockets(1, 2, 700, 0), sockets(2, 1, 0, 0)];
    let found = diagnosis(["ESTABLISHED", "ESTABLISHED"], 2, [&reads_not, &quiet], ["", ""]);
    let finding = found.findings().next().unwrap();
    assert_eq!((finding.kind, finding.waits, finding.owes), ("not-read", 2, 1));
    let takes_not = sockets(1, 2, 0, 700);
    let found = diagnosis(["ESTABLISHED", "ESTABLISHED"], 2, [&takes_not, &quiet], ["", ""]);
    let finding = found.findings().next().unwrap();
    assert_eq!((finding.kind, finding.waits, finding.owes), ("not-taken", 1, 2));
}

#[test]
fn a_kernel_of_6_1_that_does_not_acknowledge_has_not_accepted() {
    let desk = tempfile::tempdir().unwrap();
    for own in [1u32, 2] {
        let node = desk.path().join(format!("node{own}"));
        for moment in [1, 2] {
            fs::create_dir_all(node.join(moment.to_string())).unwrap();
            let text = format!(
                "--- 10{moment}0 node{own} x\n{}{}",
                record(3 - own, "ESTABLISHED 4"),
                sockets(own, 3 - own, 0, 0)
            );
            fs::write(node.join(format!("{moment}/comms.txt")), text).unwrap();
        }
        let kernel = if own == 1 { "6.1.0-56-amd64" } else { "6.12.95" };
        fs::write(node.join("node.txt"), format!("nodeid {own}\nkernel {kernel}\n")).unwrap();
    }
    let (evidence, _) = gather(&[desk.path().to_owned()]);
    let diagnosis = judge(&evidence, &[]);
    let found: Vec<_> = diagnosis.findings().map(|found| (found.kind, found.waits, found.certainty)).collect();
    assert_eq!(found, [("lost-message", 1, Certainty::Likely)], "{diagnosis:#?}");
}
