//! One node's own view of one pair, of a node that speaks `hardened`: nothing is inferred, for all that its record does is
//! told by events that the node itself has seen.
//!
//! What [`crate::pair`] is for an observer between the nodes, this is for the node: every event is held against the one
//! record that follows from those before it. Steps of the record come from [`crate::record`] alone. Two things stay hidden:
//! how many messages the upper layer has queued that were never written (a snapshot says), and when a timer runs out.
//!
//! - `local`: what the cluster manager says, connections, and the table's steps.
//! - `read`: what comes from the peer (sections 5 and 6, HRD-1 to HRD-3).
//! - `write`: what goes out (section 4, NET-1, NET-3, HRD-1).
//! - `learn`: what is known behind a hole.

mod learn;
mod local;
mod output;
mod read;
mod snapshot;
mod write;

use std::collections::VecDeque;

use crate::Conn;
use crate::message::{Ids, Message, Version};
use crate::record::{Event, Record, State};
use crate::rule::{self, Refusal, Rule};
use crate::seq::Seq;

use output::Output;
use snapshot::Due;
pub use snapshot::{Snapshot, Standing};

/// Lines about a record that may wait for the message that caused them.
const MAX_EARLY: usize = 256;

/// What became of a message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its number was the expected one (RCV-1).
    Accepted,
    /// Its number was accepted before (RCV-2).
    Duplicate,
    /// A number before it is missing (RCV-3).
    Gap,
    /// It has no number.
    Handled,
    /// It was passed over.
    Dropped,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Accepted, Outcome::Duplicate, Outcome::Gap, Outcome::Handled, Outcome::Dropped];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Duplicate => "duplicate",
            Outcome::Gap => "gap",
            Outcome::Handled => "handled",
            Outcome::Dropped => "dropped",
        }
    }
}

/// What is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The cluster manager added the peer to a lockspace.
    AddMember(u32),
    /// The cluster manager, or a shutdown, removed it.
    RemoveMember(u32),
    /// The peer is dead.
    Fence,
    /// The node leaves.
    Shutdown,
    /// A connection was opened.
    Opened {
        /// Which.
        conn: Conn,
        /// By this node.
        is_ours: bool,
    },
    /// A connection stands that was opened before.
    Stands {
        /// Which.
        conn: Conn,
        /// Opened by this node.
        is_ours: bool,
        /// What this node's last hello on it said, where that is told.
        said: Option<Ids>,
        /// What the peer's last hello on it said.
        heard: Option<Ids>,
    },
    /// A connection is over for this node.
    Ended(Conn),
    /// What the record is from now on.
    Record(Snapshot),
}

/// A message from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// What it is; `None` where it breaks a rule by itself.
    pub message: Option<Message>,
    /// The version in its header.
    pub version: Version,
    /// It is RCOM STATUS: a question, not its answer.
    pub is_question: bool,
    /// No time has passed since what was told before it.
    pub is_prompt: bool,
}

/// An event that does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<L> {
    /// By which rule.
    pub refusal: Box<Refusal>,
    /// The earlier event that is at fault, where it is not the present one.
    pub at: Option<L>,
}

impl<L> From<Refusal> for Refused<L> {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Box::new(refusal), at: None }
    }
}

/// Who speaks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    /// What was said before is not known.
    Unknown,
    /// Nobody yet.
    Silent,
    /// A node whose first message was no hello.
    Linux,
    /// A hardened node, and what its last hello said.
    Hardened(Ids),
}

/// What this node said last on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Unknown,
    Nothing,
    Ids(Ids),
}

#[derive(Clone, Copy, Debug)]
struct Link {
    conn: Conn,
    /// Who opened it, where that is known.
    is_ours: Option<bool>,
    said: Said,
    speaker: Speaker,
}

/// What is known, after a beginning in mid-stream or events that were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// State, numbers, queue and users.
    record: bool,
    /// The peer's version and incarnation.
    peer: bool,
    /// Which number goes out next.
    output: bool,
}

/// What a snapshot that was learnt in mid-stream may have been told for: effects are told before their cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It was before what is known, or has come.
    Past,
    /// The next message that is read may be it.
    Next,
    /// The same, and the incarnation is over with it: its last words are still to be said.
    Last,
}

/// The incarnations of HRD-1, as the record has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lives {
    /// The record's own id, once it was told.
    own: Option<u64>,
    /// Its id is greater than this one.
    floor: u64,
    bound: Option<u64>,
    heard: Option<u64>,
}

