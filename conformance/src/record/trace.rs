//! The traces of a run, in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use midcomms::lowcomms::PeerStats;
use midcomms::midcomms::{Ids, Observer, Peer};
use midcomms::recording::{Bodies, JsonRecorder, Options, Origin, Recorder, Segment, Status, Storage};
use midcomms::wire::NodeId;

use super::error::RecordError;
use super::ledger::{Ledger, Story};
use super::scenario::{Scenario, Spoken};
use super::watch::{Link, Shared, Told, Watch};
use crate::native::line::{IdsLine, Line, RecordLine};

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

/// What one node recorded in one life: who dies and comes back begins a trace anew, as a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The node.
    pub node: u32,
    /// Which of its lives, from 1.
    pub life: u32,
    /// Its trace, as a file would hold it.
    pub bytes: Vec<u8>,
}

impl Trace {
    /// What it is called: the first life of a node has no number.
    pub fn name(&self) -> String {
        match self.life {
            1 => format!("node {}", self.node),
            life => format!("node {} life {life}", self.node),
        }
    }
}

/// What a run left.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The form of the traces.
    pub form: Form,
    /// One for each node that is recorded and each of its lives, by node, then life.
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
    shared: Shared,
}

impl Desk {
    fn new(form: Form, origin: &Origin, is_on: bool) -> io::Result<Self> {
        let (memory, shared) = (Memory::default(), Shared::default());
        shared.lock().is_on = is_on;
        Ok(Self { pen: Pen::new(form, memory.clone(), origin)?, memory, shared })
    }

    /// Begins in the middle: behind the head come the connections that stand, and then the records. False if more has happened
    /// than these `events`.
    fn begin(&self, node: u32, records: Vec<(u32, RecordLine)>, events: Option<u64>) -> Result<bool, String> {
        let mut progress = self.shared.lock();
        if events.is_some_and(|events| events != progress.events) {
            return Ok(false);
        }
        if core::mem::replace(&mut progress.is_on, true) {
            return Ok(true);
        }
        let time = Some(progress.time.0 as f64 / 1e9);
        for ((peer, connection), link) in &progress.standing {
            let Link { is_ours, said, heard } = *link;
            let (from, to) = if is_ours { (node, *peer) } else { (*peer, node) };
            self.put(&Line {
                event: "known".to_owned(),
                time,
                connection: Some(connection.to_string()),
                from: Some(from),
                to: Some(to),
                said: said.map(ids),
                heard: heard.map(ids),
                ..Line::default()
            })?;
        }
        for (peer, record) in records {
            let (node, peer, record) = (Some(node), Some(peer), Some(record));
            self.put(&Line { event: "standing".to_owned(), time, node, peer, record, ..Line::default() })?;
        }
        Ok(true)
    }

    fn put(&self, line: &Line) -> Result<(), String> {
        let mut text = serde_json::to_vec(line).map_err(|error| error.to_string())?;
        text.push(b'\n');
        self.memory.with(|memory| memory.extend(text));
        Ok(())
    }
}

fn ids(ids: Ids) -> IdsLine {
    IdsLine { source: ids.source.to_string(), destination: ids.destination.map(|id| id.to_string()) }
}

/// The same from outside: what a record does not show, it has said. `None` where the two do not agree.
fn seen(stats: &PeerStats, told: &Told) -> Option<RecordLine> {
    let is_told = told.members.len() == stats.users && told.bound.is_some() == stats.is_hardened;
    is_told.then(|| RecordLine {
        state: stats.state.to_string(),
        seq_send: stats.seq_send,
        seq_next: stats.seq_next,
        queue: u32::try_from(stats.send_queue).unwrap_or(u32::MAX),
        users: u32::try_from(stats.users).unwrap_or(u32::MAX),
        incarnation: told.incarnation.map(|id| id.to_string()),
        version: stats.version.clone(),
        bound: told.bound.map(|id| id.to_string()),
        lockspaces: Some(told.members.iter().map(|lockspace| lockspace.0).collect()),
    })
}

/// A record as it stands, with what else a node knows of its peer.
pub(super) fn standing(peer: &Peer) -> RecordLine {
    let snapshot = peer.snapshot();
    RecordLine {
        state: snapshot.state.to_string(),
        seq_send: snapshot.seq_send.0,
        seq_next: snapshot.seq_next.0,
        queue: u32::try_from(snapshot.queue).unwrap_or(u32::MAX),
        users: u32::try_from(snapshot.users).unwrap_or(u32::MAX),
        incarnation: Some(snapshot.incarnation.to_string()),
        version: peer.version().map(|version| version.name().to_owned()),
        bound: peer.bound().map(|id| id.to_string()),
        lockspaces: Some(peer.members().iter().map(|lockspace| lockspace.0).collect()),
    }
}

