//! The driver of the core: sockets, reconnecting, and what a program calls.
//!
//! | part | what it does |
//! |---|---|
//! | [`Builder`], [`Config`] | who the node is, where its peers are, limits |
//! | [`Node`] | membership, fence, shutdown, statistics |
//! | [`PeerHandle`] | sends to one peer |
//! | [`Events`] | what comes, from all peers |
//!
//! For each peer there is a lock around its core, one task that does what the core says and keeps its time, and one task
//! for each connection that reads. Senders write into the send queue themselves; the task is only woken. A peer that
//! reads slowly, or not at all, holds up its own senders and nobody else.

mod clock;
mod config;
mod connect;
mod driver;
mod error;
mod events;
mod inbox;
mod link;
mod listen;
mod node;
mod peer;
mod reader;
mod socket;
mod turns;
mod writing;

pub use config::{Config, Limits, PORT, PeerConfig, Transport};
pub use error::Error;
pub use events::Events;
pub use inbox::{PeerEvent, PeerEvents};
pub use node::{Builder, Node};
pub use peer::{PeerHandle, PeerStats, Slot};
