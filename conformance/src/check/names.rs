//! Names that do not exist, answered with those that do.

/// At what likeness a known name is suggested.
const LIKE: f64 = 0.7;

/// The known name that is most like what was typed, if one is like it.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&typed, &name.to_ascii_lowercase());
    let all = known.into_iter().map(|name| (likeness(name), name));
    all.filter(|(like, _)| *like >= LIKE).max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

/// What to say of a name that does not exist.
pub fn unknown<'a>(what: &str, typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = nearest(typed, known.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
    format!("no {what} is called `{typed}`{}\n  known: {}", hint.unwrap_or_default(), known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_answered_with_the_nearest_name() {
        let known = ["idle-ack", "data-ack", "commits"];
        assert_eq!(nearest("idel-ack", known), Some("idle-ack"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(
            unknown("rule", "comits", known),
            "no rule is called `comits`; did you mean `commits`?\n  known: idle-ack, data-ack, commits"
        );
    }
}
