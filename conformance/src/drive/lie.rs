//! What a test has the driver see instead of what the implementation does: a comparison that cannot fail proves nothing.

use bytes::Bytes;
use midcomms::midcomms::{Event, Snapshot};
use midcomms::wire::Cmd;

/// One falsehood about the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Every ACK says one more.
    AckOneMore,
    /// No message is delivered.
    HidesDeliveries,
    /// The peer's FIN is not told.
    HidesPeerClosing,
    /// One member more than there is.
    OneUserMore,
    /// A message of the send queue is not counted.
    QueueIsOneShort,
    /// The number expected next is that before.
    ExpectsOneLess,
}

impl Lie {
    pub(super) fn hides(self, event: &Event) -> bool {
        match self {
            Lie::HidesDeliveries => matches!(event, Event::Delivered(_)),
            Lie::HidesPeerClosing => matches!(event, Event::PeerClosing),
            _ => false,
        }
    }

    pub(super) fn about(self, bytes: Bytes) -> Bytes {
        let is_plain_ack = bytes.len() == 16 && bytes.get(14) == Some(&Cmd::Ack.to_wire());
        if self != Lie::AckOneMore || !is_plain_ack {
            return bytes;
        }
        let mut bytes = bytes.to_vec();
        if let Some(word) = bytes.get_mut(4..).and_then(<[u8]>::first_chunk_mut) {
            *word = u32::from_le_bytes(*word).wrapping_add(1).to_le_bytes();
        }
        Bytes::from(bytes)
    }

    pub(super) fn on(self, mut record: Snapshot) -> Snapshot {
        match self {
            Lie::OneUserMore => record.users += 1,
            Lie::QueueIsOneShort => record.queue = record.queue.saturating_sub(1),
            Lie::ExpectsOneLess => record.seq_next.0 = record.seq_next.0.saturating_sub(1),
            _ => {}
        }
        record
    }
}
