//! What a step did, in sentences: what happened, then its consequences.

use crate::record::{Event as Met, State};
use crate::system::action::{Action, ActionKind, choice};
use crate::system::observer::Occurrence;
use crate::system::state::{End, Notice, Pending, Phase, Second};

use super::run::{Event, Fate, Frame, Run, Sent, Step, is_end};
use super::words;

/// A step of a run, to be told.
pub(super) struct Teller<'a> {
    run: &'a Run,
    index: usize,
    step: &'a Step,
    before: &'a Frame,
    after: &'a Frame,
    /// The node that acts and its peer.
    x: usize,
    y: usize,
}

impl<'a> Teller<'a> {
    /// `index` counts from 0.
    pub(super) fn new(run: &'a Run, index: usize) -> Option<Self> {
        let (step, before, after) = (run.steps.get(index)?, run.frame(index)?, run.frame(index + 1)?);
        let (x, y) = (usize::from(step.action.node), usize::from(step.action.peer));
        Some(Self { run, index, step, before, after, x, y })
    }

    /// The whole sentence, without a full stop.
    pub(super) fn sentence(&self) -> String {
        let mut parts = vec![self.head()];
        parts.extend(self.consequences());
        parts.join("; ")
    }

    /// What happened at which node, in a few words, where it is not a message that tells it.
    pub(super) fn event_in_short(&self) -> Option<String> {
        let Action { kind, choice, .. } = self.step.action;
        let y = self.y + 1;
        Some(match kind {
            ActionKind::ManagerJoins => format!("joins{}", self.in_lockspace(choice)),
            ActionKind::ManagerLeaves => format!("leaves{}", self.in_lockspace(choice)),
            ActionKind::NodeCrashes => "crashes".to_owned(),
            ActionKind::NodeProcessesMember => match self.member() {
                Pending::Add => format!("add member {y}"),
                _ => format!("remove member {y}"),
            },
            ActionKind::NodeFences => format!("fences {y}"),
            ActionKind::ShutdownRemovesMembers => "shutdown".to_owned(),
            ActionKind::ShutdownGoesOn if self.returns() => "shutdown returns".to_owned(),
            ActionKind::ShutdownGoesOn => "shutdown goes on".to_owned(),
            ActionKind::ShutdownTimesOut => "shutdown times out".to_owned(),
            ActionKind::LingerEnds => "closes for writing".to_owned(),
            ActionKind::DrainEnds => "closes its sockets".to_owned(),
            ActionKind::DrainTimesOut => "closes its sockets, input unread".to_owned(),
            ActionKind::UpperCommits => "commit".to_owned(),
            ActionKind::NodeAccepts => format!("accepts the connection {}", words::direction(self.y, self.x)),
            ActionKind::NodeNoticesBreak if self.notice() == Notice::Close => "notices a close".to_owned(),
            ActionKind::NodeNoticesBreak => "notices the break".to_owned(),
            ActionKind::SecondStep => format!("second step: {}", self.second_step()),
            ActionKind::RecordRetransmits => "timer: sends its queue again".to_owned(),
            _ => return None, // a message or a break tells it
        })
    }

    fn end(&self) -> End {
        self.before.end(self.x, self.y)
    }

    fn notice(&self) -> Notice {
        self.end().notice
    }

    fn returns(&self) -> bool {
        !matches!(self.after.phase(self.x), Phase::Waiting | Phase::Shutting)
    }

    fn in_lockspace(&self, lockspace: u8) -> String {
        if self.run.lockspaces > 1 { format!(" lockspace {}", lockspace + 1) } else { String::new() }
    }

    /// What the cluster manager tells in this step.
    fn member(&self) -> Pending {
        let [first, second] = self.end().pending;
        if self.step.action.choice & 1 == 0 { first } else { second }
    }

