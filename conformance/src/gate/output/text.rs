//! The report for people: one screen.

use std::fmt::Write;

use super::{counted, counting, findings};
use crate::gate::report::{Finding, GateReport, StepReport, UnitReport, Verdict};
use crate::render::{Paint, printable};

/// Lines of a screen.
const SCREEN: usize = 24;
/// Lines of a screen that are for neither steps nor findings nor details.
const AROUND: usize = 6;
/// Findings on a screen.
const MAX_FINDINGS: usize = 5;
/// Columns of a message on a screen; reports have all of it.
const WIDTH: usize = 104;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// One screen.
    #[default]
    Screen,
    /// Every unit, every finding, every detail.
    All,
}

/// The report.
pub(crate) fn text(report: &GateReport, lines: Lines, paint: Paint) -> String {
    let mut out = String::new();
    let width = report.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    for step in &report.steps {
        let name = format!("{:width$}", step.name);
        let units = step.units.len();
        let of = if units < step.planned { format!(" ({units} of {} units)", step.planned) } else { String::new() };
        let _ = writeln!(
            out,
            "{}  {}  {:>6.1} s  {}{of}",
            mark(step.verdict, paint),
            paint.heading(&name),
            step.seconds,
            step.outcome
        );
        if lines == Lines::All {
            step.units.iter().for_each(|unit| one(unit, paint, &mut out));
        }
    }
    if lines == Lines::Screen {
        out += &wrong(report, paint);
    }
    out + &verdict(report, paint)
}

fn one(unit: &UnitReport, paint: Paint, out: &mut String) {
    let _ = writeln!(out, "      {}  {}: {}", mark(unit.verdict, paint), printable(&unit.name), unit.outcome);
    for finding in &unit.findings {
        let _ = writeln!(out, "            {}", message(finding, Lines::All, paint));
        finding.detail.lines().for_each(|line| _ = writeln!(out, "              {}", printable(line)));
    }
}

fn mark(verdict: Verdict, paint: Paint) -> String {
    match verdict {
        Verdict::Good => paint.good("ok  "),
        Verdict::Incomplete => paint.warning("?   "),
        Verdict::Failed => paint.error("FAIL"),
        Verdict::Unusable => paint.error("ERR "),
    }
}

fn message(finding: &Finding, lines: Lines, paint: Paint) -> String {
    let text = match &finding.waived {
        None => finding.message.clone(),
        Some(reason) => format!("waived: {reason}: {}", finding.message),
    };
    let whole = printable(&text.replace('\n', " "));
    let text = match whole.char_indices().nth(WIDTH) {
        Some((end, _)) if lines == Lines::Screen => format!("{}…", whole.get(..end).unwrap_or(&whole)),
        _ => whole,
    };
    if finding.waived.is_some() { paint.faint(&text) } else { text }
}

/// The first few findings of each step, the most serious first, and the first detail.
fn wrong(report: &GateReport, paint: Paint) -> String {
    let mut out = String::new();
    let mut all: Vec<(&StepReport, &UnitReport, &Finding)> = counting(report).collect();
    all.sort_by_key(|(_, _, finding)| std::cmp::Reverse(finding.verdict));
    if !all.is_empty() {
        out.push('\n');
    }
    let shown = spread(&all, MAX_FINDINGS);
    for (step, _, finding) in &shown {
        let _ = writeln!(out, "{} {}: {}", paint.error("wrong:"), step.name, message(finding, Lines::Screen, paint));
    }
    if let Some((_, _, finding)) = shown.iter().find(|(_, _, finding)| !finding.detail.is_empty()) {
        let room = SCREEN.saturating_sub(report.steps.len() + shown.len() + AROUND);
        let mut detail = finding.detail.lines();
        for line in detail.by_ref().take(room) {
            let _ = writeln!(out, "    {}", paint.faint(&printable(line)));
        }
        if detail.next().is_some() {
            let _ = writeln!(out, "    {}", paint.faint("…"));
        }
    }
    if all.len() > shown.len() {
        let _ = writeln!(out, "and {} more: --verbose, or --report html=FILE", all.len() - shown.len());
    }
    let waived = findings(report).filter(|(_, _, finding)| finding.waived.is_some()).count();
    if waived > 0 {
        let _ = writeln!(out, "{}", paint.faint(&format!("{} waived", counted(waived, "finding"))));
    }
    out
}

/// At most so many, of every step at least one before of any a second.
fn spread<'a, T: Copy>(all: &[(&'a StepReport, T, &'a Finding)], most: usize) -> Vec<(&'a StepReport, T, &'a Finding)> {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let mut ranked: Vec<(usize, usize)> = Vec::new();
    for (place, (step, _, _)) in all.iter().enumerate() {
        let rank = match seen.iter_mut().find(|(name, _)| *name == step.name) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                seen.push((&step.name, 0));
                0
            }
        };
        ranked.push((rank, place));
    }
    ranked.sort_unstable();
    ranked.truncate(most);
    ranked.sort_unstable_by_key(|(_, place)| *place);
    ranked.into_iter().filter_map(|(_, place)| all.get(place).copied()).collect()
}

fn verdict(report: &GateReport, paint: Paint) -> String {
    let units: usize = report.steps.iter().map(|step| step.units.len()).sum();
    let part = report.partition.map_or(String::new(), |partition| {
        format!(" part {} of {}, to be joined with `midcomms merge`,", partition.part, partition.of)
    });
    let told = match report.verdict {
        Verdict::Good if report.partition.is_some() => paint.good("GOOD SO FAR"),
        Verdict::Good => paint.good("GOOD"),
        Verdict::Incomplete => paint.warning("INCOMPLETE"),
        Verdict::Failed => paint.error("FAILED"),
        Verdict::Unusable => paint.error("UNUSABLE"),
    };
    let checked = counted(units, "unit");
    format!("\ngate:{part} {told}: {checked} in {:.1} s; again: {}\n", report.seconds, report.again)
}
