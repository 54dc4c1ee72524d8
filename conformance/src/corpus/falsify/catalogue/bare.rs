//! What goes out bare and what in OPTS, and when: SND-2, SND-3, RCV-6.

use super::super::recipe::{
    Falsification, INNER, LENGTH, NEXTCMD, TYPE, VERSION, at, change, insert, put8, put16, put32, same, unwrap,
};

const CLEAN: &str = "clean-k612";
const CLEAN_6_1: &str = "clean-k61";

pub(super) const ALL: &[Falsification] = &[
    change("msg-bare", CLEAN, at(132, 0), "RCV-6", "a MSG has lost its envelope", unwrap),
    change("fin-bare", CLEAN, at(581, 0), "RCV-6", "a FIN has lost its envelope", unwrap),
    change("rcom-lock-bare", CLEAN, at(37, 0), "RCV-6", "a bare RCOM STATUS has the type of LOCK", |m| {
        put32(m, TYPE, 4);
    }),
    change("status-inside-opts", CLEAN, at(29, 0), "SND-2", "the RCOM NAMES inside OPTS has the type of STATUS", |m| {
        put32(m, INNER + TYPE, 1);
    }),
    change("not-ready-bare", CLEAN, at(39, 0), "SND-2", "a bare STATUS_REPLY has the result -ESRCH (not ready)", |m| {
        put32(m, TYPE + 4, (-3_i32).cast_unsigned());
    }),
    insert(
        "names-bare-after-names-inside-opts",
        CLEAN,
        (at(37, 0), at(29, 0)),
        "SND-2",
        "the NAMES that node 1 has sent inside OPTS follows once more, bare",
        unwrap,
    ),
    insert(
        "sequenced-before-the-version-is-known",
        CLEAN,
        (at(15, 0), at(29, 0)),
        "SND-3",
        "node 1 sends OPTS 0 before it has heard anything of node 2",
        same,
    ),
    insert(
        "ack-before-the-version-is-known",
        CLEAN,
        (at(15, 0), at(189, 0)),
        "SND-3",
        "node 1 sends an ACK(0) before it has heard anything of node 2",
        |m| put32(m, 4, 0),
    ),
    change(
        "names-bare-from-the-6-12-of-a-mix",
        "clean-kmix",
        at(52, 0),
        "SND-2",
        "node 2, which has sent NAMES_REPLY inside OPTS, sends NAMES bare, as its peer of 6.1 does",
        unwrap,
    ),
    insert(
        "names-bare-from-6-12",
        CLEAN,
        (at(27, 0), at(29, 0)),
        "SND-2",
        "node 1, a 6.12, sends its first NAMES bare, as a 6.1 would",
        unwrap,
    )
    .under("linux-6.12"),
    change(
        "names-inside-opts-from-6-1",
        CLEAN_6_1,
        at(29, 0),
        "SND-2",
        "node 1, a 6.1, sends its first NAMES inside OPTS 0, as a 6.12 would",
        |m| {
            let inner = u16::try_from(m.len()).unwrap_or_default();
            let envelope: Vec<u8> = m.iter().copied().take(16).chain([0; 8]).collect();
            m.splice(0..0, envelope);
            put32(m, VERSION, 0x0003_0002);
            put32(m, 4, 0);
            put16(m, LENGTH, inner + 24);
            put8(m, 14, 3);
            put8(m, NEXTCMD, 2);
        },
    )
    .under("linux-6.1"),
];
