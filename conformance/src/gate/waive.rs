//! Waivers: what is known to be wrong and does not count until a day.

use chrono::{DateTime, NaiveDate};
use wildmatch::WildMatch;

use super::config::Waiver;
use super::report::{Finding, StepReport, UnitReport, Verdict};

/// Days before the end on which a waiver is mentioned.
const SOON_DAYS: i64 = 14;

/// The day, in UTC.
pub fn today() -> NaiveDate {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    DateTime::from_timestamp(i64::try_from(since).unwrap_or(0), 0).unwrap_or_default().date_naive()
}

impl Waiver {
    fn is_in_force(&self, today: NaiveDate) -> bool {
        today <= self.expires
    }

    /// Only what is not as expected can be waived: what could not be read or was not shown might be anything.
    fn covers(&self, unit: &str, finding: &Finding) -> bool {
        if finding.verdict != Verdict::Failed {
            return false;
        }
        let trace = WildMatch::new(&self.trace);
        let rule = finding.rule.as_deref().unwrap_or_default();
        let is_there = trace.matches(unit) || finding.file.as_ref().is_some_and(|file| trace.matches(file));
        is_there && WildMatch::new(&self.rule).matches(rule)
    }
}

/// Marks what is waived, and judges the unit anew: by what was found, and by what its report said already, which counts where
/// nothing found explains it.
pub(super) fn apply(waivers: &[Waiver], today: NaiveDate, unit: &mut UnitReport) {
    let explained = unit.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
    let unexplained = Some(unit.verdict).filter(|verdict| *verdict > explained).unwrap_or_default();
    for finding in &mut unit.findings {
        let mut in_force = waivers.iter().filter(|waiver| waiver.is_in_force(today));
        let waiver = in_force.find(|waiver| waiver.covers(&unit.name, finding));
        finding.waived = waiver.map(|waiver| format!("{} (until {})", waiver.reason, waiver.expires));
    }
    unit.judge();
    unit.verdict = unit.verdict.max(unexplained);
}

/// The waivers as a step of their own: one that has expired is red, and one that waives nothing is told.
pub(super) fn report(waivers: &[Waiver], today: NaiveDate, steps: &[StepReport]) -> Option<StepReport> {
    let units: Vec<UnitReport> = waivers.iter().map(|waiver| one(waiver, today, steps)).collect();
    let planned = units.len();
    let expired = waivers.iter().filter(|waiver| !waiver.is_in_force(today)).count();
    let outcome = match expired {
        0 => format!("{planned} in force"),
        _ => format!("{expired} of {planned} expired"),
    };
    let verdict = units.iter().map(|unit| unit.verdict).max()?;
    Some(StepReport { name: "waivers".to_owned(), verdict, outcome, seconds: 0.0, planned, units })
}

fn one(waiver: &Waiver, today: NaiveDate, steps: &[StepReport]) -> UnitReport {
    let units = steps.iter().flat_map(|step| &step.units);
    let used = units.flat_map(|unit| unit.findings.iter().map(move |finding| (unit, finding)));
    let used = used.filter(|(unit, finding)| waiver.covers(&unit.name, finding)).count();
    let left = waiver.expires.signed_duration_since(today).num_days();
    let mut unit = UnitReport { name: format!("{} in {}", waiver.rule, waiver.trace), ..UnitReport::default() };
    unit.outcome = match used {
        _ if left < 0 => format!("expired on {}", waiver.expires),
        0 => "waives nothing: it can go".to_owned(),
        _ if left <= SOON_DAYS => format!("waives {used}, and ends in {left} days"),
        _ => format!("waives {used}"),
    };
    if left < 0 {
        let message = format!(
            "the waiver of {} in {} expired on {}: {}",
            waiver.rule, waiver.trace, waiver.expires, waiver.reason
        );
        unit.findings.push(Finding::failed("waiver", message));
    }
    unit.judge();
    unit
}
