//! What the fuzz targets `record` and `node` do with their input. The corpus test runs the same functions.

use core::slice::Iter;
use std::time::Duration;

use midcomms::midcomms::{Input, Kind, Reservation};
use midcomms::wire::{LockspaceId, NodeId, RcomType, Seq, Version};

use messages::{body_of, tail};
use rig::{OWN, PEER, Rig};

mod judge;
mod messages;
mod rig;

/// A program for one record: each step is a byte that says what, and one or more that say how. Whatever the steps are,
/// what [`judge`] asks for holds after each, and behind the last one the record is as good as new.
pub(crate) fn record(data: &[u8]) {
    let mut run = Run { rig: Rig::new(false, NodeId(2)), program: Program(data.iter()), reservations: Vec::new() };
    while let Some(what) = run.program.0.next() {
        let how = run.program.byte();
        match what % 40 {
            what @ 0..12 => run.surround(what, how),
            what @ (12..16 | 26..36) => run.send(what, how),
            what @ 16..23 => run.hear(what, how),
            23 => run.rig.drain(),
            what => run.extend(what, how),
        }
    }
    run.rig.finish();
}

/// Bytes of a peer. The first byte says in which state the record is, and with its highest bit that the peer is node 1
/// and not 2; the second says how large the chunks are; the rest comes on one accepted connection.
pub(crate) fn node(data: &[u8]) {
    let [state, size, stream @ ..] = data else { return };
    let mut rig = in_state(state & 0x7F, if state & 0x80 == 0 { NodeId(2) } else { NodeId(1) });
    rig.accepted();
    let before = rig.judge.written;
    let chunks = stream.chunks(usize::from(*size) * 16 + 1);
    let most = 8 * (chunks.len() + 1);
    for chunk in chunks {
        rig.received(1, chunk.to_vec());
    }
    assert!(rig.judge.written - before <= most, "an answer for each chunk, at most");
    rig.pass(Duration::from_secs(100));
}

/// 0 CLOSED, 1 unbound, 2 ESTABLISHED, 3 towards a Linux node, then the closing states.
fn in_state(state: u8, them: NodeId) -> Rig {
    let mut rig = Rig::new(true, them);
    let state = state % 8;
    if state == 0 {
        return rig;
    }
    rig.input(Input::AddMember(LockspaceId(1)));
    match state {
        1 => return rig,
        3 => rig.received(0, rig.voice.rcom(RcomType::StatusReply)),
        _ => rig.received(0, rig.voice.ack(Seq(0), &tail(1, PEER, Some(OWN.0)))),
    }
    if state >= 4 {
        rig.send(|peer| peer.send(Kind::Msg, LockspaceId(1), &body_of(1, 72)));
    }
    match state {
        5 => rig.input(Input::Shutdown),
        6 => rig.received(0, rig.voice.fin(Seq(0))),
        7 => {
            rig.received(0, rig.voice.fin(Seq(0)));
            rig.input(Input::RemoveMember(LockspaceId(1)));
        }
        _ => {}
    }
    rig
}

// ---- programs ----------------------------------------------------------------------------------------------------

struct Program<'a>(Iter<'a, u8>);

impl Program<'_> {
    /// The next byte; behind the last one there are zeros.
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn take(&mut self, count: u8) -> Vec<u8> {
        self.0.by_ref().take(usize::from(count)).copied().collect()
    }
}

struct Run<'a> {
    rig: Rig,
    program: Program<'a>,
    reservations: Vec<Reservation>,
}

