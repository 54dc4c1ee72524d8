//! What a user gets of a counterexample: the story, the chart in a file, and the run as a native trace.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use midcomms_model::story::chart::Chart;
use midcomms_model::story::{Story, html, lines, mermaid, svg, text};
use midcomms_model::system::check::Counterexample;
use midcomms_model::system::{Property, World};

use crate::check::{Outcome, Task, Verdict};
use crate::native::export;

/// Columns of a chart in a text file.
const CHART_COLUMNS: usize = 100;

/// What is wanted of a counterexample.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The story, on standard output, in this many columns.
    pub story: Option<usize>,
    /// The chart, in a file whose extension chooses the form: `.txt`, `.mmd`, `.svg` or `.html`.
    pub chart: Option<PathBuf>,
    /// The run as a native trace, in a file.
    pub export: Option<PathBuf>,
}

/// A counterexample, and what it is one to.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Where it happens.
    pub world: &'a World,
    /// The run.
    pub counterexample: &'a Counterexample,
    /// The property that it breaks.
    pub property: Property,
    /// What the nodes speak, in their order; the last name stands for all further nodes. An export has them in its head.
    pub revisions: &'a [&'a str],
    /// What the story calls their rules, where something was changed in them.
    pub rules: Option<&'a str>,
}

impl Told<'_> {
    /// The story.
    pub fn story(&self) -> Story {
        let mut story = Story::of(self.world, self.counterexample, self.property);
        let names = self.names();
        let all_equal = names.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        let named = if all_equal { names.into_iter().take(1).collect() } else { names };
        let rules = self.rules.map_or_else(|| named.join(" and "), str::to_owned);
        story.title = format!("{rules}, {}", story.title);
        story
    }

    fn names(&self) -> Vec<String> {
        let last = self.revisions.last().copied().unwrap_or("unknown rules");
        let nodes = self.world.environment.nodes;
        (0..nodes).map(|node| self.revisions.get(node).copied().unwrap_or(last).to_owned()).collect()
    }
}

/// Writes what is wanted; the story goes to `out`.
///
/// # Errors
/// If something cannot be written, or a chart's extension is none of those known.
pub fn tell(told: &Told<'_>, wanted: &Wanted, out: &mut impl Write) -> anyhow::Result<()> {
    let story = told.story();
    if let Some(columns) = wanted.story {
        out.write_all(text::text(&story, columns).as_bytes())?;
    }
    if let Some(path) = &wanted.chart {
        let chart = chart(&story, path)?;
        std::fs::write(path, chart).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    if let Some(path) = &wanted.export {
        let unwritten = || format!("{}: cannot be written", path.display());
        let mut file = BufWriter::new(File::create(path).with_context(unwritten)?);
        export(&story, &told.names(), &mut file).and_then(|()| file.flush()).with_context(unwritten)?;
    }
    Ok(())
}

/// Fails where a chart cannot have this name; for the command line, before anything is checked.
///
/// # Errors
/// If the extension is none of `.txt`, `.mmd`, `.svg` and `.html`.
pub fn check_chart_name(path: &Path) -> anyhow::Result<()> {
    form(path).map(|_| ())
}

/// Fails where a file cannot be written; for the command line, before anything is checked. It changes nothing.
///
/// # Errors
/// If the directory does not exist, or the file is there and does not let itself be written.
pub fn check_place(path: &Path) -> anyhow::Result<()> {
    let unwritten = || format!("{}: cannot be written", path.display());
    if path.exists() {
        return File::options().append(true).open(path).map(|_| ()).with_context(unwritten);
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    match directory {
        Some(directory) if !directory.is_dir() => {
            anyhow::bail!("{}: there is no directory {}", path.display(), directory.display())
        }
        _ => Ok(()),
    }
}

/// The story of the counterexample to a property, if the outcome has one.
pub fn story_of(task: &Task, outcome: &Outcome, property: Property) -> Option<String> {
    let Some(Verdict::Violated(Some(counterexample))) = outcome.verdict(property) else { return None };
    let (rules, revision) = (outcome.key.rules(), outcome.key.revision.as_str());
    let revisions: Vec<&str> = revision.split('+').collect();
    let rules = (rules != revision && !rules.contains('+')).then_some(rules.as_str());
    let told = Told { world: &task.world, counterexample, property, revisions: &revisions, rules };
    Some(text::text(&told.story(), CHART_COLUMNS))
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Mermaid,
    Svg,
    Html,
}

fn form(path: &Path) -> anyhow::Result<Form> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    Ok(match extension.as_deref() {
        Some("txt") => Form::Text,
        Some("mmd") => Form::Mermaid,
        Some("svg") => Form::Svg,
        Some("html") => Form::Html,
        _ => anyhow::bail!("{}: a chart's name ends in .txt, .mmd, .svg or .html", path.display()),
    })
}

fn chart(story: &Story, path: &Path) -> anyhow::Result<String> {
    Ok(match form(path)? {
        Form::Text => lines::lines(&Chart::of(story), CHART_COLUMNS),
        Form::Mermaid => mermaid::mermaid(&Chart::of(story)),
        Form::Svg => svg::svg(&Chart::of(story)),
        Form::Html => html::html(story),
    })
}
