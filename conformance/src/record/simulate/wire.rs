//! A connection, as a model: two pipes of bytes and what can happen to them.

use std::collections::VecDeque;

use bytes::Bytes;
use fastrand::Rng;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// Pieces under way, each with the time at which it arrives.
    flight: VecDeque<(u64, Bytes)>,
    last_due: u64,
    /// Behind all that, an orderly close.
    is_finished: bool,
    /// What is written now is lost.
    is_cut: bool,
}

/// What arrives.
#[derive(Debug)]
pub(super) enum Arrival {
    Bytes(Bytes),
    Finished,
}

impl Pipe {
    /// Takes what is written, in pieces of at most `read` bytes that arrive at `due` or behind those before.
    pub(super) fn write(&mut self, batch: &[Bytes], read: usize, due: u64) -> u64 {
        self.last_due = self.last_due.max(due);
        if !self.is_cut {
            let mut all = Bytes::from(batch.concat());
            while !all.is_empty() {
                let piece = all.split_to(read.clamp(1, all.len()));
                self.flight.push_back((self.last_due, piece));
            }
        }
        self.last_due
    }

    /// What has arrived by `now`.
    pub(super) fn take(&mut self, now: u64) -> Option<Arrival> {
        if let Some((due, _)) = self.flight.front() {
            let is_due = *due <= now;
            return if is_due { self.flight.pop_front().map(|(_, bytes)| Arrival::Bytes(bytes)) } else { None };
        }
        (core::mem::take(&mut self.is_finished)).then_some(Arrival::Finished)
    }

    /// Nothing follows what is under way. Says when that is over.
    pub(super) fn finish(&mut self, due: u64) -> u64 {
        self.is_finished = !self.is_cut;
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    /// The connection broke: of what is under way the first bytes still arrive, or all, or none.
    pub(super) fn cut(&mut self, rng: &mut Rng) {
        let all: usize = self.flight.iter().map(|(_, piece)| piece.len()).sum();
        let keep = match rng.u8(0..4) {
            0 => 0,
            1 => all,
            _ => rng.usize(0..=all),
        };
        self.cut_at(keep);
    }

    /// Only the first `keep` bytes still arrive.
    pub(super) fn cut_at(&mut self, keep: usize) {
        let mut room = keep;
        for (_, piece) in &mut self.flight {
            piece.truncate(room);
            room -= piece.len();
        }
        self.flight.retain(|(_, piece)| !piece.is_empty());
        self.is_finished = false;
        self.is_cut = true;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// One end: a node in one of its lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) node: u32,
    pub(super) life: u32,
    /// The node has not closed it, nor heard of its end.
    pub(super) is_open: bool,
}

/// Side 0 opened it, side 1 accepts it. The pipe of a side is what that side writes.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) ends: [End; 2],
    pub(super) pipes: [Pipe; 2],
    pub(super) is_accepted: bool,
}

/// A side, and the one across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Opener,
    Acceptor,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Opener, Self::Acceptor];

    pub(super) const fn across(self) -> Self {
        match self {
            Self::Opener => Self::Acceptor,
            Self::Acceptor => Self::Opener,
        }
    }
}

impl Wire {
    pub(super) fn new(opener: End, acceptor: End) -> Self {
        Self { ends: [opener, acceptor], pipes: [Pipe::default(), Pipe::default()], is_accepted: false }
    }

    pub(super) fn end(&self, side: Side) -> End {
        let [opener, acceptor] = self.ends;
        if side == Side::Opener { opener } else { acceptor }
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        let [opener, acceptor] = &mut self.ends;
        if side == Side::Opener { opener } else { acceptor }
    }

    /// What `side` writes.
    pub(super) fn pipe(&mut self, side: Side) -> &mut Pipe {
        let [opener, acceptor] = &mut self.pipes;
        if side == Side::Opener { opener } else { acceptor }
    }

    /// The side on which a node is.
    pub(super) fn side_of(&self, node: u32) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.end(*side).node == node)
    }

    pub(super) fn is_between(&self, a: u32, b: u32) -> bool {
        self.side_of(a).is_some() && self.side_of(b).is_some()
    }
}
