//! One peer: its record and the connections to it. The core that drivers drive.

use bytes::{Bytes, BytesMut};

use super::batch::EventBatch;
use super::config::Config;
use super::connection::{Connection, find};
use super::error::{PeerMisbehaved, SendError};
use super::event::{Event, Kind};
use super::hello::Incarnation;
use super::input::{ConnectionId, Input, Transmit};
use super::observer::{Observer, Occurrence, Snapshot};
use super::record::{Record, Reservation, Speaker};
use super::state::State;
use super::stats::Counters;
use super::time::Time;
use crate::wire::{Framer, LockspaceId, NodeId, Seq, Version};

#[cfg(feature = "defects")]
mod seeded;

/// Room that is made for what is no part of the send queue, and when, in bytes.
const CONTROL_BYTES: usize = 1024;
const CONTROL_LEAST: usize = 256;

/// Everything that one node knows of one peer: a state machine without sockets, clock or randomness.
///
/// **The law of its loop**: after each [`Peer::handle_input`] and each send, drain [`Peer::poll_event`] and
/// [`Peer::poll_transmit`] until they give `None`; then sleep until [`Peer::poll_timeout`] or the next input, whichever
/// is first, and never call with a time that is before the last one. While the driver keeps to it, nothing waits that
/// could go on.
///
/// A clone goes on from the same state, without the observer: for who follows many paths from one state, a model checker
/// say. Two that talk to the same peer would use the same numbers twice.
#[derive(Clone, Debug)]
pub struct Peer {
    record: Record,
    /// The connection that this node opened, and the one that the peer did.
    ours: Option<Connection>,
    theirs: Option<Connection>,
    /// [`Transmit::Open`] is not answered yet.
    is_opening: bool,
    /// A session's connections broke: of two nodes, the one with the smaller id opens one again although it has nothing
    /// to send, so that the other need not.
    is_reopening: bool,
    closes: Vec<ConnectionId>,
    /// What is written besides the send queue.
    control: BytesMut,
}

impl Peer {
    /// A peer nothing is known of. `first` is the id of the first incarnation of its record: the time in nanoseconds
    /// since 1970, or more than every id that this node has used towards it before (HRD-1).
    #[must_use]
    pub fn new(config: Config, node: NodeId, peer: NodeId, first: Incarnation) -> Self {
        Self {
            record: Record::new(config, node, peer, Incarnation(first.0.max(1))),
            ours: None,
            theirs: None,
            is_opening: false,
            is_reopening: false,
            closes: Vec::new(),
            control: BytesMut::new(),
        }
    }

    /// Has an observer see every step.
    #[must_use]
    pub fn with_observer(mut self, observer: Box<dyn Observer>) -> Self {
        self.record.set_observer(observer);
        self
    }

    /// Has numbers begin at `seq` in each incarnation, so that a test sees them wrap. Both ends have to agree.
    #[doc(hidden)]
    #[must_use]
    pub fn with_first_seq(mut self, seq: Seq) -> Self {
        self.record.begin_numbers_at(seq);
        self
    }

    /// Has other thresholds, timers and limits hold from now on. A timer that runs keeps its instant.
    pub fn set_config(&mut self, config: Config) {
        self.record.set_config(config);
    }

    /// Has what was accepted be acknowledged with the next output, whatever the thresholds say: for who knows that the
    /// peer waits. Nothing happens before the peer's version is known.
    pub fn acknowledge(&mut self) {
        self.record.acknowledge();
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// This node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.record.node()
    }

    /// The other one.
    #[must_use]
    pub fn peer(&self) -> NodeId {
        self.record.peer()
    }

