//! After the inputs of an action: the lanes as the model has them, and what was written against what the model queued.

use midcomms::midcomms::{Ids, Incarnation};
use midcomms::wire::Seq;
use midcomms_model::message::Version;
use midcomms_model::system::World;
use midcomms_model::system::observer::Occurrence;
use midcomms_model::system::wire::{Kind, Msg};

use super::compare::Mismatch;
use super::lane::Item;
use super::rig::{Notes, Rig, peers, slot};
use super::step::{Both, Step};
use super::wire::Said;

/// Brings the rig's lanes to what the model's links are, and says what was written otherwise than the model has it.
pub(super) fn settle<const N: usize, const M: usize>(
    world: &World,
    both: &mut Both<N, M>,
    step: &Step<N, M>,
    notes: &mut [[Notes; M]; N],
) -> Vec<Mismatch> {
    live_on(both, &step.seen);
    mirror(world, both, &step.seen);
    let mut faults = Vec::new();
    for (x, notes) in notes.iter_mut().enumerate() {
        for y in peers::<M>(x) {
            let Some(notes) = notes.get_mut(slot(x, y)) else { continue };
            let complaints = std::mem::take(&mut notes.faults);
            faults.extend(complaints.into_iter().map(|fault| Mismatch::of_implementation(x, y, "conduct", fault)));
            match both.rig.seat(x, y).peer {
                Some(_) => Writing { world, both, step, x, y, notes, last: None }.check(&mut faults),
                None => both.rig.seat_mut(x, y).lane.queued.clear(),
            }
            if !both.rig.seat(x, y).lane.mirrors(both.system.end(x, y).link.fifo.as_slice()) {
                faults.push(Mismatch::of_implementation(
                    x,
                    y,
                    "lane",
                    "the driver lost track of what is under way".into(),
                ));
            }
        }
    }
    faults
}

/// Which incarnation of the implementation's is which of the model's.
fn live_on<const N: usize, const M: usize>(both: &mut Both<N, M>, seen: &[Occurrence]) {
    for occurrence in seen {
        let Occurrence::Reset { node, peer } = *occurrence else { continue };
        let life = usize::from(both.system.end(node, peer).life);
        let seat = both.rig.seat_mut(node, peer);
        seat.reservation = None;
        // The driver numbers those of a node that it plays itself.
        seat.now += u64::from(seat.peer.is_none());
        let own = seat.peer.as_ref().map_or(Incarnation(seat.now), |record| record.snapshot().incarnation);
        if let Some(slot) = seat.lives.get_mut(life).filter(|slot| **slot != own) {
            *slot = own;
            seat.lane.written_to = None;
        }
    }
}

fn mirror<const N: usize, const M: usize>(world: &World, both: &mut Both<N, M>, seen: &[Occurrence]) {
    for occurrence in seen {
        match *occurrence {
            Occurrence::Queued { from, to, index, message } => {
                let (ids, seq) = (ids(&both.rig, from, to, message), number(world, &both.rig, from, to, message));
                let is_played = both.rig.seat(from, to).peer.is_none();
                let lane = &mut both.rig.seat_mut(from, to).lane;
                lane.queue(index, message, ids, seq);
                if is_played || message.kind() == Kind::End {
                    lane.queued.pop();
                }
            }
            Occurrence::Lost { from, to, index, .. } => both.rig.seat_mut(from, to).lane.lose(index),
            Occurrence::Delayed { from, to, .. } => both.rig.seat_mut(from, to).lane.delay(),
            _ => {}
        }
    }
    // A node that is out has nothing left of what it had put by.
    for x in 0..N {
        for y in peers::<M>(x) {
            if both.system.end(y, x).stale_len == 0 {
                both.rig.seat_mut(x, y).lane.stale.clear();
            }
        }
    }
}

fn ids<const N: usize, const M: usize>(rig: &Rig<N, M>, from: usize, to: usize, msg: Msg) -> Ids {
    let life = |x, y, life: u8| {
        let lives = &rig.seat(x, y).lives;
        lives.get(usize::from(life & 3)).copied().unwrap_or(Incarnation(0))
    };
    Ids { source: life(from, to, msg.source()), destination: msg.destination().map(|over| life(to, from, over)) }
}

fn number<const N: usize, const M: usize>(world: &World, rig: &Rig<N, M>, from: usize, to: usize, msg: Msg) -> Seq {
    if msg.is_bare() || !(msg.is_sequenced() || msg.kind() == Kind::Ack) {
        return Seq(0);
    }
    let first = world.environment.first_number;
    let seq = midcomms_model::Seq(first).plus(u32::from(msg.number()));
    let source = ids(rig, from, to, msg).source;
    rig.seat(from, to).seq(seq, first, source)
}

