//! Numbers of fresh messages and the end of an incarnation: SND-4, SND-6, SND-7, NET-7.

use super::super::recipe::{At, Falsification, INNER, TYPE, WORD, at, change, insert, put32, remove, same};

const CLEAN: &str = "clean-k612";
/// OPTS 9 with MSG GRANT, of node 1.
const GRANT: At = at(132, 0);

pub(super) const ALL: &[Falsification] = &[
    change("number-skipped", CLEAN, GRANT, "NET-7", "the number of one fresh message (9) is one higher", |m| {
        put32(m, WORD, 10);
    }),
    remove("message-missing", CLEAN, (GRANT, 1), "NET-7", "one fresh message (9) is left out, and nothing broke")
        .refused_at(133),
    change("number-reused", CLEAN, at(133, 0), "SND-6", "a fresh message (10) has the number of the one before", |m| {
        put32(m, WORD, 9);
    }),
    change("number-before-zero", CLEAN, at(119, 0), "SND-8", "a fresh message (2) has the number 4294967295", |m| {
        put32(m, WORD, u32::MAX);
    }),
    change("restart-without-a-close", CLEAN, at(140, 0), "SND-7", "a fresh message (12) has the number 0", |m| {
        put32(m, WORD, 0);
    }),
    change(
        "second-life-goes-on-with-the-numbers-of-the-first",
        "rejoin-k612",
        at(427, 0),
        "SND-4",
        "node 1 goes on with its old numbers (176, behind its FIN 175) after the close instead of from 0",
        |m| put32(m, WORD, 176),
    ),
    change(
        "first-number-of-a-second-life-is-1",
        "rejoin-k612",
        at(427, 0),
        "RCV-4",
        "the first number after a close in order is 1, which the old life had used and the peer acknowledged",
        |m| put32(m, WORD, 1),
    ),
    insert(
        "msg-after-fin",
        CLEAN,
        (at(581, 0), at(577, 0)),
        "SND-4",
        "node 2 sends a fresh MSG (244) after its FIN (243)",
        |m| put32(m, WORD, 244),
    ),
    insert(
        "fin-twice-with-another-number",
        CLEAN,
        (at(581, 0), at(581, 0)),
        "SND-4",
        "node 2 sends a second FIN (244) after its FIN (243)",
        |m| put32(m, WORD, 244),
    ),
    change(
        "fin-copied-with-another-number",
        "latetold-k612",
        at(1211, 10),
        "SND-4",
        "the copy of a FIN (421) behind the copies has the number 422",
        |m| put32(m, WORD, 422),
    ),
    insert(
        "half-closed-node-sends-msg",
        "halfclose-k612",
        (at(2039, 0), at(2011, 0)),
        "SND-4",
        "node 2 sends a fresh MSG (870) in answer to the FIN of the peer, long after its own (869)",
        |m| {
            put32(m, WORD, 870);
            put32(m, INNER + TYPE, 3);
        },
    ),
    insert(
        "old-life-in-the-new-one",
        "latetold-k612",
        (at(1221, 0), at(1211, 2)),
        "NET-7",
        "a message of the old life (413) comes once more, behind the first one of the new life (0)",
        same,
    ),
    change(
        "gap-larger-than-any-output",
        "reconnect-k61",
        at(1194, 0),
        "NET-7",
        "the first number on a new connection (658) is 200,000 higher: no output held that many messages",
        |m| put32(m, WORD, 200_658),
    ),
    insert(
        "copy-of-what-was-never-sent",
        "reconnect-k61",
        (at(1194, 3), at(1194, 4)),
        "NET-7",
        "among the copies (654 to 658) is one of a number (670) that was not used yet",
        |m| put32(m, WORD, 670),
    ),
    change(
        "fin-with-number-0",
        CLEAN,
        at(583, 1),
        "SND-7",
        "the FIN (288) of the node that leaves last has the number 0, and nothing ended the incarnation",
        |m| put32(m, WORD, 0),
    ),
    change(
        "two-fins-left-over-and-copied",
        "latetold-k612",
        at(1211, 0),
        "CLS-5",
        "the left-over FIN (421) has the number 422, its copy further on still 421",
        |m| put32(m, WORD, 422),
    ),
];
