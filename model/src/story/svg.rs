//! The chart as a self-contained SVG, light and dark.

use super::chart::{Arrow, Chart, Head, Item};
use super::text::{wrap, wrap_parts};

/// Left of the first lane's notes: step numbers and the bracket of what repeats.
const MARGIN: f64 = 58.0;
/// Width of the notes outside the lanes.
const SIDE: f64 = 206.0;
/// Height of a row with an arrow.
const ROW: f64 = 28.0;
/// Height of a line of a note.
const LINE: f64 = 16.0;
/// Letters that fit into a line of a note.
const LETTERS: usize = 27;
/// Letters that fit into a hundred pixels of running text.
const LETTERS_PER_100: f64 = 15.0;
/// From the top to the first row.
const TOP: f64 = 74.0;

const STYLE: &str = "\
svg.mc{--bg:#fff;--fg:#1b2330;--soft:#5b6675;--line:#b9c2cd;--box:#eef2f6;--edge:#aeb9c6;--msg:#1d5fa8;--change:#e4f3e5;\
--change-edge:#6fae75;--bad:#c02828;--bad-bg:#fde7e6;--band:#f7f9fb;font-family:system-ui,'DejaVu Sans',sans-serif;font-size:12.5px}\
@media (prefers-color-scheme:dark){svg.mc{--bg:#14181e;--fg:#e4e9f0;--soft:#9aa7b6;--line:#4a5563;--box:#232b35;--edge:#556170;\
--msg:#7db5f2;--change:#1f3425;--change-edge:#5c9a66;--bad:#ff8078;--bad-bg:#42201f;--band:#191e26}}\
svg.mc text{fill:var(--fg)}svg.mc .mc-bg{fill:var(--bg)}svg.mc .mc-band{fill:var(--band)}svg.mc .mc-life{stroke:var(--line);stroke-width:2}\
svg.mc .mc-num{fill:var(--soft);font-size:11.5px}svg.mc .mc-box{fill:var(--box);stroke:var(--edge)}\
svg.mc .mc-change{fill:var(--change);stroke:var(--change-edge)}svg.mc .mc-msg{stroke:var(--msg);stroke-width:1.6;fill:none}\
svg.mc .mc-copy{stroke-dasharray:6 3}svg.mc .mc-end{stroke:var(--soft);stroke-dasharray:2 3}svg.mc .mc-tip{fill:var(--msg)}\
svg.mc .mc-gone{stroke:var(--bad);stroke-width:2;fill:none}svg.mc text.mc-label{fill:var(--msg);stroke:var(--bg);stroke-width:4px;\
paint-order:stroke;stroke-linejoin:round}svg.mc text.mc-far{fill:var(--soft)}svg.mc .mc-break{stroke:var(--bad);stroke-width:3;stroke-dasharray:10 4}\
svg.mc text.mc-bad{fill:var(--bad)}svg.mc text.mc-lost{fill:var(--bad);stroke:var(--bg);stroke-width:4px;paint-order:stroke}\
svg.mc .mc-culprit{fill:var(--bad-bg)}svg.mc .mc-cycle{stroke:var(--bad);stroke-width:2.5;fill:none}svg.mc .mc-head{font-weight:600;font-size:14px}\
svg.mc .mc-title{fill:var(--soft)}";

/// The document.
pub fn svg(chart: &Chart) -> String {
    Drawing::new(chart).document()
}

/// Text for XML: what is markup is escaped, what XML cannot hold is left out.
pub(super) fn escape(text: &str) -> String {
    let kept = text.chars().filter(|letter| !letter.is_control());
    kept.map(|letter| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    })
    .collect()
}

