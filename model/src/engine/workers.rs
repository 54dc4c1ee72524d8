//! A crew of threads that meet between phases.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Rounds of spinning before a thread goes to sleep: phases are short, but cores are shared.
const SPINS: usize = 4000;

/// Where a fixed number of threads wait for each other, again and again.
pub(super) struct Gate {
    members: usize,
    waiting: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
    sleepers: Mutex<usize>,
    wake: Condvar,
}

/// A member of the crew panicked: the others stop, and the panic goes on in the thread that joins it.
pub(super) struct Broken;

impl Gate {
    pub(super) fn new(members: usize) -> Self {
        Self {
            members,
            waiting: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            sleepers: Mutex::new(0),
            wake: Condvar::new(),
        }
    }

    /// Returns as soon as all members have called it.
    pub(super) fn meet(&self) -> Result<(), Broken> {
        if self.members > 1 {
            let round = self.round.load(Ordering::Acquire);
            if self.waiting.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
                self.waiting.store(0, Ordering::Relaxed);
                self.open();
            } else {
                self.wait(round);
            }
        }
        if self.broken.load(Ordering::Acquire) { Err(Broken) } else { Ok(()) }
    }

    fn open(&self) {
        let sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        self.round.fetch_add(1, Ordering::AcqRel);
        if *sleepers > 0 {
            self.wake.notify_all();
        }
    }

    fn wait(&self, round: usize) {
        let closed = || self.round.load(Ordering::Acquire) == round && !self.broken.load(Ordering::Acquire);
        for _ in 0..SPINS {
            if !closed() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        *sleepers += 1;
        while closed() {
            sleepers = self.wake.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
        }
        *sleepers -= 1;
    }

    /// To be held by every member: wakes the others if this one panics.
    pub(super) fn guard(&self) -> Guard<'_> {
        Guard(self)
    }
}

pub(super) struct Guard<'a>(&'a Gate);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
            let _sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.wake.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_before_the_last_has_come() {
        let (gate, count) = (Gate::new(4), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 1..=500 {
                        count.fetch_add(1, Ordering::AcqRel);
                        assert!(gate.meet().is_ok());
                        assert_eq!(count.load(Ordering::Acquire), round * 4);
                        assert!(gate.meet().is_ok());
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_of_one_member_frees_the_others() {
        let gate = Gate::new(2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _guard = gate.guard();
                panic!("on purpose");
            });
            assert!(gate.meet().is_err());
            assert!(other.join().is_err());
        });
    }
}
