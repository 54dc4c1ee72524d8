//! What is printed.

use std::fmt::{self, Display, Formatter, Write as _};

use anyhow::Result;
use serde_json::json;

use crate::args::Args;
use crate::bounds::{Limit, Verdict};
use crate::contender::Name;
use crate::cores;
use crate::figures::{Figures, Metric, Spread};
use crate::measure::Figure;
use crate::resets::{self, Times};
use crate::workload::Workload;

/// The columns of ratios.
const THROUGHPUT_RIVALS: &[Name] = &[Name::Raw, Name::Codec, Name::Zmq, Name::Quinn];
const ROUND_TRIP_RIVALS: &[Name] = &[Name::Raw, Name::RawTokio];

/// All of it as one JSON object.
pub(crate) fn json(args: &Args, figures: &Figures, verdicts: &[Verdict]) -> Result<String> {
    let mut ratios = Vec::new();
    for workload in Workload::all() {
        let contenders = figures.contenders(workload);
        for (&contender, &rival) in contenders.iter().flat_map(|one| contenders.iter().map(move |other| (one, other))) {
            for metric in [Metric::Rate, Metric::Median, Metric::P99] {
                let ratio = figures.ratio(workload, contender, rival, metric).filter(|_| contender != rival);
                ratios.extend(ratio.map(|Spread { lowest, median, highest }| {
                    json!({ "workload": workload, "contender": contender, "rival": rival, "metric": metric,
                            "lowest": lowest, "median": median, "highest": highest })
                }));
            }
        }
    }
    let whole = json!({ "cores": cores::count(), "workers": args.workers(), "options": args, "samples": figures.0,
                        "ratios": ratios, "bounds": verdicts });
    Ok(serde_json::to_string_pretty(&whole)?)
}

/// The tables.
pub(crate) fn markdown(args: &Args, figures: &Figures, verdicts: &[Verdict]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let run = match args.messages {
        Some(messages) => format!("{messages} messages"),
        None => format!("{} s", args.seconds),
    };
    let (rounds, cores) = (args.rounds, cores::count());
    writeln!(
        out,
        "Two nodes on loopback, {cores} cores, {rounds} rounds, runs of {run}, all interleaved. Figures are"
    )?;
    writeln!(
        out,
        "medians over the rounds (lowest to highest in brackets), ratios the medians of each round's ratio."
    )?;
    for workload in Workload::THROUGHPUT {
        throughput(&mut out, figures, *workload)?;
    }
    for workload in Workload::ROUND_TRIP {
        round_trip(&mut out, figures, *workload)?;
    }
    for workload in Workload::RESET {
        after_reset(&mut out, figures, *workload)?;
    }
    bounds(&mut out, verdicts)?;
    Ok(out)
}

fn throughput(out: &mut String, figures: &Figures, workload: Workload) -> fmt::Result {
    let rivals = head(out, figures, workload, "messages/s | MB/s", &[""], THROUGHPUT_RIVALS)?;
    for contender in figures.contenders(workload) {
        let Some(rate) = figures.spread(workload, contender, Metric::Rate) else { continue };
        let megabytes = rate.median * f64::from(workload.len()) / 1e6;
        write!(out, "| {} | {} | {megabytes:.0} |", contender.title(), Counts(rate))?;
        ratios(out, figures, workload, contender, &rivals, &[Metric::Rate])?;
    }
    Ok(())
}

fn round_trip(out: &mut String, figures: &Figures, workload: Workload) -> fmt::Result {
    let rivals = head(out, figures, workload, "median µs | p99 µs", &["median ", "p99 "], ROUND_TRIP_RIVALS)?;
    for contender in figures.contenders(workload) {
        let median = figures.spread(workload, contender, Metric::Median);
        let Some((median, p99)) = median.zip(figures.spread(workload, contender, Metric::P99)) else { continue };
        write!(out, "| {} | {} | {} |", contender.title(), Micros(median), Micros(p99))?;
        ratios(out, figures, workload, contender, &rivals, &[Metric::Median, Metric::P99])?;
    }
    Ok(())
}

type Time = fn(resets::Figure) -> Times;

