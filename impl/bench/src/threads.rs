//! Contenders that block: threads, and a limit on how long they may take.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::load::Load;

/// What one thread does.
pub(crate) type Job<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// Runs each job on a thread of its own and gives what they return, in order of completion.
///
/// # Errors
///
/// The first that fails, without waiting for the others, which may be stuck because of it; and a run over its limit.
pub(crate) fn run<T: Send + 'static>(jobs: Vec<Job<T>>, load: &Load) -> Result<Vec<T>> {
    let (done, results) = mpsc::channel();
    let (deadline, count) = (Instant::now() + load.limit, jobs.len());
    for job in jobs {
        let done = done.clone();
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
