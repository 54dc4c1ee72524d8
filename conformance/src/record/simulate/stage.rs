//! The simulation as a stage.

use midcomms::midcomms::{ConnectionId, Input, SendError, State};
use midcomms::wire::LockspaceId;

use super::node::{Core, Reserved};
use super::wire::Side;
use super::world::{Happening, US, World};
use crate::record::ledger::{body, kind_of};
use crate::record::stage::{Stage, Told, View};
use crate::record::trace::standing;

/// The second word of the messages' headers.
const LOCKSPACE: LockspaceId = LockspaceId(1);
/// Ten minutes.
const PATIENCE_US: u64 = 600 * 1_000_000;
/// How long a silent death goes unnoticed at most, in microseconds.
const SILENT_DEATH_US: u64 = 5_000_000;

impl World {
    fn no_record(node: u32, peer: u32) -> String {
        format!("node {node} is not running, and so keeps nothing about node {peer}")
    }

    fn own_wires(&self, node: u32) -> Vec<(u64, Side)> {
        let sides = |(id, wire): (&u64, &super::wire::Wire)| {
            wire.side_of(node).filter(|side| wire.end(*side).is_open).map(|side| (*id, side))
        };
        self.wires.iter().filter_map(sides).collect()
    }

    /// The connection stays as if the node lived, until somebody notices.
    fn abandon(&mut self, id: u64, side: Side) {
        let at = self.now + self.rng.u64(0..=SILENT_DEATH_US) * US;
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.end_mut(side).is_open = false;
        wire.pipe(side).cut_at(usize::MAX);
        wire.pipe(side.across()).cut_at(0);
        self.schedule(at, Happening::Notice { wire: id, side: side.across() });
    }
}

impl Stage for World {
    fn seconds(&self) -> f64 {
        self.seconds_passed()
    }

    fn advance(&mut self, us: u64) -> Result<(), String> {
        self.run_until(self.now + us * US)
    }

    fn patience_us(&self) -> u64 {
        PATIENCE_US
    }