    /// The record's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.record.state()
    }

    /// The peer's version, as far as it is known.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.record.version()
    }

    /// The peer's incarnation that the record talks to, if the peer is hardened (HRD-1).
    #[must_use]
    pub fn bound(&self) -> Option<Incarnation> {
        self.record.bound()
    }

    /// The record as it stands.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.record.snapshot()
    }

    /// Whether the own FIN was queued, and whether the upper layer hears nothing more: `stop_tx` and `stop_rx`.
    #[must_use]
    pub fn stops(&self) -> (bool, bool) {
        self.record.stops()
    }

    /// The lockspaces that have the peer as a member; `users` is how many.
    #[must_use]
    pub fn members(&self) -> &[LockspaceId] {
        self.record.members()
    }

    /// Messages and bytes that are not acknowledged.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        (self.record.queue().len(), self.record.queue().len_bytes())
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.record.counters
    }

    /// Whether every field of the record but `users` has its initial value.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        self.record.is_initial()
    }

    /// The connections that stand: the one that this node opened, the one that the peer did.
    #[must_use]
    pub fn connections(&self) -> (Option<ConnectionId>, Option<ConnectionId>) {
        (self.ours.as_ref().map(Connection::id), self.theirs.as_ref().map(Connection::id))
    }

    /// Whether [`Peer::poll_transmit`] would have something.
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        let has_output = self.record.has_output();
        let has_work = match self.sending() {
            Some(connection) => has_output && !connection.is_writing,
            None => (has_output || self.is_reopening) && !self.is_opening,
        };
        has_work || !self.closes.is_empty()
    }

    /// Whether everything that there is to say was handed over and written.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        let is_writing = [&self.ours, &self.theirs].into_iter().flatten().any(|connection| connection.is_writing);
        !is_writing && !self.record.has_output()
    }

    /// The connection that [`Transmit::Write`] would name, if that is what [`Peer::poll_transmit`] would say.
    #[must_use]
    pub fn next_write(&self) -> Option<ConnectionId> {
        let connection = self.sending().filter(|connection| !connection.is_writing)?;
        (self.closes.is_empty() && self.record.has_output()).then(|| connection.id())
    }

    /// Bytes of the send queue that wait to be handed over.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.record.queue().output_bytes()
    }

    /// NET-1: the connection that this node opened; if it opened none, the one that the peer did.
    fn sending(&self) -> Option<&Connection> {
        match &self.ours {
            None if !self.is_opening => self.theirs.as_ref(),
            ours => ours.as_ref(),
        }
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    /// Takes one input. `now` must not be before that of the call before.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        #[cfg(feature = "defects")]
        let before = self.state();
        match input {
            Input::AddMember(lockspace) => self.record.handle_add_member(now, lockspace),
            Input::RemoveMember(lockspace) => self.record.handle_remove_member(now, lockspace),
            Input::Fence => self.handle_fence(now),
            Input::Shutdown => self.record.handle_shutdown(now),
            Input::Opened(id) => self.handle_opened(now, id),
            Input::OpenFailed => self.handle_open_failed(),
            Input::Accepted(id) => self.handle_accepted(now, id),
            Input::Received(id, chunk) => self.handle_received(now, id, &chunk),
            Input::Written(id) => self.handle_written(now, id),
            Input::Finished(id) => self.handle_finished(now, id),
            Input::Broken(id) => self.handle_broken(now, id),
            Input::Timeout => {}
        }
        let is_writing = self.sending().is_some_and(|connection| connection.is_writing);
        self.record.handle_timeout(now, is_writing);
        #[cfg(feature = "defects")]
        self.drop_closed(now, before);
    }

    fn handle_fence(&mut self, now: Time) {
        self.is_opening = false;
        self.is_reopening = false;
        self.give_up_all(now);
        self.record.handle_fence(now);
    }

    fn handle_opened(&mut self, now: Time, id: ConnectionId) {
        if !core::mem::take(&mut self.is_opening) {
            return self.closes.push(id); // fenced meanwhile
        }
        self.begin(now, id, true);
        if let Some(old) = self.ours.replace(Connection::new(id, self.record.counters.connections)) {
            self.give_up(now, old.id());
        }
        self.record.handle_other_connection();
    }

    fn handle_open_failed(&mut self) {
        self.is_opening = false;
        self.is_reopening = false;
        self.record.forget_late_answers();
        if self.theirs.is_some() {
            self.record.handle_other_connection();
        }
    }

    fn handle_accepted(&mut self, now: Time, id: ConnectionId) {
        #[cfg(feature = "defects")]
        if self.leaves_unread() {
            return;
        }
        self.begin(now, id, false);
        if let Some(old) = self.theirs.replace(Connection::new(id, self.record.counters.connections)) {
            self.give_up(now, old.id());
        }
        if self.ours.is_none() {
            self.record.handle_other_connection();
        }
    }

    fn begin(&mut self, now: Time, connection: ConnectionId, is_ours: bool) {
        self.is_reopening = false;
        self.record.counters.connections += 1;
        self.record.observe(now, Occurrence::Opened { connection, is_ours });
    }

    fn handle_received(&mut self, now: Time, id: ConnectionId, chunk: &Bytes) {
        let Some(Connection { speaker, framer, .. }) = find(&mut self.ours, &mut self.theirs, id) else { return };
        self.record.counters.bytes_read += chunk.len() as u64;
        let received = receive(&mut self.record, now, speaker, framer, chunk);
        self.record.observe_reads(now);
        if let Err(fault) = received {
            self.record.blame(&mut speaker.told, fault);
            self.closes.push(id);
            self.handle_broken(now, id);
        }
    }

    fn handle_written(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = find(&mut self.ours, &mut self.theirs, id) {
            connection.is_writing = false;
            self.record.handle_written(now);
        }
    }

    /// The peer sends nothing more on it, and reads nothing more, as a rule. The other connection may still have what
    /// was sent before.
    fn handle_finished(&mut self, now: Time, id: ConnectionId) {
        let was_sending = self.sending().map(Connection::id) == Some(id);
        if self.take(id).is_none() {
            return;
        }
        self.record.observe(now, Occurrence::Finished { connection: id });
        self.closes.push(id);
        if was_sending {
            self.record.forget_late_answers();
            self.record.handle_other_connection();
        }
    }

    /// NET-8: who notices a break gives up both connections. But not one that was made since: what broke is old news then,
    /// and two nodes that notice late would go on taking each other's new connection away.
    fn handle_broken(&mut self, now: Time, id: ConnectionId) {
        let Some(Connection { order, .. }) = self.take(id) else { return };
        self.record.counters.breaks += 1;
        self.record.observe(now, Occurrence::GivenUp { connection: id });
        for slot in [&mut self.ours, &mut self.theirs] {
            if let Some(older) = slot.take_if(|other| other.order < order) {
                self.closes.push(older.id());
                self.record.observe(now, Occurrence::GivenUp { connection: older.id() });
            }
        }
        let is_cut_off = self.ours.is_none() && self.theirs.is_none();
        self.is_reopening = is_cut_off && self.record.version().is_some() && self.node() < self.peer();
        self.record.forget_late_answers();
        self.record.handle_other_connection();
    }

    fn take(&mut self, id: ConnectionId) -> Option<Connection> {
        [&mut self.ours, &mut self.theirs].into_iter().find_map(|slot| slot.take_if(|known| known.id() == id))
    }

    fn give_up_all(&mut self, now: Time) {
        for connection in [self.ours.take(), self.theirs.take()].into_iter().flatten() {
            self.give_up(now, connection.id());
        }
    }

    fn give_up(&mut self, now: Time, connection: ConnectionId) {
        self.record.observe(now, Occurrence::GivenUp { connection });
        self.closes.push(connection);
    }

    /// Gives back the memory that traffic needed and what waits does not: for a peer that had nothing to say for a while.
    pub fn release(&mut self) {
        self.record.release();
    }

    // ---- what the upper layer sends ------------------------------------------------------------------------------

    /// Whether a message of any length would be taken now.
    ///
    /// # Errors
    ///
    /// As [`Peer::send`].
    pub fn ready(&mut self) -> Result<(), SendError> {
        self.record.ready()
    }

    /// Takes a message: `body` is all that is behind its 16-byte header. Returns its number, `None` towards a peer of
    /// version 3.1, to which messages go bare and may be lost (SND-3).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing has been taken then. [`SendError::Full`] is followed by [`Event::SendReady`].
    #[inline]
    pub fn send(&mut self, kind: Kind, lockspace: LockspaceId, body: &[u8]) -> Result<Option<Seq>, SendError> {
        self.record.send(kind, lockspace, body)
    }

    /// Takes the first of `bodies`, as many as there is room for, and none behind those that are `limit` bytes together. Returns
    /// how many. For many small messages, this costs less than one call for each.
    ///
    /// # Errors
    ///
    /// As [`Peer::send`], for the first of them. Where a later one cannot be taken, those before it are.
    pub fn send_all<B: AsRef<[u8]>>(
        &mut self,
        kind: Kind,
        lockspace: LockspaceId,
        bodies: &[B],
        limit: usize,
    ) -> Result<usize, SendError> {
        self.record.send_all(kind, lockspace, bodies, limit)
    }

    /// Takes any bytes, up to 3984 of them, for a program that reads them by [`super::Delivery::opaque`]: they go as the block
    /// of a MSG. Not for the lock manager of a kernel.
    ///
    /// # Errors
    ///
    /// As [`Peer::send`].
    #[inline]
    pub fn send_opaque(&mut self, lockspace: LockspaceId, bytes: &[u8]) -> Result<Option<Seq>, SendError> {
        self.record.send_opaque(lockspace, bytes)
    }

    /// Gives a message its number and its place in the send queue, with a body of `len` bytes to come (SND-5).
    ///
    /// # Errors
    ///
    /// As [`Peer::send`].
    pub fn reserve(&mut self, kind: Kind, lockspace: LockspaceId, len: usize) -> Result<Reservation, SendError> {
        self.record.reserve(kind, lockspace, len)
    }

    /// Has `fill` write the body of a reserved message, all zeros before, and lets the message go out.
    ///
    /// # Errors
    ///
    /// [`SendError::SessionOver`] if the incarnation has ended; [`SendError::UnknownType`] if the body has no type: then
    /// the reservation stands, to be committed again or cancelled.
    pub fn commit(&mut self, reservation: &Reservation, fill: impl FnOnce(&mut [u8])) -> Result<(), SendError> {
        self.record.commit(reservation, fill)
    }

    /// Gives a reservation up. Its number is used already: an RCOM that says nothing goes out under it, which is not
    /// delivered by a node of this crate.
    pub fn cancel(&mut self, reservation: &Reservation) {
        self.record.cancel(reservation);
    }

    /// Takes an RCOM STATUS, NAMES or a reply to one, which goes bare, and may be lost (SND-2).
    ///
    /// # Errors
    ///
    /// As [`Peer::send`], and [`SendError::NotBare`] for other types. [`SendError::Full`] says that 64 wait for a connection
    /// already, which the next [`Transmit::Write`] takes: no [`Event::SendReady`] follows.
    pub fn send_bare(&mut self, lockspace: LockspaceId, body: &[u8]) -> Result<(), SendError> {
        self.record.send_bare(lockspace, body)
    }

    // ---- polls ---------------------------------------------------------------------------------------------------

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.record.events.next()
    }

    /// Takes everything that happened.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.record.events.by_ref()
    }

    /// Exchanges everything that happened for `empty`, which lends its memory to what happens next. Of what is taken out of it
    /// the buffers are to be taken too.
    pub(crate) fn swap_events(&mut self, empty: EventBatch) -> EventBatch {
        core::mem::replace(&mut self.record.events, empty).reuse()
    }

    /// What happened and was not taken.
    #[must_use]
    pub fn events(&self) -> &EventBatch {
        &self.record.events
    }

    /// The next thing to do. What [`Transmit::Write`] has to write is appended to `batch`.
    pub fn poll_transmit(&mut self, now: Time, batch: &mut Vec<Bytes>) -> Option<Transmit> {
        if let Some(id) = self.closes.pop() {
            return Some(Transmit::Close(id));
        }
        if !self.has_transmit() {
            return None;
        }
        let connection = match (&mut self.ours, &mut self.theirs) {
            (Some(ours), _) => ours,
            (None, Some(theirs)) => theirs,
            (None, None) => {
                self.is_opening = true;
                return Some(Transmit::Open);
            }
        };
        let begin = batch.len();
        connection.is_writing = true;
        if self.control.capacity() < CONTROL_LEAST {
            self.control.reserve(CONTROL_BYTES);
        }
        debug_assert!(self.control.is_empty() && self.control.capacity() >= CONTROL_LEAST);
        let id = connection.id();
        self.record.poll_output(now, &mut connection.said, &mut self.control, batch);
        for messages in batch.iter().skip(begin) {
            self.record.counters.bytes_written += messages.len() as u64;
            self.record.observe(now, Occurrence::Written { connection: id, messages });
        }
        Some(Transmit::Write(id))
    }

    /// The instant at which [`Input::Timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.record.poll_timeout()
    }
}

/// Cuts `chunk` into messages and handles each.
fn receive(
    record: &mut Record,
    now: Time,
    speaker: &mut Speaker,
    framer: &mut Framer,
    chunk: &Bytes,
) -> Result<(), PeerMisbehaved> {
    let chunk_at = framer.offset().saturating_add(framer.pending() as u64);
    record.events.begin_chunk();
    let mut frames = framer.frames(chunk);
    loop {
        let at = chunk.len() - frames.ahead().len();
        frames.pass(record.receive_run(now, speaker, chunk, at));
        let Some(frame) = frames.next_frame() else { return Ok(()) };
        let frame = frame.map_err(PeerMisbehaved::Unparseable)?;
        match frame.offset.checked_sub(chunk_at).and_then(|start| usize::try_from(start).ok()) {
            Some(start) => record.handle_message(now, speaker, chunk, start..start + frame.bytes.len())?,
            None => {
                let message = Bytes::copy_from_slice(frame.bytes);
                record.handle_message(now, speaker, &message, 0..message.len())?;
                record.events.begin_chunk();
            }
        }
    }
}
