//! What came out against what must come out.

use std::fmt;

use midcomms_model::system::Property;

use super::models::{Expected, Models};
use super::plan::{Selection, Standing, Task};
use super::run::{Engine, Outcome, Verdict};
use super::subject::{Key, SeedKind};

/// Something is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The world.
    pub key: Key,
    /// The property, unless it is about the world as a whole.
    pub property: Option<Property>,
    /// What is compared.
    pub what: &'static str,
    /// What must come out.
    pub expected: String,
    /// What came out.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key)?;
        if let Some(property) = self.property {
            write!(f, "{}: ", property.name())?;
        }
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.got)
    }
}

/// Which rows of models.toml a run must cover.
#[derive(Clone, Debug)]
pub enum Scope<'a> {
    /// Those of the matrix that are selected.
    Matrix(&'a Selection),
    /// Those of the catalogue, of these kinds.
    Catalogue(&'a [SeedKind]),
    /// None: what is run is not in the file.
    Nothing,
}

impl Scope<'_> {
    /// Whether a world of models.toml belongs to the run.
    pub fn covers(&self, key: &Key) -> bool {
        match self {
            Scope::Matrix(selection) => selection.covers(key),
            Scope::Catalogue(kinds) => key.seed.as_ref().is_some_and(|seed| kinds.contains(&seed.kind)),
            Scope::Nothing => false,
        }
    }
}

/// Everything that is not as expected, in the order of the outcomes; then the rows that were expected and not run.
pub fn compare(outcomes: &[Outcome], models: &Models, engine: Engine, scope: &Scope<'_>) -> Vec<Difference> {
    let mut differences: Vec<Difference> =
        outcomes.iter().flat_map(|outcome| of_outcome(outcome, models.of(&outcome.key), engine)).collect();
    let was_run = |key: &Key| outcomes.iter().any(|outcome| outcome.key == *key);
    let missing = models.worlds.iter().filter(|world| scope.covers(&world.key) && !was_run(&world.key));
    differences.extend(missing.map(|world| Difference {
        key: world.key.clone(),
        property: None,
        what: "row",
        expected: "one, as models.toml has it".to_owned(),
        got: "none: it was not run".to_owned(),
    }));
    differences
}

fn of_outcome(outcome: &Outcome, expected: Option<&Expected>, engine: Engine) -> Vec<Difference> {
    let Some(expected) = expected else {
        let difference = Difference {
            key: outcome.key.clone(),
            property: None,
            what: "row",
            expected: "an entry in models.toml (--accept writes it)".to_owned(),
            got: "none".to_owned(),
        };
        return (outcome.standing == Standing::Expected).then_some(difference).into_iter().collect();
    };
    let mut differences = if outcome.unfinished.is_none() { counts(outcome, expected, engine) } else { Vec::new() };
    for (property, verdict) in &outcome.verdicts {
        let Some(steps) = expected.of(*property) else { continue };
        if !is_as_expected(verdict, steps, outcome.unfinished.is_some()) {
            differences.push(Difference {
                key: outcome.key.clone(),
                property: Some(*property),
                what: "verdict",
                expected: in_words(steps),
                got: told(verdict),
            });
        }
    }
    differences
}

/// Whether a verdict is the expected one. A search that a budget cut may have found a longer way round; and what it did
/// not find, it is not blamed for: the row is incomplete.
fn is_as_expected(verdict: &Verdict, expected: Option<usize>, is_cut: bool) -> bool {
    match (verdict, expected) {
        (Verdict::Holds, None) | (Verdict::Incomplete(_) | Verdict::NotChecked, _) => true,
        (Verdict::Violated(_), Some(steps)) => is_cut || verdict.steps().is_none_or(|got| got == steps),
        (Verdict::Holds, Some(_)) | (Verdict::Violated(_), None) => false,
    }
}

fn counts(outcome: &Outcome, expected: &Expected, engine: Engine) -> Vec<Difference> {
    let mut pairs = vec![("states", expected.states, Some(outcome.states))];
    if engine == Engine::Own {
        pairs.push(("transitions", expected.transitions, outcome.transitions));
        pairs.push(("depth", u64::from(expected.depth), outcome.depth.map(u64::from)));
    }
    let differing = pairs.into_iter().filter(|(_, expected, got)| got.is_some_and(|got| got != *expected));
    differing
        .map(|(what, expected, got)| Difference {
            key: outcome.key.clone(),
            property: None,
            what,
            expected: expected.to_string(),
            got: got.unwrap_or_default().to_string(),
        })
        .collect()
}

