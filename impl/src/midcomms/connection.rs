//! A connection as the core keeps it.

use super::hello::Ids;
use super::input::ConnectionId;
use super::record::{Origin, Speaker};
use crate::wire::Framer;

/// One connection, as long as both ends may use it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) speaker: Speaker,
    pub(super) framer: Framer,
    /// What this node's last hello on it said.
    pub(super) said: Option<Ids>,
    /// A [`Transmit::Write`] is not written yet.
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

/// The one of the two with this id.
pub(super) fn find<'a>(
    ours: &'a mut Option<Connection>,
    theirs: &'a mut Option<Connection>,
    id: ConnectionId,
) -> Option<&'a mut Connection> {
    [ours, theirs].into_iter().flatten().find(|known| known.id() == id)
}
