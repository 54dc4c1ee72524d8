//! Damaged files, and events that the recorder lost.

use midcomms::recording::Bodies;
use midcomms_conformance::native::HeadError;
use midcomms_conformance::replay::{NoDeliveries, ReplayOptions, Verdict, replay_native};

use crate::recorded::{Recording, replayed};
use crate::world::{World, busy};

fn recording(seed: u64) -> Vec<u8> {
    let recording = Recording::new(1, Bodies::Full);
    let mut world = World::new(seed, [recording.observer(), None]);
    world.join();
    busy(&mut world, 250, true);
    world.leave();
    drop(world);
    recording.finish().1
}

/// Where blocks begin.
fn blocks(file: &[u8]) -> Vec<usize> {
    (0..file.len() - 4).filter(|at| file[*at..].starts_with(b"MCB1")).collect()
}

#[test]
fn a_block_with_a_wrong_bit_is_named_and_the_rest_is_judged() {
    let file = recording(1);
    let places = blocks(&file);
    assert!(places.len() > 4, "{places:?}");
    let whole = replayed(&file);
    for nth in 0..places.len() - 1 {
        let mut damaged = file.clone();
        damaged[places[nth] + 60] ^= 0x10;
        let report = replayed(&damaged);
        let error = report.error.unwrap();
        assert!(error.starts_with(&format!("trace: byte {}: the checksum of a block", places[nth])), "{error}");
        assert_eq!(report.verdict, Some(Verdict::Accepted), "{:#?}", report.pairs[0].rejection);
        assert!(report.messages < whole.messages && report.messages > whole.messages / 2, "{}", report.messages);
    }
}

#[test]
fn a_length_that_lies_does_not_hide_the_blocks_behind_it() {
    let file = recording(2);
    let place = blocks(&file)[1];
    for claimed in [0, 1, 100_000, u32::MAX] {
        let mut damaged = file.clone();
        damaged[place + 8..place + 12].copy_from_slice(&u32::to_le_bytes(claimed));
        let report = replayed(&damaged);
        assert!(report.error.unwrap().contains(&format!("byte {place}: ")));
        assert_eq!(report.verdict, Some(Verdict::Accepted));
        assert!(report.notes.iter().all(|note| !note.contains("no end")), "{:?}", report.notes);
    }
}

#[test]
fn every_cut_is_told_and_what_is_there_is_judged() {
    let file = recording(3);
    let places = blocks(&file);
    let head = places[0];
    for end in (0..file.len()).step_by(97).chain(places.iter().copied()) {
        let cut = &file[..end];
        let judged = replay_native("trace".to_owned(), cut, &ReplayOptions::default(), &mut NoDeliveries);
        if end < head {
            let expected = if end == 0 { "line 1" } else { "the file ends inside of its head" };
            assert!(judged.unwrap_err().to_string().contains(expected));
            continue;
        }
        let report = judged.unwrap().0;
        assert_ne!(report.verdict, Some(Verdict::Rejected), "cut at {end}: {:#?}", report.pairs[0].rejection);
        let is_told = report.error.is_some_and(|error| error.contains("the file ends"));
        assert_eq!(is_told, !places.contains(&end), "cut at {end}");
        assert!(report.notes.iter().any(|note| note.contains("no end")));
    }
}

#[test]
fn another_version_is_refused() {
    let mut file = recording(4);
    file[8] = 9;
    let error = replay_native("t".to_owned(), &file[..], &ReplayOptions::default(), &mut NoDeliveries).unwrap_err();
    assert_eq!(error, HeadError::Version { got: 9 });
}

#[test]
fn a_block_that_the_recorder_lost_is_a_hole_and_no_fault() {
    let file = recording(5);
    let places = blocks(&file);
    for nth in 1..places.len() - 2 {
        let mut without = file[..places[nth]].to_vec();
        let mut next = file[places[nth + 1]..].to_vec();
        next[32] = 77;
        let len = 48 + u32::from_le_bytes(next[8..12].try_into().unwrap()) as usize;
        next[28..32].fill(0);
        let crc = crc32fast::hash(&next[..len]).to_le_bytes();
        next[28..32].copy_from_slice(&crc);
        without.extend(next);
        let report = replayed(&without);
        assert_eq!((report.verdict, report.error), (Some(Verdict::Accepted), None));
        assert!(report.notes.iter().any(|note| note == "77 events that the recorder could not write"));
    }
}
