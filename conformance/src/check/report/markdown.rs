//! The matrix as Markdown: a table for each revision.

use std::fmt::Write;

use midcomms_model::system::Property;

use super::table::{grouped, short};
use crate::check::models::Expected;

/// Tables of the rows of the matrix; seeded ones are left out.
pub fn markdown(worlds: &[Expected]) -> String {
    let matrix: Vec<&Expected> = worlds.iter().filter(|world| world.key.seed.is_none()).collect();
    let mut text = String::new();
    for block in matrix.chunk_by(|one, other| one.key.revision == other.key.revision) {
        let Some(first) = block.first() else { continue };
        let _ = write!(text, "**{}**\n\n| environment | states |", first.key.revision);
        for property in Property::ALL {
            let _ = write!(text, " {} |", short(property));
        }
        text.push_str("\n|---|---:|");
        text.push_str(&":-:|".repeat(Property::ALL.len()));
        text.push('\n');
        for world in block {
            let _ = write!(text, "| {} | {} |", world.key.environment, grouped(world.states));
            for property in Property::ALL {
                let cell = match world.of(property) {
                    None => " ".to_owned(),
                    Some(None) => "✓".to_owned(),
                    Some(Some(steps)) => format!("✗ {steps}"),
                };
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        text.push('\n');
    }
    let names = Property::ALL.map(|property| format!("{} {}", short(property), property.name()));
    let _ = writeln!(
        text,
        "✓ holds; ✗ n: violated, the shortest counterexample has n steps. Columns: {}.",
        names.join(", ")
    );
    text
}
