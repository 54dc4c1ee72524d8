//! Native traces.

use std::collections::HashSet;

use serde_json::Value;

use crate::native::{HeadError, NativeReader};
use crate::replay::{FileReport, ReplayOptions, with_head};

use super::trace::{Gathering, Origin, Trace};

/// The trace in units, and the options with what its head says.
pub(super) fn trace(
    name: &str,
    text: Vec<u8>,
    options: &ReplayOptions,
    report: &FileReport,
) -> Result<(Trace, ReplayOptions), HeadError> {
    let reader = NativeReader::open(name, &text[..])?;
    let options = with_head(options, &reader.head);
    let mut gathering = Gathering::by_line();
    reader.read(&mut |observed| gathering.observe(&observed));
    Ok((gathering.finish(Origin::Native(text), report), options))
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
