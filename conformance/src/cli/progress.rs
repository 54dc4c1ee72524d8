//! A progress bar on stderr, where that is a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);

/// Shows how many bytes were read while it lives.
pub(crate) struct Progress {
    shown: Option<Shown>,
}

struct Shown {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar up to `total` bytes, a counter if that is 0; nothing unless `wanted` and stderr is a terminal.
    pub(crate) fn new(total: u64, wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self { shown: None };
        }
        let bar = if total == 0 { ProgressBar::no_length() } else { ProgressBar::new(total) };
        bar.set_style(style(total));
        let read = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let ticker = std::thread::spawn({
            let (bar, read, ended) = (bar.clone(), read.clone(), ended.clone());
            move || {
                while !ended.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    bar.set_position(read.load(Ordering::Relaxed));
                }
            }
        });
        Self { shown: Some(Shown { bar, read, ended, ticker: Some(ticker) }) }
    }

    /// Where readers count their bytes.
    pub(crate) fn counter(&self) -> Option<Arc<AtomicU64>> {
        self.shown.as_ref().map(|shown| shown.read.clone())
    }

    /// Prints while the bar is out of the way.
    pub(crate) fn suspended<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.shown {
            Some(shown) => shown.bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        shown.ended.store(true, Ordering::Relaxed);
        if let Some(ticker) = shown.ticker.take() {
            ticker.thread().unpark();
            let _ = ticker.join();
        }
        shown.bar.finish_and_clear();
    }
}

fn style(total: u64) -> ProgressStyle {
    let template = match total {
        0 => "{spinner} {bytes} read, {bytes_per_sec}",
        _ => "{bar:30} {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
