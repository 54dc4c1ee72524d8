//! Small systems given as tables, for the tests of the engine.
#![allow(dead_code, reason = "every test program uses a part")]

use midcomms_model::engine::{Class, Facts, NO_CLASS, Options, Space, Steps};

/// A step: from, class, to, safety properties that it violates.
pub(crate) type Edge = (u8, u8, u8, u64);

/// A system of a few numbered states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Net {
    pub(crate) initial: Vec<u8>,
    pub(crate) edges: Vec<Edge>,
    /// Per state.
    pub(crate) facts: Vec<Facts>,
    pub(crate) classes: Vec<Class>,
}

pub(crate) const NONE: u8 = NO_CLASS;

impl Net {
    /// A system that starts in state 0, with the given steps (from, class, to) and states in which the goal is met.
    pub(crate) fn with_goal(edges: &[(u8, u8, u8)], met: &[u8]) -> Self {
        let states = edges.iter().flat_map(|(from, _, to)| [*from, *to]).chain(met.iter().copied()).max().unwrap_or(0);
        let facts = (0..=states).map(|s| Facts { goals: u64::from(met.contains(&s)), ..Facts::default() }).collect();
        let edges = edges.iter().map(|(from, class, to)| (*from, *class, *to, 0)).collect();
        Self { initial: vec![0], edges, facts, classes: classes([false; 3]) }
    }

    /// The same, with classes of which some may be strong.
    pub(crate) fn strong(self, strong: [bool; 3]) -> Self {
        Self { classes: classes(strong), ..self }
    }
}

pub(crate) fn classes(strong: [bool; 3]) -> Vec<Class> {
    let names = ["a", "b", "c"];
    names.iter().zip(strong).map(|(name, may_be_strong)| Class { name, may_be_strong, mechanism: "a test" }).collect()
}

impl Space for Net {
    type State = u8;
    type Action = usize;

    fn initial(&self) -> Vec<u8> {
        self.initial.clone()
    }

    fn expand(&self, state: &u8, out: &mut impl Steps<Self>) -> Facts {
        for (number, (from, class, to, violated)) in self.edges.iter().enumerate() {
            if from == state {
                out.step(number, *class, *violated, *to);
            }
        }
        self.facts.get(*state as usize).copied().unwrap_or_default()
    }

    fn classes(&self) -> &[Class] {
        &self.classes
    }
}

/// Asks for the first properties and goals.
pub(crate) fn asked() -> Options<'static> {
    Options { safety: 3, goals: 3, ..Options::default() }
}
