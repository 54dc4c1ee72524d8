//! What one incarnation sent against what the other accepted and acknowledged (RUN-2, RUN-3).

use std::collections::{HashMap, VecDeque};

use midcomms_model::{Refusal, Seq, rule};

use crate::hash::FoldState;
use crate::native::feed::At;

/// Incarnations of one sender that are followed at a time; those before are over.
const MAX_LIVES: usize = 64;

/// One incarnation of a sender.
#[derive(Debug, Default)]
struct Life {
    /// What was sent and not accepted yet, each with its number.
    sent: VecDeque<(Seq, u64)>,
    /// What was accepted and is still to be sent.
    accepted: VecDeque<(Seq, u64, At)>,
    /// The number after the last one that was accepted.
    next: Seq,
    /// Acknowledgements that the sender believed and that the receiver has still to deserve.
    believed: VecDeque<(Seq, At)>,
}

/// One direction between two nodes.
#[derive(Debug, Default)]
pub(super) struct Lives {
    lives: HashMap<u64, Life, FoldState>,
    order: VecDeque<u64>,
    /// Messages that were sent and accepted.
    pub(super) delivered: u64,
    /// Messages at the end that could not be compared.
    pub(super) uncompared: u64,
    is_blind: bool,
}

type Checked = Result<(), (At, Refusal)>;

impl Lives {
    fn life(&mut self, id: u64) -> &mut Life {
        if !self.lives.contains_key(&id) {
            if self.order.len() == MAX_LIVES
                && let Some(oldest) = self.order.pop_front()
            {
                self.lives.remove(&oldest);
            }
            self.order.push_back(id);
        }
        self.lives.entry(id).or_default()
    }

    /// The sender's incarnation `id` used a fresh number.
    pub(super) fn sent(&mut self, id: u64, seq: Seq, message: u64) -> Checked {
        if self.is_blind {
            return Ok(());
        }
        let life = self.life(id);
        life.sent.push_back((seq, message));
        self.settle(id)
    }

    /// The receiver accepted a message of the sender's incarnation `id`.
    pub(super) fn accepted(&mut self, id: u64, seq: Seq, message: u64, at: At) -> Checked {
        if self.is_blind {
            return Ok(());
        }
        let life = self.life(id);
        life.accepted.push_back((seq, message, at));
        life.next = seq.next();
        let next = life.next;
        life.believed.retain(|(number, _)| next.is_before(*number));
        self.settle(id)
    }

    /// The sender's incarnation `id` took an ACK for true.
    pub(super) fn believed(&mut self, id: u64, number: Seq, at: At) {
        if self.is_blind {
            return;
        }
        let life = self.life(id);
        if life.next.is_before(number) {
            life.believed.push_back((number, at));
        }
    }

    /// Whether the sender has to be read on.
    pub(super) fn awaits_sender(&self) -> bool {
        self.lives.values().any(|life| !life.accepted.is_empty())
    }

    /// Whether the receiver has to be read on.
    pub(super) fn awaits_receiver(&self) -> bool {
        self.lives.values().any(|life| !life.believed.is_empty())
    }

    fn settle(&mut self, id: u64) -> Checked {
        let Some(life) = self.lives.get_mut(&id) else { return Ok(()) };
        while let (Some((sent, body)), Some((seq, message, at))) = (life.sent.front(), life.accepted.front()) {
            if (sent, body) != (seq, message) {
                let expected = format!("{sent} as it was sent");
                let got = if sent == seq { format!("another message under {seq}") } else { format!("{seq}") };
                return Err((*at, Refusal::new(rule::RUN_2, expected, got)));
            }
            life.sent.pop_front();
            life.accepted.pop_front();
            self.delivered += 1;
        }
        Ok(())
    }

    /// Something is missing at one side.
    pub(super) fn hole(&mut self) {
        self.is_blind = true;
        self.uncompared += 1;
        self.lives.clear();
        self.order.clear();
    }

    /// Both sides are at their ends; whether nothing is missing there.
    pub(super) fn finish(&mut self, is_sender_whole: bool, is_receiver_whole: bool) -> Checked {
        for (id, life) in &self.lives {
            if let Some((seq, _, at)) = life.accepted.front() {
                if is_sender_whole {
                    let expected = format!("nothing more of incarnation {id:x}, which did not send it");
                    return Err((*at, Refusal::new(rule::RUN_2, expected, format!("{seq}, accepted"))));
                }
                self.uncompared += life.accepted.len() as u64;
            }
            if let Some((number, at)) = life.believed.front() {
                if is_receiver_whole {
                    let expected = format!("an ACK of at most {}: no more was accepted", life.next);
                    return Err((*at, Refusal::new(rule::RUN_3, expected, format!("ACK({number})"))));
                }
                self.uncompared += life.believed.len() as u64;
            }
        }
        Ok(())
    }
}
