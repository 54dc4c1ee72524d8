//! Acknowledgements: ACK-1, RCV-5, RCV-7.

use super::super::recipe::{At, Falsification, WORD, ack, at, change, insert, put32};

const CLEAN: &str = "clean-k612";
/// ACK 33 of node 2, which has been sent 0 to 32.
const ACK: At = at(164, 0);

pub(super) const ALL: &[Falsification] = &[
    change("ack-one-beyond-what-was-sent", CLEAN, ACK, "ACK-1", "an ACK (33) is one beyond what was sent", |m| {
        put32(m, WORD, 34);
    }),
    change("ack-far-beyond-what-was-sent", CLEAN, ACK, "ACK-1", "an ACK (33) says 2147483647", |m| {
        put32(m, WORD, 0x7fff_ffff);
    }),
    change("ack-before-the-first-number", CLEAN, ACK, "ACK-1", "the first ACK (33) of a node says 4294967295", |m| {
        put32(m, WORD, u32::MAX);
    }),
    change(
        "last-ack-goes-back-by-half-the-space",
        CLEAN,
        at(585, 0),
        "RCV-7",
        "the ACK of a FIN (289) says 2147483937",
        |m| {
            put32(m, WORD, 0x8000_0121);
        },
    ),
    insert(
        "ack-beyond-a-gap",
        "threereconnect-k612",
        (at(1608, 10), at(1555, 0)),
        "ACK-1",
        "node 1 acknowledges 212, which never came, since 213 to 217 did",
        |m| ack(m, 1, 213),
    ),
    insert(
        "ack-before-anything-was-accepted",
        CLEAN,
        (at(23, 0), at(189, 0)),
        "ACK-1",
        "node 1 sends ACK(0) before node 2 has sent anything sequenced",
        |m| put32(m, WORD, 0),
    ),
    change(
        "ack-of-the-old-life",
        "rejoin-k612",
        at(537, 0),
        "ACK-1",
        "the first ACK of a second life (39) has the number of the last one of the first life (176)",
        |m| put32(m, WORD, 176),
    ),
    change("ack-goes-back", CLEAN, at(228, 0), "RCV-7", "an ACK (66) says 32 where the one before said 33", |m| {
        put32(m, WORD, 32);
    }),
    change("ack-of-fin-goes-back", CLEAN, at(583, 0), "RCV-7", "the ACK of a FIN (244) says 0", |m| put32(m, WORD, 0)),
    change(
        "ack-goes-back-on-a-new-connection",
        "reconnect-k61",
        at(1203, 0),
        "RCV-7",
        "the first ACK on a new connection of its sender (666) is 655, the last one on its old one was 656",
        |m| put32(m, WORD, 655),
    ),
    insert(
        "ack-repeated",
        CLEAN,
        (at(228, 0), at(228, 0)),
        "RCV-5",
        "node 2, a 6.12, sends an ACK (66) twice, though there was no duplicate and no FIN",
        |_| {},
    ),
    insert(
        "ack-too-early-for-6-12",
        CLEAN,
        (at(140, 0), at(189, 0)),
        "RCV-5",
        "node 1, which sends NAMES inside OPTS as 6.12 does, acknowledges after 12 messages instead of 33",
        |m| put32(m, WORD, 12),
    ),
];
