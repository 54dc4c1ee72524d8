//! What the peer says (sections 5 and 6, HRD-1 to HRD-3).

use core::ops::Range;

use bytes::Bytes;

use super::{Answer, Record};
use crate::midcomms::error::PeerMisbehaved;
use crate::midcomms::event::{Event, Kind, Reason};
use crate::midcomms::hello::{Ids, Incarnation, Tail};
use crate::midcomms::input::ConnectionId;
use crate::midcomms::observer::Outcome;
use crate::midcomms::plain::plain_len;
use crate::midcomms::state::{State, Stimulus};
use crate::midcomms::time::Time;
use crate::wire::{Body, Cmd, HEADER_LEN, Header, Inner, Message, Opts, Rcom, RcomType, Seq, Version, decode};

/// Who speaks on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::midcomms) enum Origin {
    /// Nobody has yet.
    #[default]
    Unknown,
    /// A node whose first message was no hello.
    Linux,
    /// A hardened node, and what its last hello said.
    Hardened(Ids),
}

/// What a connection has told of its speaker.
#[derive(Clone, Copy, Debug)]
pub(in crate::midcomms) struct Speaker {
    pub(in crate::midcomms) connection: ConnectionId,
    pub(in crate::midcomms) origin: Origin,
    /// How often the peer's faults on it were told.
    pub(in crate::midcomms) told: u32,
}

/// A message and where it lies.
pub(super) struct Arrival<'a> {
    pub(super) message: Message<'a>,
    chunk: &'a Bytes,
    at: Range<usize>,
}

impl Arrival<'_> {
    /// Where in the chunk that is which stands behind the header of the MSG or RCOM.
    fn body(&self) -> (usize, usize) {
        let inner = self.message.inner_range().unwrap_or_default();
        (self.at.start.saturating_add(inner.start).saturating_add(HEADER_LEN), self.at.end)
    }

    pub(super) fn is_fin(&self) -> bool {
        matches!(&self.message, Message::Opts(opts) if matches!(opts.inner().body(), Body::Fin { .. }))
    }

    pub(super) fn is_status(&self) -> bool {
        matches!(&self.message, Message::Bare(inner) if bare_rcom(inner) == Some(RcomType::Status))
    }
}

fn bare_rcom(inner: &Inner<'_>) -> Option<RcomType> {
    match inner.body() {
        Body::Rcom(rcom) => rcom.kind(),
        _ => None,
    }
}

impl Record {
    /// Handles the message that lies at `at` in `chunk`.
    ///
    /// # Errors
    ///
    /// What ends the connection.
    pub(in crate::midcomms) fn handle_message(
        &mut self,
        now: Time,
        speaker: &mut Speaker,
        chunk: &Bytes,
        at: Range<usize>,
    ) -> Result<(), PeerMisbehaved> {
        let bytes = chunk.get(at.clone()).unwrap_or_default();
        let nodeid = Header::parse(bytes).map_or(self.peer, |header| header.nodeid);
        if nodeid != self.peer {
            return Err(PeerMisbehaved::WrongNodeId { expected: self.peer, got: nodeid }); // WIRE-7
        }
        let outcome = match decode(bytes) {
            Ok(message) => self.sort(now, speaker, &Arrival { message, chunk, at: at.clone() }),
            Err(error) => self.refuse(speaker, PeerMisbehaved::Undecodable(error)), // WIRE-4
        };
        self.note_read(now, speaker.connection, chunk, &at, outcome);
        Ok(())
    }

