//! Plans the steps, runs them or a part of them, and joins what came out.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::config::{Config, StepName};
use super::report::{FORMAT, Finding, GateReport, Partition, StepReport, UnitReport, VERSION, Verdict};
use super::step::{Done, Step};
use super::{steps, waive};
use crate::coverage::Coverage;
use crate::replay::FileReport;

/// What a gate is told while it runs, and tells.
pub trait Watcher: Sync {
    /// A step begins, with so many units.
    fn begin(&self, step: &str, units: usize);
    /// Something is under way.
    fn say(&self, what: &str);
    /// A unit is done.
    fn done(&self, unit: &UnitReport);
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Threads, at least one.
    pub threads: usize,
    /// The part that is run; all of it where there is none.
    pub partition: Option<Partition>,
    /// The day by which waivers are judged.
    pub today: NaiveDate,
}

/// A gate, planned.
pub struct Gate {
    config: Config,
    seed: u64,
    steps: Vec<Planned>,
    /// A digest of the configuration, the seed and every unit: what parts of one gate have in common.
    digest: String,
}

/// A step, or why there is none.
struct Planned {
    name: StepName,
    step: Result<Box<dyn Step>, String>,
    units: Vec<String>,
    /// How many units the steps before it have.
    before: usize,
}

/// Replays that are kept for a page.
const MAX_SHOWN: usize = 40;

/// What came of a step's units.
#[derive(Default)]
struct Results {
    /// By the place in the plan.
    units: BTreeMap<usize, UnitReport>,
    coverage: Coverage,
    shown: Vec<FileReport>,
}

impl Gate {
    /// Plans the steps of a profile; with `pictures` replays that go wrong are kept for a page. A step that cannot be planned
    /// is reported as unusable when it is run.
    pub fn plan(config: Config, seed: u64, pictures: bool) -> Self {
        let mut planned = Vec::new();
        let mut before = 0;
        for name in StepName::ALL.into_iter().filter(|step| config.has(*step) && *step != StepName::Coverage) {
            let step = steps::plan(name, &config, seed, pictures);
            let units = step.as_ref().map_or_else(|_| Vec::new(), |step| step.units());
            let count = units.len();
            planned.push(Planned { name, step, units, before });
            before += count;
        }
        let digest = digest(&config, seed, &planned);
        Self { config, seed, steps: planned, digest }
    }

    /// Runs the steps, or the units of them that belong to the part.
    pub fn run(&self, options: &RunOptions, watcher: &dyn Watcher) -> (GateReport, Vec<FileReport>) {
        let began = Instant::now();
        let mut all = Results::default();
        let mut reports = Vec::new();
        let is_stopped = AtomicBool::new(false);
        for planned in &self.steps {
            let began = Instant::now();
            let Results { units, coverage, shown } = planned.run(self, options, &is_stopped, watcher);
            reports.push(planned.report(units.into_values().collect(), began.elapsed().as_secs_f64()));
            all.coverage.add(&coverage);
            all.shown.extend(shown);
        }
        let mut report = self.finish(reports, all.coverage, options);
        report.seconds = began.elapsed().as_secs_f64();
        all.shown.truncate(MAX_SHOWN);
        (report, all.shown)
    }

