//! What was never exercised, against the list of what need not be.

use std::collections::BTreeSet;

use midcomms_model::rule;
use midcomms_model::system::action::ActionKind;
use serde::{Deserialize, Serialize};

use super::{BySource, Coverage, cell};

/// Rules that replay does not judge by and `drive` exercises.
const DRIVEN_RULES: &[&str] = &[
    "REC-1", "SND-1", "SND-5", "RCV-1", "RCV-2", "RCV-3", "CLS-2", "CLS-3", "CLS-4", "NET-2", "NET-4", "NET-5",
    "NET-8", "HRD-2", "HRD-3", "HRD-4", "HRD-5", "HRD-6", "HRD-7",
];

/// Cells that a capture shows: by a FIN or by what acknowledges one.
const VISIBLE: &[(usize, usize)] = &[(1, 5), (1, 6), (2, 6), (2, 8), (3, 6), (4, 3), (5, 8), (6, 8)];

/// The source of what real kernels showed.
const CORPUS: &str = "corpus";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A cell of the table of states and events.
    Cell,
    /// A rule.
    Rule,
    /// An action of the model.
    Action,
    /// An environment of which every transition has to be driven.
    Environment,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cell => "cell",
            Kind::Rule => "rule",
            Kind::Action => "action",
            Kind::Environment => "environment",
        }
    }
}

/// Something that need not be exercised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What it is.
    pub kind: Kind,
    /// Its name, as in [`Coverage`].
    pub name: String,
    /// The source that need not exercise it; without it, none need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why.
    pub reason: String,
}

/// The list of exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// In the order of the file.
    #[serde(default, rename = "exception")]
    pub exceptions: Vec<Exception>,
}

impl Exceptions {
    /// Those of this repository: `conformance/coverage.toml`.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        Self::parse(include_str!("../../coverage.toml"))
    }

    /// Reads a list.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// Something that was not exercised, and has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The source that has to exercise it, where it is one.
    pub source: Option<&'static str>,
}

/// What came of a coverage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CoverageReport {
    /// Never exercised, and in no list.
    pub unexplained: Vec<Missing>,
    /// Listed as never exercised, but it was; or listed, and there is no such thing.
    pub stale: Vec<Exception>,
    /// Listed, and never exercised.
    pub explained: Vec<Exception>,
}

impl CoverageReport {
    /// Whether everything was exercised or has a reason that holds.
    pub fn is_good(&self) -> bool {
        self.unexplained.is_empty() && self.stale.is_empty()
    }
}

/// Holds what was exercised against the exceptions. Environments are asked about as far as they were driven.
pub fn judge(coverage: &Coverage, exceptions: &Exceptions) -> CoverageReport {
    let missing: BTreeSet<Missing> = missing(coverage).into_iter().collect();
    let is_about = |exception: &Exception, finding: &Missing| {
        (exception.kind, exception.name.as_str(), exception.source.as_deref())
            == (finding.kind, finding.name.as_str(), finding.source)
    };
    let (explained, stale) = exceptions
        .exceptions
        .iter()
        .filter(|exception| exception.kind != Kind::Environment || coverage.transitions.contains_key(&exception.name))
        .cloned()
        .partition(|exception| missing.iter().any(|finding| is_about(exception, finding)));
    let is_listed = |finding: &&Missing| exceptions.exceptions.iter().any(|exception| is_about(exception, finding));
    let unexplained = missing.iter().filter(|finding| !is_listed(finding)).cloned().collect();
    CoverageReport { unexplained, stale, explained }
}

fn missing(coverage: &Coverage) -> Vec<Missing> {
    let finding = |kind, name: &str, source| Missing { kind, name: name.to_owned(), source };
    let mut missing = Vec::new();
    for place in cell::all() {
        let name = cell::name(place);
        let by = coverage.cells.get(&name);
        if by.is_none_or(BySource::is_empty) {
            missing.push(finding(Kind::Cell, &name, None));
        }
        if VISIBLE.contains(&place) && by.is_none_or(|by| !by.contains_key(CORPUS)) {
            missing.push(finding(Kind::Cell, &name, Some(CORPUS)));
        }
    }
    let rules: BTreeSet<&str> = rule::ALL.iter().map(|rule| rule.id()).chain(DRIVEN_RULES.iter().copied()).collect();
    let unruled = rules.into_iter().filter(|rule| !coverage.rules.contains_key(*rule));
    missing.extend(unruled.map(|rule| finding(Kind::Rule, rule, None)));
    let actions = ActionKind::ALL.iter().map(|kind| format!("{kind:?}"));
    missing.extend(
        actions.filter(|action| !coverage.actions.contains_key(action)).map(|name| finding(Kind::Action, &name, None)),
    );
    let undriven = coverage.transitions.iter().filter(|(_, share)| share.covered < share.all);
    missing.extend(undriven.map(|(environment, _)| finding(Kind::Environment, environment, None)));
    missing
}
