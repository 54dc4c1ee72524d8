//! Both sides after an action, field by field.

use midcomms::midcomms::{Event, Incarnation, Kind as BodyKind, Peer, Snapshot};
use midcomms_model::message::Version;
use midcomms_model::record::{Event as Met, State};
use midcomms_model::story::choices;
use midcomms_model::system::World;
use midcomms_model::system::observer::{Occurrence, Outcome};
use midcomms_model::system::state::End;
use midcomms_model::system::wire::Kind;

use super::lane::Item;
use super::rig::{Notes, Seat, Told, peers, slot};
use super::step::{Both, Driver, Step};
use super::wire;

/// One field in which the two differ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// Whose record, from 1.
    pub node: usize,
    /// About whom, from 1.
    pub peer: usize,
    /// What is compared.
    pub field: &'static str,
    /// What the model says.
    pub model: String,
    /// What the implementation says.
    pub implementation: String,
}

impl Mismatch {
    pub(super) fn new(x: usize, y: usize, field: &'static str, model: String, implementation: String) -> Self {
        Self { node: x + 1, peer: y + 1, field, model, implementation }
    }

    pub(super) fn of_implementation(x: usize, y: usize, field: &'static str, implementation: String) -> Self {
        Self::new(x, y, field, "-".to_owned(), implementation)
    }
}

/// Where model and implementation part.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) fields: Vec<Mismatch>,
    /// Both states after the action, in words.
    pub(super) model: String,
    pub(super) implementation: String,
}

impl Difference {
    pub(super) fn new<const N: usize, const M: usize>(world: &World, both: &Both<N, M>, fields: Vec<Mismatch>) -> Self {
        let mut lines = Vec::new();
        for x in 0..N {
            lines.extend(peers::<M>(x).map(|y| seat_in_words(x, y, both.rig.seat(x, y))));
        }
        Self { fields, model: choices::state(world, &both.system), implementation: lines.join("\n") }
    }
}

fn seat_in_words(x: usize, y: usize, seat: &Seat) -> String {
    let Some(peer) = &seat.peer else { return format!("node {} about {}: 3.1, played by the driver", x + 1, y + 1) };
    let record = peer.snapshot();
    let version = peer.version().map_or("version unset".to_owned(), |version| format!("version {version}"));
    let bound = peer.bound().map_or("unbound".to_owned(), |bound| format!("bound to {bound}"));
    format!(
        "node {} about {}: {}, {version}, send queue {}, next number {}, expects {}, users {}, incarnation {}, {bound}",
        x + 1,
        y + 1,
        record.state,
        record.queue,
        record.seq_send,
        record.seq_next,
        record.users,
        record.incarnation,
    )
}

/// Compares every record of every node, and what it told.
pub(super) fn compare<const N: usize, const M: usize>(
    driver: &Driver<'_>,
    both: &Both<N, M>,
    step: &Step<N, M>,
    (notes, handed): (&[[Notes; M]; N], Option<&Item>),
    faults: &mut Vec<Mismatch>,
) {
    for (x, notes) in notes.iter().enumerate() {
        for y in peers::<M>(x) {
            let Some(peer) = &both.rig.seat(x, y).peer else { continue };
            let record = driver.lie.map_or(peer.snapshot(), |lie| lie.on(peer.snapshot()));
            let mut pair = Pair { x, y, both, step, faults };
            pair.record(driver.world, peer, record);
            if let Some(notes) = notes.get(slot(x, y)) {
                pair.events(&notes.events, handed);
            }
        }
    }
}

struct Pair<'a, const N: usize, const M: usize> {
    x: usize,
    y: usize,
    both: &'a Both<N, M>,
    step: &'a Step<N, M>,
    faults: &'a mut Vec<Mismatch>,
}

