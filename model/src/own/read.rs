//! What comes from the peer (sections 5 and 6, HRD-1 to HRD-3).

use super::{Arrived, Outcome, Own, Speaker, is_numbered, is_open, refuse};
use crate::Conn;
use crate::message::{BareKind, Ids, Inner, Message, Version};
use crate::record::{AckBeyond, Comparison, Event, Receipt, State};
use crate::revision::Establishes;
use crate::rule::{self, Refusal, Rule};
use crate::seq::Seq;

/// What has to become of a message, and by which rule.
enum Due {
    One(Outcome, Rule),
    /// What the trace says: the rules leave it open, or what they ask for is not known.
    Any,
}

fn dropped(rule: Rule) -> Due {
    Due::One(Outcome::Dropped, rule)
}

impl<L: Copy> Own<L> {
    pub(super) fn take_read(&mut self, conn: Conn, arrived: &Arrived, outcome: Outcome) -> Result<(), Refusal> {
        let Some(index) = self.links.iter().position(|link| link.conn == conn) else {
            return refuse(rule::NET_1, "a message on a connection that stands", format!("one on {conn}"));
        };
        match self.sort(index, arrived, outcome) {
            Due::One(due, _) if due == outcome => Ok(()),
            Due::One(due, rule) => Err(self.wrong_outcome(arrived, (due, rule), outcome)),
            Due::Any => {
                if outcome != Outcome::Dropped {
                    self.adopt(arrived, outcome);
                }
                Ok(())
            }
        }
    }

    #[cold]
    fn wrong_outcome(&self, arrived: &Arrived, (due, rule): (Outcome, Rule), got: Outcome) -> Refusal {
        let what = match arrived.message {
            Some(Message::Opts { seq, .. }) => format!(" ({seq}, and {} is expected)", self.record.seq_next),
            Some(Message::Ack(seq) | Message::Hello(seq, _)) => format!(" (ACK {seq})"),
            _ => String::new(),
        };
        Refusal::new(rule, format!("{}{what}", due.name()), got.name())
    }

    /// The peer did what nobody may, or its words on this connection are not known: what follows from it is not known.
    fn adopt(&mut self, arrived: &Arrived, outcome: Outcome) {
        if arrived.message.is_none() || outcome == Outcome::Accepted {
            self.known.record = false;
        }
    }

    #[inline]
    fn sort(&mut self, index: usize, arrived: &Arrived, outcome: Outcome) -> Due {
        let Some(message) = arrived.message else { return Due::Any };
        let Some(link) = self.links.get_mut(index) else { return Due::Any };
        match (message, link.speaker) {
            (Message::Hello(_, ids), Speaker::Silent | Speaker::Hardened(_) | Speaker::Unknown) => {
                link.speaker = Speaker::Hardened(ids);
            }
            (Message::Gone(ids), Speaker::Hardened(_)) => return self.read_gone(ids),
            (_, Speaker::Silent) => link.speaker = Speaker::Linux,
            _ => {}
        }
        let stops = match link.speaker {
            Speaker::Unknown if outcome == Outcome::Dropped => return Due::Any,
            Speaker::Unknown => None, // it was for this incarnation, for it was not dropped
            Speaker::Hardened(ids) => self.screen(ids, arrived, &message),
            Speaker::Silent | Speaker::Linux => self.detect(arrived, &message),
        };
        stops.unwrap_or_else(|| self.handle(&message))
    }

    /// HRD-1: what is for this incarnation, and from the one that it talks to.
    #[inline]
    fn screen(&mut self, ids: Ids, arrived: &Arrived, message: &Message) -> Option<Due> {
        let lives = self.lives;
        let is_over = match lives.bound {
            Some(bound) => ids.source > bound,
            None => self.record.version.is_some(),
        };
        if arrived.is_question && is_over && arrived.version == Version::V3_2 {
            self.restart();
        }
        if self.record.version.unwrap_or(Version::V3_2) != arrived.version {
            return Some(dropped(rule::VER_3));
        }
        let is_open = is_open(&self.record);
        let is_mine = ids.destination.is_some() && ids.destination == self.lives.own;
        let is_known = self.lives.bound.map_or(self.record.version.is_none(), |bound| bound == ids.source);
        if is_open && is_mine && is_known {
            if self.lives.bound.is_none() {
                self.lives.bound = Some(ids.source);
                self.record.version = Some(Version::V3_2);
                self.advance();
            }
            return None;
        }
        if arrived.is_question && is_open && is_known {
            if self.lives.heard.is_some_and(|heard| heard > ids.source) {
                return Some(Due::Any);
            }
            self.lives.heard = Some(ids.source);
            return None;
        }
        if is_fin(message) && !is_mine && !is_open {
            self.gone = ids.destination.map(|over| Ids { source: over, destination: Some(ids.source) }); // HRD-3
        }
        Some(dropped(if is_open { rule::HRD_1 } else { rule::HRD_2 }))
    }

