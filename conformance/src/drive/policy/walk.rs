//! Random walks, each repeated by its seed.

use core::fmt::Debug;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use midcomms::midcomms::{
    Config, ConnectionId, Event, EventRef, Ids, Incarnation, Input, Kind, Observer, Occurrence, Peer, PeerMisbehaved,
    Reason, Reservation, SendError, Shutdown, Snapshot, State, Time, Transmit,
};
use midcomms::wire::{Cmd, MSG_FIXED_LEN, MsgType, NodeId, RcomType, Seq, Version};

use super::PolicyFault;
use super::account::{Account, Seen, later};
use super::bytes::rcom;
use super::output::LOCKSPACE;
use super::read::Word;
use crate::drive::walk::Chance;

/// Things to do after one call, at most: beyond it the implementation is never quiet.
const ROUNDS: usize = 64;
/// Messages may be longer than what they are sent as by this much.
const BEHIND: u32 = 1 << 30;

type Checked = Result<(), (&'static str, String, String)>;

fn same<T: PartialEq + Debug>(field: &'static str, expected: T, got: T) -> Checked {
    if expected == got { Ok(()) } else { Err((field, short(&expected), short(&got))) }
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    if text.chars().count() > 400 { text.chars().take(400).chain("…".chars()).collect() } else { text }
}

/// What a walk does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Send,
    Reserve,
    Settle,
    Speak,
    Write,
    Connect,
    Disturb,
}

/// Walks at random for `steps` calls. How many it made, and where the implementation does otherwise than it should.
pub(super) fn walk(seed: u64, steps: u64, base: &Config) -> (u64, Option<PolicyFault>) {
    let mut walker = Walker::new(seed, base);
    for step in 0..steps {
        let action = walker.choose();
        let done = walker.step(action).and_then(|()| walker.settle());
        let done = if step + 1 == steps { done.and_then(|()| walker.end()) } else { done };
        if let Err((field, expected, got)) = done {
            let fault = PolicyFault { seed, step: step + 1, action: format!("{action:?}"), field, expected, got };
            return (step + 1, Some(fault));
        }
    }
    (steps, None)
}

/// What the observer of the walk's peer was told of messages.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<Seen>>>);

impl Watch {
    fn take(&self) -> Vec<Seen> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = occurrence.messages().map(<[u8]>::to_vec);
        match occurrence {
            Occurrence::Written { connection, .. } => {
                seen.extend(messages.map(|message| Seen::Written(connection, message)));
            }
            Occurrence::Read { connection, outcome, .. } => {
                seen.extend(messages.map(|message| Seen::Read(connection, outcome, message)));
            }
            _ => {}
        }
    }
}

struct Walker {
    chance: Chance,
    peer: Peer,
    account: Account,
    watch: Watch,
    now: Time,
    connections: u64,
    is_old: bool,
    /// The incarnation of the other node, its next number, and the connections on which it said who it is.
    theirs: Incarnation,
    seq: u32,
    introduced: Vec<ConnectionId>,
    reservations: Vec<(Reservation, Kind, usize)>,
    /// Bodies are long.
    is_long: bool,
}

impl Walker {
    fn new(seed: u64, base: &Config) -> Self {
        let mut chance = Chance::new(seed);
        let config = config(&mut chance, base);
        let (node, other) = if chance.below(2) == 0 { (1, 2) } else { (2, 1) };
        let ids = [NodeId(node), NodeId(other)];
        let now = Time(1_700_000_000_000_000_000);
        let first = Incarnation(now.0 - 5);
        let watch = Watch::default();
        let peer = Peer::new(config.clone(), ids[0], ids[1], first);
        let mut peer = peer.with_observer(Box::new(watch.clone()));
        peer.handle_input(now, Input::AddMember(LOCKSPACE));
        let is_old = chance.below(6) == 0;
        let is_long = chance.below(3) == 0;
        Self {
            account: Account::new(config, ids, first, LOCKSPACE),
            peer,
            watch,
            now,
            connections: 0,
            is_old,
            theirs: Incarnation(0xb0b),
            seq: 0,
            introduced: Vec::new(),
            reservations: Vec::new(),
            is_long,
            chance,
        }
    }

