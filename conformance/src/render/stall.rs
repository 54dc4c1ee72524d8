//! A stall, told as a warning.

use annotate_snippets::{Level, Message};

use super::time::utc_of_seconds;
use super::{Paint, hazard, wrapped};
use crate::replay::StallReport;

const WIDTH: usize = 100;

/// The warning, several lines long.
pub(crate) fn stall(stall: &StallReport, paint: Paint) -> String {
    let (from, to, seq) = (stall.from, stall.to, stall.seq);
    let fate = match stall.filled_by {
        Some(_) => format!("was missing for {:.6} s: the pair stalled", stall.lasted),
        None => "never came: the pair is stalled".to_owned(),
    };
    let title = format!("message {seq} from node {from} to node {to} {fate}");
    let mut title = Level::WARNING.primary_title(title);
    if let Some(id) = stall.hazard {
        title = title.id(id);
    }
    let notes = notes(stall).into_iter().map(|(name, text)| note(name, &text));
    let group = title.elements(notes);
    paint.renderer().render(&[group])
}

fn note(name: &'static str, text: &str) -> Message<'static> {
    Level::NOTE.with_name(name).message(wrapped(text, WIDTH))
}

fn notes(stall: &StallReport) -> Vec<(&'static str, String)> {
    let (from, to, seq) = (stall.from, stall.to, stall.seq);
    let since = utc_of_seconds(stall.since);
    let mut notes = vec![(
        "since",
        format!(
            "frame {}, {since}: the first message behind the gap. For {:.6} s after it the pair went on talking, \
             and node {to} ignored {} later messages while it waited for {seq}",
            stall.frame, stall.lasted, stall.ignored
        ),
    )];
    notes.push(match stall.break_frame {
        Some(frame) => ("lost", format!("with the connection that broke at frame {frame}")),
        None => ("lost", "without a break that the capture shows".to_owned()),
    });
    notes.push(match stall.filled_by {
        Some(frame) => ("sent again", format!("in frame {frame}, which ends the stall")),
        None => ("sent again", format!("never: node {from} does not send {seq} any more in this capture")),
    });
    if let Some(id) = stall.hazard {
        let text = format!("{id} of model/PROTOCOL.md: {}", hazard::text(id));
        notes.push(("hazard", text));
    }
    let verdict = "each message that was sent is allowed, so this is no rejection; --strict makes it a failure";
    notes.push(("note", verdict.to_owned()));
    notes
}