    /// Handles the messages from `at` in `chunk` on that are what nearly every one is: the MSG that is expected next, from
    /// the incarnation that the record is bound to, in an envelope without options. Says how many bytes they are. All else
    /// goes the long way, message by message, which handles these too, and to the same end.
    pub(in crate::midcomms) fn receive_run(&mut self, now: Time, speaker: &Speaker, chunk: &Bytes, at: usize) -> usize {
        let Origin::Hardened(ids) = speaker.origin else { return 0 };
        let is_for_us = ids.destination == Some(self.own) && self.bound == Some(ids.source);
        let is_open = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        if !is_for_us || !is_open {
            return 0;
        }
        let from = self.seq_next;
        let next = |seq, end: usize| plain_len(chunk.get(end..).unwrap_or_default(), self.peer, seq);
        let Some(first) = next(from, at) else { return 0 };
        let (mut end, mut count) = (at + first, 1);
        while let Some(len) = next(Seq(from.0.wrapping_add(count)), end) {
            end += len;
            count += 1;
        }
        self.seq_next = Seq(from.0.wrapping_add(count)); // RCV-1
        self.count_delivery(now, first);
        self.note_accepted(count - 1, end - at - first);
        self.counters.delivered += u64::from(count);
        self.events.deliver_run(from, count, chunk, at);
        self.note_read(now, speaker.connection, chunk, &(at..end), Outcome::Accepted);
        end - at
    }

    fn refuse(&mut self, speaker: &mut Speaker, fault: PeerMisbehaved) -> Outcome {
        self.blame(&mut speaker.told, fault);
        Outcome::Dropped
    }

    fn pass_over(&mut self) -> Outcome {
        self.counters.dropped += 1;
        Outcome::Dropped
    }

    fn sort(&mut self, now: Time, speaker: &mut Speaker, arrival: &Arrival<'_>) -> Outcome {
        let message = &arrival.message;
        if let Some(inner) = message.inner()
            && (inner.version() != message.version() || inner.header().nodeid != message.header().nodeid)
        {
            return self.refuse(speaker, PeerMisbehaved::HeadersDiffer);
        }
        if let Message::Ack(ack) = message {
            let tail = Tail::read(ack.tail());
            match (speaker.origin, tail) {
                (Origin::Unknown | Origin::Hardened(_), Tail::Hello(ids)) => speaker.origin = Origin::Hardened(ids),
                (Origin::Hardened(_), Tail::Gone(ids)) => return self.receive_gone(now, ids),
                (_, Tail::Plain) => {}
                _ => self.blame(&mut speaker.told, PeerMisbehaved::UnknownTail { len: ack.tail().len() }),
            }
        }
        let stops = match speaker.origin {
            Origin::Hardened(ids) => self.screen(now, speaker, ids, arrival),
            Origin::Unknown | Origin::Linux => {
                speaker.origin = Origin::Linux;
                self.detect(now, speaker, arrival)
            }
        };
        #[cfg(feature = "defects")]
        if stops.is_some() {
            self.acknowledges_first(arrival);
        }
        stops.unwrap_or_else(|| self.receive(now, speaker, arrival))
    }

    /// HRD-1 to HRD-3: what comes from a hardened node is handled if it is for this incarnation, and from the one that
    /// it talks to.
    fn screen(&mut self, now: Time, speaker: &mut Speaker, ids: Ids, arrival: &Arrival<'_>) -> Option<Outcome> {
        let got = arrival.message.version();
        let is_status = arrival.is_status();
        // A session with a node without ids is over, too, once there are some.
        let is_unbound_session = self.bound.is_none() && self.version.is_some();
        if got == Version::V3_2
            && is_status
            && (is_unbound_session || self.bound.is_some_and(|bound| ids.source > bound))
        {
            self.restart(now);
        }
        let expected = self.version.unwrap_or(Version::V3_2);
        if expected != got {
            return Some(self.refuse(speaker, PeerMisbehaved::WrongVersion { expected, got })); // VER-3
        }
        let is_open = self.state != State::Closed;
        let is_mine = ids.destination == Some(self.own);
        let is_known = match self.bound {
            Some(bound) => bound == ids.source,
            None => self.version.is_none(),
        };
        if is_open && is_mine && is_known {
            self.bind(now, ids.source);
            return None;
        }
        if is_status && is_open && is_known && self.heard.is_none_or(|heard| heard <= ids.source) {
            self.heard = Some(ids.source);
            return None;
        }
        if !is_mine && arrival.is_fin() {
            self.answer_late_fin(ids);
        }
        Some(self.pass_over())
    }

    /// HRD-3.
    fn answer_late_fin(&mut self, ids: Ids) {
        if self.state != State::Closed {
            self.pending.ask = true;
        } else if let Some(over) = ids.destination {
            self.pending.gone = Some(Ids { source: over, destination: Some(ids.source) });
        }
    }

