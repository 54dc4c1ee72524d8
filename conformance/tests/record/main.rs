//! Scenarios, in simulation and over sockets: they show what they promise, and replay accepts what they recorded.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod judged;
#[cfg(test)]
mod late;
mod refused;
mod simulated;
mod sockets;

use midcomms_conformance::record::{Recording, Scenario, Scenarios};
use midcomms_conformance::replay::{NoDeliveries, ReplayOptions, Verdict, replay_native};

fn scenarios() -> Scenarios {
    Scenarios::built_in().unwrap()
}

fn named(name: &str) -> Scenario {
    scenarios().get(name).unwrap().clone()
}

/// What replay says of a trace, if it is anything but accepted.
fn complaint(trace: &[u8]) -> Option<String> {
    let replayed = replay_native("trace".to_owned(), trace, &ReplayOptions::default(), &mut NoDeliveries);
    let report = replayed.unwrap().0;
    // Of a recording that begins in the middle, replay says that it began anew where numbers are missing.
    let is_late = String::from_utf8_lossy(trace).lines().nth(1).is_some_and(|line| line.contains("\"known\""));
    let is_plain = report.error.is_none() && (report.notes.is_empty() || is_late);
    let is_right = report.verdict == Some(Verdict::Accepted) && is_plain;
    let rejection = report.pairs.iter().find_map(|pair| pair.rejection.as_ref());
    (!is_right).then(|| {
        let frame = rejection.map_or(0, |rejection| rejection.frame);
        let text = String::from_utf8_lossy(trace);
        let near = (1_u64..).zip(text.lines()).filter(|(line, _)| line + 20 > frame && *line < frame + 2);
        let near: Vec<String> = near.map(|(line, text)| format!("{line}: {text:.260}")).collect();
        format!("{:?} {:?} {:?}\n{rejection:#?}\n{}", report.verdict, report.error, report.notes, near.join("\n"))
    })
}

/// Replay accepts each node's trace by itself.
fn accept(recording: &Recording, what: &str) {
    assert!(!recording.traces.is_empty(), "{what}: nobody recorded anything");
    for trace in &recording.traces {
        if let Some(complaint) = complaint(&trace.bytes) {
            panic!("{what}, node {}: {complaint}", trace.node);
        }
    }
}