    fn head(&self) -> String {
        let Action { kind, choice, .. } = self.step.action;
        let (x, y) = (words::node(self.x), words::node(self.y));
        let lockspace = self.in_lockspace(choice & 1);
        match kind {
            ActionKind::ManagerJoins => format!("{x} joins{lockspace}{}", self.again()),
            ActionKind::ManagerLeaves if self.after.phase(self.x) == Phase::Waiting => {
                format!("{x} leaves its last lockspace, so its shutdown begins (CLS-2)")
            }
            ActionKind::ManagerLeaves => format!("{x} leaves{lockspace}"),
            ActionKind::NodeCrashes => format!("{x} crashes and forgets everything"),
            ActionKind::NodeProcessesMember => match self.member() {
                Pending::Add => format!("{x} is told that {y} joined{lockspace}: add member"),
                _ => format!("{x} is told that {y} left{lockspace}: remove member"),
            },
            ActionKind::NodeFences => format!("{x} fences {y}, which is dead: it drops what it has about it"),
            ActionKind::UpperSends => format!("{x}'s upper layer sends a message to {y}"),
            ActionKind::UpperCommits => format!("{x}'s upper layer commits what it reserved for {y} (SND-5)"),
            ActionKind::UpperAsksStatus => format!("{x}'s upper layer asks {y} for its STATUS again (SND-2)"),
            ActionKind::RecordRetransmits => {
                format!("{y} has acknowledged nothing for long, so {x} sends its queue again")
            }
            ActionKind::RecordAcknowledges => {
                format!("nothing more comes, so {x} acknowledges what it accepted from {y}")
            }
            ActionKind::RecordReceives | ActionKind::RecordReceivesStale => self.reading(),
            ActionKind::InputIsDelayed => self.delaying(),
            ActionKind::NodeAccepts => format!("{x} accepts the connection that {y} opened"),
            ActionKind::PageIsWritten => format!("{x} writes a page for {y}"),
            ActionKind::LinkBreaks => format!("the connection {} breaks (NET-2)", words::direction(self.x, self.y)),
            ActionKind::NodeNoticesBreak => self.noticing(),
            ActionKind::SecondStep => format!("{x}, second step: {}", self.second_step()),
            _ => self.leaving(),
        }
    }

