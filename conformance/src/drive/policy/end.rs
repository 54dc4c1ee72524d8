//! How a walk ends.

use bytes::Bytes;
use midcomms::midcomms::{
    ConnectionId, Event, Ids, Incarnation, Input, Peer, Reason, SendError, Shutdown, Snapshot, State, Time, Transmit,
};
use midcomms::wire::{LockspaceId, Seq, VERSION_3_2, Version};

use super::account::later;
use super::bytes::Voice;
use super::compare::{Checked, same};
use super::output::LOCKSPACE;
use super::walk::Walker;

/// A second lockspace, which comes last.
const LATE: LockspaceId = LockspaceId(0x11);

impl Walker {
    /// The session ends: nothing is left of it.
    pub(super) fn end(&mut self) -> Checked {
        self.events()?;
        if let Some(id) = self.speaks_on()
            && self.chance.below(2) == 0
        {
            return self.leave_second(id);
        }
        if self.account.timeout().is_none() && self.chance.below(2) == 0 {
            return self.time_out_shutdown();
        }
        let lost = self.account.entries.len();
        let open = self.account.lines().count();
        self.peer.handle_input(self.now, Input::Fence);
        let told: Vec<_> = self.peer.drain_events().filter(|event| *event != Event::SendReady).collect();
        same("events of a fence", vec![Event::Reset { reason: Reason::Fenced, unacknowledged: lost }], told)?;
        same("counter of resets", 1, self.peer.counters().resets)?;
        same("state of a fenced peer", (State::Closed, true), (self.peer.state(), self.peer.is_initial()))?;
        let closes = std::iter::from_fn(|| self.peer.poll_transmit(self.now, &mut Vec::new()));
        same("connections that a fence closes", open, closes.count())?;
        same("ready after a fence", Err(SendError::NotMember { peer: self.account.peer }), self.peer.ready())?;
        if let Some((old, ..)) = self.reservations.pop() {
            same("commit after a fence", Err(SendError::SessionOver), self.peer.commit(&old, |_| {}))?;
        }
        self.hear_of_old()?;
        self.observe_no_more()
    }

    fn their_voice(&self) -> Voice {
        Voice { version: VERSION_3_2, node: self.account.peer }
    }

    /// From the peer's incarnation, for this node's.
    pub(super) fn their_ids(&self) -> Ids {
        Ids { source: self.theirs, destination: Some(self.account.own) }
    }

    /// A FIN for an incarnation that is over is answered on its connection (HRD-3), and nobody is connected to for its sake.
    fn hear_of_old(&mut self) -> Checked {
        let id = ConnectionId(self.connections + 1);
        let ids = self.their_ids();
        let voice = self.their_voice();
        let said = [voice.hello(Seq(0), ids), voice.sequenced_fin(Seq(7))].concat();
        self.peer.handle_input(self.now, Input::Accepted(id));
        self.peer.handle_input(self.now, Input::Received(id, said.into()));
        same("next_write behind a late FIN", Some(id), self.peer.next_write())?;
        if self.chance.below(2) == 0 {
            self.peer.handle_input(self.now, Input::Broken(id));
            let next = self.peer.poll_transmit(self.now, &mut Vec::new());
            return same("poll_transmit where a late FIN came from nobody that is there", None, next);
        }
        let mut batch = Vec::new();
        same(
            "poll_transmit behind a late FIN",
            Some(Transmit::Write(id)),
            self.peer.poll_transmit(self.now, &mut batch),
        )?;
        let over = Ids { source: self.account.own, destination: Some(self.theirs) };
        let answer = self.account.voice().gone(over);
        same("the answer to a late FIN", true, batch.concat().ends_with(&answer))
    }

    /// An observer that panics is not asked again, and counted.
    fn observe_no_more(&mut self) -> Checked {
        self.watch.panic_from_now_on();
        for _ in 0..2 {
            self.peer.handle_input(self.now, Input::AddMember(LOCKSPACE));
        }
        same("counter of observers that panicked", 1, self.peer.counters().observer_panics)
    }

