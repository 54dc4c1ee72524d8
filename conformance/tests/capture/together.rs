//! Several files as one stream.

use super::build::{Frame, PcapKind, Script, log, pcap, read};
use midcomms_conformance::capture::{CaptureFault, CaptureOptions, CaptureReader, CaptureSummary, Timestamp};
use std::path::PathBuf;

const SECOND: i64 = 1_000_000_000;

/// A conversation of some length, with the IP identification of each frame its own.
fn long() -> Script {
    let mut script = Script::established();
    for index in 0..50u32 {
        let text = format!("<{index:02}>");
        script.a("A", 1000 + 4 * index, 5000 + 4 * index, &text);
        script.b("A", 5000 + 4 * index, 1004 + 4 * index, &text);
    }
    script.a("FA", 1200, 5200, "").b("FA", 5200, 1201, "");
    for (index, frame) in script.frames.iter_mut().enumerate() {
        frame.data[18..20].copy_from_slice(&(index as u16 + 1).to_be_bytes());
    }
    script
}

/// The frames with another clock.
fn shifted(frames: &[Frame], nanos: i64) -> Vec<Frame> {
    let shift = |frame: &Frame| Frame { nanos: frame.nanos.checked_add_signed(nanos).unwrap(), ..frame.clone() };
    frames.iter().map(shift).collect()
}

fn together(files: &[Vec<Frame>]) -> (String, CaptureSummary, Vec<Timestamp>) {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(index, frames)| {
            let path = directory.path().join(format!("{index}.pcap"));
            std::fs::write(&path, pcap(PcapKind::default(), frames)).unwrap();
            path
        })
        .collect();
    let open = || CaptureReader::open_together(&paths, &CaptureOptions::default()).unwrap();
    let mut times = Vec::new();
    open().read(&mut |observed| times.push(observed.time));
    let (log, summary) = read(open());
    (log, summary, times)
}

#[test]
fn ring_files_continue_each_other() {
    let script = long();
    let files: Vec<Vec<Frame>> = script.frames.chunks(20).map(<[Frame]>::to_vec).collect();
    let (told, summary, _) = together(&files);
    assert_eq!(told, script.log());
    assert_eq!(summary.frames, script.frames.len() as u64);
    assert_eq!(summary.clock_offsets.len(), 6);
    assert!(summary.clock_offsets.iter().all(|clock| clock.nanos == 0 && clock.common_packets == 0));
}

#[test]
fn ring_files_may_be_named_in_any_order() {
    let script = long();
    let mut files: Vec<Vec<Frame>> = script.frames.chunks(20).map(<[Frame]>::to_vec).collect();
    files.reverse();
    assert_eq!(together(&files).0, script.log());
}

#[test]
fn the_clocks_of_two_nodes_are_set_by_what_both_recorded() {
    let script = long();
    for apart in [-3600 * SECOND, -7, 0, 250_000_000, 86_400 * SECOND] {
        let other = shifted(&script.frames, -apart);
        let (told, summary, times) = together(&[script.frames.clone(), other]);
        assert_eq!(told, script.log());
        let [first, second] = summary.clock_offsets[..] else { panic!("{:?}", summary.clock_offsets) };
        assert_eq!((first.nanos, second.nanos), (0, apart));
        assert_eq!(second.common_packets, script.frames.len() as u64);
        assert_eq!(times[0].0, script.frames[0].nanos as i64);
        assert!(times.is_sorted());
    }
}

#[test]
fn what_one_node_lost_the_other_has() {
    let script = long();
    let without = |rest: usize| -> Vec<Frame> {
        let frames = script.frames.iter().enumerate();
        frames.filter(|(index, _)| index % 7 != rest).map(|(_, frame)| frame.clone()).collect()
    };
    let late = shifted(&without(5), 40 * SECOND + 300_000);
    let (told, summary, _) = together(&[without(3), late]);
    assert_eq!(told, script.log());
    assert_eq!(summary.clock_offsets[1].nanos, -40 * SECOND - 300_000);
    assert_eq!(summary.holes, 0);
}

#[test]
fn what_no_node_recorded_is_a_hole_in_the_end() {
    let mut script = long();
    script.frames.remove(9);
    let (told, summary, _) = together(&[script.frames.clone(), script.frames.clone()]);
    assert_eq!(summary.holes, 1);
    assert!(told.contains("c1> Lost 4"), "{told}");
    assert!(told.contains("<49>"), "{told}");
}

#[test]
fn too_few_packets_in_common_may_be_chance() {
    let script = long();
    let (head, tail) = script.frames.split_at(30);
    let overlapping = shifted(&script.frames[28..], 5 * SECOND);
    assert_eq!(tail.len() + 2, overlapping.len());
    let (told, summary, _) = together(&[head.to_vec(), overlapping]);
    assert_eq!(told, script.log());
    assert_eq!(summary.clock_offsets[1].common_packets, 2);
    assert_eq!(summary.clock_offsets[1].nanos, 0);
}

#[test]
fn a_damaged_file_does_not_end_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let script = long();
    let whole = directory.path().join("whole.pcap");
    let broken = directory.path().join("broken.pcap");
    std::fs::write(&whole, script.pcap()).unwrap();
    std::fs::write(&broken, &script.pcap()[..1000]).unwrap();
    let reader = CaptureReader::open_together(&[&broken, &whole], &CaptureOptions::default());
    let (told, summary) = read(reader.unwrap());
    assert_eq!(told, log(script.pcap()));
    assert!(summary.damage[0].file.ends_with("broken.pcap"));
}

#[test]
fn no_file_and_two_standard_inputs_are_refused() {
    let open = |paths: &[&str]| CaptureReader::open_together(paths, &CaptureOptions::default()).err().unwrap().fault;
    assert!(matches!(open(&[]), CaptureFault::NoFile));
    assert!(matches!(open(&["-", "-"]), CaptureFault::StandardInputTwice));
}
