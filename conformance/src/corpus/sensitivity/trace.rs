//! A capture read once, to be replayed many times with a message changed.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;

use midcomms::wire::{self, Message};
use xxhash_rust::xxh3::xxh3_64;

use crate::capture::{
    CaptureError, CaptureOptions, CaptureReader, CaptureSummary, ConnId, Direction, FrameRef, Observed, Timestamp,
    TransportEvent,
};
use crate::messages::{Item, Messages, Seen};
use crate::replay::{NoDeliveries, Replay, ReplayOptions};

use super::field::{Field, MessageKind};
use super::{Outcome, Random};

/// Bytes from the start of a message that hold all the fields.
const FIELDS_LEN: usize = 72;

/// The events of a capture, without its files.
#[derive(Default)]
pub(super) struct Trace {
    events: Vec<Event>,
    bytes: Vec<u8>,
    places: Vec<Place>,
    frames: u64,
}

struct Event {
    frame: FrameRef,
    time: Timestamp,
    conn: ConnId,
    what: What,
}

enum What {
    /// Bytes of a stream: a part of [`Trace::bytes`].
    Data(Direction, usize, usize),
    Other(TransportEvent<'static>),
}

/// A message, and where its fields are.
pub(super) struct Place {
    pub(super) kind: MessageKind,
    /// The ACK before on the same connection from the same sender.
    pub(super) last_ack: Option<u32>,
    /// The highest ACK that what the peer has sent allows.
    pub(super) peer_sent: u32,
    /// What the manifest calls the number, where it is not like any other.
    number_name: Option<&'static str>,
    /// Whether it is the first message of its sender.
    is_first: bool,
    first_frame: FrameRef,
    /// Events up to the one that completes it.
    events: usize,
    /// Where in [`Trace::bytes`] its first bytes are.
    at: Vec<usize>,
}

impl Place {
    /// The fields of the message.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        Field::of(self.kind).map(|field| match (self.number_name, field.name) {
            (Some(name), _) if field.is_number() => Field { name, ..field },
            (_, "bare RCOM version") if self.is_first => Field { name: "version, first of a node", ..field },
            (_, "bare RCOM nodeid") if self.is_first => Field { name: "nodeid, first of a node", ..field },
            _ => field,
        })
    }

    pub(super) fn read(&self, field: Field, bytes: &[u8]) -> Option<u64> {
        let places = self.at.get(field.range())?;
        places.iter().rev().try_fold(0, |value, &at| Some(value << 8 | u64::from(*bytes.get(at)?)))
    }

    pub(super) fn write(&self, field: Field, value: u64, bytes: &mut [u8]) {
        let places = self.at.iter().skip(field.offset).take(field.size);
        for (&at, byte) in places.zip(value.to_le_bytes()) {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
    }
}

