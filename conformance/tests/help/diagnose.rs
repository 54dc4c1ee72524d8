//! The ground truth of the captures, whole and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use midcomms_conformance::diagnose::{Certainty, Diagnosis, Outcome, gather, judge};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{excerpts, midcomms, repository, stdout};

fn diagnosis(paths: &[PathBuf]) -> Diagnosis {
    let (evidence, unusable) = gather(paths);
    judge(&evidence, &unusable)
}

fn kinds(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis.findings().map(|finding| finding.kind).collect()
}

/// The excerpt of the stall, in a directory of its own, without the files for which `leaves_out` is true.
fn stall_without(leaves_out: impl Fn(&str) -> bool) -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let from = excerpts().join("stallhunt-k612");
    for node in ["node1", "node2"] {
        for file in ["node.txt", "1/comms.txt", "1/dmesg.txt", "1/sent.tsv", "1/delivered.tsv"].into_iter().chain([
            "2/comms.txt",
            "2/dmesg.txt",
            "2/sent.tsv",
            "2/delivered.tsv",
        ]) {
            let name = format!("{node}/{file}");
            if !leaves_out(&name) {
                let to = desk.path().join(&name);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from.join(&name), to).unwrap();
            }
        }
    }
    desk
}

fn of_stall_without(leaves_out: impl Fn(&str) -> bool) -> Diagnosis {
    let desk = stall_without(leaves_out);
    diagnosis(&[desk.path().to_owned()])
}

fn assert_the_lost_message(diagnosis: &Diagnosis, certainty: Certainty) {
    let found: Vec<_> = diagnosis.findings().collect();
    assert_eq!(kinds(diagnosis), ["lost-message"], "{found:#?}");
    assert_eq!((found[0].waits, found[0].owes, found[0].certainty), (1, 2, certainty), "{found:#?}");
    assert_eq!(diagnosis.outcome, Outcome::Hangs);
}

#[test]
fn the_stall_of_stallhunt_is_the_loss_of_7860_by_h2() {
    let diagnosis = of_stall_without(|_| false);
    assert_the_lost_message(&diagnosis, Certainty::Proven);
    let found = diagnosis.findings().next().unwrap();
    assert!(found.owed.contains("message 7860 of node 2"), "{}", found.owed);
    assert!(found.owed.contains("its send queue holds 66"), "{}", found.owed);
    assert_eq!(found.hazard, Some("H2"));
    assert!(diagnosis.damage.is_empty(), "{:?}", diagnosis.damage);
}

#[test]
fn tracepoints_prove_the_stall_when_it_has_just_begun() {
    let diagnosis = of_stall_without(|file| file.contains("/2/") || file.ends_with("dmesg.txt"));
    assert_the_lost_message(&diagnosis, Certainty::Proven);
    assert!(diagnosis.findings().next().unwrap().owed.contains("7860"));
}

#[test]
fn the_log_of_the_receiver_alone_proves_it() {
    let diagnosis = of_stall_without(|file| !file.starts_with("node1/2/") || file.ends_with(".tsv"));
    let found: Vec<_> = diagnosis.findings().collect();
    assert_eq!(kinds(&diagnosis), ["lost-message"], "{diagnosis:#?}");
    assert!(found[0].owed.contains("message 7860 of node 2"), "{}", found[0].owed);
    assert_eq!(found[0].hazard, None, "which hazard it is, the sender's log tells");
}

#[test]
fn records_and_sockets_at_two_moments_make_it_likely() {
    let diagnosis = of_stall_without(|file| file.ends_with("dmesg.txt") || file.ends_with(".tsv"));
    assert_the_lost_message(&diagnosis, Certainty::Likely);
}

#[test]
fn records_and_sockets_at_one_moment_do_not_decide_it() {
    let diagnosis =
        of_stall_without(|file| file.contains("/2/") || !file.ends_with(".txt") || file.ends_with("dmesg.txt"));
    assert_eq!(diagnosis.outcome, Outcome::NothingToConclude, "{diagnosis:#?}");
    assert!(diagnosis.pairs[0].unknown[0].contains("63 unacknowledged"), "{:?}", diagnosis.pairs[0].unknown);
}

#[test]
fn a_departure_that_was_not_told_names_the_lockspace() {
    let diagnosis = diagnosis(&[excerpts().join("latetold-k612/node1")]);
    let found = diagnosis.findings().next().unwrap();
    assert_eq!((found.kind, found.waits, found.owes), ("half-closed", 2, 1));
    assert!(found.owed.contains("lockspace test"), "{}", found.owed);
    assert_eq!(diagnosis.outcome, Outcome::Hangs);
}

