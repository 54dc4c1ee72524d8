//! `midcomms.toml`: which steps, with which budgets, and what is waived.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use midcomms_model::system::Environment;
use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};
use toml_edit::Document;

use super::schema::{self, Key, Kind, Wrong};
use crate::check::Subject;
use crate::check::names::unknown;

/// The name of the file.
pub const CONFIG_FILE: &str = "midcomms.toml";
/// The version that is read.
pub const CONFIG_VERSION: i64 = 1;
/// The profile that is run where none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// The file that this program was built with.
const BUILT_IN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../midcomms.toml"));
const BUILT_IN_NAME: &str = "midcomms.toml (built in)";

/// A step of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// The matrix of the model checker.
    Check,
    /// Defects, hazards and measures.
    Catalogue,
    /// Captures of real kernels against the manifest.
    Corpus,
    /// Traces that must be refused.
    Rejected,
    /// Traces of one's own, which must be accepted.
    Replay,
    /// The implementation recorded in scenarios, and replayed.
    Record,
    /// Paths of the model driven into the implementation.
    Drive,
    /// What all that has exercised.
    Coverage,
}

impl StepName {
    /// Every step, in the order in which they are run: the quickest first.
    pub const ALL: [Self; 8] = [
        Self::Corpus,
        Self::Rejected,
        Self::Replay,
        Self::Record,
        Self::Drive,
        Self::Check,
        Self::Catalogue,
        Self::Coverage,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Catalogue => "catalogue",
            Self::Corpus => "corpus",
            Self::Rejected => "rejected",
            Self::Replay => "replay",
            Self::Record => "record",
            Self::Drive => "drive",
            Self::Coverage => "coverage",
        }
    }
}

/// What may cost what, and what is run. Fields are the keys of the file; [`keys`] says what they mean.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Profile {
    /// The steps.
    pub steps: Vec<StepName>,
    /// Nothing more is begun after the first failure.
    pub fail_fast: bool,
    /// `[check]`
    pub check: Check,
    /// `[catalogue]`
    pub catalogue: Catalogue,
    /// `[corpus]`
    pub corpus: Corpus,
    /// `[replay]`
    pub replay: Replay,
    /// `[record]`
    pub record: Record,
    /// `[drive]`
    pub drive: Drive,
    /// `[coverage]`
    pub coverage: Coverage,
}

/// The model checker's matrix.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Check {
    /// Whose rules; all of the matrix where it is empty.
    pub revisions: Vec<String>,
    /// Environments; all but the deep ones where it is empty.
    pub environments: Vec<String>,
    /// Distinct states of one world.
    pub max_states: Option<u64>,
    /// Memory for one world, in MiB.
    pub max_memory_mib: Option<u64>,
    /// Time for one world, in seconds.
    pub max_seconds: Option<u64>,
}

/// The catalogue.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Catalogue {
    /// Which of defects, hazards and measures.
    pub kinds: Vec<String>,
}

/// The corpus.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Corpus {
    /// The directory with MANIFEST.toml.
    pub traces: String,
    /// Captures of kernels and recordings that there must be at least.
    pub accepted_at_least: usize,
    /// Rejected traces that there must be at least.
    pub rejected_at_least: usize,
}

/// Traces of one's own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Replay {
    /// Files and directories.
    pub paths: Vec<String>,
    /// Revisions that every node may speak; any where it is empty.
    pub revisions: Vec<String>,
    /// Whether a stall fails.
    pub strict: bool,
    /// Whether what was named is one run: each path's files are read together.
    pub together: bool,
}

/// Recordings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Record {
    /// Scenarios; all where it is empty.
    pub scenarios: Vec<String>,
    /// Scenarios that are played over real sockets, too.
    pub sockets: Vec<String>,
    /// Seeds of each.
    pub seeds: u64,
}

/// Driving.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Drive {
    /// Environments whose every transition is driven; all but the deep ones where it is empty.
    pub environments: Vec<String>,
    /// Random walks.
    pub walks: u64,
    /// Walks through thresholds, timers and limits.
    pub policy: u64,
    /// Actions of each.
    pub steps: u64,
}

/// Coverage.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Coverage {
    /// The file with the exceptions; the one that the program was built with where it is empty.
    pub exceptions: String,
    /// Per cent of the drivable transitions that must be driven.
    pub transitions: u64,
}

/// Something that is known to be wrong and does not count until a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// The rule that is broken; `*` and `?` stand for other characters.
    pub rule: String,
    /// The trace, world or scenario, likewise.
    pub trace: String,
    /// Why it does not count.
    pub reason: String,
    /// The last day on which it does not count.
    pub expires: NaiveDate,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The name of the profile.
    pub name: String,
    /// The profile.
    pub profile: Profile,
    /// What is waived.
    pub waivers: Vec<Waiver>,
    /// The directory that paths of the file are relative to.
    pub directory: PathBuf,
    /// What it came from, for people.
    pub source: String,
    /// The profile as it is in force, to be shown.
    shown: Table,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It makes no sense; a line for each fault.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
}

