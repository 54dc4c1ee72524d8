//! Files that replay judged, as the report of a gate with one step: for the forms that a gate's report has.

use std::time::Instant;

use super::config::StepName;
use super::report::{FORMAT, GateReport, StepReport, UnitReport, VERSION};
use super::steps::judged;
use crate::replay::FileReport;

/// A unit for each file.
#[derive(Debug)]
pub struct Files {
    units: Vec<UnitReport>,
    is_strict: bool,
    began: Instant,
}

impl Files {
    /// None yet; `is_strict`: a stall fails.
    pub fn new(is_strict: bool) -> Self {
        Self { units: Vec::new(), is_strict, began: Instant::now() }
    }

    /// Another file.
    pub fn file(&mut self, report: &FileReport) {
        let done = judged(report, self.is_strict);
        let (name, outcome, findings) = (report.path.clone(), done.outcome, done.findings);
        let mut unit = UnitReport { name, outcome, findings, ..UnitReport::default() };
        unit.judge();
        self.units.push(unit);
    }

    /// The report.
    pub fn finish(self) -> GateReport {
        let seconds = self.began.elapsed().as_secs_f64();
        let verdict = self.units.iter().map(|unit| unit.verdict).max().unwrap_or_default();
        let step = StepReport {
            name: StepName::Replay.name().to_owned(),
            verdict,
            outcome: String::new(),
            seconds,
            planned: self.units.len(),
            units: self.units,
        };
        GateReport {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            verdict,
            seconds,
            steps: vec![step],
            ..GateReport::default()
        }
    }
}