/// Every moment of every capture: the sections of comms.txt up to and with it.
fn moments() -> Vec<(String, String)> {
    let mut moments = Vec::new();
    for directory in fs::read_dir(repository().join("traces/kernel")).unwrap() {
        let path = directory.unwrap().path().join("comms.txt");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let capture = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let sections: Vec<String> = text.split("--- ").skip(1).map(|section| format!("--- {section}")).collect();
        let label = |section: &str| section.lines().next().unwrap().splitn(4, ' ').nth(3).unwrap().to_owned();
        for (index, section) in sections.iter().enumerate() {
            let next = sections.get(index + 1).map(|next| label(next));
            if next.as_deref() != Some(&label(section)) {
                moments.push((format!("{capture}: {}", label(section)), sections[..=index].concat()));
            }
        }
    }
    moments.sort();
    moments
}

/// What comes out at the moments of the ground truth that are not quiet: kinds, or nothing where it is not decided.
const NOT_QUIET: &[(&str, &[&str])] = &[
    ("crash-k612: after kill", &["not-taken"]),
    ("crash-k612: before kill", &[]),
    ("halfclose-k61: half closed", &["half-closed"]),
    ("halfclose-k61: half closed 2", &["half-closed"]),
    ("halfclose-k612: before leave", &[]),
    ("halfclose-k612: half closed", &["half-closed"]),
    ("halfclose-k612: half closed 2", &["half-closed"]),
    ("heavy-k61: 12", &[]),
    ("heavy-k61: 6", &[]),
    ("latetold-k612: 0 half closed", &["half-closed"]),
    ("latetold-k612: 1 half closed", &["half-closed"]),
    ("latetold-k612: 2 half closed", &["half-closed"]),
    ("latetold-k612: after removal", &["fin-unanswered"]),
    ("sctp-k612: after load", &[]),
    ("stallhunt-k612: after leave 2", &["one-sided"]),
    ("stallhunt-k612: stall", &[]),
    ("stallhunt-k612: stall 20 s later", &["lost-message"]),
];

#[test]
fn at_every_other_moment_of_the_ground_truth_nothing_is_owed() {
    let desk = tempfile::tempdir().unwrap();
    let (mut seen, mut wrong) = (Vec::new(), Vec::new());
    for (name, text) in moments() {
        fs::write(desk.path().join("comms.txt"), text).unwrap();
        let diagnosis = diagnosis(&[desk.path().to_owned()]);
        assert!(diagnosis.damage.is_empty(), "{name}: {:?}", diagnosis.damage);
        let expected = NOT_QUIET.iter().find(|(known, _)| *known == name);
        seen.extend(expected.map(|(known, _)| *known));
        let outcome = match expected {
            None => Outcome::NothingOwed,
            Some((_, [])) => Outcome::NothingToConclude,
            Some(_) => Outcome::Hangs,
        };
        if diagnosis.outcome != outcome || kinds(&diagnosis) != expected.map_or(&[][..], |(_, kinds)| kinds) {
            wrong.push(format!("{name}: {:?} {:?} {:?}", diagnosis.outcome, kinds(&diagnosis), diagnosis.pairs));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), NOT_QUIET.len(), "{seen:?}");
}

#[test]
fn after_the_end_nothing_is_owed_with_all_that_was_recorded() {
    for directory in fs::read_dir(repository().join("traces/kernel")).unwrap() {
        let path = directory.unwrap().path();
        if path.is_dir() {
            let diagnosis = diagnosis(std::slice::from_ref(&path));
            assert_eq!(diagnosis.outcome, Outcome::NothingOwed, "{}: {diagnosis:#?}", path.display());
        }
    }
}

#[test]
fn the_binary_ends_with_the_codes_that_it_promises() {
    let code = |arguments: &[&str]| midcomms(arguments).status.code().unwrap();
    let stall = excerpts().join("stallhunt-k612");
    let stall = stall.to_str().unwrap();
    let clean = repository().join("traces/kernel/clean-k612");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(code(&["diagnose", stall]), 1);
    assert_eq!(code(&["diagnose", clean.to_str().unwrap()]), 0);
    assert_eq!(code(&["diagnose", empty.path().to_str().unwrap()]), 2);
    assert_eq!(code(&["diagnose", "no such directory"]), 2);
    assert_eq!(code(&["diagnose"]), 2);
    let both = midcomms(&["diagnose", clean.to_str().unwrap(), stall]);
    let told = String::from_utf8([both.stdout, both.stderr].concat()).unwrap();
    assert_eq!(both.status.code(), Some(2), "{told}");
    assert!(told.contains("diagnose one cluster at a time"), "{told}");
    let nodes = [format!("{stall}/node1"), format!("{stall}/node2")];
    let output = midcomms(&["diagnose", "--format", "json", &nodes[0], &nodes[1]]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["format"], "midcomms-diagnosis");
    assert_eq!(json["version"], 1);
    assert_eq!(json["outcome"], "hangs");
    assert_eq!(json["pairs"][0]["findings"][0]["hazard"], "H2");
}

