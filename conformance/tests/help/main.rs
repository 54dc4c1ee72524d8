//! What helps people: `diagnose`, `explain`, completions, manual pages, the page about production traces.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod diagnose;
mod explain;
mod page;
mod shell;
mod states;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn midcomms(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_midcomms")).args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn excerpts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose")
}
