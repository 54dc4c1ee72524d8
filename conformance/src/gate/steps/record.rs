//! The implementation in its scenarios, with fresh seeds; what it records is replayed.

use super::replay::judged;
use super::seed_of;
use crate::coverage::of_replay;
use crate::gate::config::Config;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};
use crate::record::{RecordError, Recording, Scenario, Scenarios, Trace};
use crate::replay::{ReplayOptions, replay_together};

/// The file of scenarios, in findings.
const SCENARIOS_FILE: &str = "traces/scenarios.toml";

/// What these recordings are called in coverage.
const SOURCE: &str = "record";

/// Scenarios and seeds, planned.
pub(super) struct RecordStep {
    runs: Vec<(Scenario, u64)>,
    options: ReplayOptions,
}

impl RecordStep {
    pub(super) fn plan(config: &Config, seed: u64) -> Result<Self, String> {
        let wanted = &config.profile.record;
        let all = Scenarios::built_in().map_err(|error| error.to_string())?;
        let scenarios: Vec<&Scenario> = match wanted.scenarios.as_slice() {
            [] => all.iter().collect(),
            names => {
                names.iter().map(|name| all.get(name)).collect::<Result<_, _>>().map_err(|error| error.to_string())?
            }
        };
        let seeds = |scenario: &Scenario| {
            let name = scenario.name.clone();
            (0..wanted.seeds).map(move |number| seed_of(seed, &name, number))
        };
        let runs = scenarios.into_iter().flat_map(|scenario| seeds(scenario).map(|seed| (scenario.clone(), seed)));
        Ok(Self { runs: runs.collect(), options: ReplayOptions::default() })
    }

    /// Every trace by itself, and all against each other.
    fn replay(&self, scenario: &Scenario, seed: u64, recording: &Recording) -> Done {
        let named = |trace: &Trace| format!("{} seed {seed} {}", scenario.name, trace.name());
        let traces = recording.traces.iter().map(|trace| (named(trace), trace.bytes.as_slice())).collect();
        let mut done = Done::default();
        match replay_together::<&[u8]>(traces, None, &self.options) {
            Ok(reports) => {
                for (report, _) in reports {
                    let judged = judged(&report, true);
                    done.coverage.add(&of_replay(&report, SOURCE));
                    done.findings.extend(judged.findings.into_iter().map(|finding| again(finding, scenario, seed)));
                }
            }
            Err((name, error)) => done.findings.push(Finding::unusable(format!("{name}: {error}"))),
        }
        done
    }
}

/// A trace in memory has no file: how to get one.
fn again(finding: Finding, scenario: &Scenario, seed: u64) -> Finding {
    let command = format!("midcomms record {} --seed {seed} --out DIR", scenario.name);
    let detail = format!("{}\nrecorded by: {command}", finding.detail);
    Finding { file: None, detail: detail.trim_start().to_owned(), ..finding }
}

impl Step for RecordStep {
    fn units(&self) -> Vec<String> {
        self.runs.iter().map(|(scenario, seed)| format!("{} seed {seed}", scenario.name)).collect()
    }

    fn run(&self, unit: usize, _: usize, _: &dyn Fn(String)) -> Done {
        let Some((scenario, seed)) = self.runs.get(unit) else { return Done::unusable("is no run") };
        match scenario.simulate(*seed) {
            Ok(recording) => {
                let done = self.replay(scenario, *seed, &recording);
                Done { outcome: format!("{} traces recorded and replayed", recording.traces.len()), ..done }
            }
            Err(error @ (RecordError::Stuck { .. } | RecordError::Vacuous { .. } | RecordError::Fault { .. })) => {
                let finding = Finding::failed("scenario", error.to_string()).in_file(SCENARIOS_FILE, None);
                Done { findings: vec![again(finding, scenario, *seed)], ..Done::new("not as promised") }
            }
            Err(error) => Done::unusable(error.to_string()),
        }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        let mut scenarios: Vec<&str> = units.iter().filter_map(|unit| unit.name.split(' ').next()).collect();
        scenarios.dedup();
        format!("{} recordings of {} scenarios, replayed", units.len(), scenarios.len())
    }
}
