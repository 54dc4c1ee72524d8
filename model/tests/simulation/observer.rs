//! The frontier of explanations, fed with what the observer saw, and what it must get right.

use std::collections::HashSet;

use midcomms_model::{Conn, Inner, Message, Pair, RevisionSet, Seq, Side, Version};

use super::network::{Network, Seen, Transmission, What};
use super::world::{Accepted, World};

const BUDGET: usize = 64;

/// What the explanations say in the end.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) delivered: [Vec<usize>; 2],
    pub(crate) revisions: Vec<RevisionSet>,
    pub(crate) max_frontier: usize,
}

pub(crate) fn side(n: usize) -> Side {
    if n == 0 { Side::A } else { Side::B }
}

fn message(what: What) -> Message {
    match what {
        What::Opts { seq, inner, body } => Message::Opts { seq: Seq(seq), inner, body },
        What::Ack(number) => Message::Ack(Seq(number)),
        What::Bare { kind, .. } => Message::Bare(kind),
    }
}

pub(crate) fn describe(network: &Network, seen: Seen) -> String {
    let name = |n| ["A", "B"][n];
    match seen {
        Seen::Opened { conn, by } => format!("{} opens c{conn}", name(by)),
        Seen::Finished { conn, by } => format!("{} finishes c{conn}", name(by)),
        Seen::Reset { conn, by } => format!("{} resets c{conn}", name(by)),
        Seen::Sent { conn, from, label } => {
            let Transmission { what, life, .. } = network.transmissions[label];
            let what = match what {
                What::Opts { seq, inner, body } => format!("OPTS({seq}) {inner:?} body {body}"),
                What::Ack(number) => format!("ACK({number})"),
                What::Bare { kind, is_reply } => format!("bare {kind:?}{}", if is_reply { " reply" } else { "" }),
            };
            format!("{} on c{conn}: {what}   (#{label}, life {life})", name(from))
        }
    }
}

/// What was seen, long runs of messages cut short.
pub(crate) fn describe_all(network: &Network) -> Vec<String> {
    let is_plain = |seen: &Seen, conn: usize, from: usize, after: u32| match *seen {
        Seen::Sent { conn: c, from: f, label } if (c, f) == (conn, from) => {
            matches!(network.transmissions[label].what, What::Opts { seq, inner: Inner::Msg, .. } if seq == after.wrapping_add(1))
        }
        _ => false,
    };
    let mut lines = Vec::new();
    let mut cut = 0;
    for (index, &seen) in network.seen.iter().enumerate() {
        let goes_on = match seen {
            Seen::Sent { conn, from, label } => match network.transmissions[label].what {
                What::Opts { seq, inner: Inner::Msg, .. } => {
                    index > 0
                        && is_plain(&network.seen[index - 1], conn, from, seq.wrapping_sub(2))
                        && network.seen.get(index + 1).is_some_and(|next| is_plain(next, conn, from, seq))
                }
                _ => false,
            },
            _ => false,
        };
        if goes_on {
            cut += 1;
            continue;
        }
        if cut > 0 {
            lines.push(format!("  ... {cut} more, ascending"));
            cut = 0;
        }
        lines.push(describe(network, seen));
    }
    lines
}

/// Keeps every explanation that accepts, as a replay does.
pub(crate) fn judge(network: &Network) -> Result<Told, String> {
    let mut told = Told::default();
    let mut frontier: Vec<Pair<usize>> = vec![Pair::new([RevisionSet::any(); 2], true)];
    for &seen in &network.seen {
        match seen {
            Seen::Opened { conn, by } => {
                frontier.iter_mut().for_each(|pair| pair.opened(Conn(conn as u32), side(by), usize::MAX));
            }
            Seen::Finished { conn, by } => {
                frontier.iter_mut().for_each(|pair| pair.finished(Conn(conn as u32), side(by), usize::MAX));
            }
            Seen::Reset { conn, by } => {
                frontier.iter_mut().for_each(|pair| pair.reset(Conn(conn as u32), side(by), usize::MAX));
            }
            Seen::Sent { conn, from, label } => {
                let what = message(network.transmissions[label].what);
                frontier = advance(frontier, Conn(conn as u32), side(from), &what, label)
                    .map_err(|refused| format!("refused: {} :: {refused}", describe(network, seen)))?;
            }
        }
        told.max_frontier = told.max_frontier.max(frontier.len());
        if frontier.len() > BUDGET {
            return Err(format!("budget: more than {BUDGET} explanations"));
        }
        if let [pair] = &mut frontier[..] {
            drain(pair, &mut told);
        }
    }
    let suspects: Vec<_> = frontier.iter_mut().map(Pair::end).collect();
    let best = suspects.iter().position(Option::is_none);
    let mut pair = frontier.swap_remove(best.unwrap_or(0));
    if let (None, Some(Some(suspect))) = (best, suspects.first()) {
        return Err(format!("refused: at the end :: {:?}", suspect.refusal));
    }
    drain(&mut pair, &mut told);
    told.revisions = Side::BOTH.map(|side| pair.node(side).revisions()).to_vec();
    if Side::BOTH.into_iter().any(|side| pair.node(side).log_overflowed()) {
        return Err("budget: the log overflowed".to_owned());
    }
    Ok(told)
}

