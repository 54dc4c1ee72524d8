//! docs/seeded-defects.md says what finds each defect. `MIDCOMMS_ACCEPT=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use midcomms::midcomms::Defect;
use midcomms_model::catalogue::DEFECTS;

use crate::driven;
use crate::recorded::{self, By};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/seeded-defects.md");
const HEAD: &str = "\
# Seeded defects

The historic defects of section 12 of [PROTOCOL.md](../model/PROTOCOL.md), seeded into every node of the implementation
(feature `defects`, which no release has), and what finds them:

- `record` and `replay`: every scenario of [scenarios.toml](../traces/scenarios.toml) whose recording is whole, with three
  seeds; each node's trace by itself, and all of a run together.
- `drive`, in the environment in which the model finds the same defect (in `split` for D14, for in `mild` whatever is
  reserved is committed at once).

Each line quotes what is said first. `drive` does the node's part itself (removing members and waiting for versions before a
shutdown, accepting connections), so that D2, D11 and D13 show in the scenarios alone; where a message has to come at a
moment that no scenario has, or nothing of the defect shows in messages, only `drive` sees it, which compares the whole
record after each step. D12 is about a FIN that is refused: here it is one of another incarnation (HRD-1), for no node of
this crate sends two in one. Without a defect the same runs are green.

`MIDCOMMS_ACCEPT=1 cargo test -p midcomms-conformance --features defects --test seeded` writes this page; without the
variable it is compared.

| Defect | What it was | Caught by | First message |
|---|---|---|---|
";

fn row(page: &mut String, defect: Defect, by: &str, message: &str) {
    let known = DEFECTS.iter().find(|known| known.id == defect.id()).unwrap();
    let message = message.replace('|', "\\|");
    writeln!(page, "| {defect} | {} | {by} | {message} |", known.text).unwrap();
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for defect in Defect::all() {
        if let Some(reason) = defect.reason() {
            row(&mut page, defect, "cannot be seeded", reason);
            continue;
        }
        if let Some(told) = recorded::told(Some(defect)).next() {
            let by = match told.by {
                By::Record(what) => format!("record: {what}"),
                By::Replay(rule) => format!("record + replay: {rule}"),
            };
            row(&mut page, defect, &by, &format!("`{}`", told.message));
        }
        if let Some(differs) = driven::first_difference(defect) {
            row(&mut page, defect, &format!("drive: {}", differs.field), &format!("`{}`", differs.message));
        }
    }
    page
}

#[test]
fn the_page_says_what_finds_each_defect() {
    let page = page();
    if std::env::var_os("MIDCOMMS_ACCEPT").is_some() {
        std::fs::write(FILE, &page).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(written == page, "docs/seeded-defects.md says something else; MIDCOMMS_ACCEPT=1 writes it anew:\n{page}");
}
