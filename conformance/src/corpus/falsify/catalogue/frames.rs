//! Lengths, cmds and nesting: WIRE-2, WIRE-4, WIRE-8.

use super::super::recipe::{
    CMD, Falsification, INNER, LENGTH, NEXTCMD, OPTLEN, VERSION, at, change, put8, put16, put32, resize,
};

const CLEAN: &str = "clean-k612";
/// OPTS 9 with MSG GRANT, of node 1, 144 bytes, alone in its frame.
const GRANT: super::super::recipe::At = at(132, 0);
/// ACK 33 of node 2.
const ACK: super::super::recipe::At = at(164, 0);
/// OPTS 243 with FIN, of node 2.
const FIN: super::super::recipe::At = at(581, 0);

pub(super) const ALL: &[Falsification] = &[
    change("outer-length-0", CLEAN, GRANT, "WIRE-2", "the outer length of a message is 0", |m| put16(m, LENGTH, 0)),
    change("outer-length-15", CLEAN, ACK, "WIRE-2", "the length of an ACK is 15, less than a header", |m| {
        put16(m, LENGTH, 15);
    }),
    change("outer-length-5000", CLEAN, GRANT, "WIRE-2", "the outer length of a message is 5000", |m| {
        put16(m, LENGTH, 5000);
    }),
    change("outer-length-less", CLEAN, GRANT, "WIRE-4", "the outer length is 8 less than the message is long", |m| {
        put16(m, LENGTH, 136);
    }),
    change(
        "outer-length-more",
        CLEAN,
        GRANT,
        "WIRE-4",
        "the outer length is 8 more, so that the message ends in the next frame",
        |m| put16(m, LENGTH, 152),
    )
    .refused_at(133),
    change(
        "outer-length-beyond-the-end",
        CLEAN,
        at(583, 1),
        "ACK-1",
        "the length of the last message on a connection, a FIN, is one more: it never ends, and yet is acknowledged",
        |m| put16(m, LENGTH, 41),
    )
    .refused_at(585),
    change(
        "outer-length-beyond-the-end-in-a-late-close",
        "latetold-k612",
        at(1178, 0),
        "ACK-1",
        "the length of a FIN behind which nothing comes is one more: it never ends, and yet is acknowledged",
        |m| put16(m, LENGTH, 41),
    )
    .refused_at(1180),
    change("inner-length-less", CLEAN, GRANT, "WIRE-4", "the inner length is 4 less than there are bytes", |m| {
        put16(m, INNER + LENGTH, 116);
    }),
    change("inner-length-more", CLEAN, GRANT, "WIRE-4", "the inner length is 4 more than there are bytes", |m| {
        put16(m, INNER + LENGTH, 124);
    }),
    change("msg-below-fixed-size", CLEAN, GRANT, "WIRE-4", "a MSG is cut to 80 bytes, both lengths agree", |m| {
        resize(m, -40, &[0, INNER]);
    }),
    change("optlen-beyond-the-end", CLEAN, GRANT, "WIRE-4", "optlen is 200 in a message of 144 bytes", |m| {
        put16(m, OPTLEN, 200);
    }),
    change("optlen-into-the-message", CLEAN, GRANT, "WIRE-4", "optlen is 8 where there are no options", |m| {
        put16(m, OPTLEN, 8);
    }),
    change("options", CLEAN, GRANT, "WIRE-8", "an option of 8 bytes is put in, and everything nests", |m| {
        m.splice(INNER..INNER, [0; 8]);
        put16(m, OPTLEN, 8);
        put16(m, LENGTH, 152);
    }),
    change("nextcmd-differs", CLEAN, GRANT, "WIRE-4", "nextcmd says RCOM, inside is a MSG", |m| put8(m, NEXTCMD, 2)),
    change("cmd-6", CLEAN, at(37, 0), "WIRE-4", "a bare message has cmd 6", |m| put8(m, CMD, 6)),
    change("inner-cmd-0", CLEAN, GRANT, "WIRE-4", "the inner cmd and nextcmd are 0", |m| {
        put8(m, NEXTCMD, 0);
        put8(m, INNER + CMD, 0);
    }),
    change("ack-inside-opts", CLEAN, FIN, "WIRE-4", "the FIN inside OPTS is an ACK", |m| {
        put8(m, NEXTCMD, 4);
        put8(m, INNER + CMD, 4);
    }),
    change("version-3-3", CLEAN, GRANT, "WIRE-4", "both headers say version 3.3", |m| {
        put32(m, VERSION, 0x0003_0003);
        put32(m, INNER + VERSION, 0x0003_0003);
    }),
    change("version-unknown-in-ack", CLEAN, ACK, "WIRE-4", "an ACK says version 0", |m| put32(m, VERSION, 0)),
    change(
        "connection-begins-inside-a-message",
        "reconnect-k61",
        at(1194, 0),
        "WIRE-4",
        "the first message on a new connection lacks its first 16 bytes, as if it had begun on the one before",
        |m| {
            m.drain(..16);
        },
    ),
    change("ack-of-24-bytes", CLEAN, ACK, "WIRE-8", "an ACK has 8 bytes behind its header", |m| resize(m, 8, &[0])),
    change("fin-of-48-bytes", CLEAN, FIN, "WIRE-8", "a FIN has 8 bytes behind its header, both lengths agree", |m| {
        resize(m, 8, &[0, INNER]);
    }),
];
