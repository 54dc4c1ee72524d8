//! Two nodes, the connections between them and the cluster manager, driven by chance.

use std::collections::{HashMap, VecDeque};

use midcomms_model::{BareKind, Inner, Revision};

use super::choices::Choices;
use super::network::{End, Frame, Network, What};
use super::node::{Node, State};

/// What surrounds the two nodes. Each field makes it harsher.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) breaks: bool,
    pub(crate) fences: bool,
    pub(crate) timeouts: bool,
    /// A break may leave no trace at all on the wire.
    pub(crate) silent: bool,
    /// The end of a connection may be seen after what was written later on another.
    pub(crate) late_ends: bool,
    /// What was read from a replaced connection may be handled late (NET-5).
    pub(crate) stale_input: bool,
    /// What waits in the output survives the reset of a record.
    pub(crate) stale_output: bool,
}

/// What the cluster manager tells a node of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Add,
    Remove,
    Fence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Out,
    In,
    /// Waits to know the peer's version (CLS-2).
    Leaving,
    /// Waits until the record is CLOSED.
    Closing,
    /// Sockets shut down for writing.
    Draining,
}

/// Something that a record accepted: what a receiver really delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) seq: u32,
    pub(crate) body: u64,
    pub(crate) label: usize,
}

pub(crate) struct World {
    pub(crate) environment: Environment,
    pub(crate) network: Network,
    pub(crate) nodes: [Node; 2],
    /// Accepted by each node, FINs left out.
    pub(crate) accepted: [Vec<Accepted>; 2],
    /// An incarnation handled something of one that it does not talk to (H4, H5).
    pub(crate) is_contaminated: bool,
    pub(crate) resets: u32,
    /// So many times of a hundred nobody leaves although the time has come.
    pub(crate) patience: usize,
    own: [Option<usize>; 2],
    incoming: [Option<usize>; 2],
    backlog: [VecDeque<usize>; 2],
    stale: [VecDeque<usize>; 2],
    news: [VecDeque<News>; 2],
    phases: [Phase; 2],
    talks_to: HashMap<u32, u32>,
    next_life: u32,
    next_body: u64,
}

impl World {
    pub(crate) fn new(environment: Environment, revisions: [Revision; 2]) -> Self {
        Self {
            environment,
            network: Network::default(),
            nodes: [Node::new(revisions[0], 0), Node::new(revisions[1], 1)],
            accepted: [Vec::new(), Vec::new()],
            is_contaminated: false,
            resets: 0,
            patience: 0,
            own: [None; 2],
            incoming: [None; 2],
            backlog: Default::default(),
            stale: Default::default(),
            news: Default::default(),
            phases: [Phase::Out; 2],
            talks_to: HashMap::new(),
            next_life: 2,
            next_body: 1,
        }
    }

    fn new_body(&mut self) -> u64 {
        self.next_body += 1;
        self.next_body
    }

    fn new_life(&mut self) -> u32 {
        self.next_life += 1;
        self.next_life - 1
    }

    fn reset(&mut self, n: usize) {
        let life = self.new_life();
        self.nodes[n].reset(life);
        self.resets += 1;
        if !self.environment.stale_output {
            self.nodes[n].pages.clear();
        }
    }

    // ---- one step ----

    pub(crate) fn step(&mut self, choices: &mut Choices) {
        let action = choices.below(400);
        let n = choices.below(2);
        match action {
            0..60 => self.pass_some(choices),
            60..120 => self.read_batch(n, choices),
            120..170 => self.write(n, choices),
            170..250 => self.send(n, choices),
            250..262 => self.ask_status(n, choices),
            262..275 => self.commit(n),
            275..285 => self.accept(n, choices),
            285..300 => self.hear_news(n, choices),
            300..310 => self.cut(choices),
            310..325 => self.notice_some(n, choices),
            325..335 => self.join(n),
            335..341 if choices.below(100) < self.patience => {}
            335..340 => self.leave(n, choices),
            340..341 => self.leave_both(choices),
            341..355 => self.go_on_closing(n, choices),
            355..357 => self.time_out(n, choices),
            357..359 => self.crash(n, choices),
            359..364 => self.handle_stale(n),
            364..368 => self.nodes[n].close_page(),
            368..372 => self.send_burst(n, choices),
            _ => self.pass_some(choices),
        }
    }

