//! The catalogue: every defect is found, every hazard is what is claimed, every measure is needed.

use std::collections::HashMap;
use std::sync::Mutex;

use super::check::{MODELS_FILE, explore, findings, limits, unexplored};
use crate::check::cases::{self, Case};
use crate::check::compare::{Scope, compare, merged};
use crate::check::models::Models;
use crate::check::{Engine, Key, Limits, Outcome, SeedKind, Task};
use crate::gate::config::Config;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};

/// The catalogue, planned.
pub(super) struct CatalogueStep {
    cases: Vec<Case>,
    /// What is explored, each world once.
    tasks: Vec<Task>,
    /// Rows of models.toml that no case asks for, as findings.
    missing: Vec<Finding>,
    models: Models,
    limits: Limits,
    /// Worlds that several cases share.
    explored: Mutex<HashMap<Key, Outcome>>,
}

impl CatalogueStep {
    pub(super) fn plan(config: &Config) -> Result<Self, String> {
        let (mut cases, mut seeds) = (Vec::new(), Vec::new());
        for kind in &config.profile.catalogue.kinds {
            let (more, kinds): (_, &[SeedKind]) = match kind.as_str() {
                "defects" => (cases::defects(), &[SeedKind::Defect, SeedKind::Unmasked]),
                "hazards" => (cases::hazards(), &[SeedKind::Hazard, SeedKind::Remedy]),
                _ => (cases::measures(), &[SeedKind::Measure]),
            };
            cases.extend(more.map_err(|error| error.to_string())?);
            seeds.extend_from_slice(kinds);
        }
        let models = Models::built_in().map_err(|error| error.to_string())?;
        let claims = cases.iter().flat_map(|case| &case.claims);
        let tasks = merged(claims.map(|claim| claim.task.clone()).collect());
        let rows = compare(&[], &models, Engine::Own, &Scope::Catalogue(&seeds));
        let rows = rows.iter().filter(|row| !tasks.iter().any(|task| task.key == row.key));
        let missing = rows.map(|row| Finding::failed(row.what, row.to_string()).in_file(MODELS_FILE, None)).collect();
        Ok(Self { cases, tasks, missing, models, limits: limits(config), explored: Mutex::default() })
    }

    /// Explores the worlds of a case, as far as no case before it has.
    fn outcomes(&self, case: &Case, threads: usize, said: &dyn Fn(String)) -> (Vec<Outcome>, Vec<Finding>) {
        let limits = Limits { threads, ..self.limits };
        let (mut outcomes, mut found) = (Vec::new(), Vec::new());
        for claim in &case.claims {
            let Some(task) = self.tasks.iter().find(|task| task.key == claim.task.key) else { continue };
            let known = self.explored.lock().ok().and_then(|known| known.get(&task.key).cloned());
            let outcome = match known {
                Some(outcome) => outcome,
                None => match explore(task, &limits, said) {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        found.push(unexplored(task, &error));
                        continue;
                    }
                },
            };
            found.extend(findings(task, &outcome, &self.models));
            if let Ok(mut known) = self.explored.lock() {
                known.insert(task.key.clone(), outcome.clone());
            }
            outcomes.push(outcome);
        }
        (outcomes, found)
    }
}

impl Step for CatalogueStep {
    fn units(&self) -> Vec<String> {
        let missing = (0..usize::from(!self.missing.is_empty())).map(|_| "rows of models.toml".to_owned());
        let cases =
            self.cases.iter().map(|case| format!("{} {} in {}", case.id, case.property.name(), case.environment));
        cases.chain(missing).collect()
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn run(&self, unit: usize, threads: usize, said: &dyn Fn(String)) -> Done {
        let Some(case) = self.cases.get(unit) else {
            return Done { findings: self.missing.clone(), ..Done::new("rows that no case asks for") };
        };
        let (outcomes, mut findings) = self.outcomes(case, threads, said);
        let report = case.judge(&outcomes);
        let place = format!("{} ({}, {})", case.id, report.revision, case.environment);
        for fault in &report.faults {
            let finding = Finding::failed(case.id, format!("{place}: {}: {fault}", case.property.name()));
            findings.push(finding.with_detail(format!("{}\n{}", case.text, case.note)));
        }
        if report.passed.is_none() && findings.is_empty() {
            let finding = Finding::incomplete(format!("{place}: not explored to the end"));
            findings.push(Finding { rule: Some(case.id.to_owned()), ..finding });
        }
        Done { findings, ..Done::new(report.result) }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        let count = |letter: char| units.iter().filter(|unit| unit.name.starts_with(letter)).count();
        let measures = units.iter().filter(|unit| unit.name.starts_with("HRD")).count();
        format!("{} defects, {} hazards, {measures} measures", count('D'), count('H') - measures)
    }
}
