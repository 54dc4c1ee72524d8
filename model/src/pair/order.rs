//! What one connection tells of who wrote to it, where the order across connections is not known (NET-5).
//!
//! A node that recorded itself tells the peer's messages when it reads them. Of two connections that the peer wrote to
//! one after the other, the later one may be accepted and read first.

use crate::output::MAX_LOST;
use crate::revision::{Revision, RevisionSet};
use crate::rule::{self, Refusal};
use crate::seq::Seq;

use super::{Conn, Pair, Side};

impl<L: Copy> Pair<L> {
    /// Whether what `from` sends may be seen in another order than that in which it was sent.
    pub(super) fn may_be_reordered(&self, from: Side) -> bool {
        self.node(from).is_seen_read && self.connections.len() > 1
    }

    /// Whether the number `seq` may follow what `from` wrote to `conn` before, whatever it wrote to other connections.
    pub(super) fn check_stream(&self, conn: Conn, from: Side, seq: Seq) -> Result<(), Refusal> {
        let node = self.node(from);
        let (last, released) = match self.connection(conn) {
            Some(connection) => connection.half(from).stream_of(node.life),
            None => (None, None),
        };
        if let Some(head) = released.filter(|head| seq.is_before(*head)) {
            let got = format!("number {seq}, whose acknowledgement the sender had read");
            return Err(Refusal::new(rule::RCV_4, format!("no copy before {head}"), got));
        }
        if node.record.seq_send.is_before(seq) && node.record.seq_send.distance_to(seq) > MAX_LOST {
            let most = node.record.seq_send.plus(MAX_LOST);
            return Err(Refusal::new(rule::NET_7, format!("a number up to {most}"), format!("{seq}")));
        }
        if node.is_unsettled || node.revisions != RevisionSet::only(Revision::Hardened) {
            return Ok(());
        }
        let said = self.connection(conn).and_then(|connection| connection.half(from).ids);
        let reader = self.node(from.other());
        if reader.id.is_none() || said.and_then(|said| said.destination) != reader.id {
            return Ok(()); // of what another incarnation of the reader accepted nothing is known here
        }
        // A pass leaves out nothing, and begins with the oldest number that is not acknowledged: nothing beyond what the
        // reader has accepted was.
        let accepted = reader.could_expect();
        let next = last.map_or(accepted, |last| accepted.max(last.next()));
        if next.is_before(seq) && reader.expects_known {
            let got = format!("{seq}, and {accepted} is not acknowledged");
            return Err(Refusal::new(rule::NET_3, format!("at most {next} on this connection"), got));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Ids, Inner, Message, Version};
    use crate::rule::Rule;

    fn told(pair: &mut Pair<u32>, conn: u32, from: Side, message: Message) -> Result<(), Rule> {
        let sent = pair.sent(Conn(conn), from, Version::V3_2, &message, 0);
        sent.map(drop).map_err(|refused| refused.refusal.rule)
    }

    fn opts(pair: &mut Pair<u32>, conn: u32, from: Side, seq: u32) -> Result<(), Rule> {
        told(pair, conn, from, Message::Opts { seq: Seq(seq), inner: Inner::Msg, body: u64::from(seq) + 1 })
    }

    fn hello(pair: &mut Pair<u32>, conn: u32, from: Side, number: u32) -> Result<(), Rule> {
        let ids = match from {
            Side::A => Ids { source: 1, destination: Some(2) },
            Side::B => Ids { source: 2, destination: Some(1) },
        };
        told(pair, conn, from, Message::Hello(Seq(number), ids))
    }

    /// A has read 0 to 3 from B on connection 2, and B the ACK of that; connection 1 was opened before and accepted later.
    fn overtaken(is_seen_read: bool) -> Pair<u32> {
        let mut pair = Pair::new([RevisionSet::only(Revision::Hardened); 2], true);
        if is_seen_read {
            pair.sees_reads_of(Side::B);
        }
        pair.opened(Conn(2), Side::B, 0);
        let first = Message::Hello(Seq(0), Ids { source: 2, destination: None });
        told(&mut pair, 2, Side::B, first).unwrap();
        hello(&mut pair, 2, Side::A, 0).unwrap();
        hello(&mut pair, 2, Side::B, 0).unwrap();
        for seq in 0..4 {
            opts(&mut pair, 2, Side::B, seq).unwrap();
        }
        told(&mut pair, 2, Side::A, Message::Ack(Seq(4))).unwrap();
        opts(&mut pair, 2, Side::A, 0).unwrap();
        told(&mut pair, 2, Side::B, Message::Ack(Seq(1))).unwrap();
        pair.opened(Conn(1), Side::B, 0);
        hello(&mut pair, 1, Side::B, 0).unwrap();
        pair
    }

    #[test]
    fn copies_from_before_an_ack_may_be_read_after_it_on_another_connection() {
        assert_eq!(opts(&mut overtaken(false), 1, Side::B, 1), Err(rule::RCV_4));
        let mut pair = overtaken(true);
        for seq in 0..4 {
            assert_eq!(opts(&mut pair, 1, Side::B, seq), Ok(()), "{seq}");
        }
    }

    #[test]
    fn copies_of_what_was_acknowledged_on_the_same_connection_are_refused() {
        assert_eq!(opts(&mut overtaken(true), 2, Side::B, 3), Err(rule::RCV_4));
    }

    #[test]
    fn a_connection_leaves_out_nothing_that_was_not_accepted() {
        let mut pair = overtaken(true);
        assert_eq!(opts(&mut pair, 1, Side::B, 5), Err(rule::NET_3));
        assert_eq!(opts(&mut pair, 1, Side::B, 4), Ok(()));
        assert_eq!(opts(&mut pair, 1, Side::B, 6), Err(rule::NET_3));
        assert_eq!(opts(&mut pair, 1, Side::B, 5), Ok(()));
        assert_eq!(opts(&mut pair, 2, Side::B, 7), Err(rule::NET_3));
    }

    #[test]
    fn another_body_under_an_open_number_is_refused_on_every_connection() {
        let mut pair = overtaken(true);
        opts(&mut pair, 2, Side::B, 4).unwrap();
        let other = Message::Opts { seq: Seq(4), inner: Inner::Msg, body: 77 };
        assert_eq!(told(&mut pair, 1, Side::B, other), Err(rule::SND_6));
    }
}
