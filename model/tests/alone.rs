//! A counterexample of liveness does not depend on what else is asked.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use midcomms_model::engine::Options;
use midcomms_model::rules::Base;
use midcomms_model::system::check::{Finding, check};
use midcomms_model::system::{Environment, Property, World};

const SMALL: [&str; 6] = ["mild", "both-leave", "early", "lockspaces", "regroup", "upgrade"];

fn worlds() -> impl Iterator<Item = World> {
    let pairs = Base::ALL.into_iter().flat_map(|first| Base::ALL.map(|second| (first, second)));
    pairs.flat_map(|(first, second)| {
        SMALL.map(|name| {
            let environment = Environment::named(name).unwrap().clone();
            World::new(environment, [first.rules(), second.rules(), first.rules()])
        })
    })
}

#[test]
fn a_property_asked_alone_has_the_counterexample_that_it_has_among_all() {
    let options = Options { threads: 1, ..Options::default() };
    let mut violated = 0;
    for world in worlds() {
        let together = check(&world, &Property::ALL, &options).unwrap();
        for (property, finding) in together.findings.iter().filter(|(property, _)| property.is_liveness()) {
            let Finding::Violated(counterexample) = finding else { continue };
            let alone = check(&world, &[*property], &options).unwrap();
            assert_eq!(alone.findings, [(*property, finding.clone())], "{}", world.environment.name);
            assert!(counterexample.steps() > 0);
            violated += 1;
        }
    }
    assert!(violated > 100, "only {violated} rows were compared");
}
