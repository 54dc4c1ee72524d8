//! The connections of a pair, and what lies in them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use midcomms_model::State;

use super::evidence::Evidence;
use super::judge::{Couple, Side};
use super::report::{Certainty, Finding, PairDiagnosis};
use super::snapshot::{Snapshot, Socket};

const ESTABLISHED: &str = "ESTAB";

type Seen<'a> = Option<Vec<&'a Socket>>;

/// The sockets between two nodes, by side; `None` where they are not known.
pub(super) struct Links<'a> {
    now: [Seen<'a>; 2],
    before: [Seen<'a>; 2],
    /// The DLM uses SCTP, whose sockets `ss -t` does not show; `None` where that is not known.
    sctp: Option<bool>,
}

impl<'a> Links<'a> {
    pub(super) fn between(evidence: &Evidence, sides: &[Side<'a>; 2]) -> Self {
        let now = sides.map(|side| seen(side.now, &evidence.addresses(side.peer)));
        let before = sides.map(|side| seen(side.before, &evidence.addresses(side.peer)));
        let told = sides.iter().filter_map(|side| side.node?.log.as_ref()?.sctp).next();
        let any = evidence.nodes.values().flat_map(|node| &node.snapshots).filter_map(|seen| seen.sockets.as_ref());
        let is_tcp = any.flatten().next().map(|_| false);
        Self { now, before, sctp: told.or(is_tcp) }
    }

    /// Whether both ends have a connection and nothing lies in any; `None` where one end is not known.
    pub(super) fn are_idle(&self) -> Option<bool> {
        idle(&self.now)
    }

    /// The same at the moment before.
    pub(super) fn were_idle(&self) -> Option<bool> {
        idle(&self.before)
    }

    /// Whether either end has a connection that is open.
    fn is_open(&self) -> Option<bool> {
        let [one, other] = &self.now;
        let open = |seen: &Seen<'_>| seen.as_ref().map(|all| all.iter().any(|socket| socket.state == ESTABLISHED));
        match (open(one), open(other)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
            _ => Some(false),
        }
    }
}

fn seen<'a>(snapshot: Option<&'a Snapshot>, addresses: &BTreeSet<IpAddr>) -> Seen<'a> {
    let all = snapshot?.sockets.as_ref()?;
    let those: Vec<_> = all.iter().filter(|socket| addresses.contains(&socket.peer.0)).collect();
    (all.is_empty() || !addresses.is_empty()).then_some(those)
}

fn idle(sides: &[Seen<'_>; 2]) -> Option<bool> {
    let [Some(one), Some(other)] = sides else { return None };
    // Sockets that are not open any more carry nothing, however much lies in them.
    let quiet = |all: &Vec<&Socket>| {
        let mut open = all.iter().filter(|socket| socket.state == ESTABLISHED).peekable();
        open.peek().is_some() && open.all(|socket| socket.unread == 0 && socket.unsent == 0)
    };
    Some(quiet(one) && quiet(other))
}

/// What the sockets alone tell.
pub(super) fn look(couple: &Couple<'_>, told: &mut PairDiagnosis) {
    for (index, side) in couple.sides.iter().enumerate() {
        let (Some(Some(now)), Some(Some(before))) = (couple.links.now.get(index), couple.links.before.get(index))
        else {
            continue;
        };
        for socket in now {
            let earlier = before.iter().find(|earlier| (earlier.local, earlier.peer) == (socket.local, socket.peer));
            told.findings.extend(earlier.and_then(|earlier| stuck(side, earlier, socket)));
        }
    }
    if told.findings.is_empty() {
        no_connection(couple, told);
    }
}

fn stuck(side: &Side<'_>, before: &Socket, now: &Socket) -> Option<Finding> {
    if now.state != ESTABLISHED || before.state != ESTABLISHED {
        return None;
    }
    let because = |what: &str| vec![format!("{}: {what}", before.place), format!("{}: {what} still", now.place)];
    if now.unread > 0 && now.unread == before.unread {
        return Some(Finding {
            kind: "not-read",
            certainty: Certainty::Likely,
            waits: side.peer,
            owes: side.id,
            owed: format!(
                "node {} does not read {} bytes that have arrived from node {}",
                side.id, now.unread, side.peer
            ),
            hazard: None,
            because: because(&format!("Recv-Q {}", now.unread)),
            advice: format!(
                "look at what node {}'s receiving thread does: `cat /proc/*/stack` of its dlm workers",
                side.id
            ),
        });
    }
    (now.unsent > 0 && now.unsent >= before.unsent && before.unsent > 0).then(|| Finding {
        kind: "not-taken",
        certainty: Certainty::Likely,
        waits: side.id,
        owes: side.peer,
        owed: format!("node {}'s machine does not take {} bytes that node {} has written", side.peer, now.unsent, side.id),
        hazard: None,
        because: because("Send-Q does not shrink"),
        advice: format!(
            "node {} is dead, cut off or out of memory: if it is dead, the cluster manager has to fence it; if not, see to the network",
            side.peer
        ),
    })
}

fn no_connection(couple: &Couple<'_>, told: &mut PairDiagnosis) {
    let [one, other] = &couple.sides;
    let queue = one.queue() + other.queue();
    let open = [one, other].iter().any(|side| side.state().is_some_and(|state| state != State::Closed));
    if !open || queue == 0 || couple.links.is_open() != Some(false) {
        return;
    }
    if couple.links.sctp != Some(false) {
        let why = "ss shows no connection between them, but the DLM may use SCTP, which `ss -t` does not show";
        told.unknown.push(format!("{why}: collect with docs/collect.sh"));
        return;
    }
    let (waits, owes) = if one.queue() > 0 { (one, other) } else { (other, one) };
    let refused = waits
        .node
        .and_then(|node| node.log.as_ref())
        .and_then(|log| log.about(owes.id).rev().find(|entry| matches!(entry.said, super::log::Said::Refused(_))));
    let mut because = vec!["no connection of port 21064 is open between them (ss)".to_owned()];
    because.extend(refused.map(|entry| format!("{}: connecting fails", entry.place)));
    told.findings.push(Finding {
        kind: "no-connection",
        certainty: if refused.is_some() { Certainty::Proven } else { Certainty::Likely },
        waits: waits.id,
        owes: owes.id,
        owed: format!("node {} holds {} messages for node {}, and there is no connection to carry them", waits.id, waits.queue(), owes.id),
        hazard: None,
        because,
        advice: format!("see whether port 21064 of node {} can be reached from node {} (firewall, address in the cluster's configuration)", owes.id, waits.id),
    });
}
