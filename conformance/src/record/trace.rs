//! The traces of a run, in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use midcomms::midcomms::Observer;
use midcomms::recording::{Bodies, JsonRecorder, Options, Origin, Recorder, Segment, Status, Storage};
use midcomms::wire::NodeId;

use super::ledger::{Ledger, Story};
use super::scenario::{Scenario, Spoken};
use super::watch::Watch;

/// In which form traces are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// JSON lines.
    #[default]
    Lines,
    /// The compact form, with a hash of long bodies.
    Compact,
}

impl Form {
    /// The end of the names of such files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Compact => "mct",
        }
    }
}

/// What one node recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The node.
    pub node: u32,
    /// Its trace, as a file would hold it.
    pub bytes: Vec<u8>,
}

/// What a run left.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The form of the traces.
    pub form: Form,
    /// One for each node that is recorded, by its id.
    pub traces: Vec<Trace>,
    /// What happened.
    pub story: Story,
}

/// A file in memory.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Memory {
    fn create(&mut self, _: u64) -> io::Result<Box<dyn Segment>> {
        Ok(Box::new(self.clone()))
    }

    fn remove(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Segment for Memory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|memory| memory.extend_from_slice(bytes));
        Ok(())
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.with(|memory| memory.truncate(usize::try_from(len).unwrap_or(usize::MAX)));
        Ok(())
    }
}

enum Pen {
    Lines(JsonRecorder),
    Compact(Recorder),
}

impl Pen {
    fn new(form: Form, memory: Memory, origin: &Origin) -> io::Result<Self> {
        // One file, and no clock: the same run gives the same bytes.
        let options = Options {
            bodies: Bodies::Hash,
            queue_blocks: 4096,
            flush_interval: Duration::from_secs(86_400),
            max_file_bytes: u64::MAX,
            ..Options::default()
        };
        Ok(match form {
            Form::Lines => Self::Lines(JsonRecorder::new(memory, origin)?),
            Form::Compact => Self::Compact(Recorder::new(Box::new(memory), origin, options)?),
        })
    }

    fn observer(&self) -> Box<dyn Observer> {
        match self {
            Self::Lines(recorder) => recorder.observer(),
            Self::Compact(recorder) => recorder.observer(),
        }
    }

    fn finish(&self) -> Status {
        match self {
            Self::Lines(recorder) => recorder.finish(),
            Self::Compact(recorder) => recorder.finish(),
        }
    }
}

struct Desk {
    pen: Pen,
    memory: Memory,
    is_on: Arc<AtomicBool>,
}

/// The recorders of all nodes that are recorded.
pub(super) struct Desks {
    form: Form,
    ledger: Ledger,
    desks: BTreeMap<u32, Desk>,
}

impl Desks {
    pub(super) fn new(scenario: &Scenario, form: Form, how: &str, ledger: &Ledger) -> io::Result<Self> {
        let late = scenario.late();
        let mut desks = BTreeMap::new();
        for node in scenario.node_ids().filter(|node| scenario.spoken(*node) == Some(Spoken::New)) {
            let text = format!("node {node} of scenario {}, {how}", scenario.name);
            let others = scenario.node_ids().filter(|other| *other != node);
            let named = Origin::new(NodeId(node)).with_text(text);
            let origin = others.fold(named, |origin, other| origin.with_peer(NodeId(other), None));
            let memory = Memory::default();
            let pen = Pen::new(form, memory.clone(), &origin)?;
            let is_on = Arc::new(AtomicBool::new(!late.contains(&node)));
            desks.insert(node, Desk { pen, memory, is_on });
        }
        Ok(Self { form, ledger: ledger.clone(), desks })
    }

    /// An observer for a record of `node`.
    pub(super) fn observer(&self, node: u32) -> Option<Box<dyn Observer>> {
        let desk = self.desks.get(&node)?;
        Some(Box::new(Watch::new(self.ledger.clone(), desk.pen.observer(), Arc::clone(&desk.is_on))))
    }

    /// The recording of a node begins.
    pub(super) fn begin(&self, node: u32) {
        if let Some(desk) = self.desks.get(&node) {
            desk.is_on.store(true, Ordering::Relaxed);
        }
    }

    /// Everything that was recorded.
    ///
    /// # Errors
    /// What was lost.
    pub(super) fn finish(&self, story: Story) -> Result<Recording, String> {
        let mut traces = Vec::new();
        for (node, Desk { pen, memory, .. }) in &self.desks {
            let status = pen.finish();
            if status.lost > 0 {
                return Err(format!("{} events of node {node} could not be kept: {:?}", status.lost, status.error));
            }
            traces.push(Trace { node: *node, bytes: memory.with(std::mem::take) });
        }
        Ok(Recording { form: self.form, traces, story })
    }
}
