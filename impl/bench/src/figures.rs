//! Medians and ratios of what was measured.

use serde::Serialize;

use crate::contender::Name;
use crate::measure::{Figure, Sample};
use crate::workload::Workload;

/// A number of a [`Figure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    /// Messages per second.
    Rate,
    /// The median round trip, in microseconds.
    Median,
    /// Its 99th percentile.
    P99,
    /// From a reset to the next delivery, divided by the reconnect and a round trip.
    AfterReset,
    /// Its 99th percentile, with that of round trips.
    AfterResetP99,
    /// Round trips that a reconnect takes.
    Reconnect,
}

impl Metric {
    const fn of(self, figure: Figure) -> Option<f64> {
        match (self, figure) {
            (Self::Rate, Figure::Throughput { messages_per_second }) => Some(messages_per_second),
            (Self::Median, Figure::RoundTrip { median_us, .. }) => Some(median_us),
            (Self::P99, Figure::RoundTrip { p99_us, .. }) => Some(p99_us),
            (Self::AfterReset, Figure::AfterReset(figure)) => Some(figure.ratio),
            (Self::AfterResetP99, Figure::AfterReset(figure)) => Some(figure.ratio_p99),
            (Self::Reconnect, Figure::AfterReset(figure)) => Some(figure.reconnect_ratio),
            _ => None,
        }
    }
}

/// The samples of all rounds.
#[derive(Debug)]
pub(crate) struct Figures(pub(crate) Vec<Sample>);

/// A number over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lowest: f64,
    pub(crate) median: f64,
    pub(crate) highest: f64,
}

impl Figures {
    /// One contender's number over the rounds, `None` if it was not measured.
    pub(crate) fn spread(&self, workload: Workload, contender: Name, metric: Metric) -> Option<Spread> {
        self.spread_of(workload, contender, |figure| metric.of(figure))
    }

    /// The same of any number that figures have.
    pub(crate) fn spread_of(
        &self,
        workload: Workload,
        contender: Name,
        value: impl Fn(Figure) -> Option<f64>,
    ) -> Option<Spread> {
        spread(self.values(workload, contender, value).map(|(_, value)| value).collect())
    }

    /// One contender's number divided by a rival's of the same round, over the rounds.
    pub(crate) fn ratio(&self, workload: Workload, contender: Name, rival: Name, metric: Metric) -> Option<Spread> {
        let of = |figure| metric.of(figure);
        let quotients = self.values(workload, contender, of).filter_map(|(round, value)| {
            let (_, rival) = self.values(workload, rival, of).find(|(other, _)| *other == round)?;
            Some(value / rival)
        });
        spread(quotients.collect())
    }

    /// Who was measured with this workload, in the order of the tables.
    pub(crate) fn contenders(&self, workload: Workload) -> Vec<Name> {
        let mut names: Vec<_> =
            self.0.iter().filter(|sample| sample.workload == workload).map(|sample| sample.contender).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn values(
        &self,
        workload: Workload,
        contender: Name,
        value: impl Fn(Figure) -> Option<f64>,
    ) -> impl Iterator<Item = (u32, f64)> {
        let of = self.0.iter().filter(move |sample| sample.workload == workload && sample.contender == contender);
        of.filter_map(move |sample| Some((sample.round, value(sample.figure)?)))
    }
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let median = if values.len().is_multiple_of(2) { (values.get(middle - 1)? + upper) / 2.0 } else { upper };
    Some(Spread { lowest: *values.first()?, median, highest: *values.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: u32, contender: Name, messages_per_second: f64) -> Sample {
        let figure = Figure::Throughput { messages_per_second };
        Sample { round, workload: Workload::OneWay88, contender, messages: 1, figure }
    }

    #[test]
    fn a_ratio_compares_what_was_measured_in_the_same_round() {
        let values = [(1, Name::Raw, 10.0), (2, Name::Raw, 1000.0), (1, Name::Codec, 5.0), (2, Name::Codec, 500.0)];
        let figures = Figures(values.into_iter().map(|(round, name, rate)| sample(round, name, rate)).collect());
        let ratio = figures.ratio(Workload::OneWay88, Name::Codec, Name::Raw, Metric::Rate);
        assert_eq!(ratio, Some(Spread { lowest: 0.5, median: 0.5, highest: 0.5 }));
        assert_eq!(figures.ratio(Workload::OneWay88, Name::Zmq, Name::Raw, Metric::Rate), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(spread(vec![4.0, 1.0, 2.0, 8.0]), Some(Spread { lowest: 1.0, median: 3.0, highest: 8.0 }));
        assert_eq!(spread(vec![3.0, 1.0, 2.0]), Some(Spread { lowest: 1.0, median: 2.0, highest: 3.0 }));
        assert_eq!(spread(Vec::new()), None);
    }
}
