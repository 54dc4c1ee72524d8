//! What an observer of the wire sees of the checker's actions, and what the checker says that came of them.

use midcomms_model::Seq;
use midcomms_model::system::action::{Action, ActionKind, choice};
use midcomms_model::system::observer::{Observer, Occurrence, Outcome};
use midcomms_model::system::state::{Notice, Status, System};
use midcomms_model::system::wire::{Kind, Msg};
use midcomms_model::system::{Property, World};

/// The checker's two nodes.
pub(crate) type Two = System<2, 1>;

/// A message as the wire shows it. A checker's message stands for a run of them where one alone calls for no ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct What {
    pub(crate) kind: Kind,
    /// The number, for a run the first.
    pub(crate) seq: u32,
    pub(crate) is_bare: bool,
    pub(crate) is_old: bool,
    /// Which of the sender's incarnations that were seen made it: equal bodies are of equal incarnations.
    pub(crate) life: u8,
}

/// Something that an observer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Opened { conn: u32, by: usize },
    Finished { conn: u32, by: usize },
    Reset { conn: u32, by: usize },
    Sent { conn: u32, from: usize, what: What },
}

/// The messages from one node to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Direction {
    fifo: Vec<(Msg, bool)>,
    sent: usize,
    /// The connection that the sender opened last, and whether nothing ended it yet.
    conn: Option<u32>,
    is_up: bool,
    /// The connection on which the sender said that nothing more comes.
    ended_on: Option<u32>,
    /// Incarnations of the sender in the order in which their messages were seen.
    lives: Vec<u8>,
}

/// What is on the wire, as far as what is seen depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wire {
    directions: [Direction; 2],
    connections: u32,
    /// Whether what the node's record accepted last was a FIN.
    is_behind_fin: [bool; 2],
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { directions: Default::default(), connections: 0, is_behind_fin: [false; 2] }
    }
}

/// What the checker did, beside what is seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// What each node delivered: the incarnation that made it, as in [`What`], and the number.
    pub(crate) delivered: [Vec<(u8, u32)>; 2],
    pub(crate) duplicates: [u64; 2],
    pub(crate) gaps: [u64; 2],
    is_waiting: [bool; 2],
    /// A record was reset by something that is not on the wire.
    pub(crate) has_hidden_reset: bool,
    /// Something that was queued never arrived.
    pub(crate) has_lost: bool,
    /// Something was handled later than it was read (NET-5).
    pub(crate) has_delayed: bool,
    /// An incarnation met one that it does not talk to, or began without a join (H4, H5).
    pub(crate) is_haunted: bool,
}

const fn bit(property: Property) -> u64 {
    1 << property as u8
}

/// What is violated where incarnations get mixed up.
const HAUNTED: u64 = bit(Property::NoGhost)
    | bit(Property::NoCrossIncarnation)
    | bit(Property::NoFalseAck)
    | bit(Property::ExactlyOnceInOrder);

/// How the checker's numbers are written on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// Messages that one of the checker's stands for.
    pub(crate) run: u32,
    /// The checker's number that is 0 on the wire.
    pub(crate) zero: u32,
}

impl Numbers {
    /// The first of the numbers that stand for `number`; behind a FIN, which stands for itself, the next one.
    pub(crate) fn seq(self, number: u32, is_behind_fin: bool) -> u32 {
        let runs = number.wrapping_sub(self.zero).wrapping_mul(self.run);
        if is_behind_fin { runs.wrapping_sub(self.run - 1) } else { runs }
    }

    /// The same for a number of a record.
    pub(crate) fn of(self, world: &World, seq: Seq, fin: Option<Seq>) -> Seq {
        let offset = |seq: Seq| Seq(world.environment.first_number).distance_to(seq);
        let is_behind_fin = fin.is_some_and(|fin| fin.next() == seq);
        Seq(self.seq(offset(seq), is_behind_fin))
    }
}

