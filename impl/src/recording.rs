//! Recording: what a node did, as a native trace that `midcomms replay` judges (`traces/SCHEMA.md`). Feature `record`.
//!
//! Two forms of the same events:
//!
//! - [`Recorder`], for production: compact blocks, compressed and written by a thread of its own, in files that rotate.
//!   It never waits where the protocol runs. What cannot be written is counted and marked in the trace.
//! - [`JsonRecorder`], for tests and for people: JSON lines, written where the protocol runs.
//!
//! Both hand out an [`Observer`](crate::midcomms::Observer) for each peer, all of which write to one trace of the node:
//!
//! ```no_run
//! use midcomms::midcomms::{Config, Incarnation, Peer};
//! use midcomms::recording::{Options, Origin, Recorder};
//! use midcomms::wire::NodeId;
//!
//! # fn main() -> std::io::Result<()> {
//! let recorder = Recorder::create("/var/log/cluster", "node-1", &Origin::new(NodeId(1)), Options::default())?;
//! let peer = Peer::new(Config::default(), NodeId(1), NodeId(2), Incarnation(1)).with_observer(recorder.observer());
//! // …
//! drop(peer);
//! let status = recorder.finish();
//! assert_eq!(status.lost, 0, "{:?}", status.error);
//! # Ok(())
//! # }
//! ```
//!
//! A trace holds what the messages hold, as far as [`Bodies`] says: think before you pass it on.

mod block;
mod bodies;
mod encoder;
mod json;
mod options;
mod origin;
mod recorder;
mod run;
mod shared;
mod storage;
mod template;
mod writer;

pub use json::JsonRecorder;
pub use options::{Bodies, Options, Status};
pub use origin::Origin;
pub use recorder::Recorder;
pub use storage::{Directory, Segment, Storage};