    /// Joins the reports of all parts.
    ///
    /// # Errors
    /// If one is of another gate, is no part, or is there twice.
    pub fn merge(&self, parts: &[(String, GateReport)], today: NaiveDate) -> Result<GateReport, String> {
        let (of, missing) = self.check_parts(parts)?;
        let mut coverage = Coverage::default();
        parts.iter().for_each(|(_, part)| coverage.add(&part.coverage));
        let mut reports = Vec::new();
        for planned in &self.steps {
            let of_step = |part: &GateReport| part.steps.iter().find(|step| step.name == planned.name.name()).cloned();
            let found: Vec<StepReport> = parts.iter().filter_map(|(_, part)| of_step(part)).collect();
            let seconds = found.iter().map(|step| step.seconds).sum();
            let mut units: Vec<UnitReport> = found.into_iter().flat_map(|step| step.units).collect();
            let place = |unit: &UnitReport| planned.units.iter().position(|name| *name == unit.name);
            if let Some(stranger) = units.iter().find(|unit| planned.step.is_ok() && place(unit).is_none()) {
                return Err(format!("{} has no unit `{}`", planned.name.name(), stranger.name));
            }
            units.sort_by_key(|unit| place(unit));
            units.dedup_by(|one, other| one.name == other.name);
            reports.push(planned.report(units, seconds));
        }
        let options = RunOptions { threads: 1, partition: None, today };
        let mut report = self.finish(reports, coverage, &options);
        report.seconds = parts.iter().map(|(_, part)| part.seconds).sum();
        if !missing.is_empty() {
            report.steps.push(missing_parts(of, &missing));
            report.verdict = report.verdict.max(Verdict::Incomplete);
        }
        Ok(report)
    }

    fn check_parts(&self, parts: &[(String, GateReport)]) -> Result<(usize, Vec<usize>), String> {
        let mut seen: BTreeMap<usize, &str> = BTreeMap::new();
        let mut of = None;
        for (file, part) in parts {
            let Some(partition) = part.partition else {
                return Err(format!("{file}: is the report of a whole gate, not of a part"));
            };
            if part.plan != self.digest {
                return Err(format!(
                    "{file}: is of another gate: its plan is {}, and with this configuration, corpus and seed {} it \
                     would be {}",
                    part.plan, self.seed, self.digest
                ));
            }
            if *of.get_or_insert(partition.of) != partition.of {
                return Err(format!("{file}: is of {} parts, others of another number", partition.of));
            }
            if let Some(other) = seen.insert(partition.part, file) {
                return Err(format!("{file}: is part {}, and so is {other}", partition.part));
            }
        }
        let of = of.ok_or("there is no part to join")?;
        Ok((of, (1..=of).filter(|part| !seen.contains_key(part)).collect()))
    }

    fn finish(&self, mut steps: Vec<StepReport>, coverage: Coverage, options: &RunOptions) -> GateReport {
        if self.config.has(StepName::Coverage) && options.partition.is_none() {
            steps.push(steps::coverage(&self.config, &coverage));
        }
        for step in &mut steps {
            step.units.iter_mut().for_each(|unit| waive::apply(&self.config.waivers, options.today, unit));
            step.verdict = verdict_of(step, options.partition);
        }
        steps.extend(waive::report(&self.config.waivers, options.today, &steps));
        let ran = steps.iter().any(|step| !step.units.is_empty());
        let verdict = steps.iter().map(|step| step.verdict).max().unwrap_or_default();
        GateReport {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            profile: self.config.name.clone(),
            seed: self.seed,
            again: String::new(),
            plan: self.digest.clone(),
            partition: options.partition,
            verdict: if ran { verdict } else { verdict.max(Verdict::Incomplete) },
            seconds: 0.0,
            steps,
            coverage,
        }
    }
}

