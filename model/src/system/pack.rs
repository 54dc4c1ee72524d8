//! A system in a few words: each field in as many bits as the environment needs, and only the messages that there are.

use super::World;
use super::environment::Environment;
use super::state::{End, Link, Node, Notice, Pending, Phase, Second, Status, System};
use super::wire::{CAPACITY, Fifo, Msg};
use crate::message::Version;
use crate::record::{Record, State};
use crate::rules::{Accepts, FinStep, Numbering, Rules, StopTx};
use crate::seq::Seq;

/// A packed system: `W` words.
pub type Packed<const W: usize> = [u64; W];

/// How many bits what takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    number: u32,
    lockspaces: u32,
    is_split: bool,
    is_stale: bool,
    is_mixed: bool,
    has_second: bool,
    accepts_one: bool,
}

impl Layout {
    pub(super) fn of(environment: &Environment, rules: &[Rules; 3]) -> Self {
        let is_mixed = environment.versions.iter().flatten().any(|version| *version == Version::V3_1);
        Self {
            number: if environment.first_number == 0 { 3 } else { 4 },
            lockspaces: u32::from(environment.lockspaces),
            is_split: environment.split || rules.iter().any(|rules| !rules.commits),
            is_stale: environment.stale,
            is_mixed,
            has_second: rules.iter().any(|rules| {
                rules.fin_step == FinStep::Two
                    || rules.stop_tx == StopTx::AfterFin
                    || rules.numbering == Numbering::AfterQueue
                    || rules.ack_passes_two
            }),
            accepts_one: rules.iter().any(|rules| rules.accepts == Accepts::One),
        }
    }
}

struct Writer<const W: usize> {
    words: [u64; W],
    /// Bits that wait to be stored, and how many.
    pending: u64,
    filled: u32,
    word: usize,
    overflow: bool,
}

impl<const W: usize> Writer<W> {
    #[inline(always)]
    fn put(&mut self, value: u64, bits: u32) {
        self.overflow |= value >> bits != 0;
        self.pending |= value << self.filled;
        self.filled += bits;
        if self.filled >= 64 {
            self.store();
            self.filled -= 64;
            self.pending = if self.filled == 0 { 0 } else { value >> (bits - self.filled) };
        }
    }

    fn store(&mut self) {
        match self.words.get_mut(self.word) {
            Some(word) => *word = self.pending,
            None => self.overflow |= self.pending != 0,
        }
        self.word += 1;
    }

    #[inline(always)]
    fn flag(&mut self, value: bool) {
        self.put(u64::from(value), 1);
    }
}

struct Reader<'a, const W: usize> {
    words: &'a [u64; W],
    position: u32,
}

impl<const W: usize> Reader<'_, W> {
    #[inline(always)]
    fn take(&mut self, bits: u32) -> u64 {
        let (word, shift) = ((self.position / 64) as usize, self.position % 64);
        let low = self.words.get(word).copied().unwrap_or_default() >> shift;
        self.position += bits;
        let value = if shift + bits > 64 {
            low | self.words.get(word + 1).copied().unwrap_or_default() << (64 - shift)
        } else {
            low
        };
        value & ((1 << bits) - 1)
    }

    #[inline(always)]
    fn flag(&mut self) -> bool {
        self.take(1) != 0
    }
}

const PHASES: [Phase; 6] = [Phase::In, Phase::Waiting, Phase::Shutting, Phase::Lingering, Phase::Draining, Phase::Out];
const PENDINGS: [Pending; 4] = [Pending::Nothing, Pending::Add, Pending::Remove, Pending::RemoveAdd];
const NOTICES: [Notice; 3] = [Notice::Quiet, Notice::Error, Notice::Close];
const STATUSES: [Status; 3] = [Status::Down, Status::Up, Status::Broken];

fn nth<T: Copy + Default>(values: &[T], index: u64) -> T {
    values.get(index as usize).copied().unwrap_or_default()
}

