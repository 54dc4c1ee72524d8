//! What a search may cost, what is asked of it, and how it ended.

use super::store::Id;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What is asked, and within which budgets.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The safety properties that are asked, one bit each.
    pub safety: u64,
    /// The goals of liveness that are asked, one bit each.
    pub goals: u64,
    /// The number of threads, at least one; it changes nothing but the time.
    pub threads: usize,
    /// At most about so many distinct states: the search ends at the first block of states beyond.
    pub max_states: u64,
    /// At most about so many bytes for states, tables and buffers, without what states own on the heap.
    pub max_memory_bytes: u64,
    /// At most about so much time.
    pub max_time: Option<Duration>,
    /// Whether to go on after violations, so that counts are those of the whole graph.
    pub keep_going: bool,
    /// The safety properties that have to be violated, all of them, before a search that does not keep going ends; all
    /// that are asked, if this is zero.
    pub stop_when: u64,
    /// Called from time to time, and once at the end.
    pub progress: Option<&'a dyn Fn(&Progress)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            safety: 0,
            goals: 0,
            threads: 1,
            max_states: u64::MAX,
            max_memory_bytes: u64::MAX,
            max_time: None,
            keep_going: true,
            stop_when: 0,
            progress: None,
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("safety", &self.safety)
            .field("goals", &self.goals)
            .field("threads", &self.threads)
            .field("max_states", &self.max_states)
            .field("max_memory_bytes", &self.max_memory_bytes)
            .field("max_time", &self.max_time)
            .field("keep_going", &self.keep_going)
            .field("stop_when", &self.stop_when)
            .finish_non_exhaustive()
    }
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Distinct states.
    pub states: u64,
    /// Steps generated.
    pub transitions: u64,
    /// Steps from the start to the states that are being expanded.
    pub depth: u32,
    /// States that are known but not expanded.
    pub frontier: u64,
    /// Bytes of states, tables and buffers.
    pub memory_bytes: u64,
    /// Time so far, that before a resumption included.
    pub elapsed: Duration,
}

/// A limit that ended a search before all states were expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// [`Options::max_states`], or the engine's numbers of states ran out.
    States,
    /// [`Options::max_memory_bytes`].
    Memory,
    /// [`Options::max_time`].
    Time,
    /// The bounds of the model: a state was marked as overflow.
    Bounds,
    /// The search was told to end at a counterexample and did.
    Counterexample,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::States => "states",
            Self::Memory => "memory",
            Self::Time => "time",
            Self::Bounds => "the bounds of the model",
            Self::Counterexample => "the search, which was to end at a counterexample",
        })
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every reachable state was expanded.
    Exhausted,
    /// A budget ran out.
    Incomplete(Budget),
    /// Every violation that was waited for was found.
    Stopped,
}

impl Ended {
    /// Why the search says nothing about states that it did not expand; nothing if there are none.
    pub fn unfinished(self) -> Option<Budget> {
        match self {
            Ended::Exhausted => None,
            Ended::Incomplete(budget) => Some(budget),
            Ended::Stopped => Some(Budget::Counterexample),
        }
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Neither a safety property nor a goal is asked: a run would pass without having checked anything.
    #[error("nothing is asked: neither a safety property nor a goal")]
    NothingAsked,
    /// No run starts anywhere.
    #[error("the space has no initial state")]
    NoInitialState,
    /// More fairness classes than the engine can tell apart.
    #[error("{0} fairness classes; at most {max} are possible", max = super::MAX_CLASSES)]
    TooManyClasses(usize),
    /// More properties than the engine can tell apart.
    #[error("{0} properties; at most 64 are possible")]
    TooManyProperties(usize),
    /// Two expansions of one state differ.
    #[error("the space contradicts itself at state {0:?}: its steps differ from one expansion to the next")]
    NotDeterministic(Id),
    /// A step names a fairness class that the space does not have.
    #[error("a step names fairness class {class}, and there are {classes}")]
    NoSuchClass {
        /// What the step names.
        class: u8,
        /// How many there are.
        classes: usize,
    },
    /// A checkpoint cannot be written or opened.
    #[error("checkpoint {}: cannot be written or read", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A checkpoint cannot be used.
    #[error("checkpoint {} at byte {offset}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A checkpoint belongs to another space.
    #[error("checkpoint {} is of another space: {}", file.display(), difference(expected, got))]
    OtherSpace {
        /// The file.
        file: PathBuf,
        /// The description that the caller gave.
        expected: String,
        /// The description in the file.
        got: String,
    },
}

/// The lines in which two descriptions differ.
fn difference(expected: &str, got: &str) -> String {
    let lines = |text: &str, other: &str| -> Vec<String> {
        text.lines().filter(|line| !other.lines().any(|same| same == *line)).map(str::to_owned).collect()
    };
    format!("expected {}; got {}", lines(expected, got).join(", "), lines(got, expected).join(", "))
}
