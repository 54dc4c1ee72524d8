//! The recorder for production.

use std::io;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::options::{Options, Status};
use super::origin::Origin;
use super::shared::{Shared, Slot, lock};
use super::storage::{Directory, Storage};
use super::writer::Writer;
use crate::midcomms::{Observer, Occurrence, Time};
use crate::wire::NodeId;

/// Records one node with all its peers in the compact form. A handle: clones record into the same trace.
///
/// [`Observer::observe`] copies what happened into a buffer of the peer's and never waits: full buffers go to a thread
/// over a queue of bounded length. Where the queue is full or nothing can be written, events are lost, counted
/// ([`Recorder::status`]), and marked in the trace where they are missing; messages go on. What was taken down is written
/// after [`Options::flush_interval`] at the latest, at [`Recorder::finish`], and when the last handle and the last
/// observer are dropped, which waits for it.
#[derive(Clone)]
pub struct Recorder {
    running: Arc<Running>,
}

struct Running {
    shared: Arc<Shared>,
    options: Options,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Records into files `PREFIX-NUMBER.mct` of a directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made or read, or the thread cannot be started. That a file cannot be written is no
    /// error here: see [`Recorder::status`].
    pub fn create(
        directory: impl AsRef<Path>,
        prefix: impl Into<String>,
        origin: &Origin,
        options: Options,
    ) -> io::Result<Self> {
        Self::new(Box::new(Directory::new(directory, prefix)?), origin, options)
    }

    /// Records into any storage.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn new(storage: Box<dyn Storage>, origin: &Origin, options: Options) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(options.queue_blocks.max(1));
        let shared = Arc::new(Shared::new(queue, &options));
        let writer = Writer::new(storage, origin.clone(), options.clone(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("midcomms-record".to_owned()).spawn(move || writer.run(&jobs))?;
        Ok(Self { running: Arc::new(Running { shared, options, writer: Mutex::new(Some(thread)) }) })
    }

    /// An observer for one peer ([`crate::midcomms::Peer::with_observer`]).
    #[must_use]
    pub fn observer(&self) -> Box<dyn Observer> {
        let slot = self.running.shared.new_slot(&self.running.options);
        Box::new(PeerObserver { running: Arc::clone(&self.running), slot })
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Status {
        self.running.shared.status()
    }

    /// Writes what was taken down and ends the last file. Waits for that.
    ///
    /// What observers see from the call on is not taken down, only counted ([`Status::lost`], also after this has returned). As far as
    /// they see it before the end is written, it is marked there as lost. Behind the end nothing is: a trace that was ended says
    /// that its node did nothing more, and beside the trace of a peer that is held against it. So end the recording of a node
    /// that has been shut down, or whose peers were dropped.
    #[must_use = "it says whether anything was lost"]
    pub fn finish(&self) -> Status {
        self.running.finish();
        self.running.shared.status()
    }
}

impl core::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recorder").field("options", &self.running.options).finish_non_exhaustive()
    }
}

impl Running {
    fn finish(&self) {
        if let Some(writer) = lock(&self.writer).take() {
            self.shared.finish();
            let _ = writer.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish();
    }
}

struct PeerObserver {
    running: Arc<Running>,
    slot: Arc<Mutex<Slot>>,
}

impl Observer for PeerObserver {
    #[inline]
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>) {
        self.running.shared.observe(&self.slot, now, (node, peer), occurrence);
    }
}

impl Drop for PeerObserver {
    fn drop(&mut self) {
        self.running.shared.leave(&self.slot);
    }
}
