//! Whose rules the nodes follow, and what a world is called.

use std::fmt;

use midcomms_model::Revision;
use midcomms_model::catalogue::{self, Setting};
use midcomms_model::rules::{Base, Rules, SwitchError};
use midcomms_model::system::Environment;

/// The peers of `hardened` in the mixed rows of the matrix.
const MIXED: [Base; 2] = [Base::Hardened, Base::Linux(Revision::Linux6_12)];

/// Rules for each of three nodes, under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the row is called: a base, two bases joined by `+`, or a variant.
    pub name: String,
    /// The rules of each node.
    pub rules: [Rules; 3],
    /// It is another subject with its nodes the other way round: the same wherever the environment is symmetric.
    pub mirrored: bool,
}

impl Subject {
    /// Every node follows the same rules.
    pub fn uniform(name: &str, rules: Rules) -> Self {
        Self { name: name.to_owned(), rules: [rules; 3], mirrored: false }
    }

    /// Every node follows the rules of a base.
    pub fn of_base(base: Base) -> Self {
        Self::uniform(base.name(), base.rules())
    }

    /// Node 1 follows the first base, every other the second.
    pub fn mixed(first: Base, second: Base, mirrored: bool) -> Self {
        let (name, others) = (format!("{}+{}", first.name(), second.name()), second.rules());
        Self { name, rules: [first.rules(), others, others], mirrored }
    }

    /// Those of the default matrix: every base, then `hardened` towards today's kernel.
    pub fn standard() -> Vec<Subject> {
        let [first, second] = MIXED;
        let mut all: Vec<Subject> = Base::ALL.into_iter().map(Subject::of_base).collect();
        all.push(Subject::mixed(first, second, false));
        all.push(Subject::mixed(second, first, true));
        all
    }

    /// One of the default matrix; or any base, or any two bases joined by `+`.
    pub fn named(name: &str) -> Option<Subject> {
        let standard = Subject::standard().into_iter().find(|subject| subject.name == name);
        standard.or_else(|| {
            let (first, second) = name.split_once('+')?;
            Some(Subject::mixed(Base::named(first)?, Base::named(second)?, false))
        })
    }

    /// Whether a row of this subject in the environment shows what no other row shows.
    pub fn is_of_use_in(&self, environment: &Environment) -> bool {
        !self.mirrored || !is_symmetric(environment)
    }

    /// The same with switches set at every node.
    ///
    /// # Errors
    /// If a switch or a value does not exist.
    pub fn with(&self, settings: &[Setting]) -> Result<Subject, SwitchError> {
        let mut subject = self.clone();
        for rules in &mut subject.rules {
            *rules = catalogue::with(*rules, settings)?;
        }
        Ok(subject)
    }
}

/// Whether two nodes may be exchanged without a difference; never with three.
fn is_symmetric(environment: &Environment) -> bool {
    let [m1, m2, _] = environment.messages;
    let [l1, l2, _] = environment.leaves;
    let [v1, v2, _] = environment.versions;
    environment.nodes == 2 && m1 == m2 && l1 == l2 && v1 == v2
}

/// What was seeded into the rules of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeedKind {
    /// The measures that would mask a defect are off; the defect is not there.
    Unmasked,
    /// The defect, and the measures that would mask it are off.
    Defect,
    /// The switches that a hazard needs.
    Hazard,
    /// These, and the hazard's remedy.
    Remedy,
    /// A measure is off.
    Measure,
}

impl SeedKind {
    /// Every kind, in the order of models.toml.
    pub const ALL: [SeedKind; 5] =
        [SeedKind::Unmasked, SeedKind::Defect, SeedKind::Hazard, SeedKind::Remedy, SeedKind::Measure];

    /// The key in models.toml and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            SeedKind::Unmasked => "unmasked",
            SeedKind::Defect => "defect",
            SeedKind::Hazard => "hazard",
            SeedKind::Remedy => "remedy",
            SeedKind::Measure => "measure",
        }
    }
}

/// A change of a subject's rules that has a number in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seed {
    /// What kind of change.
    pub kind: SeedKind,
    /// The number, such as `D1`.
    pub id: String,
}

/// The name of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// [`Subject::name`].
    pub revision: String,
    /// [`Environment::name`].
    pub environment: String,
    /// What was seeded, if anything.
    pub seed: Option<Seed>,
}

impl Key {
    /// The number in the catalogue, if the seed is of this kind.
    pub fn seed_of(&self, kind: SeedKind) -> Option<&str> {
        self.seed.as_ref().filter(|seed| seed.kind == kind).map(|seed| seed.id.as_str())
    }

    /// The revision and what was changed in it, for people.
    pub fn rules(&self) -> String {
        let Some(Seed { kind, id }) = &self.seed else { return self.revision.clone() };
        match kind {
            SeedKind::Unmasked => format!("{} open to {id}", self.revision),
            SeedKind::Defect => format!("{} with {id}", self.revision),
            SeedKind::Hazard => format!("{} under {id}", self.revision),
            SeedKind::Remedy => format!("{} with the remedy of {id}", self.revision),
            SeedKind::Measure => format!("{} without {id}", self.revision),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.rules(), self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_subject_is_of_use_only_where_the_nodes_differ() {
        let subjects = Subject::standard();
        let mirrored = subjects.iter().find(|subject| subject.mirrored).unwrap();
        assert_eq!(mirrored.name, "linux-6.12+hardened");
        assert!(!mirrored.is_of_use_in(Environment::named("both-leave").unwrap()));
        assert!(mirrored.is_of_use_in(Environment::named("mild").unwrap()));
        assert!(mirrored.is_of_use_in(Environment::named("ring").unwrap()));
    }

    #[test]
    fn the_mixed_rows_give_node_1_the_first_rules() {
        let mixed = Subject::mixed(Base::Hardened, Base::Linux(Revision::Linux6_12), false);
        let today = Base::Linux(Revision::Linux6_12).rules();
        assert_eq!(mixed.rules, [Base::Hardened.rules(), today, today]);
    }

    #[test]
    fn a_setting_reaches_every_node() {
        let changed = Subject::of_base(Base::Hardened).with(&[("idle-ack", "off")]).unwrap();
        assert!(changed.rules.iter().all(|rules| rules.get("idle-ack") == Some("off")));
        assert!(Subject::of_base(Base::Hardened).with(&[("idle-ack", "maybe")]).is_err());
    }
}
