//! The compact form as JSON lines.

use std::io::{self, Read, Write};

use super::entry::{Entry, Snapshot, What};
use super::file::{CompactFile, Item};
use crate::native::Tally;
use crate::native::line::{Line, MessageLine, RecordLine};

/// The states of a record by their numbers in the file.
const STATES: [&str; 7] = ["CLOSED", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"];

/// Writes the trace as JSON lines: its events have the line numbers by which replay names them. Of messages that were not
/// kept whole, what stands for the rest is written.
///
/// # Errors
/// If `out` cannot be written.
pub fn convert<R: Read>(file: CompactFile<R>, out: &mut impl Write) -> io::Result<Tally> {
    put(out, &file.head)?;
    let mut written = Ok(());
    let tally = file.read(&mut |item| {
        if written.is_ok() {
            written = put(out, &line(&item));
        }
    });
    written.map(|()| tally)
}

fn put(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn line(item: &Item<'_>) -> Line {
    match item {
        Item::Entry { node, peer, entry } => of_entry(*node, *peer, entry),
        Item::Lost { node, peer, count } => Line {
            event: "lost".to_owned(),
            node: Some(*node),
            peer: Some(*peer),
            count: Some(*count),
            ..Line::default()
        },
        Item::Damage { offset, reason } => {
            Line { event: "damaged".to_owned(), reason: Some(format!("byte {offset}: {reason}")), ..Line::default() }
        }
    }
}

fn of_entry(node: u32, peer: u32, entry: &Entry<'_>) -> Line {
    let named = |event: &str| Line { event: event.to_owned(), time: Some(entry.time as f64 / 1e9), ..Line::default() };
    let about = |event: &str| Line { node: Some(node), peer: Some(peer), ..named(event) };
    let ends = |event: &str, is_ours: bool| {
        let (from, to) = if is_ours { (node, peer) } else { (peer, node) };
        Line { connection: Some(format!("c{}", entry.connection)), from: Some(from), to: Some(to), ..named(event) }
    };
    let message = |event: &str, is_ours: bool, bytes: &[u8]| {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect();
        let message = MessageLine { bytes: Some(digits), ..MessageLine::default() };
        Line { message: Some(message), ..ends(event, is_ours) }
    };
    match entry.what {
        What::Opened(is_ours) => ends("opened", is_ours),
        What::Known(is_ours) => ends("known", is_ours),
        What::Finished => ends("finished", false),
        What::GivenUp => ends("reset", true),
        What::Written(bytes) => message("written", true, bytes),
        What::Read(bytes, outcome) => {
            Line { outcome: Some(outcome.name().to_owned()), ..message("read", false, bytes) }
        }
        What::MemberAdded(lockspace) => Line { lockspace: Some(lockspace), ..about("add_member") },
        What::MemberRemoved(lockspace) => Line { lockspace: Some(lockspace), ..about("remove_member") },
        What::Fenced => about("fence"),
        What::Shutdown => about("shutdown"),
        What::Record(snapshot) => Line { record: Some(record(&snapshot)), ..about("record") },
    }
}

fn record(snapshot: &Snapshot) -> RecordLine {
    let state = STATES.get(usize::from(snapshot.state)).map_or_else(|| snapshot.state.to_string(), ToString::to_string);
    RecordLine {
        state,
        seq_send: snapshot.seq_send,
        seq_next: snapshot.seq_next,
        queue: u32::try_from(snapshot.queue).unwrap_or(u32::MAX),
        users: u32::try_from(snapshot.users).unwrap_or(u32::MAX),
        incarnation: Some(format!("{:x}", snapshot.incarnation)),
        ..RecordLine::default()
    }
}
