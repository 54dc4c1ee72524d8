//! What the upper layer does in a walk.

use midcomms::midcomms::{Kind, Reservation, SendError};
use midcomms::wire::{MSG_FIXED_LEN, MsgType, RcomType};

use super::account::Account;
use super::bytes::rcom;
use super::compare::{Checked, same};
use super::output::LOCKSPACE;
use super::take::MAX_BODY;
use super::walk::Walker;

impl Walker {
    fn body(&mut self, kind: Kind) -> Vec<u8> {
        let len = match (self.is_long, self.chance.below(12)) {
            (_, 0) => self.chance.below(40),
            (_, 1) => MAX_BODY - 12 + self.chance.below(16),
            (_, 2) => MAX_BODY - MSG_FIXED_LEN - 4 + self.chance.below(8),
            (true, _) => 2000 + self.chance.below(1900),
            (false, _) => 28 + self.chance.below(90),
        };
        let code = match (kind, self.chance.below(10)) {
            (_, 0) => self.chance.below(40) as u32,
            (Kind::Msg, _) => MsgType::Request.to_wire(),
            (Kind::Rcom, _) => RcomType::Lookup.to_wire(),
        };
        let mut body: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_mul(7) ^ self.seq as u8).collect();
        body.iter_mut().zip(code.to_le_bytes()).for_each(|(byte, field)| *byte = field);
        if self.chance.below(8) == 0 {
            body.iter_mut().skip(4).zip((-3_i32).to_le_bytes()).for_each(|(byte, field)| *byte = field);
        }
        body
    }

    fn kind(&mut self) -> Kind {
        if self.chance.below(4) == 0 { Kind::Rcom } else { Kind::Msg }
    }

    pub(super) fn send(&mut self) -> Checked {
        for _ in 0..=self.chance.below(if self.is_long { 90 } else { 12 }) {
            match self.chance.below(10) {
                0 => {
                    let code = [RcomType::Status, RcomType::Names, RcomType::NamesReply, RcomType::Lookup];
                    let code = code.get(self.chance.below(4)).map_or(0, |code| code.to_wire());
                    let body = rcom(code, 0, 0, [0, 0], self.chance.below(60));
                    same("send_bare", self.account.send_bare(&body), self.peer.send_bare(LOCKSPACE, &body))?;
                }
                1 => same("ready", self.account.may_send(MAX_BODY).map(drop), self.peer.ready())?,
                2 => {
                    let block = self.body(Kind::Msg);
                    same("send_opaque", self.account.send_opaque(&block), self.peer.send_opaque(LOCKSPACE, &block))?;
                }
                3 => self.send_all()?,
                _ => {
                    let kind = self.kind();
                    let body = self.body(kind);
                    let sent = self.peer.send(kind, LOCKSPACE, &body);
                    same("send", self.account.send(kind, &body), sent)?;
                    names_itself(&sent)?;
                }
            }
        }
        Ok(())
    }

    fn send_all(&mut self) -> Checked {
        let kind = self.kind();
        let count = self.chance.below(6);
        let bodies: Vec<_> = (0..count).map(|_| self.body(kind)).collect();
        let limit = if self.chance.below(2) == 0 { self.chance.below(400) } else { usize::MAX };
        let expected = self.account.send_all(kind, &bodies, limit);
        let sent = self.peer.send_all(kind, LOCKSPACE, &bodies, limit);
        same("send_all", expected, sent)
    }

    pub(super) fn reserve(&mut self) -> Checked {
        if self.reservations.len() >= 4 {
            return Ok(());
        }
        let kind = self.kind();
        let len = self.body(kind).len();
        let reserved = self.peer.reserve(kind, LOCKSPACE, len);
        let seq = reserved.as_ref().map(Reservation::seq).map_err(Clone::clone);
        self.reservations.extend(reserved.ok().map(|reservation| (reservation, kind, len)));
        same("reserve", self.account.reserve(kind, len), seq)
    }

    /// Commits or cancels one reservation, whichever.
    pub(super) fn settle_reservation(&mut self) -> Checked {
        if self.reservations.is_empty() {
            return Ok(());
        }
        let index = self.chance.below(self.reservations.len());
        let (reservation, kind, len) = self.reservations.swap_remove(index);
        let seq = reservation.seq();
        if self.chance.below(4) == 0 {
            self.peer.cancel(&reservation);
            self.account.commit(seq, kind, len, None);
        } else {
            let mut body = self.body(kind);
            body.resize(len, 1);
            let expected = Account::check(kind, &body);
            let committed = self.peer.commit(&reservation, |place| place.copy_from_slice(&body));
            same("commit", expected, committed)?;
            if expected.is_err() {
                self.reservations.push((reservation, kind, len)); // it stands
                return Ok(());
            }
            self.account.commit(seq, kind, len, Some(&body));
        }
        let again = self.peer.commit(&reservation, |_| {});
        same("commit what is committed", Err(SendError::SessionOver), again)
    }
}

/// Whether an error says of itself what it is: to be tried again, and an end of the connection.
fn names_itself<T>(result: &Result<T, SendError>) -> Checked {
    let is_temporary = |error: &SendError| matches!(error, SendError::Full { .. } | SendError::VersionUnknown { .. });
    match result {
        Ok(_) => Ok(()),
        Err(error) => same("is_temporary", is_temporary(error), error.is_temporary()),
    }
}
