//! The model beside the implementation: they agree, and a comparison that is lied to says so.
#![expect(clippy::unwrap_used, reason = "tests")]

use midcomms_conformance::drive::policy::drive_policy;
use midcomms_conformance::drive::{EnvironmentReport, LARGE, Lie, Options, SMALL, drive_environment};
use midcomms_model::system::Environment;

fn drive(environment: &str, options: &Options) -> EnvironmentReport {
    drive_environment(Environment::named(environment).unwrap(), options, &|_| {})
}

#[test]
fn every_transition_of_the_smallest_environments_is_driven_and_agrees() {
    for (environment, transitions) in [("mild", 11_794), ("early", 3_101), ("lockspaces", 15_950)] {
        let report = drive(environment, &Options::default());
        assert_eq!(report.differences, [], "{environment}");
        assert!(report.is_good(), "{environment}");
        let driven = (report.transitions.covered, report.transitions.all);
        assert_eq!(driven, (transitions, transitions), "{environment}: as many as model/models.toml says");
    }
}

#[test]
fn walks_through_the_deepest_environment_agree_and_are_repeated_by_their_seed() {
    let options = Options { covers: false, walks: 4, steps: 2_000, seed: 7, ..Options::default() };
    let (first, again) = (drive("deep", &options), drive("deep", &options));
    assert_eq!((first.differing, first.steps), (0, 8_000));
    assert_eq!(first.coverage, again.coverage);
}

#[test]
fn a_budget_that_runs_out_is_no_success() {
    let report = drive("both-leave", &Options { budget: 100, ..Options::default() });
    assert!(!report.is_complete && !report.is_good());
    assert_eq!(report.differing, 0);
}

#[test]
fn every_falsehood_is_found_and_its_path_shrunk() {
    for (lie, field, most) in [
        (Lie::AckOneMore, "message", 7),
        (Lie::HidesDeliveries, "delivered", 7),
        (Lie::HidesPeerClosing, "event: the peer is closing", 8),
        (Lie::OneUserMore, "users", 1),
        (Lie::QueueIsOneShort, "send queue", 6),
        (Lie::ExpectsOneLess, "seq_next", 7),
    ] {
        let report = drive("both-leave", &Options { lie: Some(lie), ..Options::default() });
        assert!(report.differing > 0, "{lie:?}");
        let difference = report.differences.first().expect("it is told");
        assert!(difference.fields.iter().any(|mismatch| mismatch.field == field), "{lie:?}: {difference:?}");
        assert!(difference.path.len() <= most, "{lie:?}: {:#?}", difference.path);
        assert_eq!(difference.again, "midcomms drive --environment both-leave");
    }
}

#[test]
fn a_falsehood_is_found_by_a_walk_too_whose_command_repeats_it() {
    let options =
        Options { covers: false, walks: 1, steps: 5_000, seed: 3, lie: Some(Lie::AckOneMore), ..Options::default() };
    let report = drive("mild", &options);
    let difference = report.differences.first().expect("it is found");
    assert!(difference.path.len() <= difference.found_after.min(12), "{:#?}", difference.path);
    assert_eq!(difference.again, "midcomms drive --environment mild --only-walks --walks 1 --steps 5000 --seed 3");
}

#[test]
fn every_environment_of_the_matrix_is_small_or_large() {
    let mut named: Vec<_> = SMALL.iter().chain(LARGE).copied().collect();
    let mut all: Vec<_> = Environment::ALL.iter().map(|environment| environment.name).collect();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn thresholds_timers_and_limits_are_as_the_account_has_them() {
    let report = drive_policy(&Options { walks: 300, steps: 400, ..Options::default() });
    let faults: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!((faults, report.steps), (vec![], 120_000));
}
