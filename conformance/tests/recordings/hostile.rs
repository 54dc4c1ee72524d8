//! Runs that lie.

use midcomms::midcomms::{ConnectionId, Occurrence, Time};
use midcomms::recording::Bodies;
use midcomms::wire::NodeId;
use midcomms_conformance::native::compact::{CompactFile, Item};
use proptest::prelude::*;

use crate::recorded::Recording;

/// The head of a file.
fn head(bodies: Bodies) -> Vec<u8> {
    let recording = Recording::new(1, bodies);
    let opened = Occurrence::Opened { connection: ConnectionId(1), is_ours: true };
    recording.observer().unwrap().observe(Time(1), NodeId(1), NodeId(2), opened);
    let file = recording.finish().1;
    let block = file.windows(4).position(|bytes| bytes == b"MCB1").unwrap();
    file[..block].to_vec()
}

fn file(bodies: Bodies, payload: &[u8], events: u32) -> Vec<u8> {
    let mut block = b"MCB1\x01\0\0\0".to_vec();
    for word in [payload.len() as u32, payload.len() as u32, 1, 2, events, 0, 0, 0, 0, 0] {
        block.extend(word.to_le_bytes());
    }
    block.extend(payload);
    let crc = crc32fast::hash(&block).to_le_bytes();
    block[28..32].copy_from_slice(&crc);
    [head(bodies), block].concat()
}

/// A message before a run, singly: the number 9, 112 bytes.
fn first() -> Vec<u8> {
    let mut entry = vec![6 | 0x40, 1, 112];
    entry.extend([2, 0, 3, 0, 9, 0, 0, 0, 2, 0, 0, 0, 112, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0]);
    entry.extend([1, 0, 0, 0, 2, 0, 0, 0, 88, 0, 1, 0, 1, 0, 0, 0, 7, 0, 0, 0]);
    entry
}

/// A run of so many messages that were accepted; `fields` is what is behind.
fn run(mut count: u64, fields: &[u8]) -> Vec<u8> {
    let mut entry = vec![18];
    while count > 0x7f {
        entry.push(count as u8 | 0x80);
        count >>= 7;
    }
    entry.push(count as u8);
    entry.extend(fields);
    entry
}

/// The fields of a run of which so much varies, from messages of so many bytes on.
fn fields(mask: u16, len: u16) -> Vec<u8> {
    [&mask.to_le_bytes()[..], &[1, 0, 0, 0, 7, 0, 0, 0], &len.to_le_bytes()].concat()
}

/// How many events there are, and what is wrong with the file.
fn read(file: &[u8]) -> (u64, Vec<String>) {
    let (mut events, mut damage) = (0, Vec::new());
    let _ = CompactFile::open(file).unwrap().read(&mut |item| match item {
        Item::Entry { .. } => events += 1,
        Item::Damage { reason, .. } => damage.push(reason),
        Item::Lost { .. } => {}
    });
    (events, damage)
}

#[test]
fn the_longest_run_takes_a_few_bytes_and_is_read_to_its_end() {
    let payload = [first(), run(1 << 16, &fields(0, 112))].concat();
    assert_eq!(read(&file(Bodies::None, &payload, (1 << 16) + 1)), ((1 << 16) + 1, vec![]));
}

