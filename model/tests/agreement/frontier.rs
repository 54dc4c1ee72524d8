//! The explanations of what was seen, kept as replay keeps them.

use midcomms_model::pair::Refused;
use midcomms_model::system::wire::Kind;
use midcomms_model::{BareKind, Conn, Inner, Message, Pair, Revision, RevisionSet, Seq, Side, Version};

use super::wire::{Event, Numbers, What};

/// More explanations than this are none.
const BUDGET: usize = 64;

/// The incarnation and the first number of a run; whether the message is the last of it.
type Label = (u8, u32, bool);

#[derive(Clone)]
pub(crate) struct Frontier {
    pub(crate) pairs: Vec<Pair<Label>>,
    /// What was told of each node's deliveries while there was one explanation.
    delivered: [Vec<(u8, u32)>; 2],
    run: u32,
}

pub(crate) fn side(node: usize) -> Side {
    if node == 0 { Side::A } else { Side::B }
}

/// The rule that refuses, and why.
fn tell(refused: &Refused<Label>) -> String {
    let refusal = &refused.refusal;
    format!("{}: {}, not {}", refusal.rule, refusal.expected, refusal.got)
}

impl Frontier {
    /// Nothing was seen yet of two nodes of `revision`. Numbers that do not begin at 0 are those of a late beginning.
    pub(crate) fn new(revision: Revision, numbers: Numbers) -> Self {
        let pair = Pair::new([RevisionSet::only(revision); 2], numbers.zero == 0);
        Self { pairs: vec![pair], delivered: Default::default(), run: numbers.run }
    }

    /// What was seen next; an error says which rule no explanation gets past.
    pub(crate) fn see(&mut self, event: Event) -> Result<(), String> {
        let nowhere = (0, 0, false);
        for pair in &mut self.pairs {
            match event {
                Event::Opened { conn, by } => pair.opened(Conn(conn), side(by), nowhere),
                Event::Finished { conn, by } => pair.finished(Conn(conn), side(by), nowhere),
                Event::Reset { conn, by } => pair.reset(Conn(conn), side(by), nowhere),
                Event::Sent { .. } => {}
            }
        }
        let Event::Sent { conn, from, what } = event else { return Ok(()) };
        let version = if what.is_old { Version::V3_1 } else { Version::V3_2 };
        let is_run = what.kind == Kind::Data && !what.is_bare;
        let last = if is_run { self.run - 1 } else { 0 };
        for step in 0..=last {
            let message = message(what, step, from);
            self.advance(Conn(conn), side(from), version, &message, (what.life, what.seq, step == last))?;
        }
        self.drain();
        Ok(())
    }

    fn advance(
        &mut self,
        conn: Conn,
        from: Side,
        version: Version,
        message: &Message,
        label: Label,
    ) -> Result<(), String> {
        let (mut kept, mut more, mut refused) = (Vec::new(), Vec::new(), None);
        for mut pair in self.pairs.drain(..) {
            match pair.sent(conn, from, version, message, label) {
                Ok(second) => {
                    more.extend(second);
                    kept.push(pair);
                }
                Err(why) => refused = refused.or(Some(tell(&why))),
            }
        }
        for pair in kept.into_iter().chain(more) {
            if !self.pairs.contains(&pair) {
                self.pairs.push(pair);
            }
        }
        match self.pairs.len() {
            0 => Err(refused.unwrap_or_default()),
            count if count > BUDGET => Err("budget: too many explanations".to_owned()),
            _ => Ok(()),
        }
    }

    fn drain(&mut self) {
        let [pair] = &mut self.pairs[..] else { return };
        for (node, told) in self.delivered.iter_mut().enumerate() {
            told.extend(deliveries(pair, node));
            pair.node_mut(side(node)).drain_gaps().for_each(drop);
        }
    }

    /// What an explanation says that a node delivered.
    pub(crate) fn told(&self, pair: &Pair<Label>, node: usize) -> Vec<(u8, u32)> {
        let mut told = self.delivered[node].clone();
        told.extend(deliveries(&mut pair.clone(), node));
        told
    }

    /// Nothing more is seen.
    pub(crate) fn end(&self) -> Result<(), String> {
        let suspects: Vec<_> = self.pairs.iter().map(|pair| pair.clone().end()).collect();
        match suspects.iter().position(Option::is_none) {
            Some(_) => Ok(()),
            None => Err(suspects.iter().flatten().next().map(tell).unwrap_or_default()),
        }
    }
}

fn deliveries(pair: &mut Pair<Label>, node: usize) -> Vec<(u8, u32)> {
    let deliveries = pair.node_mut(side(node)).drain_deliveries();
    deliveries.filter(|delivery| delivery.label.2).map(|delivery| (delivery.label.0, delivery.label.1)).collect()
}

/// The message number `step` of the run that `what` stands for. A FIN's bytes are its number; other bodies differ from one
/// incarnation to the next.
fn message(what: What, step: u32, from: usize) -> Message {
    let seq = Seq(what.seq.wrapping_add(step));
    let body = 1 << 60 | (from as u64) << 40 | u64::from(seq.0);
    match what.kind {
        Kind::Data if what.is_bare => Message::Bare(BareKind::Other),
        Kind::Fin if what.is_bare => Message::Bare(BareKind::Fin),
        Kind::Data => Message::Opts { seq, inner: Inner::Msg, body: body | (u64::from(what.life) + 1) << 48 },
        Kind::Fin => Message::Opts { seq, inner: Inner::Fin, body },
        Kind::Ack => Message::Ack(seq),
        Kind::Status | Kind::StatusReply | Kind::Gone | Kind::End => Message::Bare(BareKind::Status),
    }
}
