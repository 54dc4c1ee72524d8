//! Nodes of the simulation: what each knows of each other.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use midcomms::midcomms::{Event, Incarnation, Input, Peer, Reservation, Time, Transmit};

use super::old::OldPeer;

/// The end of a pair at one node: the implementation, or the script of a node of 3.1.
#[derive(Debug)]
pub(super) enum Core {
    New(Box<Peer>),
    Old(Box<OldPeer>),
}

impl Core {
    pub(super) fn handle_input(&mut self, now: Time, input: Input) {
        match self {
            Self::New(peer) => peer.handle_input(now, input),
            Self::Old(old) => old.handle_input(now, input),
        }
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        match self {
            Self::New(peer) => peer.drain_events().collect(),
            Self::Old(old) => old.take_events(),
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Time, batch: &mut Vec<Bytes>) -> Option<Transmit> {
        match self {
            Self::New(peer) => peer.poll_transmit(now, batch),
            Self::Old(old) => old.poll_transmit(now, batch),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::New(peer) => peer.poll_timeout(),
            Self::Old(old) => old.poll_timeout(),
        }
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::New(peer) => Some(peer),
            Self::Old(_) => None,
        }
    }
}

/// A message that is reserved and not committed.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) reservation: Reservation,
    pub(super) incarnation: Incarnation,
    pub(super) number: u64,
    pub(super) size: usize,
}

/// What a node has about one other.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) core: Core,
    pub(super) reserved: VecDeque<Reserved>,
    /// The time at which it is to be woken.
    pub(super) timer: Option<Time>,
    /// Attempts to connect that failed, one behind the other.
    pub(super) failures: u32,
    pub(super) is_shutting_down: bool,
}

impl Link {
    pub(super) fn new(core: Core) -> Self {
        Self { core, reserved: VecDeque::new(), timer: None, failures: 0, is_shutting_down: false }
    }
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) is_alive: bool,
    /// How often it was started before.
    pub(super) life: u32,
    pub(super) links: BTreeMap<u32, Link>,
    /// What it has written down of the incarnations that it used, by peer (HRD-1).
    pub(super) used: BTreeMap<u32, Incarnation>,
    pub(super) refuses: bool,
    /// It accepts nothing; these wait.
    pub(super) held: Option<Vec<u64>>,
}
