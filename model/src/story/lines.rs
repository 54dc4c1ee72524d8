//! The chart as text, for a terminal.

use super::chart::{Arrow, Chart, Head, Item, Row};
use super::text::wrap;

/// Columns left of the first lifeline: the bracket of what repeats, and the number of the step.
const MARGIN: usize = 7;
/// Columns of a short arrow.
const STUB: usize = 5;

/// The chart in at most `width` columns.
pub fn lines(chart: &Chart, width: usize) -> String {
    let nodes = chart.lanes.len().max(1);
    let pitch = (width.saturating_sub(MARGIN + 1) / nodes).max(24);
    let pen = Pen { chart, pitch };
    let mut out = String::new();
    for line in wrap(&chart.title, width) {
        out += &format!("{line}\n");
    }
    out += &pen.heads();
    for (index, row) in chart.rows.iter().enumerate() {
        pen.row(index, row).into_iter().for_each(|line| out += &(line + "\n"));
    }
    for (index, sentence) in chart.conclusion.iter().enumerate() {
        let mark = if index == 0 && chart.culprit.is_some() { "!!" } else { "" };
        for line in wrap(sentence, width.saturating_sub(MARGIN)) {
            out += format!("{mark:MARGIN$}{line}").trim_end();
            out.push('\n');
        }
    }
    out
}

struct Pen<'a> {
    chart: &'a Chart,
    pitch: usize,
}

/// A letter for an arrow, so that its two ends are found: a to z, then aa.
fn tag(index: usize) -> String {
    let letter = char::from(b'a' + (index % 26) as u8);
    std::iter::repeat_n(letter, index / 26 + 1).collect()
}

fn put(line: &mut [char], at: usize, text: &str) {
    for (offset, letter) in text.chars().enumerate() {
        if let Some(cell) = line.get_mut(at + offset) {
            *cell = letter;
        }
    }
}

impl Pen<'_> {
    fn column(&self, lane: usize) -> usize {
        MARGIN + lane * self.pitch
    }

    fn heads(&self) -> String {
        let mut line = vec![' '; MARGIN + self.pitch * self.chart.lanes.len()];
        for (lane, name) in self.chart.lanes.iter().enumerate() {
            put(&mut line, self.column(lane), name);
        }
        let text: String = line.iter().collect();
        format!("\n{}\n", text.trim_end())
    }

    /// Lifelines, and what is in the margin.
    fn blank(&self, row: usize, is_first: bool) -> Vec<char> {
        let mut line = vec![' '; MARGIN + self.pitch * self.chart.lanes.len()];
        for lane in 0..self.chart.lanes.len() {
            put(&mut line, self.column(lane), "│");
        }
        let Some(Row { step, .. }) = self.chart.rows.get(row) else { return line };
        let begins = is_first && self.chart.begins_step(row);
        if begins {
            put(&mut line, 2, &format!("{:>3}", step + 1));
        }
        if self.chart.is_in_cycle(*step) {
            let is_top = begins && self.chart.cycle_at == Some(*step);
            let is_bottom = is_first && row + 1 == self.chart.rows.len();
            put(
                &mut line,
                0,
                if is_top {
                    "┌"
                } else if is_bottom {
                    "└"
                } else {
                    "│"
                },
            );
        }
        if self.chart.culprit == Some(*step) {
            put(&mut line, 0, "!!");
        }
        line
    }

    fn row(&self, index: usize, row: &Row) -> Vec<String> {
        let mut lines = Vec::new();
        match &row.item {
            Item::Note { lane, text, .. } => {
                for (number, text) in wrap(text, self.pitch.saturating_sub(4)).into_iter().enumerate() {
                    let mut line = self.blank(index, number == 0);
                    put(&mut line, self.column(*lane), if number == 0 { "●" } else { "│" });
                    put(&mut line, self.column(*lane) + 2, &text);
                    lines.push(line);
                }
            }
            Item::Departs(arrow) => lines.extend(self.arrow(index, *arrow, Self::departs)),
            Item::Arrives(arrow) => lines.extend(self.arrow(index, *arrow, Self::arrives)),
            Item::Vanishes(arrow) => lines.extend(self.arrow(index, *arrow, Self::vanishes)),
            Item::Breaks { from, to } => lines.push(self.breaks(index, *from, *to)),
        }
        lines.into_iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }

    fn arrow(&self, row: usize, arrow: usize, draw: fn(&Self, &mut [char], &Arrow, &str)) -> Option<Vec<char>> {
        let mut line = self.blank(row, true);
        draw(self, &mut line, self.chart.arrow(arrow)?, &tag(arrow));
        Some(line)
    }

    /// `│──▷ OPTS(0) MSG a`, and the same to the left.
    fn departs(&self, line: &mut [char], arrow: &Arrow, tag: &str) {
        let at = self.column(arrow.from);
        let open = if arrow.head == Head::UnderWay { " …" } else { "" };
        if arrow.from < arrow.to {
            put(line, at, &format!("├{}▷ {} {tag}{open}", "─".repeat(STUB), arrow.label));
        } else {
            let text = format!("{tag} {}{open} ◁{}┤", arrow.label, "─".repeat(STUB));
            put(line, (at + 1).saturating_sub(text.chars().count()), &text);
        }
    }

    /// `a OPTS(0) MSG ──▶│`, and the same to the left.
    fn arrives(&self, line: &mut [char], arrow: &Arrow, tag: &str) {
        let at = self.column(arrow.to);
        if arrow.from < arrow.to {
            let text = format!("{tag} {} {}▶┤", arrow.label, "─".repeat(STUB));
            put(line, (at + 1).saturating_sub(text.chars().count()), &text);
        } else {
            put(line, at, &format!("├◀{} {} {tag}", "─".repeat(STUB), arrow.label));
        }
    }

    /// `a OPTS(0) MSG ──×`, in the middle.
    fn vanishes(&self, line: &mut [char], arrow: &Arrow, tag: &str) {
        let is_at_once = matches!(arrow.head, Head::Lost(row) if row == arrow.tail);
        let (at, stub) = (self.column(arrow.from), "─".repeat(STUB));
        if arrow.from < arrow.to {
            let start = if is_at_once { format!("├{stub}") } else { format!("│ {tag} ───") };
            put(line, at, &format!("{start}× {} lost", arrow.label));
        } else {
            let start = if is_at_once { format!("{stub}┤") } else { format!("─── {tag} │") };
            let text = format!("{} lost ×{start}", arrow.label);
            put(line, (at + 1).saturating_sub(text.chars().count()), &text);
        }
    }

    fn breaks(&self, row: usize, from: usize, to: usize) -> Vec<char> {
        let mut line = self.blank(row, true);
        let (left, right) = (self.column(from.min(to)), self.column(from.max(to)));
        put(&mut line, left, &"═".repeat(right + 1 - left));
        let text = format!("╡ the connection {}>{} breaks ╞", from + 1, to + 1);
        put(&mut line, left + (right - left).saturating_sub(text.chars().count()) / 2, &text);
        line
    }
}
