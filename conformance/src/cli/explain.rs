//! `midcomms explain`.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::exit::{Exit, end_on_closed_pipe};
use super::terminal::ColorChoice;
use crate::explain::{self, Family, Topic};
use crate::render::{Paint, printable, wrapped};

const WIDTH: usize = 96;

/// What to explain.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Rules (RCV-4), hazards (H2), defects (D1), measures (HRD-1), properties, environments, revisions, verdicts; in
    /// any case. Without one: a list of all
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    format: ExplainFormat,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

/// How `explain` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people
    Text,
    /// A JSON array of topics
    Json,
}

/// Explains what was named, or lists all.
pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    let mut exit = Exit::Good;
    for name in &args.names {
        match explain::find(name) {
            Some(topic) => found.push(topic),
            None => {
                let _ = writeln!(io::stderr(), "error: {}", printable(&explain::unknown(name)));
                exit = Exit::Unusable;
            }
        }
    }
    if args.names.is_empty() {
        found = explain::topics();
    }
    let paint = Paint::new(args.color.applies_to(&io::stdout()));
    let text = match args.format {
        ExplainFormat::Json => serde_json::to_string_pretty(&found)? + "\n",
        ExplainFormat::Text if args.names.is_empty() => list(&found, paint),
        ExplainFormat::Text => found.iter().map(|topic| one(topic, paint)).collect::<Vec<_>>().join("\n"),
    };
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
    Ok(exit)
}

fn list(topics: &[Topic], paint: Paint) -> String {
    let mut out = String::new();
    let mut family: Option<Family> = None;
    let width = topics.iter().map(|topic| topic.id.len()).max().unwrap_or(0);
    for topic in topics {
        if family != Some(topic.family) {
            let gap = if family.is_some() { "\n" } else { "" };
            let _ = writeln!(out, "{gap}{}", paint.heading(topic.family.heading()));
            family = Some(topic.family);
        }
        let title = wrapped(&topic.title, WIDTH - width).replace('\n', &format!("\n{:width$}    ", ""));
        let _ = writeln!(out, "  {:width$}  {title}", topic.id);
    }
    out
}

fn one(topic: &Topic, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.heading(&wrapped(&format!("{}: {}", topic.id, topic.title), WIDTH)));
    if !topic.text.is_empty() {
        let _ = writeln!(out, "\n{}", topic.text);
    }
    if !topic.anchor.is_empty() {
        let _ = writeln!(out, "\n{}", paint.faint(&format!("model/PROTOCOL.md#{}", topic.anchor)));
    }
    if !topic.causes.is_empty() {
        let heading = if topic.family == Family::Measure { "When it matters" } else { "What usually causes it" };
        let _ = writeln!(out, "\n{}\n{}", paint.heading(heading), wrapped(topic.causes, WIDTH));
    }
    if let Some(example) = &topic.example {
        let _ = writeln!(out, "\n{}\n{}:\n", paint.heading("An example"), wrapped(&example.falsification, WIDTH));
        let _ = writeln!(out, "    $ midcomms replay {}\n", example.trace);
        for before in &example.before {
            let _ = writeln!(out, "    {before}");
        }
        let _ = writeln!(out, "    frame {}: {}", example.frame, example.message);
        let _ = writeln!(out, "    expected: {}\n    got:      {}", example.expected, example.got);
    }
    if !topic.commands.is_empty() {
        let _ = writeln!(out, "\n{}", paint.heading("To see it"));
        for command in &topic.commands {
            let _ = writeln!(out, "    $ {command}");
        }
    }
    out
}
