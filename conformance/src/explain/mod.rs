//! What a name means: a rule, a hazard, a defect, a measure, a property, an environment, a revision, a verdict.
//!
//! - [`protocol`]: the text of `PROTOCOL.md`, by anchor.
//! - [`causes`]: what usually causes a rejection, in words that no other file has.
//! - [`examples`]: a real rejection by each rule, as replay told it.

pub mod causes;
pub mod examples;
pub mod protocol;

use midcomms_model::catalogue::{DEFECTS, HAZARDS, MEASURES, Reality};
use midcomms_model::system::{Environment, Property};
use midcomms_model::{Revision, Rule, rule};
use serde::Serialize;

use crate::check::names;
use examples::Example;

/// What kind of name it is, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// A verdict of replay, or what it tells beside one.
    Verdict,
    /// A rule by which replay rejects.
    Rule,
    /// Any other rule of PROTOCOL.md.
    Statement,
    /// A measure of `hardened`.
    Measure,
    /// A hazard of today's kernels.
    Hazard,
    /// A historic defect.
    Defect,
    /// A property of the checker.
    Property,
    /// An environment of the checker.
    Environment,
    /// A revision.
    Revision,
}

impl Family {
    /// As printed above a list of them.
    pub fn heading(self) -> &'static str {
        match self {
            Family::Verdict => "Verdicts of replay",
            Family::Rule => "Rules by which replay rejects",
            Family::Statement => "Other rules of PROTOCOL.md",
            Family::Measure => "Measures of hardened",
            Family::Hazard => "Hazards",
            Family::Defect => "Historic defects",
            Family::Property => "Properties",
            Family::Environment => "Environments",
            Family::Revision => "Revisions",
        }
    }
}

/// A name and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// The name: `RCV-4`, `H2`, `NoLoss`, `rejected`.
    pub id: String,
    /// What kind of name.
    pub family: Family,
    /// What it is, in a sentence.
    pub title: String,
    /// What PROTOCOL.md says, or more about it.
    pub text: String,
    /// Where in PROTOCOL.md, as a fragment; empty where nowhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub anchor: String,
    /// What usually causes it, or brings it about.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub causes: &'static str,
    /// A real rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
    /// Commands that show more, in a checkout of this project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

impl Topic {
    fn new(id: &str, family: Family, title: impl Into<String>) -> Self {
        Topic {
            id: id.to_owned(),
            family,
            title: title.into(),
            text: String::new(),
            anchor: String::new(),
            causes: causes::of(id).unwrap_or_default(),
            example: None,
            commands: Vec::new(),
        }
    }

    /// With what PROTOCOL.md says at the anchor of its name.
    fn with_protocol(mut self) -> Self {
        self.anchor = self.id.to_lowercase();
        self.text = protocol::at(&self.anchor).unwrap_or_default();
        self
    }

    fn with_command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// Everything that can be explained, by family.
pub fn topics() -> Vec<Topic> {
    let mut all: Vec<Topic> = VERDICTS.iter().map(|(id, title)| Topic::new(id, Family::Verdict, *title)).collect();
    all.extend(rules());
    all.extend(MEASURES.iter().map(|measure| {
        let title = protocol::emphasised(measure.id).unwrap_or_default();
        let topic = Topic::new(measure.id, Family::Measure, title).with_protocol();
        let example = examples::of(measure.id);
        let command = format!("midcomms check --measure {} --environment {}", measure.id, measure.environment);
        Topic { example, ..topic.with_command(command) }
    }));
    all.extend(hazards());
    all.extend(DEFECTS.iter().map(|defect| {
        let topic = Topic::new(defect.id, Family::Defect, defect.text).with_protocol();
        let command = format!("midcomms check --defect {} --environment {}", defect.id, defect.environment);
        let text =
            format!("{}\nIt breaks {} in the environment {}.", topic.text, defect.property.name(), defect.environment);
        Topic { text, ..topic.with_command(command) }
    }));
    all.extend(Property::ALL.iter().map(|property| {
        let topic = Topic::new(property.name(), Family::Property, property.text());
        topic.with_command(format!("midcomms check --property {}", property.name()))
    }));
    let environments = Environment::ALL.iter().chain(Environment::DEEP);
    all.extend(environments.map(|environment| {
        let topic = Topic::new(environment.name, Family::Environment, environment.text);
        topic.with_command(format!("midcomms check --environment {}", environment.name))
    }));
    all.extend(Revision::ALL.iter().map(|revision| {
        let topic = Topic::new(revision.name(), Family::Revision, revision_title(*revision));
        let anchor = if *revision == Revision::Hardened { "hardened" } else { "11-revisions" };
        let text =
            if *revision == Revision::Hardened { protocol::at(anchor).unwrap_or_default() } else { String::new() };
        Topic { anchor: anchor.to_owned(), text, ..topic }
    }));
    all
}

/// The rules: those by which replay rejects, then the others that the document numbers.
fn rules() -> Vec<Topic> {
    let is_measure = |id: &str| MEASURES.iter().any(|measure| measure.id == id);
    let judged = rule::ALL.iter().chain(rule::INSIDE).filter(|rule| !is_measure(rule.id())).map(|rule| {
        let topic = Topic::new(rule.id(), Family::Rule, rule.text()).with_protocol();
        Topic { example: examples::of(rule.id()), ..topic }
    });
    let others = protocol::rules().into_iter().filter(|id| Rule::find(id).is_none() && !is_measure(id));
    let others = others.map(|id| {
        let topic = Topic::new(&id, Family::Statement, String::new()).with_protocol();
        Topic { title: protocol::first_sentence(&topic.text), ..topic }
    });
    judged.chain(others.collect::<Vec<_>>()).collect()
}

fn hazards() -> impl Iterator<Item = Topic> {
    HAZARDS.iter().map(|hazard| {
        let mut topic = Topic::new(hazard.id, Family::Hazard, hazard.text).with_protocol();
        let verdict = match hazard.reality {
            Reality::Real => format!(
                "The checker has a counterexample: {} in the environment {}, and none with the remedy.",
                hazard.property.name(),
                hazard.environment
            ),
            Reality::NotReachable(why) => format!("The checker finds that it is not reachable: {why}."),
            Reality::OutsideTheModel(why) => format!("The checker does not know what it is about: {why}."),
        };
        topic.text = format!("{}\n{verdict}", topic.text);
        let topic = topic.with_command("midcomms check --hazards");
        if hazard.id == "H2" {
            topic.with_command("midcomms replay traces/kernel/stallhunt-k612.pcap.zst")
        } else {
            topic
        }
    })
}

fn revision_title(revision: Revision) -> &'static str {
    match revision {
        Revision::Linux5_14 => "kernels from 5.14 on: the first with this protocol; an ACK for every message",
        Revision::Linux6_1 => "the stable kernels 6.1: one ACK for each batch read",
        Revision::Linux6_12 => "kernels from 6.12 on: an ACK after more than 32 messages, NAMES sequenced",
        Revision::Hardened => "this project's own: linux-6.12 and the seven measures HRD-1 to HRD-7",
    }
}