    /// HRD-1: a newer incarnation of the peer's asks. The record's next one begins.
    fn restart(&mut self) {
        let was_open = is_open(&self.record);
        let cause = "STATUS from a newer incarnation of the peer's";
        if was_open {
            self.reset(cause);
        } else {
            self.begin_life();
        }
        self.record.state = State::Established;
        self.owe(self.record, cause.to_owned(), true, false);
    }

    /// VER-1, VER-3, HRD-2: what comes from a node without incarnations.
    fn detect(&mut self, arrived: &Arrived, message: &Message) -> Option<Due> {
        if self.lives.bound.is_some() {
            return Some(dropped(rule::HRD_1));
        }
        if !is_open(&self.record) {
            if let (Message::Opts { seq, .. }, true) = (message, is_fin(message)) {
                self.late.truncate(1);
                self.late.push((self.ids(), seq.next())); // HRD-3
            }
            return Some(dropped(rule::HRD_2));
        }
        match self.record.version {
            Some(known) if known != arrived.version => return Some(dropped(rule::VER_3)),
            Some(_) => {}
            None => {
                self.record.detect(arrived.version, false, Establishes::Never); // VER-1
                self.advance();
            }
        }
        None
    }

    #[inline]
    fn handle(&mut self, message: &Message) -> Due {
        let is_numbered = is_numbered(&self.record);
        match *message {
            Message::Opts { seq, inner, .. } if is_numbered => self.read_sequenced(seq, inner),
            Message::Ack(number) | Message::Hello(number, _) if is_numbered => self.read_ack(number),
            Message::Opts { .. } | Message::Ack(_) | Message::Hello(..) => dropped(rule::SND_3),
            Message::Gone(_) => Due::Any,
            Message::Bare(BareKind::Fin) => dropped(rule::RCV_6),
            Message::Bare(BareKind::Other) if is_numbered => dropped(rule::RCV_6),
            Message::Bare(_) => Due::One(Outcome::Handled, rule::RCV_6),
        }
    }

    #[inline]
    fn read_sequenced(&mut self, seq: Seq, inner: Inner) -> Due {
        let has_closed = matches!(self.record.state, State::CloseWait | State::Closing | State::LastAck);
        if has_closed && seq == self.record.seq_next {
            return dropped(rule::SND_4);
        }
        match self.record.receive_number(seq, Comparison::Serial) {
            Receipt::Gap => Due::One(Outcome::Gap, rule::RCV_3),
            Receipt::Duplicate => Due::One(Outcome::Duplicate, rule::RCV_2),
            Receipt::Accepted => {
                if inner == Inner::Fin {
                    self.change(Event::ReceiveFin);
                    self.advance();
                }
                Due::One(Outcome::Accepted, rule::RCV_1)
            }
        }
    }

    #[inline]
    fn read_ack(&mut self, number: Seq) -> Due {
        if self.output.is_beyond(number) {
            return dropped(rule::ACK_1); // nobody can have accepted what was not sent
        }
        let head = self.record.queue_head;
        let is_of_fin = self.record.receive_ack(number, AckBeyond::Ignored);
        if self.record.queue_head != head {
            self.output.release(self.record.queue_head);
        }
        if is_of_fin {
            self.change(Event::AckOfFin);
            self.advance();
        }
        Due::One(Outcome::Handled, rule::RCV_4)
    }

    /// HRD-3.
    fn read_gone(&mut self, ids: Ids) -> Due {
        let is_meant = ids.destination.is_some()
            && ids.destination == self.lives.own
            && self.lives.bound == Some(ids.source)
            && matches!(self.record.state, State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck);
        if !is_meant {
            return dropped(rule::HRD_3);
        }
        self.reset("the peer's incarnation is gone");
        self.advance();
        Due::One(Outcome::Handled, rule::HRD_3)
    }
}

fn is_fin(message: &Message) -> bool {
    matches!(message, Message::Opts { inner: Inner::Fin, .. })
}
