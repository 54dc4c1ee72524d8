//! A node's recording in both forms, and what replay says of it.

use std::io;
use std::sync::{Arc, Mutex};

use midcomms::midcomms::{Observer, Occurrence, Time};
use midcomms::recording::{Bodies, JsonRecorder, Options, Origin, Recorder, Segment, Storage};
use midcomms::wire::NodeId;
use midcomms_conformance::native::compact::{CompactFile, convert};
use midcomms_conformance::replay::{FileReport, NoDeliveries, ReplayOptions, Verdict, replay_native};

/// A file in memory.
#[derive(Clone, Default)]
pub(crate) struct File(Arc<Mutex<Vec<u8>>>);

impl File {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for File {
    fn create(&mut self, _: u64) -> io::Result<Box<dyn Segment>> {
        Ok(Box::new(self.clone()))
    }

    fn remove(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Segment for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(len as usize);
        Ok(())
    }
}

struct Both([Box<dyn Observer>; 2]);

impl Observer for Both {
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>) {
        self.0.iter_mut().for_each(|observer| observer.observe(now, node, peer, occurrence));
    }
}

/// Both forms of one node's recording at once.
pub(crate) struct Recording {
    files: [File; 2],
    json: JsonRecorder,
    compact: Recorder,
}

impl Recording {
    pub(crate) fn new(node: u32, bodies: Bodies) -> Self {
        let files = [File::default(), File::default()];
        let origin = Origin::new(NodeId(node));
        let options = Options { bodies, block_bytes: 32 * 1024, queue_blocks: 10_000, ..Options::default() };
        Self {
            json: JsonRecorder::new(files[0].clone(), &origin).unwrap(),
            compact: Recorder::new(Box::new(files[1].clone()), &origin, options).unwrap(),
            files,
        }
    }

    pub(crate) fn observer(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(Both([self.json.observer(), self.compact.observer()])))
    }

    /// The JSON lines, and the compact file.
    pub(crate) fn finish(self) -> (String, Vec<u8>) {
        let (json, compact) = (self.json.finish(), self.compact.finish());
        assert_eq!((json.lost, compact.lost), (0, 0));
        assert_eq!(json.written, compact.written);
        let [json, compact] = self.files.map(|file| file.bytes());
        (String::from_utf8(json).unwrap(), compact)
    }
}

pub(crate) fn replayed(trace: &[u8]) -> FileReport {
    replay_native("trace".to_owned(), trace, &ReplayOptions::default(), &mut NoDeliveries).unwrap().0
}

/// The compact file as JSON lines.
pub(crate) fn converted(compact: &[u8]) -> String {
    let mut lines = Vec::new();
    convert(CompactFile::open(compact).unwrap(), &mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

/// What is wrong with a trace, if it is anything but accepted.
pub(crate) fn complaint(trace: &[u8]) -> Option<String> {
    let report = replayed(trace);
    let is_right = report.verdict == Some(Verdict::Accepted) && report.error.is_none() && report.notes.is_empty();
    (!is_right).then(|| {
        let rejection = report.pairs.first().and_then(|pair| pair.rejection.as_ref());
        let (told, lines) = (format!("{rejection:#?}"), String::from_utf8_lossy(trace));
        let frame = rejection.map_or(0, |rejection| rejection.frame as usize);
        let context: Vec<_> = lines
            .lines()
            .enumerate()
            .filter(|(index, _)| {
                trace.starts_with(b"{") && (frame.saturating_sub(25)..frame + 3).contains(&(index + 1))
            })
            .map(|(index, line)| format!("{}: {line:.330}", index + 1))
            .collect();
        format!("{:?} {:?} {:?}\n{told}\n{}", report.verdict, report.error, report.notes, context.join("\n"))
    })
}
