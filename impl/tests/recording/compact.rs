//! The compact form.

use std::time::Duration;

use midcomms::midcomms::{ConnectionId, Observer, Occurrence, Outcome, Time};
use midcomms::recording::{Bodies, Options, Origin, Recorder};
use midcomms::wire::NodeId;

use super::storage::{Block, Disk, blocks};
use super::world::{World, busy};

fn recorder(disk: &Disk, options: Options) -> Recorder {
    Recorder::new(Box::new(disk.clone()), &Origin::new(NodeId(1)), options).unwrap()
}

/// Never flushes by itself, so that blocks are as full as they can be.
fn patient() -> Options {
    Options { flush_interval: Duration::from_secs(3600), ..Options::default() }
}

fn read(observer: &mut dyn Observer, peer: u32, count: usize) {
    let message = [0x55; 40];
    for _ in 0..count {
        let connection = ConnectionId(1);
        let occurrence = Occurrence::Read { connection, messages: &message, outcome: Outcome::Handled };
        observer.observe(Time(5), NodeId(1), NodeId(peer), occurrence);
    }
}

fn all_blocks(disk: &Disk) -> Vec<Block> {
    disk.with(|state| state.files.values().flat_map(|file| blocks(file)).collect())
}

fn events(blocks: &[Block]) -> u64 {
    blocks.iter().map(|block| u64::from(block.entries)).sum()
}

fn lost(blocks: &[Block]) -> u64 {
    blocks.iter().map(|block| block.lost).sum()
}

#[test]
fn a_run_with_breaks_is_written_whole_and_ended() {
    let disks = [Disk::default(), Disk::default()];
    let recorders = [0, 1].map(|node| recorder(&disks[node], Options::default()));
    let mut world = World::new(3, recorders.each_ref().map(|recorder| Some(recorder.observer())));
    world.join();
    busy(&mut world, 300, true);
    world.leave();
    assert!(world.are_closed());
    for (recorder, disk) in recorders.iter().zip(&disks) {
        let status = recorder.finish();
        assert_eq!((status.lost, &status.error, status.files), (0, &None, 1));
        let blocks = all_blocks(disk);
        assert!(status.written > 400 && events(&blocks) >= status.written, "{status:?}");
        assert_eq!(blocks.last().unwrap(), &Block { kind: 2, entries: 0, lost: 0 });
        assert_eq!(status.bytes, disk.with(|state| state.files[&1].len() as u64));
    }
}

#[test]
fn a_full_disk_loses_events_that_are_marked_once_there_is_room() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { compression: None, block_bytes: 1, ..patient() });
    let mut observer = recorder.observer();
    read(&mut *observer, 2, 3);
    wait(|| recorder.status().written == 3);
    let before = disk.with(|state| {
        state.room = Some(20);
        state.files[&1].len()
    });
    read(&mut *observer, 2, 5);
    wait(|| recorder.status().lost == 5);
    assert!(recorder.status().error.unwrap().contains("writing file 1: no storage space"));
    assert_eq!(disk.with(|state| state.files[&1].len()), before, "half a block is taken away again");
    disk.with(|state| state.room = None);
    read(&mut *observer, 2, 2);
    drop(observer);
    let status = recorder.finish();
    assert_eq!((status.written, status.lost), (5, 5));
    let blocks = all_blocks(&disk);
    let marks: Vec<u64> = blocks.iter().map(|block| block.lost).collect();
    assert_eq!(marks, [0, 0, 0, 5, 0, 0]);
}

#[test]
fn what_was_lost_last_is_marked_at_the_end() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { compression: None, ..patient() });
    let mut observer = recorder.observer();
    read(&mut *observer, 2, 1);
    disk.with(|state| state.room = Some(250));
    read(&mut *observer, 2, 40);
    drop(observer);
    wait(|| recorder.status().lost == 41);
    disk.with(|state| state.room = None);
    let _ = recorder.finish();
    let blocks = all_blocks(&disk);
    assert_eq!((events(&blocks), lost(&blocks), blocks.last().unwrap().kind), (0, 41, 2));
}

#[test]
fn a_disk_that_hangs_never_makes_the_protocol_wait_and_the_loss_is_marked_for_each_pair() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { compression: None, block_bytes: 1, queue_blocks: 2, ..patient() });
    let mut observers = [recorder.observer(), recorder.observer()];
    disk.with(|state| state.is_stuck = true);
    for (observer, peer) in observers.iter_mut().zip([2, 3]) {
        read(&mut **observer, peer, 100);
    }
    let lost_before = recorder.status().lost;
    assert!((196..=198).contains(&lost_before), "{lost_before}");
    disk.with(|state| state.is_stuck = false);
    let status = recorder.finish();
    assert_eq!((status.lost, status.written), (lost_before, 200 - lost_before));
    let blocks = all_blocks(&disk);
    assert_eq!((events(&blocks), lost(&blocks)), (200 - lost_before, lost_before));
    read(&mut *observers[0], 2, 1);
    assert_eq!(recorder.status().lost, lost_before + 1, "what happens after the end is counted");
}

