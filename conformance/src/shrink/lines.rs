//! Native traces.

use std::collections::HashSet;

use serde_json::Value;

use crate::native::event::{Event, Happened};
use crate::native::feed::Feed;
use crate::native::{HeadError, NativeReader};
use crate::replay::{FileReport, ReplayOptions, Session};

use super::trace::{Gathering, Origin, Trace};

/// What stands for a line that is left out, so that the others keep their numbers: an event that nobody knows.
const LEFT_OUT: &[u8] = b"{\"event\":\"left-out\"}";

/// The trace in units, a line each, and the options with what its head says.
pub(super) fn trace(
    text: Vec<u8>,
    options: &ReplayOptions,
    report: &FileReport,
) -> Result<(Trace, ReplayOptions), HeadError> {
    let mut reader = NativeReader::open(&text[..])?;
    let options = Session::options(options, &reader.head);
    let mut feed = Feed::new(reader.head.clone());
    let mut gathering = Gathering::by_line();
    while let Some(event) = reader.next_event() {
        gathering.line(event.at.frame(), event.at.time);
        transport(&event, &mut feed, &mut gathering);
    }
    drop(reader);
    Ok((gathering.finish(Origin::Native(text), report), options))
}

/// What an event is on its connection; one that makes no sense is none, and stays a line.
fn transport(event: &Event<'_>, feed: &mut Feed, gathering: &mut Gathering) {
    let at = event.at;
    let _ = match &event.what {
        Happened::Opened { name, ends, is_new, .. } => {
            feed.open(name, *ends, *is_new, at, &mut |it| gathering.observe(&it))
        }
        Happened::Ended { name, by, is_reset, .. } => {
            feed.finish(name, *by, *is_reset, at, &mut |it| gathering.observe(&it))
        }
        Happened::Written(told) | Happened::Read(told, _) => {
            feed.data(&told.name, told.from, told.bytes, at, &mut |it| gathering.observe(&it))
        }
        Happened::Local { .. }
        | Happened::Standing { .. }
        | Happened::Lost(_)
        | Happened::Damage { .. }
        | Happened::Nothing => Ok(()),
    };
}

/// The text with its lines left out, the others where they were.
pub(super) fn blanked(text: &[u8], trace: &Trace, kept: &[bool]) -> Vec<u8> {
    let gone = trace.units.iter().zip(kept).filter(|(_, is_kept)| !**is_kept);
    let gone: HashSet<u64> = gone.map(|(unit, _)| unit.at.number).collect();
    let mut times = trace.kept(kept).map(|(_, unit)| (unit.at.number, unit.time.0 as f64 / 1e9));
    let mut out = Vec::with_capacity(text.len());
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if gone.contains(&number) {
            out.extend_from_slice(LEFT_OUT);
        } else if let Some((_, time)) = times.find(|(at, _)| *at == number) {
            out.extend_from_slice(&timed(line, time));
        } else {
            out.extend_from_slice(line);
        }
        out.push(b'\n');
    }
    out
}

/// The head and the lines that are left, and the line of each unit.
pub(super) fn write(text: &[u8], trace: &Trace, kept: &[bool]) -> (Vec<u8>, Vec<u64>) {
    let wanted: HashSet<u64> = trace.kept(kept).map(|(_, unit)| unit.at.number).collect();
    let mut times = trace.kept(kept).map(|(_, unit)| (unit.at.number, unit.time.0 as f64 / 1e9));
    let mut out = Vec::new();
    let mut lines = 0;
    let mut frames = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if number == 1 {
            out.extend_from_slice(line);
        } else if wanted.contains(&number) {
            let time = times.find(|(at, _)| *at == number).map_or(0.0, |(_, time)| time);
            out.extend_from_slice(&timed(line, time));
        } else {
            continue;
        }
        out.push(b'\n');
        lines += 1;
        if number > 1 {
            frames.push(lines);
        }
    }
    (out, frames)
}

/// A line that goes on with the time of one before it says its time itself: that one may be gone.
fn timed(line: &[u8], time: f64) -> Vec<u8> {
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(mut fields)) if !fields.contains_key("time") => {
            fields.insert("time".to_owned(), Value::from(time));
            Value::Object(fields).to_string().into_bytes()
        }
        _ => line.to_vec(),
    }
}
