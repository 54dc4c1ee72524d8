//! The end of a pair's replay: what is told of it.

use std::collections::HashMap;
use std::net::IpAddr;

use midcomms_model::pair::{Gap, Refused};
use midcomms_model::{Pair, Side};

use super::{DeliverySink, Label, PairReplay, ReplayOptions};
use crate::replay::report::{
    DirectionReport, FrontierReport, NodeReport, Obligation, PairReport, StallReport, Verdict, seconds,
};

impl PairReplay {
    /// Ends the trace.
    pub(in crate::replay) fn finish(
        mut self,
        nodes: &HashMap<IpAddr, u32>,
        options: &ReplayOptions,
        sink: &mut dyn DeliverySink,
    ) -> PairReport {
        self.end_frontier(nodes);
        self.settle(nodes, options, sink);
        let uncompared =
            |pair: &Pair<Label>| Side::BOTH.map(|side| pair.node(side).counts().uncompared).iter().sum::<u64>();
        let uncompared: u64 = self.frontier.first().map_or(0, uncompared);
        if uncompared > 0 && self.is_judged() {
            self.exhausted = Some(format!("{uncompared} copies of more messages than are kept were not compared"));
        }
        let judged_to_the_end = self.is_judged();
        let verdict = match (&self.rejection, &self.exhausted) {
            (Some(_), _) => Verdict::Rejected,
            (None, Some(_)) => Verdict::Inconclusive,
            (None, None) => Verdict::Accepted,
        };
        let mut sides = Side::BOTH;
        if self.id(Side::A, nodes) > self.id(Side::B, nodes) {
            sides.reverse();
        }
        if judged_to_the_end {
            self.tell_open_gaps(nodes, options);
        }
        self.stalls.sort_by_key(|(_, stall)| stall.frame);
        let picture = self.watch.take().map(|watch| Box::new(watch.finish(sides, &self.stalls)));
        PairReport {
            nodes: sides.map(|side| self.node_report(side, nodes)),
            verdict,
            breaks: self.frontier.first().map_or(0, Pair::breaks),
            directions: sides.map(|side| self.direction(side, nodes)),
            met: sides.map(|side| self.frontier.first().map(|pair| pair.node(side).met()).unwrap_or_default()),
            obligations: if judged_to_the_end { self.obligations(sides, nodes) } else { Vec::new() },
            frontier: self.frontier_report(),
            stalls: self.stalls.into_iter().map(|(_, stall)| stall).collect(),
            rejection: self.rejection,
            exhausted: self.exhausted,
            picture,
        }
    }

    /// Leaves one explanation: the first in which nothing is suspect to the end.
    fn end_frontier(&mut self, nodes: &HashMap<IpAddr, u32>) {
        let mut suspects: Vec<_> = self.frontier.iter_mut().map(Pair::end).collect();
        let best = suspects.iter().position(Option::is_none).unwrap_or(0);
        if best < self.frontier.len() {
            self.frontier.swap(0, best);
            self.frontier.truncate(1);
            if let Some(Refused { refusal, earlier: Some((culprit, label)) }) = suspects.swap_remove(best)
                && self.is_judged()
                && !self.had_hole
            {
                self.refuse_earlier(culprit, &label, *refusal, nodes);
            }
        }
    }

    fn tell_open_gaps(&mut self, nodes: &HashMap<IpAddr, u32>, options: &ReplayOptions) {
        let Some(pair) = self.frontier.first() else {
            return;
        };
        for side in Side::BOTH {
            if let Some(mut stall) = pair.node(side).gap().and_then(|gap| stall(gap, None, options)) {
                (stall.from, stall.to) = (self.id(side.other(), nodes), self.id(side, nodes));
                self.stalls.push((side, stall));
            }
        }
    }

    fn node_report(&self, side: Side, nodes: &HashMap<IpAddr, u32>) -> NodeReport {
        let revisions = match (&self.rejection, self.frontier.first()) {
            (None, Some(pair)) => pair.node(side).revisions().iter().map(|revision| revision.name()).collect(),
            _ => Vec::new(),
        };
        NodeReport { id: self.id(side, nodes), address: self.address(side).to_string(), revisions }
    }

    fn direction(&self, from: Side, nodes: &HashMap<IpAddr, u32>) -> DirectionReport {
        let mut direction = DirectionReport {
            from: self.id(from, nodes),
            to: self.id(from.other(), nodes),
            ..DirectionReport::default()
        };
        if let Some(pair) = self.frontier.first() {
            let sent = pair.node(from).counts();
            let received = pair.node(from.other()).counts();
            direction.delivered = received.delivered;
            direction.delivered_msg = received.delivered_msg;
            direction.retransmitted = sent.retransmitted;
            direction.acks = sent.acks;
            direction.fins = sent.fins;
            direction.duplicates = received.duplicates;
            direction.gaps = received.gaps;
            direction.incarnations = sent.resets + 1;
        }
        direction
    }

    fn obligations(&self, sides: [Side; 2], nodes: &HashMap<IpAddr, u32>) -> Vec<Obligation> {
        let Some(pair) = self.frontier.first() else {
            return Vec::new();
        };
        let mut owed = Vec::new();
        for side in sides {
            let node = pair.node(side);
            let record = node.record();
            let mut owe = |what| {
                owed.push(Obligation { node: self.id(side, nodes), peer: self.id(side.other(), nodes), what });
            };
            if record.state.is_closing() {
                owe(format!("the record is left in {}", record.state));
            }
            if let Some(fin) = record.fin.filter(|fin| !fin.is_before(record.queue_head)) {
                owe(format!("its FIN {fin} is not acknowledged"));
            }
            if record.queue_len() > 0 {
                owe(format!("{} messages from {} are not acknowledged", record.queue_len(), record.queue_head));
            }
            if let Some(gap) = node.gap() {
                let (missing, frame) = (gap.missing, gap.opened.frame());
                owe(format!("it waits for {missing} since frame {frame} and ignored {} later ones", gap.ignored));
            }
        }
        owed
    }

    fn frontier_report(&self) -> FrontierReport {
        let total: u64 = self.sizes.iter().sum();
        let mut seen = 0;
        let median = self.sizes.iter().position(|count| {
            seen += count;
            total > 0 && seen * 2 >= total
        });
        let max = self.sizes.iter().rposition(|count| *count > 0);
        FrontierReport { median: median.unwrap_or(0), max: max.unwrap_or(0) }
    }
}

/// A gap past which the pair went on talking for long enough; sender and receiver are still to be filled in.
pub(super) fn stall(gap: &Gap<Label>, filled_by: Option<Label>, options: &ReplayOptions) -> Option<StallReport> {
    let lasted = gap.last_talk.time().seconds_since(gap.opened.time());
    if lasted < options.stall_after {
        return None;
    }
    let hazard = match gap.after_break {
        Some(_) if gap.copies_came => Some("H1"),
        Some((_, true)) => Some("H2"),
        Some((_, false)) => Some("H3"),
        None => None,
    };
    Some(StallReport {
        from: 0,
        to: 0,
        seq: gap.missing.0,
        frame: gap.opened.frame(),
        since: seconds(gap.opened.time()),
        lasted,
        hazard,
        ignored: gap.ignored,
        break_frame: gap.after_break.map(|(label, _)| label.frame()),
        filled_by: filled_by.map(|label| label.frame()),
    })
}
