//! A scenario, as data.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::amount::Amount;
use super::error::RecordError;
use super::exact::Share;
use super::expect::Expect;
use super::step::Step;
use super::trace::Form;

/// A run with a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: lower case letters, digits, dashes and dots, a letter first, for it names a directory too.
    pub name: String,
    /// What happens, in a sentence.
    pub text: String,
    /// What each node speaks; node ids are 1, 2, ….
    #[serde(default = "two_nodes")]
    pub nodes: Vec<Spoken>,
    /// Why it cannot be run over sockets, if it cannot.
    #[serde(default)]
    pub simulation_only: Option<String>,
    /// The simulated network. Over sockets it is the machine's own.
    #[serde(default)]
    pub network: NetworkKnobs,
    /// Settings of every record.
    #[serde(default)]
    pub limits: Limits,
    /// The least share of events that replay holds against the records; all where it is absent.
    #[serde(default)]
    pub exact: Option<Share>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What must have happened in the end.
    pub expect: Expect,
    /// The defect that is seeded into the implementation.
    #[cfg(feature = "defects")]
    #[serde(skip)]
    pub defect: Option<midcomms::midcomms::Defect>,
}

fn two_nodes() -> Vec<Spoken> {
    vec![Spoken::New; 2]
}

/// What a node speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Spoken {
    /// Version 3.2: the implementation.
    #[serde(rename = "3.2")]
    New,
    /// Version 3.1: a script. It is not recorded.
    #[serde(rename = "3.1")]
    Old,
}

/// The simulated network. Each use of a range draws from it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkKnobs {
    /// How long a piece of data is under way.
    pub latency_ms: Amount,
    /// The most bytes that one read gives.
    pub read_bytes: Amount,
    /// From a connection that stands to its being accepted: where these differ, connections are accepted in another order
    /// than they were opened.
    pub accept_ms: Amount,
    /// From a break to its being noticed, at each end for itself.
    pub notice_ms: Amount,
    /// How many of a hundred closes reach the other end as a reset, which cuts off what is under way.
    pub resets_percent: u64,
    /// From a decision of the cluster manager to a node's hearing of it.
    pub manager_ms: Amount,
}

impl Default for NetworkKnobs {
    fn default() -> Self {
        Self {
            latency_ms: Amount::between(0, 3),
            read_bytes: Amount::between(16, 65_536),
            accept_ms: Amount::exactly(0),
            notice_ms: Amount::between(0, 20),
            resets_percent: 50,
            manager_ms: Amount::between(0, 20),
        }
    }
}

/// Settings of every record. What is absent is as the implementation has it by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How long a shutdown waits.
    pub shutdown_timeout_ms: Option<u64>,
    /// Messages that a send queue holds.
    pub queue_messages: Option<usize>,
    /// How long a send queue waits for progress before its copies go out.
    pub retransmit_after_ms: Option<u64>,
    /// The number of the first message of each incarnation. Simulation only.
    pub first_seq: Option<Amount>,
}

impl Scenario {
    /// Ids of its nodes.
    pub fn node_ids(&self) -> impl Iterator<Item = u32> + '_ {
        (1_u32..).zip(&self.nodes).map(|(id, _)| id)
    }

    /// What a node speaks.
    pub fn spoken(&self, node: u32) -> Option<Spoken> {
        let index = usize::try_from(node.checked_sub(1)?).ok()?;
        self.nodes.get(index).copied()
    }

    /// The nodes whose recording begins at a step.
    pub(super) fn late(&self) -> BTreeSet<u32> {
        let begins = self.steps.iter().filter_map(|step| match step {
            Step::BeginRecording { nodes } => Some(nodes),
            _ => None,
        });
        begins.flatten().copied().collect()
    }

    /// Whether it can be recorded in this form.
    ///
    /// # Errors
    /// [`RecordError::LinesOnly`].
    pub fn check_form(&self, form: Form) -> Result<(), RecordError> {
        match form {
            Form::Compact if !self.late().is_empty() => Err(RecordError::LinesOnly { scenario: self.name.clone() }),
            _ => Ok(()),
        }
    }

    /// What of it sockets do not give.
    pub fn needs_simulation(&self) -> Option<String> {
        if let Some(why) = &self.simulation_only {
            return Some(why.clone());
        }
        if self.nodes.contains(&Spoken::Old) {
            return Some("its node of version 3.1 is a script of the simulation".to_owned());
        }
        if self.limits.first_seq.is_some() {
            return Some("numbers begin at 0 over sockets".to_owned());
        }
        self.steps.iter().find_map(|step| match step {
            Step::Hold { .. } | Step::Accept { .. } => Some("the order of accepting is the system's".to_owned()),
            Step::Crash { silent: true, .. } => Some("the system closes the sockets of a process that dies".to_owned()),
            _ => None,
        })
    }
}
