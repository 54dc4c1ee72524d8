//! What midcomms has to reach.

use serde::Serialize;

use crate::contender::Name;
use crate::figures::{Figures, Metric};
use crate::workload::Workload;

/// A ratio that has to be reached in every one of some workloads.
struct Bound {
    contender: Name,
    rival: Name,
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
    at_most(1.15, Name::Raw, Metric::Median),
    at_most(1.15, Name::Raw, Metric::P99),
    at_most(1.15, Name::RawTokio, Metric::Median),
    at_most(1.15, Name::RawTokio, Metric::P99),
];

const fn at_least(ratio: f64, contender: Name, rival: Name, workloads: &'static [Workload]) -> Bound {
    Bound { contender, rival, metric: Metric::Rate, workloads, limit: Limit::AtLeast(ratio) }
}

const fn at_most(ratio: f64, rival: Name, metric: Metric) -> Bound {
    Bound { contender: Name::Midcomms, rival, metric, workloads: Workload::ROUND_TRIP, limit: Limit::AtMost(ratio) }
}

/// A bound beside what was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) contender: Name,
    pub(crate) rival: Name,
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
            figures.ratio(*workload, contender, rival, metric).map(|ratio| (*workload, ratio.median))
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
    use super::*;
    use crate::measure::{Figure, Sample};

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
    fn a_bound_of_which_a_workload_was_not_measured_is_neither_met_nor_missed() {
        let verdict = verdict(&[(Workload::OneWay88, 0.1)]);
        assert!(!verdict.missed);
        assert_eq!(verdict.worst, None);
    }
}
