//! One run: the steps of a plan, then an end without faults, then everybody leaves.

use midcomms::midcomms::State;

use crate::manager::{LOCKSPACES, Told};
use crate::oracle::NodeIndex;
use crate::plan::{Plan, Step, Two};
use crate::world::{MS, Totals, World};

/// How long a cluster without faults may take to come to rest, in virtual milliseconds. The slowest network that the knobs
/// allow carries 64 bytes in 0.8 s, and 100 KB may wait.
const PATIENCE_MS: u64 = 18_000_000;

/// What a run that went well has to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) delivered: u64,
    pub(crate) closed: u64,
    pub(crate) timed_out: u64,
    pub(crate) totals: Totals,
    pub(crate) resets: Vec<(&'static str, u64)>,
}

pub(crate) fn run(plan: &Plan, is_told: bool) -> Result<Report, String> {
    let mut world = World::new(plan.knobs.clone(), is_told);
    for node in 0..world.nodes.len() {
        world.join(node, 0);
    }
    if plan.knobs.starts_at_rest {
        world.come_to_rest()?;
    }
    for step in &plan.steps {
        world.tell(|| format!("-- {step:?}"));
        world.act(step)?;
        world.advance(1)?;
    }
    world.come_to_rest()?;
    world.all_leave()?;
    for node in 0..world.nodes.len() {
        world.gather(node);
    }
    Ok(Report {
        delivered: world.oracle.delivered,
        closed: world.oracle.closed,
        timed_out: world.timed_out,
        totals: world.totals,
        resets: world.oracle.resets.into_iter().collect(),
    })
}

impl World {
    fn advance(&mut self, ms: u64) -> Result<(), String> {
        self.run_until(self.now + ms * MS)
    }

    fn node(&self, which: u8) -> NodeIndex {
        usize::from(which) % self.nodes.len()
    }

    fn two(&self, (a, b): Two) -> (NodeIndex, NodeIndex) {
        let (count, a) = (self.nodes.len(), self.node(a));
        (a, (a + 1 + usize::from(b) % (count - 1)) % count)
    }

