//! Many messages at a time: what an observer is told of them, and what is counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use midcomms::midcomms::{ConnectionId, Input, Observer, Occurrence, Outcome, Time};
use midcomms::recording::{Bodies, Options, Origin, Recorder};
use midcomms::wire::NodeId;

use super::storage::{Disk, blocks};
use super::world::{World, bursts};

/// Every occurrence as text, messages one by one, and how many occurrences of messages there were.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(Vec<String>, usize)>>);

impl Observer for Seen {
    fn observe(&mut self, _: Time, _: NodeId, _: NodeId, occurrence: Occurrence<'_>) {
        let mut seen = self.0.lock().unwrap();
        let told = match occurrence {
            Occurrence::Read { outcome, .. } => format!("{outcome:?}"),
            Occurrence::Written { .. } => "Written".to_owned(),
            other => return seen.0.push(format!("{other:?}")),
        };
        seen.1 += 1;
        let messages: Vec<_> = occurrence.messages().map(|message| format!("{told} {}", number(message))).collect();
        assert!(!messages.is_empty());
        seen.0.extend(messages);
    }
}

/// The number of what has one, and the cmd of the rest.
fn number(message: &[u8]) -> String {
    match message[14] {
        3 => u32::from_le_bytes(message[4..8].try_into().unwrap()).to_string(),
        cmd => format!("cmd {cmd}"),
    }
}

#[test]
fn what_comes_in_one_piece_is_told_at_once_and_in_its_order() {
    let seen = Seen::default();
    let mut world = World::new(1, [None, Some(Box::new(seen.clone()))]);
    world.cuts = 0;
    world.join();
    *seen.0.lock().unwrap() = Default::default();
    world.burst(0, 300);
    while world.delivered[1].len() < 300 {
        assert!(world.step());
    }
    let (told, occurrences) = seen.0.lock().unwrap().clone();
    let read: Vec<_> = told.iter().filter(|told| told.starts_with("Accepted")).cloned().collect();
    assert_eq!(read, (0..300).map(|number| format!("Accepted {number}")).collect::<Vec<_>>());
    assert!(occurrences < 20, "{occurrences} occurrences");
}

#[test]
fn what_a_message_does_is_told_before_it_and_behind_those_before_it() {
    let seen = Seen::default();
    let mut world = World::new(2, [None, Some(Box::new(seen.clone()))]);
    world.join();
    world.burst(0, 5);
    world.input(0, Input::Shutdown);
    world.run(Duration::from_millis(100));
    let told = seen.0.lock().unwrap().0.clone();
    let fin = told.iter().position(|told| told == "Accepted 5").unwrap();
    assert_eq!(told[fin - 2], "Accepted 4");
    assert!(told[fin - 1].starts_with("Record(Snapshot { state: CloseWait"), "{told:?}");
}

#[test]
fn what_is_lost_of_a_run_is_counted_in_messages() {
    let disk = Disk::default();
    let options =
        Options { block_bytes: 1, queue_blocks: 1, flush_interval: Duration::from_secs(3600), ..Options::default() };
    let recorder = Recorder::new(Box::new(disk.clone()), &Origin::new(NodeId(1)), options).unwrap();
    let mut observer = recorder.observer();
    disk.with(|state| state.is_stuck = true);
    let mut batch = Vec::new();
    for seq in 0..100_u32 {
        let begin = batch.len();
        batch.resize(begin + 112, 0);
        batch[begin..begin + 4].copy_from_slice(&[2, 0, 3, 0]);
        batch[begin + 4..begin + 8].copy_from_slice(&seq.to_le_bytes());
        batch[begin + 12..begin + 15].copy_from_slice(&[112, 0, 3]);
        batch[begin + 36..begin + 39].copy_from_slice(&[88, 0, 1]);
    }
    for _ in 0..50 {
        let connection = ConnectionId(1);
        let occurrence = Occurrence::Read { connection, messages: &batch, outcome: Outcome::Accepted };
        observer.observe(Time(5), NodeId(1), NodeId(2), occurrence);
    }
    let lost = recorder.status().lost;
    assert!(lost.is_multiple_of(100) && (4700..=4900).contains(&lost), "{lost}");
    disk.with(|state| state.is_stuck = false);
    let status = recorder.finish();
    assert_eq!((status.lost, status.written), (lost, 5000 - lost));
    let told = disk.with(|state| blocks(&state.files[&1]));
    assert_eq!(told.iter().map(|block| u64::from(block.entries)).sum::<u64>(), 5000 - lost);
    assert_eq!(told.iter().map(|block| block.lost).sum::<u64>(), lost);
}

#[test]
fn bursts_take_a_few_bytes_a_message() {
    let size = |bodies| {
        let recorder =
            Recorder::new(Box::new(Disk::default()), &Origin::new(NodeId(1)), Options { bodies, ..Options::default() });
        let recorder = recorder.unwrap();
        let mut world = World::new(8, [Some(recorder.observer()), None]);
        world.join();
        bursts(&mut world, 200, false);
        drop(world);
        let status = recorder.finish();
        assert!(status.written > 15_000, "{status:?}");
        status.bytes as f64 / status.written as f64
    };
    let [none, sparse, hash] = [Bodies::None, Bodies::Sparse, Bodies::Hash].map(size);
    assert!(none < sparse && sparse < 8.0 && hash > sparse + 6.0, "{none} {sparse} {hash} bytes a message");
}