#[test]
fn a_run_that_cannot_be_is_refused_by_its_reason() {
    let refused = |count, fields: &[u8], events: u64, reason: &str| {
        let payload = [first(), run(count, fields)].concat();
        let (found, damage) = read(&file(Bodies::None, &payload, 1 << 20));
        assert_eq!(found, events + 1, "{reason}");
        assert!(damage.len() == 1 && damage[0].contains(reason), "{damage:?}");
    };
    refused(1 << 32, &fields(0, 112), 0, "a run of 4294967296 messages, from 1 to 65536 can be");
    refused((1 << 16) + 1, &fields(0, 112), 0, "a run of 65537 messages");
    refused(0, &fields(0, 112), 0, "a run of 0 messages");
    refused(5, &fields(0, 64), 0, "a message of 64 bytes in a run, from 65 to 4096 can be");
    refused(5, &fields(0, 4097), 0, "a message of 4097 bytes in a run");
    refused(5, &[fields(0x100, 112), vec![1, 1, 0xce, 0]].concat(), 3, "a message of 64 bytes in a run");
    refused(5, &fields(0x800, 112), 0, "a run in which 0x800 varies");
    refused(5, &[fields(0x401, 112), vec![0; 20]].concat(), 0, "a run in which 0x401 varies");
    refused(5, &[fields(0x400, 112), vec![0; 7]].concat(), 0, "it is cut");
    refused(5, &fields(0, 112)[..11], 0, "it is cut");
    refused(5, &[fields(3, 112), vec![0; 7]].concat(), 0, "it is cut");
}

#[test]
fn a_run_needs_a_message_before_it_in_its_direction() {
    let (events, damage) = read(&file(Bodies::None, &run(5, &fields(0, 112)), 5));
    assert!(events == 0 && damage[0].contains("event 1 of 5 of a block: a run without a message"), "{damage:?}");
    let written = [first(), vec![17], run(5, &fields(0, 112))[1..].to_vec()].concat();
    assert!(read(&file(Bodies::None, &written, 6)).1[0].contains("a run without a message before it"));
}

#[test]
fn a_run_ends_with_what_was_kept_of_its_bodies() {
    let hashes: Vec<u8> = [fields(0, 112), vec![5; 8 * 3]].concat();
    let payload = [first(), vec![9; 8], run(5, &hashes)].concat();
    let (events, damage) = read(&file(Bodies::Hash, &payload, 6));
    assert!(events == 4 && damage.len() == 1 && damage[0].contains("event 5 of 6 of a block: it is cut"), "{damage:?}");
}

#[test]
fn the_events_of_a_block_are_counted_in_messages() {
    let payload = [first(), run(100, &fields(0, 112))].concat();
    assert_eq!(read(&file(Bodies::None, &payload, 101)), (101, vec![]));
    let (events, damage) = read(&file(Bodies::None, &payload, 60));
    assert!(events == 60 && damage[0].contains("a block has more bytes than its 60 events"), "{damage:?}");
    let (events, damage) = read(&file(Bodies::None, &payload, u32::MAX));
    assert!(events == 0 && damage[0].contains("a block claims 4294967295 events"), "{damage:?}");
}

#[test]
fn the_first_version_of_the_bytes_has_no_runs() {
    // A kind that is not known there: its length, and so many bytes.
    let payload = [first(), vec![18, 3, 1, 1, 1]].concat();
    let mut file = file(Bodies::None, &payload, 2);
    file[8] = 1;
    let json = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
    let crc = crc32fast::hash(&file[..16 + json]).to_le_bytes();
    file[16 + json..20 + json].copy_from_slice(&crc);
    let mut events = 0;
    let tally = CompactFile::open(&file[..]).unwrap().read(&mut |_| events += 1);
    assert_eq!((events, tally.unknown, tally.damaged), (1, 1, 0));
}

proptest! {
    #[test]
    fn nothing_in_a_block_is_more_than_it_claims(
        count in 0u64..70_000,
        mask in 0u16..0x7ff,
        len in 60u16..5000,
        behind in prop::collection::vec(any::<u8>(), 0..400),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        events in 0u32..200_000,
        nth in 0usize..5,
    ) {
        let bodies = [Bodies::Full, Bodies::Hash, Bodies::Sample, Bodies::Sparse, Bodies::None][nth];
        let mut payload = [first(), vec![3; 64], run(count, &fields(mask, len)), behind].concat();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        let (found, damage) = read(&file(bodies, &payload, events));
        prop_assert!(found <= u64::from(events) && damage.len() <= 2, "{found} {damage:?}");
    }
}