struct Drawing<'a> {
    chart: &'a Chart,
    width: f64,
    title: Vec<String>,
    top: f64,
    /// Where each row begins, and where the last one ends.
    tops: Vec<f64>,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart) -> Self {
        let lanes = chart.lanes.len().max(2);
        let width = MARGIN + 2.0 * SIDE + pitch(lanes) * (lanes - 1) as f64 + 16.0;
        let title = wrap(&chart.title, letters(width));
        let top = TOP + LINE * title.len() as f64;
        let mut tops = vec![top];
        let mut at = top;
        for (index, row) in chart.rows.iter().enumerate() {
            let gap = if chart.begins_step(index + 1) { 6.0 } else { 0.0 };
            at += gap
                + match &row.item {
                    Item::Note { text, .. } => LINE * wrap_parts(text, LETTERS).len() as f64 + 14.0,
                    _ => ROW,
                };
            tops.push(at);
        }
        Self { chart, width, title, top, tops }
    }

    fn x(&self, lane: usize) -> f64 {
        MARGIN + SIDE + pitch(self.chart.lanes.len().max(2)) * lane as f64
    }

    fn top_of(&self, row: usize) -> f64 {
        self.tops.get(row).or(self.tops.last()).copied().unwrap_or(self.top)
    }

    fn middle(&self, row: usize) -> f64 {
        self.top_of(row) + ROW / 2.0
    }

    fn bottom(&self) -> f64 {
        self.top_of(self.chart.rows.len())
    }

    fn document(&self) -> String {
        let conclusion: Vec<_> = self.chart.conclusion.iter().map(|text| wrap(text, letters(self.width))).collect();
        let lines: usize = conclusion.iter().map(Vec::len).sum();
        let height = self.bottom() + 34.0 + (lines as f64) * 18.0 + 6.0 * conclusion.len() as f64;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mc\" viewBox=\"0 0 {w:.0} {height:.0}\" width=\"{w:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<rect class=\"mc-bg\" width=\"{w:.0}\" height=\"{height:.0}\"/>\n",
            w = self.width,
            title = escape(&self.chart.title),
        );
        out += &self.bands();
        out += &self.lifelines();
        out += &self.steps();
        self.chart.arrows.iter().for_each(|arrow| out += &self.arrow(arrow));
        for (index, row) in self.chart.rows.iter().enumerate() {
            out += &match &row.item {
                Item::Note { lane, text, is_change } => self.note(index, *lane, text, *is_change),
                Item::Breaks { from, to } => self.breaks(index, *from, *to),
                Item::Departs(_) | Item::Arrives(_) | Item::Vanishes(_) => String::new(),
            };
        }
        self.chart.arrows.iter().for_each(|arrow| out += &self.labels(arrow));
        out += &self.conclusion(&conclusion);
        out + "</svg>\n"
    }

    /// From the top of a step to the top of the next.
    fn extent(&self, step: usize) -> (f64, f64) {
        let rows = self.chart.rows.iter().enumerate().filter(|(_, row)| row.step == step).map(|(index, _)| index);
        let (first, last) = rows.fold((usize::MAX, 0), |(first, last), row| (first.min(row), last.max(row)));
        (self.top_of(first), self.top_of(last + 1))
    }

    fn bands(&self) -> String {
        let mut out = String::new();
        for (index, row) in self.chart.rows.iter().enumerate().filter(|(index, _)| self.chart.begins_step(*index)) {
            let (top, bottom) = self.extent(row.step);
            let class = if self.chart.culprit == Some(row.step) { "mc-culprit" } else { "mc-band" };
            if index == 0 || row.step % 2 == 0 || class == "mc-culprit" {
                out += &format!(
                    "<rect class=\"{class}\" x=\"28\" y=\"{:.1}\" width=\"{:.0}\" height=\"{:.1}\" rx=\"4\"/>\n",
                    top - 3.0,
                    self.width - 36.0,
                    bottom - top
                );
            }
        }
        out
    }

    fn lifelines(&self) -> String {
        let mut out = String::new();
        for (index, line) in self.title.iter().enumerate() {
            out += &text_at(MARGIN - 26.0, 24.0 + LINE * index as f64, "mc-title", "start", line);
        }
        for (lane, name) in self.chart.lanes.iter().enumerate() {
            let (x, y) = (self.x(lane), self.top - 22.0);
            out += &format!(
                "<line class=\"mc-life\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>\n",
                y + 12.0,
                self.bottom() + 8.0
            );
            out += &format!(
                "<rect class=\"mc-box\" x=\"{:.1}\" y=\"{:.1}\" width=\"84\" height=\"26\" rx=\"6\"/>\n",
                x - 42.0,
                y - 14.0
            );
            out += &text_at(x, y + 4.0, "mc-head", "middle", name);
        }
        out
    }

    fn steps(&self) -> String {
        let mut out = String::new();
        for (index, row) in self.chart.rows.iter().enumerate().filter(|(index, _)| self.chart.begins_step(*index)) {
            let class = if self.chart.culprit == Some(row.step) { "mc-num mc-bad" } else { "mc-num" };
            out += &text_at(54.0, self.middle(index) + 4.0, class, "end", &(row.step + 1).to_string());
        }
        if let Some(from) = self.chart.cycle_at {
            let (top, _) = self.extent(from);
            let bottom = self.bottom() - 4.0;
            out += &format!("<path class=\"mc-cycle\" d=\"M24 {top:.1}H14V{bottom:.1}H24\"/>\n");
            let middle = (top + bottom) / 2.0;
            out += &format!(
                "<text class=\"mc-bad\" transform=\"translate(10 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">for ever</text>\n"
            );
        }
        out
    }

    /// Where an arrow ends.
    fn head(&self, arrow: &Arrow) -> (f64, f64) {
        let (from, to) = (self.x(arrow.from), self.x(arrow.to));
        match arrow.head {
            Head::Read(row) => (to, self.middle(row)),
            Head::Lost(row) if row == arrow.tail => (from + (to - from) * 0.45, self.middle(row)),
            Head::Lost(row) => (from + (to - from) * 0.55, self.middle(row)),
            Head::UnderWay => (from + (to - from) * 0.8, self.bottom()),
        }
    }

    fn arrow(&self, arrow: &Arrow) -> String {
        let (x1, y1) = (self.x(arrow.from), self.middle(arrow.tail));
        let (x2, y2) = self.head(arrow);
        let copy = if arrow.is_copy { " mc-copy" } else { "" };
        let end = if arrow.is_end { " mc-end" } else { "" };
        let mut out = format!("<path class=\"mc-msg{copy}{end}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>\n");
        match arrow.head {
            Head::Read(_) => {
                let angle = (y2 - y1).atan2(x2 - x1).to_degrees();
                out += &format!(
                    "<path class=\"mc-tip\" transform=\"translate({x2:.1} {y2:.1}) rotate({angle:.1})\" d=\"M0 0L-10 -4.5V4.5Z\"/>\n"
                );
            }
            Head::Lost(_) => {
                out +=
                    &format!("<path class=\"mc-gone\" d=\"M{:.1} {:.1}l12 12m0 -12l-12 12\"/>\n", x2 - 6.0, y2 - 6.0);
            }
            Head::UnderWay => {}
        }
        out
    }

    fn labels(&self, arrow: &Arrow) -> String {
        let (x1, y1) = (self.x(arrow.from), self.middle(arrow.tail));
        let (x2, y2) = self.head(arrow);
        let is_right = x2 > x1;
        let (dx, anchor) = if is_right { (9.0, "start") } else { (-9.0, "end") };
        let mut out = text_at(x1 + dx, y1 - 4.0, "mc-label", anchor, &arrow.label);
        let is_far = y2 - y1 > 90.0;
        if matches!(arrow.head, Head::Read(_)) && is_far {
            let (dx, anchor) = if is_right { (-14.0, "end") } else { (14.0, "start") };
            out += &text_at(x2 + dx, y2 + 12.0, "mc-label mc-far", anchor, &arrow.label);
        }
        if let Head::Lost(_) = arrow.head {
            let (dx, anchor) = if is_right { (12.0, "start") } else { (-12.0, "end") };
            let text = if is_far { format!("{} lost", arrow.label) } else { "lost".to_owned() };
            out += &text_at(x2 + dx, y2 + 4.0, "mc-lost", anchor, &text);
        }
        out
    }

    fn note(&self, row: usize, lane: usize, text: &str, is_change: bool) -> String {
        let lines = wrap_parts(text, LETTERS);
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
        let width = (longest as f64 * 7.5 + 14.0).min(SIDE + 8.0);
        let is_first = lane == 0;
        let is_last = lane + 1 == self.chart.lanes.len();
        let x = match (is_first, is_last) {
            (true, _) => self.x(lane) - width - 6.0,
            (_, true) => self.x(lane) + 6.0,
            _ => self.x(lane) - width / 2.0,
        };
        let (top, height) = (self.top_of(row) + 2.0, LINE * lines.len() as f64 + 8.0);
        let class = if is_change { "mc-change" } else { "mc-box" };
        let mut out = format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"4\"/>\n"
        );
        for (index, line) in lines.iter().enumerate() {
            out += &text_at(x + width / 2.0, top + LINE * (index as f64 + 1.0) - 0.5, "", "middle", line);
        }
        out
    }

    fn breaks(&self, row: usize, from: usize, to: usize) -> String {
        let (left, right, y) = (self.x(from.min(to)), self.x(from.max(to)), self.middle(row) + 4.0);
        let text = format!("the connection {}>{} breaks", from + 1, to + 1);
        let line = format!("<path class=\"mc-break\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
        line + &text_at((left + right) / 2.0, y - 7.0, "mc-lost", "middle", &text)
    }

    fn conclusion(&self, paragraphs: &[Vec<String>]) -> String {
        let mut out = String::new();
        let mut y = self.bottom() + 34.0;
        for (index, lines) in paragraphs.iter().enumerate() {
            let class = if index == 0 { "mc-bad" } else { "" };
            for line in lines {
                out += &text_at(MARGIN - 26.0, y, class, "start", line);
                y += 18.0;
            }
            y += 6.0;
        }
        out
    }
}

/// Between two lanes.
fn pitch(lanes: usize) -> f64 {
    if lanes > 2 { 330.0 } else { 400.0 }
}

/// Letters of running text that fit into a chart.
fn letters(width: f64) -> usize {
    ((width - MARGIN) / 100.0 * LETTERS_PER_100) as usize
}

fn text_at(x: f64, y: f64, class: &str, anchor: &str, text: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>\n", escape(text))
}
