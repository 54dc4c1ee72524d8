//! What the upper layer sends (section 4).

use bytes::Bytes;

use super::Record;
use crate::midcomms::error::{MAX_BODY_LEN, SendError};
use crate::midcomms::event::{Event, Kind};
use crate::midcomms::hello::Incarnation;
use crate::midcomms::plain::{SEQUENCED_HEAD, sequenced_head};
use crate::midcomms::state::State;
use crate::wire::{
    Cmd, HEADER_LEN, Header, LockspaceId, MSG_FIXED_LEN, MsgType, RCOM_LEN, RcomType, Sender, Seq, Version,
};

/// Bare messages that may wait for a connection.
const BARE_LIMIT: usize = 64;
/// The longest message of [`Record::send_opaque`], in bytes.
const MAX_OPAQUE_LEN: usize = MAX_BODY_LEN - MSG_FIXED_LEN;
/// The words of a MSG that carries any bytes: the first type, and zeros.
const OPAQUE: [u8; MSG_FIXED_LEN] = {
    let mut words = [0; MSG_FIXED_LEN];
    words[0] = MsgType::Request.to_wire() as u8;
    words
};
/// -ESRCH, "not ready" (SND-2).
const NOT_READY: i32 = -3;

/// A place in the send queue: the message has its number, and its body is still to come (SND-5).
///
/// Nothing that was sent after it goes out before it is committed or cancelled. A clone is for a clone of its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "everything behind it waits until it is committed or cancelled"]
pub struct Reservation {
    incarnation: Incarnation,
    seq: Seq,
    kind: Kind,
    lockspace: LockspaceId,
}

impl Reservation {
    /// The number that the message has.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }
}

impl Record {
    /// Whether a message of any length would be taken.
    pub(in crate::midcomms) fn ready(&mut self) -> Result<(), SendError> {
        self.may_send(MAX_BODY_LEN).map(drop)
    }

    /// Takes a whole message: reserve and commit in one. Returns its number, `None` towards a peer of 3.1 (SND-3).
    #[inline]
    pub(in crate::midcomms) fn send(
        &mut self,
        kind: Kind,
        lockspace: LockspaceId,
        body: &[u8],
    ) -> Result<Option<Seq>, SendError> {
        check_length(kind, body.len())?;
        check_type(kind, body)?;
        if kind == Kind::Rcom && self.version != Some(Version::V3_1) && goes_bare(type_of(body), result_of(body)) {
            return Err(SendError::GoesBare { got: type_of(body), result: result_of(body) });
        }
        self.take(kind, lockspace, body, &[])
    }

    /// Takes the first of `bodies`, as many as there is room for, until they are `limit` bytes. Returns how many.
    pub(in crate::midcomms) fn send_all<B: AsRef<[u8]>>(
        &mut self,
        kind: Kind,
        lockspace: LockspaceId,
        bodies: &[B],
        limit: usize,
    ) -> Result<usize, SendError> {
        let Some(first) = bodies.first().map(AsRef::as_ref) else { return Ok(0) };
        self.send(kind, lockspace, first)?;
        let is_plain = kind == Kind::Msg && self.version == Some(Version::V3_2);
        let (mut count, mut bytes) = (1, first.len());
        for body in bodies.iter().skip(1).map(AsRef::as_ref) {
            if bytes >= limit {
                break;
            }
            let is_taken =
                if is_plain { self.send_next(lockspace, body) } else { self.send(kind, lockspace, body).is_ok() };
            if !is_taken {
                break;
            }
            count += 1;
            bytes += body.len();
        }
        Ok(count)
    }

    /// Takes a plain message behind one that was just taken, if it can be: what holds for that one holds for it.
    #[inline]
    fn send_next(&mut self, lockspace: LockspaceId, body: &[u8]) -> bool {
        if check_length(Kind::Msg, body.len()).is_err() || check_type(Kind::Msg, body).is_err() {
            return false;
        }
        if !self.has_room(body.len()) {
            self.wants_room = true;
            return false;
        }
        self.count_send();
        let head = self.sequenced_head(Cmd::Msg, lockspace.0, body.len(), self.queue.seq_send());
        self.queue.push([head.as_flattened(), body]);
        true
    }

    /// Takes any bytes as the block of a MSG.
    #[inline]
    pub(in crate::midcomms) fn send_opaque(
        &mut self,
        lockspace: LockspaceId,
        bytes: &[u8],
    ) -> Result<Option<Seq>, SendError> {
        if bytes.len() > MAX_OPAQUE_LEN {
            return Err(SendError::TooLong { expected: MAX_OPAQUE_LEN, got: bytes.len() });
        }
        self.take(Kind::Msg, lockspace, &OPAQUE, bytes)
    }

