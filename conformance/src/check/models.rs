//! `models.toml`: what must come out of every row of the matrix and of the catalogue.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use midcomms_model::system::Property;
use serde::Deserialize;
use thiserror::Error;

use super::names::unknown;
use super::run::{Outcome, Verdict};
use super::subject::{Key, Seed, SeedKind};

/// What the file calls its format.
pub const MODELS_FORMAT: &str = "midcomms-models";

/// The version of the format that is read and written.
pub const MODELS_VERSION: i64 = 1;

/// The file that this program was built with.
pub const BUILT_IN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/models.toml"));

/// What errors call it.
pub const BUILT_IN_NAME: &str = "model/models.toml (built in)";

/// What must come out, read and checked in itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Models {
    /// The worlds, in the order of the file.
    pub worlds: Vec<Expected>,
}

/// What must come out of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Its name.
    pub key: Key,
    /// The properties asked, in the order of [`Property::ALL`].
    pub asked: Vec<Property>,
    /// Distinct states.
    pub states: u64,
    /// Transitions.
    pub transitions: u64,
    /// Steps to the state that is farthest from the start.
    pub depth: u32,
    /// The properties that do not hold, with the length of the shortest counterexample.
    pub violated: Vec<(Property, usize)>,
    /// Why it is not what it was before.
    pub why: Option<String>,
}

impl Expected {
    /// What must come out for a property: nothing if it is not asked; the steps of the counterexample if it is violated.
    pub fn of(&self, property: Property) -> Option<Option<usize>> {
        let steps = self.violated.iter().find(|(violated, _)| *violated == property).map(|(_, steps)| *steps);
        self.asked.contains(&property).then_some(steps)
    }

    /// What came out, as an expectation; nothing if it is not all known.
    pub fn from_outcome(outcome: &Outcome) -> Option<Expected> {
        let (transitions, depth) = (outcome.transitions?, outcome.depth?);
        let mut violated = Vec::new();
        for (property, verdict) in &outcome.verdicts {
            match verdict {
                Verdict::Holds => {}
                Verdict::Violated(_) => violated.push((*property, verdict.steps()?)),
                Verdict::Incomplete(_) | Verdict::NotChecked => return None,
            }
        }
        (outcome.unfinished.is_none()).then(|| Expected {
            key: outcome.key.clone(),
            asked: outcome.verdicts.iter().map(|(property, _)| *property).collect(),
            states: outcome.states,
            transitions,
            depth,
            violated,
            why: None,
        })
    }
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum ModelsError {
    /// It cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no TOML, or a key is missing, unknown or of the wrong type; the message has line and key.
    #[error("{file}: {message}")]
    Parse {
        /// The file.
        file: String,
        /// Line, key, and what is wrong.
        message: String,
    },
    /// It is of another format or version.
    #[error("{file}: expected format `{MODELS_FORMAT}`, version {MODELS_VERSION}; got `{format}`, version {version}")]
    Version {
        /// The file.
        file: String,
        /// The format that it names.
        format: String,
        /// The version that it names.
        version: i64,
    },
    /// The value of a key makes no sense.
    #[error("{file}: {world}: {message}")]
    Value {
        /// The file.
        file: String,
        /// The entry.
        world: String,
        /// What is wrong with it.
        message: String,
    },
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    world: Vec<WrittenWorld>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWorld {
    revision: String,
    environment: String,
    unmasked: Option<String>,
    defect: Option<String>,
    hazard: Option<String>,
    remedy: Option<String>,
    measure: Option<String>,
    asked: Option<Vec<String>>,
    states: u64,
    transitions: u64,
    depth: u32,
    violated: BTreeMap<String, usize>,
    why: Option<String>,
}

impl Models {
    /// The file that this program was built with.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn built_in() -> Result<Self, ModelsError> {
        Self::parse(BUILT_IN, BUILT_IN_NAME)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or makes no sense.
    pub fn load(path: &Path) -> Result<Self, ModelsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(source) => Err(ModelsError::Read { path: path.to_owned(), source }),
        }
    }

    /// Reads a text; `file` is what errors call it.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn parse(text: &str, file: &str) -> Result<Self, ModelsError> {
        let fail = |error: &toml::de::Error| ModelsError::Parse {
            file: file.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        };
        // The version first: what a later one adds must not be told as a misspelling.
        let Head { format, version } = toml::from_str(text).map_err(|error| fail(&error))?;
        if format != MODELS_FORMAT || version != MODELS_VERSION {
            return Err(ModelsError::Version { file: file.to_owned(), format, version });
        }
        let written: Written = toml::from_str(text).map_err(|error| fail(&error))?;
        let (mut worlds, mut keys) = (Vec::new(), HashSet::new());
        for world in written.world {
            let name = format!("{}, {}", world.revision, world.environment);
            let value = |message| ModelsError::Value { file: file.to_owned(), world: name.clone(), message };
            let expected = world.checked().map_err(value)?;
            if !keys.insert(expected.key.clone()) {
                return Err(value("two entries are of this world".to_owned()));
            }
            worlds.push(expected);
        }
        Ok(Self { worlds })
    }

    /// What must come out of a world.
    pub fn of(&self, key: &Key) -> Option<&Expected> {
        self.worlds.iter().find(|world| world.key == *key)
    }
}

