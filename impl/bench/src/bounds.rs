//! What midcomms has to reach.

use serde::Serialize;

use crate::contender::Name;
use crate::figures::{Figures, Metric};
use crate::workload::Workload;

/// A ratio that has to be reached in every one of some workloads.
struct Bound {
    contender: Name,
    /// `None` where the metric is a ratio by itself.
    rival: Option<Name>,
    metric: Metric,
    workloads: &'static [Workload],
    limit: Limit,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

const SHORT: &[Workload] = &[Workload::OneWay88, Workload::BothWays88];
const LONG: &[Workload] = &[Workload::OneWay4000, Workload::BothWays4000];

const BOUNDS: &[Bound] = &[
    at_least(0.40, Name::Midcomms, Name::Raw, SHORT),
    at_least(0.85, Name::Midcomms, Name::Raw, LONG),
    at_least(0.70, Name::MidcommsBatch, Name::Raw, SHORT),
    at_least(0.85, Name::MidcommsBatch, Name::Raw, LONG),
    at_least(1.0, Name::MidcommsBatch, Name::Codec, Workload::THROUGHPUT),
    at_least(1.2, Name::MidcommsBatch, Name::Zmq, Workload::THROUGHPUT),
    at_least(3.0, Name::MidcommsBatch, Name::Quinn, Workload::THROUGHPUT),
    at_least(0.95, Name::MidcommsRecorded, Name::MidcommsBatch, Workload::THROUGHPUT),
    at_most(1.15, Some(Name::Raw), Metric::Median, Workload::ROUND_TRIP),
    at_most(1.15, Some(Name::Raw), Metric::P99, Workload::ROUND_TRIP),
    at_most(1.15, Some(Name::RawTokio), Metric::Median, Workload::ROUND_TRIP),
    at_most(1.15, Some(Name::RawTokio), Metric::P99, Workload::ROUND_TRIP),
    at_most(1.0, None, Metric::AfterReset, Workload::RESET),
    at_most(1.0, None, Metric::AfterResetP99, Workload::RESET),
    at_most(10.0, None, Metric::Reconnect, Workload::RESET),
];

const fn at_least(ratio: f64, contender: Name, rival: Name, workloads: &'static [Workload]) -> Bound {
    Bound { contender, rival: Some(rival), metric: Metric::Rate, workloads, limit: Limit::AtLeast(ratio) }
}

const fn at_most(ratio: f64, rival: Option<Name>, metric: Metric, workloads: &'static [Workload]) -> Bound {
    Bound { contender: Name::Midcomms, rival, metric, workloads, limit: Limit::AtMost(ratio) }
}

/// A bound beside what was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) contender: Name,
    pub(crate) rival: Option<Name>,
    pub(crate) metric: Metric,
    pub(crate) limit: Limit,
    /// The worst workload and its ratio, `None` where not all of the workloads were measured.
    pub(crate) worst: Option<(Workload, f64)>,
    pub(crate) missed: bool,
}

/// Holds all bounds against the figures.
pub(crate) fn judge(figures: &Figures) -> Vec<Verdict> {
    BOUNDS.iter().map(|bound| bound.judge(figures)).collect()
}

impl Bound {
    fn judge(&self, figures: &Figures) -> Verdict {
        let &Self { contender, rival, metric, workloads, limit } = self;
        let ratio = |workload: &Workload| {
            let ratio = match rival {
                Some(rival) => figures.ratio(*workload, contender, rival, metric),
                None => figures.spread(*workload, contender, metric),
            };
            ratio.map(|ratio| (*workload, ratio.median))
        };
        let worst = workloads.iter().map(ratio).collect::<Option<Vec<_>>>().and_then(|ratios| limit.worst(&ratios));
        let missed = worst.is_some_and(|(_, ratio)| !limit.allows(ratio));
        Verdict { contender, rival, metric, limit, worst, missed }
    }
}

impl Limit {
    fn worst(self, ratios: &[(Workload, f64)]) -> Option<(Workload, f64)> {
        let sorted = ratios.iter().copied();
        match self {
            Self::AtLeast(_) => sorted.min_by(|(_, left), (_, right)| left.total_cmp(right)),
            Self::AtMost(_) => sorted.max_by(|(_, left), (_, right)| left.total_cmp(right)),
        }
    }

    fn allows(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::{Figure, Sample};
    use crate::resets::{self, AfterResets, Break};

    fn figures(workloads: &[(Workload, f64)]) -> Figures {
        let sample = |workload, contender, messages_per_second| {
            let figure = Figure::Throughput { messages_per_second };
            Sample { round: 1, workload, contender, messages: 1, figure }
        };
        let both = workloads
            .iter()
            .flat_map(|&(workload, ratio)| [sample(workload, Name::Raw, 1.0), sample(workload, Name::Midcomms, ratio)]);
        Figures(both.collect())
    }

    fn verdict(workloads: &[(Workload, f64)]) -> Verdict {
        at_least(0.4, Name::Midcomms, Name::Raw, SHORT).judge(&figures(workloads))
    }

    #[test]
    fn the_worst_workload_decides() {
        let missed = verdict(&[(Workload::OneWay88, 0.5), (Workload::BothWays88, 0.39)]);
        assert!(missed.missed);
        assert_eq!(missed.worst, Some((Workload::BothWays88, 0.39)));
        assert!(!verdict(&[(Workload::OneWay88, 0.5), (Workload::BothWays88, 0.4)]).missed);
    }

    #[test]
    fn a_ratio_that_needs_no_rival_is_held_against_its_bound_as_well() {
        let millis = |reconnect, delivery| Break {
            reconnect: Duration::from_millis(reconnect),
            delivery: Duration::from_millis(delivery),
        };
        let judged = |breaks: [Break; 3]| {
            let (round_trips, took) = (vec![Duration::from_millis(4)], Duration::from_secs(1));
            let after = AfterResets { round_trips, breaks: breaks.to_vec(), took };
            let figure = Figure::AfterReset(resets::Figure::of(&after).unwrap());
            let (workload, contender) = (Workload::AfterReset, Name::Midcomms);
            let sample = Sample { round: 1, workload, contender, messages: 3, figure };
            [Metric::AfterReset, Metric::AfterResetP99, Metric::Reconnect].map(|metric| {
                let figures = Figures(vec![sample]);
                let verdict = at_most(1.0, None, metric, Workload::RESET).judge(&figures);
                (verdict.worst.unwrap().1, verdict.missed)
            })
        };
        let good = [millis(4, 6), millis(4, 8), millis(4, 4)];
        assert_eq!(judged(good), [(0.75, false), (1.0, false), (1.0, false)]);
        let slow = [millis(4, 10), millis(4, 16), millis(12, 4)];
        assert_eq!(judged(slow), [(1.25, true), (2.0, true), (1.0, false)]);
        let late = [millis(8, 8), millis(8, 8), millis(8, 8)];
        assert_eq!(judged(late)[2], (2.0, true));
    }

    #[test]
    fn a_bound_of_which_a_workload_was_not_measured_is_neither_met_nor_missed() {
        let verdict = verdict(&[(Workload::OneWay88, 0.1)]);
        assert!(!verdict.missed);
        assert_eq!(verdict.worst, None);
    }
}
