//! One falsified event each.

use midcomms::recording::Bodies;
use midcomms_conformance::replay::Verdict;
use serde_json::Value;

use crate::recorded::{Recording, replayed};
use crate::world::{World, busy};

/// A right recording of node 1, as lines.
fn recording(seed: u64, breaks: bool) -> Vec<String> {
    let recording = Recording::new(1, Bodies::Sample);
    let mut world = World::new(seed, [recording.observer(), None]);
    world.join();
    busy(&mut world, 120, breaks);
    world.leave();
    drop(world);
    recording.finish().0.lines().map(str::to_owned).collect()
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_str(line).unwrap();
    let digits = value["message"]["bytes"].as_str()?;
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    Some((0..digits.len()).step_by(2).map(pair).collect())
}

fn replace(line: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let mut message = bytes(line).unwrap();
    change(&mut message);
    let digits: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
    value["message"]["bytes"] = Value::from(digits);
    value.to_string()
}

/// Falsifies the `nth` line that is as `is_one` says, and tells the rule and whether it was refused at that line.
fn falsify(
    mut lines: Vec<String>,
    is_one: impl Fn(&str, &[u8]) -> bool,
    nth: usize,
    change: impl FnOnce(&mut Vec<u8>),
) -> (Option<&'static str>, bool) {
    let mut candidates =
        (0..lines.len()).filter(|index| bytes(&lines[*index]).is_some_and(|message| is_one(&lines[*index], &message)));
    let index = candidates.nth(nth).expect("a message of that kind");
    lines[index] = replace(&lines[index], change);
    let report = replayed(lines.join("\n").as_bytes());
    let rejection = report.pairs.iter().find_map(|pair| pair.rejection.as_ref());
    assert_eq!(report.verdict, Some(if rejection.is_some() { Verdict::Rejected } else { Verdict::Accepted }));
    (rejection.map(|rejection| rejection.rule), rejection.is_some_and(|rejection| rejection.frame == index as u64 + 1))
}

fn is_written_msg(line: &str, message: &[u8]) -> bool {
    line.contains("\"written\"") && message[14] == 3 && message.len() > 100
}

fn is_hello(message: &[u8]) -> bool {
    message.len() == 40 && message[14] == 4 && message[20] == 1
}

#[test]
fn a_number_that_is_skipped_is_refused_at_its_line() {
    let found = falsify(recording(1, false), is_written_msg, 20, |message| message[4] += 1);
    assert_eq!(found, (Some("NET-7"), true));
}

#[test]
fn an_ack_of_what_was_not_accepted_is_refused_at_its_line() {
    let is_ack = |line: &str, message: &[u8]| line.contains("\"written\"") && message.len() == 16;
    let found = falsify(recording(2, false), is_ack, 3, |message| message[4] += 1);
    assert_eq!(found, (Some("ACK-1"), true));
}

#[test]
fn a_copy_that_differs_is_refused_at_its_line() {
    let lines = recording(3, true);
    let mut seen = std::collections::HashSet::new();
    let copy = lines.iter().filter(|line| bytes(line).is_some_and(|message| is_written_msg(line, &message)));
    let nth = copy.map(|line| bytes(line).unwrap()).position(|message| !seen.insert(message)).unwrap();
    let found = falsify(lines, is_written_msg, nth, |message| *message.last_mut().unwrap() ^= 1);
    assert_eq!(found, (Some("SND-6"), true));
}

#[test]
fn a_hello_of_16_bytes_is_none() {
    let found = falsify(
        recording(4, true),
        |_, message| is_hello(message),
        0,
        |message| {
            message.truncate(16);
            message[12] = 16;
        },
    );
    assert_eq!(found, (Some("HRD-1"), true));
}

#[test]
fn ids_that_go_back_are_refused() {
    // The second hello on the same connection: its destination has become known.
    let is_second =
        |line: &str, message: &[u8]| line.contains("\"written\"") && is_hello(message) && message[32..40] != [0; 8];
    let found = falsify(recording(5, false), is_second, 0, |message| message[31] -= 1);
    assert_eq!(found, (Some("HRD-1"), true));
}

#[test]
fn a_destination_that_nobody_has_told_is_refused() {
    let is_second =
        |line: &str, message: &[u8]| line.contains("\"written\"") && is_hello(message) && message[32..40] != [0; 8];
    let found = falsify(recording(6, false), is_second, 0, |message| message[32] ^= 0x40);
    let (rule, is_there) = found;
    assert_eq!((rule, is_there), (Some("HRD-1"), true));
}

#[test]
fn a_source_of_0_and_an_unknown_tail_are_refused() {
    let is_written = |line: &str, message: &[u8]| line.contains("\"written\"") && is_hello(message);
    let found = falsify(recording(7, false), is_written, 0, |message| message[24..32].fill(0));
    assert_eq!(found, (Some("HRD-1"), true));
    let found = falsify(recording(7, false), is_written, 0, |message| message[16] ^= 1);
    assert_eq!(found, (Some("WIRE-8"), true));
}

#[test]
fn a_fresh_number_after_the_fin_is_refused_at_its_line() {
    let is_fin = |line: &str, message: &[u8]| line.contains("\"written\"") && message[14] == 3 && message[16] == 5;
    let mut lines = recording(8, false);
    let fin = (0..lines.len()).find(|index| bytes(&lines[*index]).is_some_and(|m| is_fin(&lines[*index], &m))).unwrap();
    let one =
        lines.iter().find(|line| bytes(line).is_some_and(|message| is_written_msg(line, &message))).unwrap().clone();
    let seq = bytes(&lines[fin]).unwrap()[4..8].to_vec();
    let seq = u32::from_le_bytes(seq.try_into().unwrap()) + 1;
    let connection = serde_json::from_str::<Value>(&lines[fin]).unwrap()["connection"].clone();
    let mut late: Value =
        serde_json::from_str(&replace(&one, |message| message[4..8].copy_from_slice(&seq.to_le_bytes()))).unwrap();
    late["connection"] = connection;
    lines.insert(fin + 1, late.to_string());
    let report = replayed(lines.join("\n").as_bytes());
    let rejection = report.pairs[0].rejection.as_ref().unwrap();
    assert_eq!((rejection.rule, rejection.frame), ("SND-4", fin as u64 + 2));
}
