//! The exact side of a native trace: each record of a node that recorded itself, followed step by step.

use std::collections::HashMap;

use midcomms_model::own::{Arrived, Outcome, Own, Refused, Standing, Told};
use midcomms_model::{Conn, Ids, Message, Refusal, Version, rule};

use super::report::{ExactReport, Rejection, seconds};
use super::translate::Translated;
use crate::capture::{ConnId, Timestamp};
use crate::hash::FoldState;
use crate::native::feed::At;

/// RCOM STATUS among the types of RCOM.
const STATUS: u8 = 1;
const RCOM: u8 = 2;

/// A record of one node about one peer.
pub(super) struct OwnReplay {
    node: u32,
    peer: u32,
    own: Own<At>,
    events: u64,
    judged: u64,
    gaps: u64,
    /// When something was told last that is no message.
    told_at: Option<Timestamp>,
    rejection: Option<Rejection>,
}

/// Whom a message is from and for, for who looks at both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The sender's incarnation.
    pub(super) source: Option<u64>,
    /// The receiver's.
    pub(super) destination: Option<u64>,
}

impl OwnReplay {
    fn new(node: u32, peer: u32, is_beginning: bool) -> Self {
        let own = Own::new(is_beginning);
        let gaps = u64::from(!is_beginning);
        Self { node, peer, own, events: 0, judged: 0, gaps, told_at: None, rejection: None }
    }

    #[inline]
    fn step(&mut self, at: At, what: &dyn Fn() -> String, step: impl FnOnce(&mut Own<At>) -> Result<(), Refused<At>>) {
        self.events += 1;
        self.judged += u64::from(self.rejection.is_none() && self.own.is_exact());
        self.given(at, what, step);
    }

    /// What was so before is no event.
    #[inline]
    fn given(&mut self, at: At, what: &dyn Fn() -> String, step: impl FnOnce(&mut Own<At>) -> Result<(), Refused<At>>) {
        if self.rejection.is_some() {
            return;
        }
        let was_exact = self.own.is_exact();
        let stepped = step(&mut self.own);
        let is_exact = self.own.is_exact();
        self.gaps += u64::from(was_exact && !is_exact);
        if let Err(refused) = stepped {
            self.refuse(at, what, refused);
        }
    }

    #[cold]
    fn refuse(&mut self, now: At, what: &dyn Fn() -> String, refused: Refused<At>) {
        let Refused { refusal, at } = refused;
        let (at, message) = match at {
            Some(earlier) => (earlier, "what the node told of its record".to_owned()),
            None => (now, what()),
        };
        self.rejection = Some(rejection(at, (self.node, self.peer), message, *refusal));
    }

    pub(super) fn told(&mut self, at: At, told: Told) {
        self.told_at = Some(at.time);
        match told {
            Told::Stands { .. } => self.given(at, &|| name_of(&told), |own| own.told(told, at)),
            _ => self.step(at, &|| name_of(&told), |own| own.told(told, at)),
        }
    }

    pub(super) fn stands(&mut self, at: At, standing: &Standing) {
        let what = || format!("the record as it stands: {}", standing.snapshot);
        self.given(at, &what, |own| own.stands(standing));
    }

    #[inline]
    pub(super) fn wrote(&mut self, at: At, conn: ConnId, bytes: &[u8], translated: &Result<Translated, Refusal>) {
        let node = self.node;
        self.step(at, &|| format!("written: {}", crate::describe::describe(bytes)), |own| match translated {
            Ok(translated) if translated.nodeid != node => Err(wrong_node(node, translated.nodeid).into()),
            Ok(translated) => own.wrote(Conn(conn.0), &translated.message),
            Err(refusal) => Err(refusal.clone().into()),
        });
    }

    #[inline]
    pub(super) fn read(
        &mut self,
        at: At,
        conn: ConnId,
        bytes: &[u8],
        translated: &Result<Translated, Refusal>,
        outcome: Outcome,
    ) {
        let is_prompt = self.told_at == Some(at.time);
        let arrived = match translated {
            Ok(translated) => Arrived {
                message: Some(translated.message),
                version: translated.version,
                is_question: translated.kind.cmd == RCOM
                    && translated.kind.code == STATUS
                    && matches!(translated.message, Message::Bare(_)),
                is_prompt,
            },
            Err(_) => Arrived { message: None, version: Version::V3_2, is_question: false, is_prompt },
        };
        let what = || format!("read: {}", crate::describe::describe(bytes));
        let (peer, nodeid) = (self.peer, translated.as_ref().map_or(self.peer, |translated| translated.nodeid));
        self.step(at, &what, |own| match nodeid == peer {
            true => own.read(Conn(conn.0), &arrived, outcome),
            false => Err(wrong_node(peer, nodeid).into()),
        });
    }

    pub(super) fn lost(&mut self) {
        self.gaps += u64::from(self.own.is_exact());
        self.own.lost();
    }

    /// Whom a message on a connection is from and for; `None` where the record is not followed exactly.
    pub(super) fn facts(&self, conn: ConnId, is_written: bool) -> Option<Facts> {
        if self.rejection.is_some() || !self.own.is_exact() {
            return None;
        }
        let conn = Conn(conn.0);
        let ids = if is_written { self.own.said(conn) } else { self.own.heard(conn) };
        Some(ids.map_or(Facts::default(), |Ids { source, destination }| Facts { source: Some(source), destination }))
    }