    /// Lets everything come to rest: nothing breaks any more, and all that arrived is read.
    pub(crate) fn settle(&mut self, choices: &mut Choices) {
        for _ in 0..60 {
            for n in [0, 1] {
                while self.nodes[n].uncommitted().is_some() {
                    self.commit(n);
                }
                self.hear_news(n, choices);
                self.accept(n, choices);
                self.notice_some(n, choices);
                self.handle_stale(n);
                self.ask_status(n, choices);
                self.go_on_closing(n, choices);
                for _ in 0..8 {
                    self.write_page(n, usize::MAX, choices);
                }
                for _ in 0..8 {
                    self.read_batch(n, choices);
                }
            }
            for _ in 0..60 {
                self.pass_some(choices);
            }
        }
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.network.is_idle()
    }

    // ---- the upper layer ----

    fn send(&mut self, n: usize, choices: &mut Choices) {
        let node = &self.nodes[n];
        if !node.may_send() || self.phases[n] != Phase::In {
            return;
        }
        let inner = match choices.below(8) {
            7 => Inner::Names,
            6 => Inner::Rcom,
            _ => Inner::Msg,
        };
        let inner = if self.nodes[n].users == 0 { Inner::StatusNotReady } else { inner };
        if inner == Inner::StatusNotReady && !choices.chance(5) {
            return;
        }
        if inner == Inner::Names && self.nodes[n].revision != Revision::Linux6_12 {
            return self.nodes[n].send_bare(BareKind::Names, false);
        }
        let body = self.new_body();
        self.nodes[n].reserve(inner, body);
        if !choices.chance(15) {
            self.nodes[n].commit(body);
        }
    }

    fn send_burst(&mut self, n: usize, choices: &mut Choices) {
        for _ in 0..choices.below(50) {
            let node = &self.nodes[n];
            if node.may_send() && self.phases[n] == Phase::In && node.users > 0 {
                let body = self.new_body();
                self.nodes[n].reserve(Inner::Msg, body);
                self.nodes[n].commit(body);
            }
        }
    }

    fn commit(&mut self, n: usize) {
        if let Some(body) = self.nodes[n].uncommitted() {
            self.nodes[n].commit(body);
        }
    }

    fn ask_status(&mut self, n: usize, choices: &mut Choices) {
        let node = &mut self.nodes[n];
        if node.wants_status && self.phases[n] == Phase::In && (node.pages.is_empty() || choices.chance(10)) {
            node.send_bare(BareKind::Status, false);
        }
    }

    // ---- the cluster manager ----

    fn join(&mut self, n: usize) {
        let is_quiet = self.news.iter().all(VecDeque::is_empty);
        if self.phases[n] != Phase::Out || !is_quiet || !matches!(self.phases[1 - n], Phase::Out | Phase::In) {
            return;
        }
        self.phases = [Phase::In; 2];
        self.news.iter_mut().for_each(|news| news.push_back(News::Add));
    }

    fn may_leave(&self) -> bool {
        self.news.iter().all(VecDeque::is_empty)
    }

    fn leave(&mut self, n: usize, choices: &mut Choices) {
        if self.may_leave() && self.phases[n] == Phase::In {
            self.phases[n] = Phase::Leaving;
            if self.phases[1 - n] == Phase::In {
                self.news[1 - n].push_back(News::Remove);
            }
            self.go_on_closing(n, choices);
        }
    }

    fn leave_both(&mut self, choices: &mut Choices) {
        if self.may_leave() && self.phases == [Phase::In; 2] {
            self.phases = [Phase::Leaving; 2];
            self.go_on_closing(choices.below(2), choices);
        }
    }

    fn hear_news(&mut self, n: usize, choices: &mut Choices) {
        match self.news[n].pop_front() {
            None => {}
            Some(News::Add) => {
                if self.nodes[n].users == 0 {
                    if !matches!(self.nodes[n].state, State::Closed | State::Established) {
                        self.reset(n); // "shutdown stuck"
                    }
                    self.nodes[n].state = State::Established;
                }
                self.nodes[n].users += 1;
                self.nodes[n].wants_status = true;
            }
            Some(News::Remove) => self.remove_member(n),
            Some(News::Fence) => {
                self.drop_connections(n, choices);
                self.nodes[n].pages.clear();
                self.nodes[n].users = 0;
                self.stale[n].clear();
                self.reset(n);
                self.nodes[n].wants_status = false;
            }
        }
    }

