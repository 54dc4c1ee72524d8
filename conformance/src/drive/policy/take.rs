//! What the account takes of the upper layer, and what it refuses.

use midcomms::midcomms::{Kind, SendError};
use midcomms::wire::{MSG_FIXED_LEN, MsgType, RcomType, Seq, Version};

use super::account::{Account, Entry, NOT_READY};
use super::bytes::rcom;

/// Bytes before the body of a sequenced message.
const HEAD: usize = 40;
/// The longest body: a message of 4096 bytes without its envelope and its header.
pub(super) const MAX_BODY: usize = 4056;
/// Bare messages that may wait.
const BARE_LIMIT: usize = 64;

impl Account {
    /// Whether a body of `len` bytes is taken.
    pub(super) fn may_send(&mut self, len: usize) -> Result<Version, SendError> {
        let peer = self.peer;
        let Some(version) = self.version else { return Err(SendError::VersionUnknown { peer }) };
        let bytes = self.bytes_from(0);
        let is_over = bytes + HEAD + len > self.config.queue_bytes || self.entries.len() >= self.config.queue_messages;
        if is_over && !self.entries.is_empty() {
            self.wants_room = true;
            return Err(SendError::Full { peer, bytes });
        }
        Ok(version)
    }

    /// What a message is refused for whatever the peer's state.
    pub(super) fn check(kind: Kind, body: &[u8]) -> Result<(), SendError> {
        check_length(kind, body.len())?;
        check_type(kind, body)
    }

    pub(super) fn send(&mut self, kind: Kind, body: &[u8]) -> Result<Option<Seq>, SendError> {
        Self::check(kind, body)?;
        if kind == Kind::Rcom && self.version != Some(Version::V3_1) && goes_bare(body) {
            return Err(SendError::GoesBare { got: word(body, 0), result: word(body, 4) as i32 });
        }
        self.take(kind, body)
    }

    /// How many of `bodies` are taken: none behind one that is not, or behind those that are `limit` bytes together.
    pub(super) fn send_all(&mut self, kind: Kind, bodies: &[Vec<u8>], limit: usize) -> Result<usize, SendError> {
        let mut bytes = 0;
        for (count, body) in bodies.iter().enumerate() {
            if count > 0 && bytes >= limit {
                return Ok(count);
            }
            match self.send(kind, body) {
                Err(error) if count == 0 => return Err(error),
                Err(_) => return Ok(count),
                Ok(_) => bytes += body.len(),
            }
        }
        Ok(bodies.len())
    }

    pub(super) fn send_opaque(&mut self, block: &[u8]) -> Result<Option<Seq>, SendError> {
        let limit = MAX_BODY - MSG_FIXED_LEN;
        if block.len() > limit {
            return Err(SendError::TooLong { expected: limit, got: block.len() });
        }
        let mut body = vec![0; MSG_FIXED_LEN];
        body.splice(..4, MsgType::Request.to_wire().to_le_bytes());
        body.extend_from_slice(block);
        self.take(Kind::Msg, &body)
    }

    fn take(&mut self, kind: Kind, body: &[u8]) -> Result<Option<Seq>, SendError> {
        let version = self.may_send(body.len())?;
        Ok((version == Version::V3_2).then_some(self.push(kind, body, true)))
    }

    pub(super) fn reserve(&mut self, kind: Kind, len: usize) -> Result<Seq, SendError> {
        check_length(kind, len)?;
        self.may_send(len)?;
        Ok(self.push(kind, &vec![0; len], false))
    }

    fn push(&mut self, kind: Kind, body: &[u8], is_committed: bool) -> Seq {
        let seq = self.seq_send();
        self.counters.sent += 1;
        self.pending_ack |= self.delivered >= self.config.ack_on_send;
        let bytes = self.message(seq, kind, body);
        self.entries.push_back(Entry { bytes, is_committed, write: None });
        seq
    }

    fn message(&self, seq: Seq, kind: Kind, body: &[u8]) -> Vec<u8> {
        match self.version {
            Some(Version::V3_1) => self.voice().bare(kind, self.lockspace, body),
            _ => self.voice().sequenced(seq, kind, self.lockspace, body),
        }
    }

    /// Fills in what was reserved under `seq`; without a body it is what stands for nothing.
    pub(super) fn commit(&mut self, seq: Seq, kind: Kind, len: usize, body: Option<&[u8]>) {
        let nothing = rcom(RcomType::StatusReply.to_wire(), NOT_READY, 0, [0, 0], 0);
        let nothing: Vec<u8> = nothing.into_iter().chain(std::iter::repeat(0)).take(len).collect();
        let bytes = match body {
            Some(body) => self.message(seq, kind, body),
            None => self.message(seq, Kind::Rcom, &nothing),
        };
        if let Some(entry) = self.entries.get_mut(seq.0.wrapping_sub(self.first) as usize) {
            *entry = Entry { bytes, is_committed: true, write: None };
        }
    }

    pub(super) fn send_bare(&mut self, body: &[u8]) -> Result<(), SendError> {
        Self::check(Kind::Rcom, body)?;
        let is_names = [RcomType::Names, RcomType::NamesReply].map(RcomType::to_wire).contains(&word(body, 0));
        if !goes_bare(body) && !is_names {
            return Err(SendError::NotBare { got: word(body, 0), result: word(body, 4) as i32 });
        }
        if self.bare.len() >= BARE_LIMIT {
            return Err(SendError::Full { peer: self.peer, bytes: self.bytes_from(0) });
        }
        self.bare.push_back(self.voice().bare(Kind::Rcom, self.lockspace, body));
        Ok(())
    }
}

fn word(body: &[u8], at: usize) -> u32 {
    body.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word))
}

fn check_length(kind: Kind, got: usize) -> Result<(), SendError> {
    let least = if kind == Kind::Msg { MSG_FIXED_LEN } else { 32 };
    match got {
        got if got < least => Err(SendError::TooShort { expected: least, got }),
        got if got > MAX_BODY => Err(SendError::TooLong { expected: MAX_BODY, got }),
        _ => Ok(()),
    }
}

fn check_type(kind: Kind, body: &[u8]) -> Result<(), SendError> {
    let got = word(body, 0);
    let is_known = match kind {
        Kind::Msg => MsgType::from_wire(got).is_some(),
        Kind::Rcom => RcomType::from_wire(got).is_some(),
    };
    if is_known { Ok(()) } else { Err(SendError::UnknownType { got }) }
}

/// SND-2.
fn goes_bare(body: &[u8]) -> bool {
    let is = |kind: RcomType| word(body, 0) == kind.to_wire();
    is(RcomType::Status) || is(RcomType::StatusReply) && word(body, 4) as i32 != NOT_READY
}
