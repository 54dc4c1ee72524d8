//! The process that is the kernel's peer, as a scenario sees it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::peer::Over;
use crate::report::{Counts, Order, Report};

/// The network namespace that it lives in.
pub(crate) const NAMESPACE: &str = "peer";

/// The process.
pub(crate) struct StandIn {
    child: Child,
    orders: ChildStdin,
    reports: Receiver<Report>,
}

impl StandIn {
    /// Starts it and waits until it listens.
    pub(crate) fn start(over: Over, record: &Path) -> Result<Self> {
        let over = if over == Over::Sctp { "sctp" } else { "tcp" };
        let mut child = Command::new("ip")
            .args(["netns", "exec", NAMESPACE])
            .arg(std::env::current_exe()?)
            .args(["peer", "--node", "2", "--address", "10.0.0.2", "--kernel", "1", "--kernel-address", "10.0.0.1"])
            .args(["--over", over, "--incarnations", "/tmp/incarnations", "--record"])
            .arg(record)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the peer")?;
        let orders = child.stdin.take().context("no standard input")?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let (sender, reports) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                println!("    peer: {line}");
                let report =
                    serde_json::from_str(&line).unwrap_or_else(|error| Report::Fault(format!("{error}: {line}")));
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        let mut peer = Self { child, orders, reports };
        peer.await_report("to listen", Duration::from_secs(20), |report| *report == Report::Ready)?;
        Ok(peer)
    }

    /// Tells it what to do.
    pub(crate) fn order(&mut self, order: Order) -> Result<()> {
        writeln!(self.orders, "{}", serde_json::to_string(&order)?).context("the peer takes no orders")
    }

    /// Waits for a report; others before it are passed over, but a fault ends the scenario.
    pub(crate) fn await_report(
        &mut self,
        what: &str,
        patience: Duration,
        is_it: impl Fn(&Report) -> bool,
    ) -> Result<Report> {
        let end = Instant::now() + patience;
        loop {
            match self.reports.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Report::Fault(fault)) => bail!("the peer reports: {fault}"),
                Ok(report) if is_it(&report) => return Ok(report),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("for {} s the peer was waited for in vain {what}", patience.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the peer's process ended while it was to {what}"),
            }
        }
    }

    /// What it has counted.
    pub(crate) fn counts(&mut self) -> Result<Counts> {
        self.order(Order::Count)?;
        match self.await_report("to count", Duration::from_secs(10), |report| matches!(report, Report::Counts(_)))? {
            Report::Counts(counts) => Ok(counts),
            _ => bail!("no counts"),
        }
    }

    /// Leaves in order.
    pub(crate) fn left(&mut self, patience: Duration) -> Result<String> {
        let report = self.await_report("to leave", patience, |report| matches!(report, Report::Left { .. }))?;
        self.child.wait()?;
        match report {
            Report::Left { outcome } => Ok(outcome),
            _ => bail!("it did not leave"),
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