/// The recorders of all nodes that are recorded.
pub(super) struct Desks {
    form: Form,
    ledger: Ledger,
    origins: BTreeMap<u32, Origin>,
    /// By node, one for each life.
    desks: Mutex<BTreeMap<u32, Vec<Desk>>>,
}

impl Desks {
    pub(super) fn new(scenario: &Scenario, form: Form, how: &str, ledger: &Ledger) -> io::Result<Self> {
        let late = scenario.late();
        let (mut origins, mut desks) = (BTreeMap::new(), BTreeMap::new());
        for node in scenario.node_ids().filter(|node| scenario.spoken(*node) == Some(Spoken::New)) {
            let text = format!("node {node} of scenario {}, {how}", scenario.name);
            let others = scenario.node_ids().filter(|other| *other != node);
            let named = Origin::new(NodeId(node)).with_text(text);
            let origin = others.fold(named, |origin, other| origin.with_peer(NodeId(other), None));
            desks.insert(node, vec![Desk::new(form, &origin, !late.contains(&node))?]);
            origins.insert(node, origin);
        }
        Ok(Self { form, ledger: ledger.clone(), origins, desks: Mutex::new(desks) })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<Desk>>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node begins anew, and so does its recording.
    pub(super) fn begin_life(&self, node: u32) -> io::Result<()> {
        if let Some(origin) = self.origins.get(&node) {
            let desk = Desk::new(self.form, origin, true)?;
            self.lock().entry(node).or_default().push(desk);
        }
        Ok(())
    }

    /// An observer for a record of `node`, in its present life.
    pub(super) fn observer(&self, node: u32) -> Option<Box<dyn Observer>> {
        let desks = self.lock();
        let desk = desks.get(&node)?.last()?;
        Some(Box::new(Watch::new(self.ledger.clone(), desk.pen.observer(), desk.shared.clone())))
    }

    /// The recording of a node begins, with its records as they stand, by peer.
    pub(super) fn begin(&self, node: u32, records: Vec<(u32, RecordLine)>) -> Result<(), String> {
        self.begin_if(node, records, None).map(|_| ())
    }

    /// The same, unless more than these `events` has happened since the records were looked at.
    fn begin_if(&self, node: u32, records: Vec<(u32, RecordLine)>, events: Option<u64>) -> Result<bool, String> {
        match self.lock().get(&node).and_then(|desks| desks.last()) {
            Some(desk) => desk.begin(node, records, events),
            None => Ok(true),
        }
    }

    /// The same, of a node that goes on while it is looked at: false if it did.
    pub(super) fn begin_between(&self, node: u32, look: impl Fn() -> Vec<PeerStats>) -> Result<bool, String> {
        let progress = |shared: Shared| {
            let progress = shared.lock();
            (progress.events, progress.told.clone())
        };
        let shared = self.lock().get(&node).and_then(|desks| desks.last()).map(|desk| desk.shared.clone());
        let Some((events, told)) = shared.map(progress) else { return Ok(true) };
        let records =
            look().into_iter().filter_map(|stats| Some((stats.peer.0, seen(&stats, told.get(&stats.peer.0)?)?)));
        self.begin_if(node, records.collect(), Some(events))
    }

    /// A trace without a message would prove nothing.
    fn vacuous(&self) -> Option<String> {
        let desks = self.lock();
        let lives = desks.iter().flat_map(|(node, desks)| (1..).zip(desks).map(move |(life, desk)| (node, life, desk)));
        let mut silent = lives.filter(|(.., desk)| desk.shared.lock().messages == 0);
        silent.next().map(|(node, life, _): (_, u32, _)| format!("node {node} recorded no message in its life {life}"))
    }

    /// Everything that was recorded of a run that went well and took so long.
    pub(super) fn finish(&self, scenario: &Scenario, seed: u64, seconds: f64) -> Result<Recording, RecordError> {
        let name = || scenario.name.clone();
        if let Some(why) = self.vacuous() {
            return Err(RecordError::Vacuous { scenario: name(), seed, why });
        }
        let mut traces = Vec::new();
        for (node, desks) in self.lock().iter() {
            for (life, Desk { pen, memory, .. }) in (1..).zip(desks) {
                let status = pen.finish();
                if status.lost > 0 {
                    let (lost, error) = (status.lost, status.error.unwrap_or_default());
                    let what = format!("{lost} events of node {node} could not be kept: {error}");
                    return Err(RecordError::System { scenario: name(), what });
                }
                traces.push(Trace { node: *node, life, bytes: memory.with(std::mem::take) });
            }
        }
        Ok(Recording { form: self.form, traces, story: Story { seconds, ..self.ledger.story() } })
    }
}
