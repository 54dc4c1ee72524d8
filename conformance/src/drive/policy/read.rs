//! What the account makes of what the peer says.

use bytes::Bytes;
use midcomms::midcomms::{ConnectionId, Delivery, Event, Ids, Kind, Outcome, PeerMisbehaved, Time};
use midcomms::wire::{
    Cmd, LockspaceId, MSG_FIXED_LEN, MsgType, NodeId, RcomType, Seq, VERSION_3_1, VERSION_3_2, Version, decode,
};

use super::account::{Account, NOT_READY, Seen, Stranger, later};
use super::bytes::{Voice, rcom};

/// Stands for whatever is wrong with framing.
pub(super) const ANY_FRAMING: PeerMisbehaved = PeerMisbehaved::UnknownTail { len: usize::MAX };

/// What the peer says in one message.
#[derive(Clone, Debug)]
pub(super) enum Word {
    Hello(Seq, Ids),
    Ack(Seq),
    Data(Seq, Kind, Vec<u8>),
    /// A reservation that was given up: taken, and delivered to nobody.
    Withdrawn(Seq),
    Status(u64),
    /// The peer's incarnation is over: news for who is closing, and for nobody else (HRD-3).
    Gone(Ids),
    Names(Vec<u8>),
    /// Without a number, as a node of 3.1 sends it.
    Bare(Vec<u8>),
    /// A FIN without a number, which nobody sends.
    BareFin,
    /// A MSG of no known type.
    Undecodable(Seq),
    /// A MSG with a word of its envelope that says of options what its lengths do not.
    BadOptlen(Seq),
    /// A MSG inside an envelope of another node, or of another version.
    HeadersDiffer(Seq, bool),
    /// A message of a version that is not the session's (VER-3).
    OtherVersion,
    WrongNode,
    /// A length less than that of a header.
    Unparseable,
}

impl Word {
    /// It as bytes, from `node`, and the lockspace that it names.
    pub(super) fn bytes(&self, node: NodeId, is_old: bool, lockspace: LockspaceId) -> Vec<u8> {
        let voice = Voice { version: if is_old { VERSION_3_1 } else { VERSION_3_2 }, node };
        match self {
            Self::Hello(seq, ids) => voice.hello(*seq, *ids),
            Self::Ack(seq) => voice.ack(*seq),
            Self::Data(seq, kind, body) => voice.sequenced(*seq, *kind, lockspace, body),
            Self::Withdrawn(seq) => {
                let body = rcom(RcomType::StatusReply.to_wire(), NOT_READY, 0, [0, 0], 0);
                voice.sequenced(*seq, Kind::Rcom, lockspace, &body)
            }
            Self::Gone(ids) => voice.gone(*ids),
            Self::Status(seq) => voice.bare(Kind::Rcom, lockspace, &status(*seq)),
            Self::Names(body) => voice.bare(Kind::Rcom, lockspace, body),
            Self::Bare(body) => voice.bare(Kind::Msg, lockspace, body),
            Self::BareFin => voice.fin(),
            Self::Undecodable(seq) => voice.sequenced(*seq, Kind::Msg, lockspace, &[0xff; 40]),
            Self::BadOptlen(seq) => {
                let mut bytes = voice.sequenced(*seq, Kind::Msg, lockspace, &plain());
                bytes.splice(18..20, 8_u16.to_le_bytes());
                bytes
            }
            Self::HeadersDiffer(seq, is_node) => {
                let mut bytes = voice.sequenced(*seq, Kind::Msg, lockspace, &plain());
                match is_node {
                    true => drop(bytes.splice(32..36, 77_u32.to_le_bytes())),
                    false => drop(bytes.splice(24..28, VERSION_3_1.to_le_bytes())),
                }
                bytes
            }
            Self::OtherVersion => {
                let version = if is_old { VERSION_3_2 } else { VERSION_3_1 };
                let body = rcom(RcomType::Names.to_wire(), 0, 0, [0, 0], 8);
                Voice { version, node }.bare(Kind::Rcom, lockspace, &body)
            }
            Self::WrongNode => Voice { node: NodeId(77), ..voice }.ack(Seq(0)),
            Self::Unparseable => vec![0; 16],
        }
    }
}

/// The body of a MSG that has nothing wrong with it.
fn plain() -> Vec<u8> {
    let mut body = vec![0; MSG_FIXED_LEN];
    body.splice(..4, MsgType::Grant.to_wire().to_le_bytes());
    body
}

fn status(seq: u64) -> Vec<u8> {
    rcom(RcomType::Status.to_wire(), 0, seq + 1000, [seq, 0], 16)
}

impl Account {
    /// `len` bytes that came on a connection, and the words that they complete; the first one may have begun before them.
    pub(super) fn received(&mut self, now: Time, id: ConnectionId, len: usize, words: &[Word], is_torn: bool) {
        if self.line(id).is_some() {
            self.counters.bytes_read += len as u64;
        }
        let mut run: Option<(Outcome, Vec<Vec<u8>>)> = None;
        for (index, word) in words.iter().enumerate() {
            if self.line(id).is_none() {
                break;
            }
            let Some(outcome) = self.hear(now, id, word) else { continue };
            let message = word.bytes(self.peer, self.version == Some(Version::V3_1), self.lockspace);
            match &mut run {
                Some((same, messages)) if *same == outcome && !(is_torn && index == 1) => messages.push(message),
                _ => {
                    let before = run.replace((outcome, vec![message]));
                    self.seen.extend(before.map(|(outcome, messages)| Seen::Read(id, outcome, messages)));
                }
            }
        }
        self.seen.extend(run.map(|(outcome, messages)| Seen::Read(id, outcome, messages)));
        self.time_out(now);
    }

