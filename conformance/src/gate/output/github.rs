//! The report for GitHub Actions: annotations, and a step summary in Markdown.

use std::fmt::Write;

use super::{counted, counting};
use crate::gate::report::{Finding, GateReport, StepReport, Verdict};

/// GitHub shows so many annotations of each kind of a step; the others would be lost without a word.
const MAX_ANNOTATIONS: usize = 10;
/// Findings in the summary, which has a limit of 1 MiB.
const MAX_TOLD: usize = 50;

/// Workflow commands that make annotations. Findings of one rule in one step are one annotation.
pub fn annotations(report: &GateReport) -> String {
    let mut groups: Vec<(&StepReport, &Finding, usize)> = Vec::new();
    for (step, _, finding) in counting(report) {
        let is_same = |(other, first, _): &&mut (&StepReport, &Finding, usize)| {
            other.name == step.name && first.rule == finding.rule && first.verdict == finding.verdict
        };
        match groups.iter_mut().find(is_same) {
            Some((_, _, count)) => *count += 1,
            None => groups.push((step, finding, 1)),
        }
    }
    groups.sort_by_key(|(_, finding, _)| std::cmp::Reverse(finding.verdict));
    let mut out = String::new();
    let shown = if groups.len() > MAX_ANNOTATIONS { MAX_ANNOTATIONS - 1 } else { groups.len() };
    for (step, finding, count) in groups.iter().take(shown) {
        let more = if *count > 1 { format!("\nand {} more like this", count - 1) } else { String::new() };
        let title = format!("{}: {}", step.name, finding.rule.as_deref().unwrap_or("midcomms"));
        out += &command(finding, &title, &format!("{}{more}", finding.message));
    }
    if shown < groups.len() {
        let message = format!("{} more kinds of findings: see the summary", groups.len() - shown);
        let _ = writeln!(out, "::error title=midcomms gate::{}", data(&message));
    }
    out
}

fn command(finding: &Finding, title: &str, message: &str) -> String {
    let kind = if finding.verdict == Verdict::Incomplete { "warning" } else { "error" };
    // A frame is no line of a text: the number of a capture's frame is in the message.
    let file = finding.file.as_deref().map_or(String::new(), |file| format!("file={},", property(file)));
    format!("::{kind} {file}title={}::{}\n", property(title), data(message))
}

/// Text of a workflow command, escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, escaped.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary.
pub fn summary(report: &GateReport) -> String {
    let mut out = String::new();
    let verdict = match report.verdict {
        Verdict::Good => "✅ good",
        Verdict::Incomplete => "❔ incomplete",
        Verdict::Failed => "❌ failed",
        Verdict::Unusable => "❌ unusable",
    };
    let part = report.partition.map_or(String::new(), |part| format!(", part {} of {}", part.part, part.of));
    let _ = writeln!(out, "## midcomms gate{part}: {verdict}\n");
    let _ = writeln!(out, "| step | verdict | what came out | units | seconds |\n|---|---|---|---:|---:|");
    for step in &report.steps {
        let verdict = match step.verdict {
            Verdict::Good => "ok",
            Verdict::Incomplete => "**incomplete**",
            Verdict::Failed => "**failed**",
            Verdict::Unusable => "**unusable**",
        };
        let (name, outcome) = (cell(&step.name), cell(&step.outcome));
        let _ = writeln!(out, "| {name} | {verdict} | {outcome} | {} | {:.1} |", step.units.len(), step.seconds);
    }
    let all: Vec<_> = counting(report).collect();
    if !all.is_empty() {
        let _ = writeln!(out, "\n### {}\n", counted(all.len(), "finding"));
    }
    for (step, unit, finding) in all.iter().take(MAX_TOLD) {
        let _ = writeln!(out, "- **{}**, {}: {}", step.name, cell(&unit.name), cell(&finding.message));
        if !finding.detail.is_empty() {
            let _ =
                writeln!(out, "\n  <details><summary>more</summary>\n\n{}\n\n  </details>\n", fenced(&finding.detail));
        }
    }
    if all.len() > MAX_TOLD {
        let _ = writeln!(out, "- and {} more", all.len() - MAX_TOLD);
    }
    let _ = writeln!(out, "\nSeed {}; again: `{}`", report.seed, report.again);
    out
}

/// Text of a table or a list, where Markdown and HTML mean nothing.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => out.push(' '),
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}

/// A block of code that is longer fenced than anything in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    format!("  {fence}\n{}\n  {fence}", lines.join("\n"))
}
