//! What the kernel and its peer go through.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};

use crate::locks::{Load, Locks};
use crate::manager::{Lockspace, Manager, wait};
use crate::peer::Over;
use crate::report::{Order, Report};
use crate::stand_in::{NAMESPACE, StandIn};

const KERNEL: (u32, [u8; 4]) = (1, [10, 0, 0, 1]);
const PEER: (u32, [u8; 4]) = (2, [10, 0, 0, 2]);
/// Resources of each kind: about half of them have the peer as their directory.
const RESOURCES: usize = 64;
/// Locks that a load takes at a time.
const WINDOW: u32 = 8;
/// How long a load, or a handshake, may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// Times that connections are broken in one scenario, and how long a load runs before each.
const BREAKS: usize = 24;
const BREAK_EVERY: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Join, locks both ways, the peer leaves, and joins again; the kernel leaves
    Clean,
    /// The kernel and the peer leave at once
    BothLeave,
    /// Connections are reset again and again while locks are taken both ways
    Resets,
    /// Nothing gets through for some seconds, twice
    Silence,
    /// The peer dies while locks are taken, is fenced, and joins again
    Crash,
}

#[derive(Parser)]
pub(crate) struct Run {
    /// What to go through; everything, if nothing is named
    scenarios: Vec<Scenario>,
    /// What to speak over
    #[arg(long, value_enum, default_value = "tcp")]
    over: Over,
    /// Where recordings and captures go
    #[arg(long)]
    out: PathBuf,
}

impl Run {
    pub(crate) fn run(&self) -> Result<()> {
        let all = Scenario::value_variants();
        let scenarios = if self.scenarios.is_empty() { all } else { &self.scenarios };
        let manager = Manager::start(self.over, KERNEL, PEER)?;
        let mut failed = 0;
        for scenario in scenarios {
            if *scenario == Scenario::Resets && self.over == Over::Sctp {
                println!("left out: resets, for associations of SCTP cannot be reset from outside");
                continue;
            }
            let name = scenario.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let began = Instant::now();
            println!("scenario {name}");
            match self.go_through(*scenario, &name, &manager) {
                Ok(told) => println!("good {name}: {told}, {:.1} s", began.elapsed().as_secs_f64()),
                Err(error) => {
                    println!("FAILED {name}: {error:#}; the kernel's record is {}", manager.state());
                    failed += 1;
                    // What is left of the lockspace would make the others fail too.
                    break;
                }
            }
        }
        // The process of a scenario that failed may hang as it ends: the kernel waits for its locks.
        let status = self.out.join("status.txt");
        std::fs::write(&status, format!("{failed}\n")).with_context(|| format!("{}", status.display()))?;
        if failed > 0 {
            bail!("a scenario failed");
        }
        Ok(())
    }

    fn go_through(&self, scenario: Scenario, name: &str, manager: &Manager) -> Result<String> {
        let _capture = Capture::start(self.out.join(format!("{name}.pcap")))?;
        let mut stage = Stage { manager, over: self.over, out: &self.out, name, lives: 0 };
        let lockspace = manager.create()?;
        match scenario {
            Scenario::Clean => stage.clean(&lockspace),
            Scenario::BothLeave => stage.both_leave(&lockspace),
            Scenario::Resets => stage.resets(&lockspace),
            Scenario::Silence => stage.silence(&lockspace),
            Scenario::Crash => stage.crash(&lockspace),
        }
    }
}

/// One scenario as it goes.
struct Stage<'a> {
    manager: &'a Manager,
    over: Over,
    out: &'a Path,
    name: &'a str,
    lives: u32,
}

