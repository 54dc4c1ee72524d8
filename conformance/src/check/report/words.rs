//! Few rows, the catalogue, a variant's changes and the end of every report, in words.

use std::fmt::Write;
use std::path::Path;

use super::Report;
use super::table::grouped;
use crate::check::cases::CaseReport;
use crate::check::compare::told;
use crate::check::run::{Outcome, Verdict};
use crate::check::subject::{Key, SeedKind};
use crate::check::variant::Change;
use crate::render::{Paint, wrapped};

/// A number of things: `1 world`, `2 worlds`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn painted(verdict: &Verdict, paint: Paint) -> String {
    let text = told(verdict);
    match verdict {
        Verdict::Holds => paint.good(&text),
        Verdict::Violated(_) => paint.error(&text),
        Verdict::Incomplete(_) => paint.warning(&text),
        Verdict::NotChecked => paint.faint(&text),
    }
}

/// One line for each property, and the command that tells the story where one is violated. `variant` is a variant's name and
/// its file.
pub(crate) fn rows(outcomes: &[Outcome], variant: Option<(&str, &Path)>, paint: Paint) -> String {
    let mut text = String::new();
    let is_one = outcomes.iter().map(|outcome| outcome.verdicts.len()).sum::<usize>() == 1;
    for outcome in outcomes {
        let Outcome { key, states, .. } = outcome;
        let _ = write!(text, "{}  {} states", paint.heading(&key.to_string()), grouped(*states));
        if let (Some(transitions), Some(depth)) = (outcome.transitions, outcome.depth) {
            let _ = write!(text, ", {} transitions, depth {depth}", grouped(transitions));
        }
        let _ = writeln!(text, ", {:.2} s", outcome.seconds);
        for (property, verdict) in &outcome.verdicts {
            let _ = writeln!(text, "  {:18}  {}", property.name(), painted(verdict, paint));
            if verdict.is_violated() {
                let _ = writeln!(text, "  {:18}  {}", "", paint.faint(&format!("must: {}", property.text())));
            }
        }
        let broken = outcome.verdicts.iter().find(|(_, verdict)| verdict.steps().is_some());
        if let Some((property, _)) = broken.filter(|_| !is_one)
            && let Some(command) = story_command(key, variant)
        {
            let _ = writeln!(text, "  the story: {command} --property {}", property.name());
        }
    }
    text
}

/// The command that explores a world again; none for what no filter names.
fn story_command(key: &Key, variant: Option<(&str, &Path)>) -> Option<String> {
    if let Some((_, file)) = variant.filter(|(name, _)| *name == key.revision) {
        let environment = &key.environment;
        return Some(format!("midcomms check --variant {} --environment {environment} --story", file.display()));
    }
    let place = format!("midcomms check --revision {} --environment {}", key.revision, key.environment);
    match &key.seed {
        None => Some(place),
        Some(seed) if seed.kind == SeedKind::Defect => Some(format!("{place} --defect {}", seed.id)),
        Some(seed) if seed.kind == SeedKind::Measure => Some(format!("{place} --measure {}", seed.id)),
        Some(_) => None,
    }
}

/// The catalogue's entries.
pub(crate) fn cases(cases: &[CaseReport], paint: Paint) -> String {
    let mut text = String::new();
    for case in cases {
        let mark = match case.passed {
            Some(true) => paint.good("ok  "),
            Some(false) => paint.error("FAIL"),
            None => paint.warning("?   "),
        };
        let CaseReport { id, revision, environment, property, .. } = case;
        let _ = writeln!(text, "{mark} {:6} {}", paint.heading(id), case.text);
        let place = format!("{revision}, {environment}, {}: {}", property.name(), case.result);
        let note = if case.note.is_empty() { String::new() } else { format!("note: {}", case.note) };
        for line in wrapped(&place, 88).lines().chain(wrapped(&note, 88).lines()) {
            let _ = writeln!(text, "            {line}");
        }
        for fault in &case.faults {
            let _ = writeln!(text, "            {}", paint.error(fault));
        }
    }
    text
}

/// What a variant changes: newly broken first.
pub(crate) fn changes(changes: &[Change], variant: &str, against: &str, paint: Paint) -> String {
    let mut text = String::new();
    for is_breakage in [true, false] {
        let mut of = changes.iter().filter(|change| change.is_breakage() == is_breakage).peekable();
        if of.peek().is_some() {
            let what = if is_breakage { "violates, and" } else { "keeps, and" };
            let did = if is_breakage { "keeps" } else { "violates" };
            let _ = writeln!(text, "{}", paint.heading(&format!("what {variant} {what} {against} {did}:")));
        }
        for Change { environment, property, before, after } in of {
            let now = painted(after, paint);
            let _ = writeln!(text, "  {environment:12} {:18}  {now}, was: {}", property.name(), told(before));
        }
    }
    if changes.is_empty() {
        let _ = writeln!(text, "{variant} has the verdicts of {against}");
    }
    text
}

/// What is not as expected, and how much was checked.
pub(crate) fn summary(report: &Report<'_>, paint: Paint) -> String {
    let mut text = String::new();
    for outcome in report.outcomes.iter().filter(|outcome| outcome.is_incomplete()) {
        let reason = outcome.unfinished.map_or("a budget".to_owned(), |budget| budget.to_string());
        let _ = writeln!(text, "{} {}: {reason} ran out", paint.warning("incomplete:"), outcome.key);
    }
    for difference in report.differences {
        let _ = writeln!(text, "{} {difference}", paint.error("not as expected:"));
    }
    let states: u64 = report.outcomes.iter().map(|outcome| outcome.states).sum();
    let verdicts = || report.outcomes.iter().flat_map(|outcome| &outcome.verdicts);
    let count = |wanted: &str| verdicts().filter(|(_, verdict)| verdict.name() == wanted).count();
    let _ = write!(
        text,
        "check: {}, {} states, {}: {} hold, {} violated",
        counted(report.outcomes.len(), "world"),
        grouped(states),
        counted(report.rows(), "row"),
        count("holds"),
        count("violated")
    );
    for what in ["incomplete", "not checked"] {
        if count(what) > 0 {
            let _ = write!(text, ", {} {what}", count(what));
        }
    }
    let judged = match report.differences.len() {
        0 if report.outcomes.iter().any(Outcome::is_incomplete) => "not all is known".to_owned(),
        0 if report.outcomes.iter().all(|outcome| report.models.of(&outcome.key).is_none()) => {
            "nothing was expected of them".to_owned()
        }
        0 => "all as expected".to_owned(),
        differences => format!("{differences} not as expected"),
    };
    let _ = writeln!(text, ": {judged}, in {:.1} s", report.seconds);
    text
}
