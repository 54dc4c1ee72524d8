//! What becomes known in mid-stream, until all is.

use super::output::Output;
use super::{Arrived, Cause, Link, Outcome, Own, Said, Snapshot, Speaker, Standing, Told};
use crate::Conn;
use crate::message::{Ids, Message, Version};
use crate::record::{Record, State};

impl<L: Copy> Own<L> {
    fn link_mut(&mut self, conn: Conn) -> Option<&mut Link> {
        if !self.links.iter().any(|link| link.conn == conn) {
            self.links.push(Link { conn, is_ours: None, said: Said::Unknown, speaker: Speaker::Unknown });
        }
        self.links.iter_mut().find(|link| link.conn == conn)
    }

    pub(super) fn learn_told(&mut self, told: Told) {
        self.due.clear();
        self.early.clear();
        if self.cause == Cause::Next && !matches!(told, Told::Record(_)) {
            self.cause = Cause::Past; // a timer, or the cluster manager
        }
        match told {
            Told::Record(snapshot) => self.learn_snapshot(&snapshot),
            Told::Opened { .. } | Told::Stands { .. } | Told::Ended(_) => drop(self.take(told)),
            Told::Fence => {
                self.links.clear();
                self.is_closing = false;
            }
            Told::Shutdown => self.is_closing = true,
            Told::AddMember(_) if self.cause == Cause::Last && self.known.record => {
                self.cause = Cause::Past;
                drop(self.take(told)); // of a CLOSED record everything is known
                return;
            }
            // How many there are is known when the record is told next.
            Told::AddMember(_) | Told::RemoveMember(_) => self.known.record = false,
        }
        self.due.clear();
    }

    fn learn_snapshot(&mut self, snapshot: &Snapshot) {
        let Snapshot { state, seq_send, seq_next, users, incarnation, .. } = *snapshot;
        let users = u16::try_from(users).unwrap_or(u16::MAX);
        let (version, is_initial) = (self.record.version, state == State::Closed);
        self.record =
            Record { state, seq_send, seq_next, queue_head: snapshot.queue_head(), users, ..Record::default() };
        self.known.record = true;
        self.cause = if is_initial { Cause::Last } else { Cause::Next };
        self.members.clear();
        self.unnamed = users;
        if is_initial || self.lives.own != Some(incarnation) {
            (self.lives.bound, self.lives.heard) = (None, None);
            self.known.peer = is_initial;
        }
        self.lives.own = Some(incarnation);
        if is_initial {
            self.output = Output::default();
            self.known.output = true;
            self.is_closing = false;
            return;
        }
        self.known.output |= self.output.learn_numbers(snapshot.queue_head(), seq_send);
        self.record.version = version;
        if state != State::Established {
            self.record.version = Some(Version::V3_2); // SND-3: FINs were exchanged
        }
        self.is_closing |= matches!(state, State::FinWait1 | State::FinWait2 | State::Closing); // only a shutdown leads there
        match state {
            State::FinWait1 | State::Closing | State::LastAck if snapshot.queue > 0 => {
                self.record.seq_send = crate::Seq(seq_send.0.wrapping_sub(1));
                self.record.take_fin();
            }
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => self.record.stop_tx = true,
            _ => {}
        }
    }

    /// Nothing has led to it that is still to be told. Of a CLOSED record the last words may be; and what of a queue was
    /// written already, the next message that goes out of it tells.
    pub(super) fn learn_standing(&mut self, standing: &Standing) {
        let Standing { snapshot, version, bound, ref members } = *standing;
        self.learn_snapshot(&snapshot);
        if let Some(members) = members {
            self.members.clone_from(members);
            self.unnamed = self.unnamed.saturating_sub(u16::try_from(members.len()).unwrap_or(u16::MAX));
        }
        if snapshot.state == State::Closed {
            return;
        }
        let head = snapshot.queue_head();
        (self.output, self.known.output) = (Output::between(head, snapshot.seq_send), snapshot.queue == 0);
        self.record.version = version;
        self.lives.bound = bound;
        self.known.peer = version.is_some();
        self.cause = Cause::Past;
    }