/// A line for each time and for the ratio, nothing where it was not measured.
fn after_reset(out: &mut String, figures: &Figures, workload: Workload) -> fmt::Result {
    for contender in figures.contenders(workload) {
        let of = |value: &dyn Fn(resets::Figure) -> f64| {
            figures.spread_of(workload, contender, |figure| match figure {
                Figure::AfterReset(figure) => Some(value(figure)),
                _ => None,
            })
        };
        let head = "| from the reset until | median | 99th percentile |\n|---|--:|--:|";
        writeln!(out, "\n### {}: {}\n\n{head}", workload.title(), contender.title())?;
        let times: [(_, Time); 3] = [
            ("a connection stands again, µs", |figure| figure.reconnect),
            ("the first message sent behind it is delivered, µs", |figure| figure.delivery),
            ("(a round trip before it, µs)", |figure| figure.round_trip),
        ];
        for (what, time) in times {
            let spreads = of(&|figure| time(figure).median_us).zip(of(&|figure| time(figure).p99_us));
            let Some((median, p99)) = spreads else { continue };
            writeln!(out, "| {what} | {} | {} |", Micros(median), Micros(p99))?;
        }
        let ratios = of(&|figure| figure.ratio).zip(of(&|figure| figure.ratio_p99));
        let Some((median, p99)) = ratios else { continue };
        let what = "delivery, divided by the reconnect of the same break and a round trip";
        writeln!(out, "| {what} | {:.2} | {:.2} |", median.median, p99.median)?;
    }
    Ok(())
}

/// Title and head of a table, nothing for a workload that was not measured. Gives the rivals that have columns: each has
/// one for every one of `parts`.
fn head(
    out: &mut String,
    figures: &Figures,
    workload: Workload,
    columns: &str,
    parts: &[&str],
    rivals: &[Name],
) -> Result<Vec<Name>, fmt::Error> {
    let contenders = figures.contenders(workload);
    let rivals: Vec<_> = rivals.iter().copied().filter(|rival| contenders.contains(rival)).collect();
    if contenders.is_empty() {
        return Ok(rivals);
    }
    write!(out, "\n### {}\n\n| contender | {columns} |", workload.title())?;
    for rival in &rivals {
        for part in parts {
            write!(out, " {part}to {} |", rival.short())?;
        }
    }
    writeln!(out, "\n|---{}|", "|--:".repeat(columns.split('|').count() + rivals.len() * parts.len()))?;
    Ok(rivals)
}

/// The rest of a line.
fn ratios(
    out: &mut String,
    figures: &Figures,
    workload: Workload,
    contender: Name,
    rivals: &[Name],
    metrics: &[Metric],
) -> fmt::Result {
    for rival in rivals {
        for metric in metrics {
            let ratio = figures.ratio(workload, contender, *rival, *metric);
            let ratio = ratio.map(|ratio| format!(" {:.2}", ratio.median)).unwrap_or_default();
            write!(out, "{ratio} |")?;
        }
    }
    writeln!(out)
}

fn bounds(out: &mut String, verdicts: &[Verdict]) -> fmt::Result {
    writeln!(out, "\n### Bounds\n\n| figure | measured, where it is worst | bound |\n|---|---|---|")?;
    for Verdict { contender, rival, metric, limit, worst, missed } in verdicts {
        let what = match metric {
            Metric::Rate => "messages/s",
            Metric::Median => "median round trip",
            Metric::P99 => "99th percentile of round trips",
            Metric::AfterReset => {
                "from a reset to the next delivery, divided by the reconnect and a round trip, median"
            }
            Metric::AfterResetP99 => "the same, 99th percentiles",
            Metric::Reconnect => "from a reset to the next connection, in round trips, medians",
        };
        let to = rival.map(|rival| format!(" to {}", rival.title())).unwrap_or_default();
        write!(out, "| {what}, {}{to} | ", contender.title())?;
        match worst {
            Some((workload, ratio)) => write!(out, "{ratio:.2} ({})", workload.title())?,
            None => write!(out, "not measured")?,
        }
        match limit {
            Limit::AtLeast(ratio) => write!(out, " | >= {ratio:.2} |")?,
            Limit::AtMost(ratio) => write!(out, " | <= {ratio:.2} |")?,
        }
        writeln!(out, "{}", if *missed { " **missed**" } else { "" })?;
    }
    Ok(())
}

/// Messages per second.
struct Counts(Spread);

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Spread { lowest, median, highest } = self.0;
        let (unit, factor) = if median < 1e6 { ("k", 1e3) } else { ("M", 1e6) };
        write!(f, "{:.2} {unit} ({:.2} to {:.2})", median / factor, lowest / factor, highest / factor)
    }
}

struct Micros(Spread);

impl Display for Micros {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Spread { lowest, median, highest } = self.0;
        write!(f, "{median:.1} ({lowest:.1} to {highest:.1})")
    }
}
