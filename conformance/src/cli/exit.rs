//! Exit codes.

use std::io;

use crate::replay::{FileReport, Verdict};

/// All good, and something was checked.
pub const EXIT_GOOD: u8 = 0;
/// A trace was rejected; or stalled, under `--strict`; or the gate's expectation was not met.
pub const EXIT_FAILED: u8 = 1;
/// Usage, I/O or malformed input: of a file, or of its rest, nothing is claimed.
pub const EXIT_UNUSABLE: u8 = 2;
/// Vacuous or inconclusive: nothing was shown.
pub const EXIT_UNPROVEN: u8 = 3;

/// How a run ends; the greater of two is the more serious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// [`EXIT_GOOD`].
    #[default]
    Good,
    /// [`EXIT_UNPROVEN`].
    Unproven,
    /// [`EXIT_FAILED`].
    Failed,
    /// [`EXIT_UNUSABLE`].
    Unusable,
}

impl Exit {
    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => EXIT_GOOD,
            Exit::Failed => EXIT_FAILED,
            Exit::Unusable => EXIT_UNUSABLE,
            Exit::Unproven => EXIT_UNPROVEN,
        }
    }

    /// What one input's report comes to; with `strict` a stall is a failure.
    pub(crate) fn of(report: &FileReport, strict: bool) -> Exit {
        if report.error.is_some() {
            return Exit::Unusable;
        }
        match report.verdict {
            None => Exit::Unusable,
            Some(Verdict::Rejected) => Exit::Failed,
            Some(_) if strict && report.stalls() > 0 => Exit::Failed,
            Some(Verdict::Vacuous | Verdict::Inconclusive) => Exit::Unproven,
            Some(Verdict::Accepted) => Exit::Good,
        }
    }
}

/// Whether an error is that nobody reads our output any more.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Ends the process if nobody reads our output any more: a reader that has enough (`| head`) does not wait for the
/// rest of the input.
pub(crate) fn end_on_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    end_with(result, Exit::Good)
}

/// The same, where something is known already: who stops reading does not make it good.
pub(crate) fn end_with(result: io::Result<()>, so_far: Exit) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(i32::from(so_far.code())),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_input_outweighs_failure_and_failure_outweighs_the_unproven() {
        let order = [Exit::Good, Exit::Unproven, Exit::Failed, Exit::Unusable];
        assert!(order.is_sorted());
        assert_eq!(order.map(Exit::code), [0, 3, 1, 2]);
    }
}
