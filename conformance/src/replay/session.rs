//! The replay of a native trace, event by event.

use midcomms_model::own::{Outcome, Told as OwnTold};
use midcomms_model::{Revision, RevisionSet, State};

use super::own::{Facts, OwnReplays};
use super::report::Rejection;
use super::translate::translate;
use super::{DeliverySink, FileReport, Replay, ReplayOptions, StallReport, Verdict};
use crate::capture::{CaptureSummary, ConnId, TransportEvent};
use crate::messages::Seen;
use crate::native::encode::claimed_length;
use crate::native::event::{Event, Happened, Local, Name, Spoken, Told};
use crate::native::feed::{At, Feed};
use crate::native::line::Head;
use crate::native::{LineError, NativeReader, Tally};

/// Damaged places that are told each; the others are counted.
const MAX_TOLD: usize = 8;
/// The longest message, in bytes.
const MAX_MESSAGE_LEN: usize = 4096;

/// What the head says of revisions, where the caller says nothing.
pub(super) fn with_head(options: &ReplayOptions, head: &Head) -> ReplayOptions {
    let mut options = options.clone();
    if options.default_revisions != RevisionSet::any() {
        return options;
    }
    for node in &head.nodes {
        let revision = node.revision.as_ref().and_then(|name| name.parse::<Revision>().ok());
        if let Some(revision) = revision {
            options.revisions.entry(node.id).or_insert(RevisionSet::only(revision));
        }
    }
    options
}

/// A native trace while it is judged.
pub struct Session<'a> {
    name: String,
    head: Head,
    feed: Feed,
    replay: Replay<'a>,
    owns: OwnReplays,
    errors: Vec<LineError>,
    /// What the finished files of the trace counted.
    before: Tally,
    frames: u64,
    told: u64,
}

impl<'a> Session<'a> {
    /// `options` are those that [`Session::options`] made of the head.
    pub fn new(name: String, head: &Head, options: &'a ReplayOptions, deliveries: &'a mut dyn DeliverySink) -> Self {
        let is_followed = |id: u32| {
            let revisions = options.revisions.get(&id).copied().unwrap_or(options.default_revisions);
            revisions == RevisionSet::only(Revision::Hardened)
        };
        let nodes: Vec<u32> =
            head.nodes.iter().filter(|node| node.recorded && is_followed(node.id)).map(|node| node.id).collect();
        let feed = Feed::new(head.clone());
        let mut replay = Replay::new(options, deliveries);
        nodes.iter().for_each(|node| replay.follow(feed.address(*node)));
        Self {
            name,
            head: head.clone(),
            feed,
            replay,
            owns: OwnReplays::new(nodes, head.file.is_none_or(|number| number == 1)),
            errors: Vec::new(),
            before: Tally::default(),
            frames: 0,
            told: 0,
        }
    }

    /// The options, with what the head of a trace says of its nodes.
    pub fn options(options: &ReplayOptions, head: &Head) -> ReplayOptions {
        with_head(options, head)
    }

    /// Takes the next event.
    #[inline]
    pub fn take(&mut self, event: &Event<'_>) {
        let at = event.at;
        let taken = match &event.what {
            Happened::Written(told) => self.message(told, at, None),
            Happened::Read(told, outcome) => self.message(told, at, Some(*outcome)),
            other => self.other(other, at),
        };
        if let Err(reason) = taken {
            self.damage(at, crate::native::Place::Line(at.line), reason, None);
        }
    }

    fn other(&mut self, what: &Happened<'_>, at: At) -> Result<(), String> {
        match what {
            Happened::Opened { name, ends, is_new, spoken } => self.opened(name, *ends, (*is_new, *spoken), at)?,
            Happened::Ended { name, by, ends, is_reset } => {
                if !self.feed.knows(name) {
                    let ends = ends.ok_or("its connection was not opened: `to` is missing")?;
                    self.opened(name, ends, (false, Spoken::default()), at)?;
                }
                let Self { feed, replay, owns, .. } = self;
                let (conn, _) = feed.end(name, *by)?;
                if let Some(pair) = feed.ends(name).and_then(|ends| owns.followed(ends))
                    && let Some(own) = owns.of(pair.0, pair.1, false)
                {
                    own.told(at, OwnTold::Ended(midcomms_model::Conn(conn.0)));
                }
                feed.finish(name, *by, *is_reset, at, &mut |observed| replay.observe(&observed))?;
            }
            Happened::Local { node, peer, .. } if !self.may_tell(*node, *peer) => return Err(nothing_to_tell(*node)),
            Happened::Local { node, peer, what } => self.local(*node, *peer, *what, at),
            Happened::Standing { node, peer, .. } if !self.may_tell(*node, Some(*peer)) => {
                return Err(nothing_to_tell(*node));
            }
            Happened::Standing { node, peer, standing } => {
                if standing.snapshot.state != State::Closed {
                    self.feed.begin_late((*node, *peer));
                }
                if let Some(own) = self.owns.of(*node, *peer, false) {
                    own.stands(at, standing);
                }
            }
            Happened::Lost(pair) => self.hole(*pair, at),
            Happened::Damage { pair, place, reason } => {
                self.tell(*place, reason.clone());
                self.hole(*pair, at);
            }
            Happened::Written(_) | Happened::Read(..) | Happened::Nothing => {}
        }
        Ok(())
    }

