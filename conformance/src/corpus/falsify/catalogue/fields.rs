//! Pads and types: WIRE-6.

use super::super::recipe::{At, Falsification, INNER, PAD, TYPE, WORD, at, change, put8, put16, put32};

const CLEAN: &str = "clean-k612";
/// OPTS 9 with MSG GRANT, of node 1.
const GRANT: At = at(132, 0);
/// OPTS 0 with RCOM NAMES, of node 1.
const NAMES: At = at(29, 0);

pub(super) const ALL: &[Falsification] = &[
    change("pad-of-header", CLEAN, GRANT, "WIRE-6", "the pad of the outer header is 1", |m| put8(m, PAD, 1)),
    change("pad-of-inner-header", CLEAN, GRANT, "WIRE-6", "the pad of the inner header is 255", |m| {
        put8(m, INNER + PAD, 255);
    }),
    change("pad-behind-nextcmd", CLEAN, GRANT, "WIRE-6", "the pad behind nextcmd is 1", |m| put8(m, 17, 1)),
    change("pad-behind-optlen", CLEAN, GRANT, "WIRE-6", "the pad behind optlen is 0x80000000", |m| {
        put32(m, 20, 0x8000_0000);
    }),
    change("pad-of-ack", CLEAN, at(164, 0), "WIRE-6", "the pad of an ACK is 1", |m| put8(m, PAD, 1)),
    change("pad-of-bare-rcom", CLEAN, at(37, 0), "WIRE-6", "the pad of a bare RCOM is 1", |m| put8(m, PAD, 1)),
    change("fin-with-second-word", CLEAN, at(581, 0), "WIRE-6", "the second word of an inner FIN is 243", |m| {
        put32(m, INNER + WORD, 243);
    }),
    change("msg-type-0", CLEAN, GRANT, "WIRE-6", "a MSG has type 0", |m| put32(m, INNER + TYPE, 0)),
    change("msg-type-15", CLEAN, GRANT, "WIRE-6", "a MSG has type 15", |m| put32(m, INNER + TYPE, 15)),
    change("rcom-type-9", CLEAN, NAMES, "WIRE-6", "an RCOM inside OPTS has type 9", |m| put32(m, INNER + TYPE, 9)),
    change("rcom-type-257-bare", CLEAN, at(37, 0), "WIRE-6", "a bare RCOM has type 257, 1 in its first byte", |m| {
        put16(m, TYPE, 257);
    }),
];
