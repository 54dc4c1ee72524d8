//! A node of version 3.1, as a script: everything goes bare, nothing is numbered, acknowledged or sent again (SND-3).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use midcomms::midcomms::{ConnectionId, Delivery, Event, Input, Kind, Time, Transmit};
use midcomms::wire::{
    Body, Cmd, EncodeError, Framer, HEADER_LEN, Inner, LockspaceId, Message, Msg, NodeId, Rcom, RcomType, Sender,
    Version,
};

/// How often STATUS is asked until it is answered (SND-2).
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A connection, and what it is cut into messages with.
#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    framer: Framer,
    is_writing: bool,
}

/// What a node of 3.1 does with one peer.
#[derive(Debug)]
pub(super) struct OldPeer {
    sender: Sender,
    lockspace: LockspaceId,
    /// NET-1: the connection that this node opened, and the one that the peer did.
    ours: Option<Connection>,
    theirs: Option<Connection>,
    output: VecDeque<Bytes>,
    closes: Vec<ConnectionId>,
    events: Vec<Event>,
    is_opening: bool,
    asks_at: Option<Time>,
}

impl OldPeer {
    pub(super) fn new(node: NodeId) -> Self {
        Self {
            sender: Sender { version: Version::V3_1, nodeid: node },
            lockspace: LockspaceId(0),
            ours: None,
            theirs: None,
            output: VecDeque::new(),
            closes: Vec::new(),
            events: Vec::new(),
            is_opening: false,
            asks_at: None,
        }
    }

    pub(super) fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::AddMember(lockspace) => {
                self.lockspace = lockspace;
                self.ask(now);
            }
            Input::Opened(id) | Input::Accepted(id) => self.begin(id, matches!(input, Input::Opened(_))),
            Input::OpenFailed => self.is_opening = false,
            Input::Received(id, chunk) => self.receive(id, &chunk),
            Input::Written(id) => self.written(id),
            Input::Finished(id) | Input::Broken(id) => self.end(id),
            Input::Timeout if self.asks_at.is_some_and(|at| at <= now) => self.ask(now),
            Input::Timeout | Input::RemoveMember(_) | Input::Shutdown | Input::Fence => {}
        }
    }

    fn begin(&mut self, id: ConnectionId, is_ours: bool) {
        self.is_opening &= !is_ours;
        let slot = if is_ours { &mut self.ours } else { &mut self.theirs };
        let replaced = slot.replace(Connection { id, framer: Framer::new(), is_writing: false });
        self.closes.extend(replaced.map(|old| old.id));
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        [&mut self.ours, &mut self.theirs].into_iter().flatten().find(|known| known.id == id)
    }

    fn written(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection(id) {
            connection.is_writing = false;
        }
    }

    fn end(&mut self, id: ConnectionId) {
        for slot in [&mut self.ours, &mut self.theirs] {
            let ended = slot.take_if(|known| known.id == id);
            self.closes.extend(ended.map(|known| known.id));
        }
    }

    fn ask(&mut self, now: Time) {
        self.asks_at = Some(now.after(ASK_EVERY));
        self.rcom(RcomType::Status, 1, 0);
    }

    fn rcom(&mut self, kind: RcomType, seq: u64, seq_reply: u64) {
        let rcom = Rcom { code: kind.to_wire(), result: 0, id: 1, seq, seq_reply, payload: &[0; 16] };
        let inner = Inner::rcom(self.sender, self.lockspace, rcom);
        self.output.extend(encoded(inner));
    }

    /// Sends a MSG of which this is all that stands behind its header.
    pub(super) fn send(&mut self, body: &[u8]) -> bool {
        let Some((fixed, block)) = body.split_first_chunk() else { return false };
        let message = encoded(Inner::msg(self.sender, self.lockspace, Msg::new(fixed, block)));
        self.output.extend(message.clone());
        message.is_some()
    }

    fn receive(&mut self, id: ConnectionId, chunk: &Bytes) {
        let mut messages = Vec::new();
        if let Some(connection) = self.connection(id) {
            let mut frames = connection.framer.frames(chunk);
            while let Some(Ok(frame)) = frames.next_frame() {
                messages.push(frame.bytes.to_vec());
            }
        }
        messages.iter().for_each(|message| self.handle(message));
    }

    /// It knows no envelope and no ACK, and so no hello.
    fn handle(&mut self, message: &[u8]) {
        let Ok(Message::Bare(inner)) = midcomms::wire::decode(message) else { return };
        let rcom = match inner.body() {
            Body::Rcom(rcom) => rcom.kind().map(|kind| (kind, rcom.seq)),
            _ => None,
        };
        match rcom {
            Some((RcomType::Status, seq)) => self.rcom(RcomType::StatusReply, 0, seq),
            Some((RcomType::StatusReply, _)) => self.asks_at = None,
            _ => self.events.push(Event::Delivered(Delivery {
                seq: None,
                kind: if inner.cmd() == Cmd::Msg { Kind::Msg } else { Kind::Rcom },
                lockspace: inner.lockspace().unwrap_or_default(),
                body: Bytes::copy_from_slice(message.get(HEADER_LEN..).unwrap_or_default()),
            })),
        }
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events)
    }

    pub(super) fn poll_transmit(&mut self, _: Time, batch: &mut Vec<Bytes>) -> Option<Transmit> {
        if let Some(id) = self.closes.pop() {
            return Some(Transmit::Close(id));
        }
        if self.output.is_empty() || self.is_opening {
            return None;
        }
        let Some(connection) = self.ours.as_mut().or(self.theirs.as_mut()) else {
            self.is_opening = true;
            return Some(Transmit::Open);
        };
        if core::mem::replace(&mut connection.is_writing, true) {
            return None;
        }
        batch.extend(self.output.drain(..));
        Some(Transmit::Write(connection.id))
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.asks_at
    }
}

fn encoded(inner: Result<Inner<'_>, EncodeError>) -> Option<Bytes> {
    let mut bytes = Vec::new();
    Message::from(inner.ok()?).encode_into(&mut bytes);
    Some(Bytes::from(bytes))
}
