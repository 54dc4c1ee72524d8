//! One thing of a good recording changed at a time: every kind of line, every field.

use std::collections::BTreeMap;

use midcomms::recording::Bodies;
use midcomms_conformance::replay::{FileReport, Verdict};
use serde_json::Value;

use crate::recorded::{Recording, replayed};
use crate::world::{World, busy};

/// Changes of each field of each kind of line, spread over the recording.
const SAMPLES: usize = 6;

/// What is not refused at its line, by kind of line and field, and why. A change that goes unseen there and is not listed
/// fails the test.
const OPEN: &[(&str, &str, &str)] = &[
    ("add_member", "lockspace", "which lockspace it is only its removal can tell"),
    ("add_member", "peer", "another record has this event then; this one lacks it at its next line"),
    ("remove_member", "peer", "the same"),
    ("shutdown", "peer", "the same"),
    ("record", "peer", "the same"),
    ("opened", "connection", "a name is as good as another, until the connection is used"),
    ("opened", "from", "who opened it shows when it is used"),
    ("opened", "to", "the same"),
    ("read", "connection", "another connection on which the same node spoke in the same words"),
    ("record", "record.incarnation", "the first id of an incarnation is any greater one; the next hello tells"),
    ("reset", "connection", "of two connections that stand, which one was given up shows when one is used"),
    ("reset", "from", "who gave it up first is nobody's fault"),
];

fn recording(seed: u64) -> Vec<String> {
    let recording = Recording::new(1, Bodies::Full);
    let mut world = World::new(seed, [recording.observer(), None]);
    for _ in 0..2 {
        world.join();
        busy(&mut world, 60, true);
        world.leave();
        world.run(std::time::Duration::from_secs(1));
    }
    drop(world);
    recording.finish().0.lines().map(str::to_owned).collect()
}

/// The line of the first thing that is refused, or that cannot be read.
fn refused_at(report: &FileReport) -> Option<u64> {
    let rejections = report.pairs.iter().filter_map(|pair| pair.rejection.as_ref());
    let exact = report.exact.iter().filter_map(|exact| exact.rejection.as_ref());
    let damaged = report.error.as_ref().and_then(|error| error.split("line ").nth(1)?.split(':').next()?.parse().ok());
    rejections.chain(exact).map(|refused| refused.frame).chain(damaged).min()
}

/// The kind of a line, finer where messages differ.
fn kind(line: &Value) -> String {
    line["event"].as_str().unwrap().to_owned()
}

/// All ways to change one field of a line, each with the name of the field.
fn changes(line: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let object = line.as_object().unwrap();
    for (field, value) in object {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    for changed in other_values(name, value) {
                        let mut line = line.clone();
                        line[field][name] = changed;
                        found.push((format!("{field}.{name}"), line));
                    }
                }
            }
            value => {
                for changed in other_values(field, value) {
                    let mut line = line.clone();
                    line[field] = changed;
                    found.push((field.clone(), line));
                }
            }
        }
    }
    found
}