impl World {
    /// The system in `W` words, and whether it fits: if not, the bounds of the model are too small.
    pub fn pack<const W: usize, const N: usize, const M: usize>(&self, system: &System<N, M>) -> (Packed<W>, bool) {
        let mut out = Writer { words: [0; W], pending: 0, filled: 0, word: 0, overflow: false };
        out.put(u64::from(system.breaks), 2);
        out.put(u64::from(system.crashes), 2);
        out.put(u64::from(system.rejoins), 2);
        out.flag(system.timed_out);
        for node in &system.nodes {
            out.put(node.phase as u64, 3);
            out.put(u64::from(node.closed), 2);
            out.put(u64::from(node.joined), self.layout.lockspaces);
            out.flag(node.is_back);
            for end in &node.ends {
                self.pack_record(&mut out, end);
                self.pack_end(&mut out, end);
                self.pack_link(&mut out, &end.link);
            }
        }
        out.store();
        (out.words, !out.overflow)
    }

    fn put_seq<const W: usize>(&self, out: &mut Writer<W>, seq: Seq) {
        let distance = Seq(self.environment.first_number).distance_to(seq);
        out.overflow |= distance >= 15;
        out.put(u64::from(distance & 15), self.layout.number);
    }

    fn pack_record<const W: usize>(&self, out: &mut Writer<W>, end: &End) {
        let record = &end.record;
        out.put(record.state as u64, 3);
        let version = match record.version {
            None => 0,
            Some(Version::V3_1) => 1,
            Some(Version::V3_2) => 2,
        };
        out.put(version, 2);
        self.put_seq(out, record.seq_send);
        self.put_seq(out, record.seq_next);
        self.put_seq(out, record.queue_head);
        out.flag(record.fin.is_some());
        if let Some(fin) = record.fin {
            self.put_seq(out, fin);
        }
        out.flag(record.stop_tx);
        out.flag(record.stop_rx);
        out.put(u64::from(record.users.min(3)), 2);
    }

    fn pack_end<const W: usize>(&self, out: &mut Writer<W>, end: &End) {
        out.put(u64::from(end.life), 2);
        out.put(end.bound.map_or(0, |bound| u64::from(bound) + 1), 3);
        out.put(u64::from(end.sent), 2);
        out.put(end.notice as u64, 2);
        out.put(u64::from(end.counted), self.layout.lockspaces);
        for pending in end.pending.iter().take(self.layout.lockspaces as usize) {
            out.put(*pending as u64, 2);
        }
        for accepted in end.accepted {
            out.put(u64::from(accepted), self.layout.number);
        }
        for flag in [end.delivered, end.fence, end.unseen, end.excused, end.lost] {
            out.flag(flag);
        }
        if self.layout.is_split {
            out.flag(end.late);
            out.put(end.reserved.map_or(0, |number| u64::from(number) + 1), self.layout.number);
        }
        if self.layout.is_stale {
            out.put(u64::from(end.stale_len), 2);
            end.stale().iter().for_each(|message| self.pack_message(out, *message, false));
        }
        if self.layout.has_second {
            let (kind, number) = match end.second {
                Second::Done => (0, 0),
                Second::SendFin => (1, 0),
                Second::SetStopTx => (2, 0),
                Second::TakeNumber => (3, 0),
                Second::Release(number) => (4, number),
            };
            out.put(kind, 3);
            out.put(u64::from(number), self.layout.number);
        }
    }

    fn pack_link<const W: usize>(&self, out: &mut Writer<W>, link: &Link) {
        out.put(link.status as u64, 2);
        out.put(link.fifo.len() as u64, 4);
        out.put(u64::from(link.sent), 4);
        out.put(u64::from(link.old), 4);
        if self.layout.accepts_one {
            out.put(u64::from(link.unaccepted), 2);
        }
        for (index, message) in link.fifo.as_slice().iter().enumerate() {
            self.pack_message(out, *message, index >= usize::from(link.sent));
        }
    }

    /// Kind, incarnations and number; then the version where there are two, and what only waiting messages have.
    fn pack_message<const W: usize>(&self, out: &mut Writer<W>, message: Msg, waits: bool) {
        out.put(u64::from(message.0 & 0xff), 8);
        out.put(u64::from(message.0 >> 8 & 15), self.layout.number);
        if self.layout.is_mixed {
            out.put(u64::from(message.0 >> 12 & 1 | message.0 >> 14 & 2), 2);
        }
        if waits {
            out.put(u64::from(message.0 >> 13 & 3), 2);
        }
    }

