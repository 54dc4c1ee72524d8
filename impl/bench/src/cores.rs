//! Which cores a node has.

use std::num::NonZeroUsize;
use std::thread;

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use serde::Serialize;

/// One of the two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

/// Where the threads of the nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Placement {
    /// Each node has half of the cores for itself, as if it were a machine of its own (Linux; elsewhere as free)
    Apart,
    /// Wherever the scheduler puts them: now and then both on one core, where a round trip wakes no other
    Free,
}

/// The cores of each node, if it has its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores(Option<[Set; 2]>);

impl Cores {
    /// To be called before any thread is kept anywhere.
    pub(crate) fn new(placement: Placement) -> Result<Self> {
        let cores = Self(if placement == Placement::Apart && count() > 1 { halves()? } else { None });
        let tried =
            thread::scope(|scope| scope.spawn(|| cores.keep(Side::A).and_then(|()| cores.keep(Side::B))).join());
        tried.map_err(|_| anyhow!("a thread ended without a result"))??;
        Ok(cores)
    }

    /// Keeps the calling thread, and those that it will start, on the cores of a node.
    pub(crate) fn keep(&self, side: Side) -> Result<()> {
        match (&self.0, side) {
            (None, _) => Ok(()),
            (Some([cores, _]), Side::A) | (Some([_, cores]), Side::B) => keep(cores),
        }
    }
}

/// Cores that this process may use.
pub(crate) fn count() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(target_os = "linux")]
use linux::{Set, halves, keep};

#[cfg(target_os = "linux")]
mod linux {
    use anyhow::{Context as _, Result};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) type Set = CpuSet;

    pub(super) fn halves() -> Result<Option<[Set; 2]>> {
        let all = sched_getaffinity(None).context("which cores are there?")?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
        let (of_a, of_b) = usable.split_at(usable.len() / 2);
        Ok(Some([of_a, of_b].map(|cores| {
            let mut set = CpuSet::new();
            cores.iter().for_each(|core| set.set(*core));
            set
        })))
    }

    pub(super) fn keep(cores: &Set) -> Result<()> {
        sched_setaffinity(None, cores).context("a thread cannot be kept on its cores: try --placement free")
    }
}

#[cfg(not(target_os = "linux"))]
use elsewhere::{Set, halves, keep};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use anyhow::Result;

    pub(super) type Set = ();

    pub(super) fn halves() -> Result<Option<[Set; 2]>> {
        Ok(None)
    }

    pub(super) fn keep(_: &Set) -> Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// Cores of a thread that was started by one that is kept on a side.
    fn left(placement: Placement, side: Side) -> usize {
        let cores = Cores::new(placement).unwrap();
        let kept = move || {
            cores.keep(side).unwrap();
            thread::spawn(count).join().unwrap()
        };
        thread::spawn(kept).join().unwrap()
    }

    #[test]
    fn each_node_has_its_half_of_the_cores_and_so_have_the_threads_that_its_own_start() {
        let all = count();
        let apart = [Side::A, Side::B].map(|side| left(Placement::Apart, side));
        assert_eq!(apart, if all > 1 { [all / 2, all - all / 2] } else { [1, 1] });
        assert_eq!([Side::A, Side::B].map(|side| left(Placement::Free, side)), [all; 2]);
    }

    #[test]
    fn a_thread_that_is_kept_twice_has_no_fewer_cores() {
        let cores = Cores::new(Placement::Apart).unwrap();
        let twice = move || {
            cores.keep(Side::B).unwrap();
            let once = count();
            cores.keep(Side::B).unwrap();
            (once, count())
        };
        let (once, again) = thread::spawn(twice).join().unwrap();
        assert_eq!(once, again);
    }
}