    pub(super) fn learn_written(&mut self, conn: Conn, message: &Message) {
        if self.cause == Cause::Next {
            self.cause = Cause::Past;
        }
        let has_ended = self.cause == Cause::Last;
        let Some(link) = self.link_mut(conn) else { return };
        if let Message::Hello(_, ids) = message {
            link.said = Said::Ids(*ids);
            if has_ended {
                return; // it may still speak for the incarnation that is over
            }
            if self.lives.own != Some(ids.source) {
                (self.lives.bound, self.lives.heard) = (None, None);
            }
            self.lives.own = Some(ids.source);
        }
        if has_ended {
            return;
        }
        let said = self.said(conn);
        match *message {
            Message::Hello(number, _) | Message::Ack(number) => self.record.seq_next = number,
            Message::Opts { seq, body, .. } => {
                self.output.learn(seq, body);
                self.known.output = true;
                self.record.version = Some(Version::V3_2);
                if let Some(Ids { destination: Some(bound), .. }) = said {
                    self.learn_peer(bound);
                }
            }
            _ => {}
        }
    }

    fn learn_peer(&mut self, bound: u64) {
        self.lives.bound = Some(bound);
        self.known.peer = true;
    }

    pub(super) fn learn_read(&mut self, conn: Conn, arrived: &Arrived, outcome: Outcome) {
        let Some(link) = self.link_mut(conn) else { return };
        if let Some(Message::Hello(_, ids)) = arrived.message {
            link.speaker = Speaker::Hardened(ids);
        }
        let speaker = link.speaker;
        if self.cause == Cause::Next {
            self.cause = Cause::Past;
        }
        match (arrived.message, outcome) {
            _ if self.cause == Cause::Last => {}
            (Some(Message::Opts { seq, .. }), Outcome::Accepted) => {
                self.record.seq_next = seq.next();
                self.record.version = Some(Version::V3_2);
                if let Speaker::Hardened(ids) = speaker {
                    self.learn_peer(ids.source);
                }
            }
            (Some(Message::Ack(number) | Message::Hello(number, _)), Outcome::Handled) => {
                self.record.queue_head = self.record.queue_head.max(number);
                self.output.release(self.record.queue_head);
                self.known.output |= self.known.record && self.output.is_drained(self.record.queue_head);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Inner;
    use crate::{Seq, rule};

    const CONN: Conn = Conn(1);
    const OURS: Ids = Ids { source: 7, destination: Some(9) };
    const THEIRS: Ids = Ids { source: 9, destination: Some(7) };

    /// A record in mid-stream, whose numbers are about to wrap.
    fn standing() -> Standing {
        let (seq_send, seq_next) = (Seq(u32::MAX), Seq(u32::MAX - 3));
        let snapshot = Snapshot { state: State::Established, seq_send, seq_next, queue: 0, users: 1, incarnation: 7 };
        Standing { snapshot, version: Some(Version::V3_2), bound: Some(9), members: Some(vec![1]) }
    }

    fn begun(standing: &Standing) -> Own<u32> {
        let mut own = Own::new(false);
        let told = Told::Stands { conn: CONN, is_ours: true, said: Some(OURS), heard: Some(THEIRS) };
        assert_eq!((own.told(told, 0), own.stands(standing)), (Ok(()), Ok(())));
        own
    }

    fn opts(seq: u32) -> Message {
        Message::Opts { seq: Seq(seq), inner: Inner::Msg, body: u64::from(seq) }
    }

    fn arrived(message: Message) -> Arrived {
        Arrived { message: Some(message), version: Version::V3_2, is_question: false, is_prompt: false }
    }

    #[test]
    fn a_record_that_stands_is_exact_at_once_and_over_the_wrap() {
        let mut own = begun(&standing());
        assert!(own.is_exact());
        for seq in [u32::MAX, 0, 1] {
            assert_eq!(own.wrote(CONN, &opts(seq)), Ok(()));
        }
        assert_eq!(own.read(CONN, &arrived(Message::Ack(Seq(1))), Outcome::Handled), Ok(()));
        let (record, again) = (*own.record(), own.wrote(CONN, &opts(0)).unwrap_err());
        assert_eq!((record.seq_send, record.queue_head), (Seq(2), Seq(1)));
        assert_eq!(again.refusal.rule, rule::RCV_4, "all before 1 was acknowledged");
    }

    #[test]
    fn what_stands_later_is_held_against_the_record() {
        let mut own = begun(&standing());
        assert_eq!(own.wrote(CONN, &opts(u32::MAX)), Ok(()));
        let mut later = standing();
        (later.snapshot.seq_send, later.snapshot.queue) = (Seq(0), 1);
        assert_eq!(own.clone().stands(&later), Ok(()));
        assert_eq!(own.clone().stands(&standing()).unwrap_err().refusal.rule, rule::SND_7);
        let unbound = Standing { bound: None, ..later };
        assert_eq!(own.stands(&unbound).unwrap_err().refusal.rule, rule::HRD_1);
    }

    #[test]
    fn of_a_queue_it_is_exact_once_one_of_it_goes_out_or_all_of_it_is_acknowledged() {
        let mut waiting = standing();
        waiting.snapshot.queue = 3;
        let mut own = begun(&waiting);
        assert!(!own.is_exact());
        let mut drained = own.clone();
        assert_eq!(own.wrote(CONN, &opts(u32::MAX - 2)), Ok(()));
        assert!(own.is_exact());
        assert_eq!(own.wrote(CONN, &opts(u32::MAX)).unwrap_err().refusal.rule, rule::SND_7);
        for (number, is_exact) in [(u32::MAX - 1, false), (u32::MAX, true)] {
            assert_eq!(drained.read(CONN, &arrived(Message::Ack(Seq(number))), Outcome::Handled), Ok(()));
            assert_eq!(drained.is_exact(), is_exact);
        }
        assert_eq!(drained.wrote(CONN, &opts(u32::MAX)), Ok(()));
    }

    /// CLOSING, and its own FIN is all that waits.
    fn closing() -> Own<u32> {
        let mut closing = standing();
        closing.snapshot = Snapshot { state: State::Closing, queue: 1, users: 0, ..closing.snapshot };
        closing.members = Some(Vec::new());
        let mut own = begun(&closing);
        let fin = Message::Opts { seq: Seq(u32::MAX - 1), inner: Inner::Fin, body: 1 };
        assert_eq!(own.wrote(CONN, &fin), Ok(()));
        let closed = Snapshot {
            state: State::Closed,
            seq_send: Seq::ZERO,
            seq_next: Seq::ZERO,
            queue: 0,
            users: 0,
            incarnation: 8,
        };
        assert_eq!(own.told(Told::Record(closed), 5), Ok(()));
        own
    }

    #[test]
    fn a_timer_does_not_run_out_in_the_moment_of_a_message_that_does_the_same() {
        let ack = Arrived { is_prompt: true, ..arrived(Message::Ack(Seq(u32::MAX))) };
        assert_eq!(closing().read(CONN, &ack, Outcome::Handled), Ok(()));
        let refused = closing().read(CONN, &ack, Outcome::Dropped).unwrap_err();
        assert_eq!((refused.refusal.rule, refused.at), (rule::RCV_4, None));
        let later = Arrived { is_prompt: false, ..ack };
        assert_eq!(closing().read(CONN, &later, Outcome::Dropped), Ok(()), "CLS-3");
        let other = Arrived { is_prompt: true, ..arrived(Message::Ack(Seq(u32::MAX - 1))) };
        assert_eq!(closing().read(CONN, &other, Outcome::Dropped), Ok(()), "it does not close the record");
    }
}
