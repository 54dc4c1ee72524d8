//! A real rejection by each rule, as replay told it: `examples.json`, which a test compares with replay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A trace that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The trace, from the top of the repository.
    pub trace: String,
    /// What was changed in a real capture.
    pub falsification: String,
    /// Where it is refused.
    pub frame: u64,
    /// The last messages before it.
    pub before: Vec<String>,
    /// The message.
    pub message: String,
    /// What would have been allowed.
    pub expected: String,
    /// What there was.
    pub got: String,
}

/// The examples by rule. The file is part of the program, and a test reads it, so that an empty map means none.
pub fn all() -> BTreeMap<String, Example> {
    serde_json::from_str(include_str!("examples.json")).unwrap_or_default()
}

/// The example of a rule.
pub fn of(rule: &str) -> Option<Example> {
    all().remove(rule)
}