fn environments() -> Vec<String> {
    Environment::ALL.iter().chain(Environment::DEEP).map(|environment| environment.name.to_owned()).collect()
}

fn subjects() -> Vec<String> {
    Subject::standard().into_iter().map(|subject| subject.name).collect()
}

fn revisions() -> Vec<String> {
    midcomms_model::Revision::ALL.iter().map(ToString::to_string).collect()
}

fn steps() -> Vec<String> {
    StepName::ALL.iter().map(|step| step.name().to_owned()).collect()
}

fn kinds() -> Vec<String> {
    ["defects", "hazards", "measures"].map(str::to_owned).to_vec()
}

const CHECK: &[Key] = &[
    Key::new("revisions", Kind::Names(subjects), "whose rules; empty: the whole matrix"),
    Key::new("environments", Kind::Names(environments), "what surrounds the nodes; empty: all but the deep ones"),
    Key::new(
        "max-states",
        Kind::Number(1, i64::MAX),
        "distinct states of one world; beyond it the world is incomplete",
    ),
    Key::new("max-memory-mib", Kind::Number(1, i64::MAX), "memory for one world, in MiB; likewise"),
    Key::new("max-seconds", Kind::Number(1, i64::MAX), "time for one world, in seconds; likewise"),
];

const REPLAY: &[Key] = &[
    Key::new("paths", Kind::Texts, "captures, native traces and directories of them, from the directory of this file"),
    Key::new("revisions", Kind::Names(revisions), "revisions that every node may speak; empty: any"),
    Key::new("strict", Kind::Switch, "a stall fails"),
    Key::new("together", Kind::Switch, "the files of each path are of one run and are read together"),
];

const PROFILE: &[Key] = &[
    Key::new("steps", Kind::Names(steps), "what is done; always in the order of this list"),
    Key::new("fail-fast", Kind::Switch, "nothing more is begun after the first failure"),
    Key::new("check", Kind::Table(CHECK), "the model against model/models.toml"),
    Key::new(
        "catalogue",
        Kind::Table(&[Key::new("kinds", Kind::Names(kinds), "what must be found, and what must be needed")]),
        "defects, hazards and measures",
    ),
    Key::new(
        "corpus",
        Kind::Table(&[
            Key::new("traces", Kind::Text, "the directory with MANIFEST.toml"),
            Key::new(
                "accepted-at-least",
                Kind::Number(0, 1_000_000),
                "captures of kernels and recordings that there must be",
            ),
            Key::new("rejected-at-least", Kind::Number(0, 1_000_000), "rejected traces that there must be"),
        ]),
        "the traces of the steps corpus and rejected",
    ),
    Key::new("replay", Kind::Table(REPLAY), "traces of your own program or cluster, each of which must be accepted"),
    Key::new(
        "record",
        Kind::Table(&[
            Key::new("scenarios", Kind::Texts, "names, as `midcomms record --list` prints them; empty: all"),
            Key::new("seeds", Kind::Number(1, 1_000_000), "fresh seeds of each scenario"),
            Key::new("sockets", Kind::Texts, "names of scenarios that are played once over loopback sockets, too"),
        ]),
        "the implementation recorded in simulation and over sockets, and replayed",
    ),
    Key::new(
        "drive",
        Kind::Table(&[
            Key::new(
                "environments",
                Kind::Names(environments),
                "driven through every transition; empty: all but the deep ones",
            ),
            Key::new("walks", Kind::Number(0, 1_000_000), "random walks in the other environments, together"),
            Key::new(
                "policy",
                Kind::Number(0, 1_000_000),
                "random walks through thresholds, timers and limits, against an account of them",
            ),
            Key::new("steps", Kind::Number(1, 1_000_000), "actions of each walk"),
        ]),
        "paths of the model driven into the implementation",
    ),
    Key::new(
        "coverage",
        Kind::Table(&[
            Key::new(
                "exceptions",
                Kind::Text,
                "the file with what is never exercised and why; empty: the built-in one",
            ),
            Key::new("transitions", Kind::Number(0, 100), "per cent of the drivable transitions that must be driven"),
        ]),
        "what the steps before have exercised",
    ),
];

const WAIVE: &[Key] = &[
    Key::new("rule", Kind::Text, "the rule or property that is broken; * and ? stand for other characters").needed(),
    Key::new("trace", Kind::Text, "the trace, world or scenario; likewise").needed(),
    Key::new("reason", Kind::Text, "why it does not count").needed(),
    Key::new("expires", Kind::Date, "the last day on which it does not count; then the gate is red").needed(),
];

const FILE: &[Key] = &[
    Key::new("version", Kind::Number(CONFIG_VERSION, CONFIG_VERSION), "the version of this format: 1").needed(),
    Key::new(
        "profile",
        Kind::Named(PROFILE),
        "what is done under --profile NAME; what it does not say is as in default",
    ),
    Key::new("waive", Kind::Tables(WAIVE), "something known to be wrong that must not hold up a merge for now"),
];

