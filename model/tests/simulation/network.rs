//! Connections, and what an observer at a switch between the nodes sees of them (section 8 of `PROTOCOL.md`).

use std::collections::VecDeque;

use midcomms_model::{BareKind, Inner};

use super::choices::Choices;

/// A message as a node hands it to its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Opts { seq: u32, inner: Inner, body: u64 },
    Ack(u32),
    Bare { kind: BareKind, is_reply: bool },
}

/// One transmission of a message. Its index is the observer's label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmission {
    pub(crate) what: What,
    /// Which incarnation of a record wrote it.
    pub(crate) life: u32,
    /// It passed the switch after a reset or after its reader had closed: it may go unread (CAP-3).
    pub(crate) is_doubtful: bool,
    pub(crate) was_seen: bool,
}

/// What the observer sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    Opened { conn: usize, by: usize },
    Finished { conn: usize, by: usize },
    Reset { conn: usize, by: usize },
    Sent { conn: usize, from: usize, label: usize },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame {
    Message(usize),
    Fin,
    Rst,
}

/// How far one end's socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Waiting,
    Open,
    ReadOnly,
    Closed,
}

/// One direction: before the switch, then behind it.
#[derive(Default)]
pub(crate) struct Direction {
    pub(crate) wire: VecDeque<Frame>,
    pub(crate) arrived: VecDeque<Frame>,
    pub(crate) is_cut_before: bool,
    pub(crate) is_cut_behind: bool,
    pub(crate) has_answered: bool,
}

pub(crate) struct Connection {
    pub(crate) opener: usize,
    pub(crate) ends: [End; 2],
    pub(crate) directions: [Direction; 2],
    pub(crate) was_reset: bool,
    pub(crate) has_finished: [bool; 2],
    /// A newer one of the same opener was seen.
    pub(crate) is_superseded: bool,
}

impl Connection {
    /// The observer saw that it broke.
    pub(crate) fn has_sign(&self) -> bool {
        self.was_reset || self.has_finished.contains(&true) || self.is_superseded
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.directions.iter().any(|direction| direction.is_cut_before || direction.is_cut_behind)
    }
}

#[derive(Default)]
pub(crate) struct Network {
    pub(crate) connections: Vec<Connection>,
    pub(crate) transmissions: Vec<Transmission>,
    pub(crate) seen: Vec<Seen>,
}

impl Network {
    pub(crate) fn open(&mut self, opener: usize) -> usize {
        for old in self.connections.iter_mut().filter(|old| old.opener == opener) {
            old.is_superseded = true;
        }
        let mut ends = [End::Waiting; 2];
        ends[opener] = End::Open;
        self.connections.push(Connection {
            opener,
            ends,
            directions: Default::default(),
            was_reset: false,
            has_finished: [false; 2],
            is_superseded: false,
        });
        let conn = self.connections.len() - 1;
        self.seen.push(Seen::Opened { conn, by: opener });
        conn
    }

    pub(crate) fn write(&mut self, conn: usize, from: usize, what: What, life: u32) {
        let label = self.transmissions.len();
        self.transmissions.push(Transmission { what, life, is_doubtful: false, was_seen: false });
        let direction = &mut self.connections[conn].directions[from];
        if !direction.is_cut_before {
            direction.wire.push_back(Frame::Message(label));
        }
    }

    /// What was under way is lost from some point on, in each direction by itself (NET-2).
    pub(crate) fn cut(&mut self, conn: usize, choices: &mut Choices) {
        for direction in &mut self.connections[conn].directions {
            match choices.below(4) {
                0 => {}
                1 => {
                    direction.is_cut_behind = true;
                    let kept = choices.below(direction.arrived.len() + 1);
                    direction.arrived.truncate(kept);
                }
                _ => {
                    direction.is_cut_before = true;
                    let kept = choices.below(direction.wire.len() + 1);
                    direction.wire.truncate(kept);
                }
            }
        }
    }

    /// One frame of `from` passes the switch.
    pub(crate) fn pass(&mut self, conn: usize, from: usize, choices: &mut Choices) {
        let connection = &mut self.connections[conn];
        let Some(frame) = connection.directions[from].wire.pop_front() else { return };
        match frame {
            Frame::Message(label) => {
                let transmission = &mut self.transmissions[label];
                transmission.is_doubtful = connection.was_reset || connection.has_finished[1 - from];
                transmission.was_seen = true;
                self.seen.push(Seen::Sent { conn, from, label });
                self.answer_if_closed(conn, from, choices);
            }
            Frame::Fin => self.show_fin(conn, from),
            Frame::Rst => self.show_rst(conn, from),
        }
        let connection = &mut self.connections[conn];
        let is_closed = connection.ends[1 - from] == End::Closed;
        let direction = &mut connection.directions[from];
        if direction.is_cut_behind || is_closed {
            return;
        }
        if matches!(frame, Frame::Rst) {
            let kept = choices.below(direction.arrived.len() + 1);
            direction.arrived.truncate(kept);
        }
        direction.arrived.push_back(frame);
    }

    fn show_fin(&mut self, conn: usize, by: usize) {
        if !std::mem::replace(&mut self.connections[conn].has_finished[by], true) {
            self.seen.push(Seen::Finished { conn, by });
        }
    }

    pub(crate) fn show_rst(&mut self, conn: usize, by: usize) {
        self.connections[conn].was_reset = true;
        self.seen.push(Seen::Reset { conn, by });
    }

    fn answer_if_closed(&mut self, conn: usize, from: usize, choices: &mut Choices) {
        let connection = &mut self.connections[conn];
        let back = &mut connection.directions[1 - from];
        if connection.ends[1 - from] == End::Closed && !back.has_answered && choices.chance(50) {
            back.has_answered = true;
            back.wire.push_back(Frame::Rst);
        }
    }

    /// `by` ends its side with `frame`; where `at_once`, that overtakes nothing and nothing overtakes it.
    pub(crate) fn end(&mut self, conn: usize, by: usize, frame: Frame, at_once: bool, choices: &mut Choices) {
        let has_unread = !self.connections[conn].directions[1 - by].arrived.is_empty();
        let is_closed = self.connections[conn].ends[by] == End::Closed;
        let frame = if has_unread && is_closed { Frame::Rst } else { frame };
        let direction = &mut self.connections[conn].directions[by];
        if matches!(frame, Frame::Rst) {
            let kept = choices.below(direction.wire.len() + 1);
            direction.wire.truncate(kept);
        }
        let is_cut = direction.is_cut_before;
        if !is_cut {
            direction.wire.push_back(frame);
        }
        if !at_once {
            return;
        }
        while !self.connections[conn].directions[by].wire.is_empty() {
            self.pass(conn, by, choices);
        }
        match frame {
            Frame::Fin if is_cut => self.show_fin(conn, by),
            Frame::Rst if is_cut => self.show_rst(conn, by),
            _ => {}
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.connections.iter().all(|connection| {
            connection.directions.iter().zip([1, 0]).all(|(direction, reader)| {
                let is_read = matches!(connection.ends[reader], End::Closed) || direction.arrived.is_empty();
                direction.wire.is_empty() && is_read
            })
        })
    }
}
