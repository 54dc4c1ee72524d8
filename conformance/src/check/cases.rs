//! Defects, hazards and measures: what is explored for each, and what that must show.

use midcomms_model::catalogue::{DEFECTS, Defect, HAZARDS, Hazard, MEASURES, Measure, Reality, Setting};
use midcomms_model::rules::{Base, SwitchError};
use midcomms_model::system::{Environment, Property};
use thiserror::Error;

use super::compare::told;
use super::plan::{Standing, Task};
use super::run::{Outcome, Verdict};
use super::subject::{Key, Seed, SeedKind, Subject};

/// An entry of the catalogue and the rows that show it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its number.
    pub id: &'static str,
    /// What it is, in a sentence.
    pub text: String,
    /// What is to be said besides.
    pub note: &'static str,
    /// The rules that it is about.
    pub base: Base,
    /// The environment.
    pub environment: &'static str,
    /// The property.
    pub property: Property,
    /// Why there is nothing to explore, or nothing to find.
    pub because: Option<&'static str>,
    /// The rows, and what must come out of them: first that which is the entry's point.
    pub claims: Vec<Claim>,
}

/// What must come out of a row.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The row.
    pub task: Task,
    /// Whether the property must be violated there.
    pub is_violated: bool,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// [`Case::id`].
    pub id: &'static str,
    /// [`Case::text`].
    pub text: String,
    /// [`Case::note`].
    pub note: &'static str,
    /// The revision's name.
    pub revision: &'static str,
    /// [`Case::environment`].
    pub environment: &'static str,
    /// [`Case::property`].
    pub property: Property,
    /// What was found, in words.
    pub result: String,
    /// Steps of the counterexample that is the entry's point.
    pub steps: Option<usize>,
    /// Whether every claim came true; nothing if a budget ran out first.
    pub passed: Option<bool>,
    /// What did not come true.
    pub faults: Vec<String>,
}

/// Why the catalogue cannot be checked.
#[derive(Debug, Error)]
pub enum CaseError {
    /// A switch or a value does not exist.
    #[error("{0}: {1}")]
    Switch(&'static str, SwitchError),
    /// The environment does not exist.
    #[error("{0}: no environment is called `{1}`")]
    Environment(&'static str, &'static str),
}

/// What is common to the entries of the catalogue.
struct Place {
    id: &'static str,
    base: Base,
    environment: &'static str,
    property: Property,
}

impl Place {
    /// The row with some switches set.
    fn claim(&self, kind: SeedKind, settings: &[Setting], is_violated: bool) -> Result<Claim, CaseError> {
        let missing = CaseError::Environment(self.id, self.environment);
        let environment = Environment::named(self.environment).ok_or(missing)?;
        let subject = Subject::of_base(self.base).with(settings).map_err(|error| CaseError::Switch(self.id, error))?;
        // Where nothing is set, it is a row of the matrix.
        let seed = (!settings.is_empty()).then(|| Seed { kind, id: self.id.to_owned() });
        let mut task = Task::new(&subject, environment, &[self.property], seed);
        task.standing = Standing::Expected;
        Ok(Claim { task, is_violated })
    }

