//! Contenders that block: threads, and a limit on how long they may take.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cores::{Cores, Side};
use crate::load::Load;

/// What one thread of a node does.
pub(crate) type Job<T> = (Side, Box<dyn FnOnce() -> Result<T> + Send>);

/// Runs each job on a thread of its own, on the cores of its node, and gives what they return, in order of completion.
///
/// # Errors
///
/// The first that fails, without waiting for the others, which may be stuck because of it; and a run over its limit.
pub(crate) fn run<T: Send + 'static>(cores: Cores, jobs: Vec<Job<T>>, load: &Load) -> Result<Vec<T>> {
    let (done, results) = mpsc::channel();
    let (deadline, count) = (Instant::now() + load.limit, jobs.len());
    for (side, job) in jobs {
        let done = done.clone();
        let job = move || cores.keep(side).and_then(|()| job());
        // Fails only if an earlier job has, and then nobody asks any more.
        thread::Builder::new().spawn(move || drop(done.send(job()))).context("no thread")?;
    }
    drop(done);
    (0..count).map(|_| next(&results, deadline)?).collect()
}

fn next<T>(results: &mpsc::Receiver<T>, deadline: Instant) -> Result<T> {
    match results.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(result) => Ok(result),
        Err(RecvTimeoutError::Timeout) => bail!("stuck: the run has not ended within its limit"),
        Err(RecvTimeoutError::Disconnected) => bail!("a thread ended without a result"),
    }
}
