//! Who speaks, and in which version: WIRE-7, VER-3, and NET-1.

use super::super::recipe::{At, Edit, Falsification, INNER, NODEID, VERSION, at, change, put32};

const CLEAN: &str = "clean-k612";
/// OPTS 9 with MSG GRANT, of node 1.
const GRANT: At = at(132, 0);
/// ACK 33 of node 2.
const ACK: At = at(164, 0);
const V3_1: u32 = 0x0003_0001;

pub(super) const ALL: &[Falsification] = &[
    change("node-id-outer", CLEAN, GRANT, "WIRE-7", "the outer header says node 3, the inner one node 1", |m| {
        put32(m, NODEID, 3);
    }),
    change("node-id-inner", CLEAN, GRANT, "WIRE-7", "the inner header says node 2, the outer one node 1", |m| {
        put32(m, INNER + NODEID, 2);
    }),
    change("node-id-of-another", CLEAN, GRANT, "WIRE-7", "both headers say node 3 instead of 1", |m| {
        put32(m, NODEID, 3);
        put32(m, INNER + NODEID, 3);
    }),
    change("node-id-of-the-receiver", CLEAN, GRANT, "WIRE-7", "both headers say node 2, which is the receiver", |m| {
        put32(m, NODEID, 2);
        put32(m, INNER + NODEID, 2);
    }),
    change("node-id-in-ack", CLEAN, ACK, "WIRE-7", "an ACK of node 2 says node 0", |m| put32(m, NODEID, 0)),
    change("node-id-in-bare-rcom", CLEAN, at(37, 0), "WIRE-7", "a bare RCOM of node 1 says node 65537", |m| {
        put32(m, NODEID, 65_537);
    }),
    change(
        "node-id-of-the-first-message",
        CLEAN,
        at(15, 0),
        "WIRE-7",
        "the first message of node 1 says node 3, so that the second one changes it",
        |m| put32(m, NODEID, 3),
    )
    .refused_at(19),
    change(
        "node-id-of-the-peer-from-the-start",
        CLEAN,
        at(17, 0),
        "WIRE-7",
        "the first message of node 2 says 1",
        |m| {
            put32(m, NODEID, 1);
        },
    ),
    change("version-outer", CLEAN, GRANT, "WIRE-7", "the outer header says 3.1, the inner one 3.2", |m| {
        put32(m, VERSION, V3_1);
    }),
    change("version-inner", CLEAN, GRANT, "WIRE-7", "the inner header says 3.1, the outer one 3.2", |m| {
        put32(m, INNER + VERSION, V3_1);
    }),
    change("version-flips", CLEAN, GRANT, "VER-3", "both headers say 3.1 in the middle of the stream", |m| {
        put32(m, VERSION, V3_1);
        put32(m, INNER + VERSION, V3_1);
    }),
    change("version-flips-in-ack", CLEAN, ACK, "VER-3", "an ACK says 3.1", |m| put32(m, VERSION, V3_1)),
    change("version-flips-in-bare-rcom", CLEAN, at(37, 0), "VER-3", "a bare RCOM says 3.1", |m| {
        put32(m, VERSION, V3_1);
    }),
    change(
        "version-of-the-first-message",
        CLEAN,
        at(15, 0),
        "VER-3",
        "the first message of node 1 says 3.1, so that the second one changes it",
        |m| put32(m, VERSION, V3_1),
    )
    .refused_at(19),
    Falsification {
        name: "on-the-connection-of-the-peer",
        made_from: CLEAN,
        text: "a message of node 1 (12) goes out on the connection of node 2, while its own is whole; the next one (13) on its own again",
        edit: Edit::Move { frame: 138, source: at(140, 0) },
        frame: 138,
        rule: "NET-1",
        revision: None,
    },
];
