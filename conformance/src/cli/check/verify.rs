//! `--verify`: three engines count the same states.

use super::args::CheckPlan;
use super::print;
use super::progress::Bar;
use crate::check::report::{counted, grouped};
use crate::check::{Engine, Task, rival, run};
use crate::cli::Exit;

/// Worlds of more states are not counted again.
const MAX_STATES: u64 = 3_000_000;

/// Counts the states of every selected world three times.
pub(super) fn run(plan: &CheckPlan) -> anyhow::Result<Exit> {
    let tasks = plan.selection.tasks()?;
    let bar = Bar::new(tasks.len(), !plan.args.quiet);
    let (mut exit, mut agreed, mut large) = (Exit::Good, 0, 0);
    for task in &tasks {
        let outcome = run::run(task, Engine::Own, &plan.limits, None, &|progress| bar.tell(task, progress))?;
        let states = grouped(outcome.states);
        bar.advance();
        if outcome.unfinished.is_some() {
            exit = exit.max(Exit::Unproven);
            print(&format!("?    {}: {states} states, then a budget ran out\n", task.key))?;
        } else if outcome.states > MAX_STATES {
            large += 1;
            print(&format!("-    {}: {states} states: too many to count again\n", task.key))?;
        } else {
            let is_equal = count(task, outcome.states, plan.limits.threads)?;
            agreed += usize::from(is_equal);
            exit = if is_equal { exit } else { exit.max(Exit::Failed) };
        }
    }
    print(&format!(
        "verify: {}: {agreed} counted alike by our engine and both of stateright's, {large} too large\n",
        counted(tasks.len(), "world")
    ))?;
    Ok(if agreed == 0 { exit.max(Exit::Unproven) } else { exit })
}

fn count(task: &Task, states: u64, threads: usize) -> anyhow::Result<bool> {
    let [bfs, dfs] = [Engine::StaterightBfs, Engine::StaterightDfs]
        .map(|engine| rival::distinct_states(&task.world, engine, threads));
    if (bfs, dfs) == (states, states) {
        print(&format!("ok   {}: {} states\n", task.key, grouped(states)))?;
        return Ok(true);
    }
    let [states, bfs, dfs] = [states, bfs, dfs].map(grouped);
    print(&format!("FAIL {}: {states} states by our engine, {bfs} by stateright-bfs, {dfs} by -dfs\n", task.key))?;
    Ok(false)
}
