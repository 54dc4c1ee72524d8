//! Both records at one moment, and what came of the message between two such moments.

use midcomms_model::{Pair, Record, Seq, Side, State};

use crate::replay::Label;
use crate::replay::picture::{RecordView, What};

/// Both nodes as the first explanation has them.
#[derive(Clone, Copy, Debug)]
pub(in crate::replay) struct Look([Brief; 2]);

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) state: State,
    pub(super) send: Seq,
    pub(super) head: Seq,
    pub(super) next: Seq,
    resets: u64,
    duplicates: u64,
    copies: u64,
    /// The number that it waits for, and how many later ones it ignored.
    gap: Option<(Seq, u32)>,
}

/// The state of a record: replay knows it as closed until it hears what opens it, even where that was read before what
/// is taken as the beginning of its incarnation.
pub(super) fn state_of(record: &Record) -> State {
    match record.state {
        State::Closed if record.seq_send != Seq::ZERO => State::Established, // SND-3, VER-4
        state => state,
    }
}

impl Look {
    pub(in crate::replay) fn of(pair: &Pair<Label>) -> Self {
        Self(Side::BOTH.map(|side| {
            let node = pair.node(side);
            let (record, counts) = (node.record(), node.counts());
            Brief {
                state: state_of(&record),
                send: record.seq_send,
                head: record.queue_head,
                next: record.seq_next,
                resets: counts.resets,
                duplicates: counts.duplicates,
                copies: counts.retransmitted,
                gap: node.gap().map(|gap| (gap.missing, gap.ignored)),
            }
        }))
    }

    pub(super) fn brief(&self, side: Side) -> Brief {
        *side.pick(&self.0)
    }

    pub(super) fn sent_copy_since(&self, before: &Look, from: Side) -> bool {
        self.brief(from).copies > before.brief(from).copies
    }
}

impl Brief {
    /// Closed by what happened since: the record was reset, so its numbers tell nothing of that.
    fn was_closed_since(&self, before: &Brief) -> bool {
        self.state != before.state && self.state == State::Closed
    }

    pub(super) fn view(&self) -> RecordView {
        RecordView { state: self.state.name(), send: self.send.0, head: self.head.0, next: self.next.0 }
    }
}

/// What came of a message.
pub(super) fn outcome(from: Side, label: &Label, before: &Look, after: &Look) -> What {
    let (was, is) = (before.brief(from.other()), after.brief(from.other()));
    match label.number.map(Seq) {
        None => What::Bare,
        Some(_) if label.cmd() == "ACK" => {
            let queue_was = was.head.distance_to(was.send);
            let taken = match is.was_closed_since(&was) || is.resets > was.resets {
                true => queue_was,
                false => was.head.distance_to(is.head).min(queue_was),
            };
            What::Acked(taken)
        }
        Some(number) => arrival(number, &was, &is),
    }
}

fn arrival(number: Seq, was: &Brief, is: &Brief) -> What {
    if is.resets == was.resets && is.duplicates > was.duplicates {
        return What::Duplicate;
    }
    if let Some((missing, _)) = is.gap.filter(|_| is.gap != was.gap) {
        return What::Ignored(missing.0);
    }
    let is_new = is.resets > was.resets || !number.is_before(was.next);
    match is_new && (number.is_before(is.next) || is.was_closed_since(was)) {
        true => What::Accepted,
        false => What::Unread,
    }
}
