//! A user's own rules: a TOML file with a base and switches, and what they change.

use std::ops::Range;
use std::path::{Path, PathBuf};

use midcomms_model::rules::{Base, Rules, SwitchError};
use midcomms_model::system::Property;
use thiserror::Error;
use toml_edit::{Document, Item, Key as TomlKey, Value};

use super::names::unknown;
use super::run::{Outcome, Verdict};
use super::subject::Subject;

/// A variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its rules at every node, under its name.
    pub subject: Subject,
    /// What it starts from.
    pub base: Base,
}

/// Why a variant cannot be used.
#[derive(Debug, Error)]
pub enum VariantError {
    /// It cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It makes no sense.
    #[error("{file}:{line}: {message}")]
    Wrong {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What is wrong, and what is known.
        message: String,
    },
}

/// Where it is wrong, and what is wrong there.
type Wrong = (Option<Range<usize>>, String);

const KEYS: [&str; 3] = ["base", "name", "rules"];

impl Variant {
    /// Reads a file; without a `name` it is called as the file is.
    ///
    /// # Errors
    /// If it cannot be read or makes no sense.
    pub fn load(path: &Path) -> Result<Self, VariantError> {
        let stem = path.file_stem().map_or("variant".into(), |stem| stem.to_string_lossy().into_owned());
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string(), &stem),
            Err(source) => Err(VariantError::Read { path: path.to_owned(), source }),
        }
    }

    /// Reads a text; `file` is what errors call it, `name` what it is called if it does not say.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn parse(text: &str, file: &str, name: &str) -> Result<Self, VariantError> {
        let line = |span: Option<Range<usize>>| {
            let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
            before.matches('\n').count() + 1
        };
        let wrong = |(span, message): Wrong| VariantError::Wrong { file: file.to_owned(), line: line(span), message };
        let document = Document::parse(text).map_err(|error| wrong((error.span(), error.message().to_owned())))?;
        let table = document.as_table();
        let mut base = None;
        let mut own_name = name.to_owned();
        for (name, item) in table.iter() {
            let key = table.key(name);
            match name {
                "base" => base = Some(read_base(item).map_err(wrong)?),
                "name" => own_name = read_name(item).map_err(wrong)?,
                "rules" => {}
                _ => return Err(wrong((span_of(key), unknown("key", name, KEYS)))),
            }
        }
        let known = Base::ALL.map(Base::name).join(", ");
        let base = base.ok_or_else(|| wrong((None, format!("`base` is missing: one of {known}"))))?;
        let mut rules = base.rules();
        if let Some(item) = table.get("rules") {
            let message = "`rules` must be a table of switches".to_owned();
            let switches = item.as_table_like().ok_or_else(|| wrong((item.span(), message)))?;
            for (name, item) in switches.iter() {
                set(&mut rules, name, switches.key(name), item).map_err(wrong)?;
            }
        }
        Ok(Self { subject: Subject::uniform(&own_name, rules), base })
    }
}

fn span_of(key: Option<&TomlKey>) -> Option<Range<usize>> {
    key.and_then(TomlKey::span)
}

fn read_base(item: &Item) -> Result<Base, Wrong> {
    let name = item.as_str().ok_or_else(|| (item.span(), "`base` must be a string".to_owned()))?;
    Base::named(name).ok_or_else(|| (item.span(), unknown("base", name, Base::ALL.map(Base::name))))
}

fn read_name(item: &Item) -> Result<String, Wrong> {
    let name = item.as_str().ok_or_else(|| (item.span(), "`name` must be a string".to_owned()))?;
    let is_fit = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_fit {
        return Err((item.span(), format!("`{name}` is no name: letters, digits, `-`, `_` and `.` make one")));
    }
    match Subject::named(name) {
        Some(_) => Err((item.span(), format!("`{name}` is the name of a revision: a variant needs one of its own"))),
        None => Ok(name.to_owned()),
    }
}