/// Every key with its meaning, for people.
pub fn keys() -> String {
    schema::document(FILE)
}

impl Config {
    /// Reads a file, or takes the built-in one, and chooses a profile.
    ///
    /// # Errors
    /// If it cannot be read or makes no sense, or has no such profile.
    pub fn load(path: Option<&Path>, profile: &str) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            // Paths of the built-in file are those of the workspace that the program was built from.
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
            return Self::parse(BUILT_IN, BUILT_IN_NAME, directory, profile);
        };
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&text, &path.display().to_string(), directory, profile)
    }

    /// Reads a text; `source` is what errors call it.
    ///
    /// # Errors
    /// If it makes no sense, or has no such profile.
    pub fn parse(text: &str, source: &str, directory: &Path, profile: &str) -> Result<Self, ConfigError> {
        let wrong = |(span, message): Wrong| match span {
            Some(span) => {
                let before = text.get(..span.start).unwrap_or(text);
                format!("{source}:{}: {message}", before.matches('\n').count() + 1)
            }
            None => format!("{source}: {message}"),
        };
        let document = Document::parse(text)
            .map_err(|error| ConfigError::Wrong(vec![wrong((error.span(), error.message().to_owned()))]))?;
        let faults = schema::faults(&document, FILE);
        if !faults.is_empty() {
            return Err(ConfigError::Wrong(faults.into_iter().map(wrong).collect()));
        }
        let fault = |message: String| ConfigError::Wrong(vec![format!("{source}: {message}")]);
        let mut file: Table = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
        let shown = in_force(&mut file, profile).map_err(&fault)?;
        let chosen: Profile = Value::Table(shown.clone()).try_into().map_err(|error| fault(error.to_string()))?;
        if chosen.steps.is_empty() {
            return Err(fault(format!("profile.{profile}.steps: is empty, so nothing would be checked")));
        }
        let waivers = waivers(&file).map_err(&fault)?;
        Ok(Self {
            name: profile.to_owned(),
            profile: chosen,
            waivers,
            directory: directory.to_owned(),
            source: source.to_owned(),
            shown,
        })
    }

    /// A path of the file, from where the program runs.
    pub fn path(&self, written: &str) -> PathBuf {
        self.directory.join(written)
    }

    /// What is in force, as TOML.
    pub fn show(&self) -> String {
        let profile = Table::from_iter([(self.name.clone(), Value::Table(self.shown.clone()))]);
        let all = Table::from_iter([
            ("version".to_owned(), Value::Integer(CONFIG_VERSION)),
            ("profile".to_owned(), Value::Table(profile)),
        ]);
        format!("# From {}\n{all}", self.source)
    }

    /// Whether a step is to be done.
    pub fn has(&self, step: StepName) -> bool {
        self.profile.steps.contains(&step)
    }
}

/// The built-in default, below the file's default, below the profile itself.
fn in_force(file: &mut Table, profile: &str) -> Result<Table, String> {
    let built_in: Table = toml::from_str(BUILT_IN).map_err(|error| error.to_string())?;
    let named = |table: &Table, name: &str| Some(table.get("profile")?.get(name)?.as_table()?.clone());
    let mut all = named(&built_in, DEFAULT_PROFILE).unwrap_or_default();
    lay_over(&mut all, named(file, DEFAULT_PROFILE).unwrap_or_default());
    match named(file, profile) {
        Some(own) if profile != DEFAULT_PROFILE => lay_over(&mut all, own),
        None if profile != DEFAULT_PROFILE => {
            let profiles = file.get("profile").and_then(Value::as_table);
            let others =
                profiles.into_iter().flat_map(Table::keys).map(String::as_str).filter(|it| *it != DEFAULT_PROFILE);
            let known = [DEFAULT_PROFILE].into_iter().chain(others);
            return Err(unknown("profile", profile, known));
        }
        _ => {}
    }
    Ok(all)
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// What is waived; the schema has seen to the types, but not to whether such a day exists.
fn waivers(file: &Table) -> Result<Vec<Waiver>, String> {
    let all = file.get("waive").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().map(waiver).collect()
}

fn waiver(from: &Value) -> Result<Waiver, String> {
    let text = |key: &str| from.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let written = from.get("expires").and_then(Value::as_datetime).and_then(|moment| moment.date);
    let (rule, trace, reason) = (text("rule"), text("trace"), text("reason"));
    let expires = written
        .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)));
    let expires = expires.ok_or_else(|| format!("the waiver of {rule} in {trace} ends on no day that there is"))?;
    if reason.trim().is_empty() {
        return Err(format!("the waiver of {rule} in {trace} gives no reason"));
    }
    Ok(Waiver { rule, trace, reason, expires })
}
