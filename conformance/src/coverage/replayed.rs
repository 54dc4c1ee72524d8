//! What a replay exercised: a capture or a native trace that was judged.

use super::{BySource, Coverage, cell};
use crate::replay::{FileReport, PairReport};

/// Rules that every message is held to.
const EVERY_MESSAGE: [&str; 5] = ["WIRE-2", "WIRE-4", "WIRE-6", "WIRE-7", "WIRE-8"];

/// What the pairs of a report exercised, under the name of `source`. Cells are those of the explanation that survives; a
/// rule counts as often as there were messages that it was asked about.
pub fn of_replay(report: &FileReport, source: &str) -> Coverage {
    let mut coverage = Coverage::default();
    if report.pairs.is_empty() {
        return coverage;
    }
    EVERY_MESSAGE.into_iter().for_each(|rule| add(&mut coverage.rules, rule, source, report.messages));
    for pair in &report.pairs {
        for met in pair.met {
            for (state, event, has_users) in met.iter() {
                let place = cell::place(state, event, u16::from(has_users));
                add(&mut coverage.cells, &cell::name(place), source, 1);
            }
        }
        for (rule, count) in rules(pair) {
            add(&mut coverage.rules, rule, source, count);
        }
        for (action, count) in actions(pair) {
            add(&mut coverage.actions, action, source, count);
        }
    }
    coverage
}

fn add(to: &mut std::collections::BTreeMap<String, BySource>, name: &str, source: &str, count: u64) {
    if count > 0 {
        *to.entry(name.to_owned()).or_default().entry(source.to_owned()).or_default() += count;
    }
}

fn rules(pair: &PairReport) -> Vec<(&'static str, u64)> {
    let sum = |of: fn(&crate::replay::DirectionReport) -> u64| pair.directions.iter().map(of).sum::<u64>();
    let (delivered, copies) = (sum(|of| of.delivered), sum(|of| of.retransmitted));
    let (acks, fins) = (sum(|of| of.acks), sum(|of| of.fins));
    let (duplicates, gaps) = (sum(|of| of.duplicates), sum(|of| of.gaps));
    let resets = sum(|of| of.incarnations.saturating_sub(1));
    let fresh = delivered + fins;
    let by_count = [
        (fresh, ["RCV-1", "SND-1", "SND-3", "SND-4", "SND-7", "NET-1", "NET-7", "VER-3"].as_slice()),
        (acks, &["ACK-1", "RCV-4", "RCV-5", "RCV-7"]),
        (copies, &["NET-3", "SND-6", "SND-8"]),
        (fins, &["CLS-5"]),
        (duplicates, &["RCV-2"]),
        (gaps, &["RCV-3"]),
        (pair.breaks, &["NET-2"]),
        (resets, &["REC-1"]),
    ];
    let each = by_count.into_iter().flat_map(|(count, rules)| rules.iter().map(move |rule| (*rule, count)));
    each.collect()
}

/// Actions that left something to see.
fn actions(pair: &PairReport) -> [(&'static str, u64); 4] {
    let sum = |of: fn(&crate::replay::DirectionReport) -> u64| pair.directions.iter().map(of).sum::<u64>();
    [
        ("UpperSends", sum(|of| of.delivered)),
        ("RecordReceives", sum(|of| of.delivered + of.duplicates + of.gaps)),
        ("LinkBreaks", pair.breaks),
        ("NodeNoticesBreak", u64::from(sum(|of| of.retransmitted) > 0)),
    ]
}
