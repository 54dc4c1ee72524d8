//! What the peer and the connections do in a walk.

use bytes::Bytes;
use midcomms::midcomms::{ConnectionId, Ids, Incarnation, Input, Kind};
use midcomms::wire::{MSG_FIXED_LEN, MsgType, RcomType, Seq, Version};

use super::account::Stranger;
use super::bytes::rcom;
use super::compare::Checked;
use super::output::LOCKSPACE;
use super::read::Word;
use super::walk::Walker;

/// An ACK this far behind is of long ago.
const BEHIND: u32 = 1 << 30;

impl Walker {
    // ---- the peer ------------------------------------------------------------------------------------------------

    /// Some words on a connection that stands, in two chunks that are cut anywhere.
    pub(super) fn speak(&mut self) -> Checked {
        let lines: Vec<ConnectionId> = self.account.lines().map(|line| line.id).collect();
        let Some(id) = lines.get(self.chance.below(lines.len())).copied() else { return Ok(()) };
        let mut words = Vec::new();
        if !self.introduced.contains(&id) {
            self.introduced.push(id);
            words.push(self.introduction(id));
        }
        let is_stranger = self.account.line(id).is_some_and(|line| line.stranger.is_some());
        for _ in 0..self.chance.below(5) {
            let next = self.seq;
            words.push(if self.is_old { self.old_word() } else { self.word() });
            if is_stranger {
                self.seq = next; // what it says is not heard
            }
        }
        if !self.is_old && self.chance.below(16) == 0 {
            words.extend((0..self.chance.below(24)).map(|_| Word::Undecodable(Seq(self.seq))));
        }
        let said: Vec<_> = words.iter().map(|word| word.bytes(self.account.peer, self.is_old, LOCKSPACE)).collect();
        let all = Bytes::from(said.concat());
        let cut = self.chance.below(all.len() + 1);
        let ends = said.iter().scan(0, |end, bytes| {
            *end += bytes.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.take_while(|end| *end <= cut).collect();
        let is_torn = ends.last().copied().unwrap_or(0) < cut;
        let (before, after) = words.split_at(ends.len());
        for (chunk, words, begins_torn) in [(all.slice(..cut), before, false), (all.slice(cut..), after, is_torn)] {
            self.account.received(self.now, id, chunk.len(), words, begins_torn);
            self.peer.handle_input(self.now, Input::Received(id, chunk));
        }
        Ok(())
    }

    /// What the peer says first on a connection: who it is, once in a while somebody that it was before, or to
    /// somebody that this node was.
    fn introduction(&mut self, id: ConnectionId) -> Word {
        if self.is_old {
            return Word::Bare(self.body_of_theirs());
        }
        let stranger = match (self.account.bound, self.chance.below(12)) {
            (Some(_), 0) => Some(Stranger::IsOther),
            (Some(_), 1) => Some(Stranger::MeansOther),
            _ => None,
        };
        if let Some(line) = self.account.line(id) {
            line.stranger = stranger;
        }
        let source = Incarnation(self.theirs.0 - u64::from(stranger == Some(Stranger::IsOther)));
        let destination = Incarnation(self.account.own.0 - u64::from(stranger == Some(Stranger::MeansOther)));
        Word::Hello(self.number(), Ids { source, destination: Some(destination) })
    }

    /// What the peer acknowledges: mostly something that it got.
    fn number(&mut self) -> Seq {
        let ahead = match self.chance.below(16) {
            0 => self.account.handed as u32 + 1 + self.chance.below(3) as u32,
            1 => BEHIND.wrapping_neg(),
            _ => self.chance.below(self.account.handed + 1) as u32,
        };
        Seq(self.account.first.wrapping_add(ahead))
    }

    fn body_of_theirs(&mut self) -> Vec<u8> {
        let mut body = vec![0; MSG_FIXED_LEN + self.chance.below(if self.is_long { 3000 } else { 120 })];
        body.iter_mut().zip(MsgType::Grant.to_wire().to_le_bytes()).for_each(|(byte, field)| *byte = field);
        if let Some(last) = body.last_mut() {
            *last = self.seq as u8 | 1;
        }
        body
    }

    fn word(&mut self) -> Word {
        let next = self.seq;
        match self.chance.below(24) {
            0 => Word::Status(self.chance.below(1000) as u64),
            1 => Word::Names(rcom(RcomType::Names.to_wire(), 0, 0, [0, 0], 60)),
            2 => Word::Data(Seq(next.wrapping_sub(1 + self.chance.below(3) as u32)), Kind::Msg, self.body_of_theirs()),
            3 => Word::Data(Seq(next + 1 + self.chance.below(3) as u32), Kind::Msg, self.body_of_theirs()),
            4 if self.chance.below(2) == 0 => match self.chance.below(5) {
                0 => Word::Undecodable(Seq(next)),
                1 => Word::BadOptlen(Seq(next)),
                2 => Word::OtherVersion,
                which => Word::HeadersDiffer(Seq(next), which == 3),
            },
            4 => Word::Gone(self.their_ids()),
            5 if self.chance.below(6) == 0 => Word::WrongNode,
            5 => Word::BareFin,
            6 if self.chance.below(6) == 0 => Word::Unparseable,
            7..13 => Word::Ack(self.number()),
            kind => {
                self.seq = next + 1;
                match kind {
                    13 => Word::Withdrawn(Seq(next)),
                    14 => Word::Data(Seq(next), Kind::Rcom, rcom(RcomType::Lookup.to_wire(), 0, 1, [2, 3], 51)),
                    _ => Word::Data(Seq(next), Kind::Msg, self.body_of_theirs()),
                }
            }
        }
    }

    fn old_word(&mut self) -> Word {
        match self.chance.below(12) {
            0 | 1 => Word::Status(self.chance.below(1000) as u64),
            2 => Word::Names(rcom(RcomType::NamesReply.to_wire(), 0, 0, [0, 0], 8)),
            3 if self.chance.below(6) == 0 => Word::WrongNode,
            3 => Word::BareFin,
            4 => Word::OtherVersion,
            5 => Word::Ack(Seq(0)),
            6 => Word::Data(Seq(0), Kind::Msg, self.body_of_theirs()),
            _ => Word::Bare(self.body_of_theirs()),
        }
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    pub(super) fn finish_write(&mut self) -> Checked {
        let writing: Vec<_> = self.account.lines().filter(|line| line.is_writing).map(|line| line.id).collect();
        writing.into_iter().for_each(|id| self.input(Input::Written(id)));
        Ok(())
    }

    fn next_connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    pub(super) fn connect(&mut self) -> Checked {
        if self.account.is_opening {
            let input = match self.chance.below(4) {
                0 => Input::OpenFailed,
                _ => Input::Opened(self.next_connection()),
            };
            self.input(input);
        }
        Ok(())
    }

    /// A connection comes or goes, or what is over is told again.
    pub(super) fn disturb(&mut self) -> Checked {
        let which = self.chance.below(2);
        let standing = self.account.lines().nth(which).map(|line| line.id);
        if self.chance.below(8) == 0 {
            self.peer.acknowledge();
            self.account.pending_ack |= self.account.version == Some(Version::V3_2);
        }
        let input = match (self.chance.below(8), standing) {
            (0..3, Some(id)) => Input::Broken(id),
            (3, Some(id)) => Input::Finished(id),
            (4, _) => Input::Broken(ConnectionId(9_999_999)),
            (5, _) => Input::Written(ConnectionId(9_999_999)),
            (6, _) if !self.account.is_opening => Input::Opened(self.next_connection()),
            _ => Input::Accepted(self.next_connection()),
        };
        self.input(input);
        Ok(())
    }
}
