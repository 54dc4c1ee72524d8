//! Where a trace comes from: its head.

use core::net::IpAddr;

use serde::Serialize;

use super::options::Bodies;
use crate::wire::NodeId;

/// The name of the format, and the version that is written.
const FORMAT: &str = "midcomms-trace";
const VERSION: u32 = 1;
/// What this crate speaks (section 11).
const REVISION: &str = "hardened";

/// Whose trace it is.
#[derive(Clone, Debug)]
pub struct Origin {
    node: NodeId,
    text: String,
    address: Option<IpAddr>,
    peers: Vec<(NodeId, Option<IpAddr>)>,
}

impl Origin {
    /// A trace of this node.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, text: String::new(), address: None, peers: Vec::new() }
    }

    /// Says where it comes from, for people: host, program, version.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Says under which address reports tell the node.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Names a peer. Those that are not named are recorded all the same.
    #[must_use]
    pub fn with_peer(mut self, peer: NodeId, address: Option<IpAddr>) -> Self {
        self.peers.push((peer, address));
        self
    }

    /// The head as one line of JSON, without its end. `file` is what the compact form says of itself.
    pub(super) fn head(&self, file: Option<FileHead>) -> String {
        let own = Node { id: self.node.0, revision: Some(REVISION), recorded: true, address: self.address };
        let peers = self.peers.iter().map(|(id, address)| Node {
            id: id.0,
            revision: None,
            recorded: false,
            address: *address,
        });
        let head = Head {
            format: FORMAT,
            version: VERSION,
            origin: &self.text,
            nodes: core::iter::once(own).chain(peers).collect(),
            file,
        };
        serde_json::to_string(&head).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    version: u32,
    origin: &'a str,
    nodes: Vec<Node>,
    #[serde(flatten)]
    file: Option<FileHead>,
}

#[derive(Serialize)]
struct Node {
    id: u32,
    revision: Option<&'static str>,
    recorded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
}

/// What a file of the compact form says of itself.
#[derive(Clone, Copy, Serialize)]
pub(super) struct FileHead {
    bodies: &'static str,
    file: u64,
}

impl FileHead {
    pub(super) fn new(bodies: Bodies, file: u64) -> Self {
        Self { bodies: bodies.name(), file }
    }
}
