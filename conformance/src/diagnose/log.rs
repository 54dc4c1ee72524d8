//! The DLM's lines of a node's kernel log.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::evidence::Place;
use super::fields::{leading_number, number_after};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message was ignored: its number, and the one expected.
    Ignored(u32, u32),
    /// A copy of this number was queued.
    Copied(u32),
    /// A connection broke with this error.
    Broke(i32),
    /// The peer closed a connection.
    Ended,
    /// A connection was begun, accepted or closed.
    Connection,
    /// A connection could not be opened: the error.
    Refused(i32),
    /// The peer's version was detected.
    Version,
    /// An add member found the record closing.
    Stuck,
    /// The peer is a member of this lockspace, as this node was told.
    Added(String),
    /// It no longer is.
    Removed(String),
}

/// A line about a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Seconds since the node's boot, where the line has them.
    pub time: Option<f64>,
    /// The peer.
    pub peer: u32,
    /// What it says.
    pub said: Said,
    /// Where.
    pub place: Place,
}

/// A node's log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Lines about peers, in order.
    pub entries: Vec<Entry>,
    /// Addresses of peers that it names.
    pub addresses: BTreeSet<(u32, IpAddr)>,
    /// Lockspaces that the node joined and has not left.
    joined: BTreeSet<String>,
    /// The log goes back to a join: who is a member is known.
    reaches_back: bool,
    /// The DLM said that it uses SCTP, or TCP.
    pub sctp: Option<bool>,
    /// A connection's shutdown ran out of time.
    pub gave_up: Option<Place>,
    /// Lines about the DLM.
    pub lines: u64,
    /// The time of the last of them.
    pub last: Option<f64>,
}

impl Log {
    /// Reads a line; tells if it is one that should be understood and is not.
    pub fn read(&mut self, text: &str, place: &Place) -> Result<(), &'static str> {
        let Some((head, said)) = text.split_once("dlm: ") else { return Ok(()) };
        self.lines += 1;
        let time = seconds(head);
        self.last = time.or(self.last);
        if let Some((lockspace, event)) = said.split_once(": ")
            && !lockspace.contains(' ')
        {
            return self.lockspace(lockspace, event, time, place);
        }
        self.transport(said, place);
        match entry(said) {
            Some(Ok((peer, said))) => self.entries.push(Entry { time, peer, said, place: place.clone() }),
            Some(Err(reason)) => return Err(reason),
            None => {}
        }
        Ok(())
    }

    fn lockspace(&mut self, name: &str, event: &str, time: Option<f64>, place: &Place) -> Result<(), &'static str> {
        if event.starts_with("joining the lockspace group") {
            self.reaches_back = true;
            self.joined.insert(name.to_owned());
        } else if event.starts_with("release_lockspace final free") {
            self.joined.remove(name);
        }
        let member = |said: &str| event.strip_prefix(said).map(|id| id.trim().parse::<u32>());
        let (id, said) = match (member("add member "), member("remove member ")) {
            (Some(id), _) => (id, Said::Added(name.to_owned())),
            (None, Some(id)) => (id, Said::Removed(name.to_owned())),
            (None, None) => return Ok(()),
        };
        let peer = id.map_err(|_| "no node id behind add member or remove member")?;
        self.entries.push(Entry { time, peer, said, place: place.clone() });
        Ok(())
    }

    fn transport(&mut self, said: &str, place: &Place) {
        match said {
            _ if said.starts_with("Using SCTP") => self.sctp = Some(true),
            _ if said.starts_with("Using TCP") => self.sctp = Some(false),
            _ if said.contains("shutdown timed out") => self.gave_up = Some(place.clone()),
            _ => {}
        }
        if let Some((_, rest)) = said.split_once("sending to node ")
            && let (Some(peer), Some((_, address))) = (leading_number(rest), rest.split_once(" at "))
            && let Some(Ok(address)) = address.split(',').next().map(str::parse)
        {
            self.addresses.insert((peer, address));
        }
    }

    /// Lines about this peer.
    pub fn about(&self, peer: u32) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.peer == peer)
    }

    /// The lockspaces of which this peer is a member too; `None` where the log does not reach back far enough.
    pub fn shared_with(&self, peer: u32) -> Option<BTreeSet<String>> {
        let mut shared = BTreeSet::new();
        for entry in self.about(peer) {
            match &entry.said {
                Said::Added(name) => {
                    shared.insert(name.clone());
                }
                Said::Removed(name) => {
                    shared.remove(name);
                }
                _ => {}
            }
        }
        shared.retain(|name| self.joined.contains(name));
        self.reaches_back.then_some(shared)
    }
}

impl Said {
    /// Whether it is about connections coming and going: what is queued may be sent again, or anew.
    pub fn is_of_a_connection(&self) -> bool {
        !matches!(self, Said::Ignored(..) | Said::Copied(_) | Said::Added(_))
    }
}

