//! Names for what a run is told with.

use crate::record::State;
use crate::seq::Seq;
use crate::system::observer::Outcome;
use crate::system::wire::{Kind, Msg};

use super::run::Sent;

/// `node 1`. People count nodes from 1.
pub(super) fn node(index: usize) -> String {
    format!("node {}", index + 1)
}

/// `1>2`.
pub(super) fn direction(from: usize, to: usize) -> String {
    format!("{}>{}", from + 1, to + 1)
}

/// A message as PROTOCOL.md writes it: `OPTS(0) MSG`, `ACK(1)`.
pub fn message(sent: &Sent) -> String {
    name(sent.message, sent.number)
}

/// A message with this number.
pub(super) fn name(message: Msg, number: Seq) -> String {
    match message.kind() {
        Kind::Data if message.is_bare() => "MSG (bare)".to_owned(),
        Kind::Data => format!("OPTS({number}) MSG"),
        Kind::Fin => format!("OPTS({number}) FIN"),
        Kind::Ack => format!("ACK({number})"),
        Kind::Status => "STATUS".to_owned(),
        Kind::StatusReply => "STATUS_REPLY".to_owned(),
        Kind::Gone => "ACK \"gone\"".to_owned(),
        Kind::End => "TCP FIN".to_owned(),
    }
}

/// The same, said to be a copy where it is one.
pub(super) fn copy_or_message(sent: &Sent) -> String {
    let name = message(sent);
    if sent.is_copy { format!("a copy of {name}") } else { name }
}

/// `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// What came of a message that was read, behind "node 2 reads X from node 1".
pub(super) fn outcome(sent: &Sent, outcome: Outcome) -> String {
    match outcome {
        Outcome::Accepted if sent.message.kind() == Kind::Fin => " and accepts it: the peer closes (RCV-1)".to_owned(),
        Outcome::Accepted => " and accepts it (RCV-1)".to_owned(),
        Outcome::Duplicate => ": a duplicate, dropped (RCV-2)".to_owned(),
        Outcome::Gap => ": a gap before it, so it is ignored (RCV-3)".to_owned(),
        Outcome::Released(0) => ", which covers nothing in its send queue".to_owned(),
        Outcome::Released(1) => ": one message leaves its send queue (RCV-4)".to_owned(),
        Outcome::Released(count) => format!(": {count} messages leave its send queue (RCV-4)"),
        Outcome::Handled if sent.message.kind() == Kind::End => {
            format!(": {} has closed the connection in order", node(sent.from))
        }
        Outcome::Handled => String::new(),
        Outcome::Dropped(reason) => format!(": dropped, for {reason}"),
    }
}

/// The same in a word or two, empty where nothing needs saying.
pub(super) fn outcome_in_short(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted | Outcome::Handled | Outcome::Released(_) => "",
        Outcome::Duplicate => "duplicate",
        Outcome::Gap => "gap: ignored",
        Outcome::Dropped(_) => "dropped",
    }
}

/// A state in at most three letters, for three nodes side by side.
pub(super) fn state_in_short(state: State) -> &'static str {
    match state {
        State::Closed => "C",
        State::Established => "E",
        State::FinWait1 => "FW1",
        State::FinWait2 => "FW2",
        State::CloseWait => "CW",
        State::LastAck => "LA",
        State::Closing => "CG",
    }
}
