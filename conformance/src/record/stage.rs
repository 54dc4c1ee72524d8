//! Where a scenario is played: in simulation or over sockets.

use midcomms::midcomms::{SendError, State};
use midcomms::wire::LockspaceId;

/// What the cluster manager tells a node of a peer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Add(LockspaceId),
    Remove(LockspaceId),
    Fence,
}

/// A record, as far as steps wait for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    pub(super) state: State,
    pub(super) is_up: bool,
    pub(super) queued: usize,
}

/// Nodes and the network between them. Where an error is text, it says what cannot be done and why.
pub(super) trait Stage {
    /// Seconds since the beginning.
    fn seconds(&self) -> f64;
    /// Lets time pass.
    fn advance(&mut self, us: u64) -> Result<(), String>;
    /// How long a wait may be, in microseconds, before it is given up.
    fn patience_us(&self) -> u64;
    fn is_alive(&self, node: u32) -> bool;
    /// Nothing if the node is dead, or speaks 3.1 and so keeps no record.
    fn view(&self, node: u32, peer: u32) -> Option<View>;
    /// Whether nothing is under way.
    fn is_calm(&self) -> bool;
    /// Whether a shutdown of the node goes on.
    fn is_shutting_down(&self, node: u32) -> bool;
    fn tell(&mut self, node: u32, peer: u32, told: Told) -> Result<(), String>;
    fn shut_down(&mut self, node: u32) -> Result<(), String>;
    /// Whether it was taken; what is only temporary may be tried again.
    fn send(&mut self, from: u32, to: u32, size: usize) -> Result<Result<(), SendError>, String>;
    fn reserve(&mut self, from: u32, to: u32, size: usize) -> Result<(), String>;
    /// Commits or cancels one of the reservations; false if there is none.
    fn settle(&mut self, from: u32, to: u32, which: usize, is_commit: bool) -> Result<bool, String>;
    /// False if there is no connection to break.
    fn break_one(&mut self, a: u32, b: u32) -> bool;
    /// False if there is no connection to close.
    fn finish(&mut self, node: u32, peer: u32) -> Result<bool, String>;
    fn silence(&mut self, from: u32, to: u32, is_silent: bool) -> Result<(), String>;
    fn refuse(&mut self, node: u32, refuses: bool);
    /// Holds connections back, or accepts them in reverse.
    fn hold(&mut self, node: u32, holds: bool) -> Result<(), String>;
    fn crash(&mut self, node: u32, is_silent: bool) -> Result<(), String>;
    fn start(&mut self, node: u32) -> Result<(), String>;
    /// The recording of a node begins.
    fn begin_recording(&mut self, node: u32) -> Result<(), String>;
}