fn drain(pair: &mut Pair<usize>, told: &mut Told) {
    for (side, delivered) in Side::BOTH.into_iter().zip(&mut told.delivered) {
        delivered.extend(pair.node_mut(side).drain_deliveries().map(|delivery| delivery.label));
        pair.node_mut(side).drain_gaps().for_each(drop);
    }
}

fn advance(
    frontier: Vec<Pair<usize>>,
    conn: Conn,
    from: Side,
    message: &Message,
    label: usize,
) -> Result<Vec<Pair<usize>>, String> {
    let mut refused = None;
    let mut all = String::new();
    let mut kept: Vec<Pair<usize>> = Vec::new();
    let mut more = Vec::new();
    for mut pair in frontier {
        match pair.sent(conn, from, Version::V3_2, message, label) {
            Ok(second) => {
                more.extend(second);
                kept.push(pair);
            }
            Err(refusal) => {
                all += &format!(
                    "\n    {}: {}, not {}",
                    refusal.refusal.rule, refusal.refusal.expected, refusal.refusal.got
                );
                refused = refused.or(Some(refusal));
            }
        }
    }
    if let (true, Some(refused)) = (kept.is_empty(), refused) {
        return Err(format!("{:?} earlier {:?}{all}", refused.refusal, refused.earlier));
    }
    let mut distinct: Vec<Pair<usize>> = Vec::new();
    for pair in kept.into_iter().chain(more) {
        if !distinct.contains(&pair) {
            distinct.push(pair);
        }
    }
    Ok(distinct)
}

/// Whether what was inferred for the reader of one direction is what it really accepted. At the end of an incarnation
/// the observer cannot know: what was seen may have been lost behind the switch and never sent again, and what came on
/// a connection that was reset or that the reader had closed may have been read all the same (CAP-3, CAP-4).
/// Likewise the queue of a node that saw no answer may go out again and find a reader or none (H4).
pub(crate) fn compare(network: &Network, inferred: &[usize], accepted: &[Accepted]) -> Result<usize, String> {
    let is_doubtful = |label: usize| network.transmissions[label].is_doubtful;
    let doubtful: Vec<bool> = inferred.iter().map(|&label| is_doubtful(label)).collect();
    let key = |label: usize| match network.transmissions[label].what {
        What::Opts { seq, body, .. } => (seq, body),
        What::Ack(_) | What::Bare { .. } => (0, 0),
    };
    let inferred: Vec<(u32, u64)> = inferred.iter().map(|&label| key(label)).collect();
    let inferred_bodies: HashSet<u64> = inferred.iter().map(|(_, body)| *body).collect();
    let accepted_bodies: HashSet<u64> = accepted.iter().map(|accepted| accepted.body).collect();
    let (mut i, mut a, mut ambiguous) = (0, 0, 0);
    loop {
        let told = inferred.get(i);
        let real = accepted.get(a);
        if told.is_none() && real.is_none() {
            return Ok(ambiguous);
        }
        if let (Some(told), Some(real)) = (told, real)
            && *told == (real.seq, real.body)
        {
            (i, a) = (i + 1, a + 1);
            continue;
        }
        let at_end = |next: Option<u32>| next.is_none_or(|seq| seq == 0);
        if told.is_some_and(|told| !accepted_bodies.contains(&told.1) || !doubtful[i])
            && at_end(real.map(|real| real.seq))
        {
            (i, ambiguous) = (i + 1, ambiguous + 1);
            continue;
        }
        if let Some(real) = real.filter(|real| !inferred_bodies.contains(&real.body))
            && at_end(told.map(|told| told.0))
            && network.transmissions[real.label].is_doubtful
        {
            (a, ambiguous) = (a + 1, ambiguous + 1);
            continue;
        }
        return Err(format!("delivered: told {told:?} at {i}, really {real:?} at {a}"));
    }
}

/// Everything that must hold of one world.
pub(crate) fn check(world: &World) -> Result<(Told, usize), String> {
    let told = judge(&world.network)?;
    let mut ambiguous = 0;
    for n in [0, 1] {
        if !told.revisions[n].contains(world.nodes[n].revision) {
            return Err(format!("revisions: {} of node {n}, really {}", told.revisions[n], world.nodes[n].revision));
        }
        ambiguous += compare(&world.network, &told.delivered[n], &world.accepted[n])
            .map_err(|error| format!("{error} (reader {n})"))?;
    }
    Ok((told, ambiguous))
}
