//! The transition system as the checkers take it: packed for the engine, whole for stateright.

use stateright::{Model, Path, Property as Condition};

use super::action::{Action, Duty};
use super::property::Property;
use super::state::System;
use super::{Packed, World};
use crate::engine::{Class, Facts, NO_CLASS, Space, Steps};

macro_rules! classes {
    ($($name:literal $mechanism:literal)*) => {
        &[$(
            Class { name: concat!($name, " 1>2"), may_be_strong: false, mechanism: $mechanism },
            Class { name: concat!($name, " 1>3"), may_be_strong: false, mechanism: $mechanism },
            Class { name: concat!($name, " 2>1"), may_be_strong: false, mechanism: $mechanism },
            Class { name: concat!($name, " 2>3"), may_be_strong: false, mechanism: $mechanism },
            Class { name: concat!($name, " 3>1"), may_be_strong: false, mechanism: $mechanism },
            Class { name: concat!($name, " 3>2"), may_be_strong: false, mechanism: $mechanism },
        )*]
    };
}

/// Weak fairness, by who is obliged to act and for which pair. No class needs strong fairness.
const CLASSES: &[Class] = classes! {
    "receiver" "the work queue reads a socket that has data"
    "writer" "the work queue writes a socket that has room"
    "upper layer" "recovery asks STATUS until it is answered; who reserves commits"
    "manager" "the cluster manager waits for each node to process its events"
    "shutdown" "the thread that leaves goes on when it is woken"
    "second step" "a thread goes on"
    "timer" "a timer runs out"
    "socket" "a socket whose connection is gone reports an error"
};

/// Pairs of nodes: classes of one duty.
const PAIRS: u8 = 6;

fn class(action: Action) -> u8 {
    let duty = match action.kind.duty() {
        Duty::Nobody => return NO_CLASS,
        Duty::Receiver => 0,
        Duty::Writer => 1,
        Duty::Upper => 2,
        Duty::Manager => 3,
        Duty::Shutdown => 4,
        Duty::Thread => 5,
        Duty::Timer => 6,
        Duty::Socket => 7,
    };
    let slot = if action.peer > action.node { action.peer - 1 } else { action.peer };
    duty * PAIRS + action.node * 2 + slot.min(1)
}

/// A world of `N` nodes for the engine, each state in `W` words.
#[derive(Clone, Debug)]
pub struct Checked<const W: usize, const N: usize, const M: usize> {
    /// The world.
    pub world: World,
}

impl<const W: usize, const N: usize, const M: usize> Space for Checked<W, N, M> {
    type State = Packed<W>;
    type Action = Action;

    fn initial(&self) -> Vec<Packed<W>> {
        let (packed, _) = self.world.pack(&self.world.initial::<N, M>());
        vec![packed]
    }

    fn expand(&self, state: &Packed<W>, out: &mut impl Steps<Self>) -> Facts {
        let system: System<N, M> = self.world.unpack(state);
        let mut overflow = false;
        self.world.actions(&system, |action| {
            let mut next = system;
            let effect = self.world.apply(&mut next, action, &mut ());
            let (packed, fits) = self.world.pack(&next);
            overflow |= effect.overflow || !fits;
            out.step(action, class(action), effect.violated, packed);
        });
        Facts { violated: self.world.violated(&system), goals: self.world.goals(&system), overflow }
    }

    fn classes(&self) -> &[Class] {
        CLASSES
    }
}

/// The same for stateright, on packed states.
impl<const W: usize, const N: usize, const M: usize> Model for Checked<W, N, M> {
    type State = Packed<W>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        Space::initial(self)
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        let system: System<N, M> = self.world.unpack(state);
        self.world.actions(&system, |action| actions.push(action));
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next: System<N, M> = self.world.unpack(state);
        self.world.apply(&mut next, action, &mut ());
        Some(self.world.pack(&next).0)
    }

    fn properties(&self) -> Vec<Condition<Self>> {
        fn holds<const W: usize, const N: usize, const M: usize>(
            model: &Checked<W, N, M>,
            state: &Packed<W>,
            property: Property,
        ) -> bool {
            let system: System<N, M> = model.world.unpack(state);
            model.world.violated(&system) & property.bit() == 0
        }
        vec![
            Condition::always("CleanClosed", |model, state| holds(model, state, Property::CleanClosed)),
            Condition::always("UsersConsistent", |model, state| holds(model, state, Property::UsersConsistent)),
        ]
    }
}

/// A world of `N` nodes for stateright: the state as it is.
#[derive(Clone, Debug)]
pub struct Whole<const N: usize, const M: usize> {
    /// The world.
    pub world: World,
}

impl<const N: usize, const M: usize> Model for Whole<N, M> {
    type State = System<N, M>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![self.world.initial()]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.world.actions(state, |action| actions.push(action));
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = *state;
        self.world.apply(&mut next, action, &mut ());
        Some(next)
    }

    fn format_action(&self, action: &Self::Action) -> String {
        crate::story::choices::action(*action, self.world.environment.lockspaces)
    }

    fn format_step(&self, last_state: &Self::State, action: Self::Action) -> Option<String> {
        self.next_state(last_state, action).map(|next| crate::story::choices::state(&self.world, &next))
    }

    /// The sequence chart of the path.
    fn as_svg(&self, path: Path<Self::State, Self::Action>) -> Option<String> {
        let story = crate::story::Story::of_path(&self.world, &path.into_actions());
        Some(crate::story::svg::svg(&crate::story::chart::Chart::of(&story)))
    }

    /// Those over states. Those over transitions, and liveness, are the engine's.
    fn properties(&self) -> Vec<Condition<Self>> {
        fn holds<const N: usize, const M: usize>(
            model: &Whole<N, M>,
            state: &System<N, M>,
            property: Property,
        ) -> bool {
            model.world.violated(state) & property.bit() == 0
        }
        vec![
            Condition::always("CleanClosed", |model, state| holds(model, state, Property::CleanClosed)),
            Condition::always("UsersConsistent", |model, state| holds(model, state, Property::UsersConsistent)),
        ]
    }
}
