//! `midcomms check`: the model against its properties.

mod accept;
pub(super) mod args;
mod page;
mod progress;
mod telling;
mod units;
mod variant;
mod verify;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use midcomms_model::engine::Checkpoint;

use crate::check::cases::{self, Case, CaseReport};
use crate::check::compare::{Difference, Scope, compare, merged};
use crate::check::models::{Expected, Models};
use crate::check::report::{self, Report};
use crate::check::run::{self, Disc, Verdict, description};
use crate::check::{Outcome, SeedKind, Task};
use crate::cli::Exit;
use crate::cli::exit::end_on_closed_pipe;
use crate::cli::page::is_stdout;
use crate::render::Paint;
pub(crate) use args::CheckArgs;
use args::{CheckFormat, CheckPlan, conflict};
use progress::Bar;

/// For the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all as expected, and something was checked
  1  a difference, a defect that was not found, or a property that a variant breaks
  2  usage, I/O or malformed input
  3  incomplete: a budget ran out; or nothing was checked
With several, the most serious one counts, in the order 2, 1, 3, 0.";

/// How often a search is saved.
const SAVED_EVERY: Duration = Duration::from_secs(60);

/// So many rows or fewer are told in words.
const FEW_ROWS: usize = 14;

/// Checks.
pub(crate) fn run(args: CheckArgs) -> anyhow::Result<Exit> {
    let plan = args.validate()?;
    let page = page::create(&plan)?;
    let what = &plan.args.what;
    if what.rules {
        print(&report::rules(plan.paint()))?;
        return Ok(Exit::Good);
    }
    if what.environments {
        print(&report::environments(plan.paint()))?;
        return Ok(Exit::Good);
    }
    let models = match &plan.args.expectations.models {
        // What is accepted is what comes out: the file is read when it is written.
        _ if plan.args.expectations.accept => Models::default(),
        Some(file) => Models::load(file)?,
        None => Models::built_in()?,
    };
    if what.expected {
        print(&report::markdown(&models.worlds))?;
        return Ok(Exit::Good);
    }
    if what.verify {
        return verify::run(&plan);
    }
    if let Some(file) = &what.variant {
        return variant::run(&plan, file, &models, page.as_ref());
    }
    let (cases, kinds) = catalogue(&plan)?;
    let is_catalogue = !kinds.is_empty();
    let (tasks, scope) = match is_catalogue {
        true => (claims(&cases), Scope::Catalogue(kinds)),
        false => (plan.selection.tasks()?, Scope::Matrix(&plan.selection)),
    };
    let began = Instant::now();
    let outcomes = explore(&plan, &tasks)?;
    if plan.args.expectations.accept {
        return accept::run(&plan, &outcomes, &scope);
    }
    let judged: Vec<CaseReport> = cases.iter().map(|case| case.judge(&outcomes)).collect();
    let differences = compare(&outcomes, &models, plan.engine, &scope);
    let report = Report {
        outcomes: &outcomes,
        models: &models,
        differences: &differences,
        cases: &judged,
        changes: &[],
        asked: &plan.selection.asked(),
        engine: plan.engine,
        seconds: began.elapsed().as_secs_f64(),
    };
    let stories = plan.args.telling.stories((&tasks, &outcomes), None)?;
    let body =
        if is_catalogue { report::cases(&judged, plan.paint()) + &stories } else { matrix(&plan, &report, &stories) };
    tell(&plan, &report, &body)?;
    plan.args.telling.write((&tasks, &outcomes), None)?;
    page::write(page.as_ref(), &report, (&tasks, &outcomes), None)?;
    let exit = exit_of(&outcomes, &differences, &judged);
    // A catalogue without entries shows nothing; one whose entries are all outside the model says what it knows.
    Ok(if outcomes.is_empty() && judged.is_empty() { exit.max(Exit::Unproven) } else { exit })
}

impl CheckPlan {
    fn paint(&self) -> Paint {
        Paint::new(self.args.color.applies_to(&io::stdout()))
    }
}