    /// What becomes of it, as an observer is told; nothing where the connection ends with it.
    fn hear(&mut self, now: Time, id: ConnectionId, word: &Word) -> Option<Outcome> {
        let is_old = matches!(word, Word::Bare(_)) || self.version == Some(Version::V3_1);
        if let Some(fault) = self.fault(word, is_old) {
            if matches!(word, Word::WrongNode | Word::Unparseable) {
                self.end(id, fault);
                return None;
            }
            self.blame(id, fault);
            return Some(Outcome::Dropped);
        }
        let stranger = self.line(id).and_then(|line| line.stranger);
        let asks = matches!(word, Word::Status(_)) && stranger == Some(Stranger::MeansOther);
        if stranger.is_some() && !asks {
            self.counters.dropped += 1; // HRD-1
            return Some(Outcome::Dropped);
        }
        match word {
            Word::Hello(seq, ids) => {
                if self.bound.is_none() {
                    self.bound = Some(ids.source);
                    self.pending_ack = true;
                    self.settle(Version::V3_2);
                }
                return Some(self.acknowledged(now, *seq, id));
            }
            Word::Ack(seq) => return Some(self.acknowledged(now, *seq, id)),
            Word::Data(seq, kind, body) => return Some(self.numbered(now, *seq, Some((*kind, body)), word)),
            Word::Withdrawn(seq) => return Some(self.numbered(now, *seq, None, word)),
            Word::Status(seq) => {
                if !is_old || self.config.answer_status {
                    self.answer = Some((*seq, seq + 1000, self.lockspace));
                }
                if is_old {
                    self.deliver(None, Kind::Rcom, &status(*seq));
                }
            }
            Word::Names(body) => self.deliver(None, Kind::Rcom, body),
            Word::Bare(body) => {
                if self.version.is_none() {
                    self.settle(Version::V3_1);
                }
                self.deliver(None, Kind::Msg, body);
            }
            Word::BareFin => {
                let cmd = Cmd::Fin;
                self.blame(id, if is_old { PeerMisbehaved::Sequenced { cmd } } else { PeerMisbehaved::Bare { cmd } });
                return Some(Outcome::Dropped);
            }
            // Gone is news for who is closing, and for nobody else.
            Word::Gone(_)
            // What is a fault whoever says it is told above.
            | Word::Undecodable(_)
            | Word::BadOptlen(_)
            | Word::HeadersDiffer(..)
            | Word::OtherVersion
            | Word::WrongNode
            | Word::Unparseable => {
                self.counters.dropped += 1;
                return Some(Outcome::Dropped);
            }
        }
        Some(Outcome::Handled)
    }

    /// What is wrong with it, whoever says it.
    fn fault(&self, word: &Word, is_old: bool) -> Option<PeerMisbehaved> {
        match word {
            Word::HeadersDiffer(..) => Some(PeerMisbehaved::HeadersDiffer),
            // A node of 3.1 has no numbers.
            Word::Ack(_) if is_old => Some(PeerMisbehaved::Sequenced { cmd: Cmd::Ack }),
            Word::Data(..) if is_old => Some(PeerMisbehaved::Sequenced { cmd: Cmd::Opts }),
            Word::OtherVersion if is_old => {
                Some(PeerMisbehaved::WrongVersion { expected: Version::V3_1, got: Version::V3_2 })
            }
            Word::OtherVersion => Some(PeerMisbehaved::WrongVersion { expected: Version::V3_2, got: Version::V3_1 }),
            Word::Undecodable(_) | Word::BadOptlen(_) => {
                decode(&word.bytes(self.peer, is_old, self.lockspace)).err().map(PeerMisbehaved::Undecodable)
            }
            Word::WrongNode => Some(PeerMisbehaved::WrongNodeId { expected: self.peer, got: NodeId(77) }),
            // Which error of framing it is, is not the account's business.
            Word::Unparseable => Some(ANY_FRAMING),
            _ => None,
        }
    }

    fn end(&mut self, id: ConnectionId, fault: PeerMisbehaved) {
        self.blame(id, fault);
        self.closes.push(id);
        self.broken(id);
    }

    /// VER-1.
    fn settle(&mut self, version: Version) {
        self.version = Some(version);
        self.pending_ask = false;
        self.ask_at = None;
        self.events.push_back(Event::Up { version, is_hardened: self.bound.is_some() });
    }

    fn numbered(&mut self, now: Time, seq: Seq, delivers: Option<(Kind, &Vec<u8>)>, word: &Word) -> Outcome {
        match seq.0.wrapping_sub(self.seq_next) {
            0 => {}
            ahead if ahead <= u32::MAX / 2 => {
                self.counters.gaps += 1; // RCV-3
                return Outcome::Gap;
            }
            _ => {
                self.counters.duplicates += 1; // RCV-2
                self.pending_ack = true;
                return Outcome::Duplicate;
            }
        }
        self.seq_next = self.seq_next.wrapping_add(1);
        if let Some((kind, body)) = delivers {
            self.deliver(Some(seq), kind, body);
        }
        self.delivered += 1;
        self.delivered_bytes += word.bytes(self.peer, false, self.lockspace).len() as u32;
        let is_enough = self.delivered >= self.config.ack_on_receive || self.delivered_bytes >= self.config.ack_bytes;
        if is_enough {
            self.pending_ack = true;
        } else if self.ack_at.is_none() {
            self.ack_at = Some(later(now, self.config.ack_delay));
        }
        Outcome::Accepted
    }

    fn deliver(&mut self, seq: Option<Seq>, kind: Kind, body: &[u8]) {
        self.counters.delivered += 1;
        let delivery = Delivery { seq, kind, lockspace: self.lockspace, body: Bytes::copy_from_slice(body) };
        self.events.push_back(Event::Delivered(delivery));
    }
}
