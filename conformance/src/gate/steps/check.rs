//! The matrix of the model checker, a world at a time, against model/models.toml.

use std::time::Duration;

use midcomms_model::engine::{EngineError, Progress};
use midcomms_model::system::{Environment, Property};

use crate::check::compare::{Difference, Scope, compare};
use crate::check::models::Models;
use crate::check::report::grouped;
use crate::check::run::{self, Verdict};
use crate::check::{Engine, Limits, Outcome, Selection, Subject, Task};
use crate::gate::config::Config;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};
use crate::tell;

/// What the expectations are called in findings.
pub(super) const MODELS_FILE: &str = "model/models.toml";

/// The matrix, planned.
pub(super) struct CheckStep {
    tasks: Vec<Task>,
    /// Rows of models.toml that the matrix does not have any more.
    missing: Vec<Difference>,
    models: Models,
    limits: Limits,
}

impl CheckStep {
    pub(super) fn plan(config: &Config) -> Result<Self, String> {
        let wanted = &config.profile.check;
        let selection = Selection {
            subjects: wanted.revisions.iter().filter_map(|name| Subject::named(name)).collect(),
            environments: wanted.environments.iter().filter_map(|name| Environment::named(name)).collect(),
            ..Selection::default()
        };
        let tasks = selection.tasks().map_err(|error| error.to_string())?;
        let models = Models::built_in().map_err(|error| error.to_string())?;
        let mut missing = compare(&[], &models, Engine::Own, &Scope::Matrix(&selection));
        missing.retain(|row| !tasks.iter().any(|task| task.key == row.key));
        Ok(Self { tasks, missing, models, limits: limits(config) })
    }
}

/// The budgets of one world.
pub(super) fn limits(config: &Config) -> Limits {
    let wanted = &config.profile.check;
    Limits {
        threads: 1,
        max_states: wanted.max_states,
        max_memory_bytes: wanted.max_memory_mib.map(|mib| mib << 20),
        max_time: wanted.max_seconds.map(Duration::from_secs),
    }
}

/// Explores a world and says how far it is.
pub(super) fn explore(task: &Task, limits: &Limits, said: &dyn Fn(String)) -> Result<Outcome, EngineError> {
    let told = |progress: &Progress| said(format!("{} states", grouped(progress.states)));
    run::run(task, Engine::Own, limits, None, &told)
}

/// A world that could not be explored.
pub(super) fn unexplored(task: &Task, error: &EngineError) -> Finding {
    Finding::unusable(format!("{}: {error}", task.key))
}

/// What is not as models.toml has it, or not known.
pub(super) fn findings(task: &Task, outcome: &Outcome, models: &Models) -> Vec<Finding> {
    let differences = compare(std::slice::from_ref(outcome), models, Engine::Own, &Scope::Nothing);
    let mut findings: Vec<Finding> = differences.iter().map(|difference| told(difference, task, outcome)).collect();
    for (property, verdict) in &outcome.verdicts {
        if let Verdict::Incomplete(budget) = verdict {
            let message = format!("{}: {}: {budget} ran out", outcome.key, property.name());
            findings.push(Finding { rule: Some(property.name().to_owned()), ..Finding::incomplete(message) });
        }
    }
    findings
}

fn told(difference: &Difference, task: &Task, outcome: &Outcome) -> Finding {
    let rule = difference.property.map_or(difference.what, Property::name);
    let finding = Finding::failed(rule, difference.to_string()).in_file(MODELS_FILE, None);
    match difference.property.and_then(|property| tell::story_of(task, outcome, property)) {
        Some(story) => finding.with_detail(story),
        None => finding,
    }
}

impl Step for CheckStep {
    fn units(&self) -> Vec<String> {
        let missing = self.missing.iter().map(|row| row.key.to_string());
        self.tasks.iter().map(|task| task.key.to_string()).chain(missing).collect()
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn run(&self, unit: usize, threads: usize, said: &dyn Fn(String)) -> Done {
        let Some(task) = self.tasks.get(unit) else {
            let row = self.missing.get(unit - self.tasks.len());
            let findings = row.map(|row| Finding::failed(row.what, row.to_string()).in_file(MODELS_FILE, None));
            return Done { findings: findings.into_iter().collect(), ..Done::new("not in the matrix") };
        };
        let limits = Limits { threads, ..self.limits };
        match explore(task, &limits, said) {
            Ok(outcome) => {
                let violated = outcome.verdicts.iter().filter(|(_, verdict)| verdict.is_violated()).count();
                let words =
                    format!("{} states, {violated} of {} properties violated", outcome.states, outcome.verdicts.len());
                Done { findings: findings(task, &outcome, &self.models), ..Done::new(words) }
            }
            Err(error) => Done { findings: vec![unexplored(task, &error)], ..Done::new("not explored") },
        }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        let states: u64 = units.iter().filter_map(|unit| unit.outcome.split(' ').next()?.parse::<u64>().ok()).sum();
        format!("{} worlds, {} states", units.len(), grouped(states))
    }
}