    fn remove_member(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.users = node.users.saturating_sub(1);
        node.wants_status &= node.users > 0;
        if node.users == 0 && node.state == State::CloseWait {
            node.state = State::LastAck;
            let body = self.new_body();
            self.nodes[n].send_fin(body);
        }
    }

    /// CLS-2, CLS-3.
    fn go_on_closing(&mut self, n: usize, choices: &mut Choices) {
        match self.phases[n] {
            Phase::Leaving if self.nodes[n].knows_version || choices.chance(5) => {
                while self.nodes[n].users > 0 {
                    self.remove_member(n);
                }
                self.nodes[n].wants_status = false;
                self.phases[n] = Phase::Closing;
                if self.nodes[n].knows_version && self.nodes[n].state == State::Established {
                    self.nodes[n].state = State::FinWait1;
                    let body = self.new_body();
                    self.nodes[n].send_fin(body);
                }
            }
            Phase::Closing if self.nodes[n].state == State::Closed || !self.nodes[n].knows_version => {
                self.shut_sockets(n, choices);
            }
            Phase::Draining => {
                let held = [self.own[n], self.incoming[n]];
                let is_drained =
                    held.iter().flatten().all(|&conn| self.network.connections[conn].ends[n] == End::Closed);
                if is_drained || choices.chance(10) {
                    self.finish_leaving(n, choices);
                }
            }
            _ => {}
        }
    }

    fn time_out(&mut self, n: usize, choices: &mut Choices) {
        if self.environment.timeouts && self.phases[n] == Phase::Closing {
            self.shut_sockets(n, choices);
        }
    }

    fn shut_sockets(&mut self, n: usize, choices: &mut Choices) {
        while !self.nodes[n].pages.is_empty() && !choices.chance(3) {
            if self.write_page(n, usize::MAX, choices) == 0 {
                break;
            }
        }
        self.phases[n] = Phase::Draining;
        for conn in [self.own[n], self.incoming[n]].into_iter().flatten() {
            self.network.connections[conn].ends[n] = End::ReadOnly;
            let at_once = !self.environment.late_ends;
            self.network.end(conn, n, Frame::Fin, at_once, choices);
        }
    }

    fn finish_leaving(&mut self, n: usize, choices: &mut Choices) {
        self.drop_connections(n, choices);
        self.nodes[n].pages.clear();
        self.stale[n].clear();
        self.reset(n);
        self.nodes[n].wants_status = false;
        self.phases[n] = Phase::Out;
    }

    fn drop_connections(&mut self, n: usize, choices: &mut Choices) {
        let held = [self.own[n].take(), self.incoming[n].take()];
        for conn in held.into_iter().flatten().chain(std::mem::take(&mut self.backlog[n])) {
            self.close(n, conn, choices, false, false);
        }
    }

    fn crash(&mut self, n: usize, choices: &mut Choices) {
        if !self.environment.fences || self.phases[n] == Phase::Out {
            return;
        }
        let held = [self.own[n].take(), self.incoming[n].take()];
        for conn in held.into_iter().flatten().chain(std::mem::take(&mut self.backlog[n])) {
            let connection = &mut self.network.connections[conn];
            connection.ends[n] = End::Closed;
            let kept = choices.below(connection.directions[n].wire.len() + 1);
            connection.directions[n].wire.truncate(kept);
            connection.directions[n].is_cut_before = choices.chance(50);
        }
        let life = self.new_life();
        let resets_on_bare = self.nodes[n].resets_on_bare;
        self.nodes[n] = Node::new(self.nodes[n].revision, life);
        self.nodes[n].resets_on_bare = resets_on_bare;
        self.resets += 1;
        self.stale[n].clear();
        self.news[n].clear();
        self.phases[n] = Phase::Out;
        if self.phases[1 - n] == Phase::Out {
            return;
        }
        self.news[1 - n].push_back(News::Fence);
    }

