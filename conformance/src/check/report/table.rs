//! The matrix as a table: a block for each revision, a line for each environment, a column for each property.

use std::fmt::Write;

use midcomms_model::system::Property;

use crate::check::run::{Outcome, Verdict};
use crate::render::Paint;

/// Width of the narrowest column of verdicts, the blank before it left out.
const CELL: usize = 4;

/// The name of a property at the head of its column.
pub(crate) fn short(property: Property) -> &'static str {
    match property {
        Property::ExactlyOnceInOrder => "once",
        Property::NoFalseAck => "ack",
        Property::NoTxAfterFin => "tx",
        Property::NoRxAfterStop => "rx",
        Property::NoGhost => "ghost",
        Property::CleanClosed => "clean",
        Property::UsersConsistent => "users",
        Property::VersionConsistent => "ver",
        Property::NoCrossIncarnation => "cross",
        Property::NoUnexpected => "unexp",
        Property::NoLoss => "loss",
        Property::QueueDrains => "drain",
        Property::BothClosed => "close",
        Property::ShutdownReturns => "shut",
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn column(property: Property) -> usize {
    short(property).len().max(CELL)
}

/// What a cell shows.
pub(crate) fn cell(verdict: Option<&Verdict>) -> String {
    match verdict {
        None => String::new(),
        Some(Verdict::Holds) => "✓".to_owned(),
        Some(Verdict::Violated(_)) => match verdict.and_then(Verdict::steps) {
            Some(steps) => format!("✗{steps:>3}"),
            None => "✗".to_owned(),
        },
        Some(Verdict::Incomplete(_)) => "?".to_owned(),
        Some(Verdict::NotChecked) => "–".to_owned(),
    }
}

/// The table; consecutive outcomes of the same rules are one block.
pub(crate) fn table(outcomes: &[Outcome], properties: &[Property], paint: Paint) -> String {
    let mut text = String::new();
    let width = outcomes.iter().map(|outcome| outcome.key.environment.len()).max().unwrap_or(0);
    for block in outcomes.chunk_by(|one, other| one.key.rules() == other.key.rules()) {
        let name = block.first().map(|outcome| outcome.key.rules()).unwrap_or_default();
        let _ = writeln!(text, "{}", paint.heading(&name));
        let _ = writeln!(text, "{}", paint.faint(head(properties, width).trim_end()));
        for outcome in block {
            let _ = writeln!(text, "{}", line(outcome, properties, width, paint).trim_end());
        }
        text.push('\n');
    }
    text
}

fn head(properties: &[Property], width: usize) -> String {
    let mut line = format!("{:width$} {:>10}", "", "states");
    for property in properties {
        let _ = write!(line, " {:>1$}", short(*property), column(*property));
    }
    line
}

fn line(outcome: &Outcome, properties: &[Property], width: usize, paint: Paint) -> String {
    let mut line = format!("{:width$} {:>10}", outcome.key.environment, grouped(outcome.states));
    for property in properties {
        let verdict = outcome.verdict(*property);
        let text = format!("{:>1$}", cell(verdict), column(*property));
        let painted = match verdict {
            Some(Verdict::Violated(_)) => paint.error(&text),
            Some(Verdict::Incomplete(_)) => paint.warning(&text),
            Some(Verdict::Holds) => paint.good(&text),
            _ => paint.faint(&text),
        };
        let _ = write!(line, " {painted}");
    }
    line
}

/// What the signs and the heads of the columns mean.
pub(crate) fn legend(properties: &[Property], paint: Paint) -> String {
    let names = properties.iter().map(|property| format!("{} {}", short(*property), property.name()));
    let names = names.collect::<Vec<_>>().join(", ");
    let text = format!(
        "✓ holds in every reachable state and every fair run   ✗ n violated, shortest counterexample of n steps\n\
         ? incomplete: a budget ran out   – not checked by this engine\n{}\n",
        crate::render::wrapped(&names, 100)
    );
    text.lines().map(|line| paint.faint(line) + "\n").collect()
}
