//! The replay report for people.

use std::fmt::Write;

use super::{Paint, printable, rejection, stall};
use crate::replay::{FileReport, NodeReport, PairReport, Verdict};

/// Prints files one by one, and counts them for the summary.
#[derive(Debug)]
pub(crate) struct TextReport {
    paint: Paint,
    quiet: bool,
    ports: Vec<u16>,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    files: usize,
    messages: u64,
    accepted: usize,
    stalled: usize,
    rejected: usize,
    inconclusive: usize,
    vacuous: usize,
    damaged: usize,
    unread: usize,
}

impl Tally {
    fn count(&mut self, report: &FileReport) {
        self.files += 1;
        self.messages += report.messages;
        match report.verdict {
            Some(Verdict::Accepted) => self.accepted += 1,
            Some(Verdict::Vacuous) => self.vacuous += 1,
            Some(Verdict::Inconclusive) => self.inconclusive += 1,
            Some(Verdict::Rejected) => self.rejected += 1,
            None => self.unread += 1,
        }
        self.stalled += usize::from(report.stalls() > 0);
        self.damaged += usize::from(report.verdict.is_some() && report.error.is_some());
    }
}

impl TextReport {
    /// A report; `quiet` leaves out what is plainly accepted, and the summary.
    pub(crate) fn new(paint: Paint, quiet: bool, ports: Vec<u16>) -> Self {
        Self { paint, quiet, ports, tally: Tally::default() }
    }

    /// One file.
    pub(crate) fn file(&mut self, report: &FileReport) -> String {
        self.tally.count(report);
        if self.quiet && is_plain(report) {
            return String::new();
        }
        let mut out = String::new();
        self.header(report, &mut out);
        let width = |cell: fn(&PairReport) -> String| {
            report.pairs.iter().map(|pair| cell(pair).chars().count()).max().unwrap_or(0)
        };
        let widths = [width(nodes), width(verdict), width(revisions)];
        for pair in report.pairs.iter().filter(|pair| !self.quiet || !is_plain_pair(pair)) {
            self.pair(pair, widths, &report.path, &mut out);
        }
        self.exact(report, &mut out);
        self.between(report, &mut out);
        for note in report.notes.iter().filter(|_| !self.quiet) {
            let _ = writeln!(out, "  {}", self.paint.faint(&format!("note: {}", printable(note))));
        }
        out
    }

    /// What its own node says of each record.
    fn exact(&self, report: &FileReport, out: &mut String) {
        for exact in report.exact.iter().filter(|exact| !self.quiet || exact.rejection.is_some()) {
            let (node, peer) = (exact.node, exact.peer);
            let judged = match (&exact.rejection, exact.judged == exact.events) {
                (Some(refused), _) => self.paint.error(&format!("exact up to line {}", refused.frame)),
                (None, true) => self.paint.good(&format!("exact: {} events", exact.events)),
                (None, false) => self.paint.warning(&format!("exact for {} of {} events", exact.judged, exact.events)),
            };
            let begun = match exact.gaps {
                0 => String::new(),
                gaps => format!(", what is known began anew {}", counted(gaps, "time", "times")),
            };
            let _ = writeln!(out, "  record of node {node} about {peer}  {judged}{begun}");
            let is_told = |pair: &PairReport| pair.rejection == exact.rejection;
            if let Some(refused) = exact.rejection.as_ref().filter(|_| !report.pairs.iter().any(is_told)) {
                indented(&rejection::rejection(refused, &report.path, self.paint), out);
            }
        }
    }

    /// What the recordings of one run say of each other.
    fn between(&self, report: &FileReport, out: &mut String) {
        for between in report.between.iter().filter(|between| !self.quiet || between.rejection.is_some()) {
            let told = match &between.rejection {
                Some(_) => self.paint.error("they differ"),
                None => self.paint.good("the same"),
            };
            let delivered = between.delivered.map_or(String::new(), |count| format!(", {count} delivered once"));
            let uncompared = match between.uncompared {
                0 => String::new(),
                count => self.paint.warning(&format!(", {count} not compared")),
            };
            let bodies = if between.are_bodies_compared { "" } else { ", their bodies not compared" };
            let _ = writeln!(
                out,
                "  {} > {}, as {} wrote and {} read it: {told}, {} messages{delivered}{uncompared}{bodies}",
                between.from, between.to, between.written_by, between.read_by, between.messages
            );
            if let Some(refused) = &between.rejection {
                indented(&rejection::rejection(refused, &report.path, self.paint), out);
            }
        }
    }

