//! Copies: SND-6, RCV-4, NET-3.

use super::super::recipe::{Falsification, INNER, LENGTH, WORD, at, change, insert, put8, put32, remove, same};

const CLEAN: &str = "clean-k612";
const RECONNECT: &str = "reconnect-k61";

pub(super) const ALL: &[Falsification] = &[
    change("copy-altered", RECONNECT, at(1194, 1), "SND-6", "one bit in the body of a copy (654) is flipped", |m| {
        if let Some(byte) = m.get_mut(100) {
            *byte ^= 0x10;
        }
    }),
    change("copy-in-another-lockspace", RECONNECT, at(1194, 2), "SND-6", "a copy (655) names another lockspace", |m| {
        put32(m, INNER + WORD, 77);
    }),
    change("copy-with-another-type", RECONNECT, at(1194, 5), "SND-6", "a copy (658) has another type of MSG", |m| {
        put8(m, INNER + 16, 2);
    }),
    change(
        "copy-with-the-body-of-another",
        RECONNECT,
        at(1194, 2),
        "SND-6",
        "a copy (655) has the number of the one before (654)",
        |m| put32(m, WORD, 654),
    ),
    change("copy-shortened", RECONNECT, at(1194, 3), "SND-6", "a copy (656) is 8 bytes shorter, lengths agree", |m| {
        m.truncate(112);
        put8(m, LENGTH, 112);
        put8(m, INNER + LENGTH, 88);
    }),
    insert(
        "copy-of-what-was-acknowledged",
        RECONNECT,
        (at(1194, 0), at(1166, 0)),
        "RCV-4",
        "the copies after a break begin with one (651) of which the sender had read the acknowledgement",
        same,
    ),
    insert(
        "copy-of-what-was-acknowledged-long-ago",
        RECONNECT,
        (at(1194, 0), at(130, 0)),
        "RCV-4",
        "among the copies after a break is one that was acknowledged a thousand frames ago",
        same,
    ),
    insert(
        "copy-without-a-break",
        CLEAN,
        (at(133, 0), at(132, 0)),
        "NET-3",
        "a message (9) is sent twice on a connection that did not break",
        same,
    ),
    insert(
        "copy-of-the-fin-without-a-break",
        CLEAN,
        (at(581, 0), at(581, 0)),
        "NET-3",
        "a FIN is sent twice on a connection that did not break",
        same,
    ),
    remove(
        "copy-left-out",
        RECONNECT,
        (at(1194, 3), 1),
        "NET-3",
        "one (656) of the copies after a break (654 to 658) is left out, though it had been sent and is unacknowledged",
    ),
    remove(
        "pass-not-finished",
        RECONNECT,
        (at(1194, 4), 2),
        "NET-3",
        "the copies after a break end at 656, though 657 and 658 are unacknowledged, and fresh messages follow",
    ),
];