const VERDICTS: &[(&str, &str)] = &[
    ("accepted", "every message is one that the protocol allows, given what came before"),
    ("rejected", "there is a message that no explanation allows: its frame and the rule are told"),
    ("vacuous", "there was no message of the protocol to judge; never a pass"),
    ("inconclusive", "a named budget ran out before all was judged; never a pass"),
    (
        "stalled",
        "the pair talks, but a message that the receiver waits for never comes again: no rejection, unless --strict",
    ),
    ("obligation", "what is still owed when the capture ends: unacknowledged messages, a close that is not complete"),
    ("hole", "bytes that the capture lacks: nothing is held against a node on account of them"),
];

/// The topic with this name, in any case.
pub fn find(id: &str) -> Option<Topic> {
    topics().into_iter().find(|topic| topic.id.eq_ignore_ascii_case(id.trim()))
}

/// What to say of a name that is not known.
pub fn unknown(id: &str) -> String {
    let all = topics();
    let ids: Vec<&str> = all.iter().map(|topic| topic.id.as_str()).collect();
    let hint = names::nearest(id, ids.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
    format!(
        "nothing here is called `{id}`{}\n  `midcomms explain` lists all {} names",
        hint.unwrap_or_default(),
        ids.len()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_by_which_replay_rejects_has_its_text_and_its_causes() {
        for rule in rule::ALL.iter().chain(rule::INSIDE) {
            let topic = find(rule.id()).unwrap();
            assert!(topic.text.len() > rule.id().len() + 20, "{}: no text in PROTOCOL.md", rule.id());
            assert!(topic.causes.len() > 40, "{}: nothing is said of what causes it", rule.id());
        }
    }

    #[test]
    fn hazards_defects_and_measures_have_their_text_and_hazards_their_causes() {
        for topic in topics() {
            if matches!(topic.family, Family::Hazard | Family::Defect | Family::Measure | Family::Statement) {
                assert!(topic.text.len() > 20, "{}: {:?}", topic.id, topic.text);
            }
            if matches!(topic.family, Family::Hazard | Family::Verdict | Family::Measure) {
                assert!(!topic.causes.is_empty(), "{}", topic.id);
            }
            assert!(!topic.title.is_empty(), "{}", topic.id);
        }
    }

    #[test]
    fn causes_are_of_names_that_exist() {
        for (id, _) in causes::ALL {
            assert!(find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_are_unique() {
        let all = topics();
        let unique: BTreeSet<String> = all.iter().map(|topic| topic.id.to_lowercase()).collect();
        assert_eq!(unique.len(), all.len());
        for topic in &all {
            assert_eq!(find(&topic.id.to_lowercase()).as_ref(), Some(topic));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        assert!(unknown("RVC-4").contains("did you mean `RCV-4`"), "{}", unknown("RVC-4"));
        assert!(find("RVC-4").is_none());
    }
}
