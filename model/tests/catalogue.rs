//! Every defect is found where it is seeded and not where it is not, every hazard is what the catalogue says, and every measure
//! is needed.

#![allow(clippy::unwrap_used, clippy::panic)]

use midcomms_model::catalogue::{DEFECTS, HAZARDS, MEASURES, Reality, Setting, with};
use midcomms_model::engine::Options;
use midcomms_model::rules::{Base, Rules};
use midcomms_model::system::check::{Finding, check};
use midcomms_model::system::{Environment, Property, World};

fn finding(rules: Rules, environment: &str, property: Property) -> Finding {
    let world = World::new(Environment::named(environment).unwrap().clone(), [rules; 3]);
    let answer = check(&world, &[property], &Options { threads: 2, ..Options::default() }).unwrap();
    let [(_, finding)] = answer.findings.try_into().unwrap();
    finding
}

fn rules(base: Base, settings: &[&[Setting]]) -> Rules {
    settings.iter().fold(base.rules(), |rules, settings| with(rules, settings).unwrap())
}

fn is_violated(finding: &Finding) -> bool {
    matches!(finding, Finding::Violated(_))
}

#[test]
fn every_defect_breaks_its_property_which_holds_without_it() {
    for defect in DEFECTS {
        let sound = finding(rules(defect.base, &[defect.unmasked]), defect.environment, defect.property);
        assert_eq!(sound, Finding::Holds, "{} without the defect", defect.id);
        let seeded = rules(defect.base, &[defect.unmasked, defect.settings]);
        let found = finding(seeded, defect.environment, defect.property);
        assert!(is_violated(&found), "{}: {found:?}", defect.id);
    }
}

#[test]
fn every_hazard_is_what_the_catalogue_says() {
    for hazard in HAZARDS {
        let found = finding(rules(hazard.base, &[hazard.settings]), hazard.environment, hazard.property);
        match hazard.reality {
            Reality::Real => {
                assert!(is_violated(&found), "{}: {found:?}", hazard.id);
                let cured = rules(hazard.base, &[hazard.settings, hazard.remedy]);
                let cured = finding(cured, hazard.environment, hazard.property);
                assert_eq!(cured, Finding::Holds, "{} with its remedy", hazard.id);
            }
            Reality::NotReachable(_) => assert_eq!(found, Finding::Holds, "{}", hazard.id),
            Reality::OutsideTheModel(_) => {}
        }
    }
}

#[test]
fn every_measure_is_needed() {
    for measure in MEASURES {
        let without = rules(Base::Hardened, &[&[(measure.switch, measure.without)]]);
        let found = finding(without, measure.environment, measure.property);
        assert!(is_violated(&found), "{}: {found:?}", measure.id);
        let with = finding(Base::Hardened.rules(), measure.environment, measure.property);
        assert_eq!(with, Finding::Holds, "{}", measure.id);
    }
}

#[test]
fn the_measures_are_what_hardened_has_and_linux_6_12_has_not() {
    let today = Base::named("linux-6.12").unwrap().rules();
    let hardened = Base::Hardened.rules();
    for switch in Rules::SWITCHES {
        let measure = MEASURES.iter().find(|measure| measure.switch == switch.name);
        let differs = today.get(switch.name) != hardened.get(switch.name);
        assert_eq!(measure.is_some(), differs, "{}", switch.name);
        assert!(measure.is_none_or(|measure| today.get(switch.name) == Some(measure.without)), "{}", switch.name);
    }
}

#[test]
fn between_hardened_nodes_a_session_without_members_goes_on_and_a_shutdown_is_answered() {
    for environment in ["regroup", "give-up", "upgrade"] {
        let world = World::new(Environment::named(environment).unwrap().clone(), [Base::Hardened.rules(); 3]);
        let answer = check(&world, &Property::ALL, &Options { threads: 2, ..Options::default() }).unwrap();
        for (property, finding) in answer.findings {
            assert_eq!(finding, Finding::Holds, "{environment}: {}", property.name());
        }
    }
}
