//! From a connection to the core.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;
use tracing::debug;

use super::config::Transport;
use super::inbox::Inbox;
use super::link::Link;
use crate::midcomms::{ConnectionId, Input};
use crate::wire::whole_messages;

/// What a connection reads at first; most are idle.
const FIRST_READ: usize = 4 * 1024;
/// Reads in a row that bring little before less is made ready: in a busy time one now and then does.
const SMALL_READS: u32 = 16;

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

async fn read_all(link: &Arc<Link>, id: ConnectionId, mut input: OwnedReadHalf) -> io::Result<()> {
    let most = link.shared.limits.read_bytes.max(FIRST_READ);
    let mut want = FIRST_READ;
    let mut small_reads = 0;
    let mut buffer = BytesMut::new();
    loop {
        link.shared.inbox.room().await;
        let room = make_room(&mut buffer, want, &link.shared.inbox);
        let read = read_some(link.shared.transport, &mut input, &mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        small_reads = if read < want / 8 { small_reads + 1 } else { 0 };
        if read == room {
            want = (want * 2).min(most);
        } else if small_reads == SMALL_READS {
            small_reads = 0;
            want = (want / 2).max(FIRST_READ);
        }
        // A half message stays in the buffer, so that its body comes to lie in one piece.
        let chunk = buffer.split_to(whole_messages(&buffer)).freeze();
        if chunk.is_empty() {
            continue;
        }
        let now = link.now();
        let mut core = link.lock();
        core.note_bytes();
        core.peer.handle_input(now, Input::Received(id, chunk));
        link.settle(&mut core);
    }
}

/// Reads what there is, at least one byte, or nothing at the end.
async fn read_some(transport: Transport, input: &mut OwnedReadHalf, buffer: &mut BytesMut) -> io::Result<usize> {
    match transport {
        Transport::Tcp => input.read_buf(buffer).await,
        // SCTP hands out a message at a time. Tokio takes a read that does not fill its buffer for the last one, and waits
        // until more arrives, though there may be more: only an empty socket is one.
        #[cfg(feature = "sctp")]
        Transport::Sctp => loop {
            input.readable().await?;
            match input.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        },
    }
}

/// Sees to it that `want` bytes can be read, or nearly so, and says how many. What is in the buffer stays there.
fn make_room(buffer: &mut BytesMut, want: usize, inbox: &Inbox) -> usize {
    let room = buffer.capacity() - buffer.len();
    if room < want / 4 || room > want * 4 {
        // More than is wanted is what is left of a busy time.
        let mut next = inbox.buffer(want).unwrap_or_else(|| BytesMut::with_capacity(want + buffer.len()));
        next.extend_from_slice(buffer);
        *buffer = next;
    }
    buffer.capacity() - buffer.len()
}
