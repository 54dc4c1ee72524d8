//! The implementation in its scenarios, with fresh seeds; what it records is replayed.

use super::replay::judged;
use super::seed_of;
use crate::check::report::grouped;
use crate::coverage::of_replay;
use crate::gate::config::Config;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};
use crate::record::{Exact, Form, RecordError, Recording, Scenario, Scenarios, Trace};
use crate::replay::{ReplayOptions, replay_together};

/// The file of scenarios, in findings.
const SCENARIOS_FILE: &str = "traces/scenarios.toml";

/// What these recordings are called in coverage.
const SOURCE: &str = "record";

/// What a unit's name ends with that is played over sockets.
const OVER_SOCKETS: &str = " over sockets";

/// Findings of one scenario that are told each; the others are counted.
const MAX_TOLD: usize = 5;

/// Where a scenario is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    Simulation,
    /// Real ones, over loopback: with the driver, and what of the core only a driver uses.
    Sockets,
}

/// Scenarios and seeds, planned.
pub(super) struct RecordStep {
    scenarios: Vec<(Scenario, Ground)>,
    /// Of each in simulation; over sockets it is one.
    seeds: u64,
    seed: u64,
    options: ReplayOptions,
}

impl RecordStep {
    pub(super) fn plan(config: &Config, seed: u64, pictures: bool) -> Result<Self, String> {
        let wanted = &config.profile.record;
        let all = Scenarios::built_in().map_err(|error| error.to_string())?;
        let named = |names: &[String]| -> Result<Vec<&Scenario>, RecordError> {
            names.iter().map(|name| all.get(name)).collect()
        };
        let simulated = match wanted.scenarios.as_slice() {
            [] => Ok(all.iter().collect()),
            names => named(names),
        };
        let simulated = simulated.map_err(|error| error.to_string())?.into_iter();
        let played = named(&wanted.sockets).map_err(|error| error.to_string())?.into_iter();
        let played = played.map(|scenario| match scenario.needs_simulation() {
            Some(why) => Err(format!("record.sockets: {}: {why}", scenario.name)),
            None => Ok((scenario.clone(), Ground::Sockets)),
        });
        let scenarios = simulated.map(|scenario| Ok((scenario.clone(), Ground::Simulation))).chain(played);
        Ok(Self {
            scenarios: scenarios.collect::<Result<_, String>>()?,
            seeds: wanted.seeds,
            seed,
            options: ReplayOptions { pictures, ..ReplayOptions::default() },
        })
    }

    /// Records one run, and replays it.
    fn record(&self, played: &(Scenario, Ground), seed: u64, exact: &mut Exact) -> Done {
        let (scenario, ground) = played;
        let recording = match ground {
            Ground::Simulation => scenario.simulate(seed),
            Ground::Sockets => scenario.run_over_sockets(seed, Form::Lines),
        };
        match recording {
            Ok(recording) => self.replay(played, seed, &recording, exact),
            Err(error @ (RecordError::Stuck { .. } | RecordError::Vacuous { .. } | RecordError::Fault { .. })) => {
                let finding = Finding::failed("scenario", error.to_string()).in_file(SCENARIOS_FILE, None);
                Done { findings: vec![again(finding, played, seed)], ..Done::default() }
            }
            Err(error) => Done::unusable(error.to_string()),
        }
    }

    fn seeds(&self, ground: Ground) -> u64 {
        match ground {
            Ground::Simulation => self.seeds,
            Ground::Sockets => 1,
        }
    }

    /// Every trace by itself, and all against each other.
    fn replay(&self, played: &(Scenario, Ground), seed: u64, recording: &Recording, exact: &mut Exact) -> Done {
        let scenario = &played.0;
        let named = |trace: &Trace| format!("{} seed {seed} {}", scenario.name, trace.name());
        let traces = recording.traces.iter().map(|trace| (named(trace), trace.bytes.as_slice())).collect();
        let mut done = Done::default();
        let mut of_run = Exact::default();
        match replay_together::<&[u8]>(traces, None, &self.options) {
            Ok(reports) => {
                for (report, _) in reports {
                    let judged = judged(&report, true);
                    of_run.add(&report);
                    done.coverage.add(&of_replay(&report, SOURCE));
                    if self.options.pictures && !judged.findings.is_empty() {
                        done.shown.push(report);
                    }
                    done.findings.extend(judged.findings.into_iter().map(|finding| again(finding, played, seed)));
                }
            }
            Err((name, error)) => done.findings.push(Finding::unusable(format!("{name}: {error}"))),
        }
        exact.join(&of_run);
        if let Some(why) = of_run.missing(scenario).filter(|_| done.findings.is_empty()) {
            let finding = Finding::failed("exact", format!("{} seed {seed}: {why}", scenario.name));
            done.findings.push(again(finding, played, seed));
        }
        done
    }
}

