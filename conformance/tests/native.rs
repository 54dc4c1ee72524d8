//! Native traces: what the checker exports, replay judges.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use midcomms_conformance::check::Subject;
use midcomms_conformance::native::HeadError;
use midcomms_conformance::replay::{FileReport, NoDeliveries, ReplayOptions, Verdict, replay_native};
use midcomms_conformance::tell::{Told, Wanted, tell};
use midcomms_model::engine::Options;
use midcomms_model::system::check::{Counterexample, Finding, check};
use midcomms_model::system::{Environment, Property, World};

const SMALL: &[&str] = &["mild", "both-leave", "rejoin", "early", "lockspaces", "fence", "timeout"];

const HEAD: &str = r#"{"format":"midcomms-trace","version":1,"nodes":[{"id":1},{"id":2}]}"#;

struct Found {
    world: World,
    property: Property,
    counterexample: Counterexample,
    revision: &'static str,
}

fn found(revision: &'static str, environment: &str, settings: &[(&'static str, &'static str)]) -> Vec<Found> {
    let subject = Subject::named(revision).unwrap().with(settings).unwrap();
    let world = World::new(Environment::named(environment).unwrap().clone(), subject.rules);
    let answer = check(&world, &Property::ALL, &Options { max_states: 500_000, ..Options::default() }).unwrap();
    let violated = answer.findings.into_iter().filter_map(|(property, finding)| match finding {
        Finding::Violated(counterexample) => Some(Found { world: world.clone(), property, counterexample, revision }),
        _ => None,
    });
    violated.collect()
}

impl Found {
    fn exported(&self) -> String {
        let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        let told = Told {
            world: &self.world,
            counterexample: &self.counterexample,
            property: self.property,
            revisions: &[self.revision],
            rules: None,
        };
        let wanted = Wanted { export: Some(file.path().to_owned()), ..Wanted::default() };
        tell(&told, &wanted, &mut Vec::new()).unwrap();
        std::fs::read_to_string(file.path()).unwrap()
    }
}

fn replayed(trace: &str) -> FileReport {
    let options = ReplayOptions::default();
    replay_native("trace".to_owned(), trace.as_bytes(), &options, &mut NoDeliveries).unwrap().0
}

fn rule(report: &FileReport) -> Option<&'static str> {
    report.pairs.iter().find_map(|pair| pair.rejection.as_ref()).map(|rejection| rejection.rule)
}