    fn may_tell(&self, node: u32, peer: Option<u32>) -> bool {
        self.feed.is_recorded(node) == Some(true) && peer != Some(node)
    }

    /// `begun`: whether it was opened now, and what was said on it before.
    fn opened(&mut self, name: &Name, ends: (u32, u32), begun: (bool, Spoken), at: At) -> Result<(), String> {
        let (is_new, Spoken { said, heard }) = begun;
        let Self { feed, replay, owns, .. } = self;
        if is_new || !feed.knows(name) {
            feed.open(name, ends, is_new, at, &mut |observed| replay.observe(&observed))?;
        }
        let conn = feed.id(name).map(|id| midcomms_model::Conn(id.0));
        if let (Some((node, peer)), Some(conn)) = (owns.followed(ends), conn)
            && let Some(own) = owns.of(node, peer, is_new)
        {
            let is_ours = ends.0 == node;
            let stands = OwnTold::Stands { conn, is_ours, said, heard };
            own.told(at, if is_new { OwnTold::Opened { conn, is_ours } } else { stands });
        }
        Ok(())
    }

    fn local(&mut self, node: u32, peer: Option<u32>, what: Local, at: At) {
        let told = match what {
            Local::AddMember(lockspace) => OwnTold::AddMember(lockspace),
            Local::RemoveMember(lockspace) => OwnTold::RemoveMember(lockspace),
            Local::Fence => OwnTold::Fence,
            Local::Shutdown => OwnTold::Shutdown,
            Local::Record(snapshot) => OwnTold::Record(snapshot),
            Local::RecordWithoutId => return self.owns.give_up(node),
        };
        match peer {
            Some(peer) => {
                if let Some(own) = self.owns.of(node, peer, true) {
                    own.told(at, told);
                }
            }
            // A shutdown of the node as a whole: which of its records it closes is not told.
            None => self.owns.give_up(node),
        }
    }

    /// `outcome`: of one that was read.
    #[inline]
    fn message(&mut self, told: &Told<'_>, at: At, outcome: Option<Option<Outcome>>) -> Result<(), String> {
        let is_written = outcome.is_none();
        let is_recorded = match self.feed.is_recorded(told.from) {
            None if is_written => return Err(format!("node {} is not in the head", told.from)),
            known => known.unwrap_or(false),
        };
        if !self.feed.knows(&told.name) {
            let Self { feed, replay, .. } = self;
            let to = told.to.ok_or("its connection was not opened: `to` is missing")?;
            feed.open(&told.name, (told.from, to), false, at, &mut |observed| replay.observe(&observed))?;
        }
        let (conn, direction, to) = self.feed.end_of(&told.name, told.from)?;
        if let Some(other) = told.to.filter(|other| *other != to) {
            return Err(format!("node {other} is no end of the connection, which is between {} and {to}", told.from));
        }
        let counts = is_recorded == is_written;
        let followed = self.owns.followed((told.from, to));
        if !counts && followed.is_none() {
            return Ok(());
        }
        if claimed_length(told.bytes) != told.bytes.len() || told.bytes.len() > MAX_MESSAGE_LEN {
            let event = TransportEvent::Data(direction, told.bytes);
            if counts {
                self.replay.observe(&Feed::observed(at, conn, event));
            }
            return Ok(());
        }
        let translated = translate(told.bytes);
        if let Some((node, peer)) = followed
            && let Some(own) = self.owns.of(node, peer, false)
        {
            match outcome {
                None if told.from == node => own.wrote(at, conn, told.bytes, &translated),
                Some(Some(outcome)) if to == node => own.read(at, conn, told.bytes, &translated, outcome),
                _ => own.lost(),
            }
        }
        if counts {
            let (frame, time) = (at.frame(), at.time);
            let seen = Seen { frame, first_frame: frame, time, conn, direction, bytes: told.bytes };
            self.replay.whole_message(&seen, translated);
        }
        Ok(())
    }

    fn tell(&mut self, place: crate::native::Place, reason: String) {
        self.told += 1;
        if self.errors.len() < MAX_TOLD {
            self.errors.push(LineError { file: self.name.clone(), place, reason });
        }
    }

    fn damage(&mut self, at: At, place: crate::native::Place, reason: String, pair: Option<(u32, u32)>) {
        self.tell(place, reason);
        self.hole(pair, at);
    }

    fn hole(&mut self, pair: Option<(u32, u32)>, at: At) {
        let Self { feed, replay, owns, .. } = self;
        feed.hole(pair, at, &mut |observed| replay.observe(&observed));
        owns.lost(pair);
    }