/// The entries of the catalogue that are asked, and their kinds of rows.
fn catalogue(plan: &CheckPlan) -> anyhow::Result<(Vec<Case>, &'static [SeedKind])> {
    let what = &plan.args.what;
    Ok(match (what.defects, what.hazards, what.measures) {
        (true, _, _) => (cases::defects()?, &[SeedKind::Defect, SeedKind::Unmasked]),
        (_, true, _) => (cases::hazards()?, &[SeedKind::Hazard, SeedKind::Remedy]),
        (_, _, true) => (cases::measures()?, &[SeedKind::Measure]),
        _ => (Vec::new(), &[]),
    })
}

fn claims(cases: &[Case]) -> Vec<Task> {
    let claims = cases.iter().flat_map(|case| &case.claims);
    merged(claims.map(|claim| claim.task.clone()).collect())
}

/// Explores one world after the other, each with all threads.
fn explore(plan: &CheckPlan, tasks: &[Task]) -> anyhow::Result<Vec<Outcome>> {
    let disc = disc(plan, tasks)?;
    let bar = Bar::new(tasks.len(), !plan.args.quiet);
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        let told = |progress: &_| bar.tell(task, progress);
        outcomes.push(run::run(task, plan.engine, &plan.limits, disc.as_ref(), &told)?);
        bar.advance();
    }
    Ok(outcomes)
}

/// The file that the search of the one world is saved to.
fn disc(plan: &CheckPlan, tasks: &[Task]) -> anyhow::Result<Option<Disc>> {
    let Some(disc) = &plan.disc else { return Ok(None) };
    let [task] = tasks else {
        let message = format!("--checkpoint and --resume are for one world, and {} are selected", tasks.len());
        return Err(conflict(&message).into());
    };
    let checkpoint = Checkpoint { file: disc.file.clone(), every: SAVED_EVERY, description: description(task) };
    Ok(Some(if disc.is_resumed { Disc::Resume(checkpoint) } else { Disc::Save(checkpoint) }))
}

/// The table; or, of few rows, words; and the counterexamples that are to be told.
fn matrix(plan: &CheckPlan, report: &Report<'_>, stories: &str) -> String {
    let paint = plan.paint();
    if report.rows() > FEW_ROWS {
        return report::table(report.outcomes, report.asked, paint) + &report::legend(report.asked, paint) + stories;
    }
    report::rows(report.outcomes, None, paint) + stories
}

/// Prints a report in the form that was asked for.
fn tell(plan: &CheckPlan, report: &Report<'_>, body: &str) -> anyhow::Result<()> {
    let text = match plan.args.format {
        CheckFormat::Text => format!("{body}{}", report::summary(report, plan.paint())),
        CheckFormat::Json => report::json(report)?,
        CheckFormat::Junit => report::junit(report)?,
        CheckFormat::Markdown => {
            let worlds: Vec<Expected> = report.outcomes.iter().filter_map(Expected::from_outcome).collect();
            report::markdown(&worlds)
        }
    };
    if plan.args.html.as_deref().is_some_and(is_stdout) {
        let _ = io::stderr().write_all(text.as_bytes());
    } else {
        print(&text)?;
    }
    if plan.args.format == CheckFormat::Markdown {
        // A table has no place for what is wrong with it.
        let _ = write!(io::stderr(), "{}", report::summary(report, Paint::new(false)));
    }
    Ok(())
}

fn exit_of(outcomes: &[Outcome], differences: &[Difference], cases: &[CaseReport]) -> Exit {
    let mut exit = Exit::Good;
    let is_checked = |outcome: &Outcome| {
        outcome.verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Holds | Verdict::Violated(_)))
    };
    if outcomes.iter().any(|outcome| outcome.is_incomplete() || !is_checked(outcome)) {
        exit = exit.max(Exit::Unproven);
    }
    if cases.iter().any(|case| case.passed.is_none()) {
        exit = exit.max(Exit::Unproven);
    }
    if !differences.is_empty() || cases.iter().any(|case| case.passed == Some(false)) {
        exit = exit.max(Exit::Failed);
    }
    exit
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