impl Run<'_> {
    /// The cluster manager, the driver and time.
    fn surround(&mut self, what: u8, how: u8) {
        let rig = &mut self.rig;
        match what {
            0 => rig.input(Input::AddMember(LockspaceId(u32::from(how % 3)))),
            1 => rig.input(Input::RemoveMember(LockspaceId(u32::from(how % 3)))),
            2 => rig.input(Input::Fence),
            3 => rig.input(Input::Shutdown),
            4 => rig.opened(),
            5 => rig.input(Input::OpenFailed),
            6 => rig.accepted(),
            7 => rig.received(how, self.program.take(how)),
            8 => rig.written(),
            9 => rig.ends(how, Input::Finished),
            10 => rig.ends(how, Input::Broken),
            _ => rig.pass(Duration::from_millis(u64::from(how) * u64::from(how))),
        }
    }

    /// One message of the peer's, or time that runs out for one.
    fn hear(&mut self, what: u8, how: u8) {
        let rig = &mut self.rig;
        match what {
            16 => rig.hello(how, self.program.byte()),
            17 => rig.received(how, rig.voice.msg(rig.near(how), &[])),
            18 => rig.received(how, rig.voice.fin(rig.near(how))),
            19 => rig.received(how, rig.voice.ack(rig.near_sent(how), &[])),
            20 => rig.received(how, rig.voice.rcom(RcomType::Status)),
            21 => rig.received(how, rig.voice.rcom(RcomType::StatusReply)),
            _ => rig.timeout(),
        }
    }

    /// The upper layer.
    fn send(&mut self, what: u8, how: u8) {
        let (rig, lockspace, len) = (&mut self.rig, LockspaceId(1), usize::from(how));
        let kind = if how & 1 == 0 { Kind::Msg } else { Kind::Rcom };
        match what {
            12 => rig.send(|peer| peer.send(Kind::Msg, lockspace, &body_of(1, 72 + len))),
            13 => self.reservations.extend(rig.reserve(Kind::Msg, 72 + len)),
            14 => self.settle(how, |rig, reservation| _ = rig.commit(&reservation, 1)),
            15 => self.settle(how, |rig, reservation| rig.cancel(&reservation)),
            26 => {
                let each = 72 + usize::from(self.program.byte()) * 16;
                let mut bodies = vec![body_of(1 + (how >> 7) * 2, each); len & 31];
                bodies.extend((how & 0x20 != 0).then(|| body_of(200, 72)));
                rig.send_all(if how & 0x40 == 0 { Kind::Msg } else { Kind::Rcom }, &bodies, each * len);
            }
            27 => rig.send(|peer| peer.send_opaque(lockspace, &vec![how; len * 16])),
            28 => rig.send(|peer| peer.send(kind, lockspace, &body_of(how >> 1 & 15, len * 16))),
            29 => rig.send_bare(how),
            30 => rig.configure(how),
            31 => match how % 6 {
                0 => rig.peer.acknowledge(),
                1 => rig.peer.release(),
                2 => rig.ready(),
                3 => rig.copy(),
                _ => rig.is_resting = how & 8 != 0,
            },
            32 => rig.restart(how),
            33 => rig.stale(how),
            34 => self.reservations.extend(rig.reserve(kind, len * 16)),
            // The type is none: the reservation stands.
            _ => {
                let reservation = self.reservations.pop();
                self.reservations.extend(reservation.filter(|one| !rig.commit(one, how | 0x40)));
            }
        }
    }

    fn settle(&mut self, how: u8, settle: impl FnOnce(&mut Rig, Reservation)) {
        if !self.reservations.is_empty() {
            let at = usize::from(how) % self.reservations.len();
            settle(&mut self.rig, self.reservations.swap_remove(at));
        }
    }

    /// Many messages at once, and more time.
    fn extend(&mut self, what: u8, how: u8) {
        let Self { rig, program, .. } = self;
        match what {
            24 => rig.hear(how, |speech| {
                for _ in 0..=how >> 1 & 15 {
                    speech.say(program.byte(), program.byte());
                }
            }),
            25 => rig.voice.version = if how & 1 == 0 { Version::V3_2 } else { Version::V3_1 },
            36 => rig.hear(how, |speech| {
                let (what, size) = (u8::from(how & 0x10 != 0), program.byte());
                (0..1 << (how >> 1 & 7)).for_each(|_| speech.say(what, size));
            }),
            37 => rig.hear(how, |speech| speech.say(6, how)),
            38 => {
                rig.written();
                rig.hear(0, |speech| speech.say(6, how));
            }
            _ => rig.pass(Duration::from_secs(u64::from(how))),
        }
    }
}
