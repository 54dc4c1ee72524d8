//! A connection to the peer.

use crate::midcomms::hello::Ids;
use crate::midcomms::input::ConnectionId;
use crate::midcomms::record::{Origin, Speaker};
use crate::wire::Framer;

/// One connection, as long as both ends may use it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) speaker: Speaker,
    pub(super) framer: Framer,
    /// What this node's last hello on it said.
    pub(super) said: Option<Ids>,
    /// What `Transmit::Write` has handed out is not written yet.
    pub(super) is_writing: bool,
    /// How many there were before it.
    pub(super) order: u64,
}

impl Connection {
    pub(super) fn new(connection: ConnectionId, order: u64) -> Self {
        let speaker = Speaker { connection, origin: Origin::Unknown, told: 0 };
        Self { speaker, framer: Framer::new(), said: None, is_writing: false, order }
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.speaker.connection
    }
}
