//! JSON lines.

use std::io;
use std::sync::{Arc, Mutex};

use midcomms::midcomms::{Occurrence, Time};
use midcomms::recording::{JsonRecorder, Origin};
use midcomms::wire::{LockspaceId, NodeId};

use super::world::{World, busy};

/// A file in memory, with room for so many bytes.
#[derive(Clone)]
struct Quota(Arc<Mutex<(Vec<u8>, usize)>>);

impl Quota {
    fn new(room: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl io::Write for Quota {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (file, room) = &mut *self.0.lock().unwrap();
        let fits = bytes.len().min(*room);
        if fits == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= fits;
        file.extend_from_slice(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_is_one_object_a_line_with_a_head() {
    let file = Quota::new(usize::MAX);
    let origin = Origin::new(NodeId(1)).with_text("a test").with_peer(NodeId(2), "10.0.0.2".parse().ok());
    let recorder = JsonRecorder::new(file.clone(), &origin).unwrap();
    let mut world = World::new(1, [Some(recorder.observer()), None]);
    world.join();
    busy(&mut world, 100, true);
    world.leave();
    let status = recorder.finish();
    let text = file.text();
    assert_eq!((status.lost, status.written + 1), (0, text.lines().count() as u64));
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0].to_string(),
        r#"{"format":"midcomms-trace","nodes":[{"id":1,"recorded":true,"revision":"hardened"},{"address":"10.0.0.2","id":2,"recorded":false,"revision":null}],"origin":"a test","version":1}"#
    );
    for event in ["add_member", "opened", "written", "read", "reset", "record", "shutdown", "remove_member"] {
        assert!(lines.iter().any(|line| line["event"] == event), "{event}");
    }
}

#[test]
fn what_does_not_fit_is_marked_where_it_is_missing() {
    let file = Quota::new(usize::MAX);
    let recorder = JsonRecorder::new(file.clone(), &Origin::new(NodeId(1))).unwrap();
    let mut observer = recorder.observer();
    let mut add = |count: u32| {
        for lockspace in 0..count {
            observer.observe(Time(9), NodeId(1), NodeId(2), Occurrence::MemberAdded(LockspaceId(lockspace)));
        }
        recorder.finish()
    };
    assert_eq!(add(2).written, 2);
    file.0.lock().unwrap().1 = 100;
    let status = add(4);
    assert_eq!((status.written, status.lost), (3, 3));
    assert!(status.error.unwrap().contains("storage"));
    file.0.lock().unwrap().1 = usize::MAX;
    assert_eq!(add(1).written, 4);
    let text = file.text();
    let tail: Vec<_> = text.lines().skip(4).collect();
    assert!(tail[0].len() < 40 && serde_json::from_str::<serde_json::Value>(tail[0]).is_err(), "{tail:?}");
    assert_eq!(tail[1], r#"{"event":"lost","count":3}"#);
    assert!(tail[2].contains("add_member"));
}