/// An expected verdict.
pub fn in_words(steps: Option<usize>) -> String {
    steps.map_or("holds".to_owned(), |steps| format!("violated in {steps} steps"))
}

/// A verdict.
pub fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Incomplete(budget) => format!("incomplete: {budget} ran out"),
        Verdict::NotChecked => "not checked by this engine".to_owned(),
        Verdict::Holds => in_words(None),
        Verdict::Violated(None) => "violated".to_owned(),
        Verdict::Violated(Some(counterexample)) => in_words(Some(counterexample.steps())),
    }
}

/// One task a world: the properties that several ask of it together.
pub fn merged(tasks: Vec<Task>) -> Vec<Task> {
    let mut merged: Vec<Task> = Vec::new();
    for task in tasks {
        match merged.iter_mut().find(|other| other.key == task.key) {
            None => merged.push(task),
            Some(other) => {
                other.properties.extend(task.properties);
                other.properties.sort_unstable();
                other.properties.dedup();
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use midcomms_model::engine::Budget;
    use midcomms_model::system::check::Counterexample;

    use super::*;

    fn key(environment: &str) -> Key {
        Key { revision: "linux-6.12".into(), environment: environment.into(), seed: None }
    }

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome {
            key: key("mild"),
            standing: Standing::Expected,
            states: 5,
            transitions: Some(7),
            depth: Some(3),
            seconds: 0.0,
            unfinished: matches!(verdict, Verdict::Incomplete(_)).then_some(Budget::States),
            verdicts: vec![(Property::QueueDrains, verdict)],
        }
    }

    fn violated(steps: usize) -> Verdict {
        let action = midcomms_model::system::action::Action {
            kind: midcomms_model::system::action::ActionKind::LinkBreaks,
            node: 0,
            peer: 1,
            choice: 0,
        };
        Verdict::Violated(Some(Counterexample { prefix: vec![action; steps], cycle: Vec::new() }))
    }

    fn models(steps: Option<usize>) -> Models {
        let violated = steps.map(|steps| (Property::QueueDrains, steps)).into_iter().collect();
        let asked = vec![Property::QueueDrains];
        Models {
            worlds: vec![Expected {
                key: key("mild"),
                asked,
                states: 5,
                transitions: 7,
                depth: 3,
                violated,
                why: None,
            }],
        }
    }

    fn told_of(outcome: Outcome, models: &Models) -> Vec<String> {
        let selection = Selection::default();
        let all = compare(&[outcome], models, Engine::Own, &Scope::Matrix(&selection));
        all.iter().map(Difference::to_string).collect()
    }

    #[test]
    fn what_is_as_expected_is_not_told() {
        assert!(told_of(outcome(Verdict::Holds), &models(None)).is_empty());
        assert!(told_of(outcome(violated(6)), &models(Some(6))).is_empty());
    }

    #[test]
    fn a_difference_names_row_expected_and_got() {
        assert_eq!(
            told_of(outcome(Verdict::Holds), &models(Some(6))),
            ["linux-6.12, mild: QueueDrains: verdict: expected violated in 6 steps, got holds"]
        );
        assert_eq!(
            told_of(outcome(violated(7)), &models(Some(6))),
            ["linux-6.12, mild: QueueDrains: verdict: expected violated in 6 steps, got violated in 7 steps"]
        );
        assert_eq!(
            told_of(Outcome { states: 6, ..outcome(Verdict::Holds) }, &models(None)),
            ["linux-6.12, mild: states: expected 5, got 6"]
        );
    }

    #[test]
    fn a_cut_run_is_blamed_for_what_it_found_and_not_for_what_it_did_not() {
        let cut = |verdict| Outcome { unfinished: Some(Budget::States), states: 2, ..outcome(verdict) };
        assert!(told_of(cut(Verdict::Incomplete(Budget::States)), &models(Some(6))).is_empty());
        assert!(told_of(cut(violated(9)), &models(Some(6))).is_empty());
        assert_eq!(told_of(cut(violated(9)), &models(None)).len(), 1);
    }

    #[test]
    fn a_row_that_nobody_expected_and_a_row_that_nobody_ran_are_differences() {
        let none = Models::default();
        assert!(told_of(outcome(Verdict::Holds), &none)[0].contains("--accept"));
        let mut more = models(None);
        let other = Expected { key: key("fence"), ..more.worlds[0].clone() };
        more.worlds.push(other);
        let told = told_of(outcome(Verdict::Holds), &more);
        assert_eq!(told, ["linux-6.12, fence: row: expected one, as models.toml has it, got none: it was not run"]);
    }
}
