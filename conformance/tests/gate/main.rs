//! `midcomms gate` and `midcomms merge` on small workspaces made for one test each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod config;
mod forms;
mod parts;
mod waivers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const TRACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces");

/// A trace that is accepted.
const GOOD: &str = "kernel/clean-k612.pcap.zst";

/// A directory with `midcomms.toml` and traces, gone with it.
struct Workspace(TempDir);

impl Workspace {
    /// With this configuration, behind its version.
    fn new(config: &str) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        workspace.write("midcomms.toml", &format!("version = 1\n{config}"));
        workspace
    }

    /// One that replays everything below `traces`, with so many good traces.
    fn replaying(good: usize, config: &str) -> Self {
        let steps = "[profile.default]\nsteps = [\"replay\"]\n[profile.default.replay]\npaths = [\"traces\"]\n";
        let workspace = Self::new(&format!("{steps}{config}"));
        fs::create_dir(workspace.path("traces")).unwrap();
        for number in 0..good {
            workspace.copy(GOOD, &format!("traces/good{number}.pcap.zst"));
        }
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn copy(&self, trace: &str, to: &str) {
        fs::copy(Path::new(TRACES).join(trace), self.path(to)).unwrap();
    }

    /// A copy of the first rejected trace; its rule and its frame, as the manifest has them.
    fn add_rejected(&self, to: &str) -> (String, u64) {
        let manifest = midcomms_conformance::corpus::Manifest::load(Path::new(TRACES)).unwrap();
        let rejected = manifest.rejected.iter().find(|entry| entry.revision.is_none()).unwrap();
        self.copy(&rejected.file, to);
        (rejected.rule.clone(), rejected.frame)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
        command.args(arguments).current_dir(self.0.path());
        Ran(command.env_remove("GITHUB_STEP_SUMMARY").output().unwrap())
    }

    fn report(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

/// A run of the binary that has ended.
struct Ran(Output);

impl Ran {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", self.errors()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}