    fn is_alive(&self, node: u32) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_alive)
    }

    fn view(&self, node: u32, peer: u32) -> Option<View> {
        let node = self.nodes.get(&node).filter(|node| node.is_alive)?;
        let peer = node.links.get(&peer)?.core.peer()?;
        Some(View { state: peer.state(), is_up: peer.version().is_some(), queued: peer.queued().0 })
    }

    fn is_calm(&self) -> bool {
        self.is_quiet()
    }

    fn is_shutting_down(&self, node: u32) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.links.values().any(|link| link.is_shutting_down))
    }

    fn tell(&mut self, node: u32, peer: u32, told: Told) -> Result<(), String> {
        if !self.is_alive(node) {
            return Err(Self::no_record(node, peer));
        }
        self.input(
            node,
            peer,
            match told {
                Told::Add(lockspace) => Input::AddMember(lockspace),
                Told::Remove(lockspace) => Input::RemoveMember(lockspace),
                Told::Fence => Input::Fence,
            },
        );
        Ok(())
    }

    fn shut_down(&mut self, node: u32) -> Result<(), String> {
        let others: Vec<u32> = self.nodes.get(&node).into_iter().flat_map(|node| node.links.keys().copied()).collect();
        if !self.is_alive(node) {
            return Err(format!("node {node} is not running"));
        }
        for other in others {
            if let Some(link) = self.link_mut(node, other) {
                link.is_shutting_down = link.core.peer().is_some();
            }
            self.input(node, other, Input::Shutdown);
        }
        Ok(())
    }

    fn send(&mut self, from: u32, to: u32, size: usize) -> Result<Result<(), SendError>, String> {
        let ledger = self.ledger.clone();
        let link = self.link_mut(from, to).ok_or_else(|| Self::no_record(from, to))?;
        let taken = match &mut link.core {
            Core::New(peer) => peer.ready().and_then(|()| {
                let number = ledger.next_number(from, to);
                let kind = kind_of(number);
                peer.send(kind, LOCKSPACE, &body(kind, number, size)).map(|_| ())
            }),
            Core::Old(old) => {
                let number = (0..2).map(|_| ledger.next_number(from, to)).find(|number| !number.is_multiple_of(5));
                let number = number.ok_or("no number")?;
                if !old.send(&body(kind_of(number), number, size)) {
                    return Err("the message cannot be encoded".to_owned());
                }
                Ok(())
            }
        };
        if taken.is_ok() {
            ledger.sent(from, to);
        }
        self.drain(from, to);
        Ok(taken)
    }

    fn reserve(&mut self, from: u32, to: u32, size: usize) -> Result<(), String> {
        let number = self.ledger.next_number(from, to);
        let link = self.link_mut(from, to).ok_or_else(|| Self::no_record(from, to))?;
        let Core::New(peer) = &mut link.core else { return Err(format!("node {from} speaks 3.1")) };
        let incarnation = peer.snapshot().incarnation;
        let reservation = peer.reserve(kind_of(number), LOCKSPACE, size).map_err(|error| error.to_string())?;
        link.reserved.push_back(Reserved { reservation, incarnation, number, size });
        self.drain(from, to);
        Ok(())
    }

    fn settle(&mut self, from: u32, to: u32, which: usize, is_commit: bool) -> Result<bool, String> {
        let ledger = self.ledger.clone();
        let link = self.link_mut(from, to).ok_or_else(|| Self::no_record(from, to))?;
        let Core::New(peer) = &mut link.core else { return Ok(false) };
        let count = link.reserved.len().max(1);
        let Some(Reserved { reservation, incarnation, number, size }) = link.reserved.remove(which % count) else {
            return Ok(false);
        };
        if is_commit {
            let own = peer.snapshot().incarnation;
            let bytes = body(kind_of(number), number, size);
            match peer.commit(&reservation, |room| room.copy_from_slice(&bytes)) {
                Ok(()) => ledger.sent(from, to),
                Err(SendError::SessionOver) if own != incarnation => {}
                Err(error) => return Err(error.to_string()),
            }
        } else {
            peer.cancel(&reservation);
        }
        self.drain(from, to);
        Ok(true)
    }

    fn break_one(&mut self, a: u32, b: u32) -> bool {
        let known = self.between(a, b);
        let Some(id) = self.rng.choice(known) else { return false };
        self.break_wire(id);
        true
    }

    fn finish(&mut self, node: u32, peer: u32) -> Result<bool, String> {
        let Some(link) = self.link_mut(node, peer) else { return Err(Self::no_record(node, peer)) };
        let Core::New(core) = &link.core else { return Err(format!("node {node} speaks 3.1")) };
        let (ours, theirs) = core.connections();
        let Some(ConnectionId(id)) = ours.or(theirs) else { return Ok(false) };
        if let Some(wire) = self.wires.get_mut(&id)
            && let Some(side) = wire.side_of(node)
        {
            wire.pipe(side.across()).cut_at(0);
        }
        self.input(node, peer, Input::Finished(ConnectionId(id)));
        Ok(true)
    }

    fn silence(&mut self, from: u32, to: u32, is_silent: bool) -> Result<(), String> {
        if is_silent {
            self.silent.insert((from, to));
            return Ok(());
        }
        self.silent.remove(&(from, to));
        let is_there = |wire: &super::wire::Wire| wire.is_between(from, to);
        let wires: Vec<u64> = self.wires.iter().filter(|(_, wire)| is_there(wire)).map(|(id, _)| *id).collect();
        for id in wires {
            if let Some(side) = self.wires.get(&id).and_then(|wire| wire.side_of(from)) {
                self.schedule(self.now, Happening::Arrive { wire: id, side });
            }
        }
        Ok(())
    }

    fn refuse(&mut self, node: u32, refuses: bool) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.refuses = refuses;
        }
    }

    fn hold(&mut self, node: u32, holds: bool) -> Result<(), String> {
        let Some(known) = self.nodes.get_mut(&node) else { return Ok(()) };
        if holds {
            known.held.get_or_insert_default();
            return Ok(());
        }
        let held = known.held.take().unwrap_or_default();
        if held.len() < 2 {
            return Err(format!("{} connections wait for node {node}: their order says nothing", held.len()));
        }
        for (place, wire) in (0_u64..).zip(held.into_iter().rev()) {
            self.schedule(self.now + place * 100 * US, Happening::Accept { wire });
        }
        Ok(())
    }

    fn crash(&mut self, node: u32, is_silent: bool) -> Result<(), String> {
        let Some(known) = self.nodes.get_mut(&node).filter(|known| known.is_alive) else {
            return Err(format!("node {node} is not running"));
        };
        known.is_alive = false;
        known.held = None;
        for (peer, link) in core::mem::take(&mut known.links) {
            if let Some(core) = link.core.peer() {
                known.used.insert(peer, core.snapshot().incarnation);
                self.ledger.record(node, peer, |record| record.ends = Some(State::Closed));
            }
        }
        for (id, side) in self.own_wires(node) {
            if is_silent {
                self.abandon(id, side);
            } else {
                let is_orderly = self.rng.bool();
                self.hang_up(id, side, is_orderly);
            }
        }
        Ok(())
    }

    fn start(&mut self, node: u32) -> Result<(), String> {
        let Some(known) = self.nodes.get_mut(&node).filter(|known| !known.is_alive) else {
            return Err(format!("node {node} runs already"));
        };
        known.life += 1;
        self.desks.begin_life(node).map_err(|error| error.to_string())?;
        self.populate(node);
        Ok(())
    }

    fn begin_recording(&mut self, node: u32) -> Result<(), String> {
        let links = self.nodes.get(&node).filter(|node| node.is_alive).into_iter().flat_map(|node| &node.links);
        let records = links.filter_map(|(peer, link)| Some((*peer, standing(link.core.peer()?)))).collect();
        self.desks.begin(node, records)
    }
}
