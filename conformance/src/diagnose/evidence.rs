//! What was collected, by node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::log::Log;
use super::snapshot::Snapshot;
use super::trace::Trace;

/// A line of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as found.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: String,
}

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Moments, the earliest first.
    pub snapshots: Vec<Snapshot>,
    /// Its kernel's log; `None` where none was collected.
    pub log: Option<Log>,
    /// Its tracepoints; `None` where none were collected.
    pub trace: Option<Trace>,
    /// The release of its kernel, where known.
    pub kernel: Option<String>,
    /// When it booted, in seconds since the epoch, where known.
    pub booted: Option<f64>,
}

impl Node {
    /// The last moment.
    pub fn now(&self) -> Option<&Snapshot> {
        self.snapshots.last()
    }

    /// The last moment that is at least `seconds` before the last one.
    pub fn before(&self, seconds: f64) -> Option<&Snapshot> {
        let now = self.now()?;
        self.snapshots.iter().rev().skip(1).find(|snapshot| match (snapshot.time, now.time) {
            (Some(before), Some(now)) => now - before >= seconds,
            _ => true,
        })
    }

    /// Addresses that its own sockets have.
    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let sockets = self.snapshots.iter().filter_map(|snapshot| snapshot.sockets.as_ref()).flatten();
        sockets.map(|socket| socket.local.0)
    }

    /// Whether the kernel acknowledges after each batch that it reads (section 11); `None` where that is not known.
    pub(super) fn acknowledges_each_batch(&self) -> Option<bool> {
        let mut numbers = self.kernel.as_ref()?.split(['.', '-']);
        let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
        match (next()?, next()?) {
            (6, 1) => Some(true),
            version if version >= (6, 12) => Some(false),
            _ => None,
        }
    }
}

/// All that was collected.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// By node id.
    pub nodes: BTreeMap<u32, Node>,
    /// Lines that cannot be read.
    pub damage: Vec<Damage>,
}

impl Evidence {
    /// Addresses by which this node is known: by its own sockets, and by the logs of others.
    pub fn addresses(&self, node: u32) -> BTreeSet<IpAddr> {
        let own = self.nodes.get(&node).into_iter().flat_map(Node::addresses);
        let logs = self.nodes.values().filter_map(|node| node.log.as_ref());
        let told = logs.flat_map(|log| &log.addresses).filter(|(id, _)| *id == node).map(|(_, address)| *address);
        own.chain(told).collect()
    }
}