fn digest(config: &Config, seed: u64, steps: &[Planned]) -> String {
    let mut hash = Sha256::new();
    hash.update(config.show());
    hash.update(format!("{:?} {seed} {}", config.waivers, env!("CARGO_PKG_VERSION")));
    for planned in steps {
        hash.update(format!("\n{}\n{}", planned.name.name(), planned.units.join("\n")));
        hash.update(planned.step.as_ref().map_or_else(|_| String::new(), |step| step.fingerprint()));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A unit in which model or implementation panicked.
fn panicked(unit: &str, panic: &(dyn Any + Send)) -> Done {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let message = format!("{unit}: panicked: {}", text.unwrap_or("no message"));
    Done { findings: vec![Finding::failed("panic", message)], ..Done::new("panicked") }
}

fn missing_parts(of: usize, missing: &[usize]) -> StepReport {
    let units: Vec<UnitReport> = missing
        .iter()
        .map(|part| {
            let message = format!("part {part} of {of} is not among the reports");
            let mut unit = UnitReport { name: format!("part {part}"), ..UnitReport::default() };
            unit.outcome = "missing".to_owned();
            unit.findings.push(Finding::incomplete(message));
            unit.judge();
            unit
        })
        .collect();
    StepReport {
        name: "parts".to_owned(),
        verdict: Verdict::Incomplete,
        outcome: format!("{} of {of} missing", missing.len()),
        seconds: 0.0,
        planned: units.len(),
        units,
    }
}

/// The most serious of the units; what was planned and not run is not good, unless another part has it.
fn verdict_of(step: &StepReport, partition: Option<Partition>) -> Verdict {
    let worst = step.units.iter().map(|unit| unit.verdict).max();
    let is_whole = step.units.len() >= step.planned && step.planned > 0;
    match worst {
        Some(worst) if is_whole || partition.is_some() => worst,
        None if partition.is_some() && step.planned > 0 => Verdict::Good,
        worst => worst.unwrap_or_default().max(Verdict::Incomplete),
    }
}

impl Planned {
    fn run(&self, gate: &Gate, options: &RunOptions, is_stopped: &AtomicBool, watcher: &dyn Watcher) -> Results {
        let Ok(step) = &self.step else { return Results::default() };
        let is_ours = |index: &usize| match options.partition {
            Some(Partition { part, of }) => (self.before + index) % of + 1 == part,
            None => true,
        };
        let ours: Vec<usize> = (0..self.units.len()).filter(is_ours).collect();
        watcher.begin(self.name.name(), ours.len());
        let (workers, threads) = if step.runs_alone() { (1, options.threads) } else { (options.threads, 1) };
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Results::default());
        let work = || {
            while !is_stopped.load(Ordering::Relaxed) {
                let Some(&index) = ours.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                let (mut unit, exercised, shown) = self.unit(step.as_ref(), index, threads, watcher);
                waive::apply(&gate.config.waivers, options.today, &mut unit);
                if gate.config.profile.fail_fast && unit.verdict >= Verdict::Failed {
                    is_stopped.store(true, Ordering::Relaxed);
                }
                watcher.done(&unit);
                if let Ok(mut done) = done.lock() {
                    done.units.insert(index, unit);
                    done.coverage.add(&exercised);
                    done.shown.extend(shown.into_iter().take(MAX_SHOWN));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers.min(ours.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        done.into_inner().unwrap_or_default()
    }

    fn unit(
        &self,
        step: &dyn Step,
        index: usize,
        threads: usize,
        watcher: &dyn Watcher,
    ) -> (UnitReport, Coverage, Vec<FileReport>) {
        let name = self.units.get(index).cloned().unwrap_or_default();
        let began = Instant::now();
        let said = |what: String| watcher.say(&format!("{name}: {what}"));
        watcher.say(&name);
        let ran = catch_unwind(AssertUnwindSafe(|| step.run(index, threads, &said)));
        let Done { outcome, findings, coverage, shown } = ran.unwrap_or_else(|panic| panicked(&name, panic.as_ref()));
        let seconds = began.elapsed().as_secs_f64();
        let mut unit = UnitReport { name: name.clone(), outcome, findings, seconds, ..UnitReport::default() };
        unit.judge();
        (unit, coverage, shown)
    }

    /// The step's report, without its verdict.
    fn report(&self, units: Vec<UnitReport>, seconds: f64) -> StepReport {
        let (units, planned, outcome) = match &self.step {
            Ok(step) => {
                let outcome = step.summary(&units);
                (units, self.units.len(), outcome)
            }
            Err(reason) => {
                let findings = vec![Finding::unusable(reason)];
                let mut unit = UnitReport { name: self.name.name().to_owned(), findings, ..UnitReport::default() };
                unit.outcome = "cannot be run".to_owned();
                (vec![unit], 1, "cannot be run".to_owned())
            }
        };
        StepReport { name: self.name.name().to_owned(), verdict: Verdict::Good, outcome, seconds, planned, units }
    }
}
