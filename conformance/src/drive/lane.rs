//! What one node has for another: the model's messages, each with the implementation's bytes.

use bytes::Bytes;
use midcomms::midcomms::{ConnectionId, Ids};
use midcomms::wire::Seq;
use midcomms_model::system::wire::Msg;

/// A message under way or waiting: one of the model's, and what the implementation wrote for it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Tells it from the others of its lane.
    pub(super) tag: u32,
    pub(super) msg: Msg,
    /// From and for which incarnations it is.
    pub(super) ids: Ids,
    /// Its number as the implementation counts.
    pub(super) seq: Seq,
    /// What the implementation wrote; none while a reservation holds it back.
    pub(super) bytes: Option<Bytes>,
}

/// One direction between two nodes, with what both sides know of the connection that carries it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// As the model's fifo: written and not read, then waiting.
    pub(super) items: Vec<Item>,
    /// Read from a replaced connection, and not handled (NET-5).
    pub(super) stale: Vec<Item>,
    /// What was queued in the action at hand, and the place among it of what was found to be written.
    pub(super) queued: Vec<Item>,
    tags: u32,
    /// The connection that the sender wrote to last, and whether it is one that the receiver opened.
    pub(super) output: Option<ConnectionId>,
    pub(super) is_shared: bool,
    /// What the sender's last hello on it said.
    pub(super) said: Option<Ids>,
    /// Numbers that the sender has written in this incarnation: up to here.
    pub(super) written_to: Option<Seq>,
    /// The connection on which the receiver gets it, and whether a node of 3.1 writes to it.
    pub(super) input: Option<(ConnectionId, bool)>,
    /// What the last hello that the receiver got on it said.
    pub(super) heard: Option<Ids>,
}

impl Lane {
    /// A message was queued at `index`.
    pub(super) fn queue(&mut self, index: usize, msg: Msg, ids: Ids, seq: Seq) {
        self.tags = self.tags.wrapping_add(1);
        let item = Item { tag: self.tags, msg, ids, seq, bytes: None };
        self.queued.push(item.clone());
        self.items.insert(index.min(self.items.len()), item);
    }

    /// The message at `index` is lost.
    pub(super) fn lose(&mut self, index: usize) {
        if index < self.items.len() {
            self.items.remove(index);
        }
    }

    /// Takes the oldest message off.
    pub(super) fn pop(&mut self) -> Option<Item> {
        (!self.items.is_empty()).then(|| self.items.remove(0))
    }

    /// The oldest message is read and put by.
    pub(super) fn delay(&mut self) {
        if let Some(item) = self.pop() {
            self.stale.push(item);
        }
    }

    /// The bytes of the message with this tag are known.
    pub(super) fn fill(&mut self, tag: u32, bytes: &Bytes) {
        for item in self.items.iter_mut().chain(&mut self.stale) {
            if item.tag == tag {
                item.bytes = Some(bytes.clone());
            }
        }
    }

    /// Whether the model's output is what this lane holds.
    pub(super) fn mirrors(&self, fifo: &[Msg]) -> bool {
        let seen = |msg: Msg| (msg.kind(), msg.number(), msg.source(), msg.destination());
        self.items.len() == fifo.len() && self.items.iter().zip(fifo).all(|(item, msg)| seen(item.msg) == seen(*msg))
    }
}
