//! The sides of a run: nodes that recorded themselves, and captures taken between them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;

use midcomms_model::Seq;
use midcomms_model::own::Outcome;

use super::identity::{Kept, identity};
use crate::capture::ConnId;
use crate::native::event::{Event, Happened, Told};
use crate::native::feed::At;
use crate::native::{HeadError, LineError, NativeReader};
use crate::replay::{FileReport, Session};

const OPTS: u8 = 3;
const ACK: u8 = 4;
/// Where the kind of an ACK's tail lies, and the kind that acknowledges nothing (HRD-3).
const KIND_AT: usize = 20;
const GONE: u8 = 2;

/// What one side says, as far as others have to say the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fact {
    Opened {
        conn: u32,
        opener: u32,
        acceptor: u32,
    },
    Ended {
        conn: u32,
        one: u32,
        other: u32,
    },
    Wrote {
        conn: u32,
        from: u32,
        to: u32,
        message: u64,
        fresh: Option<(u64, Seq)>,
    },
    Read {
        conn: u32,
        from: u32,
        to: u32,
        message: u64,
        at: At,
        means: Means,
    },
    /// Something is missing: of a pair, or nobody knows of whom.
    Hole(Option<(u32, u32)>),
    /// Something is missing of one connection.
    HoleIn {
        conn: u32,
        from: u32,
        to: u32,
    },
}

/// What a message that was read means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Nothing,
    /// It was accepted, from this incarnation of the sender's, under this number.
    Accepted(u64, Seq),
    /// It acknowledges everything before this number to this incarnation of the reader's.
    Acknowledges(u64, Seq),
}

/// The files of one node's trace, in order.
pub(super) struct Files<R> {
    pub(super) node: u32,
    /// What reports call them.
    pub(super) name: String,
    pub(super) readers: VecDeque<NativeReader<R>>,
}

/// A node that recorded itself.
pub(super) struct Native<'a, R> {
    pub(super) node: u32,
    files: VecDeque<NativeReader<R>>,
    session: Session<'a>,
    kept: Kept,
    common: Kept,
    /// By peer: the incarnation in which messages went out last, and the next fresh number in it.
    fresh: HashMap<u32, (u64, Seq)>,
    /// Records that say nothing more: they were refused, or are not known.
    is_quiet: HashMap<u32, bool>,
    had_hole: bool,
    has_end: bool,
    pub(super) is_done: bool,
}

impl<'a, R: Read> Native<'a, R> {
    pub(super) fn new(node: u32, files: VecDeque<NativeReader<R>>, session: Session<'a>, common: Kept) -> Self {
        let kept = Kept::named(files.front().and_then(|file| file.head.bodies.as_deref()));
        Self {
            node,
            files,
            session,
            kept,
            common,
            fresh: HashMap::new(),
            is_quiet: HashMap::new(),
            had_hole: false,
            has_end: false,
            is_done: false,
        }
    }

    /// Takes the next event, and says what others have to say too.
    pub(super) fn step(&mut self) -> Option<Fact> {
        let Some(reader) = self.files.front_mut() else {
            self.is_done = true;
            return None;
        };
        let Some(event) = reader.next_event() else {
            self.session.end_file(reader);
            self.has_end = reader.is_compact() && reader.tally().has_end;
            self.files.pop_front();
            self.files.front().into_iter().for_each(|next| self.session.begin_file(&next.head));
            self.is_done = self.files.is_empty();
            return None;
        };
        let before = match &event.what {
            Happened::Ended { name, .. } => self.session.connection(name),
            _ => None,
        };
        self.session.take(&event);
        let facts = Facts {
            node: self.node,
            session: &mut self.session,
            fresh: &mut self.fresh,
            is_quiet: &mut self.is_quiet,
            kept: self.kept,
            common: self.common,
        };
        let fact = facts.of(&event, before);
        self.had_hole |= matches!(fact, Some(Fact::Hole(_)));
        fact
    }

    /// Whether all that this node did is in its files, up to an end.
    pub(super) fn is_whole(&mut self) -> bool {
        !self.had_hole && (self.has_end || self.session.are_closed())
    }

    pub(super) fn finish(self) -> (FileReport, Vec<LineError>) {
        self.session.finish()
    }
}

struct Facts<'s, 'a> {
    node: u32,
    session: &'s mut Session<'a>,
    fresh: &'s mut HashMap<u32, (u64, Seq)>,
    is_quiet: &'s mut HashMap<u32, bool>,
    kept: Kept,
    common: Kept,
}

impl Facts<'_, '_> {
    fn of(self, event: &Event<'_>, before: Option<ConnId>) -> Option<Fact> {
        match &event.what {
            Happened::Opened { name, ends: (opener, acceptor), is_new: true, .. } => {
                let conn = self.session.connection(name)?.0;
                Some(Fact::Opened { conn, opener: *opener, acceptor: *acceptor })
            }
            Happened::Ended { name, .. } => {
                let (one, other) = self.session.ends(name)?;
                Some(Fact::Ended { conn: before?.0, one, other })
            }
            Happened::Written(told) if told.from == self.node => self.written(told),
            Happened::Read(told, outcome) if told.from != self.node => self.read(told, *outcome, event.at),
            Happened::Lost(pair) | Happened::Damage { pair, .. } => Some(Fact::Hole(*pair)),
            // What came before it, the other side may have.
            Happened::Standing { node, peer, .. } => Some(Fact::Hole(Some((*node, *peer)))),
            _ => None,
        }
    }

