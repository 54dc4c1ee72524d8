//! The chart as a Mermaid `sequenceDiagram`. Its arrows are level, so a message is drawn where it is read, or lost.

use super::chart::{Arrow, Chart, Head, Item};

/// The diagram's source.
pub fn mermaid(chart: &Chart) -> String {
    let mut out = "sequenceDiagram\n".to_owned();
    for (lane, name) in chart.lanes.iter().enumerate() {
        out += &format!("    participant N{} as {name}\n", lane + 1);
    }
    let mut open = Vec::new();
    for (index, row) in chart.rows.iter().enumerate() {
        if chart.begins_step(index) && chart.cycle_at == Some(row.step) {
            out += "    loop for ever\n";
            open.push(());
        }
        if chart.begins_step(index) && chart.culprit == Some(row.step) {
            out += "    rect rgba(220, 60, 60, 0.25)\n";
            open.push(());
        }
        if let Some(line) = item(chart, row.step, &row.item) {
            out += &format!("    {line}\n");
        }
    }
    for arrow in chart.arrows.iter().filter(|arrow| arrow.head == Head::UnderWay) {
        out += &format!("    N{}--)N{}: {} (not read)\n", arrow.from + 1, arrow.to + 1, arrow.label);
    }
    out += &"    end\n".repeat(open.len());
    if let Some(sentence) = chart.conclusion.first() {
        out += &format!("    Note over N1,N{}: {}\n", chart.lanes.len(), escape(sentence));
    }
    out
}

fn item(chart: &Chart, step: usize, item: &Item) -> Option<String> {
    let step = step + 1;
    Some(match item {
        Item::Note { lane, text, .. } => format!("Note over N{}: {step}. {}", lane + 1, escape(text)),
        Item::Departs(_) => return None,
        Item::Arrives(arrow) => {
            let arrow = chart.arrow(*arrow)?;
            format!("{}: {step}. {}{}", ends(arrow, "->>"), escape(&arrow.label), since(chart, arrow, step))
        }
        Item::Vanishes(arrow) => {
            let arrow = chart.arrow(*arrow)?;
            format!("{}: {step}. {}, lost", ends(arrow, "-x"), escape(&arrow.label))
        }
        Item::Breaks { from, to } => {
            let (left, right) = (from.min(to) + 1, from.max(to) + 1);
            format!("Note over N{left},N{right}: {step}. the connection {}>{} breaks", from + 1, to + 1)
        }
    })
}

fn ends(arrow: &Arrow, line: &str) -> String {
    format!("N{}{line}N{}", arrow.from + 1, arrow.to + 1)
}

/// Where it was written, unless that was the step before.
fn since(chart: &Chart, arrow: &Arrow, step: usize) -> String {
    let written = chart.rows.get(arrow.tail).map_or(0, |row| row.step + 1);
    if written + 1 == step { String::new() } else { format!(" of step {written}") }
}

/// Mermaid takes `;` and `#` for its own.
fn escape(text: &str) -> String {
    text.replace('#', "").replace(';', ",")
}