#[test]
fn a_counterexample_of_todays_kernel_is_behaviour_of_todays_kernel() {
    let mut count = 0;
    for environment in SMALL {
        for found in found("linux-6.12", environment, &[]) {
            let report = replayed(&found.exported());
            assert_eq!(
                (report.verdict, &report.error),
                (Some(Verdict::Accepted), &None),
                "{environment} {:?}",
                found.property
            );
            assert!(report.notes.is_empty(), "{:?}", report.notes);
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn a_counterexample_of_a_defect_is_rejected_by_the_rule_that_it_breaks() {
    for (settings, property, expected) in [
        (("numbering", "after-queue"), Property::NoTxAfterFin, "SND-4"),
        (("threshold-ack", "behind"), Property::NoGhost, "RCV-5"),
    ] {
        let all = found("linux-6.12", "mild", &[settings]);
        let found = all.iter().find(|found| found.property == property).unwrap_or_else(|| panic!("{property:?}"));
        let report = replayed(&found.exported());
        assert_eq!((report.verdict, rule(&report)), (Some(Verdict::Rejected), Some(expected)));
    }
}

#[test]
fn a_node_that_records_only_itself_is_judged_with_what_it_read() {
    let all = found("linux-6.12", "mild", &[("numbering", "after-queue")]);
    let found = all.iter().find(|found| found.property == Property::NoTxAfterFin).unwrap();
    let whole = found.exported();
    let culprit = replayed(&whole).pairs.iter().find_map(|pair| pair.rejection.as_ref()).unwrap().from;
    for recorded in [1, 2] {
        let (head, rest) = whole.split_once('\n').unwrap();
        let other = 3 - recorded;
        let head = head.replace(
            &format!(r#""id":{other},"revision":"linux-6.12","recorded":true"#),
            &format!(r#""id":{other},"recorded":false"#),
        );
        assert!(head.contains("false"), "{head}");
        let own = rest.lines().filter(|line| {
            let wrote = line.contains(r#""written""#) && line.contains(&format!(r#""from":{recorded},"#));
            let read = line.contains(r#""read""#) && line.contains(&format!(r#""to":{recorded},"#));
            wrote || read || line.contains(r#""opened""#)
        });
        let report = replayed(&std::iter::once(head.as_str()).chain(own).collect::<Vec<_>>().join("\n"));
        let expected = if recorded == culprit { Some("SND-4") } else { None };
        assert_eq!(rule(&report), expected, "recorded by node {recorded}");
    }
}

#[test]
fn a_message_may_be_given_by_its_bytes() {
    let lines = |message: &str| {
        format!(
            "{HEAD}\n{{\"event\":\"opened\",\"connection\":\"x\",\"from\":1,\"to\":2}}\n{{\"event\":\"written\",\"connection\":\"x\",\"from\":1,\"message\":{message}}}\n"
        )
    };
    let decoded = replayed(&lines(r#"{"cmd":"ACK","seq":5}"#));
    let raw = replayed(&lines(r#"{"bytes":"02000300050000000100000010000400"}"#));
    let acks =
        |report: &FileReport| report.pairs.iter().flat_map(|pair| &pair.directions).map(|side| side.acks).sum::<u64>();
    assert_eq!([acks(&decoded), acks(&raw)], [1, 1]);
    assert_eq!((decoded.messages, decoded.verdict, rule(&decoded)), (raw.messages, raw.verdict, rule(&raw)));
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_rest_is_judged() {
    let trace = found("linux-6.12", "mild", &[]).first().unwrap().exported();
    let lines: Vec<_> = trace.lines().collect();
    let messages = replayed(&trace).messages;
    let long = "x".repeat(200_000);
    for (garbage, expected) in [
        ("rubbish", "expected value"),
        (r#"{"event":"written","from":1}"#, "`message`"),
        (r#"{"event":"written","from":9,"message":{}}"#, "node 9"),
        (r#"{"event":"opened","connection":"c9","from":1,"to":1}"#, "itself"),
        (r#"{"event":"reset","connection":"nowhere","from":1}"#, "not opened"),
        (r#"{"event":"written","connection":"c1","from":1,"message":{"cmd":"ACK"}}"#, "`seq`"),
        (long.as_str(), "longer than"),
    ] {
        let mut damaged = lines.clone();
        damaged.insert(3, garbage);
        let report = replayed(&damaged.join("\n"));
        let error = report.error.unwrap();
        assert!(error.starts_with("trace: line 4: ") && error.contains(expected), "{error}");
        assert_eq!(report.messages, messages, "{garbage:.60}");
        assert_eq!(report.verdict, Some(Verdict::Accepted), "{garbage:.60}");
    }
}

#[test]
fn every_truncation_is_judged_or_refused_but_never_a_panic() {
    let trace = found("linux-6.12", "mild", &[]).first().unwrap().exported();
    for end in (0..trace.len()).step_by(7).filter(|end| trace.is_char_boundary(*end)) {
        let _ =
            replay_native("trace".to_owned(), &trace.as_bytes()[..end], &ReplayOptions::default(), &mut NoDeliveries);
    }
}

#[test]
fn another_version_is_refused_and_an_unknown_event_is_passed_over() {
    let open =
        |text: &str| replay_native("t".to_owned(), text.as_bytes(), &ReplayOptions::default(), &mut NoDeliveries);
    let later = open(r#"{"format":"midcomms-trace","version":2,"nodes":[]}"#).unwrap_err();
    assert_eq!(later, HeadError::Version { got: 2 });
    assert!(matches!(open(r#"{"format":"other"}"#).unwrap_err(), HeadError::NotATrace(_)));
    let report = replayed(&format!("{HEAD}\n{{\"event\":\"weather\",\"fine\":true}}\n"));
    assert_eq!((report.error, report.notes.len()), (None, 1));
}
