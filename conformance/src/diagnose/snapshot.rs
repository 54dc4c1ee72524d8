//! What a node showed at one moment: its records in debugfs, and its sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use midcomms_model::State;

use super::evidence::Place;
use super::fields::{number, trailing_number};
use crate::capture::DLM_PORT;

/// Where debugfs shows the records.
const COMMS: &str = "/dlm/comms/";

/// A record as debugfs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSeen {
    /// The state.
    pub state: State,
    /// `send_queue_count`: messages that are not yet acknowledged.
    pub queue: u64,
    /// The version detected, 0 while it is unset.
    pub version: u32,
    /// Where it says so.
    pub place: Place,
}

/// A socket of the DLM as `ss` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// As printed: `ESTAB`, `FIN-WAIT-1`, …
    pub state: String,
    /// Bytes that have arrived and were not read.
    pub unread: u64,
    /// Bytes that were written and not acknowledged by the peer's machine.
    pub unsent: u64,
    /// This node's address and port.
    pub local: (IpAddr, u16),
    /// The peer's.
    pub peer: (IpAddr, u16),
    /// Where it says so.
    pub place: Place,
}

/// One moment of one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Seconds since the epoch, where known.
    pub time: Option<f64>,
    /// What it is called.
    pub label: String,
    /// Records by peer; `None` where nothing was collected.
    pub records: Option<BTreeMap<u32, RecordSeen>>,
    /// Sockets; `None` where nothing was collected.
    pub sockets: Option<Vec<Socket>>,
}

/// A line of `comms.txt` or `ss.txt`.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// `--- TIME NODE LABEL`: what follows is another moment.
    Moment(f64, Option<u32>, String),
    /// A record.
    Record(u32, RecordSeen),
    /// There are no records: no lockspace, or debugfs is not mounted.
    NoRecords,
    /// The heading of `ss`: sockets were asked for.
    Sockets,
    /// A socket of the DLM.
    Socket(Socket),
    /// Nothing to read in it.
    Nothing,
    /// Not what is expected here, and why.
    Damaged(&'static str),
}

/// Reads a line.
pub fn line(text: &str, place: &Place) -> Line {
    if let Some(head) = text.strip_prefix("--- ") {
        return moment(head);
    }
    if let Some((path, fields)) = text.split_once(" state=")
        && let Some((_, peer)) = path.split_once(COMMS)
    {
        return record(peer, fields, place);
    }
    if text.starts_with("State") && text.contains("Recv-Q") {
        return Line::Sockets;
    }
    let is_detail = text.starts_with([' ', '\t']) || text.trim_start().starts_with("`-");
    if text.trim().is_empty() || is_detail || text.starts_with("cat: ") || text.starts_with('#') {
        return Line::Nothing;
    }
    socket(text, place)
}

fn moment(head: &str) -> Line {
    let mut words = head.splitn(3, ' ');
    let time = words.next().and_then(|word| word.parse::<f64>().ok()).filter(|time| time.is_finite());
    let Some(time) = time else { return Line::Damaged("a moment begins with `--- SECONDS NODE LABEL`") };
    let node = words.next().and_then(trailing_number);
    Line::Moment(time, node, words.next().unwrap_or_default().trim().to_owned())
}

fn record(peer: &str, fields: &str, place: &Place) -> Line {
    let text = format!("state={fields}");
    let field = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name));
    if peer == "*" {
        return Line::NoRecords;
    }
    let state = field("state=").and_then(|name| State::ALL.into_iter().find(|state| state.name() == name));
    let queue = field("sendq=").and_then(|queue| queue.parse().ok());
    let version = field("version=").and_then(number);
    match (peer.parse(), state, queue, version) {
        (Err(_), ..) => Line::Damaged("no node id behind dlm/comms/"),
        (_, None, ..) => Line::Damaged("no known state= of a record"),
        (_, _, None, _) => Line::Damaged("no number in sendq="),
        (_, _, _, None) => Line::Damaged("no number in version="),
        (Ok(peer), Some(state), Some(queue), Some(version)) => {
            Line::Record(peer, RecordSeen { state, queue, version, place: place.clone() })
        }
    }
}

fn socket(text: &str, place: &Place) -> Line {
    let mut words = text.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (state, unread, unsent, local, peer) = (next(), next(), next(), next(), next());
    if !state.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c.is_ascii_digit()) {
        return Line::Damaged("neither a record of debugfs nor a socket of ss");
    }
    if state == "LISTEN" || state == "UNCONN" {
        return Line::Nothing;
    }
    let (Ok(unread), Ok(unsent)) = (unread.parse(), unsent.parse()) else {
        return Line::Damaged("no numbers in Recv-Q and Send-Q");
    };
    let (Some(local), Some(peer)) = (endpoint(local), endpoint(peer)) else {
        return Line::Damaged("no address and port of both ends");
    };
    if local.1 != DLM_PORT && peer.1 != DLM_PORT {
        return Line::Nothing;
    }
    Line::Socket(Socket { state: state.to_owned(), unread, unsent, local, peer, place: place.clone() })
}

/// `10.0.0.1:21064`, `[fd00::1]:21064`, `10.0.0.1%eth0:21064`.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = address.split_once('%').map_or(address, |(address, _)| address);
    Some((address.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Line {
        line(text, &Place::default())
    }

    #[test]
    fn a_record_is_read_as_debugfs_and_the_captures_show_it() {
        let text = "/sys/kernel/debug/dlm/comms/2 state=LAST_ACK flags=12 sendq=10 version=0x00030002";
        let Line::Record(2, record) = read(text) else { panic!("{:?}", read(text)) };
        assert_eq!((record.state, record.queue, record.version), (State::LastAck, 10, 0x3_0002));
        assert_eq!(read("/sys/kernel/debug/dlm/comms/* state= flags= sendq= version="), Line::NoRecords);
    }

    #[test]
    fn sockets_are_read_in_both_families_and_others_passed_over() {
        let Line::Socket(socket) = read("ESTAB 7 0   [fd00::1]:43787  [fd00::2]:21064  users:((\"x\"))") else {
            panic!()
        };
        assert_eq!((socket.unread, socket.local.1, socket.peer.1), (7, 43787, 21064));
        assert!(matches!(read("ESTAB 0 0 10.0.0.1%eth0:21064 10.0.0.2:1"), Line::Socket(_)));
        assert_eq!(read("ESTAB 0 0 10.0.0.1:22 10.0.0.9:5555"), Line::Nothing);
        assert_eq!(read("LISTEN 0 5 *:21064 *:*"), Line::Nothing);
        assert_eq!(read("\t cubic wscale:7,7 rto:204 lastsnd:20000"), Line::Nothing);
    }

    #[test]
    fn damage_says_what_was_expected() {
        for text in [
            "/sys/kernel/debug/dlm/comms/x state=CLOSED flags=0 sendq=0 version=0x0",
            "/sys/kernel/debug/dlm/comms/2 state=SLEEPING flags=0 sendq=0 version=0x0",
            "/sys/kernel/debug/dlm/comms/2 state=CLOSED flags=0 sendq=many version=0x0",
            "/sys/kernel/debug/dlm/comms/2 state=CLOSED flags=0",
            "ESTAB zero 0 10.0.0.1:21064 10.0.0.2:1",
            "ESTAB 0 0 10.0.0.1 10.0.0.2",
            "--- yesterday node1 x",
            "--- NaN node1 x",
            "what is this",
        ] {
            assert!(matches!(read(text), Line::Damaged(_)), "{text}: {:?}", read(text));
        }
    }
}