    // ---- lowcomms ----

    /// NET-1: the connection to send on.
    fn sending(&self, n: usize) -> Option<usize> {
        self.own[n].or(self.incoming[n])
    }

    fn open(&mut self, n: usize) {
        let conn = self.network.open(n);
        self.own[n] = Some(conn);
        self.backlog[1 - n].push_back(conn);
    }

    fn write(&mut self, n: usize, choices: &mut Choices) {
        let waiting = self.nodes[n].waiting();
        let count = if choices.chance(30) { choices.below(waiting + 1) } else { waiting };
        self.write_page(n, count, choices);
    }

    fn write_page(&mut self, n: usize, count: usize, _choices: &mut Choices) -> usize {
        if matches!(self.phases[n], Phase::Out | Phase::Draining) || self.nodes[n].waiting() == 0 {
            return 0;
        }
        if self.sending(n).is_none() && self.phases[1 - n] != Phase::Out {
            self.open(n);
        }
        let Some(conn) = self.sending(n) else { return 0 };
        let items = self.nodes[n].take_output(count);
        for item in &items {
            self.network.write(conn, n, item.what, item.life);
        }
        items.len()
    }

    fn pass_some(&mut self, choices: &mut Choices) {
        let ready: Vec<(usize, usize)> = (0..self.network.connections.len())
            .flat_map(|conn| [(conn, 0), (conn, 1)])
            .filter(|&(conn, from)| !self.network.connections[conn].directions[from].wire.is_empty())
            .collect();
        if ready.is_empty() {
            return;
        }
        let (conn, from) = ready[choices.below(ready.len())];
        for _ in 0..=choices.below(8) {
            self.network.pass(conn, from, choices);
        }
    }

    fn cut(&mut self, choices: &mut Choices) {
        let live: Vec<usize> = (0..self.network.connections.len())
            .filter(|&conn| self.network.connections[conn].ends.contains(&End::Open))
            .collect();
        if !self.environment.breaks || live.is_empty() {
            return;
        }
        let conn = live[choices.below(live.len())];
        self.network.cut(conn, choices);
        if choices.chance(20) {
            self.network.show_rst(conn, choices.below(2)); // of a third party
        }
    }

    /// A node notices by itself that a connection is broken.
    fn notice_some(&mut self, n: usize, choices: &mut Choices) {
        let held = [self.own[n], self.incoming[n]];
        let broken = held.into_iter().flatten().find(|&conn| {
            let connection = &self.network.connections[conn];
            connection.is_cut() || connection.ends[1 - n] == End::Closed && connection.directions[1 - n].wire.is_empty()
        });
        if let Some(conn) = broken {
            self.notice(n, conn, false, choices);
        }
    }

    fn notice(&mut self, n: usize, conn: usize, is_orderly: bool, choices: &mut Choices) {
        let is_own = self.own[n] == Some(conn);
        let was_sending = self.sending(n) == Some(conn);
        let reopens = is_own && self.phases[n] != Phase::Draining && choices.chance(60);
        if is_own {
            self.own[n] = None;
        } else if self.incoming[n] == Some(conn) {
            self.incoming[n] = None;
        }
        self.close(n, conn, choices, !reopens, is_orderly);
        let mut drops = was_sending;
        if choices.chance(30) && !reopens {
            // The other connection is given up as well.
            if let Some(other) = self.own[n].take().or_else(|| self.incoming[n].take()) {
                drops = true;
                self.network.connections[other].ends[n] = End::Closed;
                self.network.end(other, n, Frame::Fin, !self.environment.late_ends, choices);
            }
        }
        if reopens && self.phases[1 - n] != Phase::Out {
            self.open(n);
        }
        let node = &mut self.nodes[n];
        match node.revision {
            Revision::Linux6_12 if is_orderly => {} // H3
            Revision::Linux6_12 => {
                node.queue_copies(); // H2
            }
            _ => {
                if drops {
                    node.drop_partly_written();
                }
                node.queue_copies();
            }
        }
        if drops {
            self.nodes[n].drop_partly_written();
        }
    }