impl Trace {
    /// Reads a capture up to its message number `limit`.
    pub(super) fn read(path: &Path, limit: usize) -> Result<Self, CaptureError> {
        let reader = CaptureReader::open(path, &CaptureOptions::default())?;
        let mut reading = Reading::default();
        let mut messages = Messages::default();
        let summary = reader.read(&mut |observed| {
            if reading.trace.places.len() >= limit {
                return;
            }
            reading.event(&observed);
            messages.handle(&observed, &mut |item| {
                if let Item::Message(seen) = item {
                    reading.message(&seen);
                }
            });
        });
        reading.trace.frames = summary.frames;
        Ok(reading.trace)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Up to `per_kind` messages of each kind: the first, the last, and others at random.
    pub(super) fn sample(&self, per_kind: usize, random: &mut Random) -> Vec<&Place> {
        let mut sample = Vec::new();
        for kind in MessageKind::ALL {
            let mut of_kind: Vec<_> = self.places.iter().filter(|place| place.kind == kind).collect();
            // The first and the last are special: nothing is known before, nothing comes behind.
            for taken in 0..per_kind.min(of_kind.len()) {
                let index = match taken {
                    0 => 0,
                    1 => of_kind.len() - 1,
                    _ => random.below(of_kind.len()),
                };
                sample.push(of_kind.remove(index));
            }
        }
        sample
    }

    /// What becomes of the message at `place`, whose falsified form is in `bytes`.
    pub(super) fn outcome(&self, place: &Place, bytes: &[u8], options: &ReplayOptions) -> Outcome {
        let refused = self.refused(place.events, bytes, options);
        match refused.or_else(|| self.refused(self.events.len(), bytes, options)) {
            Some(first_frame) if first_frame == place.first_frame.number => Outcome::AtItsFrame,
            Some(_) => Outcome::Later,
            None => Outcome::Never,
        }
    }

    /// The frame in which the message begins at which the first `events` events are refused.
    fn refused(&self, events: usize, bytes: &[u8], options: &ReplayOptions) -> Option<u64> {
        let mut deliveries = NoDeliveries;
        let mut replay = Replay::new(options, &mut deliveries);
        for event in self.events.iter().take(events) {
            let what = match event.what {
                What::Data(direction, from, to) => TransportEvent::Data(direction, bytes.get(from..to)?),
                What::Other(other) => other,
            };
            replay.observe(&Observed { frame: event.frame, time: event.time, conn: event.conn, event: what });
        }
        let summary = CaptureSummary { frames: self.frames, ..CaptureSummary::default() };
        let report = replay.finish(String::new(), &summary);
        let rejections = report.pairs.iter().filter_map(|pair| pair.rejection.as_ref());
        rejections.map(|rejection| rejection.first_frame).min()
    }
}

/// A trace while it is read.
#[derive(Default)]
struct Reading {
    trace: Trace,
    ends: HashMap<ConnId, [IpAddr; 2]>,
    streams: HashMap<(ConnId, usize), Stream>,
    heard: HashSet<IpAddr>,
    sent: HashMap<(IpAddr, IpAddr), Sent>,
}

/// The numbers of the present incarnation of a sender, towards one receiver.
#[derive(Default)]
struct Sent {
    bodies: HashMap<u32, u64>,
    /// One more than the highest.
    next: u32,
}

impl Sent {
    /// Notes a number and tells whether it is a copy. A number with another body begins an incarnation.
    fn note(&mut self, number: u32, bytes: &[u8]) -> bool {
        let body = xxh3_64(bytes);
        if self.bodies.get(&number).is_some_and(|known| *known != body) {
            *self = Self::default();
        }
        self.next = self.next.max(number.wrapping_add(1));
        self.bodies.insert(number, body).is_some()
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Stream {
    has_numbers: bool,
    /// Where each byte of a message that is not complete yet, and of those behind it, is.
    waiting: Vec<usize>,
    has_hole: bool,
    last_ack: Option<u32>,
}

impl Reading {
    fn event(&mut self, observed: &Observed<'_>) {
        let conn = observed.conn;
        let what = match observed.event {
            TransportEvent::Data(direction, data) => {
                let from = self.trace.bytes.len();
                self.trace.bytes.extend_from_slice(data);
                let to = self.trace.bytes.len();
                self.streams.entry((conn, direction.index())).or_default().waiting.extend(from..to);
                What::Data(direction, from, to)
            }
            TransportEvent::Opened { transport, opener, acceptor, complete } => {
                self.ends.insert(conn, [opener.addr, acceptor.addr]);
                What::Other(TransportEvent::Opened { transport, opener, acceptor, complete })
            }
            TransportEvent::Hole(direction, length, reason) => {
                self.streams.entry((conn, direction.index())).or_default().has_hole = true;
                What::Other(TransportEvent::Hole(direction, length, reason))
            }
            TransportEvent::Missing(direction) => What::Other(TransportEvent::Missing(direction)),
            TransportEvent::Accepted => What::Other(TransportEvent::Accepted),
            TransportEvent::Forgotten => What::Other(TransportEvent::Forgotten),
            TransportEvent::Finished(direction) => What::Other(TransportEvent::Finished(direction)),
            TransportEvent::Reset(direction) => What::Other(TransportEvent::Reset(direction)),
        };
        self.trace.events.push(Event { frame: observed.frame, time: observed.time, conn, what });
    }

    fn message(&mut self, seen: &Seen<'_>) {
        let [opener, acceptor] = self.ends.get(&seen.conn).copied().unwrap_or([IpAddr::from([0, 0, 0, 0]); 2]);
        let (from, to) = match seen.direction {
            Direction::FromOpener => (opener, acceptor),
            Direction::FromAcceptor => (acceptor, opener),
        };
        let stream = self.streams.entry((seen.conn, seen.direction.index())).or_default();
        let length = seen.bytes.len().min(stream.waiting.len());
        let mut at: Vec<_> = stream.waiting.drain(..length).collect();
        at.truncate(FIELDS_LEN);
        let peer_sent = self.sent.get(&(to, from)).map_or(0, |sent| sent.next);
        let last_ack = stream.last_ack;
        let mut number_name = None;
        let mut is_copy = false;
        match wire::decode(seen.bytes) {
            Ok(Message::Ack(ack)) => {
                number_name = last_ack.is_none().then_some("ACK number, first on a connection");
                stream.last_ack = Some(ack.seq().0);
            }
            Ok(Message::Opts(opts)) => {
                let is_first = !self.sent.contains_key(&(from, to));
                let is_first_here = !std::mem::replace(&mut stream.has_numbers, true);
                let is_fin = matches!(opts.inner().body(), wire::Body::Fin { .. });
                number_name = number_name_of(is_first, is_first_here, is_fin);
                is_copy = self.sent.entry((from, to)).or_default().note(opts.seq().0, seen.bytes);
            }
            _ => {}
        }
        let is_first = self.heard.insert(from);
        let Some(kind) = MessageKind::of(seen.bytes, is_copy).filter(|_| !stream.has_hole) else { return };
        let (first_frame, events) = (seen.first_frame, self.trace.events.len());
        self.trace.places.push(Place { kind, last_ack, peer_sent, number_name, is_first, first_frame, events, at });
    }
}

fn number_name_of(is_first: bool, is_first_here: bool, is_fin: bool) -> Option<&'static str> {
    match (is_first, is_first_here, is_fin) {
        (true, ..) => Some("OPTS number, first of a direction"),
        (_, true, _) => Some("OPTS number, first on a connection"),
        (.., true) => Some("OPTS number of a FIN"),
        _ => None,
    }
}
