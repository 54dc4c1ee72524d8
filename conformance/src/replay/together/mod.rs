//! Several recordings of one run: each judged by itself, and what they say of each other.
//!
//! - `party`: the sides: nodes that recorded themselves.
//! - `wire`: the side of a capture.
//! - `streams`: what was written to a connection against what was read from it (RUN-1).
//! - `lives`: what an incarnation sent against what the other accepted and acknowledged (RUN-2, RUN-3).
//! - `files`: from files to sides.
//! - `identity`: when two messages are the same.
//!
//! No clock is needed: whatever is read or believed at one side before the other was read as far has to wait for it, and
//! the side that is waited for is read first. So memory is bounded by what is under way between the nodes.

mod files;
mod identity;
mod lives;
mod party;
mod streams;
mod wire;

use std::io::Read;

use midcomms_model::Refusal;

use super::own::rejection;
use super::report::{BetweenReport, Verdict};
use super::{FileReport, NoDeliveries, ReplayOptions, Session};
use crate::capture::CaptureReader;
use crate::native::feed::At;
use crate::native::{HeadError, LineError};
pub use files::{TogetherError, replay_run};
use identity::Kept;
use lives::Lives;
use party::{Fact, Means, Native, by_node};
use streams::Streams;
use wire::Wire;

/// Events that are read of one side before it is asked who has to be read next.
const BATCH: usize = 64;

/// What came of a run: a report for each side, and what could not be read of it.
pub type Together = Vec<(FileReport, Vec<LineError>)>;

/// Judges the native traces of several nodes, and a capture between them, if there is one.
///
/// # Errors
/// The name of a trace whose head cannot be read, and why. Traces of several nodes in one file are not taken.
pub fn replay_together<R: Read>(
    inputs: Vec<(String, R)>,
    capture: Option<(String, CaptureReader)>,
    options: &ReplayOptions,
) -> Result<Together, (String, HeadError)> {
    let nodes = by_node(inputs)?;
    let kept =
        |files: &party::Files<R>| Kept::named(files.readers.front().and_then(|file| file.head.bodies.as_deref()));
    let common = nodes.iter().map(kept).fold(Kept::Full, Kept::common);
    let heads: Vec<_> = nodes.iter().filter_map(|files| files.readers.front()).map(|file| file.head.clone()).collect();
    let each: Vec<_> = heads.iter().map(|head| Session::options(options, head)).collect();
    let mut nobody: Vec<_> = heads.iter().map(|_| NoDeliveries).collect();
    let mut sides = Vec::new();
    for ((files, head), (options, sink)) in nodes.into_iter().zip(&heads).zip(each.iter().zip(&mut nobody)) {
        let session = Session::new(files.name, head, options, sink);
        sides.push(Native::new(files.node, files.readers, session, common));
    }
    std::thread::scope(|scope| {
        let wire = capture.map(|(name, reader)| Wire::new(scope, name, reader, options, common));
        let run = Run { natives: sides, wire, between: Vec::new(), holes: Vec::new() };
        Ok(run.judge(common))
    })
}

/// One of the sides, by its index; the capture is behind the nodes.
type Side = usize;

/// Two sides, and a direction between two nodes.
struct Between {
    writer: Side,
    reader: Side,
    from: u32,
    to: u32,
    streams: Streams,
    /// Of two nodes that recorded themselves.
    lives: Option<Lives>,
    refused: Option<(Side, At, Refusal)>,
}

struct Run<'a, 'scope, R> {
    natives: Vec<Native<'a, R>>,
    wire: Option<Wire<'scope>>,
    between: Vec<Between>,
    /// What is missing at a side: of a pair, or nobody knows of whom.
    holes: Vec<(Side, Option<(u32, u32)>)>,
}

impl<R: Read> Run<'_, '_, R> {
    fn judge(mut self, common: Kept) -> Together {
        let mut turns = vec![0_u64; self.natives.len() + 1];
        while let Some(side) = self.next_side(&turns) {
            if let Some(turns) = turns.get_mut(side) {
                *turns += 1;
            }
            for _ in 0..BATCH {
                let (fact, is_done) = match self.natives.get_mut(side) {
                    Some(native) => (native.step(), native.is_done),
                    None => self.wire.as_mut().map_or((None, true), |wire| (wire.step(), wire.is_done)),
                };
                if let Some(fact) = fact {
                    self.take(side, fact);
                }
                if is_done {
                    break;
                }
            }
        }
        self.finish(common)
    }

