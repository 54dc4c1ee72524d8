//! The keys of `midcomms.toml`: one table that checks the file and documents it.

use std::ops::Range;

use toml_edit::{Document, Item, Table, TableLike, Value};

use crate::check::names::unknown;

/// What the value of a key is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A whole number between two bounds, both possible.
    Number(i64, i64),
    /// `true` or `false`.
    Switch,
    /// A text.
    Text,
    /// A date, as 2027-03-01.
    Date,
    /// A list of texts.
    Texts,
    /// A list of names out of these.
    Names(fn() -> Vec<String>),
    /// A table with these keys.
    Table(&'static [Key]),
    /// Tables with these keys, by names that the file gives.
    Named(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

/// A key.
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value is.
    pub(super) kind: Kind,
    /// What it means.
    pub(super) text: &'static str,
    /// Whether it must be there.
    pub(super) is_needed: bool,
}

impl Key {
    /// A key that may be there.
    pub(super) const fn new(name: &'static str, kind: Kind, text: &'static str) -> Self {
        Self { name, kind, text, is_needed: false }
    }

    /// One that must be there.
    pub(super) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }
}

/// Where the file is wrong, and what is wrong there.
pub(super) type Wrong = (Option<Range<usize>>, String);

/// Checks a document against the table: every fault, in the order of the table.
pub(super) fn faults(document: &Document<&str>, keys: &[Key]) -> Vec<Wrong> {
    let mut found = Vec::new();
    table(document.as_table(), "", keys, &mut found);
    found.sort_by_key(|(span, _)| span.as_ref().map_or(usize::MAX, |span| span.start));
    found
}

fn table(of: &dyn TableLike, path: &str, keys: &[Key], found: &mut Vec<Wrong>) {
    for (name, item) in of.iter() {
        let span = of.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
        let here = join(path, name);
        match keys.iter().find(|key| key.name == name) {
            Some(key) => value(item, &here, key, span, found),
            None => found.push((span, unknown(&place(path), name, keys.iter().map(|key| key.name)))),
        }
    }
    for key in keys.iter().filter(|key| key.is_needed && of.get(key.name).is_none()) {
        let span = of.iter().next().and_then(|(name, _)| of.key(name).and_then(toml_edit::Key::span));
        found.push((span, format!("`{}` is missing: {}", join(path, key.name), key.text)));
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { "key".to_owned() } else { format!("key of [{path}]") }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn value(item: &Item, path: &str, key: &Key, span: Option<Range<usize>>, found: &mut Vec<Wrong>) {
    let span = item.span().or(span);
    let fault = match key.kind {
        Kind::Number(least, most) => match item.as_integer() {
            Some(number) if (least..=most).contains(&number) => None,
            Some(number) => Some(format!("a number from {least} to {most}, got {number}")),
            None => Some(format!("a number from {least} to {most}")),
        },
        Kind::Switch => item.as_bool().is_none().then(|| "true or false".to_owned()),
        Kind::Text => item.as_str().is_none().then(|| "a text in quotes".to_owned()),
        Kind::Date => date(item),
        Kind::Texts => texts(item).is_none().then(|| "a list of texts in quotes".to_owned()),
        Kind::Names(known) => return names(item, path, &known(), span, found),
        Kind::Table(keys) => match item.as_table_like() {
            Some(inner) => return table(inner, path, keys, found),
            None => Some("a table".to_owned()),
        },
        Kind::Named(keys) => match item.as_table_like() {
            Some(inner) => return named(inner, path, keys, found),
            None => Some("a table of tables".to_owned()),
        },
        Kind::Tables(keys) => match item.as_array_of_tables() {
            Some(all) => return all.iter().for_each(|one: &Table| table(one, path, keys, found)),
            None => Some(format!("tables, each begun by [[{path}]]")),
        },
    };
    found.extend(fault.map(|expected| (span, format!("{path}: expected {expected}"))));
}

fn date(item: &Item) -> Option<String> {
    let expected = || "a date without quotes and time, such as 2027-03-01".to_owned();
    match item.as_datetime() {
        Some(moment) if moment.date.is_some() && moment.time.is_none() => None,
        _ => Some(expected()),
    }
}

/// Texts of a list, each with its place.
type Texts<'a> = Vec<(&'a str, Option<Range<usize>>)>;

fn texts(item: &Item) -> Option<Texts<'_>> {
    item.as_array()?.iter().map(|one: &Value| one.as_str().map(|text| (text, one.span()))).collect()
}

fn names(item: &Item, path: &str, known: &[String], span: Option<Range<usize>>, found: &mut Vec<Wrong>) {
    let Some(texts) = texts(item) else {
        return found.push((span, format!("{path}: expected a list of names in quotes")));
    };
    for (text, span) in texts.into_iter().filter(|(text, _)| !known.iter().any(|name| name == text)) {
        found.push((span, unknown(&format!("name of {path}"), text, known.iter().map(String::as_str))));
    }
}

fn named(of: &dyn TableLike, path: &str, keys: &[Key], found: &mut Vec<Wrong>) {
    for (name, item) in of.iter() {
        match item.as_table_like() {
            Some(inner) => table(inner, &join(path, name), keys, found),
            None => found.push((item.span(), format!("{}: expected a table", join(path, name)))),
        }
    }
}

/// The table for people: a block for each table of the file.
pub(super) fn document(keys: &[Key]) -> String {
    let mut text = String::new();
    describe("", keys, &mut text);
    text
}

fn describe(path: &str, keys: &[Key], text: &mut String) {
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0);
    for key in keys.iter().filter(|key| inner(key).is_none()) {
        let needed = if key.is_needed { " (must be there)" } else { "" };
        *text += &format!("  {:width$}  {}{}{needed}\n", key.name, key.text, form(key.kind));
    }
    for key in keys {
        let Some((inner, shown)) = inner(key) else { continue };
        let path = join(path, &shown);
        let (open, close) = if matches!(key.kind, Kind::Tables(_)) { ("[[", "]]") } else { ("[", "]") };
        *text += &format!("\n{open}{path}{close}  {}\n", key.text);
        describe(&path, inner, text);
    }
}

fn inner(key: &Key) -> Option<(&'static [Key], String)> {
    match key.kind {
        Kind::Table(keys) | Kind::Tables(keys) => Some((keys, key.name.to_owned())),
        Kind::Named(keys) => Some((keys, format!("{}.NAME", key.name))),
        _ => None,
    }
}

fn form(kind: Kind) -> String {
    match kind {
        Kind::Number(least, i64::MAX) => format!("; a number, at least {least}"),
        Kind::Number(least, most) => format!("; a number from {least} to {most}"),
        Kind::Switch => "; true or false".to_owned(),
        Kind::Date => "; a date".to_owned(),
        Kind::Texts => "; a list".to_owned(),
        Kind::Names(known) => format!("; a list of: {}", known().join(", ")),
        Kind::Text | Kind::Table(_) | Kind::Named(_) | Kind::Tables(_) => String::new(),
    }
}
