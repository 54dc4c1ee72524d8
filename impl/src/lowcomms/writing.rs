//! Bytes on their way to a connection.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;

use crate::midcomms::ConnectionId;

/// Pieces that one system call takes.
const SLICES: usize = 32;

/// Whole messages on their way to one connection.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) id: ConnectionId,
    pub(crate) output: Arc<OwnedWriteHalf>,
    pub(crate) pieces: Vec<Bytes>,
    /// The first piece that is not written, and how much of it is.
    at: usize,
    offset: usize,
}

impl Writing {
    pub(crate) fn new(id: ConnectionId, output: Arc<OwnedWriteHalf>, pieces: Vec<Bytes>) -> Self {
        Self { id, output, pieces, at: 0, offset: 0 }
    }

    /// Writes what the connection takes; true if nothing is left.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        while self.at < self.pieces.len() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut skip = self.offset;
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(self.pieces.iter().skip(self.at)) {
                *slice = IoSlice::new(piece.get(skip..).unwrap_or_default());
                skip = 0;
                count += 1;
            }
            match self.output.try_write_vectored(slices.get(..count).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.pass(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn pass(&mut self, mut written: usize) {
        while let Some(piece) = self.pieces.get_mut(self.at) {
            let left = piece.len() - self.offset;
            if written < left {
                self.offset += written;
                return;
            }
            written -= left;
            self.offset = 0;
            self.at += 1;
            *piece = Bytes::new();
        }
    }
}
