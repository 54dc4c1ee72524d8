//! Rewriting `models.toml`: what came out becomes what must come out.

use midcomms_model::system::{Environment, Property};
use thiserror::Error;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::compare::{Scope, in_words};
use super::models::{Expected, Models, ModelsError};
use super::plan::Standing;
use super::run::Outcome;
use super::subject::{Key, SeedKind, Subject};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The file's new text.
    pub text: String,
    /// Worlds that were not in the file.
    pub added: usize,
    /// Worlds that differ from what was in the file.
    pub changed: usize,
    /// Worlds that are no rows any more.
    pub removed: usize,
    /// Worlds that stay as they were, for a budget ran out.
    pub unknown: Vec<Key>,
}

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The file makes no sense.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The file is no TOML.
    #[error("{file}: {message}")]
    Parse {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// The world is not of the matrix nor of the catalogue.
    #[error("{0}: no row of the matrix or of the catalogue, so the file has no place for it")]
    NoRow(Key),
    /// Verdicts changed, and nobody says why; one line for each.
    #[error("{}\nsay why, with --why TEXT", .0.join("\n"))]
    NoReason(Vec<String>),
}

/// The text of models.toml with what came out. Order and comments stay; new worlds go where they belong.
///
/// # Errors
/// If the file makes no sense, a verdict is not known, or a verdict changed without a reason.
pub fn accept(
    text: &str,
    file: &str,
    outcomes: &[Outcome],
    scope: &Scope<'_>,
    why: Option<&str>,
) -> Result<Accepted, AcceptError> {
    let models = Models::parse(text, file)?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| AcceptError::Parse {
        file: file.to_owned(),
        message: error.to_string(),
    })?;
    let written = document.remove("world").and_then(|item| item.into_array_of_tables().ok()).unwrap_or_default();
    let mut entries: Vec<(Key, Table)> = models.worlds.iter().map(|world| world.key.clone()).zip(written).collect();
    let mut accepted = Accepted { text: String::new(), added: 0, changed: 0, removed: 0, unknown: Vec::new() };
    let mut unexplained = Vec::new();
    for outcome in outcomes {
        if outcome.standing == Standing::AdHoc {
            return Err(AcceptError::NoRow(outcome.key.clone()));
        }
        let Some(got) = Expected::from_outcome(outcome) else {
            accepted.unknown.push(outcome.key.clone());
            continue;
        };
        match (models.of(&outcome.key), entries.iter_mut().find(|(key, _)| *key == outcome.key)) {
            (Some(before), Some((_, table))) => {
                let after = with_reason(before, combined(before, got), why, &mut unexplained);
                accepted.changed += usize::from(after != *before);
                write(table, &after);
            }
            _ => {
                let mut table = Table::new();
                write(&mut table, &got);
                accepted.added += 1;
                entries.push((got.key, table));
            }
        }
    }
    if !unexplained.is_empty() {
        return Err(AcceptError::NoReason(unexplained));
    }
    let before = entries.len();
    entries.retain(|(key, _)| !scope.covers(key) || outcomes.iter().any(|outcome| outcome.key == *key));
    accepted.removed = before - entries.len();
    entries.sort_by_key(|(key, _)| place(key));
    let mut worlds = ArrayOfTables::new();
    for (place, (_, mut table)) in entries.into_iter().enumerate() {
        table.set_position(Some(place as isize + 1));
        worlds.push(table);
    }
    document.insert("world", Item::ArrayOfTables(worlds));
    accepted.text = document.to_string();
    Ok(accepted)
}

/// What is known after a run that asked perhaps less than the file knows.
fn combined(before: &Expected, got: Expected) -> Expected {
    let kept = before.violated.iter().filter(|(property, _)| !got.asked.contains(property));
    let mut violated: Vec<_> = kept.copied().chain(got.violated.iter().copied()).collect();
    violated.sort_unstable();
    let mut asked: Vec<_> = before.asked.iter().chain(&got.asked).copied().collect();
    asked.sort_unstable();
    asked.dedup();
    Expected { violated, asked, why: before.why.clone(), ..got }
}

/// With a reason for the verdicts that changed; without one they are added to what is `unexplained`.
fn with_reason(before: &Expected, after: Expected, why: Option<&str>, unexplained: &mut Vec<String>) -> Expected {
    let flips = Property::ALL.into_iter().filter_map(|property| match (before.of(property), after.of(property)) {
        (Some(was), Some(is)) if was.is_some() != is.is_some() => {
            let (was, is) = (in_words(was), in_words(is));
            Some(format!("{}: {}: was {was}, is {is}", after.key, property.name()))
        }
        _ => None,
    });
    let flips: Vec<String> = flips.collect();
    if flips.is_empty() {
        return after;
    }
    // What explained an earlier change does not explain this one.
    let reason = why.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_none() {
        unexplained.extend(flips);
    }
    Expected { why: reason.map(str::to_owned), ..after }
}

fn write(table: &mut Table, world: &Expected) {
    set(table, "revision", world.key.revision.as_str());
    set(table, "environment", world.key.environment.as_str());
    for kind in SeedKind::ALL {
        if let Some(id) = world.key.seed_of(kind) {
            set(table, kind.name(), id);
        }
    }
    if world.asked == Property::ALL {
        table.remove("asked");
    } else {
        set(table, "asked", world.asked.iter().map(|property| property.name()).collect::<toml_edit::Array>());
    }
    set(table, "states", world.states as i64);
    set(table, "transitions", world.transitions as i64);
    set(table, "depth", i64::from(world.depth));
    let mut violated = InlineTable::new();
    for (property, steps) in &world.violated {
        violated.insert(property.name(), Value::from(*steps as i64));
    }
    set(table, "violated", violated);
    if let Some(why) = &world.why {
        set(table, "why", why.as_str());
    }
}