impl<const N: usize, const M: usize> Pair<'_, N, M> {
    fn same<T: PartialEq + core::fmt::Debug>(&mut self, field: &'static str, model: T, implementation: T) {
        if model != implementation {
            let (model, implementation) = (format!("{model:?}"), format!("{implementation:?}"));
            self.faults.push(Mismatch::new(self.x, self.y, field, model, implementation));
        }
    }

    fn record(&mut self, world: &World, peer: &Peer, record: Snapshot) {
        let (x, y) = (self.x, self.y);
        let (end, seat) = (self.both.system.end(x, y), self.both.rig.seat(x, y));
        let first = world.environment.first_number;
        let seq = |seq| seat.seq(seq, first, record.incarnation).0;
        self.same("state", end.record.state.name(), record.state.name());
        self.same("version", end.record.version.map(wire_version), peer.version());
        if end.record.version != Some(Version::V3_1) {
            self.same("seq_send", seq(end.record.seq_send), record.seq_send.0); // SND-3: no numbers towards 3.1
        }
        self.same("seq_next", seq(end.record.seq_next), record.seq_next.0);
        self.same("send queue", end.record.queue_len() as usize, record.queue);
        self.same("users", usize::from(end.record.users), record.users);
        let counted: Vec<_> = (0..2).filter(|index| end.counted & 1 << index != 0).map(wire::lockspace).collect();
        let mut members = peer.members().to_vec();
        members.sort_unstable();
        self.same("members", counted, members);
        self.same("stop_tx and stop_rx", (end.record.stop_tx, end.record.stop_rx), peer.stops());
        let counters = peer.counters();
        let counted = Told {
            delivered: counters.delivered,
            resets: counters.resets,
            unexpected: counters.unexpected,
            acks: counters.acks_sent,
        };
        self.same("counters, against what was told and written", seat.told, counted);
        self.same("reservation", end.reserved.is_some(), seat.reservation.is_some());
        let life = |lives: &[Incarnation; 4], life: u8| lives.get(usize::from(life)).copied();
        self.same("incarnation", life(&seat.lives, end.life), Some(record.incarnation));
        if self.both.rig.seat(y, x).peer.is_some() {
            let bound = end.bound.and_then(|bound| life(&self.both.rig.seat(y, x).lives, bound));
            self.same("bound to", bound, peer.bound());
        }
    }

    fn events(&mut self, events: &[Event], handed: Option<&Item>) {
        let (x, y) = (self.x, self.y);
        let (before, after) = (self.step.before.end(x, y), self.both.system.end(x, y));
        let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
        let seen = |is: &dyn Fn(&Occurrence) -> bool| self.step.seen.iter().filter(|seen| is(seen)).count();
        let resets =
            seen(&|occurrence| matches!(*occurrence, Occurrence::Reset { node, peer } if (node, peer) == (x, y)));
        let unexpected = seen(
            &|occurrence| matches!(*occurrence, Occurrence::Met { node, peer, expected, .. } if (node, peer) == (x, y) && !expected),
        );
        let closings = seen(&|occurrence| {
            matches!(*occurrence, Occurrence::Changed { node, peer, from, to: State::Closed }
                if (node, peer) == (x, y) && from != State::Closed)
        });
        let is_new = after.record.version.is_some() && (before.record.version.is_none() || resets > 0);
        // A crash is told to nobody.
        if !self.is_crash() {
            let ended = count(|event| matches!(event, Event::Closed | Event::Reset { .. }));
            self.same("event: the session ended", closings, ended);
            self.same(
                "event: ended by its handshake",
                closings.min(self.handshakes()),
                count(|event| *event == Event::Closed),
            );
            self.same(
                "event: the first message was lost",
                lost(before, closings, self.handshakes()),
                unacknowledged(events),
            );
        }
        self.same(
            "event: the peer's version is known",
            usize::from(is_new),
            count(|event| matches!(event, Event::Up { .. })),
        );
        self.same("event: unexpected (CLS-4)", unexpected, count(|event| matches!(event, Event::Unexpected(_))));
        let closing = usize::from(self.accepts(Kind::Fin) && after.record.state != State::Closed);
        self.same("event: the peer is closing", closing, count(|event| *event == Event::PeerClosing));
        self.deliveries(events, handed);
    }

    fn is_crash(&self) -> bool {
        self.step.before.crashes != self.both.system.crashes
    }

    /// How often the handshake ended a session: its own FIN was acknowledged, or the peer's came last.
    fn handshakes(&self) -> usize {
        let (x, y) = (self.x, self.y);
        let ends = |occurrence: &&Occurrence| {
            matches!(**occurrence, Occurrence::Met { node, peer, event: Met::AckOfFin | Met::ReceiveFin, .. }
                if (node, peer) == (x, y))
        };
        self.step.seen.iter().filter(ends).count()
    }

    /// Whether `x` read a message of this kind, and it was in order.
    fn accepts(&self, kind: Kind) -> bool {
        let (x, y) = (self.x, self.y);
        self.step.seen.iter().any(|occurrence| {
            matches!(*occurrence, Occurrence::Read { from, to, message, outcome, .. }
                if (from, to) == (y, x)
                    && message.kind() == kind
                    && (outcome == Outcome::Accepted || message.is_bare() && outcome == Outcome::Handled))
        })
    }

    fn deliveries(&mut self, events: &[Event], handed: Option<&Item>) {
        let expected: Vec<_> = handed
            .filter(|_| self.accepts(Kind::Data))
            .map(|item| {
                let seq = (!item.msg.is_bare()).then_some(item.seq);
                (seq, wire::body(self.y, item.ids.source, item.seq).to_vec())
            })
            .into_iter()
            .collect();
        let got: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Delivered(delivery) if delivery.kind == BodyKind::Msg => {
                    Some((delivery.seq, delivery.body.to_vec()))
                }
                _ => None,
            })
            .collect();
        self.same("delivered", expected, got);
    }
}

/// What a session that did not end by its handshake leaves unacknowledged, without the FIN.
fn lost(before: &End, closings: usize, handshakes: usize) -> Option<usize> {
    let fin = usize::from(before.record.fin.is_some());
    let messages = (before.record.queue_len() as usize).saturating_sub(fin);
    (closings == 1 && handshakes == 0).then_some(messages)
}

fn unacknowledged(events: &[Event]) -> Option<usize> {
    events.iter().find_map(|event| match event {
        Event::Reset { unacknowledged, .. } => Some(*unacknowledged),
        _ => None,
    })
}

fn wire_version(version: Version) -> midcomms::wire::Version {
    match version {
        Version::V3_1 => midcomms::wire::Version::V3_1,
        Version::V3_2 => midcomms::wire::Version::V3_2,
    }
}
