//! What was exercised, judged against the list of what need not be.

use midcomms_conformance::coverage::{BySource, Coverage, Exceptions, Kind, Share, cell, judge, of_replay};
use midcomms_conformance::drive::{Options, drive_environment};
use midcomms_conformance::replay::{NoDeliveries, ReplayOptions, replay_files};
use midcomms_model::system::Environment;
use proptest::prelude::*;

fn exercised(name: &str, source: &str) -> Coverage {
    let by = BySource::from([(source.to_owned(), 1)]);
    Coverage { cells: [(name.to_owned(), by)].into(), ..Coverage::default() }
}

#[test]
fn every_exception_of_this_repository_is_about_something_that_there_is() {
    let exceptions = Exceptions::built_in().unwrap();
    let report = judge(&Coverage::default(), &exceptions);
    assert_eq!(report.stale, [], "with nothing exercised each of them holds");
    let asked = exceptions.exceptions.iter().filter(|exception| exception.kind != Kind::Environment);
    assert_eq!(report.explained.len(), asked.count());
    assert!(exceptions.exceptions.iter().all(|exception| exception.reason.len() > 20));
}

#[test]
fn what_is_exercised_and_listed_is_stale() {
    let exceptions = Exceptions::built_in().unwrap();
    let report = judge(&exercised("CLOSED × ACK of FIN", "drive"), &exceptions);
    let stale: Vec<_> = report.stale.iter().map(|exception| exception.name.as_str()).collect();
    assert_eq!(stale, ["CLOSED × ACK of FIN"]);
}

#[test]
fn what_nothing_exercises_is_unexplained_and_what_only_drive_does_is_missed_in_the_corpus() {
    let name = "ESTABLISHED × receive FIN, users > 0";
    let unexplained = |coverage: &Coverage| -> Vec<_> {
        let found = judge(coverage, &Exceptions::default()).unexplained.into_iter();
        found
            .filter(|finding| finding.kind == Kind::Cell && finding.name == name)
            .map(|finding| finding.source)
            .collect()
    };
    assert_eq!(unexplained(&Coverage::default()), [None, Some("corpus")]);
    assert_eq!(unexplained(&exercised(name, "drive")), [Some("corpus")]);
    assert_eq!(unexplained(&exercised(name, "corpus")), []);
}

#[test]
fn an_environment_that_is_not_driven_whole_is_unexplained() {
    let share = |covered| Coverage {
        transitions: [("mild".to_owned(), Share { covered, all: 2 })].into(),
        ..Coverage::default()
    };
    let is_missed = |coverage| {
        judge(&coverage, &Exceptions::default()).unexplained.iter().any(|finding| finding.kind == Kind::Environment)
    };
    assert!(is_missed(share(1)));
    assert!(!is_missed(share(2)));
}

#[test]
fn an_unknown_key_is_refused() {
    let text = "[[exception]]\nkind = \"cell\"\nname = \"x\"\nreason = \"y\"\nunless = \"z\"\n";
    assert!(Exceptions::parse(text).unwrap_err().to_string().contains("unless"));
}

#[test]
fn a_capture_of_a_clean_shutdown_shows_the_cells_of_its_handshake() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces/kernel/clean-k612.pcap.zst");
    let report = replay_files(&[path], &ReplayOptions::default(), &mut NoDeliveries).unwrap();
    let cells = of_replay(&report, "corpus").cells;
    for cell in ["ESTABLISHED × shutdown", "ESTABLISHED × receive FIN, users > 0", "FIN_WAIT1 × ACK of FIN"] {
        assert!(cells.contains_key(cell), "{cell}: {cells:?}");
    }
    assert!(!cells.contains_key("ESTABLISHED × ACK of FIN"));
}

#[test]
fn driving_the_mildest_environment_opens_and_closes() {
    let report = drive_environment(Environment::named("mild").unwrap(), &Options::default(), &|_| {});
    for cell in ["CLOSED × add member, users = 0", "ESTABLISHED × shutdown", "LAST_ACK × ACK of FIN"] {
        assert!(report.coverage.cells.get(cell).and_then(|by| by.get("drive")).is_some(), "{cell}");
    }
}

#[test]
fn every_cell_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = cell::all().map(cell::name).collect();
    assert_eq!(names.len(), cell::all().count());
}

fn coverage() -> impl Strategy<Value = Coverage> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let source = prop::sample::select(vec!["corpus", "record", "drive"]);
    prop::collection::vec((name, source, 1_u64..9), 0..6).prop_map(|counts| {
        let mut all = Coverage::default();
        for (name, source, count) in counts {
            *all.rules.entry(name.to_owned()).or_default().entry(source.to_owned()).or_default() += count;
            all.transitions.insert(name.to_owned(), Share { covered: count, all: 9 });
        }
        all
    })
}

proptest! {
    #[test]
    fn parts_add_up_in_any_order((one, other) in (coverage(), coverage())) {
        let (mut first, mut second) = (one.clone(), other.clone());
        first.add(&other);
        second.add(&one);
        prop_assert_eq!(first, second);
    }
}