fn other_values(field: &str, value: &Value) -> Vec<Value> {
    const OUTCOMES: [&str; 5] = ["accepted", "duplicate", "gap", "handled", "dropped"];
    const STATES: [&str; 7] = ["CLOSED", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"];
    let others = |names: &[&str]| names.iter().map(|name| Value::from(*name)).filter(|name| name != value).collect();
    match (field, value) {
        // No rule speaks of clocks, and bytes have a test of their own.
        ("event" | "bytes" | "time", _) => Vec::new(),
        ("outcome", _) => others(&OUTCOMES),
        ("state", _) => others(&STATES),
        ("connection", Value::String(name)) => {
            let number: u64 = name[1..].parse().unwrap();
            vec![Value::from(format!("c{}", number + 1)), Value::from(format!("c{}", number - 1))]
        }
        ("incarnation", Value::String(digits)) => {
            let id = u64::from_str_radix(digits, 16).unwrap();
            [id + 1, id - 1].map(|id| Value::from(format!("{id:x}"))).to_vec()
        }
        (_, Value::Number(number)) if number.is_u64() => {
            let number = number.as_u64().unwrap();
            let less = number.checked_sub(1);
            [Some(number + 1), less].into_iter().flatten().map(Value::from).collect()
        }
        (_, Value::Number(number)) => vec![Value::from(number.as_f64().unwrap() + 0.5)],
        _ => Vec::new(),
    }
}

fn with(lines: &[String], index: usize, line: &Value) -> String {
    let mut lines = lines.to_vec();
    lines[index] = line.to_string();
    lines.join("\n") + "\n"
}

/// How often a change was refused at its line, later, or never.
#[derive(Debug, Default)]
struct Seen {
    at_its_line: usize,
    later: usize,
    never: usize,
}

#[test]
fn one_field_changed_is_refused_at_its_line_or_listed_as_open() {
    let lines = recording(11);
    assert_eq!(replayed((lines.join("\n") + "\n").as_bytes()).verdict, Some(Verdict::Accepted));
    let mut by_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate().skip(1) {
        by_kind.entry(kind(&serde_json::from_str(line).unwrap())).or_default().push(index);
    }
    let mut table: BTreeMap<(String, String), Seen> = BTreeMap::new();
    for (kind, indices) in &by_kind {
        for index in indices.iter().step_by(indices.len().div_ceil(SAMPLES)) {
            let line: Value = serde_json::from_str(&lines[*index]).unwrap();
            for (field, changed) in changes(&line) {
                let report = replayed(with(&lines, *index, &changed).as_bytes());
                let seen = table.entry((kind.clone(), field)).or_default();
                match refused_at(&report) {
                    Some(at) if at <= *index as u64 + 1 => seen.at_its_line += 1,
                    Some(_) => seen.later += 1,
                    None => seen.never += 1,
                }
            }
        }
    }
    let total: usize = table.values().map(|seen| seen.at_its_line + seen.later + seen.never).sum();
    let refused: usize = table.values().map(|seen| seen.at_its_line).sum();
    for ((kind, field), Seen { at_its_line, later, never }) in &table {
        println!("{kind:<14} {field:<22} {at_its_line:>4} at its line {later:>4} later {never:>4} never");
    }
    println!("{refused} of {total} changes are refused at their line");
    let is_open =
        |kind: &str, field: &str| OPEN.iter().any(|(of, open, _)| (*of == "*" || *of == kind) && field.ends_with(open));
    let unlisted: Vec<_> =
        table.iter().filter(|((kind, field), seen)| (seen.later + seen.never > 0) && !is_open(kind, field)).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    let never: usize = table.iter().filter(|((kind, _), _)| kind != "reset").map(|(_, seen)| seen.never).sum();
    assert_eq!(never, 0, "what is not refused at its line is refused at a later one");
}

fn bytes_of(line: &Value) -> Vec<u8> {
    let digits = line["message"]["bytes"].as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The share of the bytes of messages, one bit changed each, that is refused at its line.
#[test]
fn one_bit_of_the_head_of_a_written_message_is_refused_at_its_line() {
    let lines = recording(12);
    let mut missed = Vec::new();
    let mut count = 0;
    let written = lines.iter().enumerate().filter(|(_, line)| line.contains("\"written\""));
    for (index, line) in written.step_by(37) {
        let value: Value = serde_json::from_str(line).unwrap();
        let message = bytes_of(&value);
        let is_opts = message[14] == 3;
        // Of an envelope all but the lockspace and the body; of an ACK or a hello all.
        let end = if is_opts { 28 } else { message.len() };
        if !is_opts && message[14] != 4 {
            continue;
        }
        // An OPTS that says RCOM instead is a STATUS by its next byte, which may be asked at any time.
        for at in (0..end).filter(|at| !(is_opts && *at == 14)) {
            let mut changed = message.clone();
            changed[at] ^= 1;
            let mut value = value.clone();
            value["message"]["bytes"] =
                Value::from(changed.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            let report = replayed(with(&lines, index, &value).as_bytes());
            count += 1;
            if refused_at(&report) != Some(index as u64 + 1) {
                missed.push((at, message[14], refused_at(&report), index + 1));
            }
        }
    }
    println!("{} of {count} bits are refused at their line", count - missed.len());
    assert!(missed.is_empty(), "byte, cmd, refused at, line: {missed:?}");
}

#[test]
fn a_line_that_is_left_out_is_refused_at_the_next_one_of_its_record() {
    let lines = recording(13);
    let mut counts = (0, 0);
    for (index, line) in lines.iter().enumerate().skip(1) {
        // What the node need not do: a bare STATUS, an ACK, its last words.
        if !line.contains("\"record\"") && !line.contains("\"accepted\"") {
            continue;
        }
        if line.contains("\"accepted\"") && index % 29 > 0 {
            continue;
        }
        let mut without = lines.clone();
        without.remove(index);
        let report = replayed((without.join("\n") + "\n").as_bytes());
        let is_refused = report.verdict == Some(Verdict::Rejected);
        counts = (counts.0 + usize::from(is_refused), counts.1 + 1);
        assert!(is_refused || index + 2 > lines.len(), "line {}: {line}", index + 1);
    }
    assert!(counts.0 > 5, "{counts:?}");
}
