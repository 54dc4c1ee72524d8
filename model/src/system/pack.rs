//! A system in a few words: each field in as many bits as the environment needs, and only the messages that there are.

use super::World;
use super::bits::{Group, Packed, Reader, Writer};
use super::environment::Environment;
use super::state::{End, Node, Notice, Pending, Phase, Second, Status, System};
use super::wire::Msg;
use crate::message::Version;
use crate::record::State;
use crate::rules::{Accepts, FinStep, Numbering, Rules, StopTx};
use crate::seq::Seq;

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
    /// What unpacking begins with: copied whole, so that no wide load waits for narrow stores.
    blank: End,
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
            blank: End::default(),
        }
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
    #[inline]
    pub fn pack<const W: usize, const N: usize, const M: usize>(&self, system: &System<N, M>) -> (Packed<W>, bool) {
        let mut packed = Packed::zero();
        let Layout { number, lockspaces, .. } = self.layout;
        let fits = match (number, lockspaces) {
            (3, 1) => self.pack_as::<W, N, M, 3, 1>(system, &mut packed),
            (3, _) => self.pack_as::<W, N, M, 3, 2>(system, &mut packed),
            (_, 1) => self.pack_as::<W, N, M, 4, 1>(system, &mut packed),
            (_, _) => self.pack_as::<W, N, M, 4, 2>(system, &mut packed),
        };
        (packed, fits)
    }

    /// With `B` bits for a number and `L` lockspaces.
    fn pack_as<const W: usize, const N: usize, const M: usize, const B: u32, const L: usize>(
        &self,
        system: &System<N, M>,
        packed: &mut Packed<W>,
    ) -> bool {
        let mut out = Writer::new(packed);
        let mut group = Group::default();
        group.put(u64::from(system.breaks), 2);
        group.put(u64::from(system.crashes), 2);
        group.put(u64::from(system.rejoins), 2);
        group.flag(system.timed_out);
        for node in &system.nodes {
            group.put_any(node.phase as u64, 3);
            group.put(u64::from(node.closed), 2);
            group.put(u64::from(node.joined), L as u32);
            group.flag(node.is_back);
        }
        out.put(group);
        for node in &system.nodes {
            for end in &node.ends {
                out.put(self.pack_end::<B, L>(end));
                out.put(self.pack_rest::<B>(end));
                self.pack_messages::<W, B>(&mut out, end);
            }
        }
        out.finish()
    }

    #[inline(always)]
    fn put_seq<const B: u32>(&self, group: &mut Group, seq: Seq) {
        let distance = u64::from(Seq(self.environment.first_number).distance_to(seq));
        group.lost |= u64::from(distance >= 15);
        group.put(distance & 15, B);
    }

    /// What every end has: at most 62 bits.
    #[inline(always)]
    fn pack_end<const B: u32, const L: usize>(&self, end: &End) -> Group {
        let (mut group, record) = (Group::default(), &end.record);
        group.put_any(record.state as u64, 3);
        let version = match record.version {
            None => 0,
            Some(Version::V3_1) => 1,
            Some(Version::V3_2) => 2,
        };
        group.put_any(version, 2);
        group.put_any(u64::from(record.users.min(3)), 2);
        group.put(u64::from(end.life), 2);
        group.put(end.bound.map_or(0, |bound| u64::from(bound) + 1), 3);
        group.put(u64::from(end.sent), 2);
        group.put_any(end.notice as u64, 2);
        group.put(u64::from(end.counted), L as u32);
        for pending in end.pending.iter().take(L) {
            group.put_any(*pending as u64, 2);
        }
        for accepted in end.accepted {
            group.put(u64::from(accepted), B);
        }
        let flags = [end.delivered, end.fence, end.unseen, end.excused, end.lost, record.stop_tx, record.stop_rx];
        flags.into_iter().for_each(|flag| group.flag(flag));
        self.put_seq::<B>(&mut group, record.seq_send);
        self.put_seq::<B>(&mut group, record.seq_next);
        self.put_seq::<B>(&mut group, record.queue_head);
        group.flag(record.fin.is_some());
        if let Some(fin) = record.fin {
            self.put_seq::<B>(&mut group, fin);
        }
        group
    }

    /// What some environments and rules add, and the connection: at most 30 bits.
    #[inline(always)]
    fn pack_rest<const B: u32>(&self, end: &End) -> Group {
        let (mut group, link) = (Group::default(), &end.link);
        group.put_any(link.status as u64, 2);
        group.put_any(link.fifo.len() as u64, 4);
        group.put(u64::from(link.sent), 4);
        group.put(u64::from(link.old), 4);
        if self.layout.accepts_one {
            group.put(u64::from(link.unaccepted), 2);
        }
        if self.layout.is_split {
            group.flag(end.late);
            group.put(end.reserved.map_or(0, |number| u64::from(number) + 1), B);
        }
        if self.layout.is_stale {
            group.put(u64::from(end.stale_len), 2);
        }
        if self.layout.has_second {
            let (kind, number) = match end.second {
                Second::Done => (0, 0),
                Second::SendFin => (1, 0),
                Second::SetStopTx => (2, 0),
                Second::TakeNumber => (3, 0),
                Second::Release(number) => (4, number),
            };
            group.put_any(kind, 3);
            group.put(u64::from(number), B);
        }
        group
    }

    #[inline(always)]
    fn pack_messages<const W: usize, const B: u32>(&self, out: &mut Writer<'_, W>, end: &End) {
        if self.layout.is_stale {
            end.stale().iter().for_each(|message| out.put(self.pack_message::<B>(*message, false)));
        }
        let messages = end.link.fifo.as_slice();
        let (written, waiting) = messages.split_at_checked(usize::from(end.link.sent)).unwrap_or((messages, &[]));
        written.iter().for_each(|message| out.put(self.pack_message::<B>(*message, false)));
        waiting.iter().for_each(|message| out.put(self.pack_message::<B>(*message, true)));
    }

    /// Kind, incarnations and number; then the version where there are two, and what only waiting messages have.
    #[inline(always)]
    fn pack_message<const B: u32>(&self, message: Msg, waits: bool) -> Group {
        let (mut group, bits) = (Group::default(), u64::from(message.0));
        group.put_any(bits & 0xff, 8);
        group.put(bits >> 8 & 15, B);
        if self.layout.is_mixed {
            group.put_any(bits >> 12 & 1 | bits >> 14 & 2, 2);
        }
        if waits {
            group.put_any(bits >> 13 & 3, 2);
        }
        group
    }

    /// What [`World::pack`] packed.
    pub fn unpack<const W: usize, const N: usize, const M: usize>(&self, packed: &Packed<W>) -> System<N, M> {
        let Layout { number, lockspaces, .. } = self.layout;
        match (number, lockspaces) {
            (3, 1) => self.unpack_as::<W, N, M, 3, 1>(packed),
            (3, _) => self.unpack_as::<W, N, M, 3, 2>(packed),
            (_, 1) => self.unpack_as::<W, N, M, 4, 1>(packed),
            (_, _) => self.unpack_as::<W, N, M, 4, 2>(packed),
        }
    }

    fn unpack_as<const W: usize, const N: usize, const M: usize, const B: u32, const L: usize>(
        &self,
        packed: &Packed<W>,
    ) -> System<N, M> {
        let mut input = Reader::new(packed);
        let mut system = input.take(|group| {
            let node = Node { phase: Phase::In, closed: 0, joined: 0, is_back: false, ends: [self.layout.blank; M] };
            let mut system = System {
                breaks: group.take(2) as u8,
                crashes: group.take(2) as u8,
                rejoins: group.take(2) as u8,
                timed_out: group.take_flag(),
                nodes: [node; N],
            };
            for node in &mut system.nodes {
                node.phase = nth(&PHASES, group.take(3));
                node.closed = group.take(2) as u8;
                node.joined = group.take(L as u32) as u8;
                node.is_back = group.take_flag();
            }
            system
        });
        for end in system.nodes.iter_mut().flat_map(|node| &mut node.ends) {
            input.take(|group| self.unpack_end::<B, L>(group, end));
            let (len, stale_len) = input.take(|group| self.unpack_rest::<B>(group, end));
            for _ in 0..stale_len {
                let message = input.take(|group| self.unpack_message::<B>(group, false));
                end.push_stale(message);
            }
            let sent = usize::from(end.link.sent);
            end.link.fifo.fill(len, |at| input.take(|group| self.unpack_message::<B>(group, at >= sent)));
        }
        system
    }

    #[inline(always)]
    fn take_seq<const B: u32>(&self, group: &mut Group) -> Seq {
        self.seq(group.take(B) as u8)
    }

    #[inline(always)]
    fn unpack_end<const B: u32, const L: usize>(&self, group: &mut Group, end: &mut End) {
        let record = &mut end.record;
        record.state = nth(&State::ALL, group.take(3));
        record.version = nth(&[None, Some(Version::V3_1), Some(Version::V3_2)], group.take(2));
        record.users = group.take(2) as u16;
        end.life = group.take(2) as u8;
        end.bound = group.take(3).checked_sub(1).map(|bound| bound as u8);
        end.sent = group.take(2) as u8;
        end.notice = nth(&NOTICES, group.take(2));
        end.counted = group.take(L as u32) as u8;
        for pending in end.pending.iter_mut().take(L) {
            *pending = nth(&PENDINGS, group.take(2));
        }
        for accepted in &mut end.accepted {
            *accepted = group.take(B) as u8;
        }
        let End { delivered, fence, unseen, excused, lost, .. } = end;
        let (stop_tx, stop_rx) = (&mut record.stop_tx, &mut record.stop_rx);
        for flag in [delivered, fence, unseen, excused, lost, stop_tx, stop_rx] {
            *flag = group.take_flag();
        }
        record.seq_send = self.take_seq::<B>(group);
        record.seq_next = self.take_seq::<B>(group);
        record.queue_head = self.take_seq::<B>(group);
        record.fin = if group.take_flag() { Some(self.take_seq::<B>(group)) } else { None };
    }

    /// How many messages follow: on the link, and stale.
    #[inline(always)]
    fn unpack_rest<const B: u32>(&self, group: &mut Group, end: &mut End) -> (usize, u64) {
        let link = &mut end.link;
        link.status = nth(&STATUSES, group.take(2));
        let len = group.take(4) as usize;
        (link.sent, link.old) = (group.take(4) as u8, group.take(4) as u8);
        if self.layout.accepts_one {
            link.unaccepted = group.take(2) as u8;
        }
        if self.layout.is_split {
            end.late = group.take_flag();
            end.reserved = group.take(B).checked_sub(1).map(|number| number as u8);
        }
        let stale_len = if self.layout.is_stale { group.take(2) } else { 0 };
        if self.layout.has_second {
            let (kind, number) = (group.take(3), group.take(B) as u8);
            end.second = match kind {
                0 => Second::Done,
                1 => Second::SendFin,
                2 => Second::SetStopTx,
                3 => Second::TakeNumber,
                _ => Second::Release(number),
            };
        }
        (len, stale_len)
    }

    #[inline(always)]
    fn unpack_message<const B: u32>(&self, group: &mut Group, waits: bool) -> Msg {
        let low = group.take(8) as u16;
        let number = group.take(B) as u16;
        let version = if self.layout.is_mixed { group.take(2) as u16 } else { 0 };
        let waiting = if waits { group.take(2) as u16 } else { 0 };
        Msg(low | number << 8 | (version & 1) << 12 | (version & 2) << 14 | waiting << 13)
    }
}
