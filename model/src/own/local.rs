//! What the cluster manager says, connections, and the steps of the table (section 7).

use super::{Due, Link, Lives, Own, Refused, Said, Speaker, Told, cell, is_open, unexplained};
use crate::Conn;
use crate::message::{Ids, Version};
use crate::record::{Event, State};
use crate::rule::{self, Refusal};

use super::Snapshot;
use super::output::Output;

impl<L: Copy> Own<L> {
    pub(super) fn take(&mut self, told: Told) -> Result<(), Refused<L>> {
        match told {
            Told::AddMember(lockspace) => self.add_member(lockspace),
            Told::RemoveMember(lockspace) => self.remove_member(lockspace),
            Told::Fence => self.fence(),
            Told::Shutdown => {
                self.is_closing = true;
                self.advance();
            }
            Told::Opened { conn, is_ours } => self.opened(conn, is_ours),
            Told::Stands { conn, is_ours, said, heard } => self.stood(conn, is_ours, said, heard),
            Told::Ended(conn) => return self.ended(conn).map_err(Refused::from),
            Told::Record(_) => {}
        }
        Ok(())
    }

    // ---- members -------------------------------------------------------------------------------------------------

    fn add_member(&mut self, lockspace: u32) {
        if self.members.contains(&lockspace) {
            return; // HRD-5: counted already
        }
        if self.unnamed > 0 {
            self.known.record = false; // it may be one of those whose names are not known
            return;
        }
        if self.record.users == 0 && self.record.version == Some(Version::V3_1) && is_open(&self.record) {
            self.reset("add member with users 0 to a record of version 3.1"); // HRD-4
        }
        self.members.push(lockspace);
        self.change(Event::AddMember);
    }

    pub(super) fn remove_member(&mut self, lockspace: u32) {
        let Some(index) = self.members.iter().position(|known| *known == lockspace) else {
            self.known.record &= self.unnamed == 0;
            return; // HRD-5
        };
        if self.change(Event::RemoveMember) {
            self.members.swap_remove(index);
        }
    }

    /// A removal by the shutdown, whose step was taken already.
    pub(super) fn remove_due(&mut self, lockspace: u32) -> Result<(), Refused<L>> {
        self.meet_removal(lockspace).map_err(Refused::from)
    }

    pub(super) fn meet_removal(&mut self, lockspace: u32) -> Result<(), Refusal> {
        let index = self.members.iter().position(|known| *known == lockspace);
        match index {
            Some(index) => drop(self.members.swap_remove(index)),
            None if self.unnamed > 0 => self.unnamed -= 1,
            None => {
                let expected = format!("the removal of one of the lockspaces {:?}", self.members);
                return Err(Refusal::new(rule::HRD_5, expected, format!("lockspace {lockspace}")));
            }
        }
        self.due.pop_front();
        Ok(())
    }

    fn fence(&mut self) {
        self.members.clear();
        self.unnamed = 0;
        self.record.users = 0;
        self.is_closing = false;
        self.links.clear();
        let was_open = is_open(&self.record);
        self.begin_life();
        self.gone = None;
        if was_open {
            self.owe(self.record, "fence".to_owned(), true, false);
        }
    }

    // ---- steps ---------------------------------------------------------------------------------------------------

    /// One step of the table; false where it has no cell (CLS-4).
    pub(super) fn change(&mut self, event: Event) -> bool {
        let (before, ids) = (self.record, self.ids());
        let mut after = before;
        let Ok(actions) = after.step(event) else { return false };
        if actions.reset {
            self.begin_life();
            if event == Event::AddMember {
                self.owe(self.record, cell(&before, event), true, false);
            } else {
                self.late.push((ids, before.seq_next)); // the ACK of the peer's FIN is of the incarnation that ends
            }
        }
        self.record = after;
        if actions.reset || before.state != after.state {
            self.owe(after, cell(&before, event), actions.reset, actions.send_fin);
        }
        true
    }

