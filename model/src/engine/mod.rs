//! The model checker: exact breadth-first search, and liveness under weak and strong fairness.
//!
//! A [`Space`] says which states there are at the start and which steps leave a state. [`explore`] visits every
//! reachable state once and keeps all of them in full: two states are the same only if they are equal, never because
//! their hashes are. What it returns, down to the numbers of the states and the paths to violations, does not depend on
//! the number of threads.
//!
//! - [`Exploration`]: counts, how the search ended, shortest counterexamples.
//! - [`Graph`]: states and steps once more, as a graph, for [`check_goal`]: does every fair run meet the goal again and
//!   again?
//! - [`FromModel`]: any model written for stateright, run by this engine.
//!
//! **Invariant:** a verdict is [`Verdict::Holds`] only if every reachable state was expanded within all budgets.

mod checkpoint;
mod exploration;
mod explore;
mod found;
mod frontier;
mod graph;
mod hash;
mod lasso;
mod liveness;
mod options;
mod persist;
mod scc;
mod shared;
mod stateright;
mod store;
mod table;
mod workers;

use std::fmt;
use std::hash::Hash;

pub use checkpoint::{Checkpoint, explore_saving, resume};
pub use exploration::{Exploration, Path, Step, Verdict};
pub use explore::explore;
pub use found::Sighting;
pub use graph::Graph;
pub use lasso::Lasso;
pub use liveness::{Liveness, Strength, check_eventually, check_goal};
pub use options::{Budget, Ended, EngineError, Options, Progress};
pub use persist::Persist;
pub use stateright::{Absent, FromModel, PropertyReport};
pub use store::Id;

/// The class of a step that is never obliged to happen, such as a fault.
pub const NO_CLASS: u8 = 255;

/// The largest number of fairness classes.
pub const MAX_CLASSES: usize = 64;

/// A transition system that the engine explores.
pub trait Space: Sync {
    /// What the system is in between two steps.
    type State: Clone + Eq + Hash + Send + Sync;
    /// What happens in a step.
    type Action: Clone + fmt::Debug + Send + Sync;

    /// The states in which a run may start.
    fn initial(&self) -> Vec<Self::State>;

    /// Calls `out.step` for every step from `state`, in a fixed order; returns what is true of `state` itself.
    fn expand(&self, state: &Self::State, out: &mut impl Steps<Self>) -> Facts;

    /// The fairness classes; a step names one by its index. At most [`MAX_CLASSES`].
    fn classes(&self) -> &[Class];
}

/// Where [`Space::expand`] puts the steps that it finds.
pub trait Steps<S: Space + ?Sized> {
    /// Takes one step: its fairness class (or [`NO_CLASS`]) and the safety properties that this very step violates.
    fn step(&mut self, action: S::Action, class: u8, violated: u64, next: S::State);
}

/// What is true of one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Bit i: safety property i does not hold in this state.
    pub violated: u64,
    /// Bit i: goal i of liveness is met in this state.
    pub goals: u64,
    /// The bounds of the model are too small for this state: the run says nothing about what lies beyond.
    pub overflow: bool,
}

/// A set of steps that the system does not neglect for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// What a report calls it.
    pub name: &'static str,
    /// Whether strong fairness may be asked of it.
    pub may_be_strong: bool,
    /// What gives the fairness: the mechanism of the real system.
    pub mechanism: &'static str,
}
