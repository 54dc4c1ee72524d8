//! A counterexample as the page shows it.

use midcomms_model::story::chart::Chart;
use midcomms_model::story::{Ending, Story, html, svg};
use serde::Serialize;

/// A counterexample, drawn and told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Counterexample {
    /// Index of its row in the check's report.
    row: usize,
    title: String,
    steps: Vec<Step>,
    /// Why the property does not hold: paragraphs.
    conclusion: Vec<String>,
    svg: String,
}

#[derive(Clone, Debug, Serialize)]
struct Step {
    text: String,
    states: String,
    /// The property is violated here, or the step repeats for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<&'static str>,
}

impl Counterexample {
    /// The story of the counterexample in the row with this index.
    pub(crate) fn of(row: usize, story: &Story) -> Self {
        let steps = (0..story.run.steps.len()).map(|step| Step {
            text: story.sentence(step),
            states: html::states(story, step),
            mark: mark(story, step),
        });
        Self {
            row,
            title: story.title.clone(),
            steps: steps.collect(),
            conclusion: story.conclusion(),
            svg: svg::svg(&Chart::of(story)),
        }
    }
}

fn mark(story: &Story, step: usize) -> Option<&'static str> {
    match story.ending() {
        Ending::Violated if step + 1 == story.run.steps.len() => Some("culprit"),
        Ending::Repeats(from) if step >= from => Some("cycle"),
        _ => None,
    }
}