    /// Closes `n`'s end; on the wire that is a reset, a FIN or nothing at all.
    fn close(&mut self, n: usize, conn: usize, choices: &mut Choices, needs_sign: bool, is_orderly: bool) {
        if self.network.connections[conn].ends[n] == End::Closed {
            return;
        }
        self.network.connections[conn].ends[n] = End::Closed;
        let needs_sign = needs_sign && !self.environment.silent && !self.network.connections[conn].has_sign();
        let at_once = !self.environment.late_ends;
        match choices.below(3) {
            0 => self.network.end(conn, n, Frame::Fin, at_once, choices),
            1 if !is_orderly => self.network.end(conn, n, Frame::Rst, at_once, choices),
            _ if needs_sign => self.network.end(conn, n, Frame::Rst, at_once, choices),
            _ => self.network.connections[conn].directions[n].wire.clear(),
        }
    }

    fn accept(&mut self, n: usize, choices: &mut Choices) {
        let is_listening = matches!(self.phases[n], Phase::In | Phase::Leaving | Phase::Closing);
        let Some(conn) = self.backlog[n].front().copied() else { return };
        if !is_listening {
            self.backlog[n].pop_front();
            return self.close(n, conn, choices, true, false);
        }
        self.backlog[n].pop_front();
        if self.network.connections[conn].ends[n] != End::Waiting {
            return;
        }
        self.network.connections[conn].ends[n] = End::Open;
        let was_sending = self.own[n].is_none();
        let Some(old) = self.incoming[n].replace(conn) else { return };
        let kept = if self.environment.stale_input { choices.below(8) } else { 0 };
        let frames = std::mem::take(&mut self.network.connections[old].directions[1 - n].arrived);
        let read = frames.into_iter().take(kept).filter_map(|frame| match frame {
            Frame::Message(label) => Some(label),
            Frame::Fin | Frame::Rst => None,
        });
        self.stale[n].extend(read);
        self.close(n, old, choices, false, false);
        if was_sending {
            let is_orderly = choices.chance(50);
            let node = &mut self.nodes[n];
            node.drop_partly_written();
            if !is_orderly {
                node.queue_copies();
            }
        }
    }

    // ---- receiving ----

    fn read_batch(&mut self, n: usize, choices: &mut Choices) {
        if self.phases[n] == Phase::Out {
            return;
        }
        let readable = |conn: &usize| {
            let connection = &self.network.connections[*conn];
            connection.ends[n] != End::Closed && !connection.directions[1 - n].arrived.is_empty()
        };
        let ready: Vec<usize> = [self.own[n], self.incoming[n]].into_iter().flatten().filter(readable).collect();
        if ready.is_empty() {
            return;
        }
        let conn = ready[choices.below(ready.len())];
        let mut accepted = false;
        let life = self.nodes[n].life;
        for _ in 0..=choices.below(40) {
            let Some(frame) = self.network.connections[conn].directions[1 - n].arrived.pop_front() else { break };
            match frame {
                Frame::Message(label) => accepted |= self.handle(n, label, choices),
                Frame::Fin if self.phases[n] == Phase::Draining => {
                    self.network.connections[conn].ends[n] = End::Closed;
                    break;
                }
                Frame::Fin => {
                    self.notice(n, conn, true, choices);
                    break;
                }
                Frame::Rst => {
                    self.notice(n, conn, false, choices);
                    break;
                }
            }
        }
        let node = &mut self.nodes[n];
        // REC-1: a reset in between leaves nothing to acknowledge.
        if accepted && node.life == life && node.revision == Revision::Linux6_1 && node.state == State::Established {
            node.send_ack();
        }
    }

    fn handle_stale(&mut self, n: usize) {
        if let Some(label) = self.stale[n].pop_front() {
            self.handle(n, label, &mut Choices::played(Vec::new()));
        }
    }

