//! The page's own text, style and scripts.

use serde_json::Value;

use super::embed;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In the order in which they use each other.
const SCRIPTS: [&str; 5] = [
    include_str!("base.js"),
    include_str!("sequence.js"),
    include_str!("timeline.js"),
    include_str!("views.js"),
    include_str!("page.js"),
];

/// The whole page. The parts are put between the page's own pieces, not replaced one after the other: a title that
/// looks like a mark is a title.
pub(super) fn page(title: &str, data: &Value) -> String {
    let scripts = scripts();
    let parts = [embed::escaped(title), STYLE.to_owned(), embed::json(data), scripts];
    let mut out = String::new();
    let mut parts = parts.iter();
    for (index, piece) in PAGE.split("@@").enumerate() {
        if index > 0 {
            out.push_str(parts.next().map_or("", String::as_str));
        }
        out.push_str(piece);
    }
    out
}

/// The scripts without what only their reader needs: indentation and comments that have a line of their own. No text in
/// them goes over several lines.
fn scripts() -> String {
    let lines = SCRIPTS.iter().flat_map(|script| script.lines()).map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Bytes of a page without data.
#[cfg(test)]
pub(super) fn len_bytes() -> usize {
    PAGE.len() + STYLE.len() + scripts().len()
}