    /// The first rejection of each pair and each record so far, and the stalls.
    pub fn findings(&self) -> (Vec<&Rejection>, Vec<&StallReport>) {
        let mut rejections: Vec<_> = self.owns.iter().filter_map(super::own::OwnReplay::rejection).collect();
        let mut stalls = Vec::new();
        for (rejection, told) in self.replay.findings() {
            rejections.extend(rejection);
            stalls.extend(told.iter().map(|(_, stall)| stall));
        }
        (rejections, stalls)
    }

    /// How many rejections and stalls [`Session::findings`] has.
    pub fn count_findings(&self) -> (usize, usize) {
        let refused = self.owns.iter().filter(|own| own.rejection().is_some()).count();
        self.replay.findings().fold((refused, 0), |(refused, stalled), (rejection, stalls)| {
            (refused + usize::from(rejection.is_some()), stalled + stalls.len())
        })
    }

    /// Whom a message on a connection is from and for; `None` where the record is not followed exactly.
    pub(super) fn facts(&mut self, node: u32, peer: u32, conn: ConnId, is_written: bool) -> Option<Facts> {
        self.owns.of(node, peer, false)?.facts(conn, is_written)
    }

    /// Whether every record is CLOSED.
    pub(super) fn are_closed(&self) -> bool {
        self.owns.iter().all(|own| own.own().record().state == State::Closed)
    }

    pub(super) fn connection(&self, name: &Name) -> Option<ConnId> {
        self.feed.id(name)
    }

    pub(super) fn ends(&self, name: &Name) -> Option<(u32, u32)> {
        self.feed.ends(name)
    }

    /// The next file of the trace begins. The first file of a series is that of a node that was started anew; the others go on.
    pub fn begin_file(&mut self, head: &Head) {
        if head.file.is_none_or(|number| number == 1) {
            self.owns.begin_life();
        }
    }

    /// One of the files of the trace is at its end.
    pub fn end_file<R: std::io::Read>(&mut self, reader: &NativeReader<R>) {
        let tally = reader.tally();
        self.frames += reader.lines();
        self.before.unknown += tally.unknown;
        self.before.lost += tally.lost;
        self.before.has_end = tally.has_end || !reader.is_compact();
    }

    /// Ends the trace.
    pub fn finish(self) -> (FileReport, Vec<LineError>) {
        let Self { name, head, feed, replay, owns, errors, before, frames, told } = self;
        let summary = CaptureSummary { frames, holes: feed.holes, ..CaptureSummary::default() };
        let mut report = replay.finish(name, &summary);
        let mut said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        if told > errors.len() as u64 {
            said.push(format!("and {} more places that cannot be read", told - errors.len() as u64));
        }
        report.error = (!said.is_empty()).then(|| said.join("; "));
        report.notes.extend(unknown_revisions(&head));
        if before.unknown > 0 {
            report.notes.push(format!("{} events of a kind that this program does not know", before.unknown));
        }
        if before.lost > 0 {
            report.notes.push(format!("{} events that the recorder could not write", before.lost));
        }
        if !before.has_end {
            report.notes.push("the file has no end: its node was killed, still writes, or the file was cut".to_owned());
        }
        report.exact = owns.into_reports();
        merge(&mut report);
        (report, errors)
    }
}

#[cold]
fn nothing_to_tell(node: u32) -> String {
    format!("node {node} is not recorded in this trace, or has nothing to tell of itself")
}

/// Revisions that the head names and that nothing is known of: such a node may be any.
fn unknown_revisions(head: &Head) -> impl Iterator<Item = String> {
    head.nodes.iter().filter_map(|node| {
        let name = node.revision.as_ref().filter(|name| name.parse::<Revision>().is_err())?;
        Some(format!("node {} speaks `{name}`, which is no revision that replay knows: taken as any", node.id))
    })
}

/// What the exact side refuses, its pair is rejected by, where nothing was wrong before.
fn merge(report: &mut FileReport) {
    for exact in &report.exact {
        let Some(refused) = &exact.rejection else { continue };
        report.verdict = Some(Verdict::Rejected);
        let ids = |pair: &super::PairReport| pair.nodes.each_ref().map(|node| node.id);
        let is_it = |pair: &&mut super::PairReport| {
            ids(pair) == [exact.node, exact.peer] || ids(pair) == [exact.peer, exact.node]
        };
        let Some(pair) = report.pairs.iter_mut().find(is_it) else { continue };
        let place = |rejection: &Rejection| (rejection.file, rejection.frame);
        if pair.rejection.as_ref().is_none_or(|earlier| place(refused) < place(earlier)) {
            pair.rejection = Some(refused.clone());
        }
        pair.verdict = Verdict::Rejected;
        pair.exhausted = None;
        pair.obligations.clear();
        pair.nodes.iter_mut().for_each(|node| node.revisions.clear());
    }
}
