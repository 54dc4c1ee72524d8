//! What is tried to be left out together, the large first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::capture::{ConnId, Direction};

use super::target::{Target, Wanted};
use super::trace::{Event, Trace};

const CMD_AT: usize = 14;
const ACK: u8 = 4;

/// Groups of units: what comes behind the refused message; whole pairs; connections; of each connection what one end
/// sends with what answers it; single units.
pub(super) fn levels(trace: &Trace, target: &Target) -> Vec<Vec<Vec<usize>>> {
    let behind = |index: &usize| {
        let is_behind = trace.units.get(*index).is_some_and(|unit| unit.at.number > target.frame());
        is_behind && target.wanted() == Wanted::Rejection
    };
    let tail: Vec<usize> = (0..trace.units.len()).filter(behind).collect();
    let ends = ends(trace);
    let pairs = grouped(trace, |conn, _| ends.get(&conn).copied());
    let connections = grouped(trace, |conn, _| Some(conn));
    let talks = grouped(trace, |conn, event| talk(event).map(|talk| (conn, talk)));
    let single = (0..trace.units.len()).map(|index| vec![index]).collect();
    vec![vec![tail], pairs, connections, talks, single]
}

/// The addresses of each connection, the lower first.
fn ends(trace: &Trace) -> HashMap<ConnId, (IpAddr, IpAddr)> {
    let events = trace.units.iter().flat_map(|unit| &unit.events);
    let opened = events.filter_map(|(conn, event)| match event {
        Event::Opened { opener, acceptor, .. } => {
            Some((*conn, (opener.addr.min(acceptor.addr), opener.addr.max(acceptor.addr))))
        }
        _ => None,
    });
    opened.collect()
}

/// What the opener sends and the acceptor acknowledges, or the other way round.
fn talk(event: &Event) -> Option<Direction> {
    match event {
        Event::Data(direction, bytes) if bytes.get(CMD_AT) == Some(&ACK) => Some(direction.reverse()),
        Event::Data(direction, _) => Some(*direction),
        _ => None,
    }
}

fn grouped<K: Ord>(trace: &Trace, key: impl Fn(ConnId, &Event) -> Option<K>) -> Vec<Vec<usize>> {
    let mut groups = BTreeMap::<K, Vec<usize>>::new();
    for (index, unit) in trace.units.iter().enumerate() {
        let first = unit.events.first().and_then(|(conn, event)| key(*conn, event));
        first.into_iter().for_each(|key| groups.entry(key).or_default().push(index));
    }
    groups.into_values().collect()
}