    fn is_done(&self, side: Side) -> bool {
        match self.natives.get(side) {
            Some(native) => native.is_done,
            None => self.wire.as_ref().is_none_or(|wire| wire.is_done),
        }
    }

    /// Who has to be read next: somebody who is waited for, or else the one that was read least.
    fn next_side(&self, turns: &[u64]) -> Option<Side> {
        let awaited = self.between.iter().find_map(|between| {
            let lives = between.lives.as_ref();
            let awaits_writer = between.streams.is_ahead() || lives.is_some_and(Lives::awaits_sender);
            let awaits_reader = lives.is_some_and(Lives::awaits_receiver);
            if awaits_writer && !self.is_done(between.writer) {
                return Some(between.writer);
            }
            (awaits_reader && !self.is_done(between.reader)).then_some(between.reader)
        });
        awaited.or_else(|| {
            let open = (0..turns.len()).filter(|side| !self.is_done(*side));
            open.min_by_key(|side| turns.get(*side).copied().unwrap_or_default())
        })
    }

    /// Whether a side has what `from` wrote, and what `to` read.
    fn has(&self, side: Side, node: u32) -> bool {
        self.natives.get(side).map_or(self.wire.is_some(), |native| native.node == node)
    }

    /// All pairs of sides between which this direction can be compared, with this side among them.
    fn make(&mut self, side: Side, from: u32, to: u32) {
        let sides = self.natives.len() + usize::from(self.wire.is_some());
        for other in (0..sides).filter(|other| *other != side) {
            for (writer, reader) in [(side, other), (other, side)] {
                let is_known =
                    |known: &Between| (known.writer, known.reader, known.from, known.to) == (writer, reader, from, to);
                if self.has(writer, from) && self.has(reader, to) && !self.between.iter().any(is_known) {
                    let are_nodes = writer.max(reader) < self.natives.len();
                    let (streams, mut lives) = (Streams::default(), are_nodes.then(Lives::default));
                    let is_ours = |pair: (u32, u32)| pair == (from, to) || pair == (to, from);
                    let is_cut = |(at, pair): &(Side, Option<(u32, u32)>)| {
                        (*at == writer || *at == reader) && pair.is_none_or(is_ours)
                    };
                    if self.holes.iter().any(is_cut) {
                        lives.iter_mut().for_each(Lives::hole);
                    }
                    self.between.push(Between { writer, reader, from, to, streams, lives, refused: None });
                }
            }
        }
    }

    fn take(&mut self, side: Side, fact: Fact) {
        if let Fact::Opened { opener, acceptor, .. } = fact {
            self.make(side, opener, acceptor);
            self.make(side, acceptor, opener);
        }
        if let Fact::Hole(pair) = fact
            && !self.holes.contains(&(side, pair))
        {
            self.holes.push((side, pair));
        }
        for between in self.between.iter_mut().filter(|between| between.refused.is_none()) {
            between.take(side, fact);
        }
    }

    fn finish(mut self, common: Kept) -> Together {
        let mut whole: Vec<_> = self.natives.iter_mut().map(Native::is_whole).collect();
        whole.push(false); // a capture may end before its nodes do
        for between in self.between.iter_mut().filter(|between| between.refused.is_none()) {
            let is_whole = |side: Side| whole.get(side).copied().unwrap_or(false);
            between.finish(is_whole(between.writer), is_whole(between.reader));
        }
        let names: Vec<u32> = self.natives.iter().map(|native| native.node).collect();
        let mut reports: Together = self.natives.into_iter().map(Native::finish).collect();
        reports.extend(self.wire.map(|wire| (wire.finish(), Vec::new())));
        for between in self.between {
            between.report(&names, common, &mut reports);
        }
        reports
    }
}