impl Stage<'_> {
    /// Starts the peer, and has both know each other as members.
    fn join(&mut self) -> Result<StandIn> {
        self.lives += 1;
        let mut peer = StandIn::start(self.over, &self.out.join(format!("{}-life{}.jsonl", self.name, self.lives)))?;
        peer.order(Order::Join)?;
        self.manager.add()?;
        peer.await_report("to hear from the kernel", PATIENCE, |report| matches!(report, Report::Up { .. }))?;
        Ok(peer)
    }

    /// The kernel masters resources that the peer knows, as long as the locks live.
    fn kernels_resources() -> Result<Locks> {
        let mut locks = Locks::open()?;
        let holding = thread::spawn(move || locks.hold(&resources('k')).map(|()| locks));
        wait("the kernel's locks on resources of its own are answered", || holding.is_finished())?;
        holding.join().map_err(|_| anyhow::anyhow!("a thread died"))?
    }

    /// Locks both ways while `meanwhile` happens; afterwards every message has been answered.
    fn locks(peer: &mut StandIn, cycles: u32, mut meanwhile: impl FnMut(&Load) -> Result<()>) -> Result<()> {
        let _held = Self::kernels_resources()?;
        let load = Load::start(resources('p'), WINDOW, cycles)?;
        peer.order(Order::Load { cycles, window: WINDOW })?;
        meanwhile(&load)?;
        let loaded = Report::Loaded { cycles };
        peer.await_report("for the answers to its locks", PATIENCE, |report| *report == loaded)?;
        over(load)
    }

    /// The kernel leaves, and the peer as soon as it hears so, or at once.
    fn kernel_leaves(&self, lockspace: &Lockspace, mut peer: StandIn, at_once: bool) -> Result<String> {
        let outcome = thread::scope(|scope| {
            let release = scope.spawn(|| self.manager.release(lockspace));
            if !at_once {
                peer.await_report("to hear the kernel's FIN", PATIENCE, |report| *report == Report::PeerClosing)?;
            }
            peer.order(Order::Leave)?;
            let outcome = peer.left(PATIENCE)?;
            release.join().map_err(|_| anyhow::anyhow!("a thread died"))??;
            Ok::<_, anyhow::Error>(outcome)
        })?;
        self.both_closed(&outcome)?;
        Ok(outcome)
    }

    /// The peer leaves; the kernel stays.
    fn peer_leaves(&self, mut peer: StandIn) -> Result<()> {
        peer.order(Order::Leave)?;
        self.manager.remove()?;
        let outcome = peer.left(PATIENCE)?;
        self.both_closed(&outcome)
    }

    fn both_closed(&self, outcome: &str) -> Result<()> {
        if outcome != "Closed" {
            bail!("the peer's handshake ended as {outcome}");
        }
        wait("the kernel's record is CLOSED", || matches!(self.manager.state().as_str(), "" | "CLOSED"))
    }

    fn clean(&mut self, lockspace: &Lockspace) -> Result<String> {
        let mut peer = self.join()?;
        Self::locks(&mut peer, 600, |_| Ok(()))?;
        let first = peer.counts()?;
        self.peer_leaves(peer)?;
        let mut peer = self.join()?;
        Self::locks(&mut peer, 200, |_| Ok(()))?;
        let second = peer.counts()?;
        self.kernel_leaves(lockspace, peer, false)?;
        if first.granted == 0 || first.held > 0 || second.held > 0 || first.gaps + first.breaks > 0 {
            bail!("{first:?} {second:?}");
        }
        Ok(format!("{} and {} messages delivered to the peer in two lives", first.delivered, second.delivered))
    }

    fn both_leave(&mut self, lockspace: &Lockspace) -> Result<String> {
        let mut peer = self.join()?;
        Self::locks(&mut peer, 100, |_| Ok(()))?;
        self.kernel_leaves(lockspace, peer, true)?;
        Ok("closed".to_owned())
    }

    fn resets(&mut self, lockspace: &Lockspace) -> Result<String> {
        let mut peer = self.join()?;
        Self::locks(&mut peer, 200, |_| Ok(()))?;
        let mut broken = 0;
        while broken < BREAKS {
            Self::locks(&mut peer, 600, |load| {
                while !load.is_over() && broken < BREAKS {
                    sleep(BREAK_EVERY);
                    reset(broken)?;
                    broken += 1;
                }
                Ok(())
            })?;
        }
        let counts = peer.counts()?;
        self.kernel_leaves(lockspace, peer, false)?;
        if counts.breaks == 0 || counts.held > 0 {
            bail!("{counts:?}");
        }
        Ok(format!(
            "{broken} resets, of which the peer saw {} connections break, {} messages delivered to it, {} passes of copies, \
            {} duplicates and {} messages behind a gap passed over",
            counts.breaks, counts.delivered, counts.passes, counts.duplicates, counts.gaps
        ))
    }

    fn silence(&mut self, lockspace: &Lockspace) -> Result<String> {
        let mut peer = self.join()?;
        for _ in 0..2 {
            Self::locks(&mut peer, 600, |_| {
                sleep(Duration::from_millis(300));
                run("ip", &["link", "set", "kernel", "down"])?;
                sleep(Duration::from_secs(3));
                run("ip", &["link", "set", "kernel", "up"])
            })?;
        }
        let counts = peer.counts()?;
        self.kernel_leaves(lockspace, peer, false)?;
        if counts.held > 0 {
            bail!("{counts:?}");
        }
        Ok(format!("{} messages delivered to the peer, {} breaks", counts.delivered, counts.breaks))
    }

    fn crash(&mut self, lockspace: &Lockspace) -> Result<String> {
        let mut peer = self.join()?;
        Self::locks(&mut peer, 100, |_| Ok(()))?;
        let load = Load::start(resources('p'), WINDOW, 5000)?;
        wait("the load has begun", || load.done() > 50)?;
        peer.kill()?;
        let at = load.done();
        if load.is_over() {
            bail!("the load of {} cycles was over before the peer died", load.cycles());
        }
        self.manager.fence()?;
        over(load).context("the kernel's locks after the peer's death")?;
        let mut peer = self.join()?;
        Self::locks(&mut peer, 200, |_| Ok(()))?;
        self.kernel_leaves(lockspace, peer, false)?;
        Ok(format!("killed after {at} of the kernel's locks, joined again"))
    }
}