    fn choose(&mut self) -> Step {
        match self.chance.below(32) {
            0..4 => Step::Wait,
            4..12 => Step::Send,
            12..14 => Step::Reserve,
            14..17 => Step::Settle,
            17..24 => Step::Speak,
            24..28 => Step::Write,
            28..31 => Step::Connect,
            _ => Step::Disturb,
        }
    }

    fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Wait => self.wait(),
            Step::Send => self.send(),
            Step::Reserve => self.reserve(),
            Step::Settle => self.settle_reservation(),
            Step::Speak => self.speak(),
            Step::Write => self.finish_write(),
            Step::Connect => self.connect(),
            Step::Disturb => self.disturb(),
        }
    }

    /// Tells both.
    fn input(&mut self, input: Input) {
        self.account.input(self.now, &input);
        self.peer.handle_input(self.now, input);
    }

    fn wait(&mut self) -> Checked {
        let at = self.account.timeout().filter(|at| *at > self.now);
        let time = match (self.chance.below(4), at) {
            (0, Some(at)) => at,
            (1, Some(at)) => Time(at.0 - 1),
            (2, Some(at)) => later(at, Duration::from_millis(3)),
            _ => later(self.now, Duration::from_micros(self.chance.below(20_000) as u64)),
        };
        self.now = self.now.max(time);
        self.input(Input::Timeout);
        Ok(())
    }

    // ---- the upper layer -----------------------------------------------------------------------------------------

    fn body(&mut self, kind: Kind) -> Vec<u8> {
        let len = match (self.is_long, self.chance.below(12)) {
            (_, 0) => self.chance.below(40),
            (_, 1) => 3980 + self.chance.below(60),
            (true, _) => 2000 + self.chance.below(1900),
            (false, _) => 28 + self.chance.below(90),
        };
        let code = match (kind, self.chance.below(10)) {
            (_, 0) => self.chance.below(40) as u32,
            (Kind::Msg, _) => MsgType::Request.to_wire(),
            (Kind::Rcom, _) => RcomType::Lookup.to_wire(),
        };
        let mut body: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_mul(7) ^ self.seq as u8).collect();
        body.iter_mut().zip(code.to_le_bytes()).for_each(|(byte, field)| *byte = field);
        if self.chance.below(8) == 0 {
            body.iter_mut().skip(4).zip((-3_i32).to_le_bytes()).for_each(|(byte, field)| *byte = field);
        }
        body
    }

    fn kind(&mut self) -> Kind {
        if self.chance.below(4) == 0 { Kind::Rcom } else { Kind::Msg }
    }

    fn send(&mut self) -> Checked {
        for _ in 0..=self.chance.below(if self.is_long { 90 } else { 12 }) {
            match self.chance.below(10) {
                0 => {
                    let code = [RcomType::Status, RcomType::Names, RcomType::NamesReply, RcomType::Lookup];
                    let code = code.get(self.chance.below(4)).map_or(0, |code| code.to_wire());
                    let body = rcom(code, 0, 0, [0, 0], self.chance.below(60));
                    same("send_bare", self.account.send_bare(&body), self.peer.send_bare(LOCKSPACE, &body))?;
                }
                1 => {
                    same("ready", self.account.may_send(midcomms::midcomms::MAX_BODY_LEN).map(drop), self.peer.ready())?
                }
                2 => {
                    let block = self.body(Kind::Msg);
                    same("send_opaque", self.account.send_opaque(&block), self.peer.send_opaque(LOCKSPACE, &block))?;
                }
                _ => {
                    let kind = self.kind();
                    let body = self.body(kind);
                    let sent = self.peer.send(kind, LOCKSPACE, &body);
                    same("send", self.account.send(kind, &body), sent)?;
                    names_itself(&sent)?;
                }
            }
        }
        Ok(())
    }

    fn reserve(&mut self) -> Checked {
        if self.reservations.len() >= 4 {
            return Ok(());
        }
        let kind = self.kind();
        let len = self.body(kind).len();
        let reserved = self.peer.reserve(kind, LOCKSPACE, len);
        let seq = reserved.as_ref().map(Reservation::seq).map_err(Clone::clone);
        self.reservations.extend(reserved.ok().map(|reservation| (reservation, kind, len)));
        same("reserve", self.account.reserve(kind, len), seq)
    }

    /// Commits or cancels one reservation, whichever.
    fn settle_reservation(&mut self) -> Checked {
        if self.reservations.is_empty() {
            return Ok(());
        }
        let index = self.chance.below(self.reservations.len());
        let (reservation, kind, len) = self.reservations.swap_remove(index);
        let seq = reservation.seq();
        if self.chance.below(4) == 0 {
            self.peer.cancel(&reservation);
            self.account.commit(seq, kind, len, None);
        } else {
            let mut body = self.body(kind);
            body.resize(len, 1);
            let expected = Account::check(kind, &body);
            let committed = self.peer.commit(&reservation, |place| place.copy_from_slice(&body));
            same("commit", expected, committed)?;
            if expected.is_err() {
                self.reservations.push((reservation, kind, len)); // it stands
                return Ok(());
            }
            self.account.commit(seq, kind, len, Some(&body));
        }
        let again = self.peer.commit(&reservation, |_| {});
        same("commit what is committed", Err(SendError::SessionOver), again)
    }

    // ---- the peer ------------------------------------------------------------------------------------------------

    /// Some words on a connection that stands, in two chunks that are cut anywhere.
    fn speak(&mut self) -> Checked {
        let lines: Vec<ConnectionId> =
            [&self.account.ours, &self.account.theirs].into_iter().flatten().map(|line| line.id).collect();
        let Some(id) = lines.get(self.chance.below(lines.len())).copied() else { return Ok(()) };
        let mut words = Vec::new();
        if !self.introduced.contains(&id) {
            self.introduced.push(id);
            words.push(match self.is_old {
                true => Word::Bare(self.body_of_theirs()),
                false => Word::Hello(self.number(), Ids { source: self.theirs, destination: Some(self.account.own) }),
            });
        }
        for _ in 0..self.chance.below(5) {
            words.push(if self.is_old { self.old_word() } else { self.word() });
        }
        if !self.is_old && self.chance.below(16) == 0 {
            words.extend((0..self.chance.below(24)).map(|_| Word::Undecodable(Seq(self.seq))));
        }
        let said: Vec<_> = words.iter().map(|word| word.bytes(self.account.peer, self.is_old, LOCKSPACE)).collect();
        let all = Bytes::from(said.concat());
        let cut = self.chance.below(all.len() + 1);
        let mut end = 0;
        let first = said.iter().take_while(|bytes| {
            end += bytes.len();
            end <= cut
        });
        let count = first.count();
        let (before, after) = words.split_at(count);
        for (chunk, words) in [(all.slice(..cut), before), (all.slice(cut..), after)] {
            self.account.received(self.now, id, chunk.len(), words);
            self.peer.handle_input(self.now, Input::Received(id, chunk));
        }
        Ok(())
    }

    /// What the peer acknowledges: mostly something that it got.
    fn number(&mut self) -> Seq {
        let ahead = match self.chance.below(16) {
            0 => self.account.handed as u32 + 1 + self.chance.below(3) as u32,
            1 => BEHIND.wrapping_neg(),
            _ => self.chance.below(self.account.handed + 1) as u32,
        };
        Seq(self.account.first.wrapping_add(ahead))
    }

    fn body_of_theirs(&mut self) -> Vec<u8> {
        let mut body = vec![0; MSG_FIXED_LEN + self.chance.below(if self.is_long { 3000 } else { 120 })];
        body.iter_mut().zip(MsgType::Grant.to_wire().to_le_bytes()).for_each(|(byte, field)| *byte = field);
        if let Some(last) = body.last_mut() {
            *last = self.seq as u8 | 1;
        }
        body
    }

    fn word(&mut self) -> Word {
        let next = self.seq;
        match self.chance.below(24) {
            0 => Word::Status(self.chance.below(1000) as u64),
            1 => Word::Names(rcom(RcomType::Names.to_wire(), 0, 0, [0, 0], 24)),
            2 => Word::Data(Seq(next.wrapping_sub(1 + self.chance.below(3) as u32)), Kind::Msg, self.body_of_theirs()),
            3 => Word::Data(Seq(next + 1 + self.chance.below(3) as u32), Kind::Msg, self.body_of_theirs()),
            4 if self.chance.below(2) == 0 => Word::Undecodable(Seq(next)),
            4 => Word::Gone(Ids { source: self.theirs, destination: Some(self.account.own) }),
            5 if self.chance.below(6) == 0 => Word::WrongNode,
            6 if self.chance.below(6) == 0 => Word::Unparseable,
            7..13 => Word::Ack(self.number()),
            kind => {
                self.seq = next + 1;
                match kind {
                    13 => Word::Withdrawn(Seq(next)),
                    14 => Word::Data(Seq(next), Kind::Rcom, rcom(RcomType::Lookup.to_wire(), 0, 1, [2, 3], 19)),
                    _ => Word::Data(Seq(next), Kind::Msg, self.body_of_theirs()),
                }
            }
        }
    }

    fn old_word(&mut self) -> Word {
        match self.chance.below(12) {
            0 | 1 => Word::Status(self.chance.below(1000) as u64),
            2 => Word::Names(rcom(RcomType::NamesReply.to_wire(), 0, 0, [0, 0], 8)),
            3 if self.chance.below(6) == 0 => Word::WrongNode,
            _ => Word::Bare(self.body_of_theirs()),
        }
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    fn finish_write(&mut self) -> Checked {
        let lines = [&self.account.ours, &self.account.theirs];
        let writing: Vec<_> = lines.into_iter().flatten().filter(|line| line.is_writing).map(|line| line.id).collect();
        writing.into_iter().for_each(|id| self.input(Input::Written(id)));
        Ok(())
    }

    fn next_connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    fn connect(&mut self) -> Checked {
        if self.account.is_opening {
            let input = match self.chance.below(4) {
                0 => Input::OpenFailed,
                _ => Input::Opened(self.next_connection()),
            };
            self.input(input);
        }
        Ok(())
    }

    /// A connection comes or goes, or what is over is told again.
    fn disturb(&mut self) -> Checked {
        let line = [&self.account.ours, &self.account.theirs].into_iter().flatten().nth(self.chance.below(2));
        let standing = line.map(|line| line.id);
        let input = match (self.chance.below(8), standing) {
            (0..3, Some(id)) => Input::Broken(id),
            (3, Some(id)) => Input::Finished(id),
            (4, _) => Input::Broken(ConnectionId(9_999_999)),
            (5, _) => Input::Written(ConnectionId(9_999_999)),
            (6, _) if !self.account.is_opening => Input::Opened(self.next_connection()),
            _ => Input::Accepted(self.next_connection()),
        };
        self.input(input);
        Ok(())
    }

    // ---- what comes of it ----------------------------------------------------------------------------------------

    /// Compares what there is, and lets the implementation do what it wants to, and the account what it has to.
    fn settle(&mut self) -> Checked {
        for _ in 0..ROUNDS {
            self.compare()?;
            same("messages that an observer sees", core::mem::take(&mut self.account.seen), self.watch.take())?;
            let mut batch = Vec::new();
            let expected = self.account.transmit();
            same("poll_transmit", expected, self.peer.poll_transmit(self.now, &mut batch))?;
            match expected {
                None => return if self.chance.below(4) == 0 { Ok(()) } else { self.events() },
                Some(Transmit::Close(_)) => drop(self.account.closes.pop()),
                Some(Transmit::Open) => self.account.is_opening = true,
                Some(Transmit::Write(id)) => {
                    let written = self.account.write(self.now, &batch);
                    written.map_err(|(expected, got)| ("what is written", expected, got))?;
                    self.account.see(id, &batch.concat());
                    if self.chance.below(3) > 0 {
                        self.input(Input::Written(id));
                    }
                }
            }
        }
        Err(("poll_transmit", format!("quiet after {ROUNDS} rounds"), "there is more".to_owned()))
    }

    fn compare(&self) -> Checked {
        let (peer, account) = (&self.peer, &self.account);
        let expected = Snapshot {
            state: State::Established,
            seq_send: account.seq_send(),
            seq_next: Seq(account.seq_next),
            queue: account.entries.len(),
            users: 1,
            incarnation: account.own,
        };
        same("snapshot", expected, peer.snapshot())?;
        same("state", State::Established, peer.state())?;
        same("node and peer", [account.node, account.peer], [peer.node(), peer.peer()])?;
        same("version", account.version, peer.version())?;
        same("bound", account.bound, peer.bound())?;
        same("stops", (false, false), peer.stops())?;
        same("members", &[LOCKSPACE][..], peer.members())?;
        same("is_initial", false, peer.is_initial())?;
        same("queued", (account.entries.len(), account.bytes_from(0)), peer.queued())?;
        same("output_bytes", account.bytes_from(account.cursor), peer.output_bytes())?;
        let ids = [&account.ours, &account.theirs].map(|line| line.as_ref().map(|line| line.id));
        same("connections", (ids[0], ids[1]), peer.connections())?;
        same("poll_timeout", account.timeout(), peer.poll_timeout())?;
        same("counters", account.counters, *peer.counters())?;
        let next = account.transmit();
        let write = match next {
            Some(Transmit::Write(id)) => Some(id),
            _ => None,
        };
        same("has_transmit", next.is_some(), peer.has_transmit())?;
        same("next_write", write, peer.next_write())?;
        same("is_flushed", account.is_flushed(), peer.is_flushed())
    }

    /// Takes all events, in each of the ways in which they can be taken.
    fn events(&mut self) -> Checked {
        let expected: Vec<Event> = self.account.events.drain(..).collect();
        let batch = self.peer.events();
        same("how many events", (expected.len(), expected.is_empty()), (batch.len(), batch.is_empty()))?;
        same("how many events", (expected.len(), Some(expected.len())), batch.size_hint())?;
        let mut lent = batch.clone();
        for expected in &expected {
            let Some(got) = lent.next_ref() else {
                return Err(("event", short(expected), "none".to_owned()));
            };
            let event = match got {
                EventRef::Delivered { seq, kind, lockspace, body } => {
                    let body = Bytes::copy_from_slice(body);
                    Event::Delivered(midcomms::midcomms::Delivery { seq, kind, lockspace, body })
                }
                EventRef::Other(event) => event,
            };
            is_like(expected, &event)?;
        }
        same("events behind the last", true, lent.next_ref().is_none() && lent.is_empty())?;
        let got: Vec<Event> = match self.chance.below(2) {
            0 => self.peer.drain_events().collect(),
            _ => std::iter::from_fn(|| self.peer.poll_event()).collect(),
        };
        same("how many events", expected.len(), got.len())?;
        expected.iter().zip(&got).try_for_each(|(expected, got)| is_like(expected, got))
    }

    /// The session ends: nothing is left of it.
    fn end(&mut self) -> Checked {
        self.events()?;
        if self.account.timeout().is_none() && self.chance.below(2) == 0 {
            return self.time_out_shutdown();
        }
        let lost = self.account.entries.len();
        let open = [&self.account.ours, &self.account.theirs].into_iter().flatten().count();
        self.peer.handle_input(self.now, Input::Fence);
        let told: Vec<_> = self.peer.drain_events().filter(|event| *event != Event::SendReady).collect();
        same("events of a fence", vec![Event::Reset { reason: Reason::Fenced, unacknowledged: lost }], told)?;
        same("counter of resets", 1, self.peer.counters().resets)?;
        same("state of a fenced peer", (State::Closed, true), (self.peer.state(), self.peer.is_initial()))?;
        let closes = std::iter::from_fn(|| self.peer.poll_transmit(self.now, &mut Vec::new()));
        same("connections that a fence closes", open, closes.count())?;
        match self.reservations.pop() {
            Some((old, ..)) => {
                same("commit after a fence", Err(SendError::SessionOver), self.peer.commit(&old, |_| {}))
            }
            None => Ok(()),
        }
    }

    /// CLS-3, where the peer says nothing any more.
    fn time_out_shutdown(&mut self) -> Checked {
        let at = later(self.now, self.account.config.shutdown_timeout);
        self.peer.handle_input(self.now, Input::Shutdown);
        let mut told = |time: u64| {
            self.peer.handle_input(Time(time), Input::Timeout);
            let mut events = self.peer.drain_events();
            events.find_map(|event| if let Event::ShutdownDone(how) = event { Some(how) } else { None })
        };
        if self.account.version == Some(Version::V3_1) {
            return same("shutdown with a node of 3.1", Some(Shutdown::NoHandshake), told(at.0 - 1));
        }
        same("shutdown before its time is up", None, told(at.0 - 1))?;
        same("shutdown when its time is up", Some(Shutdown::TimedOut), told(at.0))
    }
}

