//! The report of a gate: steps, the units of work of each, and what was found wrong. Format midcomms-gate of traces/SCHEMA.md.

use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;

/// The name of the format.
pub const FORMAT: &str = "midcomms-gate";
/// The version that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// How something ended; the greater of two is the more serious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All as expected, and something was checked.
    #[default]
    Good,
    /// Nothing was shown: a budget ran out, there was nothing to check, or a part is missing.
    Incomplete,
    /// Something is not as expected.
    Failed,
    /// Something could not be read or written.
    Unusable,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How serious it is.
    #[serde(default = "failed")]
    pub verdict: Verdict,
    /// What, in a sentence that names the culprit.
    pub message: String,
    /// The rule or property that is broken, or the figure that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The file that it is in, as a path from the top of the repository where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The frame of a capture, or the line of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// More for whoever wants to understand it: a diagnostic, a path, two states. Lines of text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The reason of the waiver that keeps it from counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

fn failed() -> Verdict {
    Verdict::Failed
}

impl Finding {
    /// Something that is not as expected: which rule, property or figure, and what of it.
    pub fn failed(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, rule: Some(rule.into()), message: message.into(), ..Self::default() }
    }

    /// Something that cannot be read or written.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unusable, message: message.into(), ..Self::default() }
    }

    /// Something that was not shown.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Incomplete, message: message.into(), ..Self::default() }
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(self, file: impl Into<String>, line: Option<u64>) -> Self {
        Self { file: Some(file.into()), line, ..self }
    }

    /// The same, with more for whoever wants to understand it.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// One unit of work: a world, a trace, a scenario with its seed, an environment that is driven.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitReport {
    /// Its name, which no other unit of the step has.
    pub name: String,
    /// How it ended, waivers considered.
    pub verdict: Verdict,
    /// What came out, in a few words.
    pub outcome: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl UnitReport {
    /// The most serious of what is wrong and not waived.
    pub fn judge(&mut self) {
        let counting = self.findings.iter().filter(|finding| finding.waived.is_none());
        self.verdict = counting.map(|finding| finding.verdict).max().unwrap_or_default();
    }
}

/// A step of the gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name in midcomms.toml.
    pub name: String,
    /// The most serious of its units; [`Verdict::Incomplete`] where there are fewer than planned, or none.
    pub verdict: Verdict,
    /// What came out, in a line.
    pub outcome: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Units that all parts together have.
    pub planned: usize,
    /// The units that were run, in the order of their plan.
    pub units: Vec<UnitReport>,
}

/// Which part of the work this is: from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// This part.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

/// All that came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// The version of the program, and that of the specification.
    pub program: String,
    /// The profile that was run.
    pub profile: String,
    /// The seed of everything random.
    pub seed: u64,
    /// The command that runs the same again.
    #[serde(default)]
    pub again: String,
    /// A digest of the configuration and of what was planned: parts of one gate have the same.
    pub plan: String,
    /// The part, where the work was split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// The most serious of the steps.
    pub verdict: Verdict,
    /// Seconds from beginning to end; of parts that were joined, the sum.
    pub seconds: f64,
    /// The steps, in their order.
    pub steps: Vec<StepReport>,
    /// What was exercised.
    pub coverage: Coverage,
}