    fn bind(&mut self, now: Time, source: Incarnation) {
        if self.bound.is_none() {
            self.bound = Some(source);
            self.pending.ack |= self.heard != Some(source); // HRD-1: a hello, for an id has changed
            self.settle_version(now, Version::V3_2);
        }
    }

    /// VER-1.
    fn settle_version(&mut self, now: Time, version: Version) {
        self.version = Some(version);
        self.pending.ask = false;
        self.timers.ask = None;
        self.tell(Event::Up { version, is_hardened: self.bound.is_some() });
        self.advance_shutdown(now);
    }

    /// The peer's incarnation is over, for a newer one asks. So is this one, and the next begins at once: with members or
    /// without, for the peer may be one that this node has yet to hear of, or wait for its version to leave (CLS-2).
    pub(super) fn restart(&mut self, now: Time) {
        self.end(now, Reason::PeerRestarted);
        self.state = State::Established;
        self.ask_status();
        self.observe_record(now);
    }

    /// VER-1, VER-3 and HRD-2, for what comes from a node without incarnation ids.
    fn detect(&mut self, now: Time, speaker: &mut Speaker, arrival: &Arrival<'_>) -> Option<Outcome> {
        if self.bound.is_some() {
            return Some(self.refuse(speaker, PeerMisbehaved::LostItsIds));
        }
        if self.state == State::Closed {
            if let Message::Opts(opts) = &arrival.message
                && arrival.is_fin()
            {
                self.pending.late_ack = Some((self.ids(), opts.seq().successor())); // HRD-3
            }
            return Some(self.pass_over());
        }
        let got = arrival.message.version();
        match self.version {
            None => self.settle_version(now, got),
            Some(expected) if expected != got => {
                return Some(self.refuse(speaker, PeerMisbehaved::WrongVersion { expected, got }));
            }
            Some(_) => {}
        }
        None
    }

    fn receive(&mut self, now: Time, speaker: &mut Speaker, arrival: &Arrival<'_>) -> Outcome {
        #[cfg(feature = "defects")]
        self.restarts_on_status(now, arrival);
        let is_numbered = self.version == Some(Version::V3_2);
        match &arrival.message {
            Message::Opts(opts) if is_numbered => self.receive_sequenced(now, speaker, opts, arrival),
            Message::Ack(ack) if is_numbered => self.receive_ack(now, speaker, ack.seq()),
            Message::Opts(_) => self.refuse(speaker, PeerMisbehaved::Sequenced { cmd: Cmd::Opts }),
            Message::Ack(_) => self.refuse(speaker, PeerMisbehaved::Sequenced { cmd: Cmd::Ack }),
            Message::Bare(inner) => self.receive_bare(speaker, inner, is_numbered, arrival),
        }
    }

    /// RCV-6.
    fn receive_bare(
        &mut self,
        speaker: &mut Speaker,
        inner: &Inner<'_>,
        is_numbered: bool,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let is_hardened = matches!(speaker.origin, Origin::Hardened(_));
        match (inner.body(), bare_rcom(inner)) {
            (Body::Fin { .. }, _) if !is_numbered => {
                return self.refuse(speaker, PeerMisbehaved::Sequenced { cmd: Cmd::Fin });
            }
            (Body::Rcom(rcom), Some(RcomType::Status)) => self.receive_status(inner, rcom, is_hardened),
            (_, Some(RcomType::StatusReply | RcomType::Names | RcomType::NamesReply)) => {}
            _ if is_numbered => return self.refuse(speaker, PeerMisbehaved::Bare { cmd: inner.cmd() }),
            _ => {}
        }
        let is_own_business = is_hardened && matches!(bare_rcom(inner), Some(RcomType::Status | RcomType::StatusReply));
        if !is_own_business && !self.stop_rx {
            self.deliver(None, inner, arrival);
        }
        Outcome::Handled
    }

    fn receive_status(&mut self, inner: &Inner<'_>, rcom: &Rcom<'_>, is_hardened: bool) {
        if is_hardened || self.config.answer_status {
            let lockspace = inner.lockspace().unwrap_or_default();
            self.pending.answer = Some(Answer { seq: rcom.seq, id: rcom.id, lockspace });
        }
    }

