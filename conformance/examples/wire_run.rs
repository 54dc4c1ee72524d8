//! A real run, recorded three times: two nodes on the loopback interface record themselves, and dumpcap what is between
//! them. All three are then held against each other.
//!
//! `cargo run --release -p midcomms-conformance --example wire_run [MESSAGES]`, where dumpcap is installed and may capture.

#![allow(clippy::unwrap_used, reason = "it fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use midcomms::Node;
use midcomms::recording::{Options, Origin, Recorder};
use midcomms::wire::{LockspaceId, NodeId};
use midcomms_conformance::capture::{CaptureOptions, CaptureReader};
use midcomms_conformance::replay::{ReplayOptions, Together, replay_together};

const LOCKSPACE: LockspaceId = LockspaceId(1);
const PORT: u16 = 21064;

fn address(node: u32) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, node as u8).into(), PORT)
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let messages: usize = std::env::args().nth(1).map_or(2000, |text| text.parse().unwrap());
    let desk = std::env::temp_dir().join(format!("midcomms-wire-run-{}", std::process::id()));
    std::fs::create_dir_all(&desk).unwrap();
    let pcap = desk.join("run.pcapng");
    let mut dumpcap = Command::new("dumpcap")
        .args(["-q", "-i", "lo", "-B", "64", "-f", "tcp port 21064", "-w"])
        .arg(&pcap)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let recorders = [1, 2].map(|node| {
        let origin = Origin::new(NodeId(node)).with_address(address(node).ip());
        let origin = origin.with_peer(NodeId(3 - node), Some(address(3 - node).ip()));
        Recorder::create(&desk, format!("node{node}"), &origin, Options::default()).unwrap()
    });
    traffic(&recorders, messages).await;
    for recorder in &recorders {
        assert_eq!(recorder.finish().lost, 0);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // dumpcap writes its file to the end when it is asked to stop.
    Command::new("kill").args(["-INT", &dumpcap.id().to_string()]).status().unwrap();
    dumpcap.wait().unwrap();
    let inputs = [1, 2].map(|node| {
        let path = desk.join(format!("node{node}-000001.mct"));
        (path.display().to_string(), std::fs::File::open(path).unwrap())
    });
    let capture = CaptureReader::open(&pcap, &CaptureOptions::default()).unwrap();
    tell(
        replay_together(inputs.into(), Some(("run.pcapng".to_owned(), capture)), &ReplayOptions::default())
            .map_err(|(name, error)| format!("{name}: {error}"))
            .unwrap(),
    );
    println!("the files lie in {}", desk.display());
}

fn tell(judged: Together) {
    for (report, errors) in judged {
        println!(
            "{}: {:?}, {} frames, {} messages, {errors:?} {:?}",
            report.path, report.verdict, report.frames, report.messages, report.notes
        );
        for exact in &report.exact {
            println!("  exact: {} of {} events, {:?}", exact.judged, exact.events, exact.rejection);
        }
        for found in &report.between {
            println!(
                "  {} > {} as {} wrote and {} read it: {} messages, {:?} delivered, {} not compared, {:?}",
                found.from,
                found.to,
                found.written_by,
                found.read_by,
                found.messages,
                found.delivered,
                found.uncompared,
                found.rejection
            );
        }
    }
}

/// Both nodes join, send to each other, and leave.
async fn traffic(recorders: &[Recorder; 2], messages: usize) {
    let mut nodes = Vec::new();
    for (node, recorder) in [1, 2].into_iter().zip(recorders) {
        let recorder = recorder.clone();
        let builder = Node::builder(NodeId(node)).listen(address(node)).peer(NodeId(3 - node), [address(3 - node)]);
        let (handle, mut events) = builder.observe(move |_| recorder.observer()).start().unwrap();
        tokio::spawn(async move { while events.next().await.is_some() {} });
        handle.add_member(NodeId(3 - node), LOCKSPACE).unwrap();
        nodes.push(handle);
    }
    for (node, handle) in [1, 2].into_iter().zip(&nodes) {
        let peer = handle.peer(NodeId(3 - node)).unwrap();
        while peer.stats().version.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    for round in 0..messages {
        for (node, handle) in [1, 2].into_iter().zip(&nodes) {
            let body = vec![round as u8; 16 + round % 900];
            handle.peer(NodeId(3 - node)).unwrap().send_opaque(LOCKSPACE, &body).await.unwrap();
        }
    }
    let leaving: Vec<_> =
        nodes.into_iter().map(|node| tokio::spawn(async move { format!("{:?}", node.shutdown().await) })).collect();
    for left in leaving {
        println!("shutdown: {}", left.await.unwrap());
    }
}