impl WrittenWorld {
    fn checked(self) -> Result<Expected, String> {
        let ids = [self.unmasked, self.defect, self.hazard, self.remedy, self.measure];
        let mut seeds = SeedKind::ALL.into_iter().zip(ids).filter_map(|(kind, id)| id.map(|id| Seed { kind, id }));
        let seed = seeds.next();
        if let (Some(first), Some(second)) = (&seed, seeds.next()) {
            return Err(format!("both `{}` and `{}`: at most one is possible", first.kind.name(), second.kind.name()));
        }
        let asked = match self.asked {
            None => Property::ALL.to_vec(),
            Some(names) => names.iter().map(|name| property(name)).collect::<Result<_, _>>()?,
        };
        let mut violated = Vec::new();
        for (name, steps) in &self.violated {
            let property = property(name)?;
            if !asked.contains(&property) {
                return Err(format!("`{name}` is violated and not asked"));
            }
            violated.push((property, *steps));
        }
        violated.sort_unstable();
        if self.why.as_ref().is_some_and(|why| why.trim().is_empty()) {
            return Err("`why` is empty: say why, or leave it out".to_owned());
        }
        Ok(Expected {
            key: Key { revision: self.revision, environment: self.environment, seed },
            asked,
            states: self.states,
            transitions: self.transitions,
            depth: self.depth,
            violated,
            why: self.why,
        })
    }
}

fn property(name: &str) -> Result<Property, String> {
    Property::named(name).ok_or_else(|| unknown("property", name, Property::ALL.map(Property::name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format = \"midcomms-models\"\nversion = 1\n";
    const WORLD: &str = "[[world]]\nrevision = \"linux-6.12\"\nenvironment = \"mild\"\nstates = 5\ntransitions = 7\n\
                         depth = 3\nviolated = { QueueDrains = 6 }\n";

    fn error_of(text: &str) -> String {
        Models::parse(text, "m.toml").unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_listed_as_violated_holds() {
        let models = Models::parse(&format!("{HEAD}{WORLD}"), "m.toml").unwrap();
        let [world] = &models.worlds[..] else { panic!("{models:?}") };
        assert_eq!(world.of(Property::QueueDrains), Some(Some(6)));
        assert_eq!(world.of(Property::NoLoss), Some(None));
    }

    #[test]
    fn what_is_not_asked_is_not_known() {
        let models = Models::parse(&format!("{HEAD}{WORLD}asked = [\"QueueDrains\"]\n"), "m.toml").unwrap();
        assert_eq!(models.worlds[0].of(Property::NoLoss), None);
    }

    #[test]
    fn bad_files_are_refused_with_file_and_place() {
        for (text, wanted) in [
            ("", "format"),
            ("format = \"midcomms-mod", "line 1"),
            ("format = \"menu\"\nversion = 1\n", "got `menu`"),
            ("format = \"midcomms-models\"\nversion = 2\nnew = 1\n", "version 2"),
            (&format!("{HEAD}surprise = 1\n"), "surprise"),
            (&format!("{HEAD}[[world]]\nrevision = \"linux-6.12\"\n"), "environment"),
            (&format!("{HEAD}{WORLD}{WORLD}"), "two entries"),
            (&format!("{HEAD}{WORLD}defect = \"D1\"\nmeasure = \"HRD-1\"\n"), "at most one"),
            (&format!("{HEAD}{WORLD}asked = [\"QueueDrain\"]\n"), "did you mean `QueueDrains`"),
            (&format!("{HEAD}{WORLD}asked = [\"NoLoss\"]\n"), "not asked"),
            (&format!("{HEAD}{WORLD}why = \" \"\n"), "`why` is empty"),
        ] {
            let error = error_of(text);
            assert!(error.starts_with("m.toml: ") && error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_told_with_its_path() {
        let error = Models::load(Path::new("no-such-file.toml")).unwrap_err();
        assert!(error.to_string().starts_with("no-such-file.toml: "));
    }

    #[test]
    fn the_built_in_file_is_good() {
        Models::built_in().unwrap();
    }
}
