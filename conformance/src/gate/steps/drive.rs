//! The tables of transitions, cell by cell; paths of the model driven into the implementation: every transition of the
//! environments, random walks in the deep ones; and walks through what the model leaves free.

use midcomms_model::system::Environment;

use super::seed_of;
use crate::check::report::grouped;
use crate::drive::policy::drive_policy;
use crate::drive::table::compare_tables;
use crate::drive::{DifferenceReport, EnvironmentReport, LARGE, Options, SMALL, drive_environment};
use crate::gate::config::Config;
use crate::gate::report::{Finding, UnitReport};
use crate::gate::step::{Done, Step};

/// Environments, planned.
pub(super) struct DriveStep {
    drives: Vec<Drive>,
}

enum Drive {
    Table,
    Model(&'static Environment, Options),
    Policy(Options),
}

impl DriveStep {
    pub(super) fn plan(config: &Config, seed: u64) -> Result<Self, String> {
        let wanted = &config.profile.drive;
        let named = |name: &str| Environment::named(name).ok_or_else(|| format!("no environment is called `{name}`"));
        let covered: Vec<&str> = match wanted.environments.as_slice() {
            [] => [SMALL, LARGE].concat(),
            names => names.iter().map(String::as_str).collect(),
        };
        let mut drives = vec![Drive::Table];
        if wanted.policy > 0 {
            let (seed, steps) = (seed_of(seed, "policy", 0), wanted.steps);
            drives.push(Drive::Policy(Options { walks: wanted.policy, steps, seed, ..Options::default() }));
        }
        for name in &covered {
            drives.push(Drive::Model(named(name)?, Options { covers: true, ..Options::default() }));
        }
        let others: Vec<&str> = LARGE.iter().chain(SMALL).copied().filter(|name| !covered.contains(name)).collect();
        let deep = Environment::DEEP.iter().filter(|environment| environment.nodes == 2);
        let walked: Vec<&'static Environment> =
            others.into_iter().map(named).chain(deep.map(Ok)).collect::<Result<_, String>>()?;
        let each = wanted.walks.div_ceil(walked.len().max(1) as u64);
        for environment in walked.into_iter().filter(|_| wanted.walks > 0) {
            let (seed, steps) = (seed_of(seed, environment.name, 0), wanted.steps);
            let options = Options { covers: false, walks: each, steps, seed, ..Options::default() };
            drives.push(Drive::Model(environment, options));
        }
        Ok(Self { drives })
    }
}

impl Step for DriveStep {
    fn units(&self) -> Vec<String> {
        let name = |drive: &Drive| match drive {
            Drive::Model(environment, options) if options.covers => environment.name.to_owned(),
            Drive::Model(environment, _) => format!("walks in {}", environment.name),
            Drive::Policy(_) => "policy".to_owned(),
            Drive::Table => "table".to_owned(),
        };
        self.drives.iter().map(name).collect()
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn run(&self, unit: usize, threads: usize, said: &dyn Fn(String)) -> Done {
        said(format!("{threads} threads"));
        match self.drives.get(unit) {
            None => Done::unusable("is no drive"),
            Some(Drive::Table) => table(),
            Some(Drive::Model(environment, options)) => model(environment, &Options { threads, ..options.clone() }),
            Some(Drive::Policy(options)) => policy(&Options { threads, ..options.clone() }),
        }
    }

    fn summary(&self, units: &[UnitReport]) -> String {
        let count = |word: &str| -> u64 {
            let of = |unit: &UnitReport| {
                let (number, rest) = unit.outcome.split_once(' ')?;
                rest.starts_with(word).then(|| number.parse::<u64>().ok()).flatten()
            };
            units.iter().filter_map(of).sum()
        };
        let (driven, walked, called) = (count("of"), count("steps"), count("calls"));
        format!(
            "{} transitions, {} steps of random walks, {} calls held against the policy",
            grouped(driven),
            grouped(walked),
            grouped(called)
        )
    }
}

fn model(environment: &'static Environment, options: &Options) -> Done {
    let report = drive_environment(environment, options, &|_| {});
    let mut findings: Vec<Finding> =
        report.differences.iter().map(|difference| finding(environment.name, difference)).collect();
    if report.differing > 0 && findings.is_empty() {
        let message = format!("{}: the implementation differs after {} steps", environment.name, report.differing);
        findings.push(Finding::failed("drive", message));
    }
    if !report.is_complete {
        findings.push(Finding::incomplete(format!("{}: not every transition was driven", environment.name)));
    }
    Done { findings, coverage: report.coverage.clone(), ..Done::new(outcome(&report, options.covers)) }
}

fn table() -> Done {
    let report = compare_tables();
    let findings = report.differences.iter().map(|cell| Finding::failed("table", cell.to_string()));
    Done { findings: findings.collect(), ..Done::new(format!("{} cells of both tables", report.cells)) }
}

fn policy(options: &Options) -> Done {
    let report = drive_policy(options);
    let findings = report.faults.iter().map(|fault| Finding::failed(fault.field, fault.to_string()));
    Done { findings: findings.collect(), ..Done::new(format!("{} calls in {} walks", report.steps, report.walks)) }
}

fn outcome(report: &EnvironmentReport, covers: bool) -> String {
    match covers {
        true => format!("{} of {} transitions driven", report.transitions.covered, report.transitions.all),
        false => format!("{} steps of {} walks", report.steps, report.walks),
    }
}

fn finding(environment: &str, difference: &DifferenceReport) -> Finding {
    let fields = difference.fields.iter().map(|field| {
        format!(
            "node {} about {}: {}: the model has {}, the implementation {}",
            field.node, field.peer, field.field, field.model, field.implementation
        )
    });
    let fields: Vec<String> = fields.collect();
    let message = format!("{environment}, after {} actions: {}", difference.path.len(), fields.join("; "));
    let rule = difference.fields.first().map_or("drive", |field| field.field);
    Finding::failed(rule, message).with_detail(difference.to_string())
}
