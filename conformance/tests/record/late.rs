//! Recordings that begin in the middle, and the share of each recording that replay holds against its nodes' records.

use midcomms_conformance::record::{Exact, Recording, Scenario, Scenarios};
use midcomms_conformance::replay::{FileReport, NoDeliveries, ReplayOptions, Verdict, replay_native};
use serde_json::Value;

use super::{accept, named, scenarios};

fn replayed(trace: &[u8]) -> FileReport {
    replay_native("trace".to_owned(), trace, &ReplayOptions::default(), &mut NoDeliveries).unwrap().0
}

fn lines(trace: &[u8]) -> Vec<String> {
    String::from_utf8(trace.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> Vec<u8> {
    (lines.join("\n") + "\n").into_bytes()
}

fn of(trace: &[u8]) -> Exact {
    let mut exact = Exact::default();
    exact.add(&replayed(trace));
    exact
}

/// A scenario of these steps.
fn mine(steps: &str, exact: &str) -> Scenario {
    let text = format!(
        "format = \"midcomms-scenarios\"\nversion = 1\n[[scenario]]\nname = \"mine\"\ntext = \"It begins late.\"\n{exact}\n\
         steps = [{{ join = {{ nodes = [1, 2] }} }}, {{ send = {{ from = 1, to = 2, count = 5 }} }}, {{ rest = {{}} }}, \
         {steps}]\nexpect = {{ delivers = [[1, 2]] }}\n"
    );
    Scenarios::parse("mine.toml", &text).unwrap().get("mine").unwrap().clone()
}

/// The recording begins while 20 messages wait for their acknowledgement.
const FULL_QUEUE: &str = "{ silence = { from = 2, to = 1 } }, { send = { from = 1, to = 2, count = 20 } }, \
    { wait = { ms = 50 } }, { begin-recording = { nodes = [1, 2] } }, { let-through = { from = 2, to = 1 } }, \
    { wait = { ms = 50 } }, { send = { from = 2, to = 1, count = 30 } }, { rest = {} }, \
    { send = { from = 1, to = 2, count = 5 } }, { rest = {} }, { leave = { nodes = [1] } }, { closed = {} }";

/// The recording begins while no connection stands.
const NO_CONNECTION: &str = "{ refuse = { node = 1 } }, { refuse = { node = 2 } }, { break = { between = [1, 2] } }, \
    { wait = { ms = 200 } }, { begin-recording = { nodes = [1, 2] } }, { send = { from = 1, to = 2, count = 3 } }, \
    { welcome = { node = 1 } }, { welcome = { node = 2 } }, { rest = {} }, { send = { from = 2, to = 1, count = 9 } }, \
    { rest = {} }, { leave = { nodes = [2] } }, { closed = {} }";

fn simulated(scenario: &Scenario, seed: u64) -> Recording {
    scenario.simulate(seed).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_scenario_is_as_exact_as_it_promises() {
    for scenario in scenarios().iter() {
        assert_eq!(scenario.exact, None, "{}: every event", scenario.name);
        for seed in 0..20 {
            let missing = Exact::of(&simulated(scenario, seed)).unwrap().missing(scenario);
            assert_eq!(missing, None, "{} seed {seed}", scenario.name);
        }
    }
}

#[test]
fn a_recording_that_begins_in_the_middle_is_exact_from_its_first_event() {
    for name in ["wrap", "late-recording"] {
        for trace in simulated(&named(name), 1).traces {
            let exact = of(&trace.bytes);
            assert!(exact.judged > 50 && exact.judged == exact.events, "{name}: {exact:?}");
        }
    }
}

#[test]
fn without_the_line_of_its_record_it_is_accepted_and_the_promise_is_missed() {
    let scenario = named("wrap");
    for trace in simulated(&scenario, 1).traces {
        let mut lines = lines(&trace.bytes);
        lines.retain(|line| !line.contains("\"standing\""));
        let text = joined(&lines);
        assert_eq!(replayed(&text).verdict, Some(Verdict::Accepted));
        let exact = of(&text);
        assert_eq!(exact.judged, 0, "no other line of this scenario tells the record");
        let told = exact.missing(&scenario).unwrap();
        assert!(told.starts_with("replay holds 0 of ") && told.ends_with("promises 100 of a hundred"), "{told}");
    }
}

#[test]
fn where_messages_wait_at_the_beginning_it_is_exact_once_they_are_acknowledged() {
    let exacting = mine(FULL_QUEUE, "");
    let content = mine(FULL_QUEUE, "exact = { percent = 80, why = \"which of the queue was written is not told\" }");
    for seed in 0..20 {
        let recording = simulated(&exacting, seed);
        accept(&recording, &format!("seed {seed}"));
        let exact = Exact::of(&recording).unwrap();
        assert!(exact.judged < exact.events, "{exact:?}");
        assert!(exacting.missing_of(&recording).is_some());
        assert_eq!(content.missing_of(&recording), None);
    }
}

trait Missing {
    fn missing_of(&self, recording: &Recording) -> Option<String>;
}

impl Missing for Scenario {
    fn missing_of(&self, recording: &Recording) -> Option<String> {
        Exact::of(recording).unwrap().missing(self)
    }
}

#[test]
fn where_no_connection_stands_at_the_beginning_it_is_exact_too() {
    let scenario = mine(NO_CONNECTION, "");
    let mut count = 0;
    for seed in 0..20 {
        let recording = simulated(&scenario, seed);
        for trace in &recording.traces {
            count += usize::from(lines(&trace.bytes)[1].contains("\"standing\""));
            assert_eq!(replayed(&trace.bytes).verdict, Some(Verdict::Accepted), "seed {seed}");
        }
        assert_eq!(scenario.missing_of(&recording), None, "seed {seed}");
    }
    assert!(count > 30, "of 40 traces {count} begin without a connection");
}

/// Every other value of each field of these two lines.
fn falsified(line: &Value) -> Vec<(String, Value)> {
    let id = |digits: &str, less: u64| Value::from(format!("{:x}", u64::from_str_radix(digits, 16).unwrap() - less));
    let mut all = Vec::new();
    let mut with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut line = line.clone();
        change(&mut line);
        all.push((name.to_owned(), line));
    };
    if line["event"] == "known" {
        for (of, field) in [("said", "source"), ("said", "destination"), ("heard", "source"), ("heard", "destination")]
        {
            if let Some(digits) = line[of][field].as_str() {
                with(&format!("{of}.{field}"), &|line| line[of][field] = id(digits, 1));
            }
        }
        return all;
    }
    for field in ["seq_send", "seq_next", "users"] {
        for more in [1_i64, -1] {
            let changed = line["record"][field].as_i64().unwrap() + more;
            with(&format!("{field} {more}"), &|line| line["record"][field] = Value::from(changed));
        }
    }
    for field in ["incarnation", "bound"] {
        with(field, &|line| line["record"][field] = id(line["record"][field].as_str().unwrap(), 1));
    }
    with("queue", &|line| line["record"]["queue"] = Value::from(1));
    with("state", &|line| line["record"]["state"] = Value::from("CLOSE_WAIT"));
    with("lockspaces", &|line| line["record"]["lockspaces"] = Value::from(vec![2]));
    with("version", &|line| line["record"]["version"] = Value::from("3.1"));
    with("no version", &|line| drop(line["record"].as_object_mut().unwrap().remove("version")));
    all
}

#[test]
fn what_is_told_of_the_beginning_is_refused_where_it_is_not_so() {
    let mut unseen = Vec::new();
    let mut count = 0;
    for seed in 0..4 {
        for trace in simulated(&named("late-recording"), seed).traces {
            let lines = lines(&trace.bytes);
            for index in 1..lines.len() {
                let line: Value = serde_json::from_str(&lines[index]).unwrap();
                if line["event"] != "known" && line["event"] != "standing" {
                    break;
                }
                for (what, changed) in falsified(&line) {
                    let mut lines = lines.clone();
                    lines[index] = changed.to_string();
                    count += 1;
                    let report = replayed(&joined(&lines));
                    if report.verdict != Some(Verdict::Rejected) && report.error.is_none() {
                        unseen.push((seed, trace.node, what));
                    }
                }
            }
        }
    }
    println!("{count} changes, unseen: {unseen:?}");
    // One message that an ACK takes off before anything else goes out: a queue that was empty is told by the same events.
    unseen.retain(|(_, _, what)| what != "queue");
    assert!(unseen.is_empty() && count > 100, "{count}: {unseen:?}");
}

#[test]
fn a_line_of_the_beginning_that_makes_no_sense_is_told_with_its_number() {
    let trace = simulated(&named("late-recording"), 1).traces.remove(0).bytes;
    for (from, to, reason) in [
        ("\"version\":\"3.2\"", "\"version\":\"3.3\"", "line 3: \"3.3\" is no version: 3.1 or 3.2"),
        ("\"bound\":\"", "\"bound\":\"x", "line 3: the incarnation \"x"),
        ("\"said\":{\"source\":\"", "\"said\":{\"source\":\"x", "line 2: the incarnation \"x"),
        ("\"node\":1,\"peer\":2,\"record\"", "\"node\":1,\"record\"", "line 3: `standing` needs `peer`"),
        ("\"node\":1,\"peer\":2,\"record\"", "\"node\":2,\"peer\":1,\"record\"", "line 3: node 2 is not recorded"),
    ] {
        let text = String::from_utf8(trace.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        let error = replayed(text.replacen(from, to, 1).as_bytes()).error.unwrap_or_default();
        assert!(error.contains(reason), "{error}");
    }
}

/// A message that changes the record, told as dropped, and the change as the node's own doing.
#[test]
fn what_a_message_has_done_is_not_taken_for_the_doing_of_a_timer() {
    let (mut count, mut unseen) = (0, Vec::new());
    for scenario in scenarios().iter() {
        for seed in 0..3 {
            for trace in simulated(scenario, seed).traces {
                let lines = lines(&trace.bytes);
                for index in 1..lines.len() {
                    let is_effect =
                        ["\"record\",\"time\"", "\"remove_member\""].map(|event| lines[index - 1].contains(event));
                    if !is_effect.contains(&true) || !lines[index].contains("\"outcome\":\"handled\"") {
                        continue;
                    }
                    let mut changed = lines.clone();
                    changed[index] = lines[index].replace("\"handled\"", "\"dropped\"");
                    count += 1;
                    let report = replayed(&joined(&changed));
                    let refused = report.exact.iter().find_map(|exact| exact.rejection.as_ref());
                    if refused.is_none_or(|refused| refused.frame > index as u64 + 1) {
                        unseen.push((scenario.name.clone(), seed, trace.node, index + 1));
                    }
                }
            }
        }
    }
    println!("{count} outcomes");
    assert!(count > 100 && unseen.is_empty(), "{count}: {unseen:?}");
}