    /// What [`World::pack`] packed.
    pub fn unpack<const W: usize, const N: usize, const M: usize>(&self, packed: &Packed<W>) -> System<N, M> {
        let mut input = Reader { words: packed, position: 0 };
        let mut system = System {
            breaks: input.take(2) as u8,
            crashes: input.take(2) as u8,
            rejoins: input.take(2) as u8,
            timed_out: input.flag(),
            nodes: [Node { phase: Phase::In, closed: 0, joined: 0, is_back: false, ends: [End::default(); M] }; N],
        };
        for node in &mut system.nodes {
            node.phase = nth(&PHASES, input.take(3));
            node.closed = input.take(2) as u8;
            node.joined = input.take(self.layout.lockspaces) as u8;
            node.is_back = input.flag();
            for end in &mut node.ends {
                end.record = self.unpack_record(&mut input);
                self.unpack_end(&mut input, end);
                end.link = self.unpack_link(&mut input);
            }
        }
        system
    }

    fn take_seq<const W: usize>(&self, input: &mut Reader<'_, W>) -> Seq {
        self.seq(input.take(self.layout.number) as u8)
    }

    fn unpack_record<const W: usize>(&self, input: &mut Reader<'_, W>) -> Record {
        Record {
            state: nth(&State::ALL, input.take(3)),
            version: nth(&[None, Some(Version::V3_1), Some(Version::V3_2)], input.take(2)),
            seq_send: self.take_seq(input),
            seq_next: self.take_seq(input),
            queue_head: self.take_seq(input),
            fin: if input.flag() { Some(self.take_seq(input)) } else { None },
            stop_tx: input.flag(),
            stop_rx: input.flag(),
            users: input.take(2) as u16,
        }
    }

    fn unpack_end<const W: usize>(&self, input: &mut Reader<'_, W>, end: &mut End) {
        end.life = input.take(2) as u8;
        end.bound = input.take(3).checked_sub(1).map(|bound| bound as u8);
        end.sent = input.take(2) as u8;
        end.notice = nth(&NOTICES, input.take(2));
        end.counted = input.take(self.layout.lockspaces) as u8;
        for pending in end.pending.iter_mut().take(self.layout.lockspaces as usize) {
            *pending = nth(&PENDINGS, input.take(2));
        }
        for accepted in &mut end.accepted {
            *accepted = input.take(self.layout.number) as u8;
        }
        for flag in [&mut end.delivered, &mut end.fence, &mut end.unseen, &mut end.excused, &mut end.lost] {
            *flag = input.flag();
        }
        if self.layout.is_split {
            end.late = input.flag();
            end.reserved = input.take(self.layout.number).checked_sub(1).map(|number| number as u8);
        }
        if self.layout.is_stale {
            let len = input.take(2);
            for _ in 0..len {
                let message = self.unpack_message(input, false);
                end.push_stale(message);
            }
        }
        if self.layout.has_second {
            let kind = input.take(3);
            let number = input.take(self.layout.number) as u8;
            end.second = match kind {
                0 => Second::Done,
                1 => Second::SendFin,
                2 => Second::SetStopTx,
                3 => Second::TakeNumber,
                _ => Second::Release(number),
            };
        }
    }

    fn unpack_link<const W: usize>(&self, input: &mut Reader<'_, W>) -> Link {
        let status = nth(&STATUSES, input.take(2));
        let len = (input.take(4) as usize).min(CAPACITY);
        let (sent, old) = (input.take(4) as u8, input.take(4) as u8);
        let unaccepted = if self.layout.accepts_one { input.take(2) as u8 } else { 0 };
        let mut fifo = Fifo::default();
        for index in 0..len {
            let message = self.unpack_message(input, index >= usize::from(sent));
            let _ = fifo.push(message); // there is room: it came from one
        }
        Link { fifo, sent, old, status, unaccepted }
    }

    fn unpack_message<const W: usize>(&self, input: &mut Reader<'_, W>, waits: bool) -> Msg {
        let low = input.take(8) as u16;
        let number = input.take(self.layout.number) as u16;
        let version = if self.layout.is_mixed { input.take(2) as u16 } else { 0 };
        let waiting = if waits { input.take(2) as u16 } else { 0 };
        Msg(low | number << 8 | (version & 1) << 12 | (version & 2) << 14 | waiting << 13)
    }
}
