//! A capture beside the recordings of the nodes of one run: all tell the same.

use std::collections::HashMap;
use std::io::Cursor;

use etherparse::PacketBuilder;
use midcomms::recording::Bodies;
use midcomms_conformance::capture::{CaptureOptions, CaptureReader};
use midcomms_conformance::replay::{BetweenReport, ReplayOptions, Together, Verdict, replay_together};
use serde_json::Value;

use crate::recorded::Recording;
use crate::world::{World, busy};

/// One TCP connection of the capture: the numbers of both ends.
struct Tcp {
    port: u16,
    opener: u64,
    seq: [u32; 2],
}

/// A capture as it would have been taken at the node whose recording this is, of nodes 10.0.0.1 and 10.0.0.2.
struct Tap {
    pcap: Vec<u8>,
    frames: u64,
    connections: HashMap<String, Tcp>,
}

impl Tap {
    fn new() -> Self {
        let mut pcap = Vec::new();
        for value in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65535, 1] {
            pcap.extend(value.to_le_bytes());
        }
        Self { pcap, frames: 0, connections: HashMap::new() }
    }

    /// A packet of `from` with these flags; `data` counts, and so do SYN and FIN.
    fn packet(&mut self, connection: &str, from: u64, flags: &str, data: &[u8]) {
        let tcp = self.connections.get_mut(connection).unwrap();
        let ip = |node: u64| [10, 0, 0, node as u8];
        let (here, there) = if from == 1 { (0, 1) } else { (1, 0) };
        let ports = if from == tcp.opener { (tcp.port, 21064) } else { (21064, tcp.port) };
        let mut step = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ip(from), ip(3 - from), 64).tcp(
            ports.0,
            ports.1,
            tcp.seq[here],
            512,
        );
        for flag in flags.chars() {
            step = match flag {
                'S' => step.syn(),
                'A' => step.ack(tcp.seq[there]),
                'F' => step.fin(),
                _ => step.rst(),
            };
        }
        tcp.seq[here] += data.len() as u32 + u32::from(flags.contains('S')) + u32::from(flags.contains('F'));
        let mut frame = Vec::new();
        step.write(&mut frame, data).unwrap();
        self.frames += 1;
        let nanos = 1_700_000_000_000_000_000 + self.frames * 1000;
        for value in
            [(nanos / 1_000_000_000) as u32, (nanos % 1_000_000_000) as u32, frame.len() as u32, frame.len() as u32]
        {
            self.pcap.extend(value.to_le_bytes());
        }
        self.pcap.extend(frame);
    }

    fn line(&mut self, line: &Value, message: Option<&[u8]>) {
        let (Some(event), Some(name)) = (line["event"].as_str(), line["connection"].as_str()) else { return };
        let from = line["from"].as_u64().unwrap();
        match event {
            "opened" => {
                let port = 40_000 + self.connections.len() as u16;
                self.connections.insert(name.to_owned(), Tcp { port, opener: from, seq: [1000, 5000] });
                self.packet(name, from, "S", b"");
                self.packet(name, 3 - from, "SA", b"");
                self.packet(name, from, "A", b"");
            }
            "written" | "read" => {
                if let Some(message) = message {
                    self.packet(name, from, "A", message);
                    self.packet(name, 3 - from, "A", b"");
                }
            }
            "finished" => self.packet(name, from, "FA", b""),
            "reset" => self.packet(name, from, "RA", b""),
            _ => {}
        }
    }
}

fn bytes(line: &Value) -> Option<Vec<u8>> {
    let digits = line["message"]["bytes"].as_str()?;
    Some((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect())
}

/// The capture, with the `nth` message of at least 100 bytes that node 1 wrote changed as `change` says; and its frame.
fn tapped(recording: &str, nth: Option<usize>, change: impl Fn(Vec<u8>) -> Option<Vec<u8>>) -> (Vec<u8>, u64) {
    let mut tap = Tap::new();
    let (mut count, mut frame) = (0, 0);
    for line in recording.lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut message = bytes(&line);
        if line["event"] == "written" && message.as_ref().is_some_and(|message| message.len() > 100) {
            if Some(count) == nth {
                frame = tap.frames + 1;
                message = change(message.unwrap());
            }
            count += 1;
        }
        tap.line(&line, message.as_deref());
    }
    (tap.pcap, frame)
}

fn recordings(seed: u64, bodies: Bodies, breaks: bool) -> [(String, Vec<u8>); 2] {
    let recordings = [1, 2].map(|node| Recording::new(node, bodies));
    let mut world = World::new(seed, recordings.each_ref().map(Recording::observer));
    world.join();
    busy(&mut world, 150, breaks);
    world.leave();
    drop(world);
    recordings.map(Recording::finish)
}

fn judged(one: &[u8], two: &[u8], pcap: Vec<u8>) -> Together {
    let reader = CaptureReader::from_read("tap", Cursor::new(pcap), &CaptureOptions::default()).unwrap();
    let inputs = vec![("one".to_owned(), one), ("two".to_owned(), two)];
    let judged = replay_together(inputs, Some(("tap".to_owned(), reader)), &ReplayOptions::default());
    judged.map_err(|(name, error)| format!("{name}: {error}")).unwrap()
}

fn between(together: &Together) -> Vec<&BetweenReport> {
    together.iter().flat_map(|(report, _)| &report.between).collect()
}

#[test]
fn a_capture_and_two_recordings_tell_the_same() {
    for seed in 0..20 {
        let [one, two] = recordings(seed, Bodies::Sample, seed % 2 == 0);
        let (pcap, _) = tapped(&one.0, None, Some);
        for (one, two) in [(one.0.as_bytes(), two.0.as_bytes()), (&one.1, &two.1)] {
            let together = judged(one, two, pcap.clone());
            let found = between(&together);
            assert_eq!(found.len(), 6, "two directions between three sides");
            for (report, _) in &together {
                assert_eq!(
                    report.verdict,
                    Some(Verdict::Accepted),
                    "seed {seed}: {:#?} {:#?}",
                    report.between,
                    report.pairs
                );
            }
            assert!(found.iter().all(|found| found.messages > 50), "seed {seed}: {found:#?}");
        }
    }
}

#[test]
fn a_message_that_the_capture_shows_otherwise_is_refused_at_its_frame() {
    let [one, two] = recordings(1, Bodies::Full, false);
    let (pcap, frame) = tapped(&one.0, Some(12), |mut message| {
        *message.last_mut().unwrap() ^= 1;
        Some(message)
    });
    let together = judged(one.0.as_bytes(), two.0.as_bytes(), pcap);
    let refused: Vec<_> = between(&together)
        .into_iter()
        .filter_map(|found| found.rejection.as_ref().map(|refused| (&*found.read_by, refused.rule, refused.frame)))
        .collect();
    assert!(refused.contains(&("the capture", "RUN-1", frame)), "{refused:?}, frame {frame}");
    assert!(refused.iter().any(|(by, ..)| *by == "node 2"), "node 2 did not read that: {refused:?}");
}

#[test]
fn a_message_that_the_capture_lacks_is_refused() {
    let [one, two] = recordings(1, Bodies::Sample, false);
    let (pcap, frame) = tapped(&one.0, Some(12), |_| None);
    let together = judged(&one.1, &two.1, pcap);
    let refused: Vec<_> = between(&together)
        .into_iter()
        .filter_map(|found| found.rejection.as_ref())
        .map(|refused| refused.frame)
        .collect();
    // What comes next on that connection stands where it should have stood.
    assert!(refused.iter().any(|at| (frame..frame + 40).contains(at)), "{refused:?}, frame {frame}");
}
