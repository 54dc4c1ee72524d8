//! A line of progress on stderr, where that is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use midcomms_model::engine::Progress;

use crate::check::Task;
use crate::check::report::grouped;

/// Which world is explored, and how far that has come.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar over so many worlds; nothing unless `wanted` and stderr is a terminal.
    pub(super) fn new(worlds: usize, wanted: bool) -> Self {
        let bar = match wanted && std::io::stderr().is_terminal() {
            true => ProgressBar::new(worlds as u64),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos} of {len}  {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// A world is being explored.
    pub(super) fn tell(&self, task: &Task, progress: &Progress) {
        let (states, waiting) = (grouped(progress.states), grouped(progress.frontier));
        let memory = progress.memory_bytes >> 20;
        let depth = progress.depth;
        self.0.set_message(format!("{}: {states} states, {waiting} waiting, depth {depth}, {memory} MiB", task.key));
    }

    /// A world is done.
    pub(super) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