    fn act(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Wait { ms } => return self.advance(u64::from(ms)),
            Step::Send { pair, count, len } => {
                let (from, to) = self.two(pair);
                for _ in 0..count {
                    if !self.send(from, to, usize::from(len))? {
                        break;
                    }
                }
            }
            Step::Reserve { pair, len } => {
                let (from, to) = self.two(pair);
                self.reserve(from, to, usize::from(len))?;
            }
            Step::Commit { pair, which } | Step::Cancel { pair, which } => {
                let (from, to) = self.two(pair);
                self.settle(from, to, usize::from(which), matches!(step, Step::Commit { .. }))?;
            }
            Step::Break { pair, which, keep: (there, back) } => {
                let (a, b) = self.two(pair);
                self.break_connection(a, b, which, [usize::from(there), usize::from(back)]);
            }
            Step::HalfClose { pair, which, side } => {
                let (a, b) = self.two(pair);
                self.half_close(a, b, which, usize::from(side))?;
            }
            Step::LoseAck { pair, ms } => {
                let (from, to) = self.two(pair);
                self.send(from, to, 72)?;
                self.advance(u64::from(ms))?;
                self.close_what_it_sends_on(to, from)?;
            }
            Step::Silence { pair, ms } => {
                let (a, b) = self.two(pair);
                self.silence(a, b, u64::from(ms));
            }
            Step::Refuse { node, ms } => self.refuse(self.node(node), u64::from(ms)),
            Step::ClockJump { node, ms } => self.jump(self.node(node), u64::from(ms))?,
            Step::Join { node, lockspace } => self.join(self.node(node), usize::from(lockspace)),
            Step::Unjoin { node, lockspace } => self.unjoin(self.node(node), usize::from(lockspace)),
            Step::Leave { node } => self.leave(&[self.node(node)]),
            Step::LeaveBoth { pair } => {
                let (a, b) = self.two(pair);
                self.leave(&[a, b]);
            }
            Step::Crash { node, silent } => self.die(self.node(node), silent),
            Step::Restart { node, set_back } => {
                let node = self.node(node);
                if !self.nodes[node].is_alive {
                    self.restart(node, set_back);
                }
            }
        }
        Ok(())
    }

    // ---- the cluster manager's decisions -------------------------------------------------------------------------

    fn join(&mut self, node: NodeIndex, lockspace: usize) {
        let is_free = self.nodes[node].is_alive && !self.is_shutting_down(node) && !self.cluster.is_unsettled(node);
        if !is_free || self.cluster.is_member(node, lockspace) {
            return;
        }
        for member in self.cluster.members(lockspace) {
            self.tell_node(member, Told::Add(LOCKSPACES[lockspace], node));
            self.tell_node(node, Told::Add(LOCKSPACES[lockspace], member));
        }
        self.cluster.insert(node, lockspace);
    }

    /// The pair's last common lockspace is left by a shutdown only.
    fn unjoin(&mut self, node: NodeIndex, lockspace: usize) {
        let members = self.cluster.members(lockspace);
        let keeps = members.iter().all(|member| *member == node || self.cluster.share(node, *member) > 1);
        let is_elsewhere = self.cluster.is_member(node, 1 - lockspace);
        if !members.contains(&node) || !keeps || !is_elsewhere || self.cluster.is_unsettled(node) {
            return;
        }
        self.cluster.remove(node, lockspace);
        for member in self.cluster.members(lockspace) {
            self.tell_node(member, Told::Remove(LOCKSPACES[lockspace], node));
            self.tell_node(node, Told::Remove(LOCKSPACES[lockspace], member));
        }
    }

    fn leave(&mut self, nodes: &[NodeIndex]) {
        let may = |node: &NodeIndex| {
            self.nodes[*node].is_alive && self.cluster.is_in(*node) && !self.cluster.is_unsettled(*node)
        };
        let leaving: Vec<_> = nodes.iter().copied().filter(may).collect();
        for (lockspace, id) in LOCKSPACES.into_iter().enumerate() {
            let theirs: Vec<_> =
                leaving.iter().copied().filter(|node| self.cluster.is_member(*node, lockspace)).collect();
            theirs.iter().for_each(|node| self.cluster.remove(*node, lockspace));
            for member in self.cluster.members(lockspace) {
                for node in &theirs {
                    self.tell_node(member, Told::Remove(id, *node));
                }
            }
        }
        for node in leaving {
            self.tell_node(node, Told::Shutdown);
        }
    }

    fn die(&mut self, node: NodeIndex, is_silent: bool) {
        if !self.nodes[node].is_alive {
            return;
        }
        self.crash(node, is_silent);
        self.cluster.forget(node);
        let lockspaces: Vec<_> = (0..LOCKSPACES.len()).filter(|at| self.cluster.is_member(node, *at)).collect();
        lockspaces.iter().for_each(|lockspace| self.cluster.remove(node, *lockspace));
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            if !self.nodes[other].is_alive {
                continue;
            }
            self.tell_node(other, Told::Fence(node));
            for lockspace in &lockspaces {
                self.tell_node(other, Told::Remove(LOCKSPACES[*lockspace], node)); // HRD-5
            }
        }
    }

    // ---- the end -------------------------------------------------------------------------------------------------

    /// Faults have ended: everything that was promised comes to pass.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.commit_all()?;
        let end = self.now + PATIENCE_MS * MS;
        while let Some(why) = self.unrest() {
            if self.now > end || self.is_quiet() {
                return Err(format!("no rest without faults: {why}"));
            }
            self.advance(50)?;
        }
        Ok(())
    }

    /// What keeps the cluster from being at rest.
    fn unrest(&mut self) -> Option<String> {
        if !self.cluster.is_settled() {
            return Some("the manager's news is under way".to_owned());
        }
        for node in 0..self.nodes.len() {
            for peer in (0..self.nodes.len()).filter(|peer| *peer != node) {
                if !self.nodes[node].is_alive || !self.nodes[peer].is_alive {
                    continue;
                }
                let side = &self.nodes[node].peers[&peer];
                let (queued, state) = (side.peer.queued().0, side.peer.state());
                if side.is_shutting_down {
                    return Some(format!("ShutdownReturns: {node} about {peer}, {state}"));
                }
                if self.cluster.share(node, peer) == 0 {
                    continue;
                }
                let own = side.peer.snapshot().incarnation;
                if side.peer.version().is_none() {
                    return Some(format!("{node} does not know the version of {peer}, {state}"));
                }
                if queued > 0 {
                    return Some(format!("QueueDrains: {node} about {peer}, {state}, {queued} messages"));
                }
                let lacks = self.oracle.lacks(node, peer, own);
                if lacks > 0 {
                    return Some(format!("NoLoss: {lacks} messages of {node} did not reach {peer}"));
                }
            }
        }
        None
    }

    fn all_leave(&mut self) -> Result<(), String> {
        let timed_out = self.timed_out;
        let nodes: Vec<_> = (0..self.nodes.len()).collect();
        if self.knobs.leaves_at_once {
            self.leave(&nodes);
        } else {
            for node in nodes {
                self.leave(&[node]);
                self.come_to_rest()?;
            }
        }
        self.come_to_rest()?;
        if !self.is_quiet() {
            self.advance(PATIENCE_MS)?;
        }
        if !self.is_quiet() {
            return Err("nodes that have left do not come to rest".to_owned());
        }
        self.check_closed(timed_out)
    }

    /// BothClosed: with nobody who timed out or died, nobody is left open.
    fn check_closed(&self, timed_out: u64) -> Result<(), String> {
        let all_alive = self.nodes.iter().all(|node| node.is_alive);
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.is_alive) {
            for (peer, side) in &node.peers {
                if !side.peer.members().is_empty() {
                    return Err(format!("UsersConsistent: {index} still counts {peer}: {:?}", side.peer.members()));
                }
                let has_left = side.peer.state() == State::Closed && side.peer.is_initial();
                let is_excused = !all_alive || self.timed_out > 0 || timed_out > 0;
                if !has_left && !is_excused {
                    return Err(format!("BothClosed: {index} about {peer}: {:?}", side.peer.snapshot()));
                }
            }
        }
        Ok(())
    }
}