/// What `x` wrote to `y`, against what the model queued.
struct Writing<'a, const N: usize, const M: usize> {
    world: &'a World,
    both: &'a mut Both<N, M>,
    step: &'a Step<N, M>,
    x: usize,
    y: usize,
    notes: &'a mut Notes,
    /// The place of the last one found whose order matters.
    last: Option<usize>,
}

impl<const N: usize, const M: usize> Writing<'_, N, M> {
    fn check(mut self, faults: &mut Vec<Mismatch>) {
        let queued = std::mem::take(&mut self.both.rig.seat_mut(self.x, self.y).lane.queued);
        let mut found = vec![false; queued.len()];
        for said in std::mem::take(&mut self.notes.said) {
            if let Err(why) = self.place(&said, &queued, &mut found) {
                let text = format!("writes {} {why}", told(said.kind, said.seq, said.ids));
                faults.push(Mismatch::of_implementation(self.x, self.y, "message", text));
            }
            self.note_number(&said);
        }
        let owed = queued.iter().zip(&found).filter(|(item, found)| !**found && !self.may_be_missing(item));
        faults.extend(owed.map(|(item, _)| {
            let text = told(item.msg.kind(), item.seq, item.ids);
            Mismatch::new(self.x, self.y, "message", format!("writes {text}"), "does not".to_owned())
        }));
        if let Some(item) = self.held_back() {
            let text = told(item.msg.kind(), item.seq, item.ids);
            faults.push(Mismatch::new(self.x, self.y, "message", format!("wrote {text}"), "held it back".to_owned()));
        }
    }

    fn note_number(&mut self, said: &Said) {
        let lane = &mut self.both.rig.seat_mut(self.x, self.y).lane;
        let is_current = said.seq.successor();
        let is_numbered = matches!(said.kind, Kind::Data | Kind::Fin) && !said.is_bare;
        if is_numbered && lane.written_to.is_none_or(|to| to.is_before(is_current)) {
            lane.written_to = Some(is_current);
        }
    }

    fn place(&mut self, said: &Said, queued: &[Item], found: &mut [bool]) -> Result<(), String> {
        let is_it = |item: &Item| self.is(said, item);
        let place = queued.iter().zip(&*found).position(|(item, found)| !found && is_it(item));
        let Some(place) = place else { return self.place_elsewhere(said) };
        if said.kind == Kind::Ack && !said.is_hello || item_is_ordered(said.kind) {
            if self.last.is_some_and(|last| last > place) {
                return Err("before what the model puts before it".to_owned());
            }
            self.last = Some(place);
        }
        let lane = &mut self.both.rig.seat_mut(self.x, self.y).lane;
        let twice = |item: &Item| said.kind == Kind::Ack && item.msg.kind() == Kind::Ack && item.seq == said.seq;
        for (index, (item, found)) in queued.iter().zip(found.iter_mut()).enumerate() {
            // An ACK that the model says twice in one action is said once.
            if index == place || (!*found && twice(item) && item.ids == queued.get(place).map_or(item.ids, |it| it.ids))
            {
                *found = true;
                lane.fill(item.tag, &said.bytes);
            }
        }
        self.fill_held_back(said);
        Ok(())
    }

    /// A message that the model did not queue in this action.
    fn place_elsewhere(&mut self, said: &Said) -> Result<(), String> {
        if self.fill_held_back(said) {
            return Ok(());
        }
        let seat = self.both.rig.seat(self.x, self.y);
        let fifo = self.both.system.end(self.x, self.y).link.fifo.as_slice();
        let is_under_way = |kind| fifo.iter().any(|msg| msg.kind() == kind);
        let is_allowed = match said.kind {
            // HRD-1 has it go out where ids change or a connection begins; every message of the model's says as much.
            Kind::Ack => said.is_hello && self.is_next(said),
            // The model keeps one question and one answer under way, and asks again in an action of its own.
            Kind::Status => is_under_way(Kind::Status) || self.notes.is_reconnected && self.is_unknown(),
            Kind::StatusReply => is_under_way(Kind::StatusReply),
            // The model sends again in an action of its own; the implementation also when its connection changes, and what
            // is committed after a break at once.
            Kind::Data | Kind::Fin => {
                let is_copy = seat.lane.written_to.is_some_and(|to| said.seq.is_before(to));
                let is_late = self.step.before.end(self.x, self.y).late;
                self.notes.is_reconnected && is_copy || self.commits() && is_late
            }
            Kind::Gone | Kind::End => false,
        };
        if is_allowed { Ok(()) } else { Err("which the model does not".to_owned()) }
    }

    /// Whether a hello says the number that the model expects next, or expected before the action ended the incarnation.
    fn is_next(&self, said: &Said) -> bool {
        let seat = self.both.rig.seat(self.x, self.y);
        let first = self.world.environment.first_number;
        let middle = self.step.also.as_ref().map(|(middle, _)| middle);
        let systems = [Some(&self.both.system), middle, Some(&self.step.before)];
        systems.into_iter().flatten().any(|system| {
            let next = system.end(self.x, self.y).record.seq_next;
            seat.seq(next, first, said.ids.source) == said.seq
                || seat.seq(next.next(), first, said.ids.source) == said.seq
        })
    }

    fn commits(&self) -> bool {
        self.step.seen.contains(&Occurrence::Committed { from: self.x, to: self.y })
    }

    fn is_unknown(&self) -> bool {
        let unknown = |end: &midcomms_model::system::state::End| end.record.version.is_none();
        unknown(self.both.system.end(self.x, self.y)) || unknown(self.step.before.end(self.x, self.y))
    }

    /// Gives the bytes to what a reservation had held back, copies too.
    fn fill_held_back(&mut self, said: &Said) -> bool {
        let waits = |item: &Item| item.bytes.is_none() && self.is(said, item);
        let lane = &self.both.rig.seat(self.x, self.y).lane;
        let tags: Vec<u32> = lane.items.iter().filter(|item| waits(item)).map(|item| item.tag).collect();
        let lane = &mut self.both.rig.seat_mut(self.x, self.y).lane;
        tags.iter().for_each(|tag| lane.fill(*tag, &said.bytes));
        !tags.is_empty()
    }

    /// Whether this is that message of the model's.
    fn is(&self, said: &Said, item: &Item) -> bool {
        let speaks_old = self.world.environment.versions.iter().flatten().any(|version| *version == Version::V3_1);
        let is_for = |ids: Ids| match (said.ids.destination, ids.destination) {
            (ours, models) if ours == models => true,
            // A hello may know more than the model's message says: whom it has heard of without being bound.
            (Some(heard), None) => self.both.rig.seat(self.y, self.x).lives.contains(&heard),
            // A node of 3.1 has no ids, though the model counts its incarnations.
            (None, Some(_)) => speaks_old,
            _ => false,
        };
        said.kind == item.msg.kind()
            && said.seq == item.seq
            && said.is_bare == item.msg.is_bare()
            && (said.is_bare || said.ids.source == item.ids.source && is_for(item.ids))
    }

    /// What the model queued and the implementation need not have written.
    fn may_be_missing(&self, item: &Item) -> bool {
        let seat = self.both.rig.seat(self.x, self.y);
        match item.msg.kind() {
            // SND-5: nothing that is behind a reservation goes out before it is committed.
            Kind::Data | Kind::Fin => {
                seat.reservation.as_ref().is_some_and(|reservation| !item.seq.is_before(reservation.seq()))
            }
            // An answer to an incarnation that is over: the implementation has heard of the one after it.
            Kind::StatusReply => {
                let life = usize::from(self.both.system.end(self.y, self.x).life);
                let other = self.both.rig.seat(self.y, self.x);
                item.ids.destination != other.lives.get(life).copied()
            }
            _ => false,
        }
    }

    /// A message of this incarnation without bytes, although nothing holds it back any more.
    fn held_back(&self) -> Option<&Item> {
        let seat = self.both.rig.seat(self.x, self.y);
        let own = seat.peer.as_ref().map(|peer| peer.snapshot().incarnation)?;
        let is_open = seat.reservation.is_some();
        seat.lane
            .items
            .iter()
            .find(|item| !is_open && item.msg.is_sequenced() && item.bytes.is_none() && item.ids.source == own)
    }
}

fn item_is_ordered(kind: Kind) -> bool {
    matches!(kind, Kind::Data | Kind::Fin)
}

fn told(kind: Kind, seq: Seq, ids: Ids) -> String {
    let number = match kind {
        Kind::Data | Kind::Fin | Kind::Ack => format!(" {seq}"),
        _ => String::new(),
    };
    let to = ids.destination.map_or("an incarnation unknown".to_owned(), |id| format!("incarnation {id}"));
    format!("{kind:?}{number} from incarnation {} for {to}", ids.source)
}
