//! A record: what a node keeps about one peer (section 3), apart from connections.
//!
//! Methods come in four kinds: getters, what the cluster manager says (`record/membership.rs`), what the peer says
//! (`record/receive.rs`), what the upper layer sends (`record/send.rs`), and what goes out and when
//! (`record/output.rs`). `record/watched.rs` tells an observer of them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::batch::EventBatch;
use super::config::Config;
use super::error::PeerMisbehaved;
use super::event::{Event, Reason};
use super::hello::{Ids, Incarnation};
use super::observer::Snapshot;
use super::queue::SendQueue;
use super::state::{Action, State, Stimulus, Unexpected, transition};
use super::stats::Counters;
use super::time::Time;
use crate::wire::{LockspaceId, NodeId, Seq, Version};

mod membership;
mod output;
mod receive;
#[cfg(feature = "defects")]
mod seeded;
mod send;
mod watched;

pub(super) use receive::{Origin, Speaker};
pub use send::Reservation;
use watched::Watched;

/// What goes out besides the send queue, as soon as there is a connection. Flags, not bytes: nothing that a peer does
/// makes them grow.
#[derive(Clone, Debug, Default)]
struct Pending {
    /// An ACK (RCV-2, RCV-5).
    ack: bool,
    /// STATUS, our question.
    ask: bool,
    /// The answer to a STATUS: the `seq` and the lockspace of the question.
    answer: Option<Answer>,
    /// The incarnation `source` is over (HRD-3).
    gone: Option<Ids>,
    /// The last ACK of an incarnation that is over at this end, with the ids that it had.
    last_ack: Option<(Ids, Seq)>,
    /// The ACK of a Linux node's FIN that came to a CLOSED record (HRD-3).
    late_ack: Option<(Ids, Seq)>,
    /// What the upper layer sends bare: whole messages (SND-2).
    bare: VecDeque<Bytes>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    seq: u64,
    id: u64,
    lockspace: LockspaceId,
}

/// When something will happen by itself.
#[derive(Clone, Debug, Default)]
struct Timers {
    /// An ACK for what was delivered (RCV-5).
    ack: Option<Time>,
    /// STATUS again (SND-2).
    ask: Option<Time>,
    /// A pass of copies (HRD-7), and how often it has been put off without progress.
    retransmit: Option<Time>,
    passes: u32,
    /// The end of a shutdown (CLS-3).
    shutdown: Option<Time>,
}

/// What a node keeps about one peer.
#[derive(Clone)]
pub(super) struct Record {
    config: Config,
    node: NodeId,
    peer: NodeId,
    state: State,
    version: Option<Version>,
    seq_next: Seq,
    queue: SendQueue,
    stop_tx: bool,
    stop_rx: bool,
    /// The lockspaces whose add was counted: `users` is how many (HRD-5).
    members: Vec<LockspaceId>,
    own: Incarnation,
    /// The peer's incarnation that this one talks to (HRD-1).
    bound: Option<Incarnation>,
    /// The newest incarnation of the peer's that has asked for this one's.
    heard: Option<Incarnation>,
    /// The number of the own FIN, while it is not acknowledged.
    fin: Option<Seq>,
    /// Accepted since the last threshold ACK.
    delivered: u32,
    delivered_bytes: u32,
    /// A send was refused because the queue was full.
    wants_room: bool,
    asked: u64,
    first_seq: Seq,
    pending: Pending,
    timers: Timers,
    pub(super) counters: Counters,
    pub(super) events: EventBatch,
    #[cfg(feature = "defects")]
    seeded: seeded::Seeded,
    watched: Watched,
}

