//! One exploration of one world, and what came out.

use std::time::{Duration, Instant};

use midcomms_model::engine::{Budget, Checkpoint, EngineError, Options, Progress};
use midcomms_model::rules::Rules;
use midcomms_model::system::check::{Counterexample, Finding, Saving, check_saving};
use midcomms_model::system::{Property, World};

use super::plan::{Standing, Task};
use super::rival;
use super::subject::Key;

/// Who explores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The engine of `midcomms-model`.
    #[default]
    Own,
    /// Stateright, breadth-first.
    StaterightBfs,
    /// Stateright, depth-first.
    StaterightDfs,
}

impl Engine {
    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Own => "own",
            Engine::StaterightBfs => "stateright-bfs",
            Engine::StaterightDfs => "stateright-dfs",
        }
    }
}

/// What one exploration may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads, at least one.
    pub threads: usize,
    /// Distinct states.
    pub max_states: Option<u64>,
    /// Bytes of states, tables and buffers.
    pub max_memory_bytes: Option<u64>,
    /// Time.
    pub max_time: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 1, max_states: None, max_memory_bytes: None, max_time: None }
    }
}

/// A search on disc.
#[derive(Clone, Debug)]
pub enum Disc {
    /// It is saved from time to time.
    Save(Checkpoint),
    /// It goes on, and is saved from time to time.
    Resume(Checkpoint),
}

/// What is known of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds in every reachable state and every fair run.
    Holds,
    /// It does not. Stateright's run is not a shortest one, and not told.
    Violated(Option<Counterexample>),
    /// A budget ran out first.
    Incomplete(Budget),
    /// The engine cannot check it.
    NotChecked,
}

impl Verdict {
    /// The name in JSON and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Violated(_) => "violated",
            Verdict::Incomplete(_) => "incomplete",
            Verdict::NotChecked => "not checked",
        }
    }

    /// Whether it is [`Verdict::Violated`].
    pub fn is_violated(&self) -> bool {
        matches!(self, Verdict::Violated(_))
    }

    /// The length of the shortest counterexample.
    pub fn steps(&self) -> Option<usize> {
        match self {
            Verdict::Violated(counterexample) => counterexample.as_ref().map(Counterexample::steps),
            _ => None,
        }
    }
}

impl From<Finding> for Verdict {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Holds => Verdict::Holds,
            Finding::Violated(counterexample) => Verdict::Violated(Some(counterexample)),
            Finding::Incomplete(budget) => Verdict::Incomplete(budget),
        }
    }
}

/// What came of a task.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The world's name.
    pub key: Key,
    /// What models.toml has to do with it.
    pub standing: Standing,
    /// Distinct states.
    pub states: u64,
    /// Transitions, where the engine counts them.
    pub transitions: Option<u64>,
    /// Steps to the state that is farthest from the start, where the engine knows.
    pub depth: Option<u32>,
    /// Seconds of the exploration and of liveness.
    pub seconds: f64,
    /// The budget that ended the exploration before all states were expanded.
    pub unfinished: Option<Budget>,
    /// The verdicts, in the order of [`Property::ALL`].
    pub verdicts: Vec<(Property, Verdict)>,
}

impl Outcome {
    /// The verdict on a property, if it was asked.
    pub fn verdict(&self, property: Property) -> Option<&Verdict> {
        self.verdicts.iter().find(|(asked, _)| *asked == property).map(|(_, verdict)| verdict)
    }

    /// Whether there is a verdict that shows nothing.
    pub fn is_incomplete(&self) -> bool {
        let shows_nothing = |verdict: &Verdict| matches!(verdict, Verdict::Incomplete(_));
        self.unfinished.is_some() || self.verdicts.iter().any(|(_, verdict)| shows_nothing(verdict))
    }
}

/// Explores the world of a task; `progress` is called from time to time.
///
/// # Errors
/// Those of the engine; and of the checkpoint, if there is one.
pub fn run(
    task: &Task,
    engine: Engine,
    limits: &Limits,
    disc: Option<&Disc>,
    progress: &dyn Fn(&Progress),
) -> Result<Outcome, EngineError> {
    match engine {
        Engine::Own => own(task, limits, disc, progress),
        Engine::StaterightBfs | Engine::StaterightDfs => Ok(rival::run(task, engine, limits)),
    }
}

fn own(
    task: &Task,
    limits: &Limits,
    disc: Option<&Disc>,
    progress: &dyn Fn(&Progress),
) -> Result<Outcome, EngineError> {
    let options = Options {
        threads: limits.threads,
        max_states: limits.max_states.unwrap_or(u64::MAX),
        max_memory_bytes: limits.max_memory_bytes.unwrap_or(u64::MAX),
        max_time: limits.max_time,
        progress: Some(progress),
        ..Options::default()
    };
    let saving = match disc {
        None => Saving::Nowhere,
        Some(Disc::Save(checkpoint)) => Saving::To(checkpoint),
        Some(Disc::Resume(checkpoint)) => Saving::From(checkpoint),
    };
    let began = Instant::now();
    let answer = check_saving(&task.world, &task.properties, &options, saving)?;
    let unfinished = answer.ended.unfinished();
    Ok(Outcome {
        key: task.key.clone(),
        standing: task.standing,
        states: answer.states,
        transitions: Some(answer.transitions),
        depth: Some(answer.depth),
        seconds: began.elapsed().as_secs_f64(),
        unfinished,
        verdicts: answer.findings.into_iter().map(|(property, finding)| (property, finding.into())).collect(),
    })
}

/// What a checkpoint of this world says it is of.
pub fn description(task: &Task) -> String {
    let World { environment, .. } = &task.world;
    // A line for each thing that may differ: who resumes another world is told those.
    let mut lines = vec![task.key.to_string()];
    lines.extend(format!("{environment:#?}").lines().map(|line| line.trim().to_owned()));
    for node in 0..environment.nodes {
        let value = |name: &str| task.world.rules(node).get(name).unwrap_or("?");
        lines.extend(
            Rules::SWITCHES.iter().map(|switch| format!("node {}: {} = {}", node + 1, switch.name, value(switch.name))),
        );
    }
    lines.join("\n")
}