    fn to(&self, told: &Told<'_>) -> Option<u32> {
        let (opener, acceptor) = self.session.ends(&told.name)?;
        Some(if opener == told.from { acceptor } else { opener })
    }

    fn written(self, told: &Told<'_>) -> Option<Fact> {
        let (conn, to) = (self.session.connection(&told.name)?, self.to(told)?);
        let message = identity(told.bytes, self.kept, self.common);
        let facts = self.session.facts(self.node, to, conn, true);
        if facts.is_none() && self.is_quiet.insert(to, true).is_none() {
            return Some(Fact::Hole(Some((self.node, to))));
        }
        let life = facts.and_then(|facts| facts.source);
        let fresh = match (kind(told.bytes), life) {
            (Some((OPTS, seq)), Some(life)) => {
                let (known, next) = self.fresh.entry(to).or_insert((life, Seq::ZERO));
                if *known != life {
                    (*known, *next) = (life, Seq::ZERO);
                }
                let is_fresh = !seq.is_before(*next);
                if is_fresh {
                    *next = seq.next();
                }
                is_fresh.then_some((life, seq))
            }
            _ => None,
        };
        Some(Fact::Wrote { conn: conn.0, from: self.node, to, message, fresh })
    }

    fn read(self, told: &Told<'_>, outcome: Option<Outcome>, at: At) -> Option<Fact> {
        let conn = self.session.connection(&told.name)?;
        let message = identity(told.bytes, self.kept, self.common);
        let facts = self.session.facts(self.node, told.from, conn, false);
        if facts.is_none() && self.is_quiet.insert(told.from, true).is_none() {
            return Some(Fact::Hole(Some((self.node, told.from))));
        }
        let (source, destination) = facts.map_or((None, None), |facts| (facts.source, facts.destination));
        let means = match (kind(told.bytes), outcome) {
            (Some((OPTS, seq)), Some(Outcome::Accepted)) => source.map(|life| Means::Accepted(life, seq)),
            (Some((ACK, number)), Some(Outcome::Handled)) => destination.map(|life| Means::Acknowledges(life, number)),
            _ => None,
        };
        let means = means.unwrap_or(Means::Nothing);
        Some(Fact::Read { conn: conn.0, from: told.from, to: self.node, message, at, means })
    }
}

/// The cmd of what has a number, and the number.
fn kind(bytes: &[u8]) -> Option<(u8, Seq)> {
    let number = Seq(u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?));
    match *bytes.get(14)? {
        OPTS => Some((OPTS, number)),
        ACK if bytes.get(KIND_AT) != Some(&GONE) => Some((ACK, number)),
        _ => None,
    }
}

/// Opens traces, and puts those of one node in the order of their files.
pub(super) fn by_node<R: Read>(inputs: Vec<(String, R)>) -> Result<Vec<Files<R>>, (String, HeadError)> {
    let mut found: Vec<Files<R>> = Vec::new();
    for (name, input) in inputs {
        let reader = NativeReader::open(input).map_err(|error| (name.clone(), error))?;
        let recorded: Vec<_> = reader.head.nodes.iter().filter(|node| node.recorded).map(|node| node.id).collect();
        let [node] = recorded[..] else {
            let reason = format!("it is of {} nodes; with --together each trace is of one", recorded.len());
            return Err((name, HeadError::NotATrace(reason)));
        };
        match found.iter_mut().find(|files| files.node == node) {
            Some(files) => {
                files.name = format!("{} + {name}", files.name);
                files.readers.push_back(reader);
            }
            None => found.push(Files { node, name, readers: VecDeque::from([reader]) }),
        }
    }
    for files in &mut found {
        let readers = &mut files.readers;
        let numbers: HashSet<_> = readers.iter().map(|reader| reader.head.file).collect();
        if numbers.len() == readers.len() {
            readers.make_contiguous().sort_by_key(|reader| reader.head.file);
        } else {
            order_lives(readers);
        }
        readers.iter_mut().zip(0..).for_each(|(reader, index)| reader.set_file(index));
    }
    Ok(found)
}

/// Files of several lives have the same numbers: they are in the order in which they begin, or else in that in which they
/// were given.
fn order_lives<R: Read>(readers: &mut VecDeque<NativeReader<R>>) {
    let mut timed: Vec<_> = readers.drain(..).map(|mut reader| (reader.begins_at(), reader)).collect();
    if timed.iter().all(|(time, _)| time.is_some()) {
        timed.sort_by_key(|(time, _)| *time);
    }
    readers.extend(timed.into_iter().map(|(_, reader)| reader));
}
