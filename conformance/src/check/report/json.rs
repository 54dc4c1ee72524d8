//! The report as one JSON object: format `midcomms-check` of `traces/SCHEMA.md`.

use serde::Serialize;

use super::Report;
use crate::check::cases::CaseReport;
use crate::check::run::{Outcome, Verdict};
use crate::check::subject::SeedKind;

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    engine: &'static str,
    seconds: f64,
    rows: Vec<Row<'a>>,
    cases: Vec<WrittenCase<'a>>,
    changes: Vec<WrittenChange<'a>>,
    differences: Vec<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    revision: &'a str,
    environment: &'a str,
    unmasked: Option<&'a str>,
    defect: Option<&'a str>,
    hazard: Option<&'a str>,
    remedy: Option<&'a str>,
    measure: Option<&'a str>,
    property: &'static str,
    verdict: &'static str,
    budget: Option<String>,
    states: u64,
    transitions: Option<u64>,
    depth: Option<u32>,
    steps: Option<usize>,
    seconds: f64,
    expected: Option<Expectation>,
    as_expected: bool,
}

#[derive(Serialize)]
struct Expectation {
    verdict: &'static str,
    steps: Option<usize>,
}

#[derive(Serialize)]
struct WrittenCase<'a> {
    id: &'a str,
    text: &'a str,
    note: &'a str,
    revision: &'a str,
    environment: &'a str,
    property: &'static str,
    result: &'a str,
    steps: Option<usize>,
    passed: Option<bool>,
    faults: &'a [String],
}

#[derive(Serialize)]
struct WrittenChange<'a> {
    environment: &'a str,
    property: &'static str,
    before: &'static str,
    after: &'static str,
    steps: Option<usize>,
}

/// The report, on one line for each row.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn json(report: &Report<'_>) -> serde_json::Result<String> {
    let changes = report.changes.iter().map(|change| WrittenChange {
        environment: &change.environment,
        property: change.property.name(),
        before: change.before.name(),
        after: change.after.name(),
        steps: change.before.steps().or(change.after.steps()),
    });
    let written = Written {
        format: "midcomms-check",
        version: 1,
        engine: report.engine.name(),
        seconds: rounded(report.seconds),
        rows: report.outcomes.iter().flat_map(|outcome| rows(report, outcome)).collect(),
        cases: report.cases.iter().map(case).collect(),
        changes: changes.collect(),
        differences: report.differences.iter().map(ToString::to_string).collect(),
    };
    serde_json::to_string(&written).map(|text| text.replace("},{\"revision\"", "},\n{\"revision\"") + "\n")
}

fn rows<'a>(report: &'a Report<'_>, outcome: &'a Outcome) -> impl Iterator<Item = Row<'a>> {
    let known = report.models.of(&outcome.key);
    outcome.verdicts.iter().map(move |(property, verdict)| Row {
        revision: &outcome.key.revision,
        environment: &outcome.key.environment,
        unmasked: outcome.key.seed_of(SeedKind::Unmasked),
        defect: outcome.key.seed_of(SeedKind::Defect),
        hazard: outcome.key.seed_of(SeedKind::Hazard),
        remedy: outcome.key.seed_of(SeedKind::Remedy),
        measure: outcome.key.seed_of(SeedKind::Measure),
        property: property.name(),
        verdict: verdict.name(),
        budget: match verdict {
            Verdict::Incomplete(budget) => Some(budget.to_string()),
            _ => None,
        },
        states: outcome.states,
        transitions: outcome.transitions,
        depth: outcome.depth,
        steps: verdict.steps(),
        seconds: rounded(outcome.seconds),
        expected: known
            .and_then(|known| known.of(*property))
            .map(|steps| Expectation { verdict: if steps.is_some() { "violated" } else { "holds" }, steps }),
        as_expected: report.differences_of(&outcome.key, *property).next().is_none(),
    })
}

fn case(case: &CaseReport) -> WrittenCase<'_> {
    WrittenCase {
        id: case.id,
        text: &case.text,
        note: case.note,
        revision: case.revision,
        environment: case.environment,
        property: case.property.name(),
        result: &case.result,
        steps: case.steps,
        passed: case.passed,
        faults: &case.faults,
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
