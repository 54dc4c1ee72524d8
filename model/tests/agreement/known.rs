//! Where the two forms do not agree, and what both leave open: each with its reason.

use midcomms_model::Revision::{self, Linux5_14, Linux6_1, Linux6_12};

/// A kind of disagreement and where it shows.
pub(crate) struct Known {
    /// The rule or the observable, and at what.
    pub(crate) class: &'static str,
    pub(crate) cases: &'static [(Revision, &'static [&'static str])],
    /// Which of the two is wrong, and why.
    pub(crate) why: &'static str,
}

impl Known {
    pub(crate) fn is_in(&self, revision: Revision, environment: &str) -> bool {
        self.cases.iter().any(|(of, environments)| *of == revision && environments.contains(&environment))
    }
}

/// The reason, where a disagreement is known.
pub(crate) fn reason(class: &str, revision: Revision, environment: &str) -> Option<&'static str> {
    let mut known = KNOWN.iter().filter(|known| known.class == class && known.is_in(revision, environment));
    known.next().map(|known| known.why)
}

const HAUNTED: &str = "nobody: an incarnation met another than its own (H4, H5), and nothing on the wire tells that";
const LATE_BEGINNING: &str = "the observer: where what is seen begins late, the first ACK spends the prompt of a FIN that came \
     before it was written, and an incarnation that begins unseen is judged by the numbers of a first one";
const LOST_LAST_ACK: &str = "the observer: FINs crossed and the last ACKs were lost. It reads an ACK when it is written, so that \
     the record is over, and the copy of the FIN calls for no ACK";
const NOT_DETECTED: &str = "the observer: a sequenced message to a record without a version is dropped (VER-2), and it takes it as \
     accepted";
const SAME_FIN: &str = "the observer: a FIN's bytes are those of its number alone, and it takes the next incarnation's FIN under the \
     same number for a copy";
const STATUS_BEFORE: &str = "the observer: it counts a bare STATUS that comes before its sender's first number to the incarnation \
     before, so that the record that heard it is not ESTABLISHED when the FIN comes; and a FIN's bytes are those of its number alone";
const TIMED_OUT: &str = "the observer: after a timeout an ACK alone told the next incarnation the peer's version (VER-4), and a FIN \
     that comes first in it is held against the incarnation before";
const TWO_STEPS: &str = "nobody: state and FIN are two steps (D1), and a FIN that never goes out is not seen; after a STATUS that is \
     counted to the incarnation before, the same looks open";
const UNNUMBERED_BEFORE: &str = "the observer: a node that used no number before its crash begins with number 0 again on a new \
     connection, and it takes that for the incarnation before";
const UNSEEN_H1: &str =
    "nobody: H1 among messages of which none was seen before the break; section 10 says that it is refused";
const UPGRADED: &str = "the observer: a node comes back with another version, as VER-3 allows a record that was reset in between, \
     and it holds the version of the incarnation before against it";