/// One node's record of one peer, followed exactly. `L` is a label that comes back with what is wrong.
#[derive(Clone, Debug)]
pub struct Own<L> {
    record: Record,
    known: Known,
    cause: Cause,
    lives: Lives,
    /// The lockspaces that are counted, and how many more there are whose names are not known.
    members: Vec<u32>,
    unnamed: u16,
    output: Output,
    links: Vec<Link>,
    /// Connections that a newer one has replaced, whose end is still to be told.
    replaced: Vec<Conn>,
    /// A shutdown that has not returned.
    is_closing: bool,
    /// ACKs that may go out although they are not the record's present ones (HRD-3, the last of an incarnation).
    late: Vec<(Ids, Seq)>,
    gone: Option<Ids>,
    /// What the node has to tell of its record next.
    due: VecDeque<Due>,
    /// What it told, and which the next message that it reads has to explain.
    early: Vec<(Told, L)>,
}

impl<L: Copy> Own<L> {
    /// A record about which everything is initial, or, in mid-stream, nothing known.
    pub fn new(is_beginning: bool) -> Self {
        Self {
            record: Record::default(),
            known: Known { record: is_beginning, peer: is_beginning, output: is_beginning },
            cause: Cause::Past,
            lives: Lives::default(),
            members: Vec::new(),
            unnamed: 0,
            output: Output::default(),
            links: Vec::new(),
            replaced: Vec::new(),
            is_closing: false,
            late: Vec::new(),
            gone: None,
            due: VecDeque::new(),
            early: Vec::new(),
        }
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// Whether everything is known, so that every event is held against the record.
    #[inline]
    pub fn is_exact(&self) -> bool {
        self.known.record && self.known.peer && self.known.output && self.cause == Cause::Past
    }

    /// The record as it follows from the events.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The id of the record's incarnation, once it was told.
    pub fn life(&self) -> Option<u64> {
        self.lives.own
    }

    /// The peer's incarnation that it talks to.
    pub fn bound(&self) -> Option<u64> {
        self.lives.bound
    }

    /// Whom what goes out on a connection is from and for.
    pub fn said(&self, conn: Conn) -> Option<Ids> {
        self.links.iter().find(|link| link.conn == conn).and_then(|link| match link.said {
            Said::Ids(ids) => Some(ids),
            _ => None,
        })
    }

    /// Whom what comes in on a connection is from and for.
    pub fn heard(&self, conn: Conn) -> Option<Ids> {
        self.links.iter().find(|link| link.conn == conn).and_then(|link| match link.speaker {
            Speaker::Hardened(ids) => Some(ids),
            _ => None,
        })
    }

    fn ids(&self) -> Ids {
        Ids { source: self.lives.own.unwrap_or_default(), destination: self.lives.bound.or(self.lives.heard) }
    }

    // ---- events --------------------------------------------------------------------------------------------------

    /// Takes what is no message.
    ///
    /// # Errors
    /// If it does not follow from what came before.
    pub fn told(&mut self, told: Told, at: L) -> Result<(), Refused<L>> {
        if !self.is_exact() {
            self.learn_told(told);
            return Ok(());
        }
        match told {
            Told::Record(snapshot) => return self.told_record(snapshot, at),
            Told::RemoveMember(lockspace) if self.due.front() == Some(&Due::Removed) => {
                return self.remove_due(lockspace);
            }
            // CLS-2: the removals of a shutdown that waits for the version come before the message that tells it.
            Told::RemoveMember(_) if self.is_closing && self.record.version.is_none() => {
                return self.wait_for_cause(told, at);
            }
            _ => {}
        }
        self.begin()?;
        self.take(told)
    }

    /// Takes what the record is, without an event that has changed it: where what is seen begins, that is how it begins.
    ///
    /// # Errors
    /// If it was known before, and is another.
    pub fn stands(&mut self, standing: &Standing) -> Result<(), Refused<L>> {
        if !self.is_exact() {
            self.learn_standing(standing);
            return Ok(());
        }
        self.begin()?;
        self.check_standing(standing).map_err(Refused::from)
    }

    /// Takes a message that this node wrote.
    ///
    /// # Errors
    /// If it does not follow from what came before.
    #[inline]
    pub fn wrote(&mut self, conn: Conn, message: &Message) -> Result<(), Refused<L>> {
        if !self.is_exact() {
            self.learn_written(conn, message);
            return Ok(());
        }
        self.begin()?;
        self.take_written(conn, message).map_err(Refused::from)
    }

    /// Takes a message that this node read, and what became of it.
    ///
    /// # Errors
    /// If that does not follow from what came before.
    #[inline]
    pub fn read(&mut self, conn: Conn, arrived: &Arrived, outcome: Outcome) -> Result<(), Refused<L>> {
        if !self.is_exact() {
            self.learn_read(conn, arrived, outcome);
            return Ok(());
        }
        if let Some(due) = self.due.front() {
            return Err(due.missing("a message that was read").into());
        }
        if self.early.is_empty() {
            self.take_read(conn, arrived, outcome)?;
            return self.match_early();
        }
        self.read_after_effects(conn, arrived, outcome)
    }

    /// Events are missing here: what is known begins anew.
    pub fn lost(&mut self) {
        *self = Self::new(false);
    }

    // ---- causes and effects --------------------------------------------------------------------------------------

    /// What a message does to the record is told before the message.
    #[cold]
    fn read_after_effects(&mut self, conn: Conn, arrived: &Arrived, outcome: Outcome) -> Result<(), Refused<L>> {
        let mut caused = self.clone();
        let first = caused.take_read(conn, arrived, outcome).map_err(Refused::from).and_then(|()| caused.match_early());
        let Err(first) = first else {
            *self = caused;
            return Ok(());
        };
        let mut by_itself = self.clone();
        let second = by_itself
            .take_early()
            .and_then(|()| by_itself.take_read(conn, arrived, outcome).map_err(Refused::from))
            .and_then(|()| by_itself.match_early());
        match second {
            // A timer that runs out in the very moment in which a message would have done the same.
            Ok(()) if arrived.is_prompt && self.has_cause(conn, arrived) => Err(first),
            Ok(()) => {
                *self = by_itself;
                Ok(())
            }
            Err(_) => Err(first),
        }
    }

    /// Whether what was told is what the message does, but for what is said to have become of it.
    fn has_cause(&self, conn: Conn, arrived: &Arrived) -> bool {
        Outcome::ALL.into_iter().any(|outcome| {
            let mut caused = self.clone();
            caused.take_read(conn, arrived, outcome).is_ok() && caused.match_early().is_ok()
        })
    }

    /// Nothing is owed to the event before the one that comes now.
    #[inline]
    fn begin(&mut self) -> Result<(), Refused<L>> {
        if let Some(due) = self.due.front() {
            return Err(due.missing("another event").into());
        }
        if self.early.is_empty() { Ok(()) } else { self.take_early() }
    }

    fn wait_for_cause(&mut self, told: Told, at: L) -> Result<(), Refused<L>> {
        if self.early.len() == MAX_EARLY {
            return Err(unexplained(&self.record, &told).into());
        }
        self.early.push((told, at));
        Ok(())
    }

    /// What was told early had no message for a cause: a timer, or the cluster manager.
    fn take_early(&mut self) -> Result<(), Refused<L>> {
        for (told, at) in std::mem::take(&mut self.early) {
            let located = |refusal: Refusal| Refused { refusal: Box::new(refusal), at: Some(at) };
            let taken = match (told, self.due.front()) {
                (Told::Record(snapshot), Some(_)) => self.meet_due(&snapshot),
                (Told::Record(snapshot), None) => self.time_out(&snapshot),
                (_, Some(due)) => Err(due.missing("another event")),
                (Told::RemoveMember(lockspace), None) => {
                    self.remove_member(lockspace);
                    Ok(())
                }
                (told, None) => Err(unexplained(&self.record, &told)),
            };
            taken.map_err(located)?;
        }
        Ok(())
    }

    /// What was told before the message is what the message does, no more and no less.
    #[inline]
    fn match_early(&mut self) -> Result<(), Refused<L>> {
        if self.early.is_empty() && self.due.is_empty() {
            return Ok(());
        }
        self.match_effects()
    }

    #[cold]
    fn match_effects(&mut self) -> Result<(), Refused<L>> {
        for (told, at) in std::mem::take(&mut self.early) {
            let met = match (told, self.due.front()) {
                (told, None) => Err(unexplained(&self.record, &told)),
                (Told::Record(snapshot), Some(_)) => self.meet_due(&snapshot),
                (Told::RemoveMember(lockspace), Some(Due::Removed)) => self.meet_removal(lockspace),
                (_, Some(due)) => Err(due.missing("another event")),
            };
            met.map_err(|refusal| Refused { refusal: Box::new(refusal), at: Some(at) })?;
        }
        match self.due.front() {
            None => Ok(()),
            Some(due) => Err(due.missing("nothing before the message that changes it").into()),
        }
    }
}

/// Something that nothing explains.
fn unexplained(record: &Record, told: &Told) -> Refusal {
    let expected = format!("the record as it was, {}: nothing has changed it", record.state);
    match told {
        Told::Record(snapshot) => Refusal::new(rule::CLS_6, expected, snapshot.to_string()),
        other => Refusal::new(rule::CLS_6, expected, format!("{other:?}")),
    }
}

/// A cell of the table, in words.
fn cell(before: &Record, event: Event) -> String {
    let event = match event {
        Event::AddMember => "add member",
        Event::RemoveMember => "remove member",
        Event::Shutdown => "shutdown",
        Event::ReceiveFin => "FIN",
        Event::AckOfFin => "ACK of FIN",
    };
    format!("{event} in {} with users {}", before.state, before.users)
}

/// Whether messages are numbered.
fn is_numbered(record: &Record) -> bool {
    record.version == Some(Version::V3_2)
}

fn is_open(record: &Record) -> bool {
    record.state != State::Closed
}

fn refuse<T>(rule: Rule, expected: impl Into<String>, got: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(rule, expected, got))
}
