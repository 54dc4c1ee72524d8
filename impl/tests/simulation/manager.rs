//! The cluster manager: what it decides, and what each node has not heard of it yet. It keeps the guarantees of section
//! 14 of the protocol, and nothing beyond them.

use std::collections::{BTreeSet, VecDeque};

use midcomms::wire::LockspaceId;

use crate::oracle::NodeIndex;

/// What a node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Add(LockspaceId, NodeIndex),
    Remove(LockspaceId, NodeIndex),
    Fence(NodeIndex),
    Shutdown,
}

impl Told {
    fn about(self) -> Option<NodeIndex> {
        match self {
            Self::Add(_, peer) | Self::Remove(_, peer) | Self::Fence(peer) => Some(peer),
            Self::Shutdown => None,
        }
    }
}

pub(crate) const LOCKSPACES: [LockspaceId; 2] = [LockspaceId(0x11), LockspaceId(0x22)];

#[derive(Debug)]
pub(crate) struct Cluster {
    members: [BTreeSet<NodeIndex>; 2],
    inboxes: Vec<VecDeque<Told>>,
    last_told: Vec<u64>,
}

impl Cluster {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { members: Default::default(), inboxes: vec![VecDeque::new(); nodes], last_told: vec![0; nodes] }
    }

    pub(crate) fn members(&self, lockspace: usize) -> Vec<NodeIndex> {
        self.members[lockspace].iter().copied().collect()
    }

    pub(crate) fn is_member(&self, node: NodeIndex, lockspace: usize) -> bool {
        self.members[lockspace].contains(&node)
    }

    pub(crate) fn is_in(&self, node: NodeIndex) -> bool {
        self.members.iter().any(|members| members.contains(&node))
    }

    pub(crate) fn share(&self, a: NodeIndex, b: NodeIndex) -> usize {
        self.members.iter().filter(|members| members.contains(&a) && members.contains(&b)).count()
    }

    pub(crate) fn insert(&mut self, node: NodeIndex, lockspace: usize) {
        self.members[lockspace].insert(node);
    }

    pub(crate) fn remove(&mut self, node: NodeIndex, lockspace: usize) {
        self.members[lockspace].remove(&node);
    }

    pub(crate) fn last_told(&self, node: NodeIndex) -> u64 {
        self.last_told[node]
    }

    pub(crate) fn push(&mut self, node: NodeIndex, told: Told, at: u64) {
        self.inboxes[node].push_back(told);
        self.last_told[node] = at;
    }

    pub(crate) fn pop(&mut self, node: NodeIndex) -> Option<Told> {
        self.inboxes[node].pop_front()
    }

    pub(crate) fn forget(&mut self, node: NodeIndex) {
        self.inboxes[node].clear();
        self.last_told[node] = 0;
    }

    /// Whether somebody has something to hear that concerns the node, or it has itself.
    pub(crate) fn is_unsettled(&self, node: NodeIndex) -> bool {
        !self.inboxes[node].is_empty() || self.inboxes.iter().flatten().any(|told| told.about() == Some(node))
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.inboxes.iter().all(VecDeque::is_empty)
    }
}