#[test]
fn the_collector_is_what_the_binary_prints_and_sh_takes_it() {
    let script = stdout(&midcomms(&["diagnose", "--script"]));
    assert_eq!(script, fs::read_to_string(repository().join("docs/collect.sh")).unwrap());
}

/// A tree like that of a kernel, from which the collector collects.
#[test]
fn what_the_collector_collects_is_understood() {
    let desk = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = desk.path().join("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("sys/kernel/config/dlm/cluster/comms/1/local", "1\n");
    write("sys/kernel/config/dlm/cluster/comms/1/nodeid", "1\n");
    for (name, text) in
        [("state", "CLOSE_WAIT\n"), ("flags", "0\n"), ("send_queue_count", "3\n"), ("version", "0x00030002\n")]
    {
        write(&format!("sys/kernel/debug/dlm/comms/2/{name}"), text);
    }
    write("sys/kernel/tracing/events/dlm/enable", "1\n");
    write(
        "sys/kernel/tracing/trace",
        "# tracer: nop\n  x-1 [000] ..... 1.5: dlm_send_message: dst=2 h_seq=9 h_nodeid=1\n",
    );
    let out = desk.path().join("node");
    let output = std::process::Command::new("sh")
        .arg(repository().join("docs/collect.sh"))
        .args(["-w", "0", "-o", out.to_str().unwrap()])
        .env("MIDCOMMS_ROOT", desk.path().join("root"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (evidence, unusable) = gather(&[out]);
    assert!(unusable.is_empty() && evidence.damage.is_empty(), "{unusable:?} {:?}", evidence.damage);
    let node = &evidence.nodes[&1];
    assert_eq!(node.snapshots.len(), 2);
    assert_eq!(node.trace.as_ref().unwrap().sent[&2].last(), Some(&(1.5, 9)));
    assert!(node.kernel.is_some() && node.booted.is_some());
    assert_eq!(judge(&evidence, &[]).findings().next().unwrap().kind, "half-closed");
}

#[test]
fn a_damaged_line_is_told_with_its_place_and_keeps_the_rest() {
    let desk = stall_without(|_| false);
    let path = desk.path().join("node1/2/comms.txt");
    let text = fs::read_to_string(&path).unwrap().replace("state=CLOSED", "state=SLEEPING");
    fs::write(&path, text + "\u{1}\n").unwrap();
    let diagnosis = diagnosis(&[desk.path().to_owned()]);
    assert_the_lost_message(&diagnosis, Certainty::Proven);
    assert_eq!(diagnosis.damage.len(), 2, "{:?}", diagnosis.damage);
    assert!(diagnosis.damage[0].contains("comms.txt:2: no known state="), "{:?}", diagnosis.damage);
}

#[test]
fn what_is_damaged_is_never_taken_for_all_is_well() {
    let desk = tempfile::tempdir().unwrap();
    let clean = fs::read_to_string(repository().join("traces/kernel/clean-k612/comms.txt")).unwrap();
    fs::write(desk.path().join("comms.txt"), clean.replace("sendq=0", "sendq=")).unwrap();
    assert_eq!(diagnosis(&[desk.path().to_owned()]).outcome, Outcome::NothingToConclude);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_panic(file in 0usize..8, at in 0usize..4000, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let desk = stall_without(|_| false);
        let names = ["comms.txt", "dmesg.txt", "sent.tsv", "delivered.tsv"];
        let path = desk.path().join(Path::new(["node1/2", "node2/2"][file % 2])).join(names[file / 2]);
        let mut content = fs::read(&path).unwrap();
        let at = at.min(content.len());
        let end = (at + bytes.len()).min(content.len());
        content.splice(at..end, bytes);
        fs::write(&path, content).unwrap();
        let _ = diagnosis(&[desk.path().to_owned()]);
    }
}

#[test]
fn many_damaged_lines_are_counted_and_an_empty_file_is_none() {
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("node1.sent.tsv"), "soon\n".repeat(100)).unwrap();
    fs::write(desk.path().join("node1.dmesg.txt"), "").unwrap();
    let text = stdout(&midcomms(&["diagnose", desk.path().to_str().unwrap()]));
    assert_eq!(text.matches("cannot be read:").count(), 21, "{text}");
    assert!(text.contains("80 more lines"), "{text}");
    assert!(!text.contains("dmesg.txt"), "{text}");
}
