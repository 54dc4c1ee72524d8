//! What a run is made of: knobs that hold for all of it, and steps. All of it is drawn by proptest, so that a run that
//! fails is shrunk to the fewest steps and the mildest knobs that still fail.

use proptest::collection::vec;
use proptest::prelude::*;

/// Faults and circumstances that hold for a whole run. Zero, or the first value, is the mildest.
#[derive(Clone, Debug)]
pub(crate) struct Knobs {
    /// Nodes of the cluster: 2 to 5.
    pub(crate) nodes: usize,
    /// Seeds latencies, sizes of reads, places of cuts, and moments of noticing.
    pub(crate) seed: u64,
    /// The longest way of a piece of data, in milliseconds; each piece takes a random part of it.
    pub(crate) latency_ms: u64,
    /// The most bytes that one read gives: 1 is *bytes one at a time*.
    pub(crate) read_bytes: usize,
    /// Bytes that a connection takes in one direction before its writer waits: *partial write*, *slow reader*.
    pub(crate) buffer_bytes: usize,
    /// The longest time from a connection that stands to the one end's accepting it; long ones make *reordered accept*
    /// and, with a crash, a *stale connection* that is accepted behind those of the next life.
    pub(crate) accept_ms: u64,
    /// The longest time from a break to its being noticed, at each end for itself: *noticing late*.
    pub(crate) notice_ms: u64,
    /// How many of a hundred closes reach the other end as a reset that cuts off what is under way.
    pub(crate) resets_percent: u64,
    /// The longest time from a decision of the cluster manager to a node's hearing of it.
    pub(crate) manager_ms: u64,
    /// The number of the first message of each incarnation: near the end, numbers wrap.
    pub(crate) first_seq: u32,
    /// The time after which a shutdown gives up. An hour is never reached; a short one is.
    pub(crate) shutdown_timeout_ms: u64,
    /// Messages that a send queue holds.
    pub(crate) queue_messages: usize,
    /// Whether the first members have found each other before the first step.
    pub(crate) starts_at_rest: bool,
    /// Whether the nodes leave in the end one after the other or at once.
    pub(crate) leaves_at_once: bool,
    /// Whether a node that leaves shuts down with its peers one by one (CLS-3) or with all at once.
    pub(crate) one_by_one: bool,
}

impl Knobs {
    pub(crate) fn may_time_out(&self) -> bool {
        self.shutdown_timeout_ms < 600_000
    }
}

/// Two different nodes, drawn as numbers that are taken modulo what there is.
pub(crate) type Two = (u8, u8);

/// One step. Steps that make no sense where they come (a commit without a reservation) do nothing.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Time passes.
    Wait { ms: u16 },
    /// The upper layer sends a few messages.
    Send { pair: Two, count: u8, len: u16 },
    /// It reserves a message (SND-5)…
    Reserve { pair: Two, len: u16 },
    /// … and commits one of those it has reserved, not always the oldest.
    Commit { pair: Two, which: u8 },
    /// It gives a reservation up.
    Cancel { pair: Two, which: u8 },
    /// A connection breaks: of what is under way in each direction so many bytes still arrive (*reset at any byte*).
    Break { pair: Two, which: u8, keep: (u16, u16) },
    /// One end sees an orderly close that the other end did not make.
    HalfClose { pair: Two, which: u8, side: bool },
    /// A message, and an orderly close of the connection on which its ACK is under way: nobody copies, nobody asks (H15).
    LoseAck { pair: Two, ms: u16 },
    /// Nothing gets through in one direction for a while, and then all of it does (*one direction silent*).
    Silence { pair: Two, ms: u16 },
    /// A node refuses connections for a while.
    Refuse { node: u8, ms: u16 },
    /// The clock of a node jumps forward (not while it shuts down: that is a timeout).
    ClockJump { node: u8, ms: u32 },
    /// The cluster manager lets a node join a lockspace.
    Join { node: u8, lockspace: bool },
    /// A node leaves one lockspace and stays in another with each of its peers.
    Unjoin { node: u8, lockspace: bool },
    /// A node leaves.
    Leave { node: u8 },
    /// Two nodes leave at the same moment.
    LeaveBoth { pair: Two },
    /// A node dies; the others are told by a fence. Its sockets are closed by its kernel, or not at all (`silent`).
    Crash { node: u8, silent: bool },
    /// It starts again, with an empty memory; `set_back`: its clock is behind what it was, but it knows the last id.
    Restart { node: u8, set_back: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) knobs: Knobs,
    pub(crate) steps: Vec<Step>,
}