    fn again(&self) -> &'static str {
        let is_back = |frame: &Frame| frame.is_back.get(self.x).copied().unwrap_or_default();
        if is_back(self.after) && !is_back(self.before) { " again" } else { "" }
    }

    fn leaving(&self) -> String {
        let x = words::node(self.x);
        match self.step.action.kind {
            ActionKind::ShutdownRemovesMembers => {
                format!("{x} knows its peers' versions, removes its members and shuts down (CLS-2, CLS-3)")
            }
            ActionKind::ShutdownGoesOn if self.returns() => format!("{x}'s record is CLOSED: its shutdown returns"),
            ActionKind::ShutdownGoesOn => {
                format!("{x}'s record is CLOSED: its shutdown goes on with the next peer (CLS-3)")
            }
            ActionKind::ShutdownTimesOut if self.returns() => {
                format!("{x}'s shutdown has waited too long and returns (CLS-3)")
            }
            ActionKind::ShutdownTimesOut => format!("{x}'s shutdown has waited too long and goes on (CLS-3)"),
            ActionKind::LingerEnds => format!("no peer waits for {x} any more: it shuts its sockets down for writing"),
            ActionKind::DrainEnds => format!("{x} has read all that came and closes its sockets"),
            ActionKind::DrainTimesOut => format!("{x} closes its sockets without reading the rest"),
            other => other.text().to_owned(),
        }
    }

    fn second_step(&self) -> String {
        match self.end().second {
            Second::Done => "nothing is left to do".to_owned(),
            Second::SendFin if self.end().record.state == State::FinWait1 => "it sends its FIN".to_owned(),
            Second::SendFin => format!("no FIN, for the state is {} by now", self.end().record.state),
            Second::SetStopTx => "it sets stop_tx".to_owned(),
            Second::TakeNumber => "the queued message gets its number".to_owned(),
            Second::Release(number) => format!("it takes what is before {} off the send queue", self.run.seq(number)),
        }
    }

    fn reading(&self) -> String {
        let x = words::node(self.x);
        let Some((sent, Fate::Read { outcome, is_of_old_life, .. })) = self.read().map(|sent| (sent, sent.fate)) else {
            return format!("{x} reads");
        };
        let (name, from, outcome) =
            (words::copy_or_message(sent), words::node(sent.from), words::outcome(sent, outcome));
        let whose = if is_of_old_life { format!("{from}'s previous incarnation") } else { from };
        if self.step.action.kind == ActionKind::RecordReceivesStale {
            return format!("{x} handles only now {name}, which it had read from {whose} before (NET-5){outcome}");
        }
        if is_end(sent.message) {
            return format!("{x} reads the end of the stream{outcome}");
        }
        format!("{x} reads {name} from {whose}{outcome}")
    }

    fn delaying(&self) -> String {
        let delayed = self.messages(|event| match event {
            Event::Delayed(id) => Some(*id),
            _ => None,
        });
        let names: Vec<_> = delayed.map(words::message).collect();
        let (x, y) = (words::node(self.x), words::node(self.y));
        format!("{x} takes {} from the old connection of {y} and will handle it later (NET-5)", words::list(&names))
    }

    fn noticing(&self) -> String {
        let (x, y, choices) = (words::node(self.x), words::node(self.y), self.step.action.choice);
        let what = match self.notice() {
            Notice::Close => format!("{x} sees that {y} has closed the connection in order"),
            _ => format!("{x} notices that its connections with {y} are gone (NET-3)"),
        };
        let partly =
            if choices & choice::PARTLY != 0 { "; the page that was partly written is dropped (NET-4)" } else { "" };
        let close =
            if choices & choice::CLOSE != 0 { format!("; {y} will see an orderly close") } else { String::new() };
        what + partly + &close
    }

    fn messages(&self, pick: impl Fn(&Event) -> Option<usize>) -> impl Iterator<Item = &'a Sent> {
        self.step.events.iter().filter_map(pick).filter_map(|id| self.run.sent(id))
    }

    fn read(&self) -> Option<&'a Sent> {
        self.messages(|event| if let Event::Read(id) = event { Some(*id) } else { None }).next()
    }

    fn consequences(&self) -> Vec<String> {
        let mut parts = Vec::new();
        parts.extend(self.errors());
        parts.extend(self.changes());
        parts.extend(self.sendings());
        parts.extend(self.losses());
        parts
    }

    /// CLS-4.
    fn errors(&self) -> Vec<String> {
        let told = self.step.events.iter().filter_map(|event| match event {
            Event::Other(Occurrence::Met { node, peer, event, expected: false }) => {
                let state = self.before.end(*node, *peer).record.state;
                let what = match event {
                    Met::AddMember => "add member",
                    Met::RemoveMember => "remove member",
                    Met::Shutdown => "shutdown",
                    Met::ReceiveFin => "a FIN",
                    Met::AckOfFin => "the ACK of its FIN",
                };
                Some(format!("a protocol error, for {state} does not know {what} (CLS-4)"))
            }
            _ => None,
        });
        told.collect()
    }

    /// Every state that a record went through, and resets that do not show in them.
    fn changes(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (node, peer) in self.run.pairs() {
            let path = self.path(node, peer);
            let whose =
                if node == self.x && self.run.nodes == 2 { "its record".to_owned() } else { self.record(node, peer) };
            let is_reset = self.resets().any(|reset| reset == (node, peer));
            match path.as_slice() {
                [] if is_reset => told.push(format!("{whose} is reset (REC-1)")),
                [] => {}
                states => told.push(format!("{whose}: {}", states.join(" -> "))),
            }
        }
        told
    }

    /// The states through which a record goes in this step, with where it is reset; empty where it stays.
    pub(super) fn path(&self, node: usize, peer: usize) -> Vec<String> {
        let mut states = Vec::new();
        let mut is_reset = false;
        for event in &self.step.events {
            match event {
                Event::Other(Occurrence::Reset { node: x, peer: y }) if (*x, *y) == (node, peer) => is_reset = true,
                Event::Other(Occurrence::Changed { node: x, peer: y, from, to }) if (*x, *y) == (node, peer) => {
                    if states.is_empty() {
                        states.push(from.to_string());
                    }
                    let reset = if std::mem::take(&mut is_reset) { " (reset)" } else { "" };
                    states.push(format!("{to}{reset}"));
                }
                _ => {}
            }
        }
        states
    }

    pub(super) fn resets(&self) -> impl Iterator<Item = (usize, usize)> {
        self.step.events.iter().filter_map(|event| match event {
            Event::Other(Occurrence::Reset { node, peer }) => Some((*node, *peer)),
            _ => None,
        })
    }

    fn record(&self, node: usize, peer: usize) -> String {
        let about = if self.run.nodes > 2 { format!(" about {}", words::node(peer)) } else { String::new() };
        format!("{}'s record{about}", words::node(node))
    }

    /// What is written now, what is lost at once, and what has to wait.
    fn sendings(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (from, to) in self.run.pairs() {
            let who = if from == self.x { "it".to_owned() } else { words::node(from) };
            let whom =
                if self.run.nodes > 2 || from != self.x { format!(" to {}", words::node(to)) } else { String::new() };
            let written = self.between(from, to, |event| if let Event::Written(id) = event { Some(*id) } else { None });
            let (lost, waiting): (Vec<_>, Vec<_>) = self
                .between(from, to, |event| if let Event::Queued(id) = event { Some(*id) } else { None })
                .into_iter()
                .filter(|sent| sent.written.is_none_or(|at| at > sent.queued))
                .partition(|sent| self.is_lost_now(sent));
            let names =
                |sent: &[&Sent]| words::list(&sent.iter().map(|sent| words::copy_or_message(sent)).collect::<Vec<_>>());
            if !written.is_empty() {
                told.push(format!("{who} sends {}{whom}", names(&written)));
            }
            if !lost.is_empty() {
                told.push(format!("{who} sends {}{whom} in vain, for its connection is gone", names(&lost)));
            }
            if !waiting.is_empty() {
                let verb = if waiting.len() > 1 { "wait" } else { "waits" };
                told.push(format!("{} {verb} in {}'s output{whom}", names(&waiting), words::node(from)));
            }
            told.extend(self.closing(from, to));
        }
        told
    }

    /// Messages from one node to another, without the ends of streams.
    fn between(&self, from: usize, to: usize, pick: impl Fn(&Event) -> Option<usize>) -> Vec<&'a Sent> {
        self.messages(pick).filter(|sent| (sent.from, sent.to) == (from, to) && !is_end(sent.message)).collect()
    }

    /// Whether a message was queued in this step and lost before it was written.
    fn is_lost_now(&self, sent: &Sent) -> bool {
        sent.written.is_none() && matches!(sent.fate, Fate::Lost { step } if step == self.index && sent.queued == step)
    }

    fn closing(&self, from: usize, to: usize) -> Option<String> {
        let queued = self.messages(|event| if let Event::Queued(id) = event { Some(*id) } else { None });
        let mut ends = queued.filter(|sent| is_end(sent.message) && (sent.from, sent.to) == (from, to));
        ends.next().map(|_| format!("{} closes its side towards {} in order", words::node(from), words::node(to)))
    }

    fn losses(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (from, to) in self.run.pairs() {
            let lost = self.between(from, to, |event| if let Event::Lost(id) = event { Some(*id) } else { None });
            let mut lost: Vec<_> = lost.into_iter().filter(|sent| !self.is_lost_now(sent)).collect();
            lost.reverse(); // they are told from the end
            let names: Vec<_> = lost.iter().map(|sent| words::copy_or_message(sent)).collect();
            if !names.is_empty() {
                let verb = if names.len() > 1 { "are" } else { "is" };
                told.push(format!("{} from {} {verb} lost", words::list(&names), words::node(from)));
            }
        }
        if told.is_empty() && self.step.action.kind == ActionKind::LinkBreaks {
            told.push("nothing that was under way is lost".to_owned());
        }
        told
    }
}
