//! What a node keeps about one peer, and the table of states and events (sections 3 and 7 of `PROTOCOL.md`).

use std::fmt;

use crate::message::Version;
use crate::revision::Establishes;
use crate::seq::Seq;

/// The state of a record. There is no TIME_WAIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// No session.
    #[default]
    Closed,
    /// Messages flow.
    Established,
    /// Own FIN sent, not acknowledged.
    FinWait1,
    /// Own FIN acknowledged, the peer's not received.
    FinWait2,
    /// The peer's FIN received, own not sent: half-closed.
    CloseWait,
    /// The peer's FIN received, then own sent.
    LastAck,
    /// Own FIN sent, then the peer's received.
    Closing,
}

impl State {
    /// Every state, in the order of the table.
    pub const ALL: [State; 7] = [
        State::Closed,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::LastAck,
        State::Closing,
    ];

    /// Whether a FIN has gone either way: an add of the first user resets such a record ("shutdown stuck").
    pub fn is_closing(self) -> bool {
        !matches!(self, State::Closed | State::Established)
    }

    /// The name that the kernel prints.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN_WAIT1",
            State::FinWait2 => "FIN_WAIT2",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Closing => "CLOSING",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What drives a record's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A local lockspace gets the peer as a member.
    AddMember,
    /// A local lockspace loses it.
    RemoveMember,
    /// The local node leaves its last lockspace.
    Shutdown,
    /// The peer's FIN, accepted in sequence.
    ReceiveFin,
    /// The peer acknowledged the own FIN.
    AckOfFin,
}

impl Event {
    /// Every event, in the order of the table.
    pub const ALL: [Event; 5] =
        [Event::AddMember, Event::RemoveMember, Event::Shutdown, Event::ReceiveFin, Event::AckOfFin];
}

/// What a transition asks the record's owner to do, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actions {
    /// Acknowledge the FIN.
    pub send_ack: bool,
    /// The upper layer hears nothing more.
    pub stop_rx: bool,
    /// Queue the own FIN.
    pub send_fin: bool,
    /// The record was reset (REC-1).
    pub reset: bool,
}

impl Actions {
    const NONE: Actions = Actions { send_ack: false, stop_rx: false, send_fin: false, reset: false };
    const ACK: Actions = Actions { send_ack: true, ..Actions::NONE };
    const FIN: Actions = Actions { send_fin: true, ..Actions::NONE };
    const RESET: Actions = Actions { reset: true, ..Actions::NONE };
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            [(self.send_ack, "ACK "), (self.stop_rx, "stop_rx "), (self.send_fin, "FIN "), (self.reset, "reset ")];
        named.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))
    }
}

/// CLS-4: an event that the state does not know. The state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unexpected {
    /// The state.
    pub state: State,
    /// The event.
    pub event: Event,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}", self.event, self.state)
    }
}

/// What a number on an arriving OPTS is to a record (RCV-1 to RCV-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// The expected number: accepted.
    Accepted,
    /// Accepted before: dropped and answered with an ACK.
    Duplicate,
    /// Beyond the expected number: dropped, not answered.
    Gap,
}

/// How a number is compared with the one that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// With plain `<`, as Linux does: wrong where the numbers wrap (H11).
    Plain,
    /// Serially (RFC 1982).
    Serial,
}

impl Comparison {
    fn is_before(self, number: Seq, other: Seq) -> bool {
        match self {
            Comparison::Plain => number.0 < other.0,
            Comparison::Serial => number.is_before(other),
        }
    }
}

/// What an ACK beyond `seq_send` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckBeyond {
    /// It takes the whole queue, as RCV-4 has it.
    Releases,
    /// It takes nothing.
    Ignored,
}

/// What the first user's add does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstAdd {
    /// As the table of section 7 says: it resets a record that is closing.
    Table,
    /// As the table says, and it resets a record of version 3.1.
    ResetsOld,
}

/// One node's knowledge about one peer (section 3). The send queue is the interval of numbers from `queue_head` to
/// `seq_send`, for numbers are handed out in order and acknowledged cumulatively.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The state.
    pub state: State,
    /// The peer's version, once detected.
    pub version: Option<Version>,
    /// Number of the next sequenced message.
    pub seq_send: Seq,
    /// Number expected next from the peer.
    pub seq_next: Seq,
    /// The oldest number that is not acknowledged; equal to `seq_send` where the queue is empty.
    pub queue_head: Seq,
    /// The number of the own FIN.
    pub fin: Option<Seq>,
    /// The own FIN was queued: nothing fresh may follow.
    pub stop_tx: bool,
    /// The upper layer must hear nothing more.
    pub stop_rx: bool,
    /// Local lockspaces that have the peer as a member.
    pub users: u16,
}