/// Hears one action.
pub(crate) struct Listener<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) done: &'a mut Done,
    pub(crate) events: &'a mut Vec<Event>,
    numbers: Numbers,
    /// The message that is handled, if the action handles one.
    handled: Option<Msg>,
    /// It is a FIN that is accepted.
    accepts_fin: bool,
}

/// Lets `action` happen and hears what is seen of it.
pub(crate) fn happen(
    (world, numbers): (&World, Numbers),
    system: &mut Two,
    action: Action,
    (wire, done, events): (&mut Wire, &mut Done, &mut Vec<Event>),
) {
    let (x, y) = (usize::from(action.node), usize::from(action.peer));
    let handled = match action.kind {
        ActionKind::RecordReceives => system.end(y, x).link.fifo.at(0),
        ActionKind::RecordReceivesStale => system.end(x, y).stale().first().copied(),
        _ => None,
    };
    let accepts_fin = handled.is_some_and(|message| {
        let seq = Seq(world.environment.first_number).plus(u32::from(message.number()));
        message.kind() == Kind::Fin && seq == system.end(x, y).record.seq_next
    });
    let mut listener = Listener { wire, done, events, numbers, handled, accepts_fin };
    listener.note_ends(system, action);
    let effect = world.apply(system, action, &mut listener);
    done.is_haunted |= effect.violated & HAUNTED != 0;
}

impl Listener<'_> {
    /// Connections that `action` ends before anything else.
    fn note_ends(&mut self, system: &Two, action: Action) {
        let x = usize::from(action.node);
        let y = 1 - x;
        match action.kind {
            ActionKind::LinkBreaks | ActionKind::NodeFences => self.reset(x, x),
            ActionKind::NodeNoticesBreak => {
                self.reset(x, x);
                if system.end(y, x).notice == Notice::Quiet || system.end(y, x).link.status != Status::Up {
                    return;
                }
                if action.choice & choice::CLOSE == 0 {
                    return self.reset(y, x);
                }
                let direction = &mut self.wire.directions[y];
                direction.is_up = false;
                self.events.extend(direction.conn.map(|conn| Event::Finished { conn, by: x }));
            }
            ActionKind::NodeCrashes | ActionKind::DrainEnds | ActionKind::DrainTimesOut => {
                self.reset(x, x);
                self.reset(y, x);
            }
            _ => {}
        }
    }

    /// The connection of `opener` is reset by `by`.
    fn reset(&mut self, opener: usize, by: usize) {
        let direction = &mut self.wire.directions[opener];
        if std::mem::take(&mut direction.is_up) {
            self.events.extend(direction.conn.map(|conn| Event::Reset { conn, by }));
        }
    }

    /// Where `from` writes (NET-1).
    fn connection(&self, from: usize) -> u32 {
        let [own, other] = [&self.wire.directions[from], &self.wire.directions[1 - from]];
        let conn = if own.is_up || !other.is_up { own.conn } else { other.conn };
        conn.unwrap()
    }

    fn finish(&mut self, from: usize) {
        let conn = self.connection(from);
        self.events.push(Event::Finished { conn, by: from });
        let direction = &mut self.wire.directions[from];
        (direction.is_up, direction.ended_on) = (false, Some(conn));
    }

    fn queue(&mut self, from: usize, index: usize, message: Msg) {
        let is_for_fin = match (self.handled, self.accepts_fin) {
            (Some(fin), true) => fin.number() + 1 == message.number(),
            _ => self.wire.is_behind_fin[from],
        };
        self.wire.directions[from].fifo.insert(index, (message, is_for_fin));
        if message.kind() == Kind::End {
            self.wire.directions[from].sent += 1;
            self.finish(from);
        }
    }

    fn write(&mut self, from: usize, count: usize) {
        let conn = self.connection(from);
        let direction = &mut self.wire.directions[from];
        for (message, is_for_fin) in direction.fifo[direction.sent..count].iter().copied() {
            let is_numbered = message.is_sequenced() && !message.is_bare();
            let life = if is_numbered && message.kind() == Kind::Data {
                ordinal(&mut direction.lives, message.source())
            } else {
                0 // Nothing else has bytes of its own.
            };
            let seq = match message.kind() {
                Kind::Ack => self.numbers.seq(u32::from(message.number()), is_for_fin),
                _ if is_numbered => self.numbers.seq(u32::from(message.number()), false),
                _ => 0,
            };
            let (is_bare, is_old) = (message.is_bare(), message.is_old_version());
            let what = What { kind: message.kind(), seq, is_bare, is_old, life };
            self.events.push(Event::Sent { conn, from, what });
        }
        direction.sent = count;
    }

    fn lose(&mut self, from: usize, index: usize, message: Msg) {
        let direction = &mut self.wire.directions[from];
        direction.fifo.remove(index);
        direction.sent -= usize::from(index < direction.sent);
        self.done.has_lost |= message.kind() != Kind::End;
    }

    fn take(&mut self, from: usize) {
        let direction = &mut self.wire.directions[from];
        direction.fifo.remove(0);
        direction.sent -= 1;
    }

    fn read(&mut self, from: usize, to: usize, message: Msg, outcome: Outcome) {
        if message.kind() == Kind::End {
            let conn = self.wire.directions[from].ended_on;
            self.events.extend(conn.map(|conn| Event::Finished { conn, by: to }));
        }
        let run = if message.kind() == Kind::Data { u64::from(self.numbers.run) } else { 1 };
        match outcome {
            Outcome::Accepted => {
                self.done.is_waiting[to] = false;
                let was_reset = message.kind() == Kind::Fin && !self.accepts_fin;
                self.wire.is_behind_fin[to] = message.kind() == Kind::Fin && !was_reset;
                if message.kind() == Kind::Data {
                    let life = ordinal(&mut self.wire.directions[from].lives, message.source());
                    let seq = self.numbers.seq(u32::from(message.number()), false);
                    self.done.delivered[to].push((life, seq));
                }
            }
            Outcome::Duplicate => self.done.duplicates[to] += run,
            Outcome::Gap => self.done.gaps[to] += u64::from(!std::mem::replace(&mut self.done.is_waiting[to], true)),
            Outcome::Released(_) | Outcome::Handled | Outcome::Dropped(_) => {}
        }
    }
}