    fn receive_sequenced(
        &mut self,
        now: Time,
        speaker: &mut Speaker,
        opts: &Opts<'_>,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let seq = opts.seq();
        if seq.is_before(self.seq_next) {
            self.pending.ack = true; // RCV-2
            self.counters.duplicates += 1;
            return Outcome::Duplicate;
        }
        if seq != self.seq_next {
            self.counters.gaps += 1; // RCV-3
            return Outcome::Gap;
        }
        #[cfg(feature = "defects")]
        self.acknowledges_first(arrival);
        if matches!(self.state, State::CloseWait | State::Closing | State::LastAck) {
            return self.refuse(speaker, PeerMisbehaved::AfterFin { seq }); // SND-4
        }
        self.seq_next = seq.successor(); // RCV-1
        if arrival.is_fin() {
            self.receive_fin(now);
            return Outcome::Accepted;
        }
        let is_hardened = matches!(speaker.origin, Origin::Hardened(_));
        if !(is_hardened && is_withdrawn(opts.inner())) {
            self.deliver(Some(seq), opts.inner(), arrival);
        }
        self.count_delivery(now, arrival.at.len());
        Outcome::Accepted
    }

    fn receive_fin(&mut self, now: Time) {
        let stimulus = if self.members.is_empty() { Stimulus::FinWithoutUsers } else { Stimulus::Fin };
        self.step(now, stimulus, None);
        #[cfg(feature = "defects")]
        self.stops_hearing();
        if self.state != State::Closed {
            self.tell(Event::PeerClosing);
        }
        self.advance_shutdown(now);
    }

    fn deliver(&mut self, seq: Option<Seq>, inner: &Inner<'_>, arrival: &Arrival<'_>) {
        let kind = if inner.cmd() == Cmd::Msg { Kind::Msg } else { Kind::Rcom };
        let lockspace = inner.lockspace().unwrap_or_default();
        self.counters.delivered += 1;
        self.events.deliver(seq, kind, lockspace, arrival.chunk, arrival.body());
    }

    /// RCV-5.
    fn count_delivery(&mut self, now: Time, bytes: usize) {
        if !self.note_accepted(1, bytes) && self.timers.ack.is_none() {
            self.timers.ack = Some(now.after(self.config.ack_delay));
        }
    }

    /// Counts messages that were accepted since the last ACK. Whether they are enough for one.
    fn note_accepted(&mut self, messages: u32, bytes: usize) -> bool {
        self.delivered += messages;
        self.delivered_bytes = self.delivered_bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        let is_enough = self.delivered >= self.config.ack_on_receive || self.delivered_bytes >= self.config.ack_bytes;
        self.pending.ack |= is_enough;
        is_enough
    }

    /// RCV-4.
    fn receive_ack(&mut self, now: Time, speaker: &mut Speaker, seq: Seq) -> Outcome {
        match self.queue.acknowledge(seq) {
            Ok(0) => return Outcome::Handled,
            Ok(_) => {}
            Err(beyond) => {
                let fault = PeerMisbehaved::AckBeyondSent { expected: beyond.sent, got: seq };
                return self.refuse(speaker, fault);
            }
        }
        self.note_progress(now);
        if self.fin.is_some_and(|fin| fin.is_before(seq)) {
            self.fin = None;
            self.step(now, Stimulus::AckOfFin, None);
            self.advance_shutdown(now);
        }
        Outcome::Handled
    }

    /// HRD-3.
    fn receive_gone(&mut self, now: Time, ids: Ids) -> Outcome {
        let is_meant = ids.destination == Some(self.own) && self.bound == Some(ids.source);
        if !is_meant || !self.state.is_closing() {
            return self.pass_over();
        }
        self.end(now, Reason::PeerGone);
        self.advance_shutdown(now);
        Outcome::Handled
    }
}

/// What stands for a reservation that was given up: see [`Record::cancel`].
fn is_withdrawn(inner: &Inner<'_>) -> bool {
    matches!(inner.body(), Body::Rcom(rcom) if rcom.kind() == Some(RcomType::StatusReply))
}