#[test]
fn the_end_waits_for_a_disk_that_hangs_and_the_protocol_does_not() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { compression: None, block_bytes: 1 << 20, queue_blocks: 1, ..patient() });
    let mut observer = recorder.observer();
    read(&mut *observer, 2, 1);
    disk.with(|state| state.is_stuck = true);
    for peer in 3..6 {
        read(&mut *recorder.observer(), peer, 1);
    }
    let before = recorder.status().lost;
    let finishing = std::thread::spawn({
        let recorder = recorder.clone();
        move || recorder.finish()
    });
    let (done, is_done) = std::sync::mpsc::channel();
    let going_on = std::thread::spawn(move || {
        wait(|| {
            std::thread::sleep(Duration::from_millis(1));
            read(&mut *observer, 2, 1);
            recorder.status().lost > before
        });
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(20)).expect("messages go on while the end waits");
    assert!(!finishing.is_finished(), "the disk hangs");
    disk.with(|state| state.is_stuck = false);
    going_on.join().unwrap();
    let status = finishing.join().unwrap();
    let blocks = all_blocks(&disk);
    assert!(status.lost > before);
    assert_eq!((events(&blocks), lost(&blocks)), (status.written, status.lost), "what was seen meanwhile is marked");
}

#[test]
fn what_an_observer_lost_is_marked_although_it_went_before_there_was_room() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { compression: None, block_bytes: 1, queue_blocks: 1, ..patient() });
    disk.with(|state| state.is_stuck = true);
    for peer in [2, 3] {
        read(&mut *recorder.observer(), peer, 50);
    }
    let lost_before = recorder.status().lost;
    assert!((98..=99).contains(&lost_before), "{lost_before}");
    disk.with(|state| state.is_stuck = false);
    let status = recorder.finish();
    let blocks = all_blocks(&disk);
    assert_eq!((events(&blocks), lost(&blocks)), (100 - lost_before, lost_before), "{status:?}");
}

#[test]
fn files_rotate_and_the_oldest_go() {
    let disk = Disk::default();
    let options = Options { block_bytes: 400, max_file_bytes: 1000, max_files: 3, queue_blocks: 1000, ..patient() };
    let recorder = recorder(&disk, Options { compression: None, ..options });
    let mut observer = recorder.observer();
    let opened = Occurrence::Opened { connection: ConnectionId(1), is_ours: true };
    observer.observe(Time(1), NodeId(1), NodeId(2), opened);
    read(&mut *observer, 2, 300);
    drop(observer);
    let status = recorder.finish();
    assert_eq!((status.lost, status.written), (0, 301));
    let (kept, removed) = disk.with(|state| (state.files.keys().copied().collect::<Vec<_>>(), state.removed.clone()));
    assert_eq!(kept, [status.files - 2, status.files - 1, status.files]);
    assert_eq!(removed, (1..status.files - 2).collect::<Vec<_>>());
    for file in disk.with(|state| state.files.values().cloned().collect::<Vec<_>>()) {
        assert!(file.len() < 1500, "{}", file.len());
        assert_eq!(blocks(&file).last().unwrap().kind, 2);
    }
}

#[test]
fn traces_of_earlier_runs_are_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let recorder = Recorder::create(directory.path(), "n1", &Origin::new(NodeId(1)), patient()).unwrap();
        read(&mut *recorder.observer(), 2, 1);
        assert_eq!(recorder.finish().written, 1);
    }
    let mut names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["n1-000001.mct", "n1-000002.mct"]);
}

#[test]
fn a_device_that_is_full_is_told_and_messages_go_on() {
    struct Full;
    impl midcomms::recording::Storage for Full {
        fn create(&mut self, _: u64) -> std::io::Result<Box<dyn midcomms::recording::Segment>> {
            Ok(Box::new(std::fs::File::create("/dev/full")?))
        }
        fn remove(&mut self, _: u64) -> std::io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::new(Box::new(Full), &Origin::new(NodeId(1)), Options::default()).unwrap();
    let mut world = World::new(5, [Some(recorder.observer()), None]);
    world.join();
    busy(&mut world, 100, true);
    world.restart(1, None);
    world.run(Duration::from_secs(3));
    assert!(world.delivered.iter().map(Vec::len).sum::<usize>() >= 100);
    drop(world);
    let status = recorder.finish();
    assert!(status.written == 0 && status.lost > 100, "{status:?}");
    assert!(status.error.unwrap().contains("beginning file 1"));
}

#[test]
fn an_idle_peer_is_written_after_the_interval() {
    let disk = Disk::default();
    let recorder = recorder(&disk, Options { flush_interval: Duration::from_millis(5), ..Options::default() });
    let mut observer = recorder.observer();
    read(&mut *observer, 2, 1);
    wait(|| recorder.status().written == 1);
    read(&mut *observer, 2, 1);
    wait(|| recorder.status().written == 2);
}

#[test]
fn sampled_bodies_take_little_and_full_ones_all() {
    let size = |bodies| {
        let disk = Disk::default();
        let recorder = recorder(&disk, Options { bodies, compression: None, ..patient() });
        let mut world = World::new(8, [Some(recorder.observer()), None]);
        world.join();
        busy(&mut world, 200, false);
        drop(world);
        recorder.finish().bytes
    };
    let [none, sample, hash, full] = [Bodies::None, Bodies::Sample, Bodies::Hash, Bodies::Full].map(size);
    assert!(none < sample && sample.abs_diff(hash) < 8 && full > 10 * hash, "{none} {sample} {hash} {full}");
}

/// Waits for the writer's thread.
fn wait(mut is_done: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_done() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the writer does nothing");
        std::thread::yield_now();
    }
}