impl Record {
    /// Messages in the send queue.
    pub fn queue_len(&self) -> u32 {
        self.queue_head.distance_to(self.seq_send)
    }

    /// REC-1: every field but `users` returns to its initial value.
    pub fn reset(&mut self) {
        *self = Record { users: self.users, ..Record::default() };
    }

    /// SND-1: hands out the next number.
    pub fn take_number(&mut self) -> Seq {
        let seq = self.seq_send;
        self.seq_send = seq.next();
        seq
    }

    /// Queues the own FIN.
    pub fn take_fin(&mut self) -> Seq {
        self.stop_tx = true;
        let seq = self.take_number();
        self.fin = Some(seq);
        seq
    }

    /// What an arriving number is, and RCV-1's step where it is the expected one.
    pub fn receive_number(&mut self, seq: Seq, comparison: Comparison) -> Receipt {
        if seq == self.seq_next {
            self.seq_next = seq.next(); // RCV-1
            Receipt::Accepted
        } else if comparison.is_before(seq, self.seq_next) {
            Receipt::Duplicate // RCV-2
        } else {
            Receipt::Gap // RCV-3
        }
    }

    /// RCV-4: takes messages before `number` off the queue; whether the own FIN was among them.
    pub fn receive_ack(&mut self, number: Seq, beyond: AckBeyond) -> bool {
        let released = match beyond {
            _ if !self.seq_send.is_before(number) => number,
            AckBeyond::Releases => self.seq_send,
            AckBeyond::Ignored => return false,
        };
        if !self.queue_head.is_before(released) {
            return false;
        }
        let fin_was_queued = self.fin.is_some_and(|fin| !fin.is_before(self.queue_head));
        self.queue_head = released;
        fin_was_queued && self.fin.is_some_and(|fin| fin.is_before(released))
    }

    /// VER-1 and VER-4: a message of `version` from the peer. `is_bare_status_or_names` is what SND-2 lets out bare.
    pub fn detect(&mut self, version: Version, is_bare_status_or_names: bool, by: Establishes) {
        let (detects, establishes) = match by {
            Establishes::AnyMessage | Establishes::StatusOrAck => (true, self.version.is_none()),
            Establishes::BareStatusOrNames => (is_bare_status_or_names, is_bare_status_or_names),
            Establishes::Never => (true, false),
        };
        if self.version.is_none() && detects {
            self.version = Some(version); // VER-1, VER-2
        }
        if establishes && version == Version::V3_2 && self.state == State::Closed {
            self.state = State::Established; // VER-4
        }
    }