impl Between {
    fn take(&mut self, side: Side, fact: Fact) {
        let (writes, reads) = (side == self.writer, side == self.reader);
        if !writes && !reads {
            return;
        }
        let is_ours = |one: u32, other: u32| [(one, other), (other, one)].contains(&(self.from, self.to));
        let is_it = |from: u32, to: u32| (from, to) == (self.from, self.to);
        let taken = match fact {
            Fact::Opened { conn, opener, acceptor } if is_ours(opener, acceptor) => {
                if writes {
                    self.streams.opened_by_writer(conn, opener);
                } else {
                    self.streams.opened_by_reader(conn, opener);
                }
                Ok(())
            }
            Fact::Ended { conn, one, other } if is_ours(one, other) => {
                if writes {
                    self.streams.ended_by_writer(conn)
                } else {
                    self.streams.ended_by_reader(conn);
                    Ok(())
                }
            }
            Fact::Wrote { conn, from, to, message, fresh } if is_it(from, to) && writes => {
                let sent = self.lives.as_mut().zip(fresh);
                let sent = sent.map_or(Ok(()), |(lives, (life, seq))| lives.sent(life, seq, message));
                sent.and_then(|()| self.streams.wrote(conn, message))
            }
            Fact::Read { conn, from, to, message, at, means } if is_it(from, to) && reads => {
                let accepted = match (&mut self.lives, means) {
                    (Some(lives), Means::Accepted(life, seq)) => lives.accepted(life, seq, message, at),
                    _ => Ok(()),
                };
                accepted.and_then(|()| self.streams.read(conn, message, at))
            }
            // What the sender of this direction reads of its ACKs.
            Fact::Read { from, to, at, means: Means::Acknowledges(life, number), .. } if is_it(to, from) && writes => {
                if let Some(lives) = &mut self.lives {
                    lives.believed(life, number, at);
                }
                Ok(())
            }
            Fact::Hole(pair) if pair.is_none_or(|(one, other)| is_ours(one, other)) => {
                self.streams.hole();
                self.lives.iter_mut().for_each(Lives::hole);
                Ok(())
            }
            Fact::HoleIn { conn, from, to } if is_it(from, to) && reads => {
                self.streams.hole_in(conn);
                Ok(())
            }
            Fact::HoleIn { from, to, .. } if is_it(from, to) => {
                self.streams.hole();
                Ok(())
            }
            _ => Ok(()),
        };
        self.note(taken);
    }

    fn note(&mut self, taken: Result<(), (At, Refusal)>) {
        if let Err((at, refusal)) = taken {
            // An acknowledgement that was believed is in the file of the sender.
            let side = if refusal.rule == midcomms_model::rule::RUN_3 { self.writer } else { self.reader };
            self.refused = Some((side, at, refusal));
        }
    }

    fn finish(&mut self, is_writer_whole: bool, is_reader_whole: bool) {
        let lives = self.lives.as_mut().map_or(Ok(()), |lives| lives.finish(is_writer_whole, is_reader_whole));
        let finished = lives.and_then(|()| self.streams.finish(is_writer_whole));
        self.note(finished);
    }

    /// Puts what came out into the report of the reader's file, and a rejection where its line is.
    fn report(self, names: &[u32], common: Kept, reports: &mut Together) {
        let name = |side: Side| names.get(side).map_or("the capture".to_owned(), |node| format!("node {node}"));
        let found = BetweenReport {
            written_by: name(self.writer),
            read_by: name(self.reader),
            from: self.from,
            to: self.to,
            messages: self.streams.compared,
            delivered: self.lives.as_ref().map(|lives| lives.delivered),
            uncompared: self.streams.uncompared + self.lives.as_ref().map_or(0, |lives| lives.uncompared),
            are_bodies_compared: common != Kept::None,
            rejection: None,
        };
        let side = self.refused.as_ref().map_or(self.reader, |(side, ..)| *side);
        let Some((report, _)) = reports.get_mut(side) else { return };
        let refused = self.refused.map(|(_, at, refusal)| {
            let message = format!("node {} read it from node {}", self.to, self.from);
            rejection(at, (self.from, self.to), message, refusal)
        });
        if refused.is_some() {
            report.verdict = Some(Verdict::Rejected);
        }
        report.between.push(BetweenReport { rejection: refused, ..found });
    }
}