impl Record {
    pub(super) fn new(config: Config, node: NodeId, peer: NodeId, first: Incarnation) -> Self {
        Self {
            config,
            node,
            peer,
            state: State::Closed,
            version: None,
            seq_next: Seq(0),
            queue: SendQueue::default(),
            stop_tx: false,
            stop_rx: false,
            members: Vec::new(),
            own: first,
            bound: None,
            heard: None,
            fin: None,
            delivered: 0,
            delivered_bytes: 0,
            wants_room: false,
            asked: 0,
            first_seq: Seq(0),
            pending: Pending::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            events: EventBatch::default(),
            #[cfg(feature = "defects")]
            seeded: seeded::Seeded::default(),
            watched: Watched::default(),
        }
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    pub(super) fn peer(&self) -> NodeId {
        self.peer
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn version(&self) -> Option<Version> {
        self.version
    }

    pub(super) fn queue(&self) -> &SendQueue {
        &self.queue
    }

    pub(super) fn stops(&self) -> (bool, bool) {
        (self.stop_tx, self.stop_rx)
    }

    pub(super) fn members(&self) -> &[LockspaceId] {
        &self.members
    }

    pub(super) fn bound(&self) -> Option<Incarnation> {
        self.bound
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.timers.shutdown.is_some()
    }

    /// Whom messages are from and for at present (HRD-1).
    pub(super) fn ids(&self) -> Ids {
        Ids { source: self.own, destination: self.bound.or(self.heard) }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state,
            seq_send: self.queue.seq_send(),
            seq_next: self.seq_next,
            queue: self.queue.len(),
            users: self.members.len(),
            incarnation: self.own,
        }
    }

    /// Whether every field but `users` has its initial value (CleanClosed).
    pub(super) fn is_initial(&self) -> bool {
        self.state == State::Closed
            && self.version.is_none()
            && self.bound.is_none()
            && self.queue.is_empty()
            && self.queue.seq_send() == self.first_seq
            && self.seq_next == self.first_seq
            && !self.stop_tx
            && !self.stop_rx
    }

    // ---- mutators ------------------------------------------------------------------------------------------------

    /// Numbers begin at `seq` instead of 0: to see them wrap without four thousand million messages.
    pub(super) fn begin_numbers_at(&mut self, seq: Seq) {
        self.first_seq = seq;
        self.seq_next = seq;
        self.queue.reset(seq);
    }

    pub(super) fn set_config(&mut self, config: Config) {
        self.config = config;
    }

    pub(super) fn acknowledge(&mut self) {
        self.pending.ack |= self.version == Some(Version::V3_2);
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Counts what the peer did, and tells it while `told`, its connection's count, is small.
    pub(super) fn blame(&mut self, told: &mut u32, fault: PeerMisbehaved) {
        self.counters.misbehaved += 1;
        if *told < super::FAULTS_TOLD {
            *told += 1;
            self.tell(Event::Misbehaved(fault));
        }
    }

    /// One step of the table of transitions. `member` is the lockspace of an add or a remove.
    fn step(&mut self, now: Time, stimulus: Stimulus, member: Option<LockspaceId>) {
        let (next, actions) = match transition(self.state, stimulus) {
            Ok(cell) => cell,
            Err(Unexpected { state, stimulus }) => {
                self.counters.unexpected += 1;
                return self.tell(Event::Unexpected(Unexpected { state, stimulus }));
            }
        };
        let before = self.state;
        for action in actions {
            self.act(now, stimulus, *action, member);
        }
        self.state = next;
        if before != next || actions.contains(&Action::Reset) {
            self.observe_record(now);
        }
    }

    fn act(&mut self, now: Time, stimulus: Stimulus, action: Action, member: Option<LockspaceId>) {
        #[cfg(feature = "defects")]
        if self.leaves_out(now, stimulus, action) {
            return;
        }
        match action {
            Action::Reset if matches!(stimulus, Stimulus::FirstAdd | Stimulus::FirstAddTo31) => {
                self.end(now, Reason::Leftover);
            }
            Action::Reset => {
                // The ACK of the peer's FIN belongs to the incarnation that ends here.
                let last_ack = self.pending.ack.then_some((self.ids(), self.seq_next));
                self.reset(now);
                self.pending.last_ack = last_ack;
                self.tell(Event::Closed);
            }
            Action::Join => self.members.extend(member),
            Action::Leave => self.members.retain(|known| Some(*known) != member),
            Action::SendAck => self.pending.ack = true,
            Action::StopRx => self.stop_rx = true,
            Action::StopTx => self.stop_tx = true,
            Action::SendFin => self.send_fin(),
        }
    }

    /// REC-1: every field but `users` gets its initial value, and the next incarnation begins.
    fn reset(&mut self, now: Time) {
        self.state = State::Closed;
        self.version = None;
        self.seq_next = self.first_seq;
        self.queue.reset(self.first_seq);
        self.stop_tx = false;
        self.stop_rx = false;
        self.own = Incarnation(now.0.max(self.own.0.saturating_add(1))); // HRD-1
        self.bound = None;
        self.heard = None;
        self.fin = None;
        self.delivered = 0;
        self.delivered_bytes = 0;
        self.pending = Pending::default();
        self.timers = Timers { shutdown: self.timers.shutdown, ..Timers::default() };
        if core::mem::take(&mut self.wants_room) {
            self.tell(Event::SendReady);
        }
    }

    /// A reset that is no end of a handshake: what is lost by it is told.
    fn end(&mut self, now: Time, reason: Reason) {
        let unacknowledged = self.queue.len() - usize::from(self.fin.is_some());
        let was_open = self.state != State::Closed;
        self.reset(now);
        if was_open {
            self.counters.resets += 1;
            self.tell(Event::Reset { reason, unacknowledged });
            self.observe_record(now);
        }
    }
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Record").field("node", &self.node).field("peer", &self.peer).finish_non_exhaustive()
    }
}
