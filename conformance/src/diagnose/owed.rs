//! Messages that one node sent and the other never accepted, although nothing is under way.

use midcomms_model::{Seq, State};

use super::evidence::Place;
use super::judge::{Couple, STANDSTILL_SECONDS, Side};
use super::log::{Entry, Said};
use super::report::{Certainty, Finding, PairDiagnosis};

/// RCV-5: a receiver of linux-6.12 that answers leaves no more than this unacknowledged.
const QUIET_QUEUE: u64 = 33;
/// Copies follow a reconnection within less (NET-3): a gap that is still open after it stays open.
const COPIES_SECONDS: f64 = 1.0;

/// A message that is missing.
struct Lost {
    seq: u32,
    /// The highest number that is known to have been sent.
    highest: u32,
    certainty: Certainty,
    because: Vec<String>,
}

impl Lost {
    /// The same, seen twice.
    fn with(mut self, other: Lost) -> Lost {
        self.certainty = self.certainty.min(other.certainty);
        self.because.extend(other.because);
        self
    }
}

/// Looks at both directions.
pub(super) fn look(couple: &Couple<'_>, told: &mut PairDiagnosis) {
    let [one, other] = &couple.sides;
    for (sender, receiver) in [(one, other), (other, one)] {
        let ends = [sender.state(), receiver.state()];
        if ends.iter().flatten().any(|state| *state == State::Closed) || ends == [None, None] {
            continue;
        }
        let lost = match (by_trace(couple, sender, receiver), by_log(sender, receiver)) {
            (Some(traced), Some(logged)) if traced.seq == logged.seq => Some(traced.with(logged)),
            (traced, logged) => traced.or(logged),
        };
        if let Some(lost) = lost.or_else(|| by_silence(couple, sender, receiver)) {
            told.findings.push(finding(sender, receiver, lost));
        } else if sender.queue() > 0 {
            undecided(couple, sender, receiver, told);
        }
    }
}

/// The sender traced a number as sent that the receiver has not delivered, long enough ago.
fn by_trace(couple: &Couple<'_>, sender: &Side<'_>, receiver: &Side<'_>) -> Option<Lost> {
    let (node, peer) = (sender.node?, receiver.node?);
    let sent = node.trace.as_ref()?.sent.get(&receiver.id)?;
    let (_, last) = *peer.trace.as_ref()?.delivered.get(&sender.id)?.last()?;
    let (time, seq) = *sent.iter().find(|(_, seq)| Seq(last).is_before(Seq(*seq)))?;
    let (_, highest) = *sent.last()?;
    if couple.links.are_idle() == Some(false) {
        return None;
    }
    let clocks = (node.booted, receiver.now.and_then(|snapshot| snapshot.time));
    let certainty = match clocks {
        (Some(booted), Some(now)) if booted + time + STANDSTILL_SECONDS <= now => Certainty::Proven,
        (Some(_), Some(_)) => return None,
        _ if node.trace.as_ref()?.last? - time >= STANDSTILL_SECONDS => Certainty::Likely,
        _ => return None,
    };
    let because = vec![
        format!("tracepoints: node {} sent {seq} at {time:.3} s after its boot, and up to {highest} since", sender.id),
        format!("tracepoints: node {} delivered up to {last} of node {}, and nothing later", receiver.id, sender.id),
    ];
    Some(Lost { seq, highest, certainty, because })
}

