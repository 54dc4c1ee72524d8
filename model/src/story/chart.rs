//! Where everything is on a sequence chart: rows from top to bottom, arrows between rows. Every drawing is made from this.

use crate::system::action::ActionKind;
use crate::system::observer::Occurrence;

use super::run::{Event, Fate, is_end};
use super::sentence::Teller;
use super::{Ending, Story, words};

/// How an arrow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// At the receiver, in this row.
    Read(usize),
    /// Nowhere: it is lost, in this row.
    Lost(usize),
    /// It is still under way when the run ends.
    UnderWay,
}

/// A message on its way. Lanes and rows count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The sender's lane.
    pub from: usize,
    /// The receiver's lane.
    pub to: usize,
    /// The row in which it is written; for what is lost before, that of its loss.
    pub tail: usize,
    /// Its end.
    pub head: Head,
    /// What it says.
    pub label: String,
    /// A retransmission.
    pub is_copy: bool,
    /// It is not a message but the orderly end of the connection.
    pub is_end: bool,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Something that happens at one node, or a change of its records.
    Note {
        /// The node's lane.
        lane: usize,
        /// What.
        text: String,
        /// Whether a record's state changes.
        is_change: bool,
    },
    /// An arrow begins.
    Departs(usize),
    /// An arrow arrives.
    Arrives(usize),
    /// An arrow ends in a cross.
    Vanishes(usize),
    /// A connection breaks.
    Breaks {
        /// The lane of the node that writes to it.
        from: usize,
        /// That of the reader.
        to: usize,
    },
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step, from 0.
    pub step: usize,
    /// What is in it.
    pub item: Item,
}

/// A sequence chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What is above it.
    pub title: String,
    /// The nodes, from left to right.
    pub lanes: Vec<String>,
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// The messages, in the order in which they were queued.
    pub arrows: Vec<Arrow>,
    /// The step that violates the property.
    pub culprit: Option<usize>,
    /// The first step of what repeats for ever.
    pub cycle_at: Option<usize>,
    /// What is below it: the property and why it does not hold.
    pub conclusion: Vec<String>,
}

impl Chart {
    /// The chart of a story.
    pub fn of(story: &Story) -> Self {
        let ending = story.ending();
        let mut layout = Layout { story, rows: Vec::new(), arrows: Vec::new(), arrow_of: Vec::new() };
        layout.arrow_of.resize(story.run.messages.len(), None);
        (0..story.run.steps.len()).for_each(|step| layout.step(step));
        Self {
            title: story.title.clone(),
            lanes: (0..story.run.nodes).map(words::node).collect(),
            rows: layout.rows,
            arrows: layout.arrows,
            culprit: if ending == Ending::Violated { story.run.steps.len().checked_sub(1) } else { None },
            cycle_at: if let Ending::Repeats(from) = ending { Some(from) } else { None },
            conclusion: story.conclusion(),
        }
    }

    /// An arrow.
    pub fn arrow(&self, index: usize) -> Option<&Arrow> {
        self.arrows.get(index)
    }

    /// Whether a row is the first of its step.
    pub fn begins_step(&self, row: usize) -> bool {
        let step = |row: usize| self.rows.get(row).map(|row| row.step);
        row == 0 || step(row) != step(row - 1)
    }

    /// Whether a step repeats for ever.
    pub fn is_in_cycle(&self, step: usize) -> bool {
        self.cycle_at.is_some_and(|from| step >= from)
    }
}

struct Layout<'a> {
    story: &'a Story,
    rows: Vec<Row>,
    arrows: Vec<Arrow>,
    /// The arrow of each message that has one.
    arrow_of: Vec<Option<usize>>,
}