    fn header(&self, report: &FileReport, out: &mut String) {
        let paint = self.paint;
        let path = paint.heading(&printable(&report.path));
        let Some(verdict) = report.verdict else {
            let _ = writeln!(out, "{path}: {}", paint.error("not judged"));
            return;
        };
        let _ = write!(out, "{path}: {} frames, {} messages", report.frames, report.messages);
        if report.holes > 0 {
            let _ = write!(out, ", {}", paint.warning(&counted(report.holes, "hole", "holes")));
        }
        if report.error.is_some() {
            let _ = write!(out, ", {}", paint.error("damaged: what could be read is judged"));
        }
        out.push('\n');
        if verdict == Verdict::Vacuous {
            let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
            let word = paint.warning("vacuous");
            let ports = ports.join(", ");
            let _ = match report.holes {
                0 => writeln!(out, "  {word}: no message of DLM on port {ports}; for another see --port"),
                holes => writeln!(
                    out,
                    "  {word}: no whole message of DLM on port {ports}, and {holes} places where bytes are missing: record \
                     whole packets (tcpdump -s 0)"
                ),
            };
        }
    }

    fn pair(&self, pair: &PairReport, widths: [usize; 3], path: &str, out: &mut String) {
        let [nodes_width, verdict_width, revisions_width] = widths;
        let word = verdict(pair);
        let padding = " ".repeat(verdict_width.saturating_sub(word.chars().count()));
        let painted = match pair.verdict {
            Verdict::Rejected => self.paint.error(&word),
            Verdict::Accepted if pair.stalls.is_empty() => self.paint.good(&word),
            _ => self.paint.warning(&word),
        };
        let _ = writeln!(
            out,
            "  {:nodes_width$}  {painted}{padding}  {:revisions_width$}   {}",
            nodes(pair),
            revisions(pair),
            figures(pair)
        );
        if let Some(budget) = &pair.exhausted {
            let _ = writeln!(out, "    ran out: {budget}: the verdict is open");
        }
        for told in &pair.stalls {
            indented(&stall::stall(told, self.paint), out);
        }
        if let Some(refused) = &pair.rejection {
            indented(&rejection::rejection(refused, path, self.paint), out);
        }
        for owed in pair.obligations.iter().filter(|_| !self.quiet) {
            let text = format!("at the end, node {} to {}: {}", owed.node, owed.peer, owed.what);
            let _ = writeln!(out, "    {}", self.paint.faint(&text));
        }
    }

    /// The last line over all files.
    pub(crate) fn summary(&self) -> String {
        if self.quiet {
            return String::new();
        }
        let tally = &self.tally;
        let stalled = match tally.stalled {
            0 => String::new(),
            stalled => format!(" ({stalled} stalled)"),
        };
        let parts = [
            (tally.accepted, format!("accepted{stalled}")),
            (tally.rejected, "rejected".to_owned()),
            (tally.inconclusive, "inconclusive".to_owned()),
            (tally.vacuous, "vacuous".to_owned()),
            (tally.unread, "not judged".to_owned()),
            (tally.damaged, "damaged".to_owned()),
        ];
        let told: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let files = counted(tally.files as u64, "file", "files");
        let text = format!("{files}, {} messages: {}", tally.messages, told.join(", "));
        let all_good = tally.accepted == tally.files && tally.stalled == 0 && tally.damaged == 0;
        let painted = match (tally.rejected + tally.unread + tally.damaged, all_good) {
            (0, true) => self.paint.good(&text),
            (0, false) => self.paint.warning(&text),
            _ => self.paint.error(&text),
        };
        format!("{painted}\n")
    }
}

fn is_plain(report: &FileReport) -> bool {
    let accepted = report.verdict == Some(Verdict::Accepted);
    let is_told = report.between.iter().all(|between| between.rejection.is_none());
    accepted && is_told && report.error.is_none() && report.pairs.iter().all(is_plain_pair)
}

fn is_plain_pair(pair: &PairReport) -> bool {
    pair.verdict == Verdict::Accepted && pair.stalls.is_empty()
}

fn nodes(pair: &PairReport) -> String {
    let name = |node: &NodeReport| match node.id {
        0 => node.address.clone(),
        id => id.to_string(),
    };
    let [one, other] = &pair.nodes;
    format!("{} – {}", name(one), name(other))
}

fn verdict(pair: &PairReport) -> String {
    let stalled = if pair.stalls.is_empty() { "" } else { ", stalled" };
    format!("{}{stalled}", pair.verdict.name())
}

fn revisions(pair: &PairReport) -> String {
    let names = |node: &NodeReport| match node.revisions.is_empty() {
        true => "–".to_owned(),
        false => node.revisions.join(" or "),
    };
    let [one, other] = &pair.nodes;
    format!("{} / {}", names(one), names(other))
}

fn figures(pair: &PairReport) -> String {
    let [there, back] = &pair.directions;
    let copies = counted(there.retransmitted + back.retransmitted, "copy", "copies");
    let breaks = counted(pair.breaks, "break", "breaks");
    let lives = match there.incarnations.max(back.incarnations) {
        0 | 1 => String::new(),
        lives => format!(", {lives} lives"),
    };
    format!("{} + {} delivered, {copies}, {breaks}{lives}", there.delivered, back.delivered)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn indented(text: &str, out: &mut String) {
    out.push('\n');
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
    out.push('\n');
}
