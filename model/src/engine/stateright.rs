//! Models written for stateright, run by this engine.

use super::exploration::{Exploration, Path, Verdict};
use super::lasso::Lasso;
use super::liveness::{check_eventually, verdict};
use super::{Budget, Class, EngineError, Facts, Graph, Options, Space, Steps};
use stateright::{Expectation, Model, Property};
use std::fmt;
use std::hash::Hash;

/// What moves a stateright model on: its actions, all of them together.
const CLASSES: [Class; 1] =
    [Class { name: "actions", may_be_strong: false, mechanism: "a model stops only where no action is possible" }];

/// Room for the actions of most states, so that their list need not grow.
const USUAL_ACTIONS: usize = 32;

/// One bit a property.
const MAX_PROPERTIES: usize = 64;

/// A stateright model as a [`Space`]. The number of a property is its place in `Model::properties`; at most 64.
pub struct FromModel<M: Model> {
    model: M,
    properties: Vec<Property<M>>,
}

/// Why there is no example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No reachable state is one.
    Impossible,
    /// None was found before this budget ran out.
    NotFound(Budget),
}

/// What is known of one property of a stateright model.
pub enum PropertyReport<M>
where
    M: Model,
    FromModel<M>: Space,
{
    /// `always`: it holds in every reachable state.
    Always(Verdict<Path<FromModel<M>>>),
    /// `sometimes`: the shortest run to a state where it holds, or whether that is known to be impossible.
    Sometimes(Result<Path<FromModel<M>>, Absent>),
    /// `eventually`: every run that is not cut short meets it.
    Eventually(Verdict<Lasso<FromModel<M>>>),
}

impl<M> fmt::Debug for PropertyReport<M>
where
    M: Model<State: fmt::Debug>,
    FromModel<M>: Space<State = M::State>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(verdict) => f.debug_tuple("Always").field(verdict).finish(),
            Self::Sometimes(found) => f.debug_tuple("Sometimes").field(found).finish(),
            Self::Eventually(verdict) => f.debug_tuple("Eventually").field(verdict).finish(),
        }
    }
}

impl<M: Model> fmt::Debug for FromModel<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|property| property.name).collect();
        f.debug_struct("FromModel").field("properties", &names).finish_non_exhaustive()
    }
}

impl<M: Model> FromModel<M> {
    /// Takes a model.
    ///
    /// # Errors
    /// If it has more properties than the engine can tell apart.
    pub fn new(model: M) -> Result<Self, EngineError> {
        let properties = model.properties();
        if properties.len() > MAX_PROPERTIES {
            return Err(EngineError::TooManyProperties(properties.len()));
        }
        Ok(Self { model, properties })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    fn mask(&self, wanted: impl Fn(&Expectation) -> bool) -> u64 {
        let properties = self.properties.iter().enumerate();
        properties.filter(|(_, p)| wanted(&p.expectation)).fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// Options that ask for all properties of the model.
    pub fn options(&self) -> Options<'static> {
        let goals = self.mask(|expectation| *expectation == Expectation::Eventually);
        let safety = self.mask(|expectation| *expectation != Expectation::Eventually);
        Options { safety, goals, ..Options::default() }
    }
}

impl<M> Space for FromModel<M>
where
    M: Model + Sync,
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + fmt::Debug + Send + Sync,
{
    type State = M::State;
    type Action = M::Action;

    fn initial(&self) -> Vec<M::State> {
        self.model.init_states().into_iter().filter(|state| self.model.within_boundary(state)).collect()
    }

    fn expand(&self, state: &M::State, out: &mut impl Steps<Self>) -> Facts {
        let mut actions = Vec::with_capacity(USUAL_ACTIONS);
        self.model.actions(state, &mut actions);
        for action in actions {
            if let Some(next) = self.model.next_state(state, action.clone())
                && self.model.within_boundary(&next)
            {
                out.step(action, 0, 0, next);
            }
        }
        let mut facts = Facts::default();
        for (bit, property) in self.properties.iter().enumerate() {
            let met = u64::from((property.condition)(&self.model, state));
            match property.expectation {
                Expectation::Always => facts.violated |= (met ^ 1) << bit,
                // An example is sought as a counterexample of "never" would be.
                Expectation::Sometimes => facts.violated |= met << bit,
                Expectation::Eventually => facts.goals |= met << bit,
            }
        }
        facts
    }

    fn classes(&self) -> &[Class] {
        &CLASSES
    }
}

impl<M: Model> Exploration<'_, FromModel<M>>
where
    FromModel<M>: Space,
{
    /// What is known of every property of the model that was asked, in the model's order.
    ///
    /// # Errors
    /// If the model contradicts itself.
    pub fn reports(&self, threads: usize) -> Result<Vec<(&'static str, PropertyReport<M>)>, EngineError> {
        let properties = &self.space.properties;
        let live = properties.iter().any(|property| property.expectation == Expectation::Eventually);
        let is_affordable = self.liveness_unaffordable().is_none();
        let graph = if live && is_affordable { Some(self.graph(threads)?) } else { None };
        let mut reports = Vec::new();
        for (bit, property) in (0..).zip(properties) {
            if let Some(report) = self.report(graph.as_ref(), bit, property)? {
                reports.push((property.name, report));
            }
        }
        Ok(reports)
    }

    fn report(
        &self,
        graph: Option<&Graph<'_, '_, FromModel<M>>>,
        bit: u32,
        property: &Property<M>,
    ) -> Result<Option<PropertyReport<M>>, EngineError> {
        let safety = self.safety(bit)?;
        Ok(match property.expectation {
            Expectation::Always => safety.map(PropertyReport::Always),
            Expectation::Sometimes => safety.map(|verdict| {
                PropertyReport::Sometimes(match verdict {
                    Verdict::Violated(path) => Ok(path),
                    Verdict::Holds => Err(Absent::Impossible),
                    Verdict::Incomplete(budget) => Err(Absent::NotFound(budget)),
                })
            }),
            Expectation::Eventually => match graph.filter(|_| self.asks_goal(bit)) {
                Some(graph) => Some(PropertyReport::Eventually(verdict(self, check_eventually(graph, bit, &[])?))),
                None if self.asks_goal(bit) => {
                    self.liveness_unaffordable().map(|budget| PropertyReport::Eventually(Verdict::Incomplete(budget)))
                }
                None => None,
            },
        })
    }
}
