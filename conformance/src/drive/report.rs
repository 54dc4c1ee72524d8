//! What driving an environment came to.

use std::fmt;
use std::time::Instant;

use midcomms_model::rules::Base;
use midcomms_model::story::Story;
use midcomms_model::system::action::Action;
use midcomms_model::system::{Environment, World};
use serde::Serialize;

use super::Options;
use super::compare::Mismatch;
use super::cover::{Covered, cover};
use super::shrink::shrink;
use super::step::Driver;
use super::walk::{each_seed, walk};
use crate::coverage::{Coverage, Share};

/// Every environment that was driven.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// In the order in which they were asked for.
    pub environments: Vec<EnvironmentReport>,
}

/// One environment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EnvironmentReport {
    /// Its name.
    pub environment: &'static str,
    /// States of the model that were reached.
    pub states: u64,
    /// Transitions that were driven, of those that there are; 0 of 0 where only walks were asked for.
    pub transitions: Share,
    /// Every transition was driven or has a reason: the budget sufficed.
    pub is_complete: bool,
    /// What was not driven, by reason.
    pub not_driven: Vec<NotDriven>,
    /// Random walks that were made, their actions, and the first one's seed.
    pub walks: u64,
    /// Actions of all walks.
    pub steps: u64,
    /// Seed of the first walk.
    pub seed: u64,
    /// Transitions after which model and implementation differ.
    pub differing: u64,
    /// Some of them, shrunk.
    pub differences: Vec<DifferenceReport>,
    /// Seconds that it took.
    pub seconds: f64,
    /// What was exercised.
    pub coverage: Coverage,
}

/// What was not driven for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotDriven {
    /// Its name.
    pub reason: &'static str,
    /// What it says.
    pub text: &'static str,
    /// How many transitions.
    pub transitions: u64,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceReport {
    /// What differs.
    pub fields: Vec<Mismatch>,
    /// The path, shrunk: a sentence for each action.
    pub path: Vec<String>,
    /// How long it was when it was found.
    pub found_after: usize,
    /// The model's state after the last action.
    pub model: String,
    /// The implementation's.
    pub implementation: String,
    /// What to run to see it again.
    pub again: String,
}

/// Drives one environment; `tell` hears of the transitions driven so far.
pub fn drive_environment(
    environment: &'static Environment,
    options: &Options,
    tell: &(dyn Fn(u64) + Sync),
) -> EnvironmentReport {
    let world = World::new(environment.clone(), [Base::Hardened.rules(); 3]);
    let patient = options.config();
    let driver = Driver { world: &world, lie: options.lie, patient: &patient };
    match environment.nodes {
        2 => drive::<8, 2, 1>(&driver, environment, options, tell),
        _ => drive::<12, 3, 2>(&driver, environment, options, tell),
    }
}

fn drive<const W: usize, const N: usize, const M: usize>(
    driver: &Driver<'_>,
    environment: &'static Environment,
    options: &Options,
    tell: &(dyn Fn(u64) + Sync),
) -> EnvironmentReport {
    let start = Instant::now();
    let name = environment.name;
    let covered = match options.covers {
        true => cover::<W, N, M>(driver, options, tell),
        false => Covered { is_complete: true, ..Covered::default() },
    };
    let again = format!("midcomms drive --environment {name}");
    let shrunk = |path: Vec<Action>, again: String| tell_of::<N, M>(driver, path, again);
    let mut differences: Vec<_> = covered.paths.into_iter().filter_map(|path| shrunk(path, again.clone())).collect();
    let (mut tally, mut steps, mut differing) = (covered.tally, 0, covered.differences);
    for (seed, walked) in walks::<N, M>(driver, options, covered.driven, tell) {
        steps += walked.steps;
        tally.add(&walked.tally);
        let Some(path) = walked.path else { continue };
        differing += 1;
        let again = format!(
            "midcomms drive --environment {name} --only-walks --walks 1 --steps {} --seed {seed}",
            options.steps
        );
        differences.extend(shrunk(path, again));
    }
    let mut coverage = tally.coverage();
    let transitions = Share { covered: covered.driven, all: covered.all };
    if options.covers {
        coverage.transitions.insert(name.to_owned(), transitions);
    }
    let not_driven = covered.not_driven.iter().map(|(reason, transitions)| NotDriven {
        reason: reason.name(),
        text: reason.text(),
        transitions: *transitions,
    });
    EnvironmentReport {
        environment: name,
        states: covered.states,
        transitions,
        is_complete: covered.is_complete,
        not_driven: not_driven.collect(),
        walks: options.walks,
        steps,
        seed: options.seed,
        differing,
        differences,
        seconds: start.elapsed().as_secs_f64(),
        coverage,
    }
}

fn walks<const N: usize, const M: usize>(
    driver: &Driver<'_>,
    options: &Options,
    driven: u64,
    tell: &(dyn Fn(u64) + Sync),
) -> Vec<(u64, super::walk::Walk)> {
    each_seed(options, |seed| {
        let walked = walk::<N, M>(driver, seed, options.steps);
        tell(driven + (seed.wrapping_sub(options.seed) + 1) * options.steps);
        walked
    })
}

/// Shrinks a path to a difference, and tells it.
fn tell_of<const N: usize, const M: usize>(
    driver: &Driver<'_>,
    path: Vec<Action>,
    again: String,
) -> Option<DifferenceReport> {
    let found_after = path.len();
    let (path, difference) = shrink::<N, M>(driver, path)?;
    let story = Story::of_path(driver.world, &path);
    Some(DifferenceReport {
        fields: difference.fields,
        path: (0..path.len()).map(|step| story.sentence(step)).collect(),
        found_after,
        model: difference.model,
        implementation: difference.implementation,
        again,
    })
}

impl EnvironmentReport {
    /// Whether nothing differs and, if it was asked for, everything was driven that can be.
    pub fn is_good(&self) -> bool {
        self.differing == 0 && self.is_complete
    }
}

impl Report {
    /// What all of them exercised.
    pub fn coverage(&self) -> Coverage {
        let mut all = Coverage::default();
        self.environments.iter().for_each(|environment| all.add(&environment.coverage));
        all
    }

    /// How many transitions differ.
    pub fn differing(&self) -> u64 {
        self.environments.iter().map(|environment| environment.differing).sum()
    }
}

/// Both states side by side where they differ, whole below, and the path.
impl fmt::Display for DifferenceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  The path, {} actions (found after {}):", self.path.len(), self.found_after)?;
        for (at, step) in (1..).zip(&self.path) {
            writeln!(f, "  {at:>3}. {step}")?;
        }
        writeln!(f, "\n  {:<28} {:<44} implementation", "differs", "model")?;
        for Mismatch { node, peer, field, model, implementation } in &self.fields {
            let name = format!("{node} about {peer}: {field}");
            writeln!(f, "* {name:<28} {model:<44} {implementation}")?;
        }
        writeln!(f, "\n  The model then:\n{}", indented(&self.model))?;
        writeln!(f, "  The implementation then:\n{}", indented(&self.implementation))?;
        writeln!(f, "  Again: {}", self.again)
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