    /// The table of section 7. Where a FIN is to be sent the caller takes its number with [`Record::take_fin`].
    pub fn step(&mut self, event: Event) -> Result<Actions, Unexpected> {
        use Event::{AckOfFin, AddMember, ReceiveFin, RemoveMember, Shutdown};
        use State::{CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck};
        let state = self.state;
        let (next, actions) = match (state, event) {
            (_, AddMember) if self.users > 0 => (state, Actions::NONE),
            (Closed | Established, AddMember) => (Established, Actions::NONE),
            (_, AddMember) => (Established, Actions::RESET), // "shutdown stuck"
            (_, Shutdown) if self.version != Some(Version::V3_2) => (state, Actions::NONE),
            (Established, Shutdown) => (FinWait1, Actions::FIN),
            (_, Shutdown) => (state, Actions::NONE),
            (Established, ReceiveFin) if self.users > 0 => (CloseWait, Actions::ACK),
            (Established, ReceiveFin) => (LastAck, Actions { send_ack: true, stop_rx: true, ..Actions::FIN }),
            (FinWait1, ReceiveFin) => (Closing, Actions { stop_rx: true, ..Actions::ACK }),
            (FinWait2, ReceiveFin) => (Closed, Actions { reset: true, ..Actions::ACK }),
            (LastAck, ReceiveFin) => (state, Actions::NONE),
            (FinWait1, AckOfFin) => (FinWait2, Actions::NONE),
            (Closing | LastAck, AckOfFin) => (Closed, Actions::RESET),
            (CloseWait, RemoveMember) if self.users == 1 => (LastAck, Actions { stop_rx: true, ..Actions::FIN }),
            (Closed | Established | LastAck, RemoveMember) => (state, Actions::NONE),
            (_, RemoveMember) if self.users != 1 => (state, Actions::NONE),
            (_, ReceiveFin | AckOfFin | RemoveMember) => return Err(Unexpected { state, event }), // CLS-4
        };
        if actions.reset {
            self.reset();
        }
        self.state = next;
        self.stop_tx |= actions.send_fin;
        self.stop_rx |= actions.stop_rx;
        self.users = match event {
            AddMember => self.users.saturating_add(1),
            RemoveMember => self.users.saturating_sub(1),
            Shutdown | ReceiveFin | AckOfFin => self.users,
        };
        Ok(actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::Revision;

    fn record(state: State, users: u16) -> Record {
        Record { state, users, version: Some(Version::V3_2), ..Record::default() }
    }

    /// Every state × event × (users 0, 1, 2), one line each: the whole table, to be read beside section 7.
    #[test]
    fn the_table_is_the_golden_one() {
        let mut dump = String::new();
        for state in State::ALL {
            for event in Event::ALL {
                for users in 0..3 {
                    let mut after = record(state, users);
                    let outcome = match after.step(event) {
                        Err(_) => {
                            assert_eq!(after, record(state, users), "CLS-4 leaves the record as it is");
                            "CLS-4".to_owned()
                        }
                        Ok(actions) => format!("{} users {} {}", after.state, after.users, actions),
                    };
                    dump += &format!("{state} {event:?} users {users} -> {}\n", outcome.trim_end());
                }
            }
        }
        let golden = include_str!("record.golden.txt");
        assert_eq!(dump, golden, "the table differs from model/src/record.golden.txt; it now reads:\n{dump}");
    }

    #[test]
    fn shutdown_without_a_version_or_with_a_3_1_peer_returns_at_once() {
        for version in [None, Some(Version::V3_1)] {
            let mut unversioned = Record { version, ..record(State::Established, 0) };
            assert_eq!(unversioned.step(Event::Shutdown), Ok(Actions::NONE));
            assert_eq!(unversioned.state, State::Established);
        }
    }

    #[test]
    fn an_ack_releases_what_is_before_it_and_tells_of_the_fin_once() {
        let mut record = record(State::Established, 1);
        record.take_number();
        record.take_number();
        let fin = record.take_fin();
        assert_eq!(fin, Seq(2));
        assert!(!record.receive_ack(Seq(2), AckBeyond::Ignored));
        assert_eq!(record.queue_len(), 1);
        assert!(record.receive_ack(Seq(3), AckBeyond::Ignored));
        assert!(!record.receive_ack(Seq(3), AckBeyond::Ignored), "the event comes once");
        assert_eq!(record.queue_len(), 0);
    }

    #[test]
    fn an_ack_of_the_future_or_the_past_releases_nothing() {
        let mut record = record(State::Established, 1);
        record.take_number();
        assert!(!record.receive_ack(Seq(2), AckBeyond::Ignored));
        assert!(!record.receive_ack(Seq(u32::MAX), AckBeyond::Ignored));
        assert_eq!(record.queue_len(), 1);
    }

    #[test]
    fn numbers_are_accepted_in_order_across_the_wrap() {
        let mut record = Record { seq_next: Seq(u32::MAX), ..record(State::Established, 1) };
        assert_eq!(record.receive_number(Seq(0), Comparison::Serial), Receipt::Gap);
        assert_eq!(record.receive_number(Seq(u32::MAX), Comparison::Serial), Receipt::Accepted);
        assert_eq!(record.receive_number(Seq(u32::MAX), Comparison::Serial), Receipt::Duplicate);
        assert_eq!(record.receive_number(Seq(0), Comparison::Serial), Receipt::Accepted);
        assert_eq!(record.seq_next, Seq(1));
    }

    #[test]
    fn today_any_message_establishes_and_before_only_status_or_names() {
        for (revision, bare, state) in [
            (Revision::Linux6_12, false, State::Established),
            (Revision::Linux6_1, false, State::Closed),
            (Revision::Linux6_1, true, State::Established),
        ] {
            let mut record = Record::default();
            record.detect(Version::V3_2, bare, revision.establishes());
            assert_eq!(record.state, state, "{revision} {bare}");
            assert_eq!(record.version.is_some(), state == State::Established);
        }
    }
}