    /// CLS-3, where the peer says nothing any more.
    fn time_out_shutdown(&mut self) -> Checked {
        let at = later(self.now, self.account.config.shutdown_timeout);
        self.peer.handle_input(self.now, Input::Shutdown);
        let before = told_of_shutdown(&mut self.peer, at.0 - 1);
        if self.account.version == Some(Version::V3_1) {
            return same("shutdown with a node of 3.1", Some(Shutdown::NoHandshake), before);
        }
        same("shutdown before its time is up", None, before)?;
        let (peer, state) = (self.account.peer, self.peer.state());
        let refused = match self.account.version {
            None => SendError::VersionUnknown { peer },
            Some(_) => SendError::Closing { peer, state },
        };
        same("ready in a shutdown", Err(refused), self.peer.ready())?;
        same("shutdown when its time is up", Some(Shutdown::TimedOut), told_of_shutdown(&mut self.peer, at.0))
    }

    /// A connection on which the peer has said who it is.
    fn speaks_on(&self) -> Option<ConnectionId> {
        self.account.bound?;
        let mut lines = self.account.lines().filter(|line| line.stranger.is_none());
        lines.find(|line| self.introduced.contains(&line.id)).map(|line| line.id)
    }

    /// The peer leaves, and then this node: from CLOSE_WAIT, with two lockspaces, all of which have to be left before the
    /// own FIN goes out (CLS-2).
    fn leave_second(&mut self, id: ConnectionId) -> Checked {
        let mut expected = self.peer.snapshot();
        self.peer.handle_input(self.now, Input::AddMember(LATE));
        let fin = Bytes::from(self.their_voice().sequenced_fin(Seq(self.account.seq_next)));
        self.peer.handle_input(self.now, Input::Received(id, fin));
        expected = Snapshot {
            state: State::CloseWait,
            seq_next: Seq(self.account.seq_next.wrapping_add(1)),
            users: 2,
            ..expected
        };
        same("snapshot behind the peer's FIN", expected, self.peer.snapshot())?;
        same("members behind the peer's FIN", &[LOCKSPACE, LATE][..], self.peer.members())?;
        self.peer.handle_input(self.now, Input::Shutdown);
        expected = Snapshot {
            state: State::LastAck,
            seq_send: Seq(expected.seq_send.0.wrapping_add(1)),
            queue: expected.queue + 1,
            users: 0,
            ..expected
        };
        same("snapshot behind both FINs", expected, self.peer.snapshot())?;
        same("stops behind both FINs", (true, true), self.peer.stops())?;
        same("counter of the unexpected", 0, self.peer.counters().unexpected)?;
        let told: Vec<_> = self.peer.drain_events().filter(|event| *event != Event::SendReady).collect();
        same("events of leaving second", vec![Event::PeerClosing], told)?;
        self.hear_that_it_is_gone(id)
    }

    /// HRD-3: who is closing believes it of the incarnation that it talks to, and if it is told to this one.
    fn hear_that_it_is_gone(&mut self, id: ConnectionId) -> Checked {
        let voice = self.their_voice();
        let other = Incarnation(0xdead);
        let ids = self.their_ids();
        for strange in [Ids { source: other, ..ids }, Ids { destination: Some(other), ..ids }] {
            self.peer.handle_input(self.now, Input::Received(id, voice.gone(strange).into()));
            same("state, told of others", State::LastAck, self.peer.state())?;
        }
        self.peer.handle_input(self.now, Input::Received(id, voice.gone(ids).into()));
        same("state, told that the peer is gone", State::Closed, self.peer.state())
    }
}

fn told_of_shutdown(peer: &mut Peer, time: u64) -> Option<Shutdown> {
    peer.handle_input(Time(time), Input::Timeout);
    let mut events = peer.drain_events();
    events.find_map(|event| if let Event::ShutdownDone(how) = event { Some(how) } else { None })
}
