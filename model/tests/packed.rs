//! The packed states that the engine explores and the model that stateright takes are the same system.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use midcomms_model::engine::{Ended, FromModel, Options, Space, explore};
use midcomms_model::rules::Base;
use midcomms_model::system::space::{Checked, Whole};
use midcomms_model::system::{Environment, World};
use stateright::{Checker, Model};

/// States, transitions, depth.
type Counts = (u64, u64, u32);

/// Environments that are explored in a moment even without optimisation.
const SMALL: &[&str] = &["mild", "both-leave", "early", "rejoin", "two-breaks", "pages", "wrap"];

fn world(base: &str, environment: &str) -> World {
    World::new(Environment::named(environment).unwrap().clone(), [Base::named(base).unwrap().rules(); 3])
}

fn counts<S: Space>(space: &S) -> Counts {
    let run = explore(space, &Options { safety: 1, keep_going: true, ..Options::default() }).unwrap();
    assert_eq!(run.ended, Ended::Exhausted);
    (run.states, run.transitions, run.depth)
}

/// Every state, unpacked, is the state that was packed, and has the same steps as in the trait.
#[test]
fn packed_states_and_the_trait_are_the_same_system() {
    for base in ["linux-6.12", "hardened"] {
        for environment in SMALL {
            let world = world(base, environment);
            let packed = counts(&Checked::<8, 2, 1> { world: world.clone() });
            let whole = counts(&FromModel::new(Whole::<2, 1> { world: world.clone() }).unwrap());
            let words = counts(&FromModel::new(Checked::<8, 2, 1> { world }).unwrap());
            assert_eq!(packed, whole, "{base}, {environment}");
            assert_eq!(packed, words, "{base}, {environment}, packed states in the trait");
        }
    }
}

/// Stateright counts the initial state as a step, and depth from 1. It stops early once all properties are violated, so
/// rules without violations serve.
#[test]
fn stateright_counts_the_same() {
    for environment in SMALL {
        let world = world("hardened", environment);
        let (states, transitions, depth) = counts(&Checked::<8, 2, 1> { world: world.clone() });
        let checker = Whole::<2, 1> { world }.checker().threads(1).spawn_bfs().join();
        let found = (checker.unique_state_count() as u64, checker.state_count() as u64, checker.max_depth() as u32);
        assert_eq!(found, (states, transitions + 1, depth + 1), "{environment}");
    }
}

#[test]
fn unpacking_undoes_packing_in_every_state() {
    for (base, environment) in
        [("linux-6.12", "rejoin"), ("hardened", "two-breaks"), ("linux-6.12", "early"), ("hardened", "stale")]
    {
        let world = world(base, environment);
        let space = FromModel::new(Whole::<2, 1> { world: world.clone() }).unwrap();
        let run = explore(&space, &Options { safety: 1, keep_going: true, ..Options::default() }).unwrap();
        for (_, system) in run.all() {
            let (packed, fits) = world.pack::<8, 2, 1>(system);
            assert!(fits);
            assert_eq!(world.unpack::<8, 2, 1>(&packed), *system, "{base}, {environment}");
        }
    }
}
