//! A scenario, step by step, on any stage.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use midcomms::midcomms::{SendError, State};
use midcomms::wire::LockspaceId;

use super::amount::Amount;
use super::error::RecordError;
use super::ledger::Ledger;
use super::scenario::{Scenario, Spoken};
use super::stage::{Stage, Told, View};
use super::step::Step;

/// How long a step that waits lets pass between two looks, in microseconds.
const LOOK_US: u64 = 1000;

/// A scenario that is being played.
pub(super) struct Play<'a, S> {
    scenario: &'a Scenario,
    pub(super) stage: S,
    ledger: Ledger,
    rng: Rng,
    /// The lockspaces in which each node has each peer.
    members: BTreeMap<(u32, u32), BTreeSet<u32>>,
}

impl<'a, S: Stage> Play<'a, S> {
    pub(super) fn new(scenario: &'a Scenario, stage: S, ledger: Ledger, rng: Rng) -> Self {
        Self { scenario, stage, ledger, rng, members: BTreeMap::new() }
    }

    /// Does every step, and says whether that shows what was promised.
    pub(super) fn run(&mut self, seed: u64) -> Result<(), RecordError> {
        let scenario = self.scenario;
        for (number, step) in (1..).zip(&scenario.steps) {
            let outcome = self.act(step);
            self.check_fault(seed)?;
            outcome.map_err(|why| RecordError::Stuck {
                scenario: scenario.name.clone(),
                seed,
                step: number,
                what: step.name().to_owned(),
                why,
            })?;
        }
        let mut story = self.ledger.story();
        story.seconds = self.stage.seconds();
        match scenario.expect.missing(&story).or_else(|| self.undelivered()) {
            Some(why) => Err(RecordError::Vacuous { scenario: scenario.name.clone(), seed, why }),
            None => Ok(()),
        }
    }

    fn check_fault(&self, seed: u64) -> Result<(), RecordError> {
        match self.ledger.fault() {
            Some(what) => Err(RecordError::Fault { scenario: self.scenario.name.clone(), seed, what }),
            None => Ok(()),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + use<'a, S> {
        let scenario = self.scenario;
        let others = |node| scenario.node_ids().filter(move |other| *other != node).map(move |other| (node, other));
        scenario.node_ids().flat_map(others)
    }

    /// NoLoss, where nothing excuses it.
    fn undelivered(&self) -> Option<String> {
        let expect = &self.scenario.expect;
        let mut lacks = self.pairs().filter(|(from, to)| !expect.may_lose(*from, *to));
        let (from, to) = lacks.find(|(from, to)| !self.ledger.is_delivered(*from, *to))?;
        let direction = self.ledger.direction(from, to);
        Some(format!(
            "of {} messages of node {from} only {} reached node {to}, and the scenario does not say that any may be lost",
            direction.sent, direction.delivered
        ))
    }

    fn act(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Add { node, peer, lockspace } => self.add(node, peer, lockspace),
            Step::Remove { node, peer, lockspace } => self.remove(node, peer, lockspace),
            Step::Fence { node, peer } => {
                self.members.remove(&(node, peer));
                self.stage.tell(node, peer, Told::Fence)
            }
            Step::Join { ref nodes, lockspace } => self.join(nodes, lockspace),
            Step::Leave { ref nodes } => self.leave(nodes),
            Step::Shutdown { ref nodes } => nodes.iter().try_for_each(|node| self.shut_down(*node)),
            Step::Await { node, peer, state, up } => self.await_record((node, peer), state.map(|state| state.0), up),
            Step::Rest {} => self.until(Self::unrest),
            Step::Closed {} => self.until(Self::unclosed),
            Step::Wait { ms } => {
                let us = ms.draw_us(&mut self.rng);
                self.stage.advance(us)
            }
            Step::Silence { from, to } => self.stage.silence(from, to, true),
            Step::LetThrough { from, to } => self.stage.silence(from, to, false),
            Step::Refuse { node } | Step::Welcome { node } => {
                self.stage.refuse(node, matches!(step, Step::Refuse { .. }));
                Ok(())
            }
            Step::Hold { node } => self.stage.hold(node, true),
            Step::Accept { node } => self.stage.hold(node, false),
            Step::Crash { node, silent } => self.crash(node, silent),
            Step::Start { node } => self.stage.start(node),
            Step::BeginRecording { ref nodes } => nodes.iter().try_for_each(|node| self.stage.begin_recording(*node)),
            _ => self.act_on_messages(step),
        }
    }

