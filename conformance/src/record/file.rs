//! A file of scenarios.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::error::RecordError;
use super::scenario::{Scenario, Spoken};
use crate::check::names::unknown;

/// The name of the format, and the version that is read.
const FORMAT: &str = "midcomms-scenarios";
const VERSION: u64 = 1;
const BUILT_IN: &str = include_str!("../../../traces/scenarios.toml");
/// What a message holds behind its header: a MSG's fixed fields at least.
const LEAST_SIZE: u64 = 72;
const MOST_SIZE: u64 = midcomms::midcomms::MAX_BODY_LEN as u64;
/// More nodes than this make no other cases.
const MOST_NODES: usize = 8;

/// Scenarios by name, in the order of their file.
#[derive(Clone, Debug)]
pub struct Scenarios {
    all: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u64,
    #[serde(default)]
    scenario: Vec<Scenario>,
}

impl Scenarios {
    /// Those that come with the program: traces/scenarios.toml.
    ///
    /// # Errors
    /// If that file is at fault.
    pub fn built_in() -> Result<Self, RecordError> {
        Self::parse("traces/scenarios.toml", BUILT_IN)
    }

    /// Those of a file, whose name is told in errors.
    ///
    /// # Errors
    /// If it is no file of scenarios, or one that cannot be played.
    pub fn parse(name: &str, text: &str) -> Result<Self, RecordError> {
        let fault = |reason: String| RecordError::Format { file: name.to_owned(), reason };
        let file: File = toml::from_str(text).map_err(|error| fault(error.to_string().trim_end().to_owned()))?;
        if file.format != FORMAT || file.version != VERSION {
            let (format, version) = (file.format, file.version);
            return Err(fault(format!("expected format {FORMAT} version {VERSION}, got {format} version {version}")));
        }
        if file.scenario.is_empty() {
            return Err(fault("has no scenario".to_owned()));
        }
        let mut names = BTreeSet::new();
        for scenario in &file.scenario {
            check(scenario).map_err(|reason| fault(format!("scenario `{}`: {reason}", scenario.name)))?;
            if !names.insert(&scenario.name) {
                return Err(fault(format!("two scenarios are called `{}`", scenario.name)));
            }
        }
        Ok(Self { all: file.scenario })
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scenario> {
        self.all.iter()
    }

    /// The one with this name.
    ///
    /// # Errors
    /// If there is none: with those that there are.
    pub fn get(&self, name: &str) -> Result<&Scenario, RecordError> {
        let found = self.all.iter().find(|scenario| scenario.name == name);
        let known = self.all.iter().map(|scenario| scenario.name.as_str());
        found.ok_or_else(|| RecordError::Unknown(unknown("scenario", name, known)))
    }
}

fn check(scenario: &Scenario) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !scenario.name.starts_with(|c: char| c.is_ascii_lowercase()) || !scenario.name.chars().all(is_plain) {
        return Err("a name has lower case letters, digits, dashes and dots, a letter first".to_owned());
    }
    if scenario.text.trim().is_empty() {
        return Err("`text` has to say in a sentence what happens".to_owned());
    }
    if !(2..=MOST_NODES).contains(&scenario.nodes.len()) {
        return Err(format!("expected 2 to {MOST_NODES} nodes, got {}", scenario.nodes.len()));
    }
    if !scenario.nodes.contains(&Spoken::New) {
        return Err("no node speaks 3.2, so nothing would be recorded".to_owned());
    }
    if !scenario.expect.asks() {
        return Err(
            "`expect` asks for nothing that a run without an event would lack: give `delivers`, or a record with \
                    `visits`"
                .to_owned(),
        );
    }
    if scenario.network.read_bytes.least == 0 || scenario.network.resets_percent > 100 {
        return Err("`read_bytes` is from 1, `resets_percent` up to 100".to_owned());
    }
    if scenario.exact.as_ref().is_some_and(|share| share.percent >= 100 || share.why.trim().is_empty()) {
        return Err("`exact` is `percent`, below 100, and `why` it is not all".to_owned());
    }
    check_expect(scenario)?;
    (1_usize..).zip(&scenario.steps).try_for_each(|(number, step)| {
        check_step(scenario, step).map_err(|reason| format!("step {number} ({}): {reason}", step.name()))
    })
}

fn known(scenario: &Scenario, nodes: &[u32]) -> Result<(), String> {
    match nodes.iter().find(|node| scenario.spoken(**node).is_none()) {
        Some(node) => Err(format!("there is no node {node}, only 1 to {}", scenario.nodes.len())),
        None => Ok(()),
    }
}

fn check_expect(scenario: &Scenario) -> Result<(), String> {
    let expect = &scenario.expect;
    let pairs = expect.delivers.iter().chain(&expect.loses).copied();
    let records = expect.record.iter().map(|record| [record.node, record.peer]);
    for pair in pairs.chain(records) {
        known(scenario, &pair).map_err(|reason| format!("expect: {reason}"))?;
        if pair.iter().collect::<BTreeSet<_>>().len() < 2 {
            return Err(format!("expect: node {} and itself", pair.iter().max().copied().unwrap_or_default()));
        }
    }
    let old = expect.record.iter().find(|record| scenario.spoken(record.node) == Some(Spoken::Old));
    match old {
        Some(record) => Err(format!("expect: node {} speaks 3.1 and keeps no record", record.node)),
        None => Ok(()),
    }
}

fn check_step(scenario: &Scenario, step: &super::Step) -> Result<(), String> {
    let (nodes, is_named) = step.nodes();
    known(scenario, &nodes)?;
    if is_named && nodes.iter().collect::<BTreeSet<_>>().len() != nodes.len() {
        return Err("names a node twice".to_owned());
    }
    if is_named && nodes.is_empty() {
        return Err("names no node".to_owned());
    }
    if let super::Step::Await { state: None, up: None, .. } = step {
        return Err("waits for nothing: give `state` or `up`".to_owned());
    }
    if let super::Step::Traffic { between, .. } = step
        && between.len() < 2
    {
        return Err("is between two nodes or more".to_owned());
    }
    match step.size() {
        Some(size) if size.least < LEAST_SIZE || size.most > MOST_SIZE => {
            Err(format!("expected a size from {LEAST_SIZE} to {MOST_SIZE} bytes, got {} to {}", size.least, size.most))
        }
        _ => Ok(()),
    }
}
