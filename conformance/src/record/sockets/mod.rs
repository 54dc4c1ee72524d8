//! A scenario over real sockets: nodes of the crate's own driver, and between each two of them something that breaks
//! connections and holds them up.

mod net;
mod stage;

use std::sync::Arc;

use fastrand::Rng;

use super::error::RecordError;
use super::ledger::Ledger;
use super::play::Play;
use super::scenario::Scenario;
use super::trace::{Desks, Form, Recording};
use stage::Sockets;

impl Scenario {
    /// Runs it over loopback TCP, in real time. The seed gives sizes, counts and order; what the machine does is its own.
    ///
    /// # Errors
    /// As [`Scenario::simulate`]; [`RecordError::SimulationOnly`]; [`RecordError::System`] where sockets fail.
    pub fn run_over_sockets(&self, seed: u64, form: Form) -> Result<Recording, RecordError> {
        if let Some(why) = self.needs_simulation() {
            return Err(RecordError::SimulationOnly { scenario: self.name.clone(), why });
        }
        self.check_form(form)?;
        let system = |what: String| RecordError::System { scenario: self.name.clone(), what };
        let mut rng = Rng::with_seed(seed);
        let ledger = Ledger::default();
        let desks = Desks::new(self, form, "over sockets", &ledger).map_err(|error| system(error.to_string()))?;
        let desks = Arc::new(desks);
        let stage = Sockets::new(self, rng.fork(), ledger.clone(), Arc::clone(&desks)).map_err(system)?;
        let mut play = Play::new(self, stage, ledger.clone(), rng);
        let played = play.run(seed);
        let seconds = play.stage.into_seconds();
        played?;
        desks.finish(self, seed, seconds)
    }
}