    /// Whether it was accepted.
    fn handle(&mut self, n: usize, label: usize, choices: &mut Choices) -> bool {
        let transmission = self.network.transmissions[label];
        self.detect(n, transmission.what);
        if !self.nodes[n].knows_version {
            return false; // VER-2
        }
        match transmission.what {
            What::Bare { kind: BareKind::Status, is_reply: false } => self.answer_status(n, choices),
            What::Bare { kind: BareKind::Status, .. } => self.nodes[n].wants_status = false,
            What::Bare { .. } => {}
            What::Ack(number) => {
                self.meet(n, transmission.life);
                if self.nodes[n].take_acked(number) {
                    self.fin_was_acked(n);
                }
            }
            What::Opts { seq, inner, body } => {
                self.meet(n, transmission.life);
                return self.handle_opts(n, seq, inner, body, label, choices);
            }
        }
        false
    }

    /// VER-1, VER-2, VER-4.
    fn detect(&mut self, n: usize, what: What) {
        let is_bare = matches!(what, What::Bare { .. });
        let node = &mut self.nodes[n];
        let is_closing = !matches!(node.state, State::Closed | State::Established);
        if is_bare && is_closing && node.resets_on_bare {
            self.reset(n);
            self.nodes[n].state = State::Established;
        }
        let node = &mut self.nodes[n];
        let establishes = match node.revision {
            Revision::Linux6_12 => !node.knows_version,
            _ => is_bare,
        };
        if establishes {
            node.knows_version = true;
            if node.state == State::Closed {
                node.state = State::Established;
            }
        }
    }

    /// Notes which incarnation talks to which.
    fn meet(&mut self, n: usize, life: u32) {
        let own = self.nodes[n].life;
        let mine = *self.talks_to.entry(own).or_insert(life);
        let its = *self.talks_to.entry(life).or_insert(own);
        self.is_contaminated |= mine != life || its != own;
    }

    fn answer_status(&mut self, n: usize, choices: &mut Choices) {
        let node = &self.nodes[n];
        if self.phases[n] == Phase::In && node.users == 0 && node.may_send() && choices.chance(50) {
            let body = self.new_body();
            self.nodes[n].reserve(Inner::StatusNotReady, body);
            self.nodes[n].commit(body);
        } else {
            self.nodes[n].send_bare(BareKind::Status, true);
        }
    }

    fn handle_opts(
        &mut self,
        n: usize,
        seq: u32,
        inner: Inner,
        body: u64,
        label: usize,
        choices: &mut Choices,
    ) -> bool {
        let node = &mut self.nodes[n];
        if seq != node.seq_next {
            if (seq.wrapping_sub(node.seq_next) as i32) < 0 {
                node.send_ack(); // RCV-2
            }
            return false;
        }
        node.seq_next = seq.wrapping_add(1);
        if inner == Inner::Fin {
            self.take_fin(n);
            return false;
        }
        node.count_delivery(choices.chance(10));
        if node.owes_threshold_ack() || node.revision == Revision::Linux5_14 {
            node.send_ack();
        }
        self.accepted[n].push(Accepted { seq, body, label });
        true
    }

    fn take_fin(&mut self, n: usize) {
        if self.nodes[n].revision == Revision::Linux5_14 {
            self.nodes[n].send_ack();
        }
        let acknowledges = self.nodes[n].revision != Revision::Linux5_14;
        match self.nodes[n].state {
            State::Established | State::FinWait1 | State::FinWait2 if acknowledges => self.nodes[n].send_ack(),
            _ => {}
        }
        match self.nodes[n].state {
            State::Established if self.nodes[n].users > 0 => self.nodes[n].state = State::CloseWait,
            State::Established => {
                self.nodes[n].state = State::LastAck;
                let body = self.new_body();
                self.nodes[n].send_fin(body);
            }
            State::FinWait1 => self.nodes[n].state = State::Closing,
            State::FinWait2 => self.reset_keeping_output(n),
            _ => {} // CLS-4
        }
    }

    fn fin_was_acked(&mut self, n: usize) {
        match self.nodes[n].state {
            State::FinWait1 => self.nodes[n].state = State::FinWait2,
            State::Closing | State::LastAck => self.reset_keeping_output(n),
            _ => {} // CLS-4
        }
    }

    /// The ACK of the FIN that ends an incarnation waits in the output and must go out.
    fn reset_keeping_output(&mut self, n: usize) {
        let pages = std::mem::take(&mut self.nodes[n].pages);
        self.reset(n);
        self.nodes[n].pages = pages;
    }
}
