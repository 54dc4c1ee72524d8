//! `midcomms check`: the model against its properties.

mod args;
mod progress;
mod units;

use std::io::{self, Write};

use crate::check::report;
use crate::check::{Outcome, Task, run};
use crate::cli::Exit;
use crate::cli::exit::end_on_closed_pipe;
use crate::render::Paint;
pub(crate) use args::CheckArgs;
use args::CheckPlan;
use progress::Bar;

/// For the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all as expected, and something was checked
  1  a difference, a defect that was not found, or a property that a variant breaks
  2  usage, I/O or malformed input
  3  incomplete: a budget ran out";

/// Checks.
pub(crate) fn run(args: CheckArgs) -> anyhow::Result<Exit> {
    let plan = args.validate()?;
    let tasks = plan.selection.tasks()?;
    let outcomes = explore(&plan, &tasks)?;
    let paint = Paint::new(plan.args.color.applies_to(&io::stdout()));
    let asked = plan.selection.asked();
    print(&(report::table(&outcomes, &asked, paint) + &report::legend(&asked, paint)))?;
    Ok(Exit::Good)
}

/// Explores one world after the other, each with all threads.
fn explore(plan: &CheckPlan, tasks: &[Task]) -> anyhow::Result<Vec<Outcome>> {
    let bar = Bar::new(tasks.len(), !plan.args.quiet);
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        let told = |progress: &_| bar.tell(task, progress);
        outcomes.push(run::run(task, plan.engine, &plan.limits, None, &told)?);
        bar.advance();
    }
    Ok(outcomes)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
