//! A run of the model as a native trace.

use std::io::{self, Write};

use midcomms_model::story::Story;
use midcomms_model::story::run::{Event, Fate, Frame, Run, Sent, is_end};
use midcomms_model::system::action::{Action, ActionKind, choice};
use midcomms_model::system::observer::Outcome;
use midcomms_model::system::state::{Notice, Pending, Phase, Status};
use midcomms_model::system::wire::Kind;
use midcomms_model::{Revision, State};

use super::line::{FORMAT, Head, HeadNode, Line, MessageLine, RecordLine, VERSION};

/// Writes a story as a native trace. `revisions` are what the nodes speak, in their order; times are numbers of steps.
///
/// # Errors
/// If `out` cannot be written.
pub fn export(story: &Story, revisions: &[String], out: &mut impl Write) -> io::Result<()> {
    let nodes = (0..story.run.nodes).map(|node| HeadNode {
        id: id(node),
        // Its own bytes are not written, so nothing would be right by its rules.
        revision: revisions.get(node).filter(|name| *name != Revision::Hardened.name()).cloned(),
        recorded: true,
        address: None,
    });
    let property =
        story.property.map(|property| format!("counterexample to {}, ", property.name())).unwrap_or_default();
    let head = Head {
        format: FORMAT.to_owned(),
        version: VERSION,
        origin: format!("{property}{}", story.title),
        nodes: nodes.collect(),
        bodies: None,
        file: None,
    };
    line(out, &head)?;
    let mut writer = Exporter { run: &story.run, ended: vec![[false; 2]; story.run.connections.len()] };
    for step in 0..story.run.steps.len() {
        for told in writer.step(step) {
            line(out, &Line { time: Some((step + 1) as f64), ..told })?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn id(node: usize) -> u32 {
    node as u32 + 1
}

struct Exporter<'a> {
    run: &'a Run,
    /// Whether the opener and the acceptor of each connection have ended it.
    ended: Vec<[bool; 2]>,
}

impl Exporter<'_> {
    fn step(&mut self, index: usize) -> Vec<Line> {
        let run = self.run;
        let (Some(step), Some(before), Some(after)) = (run.steps.get(index), run.frame(index), run.frame(index + 1))
        else {
            return Vec::new();
        };
        let mut lines: Vec<_> = local(run, step.action, before, after).into_iter().collect();
        for event in &step.events {
            if let Event::Read(message) = event {
                lines.extend(run.sent(*message).and_then(|sent| self.read(sent)));
            }
        }
        lines.extend(self.given_up(step.action, index, before, after));
        for event in &step.events {
            match event {
                Event::Opened(connection) => lines.extend(self.opened(*connection)),
                Event::Written(message) => lines.extend(run.sent(*message).and_then(|sent| self.written(sent))),
                _ => {}
            }
        }
        for (node, peer) in run.pairs() {
            let [was, is] = [before, after].map(|frame| record(frame, node, peer));
            if was != is {
                let record = Some(is);
                lines.push(Line { node: Some(id(node)), peer: Some(id(peer)), record, ..named("record") });
            }
        }
        lines
    }

    fn opened(&self, connection: usize) -> Option<Line> {
        let known = self.run.connections.get(connection)?;
        Some(Line {
            connection: Some(name(connection)),
            from: Some(id(known.opener)),
            to: Some(id(known.acceptor)),
            ..named("opened")
        })
    }

    fn written(&mut self, sent: &Sent) -> Option<Line> {
        if is_end(sent.message) {
            return self.end(sent.connection?, sent.from, "finished");
        }
        Some(Line { message: Some(self.message(sent)), ..self.ends(sent, "written")? })
    }

    fn read(&self, sent: &Sent) -> Option<Line> {
        let Fate::Read { outcome, .. } = sent.fate else { return None };
        if is_end(sent.message) {
            return None;
        }
        let outcome = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Duplicate => "duplicate",
            Outcome::Gap => "gap",
            Outcome::Released(_) | Outcome::Handled => "handled",
            Outcome::Dropped(_) => "dropped",
        };
        Some(Line { message: Some(self.message(sent)), outcome: Some(outcome.to_owned()), ..self.ends(sent, "read")? })
    }

    fn ends(&self, sent: &Sent, event: &str) -> Option<Line> {
        Some(Line {
            connection: Some(name(sent.connection?)),
            from: Some(id(sent.from)),
            to: Some(id(sent.to)),
            ..named(event)
        })
    }

    fn message(&self, sent: &Sent) -> MessageLine {
        let (seq, text) = (Some(sent.number.0), |text: &str| Some(text.to_owned()));
        let version = if sent.message.is_old_version() { text("3.1") } else { None };
        let base = MessageLine { version, ..MessageLine::default() };
        match sent.message.kind() {
            Kind::Data if sent.message.is_bare() => MessageLine { cmd: text("MSG"), body: self.body(sent), ..base },
            Kind::Data => MessageLine { cmd: text("OPTS"), seq, inner: text("MSG"), body: self.body(sent), ..base },
            Kind::Fin => MessageLine { cmd: text("OPTS"), seq, inner: text("FIN"), ..base },
            Kind::Ack | Kind::Gone => MessageLine { cmd: text("ACK"), seq, ..base },
            Kind::Status => MessageLine { cmd: text("RCOM"), kind: text("STATUS"), ..base },
            Kind::StatusReply | Kind::End => MessageLine { cmd: text("RCOM"), kind: text("STATUS_REPLY"), ..base },
        }
    }

    /// What the message holds: the same for all copies of one message, by the first of them.
    fn body(&self, sent: &Sent) -> Option<u64> {
        let is_same = |other: &Sent| {
            let key = |sent: &Sent| (sent.from, sent.to, sent.number, sent.message.kind(), sent.message.source());
            key(other) == key(sent) && !sent.message.is_bare()
        };
        let own = self.run.messages.iter().position(|other| other == sent);
        let first = self.run.messages.iter().position(is_same);
        first.or(own).map(|index| index as u64 + 1)
    }

    fn end(&mut self, connection: usize, node: usize, event: &str) -> Option<Line> {
        let known = self.run.connections.get(connection)?;
        let [opener, acceptor] = self.ended.get_mut(connection)?;
        let ended = if node == known.opener { opener } else { acceptor };
        (!std::mem::replace(ended, true)).then(|| Line {
            connection: Some(name(connection)),
            from: Some(id(node)),
            ..named(event)
        })
    }

    /// Connections that a node gives up in this step: its own, and what it read from.
    fn given_up(&mut self, action: Action, step: usize, before: &Frame, after: &Frame) -> Vec<Line> {
        let mut lines = Vec::new();
        for (from, to) in self.run.pairs() {
            let [was, is] = [before, after].map(|frame| frame.end(from, to).link.status);
            let is_new = self.current(from, to, step + 1) != self.current(from, to, step);
            let Some(connection) = self.current(from, to, step) else { continue };
            let x = usize::from(action.node);
            let closes = action.choice & choice::CLOSE != 0;
            let is_notice = action.kind == ActionKind::NodeNoticesBreak;
            if was != Status::Down && (is == Status::Down || is_new) && !self.ends_in_order(from, to, step) {
                let in_order = is_notice && before.end(from, to).notice == Notice::Close;
                lines.extend(self.end(connection, from, if in_order { "finished" } else { "reset" }));
            } else if was == Status::Up && is == Status::Broken && action.kind != ActionKind::LinkBreaks {
                lines.extend(self.end(connection, x, if is_notice && closes { "finished" } else { "reset" }));
            }
        }
        lines
    }

    /// The connection that `from` had opened to `to` before a step.
    fn current(&self, from: usize, to: usize, step: usize) -> Option<usize> {
        let mut opened = self.run.connections.iter();
        opened.rposition(|known| (known.opener, known.acceptor) == (from, to) && known.step < step)
    }

    fn ends_in_order(&self, from: usize, to: usize, step: usize) -> bool {
        let mut ends = self.run.messages.iter().filter(|sent| is_end(sent.message));
        ends.any(|sent| (sent.from, sent.to, sent.queued) == (from, to, step))
    }
}