    /// REC-1, and the next incarnation (HRD-1).
    pub(super) fn begin_life(&mut self) {
        let floor = self.lives.own.unwrap_or(self.lives.floor);
        self.record.reset();
        self.lives = Lives { floor, ..Lives::default() };
        self.output = Output::default();
        self.late.clear();
    }

    /// A reset that is no step of the table.
    pub(super) fn reset(&mut self, cause: &str) {
        self.begin_life();
        self.owe(self.record, cause.to_owned(), true, false);
    }

    /// CLS-2: what a shutdown waits for no longer.
    pub(super) fn advance(&mut self) {
        if !self.is_closing {
            return;
        }
        match (self.record.state, self.record.version) {
            (State::Closed, _) => self.end_shutdown(),
            (_, None) => {}
            (_, Some(Version::V3_1)) => {
                self.end_shutdown();
                self.reset("shutdown, and the peer speaks 3.1");
            }
            (_, Some(Version::V3_2)) => {
                for _ in 0..self.record.users {
                    self.due.push_back(Due::Removed);
                    if !self.change(Event::RemoveMember) {
                        self.record.users -= 1;
                    }
                }
                if self.record.state == State::Established {
                    self.change(Event::Shutdown);
                }
            }
        }
    }

    fn end_shutdown(&mut self) {
        self.is_closing = false;
        self.record.users = 0;
        self.members.clear();
        self.unnamed = 0;
    }

    /// CLS-3: a record that is CLOSED without a message and without the cluster manager.
    pub(super) fn time_out(&mut self, snapshot: &Snapshot) -> Result<(), Refusal> {
        if !self.is_closing || !is_open(&self.record) || snapshot.state != State::Closed {
            return Err(unexplained(&self.record, &Told::Record(*snapshot)));
        }
        self.end_shutdown();
        self.reset("the shutdown timed out");
        self.meet_due(snapshot)
    }

    // ---- connections ---------------------------------------------------------------------------------------------

    /// NET-1: where messages go out.
    pub(super) fn sending(&self) -> Option<Conn> {
        let ours = self.links.iter().find(|link| link.is_ours == Some(true));
        ours.or_else(|| self.links.iter().find(|link| link.is_ours == Some(false))).map(|link| link.conn)
    }

    fn opened(&mut self, conn: Conn, is_ours: bool) {
        let before = self.sending();
        // What it replaces is told to be given up behind it.
        self.replaced.clear();
        self.replaced.extend(self.links.iter().filter(|link| link.is_ours == Some(is_ours)).map(|link| link.conn));
        self.links.retain(|link| link.conn != conn && link.is_ours != Some(is_ours));
        self.links.push(Link { conn, is_ours: Some(is_ours), said: Said::Nothing, speaker: Speaker::Silent });
        self.sends_elsewhere(before);
    }

    fn stood(&mut self, conn: Conn, is_ours: bool, said: Option<Ids>, heard: Option<Ids>) {
        if !self.links.iter().any(|link| link.conn == conn) {
            let said = said.map_or(Said::Unknown, Said::Ids);
            let speaker = heard.map_or(Speaker::Unknown, Speaker::Hardened);
            self.links.push(Link { conn, is_ours: Some(is_ours), said, speaker });
        }
    }

    fn ended(&mut self, conn: Conn) -> Result<(), Refusal> {
        let before = self.sending();
        let is_known = self.links.iter().any(|link| link.conn == conn) || self.replaced.contains(&conn);
        if !is_known {
            return Err(Refusal::new(rule::NET_1, "the end of a connection that stands", format!("that of {conn}")));
        }
        self.links.retain(|link| link.conn != conn);
        self.replaced.retain(|replaced| *replaced != conn);
        self.sends_elsewhere(before);
        Ok(())
    }

    /// NET-3: what is not acknowledged goes out again on another connection.
    fn sends_elsewhere(&mut self, before: Option<Conn>) {
        if self.sending() != before {
            self.output.rewind(self.record.queue_head);
        }
    }
}
