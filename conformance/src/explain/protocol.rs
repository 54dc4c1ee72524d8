//! The text of `PROTOCOL.md`.

use midcomms_model::PROTOCOL;

/// What is said at an anchor: the paragraph, with the tables and lists that belong to it; or the row of a table.
pub fn at(anchor: &str) -> Option<String> {
    let mark = format!("<a id=\"{anchor}\"></a>");
    let (before, behind) = PROTOCOL.split_once(&mark)?;
    let is_row = before.rsplit('\n').next().is_some_and(|line| line.starts_with('|'));
    if is_row {
        let row = behind.split('\n').next()?;
        let (_, cells) = row.split_once(" | ")?;
        return Some(plain(cells.trim().trim_matches('|').trim()));
    }
    let mut blocks = behind.trim_start().split("\n\n");
    let mut text = vec![blocks.next()?.to_owned()];
    let belongs = |block: &&str| block.starts_with(['|', '-']) || block.starts_with("```");
    text.extend(blocks.take_while(belongs).map(str::to_owned));
    let text = text.iter().map(|block| block.split("\n<a id=").next().unwrap_or_default().trim()).collect::<Vec<_>>();
    Some(plain(&text.join("\n\n")))
}

/// Rules that have an anchor, in the order of the document: `WIRE-1`, …
pub fn rules() -> Vec<String> {
    let anchors = PROTOCOL.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    anchors.filter(|anchor| anchor.contains('-')).map(str::to_uppercase).collect()
}

/// What stands emphasised at the beginning of a rule: *Incarnation ids.*
pub fn emphasised(id: &str) -> Option<String> {
    let (_, behind) = PROTOCOL.split_once(&format!("**{id}** "))?;
    let paragraph = behind.split("\n\n").next()?;
    let (_, behind) = paragraph.split_once('*')?;
    Some(behind.split_once('*')?.0.trim_end_matches('.').to_owned())
}

/// The first sentence, without the id and the marks before it.
pub fn first_sentence(text: &str) -> String {
    let body = text.split_once(") ").map_or(text, |(_, body)| body).replace('\n', " ");
    let end = body.find(". ").map_or(body.len(), |at| at + 1);
    body.get(..end).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The version of the specification that its text names.
pub fn version() -> Option<u32> {
    let (_, behind) = PROTOCOL.split_once("**Specification version: ")?;
    behind.split_once("**")?.0.parse().ok()
}

/// Without the marks of Markdown that say nothing in a terminal.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('[') {
        match behind.split_once("](").and_then(|(label, target)| Some((label, target.split_once(')')?.1))) {
            Some((label, after)) if !label.contains(['[', '\n']) => {
                out += before;
                out += label;
                rest = after;
            }
            _ => {
                out += before;
                out.push('[');
                rest = behind;
            }
        }
    }
    (out + rest).replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_has_the_version_that_the_program_tells() {
        assert_eq!(version(), Some(midcomms_model::SPECIFICATION_VERSION));
    }

    #[test]
    fn a_rule_is_its_paragraph_and_a_hazard_its_row() {
        let rule = at("rcv-4").unwrap();
        assert!(
            rule.starts_with("RCV-4 (R, S) ACK(n) takes every message") && rule.ends_with("every state."),
            "{rule}"
        );
        assert!(at("h3").unwrap().starts_with("an orderly close"), "{:?}", at("h3"));
        assert!(at("hrd-1").unwrap().contains("magic"));
        assert!(!at("snd-1").unwrap().contains("SND-2**"));
        assert_eq!(at("no-such-rule"), None);
    }

    #[test]
    fn all_families_of_rules_are_found() {
        let rules = rules();
        for id in ["WIRE-1", "REC-2", "SND-8", "RCV-7", "ACK-1", "VER-4", "CLS-5", "NET-8", "CAP-13", "HRD-7"] {
            assert!(rules.iter().any(|rule| rule == id), "{id}");
        }
    }

    #[test]
    fn links_lose_their_targets_and_brackets_stay() {
        assert_eq!(plain("see [H9](#h9), [0, 1) and **bold**"), "see H9, [0, 1) and bold");
    }
}