/// A trace in memory has no file: how to get one.
fn again(finding: Finding, (scenario, ground): &(Scenario, Ground), seed: u64) -> Finding {
    let sockets = if *ground == Ground::Sockets { " --sockets" } else { "" };
    let command = format!("midcomms record{sockets} {} --seed {seed} --out DIR", scenario.name);
    let detail = format!("{}\nrecorded by: {command}", finding.detail);
    Finding { file: None, detail: detail.trim_start().to_owned(), ..finding }
}

impl Step for RecordStep {
    fn units(&self) -> Vec<String> {
        let name = |(scenario, ground): &(Scenario, Ground)| match ground {
            Ground::Simulation => scenario.name.clone(),
            Ground::Sockets => format!("{}{OVER_SOCKETS}", scenario.name),
        };
        self.scenarios.iter().map(name).collect()
    }

    fn run(&self, unit: usize, _: usize, _: &dyn Fn(String)) -> Done {
        let Some(played) = self.scenarios.get(unit) else { return Done::unusable("is no scenario") };
        let (mut whole, mut failed) = (Done::default(), 0);
        let mut exact = Exact::default();
        let (scenario, seeds) = (&played.0, self.seeds(played.1));
        for number in 0..seeds {
            let done = self.record(played, seed_of(self.seed, &scenario.name, number), &mut exact);
            whole.coverage.add(&done.coverage);
            failed += u64::from(!done.findings.is_empty());
            whole.findings.extend(done.findings);
            whole.shown.extend(done.shown);
        }
        let more = whole.findings.len().saturating_sub(MAX_TOLD);
        if more > 0 {
            whole.findings.truncate(MAX_TOLD);
            let message = format!("{}: and {more} findings more, in {failed} of {seeds} runs", scenario.name);
            whole.findings.push(Finding::failed("scenario", message));
        }
        let Exact { judged, events, .. } = exact;
        whole.outcome = format!("{seeds} runs, {failed} not as promised; {judged} of {events} events exact");
        whole
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        let over_sockets = units.iter().filter(|unit| unit.name.ends_with(OVER_SOCKETS)).count();
        let simulated = units.len() - over_sockets;
        let runs = grouped(self.seeds * simulated as u64);
        let runs = format!("{runs} runs of {simulated} scenarios, recorded and replayed");
        if over_sockets == 0 { runs } else { format!("{runs}; {over_sockets} over sockets") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording that begins while messages wait: which of them were written already is not told.
    const LATE: &str = r#"
format = "midcomms-scenarios"
version = 1
[[scenario]]
name = "late"
text = "The recording begins while messages wait for their acknowledgement."
steps = [
  { join = { nodes = [1, 2] } },
  { rest = {} },
  { silence = { from = 2, to = 1 } },
  { send = { from = 1, to = 2, count = 20 } },
  { wait = { ms = 50 } },
  { begin-recording = { nodes = [1, 2] } },
  { let-through = { from = 2, to = 1 } },
  { send = { from = 2, to = 1, count = 5 } },
  { rest = {} },
]
expect = { delivers = [[1, 2]] }
"#;

    fn run(text: &str) -> Done {
        let scenarios =
            Scenarios::parse("late.toml", text).into_iter().flat_map(|all| all.iter().cloned().collect::<Vec<_>>());
        let scenarios = scenarios.map(|scenario| (scenario, Ground::Simulation)).collect();
        let step = RecordStep { scenarios, seeds: 2, seed: 1, options: ReplayOptions::default() };
        step.run(0, 1, &|_| {})
    }

    #[test]
    fn less_that_is_exact_than_was_promised_is_a_finding() {
        let done = run(LATE);
        assert_eq!(done.findings.len(), 2, "{:?}", done.findings);
        for finding in &done.findings {
            assert_eq!(finding.rule.as_deref(), Some("exact"));
            assert!(finding.message.contains("the scenario promises 100 of a hundred"), "{}", finding.message);
            assert!(finding.detail.contains("recorded by: midcomms record late --seed"), "{}", finding.detail);
        }
        assert!(done.outcome.starts_with("2 runs, 2 not as promised; "), "{}", done.outcome);
    }

    #[test]
    fn what_is_promised_with_a_reason_is_enough() {
        let share = "exact = { percent = 10, why = \"messages wait\" }\nexpect";
        let done = run(&LATE.replace("expect", share));
        assert!(done.findings.is_empty(), "{:?}", done.findings);
        assert!(done.outcome.starts_with("2 runs, 0 not as promised; "), "{}", done.outcome);
    }
}