/// What is to become empty: a disagreement that is not here fails, and one that is gone fails.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        class: "ACK-1 at Ack, haunted",
        cases: &[
            (Linux5_14, &["pages", "split", "stale", "timeout"]),
            (Linux6_1, &["break", "pages", "split", "stale", "timeout"]),
            (Linux6_12, &["timeout"]),
        ],
        why: HAUNTED,
    },
    Known {
        class: "ACK-1 suspect to the end, haunted",
        cases: &[
            (Linux5_14, &["stale", "timeout"]),
            (Linux6_1, &["break", "stale", "timeout"]),
            (Linux6_12, &["timeout"]),
        ],
        why: HAUNTED,
    },
    Known { class: "CLS-5 at Fin, haunted", cases: &[(Linux6_12, &["timeout"])], why: HAUNTED },
    Known {
        class: "NET-3 suspect to the end, haunted",
        cases: &[(Linux5_14, &["stale"]), (Linux6_1, &["stale"]), (Linux6_12, &["timeout", "two-breaks"])],
        why: HAUNTED,
    },
    Known { class: "NET-7 at Fin, haunted", cases: &[(Linux5_14, &["split"]), (Linux6_1, &["split"])], why: HAUNTED },
    Known { class: "RCV-5 at Ack, haunted", cases: &[(Linux6_12, &["break", "timeout", "two-breaks"])], why: HAUNTED },
    Known {
        class: "state FIN_WAIT2 told as open or not in a settled state",
        cases: &[(Linux5_14, &["stale"])],
        why: SAME_FIN,
    },
    Known { class: "RCV-7 at Ack, haunted", cases: &[(Linux5_14, &["stale"]), (Linux6_1, &["stale"])], why: HAUNTED },
    Known {
        class: "SND-7 at Fin, haunted",
        cases: &[(Linux5_14, &["stale", "timeout"]), (Linux6_1, &["stale", "timeout"]), (Linux6_12, &["timeout"])],
        why: HAUNTED,
    },
    Known { class: "RCV-5 at Ack", cases: &[(Linux6_12, &["wrap"])], why: LATE_BEGINNING },
    Known { class: "RCV-5 at Ack", cases: &[(Linux6_12, &["break"])], why: LOST_LAST_ACK },
    Known {
        class: "seq_next in a settled state",
        cases: &[(Linux5_14, &["early"]), (Linux6_1, &["early"])],
        why: NOT_DETECTED,
    },
    Known {
        class: "state FIN_WAIT2 told as open or not in a settled state",
        cases: &[(Linux5_14, &["early"]), (Linux6_1, &["early"])],
        why: NOT_DETECTED,
    },
    Known {
        class: "state open or not told as CLOSE_WAIT in a settled state",
        cases: &[(Linux5_14, &["early"]), (Linux6_1, &["early"])],
        why: NOT_DETECTED,
    },
    Known {
        class: "seq_next in a settled state",
        cases: &[(Linux5_14, &["fence", "rejoin", "stale", "timeout"]), (Linux6_1, &["fence", "rejoin", "stale"])],
        why: SAME_FIN,
    },
    Known {
        class: "state FIN_WAIT2 told as open or not in a settled state",
        cases: &[(Linux5_14, &["rejoin"]), (Linux6_1, &["rejoin"]), (Linux6_12, &["rejoin"])],
        why: SAME_FIN,
    },
    Known {
        class: "state open or not told as CLOSE_WAIT in a settled state",
        cases: &[(Linux6_12, &["rejoin"])],
        why: SAME_FIN,
    },
    Known {
        class: "state CLOSE_WAIT told as open or not in a settled state",
        cases: &[(Linux5_14, &["fence", "rejoin", "stale", "timeout"]), (Linux6_1, &["fence", "rejoin", "stale"])],
        why: STATUS_BEFORE,
    },
    Known {
        class: "state open or not told as FIN_WAIT2 in a settled state",
        cases: &[(Linux5_14, &["fence", "rejoin", "stale", "timeout"]), (Linux6_1, &["fence", "rejoin", "stale"])],
        why: STATUS_BEFORE,
    },
    Known { class: "CLS-5 at Fin", cases: &[(Linux6_12, &["timeout"])], why: TIMED_OUT },
    Known {
        class: "state CLOSING told as CLOSE_WAIT in a settled state",
        cases: &[(Linux5_14, &["both-leave", "break", "rejoin"])],
        why: TWO_STEPS,
    },
    Known {
        class: "state CLOSING told as open or not in a settled state",
        cases: &[(Linux5_14, &["rejoin"])],
        why: TWO_STEPS,
    },
    Known {
        class: "ACK-1 at Ack",
        cases: &[(Linux5_14, &["fence"]), (Linux6_1, &["fence"]), (Linux6_12, &["fence"])],
        why: UNNUMBERED_BEFORE,
    },
    Known {
        class: "ACK-1 suspect to the end",
        cases: &[(Linux5_14, &["fence"]), (Linux6_12, &["fence"])],
        why: UNNUMBERED_BEFORE,
    },
    Known { class: "NET-7 at Fin", cases: &[(Linux5_14, &["fence"]), (Linux6_12, &["fence"])], why: UNNUMBERED_BEFORE },
    Known { class: "RCV-7 at Ack", cases: &[(Linux5_14, &["fence"]), (Linux6_12, &["fence"])], why: UNNUMBERED_BEFORE },
    Known {
        class: "NET-7 at Fin",
        cases: &[(Linux5_14, &["split"]), (Linux6_1, &["split"]), (Linux6_12, &["split"])],
        why: UNSEEN_H1,
    },
    Known { class: "VER-3 at Data", cases: &[(Linux6_12, &["upgrade"])], why: UPGRADED },
    Known { class: "VER-3 at Fin", cases: &[(Linux6_12, &["upgrade"])], why: UPGRADED },
    Known { class: "VER-3 at Fin, haunted", cases: &[(Linux6_12, &["upgrade"])], why: UPGRADED },
    Known { class: "VER-3 at Status", cases: &[(Linux6_1, &["upgrade"]), (Linux6_12, &["upgrade"])], why: UPGRADED },
    Known { class: "VER-3 at bare Data", cases: &[(Linux5_14, &["upgrade"]), (Linux6_1, &["upgrade"])], why: UPGRADED },
];

/// What is granted though the checker cannot do it: the change, how often at most, and the row of section 10 that grants it.
pub(crate) const GRANTED: &[(&str, u32, &str)] = &[
    ("a copy without a break", 1024, "noticing a break: a connection that ends later calls for it, on any connection"),
    ("a number too high", 517, "the beginning: a node's first number is taken as it comes; pages lost at a break"),
    ("a number too low", 2, "noticing a break: it is a copy"),
    ("an ACK too high", 35, "what was read by when: more had arrived"),
    ("an ACK too low", 210, "what was read by when: less may have been read"),
    ("an ACK twice", 597, "what was read by when: the number may be that of the last one"),
    ("another body", 5, "fence, crash, timeout; the handshake's own end: a record may have been reset and begin again"),
    ("another version", 11, "the node says nothing more by which it could be proven wrong"),
    ("data for FIN", 180, "membership, shutdown: how much a node sends and whether it leaves is not seen"),
];
