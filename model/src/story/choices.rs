//! Actions and states in short, for who steps through them in the Explorer.

use crate::system::World;
use crate::system::action::{Action, ActionKind, choice};
use crate::system::state::{End, Notice, Phase, Status, System};

use super::words;

/// What would happen: who does what, with what is left open.
pub fn action(action: Action, lockspaces: u8) -> String {
    let (x, y) = (words::node(usize::from(action.node)), words::node(usize::from(action.peer)));
    let lockspace = if lockspaces > 1 { format!(" (lockspace {})", (action.choice & 1) + 1) } else { String::new() };
    let acks = if action.choice & choice::ACK != 0 { ", with an ACK" } else { "" };
    match action.kind {
        ActionKind::ManagerJoins => format!("{x} joins{lockspace}"),
        ActionKind::ManagerLeaves => format!("{x} leaves{lockspace}"),
        ActionKind::NodeCrashes => format!("{x} crashes; {} written messages arrive", action.choice),
        ActionKind::NodeProcessesMember => format!("{x} is told of {y}{lockspace}"),
        ActionKind::NodeFences => format!("{x} fences {y}"),
        ActionKind::UpperSends => format!("{x} sends a message to {y}{acks}"),
        ActionKind::UpperCommits => format!("{x} commits its message to {y}"),
        ActionKind::UpperAsksStatus => format!("{x} asks {y} for its STATUS again"),
        ActionKind::RecordAcknowledges => format!("{x} acknowledges to {y}, being idle"),
        ActionKind::RecordReceives => format!("{x} reads from {y}{acks}{}", other(action)),
        ActionKind::RecordReceivesStale => format!("{x} handles old input from {y}{acks}{}", other(action)),
        ActionKind::InputIsDelayed => format!("{x} puts {} messages from {y} by", action.choice),
        ActionKind::NodeAccepts => format!("{x} accepts the connection of {y}"),
        ActionKind::PageIsWritten => format!("{x} writes a page to {y}"),
        ActionKind::LinkBreaks => {
            format!("the connection {} breaks; {} written messages arrive", direction(action), action.choice)
        }
        ActionKind::NodeNoticesBreak => format!("{x} notices the break with {y}{}", noticed(action)),
        kind if action.node == action.peer => format!("{x}: {}{acks}", kind.text()),
        kind => format!("{x} and {y}: {}", kind.text()),
    }
}

fn direction(action: Action) -> String {
    words::direction(usize::from(action.node), usize::from(action.peer))
}

fn other(action: Action) -> &'static str {
    if action.choice & choice::OTHER != 0 { ", and resets" } else { "" }
}

fn noticed(action: Action) -> String {
    let partly = if action.choice & choice::PARTLY != 0 { ", a page was partly written" } else { "" };
    let close = if action.choice & choice::CLOSE != 0 { ", and closes in order" } else { "" };
    format!("{partly}{close}")
}

/// A state: a line for each record, and one for what each node has for the other.
pub fn state<const N: usize, const M: usize>(world: &World, system: &System<N, M>) -> String {
    let mut lines = Vec::new();
    for (x, y) in System::<N, M>::pairs() {
        let end = system.end(x, y);
        lines.push(format!("{} about {}: {}{}", words::node(x), y + 1, record(end), phase(system.node(x).phase)));
        lines.push(format!("    {}: {}", words::direction(x, y), output(world, end)));
    }
    lines.push(format!("left: {} breaks, {} crashes, {} rejoins", system.breaks, system.crashes, system.rejoins));
    lines.join("\n")
}

fn record(end: &End) -> String {
    let record = &end.record;
    let version = record.version.map_or("version unset".to_owned(), |version| format!("version {version}"));
    let (next, users) = (record.seq_next, record.users);
    let queue = match record.queue_head.distance_to(record.seq_send) {
        0 => format!("send queue empty, next number {}", record.seq_send),
        count => format!("send queue {count} from {}", record.queue_head),
    };
    format!("{}, {version}, {queue}, expects {next}, users {users}", record.state)
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::In => "",
        Phase::Waiting => "; leaves, waits for versions",
        Phase::Shutting => "; shuts down",
        Phase::Lingering => "; its shutdown has returned, it stays reachable",
        Phase::Draining => "; drains its sockets",
        Phase::Out => "; is out",
    }
}

fn output(world: &World, end: &End) -> String {
    let link = &end.link;
    let status = match link.status {
        Status::Down => "no connection",
        Status::Up => "connected",
        Status::Broken => "broken, not noticed by the writer",
    };
    let notice = match end.notice {
        Notice::Quiet => "",
        Notice::Error => ", an error to notice",
        Notice::Close => ", a close to notice",
    };
    let messages = link.fifo.as_slice().iter().enumerate().map(|(index, message)| {
        let place = if index < usize::from(link.sent) { "" } else { " (waits)" };
        format!("{}{place}", words::name(*message, world.seq(message.number())))
    });
    let messages: Vec<_> = messages.collect();
    let messages = if messages.is_empty() { "nothing".to_owned() } else { messages.join(", ") };
    format!("{status}{notice}; under way: {messages}")
}