    fn act_on_messages(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Send { from, to, count, size, gap_ms } => {
                for _ in 0..count.draw(&mut self.rng) {
                    self.send(from, to, size)?;
                    self.pause(gap_ms)?;
                }
                Ok(())
            }
            Step::Traffic { ref between, count, size, gap_ms, breaks } => {
                let (count, breaks) = (count.draw(&mut self.rng), breaks.draw(&mut self.rng));
                self.traffic(between, count, breaks, size, gap_ms)
            }
            Step::Refused { from, to } => match self.stage.send(from, to, 72)? {
                Ok(()) => Err("the message was taken".to_owned()),
                Err(_) => {
                    self.ledger.refused();
                    Ok(())
                }
            },
            Step::Reserve { from, to, count, size } => {
                for _ in 0..count.draw(&mut self.rng) {
                    let size = self.size(size);
                    self.stage.reserve(from, to, size)?;
                }
                Ok(())
            }
            Step::Commit { from, to } => self.settle(from, to, true),
            Step::Cancel { from, to } => self.settle(from, to, false),
            Step::Break { between: [a, b] } => self.break_one(a, b),
            Step::Finish { node, peer } => {
                let is_done = self.stage.finish(node, peer)?;
                self.made(is_done, "no connection stands on which the one sends to the other")
            }
            _ => Err("is not known here".to_owned()),
        }
    }

    fn made(&mut self, is_done: bool, otherwise: &str) -> Result<(), String> {
        if is_done {
            self.ledger.broke();
        }
        is_done.then_some(()).ok_or_else(|| otherwise.to_owned())
    }

    fn pause(&mut self, ms: Amount) -> Result<(), String> {
        match ms.draw_us(&mut self.rng) {
            0 => Ok(()),
            us => self.stage.advance(us),
        }
    }

    fn size(&mut self, size: Amount) -> usize {
        usize::try_from(size.draw(&mut self.rng)).unwrap_or(usize::MAX)
    }

    // ---- waiting -------------------------------------------------------------------------------------------------

    /// Waits until `lack` finds nothing.
    fn until(&mut self, lack: impl Fn(&Self) -> Option<String>) -> Result<(), String> {
        let mut left = self.stage.patience_us();
        while let Some(why) = lack(self) {
            if self.ledger.fault().is_some() {
                return Ok(()); // told by the caller
            }
            left = left.checked_sub(LOOK_US).ok_or(why)?;
            self.stage.advance(LOOK_US)?;
        }
        Ok(())
    }

    fn await_record(&mut self, (node, peer): (u32, u32), state: Option<State>, up: Option<bool>) -> Result<(), String> {
        self.until(|play| {
            let Some(view) = play.stage.view(node, peer) else {
                return Some(format!("node {node} keeps no record of node {peer}"));
            };
            let is_there = state.is_none_or(|state| state == view.state) && up.is_none_or(|up| up == view.is_up);
            let known = if view.is_up { "known" } else { "unknown" };
            (!is_there).then(|| format!("the record is {}, the peer's version {known}", view.state))
        })
    }

    /// What is not at rest.
    fn unrest(&self) -> Option<String> {
        for (node, peer) in self.pairs() {
            if !self.stage.is_alive(node) || !self.stage.is_alive(peer) {
                continue;
            }
            if let Some(View { queued, state, .. }) = self.stage.view(node, peer)
                && queued > 0
            {
                return Some(format!("{queued} messages of node {node} to node {peer} are not acknowledged ({state})"));
            }
            if !self.scenario.expect.may_lose(node, peer) && !self.ledger.is_delivered(node, peer) {
                return Some(format!("not all messages of node {node} have reached node {peer}"));
            }
        }
        (!self.stage.is_calm()).then(|| "something is always under way".to_owned())
    }

    /// What is not closed.
    fn unclosed(&self) -> Option<String> {
        for (node, peer) in self.pairs() {
            match self.stage.view(node, peer) {
                Some(View { state, .. }) if state != State::Closed => {
                    return Some(format!("the record of node {node} about node {peer} is {state}"));
                }
                _ if self.stage.is_shutting_down(node) => return Some(format!("node {node} has not shut down")),
                _ => {}
            }
        }
        (!self.stage.is_calm()).then(|| "something is always under way".to_owned())
    }

    // ---- members -------------------------------------------------------------------------------------------------

    fn add(&mut self, node: u32, peer: u32, lockspace: u32) -> Result<(), String> {
        self.members.entry((node, peer)).or_default().insert(lockspace);
        self.stage.tell(node, peer, Told::Add(LockspaceId(lockspace)))
    }

    fn remove(&mut self, node: u32, peer: u32, lockspace: u32) -> Result<(), String> {
        self.members.entry((node, peer)).or_default().remove(&lockspace);
        self.stage.tell(node, peer, Told::Remove(LockspaceId(lockspace)))
    }

    fn shut_down(&mut self, node: u32) -> Result<(), String> {
        self.members.retain(|(own, _), _| *own != node);
        self.stage.shut_down(node)
    }

    fn crash(&mut self, node: u32, is_silent: bool) -> Result<(), String> {
        self.members.retain(|(own, _), _| *own != node);
        self.stage.crash(node, is_silent)
    }

    fn join(&mut self, nodes: &[u32], lockspace: u32) -> Result<(), String> {
        let mut told: Vec<_> = self.pairs().filter(|(a, b)| nodes.contains(a) && nodes.contains(b)).collect();
        self.rng.shuffle(&mut told);
        for (node, peer) in told {
            self.pause(self.scenario.network.manager_ms)?;
            self.add(node, peer, lockspace)?;
        }
        self.until(|play| {
            let is_down = |(a, b): &(u32, u32)| play.stage.view(*a, *b).is_some_and(|view| !view.is_up);
            let mut among = play.pairs().filter(|(a, b)| nodes.contains(a) && nodes.contains(b));
            among.find(is_down).map(|(a, b)| format!("node {a} does not know the version of node {b}"))
        })
    }

    /// CLS-2: a node that leaves removes its own members.
    fn leave(&mut self, nodes: &[u32]) -> Result<(), String> {
        let mut told: Vec<_> = nodes.iter().map(|node| (*node, None)).collect();
        let stays = |(node, peer): &(u32, u32)| !nodes.contains(node) && nodes.contains(peer);
        for ((node, peer), lockspaces) in self.members.iter().filter(|(pair, _)| stays(pair)) {
            told.extend(lockspaces.iter().map(|lockspace| (*node, Some((*peer, *lockspace)))));
        }
        self.rng.shuffle(&mut told);
        for (node, of) in told {
            self.pause(self.scenario.network.manager_ms)?;
            match of {
                Some((peer, lockspace)) => self.remove(node, peer, lockspace)?,
                None => self.shut_down(node)?,
            }
        }
        Ok(())
    }

    // ---- messages ------------------------------------------------------------------------------------------------

    /// Sends one message, and waits where that is only a matter of time.
    fn send(&mut self, from: u32, to: u32, size: Amount) -> Result<(), String> {
        let size = self.size(size);
        let mut left = self.stage.patience_us();
        loop {
            match self.stage.send(from, to, size)? {
                Ok(()) => return Ok(()),
                Err(error) if error.is_temporary() => {
                    if matches!(error, SendError::Full { .. }) {
                        self.ledger.refused();
                    }
                    left = left.checked_sub(LOOK_US).ok_or_else(|| error.to_string())?;
                    self.stage.advance(LOOK_US)?;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn traffic(
        &mut self,
        between: &[u32],
        count: u64,
        breaks: u64,
        size: Amount,
        gap_ms: Amount,
    ) -> Result<(), String> {
        let mut first: Vec<_> = self.pairs().filter(|(a, b)| between.contains(a) && between.contains(b)).collect();
        self.rng.shuffle(&mut first);
        let mut left = breaks;
        for sent in 0..count {
            // Each direction once, so that none is left out, and then as it comes.
            let (from, to) = first.pop().unwrap_or_else(|| self.two_of(between));
            self.send(from, to, size)?;
            self.pause(gap_ms)?;
            // So many of the messages that are left are followed by a break.
            if left > 0 && self.rng.u64(0..count - sent) < left {
                let (a, b) = self.two_of(between);
                left -= u64::from(self.break_soon(a, b)?);
            }
        }
        Ok(())
    }

    fn two_of(&mut self, nodes: &[u32]) -> (u32, u32) {
        let mut nodes = nodes.to_vec();
        self.rng.shuffle(&mut nodes);
        match nodes[..] {
            [one, two, ..] => (one, two),
            _ => (0, 0), // a file with such a step is refused
        }
    }

    fn break_one(&mut self, a: u32, b: u32) -> Result<(), String> {
        match self.break_soon(a, b)? {
            true => Ok(()),
            false => Err(format!("there is no connection between nodes {a} and {b}")),
        }
    }

    /// Waits for a connection, where the last one broke just before. False where there will be none, for nobody has
    /// anything to say.
    fn break_soon(&mut self, a: u32, b: u32) -> Result<bool, String> {
        let mut left = self.stage.patience_us();
        while !self.stage.break_one(a, b) {
            let has_more = |(node, peer)| self.stage.view(node, peer).is_some_and(|view| view.queued > 0);
            if self.stage.is_calm() && ![(a, b), (b, a)].into_iter().any(has_more) {
                return Ok(false);
            }
            let why = || format!("there is no connection between nodes {a} and {b}");
            left = left.checked_sub(LOOK_US).ok_or_else(why)?;
            self.stage.advance(LOOK_US)?;
        }
        self.ledger.broke();
        Ok(true)
    }

    fn settle(&mut self, from: u32, to: u32, is_commit: bool) -> Result<(), String> {
        let mut settled = 0;
        loop {
            let which = self.rng.usize(0..1024);
            if !self.stage.settle(from, to, which, is_commit)? {
                break;
            }
            settled += 1;
            self.pause(Amount::between(0, 2))?;
        }
        (settled > 0).then_some(()).ok_or_else(|| "nothing is reserved".to_owned())
    }
}

impl Scenario {
    /// Whether a node is the implementation, and so recorded.
    pub(super) fn is_new(&self, node: u32) -> bool {
        self.spoken(node) == Some(Spoken::New)
    }
}
