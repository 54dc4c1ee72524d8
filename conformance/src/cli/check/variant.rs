//! `--variant`: what rules of one's own change.

use std::path::Path;
use std::time::Instant;

use super::args::CheckPlan;
use super::{exit_of, explore, page, tell};
use crate::check::compare::{Scope, compare};
use crate::check::models::Models;
use crate::check::report::{self, Report};
use crate::check::variant::{Change, Variant, changes};
use crate::check::{Selection, Subject};
use crate::cli::Exit;
use crate::cli::page::PageFile;

/// Checks a variant and what it is compared with.
pub(super) fn run(plan: &CheckPlan, file: &Path, models: &Models, page: Option<&PageFile>) -> anyhow::Result<Exit> {
    let variant = Variant::load(file)?;
    let against = plan.args.what.against.clone().unwrap_or_else(|| Subject::of_base(variant.base));
    let began = Instant::now();
    let tasks_of = |subject: &Subject| Selection { subjects: vec![subject.clone()], ..plan.selection.clone() }.tasks();
    let tasks = [tasks_of(&variant.subject)?, tasks_of(&against)?].concat();
    let outcomes = explore(plan, &tasks)?;
    let (after, before) = outcomes.split_at_checked(tasks.len() / 2).unwrap_or_default();
    let changes = changes(before, after);
    let differences = compare(&outcomes, models, plan.engine, &Scope::Nothing);
    let asked = plan.selection.asked();
    let report = Report {
        outcomes: &outcomes,
        models,
        differences: &differences,
        cases: &[],
        changes: &changes,
        asked: &asked,
        engine: plan.engine,
        seconds: began.elapsed().as_secs_f64(),
    };
    let paint = plan.paint();
    let mut body = match report.rows() > 2 * super::FEW_ROWS {
        true => report::table(&outcomes, &asked, paint) + &report::legend(&asked, paint),
        false => report::rows(&outcomes, Some((&variant.subject.name, file)), paint),
    };
    body.push('\n');
    body.push_str(&report::changes(&changes, &variant.subject.name, &against.name, paint));
    let own = (tasks.get(..after.len()).unwrap_or_default(), after);
    let names = Some((variant.subject.name.as_str(), variant.base.name()));
    body.push_str(&plan.args.telling.stories(own, names)?);
    tell(plan, &report, &body)?;
    plan.args.telling.write(own, names)?;
    page::write(page, &report, own, names)?;
    let exit = exit_of(&outcomes, &differences, &[]);
    Ok(if changes.iter().any(Change::is_breakage) { exit.max(Exit::Failed) } else { exit })
}
