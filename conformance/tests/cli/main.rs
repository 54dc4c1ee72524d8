//! The `midcomms` binary as its users meet it: arguments, output, exit codes.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bad_input;
mod decode;
mod native;
#[path = "../recordings/recorded.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod recorded;
mod replay;
#[path = "../../../impl/tests/recording/world.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Length of the head of a pcap file, and of the head of a packet record.
const FILE_HEAD: usize = 24;
const RECORD_HEAD: usize = 16;

fn midcomms(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    command.args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stdout(output)))
}

fn kernel(name: &str) -> String {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel");
    traces.join(format!("{name}.pcap.zst")).to_str().unwrap().to_owned()
}

fn unpacked(name: &str) -> Vec<u8> {
    zstd::decode_all(fs::File::open(kernel(name)).unwrap()).unwrap()
}

/// Where the packet record of a frame begins in a pcap file.
fn record(pcap: &[u8], frame: usize) -> usize {
    (1..frame).fold(FILE_HEAD, |at, _| {
        let length = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().unwrap());
        at + RECORD_HEAD + length as usize
    })
}

/// The number of the OPTS at the front of this frame's TCP payload, one higher.
fn number_one_higher(pcap: &mut [u8], frame: usize) {
    let ip = record(pcap, frame) + RECORD_HEAD + 14;
    let tcp = ip + usize::from(pcap[ip] & 15) * 4;
    let payload = tcp + usize::from(pcap[tcp + 12] >> 4) * 4;
    assert_eq!(pcap[payload + 14], 3, "no OPTS here");
    pcap[payload + 4] += 1;
}

/// A directory of files made for one test, gone with it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.name(name)
    }

    /// `clean-k612` with the fresh number 9 of frame 132 turned into 10.
    fn rejected(&self) -> String {
        let mut pcap = unpacked("clean-k612");
        number_one_higher(&mut pcap, 132);
        self.write("rejected.pcap", &pcap)
    }

    /// A capture without a packet.
    fn vacuous(&self) -> String {
        self.write("vacuous.pcap", &unpacked("clean-k612")[..FILE_HEAD])
    }
}