    /// The record.
    pub(super) fn own(&self) -> &Own<At> {
        &self.own
    }

    pub(super) fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }
}

/// WIRE-7.
#[cold]
fn wrong_node(expected: u32, got: u32) -> Refusal {
    Refusal::new(rule::WIRE_7, format!("node {expected} in the header"), format!("node {got}"))
}

pub(super) fn rejection(at: At, (from, to): (u32, u32), message: String, refusal: Refusal) -> Rejection {
    Rejection {
        frame: at.line,
        first_frame: at.line,
        file: at.file,
        time: seconds(at.time),
        connection: String::new(),
        from,
        to,
        message,
        rule: refusal.rule.id(),
        rule_text: refusal.rule.text(),
        expected: refusal.expected,
        got: refusal.got,
        before: Vec::new(),
    }
}

fn name_of(told: &Told) -> String {
    match told {
        Told::AddMember(lockspace) => format!("add member, lockspace {lockspace}"),
        Told::RemoveMember(lockspace) => format!("remove member, lockspace {lockspace}"),
        Told::Fence => "fence".to_owned(),
        Told::Shutdown => "shutdown".to_owned(),
        Told::Opened { .. } | Told::Stands { .. } => "a connection opened".to_owned(),
        Told::Ended(_) => "a connection ended".to_owned(),
        Told::Record(snapshot) => format!("the record: {snapshot}"),
    }
}

/// All records of a trace.
pub(super) struct OwnReplays {
    /// The nodes of the trace that are followed: those that recorded themselves, alone, as `hardened`.
    nodes: Vec<u32>,
    /// The trace begins where its nodes began.
    is_beginning: bool,
    all: Vec<OwnReplay>,
    index: HashMap<(u32, u32), usize, FoldState>,
    last: Option<((u32, u32), usize)>,
}

impl OwnReplays {
    pub(super) fn new(nodes: Vec<u32>, is_beginning: bool) -> Self {
        Self { nodes, is_beginning, all: Vec::new(), index: HashMap::default(), last: None }
    }

    /// Of two ends of a connection, the one that is followed and the other one.
    #[inline]
    pub(super) fn followed(&self, (one, other): (u32, u32)) -> Option<(u32, u32)> {
        match (self.nodes.contains(&one), self.nodes.contains(&other)) {
            (true, false) => Some((one, other)),
            (false, true) => Some((other, one)),
            _ => None,
        }
    }

    /// The record of a node about a peer; `is_first` says that its first event may begin it.
    #[inline]
    pub(super) fn of(&mut self, node: u32, peer: u32, is_first: bool) -> Option<&mut OwnReplay> {
        let key = (node, peer);
        let index = match self.last.filter(|(last, _)| *last == key) {
            Some((_, index)) => index,
            None => self.find(key, is_first)?,
        };
        self.all.get_mut(index)
    }

    fn find(&mut self, key: (u32, u32), is_first: bool) -> Option<usize> {
        if !self.nodes.contains(&key.0) || key.0 == key.1 {
            return None;
        }
        let count = self.all.len();
        let index = *self.index.entry(key).or_insert(count);
        if index == count {
            self.all.push(OwnReplay::new(key.0, key.1, self.is_beginning && is_first));
        }
        self.last = Some((key, index));
        Some(index)
    }

    /// The node was started anew: its records begin where records begin. What was refused stays refused.
    pub(super) fn begin_life(&mut self) {
        self.is_beginning = true;
        for own in self.all.iter_mut().filter(|own| own.rejection.is_none()) {
            let OwnReplay { node, peer, events, judged, gaps, .. } = *own;
            *own = OwnReplay { events, judged, gaps, ..OwnReplay::new(node, peer, true) };
        }
    }

    /// Gives up following a node: it does not say what is needed.
    pub(super) fn give_up(&mut self, node: u32) {
        self.nodes.retain(|known| *known != node);
        self.last = None;
        self.all.retain(|own| own.node != node);
        self.index = self.all.iter().enumerate().map(|(at, own)| ((own.node, own.peer), at)).collect();
    }

    pub(super) fn lost(&mut self, pair: Option<(u32, u32)>) {
        let concerned =
            |own: &&mut OwnReplay| pair.is_none_or(|(a, b)| [(a, b), (b, a)].contains(&(own.node, own.peer)));
        self.all.iter_mut().filter(concerned).for_each(OwnReplay::lost);
        // A pair of which nothing was seen yet begins in mid-stream.
        self.is_beginning &= pair.is_some();
        if let Some((a, b)) = pair
            && let Some((node, peer)) = self.followed((a, b))
        {
            self.of(node, peer, false);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OwnReplay> {
        self.all.iter()
    }

    pub(super) fn into_reports(self) -> Vec<ExactReport> {
        let mut reports: Vec<_> = self
            .all
            .into_iter()
            .map(|OwnReplay { node, peer, events, judged, gaps, rejection, .. }| ExactReport {
                node,
                peer,
                events,
                judged,
                gaps,
                rejection,
            })
            .collect();
        reports.sort_by_key(|report| (report.node, report.peer));
        reports
    }
}
