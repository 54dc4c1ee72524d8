//! What the states of the two records say together (section 7 of `PROTOCOL.md`).

use midcomms_model::State;

use super::judge::{Couple, Side};
use super::report::{Certainty, Finding, PairDiagnosis};

/// What a state means for who waits.
struct Told {
    kind: &'static str,
    /// The node itself waits for its peer; otherwise its peer waits for it.
    waits: bool,
    owed: String,
    hazard: Option<&'static str>,
    advice: String,
}

const UNSET: u32 = 0;
/// States seen within this time are seen at once.
const AT_ONCE_SECONDS: f64 = 1.0;

/// Looks at both records.
pub(super) fn look(couple: &Couple<'_>, told: &mut PairDiagnosis) {
    let mut sides = couple.sides;
    forget_the_older(&mut sides, told);
    let [one, other] = &sides;
    for (side, peer) in [(one, other), (other, one)] {
        let Some(state) = side.state() else { continue };
        let found = match state {
            State::Closed => None,
            State::Established => established(side, peer, told),
            State::CloseWait => Some(close_wait(side, peer)),
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => closing(state, side, peer, told),
        };
        told.findings.extend(found.map(|found| finding(side, peer, found)));
    }
    if let (Some(first), Some(second)) = (one.record(), other.record())
        && first.version != second.version
        && first.version != UNSET
        && second.version != UNSET
    {
        told.findings.push(versions_differ(one, other));
    }
}