/// Names of resources that `master`, `k` for the kernel or `p` for the peer, masters if the peer is their directory.
fn resources(master: char) -> Vec<String> {
    (0..RESOURCES).map(|index| format!("{master}{index:05}")).collect()
}

/// Waits for the kernel's locks.
fn over(load: Load) -> Result<()> {
    let waited = wait("the kernel's locks are answered", || load.is_over());
    waited.with_context(|| format!("{} of {} locks", load.done(), load.cycles()))?;
    load.outcome()
}

/// Resets connections: those of the kernel or those of the peer, by turns.
fn reset(turn: usize) -> Result<()> {
    let ports = ["dport = 21064", "sport = 21064", "( dport = 21064 or sport = 21064 )"];
    let port = ports.get(turn / 2 % ports.len()).copied().unwrap_or_default();
    if turn.is_multiple_of(2) {
        run("ss", &["-K", "-tn", port])
    } else {
        run("ip", &["netns", "exec", NAMESPACE, "ss", "-K", "-tn", port])
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{program} {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Writes what passes between both until it is dropped: to memory first, for the shared directory is too slow.
struct Capture {
    tcpdump: Child,
    memory: PathBuf,
    out: PathBuf,
}

impl Capture {
    fn start(out: PathBuf) -> Result<Self> {
        let memory = Path::new("/tmp").join(out.file_name().unwrap_or_default());
        let mut command = Command::new("tcpdump");
        command.args(["-i", "kernel", "-s", "0", "-B", "65536", "-U", "-Z", "root", "-w"]).arg(&memory);
        let tcpdump = command.arg("port 21064").stderr(Stdio::inherit()).spawn().context("cannot run tcpdump")?;
        wait("the capture begins", || memory.metadata().is_ok_and(|metadata| metadata.len() > 0))?;
        Ok(Self { tcpdump, memory, out })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // The last packets are in its hands for a moment.
        sleep(Duration::from_secs(2));
        let _ = run("kill", &["-INT", &self.tcpdump.id().to_string()]);
        let _ = self.tcpdump.wait();
        if let Err(error) = std::fs::copy(&self.memory, &self.out) {
            eprintln!("{}: {error}", self.out.display());
        }
    }
}