/// The receiver said that it ignores what is behind a gap, when no copies were to come any more.
fn by_log(sender: &Side<'_>, receiver: &Side<'_>) -> Option<Lost> {
    let entries: Vec<&Entry> = receiver.node?.log.as_ref()?.about(sender.id).collect();
    let last = entries.iter().rposition(|entry| matches!(entry.said, Said::Ignored(..)))?;
    let (before, after) = entries.split_at_checked(last)?;
    let (entry, after) = after.split_first()?;
    let Said::Ignored(seq, expected) = entry.said else { return None };
    if !Seq(expected).is_before(Seq(seq)) || after.iter().any(|entry| entry.said.is_of_a_connection()) {
        return None;
    }
    let connected = before.iter().rev().find(|entry| entry.said.is_of_a_connection());
    let waited = entry.time? - connected.map_or(Some(0.0), |entry| entry.time)?;
    if waited < COPIES_SECONDS || has_delivered(receiver, sender.id, expected) {
        return None;
    }
    let is_queued = sender.record().is_none_or(|record| record.queue > 0);
    is_queued.then(|| Lost {
        seq: expected,
        highest: seq,
        certainty: Certainty::Proven,
        because: vec![
            format!("{}: node {} ignores {seq} because it expects {expected}", entry.place, receiver.id),
            format!("that was {waited:.0} s after the last thing that happened to their connections: no copies came with it (NET-3)"),
        ],
    })
}

fn has_delivered(receiver: &Side<'_>, sender: u32, seq: u32) -> bool {
    let delivered = receiver.node.and_then(|node| node.trace.as_ref()?.delivered.get(&sender)?.last().copied());
    delivered.is_some_and(|(_, last)| !Seq(last).is_before(Seq(seq)))
}

/// The receiver went on sending and did not acknowledge, which its revision would have made it do.
fn by_silence(couple: &Couple<'_>, sender: &Side<'_>, receiver: &Side<'_>) -> Option<Lost> {
    let (was, is) = (sender.record_before()?, sender.record()?);
    let (replied_before, replied) = (receiver.record_before()?, receiver.record()?);
    let all = [was, is, replied_before, replied];
    let idle = couple.links.were_idle() == Some(true) && couple.links.are_idle() == Some(true);
    if !idle || all.iter().any(|record| record.state != State::Established) || is.queue < was.queue {
        return None;
    }
    let has_reserved = replied.queue > replied_before.queue;
    let rule = match receiver.node?.acknowledges_each_batch() {
        Some(true) if was.queue > 0 => "a receiver of linux-6.1 acknowledges each batch that it reads (RCV-5)",
        None | Some(false) if was.queue > QUIET_QUEUE && has_reserved => {
            "a receiver of linux-6.12 that has accepted more than 32 acknowledges before it sends (RCV-5)"
        }
        _ => return None,
    };
    if has_delivered_all(sender, receiver) {
        return None;
    }
    let because = vec![
        format!(
            "{} and {}: node {}'s send queue, {} and later {}",
            was.place, is.place, sender.id, was.queue, is.queue
        ),
        format!(
            "nothing lies in their connections, then and now, and node {} acknowledged nothing: {rule}",
            receiver.id
        ),
    ];
    Some(Lost { seq: UNKNOWN, highest: UNKNOWN, certainty: Certainty::Likely, because })
}

/// Stands for a number that is not known.
const UNKNOWN: u32 = u32::MAX;

fn has_delivered_all(sender: &Side<'_>, receiver: &Side<'_>) -> bool {
    let last_sent = sender.node.and_then(|node| node.trace.as_ref()?.sent.get(&receiver.id)?.last().copied());
    last_sent.is_some_and(|(_, seq)| has_delivered(receiver, sender.id, seq))
}

fn finding(sender: &Side<'_>, receiver: &Side<'_>, lost: Lost) -> Finding {
    let (from, to) = (sender.id, receiver.id);
    let count = Seq(lost.seq).distance_to(Seq(lost.highest)).saturating_add(1);
    let queue = sender.record().map_or(String::new(), |record| format!("; its send queue holds {}", record.queue));
    let mut owed = match lost.seq {
        UNKNOWN => {
            format!("node {to} waits for a message of node {from} that was lost, and nobody sends it again{queue}")
        }
        seq => format!(
            "node {to} waits for message {seq} of node {from}, which was lost and which nobody sends again; it ignores \
             all that comes behind it: {count} messages are owed, {seq} to {}{queue}",
            lost.highest
        ),
    };
    if sender.state().is_some_and(has_sent_fin) {
        owed += &format!("; node {from}'s FIN is behind the gap as well");
    }
    let (hazard, why) = hazard(sender, receiver.id, lost.seq);
    let mut because = lost.because;
    because.extend(why);
    Finding {
        kind: "lost-message",
        certainty: lost.certainty,
        waits: to,
        owes: from,
        owed,
        hazard,
        because,
        advice: format!(
            "only another break makes node {from} send its queue again: break its connection (on node {from}: \
             `ss -K dst ADDRESS-OF-NODE-{to} dport = 21064`), and diagnose once more, for the copies can be lost again"
        ),
    }
}