/// Whether an error says of itself what it is: to be tried again, and an end of the connection.
fn names_itself<T>(result: &Result<T, SendError>) -> Checked {
    let is_temporary = |error: &SendError| matches!(error, SendError::Full { .. } | SendError::VersionUnknown { .. });
    match result {
        Ok(_) => Ok(()),
        Err(error) => same("is_temporary", is_temporary(error), error.is_temporary()),
    }
}

fn config(chance: &mut Chance, base: &Config) -> Config {
    let mut any = |few: usize, many: usize| if chance.below(2) == 0 { 1 + chance.below(few) } else { many };
    Config {
        ack_on_receive: any(6, 1000) as u32,
        ack_on_send: any(6, 1000) as u32,
        ack_bytes: any(2000, 1 << 20) as u32,
        queue_messages: any(12, 10_000),
        queue_bytes: any(6000, 1 << 20),
        answer_status: any(2, 1) == 1,
        retransmit_after: Duration::from_millis(any(900, 200) as u64),
        retransmit_max: Duration::from_millis(any(9000, 2000) as u64),
        ..base.clone()
    }
}

/// Whether an event is the one that there has to be. Which error of framing is told is the framer's business.
fn is_like(expected: &Event, got: &Event) -> Checked {
    if let Event::Misbehaved(fault) = got {
        let ends = matches!(fault, PeerMisbehaved::WrongNodeId { .. } | PeerMisbehaved::Unparseable(_));
        same("ends_connection", ends, fault.ends_connection())?;
    }
    if let (
        Event::Misbehaved(PeerMisbehaved::Sequenced { cmd: Cmd::Fin }),
        Event::Misbehaved(PeerMisbehaved::Unparseable(_)),
    ) = (expected, got)
    {
        return Ok(());
    }
    let (Event::Delivered(delivery), Event::Delivered(other)) = (expected, got) else {
        return same("event", expected, got);
    };
    let fields = |delivery: &midcomms::midcomms::Delivery| (delivery.seq, delivery.kind, delivery.lockspace);
    same("delivery", fields(delivery), fields(other))?;
    same("body of a delivery", &delivery.body, &other.body)?;
    let opaque = (delivery.kind == Kind::Msg).then(|| delivery.body.slice(MSG_FIXED_LEN..));
    same("opaque bytes of a delivery", opaque, other.opaque())
}
