//! The diagnosis for people.

use std::fmt::Write;

use super::report::{Certainty, Diagnosis, Finding, Outcome, PairDiagnosis};
use crate::explain;
use crate::render::{Paint, printable, wrapped};

const WIDTH: usize = 96;
/// Damaged lines that are shown.
const SHOWN: usize = 20;

/// Writes all of it.
pub(crate) fn text(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut out = String::new();
    for node in &diagnosis.nodes {
        let has = |what: &'static str, is: bool| if is { what } else { "" };
        let kernel = node.kernel.as_deref().map_or(String::new(), |kernel| format!(", kernel {kernel}"));
        let (log, trace) = (has(", log", node.log), has(", tracepoints", node.trace));
        let plural = if node.snapshots == 1 { "" } else { "s" };
        let _ = writeln!(out, "node {}: {} snapshot{plural}{log}{trace}{kernel}", node.id, node.snapshots);
    }
    for pair in &diagnosis.pairs {
        write_pair(pair, paint, &mut out);
    }
    for damage in diagnosis.unusable.iter().chain(diagnosis.damage.iter().take(SHOWN)) {
        let _ = writeln!(out, "{} {}", paint.warning("cannot be read:"), printable(damage));
    }
    if let Some(more @ 1..) = diagnosis.damage.len().checked_sub(SHOWN) {
        let _ = writeln!(out, "{} {more} more lines (--format json lists all)", paint.warning("cannot be read:"));
    }
    let _ = writeln!(out, "\n{}", end(diagnosis, paint));
    out
}

fn write_pair(pair: &PairDiagnosis, paint: Paint, out: &mut String) {
    let [one, other] = pair.nodes;
    let _ = writeln!(out, "\n{}", paint.heading(&format!("node {one} and node {other}")));
    for finding in &pair.findings {
        write_finding(finding, paint, out);
    }
    pair.unknown.iter().for_each(|unknown| item(out, &paint.warning("not known:"), unknown));
    pair.notes.iter().for_each(|note| item(out, "note:", note));
    if pair.findings.is_empty() && pair.unknown.is_empty() {
        let _ = writeln!(out, "  {}", paint.good("nothing is owed"));
    }
}

fn write_finding(finding: &Finding, paint: Paint, out: &mut String) {
    let sure = match finding.certainty {
        Certainty::Proven => "",
        Certainty::Likely => ", likely",
        Certainty::Possible => ", possibly",
    };
    let head = format!("node {} waits for node {}{sure} ({}):", finding.waits, finding.owes, finding.kind);
    item(out, &paint.error(&head), &finding.owed);
    finding.because.iter().for_each(|because| line(out, "because", because));
    if let Some(id) = finding.hazard {
        let text = explain::find(id).map_or(String::new(), |topic| topic.title);
        line(out, "matches", &format!("{id}: {text} (`midcomms explain {id}`)"));
    }
    line(out, "what to do:", &finding.advice);
}

fn item(out: &mut String, head: &str, text: &str) {
    let lines = wrapped(&printable(text), WIDTH - 6);
    let _ = writeln!(out, "  {head}\n      {}", lines.replace('\n', "\n      "));
}

/// The head in the same line: for what is said below something else.
fn line(out: &mut String, head: &str, text: &str) {
    let lines = wrapped(&format!("{head} {}", printable(text)), WIDTH - 6);
    let _ = writeln!(out, "    {}", lines.replace('\n', "\n      "));
}

fn end(diagnosis: &Diagnosis, paint: Paint) -> String {
    let found = diagnosis.findings().count();
    match diagnosis.outcome {
        Outcome::NothingOwed => paint.good("nothing is owed, as far as what was collected shows"),
        Outcome::Hangs if found == 1 => paint.error("1 thing is owed"),
        Outcome::Hangs => paint.error(&format!("{found} things are owed")),
        Outcome::Unusable => {
            paint.error("nothing was collected that can be read: `midcomms diagnose --script` prints what collects it")
        }
        Outcome::NothingToConclude => {
            paint.warning("nothing can be concluded: see what is not known, or cannot be read, above")
        }
    }
}
