//! What the steps before have exercised, against the list of what need not be.

use std::time::Instant;

use crate::coverage::{Coverage, CoverageReport, Exceptions, Kind, Missing, judge};
use crate::gate::config::Config;
use crate::gate::report::{Finding, StepReport, UnitReport};

/// The list, in findings.
const EXCEPTIONS_FILE: &str = "conformance/coverage.toml";

/// Judges what was exercised. The verdict is still to be found from the findings.
pub(in crate::gate) fn coverage(config: &Config, coverage: &Coverage) -> StepReport {
    let began = Instant::now();
    let mut unit = UnitReport { name: "coverage".to_owned(), ..UnitReport::default() };
    match exceptions(config) {
        Ok(exceptions) => {
            let report = judge(coverage, &exceptions);
            unit.findings = findings(&report, coverage, config.profile.coverage.transitions);
            unit.outcome = format!("{} never exercised with a reason", report.explained.len());
        }
        Err(reason) => {
            unit.findings.push(Finding::unusable(reason));
            unit.outcome = "not judged".to_owned();
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    unit.seconds = seconds;
    let (cells, rules, actions) = (coverage.cells.len(), coverage.rules.len(), coverage.actions.len());
    let outcome = format!("{cells} cells, {rules} rules, {actions} actions; {}", unit.outcome);
    StepReport { name: "coverage".to_owned(), outcome, seconds, planned: 1, units: vec![unit], ..StepReport::default() }
}

fn exceptions(config: &Config) -> Result<Exceptions, String> {
    let file = &config.profile.coverage.exceptions;
    if file.is_empty() {
        return Exceptions::built_in().map_err(|error| format!("{EXCEPTIONS_FILE}: {error}"));
    }
    let path = config.path(file);
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Exceptions::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn findings(report: &CoverageReport, coverage: &Coverage, wanted: u64) -> Vec<Finding> {
    let suffices = |missing: &Missing| {
        let share = coverage.transitions.get(&missing.name).copied().unwrap_or_default();
        missing.kind == Kind::Environment && share.covered * 100 >= share.all * wanted
    };
    let mut findings: Vec<Finding> = report
        .unexplained
        .iter()
        .filter(|missing| !suffices(missing))
        .map(|missing| {
            let by = missing.source.map_or(String::new(), |source| format!(" by the {source}"));
            let message = match missing.kind {
                Kind::Environment => {
                    let share = coverage.transitions.get(&missing.name).copied().unwrap_or_default();
                    format!(
                        "{}: {} of {} transitions driven, less than {wanted} per cent",
                        missing.name, share.covered, share.all
                    )
                }
                kind => format!(
                    "{} {} is never exercised{by}, and {EXCEPTIONS_FILE} gives no reason",
                    kind.name(),
                    missing.name
                ),
            };
            Finding::failed("coverage", message).in_file(EXCEPTIONS_FILE, None)
        })
        .collect();
    findings.extend(report.stale.iter().map(|exception| {
        let message = format!(
            "{} {} is listed as never exercised ({}), and is exercised after all, or does not exist",
            exception.kind.name(),
            exception.name,
            exception.reason
        );
        Finding::failed("coverage", message).in_file(EXCEPTIONS_FILE, None)
    }));
    findings
}
