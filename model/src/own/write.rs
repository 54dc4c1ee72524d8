//! What goes out (section 4, NET-1, NET-3, HRD-1).

use super::{Link, Own, Said, is_numbered, is_open, refuse};
use crate::Conn;
use crate::message::{BareKind, Ids, Inner, Message, Version};
use crate::rule::{self, Refusal};
use crate::seq::Seq;

impl<L: Copy> Own<L> {
    #[inline]
    pub(super) fn take_written(&mut self, conn: Conn, message: &Message) -> Result<(), Refusal> {
        let link = self.check_connection(conn)?;
        if let Message::Hello(number, ids) = *message {
            return self.write_hello(conn, number, ids);
        }
        let is_current = match link.said {
            Said::Nothing => return refuse(rule::HRD_1, "a hello first on the connection", "another message"),
            Said::Unknown => true,
            Said::Ids(said) => said == self.ids(),
        };
        if let Message::Ack(number) = *message {
            return self.write_ack(number, link.said, is_current);
        }
        if !is_current {
            let Ids { source, destination } = self.ids();
            let expected = format!("a hello from {source:x} for {:x} first", destination.unwrap_or_default());
            return refuse(rule::HRD_1, expected, "a message under the ids of the last one");
        }
        match *message {
            Message::Opts { seq, inner, body } => self.write_sequenced(seq, inner, body),
            Message::Bare(kind) => self.write_bare(kind),
            Message::Gone(ids) if self.gone.take() == Some(ids) => Ok(()),
            _ => refuse(rule::HRD_3, "no answer, for no FIN asks for it", "gone"),
        }
    }

    #[inline]
    fn check_connection(&self, conn: Conn) -> Result<Link, Refusal> {
        let sending = self.sending();
        match self.links.iter().find(|link| link.conn == conn) {
            Some(link) if sending == Some(conn) || link.is_ours.is_none() => Ok(*link),
            _ => {
                let expected = match sending {
                    Some(sending) => format!("it on {sending}"),
                    None => "nothing: no connection stands".to_owned(),
                };
                refuse(rule::NET_1, expected, format!("it on {conn}"))
            }
        }
    }

    /// An ACK that is not the present one: the last of an incarnation, or for a FIN that came late (HRD-3).
    fn take_late(&mut self, ids: Ids, number: Seq) -> bool {
        let is_it = |(late, due): &(Ids, Seq)| {
            *due == number && late.destination == ids.destination && (late.source == ids.source || late.source == 0)
        };
        let index = self.late.iter().position(is_it);
        index.map(|index| self.late.remove(index)).is_some()
    }

    fn write_hello(&mut self, conn: Conn, number: Seq, ids: Ids) -> Result<(), Refusal> {
        if self.take_late(ids, number) {
            self.say(conn, ids);
            return Ok(());
        }
        let own = self.ids();
        let is_ours = self.lives.own.map_or(ids.source > self.lives.floor, |own| ids.source == own);
        if !is_ours || ids.destination != own.destination {
            let expected = match self.lives.own {
                Some(source) => format!("a hello from {source:x} for {:x}", own.destination.unwrap_or_default()),
                None => format!("a hello for {:x}", own.destination.unwrap_or_default()),
            };
            let got = format!("from {:x} for {:x}", ids.source, ids.destination.unwrap_or_default());
            return refuse(rule::HRD_1, expected, got);
        }
        self.lives.own = Some(ids.source);
        if number != self.record.seq_next {
            return refuse(
                rule::ACK_1,
                format!("ACK({}), its seq_next", self.record.seq_next),
                format!("ACK({number})"),
            );
        }
        self.say(conn, ids);
        Ok(())
    }

    pub(super) fn say(&mut self, conn: Conn, ids: Ids) {
        if let Some(link) = self.links.iter_mut().find(|link| link.conn == conn) {
            link.said = Said::Ids(ids);
        }
    }

    #[inline]
    fn write_ack(&mut self, number: Seq, said: Said, is_current: bool) -> Result<(), Refusal> {
        if is_current && number == self.record.seq_next && is_numbered(&self.record) {
            return Ok(());
        }
        if let Said::Ids(said) = said
            && self.take_late(said, number)
        {
            return Ok(());
        }
        let got = format!("ACK({number})");
        match (is_current, is_numbered(&self.record)) {
            (false, _) => refuse(rule::HRD_1, "a hello first, for the ids have changed", got),
            (true, false) if !is_open(&self.record) => refuse(rule::REC_1, "no ACK of a CLOSED record", got),
            (true, false) => refuse(rule::SND_3, "no ACK before the peer's version is known", got),
            (true, true) => refuse(rule::ACK_1, format!("ACK({}), its seq_next", self.record.seq_next), got),
        }
    }

    fn write_bare(&mut self, kind: BareKind) -> Result<(), Refusal> {
        if !is_open(&self.record) {
            return refuse(rule::REC_1, "nothing but ACKs from a CLOSED record", "a bare message");
        }
        match kind {
            BareKind::Status | BareKind::Names => Ok(()),
            _ if self.record.version == Some(Version::V3_1) => Ok(()),
            _ => refuse(rule::RCV_6, "it inside OPTS", "it bare"),
        }
    }

    #[inline]
    fn write_sequenced(&mut self, seq: Seq, inner: Inner, body: u64) -> Result<(), Refusal> {
        if !is_numbered(&self.record) {
            return match is_open(&self.record) {
                false => refuse(rule::REC_1, "nothing sequenced from a CLOSED record", format!("OPTS {seq}")),
                true => refuse(rule::SND_3, "nothing sequenced before the version is known", format!("OPTS {seq}")),
            };
        }
        self.output.check(seq, self.record.queue_head, body)?;
        let is_fin = inner == Inner::Fin;
        match self.record.fin {
            Some(fin) if fin.is_before(seq) => {
                return refuse(rule::SND_4, format!("nothing after the FIN, {fin}"), format!("OPTS {seq}"));
            }
            Some(fin) if (fin == seq) != is_fin => {
                let expected = format!("the FIN under {fin}, and nothing else");
                let got = if is_fin { format!("a FIN under {seq}") } else { format!("another message under {seq}") };
                return refuse(rule::CLS_5, expected, got);
            }
            None if is_fin => {
                let expected = format!("no FIN in {}", self.record.state);
                return refuse(rule::CLS_5, expected, format!("a FIN under {seq}"));
            }
            _ => {}
        }
        self.output.push(seq, body);
        if !seq.is_before(self.record.seq_send) {
            self.record.take_number(); // SND-1
        }
        Ok(())
    }
}