    /// `front` and `back` are the body.
    #[inline]
    fn take(
        &mut self,
        kind: Kind,
        lockspace: LockspaceId,
        front: &[u8],
        back: &[u8],
    ) -> Result<Option<Seq>, SendError> {
        let len = front.len() + back.len();
        let version = self.may_send(len)?;
        self.count_send();
        if version == Version::V3_2 {
            let seq = self.queue.seq_send();
            self.queue.push([self.sequenced_head(kind.cmd(), lockspace.0, len, seq).as_flattened(), front, back]);
            return Ok(Some(seq));
        }
        self.queue.push([&self.header(kind.cmd(), lockspace.0, HEADER_LEN + len), front, back]);
        Ok(None)
    }

    /// Gives a message its number and its place, `len` bytes of body to be filled in later (SND-5).
    pub(in crate::midcomms) fn reserve(
        &mut self,
        kind: Kind,
        lockspace: LockspaceId,
        len: usize,
    ) -> Result<Reservation, SendError> {
        check_length(kind, len)?;
        let version = self.may_send(len)?;
        self.count_send();
        let seq = self.queue.seq_send();
        if version == Version::V3_2 {
            self.queue.reserve(self.sequenced_head(kind.cmd(), lockspace.0, len, seq).as_flattened(), len);
        } else {
            self.queue.reserve(&self.header(kind.cmd(), lockspace.0, HEADER_LEN + len), len);
        }
        Ok(Reservation { incarnation: self.own, seq, kind, lockspace })
    }

    /// Has `fill` write the body of a reserved message, and lets it go out.
    pub(in crate::midcomms) fn commit(
        &mut self,
        reservation: &Reservation,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        let body = self.reserved_body(reservation)?;
        fill(body);
        check_type(reservation.kind, body)?;
        #[cfg(feature = "defects")]
        if self.has(crate::midcomms::Defect::D14) {
            return Ok(());
        }
        self.queue.commit(reservation.seq);
        Ok(())
    }

    /// Gives a reservation up. Its number is used (SND-7), so something goes out under it: a STATUS reply "not ready" of
    /// the same length, which says nothing to anybody (SND-2).
    pub(in crate::midcomms) fn cancel(&mut self, reservation: &Reservation) {
        let seq = reservation.seq;
        let Ok(len) = self.reserved_body(reservation).map(|body| body.len()) else { return };
        let cmd = Cmd::Rcom;
        let head = self.sequenced_head(cmd, reservation.lockspace.0, len, seq);
        let bare = self.header(cmd, reservation.lockspace.0, HEADER_LEN + len);
        let head = if self.version == Some(Version::V3_2) { head.as_flattened() } else { bare.as_slice() };
        if let Some((front, body)) =
            self.queue.reserved(seq).and_then(|message| message.split_at_mut_checked(head.len()))
        {
            front.copy_from_slice(head);
            body.fill(0);
            let fields = RcomType::StatusReply.to_wire().to_le_bytes().into_iter().chain(NOT_READY.to_le_bytes());
            body.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        }
        self.queue.commit(seq);
    }

    fn reserved_body(&mut self, reservation: &Reservation) -> Result<&mut [u8], SendError> {
        let head = if self.version == Some(Version::V3_2) { SEQUENCED_HEAD } else { HEADER_LEN };
        if reservation.incarnation != self.own {
            return Err(SendError::SessionOver);
        }
        self.queue.reserved(reservation.seq).and_then(|message| message.get_mut(head..)).ok_or(SendError::SessionOver)
    }

    /// Takes an RCOM that goes bare (SND-2). It may be lost.
    pub(in crate::midcomms) fn send_bare(&mut self, lockspace: LockspaceId, body: &[u8]) -> Result<(), SendError> {
        check_length(Kind::Rcom, body.len())?;
        check_type(Kind::Rcom, body)?;
        let (got, result) = (type_of(body), result_of(body));
        let is_names = matches!(RcomType::from_wire(got), Some(RcomType::Names | RcomType::NamesReply));
        if !goes_bare(got, result) && !is_names {
            return Err(SendError::NotBare { got, result });
        }
        if self.state == State::Closed {
            return Err(SendError::NotMember { peer: self.peer });
        }
        if self.pending.bare.len() >= BARE_LIMIT {
            return Err(SendError::Full { peer: self.peer, bytes: self.queue.len_bytes() });
        }
        let mut message = Vec::with_capacity(HEADER_LEN + body.len());
        message.extend(self.header(Cmd::Rcom, lockspace.0, HEADER_LEN + body.len()));
        message.extend_from_slice(body);
        self.pending.bare.push_back(Bytes::from(message));
        Ok(())
    }

