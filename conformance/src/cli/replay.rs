//! `midcomms replay`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::args::{ReplayArgs, ReplayFormat, ReplayPlan};
use super::deliveries::Deliveries;
use super::exit::{Exit, end_with};
use super::page::{is_same_file, is_stdout};
use super::parallel::in_order;
use super::progress::Progress;
use super::trouble::Trouble;
use crate::capture::{CaptureError, CaptureSummary};
use crate::inputs::{Input, expand};
use crate::render;
use crate::render::{JsonReport, Paint, TextReport};
use crate::replay::{
    DeliverySink, FileReport, NoDeliveries, Replay, ReplayOptions, Session, Source, replay_native, replay_run,
};

mod besides;
mod follow;

use besides::Besides;

const UNWRITTEN: &str = "the report cannot be written";

/// What came of one input.
pub(crate) struct Outcome {
    pub(crate) reports: Vec<FileReport>,
    pub(super) troubles: Vec<Trouble>,
}

/// Judges captures.
pub(crate) fn run(args: ReplayArgs) -> anyhow::Result<Exit> {
    let mut plan = args.validate()?;
    if plan.args.follow {
        return follow::run(&plan);
    }
    let inputs = expand(&plan.args.input.paths, plan.args.together);
    let mut besides = Besides::new(&plan, &inputs)?;
    let deliveries = Mutex::new(create_deliveries(&plan, &inputs)?);
    let total = inputs.iter().map(Input::bytes).sum();
    let progress = Progress::new(total, !plan.args.quiet);
    plan.options.capture.progress = progress.counter();
    let mut printer = Printer::new(&plan);
    printer.head().context(UNWRITTEN)?;
    let mut exit = Exit::default();
    let mut unseen: BTreeSet<u32> = plan.options.revisions.keys().copied().collect();
    let judge_one = |input: &Input| {
        let mut deliveries = deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        match deliveries.as_mut() {
            None => {
                drop(deliveries);
                judge(input, &plan.options, &mut NoDeliveries)
            }
            Some(sink) => {
                if inputs.len() > 1 {
                    sink.begin_input(&input.name());
                }
                let mut outcome = judge(input, &plan.options, sink);
                if let [first, _, ..] = &mut outcome.reports[..] {
                    let note = "deliveries of native traces that are judged together are not written: judge one alone";
                    first.notes.push(note.to_owned());
                }
                outcome
            }
        }
    };
    in_order(&inputs, plan.threads, judge_one, |outcome| {
        for report in &outcome.reports {
            exit = exit.max(Exit::of(report, plan.args.strict));
            for node in report.pairs.iter().flat_map(|pair| &pair.nodes) {
                unseen.remove(&node.id);
            }
        }
        outcome.reports.iter().for_each(|report| besides.file(report));
        printer.so_far = exit;
        progress.suspended(|| printer.outcome(&outcome))
    })
    .context(UNWRITTEN)?;
    drop(progress);
    printer.tail().context(UNWRITTEN)?;
    if let Some(sink) = deliveries.into_inner().unwrap_or_else(PoisonError::into_inner).as_mut() {
        sink.flush().context("the deliveries cannot be written")?;
    }
    besides.write()?;
    if let Some(node) = unseen.first() {
        anyhow::bail!("--revision names node {node}, which is in none of the inputs: nothing was held to it");
    }
    Ok(exit)
}

fn judge(input: &Input, options: &ReplayOptions, sink: &mut dyn DeliverySink) -> Outcome {
    let name = input.name();
    let paths = match input {
        Input::Capture(paths) => paths,
        Input::Unusable(_, reason) => {
            let trouble = Trouble::with_input(&name, reason);
            return unreadable(name, trouble);
        }
    };
    if paths.len() > 1 {
        match replay_run(paths, options) {
            Ok(None) => {}
            Ok(Some(judged)) => {
                let troubles = judged.iter().flat_map(|(_, errors)| errors).map(Trouble::from).collect();
                return Outcome { reports: judged.into_iter().map(|(report, _)| report).collect(), troubles };
            }
            Err(error) => return unreadable(name, Trouble::from(&error)),
        }
    }
    match Source::open(paths, options) {
        Ok(Source::Native(opened)) => match replay_native(name.clone(), opened, options, sink) {
            Ok((report, errors)) => {
                Outcome { reports: vec![report], troubles: errors.iter().map(Trouble::from).collect() }
            }
            Err(error) => {
                let trouble = Trouble::with_head(&name, &error);
                unreadable(name, trouble)
            }
        },
        Ok(Source::Capture(reader)) => {
            let mut replay = Replay::new(options, sink);
            let summary = reader.read(&mut |observed| replay.observe(&observed));
            let troubles = troubles(&summary);
            Outcome { reports: vec![replay.finish(name, &summary)], troubles }
        }
        Err(error) => unreadable(name, Trouble::from(&error)),
    }
}

