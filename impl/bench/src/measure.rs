//! The rounds.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::args::Args;
use crate::contender::{Contender, Name};
use crate::resets::{self, Times};
use crate::workload::Workload;

/// What one run gave.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) workload: Workload,
    pub(crate) contender: Name,
    /// Messages per direction, round trips or resets that were timed.
    pub(crate) messages: u32,
    #[serde(flatten)]
    pub(crate) figure: Figure,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Figure {
    /// Both directions together.
    Throughput {
        messages_per_second: f64,
    },
    RoundTrip {
        median_us: f64,
        p99_us: f64,
    },
    AfterReset(resets::Figure),
}

/// Runs everything, round by round.
///
/// # Errors
///
/// The first run that fails, with its contender and workload.
pub(crate) fn run(args: &Args, contenders: &[Box<dyn Contender>]) -> Result<Vec<Sample>> {
    let workloads: Vec<_> = Workload::all().filter(|workload| args.wants_workload(*workload)).collect();
    let mut counts = BTreeMap::new();
    let mut samples = Vec::new();
    for round in 1..=args.rounds.get() {
        for &workload in &workloads {
            for contender in rotated(contenders, round).filter(|contender| contender.name().takes(workload)) {
                let name = contender.name();
                let of = || format!("{}, {}, round {round}", name.title(), workload.title());
                let messages = match counts.get(&(workload, name)) {
                    Some(messages) => *messages,
                    None => count(args, contender, workload).with_context(of)?,
                };
                counts.insert((workload, name), messages);
                let figure = once(contender, workload, messages).with_context(of)?;
                eprintln!("round {round} of {}: {}: {}: {figure}", args.rounds, workload.title(), name.title());
                samples.push(Sample { round, workload, contender: name, messages, figure });
            }
        }
    }
    Ok(samples)
}

/// All of them, another one first in each round.
fn rotated(contenders: &[Box<dyn Contender>], round: u32) -> impl Iterator<Item = &dyn Contender> {
    let first = round as usize % contenders.len().max(1);
    contenders.iter().cycle().skip(first).take(contenders.len()).map(AsRef::as_ref)
}

fn once(contender: &dyn Contender, workload: Workload, messages: u32) -> Result<Figure> {
    let load = workload.load(messages);
    if workload == Workload::AfterReset {
        let after = contender.after_resets(&load)?;
        return Ok(Figure::AfterReset(resets::Figure::of(&after).context("no reset was timed")?));
    }
    if !workload.is_round_trip() {
        return Ok(Figure::Throughput { messages_per_second: contender.throughput(&load)? });
    }
    let mut times = contender.round_trips(&load)?;
    times.sort_unstable();
    let Times { median_us, p99_us } = Times::of_sorted(&times).context("no round trip was timed")?;
    Ok(Figure::RoundTrip { median_us, p99_us })
}

/// Of sorted values: the smallest that `percent` of them do not exceed.
pub(crate) fn percentile<T: Copy>(values: &[T], percent: usize) -> Option<T> {
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.checked_sub(1)?).copied()
}

/// How many messages per direction, round trips or resets a run takes.
fn count(args: &Args, contender: &dyn Contender, workload: Workload) -> Result<u32> {
    if let Some(messages) = args.messages {
        return Ok(messages);
    }
    let mut messages = FEWEST;
    loop {
        let rate = once(contender, workload, messages)?.per_direction(workload);
        if f64::from(messages) / rate >= args.seconds / 8.0 || messages >= MOST / 8 {
            // A float becomes an integer by saturation.
            return Ok(((rate * args.seconds) as u32).clamp(FEWEST, MOST));
        }
        messages *= 8;
    }
}

const FEWEST: u32 = 100;
const MOST: u32 = 1_000_000_000;

impl Figure {
    /// Messages in one direction, round trips or resets, in a second.
    fn per_direction(self, workload: Workload) -> f64 {
        match self {
            Self::Throughput { messages_per_second } if workload.both_ways() => messages_per_second / 2.0,
            Self::Throughput { messages_per_second } => messages_per_second,
            Self::RoundTrip { median_us, .. } => 1e6 / median_us,
            Self::AfterReset(figure) => figure.resets_per_second,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Throughput { messages_per_second } => write!(f, "{messages_per_second:.0} messages/s"),
            Self::RoundTrip { median_us, p99_us } => write!(f, "median {median_us:.1} µs, p99 {p99_us:.1} µs"),
            Self::AfterReset(figure) => write!(f, "{figure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<_> = (1..=200).collect();
        assert_eq!(percentile(&times, 50), Some(100));
        assert_eq!(percentile(&times, 99), Some(198));
        assert_eq!(percentile(&times[..1], 99), Some(1));
        assert_eq!(percentile::<u32>(&[], 50), None);
    }
}