/// States that are seen one after the other say nothing about each other, unless they last.
fn forget_the_older(sides: &mut [Side<'_>; 2], told: &mut PairDiagnosis) {
    let [first, second] = sides;
    let times = [&*first, &*second].map(|side| side.now.and_then(|snapshot| snapshot.time));
    let [Some(one), Some(other)] = times else { return };
    let stands = |side: &Side<'_>| side.state() == side.state_before();
    let apart = (one - other).abs();
    if apart <= AT_ONCE_SECONDS || (stands(first) && stands(second)) {
        return;
    }
    let older = if one < other { first } else { second };
    told.notes.push(format!(
        "what node {} showed is {apart:.1} s older than what node {} showed: their states were compared only where they lasted",
        older.id, older.peer
    ));
    (older.now, older.before) = (None, None);
}

fn finding(side: &Side<'_>, peer: &Side<'_>, told: Told) -> Finding {
    let standing =
        side.state() == side.state_before() && (peer.state().is_none() || peer.state() == peer.state_before());
    let certainty = match (peer.state(), standing) {
        (None, false) => Certainty::Possible,
        (Some(_), true) => Certainty::Proven,
        _ => Certainty::Likely,
    };
    let mut because: Vec<String> = [side, peer].iter().filter_map(|side| shown(side)).collect();
    because.push(match standing {
        true => "so it was at the snapshot before as well".to_owned(),
        false => "seen once: another snapshot some seconds later tells whether it lasts".to_owned(),
    });
    let (waits, owes) = if told.waits { (side.id, peer.id) } else { (peer.id, side.id) };
    let (kind, hazard, owed, advice) = (told.kind, told.hazard, told.owed, told.advice);
    Finding { kind, certainty, waits, owes, owed, hazard, because, advice }
}

fn shown(side: &Side<'_>) -> Option<String> {
    let state = side.state()?;
    Some(match side.record() {
        Some(record) => format!("{}: node {}'s record about node {} is {state}", record.place, side.id, side.peer),
        None => format!("node {} has no record about node {}", side.id, side.peer),
    })
}

fn lockspaces(side: &Side<'_>) -> Option<Vec<String>> {
    let shared = side.node?.log.as_ref()?.shared_with(side.peer)?;
    Some(shared.into_iter().collect())
}

fn established(side: &Side<'_>, peer: &Side<'_>, told: &mut PairDiagnosis) -> Option<Told> {
    let (id, other) = (side.id, peer.id);
    if side.record()?.version == UNSET {
        return Some(Told {
            kind: "version-unknown",
            waits: true,
            owed: format!(
                "node {id} has not heard from node {other} yet: until it knows its version it sends nothing but STATUS (SND-3)"
            ),
            hazard: None,
            advice: format!(
                "see whether node {other} runs the DLM, was told of node {id}, and can be reached at port 21064"
            ),
        });
    }
    if peer.state() != Some(State::Closed) {
        return None;
    }
    let stands = side.state_before() == Some(State::Established) && peer.state_before() == Some(State::Closed);
    if side.queue() == 0 && !stands {
        told.notes.push(format!(
            "node {id} is ESTABLISHED and node {other} CLOSED: a join or a departure under way, or a session that only one has (seen once)"
        ));
        return None;
    }
    let ghost = lockspaces(side).is_some_and(|lockspaces| lockspaces.is_empty());
    let owed = if ghost {
        format!(
            "node {id} has a session with node {other}, which has none, and no lockspace with it: its {} messages will never be \
             acknowledged, and its own shutdown will wait for an answer until its timeout (CLS-3)",
            side.queue()
        )
    } else {
        format!(
            "node {id} has a session with node {other}, which has none (CLOSED): {} messages will never be acknowledged",
            side.queue()
        )
    };
    Some(Told {
        kind: if ghost { "ghost" } else { "one-sided" },
        waits: true,
        owed,
        hazard: ghost.then_some("H4"),
        advice: format!(
            "node {other} left, gave up or was never added: the cluster manager has to tell node {id} that it is gone (remove member, or \
             a fence), or to add it again, which resets the record"
        ),
    })
}

fn close_wait(side: &Side<'_>, peer: &Side<'_>) -> Told {
    let (id, other) = (side.id, peer.id);
    let users = match lockspaces(side) {
        Some(names) if !names.is_empty() => format!(" for lockspace {}", names.join(", ")),
        _ => String::new(),
    };
    let advice = format!(
        "look at why the cluster manager has not told node {id} that node {other} left: a blocked recovery, or lost quorum"
    );
    match peer.state() {
        Some(State::Closed) => Told {
            kind: "left-behind",
            waits: true,
            owed: format!(
                "node {other} left and has given up waiting (CLOSED); node {id} is in CLOSE_WAIT until its cluster manager says \
                 remove member{users}, and its FIN will then find nobody: LAST_ACK, for which there is no timeout (CLS-3)"
            ),
            hazard: Some("H4"),
            advice,
        },
        Some(State::Established) => disagree(side, peer),
        _ => Told {
            kind: "half-closed",
            waits: false,
            owed: format!(
                "node {other} left and waits for node {id}'s FIN; node {id} is in CLOSE_WAIT until its cluster manager says remove \
                 member{users} (CLS-1)"
            ),
            hazard: None,
            advice,
        },
    }
}

fn closing(state: State, side: &Side<'_>, peer: &Side<'_>, told: &PairDiagnosis) -> Option<Told> {
    use State::{CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck};
    let behind_a_gap = told.findings.iter().any(|found| found.kind == "lost-message" && found.owes == side.id);
    match (state, peer.state()) {
        (FinWait2, Some(CloseWait | LastAck | Closing | FinWait1)) => None,
        (_, None) => Some(unanswered(side, peer, "what it holds is not known", None)),
        (_, Some(Closed)) => Some(unanswered(side, peer, "has no session any more (CLOSED)", Some("H4"))),
        (FinWait1, Some(CloseWait | LastAck | Closing)) | (Closing, Some(Closing)) => Some(ack_missing(side, peer)),
        (FinWait1 | LastAck | Closing, Some(_)) if behind_a_gap => None,
        (FinWait1, Some(Established | FinWait1)) | (LastAck | Closing, Some(FinWait1 | FinWait2)) => {
            Some(not_accepted(side, peer))
        }
        _ => Some(disagree(side, peer)),
    }
}

fn unanswered(side: &Side<'_>, peer: &Side<'_>, why: &str, hazard: Option<&'static str>) -> Told {
    let (id, other) = (side.id, peer.id);
    let ends = match side.state() {
        Some(State::LastAck) => {
            "there is no timeout for that: only a fence or the next add member ends it (\"shutdown stuck\")"
        }
        _ => "its shutdown waits until its timeout (CLS-3)",
    };
    let waits_for = if side.state() == Some(State::FinWait2) { "FIN" } else { "acknowledgement of its FIN" };
    Told {
        kind: "fin-unanswered",
        waits: true,
        owed: format!("node {id} is closing and waits for node {other}'s {waits_for}; node {other} {why}; {ends}"),
        hazard,
        advice: format!("let the cluster manager fence node {other}, or add it again: either resets the record"),
    }
}

fn ack_missing(side: &Side<'_>, peer: &Side<'_>) -> Told {
    let (id, other) = (side.id, peer.id);
    Told {
        kind: "ack-missing",
        waits: true,
        owed: format!(
            "node {other} has accepted node {id}'s FIN, and node {id} waits for the ACK of it: under way, or written to a connection that was gone"
        ),
        hazard: Some("H15"),
        advice: format!(
            "if it lasts, break their connection: node {id} then sends its FIN again, and the duplicate draws an ACK (RCV-2)"
        ),
    }
}

fn not_accepted(side: &Side<'_>, peer: &Side<'_>) -> Told {
    let (id, other) = (side.id, peer.id);
    Told {
        kind: "fin-not-accepted",
        waits: true,
        owed: format!(
            "node {other} has not accepted node {id}'s FIN: it is under way, or behind a message that was lost"
        ),
        hazard: None,
        advice: format!(
            "node {other}'s log (`ignore dlm msg`) or the tracepoints of both tell whether a message before the FIN is missing"
        ),
    }
}

fn disagree(side: &Side<'_>, peer: &Side<'_>) -> Told {
    let (id, other) = (side.id, peer.id);
    let [mine, theirs] = [side, peer].map(|side| side.state().map_or("unknown", State::name));
    Told {
        kind: "different-incarnations",
        waits: true,
        owed: format!(
            "node {id} is in {mine} and node {other} in {theirs}, which the two ends of one session never are: each is in another incarnation (REC-2)"
        ),
        hazard: Some("H5"),
        advice: format!("let the cluster manager fence node {other} or add it again: either resets the record"),
    }
}

fn versions_differ(one: &Side<'_>, other: &Side<'_>) -> Finding {
    let version = |side: &Side<'_>| side.record().map_or(UNSET, |record| record.version);
    let older = if version(one) < version(other) { one } else { other };
    Finding {
        kind: "versions-differ",
        certainty: Certainty::Proven,
        waits: older.peer,
        owes: older.id,
        owed: format!(
            "node {} takes its peer for version {:#x} and drops what it sends in another (VER-3)",
            older.id,
            version(older)
        ),
        hazard: Some("H16"),
        because: [one, other].iter().filter_map(|side| shown(side)).collect(),
        advice: format!("let node {} leave and fence node {}, so that the record begins anew", older.peer, older.peer),
    }
}
