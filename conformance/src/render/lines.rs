//! The lines of `decode`, as text and as JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use midcomms::wire::FrameError;
use serde::Serialize;

use super::decoded::Decoded;
use super::time::utc;
use crate::capture::{ConnId, Direction, HoleReason, Observed, Timestamp, Transport, TransportEvent};
use crate::messages::Seen;

/// What `decode` can say.
pub(crate) trait DecodedLines {
    /// Comes first.
    fn head(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// The next input, where there are several.
    fn begin_input(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()>;
    /// Learns from a transport event; to be called on every one, before anything about it is printed.
    fn transport(&mut self, observed: &Observed<'_>);
    /// A transport event.
    fn event(&mut self, observed: &Observed<'_>, out: &mut dyn Write) -> io::Result<()>;
    /// A message.
    fn message(&mut self, seen: &Seen<'_>, out: &mut dyn Write) -> io::Result<()>;
    /// A length that no message has.
    fn unparseable(&mut self, seen: &Seen<'_>, error: &FrameError, out: &mut dyn Write) -> io::Result<()>;
    /// Bytes passed over to find the next message.
    fn resynchronised(
        &mut self,
        observed: &Observed<'_>,
        direction: Direction,
        skipped: u64,
        out: &mut dyn Write,
    ) -> io::Result<()>;
}

/// The ends of the connections, opener first, by name.
#[derive(Debug, Default)]
struct Ends(HashMap<ConnId, [String; 2]>);

impl Ends {
    fn learn(&mut self, observed: &Observed<'_>) {
        if let TransportEvent::Opened { opener, acceptor, .. } = observed.event {
            self.0.insert(observed.conn, [opener.to_string(), acceptor.to_string()]);
        }
        if observed.event == TransportEvent::Forgotten {
            self.0.remove(&observed.conn);
        }
    }

    fn of(&self, conn: ConnId, direction: Direction) -> [&str; 2] {
        let [opener, acceptor] = match self.0.get(&conn) {
            Some([opener, acceptor]) => [opener.as_str(), acceptor.as_str()],
            None => ["?", "?"],
        };
        match direction {
            Direction::FromOpener => [opener, acceptor],
            Direction::FromAcceptor => [acceptor, opener],
        }
    }
}

/// Whose doing an event is.
fn doer(event: &TransportEvent<'_>) -> Direction {
    match *event {
        TransportEvent::Opened { .. } | TransportEvent::Forgotten => Direction::FromOpener,
        TransportEvent::Accepted => Direction::FromAcceptor,
        TransportEvent::Data(direction, _)
        | TransportEvent::Hole(direction, ..)
        | TransportEvent::Missing(direction)
        | TransportEvent::Finished(direction)
        | TransportEvent::Reset(direction) => direction,
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Sctp => "sctp",
    }
}

fn reason_name(reason: HoleReason) -> &'static str {
    match reason {
        HoleReason::Lost => "lost",
        HoleReason::Snaplen => "snaplen",
        HoleReason::Budget => "budget",
    }
}

/// Lines for people; times from the first event of an input, or as dates.
#[derive(Debug)]
pub(crate) struct TextLines {
    ends: Ends,
    absolute: bool,
    begin: Option<Timestamp>,
}

impl TextLines {
    /// Lines with dates if `absolute`.
    pub(crate) fn new(absolute: bool) -> Self {
        Self { ends: Ends::default(), absolute, begin: None }
    }

    fn place(&self, frame: u64, time: Timestamp, conn: ConnId, direction: Direction) -> String {
        let time = match (self.absolute, self.begin) {
            (true, _) => utc(i128::from(time.0)),
            (false, begin) => format!("{:.6}", time.seconds_since(begin.unwrap_or(time))),
        };
        let [from, to] = self.ends.of(conn, direction);
        let conn = conn.to_string();
        format!("{frame:>7} {time:>12} {conn:<4} {from:>20} > {to:<20}")
    }

    fn line(&self, seen: &Seen<'_>, decoded: &Decoded, out: &mut dyn Write) -> io::Result<()> {
        let place = self.place(seen.frame.number, seen.time, seen.conn, seen.direction);
        let dash = |field: Option<&str>| field.unwrap_or("-").to_owned();
        let number = |field: Option<u32>| field.map_or("-".to_owned(), |field| field.to_string());
        write!(
            out,
            "{place} {:<4} {:>7} {:<5} {:<13} {:>5} {:>4}",
            dash(decoded.cmd.as_deref()),
            number(decoded.seq),
            dash(decoded.inner),
            dash(decoded.kind.as_deref()),
            number(decoded.length.map(u32::from)),
            number(decoded.nodeid)
        )?;
        match &decoded.error {
            Some(error) => writeln!(out, "  error: {error}"),
            None => writeln!(out),
        }
    }
}

impl DecodedLines for TextLines {
    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let time = if self.absolute { format!("{:>30}", "time") } else { format!("{:>12}", "time") };
        writeln!(
            out,
            "# frame {time} {:<4} {:>20} > {:<20} {:<4} {:>7} {:<5} {:<13} {:>5} {:>4}",
            "conn", "from", "to", "cmd", "seq", "inner", "type", "bytes", "node"
        )
    }

    fn begin_input(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        *self = Self::new(self.absolute);
        writeln!(out, "# file: {name}")
    }

    fn transport(&mut self, observed: &Observed<'_>) {
        self.begin.get_or_insert(observed.time);
        self.ends.learn(observed);
    }

    fn event(&mut self, observed: &Observed<'_>, out: &mut dyn Write) -> io::Result<()> {
        let what = match observed.event {
            TransportEvent::Opened { transport, complete, .. } => {
                let name = transport_name(transport);
                let how = if complete { "opens" } else { "is open when the capture begins" };
                format!("{how} ({name})")
            }
            TransportEvent::Accepted => "accepts".to_owned(),
            TransportEvent::Finished(_) => "closes its side".to_owned(),
            TransportEvent::Reset(_) => "resets".to_owned(),
            TransportEvent::Hole(_, bytes, reason) => {
                let bytes = bytes.map_or("an unknown number of".to_owned(), |bytes| bytes.to_string());
                format!("hole: {bytes} bytes are not in the capture ({})", reason_name(reason))
            }
            TransportEvent::Data(..) | TransportEvent::Missing(_) | TransportEvent::Forgotten => return Ok(()),
        };
        let direction = doer(&observed.event);
        let place = self.place(observed.frame.number, observed.time, observed.conn, direction);
        writeln!(out, "{place} -- {what}")
    }

    fn message(&mut self, seen: &Seen<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.line(seen, &Decoded::of(seen.bytes), out)
    }

    fn unparseable(&mut self, seen: &Seen<'_>, error: &FrameError, out: &mut dyn Write) -> io::Result<()> {
        self.line(seen, &Decoded::unparseable(error), out)
    }

    fn resynchronised(
        &mut self,
        observed: &Observed<'_>,
        direction: Direction,
        skipped: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let place = self.place(observed.frame.number, observed.time, observed.conn, direction);
        writeln!(out, "{place} -- {skipped} bytes skipped to find the next message")
    }
}

/// Format `midcomms-decode` of `traces/SCHEMA.md`.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    ends: Ends,
}

#[derive(Serialize)]
struct Head {
    format: &'static str,
    version: u32,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
}

#[derive(Serialize)]
struct MessageLine<'a> {
    frame: u64,
    time: f64,
    connection: String,
    from: &'a str,
    to: &'a str,
    cmd: Option<Cow<'a, str>>,
    seq: Option<u32>,
    inner: Option<&'a str>,
    r#type: Option<Cow<'a, str>>,
    length: Option<u16>,
    nodeid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    frame: u64,
    time: f64,
    connection: String,
    from: &'a str,
    to: &'a str,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Opened { transport: &'static str, complete: bool },
    Accepted,
    Finished,
    Reset,
    Hole { hole: Option<u64>, reason: &'static str },
    Resynchronised { skipped: u64 },
}

fn seconds(time: Timestamp) -> f64 {
    // Whole microseconds: the nearest f64 to a time of today has no more.
    (time.0 / 1000) as f64 / 1e6
}

fn json_line(line: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

impl JsonLines {
    fn line(&self, seen: &Seen<'_>, decoded: Decoded, out: &mut dyn Write) -> io::Result<()> {
        let [from, to] = self.ends.of(seen.conn, seen.direction);
        let line = MessageLine {
            frame: seen.frame.number,
            time: seconds(seen.time),
            connection: seen.conn.to_string(),
            from,
            to,
            cmd: decoded.cmd,
            seq: decoded.seq,
            inner: decoded.inner,
            r#type: decoded.kind,
            length: decoded.length,
            nodeid: decoded.nodeid,
            error: decoded.error,
        };
        json_line(&line, out)
    }

    fn event_line(
        &self,
        observed: &Observed<'_>,
        direction: Direction,
        event: Event,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let [from, to] = self.ends.of(observed.conn, direction);
        let line = EventLine {
            frame: observed.frame.number,
            time: seconds(observed.time),
            connection: observed.conn.to_string(),
            from,
            to,
            event,
        };
        json_line(&line, out)
    }
}

impl DecodedLines for JsonLines {
    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        json_line(&Head { format: "midcomms-decode", version: 1 }, out)
    }

    fn begin_input(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        self.ends = Ends::default();
        json_line(&File { file: name }, out)
    }

    fn transport(&mut self, observed: &Observed<'_>) {
        self.ends.learn(observed);
    }

    fn event(&mut self, observed: &Observed<'_>, out: &mut dyn Write) -> io::Result<()> {
        let event = match observed.event {
            TransportEvent::Opened { transport, complete, .. } => {
                Event::Opened { transport: transport_name(transport), complete }
            }
            TransportEvent::Accepted => Event::Accepted,
            TransportEvent::Finished(_) => Event::Finished,
            TransportEvent::Reset(_) => Event::Reset,
            TransportEvent::Hole(_, bytes, reason) => Event::Hole { hole: bytes, reason: reason_name(reason) },
            TransportEvent::Data(..) | TransportEvent::Missing(_) | TransportEvent::Forgotten => return Ok(()),
        };
        self.event_line(observed, doer(&observed.event), event, out)
    }

    fn message(&mut self, seen: &Seen<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.line(seen, Decoded::of(seen.bytes), out)
    }

    fn unparseable(&mut self, seen: &Seen<'_>, error: &FrameError, out: &mut dyn Write) -> io::Result<()> {
        self.line(seen, Decoded::unparseable(error), out)
    }

    fn resynchronised(
        &mut self,
        observed: &Observed<'_>,
        direction: Direction,
        skipped: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.event_line(observed, direction, Event::Resynchronised { skipped }, out)
    }
}
