//! The implementation's side of a world: nodes of real [`Peer`]s, and what is under way between them.

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use midcomms::midcomms::{
    Config, ConnectionId, Event, Ids, Incarnation, Input, Peer, Reservation, Tail, Time, Transmit,
};
use midcomms::wire::{NodeId, Seq, Version as WireVersion};
use midcomms_model::message::Version;
use midcomms_model::system::World;
use midcomms_model::system::wire::Kind;

use super::lane::{Item, Lane};
use super::lie::Lie;
use super::wire::{self, Said};

/// Rounds of output after one input, at most: beyond it the implementation is never quiet.
const ROUNDS: usize = 64;
/// Timers that only the driver lets run out are far apart from each other.
const SHORT: Duration = Duration::from_secs(3600);
const LONG: Duration = Duration::from_secs(1 << 27);

/// The implementation as the driver wants it: it acknowledges nothing that it need not, and no timer runs out by itself.
pub(super) fn patient() -> Config {
    Config {
        ack_on_receive: u32::MAX,
        ack_on_send: u32::MAX,
        ack_bytes: u32::MAX,
        ack_delay: LONG,
        retransmit_after: SHORT,
        retransmit_max: SHORT,
        status_interval: SHORT,
        shutdown_timeout: LONG,
        ..Config::default()
    }
}

/// What a node did to one peer in the action at hand.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) said: Vec<Said>,
    pub(super) events: Vec<Event>,
    /// A connection came or went.
    pub(super) is_reconnected: bool,
    /// What the driver cannot make sense of.
    pub(super) faults: Vec<String>,
}

/// What a node told of one peer and wrote to it since it began, by kind: what its counters have to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) delivered: u64,
    pub(super) resets: u64,
    pub(super) unexpected: u64,
    /// Of what was written, hellos included.
    pub(super) acks: u64,
}

impl Told {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Delivered(_) => self.delivered += 1,
            Event::Reset { .. } => self.resets += 1,
            Event::Unexpected(_) => self.unexpected += 1,
            _ => {}
        }
    }
}

/// What one node has about another.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// None where the node speaks 3.1: the driver plays it.
    pub(super) peer: Option<Box<Peer>>,
    pub(super) now: u64,
    connections: u64,
    /// The record's incarnations, by the model's number.
    pub(super) lives: [Incarnation; 4],
    /// Its first one: numbers wrap there, if they wrap anywhere.
    pub(super) first: Incarnation,
    /// The implementation was told to shut down, and has not said that it is done.
    pub(super) is_shutting: bool,
    pub(super) reservation: Option<Reservation>,
    pub(super) told: Told,
    /// What goes to the other node.
    pub(super) lane: Lane,
}

impl Seat {
    fn new(first: Incarnation) -> Self {
        Self {
            peer: None,
            now: first.0,
            connections: 0,
            lives: [first; 4],
            first,
            is_shutting: false,
            reservation: None,
            told: Told::default(),
            lane: Lane::default(),
        }
    }

    /// The number that the implementation gives what the model calls `seq`, in this incarnation: the model's numbers begin
    /// at the environment's first one in the first incarnation and at 0 later, the implementation's always at the former.
    pub(super) fn seq(&self, seq: midcomms_model::Seq, first: u32, incarnation: Incarnation) -> Seq {
        Seq(if incarnation == self.first { seq.0 } else { seq.0.wrapping_add(first) })
    }
}

/// Nodes of the implementation.
#[derive(Clone, Debug)]
pub(super) struct Rig<const N: usize, const M: usize> {
    seats: [[Seat; M]; N],
}

/// Where node `x` keeps what it knows about `y`.
pub(super) fn slot(x: usize, y: usize) -> usize {
    if y < x { y } else { y.wrapping_sub(1) }
}

/// The peers of `x`.
pub(super) fn peers<const M: usize>(x: usize) -> impl Iterator<Item = usize> {
    (0..M).map(move |slot| if slot < x { slot } else { slot + 1 })
}

#[expect(clippy::indexing_slicing, reason = "nodes are those of the model's pairs, which are in range")]
impl<const N: usize, const M: usize> Rig<N, M> {
    /// Nodes at the beginning: each with a record about each other one.
    pub(super) fn new(world: &World, patient: &Config) -> Self {
        let seat = |x: usize, slot: usize| Seat::new(Incarnation((x as u64 + 1) << 20 | (slot as u64) << 10));
        let mut rig = Self { seats: std::array::from_fn(|x| std::array::from_fn(|slot| seat(x, slot))) };
        for x in 0..N {
            for y in peers::<M>(x) {
                if world.environment.versions.get(x).is_none_or(|[version, _]| *version == Version::V3_2) {
                    let first = rig.seat(x, y).first;
                    rig.seat_mut(x, y).now = first.0 - 1;
                    rig.start(world, patient, (x, y));
                }
            }
        }
        rig
    }

