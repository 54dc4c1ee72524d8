//! A reliable message layer, wire compatible with the Linux DLM (version 3.2).
//!
//! Messages between the nodes of a cluster arrive exactly once and in order, although the connections below them break.
//! A connection that is reset is opened again, what was not acknowledged is sent again, what comes twice is dropped; a
//! node that leaves closes by a handshake, and a node that is dead is fenced.
//!
//! Two nodes in one program:
//!
//! ```
//! use midcomms::midcomms::{Event, Kind};
//! use midcomms::wire::{LockspaceId, NodeId};
//! use midcomms::Node;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (one, two, lockspace) = (NodeId(1), NodeId(2), LockspaceId(7));
//! // A peer is known by its address, so each node has one of its own.
//! let (node1, _events1) = Node::builder(one).listen("127.0.0.1:0".parse()?).start()?;
//! let (node2, mut events2) = Node::builder(two).listen("127.0.0.2:0".parse()?).start()?;
//! node1.add_peer(two, node2.listens_on().iter().copied())?;
//! node2.add_peer(one, node1.listens_on().iter().copied())?;
//!
//! // What a cluster manager does: each node learns that the other is a member of the lockspace.
//! node1.add_member(two, lockspace)?;
//! node2.add_member(one, lockspace)?;
//!
//! node1.peer(two)?.send_opaque(lockspace, b"hello").await?;
//! let delivery = loop {
//!     if let Some(Event::Delivered(delivery)) = events2.next().await.map(|event| event.event) {
//!         break delivery;
//!     }
//! };
//! assert_eq!(delivery.kind, Kind::Msg);
//! assert_eq!(delivery.opaque().as_deref(), Some(b"hello".as_slice()));
//!
//! // Both leave: each waits until the other has heard everything.
//! let (closed1, closed2) = tokio::join!(node1.shutdown(), node2.shutdown());
//! println!("{:?} {:?}", closed1?, closed2?);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`wire`] | the codec: messages to and from bytes |
//! | [`midcomms`] | the core: a record and its connections as a state machine, without sockets and clock |
//! | `lowcomms` | the driver: sockets, reconnecting, and the API for programs (feature `tokio`) |
//!
//! Rule ids (`SND-4`, `HRD-1`) are those of the protocol specification, `model/PROTOCOL.md` in the repository.

#[cfg(feature = "tokio")]
pub mod lowcomms;
pub mod midcomms;
#[cfg(feature = "record")]
pub mod recording;
pub mod wire;

#[cfg(feature = "tokio")]
pub use lowcomms::{Builder, Error, Events, Node, PeerEvent, PeerHandle};