impl Layout<'_> {
    fn step(&mut self, step: usize) {
        let Some(told) = self.story.run.steps.get(step) else { return };
        let (x, y) = (usize::from(told.action.node), usize::from(told.action.peer));
        let before = self.rows.len();
        if told.action.kind == ActionKind::LinkBreaks {
            self.push(step, Item::Breaks { from: x, to: y });
        }
        for event in &told.events {
            if let Event::Read(id) = event {
                self.arrives(step, *id);
            }
        }
        (0..self.story.run.nodes).for_each(|lane| self.notes(step, lane));
        for event in &told.events {
            if let Event::Written(id) = event {
                self.departs(step, *id);
            }
        }
        let lost = told.events.iter().filter_map(|event| if let Event::Lost(id) = event { Some(*id) } else { None });
        let mut lost: Vec<_> = lost.collect();
        lost.sort_unstable();
        lost.into_iter().for_each(|id| self.vanishes(step, id));
        if self.rows.len() == before {
            self.push(step, Item::Note { lane: x, text: told.action.kind.text().to_owned(), is_change: false });
        }
    }

    fn push(&mut self, step: usize, item: Item) -> usize {
        self.rows.push(Row { step, item });
        self.rows.len() - 1
    }

    /// Appends an arrow that begins in `tail`.
    fn arrow(&mut self, id: usize, tail: usize, head: Head) -> Option<usize> {
        let sent = self.story.run.sent(id)?;
        let index = self.arrows.len();
        self.arrows.push(Arrow {
            from: sent.from,
            to: sent.to,
            tail,
            head,
            label: words::message(sent) + if sent.is_copy { " copy" } else { "" },
            is_copy: sent.is_copy,
            is_end: is_end(sent.message),
        });
        *self.arrow_of.get_mut(id)? = Some(index);
        Some(index)
    }

    fn departs(&mut self, step: usize, id: usize) {
        let row = self.rows.len();
        if let Some(arrow) = self.arrow(id, row, Head::UnderWay) {
            self.push(step, Item::Departs(arrow));
        }
    }

    fn known(&mut self, id: usize) -> Option<usize> {
        self.arrow_of.get(id).copied().flatten()
    }

    fn arrives(&mut self, step: usize, id: usize) {
        let Some(arrow) = self.known(id) else { return };
        let row = self.push(step, Item::Arrives(arrow));
        if let Some(arrow) = self.arrows.get_mut(arrow) {
            arrow.head = Head::Read(row);
        }
    }

    fn vanishes(&mut self, step: usize, id: usize) {
        let row = self.rows.len();
        let Some(arrow) = self.known(id).or_else(|| self.arrow(id, row, Head::Lost(row))) else { return };
        self.push(step, Item::Vanishes(arrow));
        if let Some(arrow) = self.arrows.get_mut(arrow) {
            arrow.head = Head::Lost(row);
        }
    }

    /// What happens at one node in one step, as one note.
    fn notes(&mut self, step: usize, lane: usize) {
        let run = &self.story.run;
        let (Some(teller), Some(told)) = (Teller::new(run, step), run.steps.get(step)) else { return };
        let is_actor = usize::from(told.action.node) == lane;
        let mut texts: Vec<_> = teller.event_in_short().filter(|_| is_actor).into_iter().collect();
        texts.extend(self.outcomes(step, lane));
        let mut is_change = false;
        for (_, peer) in run.pairs().filter(|(node, _)| *node == lane) {
            let about = if run.nodes > 2 { format!("about {}: ", peer + 1) } else { String::new() };
            let path = teller.path(lane, peer);
            if !path.is_empty() {
                is_change = true;
                texts.push(format!("{about}{}", path.join(" → ")));
            } else if teller.resets().any(|reset| reset == (lane, peer)) {
                texts.push(format!("{about}record reset"));
            }
        }
        if !texts.is_empty() {
            self.push(step, Item::Note { lane, text: texts.join("; "), is_change });
        }
    }

    /// What came of what was read, what was put by, what has to wait, and protocol errors.
    fn outcomes(&self, step: usize, lane: usize) -> Vec<String> {
        let run = &self.story.run;
        let events = run.steps.get(step).map(|step| step.events.as_slice()).unwrap_or_default();
        let mut texts = Vec::new();
        for event in events {
            match event {
                Event::Read(id) => {
                    let Some(sent) = run.sent(*id).filter(|sent| sent.to == lane) else { continue };
                    let Fate::Read { outcome, is_of_old_life, .. } = sent.fate else { continue };
                    texts.extend(is_of_old_life.then(|| "from a past incarnation".to_owned()));
                    let short = words::outcome_in_short(outcome);
                    texts.extend((!short.is_empty()).then(|| short.to_owned()));
                }
                Event::Delayed(id) => {
                    let sent = run.sent(*id).filter(|sent| sent.to == lane);
                    texts.extend(sent.map(|sent| format!("puts {} by", words::message(sent))));
                }
                Event::Queued(id) => {
                    let waits = |fate| !matches!(fate, Fate::Lost { step: at } if at == step);
                    let sent = run.sent(*id).filter(|sent| sent.from == lane && waits(sent.fate));
                    let waiting = sent.filter(|sent| sent.written != Some(step));
                    let copy = |is_copy| if is_copy { " copy" } else { "" };
                    texts.extend(waiting.map(|sent| format!("{}{} waits", words::message(sent), copy(sent.is_copy))));
                }
                Event::Other(Occurrence::Met { node, expected: false, .. }) if *node == lane => {
                    texts.push("protocol error (CLS-4)".to_owned());
                }
                _ => {}
            }
        }
        texts
    }
}