    pub(super) fn seat(&self, x: usize, y: usize) -> &Seat {
        &self.seats[x][slot(x, y)]
    }

    pub(super) fn seat_mut(&mut self, x: usize, y: usize) -> &mut Seat {
        &mut self.seats[x][slot(x, y)]
    }

    /// `x` begins without memory, but for the incarnations that it used.
    pub(super) fn start(&mut self, world: &World, patient: &Config, (x, y): (usize, usize)) {
        let seat = self.seat_mut(x, y);
        let next = match &seat.peer {
            Some(peer) => Incarnation(peer.snapshot().incarnation.0.max(seat.now) + 1),
            None => Incarnation(seat.now + 1),
        };
        let peer = Peer::new(patient.clone(), NodeId(x as u32 + 1), NodeId(y as u32 + 1), next);
        seat.peer = Some(Box::new(peer.with_first_seq(Seq(world.environment.first_number))));
        seat.now = next.0;
        (seat.is_shutting, seat.reservation, seat.told) = (false, None, Told::default());
        let lane = &mut seat.lane;
        (lane.output, lane.said, lane.written_to) = (None, None, None);
        let lane = &mut self.seat_mut(y, x).lane;
        (lane.input, lane.heard) = (None, None);
    }

    /// Lets something happen to what `x` has about `y`, until it is quiet.
    pub(super) fn input(&mut self, (x, y): (usize, usize), input: Input, notes: &mut Notes, lie: Option<Lie>) {
        let seat = self.seat_mut(x, y);
        seat.now += 1;
        if let Some(peer) = &mut seat.peer {
            peer.handle_input(Time(seat.now), input);
        }
        self.drain((x, y), notes, lie);
    }

    /// Lets the time pass at which something is due.
    pub(super) fn time_out(&mut self, (x, y): (usize, usize), notes: &mut Notes, lie: Option<Lie>) {
        let seat = self.seat_mut(x, y);
        if let Some(at) = seat.peer.as_ref().and_then(|peer| peer.poll_timeout()) {
            seat.now = seat.now.max(at.0);
        }
        self.input((x, y), Input::Timeout, notes, lie);
    }

    /// Takes what there is to tell and to write. A connection that is asked for stands at once, and what is written to it
    /// waits in the lane, which is as long as it has to be.
    pub(super) fn drain(&mut self, (x, y): (usize, usize), notes: &mut Notes, lie: Option<Lie>) {
        let seat = self.seat_mut(x, y);
        let Some(peer) = &mut seat.peer else { return };
        let now = Time(seat.now);
        let mut batch = Vec::new();
        for _ in 0..ROUNDS {
            for event in peer.drain_events() {
                seat.told.note(&event);
                seat.is_shutting &= !matches!(event, Event::ShutdownDone(_));
                if !lie.is_some_and(|lie| lie.hides(&event)) {
                    notes.events.push(event);
                }
            }
            match peer.poll_transmit(now, &mut batch) {
                None => return,
                Some(Transmit::Close(_)) => {}
                Some(Transmit::Open) => {
                    seat.connections += 1;
                    notes.is_reconnected = true;
                    peer.handle_input(now, Input::Opened(ConnectionId(seat.connections)));
                }
                Some(Transmit::Write(id)) => {
                    let is_shared = peer.connections().1 == Some(id);
                    let before = notes.said.len();
                    note(&mut seat.lane, x, (id, is_shared), batch.drain(..), notes, lie);
                    let said = notes.said.iter().skip(before);
                    seat.told.acks += said.filter(|said| said.kind == Kind::Ack).count() as u64;
                    peer.handle_input(now, Input::Written(id));
                }
            }
        }
        notes.faults.push(format!("it is not quiet after {ROUNDS} rounds of output"));
    }

    /// Gives `x` a message of `y`'s. A hello goes before it where the last one said something else, for in the model every
    /// message says from and for which incarnations it is.
    pub(super) fn deliver(&mut self, (x, y): (usize, usize), item: &Item, notes: &mut Notes, lie: Option<Lie>) {
        if item.msg.kind() == Kind::End {
            return self.leave_connections((x, y), true, notes, lie);
        }
        let is_old = item.msg.is_old_version();
        let id = self.connection((x, y), is_old, notes, lie);
        let Some(peer) = &self.seat(x, y).peer else { return };
        let record = peer.snapshot();
        let quiet = Seq(record.seq_send.0.wrapping_sub(record.queue as u32));
        let lane = &mut self.seat_mut(y, x).lane;
        let chunk = match (is_old, item.msg.kind()) {
            (true, _) => own_bytes(y, item),
            (false, Kind::Ack) if lane.heard == Some(item.ids) => wire::ack(y, item.seq),
            (false, Kind::Ack) => wire::hello(y, item.seq, item.ids),
            (false, Kind::Gone) => {
                // It says for itself whom it is from and for; a hello that is for nobody makes the connection a hardened one.
                let nobody = Ids { source: item.ids.source, destination: None };
                lane.heard = Some(nobody);
                join(&wire::hello(y, quiet, nobody), &own_bytes(y, item))
            }
            (false, _) if lane.heard == Some(item.ids) => own_bytes(y, item),
            (false, _) => join(&wire::hello(y, quiet, item.ids), &own_bytes(y, item)),
        };
        if !is_old && item.msg.kind() != Kind::Gone {
            lane.heard = Some(item.ids);
        }
        self.input((x, y), Input::Received(id, chunk), notes, lie);
    }

