//! The report as JUnit's XML: a suite for each step, a case for each unit.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::gate::report::{Finding, GateReport, StepReport, UnitReport, Verdict};

/// The report.
///
/// # Errors
/// Those of the serialiser.
pub fn junit(report: &GateReport) -> Result<String, quick_junit::SerializeError> {
    let mut written = quick_junit::Report::new("midcomms gate");
    written.set_time(Duration::from_secs_f64(report.seconds));
    written.add_test_suites(report.steps.iter().map(suite));
    written.to_string().map(|text| text + "\n")
}

fn suite(step: &StepReport) -> TestSuite {
    let mut suite = TestSuite::new(&step.name);
    suite.set_time(Duration::from_secs_f64(step.seconds));
    suite.add_test_cases(step.units.iter().map(|unit| case(step, unit)));
    if step.units.len() < step.planned && step.verdict != Verdict::Good {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(format!("{} of {} units were not run", step.planned - step.units.len(), step.planned));
        suite.add_test_case(TestCase::new("units that were not run", status));
    }
    suite
}

fn case(step: &StepReport, unit: &UnitReport) -> TestCase {
    let counting = || unit.findings.iter().filter(|finding| finding.waived.is_none());
    let status = match unit.verdict {
        Verdict::Good => TestCaseStatus::success(),
        Verdict::Failed => failure(NonSuccessKind::Failure, counting()),
        Verdict::Incomplete | Verdict::Unusable => failure(NonSuccessKind::Error, counting()),
    };
    let waived = unit.findings.iter().filter_map(|finding| Some((finding, finding.waived.as_ref()?)));
    let waived: Vec<String> =
        waived.map(|(finding, reason)| format!("waived: {reason}: {}", finding.message)).collect();
    let mut case = TestCase::new(&unit.name, status);
    case.set_classname(&step.name).set_time(Duration::from_secs_f64(unit.seconds));
    case.set_system_out([vec![unit.outcome.clone()], waived].concat().join("\n"));
    case
}

fn failure<'a>(kind: NonSuccessKind, findings: impl Iterator<Item = &'a Finding>) -> TestCaseStatus {
    let (mut messages, mut details) = (Vec::new(), Vec::new());
    for finding in findings {
        messages.push(finding.message.as_str());
        details.extend([finding.message.as_str(), finding.detail.as_str()].into_iter().filter(|text| !text.is_empty()));
    }
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(messages.join("\n"));
    status.set_description(details.join("\n"));
    status
}