fn knobs() -> impl Strategy<Value = Knobs> {
    let transport = (
        prop_oneof![Just(1_u64), Just(5), Just(40), Just(400)],
        prop_oneof![Just(usize::MAX), Just(65_536), Just(1448), Just(100), Just(7), Just(1)],
        prop_oneof![Just(65_536_usize), Just(9000), Just(600), Just(64)],
        prop_oneof![Just(0_u64), Just(10), Just(300), Just(4000)],
        prop_oneof![Just(0_u64), Just(20), Just(500), Just(3000)],
        prop_oneof![Just(0_u64), Just(50), Just(100)],
    );
    let cluster = (
        prop_oneof![6 => Just(2_usize), 3 => Just(3), 1 => Just(4), 1 => Just(5)],
        any::<u64>(),
        prop_oneof![Just(0_u64), Just(20), Just(500), Just(5000)],
        prop_oneof![3 => Just(0_u32), 1 => (0_u32..40).prop_map(|before| u32::MAX - before)],
        prop_oneof![4 => Just(3_600_000_u64), 1 => Just(5000), 1 => Just(300)],
        prop_oneof![3 => Just(1000_usize), 1 => Just(3)],
        prop_oneof![2 => Just(true), 1 => Just(false)],
        any::<bool>(),
        prop_oneof![3 => Just(false), 1 => Just(true)],
    );
    (transport, cluster).prop_map(
        |(
            (latency_ms, read_bytes, buffer_bytes, accept_ms, notice_ms, resets_percent),
            (
                nodes,
                seed,
                manager_ms,
                first_seq,
                shutdown_timeout_ms,
                queue_messages,
                starts_at_rest,
                leaves_at_once,
                one_by_one,
            ),
        )| Knobs {
            nodes,
            seed,
            latency_ms,
            read_bytes,
            buffer_bytes,
            accept_ms,
            notice_ms,
            resets_percent,
            manager_ms,
            first_seq,
            shutdown_timeout_ms,
            queue_messages,
            starts_at_rest,
            leaves_at_once,
            one_by_one,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let pair = any::<Two>;
    let len = || prop_oneof![6 => 72_u16..200, 1 => 200_u16..4056];
    let keep = || prop_oneof![Just((0, 0)), Just((u16::MAX, u16::MAX)), any::<(u16, u16)>(), (0_u16..300, 0_u16..300)];
    let ms = || prop_oneof![4 => 0_u16..20, 4 => 20_u16..500, 2 => 500_u16..6000];
    prop_oneof![
        14 => ms().prop_map(|ms| Step::Wait { ms }),
        20 => (pair(), 1_u8..40, len()).prop_map(|(pair, count, len)| Step::Send { pair, count, len }),
        4 => (pair(), len()).prop_map(|(pair, len)| Step::Reserve { pair, len }),
        4 => (pair(), any::<u8>()).prop_map(|(pair, which)| Step::Commit { pair, which }),
        1 => (pair(), any::<u8>()).prop_map(|(pair, which)| Step::Cancel { pair, which }),
        12 => (pair(), any::<u8>(), keep())
            .prop_map(|(pair, which, keep)| Step::Break { pair, which, keep }),
        6 => (pair(), any::<u8>(), any::<bool>()).prop_map(|(pair, which, side)| Step::HalfClose { pair, which, side }),
        3 => (pair(), 30_u16..60).prop_map(|(pair, ms)| Step::LoseAck { pair, ms }),
        3 => (pair(), ms()).prop_map(|(pair, ms)| Step::Silence { pair, ms }),
        2 => (any::<u8>(), ms()).prop_map(|(node, ms)| Step::Refuse { node, ms }),
        1 => (any::<u8>(), any::<u32>()).prop_map(|(node, ms)| Step::ClockJump { node, ms }),
        12 => (any::<u8>(), any::<bool>()).prop_map(|(node, lockspace)| Step::Join { node, lockspace }),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(node, lockspace)| Step::Unjoin { node, lockspace }),
        4 => any::<u8>().prop_map(|node| Step::Leave { node }),
        2 => pair().prop_map(|pair| Step::LeaveBoth { pair }),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(node, silent)| Step::Crash { node, silent }),
        6 => (any::<u8>(), any::<bool>()).prop_map(|(node, set_back)| Step::Restart { node, set_back }),
    ]
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    (knobs(), vec(step(), 1..120)).prop_map(|(knobs, steps)| Plan { knobs, steps })
}