    /// The connection on which `x` reads what `y` writes.
    fn connection(
        &mut self,
        (x, y): (usize, usize),
        is_old: bool,
        notes: &mut Notes,
        lie: Option<Lie>,
    ) -> ConnectionId {
        let seat = self.seat(x, y);
        let (ours, theirs) = seat.peer.as_ref().map_or((None, None), |peer| peer.connections());
        let lane = &self.seat(y, x).lane;
        let stands = |id: ConnectionId| ours == Some(id) || theirs == Some(id);
        if let Some((id, _)) = lane.input.filter(|(id, was_old)| *was_old == is_old && stands(*id)) {
            return id;
        }
        let shared = ours.filter(|_| lane.is_shared && !is_old);
        let id = shared.unwrap_or_else(|| {
            let seat = self.seat_mut(x, y);
            seat.connections += 1;
            let id = ConnectionId(seat.connections);
            notes.is_reconnected = true;
            self.input((x, y), Input::Accepted(id), notes, lie);
            id
        });
        let lane = &mut self.seat_mut(y, x).lane;
        (lane.input, lane.heard) = (Some((id, is_old)), None);
        id
    }

    /// `x` sees that its connections with `y` are gone: closed in order, or broken.
    pub(super) fn leave_connections(
        &mut self,
        (x, y): (usize, usize),
        in_order: bool,
        notes: &mut Notes,
        lie: Option<Lie>,
    ) {
        notes.is_reconnected = true;
        let seat = self.seat_mut(x, y);
        let Some(peer) = &mut seat.peer else { return };
        seat.now += 1;
        let (ours, theirs) = peer.connections();
        for id in [ours, theirs].into_iter().flatten() {
            let input = if in_order { Input::Finished(id) } else { Input::Broken(id) };
            peer.handle_input(Time(seat.now), input);
        }
        self.drain((x, y), notes, lie);
    }
}

fn join(first: &Bytes, second: &Bytes) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}

/// What the sender wrote; or, where the implementation never writes it, what it would be.
fn own_bytes(sender: usize, item: &Item) -> Bytes {
    let version = if item.msg.is_old_version() { WireVersion::V3_1 } else { WireVersion::V3_2 };
    item.bytes
        .clone()
        .unwrap_or_else(|| wire::written(sender, version, item.msg.kind(), item.seq, item.ids, item.msg.is_bare()))
}

/// Cuts what was written into messages, and takes the hellos for what they are.
fn note(
    lane: &mut Lane,
    node: usize,
    (id, is_shared): (ConnectionId, bool),
    batch: impl Iterator<Item = Bytes>,
    notes: &mut Notes,
    lie: Option<Lie>,
) {
    if lane.output != Some(id) {
        lane.said = None;
    }
    (lane.output, lane.is_shared) = (Some(id), is_shared);
    let Notes { said, faults, .. } = notes;
    for bytes in batch {
        let cut = wire::split(bytes, |bytes| {
            let bytes = lie.map_or(bytes.clone(), |lie| lie.about(bytes));
            said.push(tell(&mut lane.said, node, bytes)?);
            Ok(())
        });
        faults.extend(cut.err());
    }
}

fn tell(said: &mut Option<Ids>, node: usize, bytes: Bytes) -> Result<Said, String> {
    let read = wire::read(&bytes, NodeId(node as u32 + 1))?;
    let mut is_hello = false;
    let ids = match read.tail {
        Tail::Hello(ids) => {
            if *said == Some(ids) {
                return Err("a hello that says what the last one said (HRD-1)".to_owned());
            }
            if bytes != wire::hello(node, read.seq, ids) {
                return Err(format!("a hello of {:02x?}", &*bytes));
            }
            *said = Some(ids);
            is_hello = true;
            ids
        }
        Tail::Gone(ids) => ids,
        Tail::Plain | Tail::Unknown => said.ok_or("the first message on a connection is no hello (HRD-1)")?,
    };
    if let (Kind::Data, Some(body)) = (read.kind, &read.body)
        && *body != wire::body(node, ids.source, read.seq)
    {
        return Err(format!("number {} with a body that was not sent under it", read.seq));
    }
    Ok(Said { kind: read.kind, seq: read.seq, is_bare: read.is_bare, is_hello, ids, bytes })
}
