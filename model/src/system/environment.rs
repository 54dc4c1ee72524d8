//! What surrounds the nodes: bounds and switches, by name (section 14 of `PROTOCOL.md`).

use crate::message::Version;

/// Lockspaces there can be.
pub const MAX_LOCKSPACES: usize = 2;

/// Bounds and switches of what surrounds the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name on a command line.
    pub name: &'static str,
    /// What it exposes, in a sentence.
    pub text: &'static str,
    /// Nodes: 2 or 3.
    pub nodes: usize,
    /// Messages that each node's upper layer may send to each peer in one session.
    pub messages: [u8; 3],
    /// Times that a connection may break, at any moment.
    pub breaks: u8,
    /// Times that a node may crash.
    pub crashes: u8,
    /// Times that a node joins again after it left or crashed.
    pub rejoins: u8,
    /// Which nodes may leave.
    pub leaves: [bool; 3],
    /// Lockspaces, 1 or 2.
    pub lockspaces: u8,
    /// Output waits in pages of two messages (NET-4) instead of going out at once.
    pub pages: bool,
    /// Reserve and commit are two steps (SND-5).
    pub split: bool,
    /// What was read from a replaced connection may be handled later (NET-5).
    pub stale: bool,
    /// A shutdown may time out, at any moment.
    pub timeouts: bool,
    /// A node that left stays reachable until no peer waits for it any more (section 13, two generals).
    pub lingers: bool,
    /// A STATUS from a peer that was not added yet is answered with "not ready", which is sequenced (SND-2).
    pub not_ready: bool,
    /// The number that the first incarnations have reached at the start: 0, or one shortly before the wrap.
    pub first_number: u32,
    /// Version of each node before it joins again, and after.
    pub versions: [[Version; 2]; 3],
}

const MILD: Environment = Environment {
    name: "mild",
    text: "two nodes talk and one of them leaves; nothing breaks",
    nodes: 2,
    messages: [2, 1, 0],
    breaks: 0,
    crashes: 0,
    rejoins: 0,
    leaves: [true, false, false],
    lockspaces: 1,
    pages: false,
    split: false,
    stale: false,
    timeouts: false,
    lingers: false,
    not_ready: false,
    first_number: 0,
    versions: [[Version::V3_2; 2]; 3],
};

const DEEP: Environment = Environment {
    name: "deep",
    text: "both nodes leave and join again, with pages, reserve and commit apart, stale input, two breaks and timeouts",
    messages: [1, 0, 0],
    breaks: 2,
    rejoins: 2,
    leaves: [true, true, false],
    pages: true,
    split: true,
    stale: true,
    timeouts: true,
    lingers: true,
    ..MILD
};

impl Environment {
    /// Every environment of the default matrix, mildest first.
    pub const ALL: &'static [Environment] = &[
        MILD,
        Environment {
            name: "both-leave",
            text: "both nodes leave, in any order or at once",
            leaves: [true, true, false],
            ..MILD
        },
        Environment {
            name: "rejoin",
            text: "both nodes leave and one of them joins again: what does the old session do to the new one?",
            leaves: [true, true, false],
            rejoins: 1,
            ..MILD
        },
        Environment {
            name: "early",
            text: "the two nodes are told of each other at different times, and the one that was told first is answered \"not ready\"",
            not_ready: true,
            messages: [1, 1, 0],
            ..MILD
        },
        Environment {
            name: "lockspaces",
            text: "two lockspaces share the connections, and a node crashes, is fenced and joins again",
            messages: [0, 1, 0],
            lockspaces: 2,
            crashes: 1,
            rejoins: 1,
            leaves: [false, false, false],
            ..MILD
        },
        Environment {
            name: "regroup",
            text: "two lockspaces, each left and joined by either node at any time: a session may be without members and go on",
            messages: [0, 0, 0],
            lockspaces: 2,
            rejoins: 1,
            leaves: [true, true, false],
            ..MILD
        },
        Environment {
            name: "fence",
            text: "a node crashes with messages under way, is fenced and joins again",
            crashes: 1,
            rejoins: 1,
            ..MILD
        },
        Environment {
            name: "break",
            text: "one connection breaks at any moment, and both nodes leave",
            breaks: 1,
            leaves: [true, true, false],
            lingers: true,
            ..MILD
        },
        Environment {
            name: "two-breaks",
            text: "connections break twice while one node sends and leaves: what one break leaves behind meets the next",
            messages: [2, 0, 0],
            breaks: 2,
            lingers: true,
            ..MILD
        },
        Environment {
            name: "pages",
            text: "output waits in pages, and a page that was partly written is dropped at the break (NET-4)",
            messages: [2, 0, 0],
            breaks: 1,
            pages: true,
            lingers: true,
            ..MILD
        },
        Environment {
            name: "split",
            text: "messages are reserved, then committed, and a connection breaks in between (SND-5)",
            messages: [2, 0, 0],
            breaks: 1,
            pages: true,
            split: true,
            lingers: true,
            ..MILD
        },
        Environment {
            name: "stale",
            text: "a connection breaks, what came on it is handled after its successor's (NET-5), and a node joins again",
            messages: [1, 0, 0],
            breaks: 1,
            rejoins: 1,
            stale: true,
            lingers: true,
            ..MILD
        },
        Environment {
            name: "wrap",
            text: "the numbers wrap while a connection breaks",
            messages: [2, 1, 0],
            breaks: 1,
            lingers: true,
            first_number: u32::MAX - 1,
            ..MILD
        },
        Environment {
            name: "timeout",
            text: "a shutdown gives up at any moment, and the node joins again",
            messages: [1, 0, 0],
            rejoins: 1,
            timeouts: true,
            ..MILD
        },
        Environment {
            name: "give-up",
            text: "both nodes leave, each shutdown gives up at any moment, and one node joins again",
            messages: [0, 0, 0],
            rejoins: 1,
            leaves: [true, true, false],
            timeouts: true,
            ..MILD
        },
        Environment {
            name: "upgrade",
            text: "both nodes leave, the one with version 3.1, and one joins again: a node of 3.1 with 3.2",
            rejoins: 1,
            leaves: [true, true, false],
            versions: [[Version::V3_2; 2], [Version::V3_1, Version::V3_2], [Version::V3_2; 2]],
            ..MILD
        },
        Environment {
            name: "ring",
            text: "three nodes leave, each closing with its peers one after the other (CLS-3)",
            nodes: 3,
            messages: [0, 0, 0],
            leaves: [true, true, true],
            ..MILD
        },
    ];

    /// Environments that take too long for the default matrix.
    pub const DEEP: &'static [Environment] = &[
        DEEP,
        Environment {
            name: "deep-break",
            text: "both nodes leave and join again, with pages, reserve and commit apart, and one break",
            breaks: 1,
            stale: false,
            timeouts: false,
            ..DEEP
        },
        Environment {
            name: "deep-timeout",
            text: "both nodes leave and join again, with pages, reserve and commit apart, and shutdowns that time out",
            breaks: 0,
            stale: false,
            ..DEEP
        },
    ];

    pub(super) fn messages_of(&self, node: usize) -> u8 {
        self.messages.get(node).copied().unwrap_or_default()
    }

    /// The environment with this name, a deep one too.
    pub fn named(name: &str) -> Option<&'static Environment> {
        Environment::ALL.iter().chain(Environment::DEEP).find(|environment| environment.name == name)
    }
}