fn ordinal(lives: &mut Vec<u8>, life: u8) -> u8 {
    let known = lives.iter().position(|known| *known == life);
    known.unwrap_or_else(|| {
        lives.push(life);
        lives.len() - 1
    }) as u8
}

impl Observer for Listener<'_> {
    fn see(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::Queued { from, index, message, .. } => self.queue(from, index, message),
            Occurrence::Written { from, count, .. } => self.write(from, count),
            Occurrence::Lost { from, index, message, .. } => self.lose(from, index, message),
            Occurrence::Read { from, to, message, stale, outcome } => {
                if !stale {
                    self.take(from);
                }
                self.read(from, to, message, outcome);
            }
            Occurrence::Delayed { from, .. } => {
                self.take(from);
                self.done.has_delayed = true;
            }
            Occurrence::Reset { node, .. } => {
                let by_handshake = self.handled.is_some_and(|message| matches!(message.kind(), Kind::Ack | Kind::Fin));
                self.done.has_hidden_reset |= !by_handshake;
                self.done.is_waiting[node] = false;
                self.wire.is_behind_fin[node] = false;
                self.accepts_fin &= !by_handshake || self.handled.is_some_and(|message| message.kind() != Kind::Fin);
            }
            Occurrence::Opened { from, .. } => {
                let conn = self.wire.connections;
                self.wire.connections += 1;
                let direction = &mut self.wire.directions[from];
                (direction.conn, direction.is_up) = (Some(conn), true);
                self.events.push(Event::Opened { conn, by: from });
            }
            Occurrence::Committed { .. } | Occurrence::Met { .. } | Occurrence::Changed { .. } => {}
        }
    }
}

impl Wire {
    pub(crate) fn is_behind_fin(&self, node: usize) -> bool {
        self.is_behind_fin[node]
    }
}