fn set(rules: &mut Rules, name: &str, key: Option<&TomlKey>, item: &Item) -> Result<(), Wrong> {
    let value = match item.as_value() {
        Some(Value::String(text)) => text.value().as_str(),
        Some(Value::Boolean(flag)) => {
            if *flag.value() {
                "on"
            } else {
                "off"
            }
        }
        _ => return Err((item.span(), format!("`{name}` must be a string, or true or false"))),
    };
    rules.set(name, value).map_err(|error| match error {
        SwitchError::UnknownSwitch(_) => {
            (span_of(key), unknown("rule", name, Rules::SWITCHES.iter().map(|switch| switch.name)))
        }
        SwitchError::UnknownValue { switch, value, known } => {
            // `true` stands for `on`: what was typed is what is answered.
            let typed = item.as_bool().map_or(value, |flag| flag.to_string());
            (item.span(), unknown(&format!("value of `{switch}`"), &typed, known))
        }
    })
}

/// A verdict that differs between two rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The environment.
    pub environment: String,
    /// The property.
    pub property: Property,
    /// With the rules that are compared with.
    pub before: Verdict,
    /// With the variant.
    pub after: Verdict,
}

impl Change {
    /// Whether it held and is violated now.
    pub fn is_breakage(&self) -> bool {
        self.after.is_violated() && !self.before.is_violated()
    }
}

/// The verdicts that differ: what is newly broken first, then what is newly kept.
pub fn changes(before: &[Outcome], after: &[Outcome]) -> Vec<Change> {
    let mut changes = Vec::new();
    for outcome in after {
        let of = |other: &&Outcome| other.key.environment == outcome.key.environment;
        let Some(reference) = before.iter().find(of) else { continue };
        for (property, verdict) in &outcome.verdicts {
            let Some(known) = reference.verdict(*property) else { continue };
            let is_known = |verdict: &Verdict| matches!(verdict, Verdict::Holds | Verdict::Violated(_));
            if is_known(known) && is_known(verdict) && known.is_violated() != verdict.is_violated() {
                changes.push(Change {
                    environment: outcome.key.environment.clone(),
                    property: *property,
                    before: known.clone(),
                    after: verdict.clone(),
                });
            }
        }
    }
    changes.sort_by_key(|change| !change.is_breakage());
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Variant, String> {
        Variant::parse(text, "v.toml", "v").map_err(|error| error.to_string())
    }

    #[test]
    fn switches_are_strings_or_booleans() {
        let variant = parse("base = \"linux-6.12\"\n[rules]\nidle-ack = true\ncopies = \"after-drop\"\n").unwrap();
        assert_eq!(variant.subject.name, "v");
        assert!(variant.subject.rules.iter().all(|rules| rules.idle_ack));
        assert_eq!(variant.subject.rules[1].get("copies"), Some("after-drop"));
    }

    #[test]
    fn without_rules_it_is_its_base() {
        let variant = parse("base = \"hardened\"\nname = \"same\"\n").unwrap();
        assert_eq!(variant.subject, Subject::uniform("same", Base::Hardened.rules()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_file_line_and_the_known_ones() {
        for (text, wanted) in [
            ("", "v.toml:1: `base` is missing: one of linux-5.14, linux-6.1, linux-6.12, hardened"),
            ("base = \"hardend\"\n", "v.toml:1: no base is called `hardend`; did you mean `hardened`?"),
            ("base = 6\n", "v.toml:1: `base` must be a string"),
            ("base = \"hardened\"\nrule = 1\n", "v.toml:2: no key is called `rule`; did you mean `rules`?"),
            ("base = \"hardened\"\nname = \"linux-6.1\"\n", "v.toml:2: `linux-6.1` is the name of a revision"),
            ("base = \"hardened\"\nname = \"a b\"\n", "v.toml:2: `a b` is no name"),
            ("base = \"hardened\"\nrules = 3\n", "v.toml:2: `rules` must be a table"),
            (
                "base = \"hardened\"\n\n[rules]\nidel-ack = true\n",
                "v.toml:4: no rule is called `idel-ack`; did you mean `idle-ack`?",
            ),
            ("base = \"hardened\"\n[rules]\nidle-ack = \"yes\"\n", "v.toml:3: no value of `idle-ack` is called `yes`"),
            ("base = \"hardened\"\n[rules]\nidle-ack = 1\n", "v.toml:3: `idle-ack` must be a string, or true or false"),
            ("base = \"hardened\"\n[rules]\nidle-ack = \n", "v.toml:3: "),
            ("base = \"hardened\"\nbase = \"hardened\"\n", "v.toml:2: "),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(wanted), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_told_with_its_path() {
        let error = Variant::load(Path::new("no-such.toml")).unwrap_err().to_string();
        assert!(error.starts_with("no-such.toml: "), "{error}");
    }
}