    fn case(self, text: String, note: &'static str, because: Option<&'static str>, claims: Vec<Claim>) -> Case {
        let Place { id, base, environment, property } = self;
        Case { id, text, note, base, environment, property, because, claims }
    }
}

/// The historic defects: each must be found, and without it the property must hold.
///
/// # Errors
/// If the catalogue names what does not exist.
pub fn defects() -> Result<Vec<Case>, CaseError> {
    DEFECTS.iter().map(defect).collect()
}

fn defect(defect: &Defect) -> Result<Case, CaseError> {
    let Defect { id, base, environment, property, .. } = *defect;
    let place = Place { id, base, environment, property };
    let seeded = [defect.unmasked, defect.settings].concat();
    let claims =
        vec![place.claim(SeedKind::Defect, &seeded, true)?, place.claim(SeedKind::Unmasked, defect.unmasked, false)?];
    Ok(place.case(defect.text.to_owned(), defect.note, None, claims))
}

/// The hazards: each is what the catalogue says it is.
///
/// # Errors
/// If the catalogue names what does not exist.
pub fn hazards() -> Result<Vec<Case>, CaseError> {
    HAZARDS.iter().map(hazard).collect()
}

fn hazard(hazard: &Hazard) -> Result<Case, CaseError> {
    let Hazard { id, base, environment, property, .. } = *hazard;
    let place = Place { id, base, environment, property };
    let remedied = [hazard.settings, hazard.remedy].concat();
    let (because, claims) = match hazard.reality {
        Reality::Real => (
            None,
            vec![
                place.claim(SeedKind::Hazard, hazard.settings, true)?,
                place.claim(SeedKind::Remedy, &remedied, false)?,
            ],
        ),
        Reality::NotReachable(why) => (Some(why), vec![place.claim(SeedKind::Hazard, hazard.settings, false)?]),
        Reality::OutsideTheModel(why) => (Some(why), Vec::new()),
    };
    Ok(place.case(hazard.text.to_owned(), "", because, claims))
}

/// The measures: each is needed, and with all of them the property holds.
///
/// # Errors
/// If the catalogue names what does not exist.
pub fn measures() -> Result<Vec<Case>, CaseError> {
    MEASURES.iter().map(measure).collect()
}

fn measure(measure: &Measure) -> Result<Case, CaseError> {
    let Measure { id, environment, property, .. } = *measure;
    let place = Place { id, base: Base::Hardened, environment, property };
    let claims = vec![
        place.claim(SeedKind::Measure, &[(measure.switch, measure.without)], true)?,
        place.claim(SeedKind::Measure, &[], false)?,
    ];
    let with = Base::Hardened.rules().get(measure.switch).unwrap_or("?");
    Ok(place.case(format!("{} is {with} and not {}", measure.switch, measure.without), "", None, claims))
}

impl Case {
    /// What the outcomes say of it.
    pub fn judge(&self, outcomes: &[Outcome]) -> CaseReport {
        let verdict_of = |key: &Key| {
            let outcome = outcomes.iter().find(|outcome| outcome.key == *key);
            outcome.and_then(|outcome| outcome.verdict(self.property))
        };
        let (mut faults, mut is_known) = (Vec::new(), true);
        for Claim { task, is_violated } in &self.claims {
            match verdict_of(&task.key) {
                Some(Verdict::Holds) if !is_violated => {}
                Some(Verdict::Violated(_)) if *is_violated => {}
                Some(Verdict::Incomplete(_) | Verdict::NotChecked) | None => is_known = false,
                Some(verdict) => {
                    let expected = if *is_violated { "violated" } else { "holds" };
                    faults.push(format!("{}: expected {expected}, got {}", task.key.rules(), told(verdict)));
                }
            }
        }
        let point = self.claims.first().and_then(|claim| verdict_of(&claim.task.key));
        CaseReport {
            id: self.id,
            text: self.text.clone(),
            note: self.note,
            revision: self.base.name(),
            environment: self.environment,
            property: self.property,
            result: self.result(point),
            steps: point.and_then(Verdict::steps),
            passed: if faults.is_empty() { is_known.then_some(true) } else { Some(false) },
            faults,
        }
    }

    fn result(&self, point: Option<&Verdict>) -> String {
        match (self.because, point) {
            (Some(why), None) => format!("outside the model: {why}"),
            (Some(why), Some(Verdict::Holds)) => format!("not reachable, because {why}"),
            (_, Some(verdict)) => told(verdict),
            (None, None) => "not explored".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::run::{Engine, Limits, run};

    fn report(case: &Case) -> CaseReport {
        let explored = |claim: &Claim| run(&claim.task, Engine::Own, &Limits::default(), None, &|_| ()).unwrap();
        case.judge(&case.claims.iter().map(explored).collect::<Vec<_>>())
    }

    #[test]
    fn the_catalogue_names_nothing_that_does_not_exist() {
        assert_eq!(defects().unwrap().len(), DEFECTS.len());
        assert_eq!(hazards().unwrap().len(), HAZARDS.len());
        assert_eq!(measures().unwrap().len(), MEASURES.len());
    }

    const IDLE: Hazard = Hazard {
        id: "H7",
        text: "an idle send queue never drains",
        base: Base::Linux(midcomms_model::Revision::Linux6_12),
        settings: &[],
        remedy: &[("idle-ack", "on")],
        environment: "mild",
        property: Property::QueueDrains,
        reality: Reality::Real,
    };

    #[test]
    fn a_real_hazard_has_a_counterexample_and_a_remedy() {
        let report = report(&hazard(&IDLE).unwrap());
        assert_eq!((report.passed, report.faults.len()), (Some(true), 0));
        assert!(report.steps.is_some());
    }

    #[test]
    fn a_hazard_that_is_reachable_after_all_is_a_fault() {
        let report = report(&hazard(&Hazard { reality: Reality::NotReachable("of luck"), ..IDLE }).unwrap());
        assert_eq!(report.passed, Some(false));
        assert!(report.faults[0].contains("expected holds, got violated"), "{report:?}");
    }

    #[test]
    fn a_defect_that_is_not_found_is_a_fault() {
        let harmless = Defect {
            id: "D0",
            text: "nothing",
            base: Base::Hardened,
            unmasked: &[],
            settings: &[("commits", "on")],
            environment: "mild",
            property: Property::NoLoss,
            note: "",
        };
        let report = report(&defect(&harmless).unwrap());
        assert_eq!(report.faults, ["hardened with D0: expected violated, got holds"]);
    }

    #[test]
    fn what_no_model_covers_passes_without_a_row() {
        let outside = Hazard { reality: Reality::OutsideTheModel("it has no memory"), ..IDLE };
        let report = report(&hazard(&outside).unwrap());
        assert_eq!((report.passed, report.result.as_str()), (Some(true), "outside the model: it has no memory"));
    }
}