fn name(connection: usize) -> String {
    format!("c{}", connection + 1)
}

fn named(event: &str) -> Line {
    Line { event: event.to_owned(), ..Line::default() }
}

fn record(frame: &Frame, node: usize, peer: usize) -> RecordLine {
    let record = frame.end(node, peer).record;
    RecordLine {
        state: State::name(record.state).to_owned(),
        seq_send: record.seq_send.0,
        seq_next: record.seq_next.0,
        queue: record.queue_head.distance_to(record.seq_send),
        users: u32::from(record.users),
        ..RecordLine::default()
    }
}

/// What a node does, or is told, by itself.
fn local(run: &Run, action: Action, before: &Frame, after: &Frame) -> Option<Line> {
    let (x, y) = (usize::from(action.node), usize::from(action.peer));
    let node = Some(id(x));
    let lockspace = Some(u32::from(action.choice & 1) + 1).filter(|_| run.lockspaces > 0);
    Some(match action.kind {
        ActionKind::ManagerJoins => Line { node, lockspace, ..named("joined") },
        ActionKind::ManagerLeaves => Line { node, lockspace, ..named("left") },
        ActionKind::NodeCrashes => Line { node, ..named("crashed") },
        ActionKind::NodeFences => Line { node, peer: Some(id(y)), ..named("fence") },
        ActionKind::NodeProcessesMember => {
            let [first, second] = before.end(x, y).pending;
            let pending = if action.choice & 1 == 0 { first } else { second };
            let event = if pending == Pending::Add { "add_member" } else { "remove_member" };
            Line { node, peer: Some(id(y)), lockspace, ..named(event) }
        }
        ActionKind::ShutdownRemovesMembers | ActionKind::ShutdownTimesOut
            if before.phase(x) == Phase::Waiting && after.phase(x) != Phase::Waiting =>
        {
            Line { node, ..named("shutdown") }
        }
        _ => return None,
    })
}
