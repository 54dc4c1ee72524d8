//! What must hold for whatever the capture reader is given. Shared by the fuzz target and an ordinary test.

use midcomms_conformance::capture::{CaptureOptions, CaptureReader, ConnId, Direction, Observed, TransportEvent};
use std::collections::HashMap;
use std::io::Cursor;

/// Reads the bytes as a capture; panics when the reader breaks its word.
pub(crate) fn check(bytes: &[u8]) {
    let input = Cursor::new(bytes.to_vec());
    let Ok(reader) = CaptureReader::from_read("fuzz", input, &CaptureOptions::default()) else {
        return;
    };
    let mut seen = Seen::default();
    let summary = reader.read(&mut |observed| seen.note(&observed));
    assert_eq!(summary.payload_bytes, seen.data_bytes);
    assert_eq!(summary.connections, seen.connections.len() as u64);
    assert_eq!(summary.holes, seen.holes);
    assert!(summary.dlm_frames <= summary.frames);
    assert!(seen.last_frame <= summary.frames);
    assert!(summary.damage.len() <= 1);
}

/// What was told of a connection.
#[derive(Default)]
struct Told {
    accepted: bool,
    finished: [bool; 2],
    reset: [bool; 2],
    forgotten: bool,
}

#[derive(Default)]
struct Seen {
    connections: HashMap<ConnId, Told>,
    last_frame: u64,
    data_bytes: u64,
    holes: u64,
}

impl Seen {
    fn note(&mut self, observed: &Observed<'_>) {
        assert!(observed.frame.number >= self.last_frame, "frames go on");
        self.last_frame = observed.frame.number;
        let number = self.connections.len() as u32;
        if let TransportEvent::Opened { .. } = observed.event {
            assert_eq!(observed.conn, ConnId(number + 1), "numbered in order");
            self.connections.insert(observed.conn, Told::default());
            return;
        }
        let told = self.connections.get_mut(&observed.conn);
        let told = told.expect("a connection is opened first");
        assert!(!told.forgotten, "nothing is told of what is forgotten");
        let once = |said: &mut bool| assert!(!std::mem::replace(said, true), "told twice");
        match observed.event {
            TransportEvent::Opened { .. } => {}
            TransportEvent::Accepted => once(&mut told.accepted),
            TransportEvent::Finished(direction) => once(of(&mut told.finished, direction)),
            TransportEvent::Reset(direction) => once(of(&mut told.reset, direction)),
            TransportEvent::Missing(_) => {}
            TransportEvent::Forgotten => told.forgotten = true,
            TransportEvent::Data(_, bytes) => {
                assert!(!bytes.is_empty(), "data without a byte");
                self.data_bytes += bytes.len() as u64;
            }
            TransportEvent::Hole(_, bytes, _) => {
                assert_ne!(bytes, Some(0), "a hole of nothing");
                self.holes += 1;
            }
        }
    }
}

fn of(pair: &mut [bool; 2], direction: Direction) -> &mut bool {
    let [from_opener, from_acceptor] = pair;
    match direction {
        Direction::FromOpener => from_opener,
        Direction::FromAcceptor => from_acceptor,
    }
}