fn has_sent_fin(state: State) -> bool {
    matches!(state, State::FinWait1 | State::Closing | State::LastAck)
}

/// Which of H1 to H3 the sender's log speaks for.
fn hazard(sender: &Side<'_>, receiver: u32, seq: u32) -> (Option<&'static str>, Option<String>) {
    let log = sender.node.and_then(|node| node.log.as_ref());
    let entries: Vec<&Entry> = log.into_iter().flat_map(|log| log.about(receiver)).collect();
    let is_break = |entry: &&Entry| matches!(entry.said, Said::Broke(code) if code != 0) || entry.said == Said::Ended;
    let Some(at) = entries.iter().rposition(is_break) else {
        return (None, Some(format!("node {}'s log would tell which of H1, H2 and H3 it is", sender.id)));
    };
    let later = entries.get(at..).unwrap_or_default();
    let copies: Vec<u32> = later.iter().filter_map(|entry| copied(entry)).collect();
    let place = |place: &Place| place.to_string();
    let Some(last) = later.first() else { return (None, None) };
    if let (Some(first), Some(end)) = (copies.first(), copies.last())
        && Seq(*first).is_before(Seq(seq))
        && Seq(seq).is_before(Seq(*end))
        && !copies.contains(&seq)
    {
        return (Some("H1"), Some(format!("{}: copies went out without {seq}", place(&last.place))));
    }
    match last.said {
        Said::Ended => (Some("H3"), Some(format!("{}: the last break was an orderly close", place(&last.place)))),
        _ => (Some("H2"), Some(format!("{}: the last break was a socket error", place(&last.place)))),
    }
}

fn copied(entry: &Entry) -> Option<u32> {
    match entry.said {
        Said::Copied(seq) => Some(seq),
        _ => None,
    }
}

/// Unacknowledged messages of which nothing says that they are lost.
fn undecided(couple: &Couple<'_>, sender: &Side<'_>, receiver: &Side<'_>, told: &mut PairDiagnosis) {
    let (from, to, queue) = (sender.id, receiver.id, sender.queue());
    let head = format!("node {from} has {queue} unacknowledged messages for node {to}");
    if has_delivered_all(sender, receiver) {
        told.notes.push(format!("{head}: all are delivered (tracepoints), and a quiet link acknowledges nothing (H7)"));
        return;
    }
    let established = [sender, receiver].iter().all(|side| side.state() == Some(State::Established));
    match couple.links.are_idle() {
        Some(true) if queue <= QUIET_QUEUE && established => told.notes.push(format!(
            "{head}: as many as a quiet link leaves (H7), nothing lies in the connections, and nothing speaks for a loss"
        )),
        Some(true) if established => told.unknown.push(format!(
            "{head}, and nothing lies in the connections: more than a receiver that answers leaves (RCV-5). The \
             tracepoints of both nodes, or another snapshot some seconds later, would tell whether one is lost"
        )),
        Some(false) => told.unknown.push(format!(
            "{head}, and the connections are not quiet: another snapshot some seconds later would tell whether they move"
        )),
        None if receiver.state().is_some() => {
            told.unknown.push(format!("{head}: without the sockets of both nodes (ss.txt) it is not known whether they are under way"));
        }
        _ => {}
    }
}