pub(super) fn unreadable(name: String, trouble: Trouble) -> Outcome {
    let report = FileReport::unreadable(name, trouble.what.clone());
    Outcome { reports: vec![report], troubles: vec![trouble] }
}

fn troubles(summary: &CaptureSummary) -> Vec<Trouble> {
    summary.damage.iter().map(|error: &CaptureError| Trouble::from(error)).collect()
}

fn create_deliveries(plan: &ReplayPlan, inputs: &[Input]) -> anyhow::Result<Option<Deliveries>> {
    let Some(path) = &plan.args.deliveries else { return Ok(None) };
    for input in inputs {
        if let Input::Capture(captures) = input {
            let is_capture = captures.iter().any(|capture| is_same_file(capture, path));
            anyhow::ensure!(!is_capture, "{}: is to be judged, not overwritten", path.display());
        }
    }
    let created = Deliveries::create(path, plan.args.together);
    Ok(Some(created.with_context(|| format!("{}: cannot be written", path.display()))?))
}

/// Where reports go, and in which form.
pub(super) struct Printer {
    form: Form,
    /// The standard output is taken by the deliveries or by the page.
    to_stderr: bool,
    errors: Paint,
    /// What is known already when nobody reads any more.
    so_far: Exit,
}

enum Form {
    Text(TextReport),
    Json(JsonReport),
}

impl Printer {
    pub(super) fn new(plan: &ReplayPlan) -> Self {
        let args = &plan.args;
        let to_stderr = args.deliveries.iter().chain(&args.html).any(|path| is_stdout(path));
        let errors = Paint::new(args.color.applies_to(&io::stderr()));
        let paint = if to_stderr { errors } else { Paint::new(args.color.applies_to(&io::stdout())) };
        let form = match args.format {
            ReplayFormat::Text => Form::Text(TextReport::new(paint, args.quiet, plan.options.capture.ports.clone())),
            ReplayFormat::Json => Form::Json(JsonReport::default()),
        };
        Self { form, to_stderr, errors, so_far: Exit::default() }
    }

    pub(super) fn head(&mut self) -> io::Result<()> {
        let text = match &self.form {
            Form::Text(_) => String::new(),
            Form::Json(json) => json.head(),
        };
        self.print(&text)
    }

    pub(super) fn outcome(&mut self, outcome: &Outcome) -> io::Result<()> {
        let mut text = String::new();
        for report in &outcome.reports {
            text += &match &mut self.form {
                Form::Text(text) => text.file(report),
                Form::Json(json) => json.file(report)?,
            };
        }
        for trouble in &outcome.troubles {
            trouble.tell(self.errors);
        }
        self.print(&text)
    }

    /// What a trace that is followed has shown since `told` rejections and stalls.
    pub(super) fn findings(&mut self, session: &Session<'_>, path: &str, told: (usize, usize)) -> io::Result<()> {
        let (rejections, stalls) = session.findings();
        let paint = self.errors;
        let rejections = rejections.into_iter().skip(told.0).map(|refused| render::rejection(refused, path, paint));
        let stalls = stalls.into_iter().skip(told.1).map(|stalled| render::stall(stalled, paint));
        let text: Vec<String> = rejections.chain(stalls).collect();
        self.print(&format!("{}\n", text.join("\n")))
    }

    pub(super) fn tail(&mut self) -> io::Result<()> {
        let text = match &self.form {
            Form::Text(text) => text.summary(),
            Form::Json(json) => json.tail(),
        };
        self.print(&text)
    }

    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        if self.to_stderr {
            let _ = io::stderr().write_all(text.as_bytes());
            return Ok(());
        }
        let mut out = io::stdout().lock();
        end_with(out.write_all(text.as_bytes()).and_then(|()| out.flush()), self.so_far)
    }
}