/// Sets a value and leaves what is written around it, such as a comment behind it.
fn set(table: &mut Table, name: &str, value: impl Into<Value>) {
    let mut value: Value = value.into();
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// Where a world stands in the file: the matrix first, then the catalogue by kind and number.
fn place(key: &Key) -> (usize, usize, usize, usize, String) {
    let kind = key.seed.as_ref().map_or(0, |seed| seed.kind as usize + 1);
    let id = key.seed.as_ref().map(|seed| seed.id.clone()).unwrap_or_default();
    let subjects = Subject::standard();
    let revision = subjects.iter().position(|subject| subject.name == key.revision).unwrap_or(subjects.len());
    let mut environments = Environment::ALL.iter().chain(Environment::DEEP);
    let environment = environments.position(|environment| environment.name == key.environment).unwrap_or(usize::MAX);
    // D2 before D10.
    let matrix_first = if kind == 0 { (revision, environment) } else { (id.len(), 0) };
    (kind, matrix_first.0, matrix_first.1, revision, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::plan::Selection;
    use crate::check::run::Verdict;

    const FILE: &str = "# About this file.\nformat = \"midcomms-models\"\nversion = 1\n\n# The mildest.\n[[world]]\n\
        revision = \"linux-6.12\"\nenvironment = \"mild\"\nstates = 5 # few\ntransitions = 7\ndepth = 3\n\
        violated = { QueueDrains = 6 }\n";

    fn outcome(environment: &str) -> Outcome {
        Outcome {
            key: Key { revision: "linux-6.12".into(), environment: environment.into(), seed: None },
            standing: Standing::Expected,
            states: 9,
            transitions: Some(7),
            depth: Some(3),
            seconds: 0.0,
            unfinished: None,
            verdicts: Property::ALL.map(|property| (property, Verdict::Holds)).to_vec(),
        }
    }

    fn accepted(outcomes: &[Outcome], why: Option<&str>) -> Result<Accepted, AcceptError> {
        accept(FILE, "m.toml", outcomes, &Scope::Nothing, why)
    }

    #[test]
    fn a_changed_verdict_needs_a_reason() {
        for why in [None, Some(""), Some("  ")] {
            let error = accepted(&[outcome("mild")], why).unwrap_err().to_string();
            assert!(error.contains("QueueDrains: was violated in 6 steps, is holds\nsay why"), "{error}");
        }
        let explained = FILE.to_owned() + "why = \"an earlier change\"\n";
        let error = accept(&explained, "m.toml", &[outcome("mild")], &Scope::Nothing, None).unwrap_err().to_string();
        assert!(error.contains("QueueDrains: was violated in 6 steps, is holds\nsay why"), "{error}");
        let text = accepted(&[outcome("mild")], Some("it is acknowledged now")).unwrap().text;
        assert!(text.contains("why = \"it is acknowledged now\"") && text.contains("violated = {}"), "{text}");
    }

    #[test]
    fn comments_stay_and_new_worlds_go_where_they_belong() {
        let accepted = accepted(&[outcome("fence"), outcome("mild")], Some("w")).unwrap();
        let text = &accepted.text;
        assert!(text.starts_with("# About this file.\n") && text.contains("# The mildest.\n[[world]]"), "{text}");
        assert!(text.contains("states = 9 # few\n"), "{text}");
        let models = Models::parse(text, "m.toml").unwrap();
        let order: Vec<&str> = models.worlds.iter().map(|world| world.key.environment.as_str()).collect();
        assert_eq!(order, ["mild", "fence"]);
        assert_eq!((accepted.added, accepted.changed, accepted.removed), (1, 1, 0));
    }

    #[test]
    fn what_was_not_asked_stays_as_it_was() {
        let mut asked = outcome("mild");
        asked.verdicts.retain(|(property, _)| *property == Property::NoLoss);
        let models = Models::parse(&accepted(&[asked], None).unwrap().text, "m.toml").unwrap();
        assert_eq!(models.worlds[0].of(Property::QueueDrains), Some(Some(6)));
        assert_eq!(models.worlds[0].asked, Property::ALL);
    }

    #[test]
    fn a_row_that_is_no_more_goes() {
        let selection = Selection::default();
        let accepted = accept(FILE, "m.toml", &[outcome("fence")], &Scope::Matrix(&selection), None).unwrap();
        assert_eq!(accepted.removed, 1);
        assert!(!accepted.text.contains("mild\""), "{}", accepted.text);
    }

    #[test]
    fn what_is_not_known_is_not_accepted_and_what_is_no_row_neither() {
        let cut = Outcome { unfinished: Some(midcomms_model::engine::Budget::Time), ..outcome("mild") };
        let accepted_cut = accepted(&[cut], Some("w")).unwrap();
        assert_eq!((accepted_cut.text.as_str(), accepted_cut.unknown.len()), (FILE, 1));
        let own = Outcome { standing: Standing::AdHoc, ..outcome("mild") };
        assert!(accepted(&[own], Some("w")).unwrap_err().to_string().contains("no row of the matrix"));
    }
}