    /// CLS-5: the own FIN, which waits for no room.
    pub(super) fn send_fin(&mut self) {
        let seq = self.queue.seq_send();
        self.queue.push([self.sequenced_head(Cmd::Fin, 0, 0, seq).as_flattened()]);
        self.fin = Some(seq);
    }

    #[inline]
    fn may_send(&mut self, len: usize) -> Result<Version, SendError> {
        let peer = self.peer;
        match (self.state, self.version) {
            (State::Closed, _) => Err(SendError::NotMember { peer }),
            (state, _) if self.stop_tx => Err(SendError::Closing { peer, state }),
            (_, None) => Err(SendError::VersionUnknown { peer }),
            (_, Some(version)) => {
                if !self.has_room(len) {
                    self.wants_room = true;
                    return Err(SendError::Full { peer, bytes: self.queue.len_bytes() });
                }
                Ok(version)
            }
        }
    }

    /// Whether a body of `len` bytes fits. One message always does, however small the limit.
    #[inline]
    fn has_room(&self, len: usize) -> bool {
        let bytes = self.queue.len_bytes().saturating_add(SEQUENCED_HEAD + len);
        let is_over = bytes > self.config.queue_bytes || self.queue.len() >= self.config.queue_messages;
        !is_over || self.queue.is_empty()
    }

    #[inline]
    fn count_send(&mut self) {
        self.counters.sent += 1;
        if self.delivered >= self.config.ack_on_send {
            self.pending.ack = true; // before the message, so that no ACK comes behind a FIN
        }
    }

    pub(super) fn sender(&self) -> Sender {
        Sender { version: Version::V3_2, nodeid: self.node }
    }

    pub(super) fn header(&self, cmd: Cmd, word: u32, length: usize) -> [u8; HEADER_LEN] {
        let Sender { version, nodeid } = self.sender();
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        Header { version: version.to_wire(), word, nodeid, length, cmd: cmd.to_wire(), pad: 0 }.to_bytes()
    }

    /// Envelope and inner header of a message with a body of `len` bytes.
    #[inline]
    fn sequenced_head(&self, cmd: Cmd, word: u32, len: usize, seq: Seq) -> [[u8; 8]; 5] {
        sequenced_head(self.node, seq, cmd, word, len)
    }

    /// Tells who waits for room, once there is enough for a while.
    pub(super) fn tell_room(&mut self) {
        let has_room =
            self.queue.len_bytes() <= self.config.queue_bytes / 2 && self.queue.len() <= self.config.queue_messages / 2;
        if self.wants_room && has_room {
            self.wants_room = false;
            self.tell(Event::SendReady);
        }
    }
}

impl Kind {
    pub(super) const fn cmd(self) -> Cmd {
        match self {
            Self::Msg => Cmd::Msg,
            Self::Rcom => Cmd::Rcom,
        }
    }
}

#[inline]
fn check_length(kind: Kind, got: usize) -> Result<(), SendError> {
    let least = match kind {
        Kind::Msg => MSG_FIXED_LEN,
        Kind::Rcom => RCOM_LEN - HEADER_LEN,
    };
    if got < least {
        return Err(SendError::TooShort { expected: least, got });
    }
    if got > MAX_BODY_LEN {
        return Err(SendError::TooLong { expected: MAX_BODY_LEN, got });
    }
    Ok(())
}

fn type_of(body: &[u8]) -> u32 {
    body.first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

fn result_of(body: &[u8]) -> i32 {
    body.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |word| i32::from_le_bytes(*word))
}

/// SND-2: STATUS and its normal reply.
fn goes_bare(kind: u32, result: i32) -> bool {
    match RcomType::from_wire(kind) {
        Some(RcomType::Status) => true,
        Some(RcomType::StatusReply) => result != NOT_READY,
        _ => false,
    }
}

/// WIRE-6.
#[inline]
fn check_type(kind: Kind, body: &[u8]) -> Result<(), SendError> {
    let got = type_of(body);
    let is_known = match kind {
        Kind::Msg => MsgType::from_wire(got).is_some(),
        Kind::Rcom => RcomType::from_wire(got).is_some(),
    };
    if is_known { Ok(()) } else { Err(SendError::UnknownType { got }) }
}
