//! When others have their turn: who sends or takes events without a pause never waits, and tokio has no say.

/// What a task may do before the others of its thread have their turn, in messages.
const TURN: u32 = 1024;
/// Messages that weigh as much as one write.
pub(crate) const WRITE: u32 = 256;

/// What was done since others had their turn.
#[derive(Debug, Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// `weight` was done, in messages.
    #[inline]
    pub(crate) fn note(&mut self, weight: u32) {
        self.0 = self.0.saturating_add(weight);
    }

    /// Whether others have their turn now; then the next one begins.
    #[inline]
    pub(crate) fn is_over(&mut self) -> bool {
        let is_over = self.0 >= TURN;
        if is_over {
            self.0 = 0;
        }
        is_over
    }
}
