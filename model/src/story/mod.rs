//! A counterexample told: in sentences, and as a sequence chart of the nodes.
//!
//! - [`run`]: the run with every message followed from queue to end; `follow` does the following.
//! - `sentence` and `why`: what a step did, and why the property does not hold, in the words of `PROTOCOL.md`; [`text`]
//!   lays both out.
//! - [`choices`]: actions and states in short, for who steps through them.
//! - [`chart`]: where everything is on the chart; [`lines`], [`mermaid`], [`svg`] and [`html`] draw it.

pub mod chart;
pub mod choices;
mod follow;
pub mod html;
pub mod lines;
pub mod mermaid;
pub mod run;
mod sentence;
pub mod svg;
pub mod text;
mod why;
mod words;

use crate::system::action::Action;
use crate::system::check::Counterexample;
use crate::system::{Property, World};

use run::Run;
use sentence::Teller;
pub use words::message;

/// A run with what it is told for.
#[derive(Clone, Debug)]
pub struct Story {
    /// Where it happens: revisions and environment.
    pub title: String,
    /// The run.
    pub run: Run,
    /// The property that it breaks.
    pub property: Option<Property>,
    /// The first step of what repeats for ever; the number of steps where nothing does.
    pub cycle_at: usize,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is claimed: it is just a path.
    Open,
    /// The last step violates a safety property.
    Violated,
    /// Nobody has to do anything any more, and something is owed.
    Stops,
    /// The steps from this one on, counted from 0, repeat for ever, and something is owed.
    Repeats(usize),
}

impl Story {
    /// A counterexample to a property.
    pub fn of(world: &World, counterexample: &Counterexample, property: Property) -> Self {
        let actions: Vec<_> = counterexample.prefix.iter().chain(&counterexample.cycle).copied().collect();
        let (run, cycle_at) = (Run::of(world, &actions), counterexample.prefix.len());
        Self { title: title(world), run, property: Some(property), cycle_at }
    }

    /// Any path from the initial state. If its last step violates a safety property the path is a counterexample to it.
    pub fn of_path(world: &World, actions: &[Action]) -> Self {
        let run = Run::of(world, actions);
        let violated = run.steps.last().map_or(0, |step| step.violated);
        let property =
            Property::ALL.into_iter().find(|property| !property.is_liveness() && violated & property.bit() != 0);
        Self { title: title(world), run, property, cycle_at: actions.len() }
    }

    /// How it ends.
    pub fn ending(&self) -> Ending {
        match self.property {
            None => Ending::Open,
            Some(property) if !property.is_liveness() => Ending::Violated,
            Some(_) if self.cycle_at < self.run.steps.len() => Ending::Repeats(self.cycle_at),
            Some(_) => Ending::Stops,
        }
    }

    /// What a step did, counted from 0.
    pub fn sentence(&self, step: usize) -> String {
        Teller::new(&self.run, step).map(|teller| teller.sentence()).unwrap_or_default()
    }

    /// What the ending comes to: a sentence for each paragraph, the first of which says how it ends.
    pub fn conclusion(&self) -> Vec<String> {
        let Some(property) = self.property else { return Vec::new() };
        let last = self.run.steps.len();
        let how = match self.ending() {
            Ending::Open => return Vec::new(),
            Ending::Violated => format!("Step {last} violates {}: {}.", property.name(), property.text()),
            Ending::Stops if last == 0 => "Nothing has to happen at all.".to_owned(),
            Ending::Stops => format!("Here, after step {last}, it stops: nobody is obliged to do anything."),
            Ending::Repeats(from) if from + 1 == last => format!("From here on step {last} repeats for ever."),
            Ending::Repeats(from) => format!("From here on steps {} to {last} repeat for ever.", from + 1),
        };
        let owed = property.is_liveness().then(|| format!("So {} is never met: {}.", property.name(), property.text()));
        let reasons = why::why(&self.run, property).into_iter().map(|reason| capital(&reason) + ".");
        std::iter::once(how).chain(owed).chain(reasons).collect()
    }
}

/// `linux-6.12 and hardened, environment mild: …`.
fn title(world: &World) -> String {
    let environment = &world.environment;
    format!("environment {}: {}", environment.name, environment.text)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
