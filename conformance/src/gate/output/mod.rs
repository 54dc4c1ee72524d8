//! The report in the forms in which it is told.

mod github;
mod junit;
mod sarif;
mod text;

use std::fmt;
use std::str::FromStr;

use super::report::{FORMAT, Finding, GateReport, StepReport, UnitReport, VERSION};

pub use github::{annotations, summary};
pub use junit::junit;
pub use sarif::sarif;
pub use text::Lines;
pub(crate) use text::text;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people: one screen.
    Text,
    /// Everything: format midcomms-gate of traces/SCHEMA.md.
    Json,
    /// JUnit's XML: a suite for each step, a case for each unit.
    Junit,
    /// SARIF 2.1.0: a result for each finding.
    Sarif,
    /// Annotations for GitHub Actions.
    Github,
    /// Markdown: the step summary of GitHub Actions.
    Markdown,
    /// One page for a browser.
    Html,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Json, Self::Junit, Self::Sarif, Self::Github, Self::Markdown, Self::Html];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name);
        let found = Self::ALL.into_iter().find(|form| form.name() == name);
        found.ok_or_else(|| crate::check::names::unknown("format", name, known))
    }
}

/// The report as JSON.
///
/// # Errors
/// Those of the serialiser.
pub fn json(report: &GateReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// Reads a report.
///
/// # Errors
/// If it is none, or one of another version.
pub fn read(text: &str) -> Result<GateReport, String> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: String,
        version: u64,
    }
    let Head { format, version } =
        serde_json::from_str(text).map_err(|error| format!("is no report of a gate: {error}"))?;
    if format != FORMAT || version != VERSION {
        return Err(format!("expected format `{FORMAT}`, version {VERSION}; got `{format}`, version {version}"));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Every finding with where it was found.
fn findings(report: &GateReport) -> impl Iterator<Item = (&StepReport, &UnitReport, &Finding)> {
    let units = report.steps.iter().flat_map(|step| step.units.iter().map(move |unit| (step, unit)));
    units.flat_map(|(step, unit)| unit.findings.iter().map(move |finding| (step, unit, finding)))
}

/// Those that count.
fn counting(report: &GateReport) -> impl Iterator<Item = (&StepReport, &UnitReport, &Finding)> {
    findings(report).filter(|(_, _, finding)| finding.waived.is_none())
}

/// Of one thing `1 x`, of several `2 xs`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
