//! The report as JUnit's XML: a suite for each world, a case for each property; a suite for the catalogue.

use std::time::Duration;

use midcomms_model::system::Property;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use crate::check::cases::CaseReport;
use crate::check::compare::{Difference, told};
use crate::check::run::{Outcome, Verdict};

/// The report.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn junit(report: &Report<'_>) -> Result<String, quick_junit::SerializeError> {
    let mut written = quick_junit::Report::new("midcomms check");
    written.set_time(Duration::from_secs_f64(report.seconds));
    for outcome in report.outcomes {
        let mut suite = TestSuite::new(outcome.key.to_string());
        suite.set_time(Duration::from_secs_f64(outcome.seconds));
        suite.add_test_cases(
            outcome.verdicts.iter().map(|(property, verdict)| row(report, outcome, *property, verdict)),
        );
        written.add_test_suite(suite);
    }
    let mut suite = TestSuite::new("differences of rows that were not run");
    let was_run = |difference: &&Difference| report.outcomes.iter().any(|outcome| outcome.key == difference.key);
    for difference in report.differences.iter().filter(|difference| !was_run(difference)) {
        suite.add_test_case(TestCase::new(difference.key.to_string(), failure(&difference.to_string())));
    }
    if !suite.test_cases.is_empty() {
        written.add_test_suite(suite);
    }
    if !report.cases.is_empty() {
        let mut suite = TestSuite::new("catalogue");
        suite.add_test_cases(report.cases.iter().map(case));
        written.add_test_suite(suite);
    }
    written.to_string().map(|text| text + "\n")
}

fn row(report: &Report<'_>, outcome: &Outcome, property: Property, verdict: &Verdict) -> TestCase {
    let differences: Vec<String> = report.differences_of(&outcome.key, property).map(ToString::to_string).collect();
    let breakage = report.changes.iter().find(|change| {
        change.is_breakage() && change.property == property && change.environment == outcome.key.environment
    });
    let is_variant = breakage.is_some_and(|change| change.after == *verdict);
    let status = match verdict {
        _ if !differences.is_empty() => failure(&differences.join("\n")),
        _ if is_variant => failure(&format!("{}, and held before", told(verdict))),
        Verdict::Incomplete(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotChecked => TestCaseStatus::skipped(),
        Verdict::Holds | Verdict::Violated(_) => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(property.name(), status);
    case.set_classname(outcome.key.rules()).set_system_out(told(verdict));
    case
}

fn case(case: &CaseReport) -> TestCase {
    let status = match case.passed {
        Some(true) => TestCaseStatus::success(),
        Some(false) => failure(&case.faults.join("\n")),
        None => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let mut written = TestCase::new(format!("{} {}", case.id, case.property.name()), status);
    written.set_classname(case.revision).set_system_out(format!("{}\n{}", case.text, case.result));
    written
}

fn failure(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    status
}
