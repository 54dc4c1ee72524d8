//! What one connection tells of who wrote to it, where the order across connections is not known (NET-5, CAP-10).
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
