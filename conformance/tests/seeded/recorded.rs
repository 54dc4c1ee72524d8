//! Every scenario is recorded and replayed, with a defect in every node.

use midcomms::midcomms::Defect;
use midcomms_conformance::record::{RecordError, Recording, Scenario, Scenarios};
use midcomms_conformance::replay::{FileReport, ReplayOptions, Verdict, replay_together};

/// With which seeds each scenario is run.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// A step of a scenario waits for what never comes.
pub(crate) const NEVER_ENDS: &str = "a step never ends";
/// A scenario comes to its end without showing what it promises.
pub(crate) const NOT_KEPT: &str = "a promise is not kept";

/// What was told of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) by: By,
    pub(crate) message: String,
}

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `record`, which keeps nothing then.
    Record(&'static str),
    /// Replay, by a rule.
    Replay(&'static str),
}

/// All that record and replay say of the scenarios with a defect in every node: the first of each scenario and seed.
pub(crate) fn told(defect: Option<Defect>) -> impl Iterator<Item = Told> {
    let scenarios: Vec<Scenario> = Scenarios::built_in().unwrap().iter().cloned().collect();
    let runs = scenarios.into_iter().flat_map(|scenario| SEEDS.map(move |seed| (scenario.clone(), seed)));
    runs.filter_map(move |(scenario, seed)| told_of(&Scenario { defect, ..scenario }, seed))
}

fn told_of(scenario: &Scenario, seed: u64) -> Option<Told> {
    let (by, message) = match scenario.simulate(seed) {
        Ok(recording) => replayed(scenario, seed, &recording)?,
        Err(error) => (By::Record(name(&error)), error.to_string()),
    };
    Some(Told { by, message })
}

fn name(error: &RecordError) -> &'static str {
    match error {
        RecordError::Stuck { .. } => NEVER_ENDS,
        RecordError::Vacuous { .. } => NOT_KEPT,
        RecordError::Fault { .. } => "the implementation breaks a promise",
        _ => panic!("{error}"),
    }
}

fn replayed(scenario: &Scenario, seed: u64, recording: &Recording) -> Option<(By, String)> {
    let traces = recording.traces.iter().map(|trace| (trace.name(), trace.bytes.as_slice())).collect();
    let reports = replay_together::<&[u8]>(traces, None, &ReplayOptions::default()).unwrap();
    reports.iter().find_map(|(report, _)| {
        let (by, message) = complaint(report)?;
        Some((by, format!("scenario {}, seed {seed}: {message}", scenario.name)))
    })
}

/// A rejection or a stall.
fn complaint(report: &FileReport) -> Option<(By, String)> {
    assert_eq!(report.error, None, "{}", report.path);
    let rejected = report.pairs.iter().find_map(|pair| pair.rejection.as_ref());
    if let Some(rejection) = rejected {
        let message = format!(
            "{} line {}: {}: expected {}, got {}",
            report.path, rejection.frame, rejection.rule, rejection.expected, rejection.got
        );
        return Some((By::Replay(rejection.rule), message));
    }
    let Some(stall) = report.pairs.iter().find_map(|pair| pair.stalls.first()) else {
        assert_eq!(report.verdict, Some(Verdict::Accepted), "{}", report.path);
        return None;
    };
    let message = format!("{} line {}: node {} waits for number {}", report.path, stall.frame, stall.to, stall.seq);
    Some((By::Replay("stall"), message))
}
