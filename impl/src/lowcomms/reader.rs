//! From a connection to the core.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;
use tracing::debug;

use super::link::Link;
use crate::midcomms::{ConnectionId, Input};

/// What a connection reads at first; most are idle.
const FIRST_READ: usize = 4 * 1024;

/// Reports the end of its connection even if the task panics.
struct Guard {
    link: Arc<Link>,
    id: ConnectionId,
    input: Option<Input>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(input) = self.input.take() {
            self.link.ended(self.id, input);
        }
    }
}

/// Reads until the connection ends.
pub(crate) async fn read(link: Arc<Link>, id: ConnectionId, input: OwnedReadHalf) {
    let mut guard = Guard { link: Arc::clone(&link), id, input: Some(Input::Broken(id)) };
    let end = read_all(&link, id, input).await;
    debug!(peer = %link.peer, connection = %id, ?end, "ended");
    guard.input = Some(if end.is_ok() { Input::Finished(id) } else { Input::Broken(id) });
}

async fn read_all(link: &Arc<Link>, id: ConnectionId, mut input: OwnedReadHalf) -> std::io::Result<()> {
    let most = link.shared.limits.read_bytes.max(FIRST_READ);
    let mut want = FIRST_READ;
    let mut buffer = BytesMut::new();
    loop {
        link.shared.inbox.room().await;
        if buffer.capacity() < want / 4 {
            buffer.reserve(want);
        } else if buffer.capacity() > want * 4 {
            buffer = BytesMut::with_capacity(want); // busy once, idle now
        }
        let room = buffer.capacity();
        let read = input.read_buf(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        want = match read {
            _ if read == room => (want * 2).min(most),
            _ if read < want / 8 => (want / 2).max(FIRST_READ),
            _ => want,
        };
        let chunk = buffer.split().freeze();
        let now = link.now();
        let mut core = link.lock();
        core.note_bytes();
        core.peer.handle_input(now, Input::Received(id, chunk));
        link.settle(&mut core);
    }
}
