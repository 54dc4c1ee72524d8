//! The report as SARIF 2.1.0: a result for each finding, a suppressed one for each that is waived.

use std::collections::BTreeMap;

use serde_sarif::sarif::{
    ArtifactLocation, Location, LogicalLocation, Message, MultiformatMessageString, PhysicalLocation,
    ReportingDescriptor, Result as SarifResult, ResultLevel, Run, SCHEMA_URL, Sarif, Suppression, Tool, ToolComponent,
};

use super::findings;
use crate::gate::report::{Finding, GateReport, StepReport, UnitReport, Verdict};

/// What a finding without a rule is filed under.
const NO_RULE: &str = "midcomms";

/// The report.
///
/// # Errors
/// Those of the serialiser.
pub fn sarif(report: &GateReport) -> serde_json::Result<String> {
    let results: Vec<SarifResult> = findings(report).map(|found| result(&found)).collect();
    let driver = ToolComponent::builder().name("midcomms").version(report.program.clone()).rules(rules(report)).build();
    let run = Run::builder().tool(Tool::builder().driver(driver).build()).results(results).build();
    let sarif = Sarif::builder().schema(SCHEMA_URL).version(serde_json::json!("2.1.0")).runs(vec![run]).build();
    serde_json::to_string_pretty(&sarif).map(|text| text + "\n")
}

/// The rules that findings name, with their text where the protocol has one.
fn rules(report: &GateReport) -> Vec<ReportingDescriptor> {
    let names: BTreeMap<&str, ()> = findings(report).map(|(_, _, finding)| (rule(finding), ())).collect();
    names
        .into_keys()
        .map(|name| {
            let text = midcomms_model::Rule::find(name).map_or(name, |rule| rule.text());
            let text = MultiformatMessageString::builder().text(text).build();
            ReportingDescriptor::builder().id(name).short_description(text).build()
        })
        .collect()
}

fn rule(finding: &Finding) -> &str {
    finding.rule.as_deref().unwrap_or(NO_RULE)
}

fn result((step, unit, finding): &(&StepReport, &UnitReport, &Finding)) -> SarifResult {
    let level = match finding.verdict {
        Verdict::Good => ResultLevel::Note,
        Verdict::Incomplete => ResultLevel::Warning,
        Verdict::Failed | Verdict::Unusable => ResultLevel::Error,
    };
    let suppressions: Vec<Suppression> = finding
        .waived
        .iter()
        .map(|reason| {
            let kind = serde_json::json!("external");
            Suppression::builder().kind(kind).justification(reason.clone()).build()
        })
        .collect();
    SarifResult::builder()
        .rule_id(rule(finding))
        .level(level)
        .message(Message::builder().text(finding.message.clone()).build())
        .locations(vec![location(step, unit, finding)])
        .suppressions(suppressions)
        .build()
}

/// The step and the unit; the file, where there is one.
fn location(step: &StepReport, unit: &UnitReport, finding: &Finding) -> Location {
    let name = format!("{}/{}", step.name, unit.name);
    let logical = vec![LogicalLocation::builder().fully_qualified_name(name).build()];
    match &finding.file {
        None => Location::builder().logical_locations(logical).build(),
        Some(file) => {
            let artifact = ArtifactLocation::builder().uri(uri(file)).build();
            let physical = PhysicalLocation::builder().artifact_location(artifact).build();
            Location::builder().logical_locations(logical).physical_location(physical).build()
        }
    }
}

/// A path as a URI reference: what is neither unreserved nor a slash is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}
