//! A model of sockets: two pipes of bytes for each connection, and everything that can happen to them.

use std::collections::VecDeque;

use bytes::Bytes;

/// A small generator of random numbers (splitmix64): the same for the same seed, everywhere.
#[derive(Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to and with `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.next() % most.saturating_add(1).max(1)
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.up_to(99) < chance
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// Pieces under way, each with the time at which it arrives.
    pub(crate) flight: VecDeque<(u64, Bytes)>,
    pub(crate) flight_bytes: usize,
    /// What the writer still has: its write is not complete.
    pub(crate) waiting: VecDeque<Bytes>,
    pub(crate) last_due: u64,
    /// When its reader is to be woken.
    pub(crate) wakes_at: Option<u64>,
    /// Behind all that, an orderly close.
    pub(crate) fin: bool,
    /// What is written now is lost.
    pub(crate) is_cut: bool,
}

impl Pipe {
    /// Only the first `keep` bytes of what is under way arrive, and nothing that is written later.
    pub(crate) fn cut(&mut self, keep: usize) {
        let mut room = keep;
        for (_, piece) in &mut self.flight {
            piece.truncate(room);
            room -= piece.len();
        }
        self.flight.retain(|(_, piece)| !piece.is_empty());
        self.flight_bytes = self.flight.iter().map(|(_, piece)| piece.len()).sum();
        self.waiting.clear();
        self.fin = false;
        self.is_cut = true;
    }

    /// Moves what fits from the writer to the way, in pieces of at most `read` bytes that arrive at `due`.
    pub(crate) fn pump(&mut self, capacity: usize, read: usize, due: u64) -> bool {
        let mut moved = false;
        while self.flight_bytes < capacity
            && let Some(mut piece) = self.waiting.pop_front()
        {
            let take = piece.len().min(read).min(capacity - self.flight_bytes);
            let front = piece.split_to(take);
            if !piece.is_empty() {
                self.waiting.push_front(piece);
            }
            self.flight_bytes += take;
            self.last_due = self.last_due.max(due);
            self.flight.push_back((self.last_due, front));
            moved = true;
        }
        moved
    }

    /// What has arrived by `now`: neighbouring pieces as one read of at most `read` bytes.
    pub(crate) fn take_due(&mut self, now: u64, read: usize) -> Option<Bytes> {
        let (due, first) = self.flight.front()?;
        if *due > now {
            return None;
        }
        let mut out = first.to_vec();
        self.flight.pop_front();
        while let Some((due, piece)) = self.flight.front()
            && *due <= now
            && out.len() + piece.len() <= read
        {
            out.extend_from_slice(piece);
            self.flight.pop_front();
        }
        self.flight_bytes -= out.len();
        Some(Bytes::from(out))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_empty() && self.waiting.is_empty()
    }
}

/// One end: a node in one of its lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) node: usize,
    pub(crate) life: u32,
    /// The node has not closed it, nor heard of its end.
    pub(crate) is_open: bool,
    /// A write is not complete, and its node has to be told when it is.
    pub(crate) is_writing: bool,
}

/// Side 0 opened it, side 1 accepts it. `pipes[side]` is what `side` writes.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) ends: [End; 2],
    pub(crate) pipes: [Pipe; 2],
    pub(crate) is_accepted: bool,
}
