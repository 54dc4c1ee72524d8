//! The runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::plan::{Plan, plan};
use crate::run::{Report, run};

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: expected a number, got {value}")))
}

fn runner_of(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// One seed, shrunk if it fails.
fn try_seed(seed: u64) -> Result<Report, String> {
    let mut runner = runner_of(seed);
    let tree = plan().new_tree(&mut runner).unwrap();
    let report = RefCell::new(Report::default());
    let outcome = runner.run_one(tree, |plan: Plan| match run(&plan, false) {
        Ok(told) => {
            report.replace(told);
            Ok(())
        }
        Err(why) => Err(TestCaseError::fail(why)),
    });
    match outcome {
        Ok(_) => Ok(report.into_inner()),
        Err(TestError::Fail(why, plan)) => Err(format!("seed {seed}: {why}\nsmallest plan: {plan:#?}")),
        Err(TestError::Abort(why)) => Err(format!("seed {seed}: {why}")),
    }
}

#[test]
fn every_promise_holds_under_every_fault() {
    if let Some(seed) = variable("MIDCOMMS_SIM_SEED") {
        let plan = plan().new_tree(&mut runner_of(seed)).unwrap().current();
        eprintln!("{plan:#?}");
        run(&plan, true).unwrap();
        return;
    }
    let from = variable("MIDCOMMS_SIM_FROM").unwrap_or(0);
    let count = variable("MIDCOMMS_SIM_SEEDS").unwrap_or(2000);
    let mut sum = Report::default();
    let mut resets = BTreeMap::new();
    for seed in from..from + count {
        let report = try_seed(seed).unwrap_or_else(|why| panic!("{why}"));
        sum.delivered += report.delivered;
        sum.closed += report.closed;
        sum.timed_out += report.timed_out;
        sum.totals.breaks += report.totals.breaks;
        sum.totals.duplicates += report.totals.duplicates;
        sum.totals.gaps += report.totals.gaps;
        sum.totals.passes += report.totals.passes;
        sum.totals.timeouts += report.totals.timeouts;
        sum.totals.dropped += report.totals.dropped;
        for (reason, times) in report.resets {
            *resets.entry(reason).or_insert(0) += times;
        }
    }
    eprintln!("{count} seeds: {sum:?} {resets:?}");
    if count >= 100 {
        let all = [sum.delivered, sum.closed, sum.totals.breaks, sum.totals.duplicates, sum.totals.passes];
        assert!(all.iter().all(|times| *times > 0), "a fault was never exercised: {sum:?}");
        for reason in ["PeerRestarted", "Leftover", "Fenced", "ShutdownTimeout"] {
            assert!(resets.contains_key(reason), "no incarnation ended by {reason}: {resets:?}");
        }
    }
}
