//! A scenario in virtual time: the real cores over a model of sockets, the same for the same seed.

mod node;
mod old;
mod stage;
mod wire;
mod world;

use fastrand::Rng;

use super::error::RecordError;
use super::ledger::Ledger;
use super::play::Play;
use super::scenario::Scenario;
use super::trace::{Desks, Form, Recording};
use world::World;

impl Scenario {
    /// Runs it in simulation and keeps each node's trace as JSON lines. The same seed gives the same bytes.
    ///
    /// # Errors
    /// If a step cannot be done, the run does not show what is expected, or the implementation breaks a promise.
    pub fn simulate(&self, seed: u64) -> Result<Recording, RecordError> {
        self.simulate_as(seed, Form::Lines)
    }

    /// As [`Scenario::simulate`], in any form.
    ///
    /// # Errors
    /// As [`Scenario::simulate`].
    pub fn simulate_as(&self, seed: u64, form: Form) -> Result<Recording, RecordError> {
        self.check_form(form)?;
        let system = |what: String| RecordError::System { scenario: self.name.clone(), what };
        let mut rng = Rng::with_seed(seed);
        let ledger = Ledger::default();
        let how = format!("in simulation, seed {seed}");
        let desks = Desks::new(self, form, &how, &ledger).map_err(|error| system(error.to_string()))?;
        let world = World::new(self, rng.fork(), ledger.clone(), desks);
        let mut play = Play::new(self, world, ledger.clone(), rng);
        let played = play.run(seed);
        let (seconds, desks) = play.stage.into_desks();
        played?;
        desks.finish(self, seed, seconds)
    }
}
