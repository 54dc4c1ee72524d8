//! The story as text: numbered steps, with the state of each record behind them.

use super::run::Frame;
use super::{Ending, Story, words};

/// Width of a step's number and its mark.
const NUMBER: usize = 8;
/// Width of a state's name.
const STATE: usize = 12;
/// Width of a state's abbreviation.
const SHORT_STATE: usize = 4;
/// Sentences are not squeezed below this, whatever the width.
const LEAST: usize = 30;

/// The story, wrapped at `width` columns.
pub fn text(story: &Story, width: usize) -> String {
    let mut out = paragraph(&story.title, "", "", width);
    if story.run.nodes > 2 {
        let legend = "Records as node>peer: C CLOSED, E ESTABLISHED, FW1 FIN_WAIT1, FW2 FIN_WAIT2, CW CLOSE_WAIT, LA LAST_ACK, CG CLOSING.";
        out += &paragraph(legend, "", "", width);
    }
    out += &format!("\n{:NUMBER$}{}after step\n", "", heads(story));
    if let Some(frame) = story.run.frame(0) {
        out += &row("0", &states(story, frame), "the beginning: every node has joined, nobody has been told", width);
    }
    for step in 0..story.run.steps.len() {
        let Some(frame) = story.run.frame(step + 1) else { break };
        if story.ending() == Ending::Repeats(step) {
            out += &paragraph("for ever:", &" ".repeat(NUMBER), &" ".repeat(NUMBER), width);
        }
        let is_culprit = story.ending() == Ending::Violated && step + 1 == story.run.steps.len();
        let number = format!("{:3}{:>3}", mark(story, step, is_culprit), step + 1);
        out += &row(&number, &states(story, frame), &format!("{}.", story.sentence(step)), width);
    }
    out.push('\n');
    for sentence in story.conclusion() {
        out += &paragraph(&sentence, "", "  ", width);
    }
    out
}

fn mark(story: &Story, step: usize, is_culprit: bool) -> &'static str {
    match story.ending() {
        _ if is_culprit => "!!",
        Ending::Repeats(from) if step >= from => "|",
        _ => "",
    }
}

fn heads(story: &Story) -> String {
    if story.run.nodes == 2 {
        return (0..2).map(|node| format!("{:STATE$}", words::node(node))).collect();
    }
    story.run.pairs().map(|(x, y)| format!("{:SHORT_STATE$}", words::direction(x, y))).collect()
}

fn states(story: &Story, frame: &Frame) -> String {
    let pairs = story.run.pairs().map(|(x, y)| frame.end(x, y).record.state);
    if story.run.nodes == 2 {
        return pairs.map(|state| format!("{:STATE$}", state.name())).collect();
    }
    pairs.map(|state| format!("{:SHORT_STATE$}", words::state_in_short(state))).collect()
}

fn row(number: &str, states: &str, sentence: &str, width: usize) -> String {
    let first = format!("{number:>6}. {states}");
    let rest = " ".repeat(first.chars().count());
    paragraph(sentence, &first, &rest, width)
}

/// Text in lines of at most `width` columns, the first behind `first` and the others behind `rest`.
fn paragraph(text: &str, first: &str, rest: &str, width: usize) -> String {
    let room = width.saturating_sub(rest.chars().count()).max(LEAST);
    let lines = wrap(text, room);
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let before = if index == 0 { first } else { rest };
        out += &format!("{before}{line}\n");
    }
    out
}

/// Parts that `; ` separates begin a line each, and are wrapped at `room` columns.
pub(super) fn wrap_parts(text: &str, room: usize) -> Vec<String> {
    text.split("; ").flat_map(|part| wrap(part, room)).collect()
}

/// Words in lines of at most `room` columns; a longer word stands alone.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