/// `[   17.097374] `, with or without a host behind it.
fn seconds(head: &str) -> Option<f64> {
    let (_, rest) = head.split_once('[')?;
    rest.split_once(']')?.0.trim().parse::<f64>().ok().filter(|time| time.is_finite())
}

type Told = Result<(u32, Said), &'static str>;

fn entry(said: &str) -> Option<Told> {
    if said.starts_with("ignore dlm msg because seq mismatch") {
        let fields = (number_after(said, "seq: "), number_after(said, "expected: "), number_after(said, "nodeid: "));
        return Some(match fields {
            (Some(seq), Some(expected), Some(peer)) => Ok((peer, Said::Ignored(seq, expected))),
            _ => Err("`ignore dlm msg` without its three numbers"),
        });
    }
    if said.starts_with("retransmit dlm msg") {
        let fields = (number_after(said, "seq "), number_after(said, "nodeid "));
        return Some(match fields {
            (Some(seq), Some(peer)) => Ok((peer, Said::Copied(seq))),
            _ => Err("`retransmit dlm msg` without its two numbers"),
        });
    }
    connection(said)
}

fn connection(said: &str) -> Option<Told> {
    let peer = |name: &str| number_after::<u32>(said, name).ok_or("no node id where one belongs");
    let (name, kind) = match said {
        _ if said.contains(": socket error sending to node ") => {
            ("sending to node ", Said::Broke(number_after(said, "sk_err=").unwrap_or(0)))
        }
        _ if said.starts_with("connect to node ") => {
            ("connect to node ", Said::Refused(number_after(said, "error ").unwrap_or(0)))
        }
        _ if said.starts_with("got connection from ") => ("got connection from ", Said::Connection),
        _ if said.starts_with("connecting to ") => ("connecting to ", Said::Connection),
        _ if said.starts_with("connected to node ") => ("connected to node ", Said::Connection),
        _ if said.starts_with("closing connection to node ") => ("closing connection to node ", Said::Connection),
        _ if said.contains(" got EOF from ") => ("got EOF from ", Said::Ended),
        _ if said.starts_with("version ") => ("for node ", Said::Version),
        _ if said.starts_with("reset node ") => ("reset node ", Said::Stuck),
        _ => return None,
    };
    Some(peer(name).map(|peer| (peer, kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Log {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.read(line, &Place::default()).unwrap());
        log
    }

    #[test]
    fn the_lines_of_the_captures_are_understood() {
        let log = log(&[
            "[   15.588692] dlm: node 1: socket error sending to node 2 at 10.0.0.2, dport 32883, sk_err=104/0",
            "[   15.590183] dlm: retransmit dlm msg, seq 6314, nodeid 2",
            "[   17.097374] dlm: got connection from 2",
            "[   27.190610] dlm: ignore dlm msg because seq mismatch, seq: 7899, expected: 7860, nodeid: 2",
            "[   49.461520] dlm: connect to node 2 try 0 error -111",
            "[    1.000000] dlm: connection 0ce6a4f1 got EOF from 2",
        ]);
        let said: Vec<_> = log.about(2).map(|entry| entry.said.clone()).collect();
        let expected = [
            Said::Broke(104),
            Said::Copied(6314),
            Said::Connection,
            Said::Ignored(7899, 7860),
            Said::Refused(-111),
            Said::Ended,
        ];
        assert_eq!(said, expected);
        assert_eq!(log.entries[2].time, Some(17.097374));
        assert_eq!(log.addresses.first().map(|(peer, _)| *peer), Some(2));
    }

    #[test]
    fn members_are_counted_by_lockspace_from_the_join_on() {
        let lines = [
            "[ 1.0] dlm: test: joining the lockspace group...",
            "[ 1.1] dlm: test: add member 2",
            "[ 1.2] dlm: big: joining the lockspace group...",
            "[ 1.3] dlm: big: add member 2",
            "[ 1.4] dlm: big: remove member 2",
        ];
        assert_eq!(log(&lines).shared_with(2), Some(BTreeSet::from(["test".to_owned()])));
        assert_eq!(log(&lines[1..2]).shared_with(2), None);
        assert_eq!(
            log(&[&lines[..2], &["[ 2.0] dlm: test: release_lockspace final free"]].concat()).shared_with(2),
            Some(BTreeSet::new())
        );
    }

    #[test]
    fn a_known_line_without_its_numbers_is_damaged() {
        for line in [
            "[1.0] dlm: ignore dlm msg because seq mismatch, seq: , expected: 7860, nodeid: 2",
            "[1.0] dlm: retransmit dlm msg, seq 5",
            "[1.0] dlm: got connection from nobody",
            "[1.0] dlm: test: add member x",
        ] {
            assert!(Log::default().read(line, &Place::default()).is_err(), "{line}");
        }
        assert!(Log::default().read("[1.0] eth0: link is up", &Place::default()).is_ok());
    }
}
